#!/bin/bash
# examples/kubectl: every command, with real pods, in each POSIX shell that is there; what it prints is what kubectl prints.
. "$(dirname "$0")/lib.sh"
chmod 711 "$tmp" # so that other users reach the mount
start_daemon
import_images busybox nginx
export K8S=$mnt TMPDIR=$tmp EDITOR=$tmp/editor
unset K8S_NAMESPACE KUBE_EDITOR KUBECTL_EXTERNAL_DIFF
shell=dash
kubectl() { timeout 90 $shell "$top/examples/kubectl" "$@"; }
# says TEXT COMMAND...: exactly this on both outputs, and success
says() {
    local expected=$1 said
    shift
    said=$("$@" 2>&1) || fail "$*: exit status $?: $said"
    equal "$*" "$expected" "$said"
}
# fails STATUS TEXT COMMAND...
fails() {
    local status=$1 expected=$2 said rc
    shift 2
    said=$("$@" 2>&1)
    rc=$?
    equal "exit status of $*" "$status" $rc
    equal "$*" "$expected" "$said"
}
# The table without what differs each time: ages, random parts of names.
table() { "$@" | sed -E 's/-[a-z0-9]{8,10}-[a-z0-9]{5}\b/-HASH/; s/\b[0-9]+[sm]([0-9]+s)?\b/AGE/; s/ +/ /g; s/ $//'; }

cat >"$tmp/app.yaml" <<'END'
# what everybody knows
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
data:
  a: "1"
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - {name: nginx, image: "nginx:1", ports: [{containerPort: 80}]}
END

cat >"$tmp/styles.yaml" <<'END'
---
# only a comment
---
apiVersion: v1
kind: ConfigMap
metadata:
    # a comment
    name: m1
    labels: {namespace: x}
---

---
{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "prod"}}
---
kind: "ConfigMap"
apiVersion: v1 # c
metadata: {name: m2, labels: {
   namespace: b}}
