#!/bin/bash
# Where pods go: selectors, taints, affinity, priorities, cordon, drain, lost nodes; on simulated nodes.
. "$(dirname "$0")/lib.sh"
start_daemon
pods=$mnt/pods/default
for key in allocatable capacity; do printf '%s: {cpu: "4", memory: 8Gi, pods: "20"}\n' $key; done >"$tmp/sizes"
for i in 1 2 3; do
    put "fake-$i" <<END
apiVersion: v1
kind: Node
metadata:
  name: fake-$i
  annotations: {kwok.x-k8s.io/node: fake}
  labels: {kubernetes.io/hostname: fake-$i, zone: z$(((i + 1) / 2)), number: "$i"}
END
    eventually 5 has "$mnt/nodes/fake-$i/status" 'type: Ready'
    { sed '/^allocatable:/,/^conditions:/{/^conditions:/!d}' "$mnt/nodes/fake-$i/status" && cat "$tmp/sizes"; } >"$tmp/status" && cp "$tmp/status" "$mnt/nodes/fake-$i/status" || fail "status of fake-$i"
done
echo cordon >"$mnt/nodes/$node/ctl" || fail "cordon of the real node"
contains "$(cat "$mnt/nodes/_index")" "$node .*Ready,SchedulingDisabled"
for i in 1 2 3; do eventually 5 has "$mnt/nodes/fake-$i/status" 'type: Ready'; done
on() { [ "$(cat "$pods/$1/spec/nodeName" 2>/dev/null)" = "$2" ]; }
pod() { # NAME [SPEC LINES]
    put "$1" <<END
apiVersion: v1
kind: Pod
metadata: {name: $1, labels: {app: ${1%-*}}}
spec:
  containers: [{name: c, image: any, resources: {requests: {cpu: ${cpu:-100m}}}}]
$(printf '%s\n' "${@:2}" | sed 's/^/  /')
END
}
unschedulable() { # NAME TEXT
    eventually 5 has "$pods/$1/status" 'reason: Unschedulable'
    eventually 5 has "$pods/$1/events" "FailedScheduling.*$2"
    contains "$(cat "$pods/_index")" "$1 .*Pending"
}

pod select-1 'nodeSelector: {number: "2"}'
eventually 5 on select-1 fake-2
eventually 5 phase_is select-1 Running
pod select-2 'nodeSelector: {number: "9"}'
unschedulable select-2 "0/4 nodes are available.*3 node(s) didn't match Pod's node affinity/selector"
contains "$(cat "$pods/select-2/events")" '1 node(s) were unschedulable'
echo 9 >"$mnt/nodes/fake-3/metadata/labels/number" || fail "label of a node"
eventually 10 on select-2 fake-3

# node affinity with operators; preferences
pod gt-1 'affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: number, operator: Gt, values: ["5"]}]}]}}}'
eventually 5 on gt-1 fake-3
pod notin-1 'affinity: {nodeAffinity: {requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: NotIn, values: [z1]}]}]}}}'
eventually 5 on notin-1 fake-3
pod prefer-1 'affinity: {nodeAffinity: {preferredDuringSchedulingIgnoredDuringExecution: [{weight: 100, preference: {matchFields: [{key: metadata.name, operator: In, values: [fake-1]}]}}]}}'
eventually 5 on prefer-1 fake-1

# taints
echo '{"spec":{"taints":[{"key":"gpu","value":"yes","effect":"NoSchedule"}]}}' >"$mnt/nodes/fake-2/patch.merge" || fail taint
pod taint-1 'nodeSelector: {number: "2"}'
unschedulable taint-1 '1 node(s) had untolerated taint'
pod taint-2 'nodeSelector: {number: "2"}' 'tolerations: [{key: gpu, operator: Equal, value: "yes", effect: NoSchedule}]'
eventually 5 on taint-2 fake-2
phase_is select-1 Running || fail "NoSchedule evicted a pod"
echo '{"spec":{"taints":[{"key":"gone","effect":"NoExecute"}]}}' >"$mnt/nodes/fake-2/patch.merge" || fail "taint NoExecute"
eventually 10 test ! -e "$pods/select-1"
echo '{"spec":{"taints":null}}' >"$mnt/nodes/fake-2/patch.merge" || fail "no taint"
eventually 10 on taint-1 fake-2

