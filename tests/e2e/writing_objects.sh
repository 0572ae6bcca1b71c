#!/bin/bash
# What is written into an object's own files: by editors and tools that rename a new file into place,
# line by line, by several programs; fields, map keys and verbs.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"
start_daemon --no-reconcile
live=$mnt/deployments/default/web
cd "$tmp" || fail cd
cat >web.yaml <<'END'
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations:
    count: "1"
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: busybox}]}
END
cp web.yaml "$mnt/deployments/" || fail cp
uid=$(cat "$live/metadata/uid")
names=$(ls -A "$live")

# object.yaml, by whatever edits a line of it
n=1
while read -r tool; do
    case $tool in # what writes a file that is prepared elsewhere, or cannot know of others beside it
    sed-i | perl-pi | vim* | emacs | ed | ex | nano* | cp | tee | bash-cat | dash-cat | python | dd | curl) ;;
    *) continue ;;
    esac
    n=$((n + 1))
    sed "s/^    count: .*/    count: \"$n\"/" "$live/object.yaml" >new
    write_with "$tool" new "$live/object.yaml" || fail "$tool: exit status $?"
    equal "$tool" $n "$(cat "$live/metadata/annotations/count")"
    sed "s/^    count: .*/    count: [$n]/" "$live/object.yaml" >new
    write_with "$tool" new "$live/object.yaml" 2>/dev/null >&2 && [ "${tool%-B}" != nano ] && fail "$tool: a refusal is not seen"
    contains "$(tail -n 4 "$mnt/errors")" 'object.yaml:[0-9]*:[0-9]*: metadata.annotations\[count\]: .*must be a string'
    equal "$tool, refused" $n "$(cat "$live/metadata/annotations/count")"
done < <(tools 2>/dev/null)
[ $n -gt 15 ] || fail "only $n tools"
rm -f "$live"/*~
equal "what the tools left" "$names" "$(ls -A "$live")"
equal uid "$uid" "$(cat "$live/metadata/uid")"
# by hand: a copy beside it, renamed over it
sed 's/replicas: 2/replicas: 3/' "$live/object.yaml" >"$live/object.yaml.new" && mv "$live/object.yaml.new" "$live/object.yaml" || fail mv
equal replicas 3 "$(cat "$live/spec/replicas")"
# a backup by renaming is a copy of what was, and the object's file stays
mv "$live/object.yaml" "$live/object.yaml~" && echo 6 >"$live/spec/replicas" || fail "mv to a backup"
eventually 9 grep -q '^  replicas: 3' "$live/object.yaml~"
contains "$(cat "$live/object.yaml")" '^  replicas: 6'
refused 'busy' mv "$live/object.yaml~" "$live/object.yaml"
rm "$live/object.yaml~" && echo 3 >"$live/spec/replicas" || fail "rm of a backup"
# a version that is not the present one
cp "$live/object.yaml" stale && echo 2 >"$live/spec/replicas" || fail stale
refused 'busy' cp stale "$live/object.yaml"
cp stale "$live/object.yaml.new" && refused 'busy' mv "$live/object.yaml.new" "$live/object.yaml"
rm "$live/object.yaml.new" || fail rm
refused 'unknown field' sh -c "touch '$live/specc' || tail -n 1 '$mnt/errors' && false"

# patches: half of one is another patch
mkdir maps && printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: "1", b: "2"}\n' >maps/c.yaml
cp maps/c.yaml "$mnt/configmaps/" || fail cp
map=$mnt/configmaps/default/c
for shell in bash dash 'busybox sh'; do
    $shell -c 'printf "data:\n  a: x\n" >"$1"' - "$map/patch" || fail "$shell: printf"
    equal "$shell: a patch by lines" "x 2" "$(cat "$map/data/a") $(cat "$map/data/b")"
    $shell -c '{ echo data:; cat /dev/null; echo "  a: w" | cat; } >"$1"' - "$map/patch" || fail "$shell: group"
    equal "$shell: a patch by programs" "w 2" "$(cat "$map/data/a") $(cat "$map/data/b")"
    $shell -c 'printf "metadata: {labels: {l: one}}\ndata: {a: z}\n" >"$1"' - "$map/apply.force" || fail "$shell: apply"
    equal "$shell: applied by lines" "z one" "$(cat "$map/data/a") $(cat "$map/metadata/labels/l")"
    cp maps/c.yaml "$mnt/configmaps/" || fail cp
    # each shell in words of its own
    refused 'rror' $shell -c 'echo "data: [1]" >"$1"' - "$map/patch"
    refused 'rror' $shell -c 'echo "dota: {}" >"$1"' - "$map/patch"
    refused 'rror' $shell -c "echo '{\"data\": {\"a\": [1]}}' >\"\$1\"" - "$map/patch.merge"
    refused 'rror' $shell -c 'echo "[{op: test, path: /data/a, value: no}]" >"$1"' - "$map/patch.json"
    equal "$shell: nothing was done" "1 2" "$(cat "$map/data/a") $(cat "$map/data/b")"
done
cat >"$map/patch" <<'END' || fail heredoc
data:
  a: long
END
equal heredoc long "$(cat "$map/data/a")"
head -c 10000 /dev/zero | tr '\0' x >big
{ echo 'data:'; printf '  a: '; cat big; echo; } >"$map/patch" || fail "a long patch"
equal "a long patch" 10001 "$(wc -c <"$map/data/a")"
sh -c "{ printf 'data:\n'; kill -9 \$\$; } >'$map/patch'" 2>/dev/null
equal "a patch that was cut off" 10001 "$(wc -c <"$map/data/a")"

# one-value files, by tools that rename
echo web >"$map/metadata/labels/tier" || fail echo
for tool in 'sed -i s/web/db/' 'perl -pi -e s/db/web/' 'busybox sed -i s/web/db/'; do
    $tool "$map/metadata/labels/tier" || fail "$tool"
    equal "labels after $tool" "tier" "$(ls -A "$map/metadata/labels")"
done
equal "a label" db "$(cat "$map/metadata/labels/tier")"
sed -i 's/./4/' "$live/spec/replicas" || fail "sed -i of a number"
equal replicas 4 "$(cat "$live/spec/replicas")"
refused 'Bad message' sed -i 's/4/four/' "$live/spec/replicas"
if have vim; then
    for how in 'auto backup' 'yes nobackup' 'no backup' 'no nobackup'; do
        vim -u NONE -i NONE -es -c "set nocp backupskip= backupcopy=${how% *} ${how#* }" -c "%s/.*/v$((n += 1))/" -c wq \
            "$map/metadata/labels/tier" </dev/null >/dev/null || fail "vim $how"
        equal "vim $how" "v$n" "$(cat "$map/metadata/labels/tier")"
        rm -f "$map/metadata/labels/tier~"
        equal "labels after vim" "tier" "$(ls -A "$map/metadata/labels")"
    done
