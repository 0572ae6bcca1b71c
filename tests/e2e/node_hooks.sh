#!/bin/bash
# Lives of containers: hooks, init containers and sidecars, grace, messages, deadlines, back-off.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
pods=$mnt/pods/default
mkdir -m 777 "$tmp/out"

put hooks <<END
apiVersion: v1
kind: Pod
metadata: {name: lifecycle-demo}
spec:
  terminationGracePeriodSeconds: 10
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "trap 'echo term >> /out/order; exit 0' TERM; while :; do sleep 0.1; done"]
    lifecycle:
      postStart: {exec: {command: [sh, -c, "echo post > /out/order"]}}
      preStop: {exec: {command: [sh, -c, "echo pre >> /out/order; sleep 1; echo pre-end >> /out/order"]}}
    volumeMounts: [{name: out, mountPath: /out}]
  volumes: [{name: out, hostPath: {path: $tmp/out}}]
---
apiVersion: v1
kind: Pod
metadata: {name: bad-start}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    command: [sleep, "600"]
    lifecycle: {postStart: {exec: {command: [sh, -c, "exit 5"]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: stubborn}
spec:
  terminationGracePeriodSeconds: 3
  containers:
  - {name: c, image: busybox, command: [sh, -c, "trap '' TERM; echo stubborn; while :; do sleep 1; done"]}
---
apiVersion: v1
kind: Pod
metadata: {name: message}
spec:
  restartPolicy: Never
  containers:
  - {name: file, image: busybox, command: [sh, -c, "echo -n the reason > /dev/termination-log; exit 7"]}
  - {name: logs, image: busybox, command: [sh, -c, "echo last words; exit 8"], terminationMessagePolicy: FallbackToLogsOnError}
  - {name: own, image: busybox, command: [sh, -c, "echo -n elsewhere > /tmp/msg; exit 0"], terminationMessagePath: /tmp/msg}
  - {name: long, image: busybox, command: [sh, -c, "head -c 100000 /dev/zero | tr '\\\\0' x > /dev/termination-log"]}
---
apiVersion: v1
kind: Pod
metadata: {name: deadline}
spec:
  activeDeadlineSeconds: 2
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sleep, "600"]}
---
apiVersion: v1
kind: Pod
metadata: {name: crash}
spec:
  containers:
  - {name: c, image: busybox, command: [sh, -c, "echo run; exit 2"]}
---
apiVersion: v1
kind: Pod
metadata: {name: on-failure}
spec:
  restartPolicy: OnFailure
  containers:
  - {name: done, image: busybox, command: ["true"]}
  - {name: again, image: busybox, command: [sh, -c, "[ -e /v/x ] && exit 0; touch /v/x; exit 1"], volumeMounts: [{name: v, mountPath: /v}]}
  volumes: [{name: v, emptyDir: {}}]
---
apiVersion: v1
kind: Pod
metadata: {name: bad-init}
spec:
  restartPolicy: Never
  initContainers:
  - {name: i, image: busybox, command: [sh, -c, "exit 9"]}
  containers:
  - {name: c, image: busybox, command: [sh, -c, "echo never"]}
---
apiVersion: v1
kind: Pod
metadata: {name: sidecar}
spec:
  restartPolicy: Never
  terminationGracePeriodSeconds: 5
  initContainers:
  - name: side
    image: busybox
    restartPolicy: Always
    command: [sh, -c, "trap 'echo side ends >> /out/side; exit 0' TERM; echo side starts >> /out/side; touch /v/up; while :; do sleep 0.1; done"]
    startupProbe: {exec: {command: [test, -e, /v/up]}, periodSeconds: 1}
    volumeMounts: [{name: v, mountPath: /v}, {name: out, mountPath: /out}]
  - name: after
    image: busybox
    command: [sh, -c, "test -e /v/up && echo init after side >> /out/side"]
    volumeMounts: [{name: v, mountPath: /v}, {name: out, mountPath: /out}]
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "sleep 1; echo main ends >> /out/side"]
    volumeMounts: [{name: out, mountPath: /out}]
  volumes:
  - {name: v, emptyDir: {}}
  - {name: out, hostPath: {path: $tmp/out}}
