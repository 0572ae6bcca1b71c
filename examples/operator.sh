#!/bin/sh
# An operator: every ConfigMap with the label `website` in a namespace is served by nginx; when the page changes, the pods
# are made anew; when the ConfigMap or its label goes, so does the website.
#
#   mkdir /k8s/configmaps/default/hello && cp index.html /k8s/configmaps/default/hello/data/
#   echo yes > /k8s/configmaps/default/hello/metadata/labels/website
#   operator.sh [NAMESPACE]          K8S=/k8s is where the tree is mounted
set -u
k=${K8S:-/k8s} ns=${1:-default}
maps=$k/apis/core/v1/configmaps/$ns

reconcile() { # NAME: make what should be there of what is there; often called for nothing
    name=$1 website=$k/apply/website-$ns-$1.yaml
    if ! uid=$(cat "$maps/$name/metadata/uid" 2>/dev/null) || [ ! -e "$maps/$name/metadata/labels/website" ]; then
        rm -f "$website" && return
    fi
    sum=$(cksum <"$maps/$name/data/index.html" | tr ' ' -)
    cat >"$website" <<END
apiVersion: apps/v1
kind: Deployment
metadata:
  {name: $name, namespace: $ns, ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: $name, uid: $uid}]}
spec:
  selector: {matchLabels: {website: $name}}
  template:
    metadata: {labels: {website: $name}, annotations: {page: "$sum"}}
    spec:
      containers: [{name: nginx, image: "nginx:1", volumeMounts: [{name: page, mountPath: /usr/share/nginx/html}]}]
      volumes: [{name: page, configMap: {name: $name}}]
END
}

# Told by the kernel of what the server changes. What was there before counts, too, once nothing new is missed; a name
# comes either as a directory of the namespace or as the place where something changed.
inotifywait -m -r -e create,modify,moved_to,delete --format '%w%f' "$maps" 2>&1 | while IFS= read -r path; do
    case $path in
    'Watches established.') for object in "$maps"/*/; do reconcile "$(basename "$object")"; done ;;
    "$maps"/*) path=${path#"$maps"/} && reconcile "${path%%/*}" ;;
    esac
done
