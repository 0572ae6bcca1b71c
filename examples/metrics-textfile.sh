#!/bin/sh
# Hand the tree's metrics to node_exporter's textfile collector: metrics-textfile.sh DIRECTORY
# The file appears complete or not at all. K8S=/k8s is where the tree is mounted.
set -u
to=${1:?usage: metrics-textfile.sh DIRECTORY}
cp "${K8S:-/k8s}/metrics" "$to/k8sfs.prom.$$" && mv "$to/k8sfs.prom.$$" "$to/k8sfs.prom" && exit
rm -f "$to/k8sfs.prom.$$"
exit 1
