#!/bin/bash
# CustomResourceDefinitions: the example of Kubernetes' documentation, from the definition's cp to
# its rm, over a restart and a second version; refused ones; a definition and its objects in one file.
. "$(dirname "$0")/lib.sh"
data=$top/tests/data/custom
crds=apis/apiextensions.k8s.io/v1/customresourcedefinitions
group=apis/stable.example.com

start_daemon
crd=$mnt/$crds

# -- at once
[ -e "$mnt/$group" ] && fail "the group is there already"
cp "$data/crontab.yaml" "$crd/" || fail "cp of the definition"
equal "resources" crontabs "$(ls "$mnt/$group/v1")"
equal "plural" "$group/v1/crontabs" "$(readlink "$mnt/crontabs")"
equal "short name" "$group/v1/crontabs" "$(readlink "$mnt/ct")"
ls "$mnt" | grep -qx ct || fail "the short name is not listed"
cp "$data/my-crontab.yaml" "$mnt/$group/v1/crontabs/" || fail "cp of an object"
cmp "$data/my-crontab.yaml" "$mnt/ct/my-crontab.yaml" || fail "the manifest is another one"
object=$mnt/ct/default/my-new-cron-object
equal "default" 1 "$(cat "$object/spec/replicas")"
cat "$crd/crontabs.stable.example.com/wait/Established" >/dev/null || fail "wait/Established"
eventually 10 has "$crd/crontabs.stable.example.com/status" 'reason: NoConflicts'
contains "$(cat "$crd/crontabs.stable.example.com/status")" '^- v1$'

# -- as kubectl prints it
contains "$(head -n 1 "$mnt/ct/_index")" '^NAMESPACE   NAME                 SPEC          REPLICAS   AGE$'
contains "$(tail -n 1 "$mnt/ct/_index")" '^default     my-new-cron-object   \* \* \* \* \*/5   1          [0-9]*s$'
contains "$(cat "$mnt/ct/_schema")" '^spec.replicas integer default=1 min=1 max=10$'
contains "$(cat "$object/describe")" 'Image: *my-awesome-cron-image'

# -- fields, patches, scale, status
echo 3 >"$object/spec/replicas" || fail "a field"
equal "generation" 2 "$(cat "$object/metadata/generation")"
echo 'scale 5' >"$object/ctl" || fail "scale"
equal "scaled" 5 "$(cat "$object/spec/replicas")"
printf 'replicas: 2\nlabelSelector: app=x\n' >"$object/status" || fail "status"
equal "status" 2 "$(cat "$object/status/replicas" 2>/dev/null || field "$object/status" replicas)"
equal "status does not count" 3 "$(cat "$object/metadata/generation")"
refused 'Invalid argument' bash -c "echo 11 >'$object/spec/replicas'"
contains "$(tail -n 1 "$mnt/errors")" 'spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10'
refused 'Invalid argument' bash -c "echo x >'$object/spec/replica'"

# -- refused objects
sed -e 's/cronSpec: .*/cronSpec: "every day"/' -e 's/image:/imagee:/' -e 's/my-new/bad/' "$data/my-crontab.yaml" >"$tmp/bad.yaml"
refused 'Invalid argument' cp "$tmp/bad.yaml" "$mnt/ct/"
said=$(cat "$mnt/ct/bad.yaml.err")
contains "$said" '^bad.yaml:6:3: spec.cronSpec: Invalid value: "every day": spec.cronSpec in body should match '
contains "$said" '^bad.yaml:7:3: spec.imagee: unknown field "imagee", did you mean "image"?'
rm "$mnt/ct/bad.yaml"

