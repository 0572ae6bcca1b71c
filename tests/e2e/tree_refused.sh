#!/bin/bash
# Refused writes: the errno where a tool sees it, the text beside the file and in errors, the draft
# readable, the object untouched.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
dir=$mnt/apis/apps/v1/deployments
live=$mnt/deployments/default/web
cat >"$tmp/good.yaml" <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: c, image: nginx}]}
END
sed 's/replicas: 2/replicas: three/; s/image:/imgae:/' "$tmp/good.yaml" >"$tmp/bad.yaml"
cp "$tmp/good.yaml" "$dir/web.yaml" || fail cp
before=$(cat "$live/object.yaml")

# at close, for those who look
refused 'Invalid argument' cp "$tmp/bad.yaml" "$dir/web.yaml"
cmp "$tmp/bad.yaml" "$dir/web.yaml" || fail "the draft is not what was written"
contains "$(cat "$dir/web.yaml.err")" '^web.yaml:5:3: spec.replicas: Invalid value: "three": must be an integer$'
contains "$(cat "$dir/web.yaml.err")" 'unknown field "imgae", did you mean "image"?'
contains "$(cat "$mnt/errors")" 'spec.replicas: Invalid value'
equal object "$before" "$(cat "$live/object.yaml")"
# hidden by the shell's echo, and told all the same
cat "$tmp/good.yaml" >"$dir/web.yaml" || fail "good again"
[ ! -e "$dir/web.yaml.err" ] || fail ".err after a good write"
equal object "$before" "$(cat "$live/object.yaml")"
# from rename
cp "$tmp/bad.yaml" "$dir/upload"
refused 'Bad message' mv "$dir/upload" "$dir/web.yaml"
[ -e "$dir/web.yaml.err" ] || fail "no .err after a refused rename"
refused 'Bad message\|cannot rename' sed -i 's/nginx/nginx/' "$dir/web.yaml"
rm "$dir/upload"
# removing the draft
cp "$tmp/good.yaml" "$dir/web.yaml" || fail "good again"
refused 'Invalid argument' cp "$tmp/bad.yaml" "$dir/draft.yaml"
rm "$dir/draft.yaml" || fail "rm of a draft"
[ ! -e "$dir/draft.yaml.err" ] || fail ".err of a removed draft"

# in write(), so that echo sees it
refused 'Invalid argument' bash -c "printf '\tapiVersion: v1\n' >'$dir/tab.yaml'"
refused 'Invalid argument' bash -c "echo three >'$live/spec/replicas'"
contains "$(tail -n 1 "$mnt/errors")" 'spec.replicas'
refused 'Invalid argument' bash -c "echo 'fly away' >'$live/ctl'"
contains "$(tail -n 1 "$mnt/errors")" 'fly'
refused 'Invalid argument' bash -c "echo 'spec: {replica: 1}' >'$live/patch'"
refused 'Operation not permitted' bash -c "echo other >'$live/metadata/uid'"
refused 'Operation not permitted' bash -c "echo x >'$live/describe'"
refused 'Invalid argument' bash -c "echo x >'$live/spec/replica'"
contains "$(tail -n 1 "$mnt/errors")" 'did you mean "replicas"?'
equal object "$before" "$(cat "$live/object.yaml")"
equal replicas 2 "$(cat "$live/spec/replicas")"

# sizes
head -c 4000000 /dev/zero | tr '\0' '#' >"$tmp/large"
refused 'File too large' cp "$tmp/large" "$dir/large.yaml"
refused 'File too large' dd if="$tmp/large" of="$live/object.yaml" bs=1M
refused 'File too large' truncate -s 5G "$dir/web.yaml"
refused 'File name too long' touch "$dir/$(head -c 256 /dev/zero | tr '\0' x).yaml"
touch "$dir/$(head -c 250 /dev/zero | tr '\0' x).yaml" || fail "a name of 255 bytes"
head -c 100000 /dev/urandom >"$dir/junk.yaml" # the shell hides it, or not
[ -s "$dir/junk.yaml.err" ] || fail "binary junk was accepted"
rm "$dir/junk.yaml"

# who is not root
if command -v setpriv >/dev/null; then
    chmod 755 "$tmp" && chmod 644 "$tmp/good.yaml"
    nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
    equal whoami 1 "$(nobody cat "$mnt/whoami" | grep -c '^user: nobody')"
    nobody cat "$mnt/version" "$mnt/health" >/dev/null || fail "what is public"
    refused 'Permission denied' nobody ls "$dir"
    refused 'Permission denied' nobody cat "$live/object.yaml"
    refused 'Permission denied' nobody cp "$tmp/good.yaml" "$dir/web.yaml"
    refused 'Permission denied' nobody bash -c "echo 5 >'$live/spec/replicas'"
    refused 'Permission denied' nobody bash -c "echo shutdown >'$mnt/ctl'"
    refused 'Permission denied' nobody cp "$tmp/good.yaml" "$mnt/apply/his.yaml"
    equal "object" 2 "$(cat "$live/spec/replicas")"
    contains "$(nobody cat "$mnt/errors")" 'forbidden'
    [ -z "$(nobody ls "$mnt/apply" | grep -v his)" ] || fail "he sees others' manifests"
fi
