#!/bin/bash
# Secrets at rest: with --encryption-key neither the database nor anything else in --state holds them readably; keys are
# changed by a start; a wrong or missing key is refused, and nothing is lost. And no file of ours is for others to read.
. "$(dirname "$0")/lib.sh"
key() { head -c 32 /dev/urandom | base64 >"$tmp/$1" && chmod 600 "$tmp/$1"; }
key first
key second
word=swordfish-$$
secret() { printf '# %s in a comment\napiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: default}\nstringData: {k: "%s"}\n' "$word" "$1" "$word"; }
# Any of its forms: plain, and in base64 after any number of bytes.
python3 - "$word" >"$tmp/forms" <<'END' || fail "python3"
import base64, sys
print(sys.argv[1])
for before, drop in (0, 0), (1, 2), (2, 3):
    print(base64.b64encode(b'x' * before + sys.argv[1].encode()).decode()[drop:-4])
END
# readable DIRECTORY...: files with the word in them
readable() { grep -rlaF -f "$tmp/forms" "$@" 2>/dev/null; }
cannot_start() { # TEXT [OPTIONS]
    local text=$1 said
    shift
    said=$(within 20 "$k8sfs" --state "$state" --run "$run" --node-name "$node" --pod-cidr "$cidr" "$@" "$mnt" 2>&1) && fail "it started: $*"
    contains "$said" "$text"
}
value() { base64 -d <"$mnt/secrets/default/$1/data/k"; }

# -- in plain text, for a start
start_daemon
secret old | put old
[ -n "$(readable "$state")" ] || fail "the test would not find it"
stop_daemon

# -- with a key, which no one else may read
chmod 640 "$tmp/first"
cannot_start 'others may read this key' --encryption-key "$tmp/first"
chmod 600 "$tmp/first"
echo short >"$tmp/bad" && chmod 600 "$tmp/bad"
cannot_start '32 bytes' --encryption-key "$tmp/bad"
cannot_start 'No such file' --encryption-key "$tmp/none-such"
cannot_start 'a file with a key' --encryption-key /dev/zero
start_daemon --encryption-key "$tmp/first"
equal "what was there, in plain text" '' "$(readable "$state" "$run")"
equal old "$word" "$(value old)"
secret new | put new
secret draft | sed 's/^kind: .*/&\nnonsense: 1/' >"$tmp/draft.yaml"
refused 'Invalid argument' cp "$tmp/draft.yaml" "$mnt/apply/draft.yaml"
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ntype: %s\n' "$word" >"$tmp/quoted.yaml"
printf 'stringData: {k: [%s]}\n' "$word" >>"$tmp/quoted.yaml"
refused 'Invalid argument' cp "$tmp/quoted.yaml" "$mnt/apply/quoted.yaml"
import_images busybox
put reader <<Y
apiVersion: v1
kind: Pod
metadata: {name: reader}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    command: [sh, -c, 'test -n "\$SECRET" && test -s /secret/k && echo has it; exec sleep 10401']
    env: [{name: SECRET, valueFrom: {secretKeyRef: {name: old, key: k}}}]
    volumeMounts: [{name: v, mountPath: /secret}]
  volumes: [{name: v, secret: {secretName: new}}]
Y
eventually 20 has "$mnt/pods/default/reader/log" '^has it$'
equal "what is written, in plain text" '' "$(readable "$state")"
kill_daemon
equal "what a daemon leaves that is killed" '' "$(readable "$state")"

# -- the key is missing, or another one
cannot_start 'no key is given'
cannot_start 'which was not given' --encryption-key "$tmp/second"
start_daemon --encryption-key "$tmp/second" --encryption-key "$tmp/first"
for name in old new; do equal $name "$word" "$(value $name)"; done
cmp "$mnt/apply/draft.yaml" "$tmp/draft.yaml" || fail "the draft's text"
contains "$(cat "$mnt/apply/quoted.yaml.err")" 'stringData'
equal "with the second key" '' "$(readable "$state")"
stop_daemon
cannot_start 'which was not given' --encryption-key "$tmp/first"
start_daemon --encryption-key "$tmp/second"
for name in old new; do equal $name "$word" "$(value $name)"; done

# -- nothing in our directories is for others, and the daemon leaves no core file
chmod 755 "$tmp"
open_to_others() {
    # shellcheck disable=SC2016
    find "$state" "$run" -print0 | setpriv --reuid=65534 --regid=65534 --clear-groups xargs -0 sh -c 'for f; do [ ! -r "$f" ] || echo "$f"; done' sh
}
equal "open to others" '' "$(open_to_others)"
equal "the state directory's mode" 700 "$(stat -c %a "$state")"
equal "the run directory's mode" 700 "$(stat -c %a "$run")"
for file in k8sfs.db k8sfs.db-wal tokens.jwks ca.key audit.log lock; do
    equal "mode of $file" 600 "$(stat -c %a "$state/$file")"
done
equal "core files" '0 0' "$(awk '/core file/ {print $5, $6}' "/proc/$daemon_pid/limits")"
rm "$mnt/apply/reader.yaml"
eventually 10 count_is "$mnt/pods/default" 0
stop_daemon

# -- a key in the kernel's keyring, and back to plain text
if command -v keyctl >/dev/null; then
    id=$(head -c 32 /dev/urandom | keyctl padd user "k8sfs-e2e-$$" @u) || fail "keyctl"
    start_daemon --encryption-key "keyring:k8sfs-e2e-$$" --encryption-key "$tmp/second"
    equal "with a key in the keyring" "$word" "$(value new)"
    stop_daemon
    cannot_start 'in root.s keyring' --encryption-key keyring:none-such
    start_daemon --encryption-key none --encryption-key "keyring:k8sfs-e2e-$$"
    keyctl unlink "$id" @u
else
    start_daemon --encryption-key none --encryption-key "$tmp/second"
fi
stop_daemon
start_daemon
equal "in plain text again" "$word" "$(value new)"
