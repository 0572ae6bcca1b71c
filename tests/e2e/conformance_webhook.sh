#!/bin/bash
# What Kubernetes' conformance suite demands of webhooks, of admission and of conversion. Each part
# begins with the id of its test.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/webhook.sh"
start_daemon
start_hooks
registration=$mnt/apis/admissionregistration.k8s.io/v1
mutating=$registration/mutatingwebhookconfigurations
validating=$registration/validatingwebhookconfigurations
crd=$mnt/apis/apiextensions.k8s.io/v1/customresourcedefinitions
stages=$mnt/apis/stable.example.com
none_selected() { [ -z "$(ls "$1")" ]; }

# C014 discovery
ls "$mnt/apis" | grep -qx admissionregistration.k8s.io || fail "C014 group"
ls "$mnt/apis/admissionregistration.k8s.io" | grep -qx v1 || fail "C014 version"
for r in mutatingwebhookconfigurations validatingwebhookconfigurations; do
    ls "$registration" | grep -qx $r || fail "C014 $r"
done

# C003 list and delete mutating webhooks
for i in 0 1 2 3 4 5 6 7 8 9; do
    hook Mutating "list-$i" /mutating-configmaps "$configmaps"
done
equal "C003 list" 10 "$(ls "$mutating/@e2e=hooks" | wc -l)"
configmap c003 'mutation-start: "yes"' || fail "C003 create: $(why c003)"
equal "C003 mutated" yes "$(data c003 mutation-stage-1)"
echo 'delete -l e2e=hooks' >"$mutating/_ctl" || fail "C003 delete"
eventually 10 none_selected "$mutating/@e2e=hooks"
configmap c003-after 'mutation-start: "yes"' || fail "C003 after"
equal "C003 not mutated" "" "$(data c003-after mutation-stage-1)"
rm "$mutating"/list-*.yaml

# C004 list and delete validating webhooks
for i in 0 1 2 3 4 5 6 7 8 9; do
    hook Validating "list-$i" /configmaps "$configmaps"
done
equal "C004 list" 10 "$(ls "$validating/@e2e=hooks" | wc -l)"
refused 'Permission denied' configmap c004 'webhook-e2e-test: webhook-disallow'
contains "$(why c004)" 'admission webhook "list-0.hooks.example.com" denied the request: the configmap contains unwanted key and value'
[ -e "$mnt/configmaps/default/c004" ] && fail "C004 it is there"
echo 'delete -l e2e=hooks' >"$validating/_ctl" || fail "C004 delete"
eventually 10 none_selected "$validating/@e2e=hooks"
configmap c004 'webhook-e2e-test: webhook-disallow' || fail "C004 after"
rm "$validating"/list-*.yaml

# C005 update and patch of a mutating webhook
hook Mutating c005 /mutating-configmaps "${configmaps/CREATE, UPDATE/UPDATE}"
configmap c005-a 'mutation-start: "yes"' || fail "C005 create"
equal "C005 not of creations" "" "$(data c005-a mutation-stage-1)"
echo '[{op: replace, path: /webhooks/0/rules/0/operations, value: [CREATE]}]' >"$mutating/c005/patch.json" || fail "C005 patch"
configmap c005-b 'mutation-start: "yes"' || fail "C005 second"
equal "C005 of creations" yes "$(data c005-b mutation-stage-1)"
unhook c005

# C006 update and patch of a validating webhook
hook Validating c006 /configmaps "${configmaps/CREATE, UPDATE/UPDATE}"
configmap c006-a 'webhook-e2e-test: webhook-disallow' || fail "C006 create"
echo '[{op: replace, path: /webhooks/0/rules/0/operations, value: [CREATE]}]' >"$validating/c006/patch.json" || fail "C006 patch"
refused 'Permission denied' configmap c006-b 'webhook-e2e-test: webhook-disallow'
unhook c006

