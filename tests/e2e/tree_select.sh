#!/bin/bash
# @<selector>/: the whole grammar of label selectors with Kubernetes' meaning, and of field selectors, in a namespace and across
# all of them; what is malformed is refused with a text.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
maps=$mnt/apis/core/v1/configmaps
mkdir "$mnt/apis/core/v1/namespaces/prod" || fail mkdir

# object NAME LABELS [NAMESPACE]
object() { printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: %s, labels: {%s}}\n' "$1" "${3:-default}" "$2"; }
{
    object a1 'app: a, env: dev, num: "1"'
    object a2 'app: a, env: prod, num: "10"'
    object b1 'app: b, env: dev, example.com/part: front'
    object b2 'app: b, empty: ""'
    object c1 'env: test'
    object none ''
    object p1 'app: a, env: prod' prod
} >"$mnt/apply/all.yaml" || fail write

# selects SELECTOR NAME...: in the namespace
selects() {
    local selector=$1
    shift
    equal "@$selector" "$*" "$(ls "$maps/default/@$selector" | xargs)"
}
selects 'app=a' a1 a2
selects 'app==a' a1 a2
selects 'app = a' a1 a2
selects 'app!=a' b1 b2 c1 none
selects 'env in (dev,test)' a1 b1 c1
selects 'env in ( dev , test )' a1 b1 c1
selects 'env notin (dev,test)' a2 b2 none
selects 'env' a1 a2 b1 c1
selects '!env' b2 none
selects 'app=a,env!=dev' a2
selects 'app,!env' b2
selects 'app in (a,b),env,num!=1' a2 b1
selects 'empty=' b2
selects 'empty in ()' b2
selects 'num>5' a2
selects 'num<5' a1
selects 'example.com%2Fpart=front' b1
selects 'example.com%2Fpart' b1
selects '!example.com%2Fpart,app=b' b2
selects 'app=zzz'
selects '' a1 a2 b1 b2 c1 none

# across namespaces, and of resources without
equal "all namespaces" "default.a2 prod.p1" "$(ls "$mnt/configmaps/@env=prod" | xargs)"
equal "through a link" p1 "$(sed -n 's/^  name: //p' "$mnt/configmaps/@env=prod/prod.p1/object.yaml")"
equal "through a link" a2 "$(sed -n 's/^  name: //p' "$maps/default/@env=prod/a2/object.yaml")"
equal "the link" ../prod/p1 "$(readlink "$mnt/configmaps/@env=prod/prod.p1")"
echo blue >"$mnt/namespaces/prod/metadata/labels/colour" || fail label
equal "cluster-scoped" prod "$(ls "$mnt/namespaces/@colour=blue" | xargs)"
[ -e "$maps/default/@env=prod/a1" ] && fail "a1 is not selected"
[ -e "$mnt/configmaps/@env=prod/a2" ] && fail "across namespaces names have two parts"

# it follows the labels
echo prod >"$maps/default/a1/metadata/labels/env" || fail relabel
selects 'env=prod' a1 a2
rmdir "$maps/default/a2" || fail rmdir
selects 'env=prod' a1
contains "$(ls -la "$maps/default/@env=prod/")" 'a1 -> ../a1$'
equal "not listed itself" 0 "$(ls -a "$maps/default" | grep -c '^@')"

# malformed
for bad in 'app=a=b' 'app in' 'app in a' 'app in (a' 'app notin a)' ',' 'app,' '!' '!app=a' 'app=a,,env' '-a' 'app=-' 'n>x' \
    'a%2Fb%2Fc=d' 'app a' '(app)'; do
    refused 'Invalid argument' ls "$maps/default/@$bad"
    contains "$(tail -n 1 "$mnt/errors")" 'configmaps/default/@'
    refused 'Invalid argument' ls "$mnt/configmaps/@$bad/"
done
refused 'Invalid argument' ls "$maps/default/@app in a"
contains "$(tail -n 1 "$mnt/errors")" "unable to parse requirement: found 'a', expected: '('"

# -- fields: a term that begins with a dot

