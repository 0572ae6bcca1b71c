#!/bin/bash
# When a text is whole, and whose it is: descriptors that are copied, inherited, passed on; writers
# that are killed, two at once, out of order, too large; a daemon that is killed within the grace.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
maps=$mnt/apis/core/v1/configmaps
live=$mnt/configmaps/default
cd "$tmp" || fail cd
map() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {k: "%s"}\n' "$1" "$2"; }
there() { ls "$live" | grep -v ^_ | tr '\n' ' '; }

# -- descriptors
python3 - "$maps" "$live" <<'END' || fail "descriptors"
import mmap, os, sys, time
maps, live = sys.argv[1:]
head, data = b'apiVersion: v1\nkind: ConfigMap\n', b'data: {k: "1"}\n'

def opened(name, flags=os.O_WRONLY | os.O_CREAT | os.O_TRUNC):
    return os.open(f'{maps}/{name}.yaml', flags, 0o644)
def value(name):
    try: return open(f'{live}/{name}/data/k').read().strip()
    except FileNotFoundError: return None
def fails(errno, call, *args):
    try: call(*args)
    except OSError as e: assert e.errno == errno, e
    else: raise AssertionError(call)
def in_child(do):
    pid = os.fork()
    if not pid:
        try: do()
        finally: os._exit(0)
    os.waitpid(pid, 0)

# a child ends with the descriptor that it inherited: the text is not whole yet
fd = opened('fork')
os.write(fd, head)
in_child(lambda: os.write(fd, b'data: {k: "0"}\n'))
assert value('fork') is None
os.lseek(fd, len(head), 0); os.write(fd, data)
os.close(fd)
assert value('fork') == '1'
# the opener closes, and the child goes on
fd = opened('later')
r, w = os.pipe()
pid = os.fork()
if not pid:
    os.close(w); os.read(r, 1); os.write(fd, head + data); os._exit(0)
os.close(r); os.close(fd)
assert value('later') is None
os.write(w, b'x'); os.waitpid(pid, 0)
for _ in range(100):
    if value('later'): break
    time.sleep(0.05)
