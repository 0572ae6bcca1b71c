#!/bin/bash
# busybox's tools, whose cat uses sendfile(2), on files and streams of the tree: on the host, and in a pod.
. "$(dirname "$0")/lib.sh"
command -v busybox >/dev/null || skip "no busybox"
start_daemon
import_images busybox
put objects <<END
apiVersion: v1
kind: ConfigMap
metadata: {name: a}
data: {k: one}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: looks}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{kind: ServiceAccount, name: default, namespace: default}]
---
apiVersion: v1
kind: Pod
metadata: {name: inside}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: busybox
    command: [sh, -c, 'echo first; while [ ! -e /end ]; do [ -e /more ] && rm /more && echo more; sleep 0.1; done; sleep 1000']
    volumeMounts: [{name: tree, mountPath: /k8s}]
  volumes: [{name: tree, csi: {driver: k8sfs.io}}]
END
pod=$mnt/pods/default/inside
eventually 20 has "$pod/log" first

# on_host and in_pod COMMAND: with the tree's place in $t and busybox' applets by their names
in_pod() { K8S=$mnt "$top/examples/kubectl" exec inside -c c -- sh -c "t=/k8s stop=/stop; $1"; }
on_host() {
    mkdir -p "$tmp/bin"
    [ -e "$tmp/bin/cat" ] || busybox --install -s "$tmp/bin" || fail "busybox --install"
    PATH=$tmp/bin sh -c "t=$mnt stop=$tmp/stop; $1"
}

for where in on_host in_pod; do
    # -- what ends
    equal "$where: cat" "$(cat "$mnt/configmaps/default/a/object.yaml")" "$($where 'cat $t/configmaps/default/a/object.yaml')"
    equal "$where: cat of _index" "$(cut -c1-5 "$mnt/configmaps/default/_index")" "$($where 'cat $t/configmaps/default/_index' | cut -c1-5)"
    equal "$where: grep" "  k: one" "$($where 'grep one $t/configmaps/default/a/object.yaml')"
    equal "$where: cp" one "$($where 'cp $t/configmaps/default/a/data/k /tmp/busybox-k && cat /tmp/busybox-k')"
    contains "$($where 'cat $t/whoami')" user
    # -- what blocks: cat gives what comes, when it comes
    $where 'cat $t/configmaps/default/_watch & p=$!; until [ -e $stop ]; do sleep 0.2; done; kill $p' >"$tmp/watched" &
    watcher=$!
    eventually 30 has "$tmp/watched" 'ADDED default/a '
    echo "$where" >"$mnt/configmaps/default/a/data/k"
    echo "$where again" >"$mnt/configmaps/default/a/data/k"
    eventually 30 has "$tmp/watched" 'MODIFIED default/a '
    echo one >"$mnt/configmaps/default/a/data/k"
    equal "$where: wait" True "$($where 'timeout 10 cat $t/pods/default/inside/wait/Ready')"
    $where 'grep -m 1 more $t/pods/default/inside/containers/c/log.follow' >"$tmp/grep" &
    grepper=$!
    $where 'tail -f $t/pods/default/inside/containers/c/log & p=$!; until [ -e $stop ]; do sleep 0.2; done; kill $p' >"$tmp/tail" &
    tailer=$!
    $where 'cat $t/pods/default/inside/containers/c/log.follow & p=$!; until [ -e $stop ]; do sleep 0.2; done; kill $p' >"$tmp/cat" &
    catter=$!
    eventually 30 has "$tmp/tail" first
    eventually 30 has "$tmp/cat" first
    in_pod 'touch /more'
    eventually 30 has "$tmp/tail" more
    eventually 30 has "$tmp/cat" more
    eventually 30 has "$tmp/grep" more
    touch "$tmp/stop"
    in_pod 'touch /stop'
    wait $watcher $grepper $tailer $catter
    in_pod 'rm /stop'
done
rm -f /tmp/busybox-k
# the streams of exec/, too, into a pipe
contains "$(on_host "cat '$pod/containers/c/exec/clone' | cat")" '^[0-9]'
exec 5<"$pod/containers/c/exec/clone"
read -r n <&5
echo "exec sh -c 'echo out; echo err >&2; exit 3'" >"$pod/containers/c/exec/$n/ctl"
for file in stdout:out stderr:err status:3; do
    equal "${file%:*}" "${file#*:}" "$(on_host "cat '$pod/containers/c/exec/$n/${file%:*}' | cat")"
done
exec 5<&-
# sendfile(2) itself is told to use read(2), or reads as that does (kernels before 6.5): never that there is nothing
python3 - "$mnt" <<'END' || fail "sendfile"
import errno, os, sys
m = sys.argv[1]
outs = os.open('/dev/null', os.O_WRONLY), os.pipe()[1]
for name in 'configmaps/default/_watch', 'pods/default/inside/containers/c/log.follow':
    fd = os.open(f'{m}/{name}', os.O_RDONLY)
    for out in outs:
        try:
            assert os.sendfile(out, fd, None, 2) == 2, name
        except OSError as e:
            assert e.errno == errno.EINVAL, (name, e)
    assert os.read(fd, 65536), name
    assert os.fstat(fd).st_size == 1, name
END
