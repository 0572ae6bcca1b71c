#!/bin/bash
# Objects and nothing that runs: configmap-api, secret-api, leases, events-api, ingress-api,
# field-validation, namespaces, watch.
. "$(dirname "$0")/conformance.sh"
start_daemon

# -- configmap-api, secret-api

configmap() { # NAME [DATA] [LABEL]
    write configmaps "$1" <<Y
apiVersion: v1
kind: ConfigMap
metadata: {name: $1, labels: {test: ${3:-$1}}}
data: {${2:-}}
Y
}

C242() {
    refused 'Invalid argument' configmap empty '"": value'
    contains "$(last_error)" 'data'
    gone "$(its configmaps empty)" || fail "was made"
}

C243() {
    configmap one 'valueName: value' lifecycle || fail "create"
    echo '{"metadata": {"labels": {"state": "patched"}}, "data": {"valueName": "value1"}}' >"$(its configmaps one)/patch" || fail "patch"
    equal "patched" value1 "$(cat "$(its configmaps one)/data/valueName")"
    equal "static label stays" lifecycle "$(cat "$(its configmaps one)/metadata/labels/test")"
    equal "by label, all namespaces" "$ns.one" "$(ls "$mnt/configmaps/@test=lifecycle,state=patched")"
    echo 'delete -l test=lifecycle' >"$mnt/configmaps/$ns/_ctl" || fail "delete"
    eventually 10 are configmaps '' '@test=lifecycle'
}

C244() {
    configmap one 'data-1: value-1' || fail "create"
    configmap one 'data-1: value-2' || fail "update"
    equal "updated" value-2 "$(cat "$(its configmaps one)/data/data-1")"
    echo value-3 >"$(its configmaps one)/data/data-1" || fail "one value"
    equal "updated" value-3 "$(cat "$(its configmaps one)/data/data-1")"
}

C323() {
    refused 'Invalid argument' write secrets empty <<'Y'
apiVersion: v1
kind: Secret
metadata: {name: empty}
data: {"": dmFsdWU=}
Y
    gone "$(its secrets empty)" || fail "was made"
}

C324() {
    write secrets one <<'Y'
apiVersion: v1
kind: Secret
metadata: {name: one, labels: {testsecret-constant: "true"}}
type: Opaque
data: {key: dmFsdWU=}
Y
    equal "listed, all namespaces" "$ns.one" "$(ls "$mnt/secrets/@testsecret-constant=true")"
    echo '{"metadata": {"labels": {"testsecret": "true"}}, "data": {"key": "dmFsdWUx"}}' >"$(its secrets one)/patch" || fail "patch"
    contains "$(cat "$(its secrets one)/object.yaml")" 'key: dmFsdWUx'
    equal "by the new label" one "$(names secrets '@testsecret=true')"
    echo 'delete -l testsecret=true' >"$mnt/secrets/$ns/_ctl" || fail "delete"
    eventually 10 are secrets '' '@testsecret-constant=true'
}

immutability() { # RESOURCE <manifest
    write "$1" one || fail "create"
    local dir
    dir=$(its "$1" one)
    echo "{\"data\": {\"key\": \"dGhyZWU=\"}}" >"$dir/patch.merge" || fail "update before"
    echo '{"immutable": true}' >"$dir/patch.merge" || fail "mark"
    refused 'Operation not permitted' bash -c "echo '{\"data\": {\"key\": \"Zm91cg==\"}}' >$dir/patch.merge"
    refused 'Operation not permitted' bash -c "echo '{\"immutable\": false}' >$dir/patch.merge"
    echo '{"metadata": {"labels": {"label1": "value1"}}}' >"$dir/patch.merge" || fail "labels"
    contains "$(cat "$dir/object.yaml")" 'key: dGhyZWU='
    rmdir "$dir" || fail "delete"
    eventually 10 gone "$dir"
}
C369() {
    immutability configmaps <<'Y'
apiVersion: v1
kind: ConfigMap
metadata: {name: one}
data: {key: dHdv}
Y
}
C437() {
    immutability secrets <<'Y'
apiVersion: v1
kind: Secret
metadata: {name: one}
data: {key: dHdv}
Y
}

