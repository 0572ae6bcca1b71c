#!/bin/bash
# Admission policies beyond the conformance suite: parameters, conditions, actions, deletions, what
# does not compile, what cannot be evaluated.
. "$(dirname "$0")/lib.sh"
start_daemon
import_images busybox

policies=$mnt/apis/admissionregistration.k8s.io/v1
put_policy() { # NAME; the spec from stdin
    { printf 'apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: %s}\nspec:\n' "$1"; sed 's/^/  /'; } >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$mnt/apply/"
}
put_binding() { # NAME; the spec besides the policy's name from stdin
    { printf 'apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: %s}\nspec:\n  policyName: %s\n' "$1" "$1"; sed 's/^/  /'; } >"$tmp/$1-b.yaml"
    cp "$tmp/$1-b.yaml" "$mnt/apply/"
}
put_config() { # NAME KEY VALUE [LABELS]
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, labels: {%s}}\ndata: {%s: "%s"}\n' "$1" "${4:-}" "$2" "$3" >"$tmp/$1.yaml"
    cp "$tmp/$1.yaml" "$mnt/apis/core/v1/configmaps/" # tells what its close says
}
errors() { cat "$mnt/errors"; }
drop() { rm -f "$mnt/apply/$1-b.yaml" "$mnt/apply/$1.yaml"; eventually 10 [ ! -e "$policies/validatingadmissionpolicybindings/$1" ]; }

rules='matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: ["*"], operations: [CREATE, UPDATE, DELETE], resources: [configmaps]}]}'

# -- refused policies say where and why
refused 'Invalid argument' put_policy bad <<Y
$rules
variables: [{name: a-b, expression: "1"}]
validations:
- {expression: object.data.size( > 1}
- {expression: object.data.size()}
- {expression: nothing.at.all}
Y
contains "$(cat "$mnt/apply/bad.yaml.err")" 'spec.variables\[0\].name: Invalid value: "a-b": name is not a valid CEL identifier'
contains "$(cat "$mnt/apply/bad.yaml.err")" 'spec.validations\[0\].expression: Invalid value: .*compilation failed: ERROR: <input>:1:19: Syntax error'
contains "$(cat "$mnt/apply/bad.yaml.err")" 'spec.validations\[1\].expression: Invalid value: .*must evaluate to bool'
contains "$(cat "$mnt/apply/bad.yaml.err")" "undeclared reference to 'nothing'"
rm "$mnt/apply/bad.yaml"

# -- conditions, subjects, deletion
put_policy keep <<Y || fail "policy: $(cat "$mnt/apply/keep.yaml.err")"
$rules
matchConditions: [{name: guarded, expression: "(request.operation == 'DELETE' ? oldObject : object).metadata.?labels.guard.orValue('') == 'yes'"}]
validations:
- {expression: "request.operation != 'DELETE' || request.userInfo.username != 'root'", message: "root may not delete it"}
- {expression: "object == null || object.data.all(k, k.startsWith('x'))"}
- {expression: "namespaceObject.metadata.name == request.namespace"}
Y
put_binding keep <<<'validationActions: [Deny]' || fail "binding"
put_config plain y 1 || fail "a condition does not hold: nobody asks"
put_config held x1 1 'guard: "yes"' || fail "denied: $(errors)"
refused 'Invalid argument' rmdir "$mnt/configmaps/default/held"
contains "$(errors)" "ValidatingAdmissionPolicy 'keep' with binding 'keep' denied request: root may not delete it"
refused 'Invalid argument' put_config held y1 1 'guard: "yes"'
refused 'Invalid argument' rm "$mnt/apis/core/v1/configmaps/held.yaml"
drop keep
rmdir "$mnt/configmaps/default/held" || fail "no policy holds it any more"

# -- parameters, by name and by selector; what is not found
put_config limit max 3 'is: limit' || fail limit
put_policy sized <<Y || fail "policy: $(cat "$mnt/apply/sized.yaml.err")"
$rules
paramKind: {apiVersion: v1, kind: ConfigMap}
matchConditions: [{name: others, expression: "!has(object.metadata.labels) || !('is' in object.metadata.labels)"}]
validations: [{expression: "object.data.size() == 0 || object.data.all(k, size(object.data[k]) <= int(params.data.max))", messageExpression: "'at most ' + params.data.max"}]
Y
put_binding sized <<<'validationActions: [Deny]
paramRef: {name: limit, namespace: default, parameterNotFoundAction: Deny}' || fail "binding: $(cat "$mnt/apply/sized-b.yaml.err")"
put_config short v abc || fail "denied: $(errors)"
refused 'Invalid argument' put_config long v abcd
contains "$(errors)" 'denied request: at most 3'
put_binding sized <<<'validationActions: [Deny]
paramRef: {selector: {matchLabels: {is: limit}}, parameterNotFoundAction: Deny}' || fail "binding by selector"
refused 'Invalid argument' put_config long v abcd
put_binding sized <<<'validationActions: [Deny]
paramRef: {name: nobody, parameterNotFoundAction: Deny}' || fail "binding to nothing"
refused 'Invalid argument' put_config long v a
contains "$(errors)" 'no params found for policy binding with `Deny` parameterNotFoundAction'
put_binding sized <<<'validationActions: [Deny]
paramRef: {name: nobody, parameterNotFoundAction: Allow}' || fail "binding to nothing, allowed"
put_config long v abcd || fail "denied: $(errors)"
drop sized

# -- what cannot be evaluated: failurePolicy
for failure in Fail Ignore; do
    put_policy absent <<Y || fail "policy"
$rules
failurePolicy: $failure
validations: [{expression: "object.data.nope == 'x'"}]
Y
    put_binding absent <<<'validationActions: [Deny]'
    if [ $failure = Fail ]; then
        refused 'Invalid argument' put_config some a b
        contains "$(errors)" "expression 'object.data.nope == 'x'' resulted in error: no such key: nope"
    else
        put_config some a b || fail "an error was not ignored: $(errors)"
    fi
    drop absent
done

# -- audit and warnings
put_policy told <<Y || fail "policy"
$rules
validations: [{expression: "false", message: as always}]
auditAnnotations: [{key: who, valueExpression: "'by ' + request.userInfo.username"}, {key: none, valueExpression: "null"}]
Y
put_binding told <<<'validationActions: [Audit, Warn]'
put_config some a c || fail "only to be told of: $(errors)"
eventually 10 grep -rqs 'told/who":"by root' "$state"
eventually 10 grep -rqs 'validation_failure.*as always' "$state"
grep -rqs 'told/none' "$state"/audit* && fail "null was published"
drop told

# -- who may do what
put_policy rights <<Y || fail "policy: $(cat "$mnt/apply/rights.yaml.err")"
$rules
validations:
- {expression: "authorizer.group('').resource('secrets').namespace('default').check('create').allowed()", message: "root may all"}
- {expression: "authorizer.requestResource.check('create').allowed()", message: "and this"}
- {expression: "!authorizer.serviceAccount('default', 'default').group('').resource('secrets').check('create').allowed()", message: "an account may not"}
Y
put_binding rights <<<'validationActions: [Deny]'
put_config some a d || fail "denied: $(errors)"
drop rights

# -- connections
printf 'apiVersion: v1\nkind: Pod\nmetadata: {name: box}\nspec: {terminationGracePeriodSeconds: 0, containers: [{name: c, image: busybox, command: [sleep, "1000"]}]}\n' >"$tmp/box.yaml"
cp "$tmp/box.yaml" "$mnt/apis/core/v1/pods/" || fail "pod"
eventually 20 phase_is box Running
put_policy closed <<Y || fail "policy"
matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CONNECT], resources: [pods/exec]}]}
validations: [{expression: "object.container != 'c'", message: "nobody comes in here", reason: Forbidden}]
Y
cat "$mnt/pods/default/box/containers/c/exec/clone" >/dev/null || fail "exec without a binding"
put_binding closed <<<'validationActions: [Deny]'
refused 'Permission denied' cat "$mnt/pods/default/box/containers/c/exec/clone"
contains "$(errors)" "pods \"box\" is forbidden: ValidatingAdmissionPolicy 'closed' with binding 'closed' denied request: nobody comes in here"
drop closed
cat "$mnt/pods/default/box/containers/c/exec/clone" >/dev/null || fail "exec after the policy"

