#!/bin/bash
# A pod calls as its ServiceAccount, whatever user it is inside; a Role lets it in, and nobody else.
. "$(dirname "$0")/lib.sh"
chmod 755 "$tmp"
start_daemon
import_images busybox
rbac=rbac.authorization.k8s.io
cat >"$mnt/apply/robot.yaml" <<END || fail "$(cat "$mnt/apply/robot.yaml.err")"
apiVersion: v1
kind: ServiceAccount
metadata: {name: robot}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: orders}
data: {k: v}
---
apiVersion: v1
kind: Pod
metadata: {name: robot}
spec:
  serviceAccountName: robot
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, "10201"], volumeMounts: [{name: t, mountPath: /k8s}]}]
  volumes: [{name: t, csi: {driver: k8sfs.io}}]
---
apiVersion: v1
kind: Pod
metadata: {name: stranger}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, "10202"], volumeMounts: [{name: t, mountPath: /k8s}]}]
  volumes: [{name: t, csi: {driver: k8sfs.io}}]
END
eventually 20 phase_is robot Running
eventually 20 phase_is stranger Running
first() { pids_of "^sleep $1\$" | head -n 1; }
# inside SECONDS-OF-ITS-SLEEP UID COMMAND
inside() { nsenter -t "$(first "$1")" -m -U -p -r -S "$2" -G "$2" /bin/sh -c "$3" 2>&1; }
reads() { inside "$1" "$2" 'cat /k8s/configmaps/default/orders/data/k' | grep -q "^v$"; }
closed() { inside "$1" "$2" 'cat /k8s/configmaps/default/orders/data/k' | grep -q -e denied -e 'No such'; }

for uid in 0 1000; do
    equal "user $uid" 'user: system:serviceaccount:default:robot' "$(inside 10201 $uid 'cat /k8s/whoami' | head -n 1)"
    contains "$(inside 10201 $uid 'cat /k8s/whoami')" 'groups: system:serviceaccounts system:serviceaccounts:default system:authenticated'
    closed 10201 $uid || fail "open to everybody"
done
equal stranger 'user: system:serviceaccount:default:default' "$(inside 10202 0 'cat /k8s/whoami' | head -n 1)"

# with the host's users, its root is not the host's
cat >"$mnt/apply/host.yaml" <<END || fail "$(cat "$mnt/apply/host.yaml.err")"
apiVersion: v1
kind: Pod
metadata: {name: host}
spec:
  hostUsers: true
  restartPolicy: Never
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "id -u; head -n 1 /k8s/whoami; cat /k8s/configmaps/default/orders/data/k; echo shutdown >/k8s/ctl; cat /k8s/apply/robot.yaml; ls /k8s/apply; exec sleep 10203"]
    volumeMounts: [{name: t, mountPath: /k8s}]
  volumes: [{name: t, csi: {driver: k8sfs.io}}]
END
eventually 20 phase_is host Running
eventually 10 has "$mnt/pods/default/host/log" 'robot.yaml'
equal "its own id" 0 "$(head -n 1 "$mnt/pods/default/host/log")"
contains "$(cat "$mnt/pods/default/host/log")" '^user: system:serviceaccount:default:default$'
equal "refusals" 3 "$(grep -c -e denied -e 'No such file' "$mnt/pods/default/host/log")"
equal "what it sees of apply/" "" "$(sed -n '/robot.yaml/,$p' "$mnt/pods/default/host/log" | tail -n +2)"
kill -0 $daemon_pid || fail "a pod has ended the daemon"
rm "$mnt/apply/host.yaml"

cat >"$mnt/apply/rules.yaml" <<END || fail "$(cat "$mnt/apply/rules.yaml.err")"
apiVersion: $rbac/v1
kind: Role
metadata: {namespace: default, name: robot}
rules: [{apiGroups: [''], resources: [configmaps], resourceNames: [orders], verbs: [get, patch]}]
---
apiVersion: $rbac/v1
kind: RoleBinding
metadata: {namespace: default, name: robot}
roleRef: {apiGroup: $rbac, kind: Role, name: robot}
subjects: [{kind: ServiceAccount, name: robot}]
END
eventually 10 reads 10201 0
eventually 10 reads 10201 1000
closed 10202 0 || fail "another account may read: $(inside 10202 0 'cat /k8s/configmaps/default/orders/data/k')"
contains "$(inside 10202 0 'ls /k8s/configmaps/default/orders')" 'No such'
contains "$(inside 10201 0 'ls /k8s/configmaps/default')" 'denied'
contains "$(inside 10201 0 'ls -d /k8s/configmaps/default/kube-root-ca.crt')" 'No such'
inside 10201 1000 'printf done >/k8s/configmaps/default/orders/data/k'
equal written done "$(cat "$mnt/configmaps/default/orders/data/k")"
contains "$(sed -n '/managedFields/,$p' "$mnt/configmaps/default/orders/object.yaml")" 'manager: system:serviceaccount:default:robot'
# setfacl leaves what pods may to them alone
setfacl -m g:daemon:rx "$mnt/configmaps/default" || fail setfacl
closed 10202 0 || fail "setfacl gave it to everybody"
setfacl -x g:daemon "$mnt/configmaps/default" || fail setfacl
rm "$mnt/apply/rules.yaml"
eventually 10 closed 10201 0
rm "$mnt/apply/robot.yaml"
eventually 20 count_is "$mnt/pods/default" 0
