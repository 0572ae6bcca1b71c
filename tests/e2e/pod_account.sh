#!/bin/bash
# A pod and its ServiceAccount: the files in its containers, tokens for others (projected volumes), who wants none.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
cat >"$tmp/pods.yaml" <<'END'
apiVersion: v1
kind: ServiceAccount
metadata: {name: bot}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: quiet}
automountServiceAccountToken: false
---
apiVersion: v1
kind: Pod
metadata: {name: bot}
spec:
  serviceAccountName: bot
  terminationGracePeriodSeconds: 0
  securityContext: {fsGroup: 2000}
  containers:
  - {name: c, image: busybox, securityContext: {runAsUser: 1000}, command: [sh, -c, "cd /var/run/secrets/kubernetes.io/serviceaccount && ls && cat namespace && echo && cat token && echo && touch x; exec sleep 10201"], volumeMounts: [{name: v, mountPath: /vault}]}
  volumes:
  - name: v
    projected: {sources: [{serviceAccountToken: {audience: vault, expirationSeconds: 600, path: vault-token}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: quiet}
spec:
  serviceAccountName: quiet
  restartPolicy: Never
  containers: [{name: c, image: busybox, command: [ls, /var/run/secrets]}]
---
apiVersion: v1
kind: Pod
metadata: {name: root}
spec:
  restartPolicy: Never
  containers: [{name: c, image: busybox, command: [sh, -c, "stat -L -c '%a %u' /var/run/secrets/kubernetes.io/serviceaccount/token; echo x >/var/run/secrets/kubernetes.io/serviceaccount/token"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: user}
spec:
  restartPolicy: Never
  containers: [{name: c, image: busybox, securityContext: {runAsUser: 1234}, command: [sh, -c, "stat -L -c '%a %u' /var/run/secrets/kubernetes.io/serviceaccount/token; cat /var/run/secrets/kubernetes.io/serviceaccount/token"]}]
END
cp "$tmp/pods.yaml" "$mnt/apply/" || fail "$(cat "$mnt/apply/pods.yaml.err")"
pods=$mnt/pods/default
eventually 15 phase_is bot Running
eventually 5 has "$pods/bot/log" '^ey'
contains "$(cat "$pods/bot/log")" '^token$'
contains "$(cat "$pods/bot/log")" '^namespace$'
contains "$(cat "$pods/bot/log")" '^default$'
contains "$(cat "$pods/bot/log")" 'x: Read-only file system'
token=$(grep '^ey' "$pods/bot/log")
# the parts of a JWT
part() { printf '%s' "$token" | cut -d. -f"$1" | tr '_-' '/+' | awk '{while (length($0) % 4) $0 = $0 "="; print}' | base64 -d; }
equal alg ES256 "$(part 1 | jq -r .alg)"
equal sub system:serviceaccount:default:bot "$(part 2 | jq -r .sub)"
equal pod "$(cat "$pods/bot/metadata/uid")" "$(part 2 | jq -r '."kubernetes.io".pod.uid')"
equal node $node "$(part 2 | jq -r '."kubernetes.io".node.name')"
equal lifetime 3607 "$(part 2 | jq -r '.exp - .iat')"
# every namespace has the cluster's certificate, and so has every pod
mkdir "$mnt/namespaces/other" || fail mkdir
for ns in default kube-system other; do
    eventually 5 has "$mnt/configmaps/$ns/kube-root-ca.crt/data/ca.crt" 'BEGIN CERTIFICATE'
done
openssl verify -CAfile "$state/ca.crt" "$state/ca.crt" >/dev/null || fail "the certificate"
rmdir "$mnt/configmaps/other/kube-root-ca.crt" || fail rmdir
eventually 5 has "$mnt/configmaps/other/kube-root-ca.crt/data/ca.crt" 'BEGIN CERTIFICATE'
echo no >"$mnt/configmaps/other/kube-root-ca.crt/data/ca.crt"
eventually 5 has "$mnt/configmaps/other/kube-root-ca.crt/data/ca.crt" 'BEGIN CERTIFICATE'
inside() { nsenter -t "$(pids_of '^sleep 10201$' | head -n 1)" -m -U -p -r -S 1000 -G 2000 "$@"; }
eventually 5 inside /bin/grep -q 'BEGIN CERTIFICATE' /var/run/secrets/kubernetes.io/serviceaccount/ca.crt
for file in tokens.jwks ca.key; do equal "mode of $file" 600 "$(stat -c %a "$state/$file")"; done
# a token for somebody else, read by the pod's user through its group
token=$(inside /bin/cat /vault/vault-token)
equal audience vault "$(part 2 | jq -r '.aud[0]')"
equal lifetime 600 "$(part 2 | jq -r '.exp - .iat')"

eventually 10 phase_is quiet Failed
contains "$(cat "$pods/quiet/log")" 'No such file'
eventually 10 phase_is root Failed
contains "$(cat "$pods/root/log")" '^644 0$'
eventually 10 phase_is user Succeeded
contains "$(cat "$pods/user/log")" '^600 1234$'
contains "$(cat "$pods/user/log")" '^ey'
contains "$(cat "$pods/root/log")" 'Read-only file system'

# nothing of it is in the object, and nothing is left
[ "$(ls "$pods/bot/spec/volumes")" = v ] || fail "volumes: $(ls "$pods/bot/spec/volumes")"
rm "$mnt/apply/pods.yaml"
eventually 10 count_is "$pods" 0
nothing_is_left() { [ -z "$(ls "$run/volumes" 2>/dev/null)" ]; }
eventually 10 nothing_is_left
