#!/bin/bash
# The tree in a pod (csi: {driver: k8sfs.io}): who asks is the pod, not root; it works again after a daemon that
# was killed or stopped; a container that swaps the place for a link gains nothing.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
cat >"$tmp/pods.yaml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: looks}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "exec sleep 10101"], volumeMounts: [{name: t, mountPath: /k8s}]}
  - {name: sub, image: busybox, command: [sleep, "10103"], volumeMounts: [{name: t, mountPath: /core, subPath: apis/core/v1, readOnly: true}]}
  volumes: [{name: t, csi: {driver: k8sfs.io}}]
---
apiVersion: v1
kind: Pod
metadata: {name: tricks}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "mv /a /b && ln -s /proc /a && exec sleep 10102"], volumeMounts: [{name: t, mountPath: /a/acpi}]}
  volumes: [{name: t, csi: {driver: k8sfs.io}}]
---
apiVersion: v1
kind: Pod
metadata: {name: other}
spec:
  containers:
  - {name: c, image: busybox, command: [sleep, "1"], volumeMounts: [{name: t, mountPath: /k8s}]}
  volumes: [{name: t, csi: {driver: nobodys.example.com}}]
END
cp "$tmp/pods.yaml" "$mnt/apply/" || fail "$(cat "$mnt/apply/pods.yaml.err")"
eventually 10 phase_is looks Running
eventually 10 phase_is tricks Running
eventually 10 has "$mnt/pods/default/other/events" 'driver name nobodys.example.com not found'
first() { pids_of "^sleep $1\$" | head -n 1; }
inside() { # SECONDS-OF-ITS-SLEEP COMMAND
    nsenter -t "$(first "$1")" -m -U -p -r -S 0 -G 0 /bin/sh -c "$2" 2>&1
}
sees_tree() { inside "$1" "cat $2/version" | grep -q '^k8sfs '; }
shows_core() { inside 10103 'ls /core' | grep -q '^pods$'; }

sees_tree 10101 /k8s || fail "no tree in the pod: $(inside 10101 'cat /k8s/version')"
shows_core || fail "no subPath of the tree: $(inside 10103 'ls /core')"
contains "$(inside 10103 'mkdir /core/x')" 'Read-only'
! inside 10101 'cat /k8s/whoami' | grep -q 'system:masters\|^user: root' || fail "a pod is root: $(inside 10101 'cat /k8s/whoami')"
contains "$(inside 10101 'cat /k8s/pods/default/looks/object.yaml')" 'denied'
contains "$(inside 10101 'echo shutdown >/k8s/ctl')" 'denied'
mounts=$(inside 10101 'cat /proc/mounts' | wc -l)
tricks=$(inside 10102 'cat /proc/mounts')

kill_daemon
contains "$(inside 10101 'cat /k8s/version')" 'not connected'
start_daemon
eventually 5 sees_tree 10101 /k8s
eventually 5 shows_core
contains "$(inside 10103 'mkdir /core/x')" 'Read-only'
stop_daemon
start_daemon
eventually 5 sees_tree 10101 /k8s
eventually 5 shows_core
equal "mounts of the container" "$mounts" "$(inside 10101 'cat /proc/mounts' | wc -l)"
equal "mounts of the container with tricks" "$tricks" "$(inside 10102 'cat /proc/mounts')"
rm "$mnt/apply/pods.yaml"
eventually 10 count_is "$mnt/pods/default" 0
