# What every end-to-end test starts from: a daemon of its own on a mount point of its own, and
# words for what is expected. Source it first:
#
#   . "$(dirname "$0")/lib.sh"
#   start_daemon
#   cp x.yaml "$mnt/apis/core/v1/pods/"
#   eventually 10 test -e "$mnt/pods/default/x/status"
#
# A test ends at its first failed expectation. Whatever happens, its daemon, pods, mounts, links
# and files are removed, and what it left behind in the machine fails it.
set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${K8SFS_BUILD:-$top/build}
k8sfs=$build/k8sfs
tmp=$(mktemp -d /tmp/k8sfs-e2e.XXXXXX)
mnt=$tmp/k8s
state=$tmp/state
run=$tmp/run
node=node-1
daemon_pid=
# How many times slower than usual the machine is: whatever is waited for may take that much longer.
slowness=${K8SFS_SLOWNESS:-1}
# A range of its own per test, so that several may run on one machine.
cidr=10.$((200 + RANDOM % 50)).$((RANDOM % 256)).0/24

fail() {
    echo "FAILED: $* (${BASH_SOURCE[1]##*/}:${BASH_LINENO[0]})"
    if [ -s "$tmp/log" ]; then
        echo "--- the daemon's log"
        tail -n 40 "$tmp/log"
    fi
    [ -e "$mnt/errors" ] && { echo "--- errors"; tail -n 20 "$mnt/errors"; }
    exit 1
}
skip() {
    echo "$*"
    exit 77
}

# start_daemon [OPTIONS...]: and wait until it serves.
start_daemon() {
    "$k8sfs" --state "$state" --run "$run" --node-name "$node" --pod-cidr "$cidr" "$@" "$mnt" >>"$tmp/log" 2>&1 &
    daemon_pid=$!
    local i
    for i in $(seq $((500 * slowness))); do
        cat "$mnt/version" >/dev/null 2>&1 && { note_bridge; return 0; }
        kill -0 $daemon_pid 2>/dev/null || { cat "$tmp/log"; fail "the daemon ended at its start"; }
        sleep 0.02
    done
    fail "the daemon does not serve"
}
note_bridge() { ip -o -4 addr show to "$cidr" | awk '{print $2; exit}' >"$tmp/bridge"; }
# The daemon ends, its pods do not.
stop_daemon() {
    "$k8sfs" --stop "$mnt" || fail "stop"
    wait "$daemon_pid"
    local rc=$?
    daemon_pid=
    [ $rc = 0 ] || fail "the daemon's exit status was $rc"
}
kill_daemon() {
    kill -9 "$daemon_pid"
    wait "$daemon_pid" 2>/dev/null
    daemon_pid=
}

import_images() {
    "$top/scripts/make-images" "$build/images" >"$tmp/images.log" 2>&1 || { cat "$tmp/images.log"; fail "make-images"; }
    local name
    for name; do
        cp "$build/images/$name.tar" "$mnt/images/" || fail "import of $name"
    done
}

# put NAME <MANIFEST: below apply/, in one write as cp does it.
put() { cat >"$tmp/put.yaml" && cp "$tmp/put.yaml" "$mnt/apply/$1.yaml" || fail "apply $1: $(cat "$mnt/apply/$1.yaml.err")"; }

# eventually SECONDS COMMAND...: true within that time.
eventually() {
    local deadline=$(($(date +%s%N) + $1 * slowness * 1000000000))
    shift
    until "$@" >/dev/null 2>&1; do
        [ "$(date +%s%N)" -lt $deadline ] || fail "not within the time: $*"
        sleep 0.05
    done
}
# within SECONDS COMMAND...: ends within that time.
within() {
    local seconds=$(($1 * slowness))
    shift
    timeout $seconds "$@"
}
# settle SECONDS: before looking at what gives no sign of its own when it is there.
settle() { sleep $(printf "$1 %.0s" $(seq "$slowness")); }
# never SECONDS COMMAND...: not once during that time.
never() {
    local deadline=$(($(date +%s%N) + $1 * 1000000000))
    shift
    while [ "$(date +%s%N)" -lt $deadline ]; do
        "$@" >/dev/null 2>&1 && fail "was true: $*"
        sleep 0.05
    done
}
# equal WHAT EXPECTED ACTUAL
equal() { [ "$2" = "$3" ] || fail "$1: expected '$2', got '$3'"; }
# contains TEXT PATTERN (a basic regular expression)
contains() { printf '%s\n' "$1" | grep -q -- "$2" || fail "no '$2' in: $1"; }
# refused ERRNO-TEXT COMMAND...: fails, and says so with this text.
refused() {
    local text=$1 said
    shift
    said=$("$@" 2>&1) && fail "was not refused: $*"
    printf '%s\n' "$said" | grep -q -- "$text" || fail "'$text' was expected of $*, it said: $said"
}
# A value of a status: field STATUS-FILE KEY
field() { sed -n "s/^ *$2: *//p" "$1" 2>/dev/null | head -n 1; }
# is FILE KEY VALUE: for eventually
is() { [ "$(field "$1" "$2")" = "$3" ]; }
phase_is() { is "$mnt/pods/default/$1/status" phase "$2"; }
# has FILE PATTERN: for eventually
has() { grep -q -- "$2" "$1"; }
count_is() { [ "$(ls "$1" 2>/dev/null | grep -vc -e '\.yaml$' -e '^_' -e '\.err$')" = "$2" ]; }
# pids_of PATTERN: processes in pods of this test's daemon, whoever else runs pods on the machine
pids_of() {
    local pid
    for pid in $(pgrep -f -- "$1"); do
        grep -qs -- "$state/pods" "/proc/$pid/mountinfo" && echo "$pid"
    done | sort
}
# http ADDRESS [PORT]: the page
http() { curl -s -m $((5 * slowness)) "http://$1:${2:-80}/"; }

# What a daemon may leave in the machine: mounts, links, namespaces, cgroups, processes of ours.
traces() {
    grep -c -e "$tmp" /proc/self/mountinfo | sed 's/^/mounts /'
    ip -o link | grep -c "$(bridge)" | sed 's/^/links /'
    pgrep -f "$tmp" | grep -vw -e $$ -e "$BASHPID" | wc -l | sed 's/^/processes /'
    find /sys/fs/cgroup -maxdepth 6 -path "*${tmp##*/}*" 2>/dev/null | wc -l | sed 's/^/cgroups /'
}
bridge() { if [ -s "$tmp/bridge" ]; then cat "$tmp/bridge"; else echo k8s-none; fi; }

# What a test made besides: it redefines this to undo it.
at_end() { :; }

finish() {
    local rc=$?
    trap - EXIT INT TERM
    at_end
    [ -e "$state/lock" ] && { timeout $((90 * slowness)) "$k8sfs" --stop --purge --state "$state" --run "$run" "$mnt" || rc=1; }
    if [ -n "$daemon_pid" ]; then
        timeout $((30 * slowness)) tail --pid="$daemon_pid" -f /dev/null || { kill -9 "$daemon_pid"; echo "FAILED: the daemon did not end"; }
        # a sanitizer's last word, too
        wait "$daemon_pid" || { echo "FAILED: the daemon's exit status was $?"; rc=1; tail -n 60 "$tmp/log"; }
    fi
    umount -l "$mnt" 2>/dev/null
    local left
    left=$(traces | grep -v ' 0$')
    if [ -n "$left" ]; then
        echo "FAILED: left behind: $left"
        rc=1
    fi
    rm -rf "$tmp"
    exit $rc
}
trap finish EXIT
trap 'exit 1' INT TERM
