#!/bin/bash
# Files that block, and inotify: every change is seen, in order, and nobody waits for a reader.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
maps=$mnt/apis/core/v1/configmaps
mkdir "$maps/default/a" || fail mkdir
cat "$maps/default/_watch" >"$tmp/watch" &
watcher=$!
eventually 5 has "$tmp/watch" '^ADDED default/a '
for i in $(seq 200); do echo $i >"$maps/default/a/data/k"; done
rmdir "$maps/default/a"
eventually 5 has "$tmp/watch" '^DELETED default/a '
equal "changes seen" 202 "$(grep -c 'default/a' "$tmp/watch")"
grep 'default/a' "$tmp/watch" | awk '{print $3}' | sort -nc || fail "not in order"
kill $watcher && wait $watcher 2>/dev/null

# whole objects, resume at a version, wait/, polling, interruption
mkdir "$maps/default/b" && echo 1 >"$maps/default/b/data/k"
within 30 python3 - "$maps/default" <<'END' || fail "python reader"
import json, os, select, subprocess, sys, threading, time
d = sys.argv[1]
slowness = int(os.environ.get('K8SFS_SLOWNESS') or 1)
f = os.open(d + '/_watch.json', os.O_RDONLY | os.O_NONBLOCK)
first = json.loads(os.read(f, 1 << 20))
assert first['type'] == 'ADDED' and first['object']['metadata']['name'] == 'b', first
try:
    os.read(f, 100)
    sys.exit('nothing new was read')
except BlockingIOError:
    pass
p = select.epoll()
p.register(f, select.EPOLLIN)
assert p.poll(0.1) == []
open(d + '/b/data/k', 'w').write('2\n')
assert p.poll(5 * slowness), 'epoll was not woken'
change = json.loads(os.read(f, 1 << 20))
assert change['type'] == 'MODIFIED' and change['object']['data']['k'] == '2', change
rv = int(change['object']['metadata']['resourceVersion'])
g = os.open(d + '/_watch', os.O_RDONLY)
os.lseek(g, rv - 1, os.SEEK_SET)
assert os.read(g, 1000).decode() == 'MODIFIED default/b %d\n' % rv
# readers that wait hold nobody up, and end at once
readers = [subprocess.Popen(['cat', d + '/_watch'], stdout=subprocess.DEVNULL) for i in range(100)]
readers += [subprocess.Popen(['cat', d + '/b/wait/Never'], stdout=subprocess.DEVNULL) for i in range(100)]
time.sleep(1 * slowness)
start = time.time()
os.listdir(d)
open(d + '/b/data/k', 'w').write('3\n')
assert time.time() - start < 2 * slowness, 'ls beside blocked readers took %f s' % (time.time() - start)
for r in readers:
    r.terminate()
start = time.time()
for r in readers:
    r.wait()
assert time.time() - start < 5 * slowness, 'blocked readers did not end'
# wait/Deleted
w = subprocess.Popen(['cat', d + '/b/wait/Deleted'], stdout=subprocess.PIPE)
time.sleep(0.2 * slowness)
assert w.poll() is None
os.rmdir(d + '/b')
assert w.communicate(timeout=5 * slowness)[0] == b'True\n'
END

# wait/<Condition>
cat >"$mnt/apply/pod.yaml" <<'END'
{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: [{name: c, image: x}]}}
END
within 20 cat "$mnt/pods/default/p/wait/Ready" >"$tmp/ready" &
waiter=$!
settle 0.3
kill -0 $waiter || fail "wait/Ready did not wait"
printf 'phase: Running\nconditions: [{type: Ready, status: "True"}]\n' >"$mnt/pods/default/p/status" || fail "status"
wait $waiter || fail "wait/Ready"
equal "wait/Ready" True "$(cat "$tmp/ready")"

# inotify: what the server changes
if command -v inotifywait >/dev/null; then
    mkdir "$maps/default/seen"
    inotifywait -q -m -r --format '%e %w%f' "$maps/default" >"$tmp/inotify" 2>&1 &
    watcher=$!
    settle 1
    # not by a call on the files that are watched
    printf '{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: seen}, data: {k: v}}\n' >"$mnt/apply/two.yaml"
    eventually 5 has "$tmp/inotify" "^CREATE,ISDIR $maps/default/new\$"
    eventually 5 has "$tmp/inotify" "^MODIFY $maps/default/seen/object.yaml\$"
    eventually 5 has "$tmp/inotify" "^CREATE $maps/default/seen/data/k\$"
    eventually 5 has "$tmp/inotify" "^MODIFY $maps/default/_index\$"
    rm "$mnt/apply/two.yaml"
    eventually 5 has "$tmp/inotify" "^DELETE,ISDIR $maps/default/new\$"
    kill $watcher && wait $watcher 2>/dev/null
    within 10 inotifywait -q -e modify "$mnt/pods/default/p/status" >"$tmp/inotify" &
    watcher=$!
    settle 1
    echo '{"status":{"phase":"Failed"}}' >"$tmp/patch"
    printf 'phase: Failed\n' >"$mnt/pods/default/p/status"
    wait $watcher || fail "no MODIFY of status"
fi
# a daemon that is killed while inotify is told of changes leaves a mount that the next one takes over
if command -v inotifywait >/dev/null; then
    mkdir "$maps/default/busy"
    inotifywait -q -m -r "$maps/default" >/dev/null 2>&1 &
    watcher=$!
    settle 0.5
    (while echo x >"$maps/default/busy/data/k"; do :; done) 2>/dev/null &
    settle 0.3
    kill_daemon
    kill $watcher && wait $watcher 2>/dev/null
    eventually 5 sh -c "! ls '$mnt' 2>/dev/null"
    start_daemon --no-reconcile
    [ -e "$maps/default/busy/object.yaml" ] || fail "after a kill"
fi
# unmounting with readers that wait
cat "$maps/_watch" >/dev/null 2>&1 &
settle 0.3
