#!/bin/bash
# Random rules, real users, real files: outcome, what is shown and an evaluation of its own agree.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rbac.sh"
start_daemon --no-reconcile
mkdir "$mnt/namespaces/prod" "$mnt/namespaces/dev"
python3 "$top/tests/check/rbac_mount.py" "$mnt" "${WORLDS:-15}" "${SEED:-20261127}" $alice $bob || fail "they do not agree"
stop_daemon
