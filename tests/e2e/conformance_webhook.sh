#!/bin/bash
# admission-webhook, and the conversion webhooks of crd: a server on the loopback address answers
# (webhook_server.py).
. "$(dirname "$0")/conformance.sh"
. "$(dirname "$0")/webhook.sh"
start_daemon
start_hooks
import_images busybox
registration=$mnt/apis/admissionregistration.k8s.io/v1
mutating=$registration/mutatingwebhookconfigurations
validating=$registration/validatingwebhookconfigurations
crd=$mnt/apis/apiextensions.k8s.io/v1/customresourcedefinitions
before_each() { forget_hooks; }
none_selected() { [ -z "$(ls "$1")" ]; }
# webhooks KIND: their directory
webhooks() { if [ "$1" = Mutating ]; then echo "$mutating"; else echo "$validating"; fi; }

# A pod that is not to run: unscheduled NAME CONTAINER [MORE-OF-METADATA]
unscheduled() {
    printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s%s}\nspec: {schedulerName: nobody, containers: [{name: %s, image: none}]}\n' "$1" "${3-}" "$2" >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$mnt/pods/$ns/"
}
# definition PLURAL KIND SCHEMA STORED-VERSION [CONVERSION]: in a group of the test's own
definition() {
    cat >"$tmp/$1.yaml" <<END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $1.$ns.example.com}
spec:
  group: $ns.example.com
  scope: Namespaced
  names: {plural: $1, kind: $2}
${5-}
  versions:
  - {name: v1, served: true, storage: $([ "$4" = v1 ] && echo true || echo false), schema: {openAPIV3Schema: $3}}
  - {name: v2, served: true, storage: $([ "$4" = v2 ] && echo true || echo false), schema: {openAPIV3Schema: $3}}
END
    cp "$tmp/$1.yaml" "$crd/$ns-$1.yaml"
}
undefine() {
    rm "$crd/$ns-$1.yaml"
    eventually 15 gone "$crd/$1.$ns.example.com"
}
free='{type: object, x-kubernetes-preserve-unknown-fields: true}'
# stage NAME DATA: a custom resource
stage() {
    printf 'apiVersion: %s.example.com/v1\nkind: Stage\nmetadata: {name: %s}\ndata: {%s}\n' "$ns" "$1" "$2" >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$mnt/apis/$ns.example.com/v1/stages/$ns/"
}
staged() { cat "$mnt/apis/$ns.example.com/${3-v1}/stages/$ns/$1/data/$2" 2>/dev/null; }
custom() { echo "apiGroups: [$ns.example.com], apiVersions: [v1], operations: [$1], resources: [stages]"; }

C003() {
    local i
    for i in 0 1 2 3 4 5 6 7 8 9; do
        hook Mutating "list-$i" /mutating-configmaps "$configmaps"
    done
    equal "list" 10 "$(ls "$mutating/@e2e=hooks" | wc -l)"
    configmap c003 'mutation-start: "yes"' || fail "create: $(why c003)"
    equal "mutated" yes "$(data c003 mutation-stage-1)"
    echo 'delete -l e2e=hooks' >"$mutating/_ctl" || fail "delete"
    eventually 10 none_selected "$mutating/@e2e=hooks"
    configmap after 'mutation-start: "yes"' || fail "after"
    equal "not mutated" "" "$(data after mutation-stage-1)"
    rm "$mutating"/list-*.yaml
}

C004() {
    local i
    for i in 0 1 2 3 4 5 6 7 8 9; do
        hook Validating "list-$i" /configmaps "$configmaps"
    done
    equal "list" 10 "$(ls "$validating/@e2e=hooks" | wc -l)"
    refused 'Permission denied' configmap c004 'webhook-e2e-test: webhook-disallow'
    contains "$(why c004)" 'admission webhook "list-0.hooks.example.com" denied the request: the configmap contains unwanted key and value'
    gone "$(its configmaps c004)" || fail "it is there"
    echo 'delete -l e2e=hooks' >"$validating/_ctl" || fail "delete"
    eventually 10 none_selected "$validating/@e2e=hooks"
    configmap c004 'webhook-e2e-test: webhook-disallow' || fail "after"
    rm "$validating"/list-*.yaml
}

C005() {
    hook Mutating c005 /mutating-configmaps "${configmaps/CREATE, UPDATE/UPDATE}"
    configmap a 'mutation-start: "yes"' || fail "create"
    equal "not of creations" "" "$(data a mutation-stage-1)"
    echo '[{op: replace, path: /webhooks/0/rules/0/operations, value: [CREATE]}]' >"$mutating/c005/patch.json" || fail "patch"
    configmap b 'mutation-start: "yes"' || fail "second"
    equal "of creations" yes "$(data b mutation-stage-1)"
}

