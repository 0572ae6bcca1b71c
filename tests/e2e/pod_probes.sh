#!/bin/bash
# Probes, hooks, sidecars, restarts with back-off, the end of a pod, deadlines, volumes that follow, signals by ctl.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox nginx
pods=$mnt/apis/core/v1/pods
pod() { # NAME, the spec on standard input
    { printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: {app: %s}}\nspec:\n' "$1" "$1"; cat; } >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$pods/" || fail "$(cat "$pods/$1.yaml.err")"
}
of() { echo "$mnt/pods/default/$1"; }
ready_is() { [ "$(cat "$(of "$1")/status" | grep -B6 'type: Ready$' | sed -n 's/^ *status: //p' | tail -n 1)" = "\"$2\"" ]; }
said() { has "$(of "$1")/events" "$2"; }

# readiness by HTTP, liveness by TCP, startup by a command; postStart and preStop
pod probed <<END
  terminationGracePeriodSeconds: 5
  containers:
  - name: web
    image: nginx:1
    ports: [{name: http, containerPort: 80}]
    startupProbe: {exec: {command: [test, -e, /etc/passwd]}, periodSeconds: 1}
    readinessProbe: {httpGet: {path: /, port: http}, periodSeconds: 1}
    livenessProbe: {tcpSocket: {port: http}, periodSeconds: 1}
    lifecycle:
      postStart: {exec: {command: [sh, -c, "echo post-start > /proc/1/fd/1"]}}
      preStop: {exec: {command: [sh, -c, "echo pre-stop > /host/pre-stop"]}}
    volumeMounts: [{name: host, mountPath: /host}]
  volumes: [{name: host, hostPath: {path: $tmp}}]
END
eventually 15 ready_is probed True
eventually 5 has "$(of probed)/log" post-start
equal "restarts" 0 "$(field "$(of probed)/status" restartCount)"

# what fails: never ready, killed and restarted, then with back-off; the words of it
pod sick <<'END'
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: busybox
    command: [sleep, "1000"]
    readinessProbe: {tcpSocket: {port: 81}, periodSeconds: 1}
    livenessProbe: {exec: {command: [sh, -c, "echo oops; exit 1"]}, periodSeconds: 1, failureThreshold: 2}
END
eventually 15 said sick 'Killing.*Container c failed liveness probe, will be restarted'
eventually 15 is "$(of sick)/status" restartCount 1
said sick 'Unhealthy.*Liveness probe failed: oops' || fail "$(cat "$(of sick)/events")"
said sick 'Unhealthy.*Readiness probe failed: dial tcp .*:81: connect: connection refused' || fail "$(cat "$(of sick)/events")"
eventually 15 said sick 'BackOff.*Back-off restarting failed container c in pod sick_default('
has "$(of sick)/status" 'reason: CrashLoopBackOff' || fail "$(cat "$(of sick)/status")"
ready_is sick False || fail "a pod that fails its readiness probe is ready"

# init containers, a sidecar that starts before and ends after, the termination message, exit code and phase
pod sidecar <<'END'
  restartPolicy: Never
  terminationGracePeriodSeconds: 5
  initContainers:
  - {name: first, image: busybox, command: [sh, -c, "echo first > /v/order"], volumeMounts: [{name: v, mountPath: /v}]}
  - {name: side, image: busybox, restartPolicy: Always, command: [sh, -c, "echo side >> /v/order; trap 'exit 0' TERM; while :; do sleep 0.1; done"],
     startupProbe: {exec: {command: [grep, -q, side, /v/order]}, periodSeconds: 1}, volumeMounts: [{name: v, mountPath: /v}]}
  containers:
  - {name: main, image: busybox, command: [sh, -c, "cat /v/order; cat /v/order > /dev/termination-log; exit 3"], volumeMounts: [{name: v, mountPath: /v}]}
  volumes: [{name: v, emptyDir: {medium: Memory}}]
END
eventually 15 phase_is sidecar Failed
contains "$(tr '\n' ' ' <"$(of sidecar)/containers/main/log")" 'first side'
contains "$(sed -n '/^containerStatuses/,/^[a-z]/p' "$(of sidecar)/status" | tr '\n' ' ')" 'exitCode: 3.*message: |.*first.*side'
said sidecar 'Killing.*Stopping container side' || fail "$(cat "$(of sidecar)/events")"
eventually 5 sh -c "! grep -q '$run/volumes.*tmpfs' /proc/mounts"

# a deadline; an image that cannot be run; a missing command
pod late <<'END'
  activeDeadlineSeconds: 1
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, command: [sleep, "1000"]}]
END
pod nothing <<'END'
  restartPolicy: Never
  containers: [{name: c, image: busybox, command: [/no/such/program]}]
END
eventually 10 phase_is late Failed
is "$(of late)/status" reason DeadlineExceeded || has "$(of late)/status" 'reason: DeadlineExceeded' || fail "$(cat "$(of late)/status")"
eventually 10 phase_is nothing Failed
has "$(of nothing)/status" 'reason: StartError' || fail "$(cat "$(of nothing)/status")"

# volumes follow what they show, all at once
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {a: "1", b: "1"}\n' >"$mnt/apis/core/v1/configmaps/conf.yaml" || fail conf
pod follows <<'END'
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "while :; do cat /v/a /v/b /v/labels | tr '\\n' ' '; echo; sleep 0.1; done"]
    volumeMounts: [{name: v, mountPath: /v}]
  volumes:
  - name: v
    projected:
      sources:
      - configMap: {name: conf}
      - downwardAPI: {items: [{path: labels, fieldRef: {fieldPath: "metadata.labels['app']"}}]}
END
eventually 10 has "$(of follows)/log" '11follows'
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\ndata: {a: "2", b: "2"}\n' >"$mnt/apis/core/v1/configmaps/conf.yaml" || fail conf
eventually 5 has "$(of follows)/log" '22follows'
echo changed >"$(of follows)/metadata/labels/app" || fail label
eventually 5 has "$(of follows)/log" '22changed'
grep -qe 12 -e 21 "$(of follows)/log" && fail "half of a change was seen"

# a signal by ctl: the container is restarted, its log before is kept; unknown words are refused
echo 'kill KILL' >"$(of follows)/containers/c/ctl" || fail "kill"
eventually 10 is "$(of follows)/status" restartCount 1
eventually 5 has "$(of follows)/containers/c/log.previous" '11follows'
refused 'Invalid argument' bash -c "echo 'kill NOSUCH' > '$(of follows)/containers/c/ctl'"
contains "$(cat "$(of follows)/containers/c/stats")" 'memory_bytes [1-9]'

# preStop ran before the end; nothing of a removed pod is left on disk
rm "$pods/probed.yaml"
eventually 15 test ! -e "$(of probed)"
has "$tmp/pre-stop" pre-stop || fail "no preStop"
for p in sick sidecar late nothing follows; do rm "$pods/$p.yaml" || fail "rm $p"; done
for p in sick sidecar late nothing follows; do eventually 15 test ! -e "$(of $p)"; done
eventually 5 sh -c "[ -z \"\$(ls '$state/pods' '$run/volumes' | grep -v :)\" ]"
