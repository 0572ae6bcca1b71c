#!/bin/bash
# crd, and field-validation of the objects: CustomResourceDefinitions, and what they define. Each test defines in a group of
# its own, and takes its definitions away: of several kinds of one name kubectl explains the first. It is
# the kubectl of examples/, on files.
. "$(dirname "$0")/conformance.sh"
. "$(dirname "$0")/webhook.sh"
start_daemon
start_hooks
crds=$mnt/apis/apiextensions.k8s.io/v1/customresourcedefinitions
kubectl() { K8S=$mnt K8S_NAMESPACE=$ns timeout 60 sh "$top/examples/kubectl" "$@"; }

# define PLURAL KIND SCHEMA [LABELS] [MORE-OF-THE-VERSION]: SCHEMA in YAML's flow form
define() {
    cat >"$tmp/$1.yaml" <<Y
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $1.$ns.example.com, labels: {${4-}}}
spec:
  group: $ns.example.com
  scope: Namespaced
  names: {plural: $1, kind: $2}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: $3}
${5-}
Y
    cp "$tmp/$1.yaml" "$crds/$ns-$1.yaml" || fail "definition of $1: $(cat "$crds/$ns-$1.yaml.err")"
}
definition() { echo "$crds/$1.$ns.example.com"; } # PLURAL: its directory
established() { cat "$(definition "$1")/wait/Established" >/dev/null || fail "$1 is not established"; }
undefine() {
    rm "$crds/$ns-$1.yaml" || fail "removal of $1"
    eventually 15 gone "$(definition "$1")"
}
things() { echo "$mnt/apis/$ns.example.com/v1/things"; }
# thing NAME FIELDS
thing() { printf 'apiVersion: %s.example.com/v1\nkind: Thing\nmetadata: {name: %s}\n%s\n' "$ns" "$1" "$2" >"$tmp/$1.yaml" && cp "$tmp/$1.yaml" "$(things)/$ns/$1.yaml"; }
of() { echo "$(things)/$ns/$1"; } # NAME: its directory

C026() {
    define things Thing '{type: object}'
    established things
    ls "$mnt/apis" | grep -qx "$ns.example.com" || fail "group"
    equal "versions" v1 "$(ls "$mnt/apis/$ns.example.com" | xargs)"
    ls "$mnt/apis/$ns.example.com/v1" | grep -qx things || fail "resource"
    undefine things
}

C032() {
    define things Thing '{type: object, x-kubernetes-preserve-unknown-fields: true}'
    timeout 60 cat "$(things)/_watch.json" >"$tmp/watched" &
    local watch=$!
    timeout 60 cat "$crds/_watch" >"$tmp/definitions" &
    local other=$!
    thing one 'a: b' || fail "create"
    eventually 10 has "$tmp/watched" '^{"type":"ADDED",.*"name":"one"'
    echo c >"$(of one)/a" || fail "change"
    eventually 10 has "$tmp/watched" '^{"type":"MODIFIED",.*"a":"c"'
    rm "$(things)/$ns/one.yaml" || fail "delete"
    eventually 10 has "$tmp/watched" '^{"type":"DELETED",.*"name":"one"'
    equal "of another" '' "$(grep -v '"name":"one"' "$tmp/watched")"
    define others Other '{type: object}'
    eventually 10 has "$tmp/definitions" "^ADDED others.$ns.example.com "
    eventually 10 has "$tmp/definitions" "^MODIFIED others.$ns.example.com "
    undefine others
    eventually 10 has "$tmp/definitions" "^DELETED others.$ns.example.com "
    kill $watch $other
    undefine things
}

C033() {
    define things Thing '{type: object}'
    established things
    ls "$(things)" >/dev/null || fail "no directory of things"
    undefine things
    gone "$mnt/apis/$ns.example.com" || fail "the group stays"
}

