#!/bin/bash
# examples/watch.py: every change, in order; going on at a version.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
maps=$mnt/apis/core/v1/configmaps/default
mkdir "$maps/a" || fail mkdir
python3 -S "$top/examples/watch.py" "$mnt/configmaps/default" >"$tmp/seen" 2>&1 &
watcher=$!
eventually 5 has "$tmp/seen" '^ADDED default/a '
for i in $(seq 50); do echo "$i" >"$maps/a/data/k" || fail "echo $i"; done
half=$(cat "$maps/a/metadata/resourceVersion")
rmdir "$maps/a" && mkdir "$maps/b" || fail "a, b"
eventually 5 has "$tmp/seen" '^ADDED default/b '
equal "changes of a" 52 "$(grep -c ' default/a ' "$tmp/seen")"
awk '{print $3}' "$tmp/seen" | sort -nc || fail "not in order: $(cat "$tmp/seen")"
kill -INT $watcher
kill $watcher 2>/dev/null
wait $watcher 2>/dev/null

within 2 python3 -S "$top/examples/watch.py" --since "$half" "$mnt/configmaps/default" >"$tmp/later"
equal "after $half" 'DELETED default/a ADDED default/b' "$(awk '{print $1, $2}' "$tmp/later" | xargs)"
refused 'No such file' python3 -S "$top/examples/watch.py" "$mnt/configmaps/nowhere"