assert value('later') == '1'
# fsync says that it is whole; the next close has nothing to add
fd = opened('sync')
os.write(fd, head + data); os.fsync(fd)
assert value('sync') == '1'
os.close(os.dup(fd)); os.fsync(fd); os.close(fd)
# any order, any size, holes
fd = opened('backwards')
text = head + data
for at in reversed(range(0, len(text), 3)): os.pwrite(fd, text[at:at + 3], at)
os.close(fd)
assert value('backwards') == '1'
fd = opened('hole'); os.write(fd, head); os.pwrite(fd, data, 500)
fails(22, os.close, fd)
assert 'NUL byte' in open(f'{maps}/hole.yaml.err').read() and os.stat(f'{maps}/hole.yaml').st_size == 500 + len(data)
fd = opened('backwards', os.O_RDWR)
for at in (3 << 20, (3 << 20) - 1, 1 << 40, (1 << 63) - 10): fails(27, os.pwrite, fd, b'xx', at)
fails(27, os.ftruncate, fd, (3 << 20) + 1)
assert os.fstat(fd).st_size == len(text)
os.close(fd)
assert open(f'{maps}/backwards.yaml', 'rb').read() == text
# appending, by two at once
a, b = opened('backwards', os.O_WRONLY | os.O_APPEND), opened('backwards', os.O_WRONLY | os.O_APPEND)
for i in range(10): os.write(a, b'# a\n'); os.write(b, b'# b\n')
os.close(a); os.close(b)
assert open(f'{maps}/backwards.yaml', 'rb').read() == text + b'# a\n# b\n' * 10
# memory maps: to read, or not at all
f = open(f'{maps}/sync.yaml', 'r+b')
assert mmap.mmap(f.fileno(), 0, mmap.MAP_PRIVATE, mmap.PROT_READ)[:] == head + data
fails(19, mmap.mmap, f.fileno(), 0)
f.close()
# a reader keeps what it opened
r = open(f'{maps}/sync.yaml', 'rb', buffering=0)
open(f'{maps}/sync.yaml', 'wb').write(head + b'data: {k: "2"}\n# longer\n')
assert r.read() == head + data and value('sync') == '2'
# an unlinked file goes on, and is nobody's
fd = opened('gone'); os.write(fd, head); os.unlink(f'{maps}/gone.yaml')
assert os.fstat(fd).st_size == len(head)
os.close(fd)
END
rm -f "$maps"/*.yaml
nothing_there() { [ -z "$(there)" ]; }
eventually 20 nothing_there

# -- two writers
{ map two A; printf '  # %s\n' $(seq 20000); } >large
map two B >small
cp small "$maps/two.yaml" || fail cp
for i in 1 2 3 4 5 6 7 8 9 10; do
    cp large "$maps/two.yaml" & one=$!
    cp small "$maps/two.yaml" & two=$!
    wait $one || fail "the first of two writers"
    wait $two || fail "the second of two writers"
    if cmp -s large "$maps/two.yaml"; then is=A; elif cmp -s small "$maps/two.yaml"; then is=B; else fail "a mixture"; fi
    equal "two writers" $is "$(cat "$live/two/data/k")"
done
for i in $(seq 60); do map many-$i 1 >"$maps/many-$i.yaml" & done
wait $(jobs -p | grep -v "^$daemon_pid$")
equal "sixty writers" 60 "$(ls "$live" | grep -c many)"
rm "$maps"/many-*.yaml || fail rm

# -- killed writers
mkfifo fifo && exec 7<>fifo || fail fifo
map cut 1 >"$maps/cut.yaml" || fail "a good one"
for signal in KILL TERM HUP; do
    sh -c 'echo $$ >writer; exec cat >"$1"' - "$maps/cut.yaml" <fifo 7>&- &
    map cut "$signal" >&7
    eventually 10 grep -q "$signal" "$maps/cut.yaml"
    kill -$signal "$(cat writer)"
    wait $!
    eventually 10 test -e "$maps/cut.yaml.err"
    contains "$(cat "$maps/cut.yaml.err")" 'the writer was killed'
    contains "$(tail -n 1 "$mnt/errors")" 'the writer was killed'
    grep -q "$signal" "$maps/cut.yaml" || fail "the draft"
    equal "what is killed by $signal" 1 "$(cat "$live/cut/data/k")"
    map cut 1 >"$maps/cut.yaml" || fail "good again"
    [ ! -e "$maps/cut.yaml.err" ] || fail ".err after a good write"
done
# a loop that is killed: its last program ends well, and ends nothing
sh -c 'echo $$ >writer; { cat; echo "# the loop went on"; } >"$1"' - "$maps/cut.yaml" <fifo 7>&- &
eventually 10 test ! -s "$maps/cut.yaml"
kill -KILL "$(cat writer)"
map cut loop >&7
exec 7>&-
eventually 10 grep -q loop "$maps/cut.yaml"
eventually 10 test -e "$maps/cut.yaml.err"
equal "what is left of a loop" 1 "$(cat "$live/cut/data/k")"
map cut 1 >"$maps/cut.yaml" || fail "good again"

# -- who wrote it: who opened it, not who closes it
if command -v setpriv >/dev/null; then
    chmod 755 "$tmp"
    python3 - "$mnt/apply/his.yaml" "$live/cut/patch" <<'END' || fail "identity"
import os, sys
text = b'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: his}\ndata: {a: b}\n'
os.seteuid(65534)
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT, 0o644)
os.seteuid(0)
try: os.write(fd, text)
except PermissionError: pass # known already
try: os.close(fd)
except PermissionError: pass
else: raise AssertionError('a manifest of his was applied as root\'s')
END
    [ ! -e "$live/his" ] || fail "applied in another's name"
    # line by line, as a shell's printf does, he hears it at once
    refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups bash -c \
        "printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: his}\ndata: {a: b}\n' >'$mnt/apply/line.yaml'"
fi
refused 'Invalid argument' bash -c "printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: x}\n' >'$maps/x.yaml'"
rm -f "$maps/x.yaml" "$mnt"/apply/*

# -- cut to nothing and closed: empty for who appends and reads; its objects stay until they are written
{ map cut 1; echo ---; map other 1; } >"$maps/cut.yaml" || fail map
uid=$(cat "$live/cut/metadata/uid")
for how in ': >' 'cp /dev/null' 'truncate -s 0'; do
    sh -c "$how '$maps/cut.yaml'" || fail "$how"
    equal "$how: its size" 0 "$(stat -c %s "$maps/cut.yaml")"
    equal "$how: its text" '' "$(cat "$maps/cut.yaml")"
    [ -e "$live/cut" ] && [ -e "$live/other" ] && [ ! -e "$maps/cut.yaml.err" ] || fail "$how: objects are gone"
    map cut "$how" >>"$maps/cut.yaml" || fail "$how: append"
    equal "$how: appended" "$(map cut "$how")" "$(cat "$maps/cut.yaml")"
    equal "$how: the same object" "$uid $how" "$(cat "$live/cut/metadata/uid" "$live/cut/data/k" | paste -sd' ')"
    [ ! -e "$live/other" ] || fail "$how: what it says no more is there"
    { echo ---; map other 1; } >>"$maps/cut.yaml" || fail "$how: append"
    [ -e "$live/other" ] || fail "$how: the second append"
done
: >"$maps/cut.yaml"
touch "$maps/cut.yaml" && sleep 1.2 && [ -e "$live/cut" ] || fail "touch of an emptied file"
rm "$maps/cut.yaml" && eventually 20 test ! -e "$live/cut"
# ... but not by one who was killed before he wrote
map cut 1 >"$maps/cut.yaml"
python3 -c 'import os, signal, sys; os.open(sys.argv[1], os.O_WRONLY | os.O_TRUNC); os.kill(os.getpid(), signal.SIGKILL)' "$maps/cut.yaml"
eventually 5 cmp -s "$maps/cut.yaml" <(map cut 1)
rm "$maps/cut.yaml"

# -- the grace of removals outlives the daemon, and so does what is written within it
sleep 1.2
map keep 1 >"$maps/keep.yaml" && map go 1 >"$maps/go.yaml" || fail map
uid=$(cat "$live/keep/metadata/uid")
rm "$maps/keep.yaml" "$maps/go.yaml" && kill_daemon
start_daemon --no-reconcile
[ ! -e "$maps/go.yaml" ] && [ -e "$live/go" ] || fail "a removal that was under way"
map keep 1 >"$maps/keep.yaml" || fail "written again"
eventually 20 test ! -e "$live/go"
sleep 1.2
equal "written within the grace" "$uid" "$(cat "$live/keep/metadata/uid")"