# python's yaml of a status: edit FILE EXPRESSION (s: the status)
edit() {
    python3 - "$@" <<'P' || fail "edit"
import sys, yaml
s = yaml.safe_load(open(sys.argv[1]))
exec(sys.argv[2])
yaml.safe_dump(s, open(sys.argv[1], "w"))
P
}
C034() {
    define things Thing '{type: object}'
    established things
    local status
    status=$(definition things)/status
    contains "$(cat "$status")" 'type: Established'
    cat "$status" >"$tmp/status"
    edit "$tmp/status" 's["conditions"].append({"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "Set from an e2e test"})'
    cat "$tmp/status" >"$status" || fail "update"
    contains "$(cat "$status")" 'type: StatusUpdate'
    contains "$(cat "$status")" 'message: Set from an e2e test'
    # a change of one word of what is there by then
    sed 's/Set from an e2e test/Patched/' "$status" >"$tmp/status"
    cat "$tmp/status" >"$status" || fail "patch"
    contains "$(cat "$status")" 'message: Patched'
    echo '{metadata: {labels: {patched: "yes"}}}' >"$(definition things)/patch.merge" || fail "label"
    eventually 5 has "$(definition things)/object.yaml" 'patched: "*yes'
    contains "$(cat "$status")" 'message: Patched'
    contains "$(cat "$status")" 'reason: InitialNamesAccepted'
    undefine things
}

C035() {
    local i
    for i in 0 1 2 3 4 5 6 7 8 9; do define "kinds$i" "Kind$i" '{type: object}' "e2e: $ns"; done
    define others Other '{type: object}'
    equal "listed" "$(for i in 0 1 2 3 4 5 6 7 8 9; do echo "kinds$i.$ns.example.com"; done)" "$(ls "$crds/@e2e=$ns")"
    echo "delete -l e2e=$ns" >"$crds/_ctl" || fail "delete"
    eventually 30 sh -c "[ -z \"\$(ls '$crds/@e2e=$ns')\" ]"
    [ -e "$(definition others)" ] || fail "one without the label went"
    equal "left" "others.$ns.example.com" "$(ls "$crds" | grep "\.$ns\.example\.com\$")"
}

C036() {
    define things Thing '{type: object, properties: {a: {type: string}, b: {type: string}}}'
    thing one 'b: B' || fail "create"
    gone "$(of one)/a" || fail "a default of nowhere"
    define things Thing '{type: object, properties: {a: {type: string, default: A}, b: {type: string}}}'
    equal "of what is stored" A "$(cat "$(of one)/a")"
    thing two '' || fail "create"
    equal "of what is written" A "$(cat "$(of two)/a")"
    define things Thing '{type: object, properties: {a: {type: string}, b: {type: string, default: B}}}'
    equal "the new default" B "$(cat "$(of two)/b")"
    equal "the old one stays" A "$(cat "$(of two)/a")"
    undefine things
}

C037() {
    ls "$mnt/apis" | grep -qx apiextensions.k8s.io || fail "group"
    ls "$mnt/apis/apiextensions.k8s.io" | grep -qx v1 || fail "version"
    ls "$mnt/apis/apiextensions.k8s.io/v1" | grep -qx customresourcedefinitions || fail "resource"
    contains "$(kubectl api-resources --api-group=apiextensions.k8s.io)" \
        '^customresourcedefinitions  *crd,crds  *apiextensions.k8s.io/v1  *false  *CustomResourceDefinition$'
}

# watched FILE: what a _watch showed, without versions, on one line
watched() { sed "s|$ns/||; s/ [0-9]*\$//" "$tmp/$1" | xargs; }
# A Host is host and port at v2, hostPort at v1, and a webhook tells each from the other. It is written,
# read, listed, watched and deleted at both.
C038() {
    local v1=$mnt/apis/$ns.example.com/v1/hosts/$ns v2=$mnt/apis/$ns.example.com/v2/hosts/$ns w v
    cat >"$tmp/hosts.yaml" <<Y
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: hosts.$ns.example.com}
spec:
  group: $ns.example.com
  scope: Namespaced
  names: {plural: hosts, kind: Host}
  conversion: {strategy: Webhook, webhook: {conversionReviewVersions: [v1], clientConfig: {url: "https://127.0.0.1:$port/convert", caBundle: $ca}}}
  versions:
  - name: v1
    served: true
    storage: true
    schema: {openAPIV3Schema: {type: object, properties: {hostPort: {type: string}}}}
    selectableFields: [{jsonPath: .hostPort}]
  - name: v2
    served: true
    storage: false
    schema: {openAPIV3Schema: {type: object, properties: {host: {type: string}, port: {type: string}}}}
    selectableFields: [{jsonPath: .host}, {jsonPath: .port}]
