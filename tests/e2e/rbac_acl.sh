#!/bin/bash
# setfacl and chmod: permissions of directories said as roles and bindings, and what cannot be said.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rbac.sh"
start_daemon --no-reconcile
rbac_world

# -- given and taken
denied $alice ls "$cm/prod"
setfacl -m u:$alice:rx "$cm/prod" || fail "setfacl"
# it holds when setfacl returns
may $alice ls "$cm/prod"
may $alice cat "$cm/prod/web/object.yaml"
denied $alice mkdir "$cm/prod/new"
contains "$(getfacl -cp "$cm/prod")" "^user:$alice:r-x"
contains "$(cat "$mnt/roles/prod/acl:configmaps:user:$alice/object.yaml")" '  - watch'
contains "$(cat "$mnt/rolebindings/prod/acl:configmaps:user:$alice/object.yaml")" "name: $alice"
setfacl -m u:$alice:rwx,g:$team:rx "$cm/prod" || fail "setfacl rwx"
may $alice mkdir "$cm/prod/new"
may $alice rmdir "$cm/prod/new"
may $bob ls "$cm/prod"
contains "$(getfacl -cp "$cm/prod")" "^user:$alice:rwx"
contains "$(getfacl -cp "$cm/prod")" "^group:$team:r-x"
setfacl -x u:$alice "$cm/prod" || fail "setfacl -x"
denied $alice ls "$cm/prod"
may $bob ls "$cm/prod"
test -e "$mnt/roles/prod/acl:configmaps:user:$alice" && fail "the role is still there"
setfacl -b "$cm/prod" || fail "setfacl -b"
denied $bob ls "$cm/prod"
equal "no roles" "" "$(ls "$mnt/roles/prod" | grep acl)"

# -- one object
setfacl -m u:$alice:rx "$cm/prod/web" || fail "of an object"
may $alice cat "$cm/prod/web/data/k"
denied $alice ls "$cm/prod"
unseen $alice stat "$cm/prod/db"
denied $alice sh -c "printf x >$cm/prod/web/data/k"
setfacl -m u:$alice:rwx "$cm/prod/web" || fail "of an object"
may $alice sh -c "printf x >$cm/prod/web/data/k"
setfacl -x u:$alice "$cm/prod/web" || fail "of an object"
denied $alice cat "$cm/prod/web/data/k"
chmod o+rx "$cm/prod/web" || fail chmod
may $bob cat "$cm/prod/web/data/k"
equal mode 755 "$(stat -c %a "$cm/prod/web")"
chmod o-rx "$cm/prod/web" || fail chmod
denied $bob cat "$cm/prod/web/data/k"
equal mode 700 "$(stat -c %a "$cm/prod/web")"

# -- everywhere
setfacl -m u:$alice:rx "$cm" || fail "of a resource"
may $alice cat "$cm/_index"
may $alice cat "$cm/hidden/web/object.yaml"
setfacl -x u:$alice "$cm" || fail "of a resource"
denied $alice ls "$cm"

# -- what cannot be said
refused 'Invalid argument' setfacl -m u:$alice:r "$cm/prod"
contains "$(cat "$mnt/errors")" 'r-- of user "'$alice'" cannot be said by a role'
refused 'Invalid argument' setfacl -m u:$alice:x "$cm/prod/web"
refused 'not permitted' setfacl -m u::rx "$cm/prod"
refused 'not permitted' setfacl -m g::rx "$cm/prod"
refused 'not permitted' setfacl -m u:$alice:r "$cm/prod/web/object.yaml"
refused 'not supported' setfacl -d -m u:$alice:rx "$cm/prod"
refused 'not permitted' chmod u-w "$cm/prod/web"
denied $alice setfacl -m u:$alice:rx "$cm/prod"
role prod reader "$(rule configmaps 'get, list')"
bind prod reader User $alice
soon as $alice ls "$cm/prod"
refused 'not permitted' setfacl -x u:$alice "$cm/prod"
contains "$(cat "$mnt/errors")" 'may this by other bindings'
may $alice ls "$cm/prod"
equal "no roles" "" "$(ls "$mnt/roles/prod" | grep acl)"
# tools that set modes of what they copy into give nothing to anybody
chmod 755 "$cm/prod"
denied $bob ls "$cm/prod"
stop_daemon
