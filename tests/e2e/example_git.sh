#!/bin/bash
# examples/deploy-by-git.sh: a push deploys, a bad one says why, a revert goes back.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
export K8S=$mnt HOME=$tmp GIT_CONFIG_NOSYSTEM=1
export GIT_AUTHOR_NAME=dev GIT_AUTHOR_EMAIL=dev@example.com GIT_COMMITTER_NAME=dev GIT_COMMITTER_EMAIL=dev@example.com
git init -q --bare "$tmp/app.git" && git init -q -b main "$tmp/work" || fail init
cp "$top/examples/deploy-by-git.sh" "$tmp/app.git/hooks/post-receive"
cd "$tmp/work" || fail cd
made() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {k: "%s"}\n' "$1" "$2"; }
push() { git add -A && git commit -q -m "$1" && git push "$tmp/app.git" main 2>&1; }
maps=$mnt/configmaps/default
mkdir more && made a 1 >a.yaml && made b 1 >more/b.yaml
contains "$(push one)" 'deploy: .* is in '
equal a 1 "$(cat "$maps/a/data/k")"
equal b 1 "$(cat "$maps/b/data/k")"
uid=$(cat "$maps/a/metadata/uid")
b=$(cat "$maps/b/metadata/resourceVersion")
made a 2 >a.yaml && made c 1 >c.yaml
push two >"$tmp/out" || fail "push: $(cat "$tmp/out")"
equal a 2 "$(cat "$maps/a/data/k")"
equal "uid of a" "$uid" "$(cat "$maps/a/metadata/uid")"
equal "b was not touched" "$b" "$(cat "$maps/b/metadata/resourceVersion")"
[ -e "$maps/c" ] || fail "no c"

# refused: the pusher reads why
sed -i 's/data/datas/' a.yaml
contains "$(push bad)" 'a.yaml:4:1:.*unknown field "datas"'
equal a 2 "$(cat "$maps/a/data/k")"
git revert --no-edit HEAD >/dev/null || fail revert
git push -q "$tmp/app.git" main 2>"$tmp/out" || fail "push: $(cat "$tmp/out")"
contains "$(cat "$tmp/out")" 'is in '
equal a 2 "$(cat "$maps/a/data/k")"
[ -z "$(find "$mnt/apply" -name '*.err')" ] || fail ".err stays"

# back to the first state: c goes; another branch deploys nothing
git rm -q c.yaml && made a 1 >a.yaml
push back >/dev/null || fail "push back"
eventually 5 test ! -e "$maps/c"
equal a 1 "$(cat "$maps/a/data/k")"
git checkout -q -b other && made a 9 >a.yaml && git commit -q -a -m other
git push -q "$tmp/app.git" other || fail "push other"
equal a 1 "$(cat "$maps/a/data/k")"
