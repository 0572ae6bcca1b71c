#!/bin/bash
# Directories are read while their names come and go, at both levels: what is there throughout is seen once
# in each pass, nothing is seen twice, a position leads back to where it was told, and `rm -rf`
# removes what it found while others create.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
maps=$mnt/apis/core/v1/configmaps
roles=$mnt/apis/rbac.authorization.k8s.io/v1/clusterroles

{
    for i in $(seq 1500); do
        printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: stay-%d}\n' "$i"
    done
    for i in $(seq 300); do
        printf -- '---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: stay-%d}\nrules: []\n' "$i"
        printf -- '---\napiVersion: v1\nkind: Namespace\nmetadata: {name: stay-%d}\n' "$i"
    done
} >"$mnt/apply/stay.yaml" || fail "write"

cat >"$tmp/passes.py" <<'EOF'
"""passes.py SECONDS DIR COUNT...: read DIR again and again; stay-1 .. stay-COUNT are there throughout."""
import ctypes, os, random, sys, time

libc = ctypes.CDLL(None, use_errno=True)


class Dirent(ctypes.Structure):
    _fields_ = [("ino", ctypes.c_uint64), ("off", ctypes.c_int64), ("reclen", ctypes.c_ushort),
                ("type", ctypes.c_ubyte), ("name", ctypes.c_char * 256)]


libc.opendir.restype = ctypes.c_void_p
libc.readdir.restype = ctypes.POINTER(Dirent)
libc.telldir.restype = ctypes.c_long
for function in (libc.readdir, libc.telldir, libc.rewinddir, libc.closedir):
    function.argtypes = [ctypes.c_void_p]
libc.seekdir.argtypes = [ctypes.c_void_p, ctypes.c_long]


def one(directory):
    """The next name, None at the end."""
    ctypes.set_errno(0)
    entry = libc.readdir(directory)
    if not entry and ctypes.get_errno():
        raise OSError(ctypes.get_errno(), "readdir")
    return entry.contents.name.decode() if entry else None


def read_pass(directory, count, slow):
    """All names, each with the position before it."""
    names = []
    while True:
        at = libc.telldir(directory)
        name = one(directory)
        if name is None:
            break
        names.append((name, at))
        if slow and len(names) % 100 == 0:
            time.sleep(0.002)
    seen = [name for name, _ in names]
    assert len(seen) == len(set(seen)), f"seen twice: {[n for n in seen if seen.count(n) > 1][:5]}"
    missed = {f"stay-{i}" for i in range(1, count + 1)} - set(seen)
    assert not missed, f"missed: {sorted(missed)[:5]} of {len(seen)}"
    return names


def check(path, count):
    directory = libc.opendir(path.encode())
    assert directory, path
    names = read_pass(directory, count, True)
    # the first position makes a new listing, from which what came and went may be gone
    kept = [(name, at) for name, at in names if not name.startswith(("come-", "scratch-"))]
    for name, at in random.sample(kept, 50) + kept[:1] + random.sample(kept, 50):
        libc.seekdir(directory, at)
        found = one(directory)
        assert found == name, f"after seekdir: {found}, not {name}"
    libc.rewinddir(directory)
    read_pass(directory, count, False)
    libc.closedir(directory)
    # the system call, with a buffer of the least size
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    seen, small = [], ctypes.create_string_buffer(320)
    while True:
        n = libc.getdents64(fd, small, 320)
        assert n >= 0, "getdents64"
        if n == 0:
            break
        at = 0
        while at < n:
            length = int.from_bytes(small.raw[at + 16:at + 18], "little")
            seen.append(small.raw[at + 19:at + length].split(b"\0")[0].decode())
            at += length
    os.close(fd)
    assert len(seen) == len(set(seen)) and {f"stay-{i}" for i in range(1, count + 1)} <= set(seen), "getdents64"


end, n = time.monotonic() + float(sys.argv[1]), 0
while time.monotonic() < end or n < 3:
    for path, count in zip(sys.argv[2::2], sys.argv[3::2]):
        check(path, int(count))
    n += 1
print(n, "passes")
EOF

# come_and_go DIR KIND-LINES: names that begin with come- until the file `stop` is there
come_and_go() {
    local i=0
    until [ -e "$tmp/stop" ]; do
        i=$((i + 1))
        printf 'apiVersion: %s\nkind: %s\nmetadata: {name: come-%d}\n%s' "$2" "$3" $((i % 97)) "$4" >"$1/come-$((i % 97)).yaml" || return 1
        echo scratch >"$1/scratch-$((i % 11))~" || return 1
        rm "$1/scratch-$((i % 11))~" || return 1
        [ $((i % 3)) = 0 ] && { rm -f "$1/come-$(((i + 50) % 97)).yaml" || return 1; }
        [ $((i % 5)) = 0 ] && rmdir "$1/come-$((i % 97))" 2>/dev/null
    done
    return 0
}
come_and_go "$maps/default" v1 ConfigMap 'data: {}' &
first=$!
come_and_go "$roles" rbac.authorization.k8s.io/v1 ClusterRole 'rules: []' &
second=$!
come_and_go "$mnt/apis/core/v1/namespaces" v1 Namespace '' &
third=$!
python3 "$tmp/passes.py" 5 "$maps/default" 1500 "$roles" 300 "$mnt/apis/core/v1/namespaces" 300 "$maps" 300 || fail "passes"

# removed one after the other while others create in the same directory
mkdir "$tmp/copies"
for n in 1 2 3; do
    {
        for i in $(seq 200); do
            printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: go-%d-%d}\n' "$n" "$i"
        done
    } >"$mnt/apply/go.yaml" || fail "write"
    rm -rf "$maps"/default/go-"$n"-* || fail "rm -rf"
    equal "left of round $n" 0 "$(ls "$maps/default" | grep -c "^go-$n-")"
done
touch "$tmp/stop"
wait $first || fail "names in a namespace"
wait $second || fail "names of a cluster-scoped resource"
wait $third || fail "namespaces"
equal "what stayed" 1500 "$(ls "$maps/default" | grep -c '^stay-[0-9]*$')"

# one name is one entry, also when an object and a file of a client go by it
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: both.yaml}\n' >"$maps/default/both.yaml" || fail "both.yaml"
equal "both.yaml" 1 "$(ls "$maps/default" | grep -cx 'both\.yaml')"
equal "its type in the listing" f "$(find "$maps/default" -maxdepth 1 -name both.yaml -printf %y 2>"$tmp/find")"
echo text >"$maps/default/later" || fail "scratch"
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: later}\n' >"$mnt/apply/later.yaml" || fail "later.yaml"
equal "later" 1 "$(ls "$maps/default" | grep -cx later)"
equal "its type in the listing" d "$(find "$maps/default" -maxdepth 1 -name later -printf %y 2>"$tmp/find")"