# -- leases

lease() { # NAME HOLDER TRANSITIONS [LABELS]
    write leases "$1" <<Y
apiVersion: coordination.k8s.io/v1
kind: Lease
metadata: {name: $1, labels: {${4:-}}}
spec:
  holderIdentity: $2
  leaseDurationSeconds: 30
  acquireTime: "2026-01-01T00:00:00.000000Z"
  renewTime: "2026-01-01T00:00:05.000000Z"
  leaseTransitions: $3
Y
}
C277() {
    lease one holder 0 || fail "create"
    local l
    l=$(its leases one)
    equal holder holder "$(cat "$l/spec/holderIdentity")"
    equal acquired 2026-01-01T00:00:00.000000Z "$(cat "$l/spec/acquireTime")"
    lease one holder2 1 || fail "update"
    equal "updated holder" holder2 "$(cat "$l/spec/holderIdentity")"
    echo '{"spec": {"leaseDurationSeconds": 60}}' >"$l/patch" || fail "patch"
    equal "patched" 60 "$(cat "$l/spec/leaseDurationSeconds")"
    equal "the rest" 1 "$(cat "$l/spec/leaseTransitions")"
    lease two holder 0 'deletecollection: "true"' || fail "second"
    equal "both" 'one two' "$(names leases)"
    echo 'delete -l deletecollection=true' >"$mnt/leases/$ns/_ctl" || fail "delete by label"
    eventually 10 are leases one
    rmdir "$l" || fail "delete"
    eventually 10 are leases ''
}

# -- events-api

core_event() { # NAME LABEL
    write apis/core/v1/events "$1" <<Y
apiVersion: v1
kind: Event
metadata: {name: $1, labels: {testevent: $2}}
involvedObject: {namespace: $ns, kind: Pod, name: x}
reason: Test
message: "This is $1"
type: Normal
source: {component: test}
Y
}
C190() {
    for i in 1 2 3; do core_event "event-$i" constant || fail "create"; done
    equal "made" 'event-1 event-2 event-3' "$(names apis/core/v1/events '@testevent=constant')"
    echo 'delete -l testevent=constant' >"$mnt/apis/core/v1/events/$ns/_ctl" || fail "delete"
    eventually 10 are apis/core/v1/events '' '@testevent=constant'
}
C191() {
    core_event one lifecycle || fail "create"
    equal "all namespaces" "$ns.one" "$(ls "$mnt/apis/core/v1/events/@testevent=lifecycle")"
    echo '{"message": "This is a test event - patched"}' >"$(its apis/core/v1/events one)/patch" || fail "patch"
    equal "patched" 'This is a test event - patched' "$(cat "$(its apis/core/v1/events one)/message")"
    echo '{"series": {"count": 100, "lastObservedTime": "2014-06-16T00:00:00.000000Z"}}' >"$(its apis/core/v1/events one)/patch" || fail "series"
    equal "series" 100 "$(cat "$(its apis/core/v1/events one)/series/count")"
    rmdir "$(its apis/core/v1/events one)" || fail "delete"
    eventually 10 are apis/core/v1/events ''
}

