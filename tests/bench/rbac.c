/* SPDX-License-Identifier: MIT */
/* What a permission check costs with 1,000 roles and 10,000 bindings, and a new snapshot of them.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "auth/authorize.h"
#include "objects/store/backend.h"

#define N_ROLES    1000
#define N_BINDINGS 10000
#define N_CHECKS   1000000

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct value *words(const char *a, const char *b, const char *c)
{
	struct value *l = value_append(value_new_list(), value_new_string(a));

	l = b ? value_append(l, value_new_string(b)) : l;
	return c ? value_append(l, value_new_string(c)) : l;
}

static void put(struct store_txn *txn, const char *plural, const char *ns, const char *name,
		struct value *taken)
{
	const struct kind *k = kind_find("rbac.authorization.k8s.io", "v1", plural);
	struct value *v = value_set_str(taken, "apiVersion", "rbac.authorization.k8s.io/v1");

	v = value_set_str(v, "kind", k->kind);
	v = value_bury(v, value_new_string(name), "metadata", "name", NULL);
	v = value_bury(v, value_new_string(ns), "metadata", "namespace", NULL);
	v = value_bury(v, value_new_stringf("%s-%s-%s", plural, ns, name), "metadata", "uid", NULL);
	store_txn_put(txn, (struct objkey){k, ns, name}, v, STORE_ANY);
}

static void put_role(struct store_txn *txn, unsigned i)
{
	struct value *rules = value_new_list();
	char name[32], ns[32];

	for (unsigned r = 0; r < 5; r++) {
		struct value *rule = value_new_map();

		rule = value_set(rule, "apiGroups", words("", "apps", NULL));
		rule = value_set(rule, "resources", words("pods", "deployments", "services"));
		rule = value_set(rule, "verbs", words("get", "list", r == 4 ? "update" : NULL));
		rules = value_append(rules, rule);
	}
	snprintf(name, sizeof(name), "role-%u", i);
	snprintf(ns, sizeof(ns), "ns-%u", i % 100);
	put(txn, "roles", ns, name, value_set(value_new_map(), "rules", rules));
}

static void put_binding(struct store_txn *txn, unsigned i)
{
	struct value *subject = value_set_str(value_new_map(), "kind", i % 2 ? "User" : "Group");
	struct value *ref = value_set_str(value_new_map(), "kind", "Role"), *v = value_new_map();
	char name[32], ns[32];

	subject = value_set(
		subject, "name",
		value_new_stringf(i % 2 ? "user-%u" : "team-%u", i / 2 % (i % 2 ? 500 : 50)));
	ref = value_set(ref, "name", value_new_stringf("role-%u", i % N_ROLES));
	v = value_set(v, "roleRef", ref);
	v = value_set(v, "subjects", value_append(value_new_list(), subject));
	snprintf(name, sizeof(name), "binding-%u", i);
	snprintf(ns, sizeof(ns), "ns-%u", i % 100);
	put(txn, "rolebindings", ns, name, v);
}

static void measure(struct rbac *rbac, const char *what, const char *verb, const char *sub)
{
	const char *groups[] = {"team-3", "team-4", "staff", "system:authenticated", NULL};
	unsigned yes = 0;
	double began = now_us();

	for (unsigned i = 0; i < N_CHECKS; i++) {
		char user[32] = "user-0", ns[32] = "ns-0";
		struct caller who = {.user = user, .groups = groups};
		struct access a = {verb, "apps", "deployments", sub, ns, "web", NULL};

		user[5] = (char)('0' + i % 10);
		ns[3] = (char)('0' + i / 10 % 10);
		yes += auth_check(rbac, &who, &a, NULL) == 0;
	}
	printf("%s: %.3f us a check (%u of %u allowed)\n", what, (now_us() - began) / N_CHECKS, yes,
	       N_CHECKS);
}

int main(void)
{
	char path[] = "/tmp/bench_rbac.XXXXXX";
	struct store_txn *txn = store_txn_new();
	struct err err = ERR_INIT;
	struct store *store;
	struct rbac *rbac;
	double began;

	kinds_init();
	if (mkstemp(path) < 0)
		return 1;
	store = store_open(backend_sqlite_open(path, &err), &err);
	for (unsigned i = 0; i < N_ROLES; i++)
		put_role(txn, i);
	for (unsigned i = 0; i < N_BINDINGS; i++)
		put_binding(txn, i);
	if (!store || store_commit_wait(store, txn, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	store_txn_free(txn);
	rbac = rbac_new(store);
	for (int i = 0; i < 3; i++) {
		CLEANUP_SNAPSHOT struct snapshot *prev = rbac_current(rbac), *next = NULL;

		began = now_us();
		next = snapshot_new(store, i ? prev : NULL);
		printf("a snapshot, roles %s: %.1f ms\n", i ? "as before" : "compiled",
		       (now_us() - began) / 1e3);
	}
	measure(rbac, "allowed or not", "get", "");
	measure(rbac, "refused", "delete", "");
	measure(rbac, "subresource", "get", "status");
	rbac_free(rbac);
	store_close(store);
	unlink(path);
	return 0;
}
