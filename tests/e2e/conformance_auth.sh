#!/bin/bash
# serviceaccounts and rbac-auth with pods: what is mounted of an account, and that the answer to a question about
# what it may is what happens to it.
. "$(dirname "$0")/conformance.sh"
start_daemon
import_images busybox

mount=/var/run/secrets/kubernetes.io/serviceaccount
# account NAME [LINES]
account() { printf 'apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: %s}\n%s\n' "$1" "${2:-}" | write serviceaccounts "$1"; }
# runs NAME SPEC <containers: a pod that runs to its end
runs() {
    { printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec:\n  restartPolicy: Never\n  %s\n' "$1" "$2"; cat; } | write pods "$1" || fail "pod $1: $(last_error)"
}
ended() { has "$(its pods "$1")/status" 'phase: Succeeded'; }
reviewed() { # TOKEN: TokenReview's answer
    exec 3<>"$mnt/apis/authentication.k8s.io/v1/tokenreviews/$ns.yaml"
    printf 'spec: {token: %s}\n' "$1" >&3
    cat <&3
    exec 3>&-
}

C163() {
    account mount 'automountServiceAccountToken: true'
    account nomount 'automountServiceAccountToken: false'
    local pod account expected
    for account in default mount nomount; do
        for pod in nil true false; do
            runs "$account-$pod" "serviceAccountName: $account" <<Y
$([ $pod = nil ] || echo "  automountServiceAccountToken: $pod")
  containers: [{name: c, image: busybox, command: [sh, -c, "test -d $mount && echo mounted || echo none"]}]
Y
        done
    done
    # 1a 1b 2a 2b 2c mount it: what the pod says counts, then what the account says
    while read -r pod expected; do
        eventually 20 ended "$pod"
        equal "$pod" "$expected" "$(cat "$(its pods "$pod")/log")"
    done <<'Y'
default-nil mounted
mount-nil mounted
nomount-nil none
default-true mounted
mount-true mounted
nomount-true mounted
default-false none
mount-false none
nomount-false none
Y
}
C166() {
    account mounts
    runs reads 'serviceAccountName: mounts' <<Y
  containers:
  - {name: token, image: busybox, command: [cat, $mount/token]}
  - {name: ca, image: busybox, command: [cat, $mount/ca.crt]}
  - {name: namespace, image: busybox, command: [cat, $mount/namespace]}
Y
    eventually 20 ended reads
    local dir answer
    dir=$(its pods reads)/containers
    answer=$(reviewed "$(cat "$dir/token/log")")
    contains "$answer" 'authenticated: true'
    contains "$answer" "username: system:serviceaccount:$ns:mounts"
    contains "$answer" "system:serviceaccounts:$ns"
    equal "ca.crt" "$(cat "$mnt/configmaps/$ns/kube-root-ca.crt/data/ca.crt")" "$(cat "$dir/ca/log")"
    equal "namespace" "$ns" "$(cat "$dir/namespace/log")"
}
C167() {
    account projects
    runs reads 'serviceAccountName: projects' <<Y
  automountServiceAccountToken: false
  containers: [{name: c, image: busybox, command: [cat, /test-volume/token], volumeMounts: [{name: v, mountPath: /test-volume}]}]
  volumes: [{name: v, projected: {sources: [{serviceAccountToken: {path: token, expirationSeconds: 3600}}]}}]
Y
    eventually 20 ended reads
    local answer
    answer=$(reviewed "$(cat "$(its pods reads)/log")")
    contains "$answer" 'authenticated: true'
    contains "$answer" "username: system:serviceaccount:$ns:projects"
    contains "$answer" 'authentication.kubernetes.io/pod-name'
}

# asked RESOURCE BODY: `allowed` as it is answered
asked() {
    local answer
    exec 3<>"$mnt/apis/authorization.k8s.io/v1/$1"
    printf '%s\n' "$2" >&3 || fail "$1: $(last_error)"
    answer=$(cat <&3)
    exec 3>&-
    printf '%s\n' "$answer" | sed -n 's/^ *"*allowed"*: *\([a-z]*\).*/\1/p'
}
C170() {
    account asks
    runs looks 'serviceAccountName: asks' <<Y
  containers:
  - name: c
    image: busybox
    command: [sh, -c, 'until [ -e /tmp/go ]; do sleep 0.1; done; ls /k8s/configmaps/$ns >/dev/null 2>&1 && echo listed || echo refused; until ls /k8s/configmaps/$ns >/dev/null 2>&1; do sleep 0.1; done; echo listed']
    volumeMounts: [{name: t, mountPath: /k8s}]
  volumes: [{name: t, csi: {driver: k8sfs.io}}]
Y
    eventually 20 is "$(its pods looks)/status" phase Running
    local user=system:serviceaccount:$ns:asks attributes
    attributes="resourceAttributes: {namespace: $ns, verb: list, resource: configmaps}"
    may() {
        equal "SubjectAccessReview" "$1" "$(asked subjectaccessreviews/x.yaml "{spec: {user: $user, groups: [system:serviceaccounts, 'system:serviceaccounts:$ns'], $attributes}}")"
        equal "LocalSubjectAccessReview" "$1" "$(asked "localsubjectaccessreviews/$ns/x.yaml" "{metadata: {namespace: $ns}, spec: {user: $user, $attributes}}")"
    }
    may false
    K8S=$mnt within 20 "$top/examples/kubectl" -n "$ns" exec looks -- touch /tmp/go || fail "exec"
    eventually 10 has "$(its pods looks)/log" '^refused$'
    write roles lists <<Y || fail "role"
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: lists}
rules: [{apiGroups: [''], resources: [configmaps], verbs: [list]}]
Y
    write rolebindings lists <<Y || fail "binding"
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: lists}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: lists}
subjects: [{kind: ServiceAccount, name: asks}]
Y
    allowed() { [ "$(asked subjectaccessreviews/x.yaml "{spec: {user: $user, $attributes}}")" = true ]; }
    eventually 5 allowed # a rule holds within a moment
    may true
    eventually 10 has "$(its pods looks)/log" '^listed$'
    # a question about another namespace than its own is refused
    exec 3<>"$mnt/apis/authorization.k8s.io/v1/localsubjectaccessreviews/$ns/x.yaml"
    printf '{spec: {user: %s, resourceAttributes: {namespace: default, verb: list, resource: configmaps}}}\n' "$user" >&3 2>/dev/null && fail "a local review of another namespace"
    exec 3>&-
}
conform