Y
    cp "$tmp/hosts.yaml" "$crds/$ns-hosts.yaml" || fail "definition: $(cat "$crds/$ns-hosts.yaml.err")"
    established hosts
    one() { printf 'apiVersion: %s.example.com/v1\nkind: Host\nmetadata: {name: %s}\nhostPort: "%s"\n' "$ns" "$1" "$2" >"$v1/$1.yaml" || fail "create $1"; }
    two() { printf 'apiVersion: %s.example.com/v2\nkind: Host\nmetadata: {name: %s}\nhost: %s\nport: "%s"\n' "$ns" "$1" "$2" "$3" >"$v2/$1.yaml" || fail "create $1"; }
    # watches, before anything is there and after
    timeout 60 cat "$v1/@.hostPort=host1:80/_watch" >"$tmp/w1" &
    w=$!
    timeout 60 cat "$v2/@.host=host1/_watch.json" >"$tmp/w2" &
    w="$w $!"
    one a host1:80
    one b host1:8080
    two c host1 80
    two d host2 80
    timeout 60 cat "$v2/@.host=host1,.port=80/_watch" >"$tmp/w3" &
    w="$w $!"

    equal "v1 list" 'a c' "$(ls "$v1/@.hostPort=host1:80" | xargs)"
    equal "v1 list, not" 'b d' "$(ls "$v1/@.hostPort!=host1:80" | xargs)"
    equal "v2 list" 'a b c' "$(ls "$v2/@.host=host1" | xargs)"
    equal "v2 list, both" 'a c' "$(ls "$v2/@.host=host1,.port=80" | xargs)"
    equal "v2 list, all namespaces" "$ns.d" "$(ls "$mnt/apis/$ns.example.com/v2/hosts/@.host=host2")"
    equal "kubectl" 'host.'"$ns"'.example.com/a host.'"$ns"'.example.com/c' "$(kubectl get "hosts.v2.$ns.example.com" --field-selector host=host1,port=80 -o name | xargs)"
    for v in "$v1/@.host=host1" "$v2/@.hostPort=host1:80" "$v1/@.other=x"; do
        refused 'Invalid argument' ls "$v"
        contains "$(last_error)" 'field label not supported: '
    done
    eventually 10 has "$tmp/w3" '^ADDED .*/c '
    eventually 10 has "$tmp/w1" '^ADDED .*/c '

    # what is changed comes and goes; what is deleted goes
    echo host1 >"$v2/d/host" || fail "update d"
    eventually 10 has "$tmp/w1" '^ADDED .*/d '
    echo 'host3:80' >"$v1/a/hostPort" || fail "update a"
    eventually 10 has "$tmp/w3" '^DELETED .*/a '
    equal "v2 list" 'b c d' "$(ls "$v2/@.host=host1" | xargs)"
    echo 'delete --field-selector=host=host1,port=80' >"$v2/_ctl" || fail "delete: $(last_error)"
    eventually 10 has "$tmp/w3" '^DELETED .*/d '
    eventually 10 has "$tmp/w1" '^DELETED .*/d '
    equal "left" 'a b' "$(ls "$v1/@" | xargs)"
    kill $w
    equal "watched at v1" 'ADDED a ADDED c ADDED d DELETED a DELETED c DELETED d' "$(watched w1)"
    equal "watched at v2, both" 'ADDED a ADDED c ADDED d DELETED a DELETED c DELETED d' "$(watched w3)"
    equal "watched at v2" 'ADDED a ADDED b ADDED c ADDED d DELETED a DELETED c DELETED d' \
        "$(python3 -c 'import json,sys
