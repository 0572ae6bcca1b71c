# Sourced by the tests of RBAC, after lib.sh: two users (one of them in a team), what they may, and roles.
# shellcheck shell=bash
alice=kfa$$ bob=kfb$$ team=kft$$
at_end() {
    local u
    for u in $alice $bob; do userdel $u 2>/dev/null; done
    groupdel $team 2>/dev/null
}
groupadd $team && useradd -M -N -g nogroup $alice && useradd -M -N -g nogroup -G $team $bob || skip "no users can be made here"
chmod 755 "$tmp"
# as USER COMMAND...
as() {
    local u=$1
    shift
    setpriv --reuid="$u" --regid="$(id -g "$u")" --init-groups "$@"
}
# may USER COMMAND... / denied USER COMMAND...
may() { as "$@" >"$tmp/out" 2>&1 || fail "was refused: $* ($(cat "$tmp/out"))"; }
denied() { refused 'Permission denied' as "$@"; }
is_denied() { as "$@" 2>&1 >/dev/null | grep -q 'Permission denied'; }
unseen() { refused 'No such file' as "$@"; }

rbac=rbac.authorization.k8s.io
# role NAMESPACE NAME RULES
role() {
    cat >"$mnt/apis/$rbac/v1/roles/role-$1-$2.yaml" <<END || fail "role $2"
apiVersion: $rbac/v1
kind: Role
metadata: {namespace: $1, name: $2}
rules: [$3]
END
}
# bind NAMESPACE ROLE KIND NAME
bind() {
    cat >"$mnt/apis/$rbac/v1/rolebindings/bind-$1-$2.yaml" <<END || fail "binding of $2"
apiVersion: $rbac/v1
kind: RoleBinding
metadata: {namespace: $1, name: $2}
roleRef: {apiGroup: $rbac, kind: Role, name: $2}
subjects: [{apiGroup: $rbac, kind: $3, name: $4}]
END
}
config() { # NAMESPACE NAME
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: %s, name: %s}\ndata: {k: v}\n' "$1" "$2"
}
rule() { echo "{apiGroups: [''], resources: [$1], verbs: [$2]${3-}}"; }
# What is written holds within 100 ms; tests give a loaded machine more.
soon() { eventually 10 "$@"; }
# rbac_world: ConfigMaps web and db in the namespaces prod and hidden, below $cm.
rbac_world() {
    cm=$mnt/apis/core/v1/configmaps
    mkdir "$mnt/namespaces/prod" "$mnt/namespaces/hidden"
    local name
    for name in web db; do config prod $name >"$cm/prod-$name.yaml"; config hidden $name >"$cm/hidden-$name.yaml"; done
}