pods=$mnt/apis/core/v1/pods
# pod NAME NODE LABEL
pod() { printf -- '---\napiVersion: v1\nkind: Pod\nmetadata: {name: %s, namespace: %s, labels: {app: %s}}\nspec: {nodeName: %s, containers: [{name: c, image: i}]}\n' "$1" "${4:-default}" "$3" "$2"; }
{
    pod a n1 web
    pod b n2 web
    pod c n1 db
    pod d n1 web prod
} >"$mnt/apply/pods.yaml" || fail "pods: $(cat "$mnt/apply/pods.yaml.err")"
run() { echo 'phase: Running' >"$pods/default/$1/status" || fail "status of $1"; }
run a
chosen() { # SELECTOR NAME...: pods in the namespace
    local selector=$1
    shift
    equal "@$selector" "$*" "$(ls "$pods/default/@$selector" | xargs)"
}
chosen '.spec.nodeName=n1' a c
chosen '.spec.nodeName==n1' a c
chosen '.spec.nodeName!=n1' b
chosen '.status.phase=Running' a
chosen '.status.phase!=Running' b c
chosen '.spec.nodeName=n1,app=web' a
chosen 'app in (web,db),.spec.nodeName=n1' a c
chosen 'app=web,.status.phase=Pending,.spec.restartPolicy=Always' b
chosen '.metadata.name=b' b
chosen '.metadata.name=b,.spec.nodeName=n1'
chosen '.metadata.namespace=default' a b c
chosen '.spec.hostNetwork=false' a b c
equal "all namespaces" "default.a prod.d" "$(ls "$mnt/pods/@.spec.nodeName=n1,app=web" | xargs)"
equal "all namespaces" "prod.d" "$(ls "$mnt/pods/@.metadata.namespace=prod" | xargs)"
equal "through a link" Running "$(sed -n 's/^phase: //p' "$pods/default/@.status.phase=Running/a/status")"
[ -e "$pods/default/@.status.phase=Running/b" ] && fail "b does not run"
contains "$(cat "$pods/_schema")" '^spec.nodeName string selectable=spec.nodeName'
contains "$(cat "$mnt/jobs/_schema")" '^status.succeeded integer selectable=status.successful'

# other kinds
echo true >"$mnt/namespaces/prod/metadata/labels/x" || fail label
contains "$(ls "$mnt/namespaces/@.status.phase=Active" | xargs)" 'prod'
equal "none ends" '' "$(ls "$mnt/namespaces/@.status.phase=Terminating")"
{
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: opaque}\n'
    printf -- '---\napiVersion: v1\nkind: Secret\nmetadata: {name: basic-auth}\ntype: kubernetes.io/basic-auth\nstringData: {username: u, password: p}\n'
} >"$mnt/apply/secrets.yaml" || fail "secrets: $(cat "$mnt/apply/secrets.yaml.err")"
equal "secrets" basic-auth "$(ls "$mnt/secrets/default/@.type=kubernetes.io%2Fbasic-auth")"
for node in n1 n2; do printf -- '---\napiVersion: v1\nkind: Node\nmetadata: {name: %s}\n' $node; done >"$mnt/apply/nodes.yaml" || fail "nodes"
echo cordon >"$mnt/nodes/n2/ctl" || fail "cordon"
equal "nodes" n2 "$(ls "$mnt/nodes/@.spec.unschedulable=true")"
contains "$(ls "$mnt/nodes/@.spec.unschedulable=false" | xargs)" n1
printf 'apiVersion: v1\nkind: Event\nmetadata: {name: e}\ninvolvedObject: {kind: Pod, name: a, namespace: default}\nreason: Because\ntype: Warning\nsource: {component: tester}\n' >"$mnt/apply/event.yaml" || fail "event: $(cat "$mnt/apply/event.yaml.err")"
equal "events" e "$(ls "$mnt/apis/core/v1/events/default/@.involvedObject.name=a,.reason=Because,.type!=Normal,.source=tester")"
equal "events of the other group" e "$(ls "$mnt/apis/events.k8s.io/v1/events/default/@.regarding.name=a,.reason=Because")"

# a watch: what comes to match is added, what matches no more is gone
: >"$tmp/watched"
timeout 60 cat "$pods/default/@.status.phase=Running,app=web/_watch" >"$tmp/watched" &
watch=$!
eventually 10 has "$tmp/watched" '^ADDED default/a '
run b
eventually 10 has "$tmp/watched" '^ADDED default/b '
run c
echo 'phase: Failed' >"$pods/default/a/status" || fail "status of a"
eventually 10 has "$tmp/watched" '^DELETED default/a '
echo x >"$pods/default/b/metadata/labels/more" || fail label
eventually 10 has "$tmp/watched" '^MODIFIED default/b '
kill $watch
equal "watched" "ADDED a ADDED b DELETED a MODIFIED b" "$(sed 's|default/||; s/ [0-9]*$//' "$tmp/watched" | xargs)"

# what cannot be selected
for bad in '.spec.priority=1' '.involvedObject.name=a' '.=x'; do
    refused 'Invalid argument' ls "$pods/default/@$bad"
    contains "$(tail -n 1 "$mnt/errors")" 'field label not supported: '