new_event() { # NAME LABEL
    write apis/events.k8s.io/v1/events "$1" <<Y
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: $1, labels: {testevent: $2}}
regarding: {namespace: $ns, kind: Pod, name: x, apiVersion: v1}
eventTime: "2026-01-01T00:00:00.000000Z"
note: "This is $1"
action: Do
reason: Test
type: Normal
reportingController: test-controller
reportingInstance: test-node
Y
}
C188() {
    for i in 1 2 3; do new_event "event-$i" constant || fail "create"; done
    equal "made" 'event-1 event-2 event-3' "$(names apis/events.k8s.io/v1/events '@testevent=constant')"
    echo 'delete -l testevent=constant' >"$mnt/apis/events.k8s.io/v1/events/$ns/_ctl" || fail "delete"
    eventually 10 are apis/events.k8s.io/v1/events '' '@testevent=constant'
}
C189() {
    new_event one single || fail "create"
    local dir
    dir=$(its apis/events.k8s.io/v1/events one)
    equal "read" 'This is one' "$(cat "$dir/note")"
    echo '{"note": "This is a test event - patched"}' >"$dir/patch" || fail "patch"
    equal "patched" 'This is a test event - patched' "$(cat "$dir/note")"
    echo '{"series": {"count": 100, "lastObservedTime": "2014-06-16T00:00:00.000000Z"}}' >"$dir/patch.merge" || fail "series"
    equal "series" 100 "$(cat "$dir/series/count")"
    rmdir "$dir" || fail "delete"
    eventually 10 are apis/events.k8s.io/v1/events ''
}

# -- ingress-api

ingress() { # NAME
    write ingresses "$1" <<Y
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: $1, labels: {special-label: $ns}}
spec:
  defaultBackend: {service: {name: default-backend, port: {number: 80}}}
  rules:
  - host: $1.example.com
    http: {paths: [{path: /, pathType: ImplementationSpecific, backend: {service: {name: test-backend, port: {number: 8080}}}}]}
Y
}
C212() {
    ls "$mnt/apis" | grep -qx networking.k8s.io || fail "no API group"
    ls "$mnt/apis/networking.k8s.io" | grep -qx v1 || fail "no version"
    ls "$mnt/apis/networking.k8s.io/v1" | grep -qx ingresses || fail "no resource"
    timeout 20 cat "$mnt/ingresses/$ns/_watch" >"$tmp/$ns.watch" &
    local watch=$! dir
    for i in a b c; do ingress $i || fail "create $i"; done
    equal "listed" 'a b c' "$(names ingresses "@special-label=$ns")"
    contains "$(cat "$mnt/ingresses/_index")" "$ns *a "
    dir=$(its ingresses a)
    echo '{"metadata": {"annotations": {"patched": "true"}}}' >"$dir/patch.merge" || fail "patch"
    equal "patched" true "$(cat "$dir/metadata/annotations/patched")"
    echo updated >"$dir/metadata/annotations/updated" || fail "update"
    echo '{"loadBalancer": {"ingress": [{"ip": "169.1.1.1"}]}}' >"$dir/status" || fail "status"
    contains "$(cat "$dir/status")" 'ip: 169.1.1.1'
    equal "status changes nothing else" true "$(cat "$dir/metadata/annotations/patched")"
    rmdir "$dir" || fail "delete"
    echo "delete -l special-label=$ns" >"$mnt/ingresses/$ns/_ctl" || fail "delete collection"
    eventually 10 are ingresses ''
    eventually 10 has "$tmp/$ns.watch" "ADDED $ns/a"
    eventually 10 has "$tmp/$ns.watch" "MODIFIED $ns/a"
    eventually 10 has "$tmp/$ns.watch" "DELETED $ns/c"
    kill $watch
}

