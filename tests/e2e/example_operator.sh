#!/bin/bash
# examples/operator.sh: a labelled ConfigMap becomes a website; its change new pods; its end, theirs.
. "$(dirname "$0")/lib.sh"
command -v inotifywait >/dev/null || skip "needs inotifywait"
start_daemon
import_images nginx
export K8S=$mnt
maps=$mnt/apis/core/v1/configmaps
page() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, labels: {website: "yes"}}\ndata: {index.html: "%s"}\n' "$1" "$2"; }
page early "was there before" >"$maps/early.yaml" || fail early
setsid "$top/examples/operator.sh" >"$tmp/operator.log" 2>&1 &
operator=$!
at_end() { kill -- -$operator 2>/dev/null; }
eventually 10 test -e "$mnt/deployments/default/early"
page hello "hello 1" >"$maps/hello.yaml" || fail hello
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: other}\ndata: {index.html: x}\n' >"$maps/other.yaml"
deployment=$mnt/deployments/default/hello
eventually 20 is "$deployment/status" availableReplicas 1
serves() { # TEXT: every pod that runs
    local a n=0
    for a in $(cat "$mnt"/pods/default/@website=hello/*/status 2>/dev/null | sed -n 's/^podIP: //p'); do
        http "$a" | grep -q "$1" || return 1
        n=$((n + 1))
    done
    [ $n = 1 ]
}
eventually 10 serves 'hello 1'
[ ! -e "$mnt/deployments/default/other" ] || fail "a ConfigMap without the label has a website"
echo 'hello 2' >"$mnt/configmaps/default/hello/data/index.html" || fail "echo"
eventually 30 serves 'hello 2'
rm "$maps/hello.yaml"
eventually 20 test ! -e "$deployment"
[ -e "$mnt/deployments/default/early" ] || fail "early is gone, too"
# the label decides
rm "$mnt/configmaps/default/early/metadata/labels/website" || fail "rm of the label"
eventually 20 test ! -e "$mnt/deployments/default/early"
[ -e "$maps/early.yaml" ] || fail "the ConfigMap is gone, too"
equal "manifests that are left" '' "$(ls "$mnt/apply")"
