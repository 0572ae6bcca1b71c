#!/bin/bash
# What a container finds inside: environment, volumes, identity, limits, restrictions; exec, logs, termination.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
pods=$mnt/apis/core/v1/pods
mkdir "$tmp/host" && echo from the host >"$tmp/host/file"

cat >"$tmp/config.yaml" <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: blue, "app.conf": "listen 80\n"}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
stringData: {token: s3cret}
END
cp "$tmp/config.yaml" "$mnt/apply/config.yaml" || fail "apply: $(cat "$mnt/apply/config.yaml.err")"

cat >"$tmp/inside.yaml" <<END
apiVersion: v1
kind: Pod
metadata: {name: inside, labels: {app: inside}, annotations: {note: hello}}
spec:
  terminationGracePeriodSeconds: 2
  hostname: box
  containers:
  - name: c
    image: busybox
    workingDir: /tmp/made
    command: [sh, -c]
    args:
    - |
      echo "GREETING=\$GREETING"; echo "literal \$(LITERAL)"; echo "COLOR=\$COLOR TOKEN=\$TOKEN"
      echo "node=\$NODE name=\$NAME ip=\$IP cpu=\$CPU"
      echo "cwd=\$(pwd) host=\$(hostname)"; id
      cat /config/app.conf /secret/token /host/file; echo
      grep -E 'Seccomp:|NoNewPrivs:|CapEff:' /proc/self/status
      touch /host/new 2>/dev/null || echo "host is read-only"
      echo scratch > /scratch/x && cat /scratch/x
      mount | grep -c proc
      ls /proc/kcore >/dev/null 2>&1 && head -c 1 /proc/kcore 2>/dev/null | wc -c
      trap 'echo got TERM; exit 0' TERM
      while :; do sleep 0.1; done
    env:
    - {name: WHO, value: world}
    - {name: GREETING, value: "hello \$(WHO)"}
    - {name: LITERAL, value: "\$\$(WHO)"}
    - {name: COLOR, valueFrom: {configMapKeyRef: {name: settings, key: color}}}
    - {name: TOKEN, valueFrom: {secretKeyRef: {name: keys, key: token}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    resources: {limits: {cpu: "1", memory: 64Mi}}
    volumeMounts:
    - {name: config, mountPath: /config}
    - {name: secret, mountPath: /secret, readOnly: true}
    - {name: host, mountPath: /host, readOnly: true}
    - {name: scratch, mountPath: /scratch}
  volumes:
  - {name: config, configMap: {name: settings}}
  - {name: secret, secret: {secretName: keys}}
  - {name: host, hostPath: {path: $tmp/host, type: Directory}}
  - {name: scratch, emptyDir: {}}
END
cp "$tmp/inside.yaml" "$pods/" || fail "$(cat "$pods/inside.yaml.err")"
pod=$mnt/pods/default/inside
eventually 10 phase_is inside Running
eventually 5 has "$pod/log" 'scratch'
log=$(cat "$pod/log")
contains "$log" 'GREETING=hello world'
contains "$log" 'COLOR=blue TOKEN=s3cret'
contains "$log" "node=$node name=inside ip=$(field "$pod/status" podIP) cpu=1"
contains "$log" 'cwd=/tmp/made host=box'
contains "$log" 'listen 80'
contains "$log" 's3cret'
contains "$log" 'from the host'
contains "$log" 'host is read-only'
contains "$log" 'NoNewPrivs:.*[01]'
contains "$log" 'Seccomp:.*2'
# Docker's default set
contains "$log" 'CapEff:.*00000000a80425fb'

# its processes belong to ids of its own
pid=$(pids_of 'got TERM; exit 0' | tail -n 1)
[ "$(stat -c %u "/proc/$pid")" -ge 200000 ] || fail "the container runs as uid $(stat -c %u "/proc/$pid") of the host"
[ "$(readlink /proc/1/ns/user)" != "$(readlink "/proc/$pid/ns/user")" ] || fail "no user namespace"

# configuration changes reach the running pod
echo green >"$mnt/configmaps/default/settings/data/color" || fail "echo green"
inside() { # COMMAND...: run in the container, its output
    exec 3<"$pod/containers/c/exec/clone"
    local n
    read -r n <&3
    local dir=$pod/containers/c/exec/$n
    echo "exec $*" >"$dir/ctl" || fail "exec $*"
    cat "$dir/stdout"
    cat "$dir/status" >"$tmp/exit"
    exec 3<&-
}
equal "exec" 'blue is the past' "$(inside echo "'blue is the past'")"
equal "exit status" 0 "$(cat "$tmp/exit")"
inside sh -c "'exit 3'" >/dev/null
equal "exit status" 3 "$(cat "$tmp/exit")"
color() { [ "$(inside cat /config/color)" = green ]; }
eventually 5 color
contains "$(inside cat /proc/1/cmdline | tr '\0' ' ')" 'sh'

# ends within its grace, and says so in its log
rm "$pods/inside.yaml"
eventually 10 test ! -e "$pod"
[ -e "$tmp/host/new" ] && fail "wrote to a read-only volume"
[ -z "$(pids_of 'got TERM; exit 0')" ] || fail "processes are left"

# users, read-only roots, privilege
cat >"$tmp/user.yaml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: user}
spec:
  restartPolicy: Never
  securityContext: {runAsUser: 1000, runAsGroup: 2000, fsGroup: 3000, supplementalGroups: [4000]}
  containers:
  - name: c
    image: busybox
    command: [sh, -c, "id; touch /x 2>&1; touch /v/ok && ls -ln /v; grep CapEff /proc/self/status"]
    securityContext: {readOnlyRootFilesystem: true, allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}
    volumeMounts: [{name: v, mountPath: /v}]
  volumes: [{name: v, emptyDir: {medium: Memory}}]
END
cp "$tmp/user.yaml" "$pods/" || fail "$(cat "$pods/user.yaml.err")"
eventually 10 phase_is user Succeeded
log=$(cat "$mnt/pods/default/user/log")
contains "$log" 'uid=1000.* gid=2000.*3000.*4000'
contains "$log" 'Read-only file system'
contains "$log" '1000 .*3000 .* ok'
contains "$log" 'CapEff:.*0000000000000000'

# init containers, in order, before the others; the previous log of one that restarts
cat >"$tmp/init.yaml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: init}
spec:
  terminationGracePeriodSeconds: 0
  initContainers:
  - {name: one, image: busybox, command: [sh, -c, "echo 1 >> /v/order"], volumeMounts: [{name: v, mountPath: /v}]}
  - {name: two, image: busybox, command: [sh, -c, "echo 2 >> /v/order"], volumeMounts: [{name: v, mountPath: /v}]}
  containers:
  - {name: c, image: busybox, command: [sh, -c, "tr '\n' ' ' < /v/order; echo; [ -e /v/again ] && sleep 1000; touch /v/again; exit 1"], volumeMounts: [{name: v, mountPath: /v}]}
  volumes: [{name: v, emptyDir: {}}]
END
cp "$tmp/init.yaml" "$pods/" || fail "$(cat "$pods/init.yaml.err")"
eventually 20 has "$mnt/pods/default/init/status" 'restartCount: 1'
eventually 5 phase_is init Running
eventually 5 has "$mnt/pods/default/init/log" '1 2'
contains "$(cat "$mnt/pods/default/init/containers/c/log.previous")" '1 2'
