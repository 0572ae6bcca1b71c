#!/bin/bash
# Deployments: bounds of a roll as seen from outside, Recreate, pause, undo, restart, a bad image, history, adoption.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox nginx
pods=$mnt/pods/default
deployment() { # NAME IMAGE REPLICAS [MORE SPEC LINES]
    put "$1" <<END
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1}
spec:
  replicas: $3
  selector: {matchLabels: {app: $1}}
$(printf '%s\n' "${@:4}" | sed 's/^/  /')
  template:
    metadata: {labels: {app: $1}}
    spec:
      terminationGracePeriodSeconds: 0
      containers:
      - {name: c, image: $2, readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}}
END
}
rolled() { # NAME REPLICAS: all of the newest, nothing else
    local s=$mnt/deployments/default/$1
    [ "$(field "$s/status" observedGeneration)" = "$(cat "$s/metadata/generation")" ] &&
        [ "$(field "$s/status" updatedReplicas)" = "$2" ] && [ "$(field "$s/status" availableReplicas)" = "$2" ] &&
        [ "$(field "$s/status" replicas)" = "$2" ]
}
live() { # NAME: its pods that are not being deleted
    local p n=0
    for p in "$pods/@app=$1"/*; do
        [ -e "$p/object.yaml" ] || continue
        grep -q '^  deletionTimestamp' "$p/object.yaml" 2>/dev/null || n=$((n + 1))
    done
    echo $n
}
sets() { ls -d "$mnt/replicasets/default/$1"-* 2>/dev/null; }
images() { cat "$pods/@app=$1"/*/spec/containers/c/image | sort -u | tr '\n' ' '; }

# never more than replicas + maxSurge, never fewer available than replicas - maxUnavailable
deployment web nginx:1 4 'strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 1}}' 'revisionHistoryLimit: 1'
eventually 20 rolled web 4
stdbuf -oL cat "$mnt/deployments/default/_watch.json" >"$tmp/watch" &
watcher=$!
sed 's/nginx:1/nginx:2/' "$mnt/apply/web.yaml" >"$tmp/web.yaml" && cp "$tmp/web.yaml" "$mnt/apply/web.yaml" || fail "update"
most=0
deadline=$((SECONDS + 25 * slowness))
until rolled web 4; do
    [ $SECONDS -lt $deadline ] || fail "the roll does not end: $(cat "$mnt/deployments/default/web/status")"
    now=$(live web)
    [ "$now" -le "$most" ] || most=$now
done
kill $watcher
wait $watcher 2>/dev/null
[ "$most" -le 5 ] || fail "$most pods with 4 replicas and maxSurge 1"
python3 - "$tmp/watch" <<'END' || fail "bounds"
import json, sys
seen = 0
for line in open(sys.argv[1]):
    o = json.loads(line)["object"]
    s = o.get("status", {})
    if o["metadata"]["name"] != "web" or "replicas" not in s:
        continue
    seen += 1
    if s["replicas"] > 5 or s.get("availableReplicas", 0) < 3:
        sys.exit("out of bounds: %s" % s)
sys.exit(0 if seen > 2 else "only %d changes seen" % seen)
END
equal "images after the roll" 'nginx:2 ' "$(images web)"
contains "$(cat "$mnt/deployments/default/web/events")" 'ScalingReplicaSet'

# undo to the former template, which is the newest revision then
echo undo >"$mnt/deployments/default/web/ctl" || fail undo
eventually 25 rolled web 4
equal "images after undo" 'nginx:1 ' "$(images web)"
contains "$(cat "$mnt/deployments/default/web/object.yaml")" 'deployment.kubernetes.io/revision: "3"'
refused 'Invalid argument\|No such file' bash -c "echo 'undo 77' > '$mnt/deployments/default/web/ctl'"

