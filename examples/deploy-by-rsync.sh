#!/bin/sh
# Deployment by rsync: a directory of manifests becomes what runs. What changed is applied, what is gone from
# the directory is deleted, what is the same is not touched.
#
#   deploy-by-rsync.sh DIRECTORY [APPLICATION]     K8S=/k8s is where the tree is mounted
#
# Each application has its directory in apply/; from another machine it is the same, by
# `rsync -rc --delete DIRECTORY/ host:/k8s/apply/APPLICATION/`. If a manifest is refused the reasons are told and the
# exit status is rsync's; the objects are what they were.
set -u
k=${K8S:-/k8s}
from=${1:?usage: deploy-by-rsync.sh DIRECTORY [APPLICATION]}
to=$k/apply/${2:-$(basename "$from")}
mkdir -p "$to" || exit

# -c: by content, times mean nothing here. The reasons (.err) are the tree's, not ours to delete.
rsync -rc --delete --exclude='*.err' "$from/" "$to/"
rc=$?
if [ $rc != 0 ]; then
    find "$to" -name '*.err' -exec cat {} + >&2
fi
exit $rc
