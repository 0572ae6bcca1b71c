#!/bin/bash
# Everything that walks a tree ends on one with many running (simulated) pods: without an error,
# with true sizes, and the daemon does not remember every name that it was asked for.
. "$(dirname "$0")/lib.sh"
pods=400
start_daemon
eventually 10 test -e "$mnt/nodes/$node/metadata"
echo true >"$mnt/nodes/$node/spec/unschedulable" || fail cordon
for i in 1 2 3 4; do
    cat >"$mnt/apis/core/v1/nodes/fake-$i.yaml" <<EOF || fail "node $i"
apiVersion: v1
kind: Node
metadata: {name: fake-$i, annotations: {kwok.x-k8s.io/node: fake}}
status:
  allocatable: {cpu: "64", memory: 256Gi, pods: "500"}
  capacity: {cpu: "64", memory: 256Gi, pods: "500"}
EOF
done
sed "s/replicas: 2/replicas: $pods/" "$top/examples/nginx-deployment.yaml" >"$mnt/apis/apps/v1/deployments/nginx.yaml" || fail deployment
running() { [ "$(grep -c Running "$mnt/pods/default/_index")" = $pods ]; }
eventually 60 running

inodes() { sed -n 's/^k8sfs_inodes //p' "$mnt/metrics"; }
# few_inodes: the kernel gave back what nobody uses
few_inodes() { [ "$(inodes)" -lt 33000 ]; }

timeout 120 find "$mnt" >"$tmp/names" || fail find
[ "$(wc -l <"$tmp/names")" -gt $((pods * 50)) ] || fail "find saw $(wc -l <"$tmp/names") names"
[ "$(sort -u "$tmp/names" | wc -l)" = "$(wc -l <"$tmp/names")" ] || fail "a name twice"
timeout 120 ls -lR "$mnt" >"$tmp/long" || fail "ls -lR"
[ "$(grep -c '^[-dl]' "$tmp/long")" -ge $((pods * 50)) ] || fail "ls -lR: $(grep -c '^[-dl]' "$tmp/long") names"
eventually 10 few_inodes
timeout 120 du -s "$mnt" >/dev/null || fail du
timeout 120 grep -rq 'no such text anywhere' "$mnt"
equal "grep -r" 1 $?
timeout 120 tar cf "$tmp/all.tar" -C "$mnt" . || fail tar
tar tf "$tmp/all.tar" >"$tmp/in-tar" || fail "the archive"
[ "$(wc -l <"$tmp/in-tar")" -ge $((pods * 50)) ] || fail "tar took $(wc -l <"$tmp/in-tar") names"
rm "$tmp/all.tar"
timeout 120 cp -r "$mnt/apis/core/v1/pods" "$tmp/copy" || fail "cp -r"
equal "copied" $pods "$(ls -d "$tmp"/copy/default/nginx-* | wc -l)"
rm -rf "$tmp/copy"
timeout 120 rsync -a "$mnt/apis/" "$tmp/synced/" || fail rsync
equal "synced" $pods "$(ls -d "$tmp"/synced/core/v1/pods/default/nginx-* | wc -l)"
rm -rf "$tmp/synced"

# a second run takes directories that have not changed from the first one's database
locate() {
    timeout 120 updatedb --prunepaths "" --prunefs "" --prune-bind-mounts no -l no -U "$mnt" -o "$tmp/db" || fail updatedb
    plocate -d "$tmp/db" -c "$1"
}
equal "located" $pods "$(locate '*/pods/default/nginx-*/object.yaml')"
sleep 4 # updatedb does not trust younger directories
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: new-one}\n' >"$mnt/apis/core/v1/configmaps/default/new-one.yaml" || fail new-one
equal "located" 1 "$(locate '*/configmaps/default/new-one')"
equal "located" $pods "$(locate '*/pods/default/nginx-*/object.yaml')"

cat >"$tmp/walk.py" <<'EOF'
import os, stat, sys

n, wrong = 0, []
for directory, _, files in os.walk(sys.argv[1], onerror=lambda e: wrong.append(str(e))):
    for name in files:
        path = os.path.join(directory, name)
        if not stat.S_ISREG(os.lstat(path).st_mode):
            continue
        with open(path, "rb", buffering=0) as file:
            size = os.fstat(file.fileno()).st_size
            got = sum(len(piece) for piece in iter(lambda: file.read(65536), b""))
        n += 1
        if got != size:
            wrong.append(f"{path}: {size} bytes announced, {got} read")
print(n, "files;", *wrong[:10])
sys.exit(1 if wrong or n < int(sys.argv[2]) else 0)
EOF
timeout 120 python3 "$tmp/walk.py" "$mnt" $((pods * 30)) || fail "os.walk"
eventually 10 few_inodes
# what is in use stays: a working directory, an open file
cd "$mnt/deployments/default/nginx-deployment/spec" || fail cd
exec 5<"$mnt/deployments/default/nginx-deployment/object.json"
timeout 120 ls -lR "$mnt/apis" >"$tmp/long" || fail "ls -lR"
equal "from the working directory" $pods "$(cat replicas)"
contains "$(cat <&5)" '"kind": *"Deployment"'
exec 5<&-
cd "$tmp" || fail cd