for line in sys.stdin:
    e = json.loads(line)
    assert e["object"]["apiVersion"].endswith("/v2") and "hostPort" not in e["object"], line
    print(e["type"], e["object"]["metadata"]["name"], end=" ")' <"$tmp/w2" | xargs)"
    rm "$crds/$ns-hosts.yaml"
    eventually 15 gone "$(definition hosts)"
}

# takes NAME FIELDS CHANGED-FIELDS: both are taken, by a file and by kubectl's apply
takes() {
    thing "$1" "$2" || fail "create: $(cat "$(things)/$ns/$1.yaml.err")"
    thing "$1" "$3" || fail "change: $(cat "$(things)/$ns/$1.yaml.err")"
    printf 'apiVersion: %s.example.com/v1\nkind: Thing\nmetadata: {name: k-%s}\n%s\n' "$ns" "$1" "$2" >"$tmp/k.yaml"
    kubectl apply -f "$tmp/k.yaml" || fail "kubectl create"
    printf 'apiVersion: %s.example.com/v1\nkind: Thing\nmetadata: {name: k-%s}\n%s\n' "$ns" "$1" "$3" >"$tmp/k.yaml"
    kubectl apply -f "$tmp/k.yaml" || fail "kubectl apply"
}
C041() {
    define things Thing '{type: object, x-kubernetes-preserve-unknown-fields: true}'
    takes any 'a: {thing: [1, {two: three}]}' 'a: {thing: [1, {two: four}]}'
    equal "kept" four "$(cat "$(of any)/a/thing/1/two")"
    equal "kept" four "$(cat "$(of k-any)/a/thing/1/two")"
    contains "$(kubectl explain things)" '^KIND:  *Thing$'
    undefine things
}
C042() {
    define things Thing '{type: object, properties: {spec: {type: object, description: "Specification of a Thing", x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}}}'
    takes embedded 'spec: {apiVersion: v1, kind: Any, metadata: {name: x}, more: 1}' 'spec: {apiVersion: v1, kind: Any, metadata: {name: x}, more: 2}'
    equal "kept" 2 "$(cat "$(of embedded)/spec/more")"
    contains "$(cat "$(things)/_schema")" '^spec object (and any other fields)'
    contains "$(kubectl explain things)" '^KIND:  *Thing$'
    contains "$(kubectl explain things.spec)" '^    Specification of a Thing$'
    undefine things
}
C044() {
    define things Thing '{type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}}}'
    takes object 'spec: {a: x, b: {c: d}}' 'spec: {a: x, b: {c: e}}'
    equal "kept" e "$(cat "$(of object)/spec/b/c")"
    refused 'Invalid argument' thing outside 'other: y'
    equal "description" '    <empty>' "$(kubectl explain things | sed -n '/^DESCRIPTION:$/{n;p;}')"
    undefine things
}

