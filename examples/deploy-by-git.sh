#!/bin/sh
# Deployment by `git push`: a hook that checks the pushed branch out into the tree.
#
#   git init --bare /srv/app.git
#   cp deploy-by-git.sh /srv/app.git/hooks/post-receive
#   git -C /srv/app.git config deploy.branch main            # default: main
#   git -C /srv/app.git config deploy.tree /k8s/apply/app    # default: /k8s/apply/<repository>
#
# Who pushes sees in his terminal what was refused and why. A revert is a rollback.
set -u
git_dir=$(cd "${GIT_DIR:-.}" && pwd)
branch=$(git config deploy.branch || echo main)
tree=$(git config deploy.tree || echo "${K8S:-/k8s}/apply/$(basename "$git_dir" .git)")

while read -r old new ref; do
    [ "$ref" = "refs/heads/$branch" ] || continue
    case $new in
    *[!0]*) ;;
    *) echo "deploy: $branch was deleted; what runs stays" && continue ;;
    esac
    mkdir -p "$tree" || exit
    # What git knows of the files there: an index that is kept beside the repository.
    GIT_INDEX_FILE=$git_dir/deploy.index git --work-tree="$tree" read-tree --reset -u "$new"
    rc=$?
    if find "$tree" -name '*.err' -exec cat {} + | grep . || [ $rc != 0 ]; then
        echo "deploy: $new was not deployed completely"
        # so that the next push writes these again
        rm -f "$git_dir/deploy.index"
    else
        echo "deploy: $new is in $tree (was ${old})"
    fi
done
