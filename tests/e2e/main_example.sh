#!/bin/bash
# The README's main job, on real input: two nginx that answer, scaled, updated without a gap, removed.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox nginx
contains "$(cat "$mnt/images/_index")" 'docker.io/library/nginx:1 '

deployment=$mnt/deployments/default/nginx-deployment
manifest=$mnt/apis/apps/v1/deployments/nginx-deployment.yaml
addresses() { cat "$mnt"/pods/default/nginx-deployment-*/status 2>/dev/null | sed -n 's/^podIP: //p'; }
answers() { # TAG: every pod's page names it
    local a n=0
    for a in $(addresses); do
        http "$a" | grep -q "nginx:$1\b" || return 1
        n=$((n + 1))
    done
    [ $n -gt 0 ]
}

cp "$top/examples/nginx-deployment.yaml" "$mnt/apis/apps/v1/deployments/" || fail cp
cmp "$top/examples/nginx-deployment.yaml" "$manifest" || fail "the manifest is not what was copied"
eventually 15 is "$deployment/status" availableReplicas 2
equal pods 2 "$(addresses | wc -l)"
eventually 5 answers 1
contains "$(cat "$mnt/deployments/default/_index")" '^nginx-deployment  *2/2  *2  *2 '
contains "$(cat "$mnt/pods/default/_index")" '^nginx-deployment-.* 1/1  *Running  *0 '
contains "$(cat "$deployment/events")" 'ScalingReplicaSet'

# the log of the server that was just asked
eventually 5 sh -c "cat '$mnt'/pods/default/nginx-deployment-*/log | grep -q 'GET / HTTP'"

# scaled by a one-value file; the running ones stay
before=$(addresses | sort)
echo 5 >"$deployment/spec/replicas" || fail "echo 5"
eventually 15 is "$deployment/status" availableReplicas 5
for a in $before; do
    addresses | grep -qx "$a" || fail "$a is gone after scaling up"
done

# a server that does not answer yet may not hear the signal that ends it either, and then takes its whole grace
eventually 15 answers 1

# the manifest says 2 and is applied again with another image: a rolling update during which somebody always answers
sed -i 's/nginx:1/nginx:2/' "$manifest" || fail "sed -i"
equal "image" nginx:2 "$(cat "$deployment/spec/template/spec/containers/nginx/image")"
somebody_answers() {
    local a
    for a in $(addresses); do
        [ "$(http "$a" | wc -c)" -gt 0 ] && return 0
    done
    return 1
}
gaps=0
for i in $(seq 400); do
    # those that were listed may have gone since: list again
    somebody_answers || somebody_answers || somebody_answers || gaps=$((gaps + 1))
    is "$deployment/status" updatedReplicas 2 && is "$deployment/status" availableReplicas 2 &&
        is "$deployment/status" replicas 2 && break
    sleep 0.05
done
equal "moments without any server" 0 $gaps
eventually 15 answers 2
eventually 15 sh -c "[ \$(cat '$mnt/replicasets/default/_index' | grep -c '^nginx-deployment-') = 2 ]"
equal revision 2 "$(cat "$deployment/metadata/annotations/deployment.kubernetes.io%2Frevision" 2>/dev/null || sed -n 's/.*deployment.kubernetes.io.revision: "\(.*\)"/\1/p' "$deployment/object.yaml" | head -n 1)"

# back to what it was
echo undo >"$deployment/ctl" || fail undo
eventually 20 answers 1

rm "$manifest" || fail rm
eventually 10 test ! -e "$deployment"
eventually 20 sh -c "! ls '$mnt/pods/default' | grep -q nginx"
eventually 5 sh -c "! ls '$mnt/replicasets/default' 2>/dev/null | grep -q nginx"