bars='{type: object, description: Foo CRD for Testing, properties: {spec: {type: object, description: Specification of Foo, properties: {bars: {type: array, description: List of Bars and their specs., items: {type: object, required: [name], properties: {name: {type: string, description: Name of Bar.}, age: {type: string, description: Age of Bar.}, feeling: {type: string, description: Whether Bar is feeling great., enum: [Great, Down]}, bazs: {type: array, description: List of Bazs., items: {type: string}}}}}}}, status: {type: object, description: Status of Foo, properties: {bars: {type: array, items: {type: object}}}}}}'
# refuses NAME FIELDS WHY: by a file, by kubectl, and as a change of what is there
refuses() {
    refused 'Invalid argument' thing "$1" "$2"
    contains "$(cat "$(things)/$ns/$1.yaml.err")" "$3"
    gone "$(of "$1")" || fail "$1 was made"
    kubectl apply -f "$tmp/$1.yaml" >"$tmp/said" 2>&1 && fail "kubectl made $1"
    contains "$(cat "$tmp/said")" "$3"
    refused 'Invalid argument' thing valid "$2"
    contains "$(cat "$(things)/$ns/valid.yaml.err")" "$3"
    equal "unchanged" '1' "$(ls "$(of valid)/spec/bars" | wc -l)"
}
C043() {
    define things Thing "$bars"
    takes valid 'spec: {bars: [{name: test-bar}]}' 'spec: {bars: [{name: test-bar, age: "10", feeling: Great, bazs: [a]}]}'
    refuses unknown 'spec: {bars: [{name: x, unknown: y}]}' 'spec.bars\[0\].unknown: unknown field "unknown"'
    refuses outside 'unknown: y' 'unknown: unknown field "unknown"'
    refuses lacking 'spec: {bars: [{age: "10"}]}' 'spec.bars\[0\].name: Required value'
    refuses feeling 'spec: {bars: [{name: x, feeling: NonExistent}]}' 'Unsupported value: "NonExistent": supported values: "Great", "Down"'
    contains "$(cat "$(things)/_schema")" '^spec.bars\[\].name string required$'
    local text
    text=$(kubectl explain things)
    for i in '^KIND:  *Thing$' '^VERSION:  *v1$' '^    Foo CRD for Testing$' '^  spec	<object>' '^  status	<object>' '^  metadata	<ObjectMeta>'; do contains "$text" "$i"; done
    contains "$(kubectl explain things.metadata)" '^  creationTimestamp	<time>'
    text=$(kubectl explain things.spec)
    for i in '^    Specification of Foo$' '^  bars	<\[\]object>'; do contains "$text" "$i"; done
    text=$(kubectl explain things.spec.bars)
    for i in '^    List of Bars and their specs.$' '^  name	<string> -required-' '^  age	<string>' '^  feeling	<string>.*Great' '^  bazs	<\[\]string>'; do contains "$text" "$i"; done
    contains "$(kubectl explain things.spec.bars.age)" '^    Age of Bar.$'
    kubectl explain things.spec.bars2 >"$tmp/said" 2>&1 && fail "a field that is not there was explained"
    contains "$(cat "$tmp/said")" 'field "spec.bars2" does not exist'
    undefine things
}

# -- field-validation: a file, a patch and an apply refuse the same

# refused_everywhere WHY NAME FIELDS JSON: a new one, a change of `valid` by a file, and by patches of it (JSON)
refused_everywhere() {
    local patch
    refused 'Invalid argument' thing "$2" "$3"
    contains "$(cat "$(things)/$ns/$2.yaml.err")" "$1"
    gone "$(of "$2")" || fail "$2 was made"
    refused 'Invalid argument' thing valid "$3"
    contains "$(cat "$(things)/$ns/valid.yaml.err")" "$1"
    for patch in patch.merge apply object.json; do
        refused 'Invalid argument' tell "$(of valid)/$patch" "$4"
        contains "$(last_error)" "$1"
    done
}
tell() { printf '%s\n' "$2" >"$tmp/told" && cp "$tmp/told" "$1"; } # cp tells what close() said
whole() { echo "{\"apiVersion\": \"$ns.example.com/v1\", \"kind\": \"Thing\", \"metadata\": {\"name\": \"valid\"$1}, $2}"; }

C050() {
    define things Thing '{type: object, x-kubernetes-preserve-unknown-fields: true}'
    thing one 'spec: {foo: foo1, cronSpec: "* * * * */5", unknown: x, deep: {er: [1]}}' || fail "create: $(cat "$(things)/$ns/one.yaml.err")"
    equal "kept" x "$(cat "$(of one)/spec/unknown")"
    echo '{"spec": {"more": "y"}, "other": true}' >"$(of one)/patch.merge" || fail "patch"
    equal "kept" y "$(cat "$(of one)/spec/more")"
    equal "kept" true "$(cat "$(of one)/other")"
    undefine things
}

