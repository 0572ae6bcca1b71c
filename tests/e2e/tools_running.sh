#!/bin/bash
# Every ordinary tool replaces the manifest of a Deployment that runs: the object follows and keeps
# its uid, pods that the change does not concern keep their processes, and a change of the template
# is one rollout.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"
start_daemon
import_images busybox
dir=$mnt/apis/apps/v1/deployments
live=$mnt/deployments/default/web
mkdir "$tmp/w" && cd "$tmp/w" || fail "$tmp/w"
n=0
template=1
# The next version of the manifest, in ./new; of the template, when a word is given.
next() {
    n=$((n + 1))
    [ $# = 0 ] || template=$((template + 1))
    cat >new <<END
# a comment that stays
apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}, annotations: {version: "$template"}}
    spec:
      terminationGracePeriodSeconds: 0
      containers: [{name: c, image: busybox, command: [sleep, "98761"]}]
metadata:
  name: web
  annotations:
    count: "$n"
END
}
pids() { pids_of '^sleep 98761' | tr '\n' ' '; }
sets() { grep -c '^default' "$mnt/replicasets/_index"; }
# arrived TOOL: the object and the file are what was written
arrived() {
    equal "$1: n" $n "$(cat "$live/metadata/annotations/count")"
    equal "$1: uid" "$uid" "$(cat "$live/metadata/uid")"
    cmp new "$dir/web.yaml" || fail "$1: the file's bytes"
    equal "$1: size" "$(stat -c %s new)" "$(stat -c %s "$dir/web.yaml")"
    [ ! -e "$dir/web.yaml.err" ] || fail "$1: $(cat "$dir/web.yaml.err")"
}
rolled_out() {
    is "$live/status" observedGeneration "$(cat "$live/metadata/generation")" && is "$live/status" updatedReplicas 2 &&
        is "$live/status" readyReplicas 2 && is "$live/status" replicas 2 && [ "$(pids | wc -w)" = 2 ]
}

next
cp new "$dir/web.yaml" || fail cp
uid=$(cat "$live/metadata/uid")
eventually 60 rolled_out
pids=$(pids)

while read -r tool; do
    next
    write_with "$tool" new "$dir/web.yaml" || fail "$tool: exit status $?"
    arrived "$tool"
done < <(tools)
sleep 1.5 # the grace of removals, for those who replace by removing
arrived "after all of them"
equal "processes" "$pids" "$(pids)"
equal "replica sets" 1 "$(sets)"
equal "generation" 1 "$(cat "$live/metadata/generation")"
rm -f "$dir"/*~
equal "what the tools left" "_ctl _index _index.wide _schema default kube-node-lease kube-public kube-system web.yaml " "$(ls -A "$dir" | tr '\n' ' ')"

# those that remove, rename or truncate on their way, and a new template
for tool in cp mv-beside sed-i 'vim no backup' 'vim auto nobackup' emacs rsync tar git; do
    tools 2>/dev/null | grep -qx -- "$tool" || continue
    next template
    case $tool in # editors change one line: they get the template beforehand, by another file
    sed-i | vim* | emacs) sed -i "s/version: .*/version: \"$template\"}}/" "$dir/web.yaml" || fail "sed -i" ;;
    esac
    write_with "$tool" new "$dir/web.yaml" || fail "$tool: exit status $?"
    arrived "$tool"
    eventually 60 rolled_out
    [ "$(pids)" != "$pids" ] || fail "$tool: the pods are the old ones"
    pids=$(pids)
    equal "$tool: replica sets" $template "$(sets)"
    sleep 1.2
    arrived "$tool"
    equal "$tool: processes" "$pids" "$(pids)"
done

# several documents by a loop of programs: each closes what it inherited, and none ends the text
for i in 1 2 3; do
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map-%s}\ndata: {k: v}\n' $i >map-$i
done
uids() { cat "$mnt"/configmaps/default/map-*/metadata/uid; }
for i in 1 2 3; do cat map-$i; echo ---; done >"$mnt/apply/maps.yaml"
equal "objects of the loop" 3 "$(uids | wc -l)"
uids=$(uids)
sed -i 's/k: v/k: w/' map-*
for shell in bash dash 'busybox sh'; do
    $shell -c 'for i in 1 2 3; do cat map-$i; echo ---; done >"$1"' - "$mnt/apply/maps.yaml" || fail "$shell: a loop"
    equal "$shell: a loop keeps objects" "$uids" "$(uids)"
    equal "$shell: a value" w "$(cat "$mnt/configmaps/default/map-3/data/k")"
done
cat map-1 >"$mnt/apply/maps.yaml" || fail "one document"
equal "documents that are gone" 1 "$(uids | wc -l)"

rm "$dir/web.yaml" || fail rm
eventually 20 test ! -e "$live"
no_pids() { [ -z "$(pids)" ]; }
eventually 30 no_pids
