#!/bin/bash
# Who may do what, by real users: what a file operation answers, what is shown, and what is not seen.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rbac.sh"
start_daemon --no-reconcile
rbac_world

# -- nobody may do anything, and learns nothing
equal whoami "user: $alice" "$(as $alice head -n 1 "$mnt/whoami")"
may $alice cat "$mnt/version" "$mnt/health"
equal "--as" "user: $alice" "$("$k8sfs" --as $alice -- head -n 1 "$mnt/whoami")"
contains "$("$k8sfs" --as $alice --as-group $team -- cat "$mnt/whoami")" "groups: $team system:authenticated"
refused 'no user of this machine' "$k8sfs" --as system:serviceaccount:default:default -- true
refused 'not permitted' as $alice "$k8sfs" --as root -- true
denied $alice cat "$mnt/metrics"
denied $alice ls "$cm"
denied $alice ls "$cm/prod"
denied $alice stat "$cm/prod/web"
denied $alice sh -c "echo x >$cm/new.yaml"
denied $alice ls "$mnt/images"
denied $alice ls "$mnt/net"

# -- get and list in one namespace
role prod reader "$(rule configmaps 'get, list')"
bind prod reader User $alice
soon as $alice ls "$cm/prod"
equal list "db web" "$(as $alice ls "$cm/prod" | grep -v -e '^_' | xargs)"
equal namespaces "prod" "$(as $alice ls "$cm" | grep -v -e '^_' | xargs)"
equal value v "$(as $alice cat "$cm/prod/web/data/k")"
contains "$(as $alice cat "$cm/prod/_index")" '^web '
contains "$(getfacl -cp "$cm/prod" 2>/dev/null)" "^user:$alice:r-x"
contains "$(getfacl -cp "$cm/prod/web/object.yaml" 2>/dev/null)" "^user:$alice:r--"
may $alice test -r "$cm/prod/web/object.yaml"
as $alice test -w "$cm/prod/web/object.yaml" && fail "object.yaml is shown as writable"
for file in data/k patch patch.json apply status object.yaml; do
    denied $alice sh -c "echo x >$cm/prod/web/$file"
done
denied $alice rmdir "$cm/prod/web"
denied $alice mkdir "$cm/prod/other"
denied $alice sh -c "echo x >$cm/prod/x.yaml"
denied $alice cat "$cm/_index"
denied $alice cat "$cm/prod/_watch"
denied $alice cat "$cm/prod/web/events"
# the other namespace is not there, also after root looked at it
ls -lR "$cm/hidden" >/dev/null
unseen $alice ls "$cm/hidden"
unseen $alice stat "$cm/hidden/web"
unseen $alice ls "$cm/hidden/@a=b"
unseen $alice stat "$cm/hidden-web.yaml"
equal "the same text" "$(as $alice stat "$cm/hidden" 2>&1 | sed s/hidden/X/)" "$(as $alice stat "$cm/nowhere" 2>&1 | sed s/nowhere/X/)"
denied $bob ls "$cm/prod"

# -- taken back: also from one who stands in the directory
rm "$mnt/apis/$rbac/v1/rolebindings/prod/reader" -r || fail "unbind"
soon is_denied $alice ls "$cm/prod"
denied $alice cat "$cm/prod/web/data/k"

# -- get without list, one object only
role prod one "$(rule configmaps get ', resourceNames: [web]')"
bind prod one User $alice
soon as $alice cat "$cm/prod/web/data/k"
denied $alice ls "$cm/prod"
stat "$cm/prod/db/data/k" >/dev/null
unseen $alice stat "$cm/prod/db"
unseen $alice cat "$cm/prod/db/data/k"
unseen $alice stat "$cm/prod/nothing"

# -- list without get
role prod one "$(rule configmaps list)"
soon as $alice ls "$cm/prod"
may $alice ls "$cm/prod"
denied $alice cat "$cm/prod/web/object.yaml"
denied $alice ls "$cm/prod/web"

# -- create without anything else; names that are there are not seen
role prod one "$(rule configmaps create)"
config prod mine >"$tmp/mine.yaml"
config prod web >"$tmp/web.yaml"
soon as $alice cp "$tmp/mine.yaml" "$cm/prod/mine.yaml"
denied $alice ls "$cm/prod"
unseen $alice stat "$cm/prod/web"
denied $alice cp "$tmp/web.yaml" "$cm/prod/web.yaml"
contains "$(as $alice cat "$mnt/errors")" 'configmaps "web" is forbidden: User "'$alice'" cannot patch resource "configmaps" in API group "" in the namespace "prod"'
grep -q v "$cm/prod/web/data/k" || fail "changed"
# nor is it gone with the file
denied $alice rm "$cm/prod/mine.yaml"
test -d "$cm/prod/mine" || fail "deleted"

# -- patch without update; a field by either
role prod one "$(rule configmaps patch)"
soon as $alice sh -c "echo 'data: {k: patched}' >$cm/prod/web/patch"
equal patched patched "$(cat "$cm/prod/web/data/k")"
may $alice sh -c "printf field >$cm/prod/web/data/k"
denied $alice sh -c "echo x >$cm/prod/web/object.yaml"
denied $alice cat "$cm/prod/web/data/k"
role prod one "$(rule configmaps update)"
soon as $alice sh -c "printf again >$cm/prod/web/data/k"
denied $alice sh -c "echo 'data: {k: patched}' >$cm/prod/web/patch"

