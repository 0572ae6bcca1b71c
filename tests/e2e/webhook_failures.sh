#!/bin/bash
# Admission webhooks that misbehave, and what they are told: who waits, who does not, and what
# comes of it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webhook.sh"
start_daemon
start_hooks
maps=$mnt/configmaps/default

# One that hangs holds up those whom it concerns, and nobody else: more writers than the tree has
# workers.
rm -f "$tmp/hooks/release"
hook Validating hang /hang "$configmaps" 'timeoutSeconds: 30; objectSelector: {matchLabels: {slow: "yes"}}'
slow() {
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, labels: {slow: "yes"}}\n' "$1" >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$mnt/configmaps/$ns/"
}
writers=
for i in $(seq 24); do
    slow "slow-$i" &
    writers="$writers $!"
done
all_asked() { [ "$(n_asked)" -ge 24 ]; }
eventually 20 all_asked
within 10 cp /dev/stdin "$mnt/configmaps/$ns/quick.yaml" <<'END' || fail "another writer was held up"
apiVersion: v1
kind: ConfigMap
metadata: {name: quick}
data: {a: b}
END
equal "a reader" b "$(within 5 cat "$maps/quick/data/a")"
within 5 bash -c "echo c >'$maps/quick/data/a'" || fail "another writer was held up"
[ -e "$maps/slow-1" ] && fail "one that was not asked about is there"

# A writer that is killed meanwhile is gone when the webhook has answered, and so are the others.
victim=${writers##* }
kill -9 "$(pgrep -P "$victim")"
touch "$tmp/hooks/release"
for w in $writers; do
    wait "$w" || [ "$w" = "$victim" ] || fail "a writer was refused: $(tail -n 3 "$mnt/errors")"
done
equal "all that were answered" 23 "$(ls -d "$maps"/slow-*[0-9] | grep -cv slow-24)"
rm -f "$mnt/configmaps/$ns"/slow-*.yaml

# The daemon ends while a webhook hangs: at once, and who waits is told.
rm -f "$tmp/hooks/release"
forget_asked
slow late >"$tmp/late" 2>&1 &
late=$!
asked_once() { [ "$(n_asked)" -ge 1 ]; }
eventually 10 asked_once
within 10 "$k8sfs" --stop "$mnt" || fail "the daemon does not end"
wait "$late" && fail "a write was accepted that nobody was asked about"
wait "$daemon_pid" || fail "the daemon's exit status"
touch "$tmp/hooks/release"
start_daemon
[ -e "$maps/late" ] && fail "what was refused is there"
slow late || fail "after the restart: $(why late)"
rm -f "$mnt/configmaps/$ns"/late.yaml
unhook hang

# What is no answer: refused, or let pass, as failurePolicy says.
misbehaves() { # misbehaves PATH TEXT
    hook Mutating bad "/$1" "$configmaps"
    configmap bad 'a: b' 2>/dev/null && fail "$1 was accepted"
    contains "$(why bad)" "$2"
    [ -e "$maps/bad" ] && fail "$1: it is there"
    rm "$mnt/configmaps/$ns/bad.yaml"
    unhook bad
}
misbehaves garbage 'failed calling webhook "bad.hooks.example.com": failed to call webhook: the answer of .*/garbage.* is no JSON'
misbehaves huge 'failed to call webhook: .*longer than'
misbehaves wrong-uid 'received invalid webhook response: expected response.uid='
misbehaves error 'answered with status 500: out of order'
misbehaves redirect 'answered with status 302'
misbehaves nonsense 'failed to call webhook: Post'
misbehaves bad-patch 'the patch of the admission webhook "bad.hooks.example.com" cannot be applied'
misbehaves patch-no-list 'response.patch is no JSON Patch'
misbehaves wrong-type 'cannot be applied: data: Invalid value'
misbehaves deny-silently 'admission webhook "bad.hooks.example.com" denied the request without explanation'
hook Mutating bad /garbage "$configmaps" 'failurePolicy: Ignore'
configmap ignored 'a: b' || fail "failurePolicy Ignore: $(why ignored)"
unhook bad
hook Mutating bad /rename "$configmaps"
configmap renamed 'a: b' || fail "rename: $(why renamed)"
[ -e "$maps/other" ] && fail "a webhook renamed an object"
unhook bad
hook Validating conflict /conflict "$configmaps"
refused 'Device or resource busy' configmap busy 'a: b'
unhook conflict
hook Mutating nobody /allow "$configmaps"
stop_hooks
refused 'Permission denied' configmap nobody 'a: b'
contains "$(why nobody)" 'dial tcp: connect: Connection refused'
start_hooks
unhook nobody

# Dry runs ask, and say so; nothing is stored.
hook Mutating dry /mutating-configmaps "$configmaps"
forget_asked
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: dry}\ndata: {mutation-start: "yes"}\n' >"$mnt/dry-run/dry.yaml" || fail "dry run"
contains "$(cat "$mnt/dry-run/dry.yaml")" 'mutation-stage-1: "yes"'
contains "$(asked)" '"dryRun": true'
[ -e "$maps/dry" ] && fail "a dry run was stored"
unhook dry