C213() {
    ls "$mnt/apis/networking.k8s.io/v1" | grep -qx ingressclasses || fail "no resource"
    timeout 20 cat "$mnt/ingressclasses/_watch" >"$tmp/$ns.watch" &
    local watch=$! classes=$mnt/ingressclasses
    for i in a b c; do
        printf 'apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {name: %s, labels: {ingressclass: %s}}\nspec: {controller: example.com/controller}\n' "$ns-$i" "$ns" >"$tmp/class.yaml"
        cp "$tmp/class.yaml" "$classes/$ns-$i.yaml" || fail "create"
    done
    equal "listed" 3 "$(ls "$classes/@ingressclass=$ns" | wc -l)"
    equal "read" example.com/controller "$(cat "$classes/$ns-a/spec/controller")"
    echo '{"metadata": {"annotations": {"patched": "true"}}}' >"$classes/$ns-a/patch.merge" || fail "patch"
    echo true >"$classes/$ns-a/metadata/annotations/updated" || fail "update"
    equal "updated" true "$(cat "$classes/$ns-a/metadata/annotations/updated")"
    rmdir "$classes/$ns-a" || fail "delete"
    eventually 10 gone "$classes/$ns-a"
    echo "delete -l ingressclass=$ns" >"$classes/_ctl" || fail "delete collection"
    eventually 10 gone "$classes/$ns-c"
    eventually 10 has "$tmp/$ns.watch" "ADDED $ns-a"
    eventually 10 has "$tmp/$ns.watch" "MODIFIED $ns-a"
    eventually 10 has "$tmp/$ns.watch" "DELETED $ns-c"
    kill $watch
}

# -- field-validation

deployment() { # EXTRA-LINES-OF-METADATA EXTRA-LINES-OF-SPEC
    write deployments d <<Y
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d
  labels: {app: nginx}
${1:-}
spec:
  selector: {matchLabels: {app: nginx}}
${2:-}
  template:
    metadata: {labels: {app: nginx}}
    spec: {schedulerName: nobody, containers: [{name: nginx, image: nginx}]}
Y
}
C054() {
    refused 'Invalid argument' deployment '' '  unknownField: foo'
    contains "$(last_error)" 'unknown field "unknownField"'
    refused 'Invalid argument' deployment '' "  replicas: 1
  replicas: 2"
    contains "$(last_error)" 'replicas'
    gone "$(its deployments d)" || fail "was made"
}
C056() {
    refused 'Invalid argument' deployment '  unknownMeta: unknown'
    contains "$(last_error)" 'unknown field "unknownMeta"'
    deployment || fail "without it"
    refused 'Invalid argument' bash -c "echo '{\"metadata\": {\"unknownMeta\": \"x\"}}' >$(its deployments d)/patch.merge"
}

# -- namespaces

