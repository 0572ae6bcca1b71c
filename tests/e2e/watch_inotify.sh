#!/bin/bash
# inotify of what the server changes, with Python's bare hands: what comes, goes and changes, the last
# state of what changes fast, namespaces, events, containers; nothing is done where nobody looks; a
# client that holds a directory's lock holds up neither others nor the end.
. "$(dirname "$0")/lib.sh"
start_daemon
cat >"$tmp/inotify.py" <<'END'
import ctypes, os, select, struct, time
libc = ctypes.CDLL(None, use_errno=True)
KINDS = {2: 'MODIFY', 0x100: 'CREATE', 0x200: 'DELETE', 0x400: 'DELETE_SELF', 0x4000: 'OVERFLOW'}

class Inotify:
    all = []

    def __init__(self, *paths):
        self.all.append(self)
        self.fd = libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        self.paths = {}
        for path in paths:
            self.add(path)

    def add(self, path):
        wd = libc.inotify_add_watch(self.fd, path.encode(), 0x702)
        assert wd >= 0, (path, os.strerror(ctypes.get_errno()))
        self.paths[wd] = path

    def read(self, seconds):
        """What comes within that time of each other: [(kind, path)]"""
        out = []
        while select.select([self.fd], [], [], seconds)[0]:
            data, at = os.read(self.fd, 1 << 20), 0
            while at < len(data):
                wd, mask, _, n = struct.unpack_from('iIII', data, at)
                name = data[at + 16:at + 16 + n].rstrip(b'\0').decode()
                at += 16 + n
                out += [(kind, os.path.join(self.paths.get(wd, '?'), name).rstrip('/'))
                        for bit, kind in KINDS.items() if mask & bit]
        return out

    def until(self, *wanted, seconds=20):
        seen, end = [], time.monotonic() + seconds
        while not set(wanted) <= set(seen):
            assert time.monotonic() < end, f'not seen: {set(wanted) - set(seen)}, but {seen[-50:]}'
            seen += self.read(0.05)
        return seen
END
cat >"$tmp/test.py" <<'END'
import os, sys, time
from inotify import Inotify
m = sys.argv[1]
d = m + '/apis/core/v1/configmaps/default'

def put(name, text):
    with open(f'{m}/apply/{name}', 'w') as f:
        f.write(text)

def maps(names, value):
    return ''.join('{apiVersion: v1, kind: ConfigMap, metadata: {name: %s}, data: {k: "%s"}}\n---\n' % (n, value) for n in names)

def figure(name):
    time.sleep(1.1)  # they are kept for that long
    return next(int(l.split()[1]) for l in open(m + '/metrics') if l.startswith(name + ' '))

# what an object's directory and files hear
put('a.yaml', maps(['a'], 1))
i = Inotify(d, d + '/a', d + '/a/data', d + '/a/metadata/labels', d + '/a/object.yaml')
put('a.yaml', maps(['a', 'b'], 2))
i.until(('MODIFY', d + '/_index'), ('CREATE', d + '/b'), ('MODIFY', d + '/a/data/k'),
        *(('MODIFY', f'{d}/a/{f}') for f in ('object.yaml', 'object.json', 'describe')))
put('a.yaml', maps(['a', 'b'], 2).replace('{name: a}', '{name: a, labels: {x: z}}'))
i.until(('CREATE', d + '/a/metadata/labels/x'))
put('a.yaml', maps(['a', 'b'], 2))
i.until(('DELETE', d + '/a/metadata/labels/x'))

# gone with all that is watched in it, so that no watch holds what is no more
put('a.yaml', maps(['b'], 2))
i.until(('DELETE', d + '/a'), *(('DELETE_SELF', d + '/a' + f) for f in ('', '/data', '/metadata/labels', '/object.yaml')))

# the same name again and again: each comes and goes, and the last one is whole
for n in range(20):
    with open(d + '/_ctl', 'w') as f:
        f.write('delete b\n')
    put(f'b{n}.yaml', maps(['b'], n))
    assert open(d + '/b/data/k').read() == f'{n}\n'