# C011 pods and configmaps, one that hangs, an exempt namespace
hook Validating c011-maps /configmaps "$configmaps" 'namespaceSelector: {matchExpressions: [{key: exempt, operator: DoesNotExist}]}'
hook Validating c011-pods /pods 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]'
pod() { printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s%s}\nspec: {containers: [{name: %s, image: none}]}\n' "$1" "${3-}" "$2" >"$tmp/$1.yaml" && cp "$tmp/$1.yaml" "$mnt/apis/core/v1/pods/"; }
refused 'Permission denied' pod disallowed-pod webhook-disallow ', labels: {webhook-e2e-test: webhook-disallow}'
contains "$(cat "$mnt/apis/core/v1/pods/disallowed-pod.yaml.err")" 'the pod contains unwanted container name'
hook Validating c011-hang /hang 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]' 'timeoutSeconds: 1'
refused 'Connection timed out' pod hanging-pod fine
contains "$(cat "$mnt/apis/core/v1/pods/hanging-pod.yaml.err")" 'failed calling webhook "c011-hang.hooks.example.com": failed to call webhook: Post "https://127.0.0.1:[0-9]*/hang?timeout=1s": context deadline exceeded'
unhook c011-hang
refused 'Permission denied' configmap c011 'webhook-e2e-test: webhook-disallow'
configmap c011 'fine: "yes"' || fail "C011 allowed: $(why c011)"
refused 'Permission denied' configmap c011 'webhook-e2e-test: webhook-disallow'
equal "C011 untouched" yes "$(data c011 fine)"
refused 'Permission denied' bash -c "echo '{data: {webhook-e2e-test: webhook-disallow}}' >'$mnt/configmaps/default/c011/patch'"
put exempt <<'END'
apiVersion: v1
kind: Namespace
metadata: {name: exempted, labels: {exempt: "yes"}}
END
configmap c011-free 'webhook-e2e-test: webhook-disallow' exempted || fail "C011 exempt: $(why c011-free)"
unhook c011-maps
unhook c011-pods

# C013 timeouts
hook Validating c013 /delay-2 "$configmaps" 'timeoutSeconds: 1'
refused 'Connection timed out' configmap c013-a 'a: b'
unhook c013
hook Validating c013 /delay-2 "$configmaps" 'timeoutSeconds: 1; failurePolicy: Ignore'
configmap c013-b 'a: b' || fail "C013 ignored: $(why c013-b)"
unhook c013
hook Validating c013 /delay-2 "$configmaps" 'timeoutSeconds: 10'
configmap c013-c 'a: b' || fail "C013 long: $(why c013-c)"
unhook c013
hook Validating c013 /delay-2 "$configmaps"
equal "C013 the default" 10 "$(cat "$validating/c013/webhooks/c013.hooks.example.com/timeoutSeconds")"
configmap c013-d 'a: b' || fail "C013 default: $(why c013-d)"
unhook c013

# C015 ordered mutation: what the first webhook adds, the second sees
{
    printf 'apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingWebhookConfiguration\nmetadata: {name: c015}\nwebhooks:\n'
    one_hook adding-1 /mutating-configmaps "$configmaps"
    one_hook adding-2 /mutating-configmaps "$configmaps"
} >"$tmp/c015.yaml"
cp "$tmp/c015.yaml" "$mutating/" || fail "C015 configuration"
configmap c015 'mutation-start: "yes"' || fail "C015 create: $(why c015)"
equal "C015 first" yes "$(data c015 mutation-stage-1)"
equal "C015 second" yes "$(data c015 mutation-stage-2)"
unhook c015

# C020 defaults of what a webhook added
hook Mutating c020 /mutating-pods 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]'
pod c020 fine || fail "C020: $(cat "$mnt/apis/core/v1/pods/c020.yaml.err")"
init=$mnt/pods/default/c020/spec/initContainers/webhook-added-init-container
equal "C020 added" webhook-added-image "$(cat "$init/image")"
equal "C020 defaulted" File "$(cat "$init/terminationMessagePolicy")"
unhook c020
rm "$mnt/apis/core/v1/pods/c020.yaml"

# C021 webhooks have no say about webhook configurations
every='apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*/*"]'
hook Validating c021-deny /deny "${every/\"\*\/\*\"/validatingwebhookconfigurations, mutatingwebhookconfigurations}"
hook Mutating c021-label /add-label "${every/\"\*\/\*\"/validatingwebhookconfigurations, mutatingwebhookconfigurations}"
forget_asked
hook Validating c021-dummy /allow 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [invalid]'
hook Mutating c021-dummy2 /allow 'apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [invalid]'
[ -e "$mutating/c021-dummy2/metadata/labels/hooked" ] && fail "C021 mutated"
unhook c021-dummy
unhook c021-dummy2
equal "C021 asked" 0 "$(n_asked)"
unhook c021-deny
unhook c021-label

# C007 matchConditions of a mutating webhook are kept and changed, C008 of a validating one
for k in Mutating Validating; do
    hook $k c007 /allow "$configmaps" "matchConditions: [{name: is-a-map, expression: \"request.kind.kind == 'ConfigMap'\"}]"
    conditions=$registration/$(echo $k | tr MV mv)webhookconfigurations/c007/webhooks/c007.hooks.example.com/matchConditions
    equal "C007 stored" "request.kind.kind == 'ConfigMap'" "$(cat "$conditions/is-a-map/expression")"
    sed -i "s/name: is-a-map.*/name: named, expression: \"object.metadata.name != 'x'\"}, {name: other, expression: 'true'}]/" "$tmp/c007.yaml"
    cp "$tmp/c007.yaml" "$registration/$(echo $k | tr MV mv)webhookconfigurations/" || fail "C007 update"
    equal "C007 changed" "object.metadata.name != 'x'" "$(cat "$conditions/named/expression")"
    equal "C007 all" "named other" "$(ls "$conditions" | xargs)"
    unhook c007