C068() {
    local dir=$mnt/namespaces/$ns
    printf 'spec: {finalizers: [kubernetes, e2e.example.com/fake]}\n' >"$dir/finalize" || fail "finalize"
    contains "$(cat "$dir/object.yaml")" e2e.example.com/fake
    printf 'spec: {finalizers: [kubernetes]}\n' >"$dir/finalize" || fail "finalize again"
    grep -q fake "$dir/object.yaml" && fail "the finalizer is still there"
    :
}
C069() {
    local dir=$mnt/namespaces/$ns
    echo testing >"$dir/metadata/labels/$ns" || fail "label"
    equal "updated" testing "$(cat "$dir/metadata/labels/$ns")"
}
C070() {
    local dir=$mnt/namespaces/$ns
    contains "$(cat "$dir/status")" 'phase: Active'
    echo '{"phase": "Active", "conditions": [{"type": "StatusPatch", "status": "True", "reason": "E2E patch", "message": "Patched by an e2e test", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}' >"$dir/status" || fail "status"
    contains "$(cat "$dir/status")" 'type: StatusPatch'
    contains "$(cat "$dir/status")" 'phase: Active'
    sed 's/StatusPatch/StatusUpdate/; s/E2E patch/E2E update/' "$dir/status" >"$tmp/$ns.status"
    cat "$tmp/$ns.status" >"$dir/status" || fail "update of status"
    contains "$(cat "$dir/status")" 'reason: E2E update'
}
C071() {
    mkdir "$mnt/namespaces/$ns-x"
    local outer=$ns
    ns=$ns-x
    pod one || fail "pod"
    test -e "$(its pods one)" || fail "no pod"
    rmdir "$mnt/namespaces/$ns" || fail "delete"
    eventually 20 gone "$mnt/namespaces/$ns"
    mkdir "$mnt/namespaces/$ns" || fail "again"
    equal "empty" '' "$(names pods)"
    ns=$outer
}
C072() {
    local outer=$ns
    ns=$ns-x
    mkdir "$mnt/namespaces/$ns"
    write services one <<'Y'
apiVersion: v1
kind: Service
metadata: {name: one}
spec: {selector: {a: b}, ports: [{port: 80, targetPort: 80}]}
Y
    rmdir "$mnt/namespaces/$ns" || fail "delete"
    eventually 20 gone "$mnt/namespaces/$ns"
    mkdir "$mnt/namespaces/$ns" || fail "again"
    equal "empty" '' "$(names services)"
    ns=$outer
}
C073() {
    local dir=$mnt/namespaces/$ns
    echo '{"metadata": {"labels": {"testLabel": "testValue"}}}' >"$dir/patch" || fail "patch"
    equal "patched" testValue "$(cat "$dir/metadata/labels/testLabel")"
}
C074() {
    local outer=$ns
    ns=$ns-x
    mkdir "$mnt/namespaces/$ns"
    configmap one 'a: b' || fail "configmap"
    pod one '  containers: [{name: c, image: busybox}]' || fail "pod"
    echo '{"metadata": {"finalizers": ["e2e.example.com/hold"]}}' >"$(its pods one)/patch.merge" || fail "finalizer"
    rmdir "$mnt/namespaces/$ns" || fail "delete"
    eventually 10 has "$mnt/namespaces/$ns/object.yaml" 'phase: Terminating'
    eventually 10 has "$(its pods one)/object.yaml" deletionTimestamp
    never 2 gone "$(its configmaps one)"
    echo '{"metadata": {"finalizers": null}}' >"$(its pods one)/patch.merge" || fail "release"
    eventually 20 gone "$mnt/namespaces/$ns"
    ns=$outer
}

# -- watch


rv() { sed -n 's/^  resourceVersion: "\(.*\)"/\1/p' "$1/object.yaml"; }
# since RESOURCE-VERSION SECONDS: what a watch from there sees in that time
since() { timeout "$2" dd if="$mnt/configmaps/$ns/_watch" iflag=skip_bytes skip="$1" bs=4096 status=none; }

