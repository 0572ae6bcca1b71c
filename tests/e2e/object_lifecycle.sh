#!/bin/bash
# Objects by their rules: versions, finalizers, owners, namespaces, conflicts of appliers.
. "$(dirname "$0")/lib.sh"
start_daemon
maps=$mnt/apis/core/v1/configmaps
made() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s%s}\ndata: {a: "1"}\n' "$1" "${2:-}"; }

# resourceVersion: an old copy does not overwrite
made c >"$maps/c.yaml" || fail write
object=$mnt/configmaps/default/c
cp "$object/object.yaml" "$tmp/old.yaml"
echo 2 >"$object/data/a" || fail "echo 2"
refused 'Device or resource busy' cp "$tmp/old.yaml" "$object/object.yaml"
contains "$(cat "$mnt/errors")" 'the object has been modified'
equal a 2 "$(cat "$object/data/a")"
sed '/resourceVersion/d; s/a: "1"/a: "3"/' "$tmp/old.yaml" >"$object/object.yaml" || fail "replace without a version"
equal a 3 "$(cat "$object/data/a")"

# fields of maps come and go as files
echo web >"$object/metadata/labels/tier" || fail label
contains "$(cat "$object/object.yaml")" 'tier: web'
rm "$object/metadata/labels/tier" || fail "rm of a label"
[ -z "$(grep tier "$object/object.yaml" | grep -v f:)" ] || fail "the label is still there"
echo '{"data":{"a":null,"b":"x"}}' >"$object/patch.merge" || fail patch
[ ! -e "$object/data/a" ] && [ "$(cat "$object/data/b")" = x ] || fail "after the patch: $(ls "$object/data")"

# apply without force: a field that another writer changed is his, and he is named
made shared >"$maps/shared.yaml"
echo 5 >"$mnt/configmaps/default/shared/data/a" || fail "echo 5"
printf 'apiVersion: v1\nkind: ConfigMap\ndata: {a: other}\n' >"$tmp/partial.yaml"
refused 'Device or resource busy' cp "$tmp/partial.yaml" "$mnt/configmaps/default/shared/apply"
contains "$(tail -n 3 "$mnt/errors")" 'conflict with "root".*\.data\.a'
cp "$tmp/partial.yaml" "$mnt/configmaps/default/shared/apply.force" || fail apply.force
equal a other "$(cat "$mnt/configmaps/default/shared/data/a")"

# finalizers hold a deletion until they are gone
made held ', finalizers: [example.com/hold]' >"$maps/held.yaml" || fail write
rm "$maps/held.yaml"
eventually 5 sh -c "grep -q deletionTimestamp '$mnt/configmaps/default/held/object.yaml'"
never 1 test ! -e "$mnt/configmaps/default/held"
echo '{"metadata":{"finalizers":null}}' >"$mnt/configmaps/default/held/patch.merge"
eventually 5 test ! -e "$mnt/configmaps/default/held"

# what an owner owned goes with it, unless orphaned
made owner >"$maps/owner.yaml"
uid=$(cat "$mnt/configmaps/default/owner/metadata/uid")
made owned ", ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner, uid: $uid}]" >"$mnt/apply/owned.yaml" || fail owned
echo delete >"$mnt/configmaps/default/owner/ctl" || fail delete
eventually 10 test ! -e "$mnt/configmaps/default/owned"
made owner2 >"$mnt/apply/owner2.yaml"
uid=$(cat "$mnt/configmaps/default/owner2/metadata/uid")
made owned2 ", ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: owner2, uid: $uid}]" >"$mnt/apply/owned2.yaml"
echo 'delete orphan' >"$mnt/configmaps/default/owner2/ctl" || fail "delete orphan"
eventually 10 test ! -e "$mnt/configmaps/default/owner2"
never 1 test ! -e "$mnt/configmaps/default/owned2"
eventually 5 sh -c "! grep -q ownerReferences '$mnt/configmaps/default/owned2/object.yaml'"

# a namespace takes all of its objects along, and nothing new goes in
mkdir "$mnt/apis/core/v1/namespaces/team" || fail mkdir
eventually 5 is "$mnt/namespaces/team/status" phase Active
eventually 5 test -e "$mnt/serviceaccounts/team/default"
made inside | sed 's/name: inside/name: inside, namespace: team/' >"$maps/inside.yaml" || fail inside
[ -e "$mnt/configmaps/team/inside" ] || fail "not in its namespace"
refused 'Invalid argument' sh -c "sed 's/namespace: team/namespace: default/' '$maps/inside.yaml' > '$maps/team/x.yaml'"
rmdir "$mnt/apis/core/v1/namespaces/team" || fail rmdir
eventually 10 test ! -e "$mnt/namespaces/team"
[ ! -e "$mnt/configmaps/team/inside" ] || fail "an object outlives its namespace"
refused 'Operation not permitted\|Permission denied' rmdir "$mnt/apis/core/v1/namespaces/default"

# replaced by unlink and create within a second: the same object
uid=$(cat "$mnt/configmaps/default/shared/metadata/uid")
rm "$maps/shared.yaml" && made shared | sed 's/"1"/"9"/' >"$maps/shared.yaml"
never 2 test ! -e "$mnt/configmaps/default/shared"
equal uid "$uid" "$(cat "$mnt/configmaps/default/shared/metadata/uid")"
equal a 9 "$(cat "$mnt/configmaps/default/shared/data/a")"
