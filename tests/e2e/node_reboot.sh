#!/bin/bash
# A reboot: all processes of the pods and all that --run holds are gone, the disk is not. The pods are started again.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox nginx
cp "$top/examples/nginx-deployment.yaml" "$mnt/apis/apps/v1/deployments/" || fail cp
cat >"$tmp/pods.yaml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: always}
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
  - {name: i, image: busybox, command: [sh, -c, "echo init >> /v/log"], volumeMounts: [{name: v, mountPath: /v}]}
  containers:
  - {name: c, image: busybox, command: [sh, -c, "cat /v/log; exec sleep 1000"], volumeMounts: [{name: v, mountPath: /v}]}
  volumes: [{name: v, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: never}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: busybox, command: [sleep, "1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: done}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: busybox, command: [echo, once]}
END
cp "$tmp/pods.yaml" "$mnt/apply/" || fail "$(cat "$mnt/apply/pods.yaml.err")"
pods=$mnt/pods/default
deployment=$mnt/deployments/default/nginx-deployment
eventually 15 is "$deployment/status" availableReplicas 2
eventually 15 phase_is always Running
eventually 15 phase_is never Running
eventually 15 phase_is done Succeeded
uid=$(cat "$pods/always/metadata/uid")
names=$(ls "$pods")

# Everything that holds a pod: its supervisor, which carries its uid, and what came of that. (Nothing else may be hit: mounts
# of ours are seen by everybody.)
family() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1"); do family "$child"; done
}
processes=
for each in $(cat "$mnt"/pods/*/*/metadata/uid | sort -u); do
    for supervisor in $(pgrep -f "^k8sfs-pod .*$each"); do processes="$processes $(family "$supervisor" | tr '\n' ' ')"; done
done
[ -n "$processes" ] || fail "no supervisors"
kill_daemon
for pid in $processes; do kill -9 "$pid" 2>/dev/null; done
none_left() {
    local pid
    for pid in $processes; do kill -0 "$pid" 2>/dev/null && return 1; done
    return 0
}
eventually 10 none_left
umount -l "$mnt" 2>/dev/null
grep -o " $tmp/[^ ]*" /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m" 2>/dev/null; done
[ ! -s "$tmp/bridge" ] || ip link del "$(cat "$tmp/bridge")" 2>/dev/null
rm -rf "${run:?}"

start_daemon
eventually 20 is "$deployment/status" availableReplicas 2
eventually 10 phase_is always Running
equal "names of the pods" "$names" "$(ls "$pods")"
equal "uid of a pod" "$uid" "$(cat "$pods/always/metadata/uid")"
eventually 10 has "$pods/always/containers/c/status" 'restartCount: 1'
eventually 5 sh -c "[ \"\$(grep -c init '$pods/always/log')\" -ge 1 ]"
eventually 10 phase_is never Failed
equal "what had ended" Succeeded "$(field "$pods/done/status" phase)"
equal "its log" once "$(cat "$pods/done/log")"
for p in "$pods"/nginx-deployment-*; do
    eventually 5 http "$(field "$p/status" podIP)"
    contains "$(http "$(field "$p/status" podIP)")" nginx
done
[ "$(cat "$mnt/health")" = ok ] || fail "health: $(cat "$mnt/health")"
