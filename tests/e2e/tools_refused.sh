#!/bin/bash
# A manifest that is refused, through every tool: its exit status where it looks, the text beside the
# file and in errors always, the draft readable, the object untouched.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/tools.sh"
start_daemon --no-reconcile
dir=$mnt/apis/apps/v1/deployments
live=$mnt/deployments/default/web
mkdir "$tmp/w" && cd "$tmp/w" || fail "$tmp/w"
manifest() {
    cat <<END
# a comment that stays
apiVersion: apps/v1
kind: Deployment
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: busybox}]}
metadata:
  name: web
  annotations:
    count: $1
END
}
manifest '"1"' >good
cp good "$dir/web.yaml" || fail cp
before=$(cat "$live/object.yaml")

# Those that do not look at what close says: a shell's own echo, and programs.
is_silent() {
    case $1 in
    bash-echo | bash-printf | dash-echo | busybox-cat | busybox-echo | python-no-close | git | unzip | sqlite3) return 0 ;;
    *) return 1 ;;
    esac
}
# vim puts the old text back when a write fails: that is a good write
restores() { [ "${1%% *}" = vim ]; }
n=0
while read -r tool; do
    n=$((n + 1))
    cp good "$dir/web.yaml" || fail "$tool: good again"
    [ ! -e "$dir/web.yaml.err" ] || fail "$tool: .err after a good write"
    manifest "[$n]" >new
    write_with "$tool" new "$dir/web.yaml" >said 2>&1
    rc=$?
    if is_silent "$tool"; then
        equal "$tool: exit status" 0 $rc
    elif [ "${tool%-B}" != nano ]; then # it stays, with the message on its screen
        [ $rc != 0 ] || fail "$tool: exit status 0"
    fi
    contains "$(tail -n 3 "$mnt/errors")" 'annotations\[count\]: Invalid value'
    if restores "$tool"; then
        cmp good "$dir/web.yaml" || fail "$tool: the old text is not back"
    else
        contains "$(cat "$dir/web.yaml.err")" '^web.yaml:13:5: metadata.annotations\[count\]: Invalid value: must be a string$'
        cmp new "$dir/web.yaml" || fail "$tool: the draft is not what was written"
    fi
    equal "$tool: the object" "$before" "$(cat "$live/object.yaml")"
done < <(tools)

# one event at the object, counted up
contains "$(cat "$live/events")" 'ManifestRefused'
# removing the draft removes what it held, and the reasons
rm "$dir/web.yaml" && [ ! -e "$dir/web.yaml.err" ] || fail "rm of a draft"
eventually 10 test ! -e "$live"
