#!/bin/bash
# quota-limits: ResourceQuota and LimitRange.
. "$(dirname "$0")/conformance.sh"
start_daemon

quota() { # NAME HARD-LINES [SCOPES]
    write resourcequotas "$1" <<Y
apiVersion: v1
kind: ResourceQuota
metadata: {name: $1, labels: {$1: "yes"}}
spec:
  hard: {$2}
${3:+  scopes: [$3]}
Y
    eventually 10 has "$(its resourcequotas "$1")/status" used
}

C075() {
    quota q 'cpu: 500m, memory: 500Mi'
    local q
    q=$(its resourcequotas q)
    contains "$(cat "$q/status")" 'memory: 500Mi'
    echo '{"hard": {"cpu": "1", "memory": "1Gi"}, "used": {"cpu": "0", "memory": "0"}}' >"$q/status" || fail "update of status"
    echo '{"spec": {"hard": {"cpu": "1", "memory": "1Gi"}}}' >"$q/patch.merge" || fail "patch of spec"
    eventually 10 has "$q/status" 'memory: 1Gi'
    echo '{"hard": {"cpu": "1", "memory": "512Mi"}}' >"$q/status" || fail "second update of status"
    equal "spec after status" 1Gi "$(cat "$q/spec/hard/memory")"
    eventually 10 has "$q/status" 'memory: 1Gi'
}

C076() {
    quota q 'cpu: "1", memory: 500Mi'
    local q
    q=$(its resourcequotas q)
    quota q 'cpu: 500m, memory: 1Gi'
    equal cpu 500m "$(cat "$q/spec/hard/cpu")"
    equal memory 1Gi "$(cat "$q/spec/hard/memory")"
    eventually 10 has "$q/status" 'memory: 1Gi'
    rmdir "$q" || fail "delete"
    eventually 10 gone "$q"
}

# counts RESOURCE KEY: one more when an object is made, as before when it is deleted
counts() {
    local n
    eventually 10 are configmaps kube-root-ca.crt # made with every namespace: it counts
    n=$(names "$1" | wc -w)
    quota q "$2: 5, count/${3:-$1}: 5"
    eventually 10 used q "$2" "$n"
    cat >"$mnt/$1/$ns/one.yaml" || fail "create"
    used q "$2" $((n + 1)) || fail "not charged: $(cat "$(its resourcequotas q)/status")"
    used q "count/${3:-$1}" $((n + 1)) || fail "count/ not charged"
    rmdir "$(its "$1" one)" || fail "delete"
    eventually 10 used q "$2" "$n"
    eventually 10 used q "count/${3:-$1}" "$n"
}

C077() {
    counts configmaps configmaps <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
Y
}

C078() {
    quota q 'pods: 5, cpu: "1", memory: 500Mi, requests.ephemeral-storage: 50Gi, requests.example.com/dongle: 3'
    pod one '  containers: [{name: c, image: busybox, resources: {requests: {cpu: 500m, memory: 252Mi, ephemeral-storage: 30Gi, example.com/dongle: 2}, limits: {example.com/dongle: 2}}}]' || fail "pod"
    used q pods 1 || fail "pods"
    used q cpu 500m || fail "cpu"
    used q memory 252Mi || fail "memory"
    used q requests.ephemeral-storage 30Gi || fail "ephemeral-storage"
    used q requests.example.com/dongle 2 || fail "extended resource"
    refused 'quota exceeded' pod two '  containers: [{name: c, image: busybox, resources: {requests: {cpu: 600m, memory: 100Mi}}}]'
    contains "$(last_error)" 'exceeded quota: q, requested: cpu=600m, used: cpu=500m, limited: cpu=1'
    refused 'quota exceeded' pod three '  containers: [{name: c, image: busybox, resources: {requests: {cpu: 500m, memory: 100Mi, example.com/dongle: 2}, limits: {example.com/dongle: 2}}}]'
    echo 100m >"$(its pods one)/spec/containers/c/resources/requests/cpu" 2>/dev/null && fail "requests of a pod were changed"
    rmdir "$(its pods one)" || fail "delete"
    eventually 10 used q pods 0
    eventually 10 used q cpu 0
    eventually 10 used q requests.example.com/dongle 0
}

