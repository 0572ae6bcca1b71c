#!/bin/bash
# What the suite demands of nearly every resource: create, read, list, watch, patch, update, status,
# delete, delete a collection. Nothing runs.
. "$(dirname "$0")/conformance.sh"
start_daemon

# place RESOURCE: where its objects of this test are; a cluster's own are told apart by their names
place() {
    case $scope in
    cluster) echo "$mnt/$1" ;;
    *) echo "$mnt/$1/$ns" ;;
    esac
}
called() { [ "$scope" = cluster ] && echo "$ns-$1" || echo "$1"; }
# make RESOURCE NAME KIND VERSION: the rest of the manifest is read
make() {
    {
        printf 'apiVersion: %s\nkind: %s\nmetadata: {name: %s, labels: {life: %s}}\n' "$4" "$3" "$(called "$2")" "$ns"
        echo "$body"
    } >"$tmp/made.yaml"
    cp "$tmp/made.yaml" "$(place "$1")/$(called "$2").yaml" || fail "create $2"
}
none_left() { [ -z "$(ls "$(place "$1")/@life=$ns" 2>/dev/null)" ]; }
# at RESOURCE NAME: its directory
at() { echo "$(place "$1")/$(called "$2")"; }

# lifecycle RESOURCE KIND VERSION SCOPE BODY: everything but status. GROUP/VERSION/RESOURCE are looked for.
lifecycle() {
    local resource=$1 kind=$2 version=$3 dir watch group=${3%/*}
    scope=$4
    body=$5
    [ "$group" = "$version" ] && group=core
    ls "$mnt/apis/$group" | grep -qx "${version#*/}" || fail "no apis/$version"
    ls "$mnt/apis/$group/${version#*/}" | grep -qx "${resource##*/}" || fail "no ${resource##*/} in apis/$version"
    timeout 30 cat "$(place "$resource")/_watch" >"$tmp/$ns.watch" &
    watch=$!
    for i in a b c; do make "$resource" $i "$kind" "$version"; done
    dir=$(at "$resource" a)
    equal "read" "$(called a)" "$(cat "$dir/metadata/name")"
    equal "listed" 3 "$(ls "$(place "$resource")/@life=$ns" | wc -l)"
    [ "$scope" = cluster ] || equal "in all namespaces" 3 "$(ls "$mnt/$resource/@life=$ns" | wc -l)"
    echo '{"metadata": {"annotations": {"patched": "true"}}}' >"$dir/patch.merge" || fail "patch"
    equal "patched" true "$(cat "$dir/metadata/annotations/patched")"
    # read, edited, written back as a whole
    sed 's/^    patched: "true"/&\n    updated: "true"/' "$dir/object.yaml" >"$tmp/$ns.yaml"
    cat "$tmp/$ns.yaml" >"$dir/object.yaml" || fail "update"
    equal "updated" true "$(cat "$dir/metadata/annotations/updated")"
    rmdir "$dir" || fail "delete"
    eventually 10 gone "$dir"
    echo "delete -l life=$ns" >"$(place "$resource")/_ctl" || fail "delete the collection"
    eventually 10 none_left "$resource"
    local name=$(called a) last
    last=$(called c)
    [ "$scope" = cluster ] || { name=$ns/$name; last=$ns/$last; }
    for i in "ADDED $name" "MODIFIED $name" "DELETED $name" "DELETED $last"; do
        eventually 10 has "$tmp/$ns.watch" "$i "
    done
    kill $watch
}

pods_template='{metadata: {labels: {a: b}}, spec: {containers: [{name: c, image: busybox}]}}'