C006() {
    hook Validating c006 /configmaps "${configmaps/CREATE, UPDATE/UPDATE}"
    configmap a 'webhook-e2e-test: webhook-disallow' || fail "create"
    echo '[{op: replace, path: /webhooks/0/rules/0/operations, value: [CREATE]}]' >"$validating/c006/patch.json" || fail "patch"
    refused 'Permission denied' configmap b 'webhook-e2e-test: webhook-disallow'
}

# keeps_conditions KIND: matchConditions are stored, and changed
keeps_conditions() {
    local conditions
    hook "$1" conditional /allow "$configmaps" "matchConditions: [{name: is-a-map, expression: \"request.kind.kind == 'ConfigMap'\"}]"
    conditions=$(webhooks "$1")/conditional/webhooks/conditional.hooks.example.com/matchConditions
    equal "stored" "request.kind.kind == 'ConfigMap'" "$(cat "$conditions/is-a-map/expression")"
    sed -i "s/name: is-a-map.*/name: named, expression: \"object.metadata.name != 'x'\"}, {name: other, expression: 'true'}]/" "$tmp/conditional.yaml"
    cp "$tmp/conditional.yaml" "$(webhooks "$1")/" || fail "update"
    equal "changed" "object.metadata.name != 'x'" "$(cat "$conditions/named/expression")"
    equal "all" "named other" "$(ls "$conditions" | xargs)"
}
C007() { keeps_conditions Mutating; }
C008() { keeps_conditions Validating; }

C009() {
    local clone
    write pods c009 <<'END'
apiVersion: v1
kind: Pod
metadata: {name: c009}
spec: {containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "1000"]}], terminationGracePeriodSeconds: 0}
END
    eventually 30 is "$(its pods c009)/status" phase Running
    clone=$(its pods c009)/containers/c/exec/clone
    cat "$clone" >/dev/null || fail "without a webhook"
    hook Validating c009 /deny 'apiGroups: [""], apiVersions: [v1], operations: [CONNECT], resources: [pods/attach, pods/exec]'
    refused 'Permission denied' cat "$clone"
    contains "$(last_error)" 'admission webhook "c009.hooks.example.com" denied the request'
    contains "$(asked | tail -n 1)" '"operation": "CONNECT"'
    unhook c009
    cat "$clone" >/dev/null || fail "after it"
}

C010() {
    local stages=$mnt/apis/$ns.example.com/v1/stages/$ns
    definition stages Stage "$free" v1 || fail "definition"
    hook Validating c010 /configmaps "$(custom 'CREATE, UPDATE, DELETE')"
    refused 'Permission denied' stage c010 'webhook-e2e-test: webhook-disallow'
    unhook c010
    stage c010 'webhook-e2e-test: webhook-disallow' || fail "create: $(cat "$stages/c010.yaml.err")"
    hook Validating c010 /configmaps "$(custom 'CREATE, UPDATE, DELETE')"
    refused 'Permission denied' bash -c "echo changed >'$stages/c010/metadata/labels/some'"
    refused 'Permission denied' rmdir "$stages/c010"
    [ -e "$stages/c010" ] || fail "it is gone"
    unhook c010
    rmdir "$stages/c010" || fail "delete"
    undefine stages
}

C011() {
    hook Validating maps /configmaps "$configmaps" 'namespaceSelector: {matchExpressions: [{key: exempt, operator: DoesNotExist}]}'
    hook Validating pods /pods 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]'
    refused 'Permission denied' unscheduled disallowed webhook-disallow ', labels: {webhook-e2e-test: webhook-disallow}'
    contains "$(cat "$mnt/pods/$ns/disallowed.yaml.err")" 'the pod contains unwanted container name'
    hook Validating hang /hang 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]' 'timeoutSeconds: 1'
    refused 'Connection timed out' unscheduled hanging fine
    contains "$(cat "$mnt/pods/$ns/hanging.yaml.err")" 'failed calling webhook "hang.hooks.example.com": failed to call webhook: Post "https://127.0.0.1:[0-9]*/hang?timeout=1s": context deadline exceeded'
    unhook hang
    refused 'Permission denied' configmap c011 'webhook-e2e-test: webhook-disallow'
    configmap c011 'fine: "yes"' || fail "allowed: $(why c011)"
    refused 'Permission denied' configmap c011 'webhook-e2e-test: webhook-disallow'
    equal "untouched" yes "$(data c011 fine)"
    refused 'Permission denied' bash -c "echo '{data: {webhook-e2e-test: webhook-disallow}}' >'$(its configmaps c011)/patch'"
    mkdir "$mnt/namespaces/exempted" && echo yes >"$mnt/namespaces/exempted/metadata/labels/exempt" || fail "namespace"
    ns=exempted configmap c011-free 'webhook-e2e-test: webhook-disallow' || fail "exempt"
}