known='{type: object, properties: {spec: {type: object, properties: {cronSpec: {type: string}, foo: {type: string}, ports: {type: array, items: {type: object, properties: {port: {type: integer}}}}}}}}'
C051() {
    define things Thing "$known"
    thing one 'spec: {foo: foo1, cronSpec: "* * * * */5", ports: [{port: 80}]}' || fail "create: $(cat "$(things)/$ns/one.yaml.err")"
    equal "stored" foo1 "$(cat "$(of one)/spec/foo")"
    echo "{\"apiVersion\": \"$ns.example.com/v1\", \"kind\": \"Thing\", \"spec\": {\"cronSpec\": \"0 * * * *\"}}" >"$(of one)/apply.force" || fail "apply"
    equal "stored" '0 * * * *' "$(cat "$(of one)/spec/cronSpec")"
    undefine things
}

C052() {
    define things Thing "$known"
    thing valid 'spec: {foo: a}' || fail "create"
    refused_everywhere 'unknown field "extraProperty"' extra 'spec: {foo: a, extraProperty: arbitrary-value}' "$(whole '' '"spec": {"foo": "a", "extraProperty": "arbitrary-value"}')"
    refused_everywhere 'unknown field "other"' deep 'spec: {ports: [{port: 80, other: x}]}' "$(whole '' '"spec": {"ports": [{"port": 80, "other": "x"}]}')"
    refused_everywhere 'unknown field "top"' top 'top: x' "$(whole '' '"top": "x"')"
    equal "as it was" a "$(cat "$(of valid)/spec/foo")"
    undefine things
}

C053() {
    define things Thing '{type: object, x-kubernetes-preserve-unknown-fields: true}'
    thing valid 'spec: {foo: a}' || fail "create"
    refused_everywhere 'key "unknown" already set in map' twice 'spec:
  unknown: uk1
  unknown: uk2' "$(whole '' '"spec": {"unknown": "uk1", "unknown": "uk2"}')"
    refused_everywhere 'key "b" already set in map' deep 'spec:
  a: [{b: 1, b: 2}]' "$(whole '' '"spec": {"a": [{"b": 1, "b": 2}]}')"
    equal "as it was" foo "$(ls "$(of valid)/spec")"
    undefine things
}

C055() {
    define things Thing '{type: object, properties: {spec: {type: object, properties: {template: {type: object, x-kubernetes-embedded-resource: true, properties: {metadata: {type: object, properties: {name: {type: string}}}, spec: {type: object}}}}}}}'
    local template='apiVersion: v1, kind: Pod'
    thing valid "spec: {template: {$template, metadata: {name: t, labels: {a: b}}}}" || fail "create: $(cat "$(things)/$ns/valid.yaml.err")"
    printf 'apiVersion: %s.example.com/v1\nkind: Thing\nmetadata: {name: root, unknownMeta: x}\n' "$ns" >"$tmp/root.yaml"
    refused 'Invalid argument' cp "$tmp/root.yaml" "$(things)/$ns/root.yaml"
    contains "$(cat "$(things)/$ns/root.yaml.err")" 'metadata.unknownMeta: unknown field "unknownMeta"'
    for patch in patch.merge apply object.json; do
        refused 'Invalid argument' tell "$(of valid)/$patch" "$(whole ', "unknownMeta": "x"' '"spec": {}')"
        contains "$(last_error)" 'unknown field "unknownMeta"'
    done
    refused_everywhere 'spec.template.metadata.unknownSubMeta: unknown field "unknownSubMeta"' embedded \
        "spec: {template: {$template, metadata: {name: t, unknownSubMeta: x}}}" \
        "$(whole '' '"spec": {"template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"unknownSubMeta": "x"}}}')"
    # the same where anything else is kept
    define things Thing '{type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {template: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}}}}}'
    thing kept "spec: {any: thing, template: {$template, metadata: {name: t}, more: yes}}" || fail "create: $(cat "$(things)/$ns/kept.yaml.err")"
    refused_everywhere 'spec.template.metadata.unknownSubMeta: unknown field "unknownSubMeta"' embedded \
        "spec: {template: {$template, metadata: {name: t, unknownSubMeta: x}}}" \
        "$(whole '' '"spec": {"template": {"apiVersion": "v1", "kind": "Pod", "metadata": {"unknownSubMeta": "x"}}}')"
    undefine things
}
conform
