#!/bin/bash
# Volumes: downwardAPI, projected, subPath, items and modes, optional and missing configuration, updates, sizes.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
pods=$mnt/pods/default
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
gives() { [ "$(inside volumes c cat "$1")" = "$2" ]; }

put config <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: one, b: two}
binaryData: {bin: AAEC/w==}
---
apiVersion: v1
kind: Secret
metadata: {name: keys}
data: {token: czNjcmV0}
END
put pods <<'END'
apiVersion: v1
kind: Pod
metadata:
  name: volumes
  labels: {app: v, tier: back}
  annotations: {note: "two\nlines"}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    command: [sleep, "1000"]
    resources: {requests: {memory: 16Mi}, limits: {cpu: 250m, memory: 32Mi}}
    envFrom:
    - {prefix: S_, configMapRef: {name: settings}}
    - {configMapRef: {name: not-there, optional: true}}
    env:
    - {name: OPT, valueFrom: {secretKeyRef: {name: keys, key: none, optional: true}}}
    - {name: LABEL, valueFrom: {fieldRef: {fieldPath: "metadata.labels['tier']"}}}
    - {name: MEM, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
    - {name: MILLI, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
    volumeMounts:
    - {name: down, mountPath: /down}
    - {name: all, mountPath: /all}
    - {name: some, mountPath: /some}
    - {name: optional, mountPath: /optional}
    - {name: some, mountPath: /etc/only-this, subPath: deep/file}
    - {name: work, mountPath: /work, subPath: x/y}
    - {name: work, mountPath: /whole}
    - {name: work, mountPath: /named, subPathExpr: "$(LABEL)-dir"}
    - {name: mem, mountPath: /mem}
  volumes:
  - name: down
    downwardAPI:
      items:
      - {path: labels, fieldRef: {fieldPath: metadata.labels}}
      - {path: annotations, fieldRef: {fieldPath: metadata.annotations}}
      - {path: cpu, resourceFieldRef: {containerName: c, resource: limits.cpu, divisor: 1m}}
      - {path: sub/dir/name, mode: 0400, fieldRef: {fieldPath: metadata.name}}
  - name: all
    projected:
      defaultMode: 0440
      sources:
      - {configMap: {name: settings, items: [{key: a, path: conf/a}]}}
      - {secret: {name: keys}}
      - {downwardAPI: {items: [{path: ns, fieldRef: {fieldPath: metadata.namespace}}]}}
      - {configMap: {name: not-there, optional: true}}
  - {name: some, configMap: {name: settings, items: [{key: b, path: deep/file, mode: 0600}]}}
  - {name: optional, secret: {secretName: not-there, optional: true}}
  - {name: work, emptyDir: {}}
  - {name: mem, emptyDir: {medium: Memory, sizeLimit: 4Mi}}
---
apiVersion: v1
kind: Pod
metadata: {name: waits-env}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "echo late=$LATE; sleep 1000"], env: [{name: LATE, valueFrom: {configMapKeyRef: {name: late, key: value}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: waits-volume}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "until cat /late/value; do sleep 0.1; done; sleep 1000"], volumeMounts: [{name: late, mountPath: /late}]}
  volumes: [{name: late, configMap: {name: late}}]
---
apiVersion: v1
kind: Pod
metadata: {name: escape}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: first
    image: busybox
    command: [sh, -c, "ln -s /etc /v/link; touch /v/done; sleep 1000"]
    volumeMounts: [{name: v, mountPath: /v}]
  volumes: [{name: v, emptyDir: {}}]
END
eventually 10 phase_is volumes Running
contains "$(inside volumes c cat /down/labels)" '^tier="back"$'
contains "$(inside volumes c cat /down/annotations)" 'note="two\\nlines"'
equal "limit in a file" 250 "$(inside volumes c cat /down/cpu)"
equal "a name in a deep file" volumes "$(inside volumes c cat /down/sub/dir/name)"
equal "a mode" 400 "$(inside volumes c stat -L -c %a /down/sub/dir/name)"
equal projected "one s3cret default" "$(inside volumes c sh -c "'echo \$(cat /all/conf/a) \$(cat /all/token) \$(cat /all/ns)'")"
equal "projected mode" 440 "$(inside volumes c stat -L -c %a /all/ns)"
equal "only the items" deep "$(inside volumes c ls /some)"
equal "item's mode" 600 "$(inside volumes c stat -L -c %a /some/deep/file)"
equal "a missing optional secret" "" "$(inside volumes c ls /optional)"
equal "a file by subPath" two "$(inside volumes c cat /etc/only-this)"
inside volumes c touch /work/here /named/there || fail "writing below subPath"
equal "subPath is below the volume" "back-dir/there x/y/here" "$(inside volumes c sh -c "'cd /whole && echo */there x/*/here'")"
env=$(inside volumes c env)
contains "$env" '^S_a=one$'
contains "$env" '^S_b=two$'
contains "$env" '^LABEL=back$'
contains "$env" '^MEM=32$'
contains "$env" '^MILLI=250$'
contains "$env" '^KUBERNETES_SERVICE_HOST=\|^PATH='
case $env in *OPT=*) fail "an optional key that is not there made a variable" ;; esac

