/* SPDX-License-Identifier: MIT */
/* The store: versions, batches, watches, durability. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "objects/store/backend.h"
#include "objects/store/store.h"
#include "util/fd.h"

struct fixture {
	char dir[64], path[96];
	struct store *store;
	const struct kind *configmaps;
};

static struct store *open_at(const char *path)
{
	struct err err = ERR_INIT;
	struct backend *b = backend_sqlite_open(path, &err);
	struct store *s = b ? store_open(b, &err) : NULL;

	if (!s)
		fail_msg("store: %s", err.msg);
	return s;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/k8sfs-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(f->path, sizeof(f->path), "%s/db", f->dir);
	f->store = open_at(f->path);
	f->configmaps = kind_find("", "v1", "configmaps");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	store_close(f->store);
	assert_int_equal(fd_remove_tree(f->dir, NULL), 0);
	free(f);
	return 0;
}

static struct value *configmap(const char *name, const char *text)
{
	struct value *v = value_set_str(value_new_map(), "kind", "ConfigMap");

	v = value_bury(v, value_new_string(name), "metadata", "name", NULL);
	v = value_bury(v, value_new_string("default"), "metadata", "namespace", NULL);
	v = value_bury(v, value_new_stringf("uid-%s", name), "metadata", "uid", NULL);
	return value_bury(v, value_new_string(text), "data", "text", NULL);
}

static struct objkey key(struct fixture *f, const char *name)
{
	return (struct objkey){f->configmaps, "default", name};
}

static int put(struct fixture *f, const char *name, const char *text, uint64_t expect)
{
	struct store_txn *txn = store_txn_new();
	int rc;

	store_txn_put(txn, key(f, name), configmap(name, text), expect);
	rc = store_commit_wait(f->store, txn, NULL);
	store_txn_free(txn);
	return rc;
}

static void assert_text(struct fixture *f, const char *name, const char *text)
{
	CLEANUP_OBJECT struct object *o = store_get(f->store, key(f, name));

	assert_non_null(o);
	assert_string_equal(value_dig_str(o->value, "data", "text", NULL), text);
}

static void test_versions_are_checked(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(put(f, "a", "1", STORE_ABSENT), 0);
	assert_int_equal(put(f, "a", "2", STORE_ABSENT), -EEXIST);
	CLEANUP_OBJECT struct object *o = store_get(f->store, key(f, "a"));
	assert_int_equal(put(f, "a", "2", o->rv), 0);
	assert_int_equal(put(f, "a", "3", o->rv), -EBUSY);
	assert_int_equal(put(f, "b", "3", 77), -ENOENT);
	assert_text(f, "a", "2");
	assert_text(f, "a", "2");
	assert_string_equal(value_dig_str(o->value, "data", "text", NULL),
			    "1"); /* the old snapshot stays */
}

static void test_refused_transaction_leaves_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_txn *txn = store_txn_new();

	assert_int_equal(put(f, "a", "1", STORE_ABSENT), 0);
	store_txn_put(txn, key(f, "new"), configmap("new", "x"), STORE_ABSENT);
	store_txn_delete(txn, key(f, "a"), STORE_ANY);
	store_txn_put(txn, key(f, "absent"), configmap("absent", "x"), 5);
	assert_int_equal(store_commit_wait(f->store, txn, NULL), -ENOENT);
	assert_int_equal(txn->failed, 2);
	store_txn_free(txn);
	assert_null(store_get(f->store, key(f, "new")));
	assert_text(f, "a", "1");
	assert_int_equal(store_count(f->store, f->configmaps, NULL), 1);
	assert_true(store_has_any(f->store, f->configmaps, "default"));
	assert_false(store_has_any(f->store, f->configmaps, "defaul"));
	assert_false(store_has_any(f->store, f->configmaps, "e"));
}

static void test_same_object_many_times_in_one_transaction(void **state)
{
	struct fixture *f = *state;
	struct store_txn *txn = store_txn_new();
	struct watch *w =
		store_watch(f->store, NULL, store_revision(f->store), (void (*)(void *))free, NULL);
	struct change c;

	store_txn_put(txn, key(f, "x"), configmap("x", "1"), STORE_ABSENT);
	store_txn_delete(txn, key(f, "x"), STORE_ANY);
	store_txn_put(txn, key(f, "x"), configmap("x", "2"), STORE_ABSENT);
	store_txn_put(txn, key(f, "x"), configmap("x", "3"), STORE_ANY);
	store_txn_put(txn, key(f, "y"), configmap("y", "1"), STORE_ABSENT);
	store_txn_delete(txn, key(f, "y"), STORE_ANY);
	store_txn_put(txn, key(f, "y"), configmap("y", "1"), STORE_ABSENT);
	store_txn_delete(txn, key(f, "y"), STORE_ANY);
	assert_int_equal(store_commit_wait(f->store, txn, NULL), 0);
	store_txn_free(txn);
	assert_text(f, "x", "3");
	assert_null(store_get(f->store, key(f, "y")));
	const enum change_type expected[] = {CHANGE_ADDED,    CHANGE_DELETED, CHANGE_ADDED,
					     CHANGE_MODIFIED, CHANGE_ADDED,   CHANGE_DELETED,
					     CHANGE_ADDED,    CHANGE_DELETED};
	uint64_t rv = 0;
	for (size_t i = 0; i < ARRAY_LEN(expected); i++) {
		assert_int_equal(watch_next(w, &c), 1);
		assert_int_equal(c.type, expected[i]);
		assert_true(c.rv > rv);
		rv = c.rv;
		change_fini(&c);
	}
	assert_int_equal(watch_next(w, &c), 0);
	watch_free(w);
	/* what was stored is the last state */
	store_close(f->store);
	f->store = open_at(f->path);
	assert_text(f, "x", "3");
	assert_null(store_get(f->store, key(f, "y")));
	assert_true(store_revision(f->store) >= rv);
}

