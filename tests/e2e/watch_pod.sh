#!/bin/bash
# Watching through the tree that a pod has in its own mount namespace: inotify in C, a stream in a shell.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
mkdir "$tmp/bin" "$mnt/configmaps/default/seen" || fail mkdir
cp "$build/tests/bench/bench_see" "$tmp/bin/see" && chmod -R a+rx "$tmp/bin" && chmod a+x "$tmp" || fail see
cat >"$tmp/pod.yaml" <<END
apiVersion: v1
kind: Pod
metadata: {name: watcher}
spec:
  terminationGracePeriodSeconds: 0
  volumes: [{name: t, csi: {driver: k8sfs.io}}, {name: bin, hostPath: {path: "$tmp/bin"}}]
  containers:
  - name: c
    image: busybox
    command: [sleep, "10111"]
    volumeMounts: [{name: t, mountPath: /k8s}, {name: bin, mountPath: /host, readOnly: true}]
END
cp "$tmp/pod.yaml" "$mnt/apply/" || fail "$(cat "$mnt/apply/pod.yaml.err")"
eventually 30 phase_is watcher Running
pid=$(pids_of '^sleep 10111$' | head -n 1)
# root of the machine in the pod's namespace: what a pod's account may see is another question
d=/k8s/apis/core/v1/configmaps/default
nsenter -t "$pid" -m /host/see $d $d/seen $d/seen/object.yaml >"$tmp/see" 2>&1 &
see=$!
nsenter -t "$pid" -m /bin/sh -c "while read -r type name version; do echo \$type \$name; done <$d/_watch" >"$tmp/stream" 2>&1 &
stream=$!
eventually 20 has "$tmp/see" watching
eventually 20 has "$tmp/stream" 'ADDED default/seen'
printf '{apiVersion: v1, kind: ConfigMap, metadata: {name: new}}\n---\n{apiVersion: v1, kind: ConfigMap, metadata: {name: seen}, data: {k: v}}\n' >"$mnt/apply/two.yaml" || fail apply
eventually 20 has "$tmp/stream" 'ADDED default/new'
eventually 20 has "$tmp/stream" 'MODIFIED default/seen'
eventually 20 has "$tmp/see" "^CREATE $d/new\$"
eventually 20 has "$tmp/see" "^MODIFY $d/seen/object.yaml\$"
rm "$mnt/apply/two.yaml"
eventually 20 has "$tmp/stream" 'DELETED default/new'
eventually 20 has "$tmp/see" "^DELETE $d/new\$"
kill $see $stream
wait $see $stream 2>/dev/null
rm "$mnt/apply/pod.yaml"
eventually 20 count_is "$mnt/pods/default" 0
