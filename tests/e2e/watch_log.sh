#!/bin/bash
# A container's log while it grows: inotify, tail -f, tail -F, log.follow, through rotation and the next
# runs; what was read stays readable at its offset.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
cat >"$mnt/apply/p.yaml" <<'END'
apiVersion: v1
kind: Pod
metadata: {name: p}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    command: [sh, -c, 'echo ready; trap "echo told" USR1; trap "seq 1000000 1900000; echo end" USR2; trap "exit 1" HUP; while :; do sleep 1000 & wait; done']
END
pod=$mnt/apis/core/v1/pods/default/p
log=$pod/containers/c/log
cat "$pod/containers/c/log.follow" >"$tmp/follow" &
follower=$!
eventually 20 has "$tmp/follow" ready
equal log ready "$(cat "$pod/log")"
equal size 6 "$(stat -c %s "$log")"

# a watch on the file, one on its directory (Python's own hands), tail's polling
timeout 200 tail -n +1 -s 0.1 -f "$log" >"$tmp/tail" 2>"$tmp/tail.err" &
tail=$!
timeout 200 tail -n +1 -s 0.1 -F "$log" >"$tmp/tailF" 2>"$tmp/tailF.err" &
tailF=$!
timeout 60 python3 - "$log" "$pod/containers/c/ctl" <<'END' || fail "inotify on a log"
import ctypes, os, select, struct, sys
log, ctl = sys.argv[1:]
libc = ctypes.CDLL(None)
for path, name in (log, b''), (os.path.dirname(log), b'log'):
    fd = libc.inotify_init1(os.O_CLOEXEC)
    assert libc.inotify_add_watch(fd, path.encode(), 2) > 0
    size = os.stat(log).st_size
    for _ in range(3):
        open(ctl, 'w').write('kill USR1\n')
        seen = set()
        while name not in seen:
            assert select.select([fd], [], [], 20)[0], f'no event of {path}'
            events, at = os.read(fd, 4096), 0
            while at < len(events):
                wd, mask, cookie, n = struct.unpack_from('iIII', events, at)
                seen.add(events[at + 16:at + 16 + n].rstrip(b'\0'))
                at += 16 + n
        assert os.stat(log).st_size > size, 'told before it grew'
        size = os.stat(log).st_size
    os.close(fd)
END
eventually 10 has "$tmp/tail" told

# 900,000 lines are about 50 MB in the real files: rotated some times under its readers
echo 'kill USR2' >"$pod/containers/c/ctl" || fail kill
eventually 120 has "$tmp/follow" '^end$'
[ -e "$(echo "$state"/pods/*/containers/c/0.log.1)" ] || fail "the log was not rotated"
equal "log.follow" "$(seq 1000000 1900000 | cksum)" "$(grep -x '1[0-9]\{6\}' "$tmp/follow" | cksum)"
eventually 60 has "$tmp/tail" '^end$'
equal "tail -f" "$(seq 1000000 1900000 | cksum)" "$(grep -x '1[0-9]\{6\}' "$tmp/tail" | cksum)"
eventually 60 has "$tmp/tailF" '^end$'
equal "tail -F" "$(seq 1000000 1900000 | cksum)" "$(grep -x '1[0-9]\{6\}' "$tmp/tailF" | cksum)"
# from somewhere
python3 - "$pod/containers/c/log.follow" "$(cat "$log" | wc -c)" <<'END' || fail "log.follow from an offset"
import os, sys
f = os.open(sys.argv[1], os.O_RDONLY)
os.lseek(f, int(sys.argv[2]) - 4, os.SEEK_SET)
assert os.read(f, 100) == b'end\n'
END

# the next run
echo 'kill HUP' >"$pod/containers/c/ctl" || fail kill
again() { [ "$(grep -c ready "$1")" = 2 ]; }
ended() { ! kill -0 $1; }
eventually 60 ended $follower # with the run
equal "runs in log.follow" 1 "$(grep -c ready "$tmp/follow")"
eventually 60 again "$tmp/tail"
equal "log of the next run" ready "$(head -n 20 "$log")"
kill $tail $tailF
# the size is that of what there is to read
eventually 10 sh -c "[ \$(stat -c %s '$log') = 6 ]"
rm "$mnt/apply/p.yaml"
wait $tail $tailF $follower 2>/dev/null
