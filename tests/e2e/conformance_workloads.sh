#!/bin/bash
# Workloads as far as their controllers go: pods are bound to a node that is only simulated.
. "$(dirname "$0")/conformance.sh"
start_daemon
cat >"$tmp/node.yaml" <<'Y'
apiVersion: v1
kind: Node
metadata: {name: fake, labels: {fake: "yes"}, annotations: {kwok.x-k8s.io/node: fake}}
Y
cp "$tmp/node.yaml" "$mnt/apply/" || fail "node"
import_images busybox

# template LABEL IMAGE
template() { echo "{metadata: {labels: {app: $1}}, spec: {nodeSelector: {fake: \"yes\"}, terminationGracePeriodSeconds: 0, containers: [{name: c, image: \"$2\"}]}}"; }
deployment() { # NAME REPLICAS IMAGE [MORE-OF-SPEC]
    write deployments "$1" <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1, labels: {test: $ns}}
spec:
  replicas: $2
  selector: {matchLabels: {app: $1}}
  template: $(template "$1" "$3")
${4:-}
Y
}
set_of() { # NAME REPLICAS
    write replicasets "$1" <<Y
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: $1, labels: {test: $ns, app: $1}}
spec: {replicas: $2, selector: {matchLabels: {app: $1}}, template: $(template "$1" i:1)}
Y
}
count() { [ "$(names "$1" | wc -w)" = "$2" ]; }
ready() { is "$(its "$1" "$2")/status" readyReplicas "$3"; }
images() { cat "$mnt"/pods/"$ns"/*/spec/containers/c/image 2>/dev/null | sort | uniq -c | awk '{print $2 "=" $1}' | tr '\n' ' '; }
all_run() { [ "$(images)" = "$1 " ]; }
revision() { cat "$(its replicasets "$1")/metadata/annotations/deployment.kubernetes.io%2Frevision"; }

# -- deployments

C113() {
    deployment d 1 i:1 || fail "create"
    eventually 10 ready deployments d 1
    contains "$(cat "$(its deployments d)/scale")" 'replicas: 1'
    printf 'spec: {replicas: 2}\n' >"$(its deployments d)/scale" || fail "update"
    equal "spec" 2 "$(cat "$(its deployments d)/spec/replicas")"
    echo '{spec: {replicas: 4}}' >"$(its deployments d)/scale" || fail "again"
    eventually 10 ready deployments d 4
}
C114() {
    deployment d 2 i:1 '  strategy: {type: Recreate}' || fail "create"
    eventually 10 ready deployments d 2
    timeout 60 cat "$mnt/pods/$ns/_watch" >"$tmp/$ns.watch" &
    eventually 5 has "$tmp/$ns.watch" ADDED # it looks already
    deployment d 2 i:2 '  strategy: {type: Recreate}' || fail "update"
    eventually 15 all_run i:2=2
    # no new pod before the last old one is gone: ADDED lines of new pods come after all DELETED
    local first
    eventually 5 has "$tmp/$ns.watch" DELETED
    first=$(grep -n DELETED "$tmp/$ns.watch" | tail -n 1 | cut -d: -f1)
    [ "$(tail -n +"$first" "$tmp/$ns.watch" | grep -c ADDED)" = 2 ] || fail "a new pod ran beside an old one: $(cat "$tmp/$ns.watch")"
}
C115() {
    set_of d 1 || fail "replica set"
    eventually 10 ready replicasets d 1
    deployment d 1 i:2 || fail "deployment"
    eventually 15 is "$(its replicasets d)/object.yaml" replicas 0
    eventually 10 ready deployments d 1
    equal "two sets" 2 "$(names replicasets | wc -w)"
}
C116() {
    deployment d 1 i:1 '  revisionHistoryLimit: 0' || fail "create"
    eventually 10 ready deployments d 1
    local old
    old=$(names replicasets)
    deployment d 1 i:2 '  revisionHistoryLimit: 0' || fail "update"
    eventually 15 gone "$(its replicasets "$old")"
    eventually 10 count replicasets 1
}
C118() {
    deployment d 3 i:1 || fail "create"
    eventually 10 ready deployments d 3
    deployment d 3 i:2 || fail "first change"
    deployment d 3 i:3 || fail "second change, in mid-rollout"
    eventually 20 all_run i:3=3
    eventually 10 ready deployments d 3
}
C119() {
    timeout 60 cat "$mnt/deployments/$ns/_watch" >"$tmp/$ns.watch" &
    deployment d 2 i:1 || fail "create"
    eventually 10 ready deployments d 2
    equal "all namespaces" "$ns.d" "$(ls "$mnt/deployments/@test=$ns")"
    echo '{"metadata": {"labels": {"patched": "yes"}}, "spec": {"template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}}' >"$(its deployments d)/patch" || fail "patch"
    eventually 15 all_run i:2=2
    contains "$(cat "$(its deployments d)/status")" 'type: Available'
    echo 'delete -l patched=yes' >"$mnt/deployments/$ns/_ctl" || fail "delete"
    eventually 10 are deployments ''
    for i in ADDED MODIFIED DELETED; do eventually 5 has "$tmp/$ns.watch" "$i $ns/d "; done
}
# status RESOURCE NAME: what somebody writes there stays beside what the controller says
status() {
    local dir
    dir=$(its "$1" "$2")
    echo '{"status": {"conditions": [{"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from e2e test"}]}}' >"$tmp/$ns.patch"
    { cat "$dir/status" | sed '/^conditions:/,/^[a-z]/{/^conditions:/d;/^[- ]/d}'; echo 'conditions: [{type: StatusUpdate, status: "True", reason: E2E, message: Set from e2e test}]'; } >"$tmp/$ns.status"
    timeout 5 cat "$mnt/$1/$ns/_watch.json" >"$tmp/$ns.watch" &
    cat "$tmp/$ns.status" >"$dir/status" || fail "status"
    eventually 5 has "$tmp/$ns.watch" '"type":"StatusUpdate"'
}
C120() {
    deployment d 1 i:1 || fail "create"
    eventually 10 ready deployments d 1
    status deployments d
}

# -- replica sets

C140() {
    set_of s 1 || fail "create"
    eventually 10 ready replicasets s 1
    set_of s 2 || fail "replace"
    eventually 10 ready replicasets s 2
    echo '{"metadata": {"labels": {"patched": "yes"}}, "spec": {"replicas": 3, "template": {"spec": {"containers": [{"name": "c", "image": "i:2"}]}}}}' >"$(its replicasets s)/patch" || fail "patch"
    eventually 10 ready replicasets s 3
    equal "image" i:2 "$(cat "$(its replicasets s)/spec/template/spec/containers/c/image")"
}
C141() {
    set_of s 1 || fail "create"
    echo '{spec: {replicas: 2}}' >"$(its replicasets s)/scale" || fail "scale"
    contains "$(cat "$(its replicasets s)/scale")" 'replicas: 2'
    eventually 10 ready replicasets s 2
    echo '{spec: {replicas: 4}}' >"$(its replicasets s)/scale" || fail "scale again"
    eventually 10 ready replicasets s 4
}
C142() {
    pod lone || fail "pod"
    echo s >"$(its pods lone)/metadata/labels/app" || fail "label"
    set_of s 1 || fail "create"
    eventually 10 has "$(its pods lone)/object.yaml" 'kind: ReplicaSet'
    count pods 1 || fail "a second pod was made"
    echo other >"$(its pods lone)/metadata/labels/app" || fail "another label"
    eventually 10 count pods 2
    grep -q 'kind: ReplicaSet' "$(its pods lone)/object.yaml" && fail "it was not released"
    :
}
C143() {
    for i in a b c; do set_of $i 1 || fail "create"; done
    eventually 10 count pods 3
    echo "delete -l test=$ns" >"$mnt/replicasets/$ns/_ctl" || fail "delete"
    eventually 10 are replicasets ''
}
C145() {
    set_of s 1 || fail "create"
    eventually 10 ready replicasets s 1
    status replicasets s
}

# -- pods

generation() { sed -n 's/^  generation: //p' "$1/object.yaml"; }
C290() {
    pod p '  nodeName: fake
  containers: [{name: c, image: i}]' || fail "create"
    echo '{"metadata": {"finalizers": ["e2e.example.com/hold"]}}' >"$(its pods p)/patch.merge" || fail "finalizer"
    equal "at first" 1 "$(generation "$(its pods p)")"
    rmdir "$(its pods p)" || fail "delete"
    equal "deleted" 2 "$(generation "$(its pods p)")"
    echo '{"metadata": {"finalizers": null}}' >"$(its pods p)/patch.merge"
    eventually 40 gone "$(its pods p)"
}
C291() {
    pod p || fail "create"
    local i
    for i in $(seq 500); do echo "i:$i" >"$(its pods p)/spec/containers/c/image" || fail "update $i"; done
    equal "after 500 changes" 501 "$(generation "$(its pods p)")"
}
C292() {
    pod p || fail "create"
    echo true >"$(its pods p)/metadata/annotations/note" || fail "annotation"
    equal "an annotation is no change" 1 "$(generation "$(its pods p)")"
    echo i:2 >"$(its pods p)/spec/containers/c/image" || fail "image"
    equal "an image is one" 2 "$(generation "$(its pods p)")"
    echo 100 >"$(its pods p)/spec/activeDeadlineSeconds" || fail "deadline"
    equal "a deadline is one" 3 "$(generation "$(its pods p)")"
}
C293() {
    pod p '  containers: [{name: c, image: i, resources: {requests: {cpu: 100m, memory: 100Mi}, limits: {cpu: 100m, memory: 100Mi}}}]' || fail "create"
    contains "$(cat "$(its pods p)/status")" 'qosClass: Guaranteed'
}
C298() {
    for i in a b c; do
        pod $i || fail "create"
        echo yes >"$(its pods $i)/metadata/labels/test" || fail "label"
    done
    echo 'delete -l test=yes' >"$mnt/pods/$ns/_ctl" || fail "delete"
    eventually 10 are pods ''
}
C300() {
    pod p || fail "create"
    { cat "$(its pods p)/status"; echo 'message: Patched by e2e test'; echo 'reason: E2E'; } >"$tmp/$ns.status"
    cat "$tmp/$ns.status" >"$(its pods p)/status" || fail "status"
    contains "$(cat "$(its pods p)/status")" 'message: Patched by e2e test'
}

# -- nodes

schedulable() { # nodes that are Ready, not cordoned, without a taint
    local n
    for n in $(awk '$2 == "Ready" {print $1}' "$mnt/nodes/_index"); do
        grep -q '^Taints: *<none>$' "$mnt/nodes/$n/describe" && echo "$n"
    done
}
are_schedulable() { [ "$(schedulable | wc -l)" -ge "$1" ]; }
C160() {
    note 'our node and a simulated one: one daemon is one node'
    eventually 20 are_schedulable 2
    write deployments apart <<'Y' || fail "create"
apiVersion: apps/v1
kind: Deployment
metadata: {name: apart}
spec:
  replicas: 2
  selector: {matchLabels: {app: apart}}
  template:
    metadata: {labels: {app: apart}}
    spec:
      terminationGracePeriodSeconds: 0
      affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: apart}}}]}}
      containers: [{name: c, image: busybox, command: [sleep, "1000"]}]
Y
    eventually 20 ready deployments apart 2
    equal "on two nodes" 2 "$(cat "$mnt/pods/$ns"/*/spec/nodeName | sort -u | wc -l)"
    rm "$mnt/deployments/$ns/apart.yaml"
    eventually 10 count pods 0
}

