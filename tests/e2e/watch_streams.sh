#!/bin/bash
# Readers of streams, each in its own way: a shell's read loop, select, O_NONBLOCK by fcntl, seeks,
# signals, 500 at once; where to go on after an end.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
maps=$mnt/apis/core/v1/configmaps
dir=$maps/default
mkdir "$dir/a" "$dir/b" || fail mkdir

# a shell reads a block, takes a line and seeks back: no line is lost, in whatever shell
for shell in bash dash "busybox sh"; do
    command -v ${shell%% *} >/dev/null || continue
    : >"$tmp/shell"
    $shell -c 'while read -r type name version; do echo "$type $name"; [ "$name" = default/last ] && exit; done <"$1/_watch"' \
        - "$dir" >"$tmp/shell" &
    reader=$!
    eventually 5 has "$tmp/shell" 'ADDED default/b'
    for i in 1 2 3 4 5 6 7 8 9; do echo $i >"$dir/a/data/k"; done
    rmdir "$dir/b"
    mkdir "$dir/last" "$dir/b"
    wait $reader || fail "$shell"
    equal "$shell" "ADDED default/a ADDED default/b $(printf 'MODIFIED default/a %.0s' 1 2 3 4 5 6 7 8 9)DELETED default/b ADDED default/last" \
        "$(sort "$tmp/shell" | grep '^ADDED default/[ab]' | xargs) $(grep -v '^ADDED default/[ab]' "$tmp/shell" | xargs)"
    rmdir "$dir/last" "$dir/a"
    mkdir "$dir/a"
done

timeout 100 python3 - "$dir" <<'END' || fail "python readers"
import errno, fcntl, json, os, select, signal, subprocess, sys, threading, time
d = sys.argv[1]

def lines(fd):
    return os.read(fd, 1 << 20).decode().splitlines()

def set_key(value):
    with open(d + '/a/data/k', 'w') as f:
        f.write(f'{value}\n')

def version():
    return int(open(d + '/a/metadata/resourceVersion').read())

# all in the order of the versions, so that the last line is where to go on
set_key('x')
f = os.open(d + '/_watch', os.O_RDONLY)
first = lines(f)
assert [l.split()[1] for l in first] == ['default/b', 'default/a'], first
at = int(first[-1].split()[2])

# O_NONBLOCK may be set later, and taken away
os.set_blocking(f, False)
try:
    os.read(f, 100)
    sys.exit('read without anything new')
except BlockingIOError:
    pass
os.set_blocking(f, True)
threading.Timer(0.2, set_key, ['y']).start()
assert lines(f) == [f'MODIFIED default/a {version()}']

# poll, select and epoll, also before the first read and with a seek before it
g = os.open(d + '/_watch', os.O_RDONLY)
os.lseek(g, at, os.SEEK_SET)
poll = select.poll()
poll.register(g, select.POLLIN)
poll.poll(0)
assert lines(g) == [f'MODIFIED default/a {version()}'], 'the seek before a poll was not seen'
assert select.select([g], [], [], 0.1) == ([], [], [])
threading.Timer(0.2, set_key, ['z']).start()
assert select.select([g], [], [], 10)[0] == [g]
assert lines(g) == [f'MODIFIED default/a {version()}']

# a seek back to the beginning is a new start
os.lseek(g, 0, os.SEEK_SET)
assert [l.split()[0] for l in lines(g)] == ['ADDED', 'ADDED']

# a deletion has a version of its own, and a reader of whole objects goes on there
j = os.open(d + '/_watch.json', os.O_RDONLY)
os.lseek(j, version(), os.SEEK_SET)
os.rmdir(d + '/b')
gone = json.loads(os.read(j, 1 << 20))
assert gone['type'] == 'DELETED' and int(gone['object']['metadata']['resourceVersion']) > version(), gone
os.mkdir(d + '/b')

# versions that are not kept, or of another history: told, and the end
h = os.open(d + '/_watch', os.O_RDONLY)
os.lseek(h, 1 << 40, os.SEEK_SET)
assert lines(h)[0].startswith('ERROR 504 Too large resource version'), 'future'
assert os.read(h, 10) == b''
os.lseek(h, 0, os.SEEK_SET)
assert len(lines(h)) == 2
j = os.open(d + '/_watch.json', os.O_RDONLY)
os.lseek(j, 1 << 40, os.SEEK_SET)
assert json.loads(os.read(j, 1 << 20))['object']['code'] == 504

