#!/bin/bash
# Prometheus: the textfile for node_exporter, and every line of it in the text format.
. "$(dirname "$0")/lib.sh"
start_daemon --no-reconcile
export K8S=$mnt
mkdir "$mnt/configmaps/default/a" "$mnt/configmaps/default/b" "$tmp/prom" || fail mkdir
"$top/examples/metrics-textfile.sh" "$tmp/prom" || fail textfile
equal files k8sfs.prom "$(ls "$tmp/prom")"
contains "$(cat "$tmp/prom/k8sfs.prom")" '^k8sfs_objects{resource="configmaps"} 2$'
# # HELP name text, # TYPE name type, or name{label="value",...} number; a type before its values
awk '
/^# HELP [a-zA-Z_:][a-zA-Z0-9_:]* ./ { next }
/^# TYPE [a-zA-Z_:][a-zA-Z0-9_:]* (counter|gauge|histogram|summary|untyped)$/ { typed[$3] = $4; next }
/^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="[^"]*"(,[a-zA-Z_][a-zA-Z0-9_]*="[^"]*")*\})? [-+0-9.eE]+$/ {
    name = $1; sub(/\{.*/, "", name); base = name; sub(/_(bucket|sum|count)$/, "", base)
    if (!(name in typed) && !(base in typed)) { print "without a type: " $0; bad = 1 }
    series = $0; sub(/ [^ ]*$/, "", series)
    if (series in seen) { print "twice: " series; bad = 1 }
    seen[series] = 1
    next
}
{ print "not the format: " $0; bad = 1 }
END { exit bad }' "$tmp/prom/k8sfs.prom" >"$tmp/bad" || fail "$(cat "$tmp/bad")"
refused 'usage' "$top/examples/metrics-textfile.sh"
K8S=$tmp/nothing refused 'No such file' "$top/examples/metrics-textfile.sh" "$tmp/prom"
equal files k8sfs.prom "$(ls "$tmp/prom")"
