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

# everything that holds a pod: its processes are in the pods' namespaces or carry our paths
kill_daemon
for round in 1 2 3 4 5; do
    left=
    for dir in /proc/[0-9]*; do
        pid=${dir#/proc/}
        [ "$pid" != $$ ] && [ "$pid" != "$BASHPID" ] || continue
        if grep -qs -- "$tmp/" "$dir/mountinfo" && [ "$(readlink "$dir/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] ||
            tr '\0' '\n' <"$dir/cmdline" 2>/dev/null | grep -q -- "^$tmp/\|^$state\|^$run" 2>/dev/null; then
            kill -9 "$pid" 2>/dev/null && left=$pid
        fi
    done
    [ -n "$left" ] || break
    sleep 0.2
done
[ -z "$left" ] || fail "process $left does not end"
umount -l "$mnt" 2>/dev/null
grep -o " $tmp/[^ ]*" /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m" 2>/dev/null; done
[ ! -s "$tmp/bridge" ] || ip link del "$(cat "$tmp/bridge")" 2>/dev/null
rm -rf "${run:?}"

start_daemon
eventually 20 is "$deployment/status" availableReplicas 2
eventually 10 phase_is always Running
equal "names of the pods" "$names" "$(ls "$pods")"
equal "uid of a pod" "$uid" "$(cat "$pods/always/metadata/uid")"
contains "$(cat "$pods/always/containers/c/status")" 'restartCount: 1'
eventually 5 sh -c "[ \"\$(grep -c init '$pods/always/log')\" -ge 1 ]"
eventually 10 phase_is never Failed
equal "what had ended" Succeeded "$(field "$pods/done/status" phase)"
equal "its log" once "$(cat "$pods/done/log")"
for p in "$pods"/nginx-deployment-*; do
    eventually 5 http "$(field "$p/status" podIP)"
    contains "$(http "$(field "$p/status" podIP)")" nginx
done
[ "$(cat "$mnt/health")" = ok ] || fail "health: $(cat "$mnt/health")"
