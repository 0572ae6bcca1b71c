#!/bin/bash
# What Kubernetes' conformance suite demands of CustomResourceDefinitions, as far as files can show
# it. Each part begins with the id of its test.
. "$(dirname "$0")/lib.sh"
crds=apis/apiextensions.k8s.io/v1/customresourcedefinitions
start_daemon
crd=$mnt/$crds
things=$mnt/apis/conf.example.com/v1/things

# define PLURAL KIND SCHEMA [LABELS]: SCHEMA in YAML's flow form
define() {
    cat >"$tmp/$1.yaml" <<END
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: $1.conf.example.com, labels: {${4-}}}
spec:
  group: conf.example.com
  scope: Namespaced
  names: {plural: $1, kind: $2}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    schema: {openAPIV3Schema: $3}
END
    cp "$tmp/$1.yaml" "$crd/" || fail "definition of $1: $(cat "$crd/$1.yaml.err")"
}
undefine() {
    rm "$crd/$1.yaml"
    eventually 15 test ! -e "$crd/$1.conf.example.com"
}
# thing NAME SPEC
thing() {
    printf 'apiVersion: conf.example.com/v1\nkind: Thing\nmetadata: {name: %s}\n%s\n' "$1" "$2" >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$things/"
}

# C037 discovery
ls "$mnt/apis" | grep -qx apiextensions.k8s.io || fail "C037 group"
ls "$mnt/apis/apiextensions.k8s.io" | grep -qx v1 || fail "C037 version"
ls "$mnt/apis/apiextensions.k8s.io/v1" | grep -qx customresourcedefinitions || fail "C037 resource"

# C033 create, C026 discovery of what it defines
define things Thing '{type: object, x-kubernetes-preserve-unknown-fields: true}'
ls "$mnt/apis" | grep -qx conf.example.com || fail "C026 group"
ls "$mnt/apis/conf.example.com/v1" | grep -qx things || fail "C026 resource"
cat "$crd/things.conf.example.com/wait/Established" >/dev/null || fail "C033 Established"
undefine things
[ -e "$mnt/apis/conf.example.com" ] && fail "C033 the group stays"

# C034 status
define things Thing '{type: object}'
cat "$crd/things.conf.example.com/wait/Established" >/dev/null
cat "$crd/things.conf.example.com/status" >"$tmp/status"
python3 - "$tmp/status" <<'PY'
import sys, yaml
s = yaml.safe_load(open(sys.argv[1]))
s["conditions"].append({"type": "StatusUpdated", "status": "True", "reason": "E2E", "message": "set by a test"})
yaml.safe_dump(s, open(sys.argv[1], "w"))
PY
cat "$tmp/status" >"$crd/things.conf.example.com/status" || fail "C034 update: $(tail -n 3 "$mnt/errors")"
contains "$(cat "$crd/things.conf.example.com/status")" 'type: StatusUpdated'
echo '{metadata: {labels: {patched: "yes"}}}' >"$crd/things.conf.example.com/patch.merge" || fail "C034 patch"
sleep 0.3
contains "$(cat "$crd/things.conf.example.com/status")" 'type: StatusUpdated'
contains "$(cat "$crd/things.conf.example.com/status")" 'reason: InitialNamesAccepted'
undefine things

# C035 list and delete by label
for i in 0 1 2 3 4 5 6 7 8 9; do
    define "kinds$i" "Kind$i" '{type: object}' "e2e: 'yes'"
done
define others Other '{type: object}'
equal "C035 list" 10 "$(ls "$crd/@e2e=yes" | wc -l)"
echo 'delete -l e2e=yes' >"$crd/_ctl" || fail "C035 delete"
none_selected() { [ -z "$(ls "$crd/@e2e=yes")" ]; }
eventually 30 none_selected
[ -e "$crd/others.conf.example.com" ] || fail "C035 one without the label went"
undefine others
rm -f "$crd"/kinds*.yaml

# C036 defaults, for requests and for what is stored
define things Thing '{type: object, properties: {a: {type: string}, b: {type: string}}}'
thing one 'b: B' || fail "C036 first"
[ -e "$things/default/one/a" ] && fail "C036 a default of nowhere"
define things Thing '{type: object, properties: {a: {type: string, default: A}, b: {type: string}}}'
equal "C036 from storage" A "$(cat "$things/default/one/a")"
thing two '' || fail "C036 second"
equal "C036 of a request" A "$(cat "$things/default/two/a")"
define things Thing '{type: object, properties: {a: {type: string}, b: {type: string, default: B}}}'
equal "C036 the new default" B "$(cat "$things/default/two/b")"
equal "C036 the old one stays" A "$(cat "$things/default/two/a")"
undefine things

# C041 unknown fields at the root, C044 in an object, C042 in an embedded one
define things Thing '{type: object, x-kubernetes-preserve-unknown-fields: true}'
thing root 'any: {thing: [1, {two: three}]}' || fail "C041: $(cat "$things/root.yaml.err")"
equal "C041" three "$(cat "$things/default/root/any/thing/1/two")"
undefine things
define things Thing '{type: object, properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true, properties: {a: {type: string}}}}}'
thing object 'spec: {a: x, b: {c: d}}' || fail "C044"
equal "C044" d "$(cat "$things/default/object/spec/b/c")"
refused 'Invalid argument' thing object-outside 'spec: {a: x}
other: y'
undefine things
define things Thing '{type: object, properties: {spec: {type: object, x-kubernetes-embedded-resource: true, x-kubernetes-preserve-unknown-fields: true}}}'
thing embedded 'spec: {apiVersion: v1, kind: Any, metadata: {name: x}, more: 1}' || fail "C042"
equal "C042" 1 "$(cat "$things/default/embedded/spec/more")"
undefine things

# C043 a schema that validates
define things Thing '{type: object, properties: {spec: {type: object, required: [bars], properties: {bars: {type: array, items: {type: object, required: [name], properties: {name: {type: string}, age: {type: string}, feeling: {type: string, enum: [Great, Down]}}}}}}}}'
thing valid 'spec: {bars: [{name: test-bar, age: "10", feeling: Great}]}' || fail "C043 valid"
refused 'Invalid argument' thing unknown 'spec: {bars: [{name: x, unknown: y}]}'
contains "$(cat "$things/unknown.yaml.err")" 'spec.bars\[0\].unknown: unknown field "unknown"'
refused 'Invalid argument' thing lacking 'spec: {bars: [{age: "10"}]}'
contains "$(cat "$things/lacking.yaml.err")" 'spec.bars\[0\].name: Required value'
refused 'Invalid argument' thing feeling 'spec: {bars: [{name: x, feeling: NonExistent}]}'
contains "$(cat "$things/feeling.yaml.err")" 'Unsupported value: "NonExistent": supported values: "Great", "Down"'
contains "$(cat "$things/_schema")" '^spec.bars\[\].name string required$'

# C032 watch
: >"$tmp/watched"
timeout 30 cat "$things/_watch" >"$tmp/watched" &
watcher=$!
has_line() { grep -q "$2" "$1"; }
eventually 10 has_line "$tmp/watched" '^ADDED default/valid '
echo Down >"$things/default/valid/spec/bars/0/feeling" || fail "C032 change"
eventually 10 has_line "$tmp/watched" '^MODIFIED default/valid '
rmdir "$things/default/valid" || fail "C032 rmdir"
eventually 10 has_line "$tmp/watched" '^DELETED default/valid '
kill $watcher
wait $watcher 2>/dev/null
rm "$things"/*.yaml
undefine things