# -- refused definitions
refuse_definition() { # SED-SCRIPT PATTERN
    sed -e "$1" "$data/crontab.yaml" >"$tmp/refused.yaml"
    refused 'Invalid argument' cp "$tmp/refused.yaml" "$mnt/apply/"
    contains "$(cat "$mnt/apply/refused.yaml.err")" "$2"
    rm "$mnt/apply/refused.yaml"
}
refuse_definition 's/name: crontabs.stable/name: other.stable/' 'metadata.name: Invalid value: "other.stable.example.com": must be spec.names.plural+"."+spec.group'
refuse_definition 's/storage: true/storage: false/' 'must have exactly one version marked as storage version'
refuse_definition 's/type: integer/type: numeral/' 'Unsupported value: "numeral": supported values: "array"'
refuse_definition 's/default: 1$/default: 0/' 'properties\[replicas\].default: Invalid value: 0'
refuse_definition 's/minimum: 1$/minimal: 1/' 'unknown field "minimal", did you mean "minimum"'
# once it is served it stays what it is
sed 's/scope: Namespaced/scope: Cluster/' "$data/crontab.yaml" >"$tmp/crontab.yaml"
refused 'Operation not permitted' cp "$tmp/crontab.yaml" "$crd/"
contains "$(cat "$crd/crontab.yaml.err")" 'spec.scope: Invalid value: "Cluster": field is immutable'
cp "$data/crontab.yaml" "$crd/" || fail "the good one again"

# -- names that are taken
sed -e 's/crontabs/croptabs/; s/singular: crontab/singular: croptab/; s/kind: CronTab/kind: CropTab/' "$data/crontab.yaml" >"$tmp/second.yaml"
cp "$tmp/second.yaml" "$crd/" || fail "the second definition"
eventually 10 has "$crd/croptabs.stable.example.com/status" 'ShortNamesConflict'
contains "$(cat "$crd/croptabs.stable.example.com/status")" '"ct" is already in use'
[ -e "$mnt/$group/v1/croptabs" ] && fail "a definition without its names is served"
rm "$crd/second.yaml"
eventually 10 test ! -e "$crd/croptabs.stable.example.com"

# -- what a definition learns to default, old objects have, too
[ -e "$object/spec/image2" ] && fail "a field of the future"
sed 's/^                image:$/                image2: {type: string, default: none-so-far}\n                image:/' "$data/crontab.yaml" >"$tmp/learnt.yaml"
stat -c %s "$object/object.yaml" >/dev/null
cp "$tmp/learnt.yaml" "$crd/crontab.yaml" || fail "a new default"
equal "the new default" none-so-far "$(cat "$object/spec/image2")"
contains "$(cat "$object/object.yaml")" 'image2: none-so-far'
equal "size" "$(cat "$object/object.yaml" | wc -c)" "$(stat -c %s "$object/object.yaml")"
cp "$data/crontab.yaml" "$crd/crontab.yaml" || fail "without it again"
[ -e "$object/spec/image2" ] && fail "a default that is gone stays"

