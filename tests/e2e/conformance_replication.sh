#!/bin/bash
# replicationcontrollers, and what kubectl's tests do with them. Pods of the label fake=yes are bound to
# a node that is only simulated; those that must answer run on ours.
. "$(dirname "$0")/conformance.sh"
start_daemon
import_images busybox
cat >"$tmp/node.yaml" <<'Y'
apiVersion: v1
kind: Node
metadata: {name: fake, labels: {fake: "yes"}, annotations: {kwok.x-k8s.io/node: fake}}
spec: {taints: [{key: fake, effect: NoSchedule}]}
Y
cp "$tmp/node.yaml" "$mnt/apply/" || fail "node"

not_yet C171 'the address of a Service does not answer yet'

# rc NAME REPLICAS CONTAINERS [MORE-OF-THE-PODS-SPEC]
rc() {
    write replicationcontrollers "$1" <<Y
apiVersion: v1
kind: ReplicationController
metadata: {name: $1, labels: {test: $ns}}
spec:
  replicas: $2
  selector: {app: $1}
  template:
    metadata: {labels: {app: $1}}
    spec:
      terminationGracePeriodSeconds: 0
${4:-}
      containers: $3
Y
}
on_fake='      nodeSelector: {fake: "yes"}
      tolerations: [{operator: Exists}]'
fake() { rc "$1" "$2" '[{name: c, image: busybox}]' "$on_fake"; } # NAME REPLICAS
# running NAME REPLICAS: pods whose processes are there
running() { rc "$1" "$2" '[{name: c, image: busybox, command: [sleep, "1000"]}]'; }

dir() { its replicationcontrollers "$1"; }
count() { [ "$(names "$1" | wc -w)" = "$2" ]; }
ready() { is "$(dir "$1")/status" readyReplicas "$2"; }
ips() { cat "$mnt"/pods/"$ns"/*/status | sed -n 's/^podIP: //p'; }
# names of pods that run and go nowhere
alive() { grep -l '^phase: Running' "$mnt/pods/$ns"/*/status 2>/dev/null | wc -l; }
alive_are() { [ "$(alive)" = "$1" ] && count pods "$1"; }

C146() {
    pod lone || fail "pod"
    local uid
    uid=$(cat "$(its pods lone)/metadata/uid")
    rc lone 1 '[{name: c, image: busybox}]' "$on_fake" || fail "create"
    eventually 10 has "$(its pods lone)/object.yaml" 'kind: ReplicationController'
    contains "$(cat "$(its pods lone)/object.yaml")" "uid: $(cat "$(dir lone)/metadata/uid")"
    equal "the same pod" "$uid" "$(cat "$(its pods lone)/metadata/uid")"
    equal "pods" lone "$(names pods)"
}

C147() {
    fake r 1 || fail "create"
    eventually 10 ready r 1
    contains "$(cat "$(dir r)/scale")" '^kind: Scale'
    contains "$(cat "$(dir r)/scale")" 'replicas: 1'
    contains "$(cat "$(dir r)/scale")" 'selector: app=r'
    echo '{spec: {replicas: 2}}' >"$(dir r)/scale" || fail "scale"
    equal "spec" 2 "$(cat "$(dir r)/spec/replicas")"
    contains "$(cat "$(dir r)/scale")" '  replicas: 2'
    eventually 10 ready r 2
    echo 'scale 3' >"$(dir r)/ctl" || fail "ctl"
    eventually 10 ready r 3
}

C148() {
    fake r 1 || fail "create"
    eventually 10 ready r 1
    local p
    p=$(names pods)
    echo other >"$(its pods "$p")/metadata/labels/app" || fail "label"
    eventually 10 count pods 2
    grep -q ownerReferences "$(its pods "$p")/object.yaml" && fail "it was not released"
    eventually 10 ready r 1
}

# The image serves HTTP and TCP; of UDP busybox knows nothing, so the node's perl does that.
serve() {
    local dir mounts='' volumes=''
    for dir in usr lib lib64; do
        [ -d "/$dir" ] || continue
        mounts="$mounts{name: $dir, mountPath: /$dir, readOnly: true}, "
        volumes="$volumes{name: $dir, hostPath: {path: /$dir}}, "
    done
    rc r 2 "
      - name: image
        image: busybox
        command: [sh, -c, 'mkdir -p /tmp/www && hostname >/tmp/www/index.html && httpd -p 8080 -h /tmp/www && exec nc -ll -p 8081 -e hostname']
      - name: udp
        image: busybox
        command:
        - /usr/bin/perl
        - -MIO::Socket::INET
        - -e
        - '\$s = IO::Socket::INET->new(LocalPort => 8081, Proto => \"udp\") or die; while (\$s->recv(\$m, 99)) { \$s->send(\"udp \$m\") }'
        volumeMounts: [$mounts]" "      volumes: [$volumes]"
}
over_http() { [ "$(http "$1" 8080)" = "$2" ]; }
over_tcp() { [ "$(timeout 5 bash -c "cat </dev/tcp/$1/8081")" = "$2" ]; }
over_udp() { [ "$(timeout 5 bash -c "exec 3<>/dev/udp/$1/8081; echo $2 >&3; head -n 1 <&3")" = "udp $2" ]; }
C149() {
    serve || fail "create"
    eventually 20 ready r 2
    equal "pods" 2 "$(names pods | wc -w)"
    local p ip how
    for p in $(names pods); do
        ip=$(field "$(its pods "$p")/status" podIP)
        for how in http tcp udp; do eventually 10 over_$how "$ip" "$p"; done
    done
}