# -- type checking warns, and refuses nothing
put_policy typed <<'Y' || fail "policy"
matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}]}
validations: [{expression: "object.spec.replicass > 1"}]
Y
eventually 10 has "$policies/validatingadmissionpolicies/typed/status" "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'replicass'"

# PodSecurity: `warn` is told to the writer, `audit` to the audit log, of workloads' templates too, and nothing is refused
mkdir "$mnt/namespaces/psa" || fail "namespace"
for level in warn=baseline audit=restricted; do
    echo "${level#*=}" >"$mnt/namespaces/psa/metadata/labels/pod-security.kubernetes.io%2F${level%=*}" || fail "label $level"
done
spec='{hostNetwork: true, nodeName: nowhere, containers: [{name: c, image: busybox}]}'
warned() { contains "$(tail -n 1 "$mnt/errors")" "$1: Warning: would violate PodSecurity \"baseline:latest\": host namespaces (hostNetwork=true)"; }
echo "{apiVersion: v1, kind: Pod, metadata: {name: host}, spec: $spec}" >"$mnt/pods/psa/host.yaml" || fail "a warning refused a pod"
warned host.yaml
echo "{apiVersion: apps/v1, kind: Deployment, metadata: {name: host}, spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: ${spec/nodeName: nowhere, /}}}}" \
    >"$mnt/deployments/psa/host2.yaml" || fail "a warning refused a Deployment"
warned host2.yaml
contains "$(grep '"resource":"pods"' "$state/audit.log" | grep '"name":"host"' | tail -n 1)" \
    '"pod-security.kubernetes.io/audit-violations":"would violate PodSecurity \\"restricted:latest\\": '
