#!/bin/bash
# Probes: exec, httpGet, tcpSocket; what startup, readiness and liveness do to the pod, its Service and its restarts.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox nginx
pods=$mnt/pods/default
endpoints=$mnt/endpoints/default

put liveness-exec <<'END'
apiVersion: v1
kind: Pod
metadata: {name: liveness-exec}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - name: c
    image: busybox
    args: [sh, -c, "touch /tmp/healthy; sleep 3; rm -f /tmp/healthy; exec sleep 600"]
    livenessProbe: {exec: {command: [cat, /tmp/healthy]}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: web, labels: {app: web}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: nginx
    image: nginx:1
    ports: [{name: http, containerPort: 80}]
    readinessProbe: {httpGet: {path: /index.html, port: http}, periodSeconds: 1, failureThreshold: 1}
    livenessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec:
  selector: {app: web}
  ports: [{name: http, port: 8080, targetPort: http}]
---
apiVersion: v1
kind: Pod
metadata: {name: slow-start}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    args: [sh, -c, "sleep 3; touch /tmp/up; exec sleep 600"]
    startupProbe: {exec: {command: [test, -e, /tmp/up]}, periodSeconds: 1, failureThreshold: 20}
    livenessProbe: {exec: {command: [test, -e, /tmp/up]}, periodSeconds: 1, failureThreshold: 1}
---
apiVersion: v1
kind: Pod
metadata: {name: never-up}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    args: [sleep, "600"]
    startupProbe: {httpGet: {path: /, port: 81}, periodSeconds: 1, failureThreshold: 2}
---
apiVersion: v1
kind: Pod
metadata: {name: hanging}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    args: [sleep, "600"]
    readinessProbe: {exec: {command: [sleep, "100"]}, timeoutSeconds: 1, periodSeconds: 1}
END

# ready by httpGet on a named port, and in the Service's Endpoints
eventually 10 has "$pods/web/status" 'ready: true'
ip=$(field "$pods/web/status" podIP)
eventually 5 has "$endpoints/web/object.yaml" "ip: $ip"
contains "$(cat "$endpoints/web/object.yaml")" 'port: 80$'
[ "$(cat "$pods/web/wait/Ready")" = True ] || fail "wait/Ready"

# a page that fails takes it out of the Endpoints, without a restart; and back
inside() { # POD CONTAINER COMMAND...: its output
    local conversation n rc
    exec {conversation}<"$pods/$1/containers/$2/exec/clone"
    read -r n <&$conversation
    local dir=$pods/$1/containers/$2/exec/$n
    shift 2
    echo "exec $*" >"$dir/ctl" || fail "exec $*"
    cat "$dir/stdout"
    rc=$(cat "$dir/status")
    exec {conversation}<&-
    return "$rc"
}
page=$(inside web nginx find / -xdev -name index.html | head -n 1)
[ -n "$page" ] || page=/usr/share/nginx/html/index.html
inside web nginx mv "$page" "$page.away" || fail "mv of $page"
eventually 5 has "$pods/web/status" 'ready: false'
eventually 5 has "$endpoints/web/object.yaml" notReadyAddresses
contains "$(cat "$pods/web/status")" 'reason: ContainersNotReady'
contains "$(cat "$pods/web/events")" 'Unhealthy.*Readiness probe failed: HTTP probe failed with statuscode: 404'
inside web nginx mv "$page.away" "$page" || fail "mv back"
eventually 5 has "$pods/web/status" 'ready: true'
eventually 5 sh -c "! grep -q notReadyAddresses '$endpoints/web/object.yaml'"
equal restarts 0 "$(field "$pods/web/status" restartCount)"

# startup holds the others back: the liveness probe would have killed it at once
eventually 10 has "$pods/slow-start/status" 'started: true'
eventually 5 has "$pods/slow-start/status" 'ready: true'
equal "restarts of slow-start" 0 "$(field "$pods/slow-start/status" restartCount)"

# liveness and startup restart, and say why
eventually 15 has "$pods/liveness-exec/status" 'restartCount: [1-9]'
contains "$(cat "$pods/liveness-exec/events")" 'Liveness probe failed: cat: can.t open ./tmp/healthy.'
contains "$(cat "$pods/liveness-exec/events")" 'Killing.*Container c failed liveness probe, will be restarted'
contains "$(cat "$pods/liveness-exec/status")" 'exitCode: 137'
eventually 10 has "$pods/never-up/status" 'restartCount: [1-9]'
contains "$(cat "$pods/never-up/events")" 'Startup probe failed: Get .*refused'

# a probe that hangs fails after its timeout, and leaves no process behind
contains "$(cat "$pods/hanging/status")" 'ready: false'
eventually 5 has "$pods/hanging/events" 'Readiness probe'
equal "restarts of hanging" 0 "$(field "$pods/hanging/status" restartCount)"
[ "$(pids_of '^sleep 100$' | wc -l)" -le 2 ] || fail "probes pile up: $(pids_of '^sleep 100$' | wc -l)"

# a pod that is being deleted leaves the Endpoints
rm "$mnt/apply/liveness-exec.yaml"
eventually 10 test ! -e "$pods/web"
eventually 10 test ! -e "$pods/liveness-exec"
