#!/bin/bash
# Built-in resources of several API versions: one thing, seen in each, changed through each.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
v1=$mnt/apis/autoscaling/v1/horizontalpodautoscalers/default
v2=$mnt/apis/autoscaling/v2/horizontalpodautoscalers/default
core=$mnt/apis/core/v1/events/default
events=$mnt/apis/events.k8s.io/v1/events/default
cat "$v1/_watch" >"$tmp/watch-v1" &
cat "$events/_watch.json" >"$tmp/watch-events" &
cat >"$mnt/apply/h.yaml" <<'END' || fail "$(cat "$mnt/apply/h.yaml.err")"
apiVersion: autoscaling/v1
kind: HorizontalPodAutoscaler
metadata: {name: h}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}, maxReplicas: 5, targetCPUUtilizationPercentage: 60}
END
equal "in v2" 60 "$(cat "$v2"/h/spec/metrics/*/resource/target/averageUtilization)"
equal "one uid" "$(cat "$v1/h/metadata/uid")" "$(cat "$v2/h/metadata/uid")"
echo '[{"op": "add", "path": "/spec/metrics/-", "value": {"type": "Pods", "pods": {"metric": {"name": "rps"}, "target": {"type": "AverageValue", "averageValue": "10"}}}}]' >"$v2/h/patch.json" || fail "patch in v2"
contains "$(cat "$v1/h/metadata/annotations/autoscaling.alpha.kubernetes.io%2Fmetrics")" '"metricName":"rps"'
echo 70 >"$v1/h/spec/targetCPUUtilizationPercentage" || fail "a field of v1"
equal "metrics in v2" 2 "$(grep -c 'type: Utilization$\|type: AverageValue$' "$v2/h/object.yaml")"
contains "$(cat "$v2/h/object.yaml")" 'averageUtilization: 70'
contains "$(cat "$v2/h/object.yaml")" 'name: rps'
refused 'No such file\|Invalid' bash -c "echo 1 >'$v2/h/spec/targetCPUUtilizationPercentage'"
equal "in one table" 1 "$(grep -c '^default' "$mnt/horizontalpodautoscalers/_index")"
equal "figure" 1 "$(grep -c 'resource="horizontalpodautoscalers' "$mnt/metrics")"
eventually 5 has "$tmp/watch-v1" '^MODIFIED default/h '

cat >"$mnt/apply/e.yaml" <<'END' || fail "$(cat "$mnt/apply/e.yaml.err")"
apiVersion: events.k8s.io/v1
kind: Event
metadata: {name: e}
regarding: {kind: Pod, namespace: default, name: p}
reason: Tested
action: Testing
type: Normal
note: all is well
eventTime: "2026-01-01T00:00:00.000000Z"
reportingController: example.com/tester
reportingInstance: tester-1
END
equal "message" "all is well" "$(cat "$core/e/message")"
equal "name" p "$(cat "$core/e/involvedObject/name")"
echo '{"count": 4}' >"$core/e/patch" || fail "patch in core"
equal "count" 4 "$(cat "$events/e/deprecatedCount")"
eventually 5 has "$tmp/watch-events" '"deprecatedCount":4'
grep -q '"involvedObject"' "$tmp/watch-events" && fail "a core Event in the other version's watch"
contains "$(cat "$events/_index")" 'all is well'

kill_daemon
start_daemon --no-reconcile
equal "after a restart" 70 "$(cat "$v1/h/spec/targetCPUUtilizationPercentage")"
equal "after a restart" "all is well" "$(cat "$events/e/note")"
rmdir "$v1/h" "$events/e" || fail rmdir
[ ! -e "$v2/h" ] && [ ! -e "$core/e" ] || fail "deleted in one version only"
