#!/usr/bin/env python3
"""Hold the decision about who may do what against an evaluation of its own.

This one is written from the Kubernetes documentation ("Using RBAC Authorization", "Authorization"),
without an index: it walks all bindings for each question. Worlds of random roles, bindings and
questions go to both; every answer must be the same.

    check_rbac.py PROGRAM [QUESTIONS] [SEED]
"""
import json
import random
import subprocess
import sys

API = "rbac.authorization.k8s.io/v1"
VERBS = ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "bind", "impersonate"]
GROUPS = ["", "apps", "batch", "example.com"]
RESOURCES = ["pods", "deployments", "jobs", "secrets", "namespaces", "pod", "podsx"]
SUBRESOURCES = ["log", "exec", "status", "scale"]
NAMESPACES = ["default", "prod", "dev"]
NAMES = ["web", "db", "a"]
USERS = ["alice", "bob", "uid:1234", "system:serviceaccount:prod:robot", "system:serviceaccount:dev:robot"]
TEAMS = ["dev", "ops", "system:authenticated", "system:serviceaccounts", "system:masters"]
PATHS = ["/", "/version", "/metrics", "/metrics/slis", "/apis", "/apis/apps", "/api"]


# -- the evaluation ----------------------------------------------------------------------------

def subject_is(subject, question, binding_namespace):
    kind, name = subject.get("kind"), subject.get("name")
    if kind == "User":
        return question["user"] == name
    if kind == "Group":
        return name in question["groups"]
    if kind == "ServiceAccount":
        namespace = subject.get("namespace") or binding_namespace
        return bool(namespace) and question["user"] == f"system:serviceaccount:{namespace}:{name}"
    return False


def resource_allowed(rule, q):
    """A rule is about resources by its apiGroups, resources and resourceNames."""
    if not any(g in ("*", q["group"]) for g in rule.get("apiGroups", [])):
        return False
    wanted = {"*", q["resource"]}
    if q["subresource"]:
        wanted = {"*", q["resource"] + "/" + q["subresource"], "*/" + q["subresource"]}
    if not wanted & set(rule.get("resources", [])):
        return False
    names = rule.get("resourceNames", [])
    return not names or q["name"] in names


def path_allowed(rule, path):
    """`*` is allowed at the end of a path, and stands for every continuation."""
    for url in rule.get("nonResourceURLs", []):
        if url == path or (url.endswith("*") and path.startswith(url.rstrip("*"))):
            return True
    return False


def rule_allows(rule, q):
    if not any(v in ("*", q["verb"]) for v in rule.get("verbs", [])):
        return False
    return path_allowed(rule, q["path"]) if "path" in q else resource_allowed(rule, q)


def allowed(objects, q):
    if "system:masters" in q["groups"]:
        return True
    namespace = q.get("namespace", "")
    # what asks about a Namespace by its name, asks inside of it
    if "path" not in q and (q["group"], q["resource"]) == ("", "namespaces") and q["name"]:
        namespace = q["name"]
    for binding in objects:
        if not binding["kind"].endswith("Binding"):
            continue
        of = binding["metadata"].get("namespace", "")
        if binding["kind"] == "RoleBinding" and (not namespace or of != namespace or "path" in q):
            continue
        if not any(subject_is(s, q, of) for s in binding.get("subjects", [])):
            continue
        ref = binding["roleRef"]
        for role in objects:
            if role["kind"] != ref["kind"] or role["metadata"]["name"] != ref["name"]:
                continue
            if role["kind"] == "Role" and role["metadata"]["namespace"] != of:
                continue
            if role["kind"] == "Role" and binding["kind"] == "ClusterRoleBinding":
                continue
            if any(rule_allows(rule, q) for rule in role.get("rules", [])):
                return True
    return False


# -- worlds ------------------------------------------------------------------------------------

def some(rng, words, star=0.15, most=3):
    chosen = rng.sample(words, rng.randint(1, min(most, len(words))))
    return chosen + ["*"] if rng.random() < star else chosen


def rule(rng):
    if rng.random() < 0.15:
        urls = some(rng, PATHS, 0.1)
        if rng.random() < 0.4:
            urls.append(rng.choice(PATHS).rstrip("/") + "/*")
        return {"nonResourceURLs": urls, "verbs": some(rng, VERBS)}
    resources = some(rng, RESOURCES, 0.1)
    for _ in range(rng.randint(0, 2)):
        resources.append(rng.choice(RESOURCES + ["*"]) + "/" + rng.choice(SUBRESOURCES))
    made = {"apiGroups": some(rng, GROUPS), "resources": resources, "verbs": some(rng, VERBS)}
    if rng.random() < 0.3:
        made["resourceNames"] = some(rng, NAMES, 0)
    return made


def subject(rng):
    kind = rng.choice(["User", "User", "Group", "ServiceAccount", "Robot"])
    if kind == "ServiceAccount":
        made = {"kind": kind, "name": "robot"}
        if rng.random() < 0.7:
            made["namespace"] = rng.choice(NAMESPACES)
        return made
    return {"kind": kind, "name": rng.choice(USERS if kind == "User" else TEAMS[:-1])}