# -- what kubectl's tests demand

C172() { ls "$mnt/api" | grep -qx v1 || fail "no v1"; }
C175() {
    deployment d 1 i:1 || fail "create"
    sed 's/i:1/i:2/' "$mnt/deployments/$ns/d.yaml" | sed "s/^metadata: {/&namespace: $ns, /" >"$tmp/$ns.yaml"
    cp "$tmp/$ns.yaml" "$mnt/dry-run/$ns.yaml" || fail "dry run"
    diff "$(its deployments d)/object.yaml" "$mnt/dry-run/$ns.yaml" >"$tmp/$ns.diff"
    contains "$(cat "$tmp/$ns.diff")" '< .*image: i:1'
    contains "$(cat "$tmp/$ns.diff")" '> .*image: i:2'
    equal "stored" i:1 "$(cat "$(its deployments d)/spec/template/spec/containers/c/image")"
}
C177() {
    pod p || fail "create"
    echo testing-label-value >"$(its pods p)/metadata/labels/testing-label" || fail "label"
    equal "found" p "$(names pods '@testing-label=testing-label-value')"
    rm "$(its pods p)/metadata/labels/testing-label" || fail "remove"
    equal "not found" '' "$(names pods '@testing-label')"
}
C178() {
    set_of s 2 || fail "create"
    eventually 10 count pods 2
    local p
    for p in $(names pods); do echo '{"metadata": {"annotations": {"x": "y"}}}' >"$(its pods "$p")/patch" || fail "patch"; done
    for p in $(names pods); do equal "annotated" y "$(cat "$(its pods "$p")/metadata/annotations/x")"; done
}
C181() {
    pod p || fail "create"
    sed "s/busybox/other/; s/^metadata: {/&namespace: $ns, /" "$mnt/pods/$ns/p.yaml" >"$tmp/$ns.yaml"
    cp "$tmp/$ns.yaml" "$mnt/dry-run/$ns.yaml" || fail "dry run"
    contains "$(cat "$mnt/dry-run/$ns.yaml")" 'image: other'
    equal "stored" busybox "$(cat "$(its pods p)/spec/containers/c/image")"
}
C182() { contains "$(cat "$mnt/version")" '^k8sfs [0-9][0-9.]* kubernetes v1\.[0-9][0-9]*'; }
C087() {
    local i
    for i in $(seq 400); do printf -- '---\napiVersion: v1\nkind: PodTemplate\nmetadata: {name: t%s, namespace: %s}\ntemplate: {spec: {containers: [{name: c, image: i}]}}\n' "$i" "$ns"; done >"$tmp/$ns.yaml"
    cp "$tmp/$ns.yaml" "$mnt/apply/$ns.yaml" || fail "create"
    equal "every one once" 400 "$(ls "$mnt/podtemplates/$ns" | grep '^t' | sort -u | wc -l)"
    equal "no one twice" 400 "$(ls -U "$mnt/podtemplates/$ns" | grep -c '^t')"
}

