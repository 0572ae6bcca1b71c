#!/usr/bin/env python3
"""Hold what real users may do to files against the evaluation of check_rbac.py, and against what is shown.

    rbac_mount.py MOUNT WORLDS SEED USER:GROUP...

For each world of random roles and bindings, each user tries operations on files: the outcome, the
answer of access(2) (mode and ACL, as the kernel reads them) and the evaluation must be the same.
Run as root; the users exist, and so do the namespaces prod and dev.
"""
import errno
import grp
import json
import os
import pwd
import random
import sys
import time

from check_rbac import API, allowed

NAMESPACES = ["prod", "dev"]
NAMES = ["web", "db"]
KINDS = {"configmaps": ("", "core/v1", []), "pods": ("", "core/v1", ["log", "status", "exec"]),
         "deployments": ("apps", "apps/v1", ["status", "scale"])}
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete"]
SECONDS = 20  # a loaded machine may be late


def manifest(plural, namespace, name):
    kind = {"configmaps": "ConfigMap", "pods": "Pod", "deployments": "Deployment"}[plural]
    made = {"apiVersion": "apps/v1" if plural == "deployments" else "v1", "kind": kind,
            "metadata": {"name": name, "namespace": namespace}}
    pod = {"containers": [{"name": "c", "image": "none"}]}
    if plural == "pods":
        made["spec"] = pod
    if plural == "deployments":
        made["spec"] = {"replicas": 1, "selector": {"matchLabels": {"a": name}},
                        "template": {"metadata": {"labels": {"a": name}}, "spec": pod}}
    return made


def rule(rng):
    plural = rng.choice(list(KINDS))
    group, _, subs = KINDS[plural]
    resources = rng.sample([plural] + [f"{plural}/{s}" for s in subs], rng.randint(1, 1 + len(subs)))
    made = {"apiGroups": [group], "resources": resources, "verbs": rng.sample(VERBS, rng.randint(1, 4))}
    if rng.random() < 0.3:
        made["resourceNames"] = [rng.choice(NAMES)]
    if rng.random() < 0.05:
        made["verbs"] = ["*"]
    return made


def world(rng, subjects, number):
    objects = []
    for i in range(rng.randint(1, 5)):
        cluster = rng.random() < 0.3
        name, namespace = f"random-{number}-{i}", rng.choice(NAMESPACES)
        meta = {"name": name} if cluster else {"name": name, "namespace": namespace}
        role = "ClusterRole" if cluster else "Role"
        bound_in = None if cluster and rng.random() < 0.5 else namespace
        objects.append({"kind": role, "metadata": meta, "rules": [rule(rng) for _ in range(rng.randint(1, 3))]})
        kind, who = rng.choice(subjects)
        objects.append({"kind": "RoleBinding" if bound_in else "ClusterRoleBinding",
                        "metadata": dict({"name": name}, **({"namespace": bound_in} if bound_in else {})),
                        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role, "name": name},
                        "subjects": [{"kind": kind, "name": who, "apiGroup": "rbac.authorization.k8s.io"}]})
    return [dict(o, apiVersion=API) for o in objects]


# -- operations: what is asked of the evaluation, and what is done -------------------------------

def opened(path, flags):
    os.close(os.open(path, flags))


class Operation:
    """any_of: questions of which one is enough; access: what access(2) is asked for."""

    def __init__(self, words, any_of, do, path, access):
        self.words, self.any_of, self.do, self.path, self.access = words, any_of, do, path, access


