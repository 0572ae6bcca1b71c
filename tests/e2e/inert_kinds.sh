#!/bin/bash
# What is stored and not acted upon is never silently ignored: `_schema` says so of each field, and an
# event once of each object; not again after a restart, and not of what is acted upon.
. "$(dirname "$0")/lib.sh"
start_daemon
mark='(stored, not acted upon)$'

# of all kinds: the whole kind or some of its fields, and nothing between
for schema in "$mnt"/apis/*/*/*/_schema; do
    [ -s "$schema" ] || fail "$schema is empty"
done
equal "fields of DaemonSets that are acted upon" '' "$(grep -v "$mark" "$mnt/daemonsets/_schema")"
equal "fields of ReplicationControllers that are not, beside those of pods" '' "$(grep "$mark" "$mnt/replicationcontrollers/_schema" | grep -v '^spec.template.spec.')"
contains "$(cat "$mnt/pods/_schema")" "^spec.securityContext.seLinuxOptions .*$mark"
contains "$(cat "$mnt/runtimeclasses/_schema")" "^handler .*$mark"

put daemonset <<'Y'
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: ds}
spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: i}]}}}
Y
put pods <<'Y'
apiVersion: v1
kind: Pod
metadata: {name: says}
spec: {schedulerName: nobody, securityContext: {seLinuxOptions: {level: s0}}, containers: [{name: c, image: i, ports: [{containerPort: 80}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: silent}
spec: {schedulerName: nobody, containers: [{name: c, image: i, resources: {requests: {cpu: 1m}}}], volumes: [{name: v, emptyDir: {}}]}
Y
told() { grep -c 'NotActedUpon' "$1/events"; }
told_once() { [ "$(told "$mnt/daemonsets/default/ds")" = 1 ] && [ "$(told "$mnt/pods/default/says")" = 1 ]; }
eventually 10 told_once
contains "$(cat "$mnt/daemonsets/default/ds/events")" 'Warning NotActedUpon 1 inert-controller DaemonSet is stored, but nothing here acts upon objects of its kind'
contains "$(cat "$mnt/pods/default/says/events")" 'FieldsNotActedUpon .* stored, but not acted upon: spec.securityContext.seLinuxOptions$'
contains "$(cat "$mnt/daemonsets/default/ds/describe")" 'NotActedUpon'
equal "of a pod that says nothing such" 0 "$(told "$mnt/pods/default/silent")"

# once: not for a change that says no more of the kind, and not when the daemon starts again
echo 5 >"$mnt/daemonsets/default/ds/spec/minReadySeconds" || fail "change"
echo x >"$mnt/pods/default/says/metadata/labels/x" || fail "label"
stop_daemon
start_daemon
settle 1
told_once || fail "told again: $(cat "$mnt/daemonsets/default/ds/events" "$mnt/pods/default/says/events")"
contains "$(cat "$mnt/daemonsets/default/ds/events")" 'NotActedUpon 1 '