# -- through a subresource: scale without patch, a status without its object
deployments=$mnt/apis/apps/v1/deployments
printf '%s' 'apiVersion: apps/v1
kind: Deployment
metadata: {namespace: prod, name: web}
spec:
  replicas: 1
  selector: {matchLabels: {a: b}}
  template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: none}]}}
' >"$mnt/apply/deployment.yaml"
role prod one "{apiGroups: [apps], resources: [deployments/scale, deployments/status], verbs: [patch]}"
soon as $alice sh -c "echo 3 >$deployments/prod/web/spec/replicas"
equal scaled 3 "$(cat "$deployments/prod/web/spec/replicas")"
may $alice sh -c "echo scale 2 >$deployments/prod/web/ctl"
equal scaled 2 "$(cat "$deployments/prod/web/spec/replicas")"
may $alice sh -c "echo 'observedGeneration: 1' >$deployments/prod/web/status"
denied $alice sh -c "echo other >$deployments/prod/web/spec/template/spec/containers/c/image"
denied $alice bash -c "echo restart >$deployments/prod/web/ctl"
denied $alice cat "$deployments/prod/web/object.yaml"

# -- a collection is deleted without a look at it
role prod one "$(rule configmaps deletecollection)"
config prod gone | sed 's/name: gone/name: gone, labels: {a: b}/' >"$mnt/apply/gone.yaml"
soon as $alice sh -c "echo delete -l a=b >$cm/prod/_ctl"
test -d "$cm/prod/gone" && fail "not deleted"
denied $alice bash -c "echo delete web >$cm/prod/_ctl"
denied $alice bash -c "echo delete nothing >$cm/prod/_ctl"

# -- delete
role prod one "$(rule configmaps delete)"
soon as $alice rmdir "$cm/prod/mine"
denied $alice mkdir "$cm/prod/mine"

# -- a group, and a watch that is open while its rule goes
role prod watchers "$(rule configmaps 'get, list, watch')"
bind prod watchers Group $team
soon as $bob cat "$cm/prod/_index"
contains "$(getfacl -cp "$cm/prod" 2>/dev/null)" "^group:$team:r-x"
denied $alice cat "$cm/prod/_index"
as $bob timeout 60 cat "$cm/prod/_watch" >"$tmp/watched" 2>&1 &
watcher=$!
eventually 10 has "$tmp/watched" 'ADDED prod/web'
printf seen >"$cm/prod/web/data/k"
eventually 10 has "$tmp/watched" 'MODIFIED prod/web'
role prod watchers ""
eventually 10 has "$tmp/watched" 'Permission denied'
wait $watcher && fail "the watch ended well"
printf unseen >"$cm/prod/web/data/k"
equal "told once" 1 "$(grep -c MODIFIED "$tmp/watched")"

# -- roles of the cluster: view shows no secrets, edit may
cat >"$mnt/apis/$rbac/v1/rolebindings/view.yaml" <<END || fail view
apiVersion: $rbac/v1
kind: RoleBinding
metadata: {namespace: prod, name: view}
roleRef: {apiGroup: $rbac, kind: ClusterRole, name: view}
subjects: [{apiGroup: $rbac, kind: User, name: $alice}]
END
printf 'apiVersion: v1\nkind: Secret\nmetadata: {namespace: prod, name: s}\nstringData: {k: v}\n' >"$mnt/apply/s.yaml"
soon as $alice cat "$cm/prod/web/object.yaml"
denied $alice ls "$mnt/namespaces"
may $alice cat "$mnt/namespaces/prod/object.yaml"
unseen $alice stat "$mnt/namespaces/hidden"
denied $alice ls "$mnt/secrets"
denied $alice cat "$mnt/secrets/prod/s/object.yaml"

# -- nobody gives what he has not
cat >"$tmp/grab.yaml" <<END
apiVersion: $rbac/v1
kind: RoleBinding
metadata: {namespace: prod, name: grab}
roleRef: {apiGroup: $rbac, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: $rbac, kind: User, name: $alice}]
END
denied $alice cp "$tmp/grab.yaml" "$mnt/apply/grab.yaml"
contains "$(as $alice cat "$mnt/errors")" 'cannot patch resource "rolebindings"'
role prod binder "{apiGroups: [$rbac], resources: [roles, rolebindings], verbs: [create, patch]}"
bind prod binder User $alice
soon as $alice test -x "$mnt/rolebindings/prod"
denied $alice cp "$tmp/grab.yaml" "$mnt/apply/grab2.yaml"
contains "$(as $alice cat "$mnt/errors")" 'is attempting to grant RBAC permissions not currently held'
test -e "$mnt/rolebindings/prod/grab" && fail "granted"

# -- apply/ is everybody's, and each sees his own
may $alice ls "$mnt/apply"
contains "$(as $alice ls "$mnt/apply")" grab2.yaml
as $bob ls "$mnt/apply" | grep -q grab && fail "bob sees alice's files"
unseen $bob cat "$mnt/apply/grab2.yaml"
denied $bob sh -c "echo 'a: b' >$mnt/apply/s.yaml"
stop_daemon
