#!/bin/bash
# Pods that misbehave within their limits harm neither the daemon nor each other; logs, exec and stats under strain.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
pods=$mnt/pods/default
put pods <<'END'
apiVersion: v1
kind: Pod
metadata: {name: memory}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: busybox, command: [sh, -c, "tail /dev/zero"], resources: {limits: {memory: 16Mi}}}
---
apiVersion: v1
kind: Pod
metadata: {name: flood}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "yes 0123456789012345678901234567890123456789012345678901234567890123456789 | head -n 600000; echo the end; sleep 1000"]}
---
apiVersion: v1
kind: Pod
metadata: {name: lines}
spec:
  restartPolicy: Never
  containers:
  - {name: c, image: busybox, command: [sh, -c, "head -c 300000 /dev/zero | tr '\\0' x; echo; printf 'a\\0b\\377\\376c\\rd\\n'; sleep 1; echo err >&2; sleep 1; printf 'no newline'"]}
---
apiVersion: v1
kind: Pod
metadata: {name: target}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - {name: c, image: busybox, command: [sh, -c, "sleep 5000 & wait"], resources: {limits: {cpu: 500m, memory: 64Mi}}}
END

# memory
eventually 15 phase_is memory Failed
contains "$(cat "$pods/memory/status")" 'reason: OOMKilled'
contains "$(cat "$pods/memory/status")" 'exitCode: 137'

# lines of any length and any bytes, as they were written
eventually 20 phase_is lines Succeeded
printf '%s\n' "$(head -c 300000 /dev/zero | tr '\0' x)" >"$tmp/expected"
printf 'a\0b\377\376c\rd\n' >>"$tmp/expected"
log() { cat "$pods/lines/log"; }
equal "bytes of a long line" 300000 "$(log | head -n 1 | tr -cd x | wc -c)"
log | grep -a -v '^err$' | head -c "$(stat -c %s "$tmp/expected")" | cmp - "$tmp/expected" || fail "the log is not what was written"
contains "$(log | tail -n 2 | tr -d '\0')" 'no newline'
contains "$(log | tr -d '\0')" '^err'

# more output than a log keeps: it rotates, the newest stays
eventually 30 sh -c "tail -n 1 '$pods/flood/log' | grep -q 'the end'"
kept=$(du -sm "$state" --exclude=images | cut -f1)
[ "$kept" -le 60 ] || fail "$kept MiB of state after 42 MB of log"

# exec: codes, input, terminals, many at once, clients that are killed
clone() { # sets conversation and dir
    exec {conversation}<"$pods/target/containers/c/exec/clone"
    local n
    read -r n <&$conversation
    dir=$pods/target/containers/c/exec/$n
}
run_in() { # COMMAND: its output, its status in $tmp/rc
    clone
    echo "exec $1" >"$dir/ctl" || fail "exec $1"
    cat "$dir/stdout"
    cat "$dir/status" >"$tmp/rc"
    exec {conversation}<&-
}
eventually 10 phase_is target Running
for code in 0 1 7 127 255; do
    run_in "sh -c 'exit $code'"
    equal "exit status" $code "$(cat "$tmp/rc")"
done
run_in "sh -c 'kill -9 \$\$'"
equal "status of a killed command" 137 "$(cat "$tmp/rc")"
clone
echo 'exec md5sum' >"$dir/ctl"
head -c 3000000 /dev/zero >"$dir/stdin" || fail stdin
equal "3 MB of input" "$(head -c 3000000 /dev/zero | md5sum)" "$(cat "$dir/stdout")"
exec {conversation}<&-
clone
printf "tty 40 100\nexec sh -c 'stty size'\n" >"$dir/ctl" || fail "tty"
contains "$(within 5 cat "$dir/stdout" | tr -d '\r')" '40 100'
exec {conversation}<&-
for i in $(seq 20); do
    (
        exec 9<"$pods/target/containers/c/exec/clone"
        read -r n <&9
        d=$pods/target/containers/c/exec/$n
        echo "exec sh -c 'echo $i; sleep 0.2; echo $i'" >"$d/ctl"
        cat "$d/stdout" >"$tmp/many-$i"
    ) &
    jobs[i]=$!
done
wait "${jobs[@]}"
for i in $(seq 20); do equal "exec $i of 20" "$i $i" "$(tr '\n' ' ' <"$tmp/many-$i" | sed 's/ $//')"; done
(
    exec 9<"$pods/target/containers/c/exec/clone"
    read -r n <&9
    echo 'exec sleep 4444' >"$pods/target/containers/c/exec/$n/ctl"
    exec cat "$pods/target/containers/c/exec/$n/stdout"
) &
client=$!
running() { [ -n "$(pids_of '^sleep 4444$')" ]; }
ended() { ! running; }
eventually 5 running
kill -9 $client
wait $client 2>/dev/null
eventually 5 ended

# stats are numbers that grow
contains "$(cat "$pods/target/containers/c/stats")" '^[a-z._]* [0-9][0-9]*$'

# fork bombs and writers within their limits, beside a daemon that goes on serving
run_in "sh -c 'dd if=/dev/zero of=/tmp/big bs=1M count=30 2>&1 | tail -n 1'" >/dev/null
clone
echo "exec sh -c 'b() { b | b & }; ulimit -u 200; b; sleep 2'" >"$dir/ctl" || fail "bomb"
for i in $(seq 20); do
    start=$(date +%s%N)
    [ "$(cat "$mnt/health")" = ok ] || fail "health: $(cat "$mnt/health")"
    ls "$pods" >/dev/null || fail ls
    took=$((($(date +%s%N) - start) / 1000000))
    [ $took -lt 2000 ] || fail "reading took $took ms beside a bomb"
done
exec {conversation}<&-
start=$SECONDS
rm "$mnt/apply/pods.yaml"
eventually 20 count_is "$pods" 0
kill -0 $daemon_pid || fail "the daemon is gone"
resident=$(awk '/VmRSS/ {print int($2 / 1024)}' /proc/$daemon_pid/status)
echo "resident: $resident MiB"
# with a grace of 0 the object goes first, its processes right after
bomb_is_gone() { [ -z "$(pids_of 'b | b')" ]; }
eventually 20 bomb_is_gone
