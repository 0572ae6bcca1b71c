#!/bin/bash
# Every ordinary tool replaces the manifest of a Deployment: its object follows, keeps its uid, and
# the file holds the bytes that were written.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
dir=$mnt/apis/apps/v1/deployments
live=$mnt/deployments/default/web
w=$tmp/w
mkdir "$w" && cd "$w" || fail "$w"
n=0
# The next version of the manifest, in ./web.yaml.
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
# arrived TOOL: the object and the file are what was written
arrived() {
    equal "$1: replicas" $n "$(cat "$live/spec/replicas")"
    equal "$1: uid" "$uid" "$(cat "$live/metadata/uid")"
    cmp web.yaml "$dir/web.yaml" || fail "$1: the file's bytes"
    equal "$1: size" "$(stat -c %s web.yaml)" "$(stat -c %s "$dir/web.yaml")"
}
have() { command -v "$1" >/dev/null; }

next
cp web.yaml "$dir/web.yaml" || fail cp
uid=$(cat "$live/metadata/uid")
arrived cp
next && cp web.yaml "$dir/web.yaml" && arrived "cp over"
next && cp -p web.yaml "$dir/" && arrived "cp -p"
next && cp -r "$w/web.yaml" "$dir/" && arrived "cp -r"
next && cat web.yaml >"$dir/web.yaml" && arrived "cat >"
next && tee "$dir/web.yaml" <web.yaml >/dev/null && arrived tee
next && install -m 644 web.yaml "$dir/web.yaml" && arrived install
next && cp web.yaml moved && mv moved "$dir/web.yaml" && arrived "mv from another filesystem"
next && cp web.yaml "$dir/upload" && mv "$dir/upload" "$dir/web.yaml" && arrived "mv into place"
next && sed -i "s/replicas: .*/replicas: $n/" "$dir/web.yaml" && arrived "sed -i"
next && perl -pi -e "s/replicas: .*/replicas: $n/" "$dir/web.yaml" && arrived "perl -pi"
next && awk 1 web.yaml >"$dir/web.yaml" && arrived awk
next && head -n 3 web.yaml >"$dir/part" && tail -n +4 web.yaml >>"$dir/part" && mv "$dir/part" "$dir/web.yaml" &&
    arrived ">>"
next && python3 -c "open('$dir/web.yaml', 'w').write(open('web.yaml').read())" && arrived python
next && tar cf t.tar web.yaml && tar xf t.tar -C "$dir" && arrived tar
tar xf t.tar -C "$dir" && arrived "tar again"
have dd && next && dd if=web.yaml of="$dir/web.yaml" bs=512 status=none && arrived dd
have ed && next && printf '%s\n' "1,\$s/replicas: .*/replicas: $n/" w q | ed -s "$dir/web.yaml" && arrived ed
have curl && next && curl -s -o "$dir/web.yaml" "file://$w/web.yaml" && arrived curl
if have rsync; then
    next && rsync -a --ignore-times web.yaml "$dir/" && arrived "rsync -a"
    equal "rsync copies again" "" "$(rsync -ai web.yaml "$dir/")"
    next && rsync -a --ignore-times --inplace web.yaml "$dir/" && arrived "rsync --inplace"
fi
if have vim; then
    for how in 'auto backup' 'auto nobackup' 'yes backup' 'no backup' 'no nobackup'; do
        next
        vim -u NONE -es -c "set nocp backupskip= backupcopy=${how% *} ${how#* }" \
            -c "%s/replicas: .*/replicas: $n/" -c wq "$dir/web.yaml" </dev/null >/dev/null 2>&1
        arrived "vim $how"
    done
    rm -f "$dir/web.yaml~"
fi
if have git; then
    export GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b
    git init -q repo && cp web.yaml repo/ && git -C repo add . && git -C repo commit -qm one && git -C repo branch one
    next && cp web.yaml repo/ && git -C repo commit -qam two && git -C repo branch two
    for branch in one two; do
        git -C repo --work-tree="$dir" checkout -qf $branch -- web.yaml || fail "git checkout $branch"
    done
    arrived git
fi

# what changes nothing
touch "$dir/web.yaml" && arrived touch
: >"$dir/web.yaml" && arrived "an empty redirect"
truncate -s 0 "$dir/web.yaml" && arrived truncate
mv "$dir/web.yaml" "$dir/web.yaml.bak" && mv "$dir/web.yaml.bak" "$dir/web.yaml" && arrived "away and back"
settle 1.5
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