# sizes: memory is bounded
inside volumes c dd if=/dev/zero of=/mem/big bs=1M count=8 >/dev/null 2>&1 && fail "8 MiB in an emptyDir of 4 MiB"
size=$(inside volumes c stat -c %s /mem/big)
[ "$size" -le 4194304 ] || fail "$size bytes in 4 MiB"

# updates reach the files, except by subPath; all keys at once
echo '{"data":{"a":"eins","b":"zwei"}}' >"$mnt/configmaps/default/settings/patch.merge" || fail patch
eventually 10 gives /all/conf/a eins
eventually 10 gives /some/deep/file zwei
equal "subPath is not updated" two "$(inside volumes c cat /etc/only-this)"
echo front >"$pods/volumes/metadata/labels/tier" || fail label
eventually 10 inside volumes c grep -q 'tier="front"' /down/labels
rm "$mnt/configmaps/default/settings/data/b"
equal restarts 0 "$(field "$pods/volumes/status" restartCount)"

# what is missing is waited for, said, and healed
eventually 10 has "$pods/waits-env/status" 'reason: CreateContainerConfigError'
contains "$(cat "$pods/waits-env/status")" 'configmap "late" not found'
contains "$(cat "$pods/_index")" 'waits-env .*CreateContainerConfigError'
eventually 10 has "$pods/waits-volume/events" 'FailedMount.*configmap "late" not found'
contains "$(cat "$pods/waits-volume/status")" 'reason: ContainerCreating'
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: late}\ndata: {other: x}\n' >"$mnt/apis/core/v1/configmaps/late.yaml" || fail late
eventually 10 has "$pods/waits-env/status" "couldn't find key value in ConfigMap default/late"
echo come >"$mnt/configmaps/default/late/data/value" || fail value
eventually 15 phase_is waits-env Running
eventually 5 has "$pods/waits-env/log" 'late=come'
eventually 15 phase_is waits-volume Running
eventually 5 has "$pods/waits-volume/log" 'come'

# a subPath that a container made a link leads nowhere outside
eventually 10 phase_is escape Running
for path in ../../etc /etc link/passwd; do
    cat >"$tmp/x.yaml" <<END
apiVersion: v1
kind: Pod
metadata: {name: escape2}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: busybox, command: [cat, /stolen/passwd], volumeMounts: [{name: v, mountPath: /stolen, subPath: "$path"}]}
  volumes: [{name: v, hostPath: {path: $tmp/v}}]
END
    mkdir -p "$tmp/v" && ln -sfn /etc "$tmp/v/link"
    if cp "$tmp/x.yaml" "$mnt/apply/x.yaml" 2>/dev/null; then
        never 2 phase_is escape2 Succeeded
        [ -z "$(cat "$pods/escape2/log" 2>/dev/null)" ] || fail "subPath $path: $(cat "$pods/escape2/log")"
    else
        contains "$(cat "$mnt/apply/x.yaml.err")" "must not contain '..'\|must be a relative path"
    fi
    rm -f "$mnt/apply/x.yaml"
    eventually 5 test ! -e "$pods/escape2"
done
