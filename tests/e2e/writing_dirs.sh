#!/bin/bash
# apply/ and dry-run/: several documents, any kinds, subdirectories; names and namespaces that the
# place implies; files that come, go, move and take over; attributes and scratch files.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
maps=$mnt/apis/core/v1/configmaps
live=$mnt/configmaps/default
cd "$tmp" || fail cd
map() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {k: "%s"}\n---\n' "$1" "$2"; }
there() { ls "$live" | grep -v ^_ | tr '\n' ' '; }
there_is() { [ "$(there)" = "$1" ]; }

# -- a tree of them, with what is no manifest, by cp and by rsync
mkdir -p site/db site/empty && map a 1 >site/a.yaml && map b 1 >site/db/b.yml && echo '# Read me' >site/README.md
printf '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"p": "w"}}' >site/db/s.json
cp -r site "$mnt/apply/" || fail "cp -r"
equal "objects" "a b " "$(there)"
[ -e "$mnt/secrets/default/s" ] || fail "a Secret in JSON"
diff -r site "$mnt/apply/site" || fail "what was copied"
touch -d '2020-02-02 02:02:02' site/a.yaml && rsync -a site "$mnt/apply/" || fail rsync
equal "rsync finds nothing to do" "" "$(rsync -ai site/a.yaml site/db/b.yml site/db/s.json "$mnt/apply/site/" | grep -v '^>f+')"
rm -f "$mnt/apply/site/b.yml" "$mnt/apply/site/s.json"
refused 'not empty' rmdir "$mnt/apply/site/db"
mv "$mnt/apply/site/db" "$mnt/apply/site/base" || fail "mv of a directory"
diff -r site/db "$mnt/apply/site/base" || fail "what was moved"
sleep 1.3
equal "objects after mv" "a b " "$(there)"
rm -r "$mnt/apply/site/base" || fail "rm -r of a subdirectory"
eventually 10 there_is "a "
eventually 10 test ! -e "$mnt/secrets/default/s"
[ -e "$mnt/apply/site/a.yaml" ] && [ -e "$mnt/apply/site/README.md" ] || fail "rm -r removed more"
rm -rf "$mnt/apply/site" || fail "rm -rf"
eventually 10 there_is ""

# -- documents: order, those that go, Lists, takeover
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: late}\n---\napiVersion: v1\nkind: Namespace\nmetadata: {name: late}\n' >late.yaml
cp late.yaml "$mnt/dry-run/" || fail "a dry run with its Namespace behind"
[ ! -e "$mnt/namespaces/late" ] || fail "a dry run made a Namespace"
cp late.yaml "$mnt/apply/" && [ -e "$mnt/configmaps/late/x" ] || fail "the Namespace comes behind"
{ map a 1; map b 1; map c 1; } >"$mnt/apply/three.yaml" || fail three
uid=$(cat "$live/c/metadata/uid")
{ map c 2; map a 1; } >"$mnt/apply/three.yaml" || fail two
equal "a document that is gone" "a c " "$(there)"
equal "another order" "$uid 2" "$(cat "$live/c/metadata/uid" "$live/c/data/k" | tr '\n' ' ' | sed 's/ $//')"
map c 3 >"$mnt/apply/later.yaml" || fail later
map a 1 >"$mnt/apply/three.yaml" || fail "without c"
equal "c is another file's" "$uid 3" "$(cat "$live/c/metadata/uid" "$live/c/data/k" | tr '\n' ' ' | sed 's/ $//')"
rm "$mnt/apply/three.yaml" && eventually 10 there_is "c "
refused 'Invalid argument' cp /dev/stdin "$mnt/apply/bad.yaml" < <(map ok 1; printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Bad_Name}\ndatq: {}\n')
equal "all or none" "c " "$(there)"
contains "$(cat "$mnt/apply/bad.yaml.err")" '^bad.yaml:[0-9]*:[0-9]*: datq: unknown field "datq", did you mean "data"?'
contains "$(cat "$mnt/apply/bad.yaml.err")" '^bad.yaml:[0-9]*:[0-9]*: metadata.name: Invalid value: "Bad_Name"'
rm "$mnt/apply/bad.yaml" "$mnt/apply/later.yaml" && eventually 10 there_is ""

# -- what the place says
mkdir "$mnt/namespaces/prod" || fail mkdir
printf 'apiVersion: v1\nkind: ConfigMap\n' >"$maps/prod/stem.yaml" && [ -e "$mnt/configmaps/prod/stem" ] || fail "the stem is the name, the directory the namespace"
refused 'Invalid argument' cp "$maps/prod/stem.yaml" "$mnt/secrets/stem.yaml"
contains "$(cat "$mnt/secrets/stem.yaml.err")" 'belongs into apis/core/v1/configmaps or apply'
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: default}\n' >other
refused 'Invalid argument' cp other "$maps/prod/other.yaml"
contains "$(cat "$maps/prod/other.yaml.err")" 'metadata.namespace: Invalid value: "default": the file is in the directory of the namespace "prod"'
rm "$mnt/secrets/stem.yaml" "$maps/prod/other.yaml" || fail "rm of drafts"
mv "$maps/prod/stem.yaml" "$maps/prod/new.yaml" && [ -e "$mnt/configmaps/prod/new" ] && [ ! -e "$mnt/configmaps/prod/stem" ] || fail "another stem, another object"