# -- a second version, over a restart
python3 - "$data/crontab.yaml" >"$tmp/crontab.yaml" <<'PY'
import sys, yaml, copy
crd = yaml.safe_load(open(sys.argv[1]))
old = crd["spec"]["versions"][0]
new = copy.deepcopy(old)
new["name"], old["storage"] = "v2", False
new["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["suspend"] = {"type": "boolean"}
crd["spec"]["versions"].append(new)
print(yaml.safe_dump(crd))
PY
cp "$tmp/crontab.yaml" "$crd/" || fail "the second version"
equal "versions" "v1 v2" "$(echo $(ls "$mnt/$group"))"
equal "the newest is preferred" "$group/v2/crontabs" "$(readlink "$mnt/ct")"
equal "one object, seen in v1" stable.example.com/v1 "$(cat "$mnt/$group/v1/crontabs/default/my-new-cron-object/apiVersion")"
equal "and in v2" stable.example.com/v2 "$(cat "$mnt/$group/v2/crontabs/default/my-new-cron-object/apiVersion")"
contains "$(head -n 1 "$mnt/$group/v2/crontabs/default/my-new-cron-object/object.yaml")" 'apiVersion: stable.example.com/v2'
contains "$(head -n 1 "$mnt/$group/v1/crontabs/default/my-new-cron-object/object.yaml")" 'apiVersion: stable.example.com/v1'
echo true >"$mnt/$group/v2/crontabs/default/my-new-cron-object/spec/suspend" || fail "a field of v2"
refused 'Invalid argument' bash -c "echo true >'$mnt/$group/v1/crontabs/default/my-new-cron-object/spec/suspended'"
contains "$(grep crontabs "$mnt/apis/_index")" '^crontabs *ct *stable.example.com/v2 *true *CronTab$'
equal "once" 1 "$(grep -c crontabs "$mnt/apis/_index")"
equal "counted once" 'k8sfs_objects{resource="crontabs.stable.example.com"} 1' "$(grep crontabs "$mnt/metrics")"
stop_daemon
start_daemon
equal "after the restart" "$group/v2/crontabs" "$(readlink "$mnt/ct")"
equal "the object, too" true "$(cat "$mnt/ct/default/my-new-cron-object/spec/suspend")"
equal "its manifest, too" my-crontab.yaml "$(ls "$mnt/$group/v1/crontabs" | grep yaml)"
equal "storedVersions" "- v1 - v2" "$(sed -n '/storedVersions/,$p' "$crd/crontabs.stable.example.com/status" | tail -n +2 | xargs)"
# killed between two writes
sed 's/my-new/another/' "$data/my-crontab.yaml" >"$tmp/another.yaml"
cp "$tmp/another.yaml" "$mnt/$group/v1/crontabs/" || fail "another object"
kill_daemon
start_daemon
equal "objects" "another-cron-object my-new-cron-object" "$(echo $(ls "$mnt/$group/v1/crontabs/default" | grep object))"

# -- watching
: >"$tmp/watched"
has_lines() { [ "$(wc -l <"$1")" -ge "$2" ]; }
timeout 20 cat "$mnt/$group/v1/crontabs/_watch" >"$tmp/watched" &
watcher=$!
eventually 10 has_lines "$tmp/watched" 2
echo 4 >"$mnt/$group/v2/crontabs/default/my-new-cron-object/spec/replicas"
eventually 10 has_lines "$tmp/watched" 3
kill $watcher
wait $watcher 2>/dev/null
contains "$(tail -n 1 "$tmp/watched")" '^MODIFIED default/my-new-cron-object '

if command -v inotifywait >/dev/null; then
    timeout 40 inotifywait -m -e create,modify "$mnt/$group/v1/crontabs/default" "$mnt/$group/v2/crontabs/default" >"$tmp/told" 2>&1 &
    watcher=$!
    eventually 10 has "$tmp/told" "Watches established"
    sed 's/my-new/third/' "$data/my-crontab.yaml" >"$tmp/third.yaml"
    cp "$tmp/third.yaml" "$mnt/$group/v1/crontabs/" || fail "a third object"
    eventually 10 has "$tmp/told" 'v1/crontabs/default/ CREATE,ISDIR third-cron-object'
    eventually 10 has "$tmp/told" 'v2/crontabs/default/ CREATE,ISDIR third-cron-object'
    kill $watcher
    wait $watcher 2>/dev/null
fi

# -- a definition with its objects in one file, the objects first
{
    printf 'apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: first}\nspec: {size: 3}\n---\n'
    sed -e 's/stable.example.com/example.org/; s/crontab/widget/g; s/CronTab/Widget/; s/- ct/- wd/; s/cronSpec:/size:/' \
        -e "s/type: string\$/type: string/; s/^ *pattern:.*//" "$data/crontab.yaml" |
        python3 -c '
import sys, yaml
crd = yaml.safe_load(sys.stdin)
spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
spec["properties"] = {"size": {"type": "integer", "maximum": 9}}
spec["x-kubernetes-validations"] = [{"rule": "self.size > 0"}]
print(yaml.safe_dump(crd))'
    printf -- '---\napiVersion: example.org/v1\nkind: Widget\nmetadata: {name: second}\nspec: {size: 4}\n'
} >"$tmp/both.yaml"
sed 's/size: 4/size: 40/' "$tmp/both.yaml" >"$tmp/wrong.yaml"
# what is only tried, in a version that there never is, leaves nothing
sed 's#example.org/v1#example.org/v9#; s/name: v1$/name: v9/' "$tmp/wrong.yaml" >"$tmp/never.yaml"
refused 'Invalid argument' cp "$tmp/never.yaml" "$mnt/apply/both.yaml"
contains "$(cat "$mnt/apply/both.yaml.err")" 'spec.size in body should be less than or equal to 9'
refused 'Invalid argument' cp "$tmp/wrong.yaml" "$mnt/apply/both.yaml"
contains "$(cat "$mnt/apply/both.yaml.err")" 'spec.size in body should be less than or equal to 9'
[ -e "$mnt/widgets" ] && fail "a part of a refused file was taken"
cp "$tmp/both.yaml" "$mnt/dry-run/both.yaml" || fail "dry run: $(cat "$mnt/dry-run/both.yaml.err")"
equal "would be stored" 3 "$(grep -c '^kind: ' "$mnt/dry-run/both.yaml")"
[ -e "$mnt/widgets" ] && fail "a dry run made a kind"
cp "$tmp/both.yaml" "$mnt/apply/both.yaml" || fail "a definition and its objects: $(cat "$mnt/apply/both.yaml.err")"
equal "both objects" "first second" "$(echo $(ls "$mnt/wd/default" | grep -v _))"
contains "$(cat "$mnt/wd/_schema")" 'rule="self.size > 0"'
printf 'apiVersion: example.org/v1\nkind: Widget\nmetadata: {name: third}\nspec: {size: 0}\n' >"$tmp/third.yaml"
refused 'Invalid argument' cp "$tmp/third.yaml" "$mnt/apply/third.yaml"
contains "$(cat "$mnt/apply/third.yaml.err")" 'spec: Invalid value: "object": failed rule: self.size > 0'
rm "$mnt/apply/third.yaml"
# the same file with a new field for the same objects
sed -i 's/maximum: 9/maximum: 99/; s/size: 4$/size: 40/; s/size: 4}/size: 40}/' "$tmp/both.yaml"
cp "$tmp/both.yaml" "$mnt/apply/both.yaml" || fail "definition and objects change together: $(cat "$mnt/apply/both.yaml.err")"
equal "changed" 40 "$(cat "$mnt/wd/default/second/spec/size")"
grep -rqa '"apiVersion":"example.org/v9","kind":"Widget"' "$state" && fail "objects are stored in a version that there never was"
echo 'delete foreground' >"$mnt/wd/default/first/ctl" || fail "delete foreground"
eventually 15 test ! -e "$mnt/wd/default/first"
rm "$mnt/apply/both.yaml"
eventually 15 test ! -e "$mnt/widgets"
eventually 15 test ! -e "$crd/widgets.example.org"

# -- one that is called like a file of the root
sed -e 's/crontab/image/g; s/CronTab/Image/; s/- ct/- im/' "$data/crontab.yaml" >"$tmp/images.yaml"
cp "$tmp/images.yaml" "$crd/" || fail "kind Image"
equal "images" 1 "$(ls "$mnt" | grep -cx images)"
[ -d "$mnt/images" ] && [ ! -L "$mnt/images" ] || fail "images/ is another one"
equal "its short name" "$group/v1/images" "$(readlink "$mnt/im")"
rm "$crd/images.yaml"
eventually 15 test ! -e "$mnt/im"

# -- the end
rm "$crd/crontab.yaml"
eventually 15 test ! -e "$mnt/ct"
eventually 15 test ! -e "$mnt/$group"
ls "$mnt/apis" | grep -q stable && fail "the group is still listed"
refused 'No such file' cp "$data/my-crontab.yaml" "$mnt/$group/v1/crontabs/"
refused 'Invalid argument' cp "$data/my-crontab.yaml" "$mnt/apply/"
contains "$(cat "$mnt/apply/my-crontab.yaml.err")" 'no matches for kind "CronTab" in version "stable.example.com/v1"'
stop_daemon
start_daemon
[ -e "$mnt/ct" ] && fail "a definition is back"
equal "health" ok "$(cat "$mnt/health")"
