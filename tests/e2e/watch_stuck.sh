#!/bin/bash
# Clients that stop in the middle: one that holds a directory's lock for ever, stopped readers and watchers, killed
# ones. Everybody else is told on, and the end comes.
. "$(dirname "$0")/lib.sh"
command -v inotifywait >/dev/null || skip "no inotifywait"
start_daemon --no-reconcile
maps=$mnt/apis/core/v1/configmaps/default
secrets=$mnt/apis/core/v1/secrets/default
inotifywait -q -m --format '%e %w%f' "$maps" >"$tmp/maps" 2>&1 &
watch_maps=$!
inotifywait -q -m --format '%e %w%f' "$secrets" >"$tmp/secrets" 2>&1 &
watch_secrets=$!
sleep 1
put() { printf '{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}}\n---\n{apiVersion: v1, kind: Secret, metadata: {name: %s}}\n' "$1" "$1" >"$mnt/apply/$1.yaml" || fail "apply"; }
put one
eventually 10 has "$tmp/maps" "^CREATE,ISDIR $maps/one\$"
eventually 10 has "$tmp/secrets" "^CREATE,ISDIR $secrets/one\$"

"$build/tests/bench/bench_hold" "$maps" >"$tmp/hold" &
holder=$!
sleep 1
if has "$tmp/hold" holding; then
    for i in two three four five; do put $i; done # nobody who writes waits
    eventually 30 has "$tmp/secrets" "^CREATE,ISDIR $secrets/five\$"
    has "$tmp/maps" five && fail "the lock was not held"
    kill -9 $holder
    wait $holder 2>/dev/null
    put six
    eventually 30 has "$tmp/maps" "^CREATE,ISDIR $maps/six\$"
else
    echo "no userfaultfd: not tested with a held lock"
fi

# stopped: a reader of a stream, a watcher, in the middle of what they do
cat "$maps/_watch" >"$tmp/read" &
reader=$!
eventually 10 has "$tmp/read" 'default/one'
kill -STOP $reader $watch_maps
for i in $(seq 300); do put "n$((i % 10))"; rm "$mnt/apply/n$((i % 10)).yaml"; done
eventually 30 has "$tmp/secrets" "^CREATE,ISDIR $secrets/n9\$"
kill -CONT $reader $watch_maps
eventually 30 has "$tmp/maps" "^CREATE,ISDIR $maps/n9\$"
eventually 30 has "$tmp/read" 'default/n9'

# killed in the middle, and the end with watchers and stopped readers
kill -9 $watch_maps
put seven
eventually 10 has "$tmp/secrets" "^CREATE,ISDIR $secrets/seven\$"
kill -STOP $reader
stop_daemon
kill -CONT $reader
eventually 10 sh -c "! kill -0 $reader"
kill $watch_secrets
wait $watch_secrets $watch_maps $reader 2>/dev/null
start_daemon --no-reconcile
[ -d "$maps/seven" ] || fail "after it all"
