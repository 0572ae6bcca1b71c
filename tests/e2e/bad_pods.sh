#!/bin/bash
# Pods that cannot run say why: no such image, no such command, no node that fits, a crash, too much memory.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox
pods=$mnt/apis/core/v1/pods

# pod NAME SPEC...: lines of a container, restartPolicy Never
pod() {
    local name=$1
    shift
    {
        printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: %s}\nspec:\n  terminationGracePeriodSeconds: 1\n  restartPolicy: %s\n  containers:\n  - name: c\n' "$name" "${policy:-Never}"
        printf '    %s\n' "$@"
    } >"$tmp/$name.yaml"
    cp "$tmp/$name.yaml" "$pods/" || fail "pod $name: $(cat "$pods/$name.yaml.err")"
}

pod absent 'image: nowhere.example/absent:1'
eventually 10 has "$mnt/pods/default/absent/status" 'reason: \(ImagePullBackOff\|ErrImagePull\)'
eventually 15 has "$mnt/pods/default/absent/status" 'reason: ImagePullBackOff'
contains "$(cat "$mnt/pods/default/absent/events")" 'absent'
contains "$(cat "$mnt/pods/default/_index")" '^absent  *0/1  *\(ImagePullBackOff\|ErrImagePull\)'

pod nocommand 'image: busybox' 'command: [/bin/no-such-program]'
eventually 10 has "$mnt/pods/default/nocommand/status" 'exitCode: 12[78]'
contains "$(cat "$mnt/pods/default/nocommand/status")" 'no-such-program'
pod notexec 'image: busybox' 'command: [/etc/passwd]'
eventually 10 has "$mnt/pods/default/notexec/status" 'exitCode: 126'

pod huge 'image: busybox' 'resources: {requests: {cpu: "4000"}}'
eventually 10 has "$mnt/pods/default/huge/status" 'reason: Unschedulable'
contains "$(cat "$mnt/pods/default/huge/events")" '0/1 nodes are available: 1 Insufficient cpu'
contains "$(cat "$mnt/pods/default/huge/events")" 'FailedScheduling'

pod fails 'image: busybox' 'command: [sh, -c, "echo said before the end; exit 7"]'
eventually 10 phase_is fails Failed
contains "$(cat "$mnt/pods/default/fails/status")" 'exitCode: 7'
contains "$(cat "$mnt/pods/default/fails/log")" 'said before the end'
pod succeeds 'image: busybox' 'command: ["true"]'
eventually 10 phase_is succeeds Succeeded
contains "$(cat "$mnt/pods/default/succeeds/status")" 'reason: Completed'

policy=Always
pod crashes 'image: busybox' 'command: ["false"]'
eventually 10 has "$mnt/pods/default/crashes/status" 'reason: CrashLoopBackOff'
eventually 30 sh -c "sed -n 's/^ *restartCount: //p' '$mnt/pods/default/crashes/status' | grep -q '[1-9]'"
contains "$(cat "$mnt/pods/default/crashes/events")" 'BackOff'
policy=Never

pod hungry 'image: busybox' 'command: [sh, -c, "x=$(head -c 67108864 /dev/zero | tr \\\\0 x); echo survived"]' 'resources: {limits: {memory: 16Mi}}'
eventually 20 has "$mnt/pods/default/hungry/status" 'reason: OOMKilled'
contains "$(cat "$mnt/pods/default/hungry/status")" 'exitCode: 137'

# an image that arrives is taken at once
sed 's/nowhere.example.absent:1/nginx:1/' "$tmp/absent.yaml" >"$tmp/late.yaml"
sed -i 's/name: absent/name: late/' "$tmp/late.yaml"
cp "$tmp/late.yaml" "$pods/" || fail late
eventually 15 has "$mnt/pods/default/late/status" 'reason: \(ErrImagePull\|ImagePullBackOff\)'
import_images nginx
eventually 5 phase_is late Running
