#!/bin/bash
# containers/<c>/root/: the files of a running container, read and written from outside, and what a
# hostile one cannot do with that.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
mkdir "$tmp/host" && echo secret of the host >"$tmp/host/secret" && chmod 600 "$tmp/host/secret"

put pods <<END
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {color: blue}
---
apiVersion: v1
kind: Pod
metadata: {name: files}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: main
    image: busybox
    command: [sh, -c]
    args:
    - |
      mkdir -p /data/dir /data/ids && echo one > /data/one && ln /data/one /data/one2 && ln /data/one /data/one3 && chmod 640 /data/one && chown 33:44 /data/ids
      ln -s /etc/passwd /data/absolute; ln -s ../etc/passwd /data/relative
      ln -s . /data/here; ln -s here/../../../../../../../../etc/shadow /data/escape
      ln -s / /data/top; ln -s loop /data/loop; ln -s ../../../../.. /data/dir/up
      mkfifo /data/fifo
      echo ready > /data/ready
      while :; do sleep 1; done
    volumeMounts:
    - {name: scratch, mountPath: /scratch}
    - {name: config, mountPath: /config}
    - {name: tree, mountPath: /k8s}
    - {name: host, mountPath: /host}
  - name: user
    image: busybox
    securityContext: {runAsUser: 1000, runAsGroup: 1000}
    command: [sh, -c, 'echo mine > /tmp/mine; while :; do sleep 1; done']
    volumeMounts:
    - {name: host, mountPath: /host}
  volumes:
  - {name: scratch, emptyDir: {}}
  - {name: config, configMap: {name: settings}}
  - {name: tree, csi: {driver: k8sfs.io}}
  - {name: host, hostPath: {path: $tmp/host}}
END
pod=$mnt/pods/default/files
root=$pod/containers/main/root
eventually 20 test -e "$root/data/ready"
exec_in() { "$top/examples/kubectl" exec files -c main -- "$@"; }
export K8S=$mnt KUBECTL_ROOT=$mnt

# -- looking
equal "a file" one "$(cat "$root/data/one")"
equal "its mode and owner" "640 0 0" "$(stat -c '%a %u %g' "$root/data/one")"
equal "ids are those inside" "33 44" "$(stat -c '%u %g' "$root/data/ids")"
contains "$(ls "$root")" '^etc$'
equal "a volume" blue "$(cat "$root/config/color")"
equal "the tree in it is not followed, nor /proc and /sys" "" "$(ls "$root/k8s" "$root/proc" "$root/sys" | grep -v ':$' | grep .)"
ls "$pod/containers/main" | grep -q '^root$' && fail "root is listed"
contains "$(cat "$pod/containers/main/ctl")" 'root/'

equal "names of one file" "3 $(stat -c %i "$root/data/one2") $(stat -c %i "$root/data/one2")" "$(stat -c '%h %i' "$root/data/one") $(stat -c %i "$root/data/one3")"
[ "$(stat -c %i "$root/data/one")" != "$(stat -c %i "$root/data/ready")" ] || fail "two files have one number"

# -- links stay inside
inside=$(cat "$root/etc/passwd")
for link in absolute relative; do equal "through $link" "$inside" "$(cat "$root/data/$link")"; done
equal "a link is relative" ../etc/passwd "$(readlink "$root/data/absolute")"
equal "a link through links does not climb out" ../etc/shadow "$(readlink "$root/data/escape")"
equal "nor one of dots" .. "$(readlink "$root/data/dir/up" | sed 's|^\.\./||')"
equal "its root is the container's" "$(ls "$root")" "$(ls "$root/data/top/")"
# what the kernel has of a link is not what it was
exec_in sh -c 'ln -s dir /data/way; echo a > /data/dir/x; mkdir /data/other; echo b > /data/other/x; ln -s way/../dir/x /data/by-way'
equal "a link" "a a" "$(cat "$root/data/way/x") $(cat "$root/data/by-way")"
exec_in sh -c 'ln -sfn other /data/way; mkdir /data/deeper; mv /data/other /data/deeper/other; ln -sfn deeper/other /data/way; mkdir /data/deeper/dir; echo c > /data/deeper/dir/x'
equal "that leads elsewhere now" "b c" "$(cat "$root/data/way/x") $(cat "$root/data/by-way")"
refused 'Too many levels' cat "$root/data/loop"
refused '' within 5 cat "$root/data/fifo"
refused '' within 5 cat "$root/dev/null"
# ... whatever happens meanwhile
cat >"$tmp/swap" <<'END'
mkdir -p /data/swap; echo inside > /data/swap/secret
i=0
while [ ! -e /data/stop ]; do
    mv /data/swap /data/away; ln -s / /data/swap; rm /data/swap
    ln -s ../../../../../../../../../..$1 /data/swap; rm /data/swap; mv /data/away /data/swap
