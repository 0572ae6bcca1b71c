#!/bin/bash
# One user takes nothing from another: who hammers the tree waits behind himself, and what each may have open is bounded.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/rbac.sh"
start_daemon --no-reconcile
rbac_world
role prod all "$(rule configmaps get,list,watch,create,patch,update)"
bind prod all User $alice
cat >"$mnt/apply/team.yaml" <<END || fail "binding"
apiVersion: $rbac/v1
kind: RoleBinding
metadata: {namespace: prod, name: team}
roleRef: {apiGroup: $rbac, kind: Role, name: all}
subjects: [{apiGroup: $rbac, kind: Group, name: $team}]
END
file=$cm/prod/web/data/k
soon as $alice cat "$file"
soon as $bob cat "$file"

# -- rate: of 100 of his requests that came first, how many are answered before one of hers. In the order of their
# coming it would be 100; less than half of that is asked for here, as 100 processes also compete for the processors.
hammer() { "$build/tests/bench/bench_hammer" "$file" 1000 "$1" 100 "$(id -u $bob)" || fail "bench_hammer"; }
share=$(hammer "$(id -u $alice)" | cut -f 3)
echo "for each of hers, of his: $share"
awk -v n="$share" 'BEGIN {exit !(n < 50)}' || fail "for each request of hers $share of his were answered"
awk '/^k8sfs_requests_put_off_total/ {exit !($2 > 100)}' "$mnt/metrics" || fail "none of his has waited"

# -- what may be open at a time: open_many FILE FLAGS BYTES COUNT: how many, and what the end was
cat >"$tmp/open_many.py" <<'END'
import errno, os, sys
path, flags, size, most = sys.argv[1], getattr(os, sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
kept = []
try:
    for _ in range(most):
        kept.append(os.open(path, flags | os.O_NONBLOCK))
        for _ in range(size >> 20):
            os.write(kept[-1], b'#' * (1 << 20))
    print(len(kept), 'none')
except OSError as e:
    print(len(kept), errno.errorcode[e.errno])
sys.stdout.flush()
sys.stdin.read()
END
chmod 755 "$tmp/open_many.py"
# while_open USER FILE FLAGS BYTES COUNT COMMAND...: run while he has all that open; what he got goes to $got
while_open() {
    local user=$1 args=("${@:2:4}")
    shift 5
    coproc many { ulimit -n 8000 && as "$user" /usr/bin/python3 "$tmp/open_many.py" "${args[@]}"; }
    read -r got <&"${many[0]}" || fail "open_many"
    "$@" || fail "while he has all that: $*"
    local pid=$many_PID
    eval "exec ${many[1]}>&-"
    wait "$pid" 2>/dev/null
}
while_open $alice "$file" O_RDONLY 0 5000 may $bob cat "$file"
equal "open files" '4096 EDQUOT' "$got"
contains "$(as $alice tail -n 1 "$mnt/errors")" 'too many open files: a user may have 4096'
may $alice cat "$file"
while_open $alice "$cm/prod/_watch" O_RDONLY 0 1200 may $bob timeout 5 head -n 1 "$cm/prod/_watch"
equal "watches" '1024 EDQUOT' "$got"
while_open $alice "$cm/prod" O_DIRECTORY 0 1200 may $bob ls "$cm/prod"
equal "directories" '1024 EDQUOT' "$got"
while_open $alice "$cm/prod/web/object.yaml" O_WRONLY 2097152 50 may $bob cat "$file"
equal "bytes in files that are not closed" '33 EDQUOT' "$got"
may $alice cat "$file"
# root is not bounded
coproc many { ulimit -n 8000 && python3 "$tmp/open_many.py" "$file" O_RDONLY 0 5000; }
read -r got <&"${many[0]}"
equal "open files of root" '5000 none' "$got"
pid=$many_PID
eval "exec ${many[1]}>&-"
wait "$pid" 2>/dev/null
:
