#!/bin/bash
# The stream under load: many readers, text and JSON, see every change once and in one order; a reader
# that sleeps for too long is told so, and has missed nothing before.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
dir=$mnt/apis/core/v1/configmaps/default
bench=$build/tests/bench/bench_watch
timeout 250 "$bench" stream "$dir" 50 4 10 100 >"$tmp/out" 2>&1 || fail "50 readers: $(cat "$tmp/out")"
eventually 10 count_is "$dir" 0
# the log holds 65,536 changes for it, and its own buffer some thousands
timeout 250 "$bench" slow "$dir" 1000 90 >"$tmp/out" 2>&1 || fail "a slow reader: $(cat "$tmp/out")"
# it may be any number, but what it found was whole (the program looks)
[ "$(cat "$tmp/out")" -lt 92000 ] || fail "the slow reader was never told: $(cat "$tmp/out")"
# nobody needs them any more: the next watcher starts from what is there
eventually 20 count_is "$dir" 0
mkdir "$dir/after" || fail mkdir
timeout 10 sh -c 'head -n 1 "$1/_watch"' - "$dir" >"$tmp/out"
contains "$(cat "$tmp/out")" '^ADDED default/after '
