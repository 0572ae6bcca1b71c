#!/bin/bash
# What users of one machine may try: paths, links, races between check and use, descriptors in other hands, setuid
# programs, other people's processes, names and values of any bytes. Each trick is played; nothing comes of it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rbac.sh"
start_daemon --no-reconcile
rbac_world
role prod hers "$(rule configmaps 'get, list, patch, update' ', resourceNames: [web]')"
bind prod hers User $alice
k=$cm/prod/web/data/k
soon as $alice sh -c "printf hers >$k"
db_is_untouched() { equal "what is not hers" "$1" "$(cat "$cm/prod/db/metadata/resourceVersion") $(cat "$cm/hidden/web/metadata/resourceVersion")"; }
untouched="$(cat "$cm/prod/db/metadata/resourceVersion") $(cat "$cm/hidden/web/metadata/resourceVersion")"
# as_user USER PYTHON [ARG...]: the script is on standard input
as_user() {
    local user=$1
    shift
    cat >"$tmp/trick.py"
    chmod 644 "$tmp/trick.py"
    as "$user" /usr/bin/python3 "$tmp/trick.py" "$@" || fail "the trick worked, or could not be played"
}

# -- paths
for path in "$k/../../../db/data/k" "$cm/prod/web/../db/data/k" "$cm/prod/web/metadata/../../../../../secrets" "$cm/prod/..%2fhidden/web/data/k" \
    "$cm/prod/%2e%2e/hidden/web/data/k" "$cm/prod/web/data/..%2f..%2f..%2fdb%2fdata%2fk" "$cm/prod/@x=../db" "$mnt/apply/../configmaps/prod/db/data/k" \
    "$mnt/dry-run/../apis/core/v1/configmaps/hidden/web/data/k" "$cm/hidden-web.yaml" "$cm//prod//./db//data/k"; do
    as $alice cat "$path" >"$tmp/out" 2>&1 && fail "$path can be read: $(cat "$tmp/out")"
done
for name in ../db ..%2fdb 'db
' ./db 'web/../db' '%2e%2e'; do
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: prod, name: "%s"}\ndata: {k: stolen}\n' "${name/$'\n'/\\n}" >"$tmp/path.yaml"
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: "%s", name: web}\ndata: {k: stolen}\n' "${name/$'\n'/\\n}" >"$tmp/path2.yaml"
    for file in path path2; do
        as $alice cp "$tmp/$file.yaml" "$mnt/apply/$file.yaml" 2>/dev/null && fail "a manifest of the name or namespace $name was taken"
    done
done
for name in ../x ..%2Fx; do
    as $alice mkdir "$cm/prod/$name" 2>/dev/null && fail "mkdir $name"
done
db_is_untouched "$untouched"

# -- links: one in the tree leads nobody into anything, and none becomes a manifest
refused 'not permitted\|denied' as $alice ln -s /etc/shadow "$cm/prod/shadow.yaml"
refused 'not permitted' as $alice ln -s /etc/shadow "$mnt/apply/shadow.yaml"
may $alice ln -s /etc/shadow "$mnt/apply/.#shadow.yaml"
refused "not permitted" as $alice mv -T "$mnt/apply/.#shadow.yaml" "$mnt/apply/shadow.yaml"
refused "not permitted" as $alice ln -s /etc/shadow "$mnt/apply/shadow~"
[ ! -e "$mnt/apply/shadow.yaml" ] || ! grep -q root "$mnt/apply/shadow.yaml" || fail "the daemon has read what a link leads to"
! grep -q 'root:' "$mnt/apply/shadow.yaml.err" 2>/dev/null || fail "the daemon tells what a link leads to"
rm -f "$mnt/apply/.#shadow.yaml" "$mnt/apply/shadow.yaml"
refused 'not permitted' as $alice ln "$k" "$cm/prod/web/data/other"
refused 'not permitted\|cross-device\|denied' as $alice ln "$k" "$mnt/apply/other.yaml"
refused 'not permitted\|cross-device\|denied' as $alice ln /etc/passwd "$mnt/apply/other.yaml"
# a link of her own outside the tree that root follows is root's own doing; that of the tree's own links is not hers to turn
refused 'not permitted\|denied' as $alice rm -f "$mnt/configmaps"
refused 'not permitted\|denied' as $alice sh -c "ln -sfn apply $mnt/configmaps"

