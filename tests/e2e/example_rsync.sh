#!/bin/bash
# examples/deploy-by-rsync.sh: what changed is applied, what is gone is deleted, the rest is not touched.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
export K8S=$mnt
deploy() { "$top/examples/deploy-by-rsync.sh" "$tmp/app"; }
mkdir -p "$tmp/app/web" || fail mkdir
made() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {k: "%s"}\n' "$1" "$2"; }
for name in a b c; do made $name 1 >"$tmp/app/web/$name.yaml"; done
deploy || fail "deploy: $(cat "$mnt/errors")"
maps=$mnt/configmaps/default
for name in a b c; do equal "$name" 1 "$(cat "$maps/$name/data/k")"; done
uid=$(cat "$maps/a/metadata/uid")
version() { cat "$maps/$1/metadata/resourceVersion"; }
b=$(version b)

made a 2 >"$tmp/app/web/a.yaml"
rm "$tmp/app/web/c.yaml"
deploy || fail "deploy again"
equal a 2 "$(cat "$maps/a/data/k")"
equal "uid of a" "$uid" "$(cat "$maps/a/metadata/uid")"
equal "b was not touched" "$b" "$(version b)"
eventually 5 test ! -e "$maps/c"
a=$(version a)
deploy || fail "deploy of the same"
equal "a was not touched" "$a" "$(version a)"

# refused: told, and what was there stays
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndatas: {k: "3"}\n' >"$tmp/app/web/a.yaml"
refused 'a.yaml:4:1:.*unknown field "datas"' deploy
equal a 2 "$(cat "$maps/a/data/k")"
made a 3 >"$tmp/app/web/a.yaml"
deploy || fail "deploy of the good one"
equal a 3 "$(cat "$maps/a/data/k")"
[ -z "$(find "$mnt/apply" -name '*.err')" ] || fail ".err stays"
