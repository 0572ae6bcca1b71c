#!/bin/sh
# An operator: every ConfigMap with the label `website` in a namespace gets a Deployment of nginx that serves its
# data/index.html; when the page changes, the pods are made anew; when the ConfigMap goes, its owner reference
# takes the Deployment along.
#
#   kubectl create configmap / cp ...; echo yes > /k8s/configmaps/default/hello/metadata/labels/website
#   operator.sh [NAMESPACE]          K8S=/k8s is where the tree is mounted
set -u
k=${K8S:-/k8s} ns=${1:-default}
maps=$k/apis/core/v1/configmaps/$ns

reconcile() { # NAME: make what should be there of what is there; often called for nothing
    name=$1
    uid=$(cat "$maps/$name/metadata/uid" 2>/dev/null) && [ -e "$maps/$name/metadata/labels/website" ] || return 0
    sum=$(cksum <"$maps/$name/data/index.html" | tr ' ' -) || return 0
    cat >"$k/apply/website-$ns-$name.yaml" <<END
apiVersion: apps/v1
kind: Deployment
metadata:
  {name: $name, namespace: $ns, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: $name, uid: $uid}]}
spec:
  selector: {matchLabels: {website: $name}}
  template:
    metadata: {labels: {website: $name}, annotations: {page: "$sum"}}
    spec:
      containers: [{name: nginx, image: "nginx:1", volumeMounts: [{name: page, mountPath: ${PAGES:-/usr/share/nginx/html}}]}]
      volumes: [{name: page, configMap: {name: $name}}]
END
}

# Told by the kernel of what the server changes; what was there before the first look counts, too. A name comes
# either as a directory of the namespace or as the place where something changed.
inotifywait -q -m -r -e create,modify,moved_to --format '%w%f' "$maps" | {
    for object in "$maps"/*/; do reconcile "$(basename "$object")"; done
    while IFS= read -r path; do
        path=${path#"$maps"/}
        reconcile "${path%%/*}"
    done
}
