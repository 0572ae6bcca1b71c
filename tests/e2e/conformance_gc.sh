#!/bin/bash
# garbage-collection: dependents go with their owners, or stay, as the deletion says. Pods are
# bound to a node that is only simulated.
. "$(dirname "$0")/conformance.sh"
start_daemon
cat >"$tmp/node.yaml" <<'Y'
apiVersion: v1
kind: Node
metadata: {name: fake, labels: {fake: "yes"}, annotations: {kwok.x-k8s.io/node: fake}}
Y
cp "$tmp/node.yaml" "$mnt/apply/" || fail "node"

deployment() { # NAME REPLICAS
    write deployments "$1" <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1}
spec:
  replicas: $2
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec:
      nodeSelector: {fake: "yes"}
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: busybox}]
Y
}
# rc NAME REPLICAS [LABEL]
rc() {
    write replicationcontrollers "$1" <<Y
apiVersion: v1
kind: ReplicationController
metadata: {name: $1}
spec:
  replicas: $2
  template:
    metadata: {labels: {app: ${3:-$1}}}
    spec:
      nodeSelector: {fake: "yes"}
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: busybox}]
Y
}
count() { [ "$(names "$1" | wc -w)" = "$2" ]; }
ready() { is "$(its replicationcontrollers "$1")/status" readyReplicas "$2"; }
uid() { cat "$1/metadata/uid"; }

C057() {
    deployment d 2 || fail "create"
    eventually 10 count replicasets 1
    eventually 10 count pods 2
    echo 'delete background' >"$(its deployments d)/ctl" || fail "delete"
    eventually 10 count replicasets 0
    eventually 10 count pods 0
}

C058() {
    rc r 2 || fail "create"
    eventually 10 count pods 2
    echo 'delete background' >"$(its replicationcontrollers r)/ctl" || fail "delete"
    eventually 10 gone "$(its replicationcontrollers r)"
    eventually 10 count pods 0
}

C059() {
    rc r 20 || fail "create"
    eventually 20 ready r 20
    equal "pods" 20 "$(names pods | wc -w)"
    # a pod that may not go keeps its owner, which says what it waits for
    local held
    held=$(names pods | cut -d' ' -f1)
    echo '{"metadata": {"finalizers": ["e2e.example.com/hold"]}}' >"$(its pods "$held")/patch.merge" || fail "finalizer"
    echo 'delete foreground' >"$(its replicationcontrollers r)/ctl" || fail "delete"
    eventually 20 are pods "$held"
    [ -e "$(its replicationcontrollers r)" ] || fail "it went before its last pod"
    contains "$(cat "$(its replicationcontrollers r)/object.yaml")" 'foregroundDeletion'
    never 1 gone "$(its replicationcontrollers r)"
    count pods 1 || fail "one that is being deleted made pods"
    echo '{"metadata": {"finalizers": null}}' >"$(its pods "$held")/patch.merge" || fail "let go"
    eventually 10 are pods ''
    eventually 10 gone "$(its replicationcontrollers r)"
}

C060() {
    local i p
    for i in 1 2 3; do pod "pod$i" || fail "create"; done
    for i in 1 2 3; do
        p=$(((i + 1) % 3 + 1)) # 1 has 3, 2 has 1, 3 has 2 as owner
        printf '{"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "Pod", "name": "pod%s", "uid": "%s", "controller": true, "blockOwnerDeletion": true}]}}\n' \
            $p "$(cat "$(its pods pod$p)/metadata/uid")" >"$(its pods pod$i)/patch" || fail "owner of $i"
    done
    echo 'delete foreground' >"$(its pods pod1)/ctl" || fail "delete"
    eventually 20 are pods ''
}

C061() {
    local p stays='' half
    rc r1 20 both || fail "create"
    rc r2 0 other || fail "create"
    eventually 20 ready r1 20
    half=$(names pods | tr ' ' '\n' | head -n 10)
    for p in $half; do
        printf '{"metadata": {"ownerReferences": [{"apiVersion": "v1", "kind": "ReplicationController", "name": "r2", "uid": "%s"}]}}\n' \
            "$(uid "$(its replicationcontrollers r2)")" >"$(its pods "$p")/patch" || fail "another owner of $p"
        equal "owners of $p" 2 "$(grep -c '    kind: ReplicationController' "$(its pods "$p")/object.yaml")"
        stays="$stays${stays:+ }$p"
    done
    echo 'delete foreground' >"$(its replicationcontrollers r1)/ctl" || fail "delete"
    eventually 20 gone "$(its replicationcontrollers r1)"
    equal "the other half" "$stays" "$(names pods)"
    never 2 grep -q deletionTimestamp "$mnt/pods/$ns"/*/object.yaml
    equal "the other half, later" "$stays" "$(names pods)"
}

C062() {
    deployment d 2 || fail "create"
    eventually 10 count replicasets 1
    eventually 10 count pods 2
    local set
    set=$(names replicasets)
    echo 'delete orphan' >"$(its deployments d)/ctl" || fail "delete"
    eventually 10 gone "$(its deployments d)"
    never 2 gone "$(its replicasets "$set")"
    grep -q 'kind: Deployment' "$(its replicasets "$set")/object.yaml" && fail "the ReplicaSet still has its owner"
    count pods 2 || fail "pods went"
}

C063() {
    local p uids
    rc r 20 || fail "create"
    eventually 20 ready r 20
    uids=$(cat "$mnt/pods/$ns"/*/metadata/uid)
    echo 'delete orphan' >"$(its replicationcontrollers r)/ctl" || fail "delete"
    eventually 10 gone "$(its replicationcontrollers r)"
    never 2 sh -c "[ \$(ls '$mnt/pods/$ns' | grep -c '^r-') != 20 ]"
    equal "the same pods" "$uids" "$(cat "$mnt/pods/$ns"/*/metadata/uid)"
    grep -l ownerReferences "$mnt/pods/$ns"/*/object.yaml && fail "pods have an owner still"
    grep -l deletionTimestamp "$mnt/pods/$ns"/*/object.yaml && fail "pods are being deleted"
    :
}
conform
