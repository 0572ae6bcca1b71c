#!/bin/bash
# @<selector>/: the whole grammar of label selectors with Kubernetes' meaning, in a namespace and across
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