def world(rng):
    objects = []
    for i in range(rng.randint(1, 6)):
        role = {"kind": "ClusterRole", "metadata": {"name": f"role-{i}"}}
        if rng.random() < 0.5:
            role = {"kind": "Role", "metadata": {"name": f"role-{i}", "namespace": rng.choice(NAMESPACES)}}
        if rng.random() < 0.95:
            role["rules"] = [rule(rng) for _ in range(rng.randint(0, 4))]
        objects.append(role)
    for i in range(rng.randint(1, 12)):
        binding = {"kind": "ClusterRoleBinding", "metadata": {"name": f"binding-{i}"}}
        if rng.random() < 0.7:
            binding = {"kind": "RoleBinding",
                       "metadata": {"name": f"binding-{i}", "namespace": rng.choice(NAMESPACES)}}
        # now and then to a role that is not there
        role = rng.choice([o for o in objects if o["kind"].endswith("Role")])
        binding["roleRef"] = {"apiGroup": "rbac.authorization.k8s.io", "kind": role["kind"],
                              "name": role["metadata"]["name"] if rng.random() < 0.9 else "nowhere"}
        if rng.random() < 0.95:
            binding["subjects"] = [subject(rng) for _ in range(rng.randint(0, 3))]
        objects.append(binding)
    return [dict(o, apiVersion=API) for o in objects]


def question(rng):
    q = {"user": rng.choice(USERS), "groups": rng.sample(TEAMS[:-1], rng.randint(0, 3)), "verb": rng.choice(VERBS)}
    if rng.random() < 0.01:
        q["groups"].append("system:masters")
    if rng.random() < 0.1:
        q["path"] = rng.choice(PATHS)
        return q
    q.update(group=rng.choice(GROUPS[:2] if rng.random() < 0.8 else GROUPS), resource=rng.choice(RESOURCES),
             subresource=rng.choice(SUBRESOURCES) if rng.random() < 0.3 else "",
             namespace=rng.choice(NAMESPACES + [""]), name=rng.choice(NAMES + NAMESPACES + ["", ""]))
    return q


def near(rng, objects):
    """A question that some rule of the world may be about, one word changed now and then."""
    q = question(rng)
    binding = rng.choice([o for o in objects if o["kind"].endswith("Binding")])
    roles = [o for o in objects if o["metadata"]["name"] == binding["roleRef"]["name"] and o.get("rules")]
    if not roles or not binding.get("subjects") or "path" in q:
        return q
    subject_of, found = rng.choice(binding["subjects"]), rng.choice(rng.choice(roles)["rules"])
    if subject_of["kind"] == "Group":
        q["groups"].append(subject_of["name"])
    elif subject_of["kind"] == "User":
        q["user"] = subject_of["name"]
    else:
        q["user"] = f"system:serviceaccount:{subject_of.get('namespace', 'prod')}:robot"
    q["verb"] = rng.choice(found["verbs"]).replace("*", "get")
    if "nonResourceURLs" in found:
        q["path"] = rng.choice(found["nonResourceURLs"]).replace("*", "x")
        return q
    q["group"] = rng.choice(found["apiGroups"]).replace("*", "example.com")
    resource, _, sub = rng.choice(found["resources"]).partition("/")
    q["resource"], q["subresource"] = resource.replace("*", "jobs"), sub
    q["name"] = rng.choice(found.get("resourceNames", [q["name"]]))
    q["namespace"] = binding["metadata"].get("namespace", q["namespace"])
    if rng.random() < 0.3:
        q.update(rng.choice([{"verb": "list"}, {"group": "apps"}, {"subresource": ""}, {"name": ""},
                             {"namespace": ""}, {"namespace": "dev"}, {"resource": "pods"}]))
    return q


def main():
    program = sys.argv[1]
    wanted = int(sys.argv[2]) if len(sys.argv) > 2 else 10000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 20261127
    rng = random.Random(seed)
    asked = yes = 0
    with subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        while asked < wanted:
            objects = world(rng)
            questions = [question(rng) if i % 2 else near(rng, objects) for i in range(100)]
            child.stdin.write(json.dumps({"objects": objects, "questions": questions}) + "\n")
            child.stdin.flush()
            answers = child.stdout.readline().strip()
            if len(answers) != len(questions):
                sys.exit(f"{program} answered {answers!r}")
            for q, answer in zip(questions, answers):
                expected = allowed(objects, q)
                if expected != (answer == "1"):
                    sys.exit(f"seed {seed}: {'allowed' if expected else 'refused'} was expected\n"
                             f"{json.dumps(q)}\n{json.dumps(objects, indent=1)}")
                yes += expected
            asked += len(questions)
        child.stdin.close()
    if child.returncode:
        sys.exit(f"{program} ended with {child.returncode}")
    if not asked / 50 < yes < asked / 2:
        sys.exit(f"{yes} of {asked} allowed: these questions test nothing")
    print(f"{asked} questions, {yes} allowed, all agree")


if __name__ == "__main__":
    main()