done

# C019 a webhook that a condition keeps from one object
hook Mutating c019 /mutating-configmaps "$configmaps" "matchConditions: [{name: not-skip-me, expression: \"object.metadata.name != 'skip-me'\"}]"
configmap skip-me 'mutation-start: "yes"' || fail "C019 skipped"
equal "C019 skipped" "" "$(data skip-me mutation-stage-1)"
configmap c019 'mutation-start: "yes"' || fail "C019 mutated"
equal "C019 mutated" yes "$(data c019 mutation-stage-1)"
unhook c019

# C022 conditions that do not compile, of a mutating webhook, C023 of a validating one
for k in Mutating Validating; do
    { printf 'apiVersion: admissionregistration.k8s.io/v1\nkind: %sWebhookConfiguration\nmetadata: {name: c022}\nwebhooks:\n' $k
      one_hook c022 /allow "$configmaps" "matchConditions: [{name: invalid, expression: '... [] bad expression'}]"; } >"$tmp/c022.yaml"
    refused 'Invalid argument' cp "$tmp/c022.yaml" "$mnt/apply/"
    contains "$(cat "$mnt/apply/c022.yaml.err")" 'webhooks\[0\].matchConditions\[0\].expression: Invalid value: .*compilation failed'
done

# C024 fail closed: a server that is not trusted cannot be asked
hook Validating c024 /allow "$configmaps"
sed -i 's/, caBundle: [^}]*}/}/' "$tmp/c024.yaml"
cp "$tmp/c024.yaml" "$validating/" || fail "C024 configuration"
refused 'Permission denied' configmap c024 'a: b'
contains "$(why c024)" 'failed to call webhook: .*tls: failed to verify certificate'
unhook c024

# C012 no definitions
hook Validating c012 /deny 'apiGroups: [apiextensions.k8s.io], apiVersions: ["*"], operations: [CREATE], resources: [customresourcedefinitions]'
# definition NAME KIND SCHEMA STORED-VERSION [MORE-OF-SPEC]
definition() {
    cat >"$tmp/$1.yaml" <<END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $1.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: $1, kind: $2}
${5-}
  versions:
  - {name: v1, served: true, storage: $([ "$4" = v1 ] && echo true || echo false), schema: {openAPIV3Schema: $3}}
  - {name: v2, served: true, storage: $([ "$4" = v2 ] && echo true || echo false), schema: {openAPIV3Schema: $3}}
END
    cp "$tmp/$1.yaml" "$crd/"
}
free='{type: object, x-kubernetes-preserve-unknown-fields: true}'
refused 'Permission denied' definition stages Stage "$free" v1
contains "$(cat "$crd/stages.yaml.err")" 'denied the request: this webhook denies all requests'
unhook c012
definition stages Stage "$free" v1 || fail "the definition: $(cat "$crd/stages.yaml.err")"

# stage NAME DATA [VERSION]
stage() {
    printf 'apiVersion: stable.example.com/%s\nkind: Stage\nmetadata: {name: %s}\ndata: {%s}\n' "${3-v1}" "$1" "$2" >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$stages/${3-v1}/stages/"
}
custom='apiGroups: [stable.example.com], apiVersions: [v1], operations: [CREATE, UPDATE, DELETE], resources: [stages]'

# C010 creation, update and deletion of custom resources
hook Validating c010 /configmaps "$custom"
refused 'Permission denied' stage c010 'webhook-e2e-test: webhook-disallow'
unhook c010
stage c010 'webhook-e2e-test: webhook-disallow' || fail "C010 create: $(cat "$stages/v1/stages/c010.yaml.err")"
hook Validating c010 /configmaps "$custom"
refused 'Permission denied' bash -c "echo changed >'$stages/v1/stages/default/c010/metadata/labels/some'"
refused 'Permission denied' rmdir "$stages/v1/stages/default/c010"
[ -e "$stages/v1/stages/default/c010" ] || fail "C010 it is gone"
unhook c010
rmdir "$stages/v1/stages/default/c010" || fail "C010 delete"
rm "$stages/v1/stages/c010.yaml"

# C016 mutation of custom resources
hook Mutating c016-1 /mutating-custom-resource "${custom/, DELETE/}"
hook Mutating c016-2 /mutating-custom-resource "${custom/, DELETE/}"
stage c016 'mutation-start: "yes"' || fail "C016 create: $(cat "$stages/v1/stages/c016.yaml.err")"
equal "C016 first" yes "$(cat "$stages/v1/stages/default/c016/data/mutation-stage-1")"
equal "C016 second" yes "$(cat "$stages/v1/stages/default/c016/data/mutation-stage-2")"

