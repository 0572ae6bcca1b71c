#!/bin/bash
# The audit log: a line for each write and each refusal, and no secret in it.
. "$(dirname "$0")/lib.sh"
user=kfau$$
at_end() { userdel $user 2>/dev/null; }
useradd -M -N -g nogroup $user || skip "no users can be made here"
chmod 755 "$tmp"
start_daemon --no-reconcile
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: swordfish}\n' >"$mnt/secrets/s.yaml" || fail secret
echo swordfish >"$mnt/secrets/default/s/spec" 2>/dev/null
printf '{"stringData": {"k": ["swordfish"]}}\n' >"$mnt/secrets/default/s/patch" 2>/dev/null
rmdir "$mnt/secrets/default/s"
printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n' >"$tmp/c.yaml"
setpriv --reuid=$user --regid=nogroup --init-groups cp "$tmp/c.yaml" "$mnt/apply/c.yaml" 2>/dev/null && fail "was not refused"
eventually 10 has "$state/audit.log" '"username":"'$user'"'
grep -q swordfish "$state/audit.log" && fail "a secret: $(grep -m 1 swordfish "$state/audit.log")"
equal mode 600 "$(stat -c %a "$state/audit.log")"
python3 - "$state/audit.log" $user <<'END' || fail "$(cat "$state/audit.log")"
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
assert all(e["kind"] == "Event" and e["apiVersion"] == "audit.k8s.io/v1" for e in events)
made = [e for e in events if e["objectRef"]["resource"] == "secrets" and e["user"]["username"] == "root"]
assert [e["verb"] for e in made if e["responseStatus"]["code"] < 300] == ["patch", "delete"], made
refused = [e for e in events if e["user"]["username"] == sys.argv[2]]
assert len(refused) == 1 and refused[0]["responseStatus"]["reason"] == "Forbidden", refused
assert refused[0]["annotations"]["authorization.k8s.io/decision"] == "forbid"
assert 'cannot patch resource "configmaps"' in refused[0]["responseStatus"]["message"], refused
END
stop_daemon

# -- by a policy: the first rule that fits says how much; secrets are never in it
cat >"$tmp/policy.yaml" <<'Y'
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, resources: [{group: "", resources: [configmaps], resourceNames: [quiet]}]}
- {level: RequestResponse, verbs: [patch], resources: [{group: "", resources: [configmaps, secrets]}], namespaces: [default]}
- {level: Request, resources: [{group: ""}]}
- {level: None, nonResourceURLs: ["/metr*"]}
- {level: Metadata, nonResourceURLs: ["/*"]}
Y
rm -f "$state"/audit.log*
start_daemon --no-reconcile --audit-policy "$tmp/policy.yaml"
for name in quiet loud; do
    printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: default}\ndata: {k: lettuce}\n' $name >"$mnt/apply/$name.yaml" || fail $name
    echo "data: {k: cabbage}" >"$mnt/configmaps/default/$name/patch" || fail "patch"
done
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: default}\nstringData: {k: swordfish}\n' >"$mnt/apply/s.yaml" || fail secret
echo '{"stringData": {"k": "swordfish"}}' >"$mnt/secrets/default/s/patch" || fail patch
mkdir "$mnt/apis/rbac.authorization.k8s.io/v1/clusterroles/none" 2>/dev/null
setpriv --reuid=$user --regid=nogroup --init-groups cat "$mnt/metrics" 2>/dev/null && fail "metrics are for all"
rmdir "$mnt/configmaps/default/loud"
stop_daemon
python3 - "$state/audit.log" <<'END' || fail "by the policy: $(cat "$state/audit.log")"
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
of = lambda resource, name: [e for e in events if e.get("objectRef", {}).get("resource") == resource and e["objectRef"].get("name") == name]
assert not of("configmaps", "quiet"), of("configmaps", "quiet")
assert not [e for e in events if e.get("objectRef", {}).get("apiGroup")], "what no rule fits is not in it"
assert not [e for e in events if "metrics" in e["requestURI"]], events
# (a first line is tried before the file is closed)
loud = [e for e in of("configmaps", "loud") if "dryRun" not in e["requestURI"]]
assert [(e["verb"], e["level"]) for e in loud] == [("patch", "RequestResponse")] * 2 + [("delete", "Request")], loud
assert loud[1]["requestObject"]["data"]["k"] == "cabbage" == loud[1]["responseObject"]["data"]["k"], loud[1]
assert loud[1]["responseObject"]["metadata"]["uid"]
assert {e["level"] for e in of("secrets", "s")} == {"Metadata"}, of("secrets", "s")
assert not any("swordfish" in json.dumps(e) for e in events)
END
# no policy at all is no start
no_policy() { # TEXT POLICY
    local said
    printf '%s\n' "$2" >"$tmp/bad.yaml"
    said=$(within 20 "$k8sfs" --state "$state" --run "$run" --no-reconcile --audit-policy "$tmp/bad.yaml" "$mnt" 2>&1) && fail "started by: $2"
    contains "$said" "$1"
}
no_policy 'a Policy of audit.k8s.io/v1' '{kind: Pod}'
no_policy 'rules\[0\].level' '{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: All}]}'
no_policy 'unknown field' '{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, user: [x]}]}'
no_policy 'type of this field' '{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, users: x}]}'
no_policy 'non-resource URLs' '{apiVersion: audit.k8s.io/v1, kind: Policy, rules: [{level: None, namespaces: [x], nonResourceURLs: ["/x"]}]}'
no_policy 'rules' '{apiVersion: audit.k8s.io/v1, kind: Policy}'
no_policy 'bad.yaml' '{'