static void test_records_and_objects_survive_a_restart(void **state)
{
	struct fixture *f = *state;
	struct store_txn *txn = store_txn_new();
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT;

	buf_add(&bytes, "\0\1binary\xff", 9);
	store_txn_put(txn, key(f, "a"), configmap("a", "1"), STORE_ABSENT);
	store_txn_record_put(txn, "manifest", "apply/x.yaml", "{\"mode\":420}", &bytes);
	assert_int_equal(store_commit_wait(f->store, txn, NULL), 0);
	store_txn_free(txn);
	store_close(f->store);
	f->store = open_at(f->path);
	assert_text(f, "a", "1");
	assert_int_equal(store_record_read(f->store, "manifest", "apply/x.yaml", &bytes, NULL), 0);
	assert_int_equal(bytes.len, 9);
	assert_memory_equal(bytes.data, "\0\1binary\xff", 9);
	assert_int_equal(store_record_read(f->store, "manifest", "apply/y.yaml", &bytes, NULL),
			 -ENOENT);
}

static void test_listing_is_sorted_and_by_namespace(void **state)
{
	struct fixture *f = *state;
	struct object_list l;
	char name[16];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "n%03d", (i * 37) % 200);
		assert_int_equal(put(f, name, "x", STORE_ABSENT), 0);
	}
	store_list(f->store, f->configmaps, "default", &l);
	assert_int_equal(l.n, 200);
	for (size_t i = 1; i < l.n; i++)
		assert_true(strcmp(l.list[i - 1]->name, l.list[i]->name) < 0);
	object_list_fini(&l);
	store_list(f->store, f->configmaps, "other", &l);
	assert_int_equal(l.n, 0);
	object_list_fini(&l);
	struct object *o = store_get_uid(f->store, "uid-n042");
	assert_string_equal(o->name, "n042");
	object_unref(o);
}

static struct value *event(const char *name, const char *form, const char *about)
{
	struct value *v = configmap(name, "x");

	v = value_bury(v, value_new_string("Event"), "kind", NULL);
	return about ? value_bury(v, value_new_string(about), form, "uid", NULL) : v;
}

static void put_event(struct fixture *f, const char *name, const char *form, const char *about)
{
	struct store_txn *txn = store_txn_new();

	store_txn_put(txn, (struct objkey){kind_find("", "v1", "events"), "default", name},
		      event(name, form, about), STORE_ANY);
	assert_int_equal(store_commit_wait(f->store, txn, NULL), 0);
	store_txn_free(txn);
}

static size_t count_about(struct fixture *f, const char *uid)
{
	struct object_list l;
	size_t n;

	store_list_about(f->store, uid, &l);
	n = l.n;
	for (size_t i = 0; i < l.n; i++)
		assert_string_equal(l.list[i]->kind->kind, "Event");
	object_list_fini(&l);
	return n;
}

static void test_events_are_found_by_what_they_are_about(void **state)
{
	struct fixture *f = *state;
	struct store_txn *txn = store_txn_new();

	put_event(f, "e1", "involvedObject", "pod-a");
	put_event(f, "e2", "regarding", "pod-a");
	put_event(f, "e3", "involvedObject", "pod-b");
	put_event(f, "e4", "involvedObject", NULL);
	assert_int_equal(put(f, "no-event", "pod-a", STORE_ABSENT), 0);
	assert_int_equal(count_about(f, "pod-a"), 2);
	assert_int_equal(count_about(f, "pod-b"), 1);
	assert_int_equal(count_about(f, "pod"), 0);
	assert_int_equal(count_about(f, ""), 0);
	put_event(f, "e1", "involvedObject", "pod-b"); /* it changes its mind */
	assert_int_equal(count_about(f, "pod-a"), 1);
	assert_int_equal(count_about(f, "pod-b"), 2);
	store_txn_delete(txn, (struct objkey){kind_find("", "v1", "events"), "default", "e3"},
			 STORE_ANY);
	assert_int_equal(store_commit_wait(f->store, txn, NULL), 0);
	store_txn_free(txn);
	assert_int_equal(count_about(f, "pod-b"), 1);
}