C012() {
    hook Validating c012 /deny 'apiGroups: [apiextensions.k8s.io], apiVersions: ["*"], operations: [CREATE], resources: [customresourcedefinitions]'
    refused 'Permission denied' definition stages Stage "$free" v1
    contains "$(cat "$crd/$ns-stages.yaml.err")" 'denied the request: this webhook denies all requests'
}

C013() {
    hook Validating c013 /delay-2 "$configmaps" 'timeoutSeconds: 1'
    refused 'Connection timed out' configmap a 'a: b'
    hook Validating c013 /delay-2 "$configmaps" 'timeoutSeconds: 1; failurePolicy: Ignore'
    configmap b 'a: b' || fail "ignored: $(why b)"
    hook Validating c013 /delay-2 "$configmaps" 'timeoutSeconds: 10'
    configmap c 'a: b' || fail "long: $(why c)"
    hook Validating c013 /delay-2 "$configmaps"
    equal "the default" 10 "$(cat "$validating/c013/webhooks/c013.hooks.example.com/timeoutSeconds")"
    configmap d 'a: b' || fail "default: $(why d)"
}

C014() {
    local r
    ls "$mnt/apis" | grep -qx admissionregistration.k8s.io || fail "group"
    ls "$mnt/apis/admissionregistration.k8s.io" | grep -qx v1 || fail "version"
    for r in mutatingwebhookconfigurations validatingwebhookconfigurations; do
        ls "$registration" | grep -qx $r || fail "$r"
    done
}

# What the first webhook adds, the second sees
C015() {
    {
        printf 'apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: c015, labels: {e2e: hooks}}\nwebhooks:\n'
        one_hook adding-1 /mutating-configmaps "$configmaps"
        one_hook adding-2 /mutating-configmaps "$configmaps"
    } >"$tmp/c015.yaml"
    cp "$tmp/c015.yaml" "$mutating/" || fail "configuration"
    configmap c015 'mutation-start: "yes"' || fail "create: $(why c015)"
    equal "first" yes "$(data c015 mutation-stage-1)"
    equal "second" yes "$(data c015 mutation-stage-2)"
}

mutate_stages() {
    hook Mutating stages-1 /mutating-custom-resource "$(custom 'CREATE, UPDATE')"
    hook Mutating stages-2 /mutating-custom-resource "$(custom 'CREATE, UPDATE')"
}
C016() {
    definition stages Stage "$free" v1 || fail "definition"
    mutate_stages
    stage c016 'mutation-start: "yes"' || fail "create: $(last_error)"
    equal "first" yes "$(staged c016 mutation-stage-1)"
    equal "second" yes "$(staged c016 mutation-stage-2)"
    undefine stages
}

# The webhook is shown the version that its rules name
C017() {
    definition stages Stage "$free" v1 || fail "definition"
    mutate_stages
    stage c017 'some: "yes"' || fail "create: $(last_error)"
    definition stages Stage "$free" v2 || fail "another stored version"
    forget_asked
    echo '{data: {mutation-start: "yes"}}' >"$mnt/apis/$ns.example.com/v2/stages/$ns/c017/patch.merge" || fail "patch: $(last_error)"
    equal "patched" yes "$(staged c017 mutation-start)"
    equal "mutated" yes "$(staged c017 mutation-stage-1 v2)"
    contains "$(asked)" "\"requestKind\": {\"group\": \"$ns.example.com\", \"kind\": \"Stage\", \"version\": \"v2\"}"
    contains "$(asked)" "\"object\": {\"apiVersion\": \"$ns.example.com/v1\""
    undefine stages
}

C018() {
    definition stages Stage '{type: object, properties: {data: {type: object, properties: {mutation-start: {type: string}, mutation-stage-1: {type: string}}}}}' v1 || fail "definition"
    mutate_stages
    stage c018 'mutation-start: "yes"' || fail "create: $(last_error)"
    equal "known" yes "$(staged c018 mutation-stage-1)"
    equal "pruned" "" "$(staged c018 mutation-stage-2)"
    undefine stages
}

C019() {
    hook Mutating c019 /mutating-configmaps "$configmaps" "matchConditions: [{name: not-skip-me, expression: \"object.metadata.name != 'skip-me'\"}]"
    configmap skip-me 'mutation-start: "yes"' || fail "skipped"
    equal "skipped" "" "$(data skip-me mutation-stage-1)"
    configmap c019 'mutation-start: "yes"' || fail "mutated"
    equal "mutated" yes "$(data c019 mutation-stage-1)"
}