---
{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"d","labels":{"namespace":"q"}},"spec":{"replicas":0,"selector":{"matchLabels":{"a":"b"}},"template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[{"name":"c","image":"i"}]}}}}
---
apiVersion: v1
data: {x: z}
metadata:
  namespace: prod
  name: m3
kind: ConfigMap
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: d2
spec:
  replicas: 0
  selector: {matchLabels: {a: b}}
  template:
    metadata:
      namespace: zz
      labels: {a: b}
    spec: {containers: [{name: c, image: i}]}
END

manifests() {
    says $'configmap/settings created\ndeployment.apps/web created' kubectl apply -f "$tmp/app.yaml"
    says $'configmap/settings unchanged\ndeployment.apps/web unchanged' kubectl apply -f "$tmp/app.yaml"
    echo 9 >"$mnt/configmaps/default/settings/data/a" || fail "drift"
    fails 1 $'--- LIVE/v1.ConfigMap.default.settings\n-  a: "9"\n+  a: "1"' diff_lines
    says $'configmap/settings configured\ndeployment.apps/web unchanged' kubectl apply -f "$tmp/app.yaml"
    says '' kubectl diff -f "$tmp/app.yaml"
    sed 's/replicas: 2/replica: 2/' "$tmp/app.yaml" >"$tmp/bad.yaml"
    fails 1 $'configmap/settings unchanged\nError from server (Invalid): error when applying "'"$tmp/bad.yaml"'": line 13: spec.replica: unknown field "replica", did you mean "replicas"?' kubectl apply -f "$tmp/bad.yaml"
    fails 1 'error: the path "/nowhere" does not exist' kubectl apply -f /nowhere
    fails 1 $'Error from server (AlreadyExists): error when creating "'"$tmp/app.yaml"$'": configmaps "settings" already exists\nError from server (AlreadyExists): error when creating "'"$tmp/app.yaml"'": deployments.apps "web" already exists' kubectl create -f "$tmp/app.yaml"
    says $'configmap/settings unchanged (server dry run)\ndeployment.apps/web unchanged (server dry run)' kubectl apply -f "$tmp/app.yaml" --dry-run=server
    says 'namespace/prod created' kubectl create namespace prod
    fails 1 'Error from server (AlreadyExists): namespaces "prod" already exists' kubectl create ns prod
    says 'configmap/settings created' eval 'sed "/^---/,\$d" "$tmp/app.yaml" | kubectl -n prod apply -f -'
    mkdir -p "$tmp/dir/sub"
    printf '{\n    "apiVersion": "v1",\n    "kind": "ConfigMap",\n    "metadata": {\n        "name": "json"\n    }\n}\n' >"$tmp/dir/a.json"
    sed '/^---/,$d; s/settings/deep/' "$tmp/app.yaml" >"$tmp/dir/sub/b.yml"
    says 'configmap/json created' kubectl apply -n prod -f "$tmp/dir"
    says $'configmap/json unchanged\nconfigmap/deep created' kubectl apply -n prod -R -f "$tmp/dir"
    says $'configmap/deep\nconfigmap/json\nconfigmap/settings' eval 'kubectl -n prod get cm -o name | grep -v root-ca'
    says $'configmap "json" deleted from prod namespace\nconfigmap "deep" deleted from prod namespace' kubectl delete -n prod -R -f "$tmp/dir"
    says 'configmap/settings replaced' eval 'sed "/^---/,\$d" "$tmp/app.yaml" | kubectl replace -f -'
    # whatever a document looks like, -n says where it goes
    says $'configmap/m1 created\nnamespace/prod unchanged\nconfigmap/m2 created\ndeployment.apps/d created\nconfigmap/m3 created\ndeployment.apps/d2 created' kubectl -n prod apply -f "$tmp/styles.yaml"
    equal "namespace of each" 6 "$(kubectl -n prod get -f "$tmp/styles.yaml" -o name | wc -l)"
    says $'configmap "m1" deleted from prod namespace\nconfigmap "m2" deleted from prod namespace' kubectl -n prod delete cm m1 m2
    # deleted, and applied again with the same bytes
    says 'configmap "settings" deleted from prod namespace' kubectl -n prod delete cm settings
    says 'configmap/settings created' eval 'sed "/^---/,\$d" "$tmp/app.yaml" | kubectl -n prod apply -f -'
    sleep 1.5 # longer than the grace of a removed manifest
    says 'configmap/settings' eval 'kubectl -n prod get cm -o name | grep -v -e root-ca -e m3'
    says 'namespace "prod" deleted' kubectl delete ns prod
}
diff_lines() { kubectl diff -f "$tmp/app.yaml" >"$tmp/diff"; local rc=$?; grep -oE '^--- [^[:blank:]]*|^[-+] .*' "$tmp/diff"; return $rc; }

creating() {
    printf 'a "quoted"\tline\nand \\n another\n' >"$tmp/text"
    head -c 300 /dev/urandom >"$tmp/bytes"
    printf '\0' >>"$tmp/bytes"
    says 'configmap/made created' kubectl create configmap made --from-literal='x=a "b" \t c=d' --from-file="$tmp/text" --from-file=other="$tmp/text"
    equal "a literal" 'a "b" \t c=d' "$(cat "$mnt/configmaps/default/made/data/x")"
    cmp "$tmp/text" "$mnt/configmaps/default/made/data/text" || fail "a file in a ConfigMap"
    cmp "$tmp/text" "$mnt/configmaps/default/made/data/other" || fail "a file under another key"
    says 'secret/hidden created' kubectl create secret generic hidden --from-literal=p=geheim --from-file=raw="$tmp/bytes"
    equal "a secret" geheim "$(kubectl get secret hidden -o jsonpath='{.data.p}' | base64 -d)"
    kubectl get secret hidden -o 'jsonpath={.data.raw}' | base64 -d | cmp - "$tmp/bytes" || fail "bytes in a Secret"
    says 'serviceaccount/bot created' kubectl create serviceaccount bot
    says 'deployment.apps/two created' kubectl create deployment two --image=busybox --replicas=0
    equal image busybox "$(cat "$mnt/deployments/default/two/spec/template/spec/containers/busybox/image")"
    kubectl create deployment three --image=busybox --replicas=0 --dry-run=client -o yaml >"$tmp/three.yaml" || fail "dry run"
    [ ! -e "$mnt/deployments/default/three" ] || fail "a dry run made something"
    says 'deployment.apps/three created' kubectl create -f "$tmp/three.yaml"
    says $'deployment.apps "two" deleted from default namespace\ndeployment.apps "three" deleted from default namespace' kubectl delete deploy two three
    says 'configmap "made" deleted from default namespace' kubectl delete cm/made
    fails 1 'Error from server (NotFound): configmaps "made" not found' kubectl delete cm made
    says '' kubectl delete cm made --ignore-not-found
    fails 1 'error: resource(s) were provided, but no name was specified' kubectl delete cm
}

looking() {
    says 'deployment "web" successfully rolled out' eval 'kubectl rollout status deploy/web | tail -n 1'
    equal "pods" $'NAME READY STATUS RESTARTS AGE\nweb-HASH 1/1 Running 0 AGE\nweb-HASH 1/1 Running 0 AGE' "$(table kubectl get pods)"
    equal "deployments" $'NAME READY UP-TO-DATE AVAILABLE AGE CONTAINERS IMAGES SELECTOR\nweb 2/2 2 2 AGE nginx nginx:1 app=web' "$(table kubectl get deploy -o wide)"
    equal "one of all namespaces" $'NAMESPACE NAME READY UP-TO-DATE AVAILABLE AGE\ndefault web 2/2 2 2 AGE' "$(table kubectl get deployments.apps -A)"
    contains "$(kubectl get all)" '^pod/web-'
    contains "$(kubectl get all)" '^replicaset.apps/web-'
    contains "$(kubectl get pods,deploy --no-headers)" '^deployment.apps/web   2/2   2     2     [0-9]*s$'
    equal "labels" 'app=web' "$(kubectl get pods -l app=web --show-labels --no-headers | grep -o 'app=[a-z]*' | sort -u)"
    fails 1 $'NAME       DATA   AGE\nsettings   1      AGE\nError from server (NotFound): configmaps "nope" not found' eval 'kubectl get cm settings nope 2>"$tmp/err" | sed -E "s/[0-9ms]+$/AGE/"; rc=${PIPESTATUS[0]}; cat "$tmp/err"; (exit $rc)'
    says 'No resources found in kube-public namespace.' kubectl -n kube-public get deployments
    fails 1 "error: the server doesn't have a resource type \"unicorns\"" kubectl get unicorns
    fails 1 'error: unknown command "frobnicate" for "kubectl"' kubectl frobnicate
    contains "$(kubectl get pods --colour 2>&1)" '^error: unknown flag: --colour'
    contains "$(kubectl get pods -l 'a in' 2>&1)" '^error: '
    contains "$(kubectl get cm settings -o yaml)" '^  a: "1"$'
    kubectl get cm settings -o yaml | grep -q managedFields && fail "managedFields are shown"
    kubectl get deploy,cm -o json >"$tmp/list.json" || fail "json"
    python3 - "$tmp/list.json" <<'END' || fail "the list is not what it should be"
import json, sys
o = json.load(open(sys.argv[1]))
assert o['kind'] == 'List' and [i['kind'] for i in o['items']].count('Deployment') == 1, o
assert not any('managedFields' in i['metadata'] for i in o['items'])
END
    says 'settings 1' eval "kubectl get cm settings -o jsonpath='{.metadata.name} {.data.a}{\"\\n\"}'"
    equal "jsonpath of a list" 'nginx:1 nginx:1' "$(kubectl get pods -o jsonpath='{.items[*].spec.containers[0].image}')"
    equal "jsonpath with a filter" True "$(kubectl get deploy web -o jsonpath='{.status.conditions[?(@.type=="Available")].status}')"
    equal "range" 'Deployment/web' "$(kubectl get deploy -o jsonpath='{range .items[*]}{.kind}/{.metadata.name}{"\n"}{end}')"
    equal "columns" $'NAME   IMAGE     NOPE\nweb    nginx:1   <none>' "$(kubectl get deploy -o custom-columns='NAME:.metadata.name,IMAGE:.spec.template.spec.containers[*].image,NOPE:.spec.nope')"
    contains "$(kubectl describe deploy web)" '^Replicas:  *2 desired | 2 updated | 2 total | 2 available | 0 unavailable$'
    contains "$(kubectl describe pods -l app=web)" '^Name:  *web-'
    contains "$(kubectl events --for deploy/web)" 'ScalingReplicaSet *deployment/web *Scaled up replica set'
    contains "$(kubectl api-resources --api-group=apps)" '^deployments  *deploy  *apps/v1  *true  *Deployment$'
    says namespaces eval 'kubectl api-resources -o name --namespaced=false | head -n 1'
    contains "$(kubectl explain deploy.spec.strategy)" '^FIELD: strategy <DeploymentStrategy>$'
    contains "$(kubectl explain deploy.spec)" '^  selector	<LabelSelector> -required-'
    contains "$(kubectl version)" '^Server Version: v1'
    contains "$(kubectl auth whoami)" '^Username    root$'
    says yes kubectl auth can-i create pods
    says yes kubectl auth can-i bind clusterroles/view # a verb that no file's mode tells
    contains "$(kubectl --help)" '^  rollout '
}

changing() {
    says 'deployment.apps/web labeled' kubectl label deploy web tier=front x/y=z
    fails 1 "error: 'tier' already has a value (front), and --overwrite is false" kubectl label deploy web tier=back
    says 'deployment.apps/web labeled' kubectl label --overwrite deploy/web tier=back
    says 'deployment.apps/web not labeled' kubectl label deploy/web tier=back
    says $'tier=back\nx/y=z' kubectl label deploy web --list
    says 'deployment.apps/web unlabeled' kubectl label deploy web tier- x/y-
    says 'deployment.apps/web annotated' kubectl annotate deploy web kubernetes.io/change-cause='the "first"'
    says 'deployment.apps/web scaled' kubectl scale deploy web --replicas=1
    fails 1 'error: Expected replicas to be 5, was 1' kubectl scale deploy web --replicas=2 --current-replicas=5
    says 'deployment.apps/web patched' kubectl patch deploy web -p '{"spec": {"minReadySeconds": 1}}'
    says 'deployment.apps/web patched (no change)' kubectl patch deploy web --type=merge -p '{"spec": {"minReadySeconds": 1}}'
    says 'deployment.apps/web patched' kubectl patch deploy web --type=json -p '[{"op": "replace", "path": "/spec/minReadySeconds", "value": 0}]'
    fails 1 'Error from server (Invalid): deployment.apps "web": spec.replicas: Invalid value: "x": must be an integer' kubectl patch deploy web --type=merge -p '{"spec": {"replicas": "x"}}'
    printf '#!/bin/sh\nsed -i "s/a: .*/a: edited/" "$1"\n' >"$tmp/editor"
    chmod +x "$tmp/editor"
    says 'configmap/settings edited' kubectl edit cm settings
    equal "what was edited" edited "$(cat "$mnt/configmaps/default/settings/data/a")"
    says 'Edit cancelled, no changes made.' kubectl edit cm settings
    # a refusal is shown in the editor; without another change the text is kept
    printf '#!/bin/sh\ngrep -q "^# .*unknown field" "$1" && touch %s\nsed -i "s/^kind:.*/&\\nnope: 1/; /^nope/{n;/^nope/d}" "$1"\nsed -i "/^nope/,\\$ {/^nope/d}; \\$ a nope: 1" "$1"\n' "$tmp/saw" >"$tmp/editor"
    contains "$(kubectl edit cm settings 2>&1)" 'unknown field "nope"'
    [ -e "$tmp/saw" ] || fail "the editor did not show why"
}

rolling() {
    says 'deployment.apps/web image updated' kubectl set image deploy/web nginx=nginx:2
    contains "$(kubectl rollout status deploy/web)" '^deployment "web" successfully rolled out$'
    fails 1 'error: unable to find container named "apache"' kubectl set image deploy web apache=x
    equal history $'deployment.apps/web \nREVISION  CHANGE-CAUSE\n1         the "first"\n2         the "first"' "$(kubectl rollout history deploy/web | sed '$d')"
    says 'deployment.apps/web rolled back' kubectl rollout undo deployment web --to-revision=1
    kubectl rollout status deploy/web >/dev/null || fail "rollout status"
    equal image nginx:1 "$(kubectl get deploy web -o jsonpath='{.spec.template.spec.containers[0].image}')"
    says 'deployment.apps/web restarted' kubectl rollout restart deploy/web
    says 'deployment.apps/web paused' kubectl rollout pause deploy/web
    fails 1 'error: deployments.apps "web" is already paused' kubectl rollout pause deploy/web
    says 'deployment.apps/web resumed' kubectl rollout resume deploy/web
    kubectl rollout status deploy/web --timeout=60s >/dev/null || fail "rollout status"
    says 'deployment.apps/web image updated' kubectl set image deploy/web '*=nowhere.invalid/x:1'
    contains "$(kubectl rollout status deploy/web --timeout=1s 2>&1)" '^error: timed out waiting for the condition$'
    says 'deployment.apps/web rolled back' kubectl rollout undo deploy/web
    kubectl rollout status deploy/web --timeout=60s >/dev/null || fail "rollout status"
}

pods() {
    says 'pod/box created' kubectl run box --image=busybox --env A=1 -- sleep 1000
    says 'pod/box condition met' kubectl wait --for=condition=Ready pod/box --timeout=60s
    says 'pod/box condition met' kubectl wait --for=jsonpath='{.status.phase}'=Running pod/box --timeout=60s
    fails 1 'error: timed out waiting for the condition on pods/box' kubectl wait --for=condition=Ready=False pod/box --timeout=1s
    says 1 kubectl exec box -- sh -c 'echo $A'
    fails 3 $'out\ncommand terminated with exit code 3' kubectl exec box -- sh -c 'echo out; exit 3'
    equal "its errors" oops "$(kubectl exec box -- sh -c 'echo oops >&2' 2>&1 >/dev/null)"
    equal "quoted words" "it's|a b|\$x|" "$(kubectl exec box -- printf '%s|' "it's" 'a b' '$x')"
    head -c 300000 /dev/urandom >"$tmp/bytes"
    kubectl exec -i box -- cat <"$tmp/bytes" | cmp - "$tmp/bytes" || fail "bytes through exec"
    fails 1 'error: you must specify at least one command for the container' kubectl exec box
    fails 1 'Error from server (NotFound): pods "nope" not found' kubectl exec nope -- true
    mkdir -p "$tmp/tree/sub"
    echo one >"$tmp/tree/1"
    echo two >"$tmp/tree/sub/2"
    says '' kubectl cp "$tmp/tree" box:/tmp/there
    says '' kubectl cp "$tmp/bytes" default/box:/tmp/there/bytes.2
    says two kubectl exec box -- cat /tmp/there/sub/2
    says '' kubectl cp box:/tmp/there "$tmp/back"
    says '' kubectl cp box:tmp/there/1 "$tmp/one"
    diff -r "$tmp/tree" "$tmp/back" | grep -v 'bytes.2$' && fail "what came back differs"
    cmp "$tmp/bytes" "$tmp/back/bytes.2" || fail "a file that came back differs"
    equal "one file" one "$(cat "$tmp/one")"
    says 'pod/talk created' kubectl run talk --image=busybox --restart=Never -- sh -c 'for i in 1 2 3; do echo line $i; done; sleep 1; echo end'
    says $'line 1\nline 2\nline 3\nend' eval 'kubectl wait --for=condition=Ready pod/talk >/dev/null; kubectl logs -f talk'
    says $'line 3\nend' kubectl logs talk --tail=2
    says '[pod/talk/talk] end' kubectl logs -l run=talk --tail=1 --prefix
    contains "$(kubectl logs deploy/web)" nginx
    says $'pod/late created' kubectl run late --image=nowhere.invalid/x
    eventually 20 has "$mnt/pods/default/late/status" 'reason: .*Image\|reason: ErrImage'
    contains "$(kubectl logs late 2>&1)" '^Error from server (BadRequest): container "late" in pod "late" is waiting to start: '
    fails 1 'error: container nope is not valid for pod box' kubectl logs box -c nope
    contains "$(kubectl top pods)" '^box  *[0-9]*m  *[0-9]*Mi$'
    contains "$(kubectl top nodes)" "^$node  *[0-9]*m  *[0-9]*%  *[0-9]*Mi  *[0-9]*%\$"
    says $'Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.\npod "late" force deleted from default namespace' kubectl delete pod late --grace-period=0 --force
    says $'pod "box" deleted from default namespace\npod "talk" deleted from default namespace' kubectl delete pod box talk --grace-period=0
    [ ! -e "$mnt/pods/default/box" ] || fail "delete did not wait"
    says '' kubectl wait --for=delete pod/box --timeout=5s
}

watching() {
    timeout 90 $shell "$top/examples/kubectl" get cm -w >"$tmp/watched" &
    local watcher=$!
    eventually 10 has "$tmp/watched" '^settings '
    says 'configmap/more created' kubectl create cm more
    eventually 10 has "$tmp/watched" '^more  *0 '
    echo x >"$mnt/configmaps/default/more/data/k" || fail "data"
    eventually 10 has "$tmp/watched" '^more  *1 '
    says 'configmap "more" deleted from default namespace' kubectl delete cm more
    kill $watcher
    wait $watcher 2>/dev/null
}

nodes() {
    says "node/$node cordoned" kubectl cordon $node
    contains "$(kubectl get nodes)" "^$node  *Ready,SchedulingDisabled "
    says "node/$node already cordoned" kubectl cordon $node
    says "node/$node uncordoned" kubectl uncordon $node
    says "node/$node tainted" kubectl taint nodes $node a=b:NoSchedule c:PreferNoSchedule
    fails 1 "error: node $node already has a taint(s) with same effect(s) and --overwrite is false" kubectl taint nodes $node a=x:NoSchedule
    says "a=b:NoSchedule c=:PreferNoSchedule" eval "kubectl get node $node -o jsonpath='{range .spec.taints[*]}{.key}={.value}:{.effect} {end}' | sed 's/ \$//'"
    says "node/$node untainted" kubectl taint nodes $node a- c:PreferNoSchedule-
    says "pod/bare created" kubectl run bare --image=busybox -- sh -c 'trap exit TERM; sleep 1000 & wait'
    eventually 20 phase_is bare Running
    fails 1 $"node/$node cordoned"$'\n'"error: unable to drain node \"$node\" due to error: cannot delete Pods that declare no controller (use --force to override): default/bare, continuing command..." kubectl drain $node
    contains "$(kubectl drain $node --force)" "^node/$node drained\$"
    [ ! -e "$mnt/pods/default/bare" ] || fail "drain did not wait"
    says "node/$node uncordoned" kubectl uncordon $node
}

# A terminal: raw, of the size of ours, which follows; the exit status comes through.
terminal() {
    local words
    read -ra words <<<"$shell"
    kubectl run box --image=busybox -- sleep 1000 >/dev/null && kubectl wait --for=condition=Ready pod/box >/dev/null || fail box
    python3 - "${words[@]}" "$top/examples/kubectl" <<'END' || fail "exec -it"
import fcntl, os, pty, select, signal, struct, sys, termios, time
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:] + ['exec', '-it', 'box', '--', 'sh'])
def size(rows, columns):
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
seen = b''
def expect(text, seconds=30):
    global seen
    end = time.time() + seconds
    while text not in seen:
        if not select.select([fd], [], [], max(0, end - time.time()))[0]:
            sys.exit('expected %r, got %r' % (text, seen))
        try:
            seen += os.read(fd, 4096)
        except OSError:
            break
    assert text in seen, seen
    seen = seen[seen.index(text) + len(text):]