static void put_times(struct fixture *f, int times, const char *text)
{
	struct store_txn *txn = store_txn_new();

	for (int i = 0; i < times; i++)
		store_txn_put(txn, key(f, "a"), configmap("a", text), STORE_ANY);
	assert_int_equal(store_commit_wait(f->store, txn, NULL), 0);
	store_txn_free(txn);
}

static uint64_t kept(struct fixture *f)
{
	struct store_stats stats;

	store_stats(f->store, &stats);
	return stats.changes_kept;
}

/* The log holds what a watch has still to read, and only as long. */
static void test_slow_watcher_misses_nothing(void **state)
{
	struct fixture *f = *state;
	uint64_t last = store_revision(f->store);
	struct watch *w = store_watch(f->store, NULL, last, (void (*)(void *))free, NULL);
	struct change c;

	for (int i = 0; i < 30; i++)
		put_times(f, 1000, "x");
	for (int i = 0; i < 30000; i++) {
		assert_int_equal(watch_next(w, &c), 1);
		assert_int_equal(c.rv, last + 1);
		last = c.rv;
		change_fini(&c);
	}
	assert_int_equal(watch_next(w, &c), 0);
	put_times(f, 1, "x");
	assert_in_range(kept(f), 1, 8192);
	watch_free(w);
}

static void test_slow_watcher_is_told(void **state)
{
	struct fixture *f = *state;
	struct watch *w =
		store_watch(f->store, NULL, store_revision(f->store), (void (*)(void *))free, NULL);
	struct change c;

	for (int i = 0; i < 66; i++)
		put_times(f, 1000, "x");
	assert_int_equal(watch_next(w, &c), -ESTALE);
	put_times(f, 1, "x");
	assert_in_range(kept(f), 1, 8192); /* nobody reads them any more */
	watch_free(w);
	w = store_watch(f->store, NULL, 3, (void (*)(void *))free, NULL);
	assert_int_equal(watch_next(w, &c), -ESTALE);
	watch_free(w);
}

static void test_large_objects_shorten_the_log(void **state)
{
	struct fixture *f = *state;
	char *text = malloc((1 << 20) + 1);

	memset(text, 'x', 1 << 20);
	text[1 << 20] = '\0';
	for (int i = 0; i < 80; i++)
		put_times(f, 1, text);
	assert_in_range(kept(f), 32, 64);
	free(text);
}

struct writer {
	struct fixture *f;
	int id;
	pthread_t thread;
};

static void *write_many(void *arg)
{
	struct writer *w = arg;
	char name[32];

	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "w%d-%d", w->id, i);
		if (put(w->f, name, "x", STORE_ABSENT))
			return (void *)1;
	}
	return NULL;
}

static void test_writers_in_parallel_are_all_seen_in_order(void **state)
{
	struct fixture *f = *state;
	struct watch *w = store_watch(f->store, f->configmaps, store_revision(f->store),
				      (void (*)(void *))free, NULL);
	struct writer writers[8];
	struct change c;
	uint64_t last = 0;
	int n = 0;
	void *failed;

	for (int i = 0; i < 8; i++) {
		writers[i] = (struct writer){.f = f, .id = i};
		pthread_create(&writers[i].thread, NULL, write_many, &writers[i]);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(writers[i].thread, &failed);
		assert_null(failed);
	}
	while (watch_next(w, &c) == 1) {
		assert_true(c.rv > last);
		last = c.rv;
		n++;
		change_fini(&c);
	}
	assert_int_equal(n, 800);
	watch_free(w);
}

static void test_foreign_and_damaged_files_are_refused(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	char path[96];
	char junk[8192];

	snprintf(path, sizeof(path), "%s/junk", f->dir);
	memset(junk, 'x', sizeof(junk));
	assert_int_equal(fd_replace_file(path, junk, sizeof(junk), 0600, 0, NULL), 0);
	assert_null(backend_sqlite_open(path, &err));
	assert_int_equal(err.code, EBADMSG);
	assert_non_null(strstr(err.msg, "left as it is"));
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	assert_int_equal(fd_read_file(path, 1 << 20, &b, NULL), 0);
	assert_memory_equal(b.data, junk, sizeof(junk));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_versions_are_checked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused_transaction_leaves_nothing, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_same_object_many_times_in_one_transaction,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_records_and_objects_survive_a_restart, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_listing_is_sorted_and_by_namespace, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_events_are_found_by_what_they_are_about, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_slow_watcher_misses_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_slow_watcher_is_told, setup, teardown),
		cmocka_unit_test_setup_teardown(test_large_objects_shorten_the_log, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_writers_in_parallel_are_all_seen_in_order,
						setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_and_damaged_files_are_refused, setup,
						teardown),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
