#!/bin/bash
# configmap-api and secret-api in containers: values as environment variables.
. "$(dirname "$0")/conformance.sh"
start_daemon
import_images busybox

# runs NAME SPEC-OF-CONTAINER: a pod that prints its environment, to its end
runs() {
    write pods "$1" <<Y
apiVersion: v1
kind: Pod
metadata: {name: $1}
spec:
  restartPolicy: Never
  containers:
  - name: c
    image: busybox
    command: [env] # not by a shell: it passes on what it could name itself
$2
Y
    eventually 30 is "$(its pods "$1")/status" phase Succeeded
    cat "$(its pods "$1")/log"
}
configmap() {
    write configmaps "$1" <<Y
apiVersion: v1
kind: ConfigMap
metadata: {name: $1}
data: {data-1: value-1, data-2: value-2, data_3: value-3}
Y
}
secret() {
    write secrets "$1" <<Y
apiVersion: v1
kind: Secret
metadata: {name: $1}
data: {data-1: dmFsdWUtMQ==, data_3: dmFsdWUtMw==}
Y
}
# prefixed KIND: any printable ASCII but "=" may begin a name
prefixed() {
    local said
    said=$(runs p "    envFrom:
    - {$1: {name: one}}
    - {prefix: p-, $1: {name: one}}
    - {prefix: '#_', $1: {name: one}}
    - {prefix: '1-', $1: {name: one}}
    - {prefix: '\$_', $1: {name: one}}")
    local name
    for name in data_3 p-data_3 '#_data_3' 1-data_3 '$_data_3'; do
        printf '%s\n' "$said" | grep -qxF -- "$name=value-3" || fail "no $name in: $said"
    done
}
C239() { configmap one; prefixed configMapRef; }
C240() {
    configmap one
    contains "$(runs p '    env: [{name: CONFIG_DATA_1, valueFrom: {configMapKeyRef: {name: one, key: data-1}}}]')" '^CONFIG_DATA_1=value-1$'
}
C241() {
    configmap one
    local said
    said=$(runs p '    envFrom: [{configMapRef: {name: one}}, {prefix: p-, configMapRef: {name: one}}]')
    contains "$said" '^data_3=value-3$'
    contains "$said" '^p-data-1=value-1$'
    contains "$said" '^data-2=value-2$'
}
C320() { secret one; prefixed secretRef; }
C321() {
    secret one
    contains "$(runs p '    env: [{name: SECRET_DATA, valueFrom: {secretKeyRef: {name: one, key: data-1}}}]')" '^SECRET_DATA=value-1$'
}
C322() {
    secret one
    local said
    said=$(runs p '    envFrom: [{secretRef: {name: one}}, {prefix: p-, secretRef: {name: one}}]')
    contains "$said" '^data_3=value-3$'
    contains "$said" '^p-data-1=value-1$'
}
conform
