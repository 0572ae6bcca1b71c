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

no_rc='no controller of ReplicationControllers yet'
not_yet C058 "$no_rc"
not_yet C059 "$no_rc"
not_yet C061 "$no_rc"
not_yet C063 "$no_rc"

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
count() { [ "$(names "$1" | wc -w)" = "$2" ]; }

C057() {
    deployment d 2 || fail "create"
    eventually 10 count replicasets 1
    eventually 10 count pods 2
    echo 'delete background' >"$(its deployments d)/ctl" || fail "delete"
    eventually 10 count replicasets 0
    eventually 10 count pods 0
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
conform