# -- check and use: what was looked at is what is done, though another writes into the same file meanwhile
as_user $alice "$mnt/apply/race.yaml" <<'END'
import os, sys, threading
path, tries = sys.argv[1], 300
text = {n: b'apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: prod, name: %s}\ndata: {k: raced}\n#' % n for n in (b'web', b'db ')}
assert len(set(map(len, text.values()))) == 1
end = False
def scribble():
    while not end:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT)
            for _ in range(20):
                os.pwrite(fd, text[b'db '], 0)
                os.pwrite(fd, text[b'web'], 0)
            os.close(fd)
        except OSError:
            pass
other = threading.Thread(target=scribble)
other.start()
done = 0
for _ in range(tries):
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT)
        os.pwrite(fd, text[b'web'], 0)
        os.fsync(fd)
        os.close(fd)
        done += 1
    except OSError:
        pass
end = True
other.join()
print(done, 'of', tries, 'writes were hers to make')
END
db_is_untouched "$untouched"
# and the same by names that change under the daemon
as_user $alice "$mnt/apply" <<'END'
import os, sys, threading
os.chdir(sys.argv[1])
def text(name):
    return b'apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: prod, name: %s}\ndata: {k: raced}\n' % name
end = False
def swap():
    while not end:
        for a, b in ('one.yaml', '.x.yaml.aaaaaa'), ('two.yaml', 'one.yaml'), ('.x.yaml.aaaaaa', 'two.yaml'):
            try:
                os.rename(a, b)
            except OSError:
                pass
other = threading.Thread(target=swap)
other.start()
for _ in range(200):
    for name, what in ('one.yaml', b'web'), ('two.yaml', b'db'):
        try:
            with open(name, 'wb', buffering=0) as f:
                f.write(text(what))
        except OSError:
            pass
end = True
other.join()
for name in os.listdir('.'):
    try:
        os.unlink(name)
    except OSError:
        pass
END
db_is_untouched "$untouched"

# -- descriptors in other hands: a file acts in the name of who opened it
cat >"$tmp/pass.py" <<'END'
# The first argument's user opens, the second's writes: by a descriptor sent through a socket.
import os, pwd, socket, sys
opener, writer, path, text = sys.argv[1:5]
def become(name):
    if name != 'root':
        p = pwd.getpwnam(name)
        os.initgroups(name, p.pw_gid); os.setgid(p.pw_gid); os.setuid(p.pw_uid)
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
if os.fork() == 0:
    become(opener)
    try:
        fd = os.open(path, os.O_WRONLY | (os.O_CREAT if path.endswith('.yaml') else 0))
    except OSError as e:
        print('open:', e.strerror)
        os._exit(0)
    socket.send_fds(theirs, [b'x'], [fd])
    os._exit(0)
os.wait()
ours.setblocking(False)
try:
    fd = socket.recv_fds(ours, 1, 1)[1][0]
except OSError:
    sys.exit(0)
become(writer)
try:
    os.write(fd, text.encode())
    os.close(fd)
    print('written')
except OSError as e:
    print('write:', e.strerror)
END
passes() { /usr/bin/python3 "$tmp/pass.py" "$@"; }
manager() { sed -n 's/^    manager: //p' "$cm/prod/web/object.yaml" | sort -u | xargs; }
equal "hers, by his hand" written "$(passes $alice $bob "$k" hers-by-him)"
equal "value" hers-by-him "$(cat "$k")"
printf '%s\n' "$(manager)" | grep -q $bob && fail "he has written: $(manager)"
equal "hers, by root's hand" 'write: Permission denied' "$(passes $alice root "$mnt/apply/passed.yaml" "$(config prod db)
")"
db_is_untouched "$untouched"
equal "his, by hers" 'open: Permission denied' "$(passes $bob $alice "$k" his)"

# -- a setuid program writes into the file that she has opened for it: in her name
cp /bin/cat "$tmp/suid-cat" && chmod 4755 "$tmp/suid-cat"
[ "$(as $alice "$tmp/suid-cat" /proc/self/status | awk '/^Uid/ {print $3}')" = 0 ] || echo "setuid has no effect in $tmp: this part shows nothing"
config prod db | sed 's/k: v/k: stolen/' >"$tmp/stolen.yaml"
as $alice sh -c "$tmp/suid-cat $tmp/stolen.yaml >$mnt/apply/suid.yaml" 2>/dev/null
as $alice sh -c "$tmp/suid-cat $tmp/stolen.yaml >>$k" 2>/dev/null
db_is_untouched "$untouched"
contains "$(as $alice cat "$mnt/errors")" 'configmaps "db" is forbidden: User "'$alice'" cannot'
denied $alice sh -c "$tmp/suid-cat >$mnt/ctl </dev/null"

