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