# -- policy: budgets
budget() { lifecycle poddisruptionbudgets PodDisruptionBudget policy/v1 ns 'spec: {minAvailable: 1, selector: {matchLabels: {a: b}}}'; }
C121() { budget; }
C123() { budget; }
C124() {
    scope=ns body='spec: {minAvailable: 1, selector: {matchLabels: {app: p}}}'
    make poddisruptionbudgets b PodDisruptionBudget policy/v1
    pod p || fail "pod"
    echo '{"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}' >"$(its pods p)/status" || fail "ready"
    eventually 10 has "$(its poddisruptionbudgets b)/status" 'currentHealthy: 1'
    has "$(its poddisruptionbudgets b)/status" 'expectedPods: 1' || fail "expected"
    has "$(its poddisruptionbudgets b)/status" 'disruptionsAllowed: 0' || fail "allowed"
}
C122() {
    scope=ns body='spec: {minAvailable: 2, selector: {matchLabels: {team: x}}}'
    make poddisruptionbudgets b PodDisruptionBudget policy/v1
    local i
    for i in 1 2; do
        pod "p$i" || fail "pod"
        echo x >"$(its pods "p$i")/metadata/labels/team"
        echo '{"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}' >"$(its pods "p$i")/status" || fail "ready"
    done
    eventually 10 has "$(its poddisruptionbudgets b)/status" 'currentHealthy: 2'
    refused 'temporarily unavailable' bash -c "echo '{}' >$(its pods p1)/eviction"
    echo 1 >"$(its poddisruptionbudgets b)/spec/minAvailable" || fail "update"
    eventually 10 has "$(its poddisruptionbudgets b)/status" 'disruptionsAllowed: 1'
    echo '{}' >"$(its pods p1)/eviction" || fail "allowed, and refused"
    eventually 10 gone "$(its pods p1)"
}
C125() {
    scope=ns body='spec: {minAvailable: 1, selector: {matchLabels: {a: b}}}'
    make poddisruptionbudgets b PodDisruptionBudget policy/v1
    local dir
    dir=$(its poddisruptionbudgets b)
    eventually 10 has "$dir/status" observedGeneration
    sed 's/^observedGeneration:.*/&\ndisruptedPods: {gone: "2026-01-01T00:00:00Z"}/' "$dir/status" >"$tmp/$ns.status"
    timeout 60 cat "$mnt/poddisruptionbudgets/$ns/_watch.json" >"$tmp/$ns.watch" &
    eventually 10 has "$tmp/$ns.watch" '"type":"ADDED"'
    cat "$tmp/$ns.status" >"$dir/status" || fail "update"
    eventually 10 has "$tmp/$ns.watch" '"gone":"2026-01-01T00:00:00Z"'
    equal "spec" 1 "$(cat "$dir/spec/minAvailable")"
}