# -- dry runs
map d 1 >d.yaml && cp d.yaml "$maps/" && cp d.yaml "$mnt/dry-run/" || fail d
diff "$mnt/dry-run/d.yaml" "$live/d/object.yaml" || fail "a dry run of what is there"
sed 's/"1"/"2"/' d.yaml >"$mnt/dry-run/d.yaml" || fail "another value"
equal "what would change" '<   k: "2" >   k: "1"' "$(diff "$mnt/dry-run/d.yaml" "$live/d/object.yaml" | grep '^[<>]   k' | tr '\n' ' ' | sed 's/ $//')"
refused 'Invalid argument' cp "$mnt/dry-run/d.yaml" "$mnt/secrets/d.yaml"
sed -i 's/k: .*/k: [1]/' "$mnt/dry-run/d.yaml" 2>/dev/null && fail "a refused dry run"
contains "$(cat "$mnt/dry-run/d.yaml.err")" 'data\[k\]: Invalid value'
equal "nothing was stored" 1 "$(cat "$live/d/data/k")"
rm -f "$mnt"/dry-run/* "$mnt/secrets/d.yaml"

# -- attributes
touch -d '2021-03-04 05:06:07' "$maps/d.yaml" && chmod 640 "$maps/d.yaml" && chown 65534:65534 "$maps/d.yaml" || fail attributes
equal attributes "2021-03-04 640 65534 65534" "$(stat -c '%.10y %a %u %g' "$maps/d.yaml")"
cp -p "$maps/d.yaml" back && equal "copied back" "2021-03-04 640" "$(stat -c '%.10y %a' back)"
cp -p back "$maps/d.yaml" && equal "cp -p" "2021-03-04 640" "$(stat -c '%.10y %a' "$maps/d.yaml")"
kill_daemon
start_daemon --no-reconcile
equal "attributes of a file that was stored" "2021-03-04 640" "$(stat -c '%.10y %a' "$maps/d.yaml")"
cmp d.yaml "$maps/d.yaml" || fail "its bytes"
df "$mnt" >/dev/null && stat -f "$mnt" >/dev/null || fail "figures of the file system"
[ "$(stat -f -c %l "$mnt")" = 255 ] || fail "the length of names"

# -- scratch files: bounded, and the owner's
for i in $(seq 1100); do echo $i >"$mnt/apply/f$i~"; done
[ "$(ls "$mnt/apply" | grep -c '~')" = 1024 ] && [ -e "$mnt/apply/f1100~" ] && [ ! -e "$mnt/apply/f1~" ] || fail "too many scratch files"
refused 'too large' dd if=/dev/zero of="$mnt/apply/f1100~" bs=1M count=17
if command -v setpriv >/dev/null; then
    chmod 755 "$tmp"
    his() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
    his sh -c "echo his >'$mnt/apply/his~'" || fail "another user's scratch file"
    equal "what he sees" "his~" "$(his ls "$mnt/apply")"
    refused 'No such file' his cat "$mnt/apply/f1100~"
    equal "what root sees" his "$(cat "$mnt/apply/his~")"
    # a name is of who took it, also while its removal is under way
    map owned 1 >"$mnt/apply/site.yaml" || fail site
    refused 'Permission denied' his cp d.yaml "$mnt/apply/site.yaml"
    refused 'Permission denied' his sh -c "echo x >'$mnt/apply/f1100~'"
    his cp d.yaml "$mnt/apply/upload" && refused 'Permission denied' his mv "$mnt/apply/upload" "$mnt/apply/site.yaml"
    refused 'Permission denied' his mv "$mnt/apply/upload" "$mnt/apply/f1100~"
    cmp <(map owned 1) "$mnt/apply/site.yaml" || fail "root's file was overwritten"
    rm "$mnt/apply/site.yaml" && refused 'Permission denied' his cp d.yaml "$mnt/apply/site.yaml"
    eventually 10 test ! -e "$live/owned"
fi
mkdir "$mnt/apply/sub" && echo x >"$mnt/apply/sub/x~" && refused 'not empty' rmdir "$mnt/apply/sub"
rm -r "$mnt/apply/sub" && rm -f "$mnt"/apply/*~ || fail "rm of scratch files"
ln -s "me@here.1:2" "$live/d/.#object.yaml" && [ -L "$live/d/.#object.yaml" ] && rm "$live/d/.#object.yaml" || fail "an editor's lock"

# -- drafts: thousands are kept, and refused all the same
python3 - "$mnt/apply" <<'END' || fail drafts
import os, sys
refused = 0
for i in range(4200):
    try:
        with open(f'{sys.argv[1]}/draft-{i}.yaml', 'w') as f: f.write('no: object\n')
    except OSError as e:
        assert e.errno == 22, e
        refused += 1
names = os.listdir(sys.argv[1])
assert refused == 4200 and sum(n.endswith('.err') for n in names) == 4096, (refused, len(names))
for n in names:
    if not n.endswith('.err'): os.unlink(f'{sys.argv[1]}/{n}')
END
equal "after them" "" "$(ls "$mnt/apply" | grep draft)"
