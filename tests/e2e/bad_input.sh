#!/bin/bash
# Bad manifests: each is refused with a text that says file, line, field and what was expected, and nothing is lost.
. "$(dirname "$0")/lib.sh"
start_daemon
deployments=$mnt/apis/apps/v1/deployments
pods=$mnt/apis/core/v1/pods
good=$top/examples/nginx-deployment.yaml

# try NAME ERRNO-TEXT PATTERN: a manifest on stdin that must be refused.
try() {
    local dir=$deployments
    case $1 in pod-*) dir=$pods ;; esac
    cat >"$tmp/$1"
    refused "$2" cp "$tmp/$1" "$dir/"
    [ -s "$dir/$1.err" ] || fail "no $1.err"
    contains "$(cat "$dir/$1.err")" "$3"
    cmp "$tmp/$1" "$dir/$1" || fail "the draft is not what was written"
    contains "$(cat "$mnt/errors")" "$1"
    rm "$dir/$1" || fail "rm of a draft"
    [ ! -e "$dir/$1.err" ] || fail "$1.err outlives its draft"
}

try syntax.yaml 'Invalid argument' '^syntax.yaml:[34]:' <<'END'
apiVersion: apps/v1
kind: Deployment
metadata: {name: [
END
sed 's/replicas: 2/replica: 2/' "$good" | try unknown.yaml 'Invalid argument' \
    '^unknown.yaml:[0-9]*:[0-9]*:.*unknown field "\(spec\.\)\?replica".*did you mean "\(spec\.\)\?replicas"'
sed 's/replicas: 2.*/replicas: three/' "$good" | try type.yaml 'Invalid argument' \
    '^type.yaml:11:3: spec.replicas: Invalid value: "three": must be an integer'
sed 's/^  replicas: 2.*/  replicas: 2\n  strategy: {type: Sideways}/' "$good" | try enum.yaml 'Invalid argument' \
    '^enum.yaml:12:3: spec.strategy: Unsupported value: "Sideways": supported values: "Recreate", "RollingUpdate"'
sed 's/name: nginx-deployment/name: Not_A_Name/' "$good" | try name.yaml 'Invalid argument' \
    'metadata.name: Invalid value: "Not_A_Name": a lowercase RFC 1123 subdomain'
sed '0,/app: nginx/s//app: other/' "$good" | try selector.yaml 'Invalid argument' \
    'spec.template.metadata.labels: Invalid value:.*`selector` does not match template `labels`'
sed 's/^    spec:/    spec:\n      restartPolicy: Never/' "$good" | try restart.yaml 'Invalid argument' \
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'
# all faults at once
sed 's/name: nginx-deployment/name: Not_A_Name/; s/replicas: 2.*/replicas: -1/; s/containerPort: 80/containerPort: 99999/' "$good" >"$tmp/many.yaml"
refused 'Invalid argument' cp "$tmp/many.yaml" "$deployments/"
[ "$(wc -l <"$deployments/many.yaml.err")" -ge 3 ] || fail "not all faults at once: $(cat "$deployments/many.yaml.err")"
rm "$deployments/many.yaml"

# duplicate keys, tabs, binary garbage, NUL
printf 'apiVersion: apps/v1\nkind: Deployment\nkind: Deployment\n' | try twice.yaml 'Invalid argument' '^twice.yaml:3:'
printf 'apiVersion: apps/v1\nmetadata:\n\tname: x\n' >"$tmp/tab.yaml"
refused 'Invalid argument' cp "$tmp/tab.yaml" "$deployments/"
head -c 4096 /dev/urandom >"$tmp/garbage.yaml"
refused 'Invalid argument' cp "$tmp/garbage.yaml" "$deployments/"
printf 'kind: \0Deployment\n' >"$tmp/nul.yaml"
refused 'Invalid argument' cp "$tmp/nul.yaml" "$deployments/"

# bombs: aliases, nesting, size
python3 - "$tmp" <<'END'
import sys
t = sys.argv[1]
with open(f"{t}/alias.yaml", "w") as f:
    f.write("a: &a [x,x,x,x,x,x,x,x,x]\n")
    for i in range(1, 20):
        p, q = chr(96 + i), chr(97 + i)
        f.write(f"{q}: &{q} [{','.join(['*' + p] * 9)}]\n")
open(f"{t}/nested.yaml", "w").write("a: " + "[" * 10000 + "]" * 10000 + "\n")
open(f"{t}/nested.json", "w").write("{\"a\":" + "[" * 10000 + "]" * 10000 + "}\n")
open(f"{t}/big.yaml", "w").write("a: x\n" * (10 << 20 >> 2))
END
for name in alias.yaml nested.yaml nested.json; do
    refused 'Invalid argument' within 20 cp "$tmp/$name" "$deployments/"
done
refused 'File too large' within 20 cp "$tmp/big.yaml" "$deployments/"
equal health ok "$(cat "$mnt/health")"

# the wrong directory is told the right one
refused 'Invalid argument' cp "$good" "$mnt/apis/core/v1/pods/"
contains "$(cat "$mnt/errors" | tail -n 1)" 'apis/apps/v1/deployments'

# a refused change of a good manifest leaves the object alone
cp "$good" "$deployments/web.yaml" || fail cp
uid=$(cat "$mnt/deployments/default/nginx-deployment/metadata/uid")
sed 's/replicas: 2/replicas: two/' "$good" >"$tmp/web.yaml"
refused 'Invalid argument' cp "$tmp/web.yaml" "$deployments/web.yaml"
equal replicas 2 "$(cat "$mnt/deployments/default/nginx-deployment/spec/replicas")"
cp "$good" "$deployments/web.yaml" || fail "the next good write"
[ ! -e "$deployments/web.yaml.err" ] || fail ".err outlives a good write"
equal uid "$uid" "$(cat "$mnt/deployments/default/nginx-deployment/metadata/uid")"
# immutable
sed 's/app: nginx/app: other/' "$good" >"$tmp/web.yaml"
refused 'Operation not permitted' cp "$tmp/web.yaml" "$deployments/web.yaml"

# one-value files and patch act in write()
refused 'Invalid argument' bash -c "echo three > '$mnt/deployments/default/nginx-deployment/spec/replicas'"
refused 'Invalid argument' bash -c "echo '{\"spec\":{\"replica\":1}}' > '$mnt/deployments/default/nginx-deployment/patch'"
equal replicas 2 "$(cat "$mnt/deployments/default/nginx-deployment/spec/replicas")"