fi
# keys that only look like a tool's files are keys
for key in app.conf.bak a.orig .x.abcdef sedentary; do
    echo 1 >"$map/data/$key" || fail "$key"
    contains "$(cat "$map/object.yaml")" "^  $key: "
    rm "$map/data/$key" || fail "rm $key"
done
mkdir "$live/spec/template/spec/containers/side" && echo busybox >"$live/spec/template/spec/containers/side/image" || fail "mkdir of an element"
contains "$(cat "$live/object.yaml")" 'name: side'
rm -r "$live/spec/template/spec/containers/side" || fail "rm of an element"
equal containers c "$(ls "$live/spec/template/spec/containers")"
rm "$map/metadata/labels/tier" || fail "rm of a label"
equal labels "" "$(ls -A "$map/metadata/labels")"

# verbs, quoted as in Plan 9
echo "scale '7'" >"$live/ctl" || fail ctl
equal replicas 7 "$(cat "$live/spec/replicas")"
refused 'Invalid argument' bash -c "echo \"scale '7\" >'$live/ctl'"
printf 'scale 1\nscale 2\n' >"$live/ctl" || fail "two commands"
equal replicas 2 "$(cat "$live/spec/replicas")"
for i in 1 2 3; do printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: d%s, labels: {a: "%s"}}\n' $i $((i % 2)); echo ---; done >"$mnt/apply/d.yaml"
echo 'delete d2' >"$mnt/configmaps/default/_ctl" || fail "delete NAME"
[ ! -e "$mnt/configmaps/default/d2" ] && [ -e "$mnt/configmaps/default/d1" ] || fail "delete NAME: not that one"
echo "delete -l 'a in (1)'" >"$mnt/configmaps/default/_ctl" || fail "delete -l"
equal "what is left" c "$(ls "$mnt/configmaps/default" | grep -v ^_)"

# an object's directory goes with all in it, and only that
mkdir "$mnt/namespaces/other" && cp "$map/object.yaml" x && sed 's/^  name: c/  name: c2/; /uid:/d; /resourceVersion/d; /managedFields/,/^  name:/{/^  name:/!d}' x >"$mnt/configmaps/c2.yaml" || fail c2
echo scratch >"$map/object.yaml~" && rm -rf "$map" || fail "rm -rf"
[ ! -e "$map" ] && [ -e "$mnt/configmaps/default/c2" ] && [ -e "$live" ] || fail "rm -rf of an object's directory"
[ -e "$mnt/configmaps/c.yaml" ] || fail "the manifest of a removed object is a file all the same"
cp maps/c.yaml "$mnt/configmaps/" && [ -e "$map" ] || fail "the same bytes make the object again"
