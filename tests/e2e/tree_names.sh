#!/bin/bash
# What is done to a manifest without writing it: touched, emptied, renamed, linked, removed. How it is
# written: tools_running.sh.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
dir=$mnt/apis/apps/v1/deployments
live=$mnt/deployments/default/web
w=$tmp/w
mkdir "$w" && cd "$w" || fail "$w"
n=0
next() {
    n=$((n + 1))
    cat >web.yaml <<END
# a comment that stays
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: $n
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: nginx}]}
END
}
# arrived WHAT: the object and the file are what was written
arrived() {
    equal "$1: replicas" $n "$(cat "$live/spec/replicas")"
    equal "$1: uid" "$uid" "$(cat "$live/metadata/uid")"
    cmp web.yaml "$dir/web.yaml" || fail "$1: the file's bytes"
    equal "$1: size" "$(stat -c %s web.yaml)" "$(stat -c %s "$dir/web.yaml")"
}

next
cp web.yaml "$dir/web.yaml" || fail cp
uid=$(cat "$live/metadata/uid")
arrived cp

# what changes nothing of the object; a file that is cut to nothing is empty until it is written
touch "$dir/web.yaml" && arrived touch
for how in ': >' 'truncate -s 0'; do
    sh -c "$how '$dir/web.yaml'" || fail "$how"
    equal "$how: replicas, uid, size" "$n $uid 0" \
        "$(cat "$live/spec/replicas" "$live/metadata/uid" | paste -sd' ') $(stat -c %s "$dir/web.yaml")"
    cat web.yaml >>"$dir/web.yaml" && arrived "$how, and appended"
done
mv "$dir/web.yaml" "$dir/web.yaml.bak" && mv "$dir/web.yaml.bak" "$dir/web.yaml" && arrived "away and back"
sleep 1.5
arrived "after the grace of removals"
touch "$dir/empty.yaml" && [ -f "$dir/empty.yaml" ] && rm "$dir/empty.yaml" || fail "touch of a new manifest"
equal "objects" 1 "$(grep -c '^default' "$dir/_index")"

# an editor's lock, and what cannot be
ln -s "me@here.1:2" "$dir/.#web.yaml" && [ -L "$dir/.#web.yaml" ] && rm "$dir/.#web.yaml" || fail "editor's lock"
refused 'not permitted' ln "$dir/web.yaml" "$dir/other.yaml"
refused 'not permitted' ln -s web.yaml "$dir/other.yaml"
refused 'not permitted' mkfifo "$dir/fifo"
refused 'not permitted' mkdir "$dir/newspace"

# removal deletes after its grace, and only that
cp web.yaml "$dir/web.yaml"
rm "$dir/web.yaml" || fail rm
[ ! -e "$dir/web.yaml" ] || fail "the removed manifest is still there"
[ -e "$live" ] || fail "deleted without a grace"
eventually 5 test ! -e "$live"