C020() {
    local init
    hook Mutating c020 /mutating-pods 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]'
    unscheduled c020 fine || fail "create: $(last_error)"
    init=$(its pods c020)/spec/initContainers/webhook-added-init-container
    equal "added" webhook-added-image "$(cat "$init/image")"
    equal "defaulted" File "$(cat "$init/terminationMessagePolicy")"
}

C021() {
    local every='apiGroups: [admissionregistration.k8s.io], apiVersions: ["*"], operations: ["*"], resources: [validatingwebhookconfigurations, mutatingwebhookconfigurations]'
    hook Validating deny /deny "$every"
    hook Mutating label /add-label "$every"
    forget_asked
    hook Validating dummy /allow 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [invalid]'
    hook Mutating dummy2 /allow 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [invalid]'
    [ -e "$mutating/dummy2/metadata/labels/hooked" ] && fail "mutated"
    unhook dummy
    unhook dummy2
    equal "asked" 0 "$(n_asked)"
}

# refuses_conditions KIND: those that do not compile
refuses_conditions() {
    {
        printf 'apiVersion: admissionregistration.k8s.io/v1\nkind: %sWebhookConfiguration\nmetadata: {name: invalid}\nwebhooks:\n' "$1"
        one_hook invalid /allow "$configmaps" "matchConditions: [{name: invalid, expression: '... [] bad expression'}]"
    } >"$tmp/invalid.yaml"
    refused 'Invalid argument' cp "$tmp/invalid.yaml" "$mnt/apply/"
    contains "$(cat "$mnt/apply/invalid.yaml.err")" 'webhooks\[0\].matchConditions\[0\].expression: Invalid value: .*compilation failed'
}
C022() { refuses_conditions Mutating; }
C023() { refuses_conditions Validating; }

# A server that is not trusted cannot be asked
C024() {
    hook Validating c024 /allow "$configmaps"
    sed -i 's/, caBundle: [^}]*}/}/' "$tmp/c024.yaml"
    cp "$tmp/c024.yaml" "$validating/" || fail "configuration"
    refused 'Permission denied' configmap c024 'a: b'
    contains "$(why c024)" 'failed to call webhook: .*tls: failed to verify certificate'
}

converts="  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: \"https://127.0.0.1:$port/convert\", caBundle: $ca}}}"
# host1 NAME HOST:PORT, host2 NAME HOST PORT: a custom resource of v1, of v2
host1() { printf 'apiVersion: %s.example.com/v1\nkind: Host\nmetadata: {name: %s}\nhostPort: "%s"\n' "$ns" "$1" "$2" >"$mnt/apis/$ns.example.com/v1/hosts/$ns/$1.yaml"; }
host2() { printf 'apiVersion: %s.example.com/v2\nkind: Host\nmetadata: {name: %s}\nhost: "%s"\nport: "%s"\n' "$ns" "$1" "$2" "$3" >"$mnt/apis/$ns.example.com/v2/hosts/$ns/$1.yaml"; }

# Objects that are stored in different versions
C030() {
    local v1=$mnt/apis/$ns.example.com/v1/hosts v2=$mnt/apis/$ns.example.com/v2/hosts
    definition hosts Host "$free" v1 "$converts" || fail "definition: $(last_error)"
    host1 one localhost:8080 || fail "stored at v1: $(last_error)"
    definition hosts Host "$free" v2 "$converts" || fail "another stored version"
    host2 two example.com 80 || fail "stored at v2: $(last_error)"
    equal "names at v2" "one two" "$(names "apis/$ns.example.com/v2/hosts")"
    equal "one" "localhost 8080" "$(cat "$v2/$ns/one/host") $(cat "$v2/$ns/one/port")"
    equal "two" "example.com 80" "$(cat "$v2/$ns/two/host") $(cat "$v2/$ns/two/port")"
    equal "names at v1" "one two" "$(names "apis/$ns.example.com/v1/hosts")"
    equal "two at v1" example.com:80 "$(cat "$v1/$ns/two/hostPort")"
    equal "the table" 3 "$(wc -l <"$v2/$ns/_index")"
    undefine hosts
}

C031() {
    local v1=$mnt/apis/$ns.example.com/v1/hosts/$ns v2=$mnt/apis/$ns.example.com/v2/hosts/$ns
    definition hosts Host "$free" v1 "$converts" || fail "definition: $(last_error)"
    host1 one localhost:8080 || fail "create: $(last_error)"
    equal "host" localhost "$(cat "$v2/one/host")"
    equal "port" 8080 "$(cat "$v2/one/port")"
    contains "$(cat "$v2/one/object.yaml")" "^apiVersion: $ns.example.com/v2"
    [ -e "$v2/one/hostPort" ] && fail "hostPort at v2"
    equal "as it was" localhost:8080 "$(cat "$v1/one/hostPort")"
    undefine hosts
}
conform