# a signal ends a read at once
def interrupted(*_):
    raise TimeoutError
signal.signal(signal.SIGALRM, interrupted)
signal.setitimer(signal.ITIMER_REAL, 0.2)
w = os.open(d + '/a/wait/Never', os.O_RDONLY)
start = time.monotonic()
try:
    os.read(w, 10)
    sys.exit('wait/Never was answered')
except TimeoutError:
    assert time.monotonic() - start < 20
# pipes have no offsets
try:
    os.lseek(w, 0, os.SEEK_CUR)
    sys.exit('wait/ can seek')
except OSError as e:
    assert e.errno == errno.ESPIPE

# 500 of all kinds at once: others are not held up, each is told, each ends at once
kinds = ['_watch', '_watch.json', 'a/wait/Never', 'a/wait/Deleted', 'a/events.follow']
fds = [os.open(f'{d}/{kinds[i % 5]}', os.O_RDONLY) for i in range(500)]
readers = [threading.Thread(target=lambda fd: [None for _ in iter(lambda: os.read(fd, 1 << 16), b'')], args=[fd], daemon=True)
           for fd in fds[:100]]
for r in readers:
    r.start()
children = [subprocess.Popen(['cat', f'{d}/{kinds[i % 5]}'], stdout=subprocess.DEVNULL) for i in range(400)]
time.sleep(1)
start = time.monotonic()
for _ in range(20):
    assert 'a' in os.listdir(d)
    open(d + '/a/object.yaml').read()
    set_key('w')
assert time.monotonic() - start < 20, 'others were held up'
for c in children[:350]:
    c.terminate()
for c in children[350:]:
    c.kill()
start = time.monotonic()
for c in children:
    c.wait(20)
assert time.monotonic() - start < 20, 'blocked readers did not end'
END

# a condition that was true in passing; one of an older generation is not true yet
cat >"$mnt/apply/d.yaml" <<'END'
{apiVersion: apps/v1, kind: Deployment, metadata: {name: d}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: x}]}}}}
END
object=$mnt/deployments/default/d
echo 5 >"$object/spec/replicas" || fail replicas
timeout 20 cat "$object/wait/available" >"$tmp/available" &
waiter=$!
sleep 0.3
printf 'observedGeneration: 1\nconditions: [{type: Available, status: "True"}]\n' >"$object/status" || fail status
sleep 0.3
kill -0 $waiter || fail "wait/available took a status of an older generation"
printf 'observedGeneration: 2\nconditions: [{type: Available, status: "True"}]\n' >"$object/status"
printf 'observedGeneration: 2\nconditions: [{type: Available, status: "False"}]\n' >"$object/status"
wait $waiter || fail "wait/available"
equal "wait/available" True "$(cat "$tmp/available")"

# a daemon that starts again: readers get an end, and go on after the version they know, or are told
cat "$dir/_watch" >"$tmp/before" 2>/dev/null &
reader=$!
eventually 5 has "$tmp/before" 'ADDED default/a'
echo last >"$dir/a/data/k"
known=$(cat "$dir/a/metadata/resourceVersion")
eventually 5 has "$tmp/before" " $known\$"
stop_daemon
eventually 10 sh -c "! kill -0 $reader"
start_daemon --no-reconcile
python3 - "$dir" "$known" <<'END' || fail "after a restart"
import os, sys
path, known = sys.argv[1] + '/_watch', int(sys.argv[2])
older = known - 1
f = os.open(path, os.O_RDONLY)
os.lseek(f, 1 << 40, os.SEEK_SET)
newest = int(os.read(f, 1000).split()[-1])
assert newest >= known
f = os.open(path, os.O_RDONLY)
os.lseek(f, newest, os.SEEK_SET)
os.rmdir(sys.argv[1] + '/a')
assert os.read(f, 1000).startswith(b'DELETED default/a '), 'nothing was missed'
g = os.open(path, os.O_RDONLY)
os.lseek(g, older, os.SEEK_SET)
assert os.read(g, 1000) == b'ERROR 410 Gone\n'
assert os.read(g, 1000) == b''
END
