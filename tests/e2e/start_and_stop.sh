#!/bin/bash
# The command itself: options, readiness told to systemd and to --background, mount -t, --stop, --purge.
. "$(dirname "$0")/lib.sh"

contains "$("$k8sfs" --help)" '--pod-cidr CIDR'
contains "$("$k8sfs" --version)" '^k8sfs [0-9]'
refused 'one mount point' "$k8sfs" "$tmp/a" "$tmp/b"
refused 'which mount point' "$k8sfs" --stop
refused 'goes with --stop' "$k8sfs" --purge "$mnt"
refused 'CIDR' "$k8sfs" --state "$state" --run "$run" --service-cidr nonsense "$mnt"
refused 'no k8sfs is mounted' "$k8sfs" --stop "$tmp/nothing"

# sd_notify
python3 - "$tmp/notify" >"$tmp/notified" <<'END' &
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
s.settimeout(20)
while True:
    text = s.recv(100).decode()
    print(text, flush=True)
    if text.startswith("STOPPING"):
        break
END
listener=$!
eventually 5 test -S "$tmp/notify"
NOTIFY_SOCKET=$tmp/notify start_daemon --no-reconcile
eventually 5 has "$tmp/notified" 'READY=1'
contains "$(cat "$mnt/version")" '^k8sfs [0-9.]* .*v1\.36'
contains "$(cat "$mnt/whoami")" 'user: root'
equal health ok "$(cat "$mnt/health")"
contains "$(cat "$mnt/ctl")" shutdown
stop_daemon
wait $listener
contains "$(cat "$tmp/notified")" 'STOPPING=1'

# SIGTERM ends it as well
start_daemon --no-reconcile
kill -TERM $daemon_pid
wait $daemon_pid || fail "exit status $? after SIGTERM"
daemon_pid=
[ ! -e "$mnt/version" ] || fail "still mounted"

# an unmount from outside
start_daemon --no-reconcile
umount "$mnt" || fail umount
wait $daemon_pid
daemon_pid=

# --background returns when it serves, and says why when it cannot
"$k8sfs" --background --no-reconcile --state "$state" --run "$run" "$mnt" || fail background
[ -e "$mnt/version" ] || fail "background returned before it served"
refused 'in use by another k8sfs' "$k8sfs" --background --no-reconcile --state "$state" --run "$run" "$tmp/other"
"$k8sfs" --stop "$mnt" || fail stop

# as mount(8) calls it
K8SFS=$k8sfs "$top/packaging/mount.fuse.k8sfs" "$state" "$mnt" -o "rw,no-reconcile,run=$run,node-name=other" || fail mount
[ -e "$mnt/version" ] || fail "not mounted"
contains "$(grep " $mnt " /proc/mounts)" "^$state .* fuse.k8sfs "
"$k8sfs" --stop "$mnt" || fail stop

# a dead daemon's mount is detached
start_daemon --no-reconcile
kill_daemon
"$k8sfs" --stop "$mnt" || fail "stop of a dead one"
grep -q " $mnt " /proc/mounts && fail "still mounted"
"$k8sfs" --stop --purge --state "$state" --run "$run" "$mnt" || fail purge
[ ! -e "$state" ] && [ ! -e "$run" ] || fail "left after the purge: $(find "$state" "$run" 2>/dev/null)"