no_failure() { ! grep -q ReplicaFailure "$(dir r)/status"; }
C150() {
    write resourcequotas two <<'Y'
apiVersion: v1
kind: ResourceQuota
metadata: {name: two}
spec: {hard: {pods: "2"}}
Y
    eventually 10 has "$(its resourcequotas two)/status" 'pods: "*2'
    fake r 3 || fail "create"
    eventually 10 has "$(dir r)/status" 'type: ReplicaFailure'
    contains "$(cat "$(dir r)/status")" 'reason: FailedCreate'
    contains "$(cat "$(dir r)/status")" 'exceeded quota: two'
    contains "$(cat "$(dir r)/events")" 'FailedCreate .*replication-controller .*exceeded quota: two'
    equal "pods" 2 "$(names pods | wc -w)"
    echo 2 >"$(dir r)/spec/replicas" || fail "scale"
    eventually 10 no_failure
}

in_watch() { has "$tmp/$ns.watch" "$1"; }
C151() {
    timeout 60 cat "$mnt/replicationcontrollers/$ns/_watch.json" >"$tmp/$ns.watch" &
    local watch=$!
    fake r 1 || fail "create"
    eventually 10 in_watch '^{"type":"ADDED"'
    eventually 10 ready r 1
    echo '{"metadata": {"labels": {"patched": "yes"}}}' >"$(dir r)/patch" || fail "patch"
    eventually 10 in_watch '"MODIFIED".*"patched":"yes"'
    sed 's/^\(availableReplicas\|readyReplicas\): .*/\1: 0/' "$(dir r)/status" >"$tmp/$ns.status"
    cat "$tmp/$ns.status" >"$(dir r)/status" || fail "status"
    # the controller says otherwise soon, and the watch has seen both
    eventually 10 in_watch '"MODIFIED".*"patched":"yes".*"status":{"fullyLabeledReplicas":1,"observedGeneration":[0-9]*,"replicas":1}'
    eventually 10 ready r 1
    contains "$(cat "$(dir r)/status")" 'availableReplicas: 1'
    echo '{spec: {replicas: 2}}' >"$(dir r)/scale" || fail "scale"
    eventually 10 ready r 2
    sed 's/^  labels: *$/&\n    replaced: "yes"/' "$(dir r)/object.yaml" | sed '/^  resourceVersion:/d' >"$tmp/$ns.yaml"
    cat "$tmp/$ns.yaml" >"$(dir r)/object.yaml" || fail "update"
    equal "updated" yes "$(cat "$(dir r)/metadata/labels/replaced")"
    equal "all namespaces, by label" "$ns.r" "$(ls "$mnt/replicationcontrollers/@test=$ns")"
    contains "$(cat "$mnt/replicationcontrollers/$ns/_index")" '^r  *2  *2  *2  *[0-9]'
    echo "delete -l test=$ns" >"$mnt/replicationcontrollers/$ns/_ctl" || fail "delete"
    eventually 10 are replicationcontrollers ''
    eventually 5 in_watch '^{"type":"DELETED"'
    kill $watch
}

# -- kubectl's

service() { # NAME PORT TARGET: of the pods that replication controller r selects
    write services "$1" <<Y
apiVersion: v1
kind: Service
metadata: {name: $1, labels: {test: $ns}}
spec: {selector: {app: "$(cat "$(dir r)/spec/selector/app")"}, ports: [{port: $2, targetPort: $3}]}
Y
}

# lines TEXT PATTERN...: each is in it
lines() {
    local text=$1
    shift
    for i; do contains "$text" "$i"; done
}

