#!/bin/bash
# What a pod may try against the host and other pods: their processes, their roots, their mounts of the tree; and what a
# user of the host may try against a pod.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rbac.sh"
start_daemon
import_images busybox
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: swordfish}\n' | put secret
for name in victim attacker; do
    put $name <<Y
apiVersion: v1
kind: ServiceAccount
metadata: {name: $name}
---
apiVersion: v1
kind: Pod
metadata: {name: $name}
spec:
  serviceAccountName: $name
  hostPID: $([ $name = attacker ] && echo true || echo false)
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, "$([ $name = attacker ] && echo 10502 || echo 10501)"], volumeMounts: [{name: t, mountPath: /k8s}, {name: s, mountPath: /s}]}]
  volumes: [{name: t, csi: {driver: k8sfs.io}}, {name: s, $([ $name = victim ] && echo 'secret: {secretName: s}' || echo 'emptyDir: {}')}]
Y
done
put rules <<Y
apiVersion: $rbac/v1
kind: Role
metadata: {name: victim}
rules: [{apiGroups: [''], resources: [secrets], verbs: [get, list]}]
---
apiVersion: $rbac/v1
kind: RoleBinding
metadata: {name: victim}
roleRef: {apiGroup: $rbac, kind: Role, name: victim}
subjects: [{kind: ServiceAccount, name: victim}]
Y
eventually 20 phase_is victim Running
eventually 20 phase_is attacker Running
first() { pids_of "^sleep $1\$" | head -n 1; }
victim=$(first 10501)
# inside POD COMMAND: by exec, so with no more than the container has
inside() { K8S=$mnt timeout $((20 * slowness)) "$top/examples/kubectl" exec "$1" -- sh -c "$2" 2>&1 </dev/null; }
sees_its_secret() { inside victim 'cat /k8s/secrets/default/s/data/k' | grep -q .; }
eventually 10 sees_its_secret

# -- a pod that sees all processes of the machine (and may signal them, as on Kubernetes: hostPID is for who may have it)
contains "$(inside attacker 'ls /proc')" "^$victim\$"
for pid in 1 "$daemon_pid" "$victim"; do
    for path in root/etc/passwd root/s/k root/k8s/secrets/default/s/data/k cwd/etc/passwd fd/0 mem environ exe; do
        said=$(inside attacker "cat /proc/$pid/$path") && fail "a pod can read /proc/$pid/$path: $said"
    done
    said=$(inside attacker "ls /proc/$pid/root/") && fail "a pod can enter the root of $pid: $said"
done
contains "$(inside attacker "nsenter -t $victim -m cat /s/k")" 'denied\|not permitted\|not found\|No such'
! inside attacker 'cat /k8s/secrets/default/s/data/k' >/dev/null || fail "the attacker may read the Secret itself"

# -- becoming somebody: a setuid file, another id, a new user namespace gain nothing
equal "setuid" 'user: system:serviceaccount:default:attacker' "$(inside attacker 'cp /bin/busybox /tmp/cat; chmod 4755 /tmp/cat; su -s /bin/sh nobody -c "/tmp/cat /k8s/whoami" 2>/dev/null || /tmp/cat /k8s/whoami' | head -n 1)"
equal "unshare" 'user: system:serviceaccount:default:attacker' "$(inside attacker 'unshare -r cat /k8s/whoami 2>/dev/null || cat /k8s/whoami' | head -n 1)"
# what it puts into the tree under any of its ids is one user's: the daemon's memory is not taken by many
contains "$(inside attacker 'mount -o remount,suid,dev /k8s; mknod /tmp/d b 8 0 && cat /tmp/d')" 'denied\|not permitted'

# -- a user of the host
for path in "root/k8s/secrets/default/s/data/k" root/s/k root/ fd/0 mem environ; do
    as $alice cat "/proc/$victim/$path" >/dev/null 2>&1 && fail "a user of the host can read /proc/PID/$path of a pod"
done
as $alice find "$state" "$run" >/dev/null 2>&1 && fail "a user of the host can look into our directories"
# root of the host may, and is root there, as everywhere
equal "root in a pod's mount" 'user: root' "$(head -n 1 "/proc/$victim/root/k8s/whoami")"
for name in victim attacker rules; do rm "$mnt/apply/$name.yaml"; done
eventually 20 count_is "$mnt/pods/default" 0