# -- signing requests, accounts, templates, nodes
C161() {
    lifecycle certificatesigningrequests CertificateSigningRequest certificates.k8s.io/v1 cluster \
        'spec: {request: LS0tLS1CRUdJTg==, signerName: example.com/e2e, usages: [client auth]}'
    make certificatesigningrequests d CertificateSigningRequest certificates.k8s.io/v1
    local dir
    dir=$(at certificatesigningrequests d)
    echo '{"status": {"conditions": [{"type": "Approved", "status": "True", "reason": "E2E", "message": "ok"}]}}' >"$dir/approval" || fail "approval"
    contains "$(cat "$dir/status")" 'type: Approved'
    sed '$a certificate: LS0tLS1CRUdJTg==' "$dir/status" >"$tmp/$ns.status"
    cat "$tmp/$ns.status" >"$dir/status" || fail "status"
    contains "$(cat "$dir/status")" 'certificate: LS0t'
    rmdir "$dir"
}
C164() {
    scope=ns body=
    make serviceaccounts a ServiceAccount v1
    local dir token answer
    dir=$(its serviceaccounts a)
    exec 3<>"$dir/token"
    echo '{spec: {expirationSeconds: 3600}}' >&3 || fail "request"
    token=$(sed -n 's/^ *"token": "\(.*\)".*/\1/p' <&3)
    exec 3>&-
    exec 3<>"$mnt/apis/authentication.k8s.io/v1/tokenreviews/$ns.yaml"
    printf 'spec: {token: %s}\n' "$token" >&3
    answer=$(cat <&3)
    exec 3>&-
    contains "$answer" 'authenticated: true'
    contains "$answer" "username: system:serviceaccount:$ns:a"
    rmdir "$dir"
    eventually 10 gone "$dir"
    exec 3<>"$mnt/apis/authentication.k8s.io/v1/tokenreviews/$ns.yaml"
    printf 'spec: {token: %s}\n' "$token" >&3
    contains "$(cat <&3)" 'error: '
    exec 3>&-
}
C165() {
    local dir
    dir=$(its configmaps kube-root-ca.crt)
    eventually 10 test -e "$dir"
    contains "$(cat "$dir/object.yaml")" 'BEGIN CERTIFICATE'
    rmdir "$dir" || fail "delete"
    eventually 10 test -e "$dir/object.yaml"
    echo '{"data": {"ca.crt": ""}}' >"$dir/patch.merge" || fail "modify"
    eventually 10 has "$dir/object.yaml" 'BEGIN CERTIFICATE'
}
C168() { lifecycle serviceaccounts ServiceAccount v1 ns 'automountServiceAccountToken: false'; }
C169() {
    scope=ns body=
    make serviceaccounts a ServiceAccount v1
    echo false >"$(its serviceaccounts a)/automountServiceAccountToken" || fail "update"
    equal "updated" false "$(cat "$(its serviceaccounts a)/automountServiceAccountToken")"
}
C280() { lifecycle nodes Node v1 cluster 'spec: {unschedulable: true}'; }
C287() { lifecycle podtemplates PodTemplate v1 ns "template: $pods_template"; }
C288() {
    scope=ns body="template: $pods_template"
    make podtemplates a PodTemplate v1
    sed 's/^metadata: {/&annotations: {updated: "true"}, /' "$tmp/made.yaml" >"$tmp/$ns.yaml"
    cat "$tmp/$ns.yaml" >"$(its podtemplates a)/object.yaml" || fail "replace"
    equal "replaced" true "$(cat "$(its podtemplates a)/metadata/annotations/updated")"
}
C289() { lifecycle podtemplates PodTemplate v1 ns "template: $pods_template"; }

# -- resources: devices
C341() { lifecycle deviceclasses DeviceClass resource.k8s.io/v1 cluster 'spec: {selectors: [{cel: {expression: "device.driver == \"x\""}}]}'; }
C342() { lifecycle resourceclaims ResourceClaim resource.k8s.io/v1 ns 'spec: {devices: {requests: [{name: r, exactly: {deviceClassName: c}}]}}'; }
C343() { lifecycle resourceclaimtemplates ResourceClaimTemplate resource.k8s.io/v1 ns 'spec: {spec: {devices: {requests: [{name: r, exactly: {deviceClassName: c}}]}}}'; }
C344() { lifecycle resourceslices ResourceSlice resource.k8s.io/v1 cluster 'spec: {driver: d.example.com, nodeName: node, pool: {name: p, generation: 1, resourceSliceCount: 1}, devices: [{name: d}]}'; }
C352() {
    lifecycle priorityclasses PriorityClass scheduling.k8s.io/v1 cluster 'value: 1000'
    make priorityclasses d PriorityClass scheduling.k8s.io/v1
    local dir
    dir=$(at priorityclasses d)
    echo updated >"$dir/description" || fail "a mutable field"
    refused 'Operation not permitted' bash -c "echo '{\"value\": 7}' >$dir/patch.merge"
    equal "value" 1000 "$(cat "$dir/value")"
    rmdir "$dir"
}