C094() {
    configmap one 'mutation: "1"'
    local at
    at=$(rv "$(its configmaps one)")
    configmap one 'mutation: "2"'
    since "$at" 1 >"$tmp/$ns.first"
    contains "$(cat "$tmp/$ns.first")" "MODIFIED $ns/one"
    at=$(awk 'END {print $3}' "$tmp/$ns.first")
    configmap one 'mutation: "3"'
    local third
    third=$(rv "$(its configmaps one)")
    rmdir "$(its configmaps one)"
    since "$at" 1 >"$tmp/$ns.second"
    equal "from where the first one ended" "MODIFIED $ns/one $third" "$(head -n 1 "$tmp/$ns.second")"
    contains "$(sed -n 2p "$tmp/$ns.second")" "DELETED $ns/one"
    equal "nothing twice" 2 "$(wc -l <"$tmp/$ns.second")"
}
C095() {
    configmap one 'mutation: "1"'
    local first second
    first=$(rv "$(its configmaps one)")
    configmap one 'mutation: "2"'
    second=$(rv "$(its configmaps one)")
    rmdir "$(its configmaps one)"
    since "$first" 1 >"$tmp/$ns.seen"
    equal "first" "MODIFIED $ns/one $second" "$(head -n 1 "$tmp/$ns.seen")"
    contains "$(sed -n 2p "$tmp/$ns.seen")" "DELETED $ns/one"
}
labelled() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, labels: {watch: "%s"}}\ndata: {turn: "%s"}\n' "$1" "$ns" "$2" "$3" >"$mnt/apply/$ns-$1.yaml"; }
sees() { eventually 10 has "$tmp/$ns.$1" "^$2 $ns/$3 "; } # READER TYPE NAME
C096() {
    local pids=() label
    for label in a b '{a,b}'; do
        timeout 60 cat "$mnt/configmaps/$ns/@watch in (${label//[\{\}]/})/_watch" >"$tmp/$ns.$label" &
        pids+=($!)
    done
    labelled one a 1 && labelled two b 1 || fail write
    for label in a '{a,b}'; do sees "$label" ADDED one; done
    for label in b '{a,b}'; do sees "$label" ADDED two; done
    labelled one a 2 && rm "$mnt/apply/$ns-one.yaml" || fail write
    for label in a '{a,b}'; do sees "$label" MODIFIED one; sees "$label" DELETED one; done
    rm "$mnt/apply/$ns-two.yaml"
    for label in b '{a,b}'; do sees "$label" DELETED two; done
    kill "${pids[@]}" 2>/dev/null
    grep -q two "$tmp/$ns.a" && fail "a reader of label a saw b"
    grep -q one "$tmp/$ns.b" && fail "a reader of label b saw a"
    equal "all in one" 5 "$(wc -l <"$tmp/$ns.{a,b}")"
}
C097() {
    timeout 60 cat "$mnt/configmaps/$ns/@watch=a/_watch.json" >"$tmp/$ns.json" &
    local reader=$!
    labelled one a 1 || fail write
    eventually 10 has "$tmp/$ns.json" '"turn":"1"'
    labelled one a 2 || fail write
    eventually 10 has "$tmp/$ns.json" '"turn":"2"'
    labelled one b 3 || fail write
    eventually 10 has "$tmp/$ns.json" '"type":"DELETED"'
    contains "$(tail -n 1 "$tmp/$ns.json")" '"turn":"2"'
    labelled one b 4 && labelled one a 5 || fail write
    eventually 10 has "$tmp/$ns.json" '"turn":"5"'
    grep -q '"turn":"[34]"' "$tmp/$ns.json" && fail "seen while the label was another"
    rm "$mnt/apply/$ns-one.yaml"
    gone() { [ "$(grep -c '"type":"DELETED"' "$tmp/$ns.json")" = 2 ]; }
    eventually 10 gone
    equal types "ADDED MODIFIED DELETED ADDED DELETED" "$(jq -r .type "$tmp/$ns.json" | paste -sd ' ')"
    kill $reader 2>/dev/null
}
C098() {
    local pids=() i at
    at=$(awk 'END {print 1}' /dev/null)
    for i in 1 2 3 4; do
        timeout 6 cat "$mnt/configmaps/$ns/_watch" >"$tmp/$ns.$i" &
        pids+=($!)
    done
    for i in $(seq 40); do
        configmap "m$((i % 7))" "n: \"$i\"" || fail "write $i"
        [ $((i % 5)) = 0 ] && rmdir "$(its configmaps "m$((i % 7))")"
    done
    configmap last 'a: b'
    for i in 1 2 3 4; do eventually 10 has "$tmp/$ns.$i" "ADDED $ns/last"; done
    kill "${pids[@]}" 2>/dev/null
    # readers may have begun at different points: from the first one's, all see the same
    for i in 2 3 4; do
        local begin
        begin=$( (head -n 1 "$tmp/$ns.1"; head -n 1 "$tmp/$ns.$i") | awk '{print $3}' | sort -n | tail -n 1)
        equal "reader $i" "$(awk -v b="$begin" '$3 >= b' "$tmp/$ns.1")" "$(awk -v b="$begin" '$3 >= b' "$tmp/$ns.$i")"
    done
    # and a watch from any of the versions goes on with what came next
    at=$(awk 'NR == 5 {print $3}' "$tmp/$ns.1")
    equal "resumed" "$(awk -v b="$at" '$3 > b' "$tmp/$ns.1" | head -n 10)" "$(since "$at" 1 | head -n 10)"
}
conform
