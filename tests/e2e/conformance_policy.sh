#!/bin/bash
# admission-policy: what policies in CEL refuse, warn of, note, and change.
. "$(dirname "$0")/conformance.sh"
start_daemon

policies=$mnt/apis/admissionregistration.k8s.io/v1

deployment() { # NAME REPLICAS [LABELS]
    write deployments "$1" <<Y
apiVersion: apps/v1
kind: Deployment
metadata: {name: $1, labels: {${3:-}}}
spec:
  replicas: $2
  selector: {matchLabels: {app: $1}}
  template:
    metadata: {labels: {app: $1}}
    spec: {containers: [{name: c, image: nginx}]}
Y
}

# policy NAME: a ValidatingAdmissionPolicy for deployments, and of it what comes from stdin
policy() {
    {
        printf 'apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: %s}\nspec:\n' "$1"
        printf '  matchConstraints:\n    resourceRules:\n    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}\n'
        cat
    } >"$mnt/apply/$1.yaml"
}
# bind POLICY [MORE]: for the test's namespace
bind() {
    printf 'apiVersion: admissionregistration.k8s.io/v1\nkind: %sBinding\nmetadata: {name: %s-b}\nspec:\n  policyName: %s\n%s\n  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}}\n' \
        "${3:-ValidatingAdmissionPolicy}" "$1" "$1" "${2:-  validationActions: [Deny]}" "$ns" >"$mnt/apply/$1-b.yaml"
}
checked() { [ "$(field "$policies/validatingadmissionpolicies/$1/status" observedGeneration)" = 1 ]; }
unbind() { rm -f "$mnt/apply/$1-b.yaml" "$mnt/apply/$1.yaml"; }

# a Deployment, validated
C093() {
    policy "$ns-p" <<'Y' || fail "policy: $(cat "$mnt/apply/$ns-p.yaml.err")"
  validations:
  - {expression: object.spec.replicas > 1, messageExpression: "'wants replicas > 1, got ' + string(object.spec.replicas)"}
Y
    eventually 10 checked "$ns-p"
    contains "$(cat "$policies/validatingadmissionpolicies/$ns-p/status")" typeChecking
    has "$policies/validatingadmissionpolicies/$ns-p/status" expressionWarnings && fail "warned of a good policy"
    deployment before 1 || fail "no binding: nothing is refused"
    bind "$ns-p" || fail "binding: $(cat "$mnt/apply/$ns-p-b.yaml.err")"
    deployment good 2 || fail "denied: $(last_error)"
    refused 'Invalid argument' deployment bad 1
    contains "$(last_error)" "deployments.apps \"bad\" is forbidden: ValidatingAdmissionPolicy '$ns-p' with binding '$ns-p-b' denied request: wants replicas > 1, got 1"
    gone "$(its deployments bad)" || fail "was made"
    echo 1 >"$(its deployments good)/spec/replicas" 2>/dev/null && fail "an update was let in"
    unbind "$ns-p"
}

# expressions refer to variables
C090() {
    policy "$ns-v" <<'Y' || fail "policy: $(cat "$mnt/apply/$ns-v.yaml.err")"
  variables:
  - {name: replicas, expression: object.spec.replicas}
  - {name: oddReplicas, expression: variables.replicas % 2 == 1}
  validations:
  - {expression: variables.replicas > 1}
  - {expression: variables.oddReplicas, message: replicas must be odd, reason: Forbidden}
Y
    eventually 10 checked "$ns-v"
    bind "$ns-v" || fail "binding: $(cat "$mnt/apply/$ns-v-b.yaml.err")"
    deployment three 3 || fail "denied: $(last_error)"
    refused 'Permission denied' deployment four 4
    contains "$(last_error)" 'denied request: replicas must be odd'
    refused 'Invalid argument' deployment one 1
    contains "$(last_error)" 'denied request: failed expression: variables.replicas > 1'
    unbind "$ns-v"
}

mutating() { # NAME: a MutatingAdmissionPolicy for new deployments, mutations from stdin
    {
        printf 'apiVersion: admissionregistration.k8s.io/v1\nkind: MutatingAdmissionPolicy\nmetadata: {name: %s}\nspec:\n' "$1"
        printf '  reinvocationPolicy: Never\n  failurePolicy: Fail\n'
        printf '  matchConstraints:\n    resourceRules:\n    - {apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}\n'
        cat
    } >"$mnt/apply/$1.yaml"
}

# a Deployment, changed by an object
C064() {
    mutating "$ns-m" <<'Y' || fail "policy: $(cat "$mnt/apply/$ns-m.yaml.err")"
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: {expression: "Object{spec: Object.spec{replicas: object.spec.replicas + 100}}"}
Y
    bind "$ns-m" ' ' MutatingAdmissionPolicy || fail "binding: $(cat "$mnt/apply/$ns-m-b.yaml.err")"
    deployment changed 0 'a: b' || fail "denied: $(last_error)"
    equal "replicas" 100 "$(cat "$(its deployments changed)/spec/replicas")"
    equal "the rest" b "$(cat "$(its deployments changed)/metadata/labels/a")"
    unbind "$ns-m"
}

# and by a patch, of its annotations
C065() {
    mutating "$ns-j" <<'Y' || fail "policy: $(cat "$mnt/apply/$ns-j.yaml.err")"
  mutations:
  - patchType: JSONPatch
    jsonPatch:
      expression: >-
        has(object.metadata.annotations)
        ? [JSONPatch{op: "add", path: "/metadata/annotations/" + jsonpatch.escapeKey("example.com/by"), value: "policy"}]
        : [JSONPatch{op: "add", path: "/metadata/annotations", value: {"example.com/by": "policy"}}]
Y
    bind "$ns-j" ' ' MutatingAdmissionPolicy || fail "binding: $(cat "$mnt/apply/$ns-j-b.yaml.err")"
    deployment noted 0 || fail "denied: $(last_error)"
    contains "$(cat "$(its deployments noted)/object.yaml")" 'example.com/by: policy'
    unbind "$ns-j"
}
conform