C174() {
    running r 1 || fail "create"
    service s 6379 8080 || fail "service"
    eventually 15 alive_are 1
    eventually 10 ready r 1
    local p text
    p=$(names pods)
    text=$(cat "$(its pods "$p")/describe")
    lines "$text" "^Name:  *$p\$" "^Namespace:  *$ns\$" "^Node:  *$node/" '^Labels:  *app=r$' '^Annotations:' '^Status:  *Running$' \
        "^IP:  *$(ips)\$" '^Controlled By:  *ReplicationController/r$' '^    Image:  *busybox$' '^    State:  *Running$' \
        '^QoS Class:  *BestEffort$' '^Events:' '  Started .* kubelet'
    text=$(cat "$(dir r)/describe")
    lines "$text" '^Name:  *r$' "^Namespace:  *$ns\$" '^Selector:  *app=r$' "^Labels:  *test=$ns\$" '^Annotations:  *<none>' \
        '^Replicas:  *1 current / 1 desired$' '^Pods Status:  *1 Running / 0 Waiting / 0 Succeeded / 0 Failed$' '^Pod Template:$' \
        '^  Labels:  *app=r$' '^    Image:  *busybox$' '^Events:$' "SuccessfulCreate .* replication-controller  *Created pod: $p\$"
    text=$(cat "$(its services s)/describe")
    lines "$text" '^Name:  *s$' "^Namespace:  *$ns\$" "^Labels:  *test=$ns\$" '^Annotations:' '^Selector:  *app=r$' \
        '^Type:  *ClusterIP$' '^IP:  *10\.' '^Port:  *<unset>  6379/TCP$' "^Endpoints:  *$(ips):8080\$" '^Session Affinity:  *None$'
    text=$(cat "$mnt/nodes/$node/describe")
    lines "$text" "^Name:  *$node\$" '^Labels:' '^Annotations:' '^CreationTimestamp:' '^Conditions:' \
        '  Type  *Status  *LastHeartbeatTime  *LastTransitionTime  *Reason  *Message$' '^Addresses:' '^Capacity:' 'Container Runtime Version:' \
        'Kubelet Version:'
    text=$(cat "$mnt/namespaces/$ns/describe")
    lines "$text" "^Name:  *$ns\$" '^Labels:' '^Annotations:' '^Status:  *Active$' 'No resource quota' 'No LimitRange resource'
}

endpoint_is() { [ "$(sed -n 's/^ *- *ip: //p' "$(its endpoints "$1")/object.yaml")" = "$(ips)" ] && has "$(its endpoints "$1")/object.yaml" 'port: 6379'; }
answers() { [ "$(timeout 5 bash -c "cat </dev/tcp/$1/6379")" = "$2" ]; }
C176() {
    rc r 1 '[{name: c, image: busybox, command: [nc, -ll, -p, "6379", -e, hostname], ports: [{containerPort: 6379}]}]' || fail "create"
    eventually 15 alive_are 1
    service rm2 1234 6379 || fail "expose the controller"
    equal "port" 1234 "$(cat "$(its services rm2)/spec/ports"/*/port)"
    equal "target" 6379 "$(cat "$(its services rm2)/spec/ports"/*/targetPort)"
    eventually 10 endpoint_is rm2
    # a Service of a Service: the selector of the first
    write services rm3 <<Y || fail "expose the service"
apiVersion: v1
kind: Service
metadata: {name: rm3}
spec: {selector: {app: "$(cat "$(its services rm2)/spec/selector/app")"}, ports: [{port: 2345, targetPort: 6379}]}
Y
    equal "port" 2345 "$(cat "$(its services rm3)/spec/ports"/*/port)"
    equal "target" 6379 "$(cat "$(its services rm3)/spec/ports"/*/targetPort)"
    eventually 10 endpoint_is rm3
    eventually 10 answers "$(ips)" "$(names pods)"
}

single() { # NAME IMAGE
    write pods "$1" <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  terminationGracePeriodSeconds: 0
  restartPolicy: ${3:-Always}
  containers: [{name: c, image: $2, command: [sleep, "1000"]}]
Y
}
runs_image() { is "$(its pods p)/status" phase Running && has "$(its pods p)/status" "image: .*busybox:$1\$"; }
C179() {
    single p busybox:latest || fail "create"
    eventually 15 runs_image latest
    local uid
    uid=$(cat "$(its pods p)/metadata/uid")
    single p busybox:1.36 || fail "replace"
    equal "spec" busybox:1.36 "$(cat "$(its pods p)/spec/containers/c/image")"
    eventually 20 runs_image 1.36
    eventually 15 has "$(its pods p)/status" 'restartCount: 1'
    equal "replaced in place" "$uid" "$(cat "$(its pods p)/metadata/uid")"
    # by force: another pod of this name
    rm "$mnt/pods/$ns/p.yaml" || fail "rm"
    eventually 15 gone "$(its pods p)"
    single p busybox:latest || fail "create again"
    eventually 15 runs_image latest
    [ "$(cat "$(its pods p)/metadata/uid")" != "$uid" ] || fail "it is the same pod"
}

C180() {
    single p busybox:1.36 Never || fail "create"
    eventually 15 is "$(its pods p)/status" phase Running
    equal "containers" c "$(ls "$(its pods p)/containers")"
    equal "image" busybox:1.36 "$(cat "$(its pods p)/spec/containers/c/image")"
    equal "restartPolicy" Never "$(cat "$(its pods p)/spec/restartPolicy")"
}

C185() {
    running r 2 || fail "create"
    eventually 20 alive_are 2
    never 1 sh -c "[ \$(ls '$mnt/pods/$ns' | grep -c '^r-') != 2 ]"
    rm "$mnt/replicationcontrollers/$ns/r.yaml" || fail "rm"
    eventually 15 are pods ''
}

C186() {
    running r 2 || fail "create"
    eventually 20 alive_are 2
    echo '{spec: {replicas: 1}}' >"$(dir r)/scale" || fail "scale down"
    eventually 15 alive_are 1
    echo '{spec: {replicas: 2}}' >"$(dir r)/scale" || fail "scale up"
    eventually 20 alive_are 2
}
conform
