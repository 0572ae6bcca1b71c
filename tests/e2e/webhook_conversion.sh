#!/bin/bash
# Conversion of custom resources by a webhook: every way of reading and writing another version, what
# is demanded of its answers, and what is left when it is down.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webhook.sh"
start_daemon --no-reconcile
start_hooks
group=$mnt/apis/stable.example.com
v1=$group/v1/hosts v2=$group/v2/hosts
crds=$mnt/apis/apiextensions.k8s.io/v1/customresourcedefinitions

# definition PATH: stored as v1
definition() {
    cat >"$tmp/hosts.yaml" <<END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: hosts.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: hosts, kind: Host}
  conversion:
    strategy: Webhook
    webhook:
      conversionReviewVersions: [v1]
      clientConfig: {url: "https://127.0.0.1:$port$1", caBundle: $ca}
  versions:
  - name: v1
    served: true
    storage: true
    additionalPrinterColumns: [{name: At, type: string, jsonPath: .hostPort}]
    schema: {openAPIV3Schema: {type: object, properties: {hostPort: {type: string}}}}
  - name: v2
    served: true
    storage: false
    additionalPrinterColumns: [{name: Host, type: string, jsonPath: .host}]
    schema:
      openAPIV3Schema:
        type: object
        properties: {host: {type: string}, port: {type: string, pattern: '^[0-9]+$'}, scheme: {type: string, default: http}}
END
    cp "$tmp/hosts.yaml" "$crds/" || fail "definition: $(cat "$crds/hosts.yaml.err")"
}
host1() { printf 'apiVersion: stable.example.com/v1\nkind: Host\nmetadata: {name: %s}\nhostPort: "%s"\n' "$1" "$2" >"$tmp/$1.yaml" && cp "$tmp/$1.yaml" "$v1/"; }
host2() { printf 'apiVersion: stable.example.com/v2\nkind: Host\nmetadata: {name: %s}\nhost: "%s"\nport: "%s"\n' "$1" "$2" "$3" >"$tmp/$1.yaml" && cp "$tmp/$1.yaml" "$v2/"; }

definition /convert
host1 one localhost:8080 || fail "written as v1"
forget_asked

# Reading, and that what was asked once is known
equal "a field" localhost "$(cat "$v2/default/one/host")"
equal "a default of its version" http "$(cat "$v2/default/one/scheme")"
contains "$(cat "$v2/default/one/object.json")" '"apiVersion": "stable.example.com/v2"'
contains "$(cat "$v2/_index")" 'NAME *HOST'
contains "$(cat "$v2/default/_index")" 'one *localhost'
contains "$(cat "$v1/_index")" 'one *localhost:8080'
ls -lR "$v2" >/dev/null || fail "walking"
find "$v2" -type f -exec cat {} + >/dev/null || fail "reading all"
equal "asked once for all of this" 1 "$(n_asked)"
contains "$(asked)" '"kind": "ConversionReview"'
contains "$(asked)" '"desiredAPIVersion": "stable.example.com/v2"'
contains "$(asked)" '/convert?timeout=30s'

# Writing through the other version: stored as v1
host2 two example.com 80 || fail "written as v2: $(cat "$v2/two.yaml.err")"
equal "stored" example.com:80 "$(cat "$v1/default/two/hostPort")"
echo other.example.com >"$v2/default/two/host" || fail "a field: $(tail -n 3 "$mnt/errors")"
equal "a field that was written" other.example.com:80 "$(cat "$v1/default/two/hostPort")"
echo '{port: "81"}' >"$v2/default/two/patch.merge" || fail "a patch: $(tail -n 3 "$mnt/errors")"
equal "a patch" other.example.com:81 "$(cat "$v1/default/two/hostPort")"
refused 'Invalid argument' host2 three example.com http
contains "$(cat "$v2/three.yaml.err")" 'port: Invalid value: "http"'
rm -f "$v2/three.yaml"
echo '{hostPort: "h:1"}' >"$v1/default/two/patch.merge" || fail "a patch of v1"
equal "seen at v2" "h 1" "$(cat "$v2/default/two/host") $(cat "$v2/default/two/port")"