# paused, nothing rolls; resumed, all changes are one roll; the history is bounded
echo pause >"$mnt/deployments/default/web/ctl" || fail pause
echo 2 >"$mnt/deployments/default/web/spec/replicas"
eventually 10 sh -c "[ \"\$(ls -d '$pods/@app=web'/* | wc -l)\" = 2 ]"
echo nginx:1.14.2 >"$mnt/deployments/default/web/spec/template/spec/containers/c/image" || fail image
never 1 sh -c "cat '$pods/@app=web'/*/spec/containers/c/image | grep -q 1.14.2"
contains "$(cat "$mnt/deployments/default/web/status")" 'reason: DeploymentPaused'
echo resume >"$mnt/deployments/default/web/ctl" || fail resume
eventually 25 rolled web 2
equal "images after resume" 'nginx:1.14.2 ' "$(images web)"
eventually 5 sh -c "[ \$(ls -d '$mnt/replicasets/default/web'-*/ | wc -l) = 2 ]"
before=$(ls "$pods/@app=web")
echo restart >"$mnt/deployments/default/web/ctl" || fail restart
eventually 25 sh -c "! ls '$pods/@app=web' | grep -qF '$before'"
eventually 25 rolled web 2
contains "$(cat "$mnt/deployments/default/web/object.yaml")" 'kubectl.kubernetes.io/restartedAt'

# Recreate: never two versions at once
deployment re busybox 2 'strategy: {type: Recreate}' 'progressDeadlineSeconds: 600'
sed -i '/image: busybox/s/image: busybox.*/image: busybox, command: [sleep, "1000"]}/' "$tmp/put.yaml"
cp "$tmp/put.yaml" "$mnt/apply/re.yaml" || fail re
eventually 15 rolled re 2
sed 's/"1000"/"1001"/' "$tmp/put.yaml" >"$tmp/re.yaml" && cp "$tmp/re.yaml" "$mnt/apply/re.yaml" || fail "re update"
deadline=$((SECONDS + 20 * slowness))
until rolled re 2; do
    [ $SECONDS -lt $deadline ] || fail "Recreate does not end"
    old=$(pids_of '^sleep 1000$') new=$(pids_of '^sleep 1001$')
    [ -z "$old" ] || [ -z "$new" ] || [ -z "$(pids_of '^sleep 1000$')" ] || fail "two versions at once: $old, $new"
done

# an image that is not there: the old pods stay, the deadline is told
deployment bad nginx:1 2 'strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}' 'progressDeadlineSeconds: 3'
eventually 15 rolled bad 2
echo nginx:no-such-tag >"$mnt/deployments/default/bad/spec/template/spec/containers/c/image" || fail image
eventually 15 has "$mnt/deployments/default/bad/status" 'reason: ProgressDeadlineExceeded'
equal "available with a bad image" 2 "$(field "$mnt/deployments/default/bad/status" availableReplicas)"
contains "$(cat "$pods/_index")" 'bad-.*\(ErrImagePull\|ImagePullBackOff\)'
contains "$(cat "$mnt/deployments/default/bad/status")" 'has timed out progressing'
[ "$(cat "$mnt/deployments/default/bad/wait/Available")" = True ] || fail "wait/Available"
echo undo >"$mnt/deployments/default/bad/ctl" || fail "undo of bad"
eventually 15 rolled bad 2
eventually 5 has "$mnt/deployments/default/bad/status" 'reason: NewReplicaSetAvailable'

# a pod whose label is changed is released and replaced; given back, one too many goes
victim=$(ls "$pods/@app=bad" | head -n 1)
echo free >"$pods/$victim/metadata/labels/app" || fail label
eventually 10 sh -c "! grep -q ownerReferences '$pods/$victim/object.yaml'"
eventually 15 rolled bad 2
phase_is "$victim" Running || fail "the released pod does not run"
echo bad >"$pods/$victim/metadata/labels/app" || fail "label back"
eventually 15 sh -c "[ \"\$(ls '$pods/@app=bad' | wc -l)\" = 2 ]"

# foreground: the owner goes last
echo 'delete foreground' >"$mnt/deployments/default/bad/ctl" || fail "delete foreground"
deadline=$((SECONDS + 15 * slowness))
while [ -e "$mnt/deployments/default/bad" ]; do
    [ $SECONDS -lt $deadline ] || fail "foreground deletion does not end"
done
[ -z "$(ls "$pods/@app=bad")" ] || fail "pods outlive the foreground deletion of their Deployment"
[ -z "$(sets bad)" ] || fail "ReplicaSets outlive it"