done
refused 'Invalid argument' ls "$maps/default/@.data.x=1"
contains "$(tail -n 1 "$mnt/errors")" '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"'
for bad in '.status.phase' '.status.phase in (a)' '.status.phase=a=b' 'app=web,,.status.phase=Running' '.status.phase=Running,' '!.status.phase'; do
    refused 'Invalid argument' ls "$pods/default/@$bad"
done

# of what users define: each version by its own
cat >"$mnt/apply/crd.yaml" <<'Y' || fail "definition: $(cat "$mnt/apply/crd.yaml.err")"
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: shirts.stable.example.com}
spec:
  group: stable.example.com
  scope: Namespaced
  names: {plural: shirts, kind: Shirt}
  versions:
  - name: v1
    served: true
    storage: true
    selectableFields: [{jsonPath: .spec.color}, {jsonPath: .spec.size}]
    schema: &schema {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {color: {type: string}, size: {type: string}, price: {type: integer}}}}}}
  - name: v2
    served: true
    storage: false
    selectableFields: [{jsonPath: .spec.price}]
    schema: *schema
Y
shirts=$mnt/apis/stable.example.com/v1/shirts
# shirt NAME SPEC
shirt() { printf 'apiVersion: stable.example.com/v1\nkind: Shirt\nmetadata: {name: %s}\nspec: {%s}\n' "$1" "$2" >"$shirts/$1.yaml" || fail "shirt $1"; }
shirt one 'color: blue, size: S, price: 5'
shirt two 'color: blue, size: M, price: 9'
shirt three 'color: green, size: M, price: 9'
equal "blue" 'one two' "$(ls "$shirts/default/@.spec.color=blue" | xargs)"
equal "blue and M" two "$(ls "$shirts/default/@.spec.color=blue,.spec.size=M")"
equal "not blue" default.three "$(ls "$shirts/@.spec.color!=blue")"
equal "v2" 'three two' "$(ls "$mnt/apis/stable.example.com/v2/shirts/default/@.spec.price=9" | xargs)"
refused 'Invalid argument' ls "$shirts/default/@.spec.price=9"
contains "$(tail -n 1 "$mnt/errors")" 'field label not supported: spec.price'
: >"$tmp/watched"
timeout 60 cat "$shirts/default/@.spec.color=blue/_watch" >"$tmp/watched" &
watch=$!
eventually 10 has "$tmp/watched" '^ADDED default/two '
echo blue >"$shirts/default/three/spec/color" || fail "colour"
eventually 10 has "$tmp/watched" '^ADDED default/three '
echo red >"$shirts/default/one/spec/color" || fail "colour"
eventually 10 has "$tmp/watched" '^DELETED default/one '

# deleting what is selected
echo 'delete --field-selector=spec.color=blue,spec.size!=S' >"$shirts/default/_ctl" || fail "delete: $(tail -n 1 "$mnt/errors")"
eventually 10 has "$tmp/watched" '^DELETED default/two '
eventually 10 has "$tmp/watched" '^DELETED default/three '
kill $watch
equal "left" one "$(ls "$shirts/default" | grep -v '\.yaml$' | grep -v ^_)"
echo 'delete -l app=web --field-selector status.phase=Running' >"$pods/default/_ctl" || fail "delete: $(tail -n 1 "$mnt/errors")"
eventually 10 sh -c "! [ -e '$pods/default/b' ] || grep -q deletionTimestamp '$pods/default/b/object.yaml'"
grep -q deletionTimestamp "$pods/default/a/object.yaml" "$pods/default/c/object.yaml" && fail "others are deleted"
tell() { echo "$1" >"$pods/default/_ctl"; }
for bad in 'delete --field-selector=spec.priority=1' 'delete -l app=web --field-selector=status.phase' 'delete -l' 'delete --all' 'delete -l app --field-selector'; do
    refused 'Invalid argument' tell "$bad"
done
[ -e "$pods/default/c" ] || fail "c is gone"
contains "$(cat "$pods/default/_ctl")" 'delete \[-l SELECTOR\] \[--field-selector=FIELDS\]'

# kubectl of examples/
kubectl() { K8S=$mnt timeout 60 sh "$top/examples/kubectl" "$@"; }
equal "kubectl get" pod/c "$(kubectl get pods --field-selector=spec.nodeName=n1,status.phase=Running -o name)"
equal "kubectl get" pod/a "$(kubectl get pods -l app=web --field-selector spec.nodeName=n1 -o name)"
kubectl get pods --field-selector spec.priority=1 >"$tmp/said" 2>&1 && fail "kubectl took spec.priority"
contains "$(cat "$tmp/said")" 'field label not supported: spec.priority'