# Warnings and audit annotations
hook Validating warn /warn "$configmaps"
configmap warned 'a: b' || fail "warned: $(why warned)"
contains "$(tail -n 1 "$mnt/errors")" 'warned.yaml: Warning: mind the gap'
contains "$(grep '"name":"warned"' "$state/audit.log")" '"warn.hooks.example.com/gap":"minded"'
echo x >"$maps/warned/data/a" || fail "warned update"
contains "$(tail -n 1 "$mnt/errors")" 'Warning: mind the gap'
unhook warn

# What is deleted is shown as it was
hook Validating gone /configmaps "${configmaps/CREATE, UPDATE/DELETE}"
echo webhook-disallow >"$maps/warned/data/webhook-e2e-test" || fail "an update that does not concern it"
refused 'Permission denied' rmdir "$maps/warned"
contains "$(asked | tail -n 1)" '"object": null, "oldObject": {"apiVersion": "v1"'
unhook gone

# A webhook sees again what others changed after it
hook Mutating first /mutating-configmaps "$configmaps" 'reinvocationPolicy: IfNeeded'
hook Mutating second /count "$configmaps"
forget_asked
configmap again 'mutation-start: "yes"' || fail "again: $(why again)"
equal "reinvoked" yes "$(data again mutation-stage-2)"
equal "the other not" 1 "$(data again count)"
equal "asked" 3 "$(n_asked)"
unhook first
unhook second

# The decision is about what is committed: writers that overtake each other are asked about again.
configmap raced 'turn: "0"' || fail "raced"
hook Mutating seen /seen "$configmaps"
writers=
for i in 1 2 3 4 5 6; do
    for j in 1 2 3 4; do echo "{data: {turn: \"$i-$j\", w$i: x}}" >"$maps/raced/patch.merge" || echo refused; done >"$tmp/race-$i" 2>&1 &
    writers="$writers $!"
done
wait $writers
equal "no writer was refused" "" "$(cat "$tmp"/race-*)"
equal "what was judged is what is there" "$(data raced turn)" "$(data raced seen)"
unhook seen

# Match conditions: one that cannot be evaluated is a failure, and what the caller may is asked of RBAC
hook Validating condition /deny "$configmaps" 'matchConditions: [{name: breaks, expression: "object.data.nothing == 1"}]'
refused 'Permission denied' configmap condition 'a: b'
contains "$(why condition)" 'configmaps "condition" is forbidden: match condition "breaks": '
unhook condition
hook Validating condition /deny "$configmaps" 'failurePolicy: Ignore; matchConditions: [{name: breaks, expression: "object.data.nothing == 1"}]'
configmap condition 'a: b' || fail "a condition that breaks, ignored: $(why condition)"
unhook condition
hook Validating condition /deny "$configmaps" "matchConditions: [{name: who, expression: \"!authorizer.group('').resource('secrets').namespace('default').check('delete').allowed()\"}]"
configmap condition 'a: c' || fail "root may delete secrets: $(why condition)"
unhook condition

# A service, by its endpoints
address=$(ip -o -4 addr show "$(bridge)" | awk '{sub("/.*", "", $4); print $4; exit}')
put service <<END
apiVersion: v1
kind: Namespace
metadata: {name: hooks}
---
apiVersion: v1
kind: Service
metadata: {name: hook, namespace: hooks}
spec: {ports: [{name: https, port: 8443, targetPort: $port}]}
END
hook Validating service /deny "$configmaps"
sed -i "s|url: \"[^\"]*\"|service: {namespace: hooks, name: hook, path: /configmaps, port: 8443}|" "$tmp/service.yaml"
cp "$tmp/service.yaml" "$mnt/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/" || fail "service configuration"
configmap served 'a: b' 2>/dev/null && fail "a service without endpoints was asked"
contains "$(why served)" 'no endpoints available for service "hook"'
put slice <<END
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: hook-1, namespace: hooks, labels: {kubernetes.io/service-name: hook}}
addressType: IPv4
ports: [{name: https, port: $port, protocol: TCP}]
endpoints: [{addresses: ["192.0.2.1"], conditions: {ready: false}}, {addresses: ["$address"], conditions: {ready: true}}]
END
forget_asked
configmap served 'a: b' || fail "by the service: $(why served)"
contains "$(asked)" '"host": "hook.hooks.svc:8443"'
refused 'Permission denied' configmap served-not 'webhook-e2e-test: webhook-disallow'
unhook service
# without webhooks nobody is asked
forget_asked
configmap free 'a: b' || fail "free"
equal "asked" 0 "$(n_asked)"