C079() {
    quota q 'count/replicasets.apps: 5'
    write replicasets one <<'Y'
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: one}
spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
Y
    used q count/replicasets.apps 1 || fail "not charged"
    rmdir "$(its replicasets one)" || fail "delete"
    eventually 10 used q count/replicasets.apps 0
}

C080() {
    counts replicationcontrollers replicationcontrollers <<'Y'
apiVersion: v1
kind: ReplicationController
metadata: {name: one}
spec: {replicas: 0, selector: {a: b}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
Y
}

C081() {
    counts secrets secrets <<'Y'
apiVersion: v1
kind: Secret
metadata: {name: one}
stringData: {top: secret}
Y
}

C082() {
    quota q 'services: 3, services.nodeports: 1, services.loadbalancers: 1'
    write services plain <<'Y'
apiVersion: v1
kind: Service
metadata: {name: plain}
spec: {selector: {a: b}, ports: [{port: 80}]}
Y
    write services node <<'Y'
apiVersion: v1
kind: Service
metadata: {name: node}
spec: {type: NodePort, selector: {a: b}, ports: [{port: 80}]}
Y
    used q services 2 || fail "services"
    used q services.nodeports 1 || fail "nodeports"
    refused 'quota exceeded' write services lb <<'Y'
apiVersion: v1
kind: Service
metadata: {name: lb}
spec: {type: LoadBalancer, selector: {a: b}, ports: [{port: 80}]}
Y
    contains "$(last_error)" 'exceeded quota: q, requested: services.nodeports=1, used: services.nodeports=1, limited: services.nodeports=1'
    rmdir "$(its services plain)" "$(its services node)" || fail "delete"
    eventually 10 used q services 0
    eventually 10 used q services.nodeports 0
}

C083() {
    quota q 'resourcequotas: 1'
    eventually 10 used q resourcequotas 1
    refused 'quota exceeded' quota other 'pods: 1'
}

C084() {
    quota one 'cpu: "1"'
    quota two 'cpu: "2"'
    equal "by label" "$ns.one" "$(ls "$mnt/resourcequotas/@one=yes" | tr '\n' ' ' | sed 's/ $//')"
    echo '{"metadata": {"labels": {"one": "patched"}}, "spec": {"hard": {"memory": "750Mi"}}}' >"$(its resourcequotas one)/patch" || fail "patch"
    equal memory 750Mi "$(cat "$(its resourcequotas one)/spec/hard/memory")"
    equal cpu 1 "$(cat "$(its resourcequotas one)/spec/hard/cpu")"
    echo 'delete -l one=patched' >"$mnt/resourcequotas/$ns/_ctl" || fail "delete"
    eventually 10 are resourcequotas two
}

C085() {
    quota best 'pods: 5' BestEffort
    quota other 'pods: 5' NotBestEffort
    pod b || fail "pod"
    used best pods 1 || fail "best effort: not charged"
    used other pods 0 || fail "best effort: the other was charged"
    rmdir "$(its pods b)"
    eventually 10 used best pods 0
    pod burst '  containers: [{name: c, image: busybox, resources: {requests: {cpu: 100m}, limits: {cpu: 200m}}}]' || fail "pod"
    used best pods 0 || fail "burstable: the wrong one"
    used other pods 1 || fail "burstable: not charged"
    rmdir "$(its pods burst)"
    eventually 10 used other pods 0
}

C086() {
    quota ends 'pods: 5, requests.cpu: "1", requests.memory: 1Gi, limits.cpu: "2", limits.memory: 2Gi' Terminating
    quota stays 'pods: 5, requests.cpu: "1", requests.memory: 1Gi, limits.cpu: "2", limits.memory: 2Gi' NotTerminating
    local amounts='{requests: {cpu: 500m, memory: 200Mi}, limits: {cpu: "1", memory: 400Mi}}'
    pod s "  containers: [{name: c, image: busybox, resources: $amounts}]" || fail "pod"
    used stays pods 1 && used stays requests.cpu 500m && used stays limits.memory 400Mi || fail "not charged"
    used ends pods 0 || fail "the other was charged"
    rmdir "$(its pods s)"
    eventually 10 used stays requests.cpu 0
    pod e "  activeDeadlineSeconds: 3600
  containers: [{name: c, image: busybox, resources: $amounts}]" || fail "pod that ends"
    used ends pods 1 && used ends limits.cpu 1 || fail "not charged"
    used stays pods 0 || fail "the other was charged"
    rmdir "$(its pods e)"
    eventually 10 used ends pods 0
}

limits() { # NAME
    write limitranges "$1" "${2:-$ns}" <<Y
apiVersion: v1
kind: LimitRange
metadata: {name: $1, labels: {$1: "yes"}}
spec:
  limits:
  - type: Container
    min: {cpu: 50m, memory: 100Mi}
    max: {cpu: 500m, memory: 500Mi}
    defaultRequest: {cpu: 100m, memory: 200Mi}
    default: {cpu: 500m, memory: 500Mi}
Y
}

C345() {
    limits l || fail "limit range"
    equal default 500m "$(cat "$(its limitranges l)/spec/limits/0/default/cpu")"
    pod none || fail "pod without resources"
    local r
    r=$(its pods none)/spec/containers/c/resources
    equal "default request" 100m "$(cat "$r/requests/cpu")"
    equal "default limit" 500Mi "$(cat "$r/limits/memory")"
    pod part '  containers: [{name: c, image: busybox, resources: {requests: {cpu: 300m}, limits: {memory: 300Mi}}}]' || fail "pod with some"
    r=$(its pods part)/spec/containers/c/resources
    equal "its own request" 300m "$(cat "$r/requests/cpu")"
    equal "limit as request" 300Mi "$(cat "$r/requests/memory")"
    equal "default limit" 500m "$(cat "$r/limits/cpu")"
    refused 'Permission denied' pod low '  containers: [{name: c, image: busybox, resources: {requests: {cpu: 10m, memory: 100Mi}}}]'
    contains "$(last_error)" 'minimum cpu usage per Container is 50m, but request is 10m'
    refused 'Permission denied' pod high '  containers: [{name: c, image: busybox, resources: {requests: {cpu: 600m, memory: 100Mi}, limits: {cpu: 600m}}}]'
    contains "$(last_error)" 'maximum cpu usage per Container is 500m, but limit is 600m'
    echo '{"spec": {"limits": [{"type": "Container", "min": {"cpu": "9m", "memory": "49Mi"}, "max": {"cpu": "500m", "memory": "500Mi"}}]}}' >"$(its limitranges l)/patch.merge" || fail "update"
    pod low '  containers: [{name: c, image: busybox, resources: {requests: {cpu: 10m, memory: 50Mi}, limits: {cpu: 10m, memory: 50Mi}}}]' || fail "within the new limits"
    rmdir "$(its limitranges l)"
    eventually 10 are limitranges ''
    pod big '  containers: [{name: c, image: busybox, resources: {requests: {cpu: "2"}}}]' || fail "without limits"
}

C346() {
    mkdir "$mnt/namespaces/$ns-b"
    limits one || fail "first"
    limits one "$ns-b" || fail "second"
    equal "both are found" 2 "$(ls "$mnt/limitranges/@one=yes" | wc -l)"
    echo '{"metadata": {"labels": {"one": "patched"}}, "spec": {"limits": [{"type": "Container", "max": {"cpu": "2"}}]}}' >"$(its limitranges one)/patch.merge" || fail "patch"
    equal "patched" 2 "$(cat "$(its limitranges one)/spec/limits/0/max/cpu")"
    echo 'delete -l one=patched' >"$mnt/limitranges/_ctl" || fail "delete by label"
    eventually 10 are limitranges ''
    test -e "$mnt/limitranges/$ns-b/one" || fail "the other went, too"
}
conform