done
END
cp "$tmp/swap" "$root/data/swap.sh" || fail "cp in"
exec_in sh /data/swap.sh "$tmp/host" &
swapper=$!
for _ in $(seq 400); do
    text=$(cat "$root/data/swap/secret" 2>/dev/null)
    case $text in '' | inside) ;; *) fail "out of the container: $text" ;; esac
done
: >"$root/data/stop"
wait $swapper
equal "and it is there in the end" inside "$(cat "$root/data/swap/secret")"

# -- in and out
head -c 3000000 /dev/urandom >"$tmp/big"
cp "$tmp/big" "$root/scratch/big" || fail "cp in"
equal "what came in" "$(sha256sum <"$tmp/big")" "$(exec_in sha256sum /scratch/big | sed 's|/scratch/big|-|')"
equal "whose it is" "0 0" "$(exec_in stat -c '%u %g' /scratch/big)"
cp -r "$root/data/dir" "$root/data/one" "$root/data/absolute" "$tmp/" 2>/dev/null
equal "what came out" one "$(cat "$tmp/one")"
cp -p "$tmp/one" "$root/data/copy" && equal "cp -p" "$(stat -c '%a %Y' "$tmp/one")" "$(stat -c '%a %Y' "$root/data/copy")"
mkdir "$root/data/new" && echo text >"$root/data/new/file" && echo more >>"$root/data/new/file"
equal "appended" "text more" "$(exec_in cat /data/new/file | paste -sd' ')"
sed -i s/text/other/ "$root/data/new/file" || fail "sed -i"
equal "sed -i" "other more" "$(exec_in cat /data/new/file | paste -sd' ')"
truncate -s 3 "$root/data/new/file" && equal "cut" oth "$(exec_in cat /data/new/file)"
ln -s /etc/hostname "$root/data/new/link" && equal "a link made" /etc/hostname "$(exec_in readlink /data/new/link)"
mv "$root/data/new/file" "$root/data/new/moved" && equal "moved" oth "$(cat "$root/data/new/moved")"
mv "$root/data/new" "$root/data/renamed" && equal "a directory moved" oth "$(exec_in cat /data/renamed/moved)"
rsync -a "$root/data/renamed/" "$tmp/rsync/" && equal "rsync" oth "$(cat "$tmp/rsync/moved")"
tar -C "$root/data" -cf "$tmp/out.tar" renamed && tar -C "$root/scratch" -xf "$tmp/out.tar" || fail "tar"
equal "tar" oth "$(exec_in cat /scratch/renamed/moved)"
chmod 600 "$root/data/copy" && chown 12:34 "$root/data/copy"
equal "chmod, chown" "600 12 34" "$(exec_in stat -c '%a %u %g' /data/copy)"
rm -r "$root/data/renamed" || fail "rm -r"
exec_in test -e /data/renamed && fail "rm -r left it"
refused 'Read-only' sh -c "echo x > '$root/proc/x'"
refused 'Device or resource busy' rmdir "$root/k8s"

# -- the rights of the container's first process
equal "what it may read of the host, and no more" "$(exec_in cat /host/secret)" "$(cat "$root/host/secret")"
refused 'Permission denied' cat "$pod/containers/user/root/host/secret"
equal "its own" mine "$(cat "$pod/containers/user/root/tmp/mine")"
refused 'Permission denied' sh -c "echo x > '$pod/containers/user/root/etc/x'"
# ... and of the caller
useradd k8sfs-files 2>/dev/null || [ $? = 9 ] || fail "useradd"
at_end() { userdel k8sfs-files 2>/dev/null; }
as_user() { setpriv --reuid k8sfs-files --regid k8sfs-files --clear-groups -- "$@"; }
chmod 755 "$tmp"
put role <<'END'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: looks, namespace: default}
rules: [{apiGroups: [""], resources: [pods], verbs: [get, list]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: looks, namespace: default}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: looks}
subjects: [{kind: User, name: k8sfs-files, apiGroup: rbac.authorization.k8s.io}]
END
as_user cat "$pod/object.yaml" >/dev/null || fail "the user sees no pod"
refused 'Permission denied' as_user cat "$root/data/one"
refused 'Permission denied' as_user ls "$root/data"
sed -i 's/pods\], verbs: \[get, list\]}/pods], verbs: [get, list]}, {apiGroups: [""], resources: [pods\/exec], verbs: [create]}/' "$mnt/apply/role.yaml" ||
    fail "the role: $(cat "$mnt/apply/role.yaml.err")"
eventually 5 as_user cat "$root/data/one"
as_user sh -c "echo from the user > '$root/data/users'" || fail "the user cannot write"
equal "by whoever may exec, as the container" "0 from the user" "$(exec_in stat -c %u /data/users) $(exec_in cat /data/users)"

# -- the whole mount stays finite, and the end of the container is the end of its files
within 60 grep -rc nothing-has-this-text "$mnt/pods/default" >/dev/null
[ $? = 124 ] && fail "grep -r over a pod does not end"
rm "$mnt/apply/pods.yaml"
eventually 20 test ! -e "$pod"
refused 'No such file' cat "$root/data/one"
