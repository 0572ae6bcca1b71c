/* SPDX-License-Identifier: MIT */
/*
 * Answers questions about RBAC for check_rbac.py: a line of JSON on stdin is
 * {"objects": [...], "questions": [{user, groups, verb, group, resource, subresource, namespace,
 * name | path}]}; the answer is a line of 0 and 1, one a question. Objects go into the
 * store as they are, so that dangling and malformed ones can be asked about, too.
 */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "auth/authorize.h"
#include "objects/codec.h"
#include "objects/store/backend.h"

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err->msg);
	exit(1);
}

static const char *str_of(const struct value *v, const char *key)
{
	return value_str(value_get(v, key), "");
}

static void put(struct store_txn *txn, const struct value *v, unsigned number)
{
	const struct kind *k = kind_by_gvk(str_of(v, "apiVersion"), str_of(v, "kind"));
	const struct value *meta = value_get(v, "metadata");
	struct value *o = value_bury(value_ref(v), value_new_stringf("uid-%u", number), "metadata",
				     "uid", NULL);

	store_txn_put(txn, (struct objkey){k, str_of(meta, "namespace"), str_of(meta, "name")}, o,
		      STORE_ANY);
}

static void drop_all(struct store_txn *txn, struct store *store)
{
	static const char *const plurals[] = {"roles", "clusterroles", "rolebindings",
					      "clusterrolebindings"};

	for (size_t i = 0; i < ARRAY_LEN(plurals); i++) {
		struct object_list list;

		store_list(store, kind_find("rbac.authorization.k8s.io", "v1", plurals[i]), NULL,
			   &list);
		for (size_t j = 0; j < list.n; j++)
			store_txn_delete(txn, object_key(list.list[j]), STORE_ANY);
		object_list_fini(&list);
	}
}

static void commit(struct store *store, struct store_txn *txn)
{
	struct err err = ERR_INIT;

	if (txn->n_ops && store_commit_wait(store, txn, &err) < 0)
		die("commit", &err);
	store_txn_free(txn);
}

static void set_world(struct store *store, const struct value *objects)
{
	static unsigned number;
	struct store_txn *txn = store_txn_new();

	drop_all(txn, store);
	commit(store, txn);
	txn = store_txn_new();
	for (size_t i = 0; i < value_count(objects); i++)
		put(txn, value_at(objects, i), number++);
	commit(store, txn);
}

static int answer(struct rbac *rbac, const struct value *q)
{
	const char *groups[64] = {NULL};
	const struct value *list = value_get(q, "groups");
	struct caller who = {.user = str_of(q, "user"), .groups = groups};
	struct access what = {.verb = str_of(q, "verb"),
			      .group = str_of(q, "group"),
			      .resource = str_of(q, "resource"),
			      .subresource = str_of(q, "subresource"),
			      .ns = str_of(q, "namespace"),
			      .name = str_of(q, "name"),
			      .path = value_str(value_get(q, "path"), NULL)};

	for (size_t i = 0; i < value_count(list) && i < ARRAY_LEN(groups) - 1; i++)
		groups[i] = value_str(value_at(list, i), "");
	return auth_check(rbac, &who, &what, NULL) == 0;
}

int main(void)
{
	char path[] = "/tmp/rbac_decide.XXXXXX";
	struct err err = ERR_INIT;
	struct store *store;
	struct rbac *rbac;
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;

	kinds_init();
	if (mkstemp(path) < 0)
		die(path, &err);
	store = store_open(backend_sqlite_open(path, &err), &err);
	if (!store)
		die(path, &err);
	rbac = rbac_new(store);
	while ((n = getline(&line, &cap, stdin)) > 0) {
		CLEANUP_VALUE struct value *world = json_parse(line, (size_t)n, &err);
		const struct value *questions = value_get(world, "questions");

		if (!world)
			die("line", &err);
		set_world(store, value_get(world, "objects"));
		rbac_settle(rbac);
		for (size_t i = 0; i < value_count(questions); i++)
			putchar(answer(rbac, value_at(questions, i)) ? '1' : '0');
		putchar('\n');
		fflush(stdout);
	}
	rbac_free(rbac);
	store_close(store);
	free(line);
	unlink(path);
	return 0;
}