# -- kinds whose controllers are not looked at here: objects, status, collections

collection() { # RESOURCE KIND VERSION SPEC
    local i
    for i in a b c; do
        printf 'apiVersion: %s\nkind: %s\nmetadata: {name: %s, labels: {test: %s}}\nspec: %s\n' "$3" "$2" "$i" "$ns" "$4" | write "$1" $i || fail "create"
    done
    equal "by label" 'a b c' "$(names "$1" "@test=$ns")"
    echo '{"metadata": {"annotations": {"patched": "yes"}}}' >"$(its "$1" a)/patch.merge" || fail "patch"
    equal "patched" yes "$(cat "$(its "$1" a)/metadata/annotations/patched")"
    echo "delete -l test=$ns" >"$mnt/$1/$ns/_ctl" || fail "delete"
    eventually 10 are "$1" ''
}
C106() { collection daemonsets DaemonSet apps/v1 "{selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {nodeSelector: {none: here}, containers: [{name: c, image: i}]}}}"; }
C133() { collection jobs Job batch/v1 '{suspend: true, template: {spec: {restartPolicy: Never, containers: [{name: c, image: i}]}}}'; }
C156() { collection statefulsets StatefulSet apps/v1 "{replicas: 0, serviceName: s, selector: {matchLabels: {app: d}}, template: {metadata: {labels: {app: d}}, spec: {containers: [{name: c, image: i}]}}}"; }
conform
