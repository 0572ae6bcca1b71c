#!/bin/bash
# `commit IMAGE` in the ctl of a container: an image of its files as they are, while it runs on; a pod of
# that image finds them, with owners, modes, links, what was removed, and what was moved.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
put pod <<'END'
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: blue}
---
apiVersion: v1
kind: Pod
metadata: {name: made}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    command: [sh, -c]
    args:
    - |
      mkdir -p /data/deep/er && echo text > /data/deep/er/file && chown 12:34 /data/deep/er/file && chmod 4750 /data/deep/er/file
      ln -s er/file /data/deep/link; ln /data/deep/er/file /data/deep/hard; mkfifo /data/fifo
      printf 'with \303\244 and a\nnewline' > "$(printf '/data/n\303\244me\n2')"
      rm /etc/passwd; echo changed >> /etc/group
      mkdir -p /data/gone/a /data/from/sub && echo x > /data/gone/a/x && echo kept > /data/from/sub/kept
      echo old > /data/.wh.trick
      head -c 5000000 /dev/zero > /data/zeros
      echo ready > /data/ready; i=0
      while :; do i=$((i + 1)); echo $i > /data/count; sleep 0.1; done
    volumeMounts: [{name: config, mountPath: /config}]
  volumes: [{name: config, configMap: {name: settings}}]
END
pod=$mnt/pods/default/made/containers/c
eventually 20 test -e "$pod/root/data/ready"
in_made() { K8S=$mnt "$top/examples/kubectl" exec made -- "$@"; }
in_copy() { K8S=$mnt "$top/examples/kubectl" exec copy -- "$@"; }
contains "$(cat "$pod/ctl")" 'commit IMAGE'
pid=$(pids_of 'echo \$i > /data/count' | head -n 1)

echo 'commit mine:1' >"$pod/ctl" || fail "commit: $(cat "$mnt/errors")"
contains "$(cat "$mnt/images/mine:1")" 'mine:1'
equal "one layer more" 2 "$(awk '$1 ~ /mine:1$/ {print $4}' "$mnt/images/_index")"
kill -0 "$pid" || fail "the container did not run on"
phase_is made Running || fail "the pod does not run"

# -- a pod of it
sed 's/^ *//' >"$tmp/copy.sh" <<'END'
set -e
[ "$(stat -c '%a %u %g' /data/deep/er/file)" = "4750 12 34" ]
[ "$(cat /data/deep/link)" = text ] && [ "$(readlink /data/deep/link)" = er/file ]
[ "$(stat -c %h /data/deep/hard)" = 2 ] && [ /data/deep/hard -ef /data/deep/er/file ]
[ -p /data/fifo ] && [ -s "$(printf '/data/n\303\244me\n2')" ]
[ ! -e /etc/passwd ] && tail -n 1 /etc/group | grep -q changed
[ ! -e /data/.wh.trick ] && [ "$(stat -c %s /data/zeros)" = 5000000 ]
[ "$(cat /data/count)" -gt 0 ]
[ -z "$(ls /config)" ]
echo all of it
END
put copy <<END
apiVersion: v1
kind: Pod
metadata: {name: copy}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: "mine:1", imagePullPolicy: Never, command: [sleep, "1000"]}]
END
eventually 20 phase_is copy Running
cp "$tmp/copy.sh" "$mnt/pods/default/copy/containers/c/root/tmp/copy.sh" || fail "cp"
said=$(in_copy sh -x /tmp/copy.sh 2>&1)
contains "$said" 'all of it'

# -- again, on top of that: a directory of the image emptied (opaque), one moved (redirect)
in_copy sh -c 'rm -r /data/gone && mkdir /data/gone && echo new > /data/gone/only && mv /data/from /data/to && echo in > /data/to/new && chmod 600 /data/ready' ||
    fail "changes"
echo 'commit mine:2' >"$mnt/pods/default/copy/containers/c/ctl" || fail "commit of a commit"
put third <<END
apiVersion: v1
kind: Pod
metadata: {name: third}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: "mine:2", imagePullPolicy: Never, command: [sleep, "1000"]}]
END
eventually 20 phase_is third Running
third=$mnt/pods/default/third/containers/c/root/data
equal "emptied and filled anew" "only new" "$(ls "$third/gone") $(cat "$third/gone/only")"
equal "moved" "new sub in kept" "$(ls "$third/to" | paste -sd' ') $(cat "$third/to/new" "$third/to/sub/kept" | paste -sd' ')"
[ ! -e "$third/from" ] || fail "it is in both places"
equal "only its mode" "600 ready" "$(stat -c %a "$third/ready") $(cat "$third/ready")"
equal "three layers" 3 "$(awk '$1 ~ /mine:2$/ {print $4}' "$mnt/images/_index")"
# -- refused
refused 'Invalid argument' bash -c "echo 'commit' >'$pod/ctl'"
refused 'Invalid argument' bash -c "echo 'commit Not/A/Name' >'$pod/ctl'"
contains "$(tail -n 1 "$mnt/errors")" 'Not/A/Name'
if command -v setpriv >/dev/null; then
    put exec <<'END'
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: everybody}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: edit}
subjects: [{kind: Group, name: "system:authenticated", apiGroup: rbac.authorization.k8s.io}]
END
    chmod 755 "$tmp"
    eventually 5 setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "echo >'$pod/ctl'"
    refused 'Permission denied' setpriv --reuid 65534 --regid 65534 --clear-groups bash -c "echo 'commit busybox' >'$pod/ctl'"
fi

# -- the history, and that it is all there after a restart, the base's name removed
rm "$mnt/images/busybox:latest" "$mnt/images/busybox:1.36"
kill_daemon
start_daemon
eventually 20 phase_is copy Running
equal "the image after a restart" 2 "$(awk '$1 ~ /mine:1$/ {print $4}' "$mnt/images/_index")"
grep -l "k8sfs commit default/made/c" "$state"/images/blobs/sha256/* >/dev/null || fail "no history"
refused 'No such file' bash -c "echo 'commit mine:3' >'$pod/ctl'"
contains "$(tail -n 1 "$mnt/errors")" 'is not stored on this node'
