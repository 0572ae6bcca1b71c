#!/bin/bash
# A second daemon, a damaged or foreign database, a full disk: refused with what to do, nothing overwritten.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
cp "$top/examples/nginx-deployment.yaml" "$mnt/apis/apps/v1/deployments/" || fail cp

refused 'in use by another k8sfs' "$k8sfs" --state "$state" --run "$run" "$tmp/other"
refused 'must be root' setpriv --reuid 12345 --clear-groups "$k8sfs" "$tmp/other"
refused 'unrecognized option' "$k8sfs" --no-such-option
stop_daemon

# damage in the middle, and something that is no database at all
cp "$state/k8sfs.db" "$tmp/good.db"
for damage in header foreign; do
    case $damage in
    header) printf 'garbage garbage garbage' | dd of="$state/k8sfs.db" conv=notrunc 2>/dev/null ;;
    foreign) echo "my diary" >"$state/k8sfs.db" ;;
    esac
    rm -f "$state"/k8sfs.db-*
    sum=$(sha256sum <"$state/k8sfs.db")
    refused 'k8sfs.db' "$k8sfs" --state "$state" --run "$run" "$mnt"
    equal "the $damage database" "$sum" "$(sha256sum <"$state/k8sfs.db")"
    cp "$tmp/good.db" "$state/k8sfs.db"
done
start_daemon --no-reconcile
[ -e "$mnt/deployments/default/nginx-deployment/object.yaml" ] || fail "the good database is not read again"
stop_daemon

# a full disk: writes are refused with ENOSPC, the daemon goes on, and works again when there is room
mkdir "$tmp/small"
mount -t tmpfs -o size=4m none "$tmp/small"
state=$tmp/small/state
start_daemon --no-reconcile
head -c 200000 /dev/zero | tr '\0' x >"$tmp/blob"
full=
for i in $(seq 100); do
    { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: big-%s}\ndata:\n  blob: ' "$i"; cat "$tmp/blob"; echo; } >"$tmp/big.yaml"
    cp "$tmp/big.yaml" "$mnt/apis/core/v1/configmaps/big-$i.yaml" 2>"$tmp/said" || { full=$i; break; }
done
[ -n "$full" ] || fail "the disk never got full"
contains "$(cat "$tmp/said")" 'No space left'
[ ! -e "$mnt/configmaps/default/big-$full" ] || fail "an object that was not stored"
[ -e "$mnt/configmaps/default/big-1/data" ] || fail "what was stored before is gone"
mount -o remount,size=64m "$tmp/small"
cp "$tmp/big.yaml" "$mnt/apis/core/v1/configmaps/big-$full.yaml" || fail "no write after there is room again"
"$k8sfs" --stop --purge --state "$state" --run "$run" "$mnt" || fail purge
wait "$daemon_pid"
daemon_pid=
umount "$tmp/small"
state=$tmp/state