# -- other people's processes: neither their descriptors nor what they see is hers
sleep 1000 3<"$cm/prod/db/data/k" 4<>"$mnt/ctl" &
roots=$!
setpriv --reuid=$bob --regid="$(id -g $bob)" --init-groups sleep 1000 &
his=$!
for pid in $roots $his $daemon_pid; do
    for path in "root$mnt/version" cwd/. fd/3 fd/4 mem environ; do
        as $alice cat "/proc/$pid/$path" >/dev/null 2>"$tmp/out" && fail "she can read /proc/PID/$path of another"
    done
done
# gives nothing by which to look into it: --as drops all before it runs the command
equal "descriptors of a command run --as" "0 1 2 3" "$("$k8sfs" --as $alice -- ls /proc/self/fd | xargs)"
if command -v strace >/dev/null; then
    refused 'not permitted' as $alice strace -p $roots
fi
as_user $alice $roots $his "$daemon_pid" <<'END'
import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
for pid in map(int, sys.argv[1:]):
    if libc.ptrace(16, pid, 0, 0) == 0: # PTRACE_ATTACH
        sys.exit('she traces %d' % pid)
END
kill $roots $his
wait $roots $his 2>/dev/null

# -- names and values of any bytes
lines=$(wc -l <"$state/audit.log")
as_user $alice "$mnt/apply" "$cm/prod/web/data" <<'END'
import os, sys
apply, data = map(os.fsencode, sys.argv[1:])
made = 0
for name in [bytes([b]) for b in range(1, 256) if b != 47] + [b'\xff' * 255, b'a' * 255, b'a' * 256, b'\n\n', b'\x1b[2J', b'..', b'.', b'%', b'%%', b'%2', b'%zz', b'\xc0\x80', b'\xed\xa0\x80', b'$(id)', b'-rf', b' ']:
    for path in (apply + b'/' + name + b'.yaml', data + b'/' + name, apply + b'/' + name):
        for value in (b'\x00', b'\xff\xfe', b'\n- x\n', b'\x1b]0;x\x07', b'{' * 200):
            try:
                fd = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
                try:
                    os.write(fd, value)
                finally:
                    os.close(fd)
                made += 1
            except (OSError, ValueError):
                pass
        try:
            os.unlink(path)
        except OSError:
            pass
print(made, 'of them were taken')
END
kill -0 "$daemon_pid" || fail "the daemon has ended"
cat "$mnt/version" >/dev/null || fail "it does not answer"
# who reads what they left is told nothing by it: one line is one refusal, without control characters, and JSON stays JSON
tail -n +$((lines + 1)) "$state/audit.log" | jq -es 'length >= 0' >/dev/null || fail "the audit log is no JSON any more"
LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$state/audit.log" "$tmp/log" && fail "control characters in a log: $(LC_ALL=C grep -aP '[\x00-\x08\x0b-\x1f\x7f]' "$state/audit.log" "$tmp/log" | head -n 1 | cat -v)"
as $alice cat "$mnt/errors" | LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' && fail "control characters in errors: $(as $alice cat "$mnt/errors" | LC_ALL=C grep -aP '[\x00-\x08\x0b-\x1f\x7f]' | head -n 1 | cat -v)"
jq -e . "$cm/prod/web/object.json" >/dev/null || fail "object.json"
if python3 -c 'import yaml' 2>/dev/null; then
    python3 -c 'import sys, yaml; yaml.safe_load(open(sys.argv[1], "rb"))' "$cm/prod/web/object.yaml" || fail "object.yaml"
fi
timeout 60 find "$mnt/apply" "$cm" >/dev/null || fail "find"
db_is_untouched "$untouched"
[ -z "$(ls "$cm/prod/web/data" | grep -vE '^[-._a-zA-Z0-9]+$')" ] || fail "keys that Kubernetes refuses: $(ls -b "$cm/prod/web/data")"