# C017 with another stored version: the webhook is shown its own
definition stages Stage "$free" v2 || fail "C017 stored version"
forget_asked
echo '{data: {mutation-start-2: "yes"}}' >"$stages/v2/stages/default/c016/patch.merge" || fail "C017 patch: $(tail -n 3 "$mnt/errors")"
equal "C017 patched" yes "$(cat "$stages/v1/stages/default/c016/data/mutation-start-2")"
contains "$(asked)" '"requestKind": {"group": "stable.example.com", "kind": "Stage", "version": "v2"}'
contains "$(asked)" '"object": {"apiVersion": "stable.example.com/v1"'
rm "$stages/v1/stages/c016.yaml"
eventually 10 test ! -e "$stages/v1/stages/default/c016"

# C018 what a webhook adds and the schema does not know is pruned
known='{type: object, properties: {data: {type: object, properties: {mutation-start: {type: string}, mutation-stage-1: {type: string}}}}}'
definition stages Stage "$known" v1 || fail "C018 definition"
stage c018 'mutation-start: "yes"' || fail "C018 create: $(cat "$stages/v1/stages/c018.yaml.err")"
equal "C018 known" yes "$(cat "$stages/v1/stages/default/c018/data/mutation-stage-1")"
[ -e "$stages/v1/stages/default/c018/data/mutation-stage-2" ] && fail "C018 not pruned"
unhook c016-1
unhook c016-2
rm "$stages/v1/stages/c018.yaml" "$crd/stages.yaml"
eventually 15 test ! -e "$crd/stages.stable.example.com"

# C031 conversion: written as v1, read as v2
converts="  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: \"https://127.0.0.1:$port/convert\", caBundle: $ca}}}"
definition hosts Host "$free" v1 "$converts" || fail "C031 definition: $(cat "$crd/hosts.yaml.err")"
v1=$stages/v1/hosts v2=$stages/v2/hosts
printf 'apiVersion: stable.example.com/v1\nkind: Host\nmetadata: {name: one}\nhostPort: "localhost:8080"\n' >"$v1/one.yaml" || fail "C031 create"
equal "C031 host" localhost "$(cat "$v2/default/one/host")"
equal "C031 port" 8080 "$(cat "$v2/default/one/port")"
contains "$(cat "$v2/default/one/object.yaml")" '^apiVersion: stable.example.com/v2'
[ -e "$v2/default/one/hostPort" ] && fail "C031 hostPort at v2"
equal "C031 as it was" localhost:8080 "$(cat "$v1/default/one/hostPort")"

# C030 a list of objects that are stored in different versions
definition hosts Host "$free" v2 "$converts" || fail "C030 definition"
printf 'apiVersion: stable.example.com/v2\nkind: Host\nmetadata: {name: two}\nhost: example.com\nport: "80"\n' >"$v2/two.yaml" || fail "C030 create"
equal "C030 names at v2" "one two" "$(ls "$v2/default" | grep -v '^_' | xargs)"
equal "C030 one" "localhost 8080" "$(cat "$v2/default/one/host") $(cat "$v2/default/one/port")"
equal "C030 two" "example.com 80" "$(cat "$v2/default/two/host") $(cat "$v2/default/two/port")"
equal "C030 names at v1" "one two" "$(ls "$v1/default" | grep -v '^_' | xargs)"
equal "C030 two at v1" example.com:80 "$(cat "$v1/default/two/hostPort")"
equal "C030 the table" 3 "$(wc -l <"$v2/_index")"
rm "$v1/one.yaml" "$v2/two.yaml"

# C009 connections to a pod
import_images busybox
put c009 <<'END'
apiVersion: v1
kind: Pod
metadata: {name: c009}
spec: {containers: [{name: c, image: busybox, imagePullPolicy: IfNotPresent, command: [sleep, "1000"]}], terminationGracePeriodSeconds: 0}
END
eventually 30 phase_is c009 Running
clone=$mnt/pods/default/c009/containers/c/exec/clone
cat "$clone" >/dev/null || fail "C009 without a webhook"
hook Validating c009 /deny 'apiGroups: [""], apiVersions: [v1], operations: [CONNECT], resources: [pods/attach, pods/exec]'
refused 'Permission denied' cat "$clone"
contains "$(tail -n 1 "$mnt/errors")" 'admission webhook "c009.hooks.example.com" denied the request'
contains "$(asked | tail -n 1)" '"operation": "CONNECT"'
unhook c009
cat "$clone" >/dev/null || fail "C009 after it"
