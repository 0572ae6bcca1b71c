#!/bin/bash
# Pods survive the daemon: a clean stop, kill -9, another start. Same processes, same addresses, nothing restarted.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox nginx
cp "$top/examples/nginx-deployment.yaml" "$mnt/apis/apps/v1/deployments/" || fail cp
deployment=$mnt/deployments/default/nginx-deployment
eventually 15 is "$deployment/status" availableReplicas 2

# what must not change: names, addresses, container ids, restart counts
portrait() {
    local p
    for p in "$mnt"/pods/default/nginx-deployment-*; do
        echo "${p##*/} $(field "$p/status" podIP) $(field "$p/status" containerID) $(field "$p/status" restartCount)"
    done
}
servers() { pids_of 'nginx: master'; }
before=$(portrait) pids=$(servers)
[ -n "$pids" ] || fail "no nginx runs"

stop_daemon
equal "nginx while the daemon is stopped" "$pids" "$(servers)"
for a in $(echo "$before" | cut -d' ' -f2); do
    [ -n "$(http "$a")" ] || fail "$a does not answer while the daemon is stopped"
done
start_daemon
eventually 10 is "$deployment/status" availableReplicas 2
equal "after a clean stop" "$before" "$(portrait)"

for round in 1 2 3; do
    kill_daemon
    start_daemon # detaches the stale mount by itself
    eventually 10 is "$deployment/status" availableReplicas 2
    equal "after kill -9, round $round" "$before" "$(portrait)"
    equal "processes" "$pids" "$(servers)"
done

# what happened meanwhile is known afterwards
kill_daemon
kill -9 "$(echo "$pids" | head -n 1)"
start_daemon
eventually 15 sh -c "cat '$mnt'/pods/default/nginx-deployment-*/status | grep -q 'restartCount: 1'"
eventually 15 is "$deployment/status" availableReplicas 2

# a write whose close() returned is there after kill -9, every time
for i in $(seq 5); do
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: kept-%s}\ndata: {number: "%s"}\n' "$i" "$i" >"$mnt/apis/core/v1/configmaps/kept-$i.yaml" || fail write
    kill_daemon
    start_daemon
    equal "configmap $i" "$i" "$(cat "$mnt/configmaps/default/kept-$i/data/number")"
done
