#!/bin/bash
# Walking the whole mount ends, sizes are true, numbers are stable, and removing a directory removes
# what it stands for.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
maps=$mnt/apis/core/v1/configmaps
for i in $(seq 50); do
    printf '%s\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: c%d, labels: {half: "%d"}}\ndata: {k: "v%d"}\n' --- $i $((i % 2)) $i
done >"$mnt/apply/fifty.yaml" || fail write

timeout 60 find "$mnt" >"$tmp/list" || fail find
[ "$(wc -l <"$tmp/list")" -gt 1000 ] || fail "find saw $(wc -l <"$tmp/list") names"
grep -q '/_watch\|/wait\|/exec\|\.follow' "$tmp/list" && fail "a file that blocks is listed"
timeout 60 grep -r 'no such text' "$mnt" && fail "grep found it"
timeout 60 du -s "$mnt" >/dev/null || fail du
timeout 60 tar cf "$tmp/all.tar" --exclude=metrics --exclude=health --exclude='_index*' --exclude=errors --exclude=net \
    -C "$mnt" . || fail tar
timeout 60 tar df "$tmp/all.tar" -C "$mnt" || fail "tar: sizes or contents differ"
timeout 60 cp -r "$maps/default" "$tmp/copy" || fail "cp -r from the tree"
cmp "$tmp/copy/c7/object.yaml" "$maps/default/c7/object.yaml" || fail "copy differs"
for f in "$maps"/default/c7/*; do
    [ -d "$f" ] || equal "size of $f" "$(stat -c %s "$f")" "$(wc -c <"$f")"
done
df "$mnt" >/dev/null && stat -f "$mnt" >/dev/null || fail statfs

# numbers, times
number=$(stat -c %i "$maps/default/c7" "$maps/default/c7/object.yaml")
old=$(stat -c %Y.%y "$maps/default/c7/object.yaml")
echo v >"$maps/default/c7/data/k"
equal "inode numbers" "$number" "$(stat -c %i "$maps/default/c7" "$maps/default/c7/object.yaml")"
[ "$old" != "$(stat -c %Y.%y "$maps/default/c7/object.yaml")" ] || fail "mtime did not change"
equal "size after a change" "$(wc -c <"$maps/default/c7/object.yaml")" "$(stat -c %s "$maps/default/c7/object.yaml")"

# an open file does not change under its reader; the next reader sees the new state
exec 5<"$maps/default/c7/object.yaml"
echo later >"$maps/default/c7/data/k"
contains "$(cat <&5)" 'k: v$'
contains "$(cat "$maps/default/c7/object.yaml")" 'k: later'
exec 5<&-

# selections
equal "selected" 25 "$(ls "$maps/default/@half=1" | wc -l)"
equal "across namespaces" 25 "$(ls "$mnt/configmaps/@half in (1,2)" | wc -l)"
contains "$(ls "$mnt/configmaps/@half=1")" '^default\.c1$'
equal "through the link" v1 "$(cat "$maps/default/@half=1/c1/data/k")"
refused 'Invalid argument' ls "$maps/default/@half in 1"
contains "$(tail -n 1 "$mnt/errors")" 'half'

# rm -r of an object deletes it, and of a field only that
rm -r "$maps/default/c1" || fail "rm -r of an object"
[ ! -e "$maps/default/c1" ] || fail "c1 is still there"
rmdir "$maps/default/c2" || fail "rmdir of an object"
rm -r "$maps/default/c3/data" || fail "rm -r of a map"
[ -e "$maps/default/c3/object.yaml" ] && [ ! -e "$maps/default/c3/data/k" ] || fail "c3"
equal "objects left" 48 "$(ls "$maps/default" | grep -vc ^_)"
echo 'delete c4 c5' >"$maps/default/_ctl" || fail "_ctl delete"
echo 'delete -l half=0' >"$maps/default/_ctl" || fail "_ctl delete -l"
equal "objects left" 23 "$(ls "$maps/default" | grep -vc ^_)"
refused 'No such file' bash -c "echo 'delete c6 nobody' >'$maps/default/_ctl'"

# a directory that was removed and made anew is another one
cd "$maps/default/c7" || fail cd
echo delete >ctl
refused 'Stale file handle\|No such file' cat object.yaml
cd "$tmp" || fail cd
mkdir "$maps/default/c7" || fail mkdir
[ "$(stat -c %i "$maps/default/c7")" != "${number%%$'\n'*}" ] || fail "the number of a deleted object"
echo x >"$maps/default/c7/data/new" && mkdir "$maps/default/c7/metadata/annotations" 2>/dev/null
equal "a new key" x "$(cat "$maps/default/c7/data/new")"
# what somebody else removes is gone, also what was prepared here and stored since
echo '{"data": {"new": null, "other": "o"}}' >"$maps/default/c7/patch.merge" || fail patch
equal "keys" other "$(ls "$maps/default/c7/data")"
refused 'No such file' cat "$maps/default/c7/data/new"
echo again >"$maps/default/c7/data/new" || fail "a key that was there before"
equal "the key" again "$(cat "$maps/default/c7/data/new")"
# keys with a slash
echo y >"$maps/default/c7/metadata/labels/example.com%2Fname" || fail "a key with a slash"
contains "$(cat "$maps/default/c7/object.yaml")" 'example.com/name: "y"\|example.com/name: y'
