#!/bin/bash
# Random rules, real users, real files: outcome, what is shown and an evaluation of its own agree.
. "$(dirname "$0")/lib.sh"

alice=kfra$$ bob=kfrb$$ team=kfrt$$
at_end() {
    local u
    for u in $alice $bob; do userdel $u 2>/dev/null; done
    groupdel $team 2>/dev/null
}
groupadd $team && useradd -M -N -g nogroup $alice && useradd -M -N -g nogroup -G $team $bob || skip "no users can be made here"
chmod 755 "$tmp"
start_daemon --no-reconcile
mkdir "$mnt/namespaces/prod" "$mnt/namespaces/dev"
python3 "$top/tests/check/rbac_mount.py" "$mnt" "${WORLDS:-15}" "${SEED:-20261127}" $alice $bob || fail "they do not agree"
stop_daemon