seen = i.until(*[('CREATE', d + '/b')]) + i.read(1)
assert (seen.count(('CREATE', d + '/b')), seen.count(('DELETE', d + '/b'))) == (20, 20), seen[-30:]
assert 'object.yaml' in os.listdir(d + '/b') and open(d + '/b/data/k').read() == '19\n'

# what a client does itself the kernel tells, and nobody tells it again
for _ in range(5):
    os.mkdir(d + '/own')
    os.rmdir(d + '/own')
seen = i.read(1)
assert (seen.count(('CREATE', d + '/own')), seen.count(('DELETE', d + '/own'))) == (5, 5), seen

# whoever reads after each event has read the last state in the end
fast = Inotify(d + '/b/object.yaml')
pid = os.fork()
if not pid:
    for n in range(3000):
        with open(d + '/b/data/k', 'w') as f:
            f.write(f'{n}\n')
    os._exit(0)
value = ''
while fast.read(0.5) or not os.waitpid(pid, os.WNOHANG)[0]:
    value = open(d + '/b/data/k').read()
assert value == '2999\n', value

# a thousand at once
i.read(0.5)
put('many.yaml', maps([f'm{n}' for n in range(1000)], 1))
seen = i.until(*(('CREATE', f'{d}/m{n}') for n in range(1000)), seconds=60)
os.unlink(m + '/apply/many.yaml')
i.until(*(('DELETE', f'{d}/m{n}') for n in range(1000)), seconds=60)

# a namespace has a directory in each collection
i = Inotify(m + '/apis/core/v1/configmaps', m + '/apis/core/v1/secrets')
for _ in range(2):
    os.mkdir(m + '/namespaces/prod')
    i.until(('CREATE', m + '/apis/core/v1/configmaps/prod'), ('CREATE', m + '/apis/core/v1/secrets/prod'))
    os.mkdir(m + '/configmaps/prod/x')
    os.chdir(m + '/configmaps/prod')  # the next one must not be this one's dead directory
    os.rmdir(m + '/namespaces/prod')
    i.until(('DELETE', m + '/apis/core/v1/configmaps/prod'), ('DELETE', m + '/apis/core/v1/secrets/prod'))
os.chdir('/')

# events of an object, and of a Node, that agents name where a uid belongs
node = m + '/nodes/node-1'
i = Inotify(d + '/b/events', d + '/b/describe', node + '/events')
for name, about in ('e1', f'kind: ConfigMap, namespace: default, name: b, uid: {open(d + "/b/metadata/uid").read().strip()}'), \
                   ('e2', f'kind: Node, name: {os.path.basename(node)}, uid: {os.path.basename(node)}'):
    put(name + '.yaml', '{apiVersion: v1, kind: Event, metadata: {name: %s}, involvedObject: {%s}, reason: R, message: M, type: Normal}\n' % (name, about))
i.until(('MODIFY', d + '/b/events'), ('MODIFY', d + '/b/describe'), ('MODIFY', node + '/events'))

# a container's state
put('p.yaml', '{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {nodeName: other, containers: [{name: c, image: x}]}}\n')
p = m + '/apis/core/v1/pods/default/p'
i = Inotify(p, p + '/containers/c')
with open(p + '/status', 'w') as f:
    f.write('phase: Running\ncontainerStatuses: [{name: c, ready: true, image: x, imageID: id, restartCount: 0}]\n')
i.until(('MODIFY', p + '/status'), ('MODIFY', p + '/containers/c/status'))

# nobody looks: nothing is done
for watcher in Inotify.all:
    os.close(watcher.fd)
put('quiet.yaml', maps(['quiet'], 0))
open(d + '/quiet/object.yaml').read()
time.sleep(13)  # the kernel keeps nothing of it any more
before = figure('k8sfs_inotify_scans_total'), figure('k8sfs_inotify_calls_total')
for n in range(1, 50):
    put('quiet.yaml', maps(['quiet'], n))
after = figure('k8sfs_inotify_scans_total'), figure('k8sfs_inotify_calls_total')
# the first may look once whether the watches that were closed are still there
assert after[0] - before[0] <= 1 and after[1] - before[1] <= 2, (before, after)
END
(cd "$tmp" && timeout 250 python3 test.py "$mnt") || fail "inotify"