END

# a deadline ends the pod
eventually 10 phase_is deadline Failed
contains "$(cat "$pods/deadline/status")" 'reason: DeadlineExceeded'
at_most_two() { [ -z "$(pids_of '^sleep 600$' | sed -n 3p)" ]; }
eventually 5 at_most_two

# messages
eventually 10 phase_is message Failed
message_of() { sed -n 's/^ *message: *//p' "$pods/message/containers/$1/status" | head -n 1; }
equal "the file's message" 'the reason' "$(message_of file)"
contains "$(cat "$pods/message/containers/logs/status")" 'last words'
equal "its own path's message" elsewhere "$(message_of own)"
length=$(grep -o 'x\{100,\}' "$pods/message/containers/long/status" | wc -c)
[ "$length" -gt 4000 ] && [ "$length" -le 4097 ] || fail "a message of 100000 bytes is $length long, not 4096"
contains "$(cat "$pods/message/containers/file/status")" 'exitCode: 7'

# restart policies
eventually 20 phase_is on-failure Succeeded
equal "restarts of what was done" 0 "$(field "$pods/on-failure/containers/done/status" restartCount)"
equal "restarts of what failed" 1 "$(field "$pods/on-failure/containers/again/status" restartCount)"
eventually 5 phase_is bad-init Failed
equal "a container after a failed init" '' "$(cat "$pods/bad-init/containers/c/log")"
contains "$(cat "$pods/bad-init/containers/i/status")" 'exitCode: 9'

# sidecars start before, and end after the others
eventually 15 phase_is sidecar Succeeded
eventually 5 has "$tmp/out/side" '^side ends'
equal "order of the sidecar" 'side starts,init after side,main ends,side ends,' "$(tr '\n' , <"$tmp/out/side")"

# a crash loop waits longer each time: 10 s, then 20
eventually 30 has "$pods/crash/status" 'CrashLoopBackOff'
contains "$(cat "$pods/crash/status")" 'back-off .*s restarting failed container=c pod=crash_default('
contains "$(cat "$pods/crash/events")" 'BackOff.*Back-off restarting failed container c in pod crash_default'
contains "$(cat "$pods/crash/_index" 2>/dev/null; cat "$pods/_index")" 'crash .*CrashLoopBackOff'
[ "$(field "$pods/crash/status" restartCount)" -le 3 ] || fail "crash: $(field "$pods/crash/status" restartCount) restarts already"

# hooks
eventually 5 has "$pods/bad-start/events" 'FailedPostStartHook'
eventually 10 phase_is lifecycle-demo Running
equal "after postStart" post "$(cat "$tmp/out/order")"
rmdir "$mnt/apis/core/v1/pods/default/lifecycle-demo" || fail rmdir
sleep 0.5
[ -e "$pods/lifecycle-demo" ] || fail "gone before its preStop hook ended"
contains "$(cat "$pods/_index")" 'lifecycle-demo .*Terminating'
eventually 8 test ! -e "$pods/lifecycle-demo"
equal "order of hooks" 'post,pre,pre-end,term,' "$(tr '\n' , <"$tmp/out/order")"

# the grace is given whole, and not longer
phase_is stubborn Running || fail "stubborn: $(cat "$pods/stubborn/status")"
start=$(date +%s%N)
rmdir "$mnt/apis/core/v1/pods/default/stubborn"
eventually 10 test ! -e "$pods/stubborn"
took=$((($(date +%s%N) - start) / 1000000))
[ $took -ge 2900 ] && [ $took -le $((6000 * slowness)) ] || fail "a grace of 3 s took $took ms"
[ -z "$(pids_of 'echo stubborn')" ] || fail "it is alive"
