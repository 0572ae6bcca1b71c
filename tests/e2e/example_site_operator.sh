#!/bin/bash
# examples/site-operator.yaml: an operator in a pod, under its own account, makes what its kind asks for, touches nothing
# else, and goes on when the daemon was stopped or killed.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
cp "$top/examples/site-operator.yaml" "$mnt/apply/" || fail "$(cat "$mnt/apply/site-operator.yaml.err")"
pods=$mnt/pods/sites
sites=$mnt/apis/examples.k8sfs.io/v1/sites
eventually 20 is "$pods/site-operator/status" phase Running
site() { # NAME TEXT REPLICAS
    printf 'apiVersion: examples.k8sfs.io/v1\nkind: Site\nspec: {text: "%s", replicas: %s}\n' "$2" "$3" >"$sites/sites/$1.yaml"
}
serves() { # NAME TEXT N: that many pods, and each has the text
    local a n=0
    for a in $(cat "$pods"/@site="$1"/*/status 2>/dev/null | sed -n 's/^podIP: //p'); do
        http "$a" | grep -q "$2" || return 1
        n=$((n + 1))
    done
    [ $n = "$3" ] && [ "$(ls "$pods/@site=$1" | wc -l)" = "$3" ]
}
makes_one_that_is_lost() { # NAME
    local uid
    uid=$(cat "$pods/site-$1-0/metadata/uid") && rmdir "$pods/site-$1-0" || fail "rmdir"
    eventually 20 another "$1" "$uid"
}
another() { [ -e "$pods/site-$1-0/metadata/uid" ] && [ "$(cat "$pods/site-$1-0/metadata/uid")" != "$2" ]; }

site hello 'hello 1' 2 || fail "site"
eventually 20 serves hello 'hello 1' 2
eventually 10 is "$sites/sites/hello/status" made 2
contains "$(cat "$sites/_index")" '^sites *hello *2 *2'
makes_one_that_is_lost hello
site hello 'hello 1' 1 || fail "site"
eventually 20 serves hello 'hello 1' 1
# its words stand in what it wrote
contains "$(sed -n '/managedFields/,$p' "$mnt/configmaps/sites/site-hello/object.yaml")" 'manager: system:serviceaccount:sites:site-operator'

# -- nothing else: whoever took the pod over could do no more
inside() { nsenter -t "$(pids_of '^sh /operator/operator.sh$' | head -n 1)" -m -U -p -r -S 0 -G 0 /bin/sh -c "$1" 2>&1; }
equal whoami 'user: system:serviceaccount:sites:site-operator' "$(inside 'cat /k8s/whoami' | head -n 1)"
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: sites}\nstringData: {k: v}\n' | put secret
for line in 'ls /k8s/secrets' 'cat /k8s/secrets/sites/s/data/k' 'ls /k8s/configmaps/default' 'cat /k8s/configmaps/default/kube-root-ca.crt/data/ca.crt' \
    'cat /k8s/roles/sites/site-operator/object.yaml' 'ls /k8s/nodes' 'echo shutdown >/k8s/ctl' 'echo x >/k8s/sites/sites/hello/spec/text' \
    'rmdir /k8s/sites/sites/hello' 'echo x >/k8s/pods/sites/site-hello-0/containers/httpd/exec/clone' 'cat /k8s/pods/sites/site-hello-0/log' \
    'echo "{apiVersion: v1, kind: Pod, metadata: {name: x, namespace: default}, spec: {containers: [{name: c, image: busybox}]}}" >/tmp/x.yaml; cp /tmp/x.yaml /k8s/apply/x.yaml' \
    'echo "{apiVersion: v1, kind: ServiceAccount, metadata: {name: x, namespace: sites}}" >/tmp/x.yaml; cp /tmp/x.yaml /k8s/serviceaccounts/sites/x.yaml'; do
    said=$(inside "$line") && fail "was not refused: $line: $said"
    contains "$said" 'denied\|No such file\|nonexistent directory'
done
inside 'rm /k8s/apply/x.yaml' # the refused draft
[ ! -e "$mnt/pods/default/x" ] && [ ! -e "$mnt/serviceaccounts/sites/x" ] || fail "made all the same"

# -- the daemon goes, and comes back
operator=$(cat "$pods/site-operator/metadata/uid")
before=$(pids_of '^sh /operator/operator.sh$')
stop_daemon
start_daemon
site later 'later 1' 1 || fail "site"
eventually 20 serves later 'later 1' 1
kill_daemon
start_daemon
site later 'later 1' 2 || fail "site"
eventually 20 serves later 'later 1' 2
makes_one_that_is_lost hello
equal "the operator" "$operator $before" "$(cat "$pods/site-operator/metadata/uid") $(pids_of '^sh /operator/operator.sh$')"

# -- a Site that goes takes all with it
rm "$sites/sites/hello.yaml" || fail "rm"
eventually 20 test ! -e "$pods/site-hello-0"
eventually 20 test ! -e "$mnt/configmaps/sites/site-hello"
eventually 10 serves later 'later 1' 2
manifests() { ls "$mnt/apply"; }
equal "manifests" 'secret.yaml site-operator.yaml sites-later.yaml' "$(manifests | tr '\n' ' ' | sed 's/ $//')"
rm "$sites/sites/later.yaml" || fail "rm"
eventually 20 test ! -e "$mnt/apply/sites-later.yaml"
rm "$mnt/apply/site-operator.yaml" || fail "rm of the operator"
eventually 20 count_is "$pods" 0