# -- storage
C356() { lifecycle csidrivers CSIDriver storage.k8s.io/v1 cluster 'spec: {attachRequired: false}'; }
C358() { lifecycle csinodes CSINode storage.k8s.io/v1 cluster 'spec: {drivers: []}'; }
C359() { lifecycle csistoragecapacities CSIStorageCapacity storage.k8s.io/v1 ns 'storageClassName: c'; }
# by our own driver and by another one; the pods go nowhere: what is demanded is the objects
C357() {
    local driver
    for driver in k8sfs.io e2e.example.com; do
        lifecycle pods Pod v1 ns "spec:
  schedulerName: nobody
  terminationGracePeriodSeconds: 0
  containers: [{name: c, image: busybox, volumeMounts: [{name: inline, mountPath: /mnt}]}]
  volumes: [{name: inline, csi: {driver: $driver, readOnly: true, fsType: ext4, volumeAttributes: {foo: bar}}}]"
    done
    make pods d Pod v1
    local dir
    dir=$(its pods d)/spec/volumes/inline/csi
    equal "driver" e2e.example.com "$(cat "$dir/driver")"
    equal "attributes" bar "$(cat "$dir/volumeAttributes/foo")"
    equal "type" ext4 "$(cat "$dir/fsType")"
    refused 'Operation not permitted\|Invalid argument' bash -c "echo other >'$dir/driver'"
    sed 's/driver: [^,]*,//' "$mnt/pods/$ns/d.yaml" | sed 's/name: d,/name: e,/' | write pods e && fail "a volume without a driver was taken"
    contains "$(cat "$mnt/pods/$ns/e.yaml.err")" 'spec.volumes\[0\].csi.driver: Required value'
}
volume='spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], storageClassName: none, hostPath: {path: /tmp/x}}'
claim='spec: {accessModes: [ReadWriteOnce], storageClassName: none, resources: {requests: {storage: 1Gi}}}'
C399() {
    scope=ns body=$claim
    make persistentvolumeclaims a PersistentVolumeClaim v1
    local dir
    dir=$(its persistentvolumeclaims a)
    contains "$(cat "$dir/status")" 'phase: Pending'
    echo '{"phase": "Pending", "conditions": [{"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "x"}]}' >"$dir/status" || fail "status of the claim"
    contains "$(cat "$dir/status")" 'type: StatusUpdate'
    scope=cluster body=$volume
    make persistentvolumes a PersistentVolume v1
    dir=$(at persistentvolumes a)
    eventually 10 has "$dir/status" phase
    echo '{"phase": "Available", "reason": "E2E", "message": "StatusPatched"}' >"$dir/status" || fail "status of the volume"
    contains "$(cat "$dir/status")" 'message: StatusPatched'
    rmdir "$dir"
}
C400() {
    lifecycle persistentvolumes PersistentVolume v1 cluster "$volume"
    lifecycle persistentvolumeclaims PersistentVolumeClaim v1 ns "$claim"
}
C438() { lifecycle storageclasses StorageClass storage.k8s.io/v1 cluster 'provisioner: example.com/x'; }
attachment='spec: {attacher: e2e, nodeName: node, source: {persistentVolumeName: v}}'
C444() {
    scope=cluster body=$attachment
    make volumeattachments a VolumeAttachment storage.k8s.io/v1
    local dir
    dir=$(at volumeattachments a)
    contains "$(cat "$dir/object.yaml")" 'attached: false'
    echo '{"attached": true}' >"$dir/status" || fail "status"
    contains "$(cat "$dir/status")" 'attached: true'
    echo '{"attached": false}' >"$dir/status" || fail "status again"
    contains "$(cat "$dir/status")" 'attached: false'
    rmdir "$dir"
    eventually 10 gone "$dir"
}
C445() { lifecycle volumeattachments VolumeAttachment storage.k8s.io/v1 cluster "$attachment"; }
C446() { lifecycle volumeattributesclasses VolumeAttributesClass storage.k8s.io/v1 cluster 'driverName: d
parameters: {a: b}'; }

# -- services
C206() { lifecycle endpointslices EndpointSlice discovery.k8s.io/v1 ns 'addressType: IPv4
endpoints: [{addresses: [10.0.0.9]}]
ports: [{name: p, port: 80}]'; }
C231() {
    scope=ns body='spec: {type: LoadBalancer, ports: [{port: 80}]}'
    make services a Service v1
    local dir
    dir=$(its services a)
    echo '{"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}}' >"$dir/status" || fail "status"
    contains "$(cat "$dir/status")" 'ip: 203.0.113.1'
    echo '{"loadBalancer": {"ingress": [{"ip": "203.0.113.1"}]}, "conditions": [{"type": "StatusUpdate", "status": "True", "reason": "E2E", "message": "x", "lastTransitionTime": "2026-01-01T00:00:00Z"}]}' >"$dir/status" || fail "update"
    contains "$(cat "$dir/status")" 'type: StatusUpdate'
    echo '{"metadata": {"labels": {"test-service": "patched"}}}' >"$dir/patch" || fail "patch"
    contains "$(cat "$dir/status")" 'type: StatusUpdate'
    rmdir "$dir"
}
C232() { lifecycle services Service v1 ns 'spec: {ports: [{port: 80}]}'; }

# -- discovery
C025() {
    local path
    for path in core/v1/pods core/v1/services apps/v1/deployments batch/v1/jobs rbac.authorization.k8s.io/v1/roles \
        admissionregistration.k8s.io/v1/validatingwebhookconfigurations autoscaling/v2/horizontalpodautoscalers \
        certificates.k8s.io/v1/certificatesigningrequests coordination.k8s.io/v1/leases discovery.k8s.io/v1/endpointslices \
        events.k8s.io/v1/events flowcontrol.apiserver.k8s.io/v1/flowschemas networking.k8s.io/v1/ingresses \
        node.k8s.io/v1/runtimeclasses policy/v1/poddisruptionbudgets scheduling.k8s.io/v1/priorityclasses \
        storage.k8s.io/v1/storageclasses authorization.k8s.io/v1/subjectaccessreviews authentication.k8s.io/v1/tokenreviews \
        apiextensions.k8s.io/v1/customresourcedefinitions; do
        ls "$mnt/apis/${path%/*}" | grep -qx "${path##*/}" || fail "no $path"
        test -s "$mnt/apis/$path/_schema" || fail "$path has no schema"
    done
}
C048() {
    local group version
    for group in "$mnt"/apis/*/; do
        version=$(ls "$group" | head -n 1)
        [ -n "$version" ] || fail "$group has no version"
        [ -n "$(ls "$group/$version" | head -n 1)" ] || fail "$group/$version has no resource"
    done
}
C099() {
    contains "$(cat "$mnt/version")" 'v1\.[0-9][0-9]*'
}

# -- policies of admission, as objects
admission_policy='spec: {matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]}, validations: [{expression: "true"}]}'
C091() { lifecycle validatingadmissionpolicies ValidatingAdmissionPolicy admissionregistration.k8s.io/v1 cluster "$admission_policy"; }
C092() { lifecycle validatingadmissionpolicybindings ValidatingAdmissionPolicyBinding admissionregistration.k8s.io/v1 cluster 'spec: {policyName: p, validationActions: [Deny]}'; }
mutating_policy='spec: {matchConstraints: {resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [configmaps]}]}, reinvocationPolicy: Never, mutations: [{patchType: JSONPatch, jsonPatch: {expression: "[JSONPatch{op: \"add\", path: \"/data\", value: {\"a\": \"b\"}}]"}}]}'
C066() { lifecycle mutatingadmissionpolicies MutatingAdmissionPolicy admissionregistration.k8s.io/v1 cluster "$mutating_policy"; }
C067() { lifecycle mutatingadmissionpolicybindings MutatingAdmissionPolicyBinding admissionregistration.k8s.io/v1 cluster 'spec: {policyName: p}'; }
conform