# Watching
timeout $((10 * slowness)) head -n 2 "$v2/_watch.json" >"$tmp/watched" || fail "_watch.json"
contains "$(cat "$tmp/watched")" '"type":"ADDED".*"host":"localhost"'
contains "$(cat "$tmp/watched")" '"type":"ADDED".*"host":"h"'
timeout $((20 * slowness)) head -n 3 "$v2/_watch.json" >"$tmp/watched" &
watcher=$!
settle 1
echo '{hostPort: "later:2"}' >"$v1/default/two/patch.merge" || fail "a patch while watched"
wait $watcher || fail "the change was not shown: $(cat "$tmp/watched")"
contains "$(tail -n 1 "$tmp/watched")" '"type":"MODIFIED".*"apiVersion":"stable.example.com/v2".*"host":"later"'

# Many in one question
for i in $(seq 30); do host1 "many-$i" "many:$i" || fail "many-$i"; done
forget_asked
equal "the table" 33 "$(wc -l <"$v2/_index")"
equal "asked for thirty" 1 "$(n_asked)"
cat "$v2/_index" >/dev/null
equal "asked again" 1 "$(n_asked)"

# A restart forgets what was asked, and no more
stop_daemon
start_daemon --no-reconcile
equal "after a restart" many "$(cat "$v2/default/many-7/host")"

# What is demanded of an answer
demands() { # demands PATH TEXT
    definition "/convert-$1"
    cat "$v2/default/one/host" >/dev/null 2>&1 && fail "$1 was accepted"
    contains "$(tail -n 1 "$mnt/errors")" "conversion webhook for stable.example.com/v1, Kind=Host failed: .*$2"
}
demands refuse 'no such conversion'
demands lose 'returned 0 objects, expected 1'
demands rename 'must have the same name: one != other'
demands uid 'must have the same UID'
definition /garbage
cat "$v2/default/one/host" >/dev/null 2>&1 && fail "garbage was accepted"
contains "$(tail -n 1 "$mnt/errors")" 'is no JSON'
definition /convert-label
equal "a label of its own" yes "$(cat "$v2/default/one/metadata/labels/converted")"
[ -e "$v2/default/one/metadata/finalizers" ] && fail "it changed the finalizers"
[ -e "$v1/default/one/metadata/labels/converted" ] && fail "it changed what is stored"

# One that is down: what is stored is there all the same, and the rest says why not.
definition /convert
touch "$tmp/hooks/convert-down"
equal "the stored version" localhost:8080 "$(cat "$v1/default/one/hostPort")"
host1 four down:4 || fail "writing the stored version"
equal "names" 33 "$(ls "$v2/default" | grep -vc '^_')"
contains "$(timeout 5 head -n 1 "$v2/_watch")" '^ADDED default/'
cat "$v2/default/one/host" >/dev/null 2>&1 && fail "read without the webhook"
contains "$(tail -n 1 "$mnt/errors")" 'failed: Post .*answered with status 503: out of order'
cat "$v2/_index" >/dev/null 2>&1 && fail "a table without the webhook"
host2 five x 5 2>/dev/null && fail "written without the webhook"
contains "$(cat "$v2/five.yaml.err")" 'conversion webhook for stable.example.com/v2, Kind=Host failed'
contains "$(timeout 10 cat "$v2/_watch.json")" '"type":"ERROR".*"code":500.*conversion webhook'
rm "$v1/four.yaml"
eventually 10 test ! -e "$v1/default/four"
rm "$tmp/hooks/convert-down"
equal "up again" localhost "$(cat "$v2/default/one/host")"

# One that hangs holds up who asks it, and no other.
rm -f "$tmp/hooks/release"
definition /hang
readers=
for i in $(seq 20); do
    cat "$v2/default/many-$i/host" >/dev/null 2>&1 &
    readers="$readers $!"
done
settle 1
equal "others read on" localhost:8080 "$(within 5 cat "$v1/default/one/hostPort")"
within 5 bash -c "echo h:9 >'$v1/default/two/hostPort'" || fail "a writer of the stored version was held up"
within 5 mkdir "$mnt/apis/core/v1/namespaces/elsewhere" || fail "another writer was held up"
within 10 "$k8sfs" --stop "$mnt" || fail "the daemon does not end"
wait "$daemon_pid" || fail "the daemon's exit status"
for r in $readers; do wait "$r" && fail "a reader was shown something"; done
touch "$tmp/hooks/release"
start_daemon --no-reconcile
definition /convert
equal "after all" localhost "$(cat "$v2/default/one/host")"
