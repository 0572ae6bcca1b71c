#!/bin/bash
# Files that answer: subresources and reviews, written and read back on one open file.
. "$(dirname "$0")/lib.sh"

start_daemon
mkdir "$mnt/apis/core/v1/namespaces/web"
mkdir -p "$tmp/m"
cat >"$tmp/node.yaml" <<'Y'
apiVersion: v1
kind: Node
metadata: {name: fake, annotations: {kwok.x-k8s.io/node: fake}}
Y
cp "$tmp/node.yaml" "$mnt/apply/" || fail "node"
cat >"$tmp/web.yaml" <<'Y'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: web}
spec:
  replicas: 3
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      nodeSelector: {kubernetes.io/hostname: fake}
      containers: [{name: c, image: i}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: b, namespace: web}
spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
Y
echo fake >"$mnt/nodes/fake/metadata/labels/kubernetes.io%2Fhostname" 2>/dev/null
cp "$tmp/web.yaml" "$mnt/apply/" || fail "web"
deployment=$mnt/deployments/web/web
budget=$mnt/poddisruptionbudgets/web/b

# -- scale
eventually 20 has "$budget/status" 'currentHealthy: 3'
contains "$(cat "$deployment/scale")" 'selector: app=web'
exec 3<>"$deployment/scale"
printf 'spec:\n  replicas: 4\n' >&3 || fail "scale" # bash: two writes
contains "$(cat <&3)" 'replicas: 4'
exec 3>&-
equal "replicas" 4 "$(cat "$deployment/spec/replicas")"
refused 'Invalid argument' bash -c "echo '{spec: {replicas: -1}}' > $deployment/scale"
refused 'busy' bash -c "echo '{metadata: {resourceVersion: \"1\"}}' > $deployment/scale"
echo '{spec: {replicas: 3}}' >"$deployment/scale" || fail "scale back"

# -- eviction: the budget has one to give, then none while the replacement is not there
eventually 20 has "$budget/status" 'disruptionsAllowed: 1'
pods=$mnt/pods/web
set -- $(ls "$pods" | grep '^web-')
refused 'Invalid argument' bash -c "echo '{\"nonsense\": 1}' > $pods/$1/eviction"
exec 3<>"$pods/$1/eviction"
echo '{}' >&3 || fail "eviction"
contains "$(cat <&3)" '"status": "Success"'
exec 3>&-
eventually 20 test ! -e "$pods/$1"
eventually 20 has "$budget/status" 'currentHealthy: 3'
echo 3 >"$budget/spec/minAvailable" || fail "minAvailable"
eventually 20 has "$budget/status" 'disruptionsAllowed: 0'
set -- $(ls "$pods" | grep '^web-')
refused 'temporarily unavailable' bash -c "echo '{}' > $pods/$1/eviction"
contains "$(tail -n 1 "$mnt/errors")" "Cannot evict pod as it would violate the pod's disruption budget. The disruption budget b needs 3 healthy pods and has 3 currently"
test -e "$pods/$1" || fail "the pod went all the same"

# -- binding
cat >"$tmp/lone.yaml" <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: lone, namespace: web}
spec: {schedulerName: mine, containers: [{name: c, image: i}]}
Y
cp "$tmp/lone.yaml" "$mnt/apply/" || fail "lone"
echo '{target: {name: fake}}' >"$pods/lone/binding" || fail "binding"
equal "node" fake "$(cat "$pods/lone/spec/nodeName")"
refused 'busy' bash -c "echo '{target: {name: other}}' > $pods/lone/binding"

# -- questions
reviews=$mnt/apis/authorization.k8s.io/v1/selfsubjectaccessreviews
contains "$(cat "$reviews/_schema")" 'spec.resourceAttributes'
equal "nothing said, nothing answered" '' "$(cat "$reviews/x.yaml")"
refused 'Invalid argument' bash -c "echo '{spec: {resourceAttribute: {}}}' > $reviews/x.yaml"
contains "$(tail -n 1 "$mnt/errors")" 'unknown field'
refused 'Invalid argument' bash -c "echo '{kind: Pod}' > $reviews/x.yaml"
refused 'not permitted' rm "$reviews/x.yaml"
# what is a question is no manifest
cat >"$tmp/q.yaml" <<'Y'
apiVersion: authorization.k8s.io/v1
kind: SelfSubjectAccessReview
metadata: {name: q}
spec: {resourceAttributes: {verb: get, resource: pods}}
Y
refused 'Invalid argument' cp "$tmp/q.yaml" "$mnt/apply/q.yaml"
rm -f "$mnt/apply/q.yaml"

# -- tokens: one is asked for, and looked at
cat >"$tmp/account.yaml" <<'Y'
apiVersion: v1
kind: ServiceAccount
metadata: {name: bot, namespace: web}
Y
cp "$tmp/account.yaml" "$mnt/apply/" || fail "account"
exec 3<>"$mnt/serviceaccounts/web/bot/token"
echo '{spec: {expirationSeconds: 600}}' >&3 || fail "token request"
token=$(sed -n 's/^ *"token": "\(.*\)".*/\1/p' <&3)
exec 3>&-
[ -n "$token" ] || fail "no token"
exec 3<>"$mnt/apis/authentication.k8s.io/v1/tokenreviews/x.yaml"
printf 'spec:\n  token: %s\n' "$token" >&3 || fail "token review"
answer=$(cat <&3)
contains "$answer" 'authenticated: true'
contains "$answer" 'username: system:serviceaccount:web:bot'
# the same conversation goes on with another question
printf 'spec:\n  token: %sx\n' "$token" >&3 || fail "second token review"
contains "$(cat <&3)" 'error: '
exec 3>&-
refused 'Invalid argument' bash -c "echo '{spec: {expirationSeconds: 5}}' > $mnt/serviceaccounts/web/bot/token"
refused 'No such file' bash -c "echo '{spec: {boundObjectRef: {kind: Pod, name: nobody}}}' > $mnt/serviceaccounts/web/bot/token"

# reads of any tool end
timeout 20 grep -rq nothing-like-this "$mnt/apis/authorization.k8s.io" "$mnt/apis/authentication.k8s.io"
[ $? = 1 ] || fail "grep -r does not end"