size(33, 77)
os.kill(pid, signal.SIGWINCH)
expect(b'# ')
for want in ((33, 77), (20, 50)):
    size(*want)
    deadline = time.time() + 30
    while True:   # the size follows soon, not at once
        os.write(fd, b'stty size; echo do""ne\n')
        expect(b'done')
        os.write(fd, b'stty size\n')
        try:
            expect(b'\r\n%d %d\r\n' % want, 2)
            break
        except SystemExit:
            if time.time() > deadline:
                raise
os.write(fd, b'sleep 100\n')
time.sleep(0.5)
os.write(fd, b'\x03')             # the interrupt is the container's, not ours
os.write(fd, b'echo al""ive; exit 7\n')
expect(b'alive')
try:
    while os.read(fd, 4096):
        pass
except OSError:
    pass
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
assert status == 7, status
END
    kubectl delete pod box --grace-period=0 >/dev/null || fail "delete box"
}

# What another user may not do is said as kubectl says it.
forbidden() {
    nobody() { setpriv --reuid 12345 --regid 12345 --clear-groups timeout 20 env TMPDIR=/tmp $shell "$top/examples/kubectl" "$@"; }
    fails 1 'Error from server (Forbidden): pods is forbidden: User "uid:12345" cannot list resource "pods" in API group "" in the namespace "default"' nobody get pods
    fails 1 'Error from server (Forbidden): deployments.apps "web" is forbidden: User "uid:12345" cannot get resource "deployments" in API group "apps" in the namespace "default"' nobody get deploy web
    fails 1 'Error from server (Forbidden): pods is forbidden: User "uid:12345" cannot list resource "pods" in API group "" in the namespace "default"' nobody delete pods --all
    contains "$(nobody create cm mine 2>&1)" '^error: failed to create configmap: configmaps "mine" is forbidden: User "uid:12345" cannot '
    fails 1 no nobody auth can-i create pods
    fails 1 no nobody auth can-i list pods
}

tried=0
for shell in dash 'busybox sh'; do
    command -v ${shell%% *} >/dev/null || continue
    tried=$((tried + 1))
    for part in manifests creating looking changing rolling pods watching terminal forbidden nodes; do $part; done
    kubectl delete deploy/web cm/settings secret/hidden sa/bot >/dev/null || fail 'the end'
    eventually 30 count_is "$mnt/pods/default" 0
    eventually 30 test ! -e "$mnt/deployments/default/web"
done
equal "manifests of what is gone" '' "$(find "$mnt/apply" -type f ! -name bare.yaml)" # (that pod was drained)
[ $tried -gt 0 ] || skip "needs dash or busybox"
if command -v shellcheck >/dev/null; then
    (cd "$top/examples" && shellcheck -s sh -x kubectl) || fail "shellcheck"
fi
equal "files that are left behind" '' "$(find "$tmp" -maxdepth 2 -path "$tmp/kubectl.*")"
exit 0