def operations(mount, plural, namespace, name):
    group, version, subs = KINDS[plural]
    directory = f"{mount}/apis/{version}/{plural}/{namespace}"
    of = f"{directory}/{name}"

    def ask(verb, sub="", on=name):
        return dict(verb=verb, group=group, resource=plural, subresource=sub, namespace=namespace, name=on)

    learns = [ask(v) for v in ("get", "list", "watch", "update", "patch", "delete")] + [ask("list", on="")]
    learns += [ask(v, s) for s in subs for v in VERBS]
    yield Operation("list", [ask("list", on="")], lambda: os.listdir(directory), directory, os.R_OK)
    yield Operation("index", [ask("list", on="")], lambda: opened(f"{directory}/_index", os.O_RDONLY),
                    f"{directory}/_index", os.R_OK)
    yield Operation("see", learns, lambda: os.stat(of), None, None)
    yield Operation("read", [ask("get")], lambda: opened(f"{of}/object.yaml", os.O_RDONLY),
                    f"{of}/object.yaml", os.R_OK)
    yield Operation("replace", [ask("update")], lambda: opened(f"{of}/object.yaml", os.O_WRONLY),
                    f"{of}/object.yaml", os.W_OK)
    yield Operation("patch", [ask("patch")], lambda: opened(f"{of}/patch", os.O_WRONLY), f"{of}/patch", os.W_OK)
    label = f"{of}/metadata/name"
    yield Operation("field", [ask("get")], lambda: opened(label, os.O_RDONLY), label, os.R_OK)
    if "status" in subs:
        yield Operation("status", [ask("patch", "status"), ask("update", "status")],
                        lambda: opened(f"{of}/status", os.O_WRONLY), f"{of}/status", os.W_OK)
    if "log" in subs:
        log = f"{of}/containers/c/log"
        yield Operation("log", [ask("get", "log")], lambda: opened(log, os.O_RDONLY), log, os.R_OK)
    if "scale" in subs:
        replicas = f"{of}/spec/replicas"
        yield Operation("scale", [ask(v, s) for v in ("patch", "update") for s in ("", "scale")],
                        lambda: opened(replicas, os.O_WRONLY), replicas, os.W_OK)
    yield Operation("delete", [ask("delete")], lambda: os.rmdir(of), None, None)
    if plural == "configmaps":
        yield Operation("create", [ask("create", on="")], lambda: os.mkdir(f"{directory}/fresh"), None, None)


def outcome(user, groups, call):
    """In a child: 1 done, 0 refused or not there, 2 anything else."""
    pid = os.fork()
    if not pid:
        result = 2
        try:
            os.setgroups(groups)
            os.setresgid(groups[0], groups[0], groups[0])
            os.setresuid(user, user, user)
            done = call()
            result = 0 if done is False else 1
        except OSError as error:
            result = 0 if error.errno in (errno.EACCES, errno.ENOENT) else 2
            if result == 2:
                print(error, file=sys.stderr)
        finally:
            os._exit(result)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def restore(mount, plural, namespace, name):
    fresh = f"{mount}/apis/core/v1/configmaps/{namespace}/fresh"
    if os.path.isdir(fresh):
        os.rmdir(fresh)
    of = f"{mount}/apis/{KINDS[plural][1]}/{plural}/{namespace}/{name}"
    if os.path.isdir(of):
        return
    write(f"{mount}/apply/{plural}-{namespace}-{name}.yaml", json.dumps(manifest(plural, namespace, name)) + f"\n# {time.time()}")


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def agrees(call, expected):
    """Now, or as soon as the rules hold."""
    deadline = time.monotonic() + SECONDS
    while True:
        got = call()
        if got == expected or time.monotonic() > deadline:
            return got
        time.sleep(0.05)


def main():
    mount, worlds, seed = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    people = []
    for name in sys.argv[4:]:
        entry = pwd.getpwnam(name)
        groups = os.getgrouplist(name, entry.pw_gid)
        people.append((name, entry.pw_uid, groups, [grp.getgrgid(g).gr_name for g in groups]))
    subjects = [("User", p[0]) for p in people] + [("Group", g) for g in {g for p in people for g in p[3]}]
    subjects.append(("Group", "system:authenticated"))
    rng = random.Random(seed)
    for plural in KINDS:
        for namespace in NAMESPACES:
            for name in NAMES:
                write(f"{mount}/apply/{plural}-{namespace}-{name}.yaml", json.dumps(manifest(plural, namespace, name)))
    tried = yes = 0
    for number in range(worlds):
        objects = world(rng, subjects, number)
        write(f"{mount}/apply/world.yaml", "\n---\n".join(json.dumps(o) for o in objects))
        time.sleep(0.1)
        for name, uid, groups, group_names in people:
            plural, namespace, of = rng.choice(list(KINDS)), rng.choice(NAMESPACES), rng.choice(NAMES)
            for op in operations(mount, plural, namespace, of):
                expected = any(allowed(objects, dict(q, user=name, groups=group_names + ["system:authenticated"]))
                               for q in op.any_of)
                got = {"outcome": agrees(lambda op=op: outcome(uid, groups, op.do), int(expected))}
                restore(mount, plural, namespace, of)
                if op.path:
                    got["shown"] = agrees(
                        lambda op=op: outcome(uid, groups, lambda: os.access(op.path, op.access)), int(expected))
                if set(got.values()) != {int(expected)}:
                    sys.exit(f"seed {seed}, world {number}: {name} {op.words} {plural}/{namespace}/{of}: expected "
                             f"{int(expected)}, got {got}\n" + json.dumps(objects))
                tried += len(got)
                yes += len(got) * expected
    if not tried / 50 < yes < tried:
        sys.exit(f"{yes} of {tried} allowed: these operations test nothing")
    print(f"{tried} operations, {yes} allowed, all agree")


if __name__ == "__main__":
    main()