# one pod a node, and one with its friend
for i in 1 2 3; do
    pod alone-$i 'affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: alone}}, topologyKey: kubernetes.io/hostname}]}}'
    eventually 5 phase_is alone-$i Running
done
equal "nodes of pods that avoid each other" 3 "$(cat "$pods"/alone-*/spec/nodeName | sort -u | wc -l)"
pod alone-4 'affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: alone}}, topologyKey: kubernetes.io/hostname}]}}'
unschedulable alone-4 "3 node(s) didn't match pod anti-affinity rules"
pod friend-1 'affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{labelSelector: {matchLabels: {app: prefer}}, topologyKey: zone}]}}'
eventually 5 phase_is friend-1 Running
contains "$(cat "$pods/friend-1/spec/nodeName")" 'fake-[12]'
rm "$mnt/apply/alone-1.yaml"
eventually 10 phase_is alone-4 Running

# requests against what is there; a more important pod takes the place of a lesser one
put classes <<'END'
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: high}
value: 1000
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {name: polite}
value: 2000
preemptionPolicy: Never
END
cpu=3 pod fill-1 'nodeSelector: {number: "1"}'
eventually 5 on fill-1 fake-1
cpu=3 pod fill-2 'nodeSelector: {number: "1"}'
unschedulable fill-2 'Insufficient cpu'
cpu=3 pod polite-1 'nodeSelector: {number: "1"}' 'priorityClassName: polite'
unschedulable polite-1 'Insufficient cpu'
[ -e "$pods/fill-1" ] || fail "a pod that never preempts did"
rm "$mnt/apply/polite-1.yaml"
eventually 5 test ! -e "$pods/polite-1"
cpu=3 pod important-1 'nodeSelector: {number: "1"}' 'priorityClassName: high'
eventually 10 on important-1 fake-1
equal "its priority" 1000 "$(cat "$pods/important-1/spec/priority")"
eventually 5 test ! -e "$pods/fill-1"
contains "$(cat "$mnt/events/_index" 2>/dev/null)" 'Preempted'
cpu=100 pod huge-1
unschedulable huge-1 'Insufficient cpu'

# cordon and drain: pods of a set move, a bare pod is named
put web <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 6
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: any}]}
END
eventually 10 is "$mnt/deployments/default/web/status" availableReplicas 6
[ "$(cat "$pods/@app=web"/*/spec/nodeName | sort -u | wc -l)" -ge 2 ] || fail "six pods on one node of three"
for p in "$pods"/*-[0-9]; do rmdir "$p" || fail "rmdir $p"; done
echo cordon >"$mnt/nodes/fake-1/ctl" && echo drain >"$mnt/nodes/fake-3/ctl" || fail "cordon, drain: $(tail -n 2 "$mnt/errors")"
no_web_on() { ! cat "$pods/@app=web"/*/spec/nodeName | grep -qx "$1"; }
eventually 10 no_web_on fake-3
eventually 10 is "$mnt/deployments/default/web/status" availableReplicas 6
contains "$(cat "$mnt/nodes/_index")" 'fake-3 .*SchedulingDisabled'
echo uncordon >"$mnt/nodes/fake-3/ctl" && echo uncordon >"$mnt/nodes/fake-1/ctl" || fail uncordon

# a node that is removed takes its pods along; the set makes new ones elsewhere
rm "$mnt/apply/fake-2.yaml"
eventually 10 test ! -e "$mnt/nodes/fake-2"
eventually 20 no_web_on fake-2
eventually 10 is "$mnt/deployments/default/web/status" availableReplicas 6
