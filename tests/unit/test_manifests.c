/* SPDX-License-Identifier: MIT */
/* Files and their objects, with a real store on SQLite and a running loop. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "objects/codec.h"
#include "objects/manifest.h"
#include "objects/store/backend.h"
#include "util/fd.h"

struct fixture {
	char dir[64];
	struct store *store;
	struct api *api;
	struct loop *loop;
	pthread_t thread;
	struct manifests *all;
	const char *forbidden; /* user that may not do anything */
};

static const struct caller alice = {.user = "alice", .uid = 1000};
static const struct caller bob = {.user = "bob", .uid = 1001};

/* -- fixture -- */

static int authorize(void *arg, const struct caller *who, const struct api_request *r,
		     struct err *err)
{
	struct fixture *f = arg;

	if (!str_eq(who->user, f->forbidden))
		return 0;
	return err_set(err, EACCES, "%s may not touch %s", who->user, r->kind->plural);
}

static void *run_loop(void *arg)
{
	loop_run(arg);
	return NULL;
}

static void open_all(struct fixture *f)
{
	struct err err = ERR_INIT;
	char path[96];

	snprintf(path, sizeof(path), "%s/db", f->dir);
	f->store = store_open(backend_sqlite_open(path, &err), &err);
	assert_non_null(f->store);
	f->api = api_new(f->store, &(struct api_hooks){.authorize = authorize, .arg = f}, &err);
	f->loop = loop_new(&err);
	f->all = manifests_new(f->api, f->loop, &err);
	assert_non_null(f->all);
	assert_int_equal(pthread_create(&f->thread, NULL, run_loop, f->loop), 0);
}

static void close_all(struct fixture *f)
{
	loop_stop(f->loop);
	pthread_join(f->thread, NULL);
	manifests_free(f->all);
	loop_free(f->loop);
	api_free(f->api);
	store_close(f->store);
}

static void make_namespace(struct fixture *f, const char *name)
{
	struct api_request *r =
		api_request_new(API_CREATE, kind_find("", "v1", "namespaces"), "", name);

	r->body = value_new_map();
	assert_int_equal(api_call(f->api, &(struct caller){.user = "admin", .trusted = 1}, r), 0);
	api_request_free(r);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/k8sfs-man-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	open_all(f);
	make_namespace(f, "default");
	make_namespace(f, "prod");
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	close_all(f);
	assert_int_equal(fd_remove_tree(f->dir, NULL), 0);
	free(f);
	return 0;
}

/* -- waiting for answers -- */

struct answer {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int done, rc;
	struct buf text;
};

static void on_done(void *arg, int rc, const struct faults *faults)
{
	struct answer *a = arg;

	pthread_mutex_lock(&a->lock);
	assert_int_equal(a->done, 0);
	a->done = 1;
	a->rc = rc;
	faults_render(faults, "F", &a->text);
	assert_true(rc == 0 || faults->n > 0);
	pthread_cond_signal(&a->cond);
	pthread_mutex_unlock(&a->lock);
}

static int wait_for(struct answer *a, char **text)
{
	pthread_mutex_lock(&a->lock);
	while (!a->done)
		pthread_cond_wait(&a->cond, &a->lock);
	pthread_mutex_unlock(&a->lock);
	if (text)
		*text = buf_steal(&a->text);
	buf_fini(&a->text);
	return a->rc;
}

#define ANSWER(name)                                                                               \
	struct answer name = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, BUF_INIT}

static const struct manifest_attrs attrs = {0644, 1000, 1000, {1700000000, 5}};

static void start_write(struct fixture *f, const struct caller *who, const char *path,
			const char *text, struct answer *a)
{
	struct buf bytes = BUF_INIT;

	buf_adds(&bytes, text);
	manifest_write(f->all, who, path, &attrs, &bytes, on_done, a);
	assert_null(bytes.data);
}

static int write_as(struct fixture *f, const struct caller *who, const char *path, const char *text,
		    char **faults)
{
	ANSWER(a);

	start_write(f, who, path, text, &a);
	return wait_for(&a, faults);
}

static void must_write(struct fixture *f, const char *path, const char *text)
{
	char *faults = NULL;

	if (write_as(f, &alice, path, text, &faults))
		fail_msg("%s: %s", path, faults);
	free(faults);
}

static int remove_as(struct fixture *f, const struct caller *who, const char *path)
{
	ANSWER(a);

	manifest_remove(f->all, who, path, on_done, &a);
	return wait_for(&a, NULL);
}

static int rename_as(struct fixture *f, const struct caller *who, const char *from, const char *to)
{
	ANSWER(a);

	manifest_rename(f->all, who, from, to, on_done, &a);
	return wait_for(&a, NULL);
}

static struct object *find(struct fixture *f, const char *ns, const char *name)
{
	return store_get(f->store, (struct objkey){kind_find("", "v1", "configmaps"), ns, name});
}

static int exists(struct fixture *f, const char *ns, const char *name)
{
	CLEANUP_OBJECT struct object *o = find(f, ns, name);

	return o != NULL;
}

static void assert_data(struct fixture *f, const char *ns, const char *name, const char *key,
			const char *want)
{
	CLEANUP_OBJECT struct object *o = find(f, ns, name);

	assert_non_null(o);
	if (want)
		assert_string_equal(value_dig_str(o->value, "data", key, NULL), want);
	else
		assert_null(value_dig(o->value, "data", key, NULL));
}

static void assert_bytes(struct fixture *f, const char *path, const char *want)
{
	CLEANUP(buf_fini) struct buf got = BUF_INIT;
	struct err err = ERR_INIT;

	if (manifest_read(f->all, path, &got, &err))
		fail_msg("%s", err.msg);
	assert_string_equal(buf_str(&got), want);
}

static void assert_file(struct fixture *f, const char *path, int draft, const char *faults_like)
{
	struct manifest m;

	assert_int_equal(manifest_get(f->all, path, &m), 0);
	assert_int_equal(m.draft, draft);
	if (!faults_like)
		assert_null(m.faults);
	else if (!m.faults || !strstr(m.faults, faults_like))
		fail_msg("%s: %s", path, m.faults ? m.faults : "no faults");
	manifest_fini(&m);
}

static int is_file(struct fixture *f, const char *path)
{
	struct manifest m;
	int rc = manifest_get(f->all, path, &m);

	manifest_fini(&m);
	return rc == 0;
}

static void sleep_ms(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

static int gone_within(struct fixture *f, const char *ns, const char *name, int ms)
{
	for (int waited = 0; waited < ms; waited += 20) {
		if (!exists(f, ns, name))
			return 1;
		sleep_ms(20);
	}
	return 0;
}

#define CM(name)   "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: " name "\n"
#define DATA(k, v) "data:\n  " k ": \"" v "\"\n"
#define HERE       "apis/core/v1/configmaps/"

/* -- writing -- */

static void test_a_file_makes_its_object_and_stays(void **state)
{
	struct fixture *f = *state;
	struct manifest m;

	must_write(f, HERE "a.yaml", "# mine\n" CM("one") DATA("k", "1"));
	assert_data(f, "default", "one", "k", "1");
	assert_bytes(f, HERE "a.yaml", "# mine\n" CM("one") DATA("k", "1"));
	assert_int_equal(manifest_get(f->all, HERE "a.yaml", &m), 0);
	assert_int_equal(m.size, strlen("# mine\n" CM("one") DATA("k", "1")));
	assert_int_equal(m.mode, 0644);
	assert_int_equal(m.mtime.tv_sec, 1700000000);
	assert_int_equal(m.draft, 0);
	assert_true(m.id > 0);
	manifest_fini(&m);
}

static void test_writing_again_applies_the_change(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *before = NULL, *same = NULL, *after = NULL;

	must_write(f, HERE "a.yaml", CM("one") "data: {k: \"1\", l: \"2\"}\n");
	before = find(f, "default", "one");
	must_write(f, HERE "a.yaml", CM("one") "data: {k: \"1\", l: \"2\"}\n");
	same = find(f, "default", "one");
	must_write(f, HERE "a.yaml", CM("one") DATA("k", "3"));
	after = find(f, "default", "one");
	assert_int_equal(before->rv, same->rv);
	assert_string_equal(before->uid, after->uid);
	assert_data(f, "default", "one", "k", "3");
	assert_data(f, "default", "one", "l", NULL);
	assert_string_equal(
		value_dig_str(
			value_at(value_dig(after->value, "metadata", "managedFields", NULL), 0),
			"manager", NULL),
		"alice");
}

static void test_a_document_that_is_gone_deletes_its_object(void **state)
{
	struct fixture *f = *state;

	must_write(f, "apply/all.yaml", CM("a") "---\n" CM("b") "---\n# nothing\n---\n" CM("c"));
	assert_true(exists(f, "default", "a") && exists(f, "default", "b") &&
		    exists(f, "default", "c"));
	must_write(f, "apply/all.yaml", CM("a") "---\n" CM("c"));
	assert_true(exists(f, "default", "a") && !exists(f, "default", "b") &&
		    exists(f, "default", "c"));
}

static void test_lists_and_json(void **state)
{
	struct fixture *f = *state;

	must_write(f, "apply/l.json",
		   "{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{\"apiVersion\":\"v1\","
		   "\"kind\":\"ConfigMap\","
		   "\"metadata\":{\"name\":\"x\"}},{\"apiVersion\":\"v1\",\"kind\":\"ConfigMap\","
		   "\"metadata\":{\"name\":\"y\"}}]}");
	must_write(f, HERE "m.yaml",
		   "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: z}\n");
	assert_true(exists(f, "default", "x") && exists(f, "default", "y") &&
		    exists(f, "default", "z"));
}

static void test_a_namespace_of_the_same_file_comes_first(void **state)
{
	struct fixture *f = *state;

	must_write(f, "apply/n.yaml",
		   "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, namespace: fresh}\n---\n"
		   "apiVersion: v1\nkind: Namespace\nmetadata: {name: fresh}\n");
	assert_true(exists(f, "fresh", "c"));
}

static void test_the_place_says_name_and_namespace(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *faults = NULL;

	must_write(f, HERE "prod/stem.yaml", "apiVersion: v1\nkind: ConfigMap\n");
	assert_true(exists(f, "prod", "stem"));
	assert_int_equal(
		write_as(f, &alice, HERE "prod/x.yaml",
			 "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  namespace: default\n",
			 &faults),
		-EINVAL);
	assert_non_null(strstr(faults, "F:4:"));
	assert_non_null(strstr(faults, "metadata.namespace"));
}

static void test_a_kind_in_the_wrong_directory(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *faults = NULL;

	assert_int_equal(write_as(f, &alice, HERE "s.yaml",
				  "apiVersion: apps/v1\nkind: Deployment\n", &faults),
			 -EINVAL);
	assert_non_null(strstr(faults, "F:2:"));
	assert_non_null(strstr(faults, "apis/apps/v1/deployments"));
	free(faults);
	assert_int_equal(
		write_as(f, &alice, "apply/s.yaml", "apiVersion: apps/v1\nkind: Deploy\n", &faults),
		-EINVAL);
	assert_non_null(strstr(faults, "no matches for kind \"Deploy\" in version \"apps/v1\""));
}

/* -- refusals -- */

static void assert_event(struct fixture *f, const char *name, const char *like, int count)
{
	struct object_list l = {0};
	const struct value *v;

	store_list(f->store, kind_find("", "v1", "events"), "default", &l);
	for (int waited = 0;
	     (l.n == 0 || value_int(value_get(l.list[0]->value, "count"), 0) < count) &&
	     waited < 5000;
	     waited += 10) {
		object_list_fini(&l);
		sleep_ms(10);
		store_list(f->store, kind_find("", "v1", "events"), "default", &l);
	}
	assert_int_equal(l.n, 1);
	v = l.list[0]->value;
	assert_string_equal(value_dig_str(v, "involvedObject", "name", NULL), name);
	assert_non_null(strstr(value_dig_str(v, "message", NULL), like));
	assert_int_equal(value_int(value_get(v, "count"), 0), count);
	object_list_fini(&l);
}

static void test_a_refused_file_is_a_draft(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_fini) struct buf ring = BUF_INIT, other = BUF_INIT;
	CLEANUP_FREE char *faults = NULL;
	static const char bad[] = CM("one") "data:\n  k: \"1\"\ndota: {}\nimmutable: maybe\n";

	must_write(f, HERE "a.yaml", CM("one") DATA("k", "1"));
	assert_int_equal(write_as(f, &alice, HERE "a.yaml", bad, &faults), -EINVAL);
	assert_bytes(f, HERE "a.yaml", bad);
	assert_file(f, HERE "a.yaml", 1, "a.yaml:7:");
	assert_file(f, HERE "a.yaml", 1, "did you mean \"data\"");
	assert_null(
		strstr(strstr(faults, "unknown field") + 1, "unknown field")); /* each fault once */
	assert_file(f, HERE "a.yaml", 1, "a.yaml:8:");
	assert_data(f, "default", "one", "k", "1");
	manifest_errors(f->all, "alice", &ring);
	manifest_errors(f->all, "bob", &other);
	assert_non_null(strstr(buf_str(&ring), "a.yaml:7:"));
	assert_int_equal(other.len, 0);
	assert_event(f, "one", "a.yaml:7:", 1);
	assert_int_equal(write_as(f, &alice, HERE "a.yaml", CM("one") "dota: {}\n", NULL), -EINVAL);
	assert_event(f, "one", "a.yaml:5:", 2);
	/* the object is still this file's: written well, it is updated, and then it can go */
	must_write(f, HERE "a.yaml", CM("two"));
	assert_file(f, HERE "a.yaml", 0, NULL);
	assert_true(!exists(f, "default", "one") && exists(f, "default", "two"));
}

static void test_faults_of_all_documents_at_once(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *faults = NULL;

	assert_int_equal(write_as(f, &alice, "apply/x.yaml",
				  CM("good") "---\nkind: Nope\napiVersion: v9\n---\n" CM(
					  "BAD") "dada: {}\n---\n"
						 "apiVersion: v1\nkind: List\nitems:\n- "
						 "apiVersion: v1\n  kind: ConfigMap\n"
						 "  metadata: {name: li}\n  data: 7\n",
				  &faults),
			 -EINVAL);
	assert_non_null(strstr(faults, "F:6:"));
	assert_non_null(strstr(faults, "F:13:"));
	assert_non_null(strstr(faults, "F:21:"));
	assert_false(exists(f, "default", "good")); /* all or nothing */
}

static void test_empty_files_change_nothing(void **state)
{
	struct fixture *f = *state;

	must_write(f, HERE "a.yaml", "");
	assert_file(f, HERE "a.yaml", 1, NULL);
	must_write(f, HERE "a.yaml", CM("one"));
	must_write(f, HERE "a.yaml", "");
	assert_true(exists(f, "default", "one"));
	assert_bytes(f, HERE "a.yaml", "");
	must_write(f, HERE "a.yaml", "# only words\n");
	assert_false(exists(f, "default", "one"));
}

static void test_forbidden(void **state)
{
	struct fixture *f = *state;
	CLEANUP_FREE char *faults = NULL;

	must_write(f, HERE "a.yaml", CM("one"));
	f->forbidden = "bob";
	assert_int_equal(write_as(f, &bob, HERE "b.yaml", CM("two"), &faults), -EACCES);
	assert_int_equal(remove_as(f, &bob, HERE "a.yaml"), -EACCES);
	assert_true(is_file(f, HERE "a.yaml") && is_file(f, HERE "b.yaml"));
	assert_false(exists(f, "default", "two"));
	assert_int_equal(remove_as(f, &bob, HERE "b.yaml"), 0); /* a draft holds nothing */
	assert_false(is_file(f, HERE "b.yaml"));
}

/* -- who holds what -- */

static void test_a_later_file_takes_over(void **state)
{
	struct fixture *f = *state;

	must_write(f, HERE "a.yaml", CM("one") DATA("k", "1"));
	must_write(f, HERE "b.yaml", CM("one") DATA("k", "2"));
	assert_int_equal(remove_as(f, &alice, HERE "a.yaml"), 0);
	sleep_ms(MANIFEST_GRACE_MS + 300);
	assert_data(f, "default", "one", "k", "2");
	close_all(f);
	open_all(f);
	assert_int_equal(remove_as(f, &alice, HERE "b.yaml"), 0);
	assert_true(gone_within(f, "default", "one", 5000));
}

static void test_removal_after_a_grace(void **state)
{
	struct fixture *f = *state;

	must_write(f, HERE "a.yaml", CM("one"));
	assert_int_equal(remove_as(f, &alice, HERE "a.yaml"), 0);
	assert_false(is_file(f, HERE "a.yaml"));
	assert_true(exists(f, "default", "one"));
	assert_int_equal(remove_as(f, &alice, HERE "a.yaml"), -ENOENT);
	assert_true(gone_within(f, "default", "one", 5000));
}

static void test_written_again_within_the_grace(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *before = NULL, *after = NULL;

	must_write(f, HERE "a.yaml", CM("one") DATA("k", "1"));
	before = find(f, "default", "one");
	assert_int_equal(remove_as(f, &alice, HERE "a.yaml"), 0);
	must_write(f, HERE "a.yaml", CM("one") DATA("k", "1"));
	sleep_ms(MANIFEST_GRACE_MS + 300);
	after = find(f, "default", "one");
	assert_non_null(after);
	assert_string_equal(before->uid, after->uid);
	assert_true(is_file(f, HERE "a.yaml"));
}

static void test_the_grace_survives_a_restart(void **state)
{
	struct fixture *f = *state;

	must_write(f, HERE "a.yaml", CM("one"));
	must_write(f, HERE "keep.yaml", CM("keep"));
	assert_int_equal(remove_as(f, &alice, HERE "a.yaml"), 0);
	close_all(f);
	open_all(f);
	assert_false(is_file(f, HERE "a.yaml"));
	assert_true(is_file(f, HERE "keep.yaml"));
	assert_true(gone_within(f, "default", "one", 5000));
	assert_true(exists(f, "default", "keep"));
}

static void test_an_object_that_is_another_one_now_stays(void **state)
{
	struct fixture *f = *state;
	struct api_request *r;

	must_write(f, HERE "a.yaml", CM("one"));
	r = api_request_new(API_DELETE, kind_find("", "v1", "configmaps"), "default", "one");
	assert_int_equal(api_call(f->api, &bob, r), 0);
	api_request_free(r);
	r = api_request_new(API_CREATE, kind_find("", "v1", "configmaps"), "default", "one");
	r->body = value_new_map();
	assert_int_equal(api_call(f->api, &bob, r), 0);
	api_request_free(r);
	assert_int_equal(remove_as(f, &alice, HERE "a.yaml"), 0);
	sleep_ms(MANIFEST_GRACE_MS + 300);
	assert_true(exists(f, "default", "one"));
}

static void test_a_removed_draft_takes_its_objects_along(void **state)
{
	struct fixture *f = *state;

	must_write(f, HERE "a.yaml", CM("one"));
	assert_int_equal(write_as(f, &alice, HERE "a.yaml", "kind: [", NULL), -EINVAL);
	assert_int_equal(remove_as(f, &alice, HERE "a.yaml"), 0);
	assert_true(gone_within(f, "default", "one", 5000));
}

/* -- renaming -- */

static void test_rename(void **state)
{
	struct fixture *f = *state;
	CLEANUP_OBJECT struct object *before = NULL, *after = NULL;

	must_write(f, HERE "a.yaml", CM("one"));
	must_write(f, HERE "b.yaml", CM("two"));
	before = find(f, "default", "one");
	assert_int_equal(rename_as(f, &alice, HERE "a.yaml", HERE "b.yaml"), 0);
	after = find(f, "default", "one");
	assert_string_equal(before->uid, after->uid);
	assert_false(exists(f, "default", "two"));
	assert_false(is_file(f, HERE "a.yaml"));
	assert_bytes(f, HERE "b.yaml", CM("one"));
	assert_int_equal(rename_as(f, &alice, HERE "none.yaml", HERE "b.yaml"), -ENOENT);
	assert_int_equal(rename_as(f, &alice, HERE "b.yaml", HERE "b.yaml"), 0);
	sleep_ms(MANIFEST_GRACE_MS + 300);
	assert_true(exists(f, "default", "one"));
}

/* The name was the file's stem: another file name is another object. */
static void test_rename_changes_an_implied_name(void **state)
{
	struct fixture *f = *state;

	must_write(f, HERE "a.yaml", "apiVersion: v1\nkind: ConfigMap\n");
	assert_int_equal(rename_as(f, &alice, HERE "a.yaml", HERE "prod/b.yaml"), 0);
	assert_true(!exists(f, "default", "a") && exists(f, "prod", "b"));
}

static void test_a_refused_rename_leaves_the_source(void **state)
{
	struct fixture *f = *state;

	must_write(f, HERE "a.yaml", CM("one"));
	assert_int_equal(rename_as(f, &alice, HERE "a.yaml", "apis/core/v1/secrets/a.yaml"),
			 -EINVAL);
	assert_file(f, HERE "a.yaml", 0, NULL);
	assert_file(f, "apis/core/v1/secrets/a.yaml", 1, "belongs into apis/core/v1/configmaps");
	assert_true(exists(f, "default", "one"));
	must_write(f, HERE "e.yaml", "");
	assert_int_equal(rename_as(f, &alice, HERE "e.yaml", HERE "g.yaml"), 0);
	assert_true(!is_file(f, HERE "e.yaml") && is_file(f, HERE "g.yaml"));
	assert_int_equal(rename_as(f, &alice, HERE "a.yaml", "dry-run/a.yaml"), -EXDEV);
}

/* -- the rest -- */

static void test_dry_run(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_fini) struct buf got = BUF_INIT;
	CLEANUP_FREE char *faults = NULL;
	struct err err = ERR_INIT;

	must_write(f, "dry-run/p.yaml",
		   CM("one") "---\napiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: "
			     "{containers: [{name: c, image: i}]}\n");
	assert_int_equal(manifest_read(f->all, "dry-run/p.yaml", &got, &err), 0);
	assert_non_null(strstr(buf_str(&got), "imagePullPolicy: Always"));
	assert_non_null(strstr(buf_str(&got), "---\n"));
	assert_non_null(strstr(buf_str(&got), "managedFields")); /* as object.yaml */
	assert_false(exists(f, "default", "one"));
	assert_int_equal(write_as(f, &alice, "dry-run/p.yaml", CM("one") "dota: 1\n", &faults),
			 -EINVAL);
	assert_file(f, "dry-run/p.yaml", 1, "dota");
	assert_int_equal(remove_as(f, &alice, "dry-run/p.yaml"), 0);
	assert_false(is_file(f, "dry-run/p.yaml"));
}

static void test_dry_run_is_what_a_write_would_store(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_fini) struct buf got = BUF_INIT, live = BUF_INIT;
	CLEANUP_OBJECT struct object *o = NULL;
	struct err err = ERR_INIT;

	must_write(f, HERE "one.yaml", CM("one") DATA("k", "v"));
	must_write(f, "dry-run/one.yaml", CM("one") DATA("k", "v"));
	assert_int_equal(manifest_read(f->all, "dry-run/one.yaml", &got, &err), 0);
	o = find(f, "default", "one");
	yaml_render(o->value, &live);
	assert_string_equal(buf_str(&got), buf_str(&live));
	/* names and namespaces as in any file */
	must_write(f, "dry-run/stem.yaml", "apiVersion: v1\nkind: ConfigMap\n");
	must_write(f, "dry-run/ns.yaml",
		   CM("x") "  namespace: later\n---\napiVersion: v1\nkind: Namespace\n"
			   "metadata: {name: later}\n");
	must_write(f, "dry-run/list.yaml",
		   "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: ConfigMap, "
		   "metadata: {name: item}}]\n");
	assert_false(exists(f, "default", "stem") || exists(f, "later", "x") ||
		     exists(f, "default", "item"));
}

static int try_as(struct fixture *f, const struct caller *who, const char *path, const char *text)
{
	struct buf bytes = BUF_INIT;
	ANSWER(a);

	buf_adds(&bytes, text);
	manifest_try(f->all, who, path, &bytes, on_done, &a);
	assert_null(bytes.data);
	return wait_for(&a, NULL);
}

static void test_trying(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_fini) struct buf noted = BUF_INIT;
	static const char *const beginnings[] = {
		"# to come\n",
		"apiVersion: v1\n",
		"apiVersion: v1\nkind: ConfigMap\nmetadata:\n",
		"apiVersion: v1\nkind: ConfigMap\ndata: {a: b,\n",
		CM("one") DATA("k", "v") "---\napiVersion: v1\n",
		CM("one") DATA("k", "v") "---\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
		assert_int_equal(try_as(f, &alice, HERE "t.yaml", beginnings[i]), 0);
	assert_int_equal(try_as(f, &alice, HERE "t.yaml", CM("one") DATA("k", "v")), 0);
	assert_int_equal(try_as(f, &alice, HERE "t.yaml", CM("one") "dota: {}\n"), -EINVAL);
	assert_int_equal(try_as(f, &alice, HERE "t.yaml", CM("one") "data: {k: [1]}\n"), -EINVAL);
	assert_int_equal(try_as(f, &alice, HERE "t.yaml", "a: b: c\n\n\n" CM("one")), -EINVAL);
	f->forbidden = "alice";
	assert_int_equal(try_as(f, &alice, HERE "t.yaml", CM("one") DATA("k", "v")), -EACCES);
	f->forbidden = NULL;
	assert_false(is_file(f, HERE "t.yaml") || exists(f, "default", "one"));
	manifest_errors(f->all, alice.user, &noted);
	assert_int_equal(noted.len, 0);
}

static void test_a_draft_that_nobody_wants_applied(void **state)
{
	struct fixture *f = *state;
	struct buf bytes = BUF_INIT;
	ANSWER(a);

	must_write(f, HERE "cut.yaml", CM("one") DATA("k", "v") "---\n" CM("two"));
	buf_adds(&bytes, CM("one"));
	manifest_keep_draft(f->all, &alice, HERE "cut.yaml", &attrs, &bytes, "cut off", on_done,
			    &a);
	assert_int_equal(wait_for(&a, NULL), -EINTR);
	assert_file(f, HERE "cut.yaml", 1, "cut off");
	assert_true(exists(f, "default", "one") && exists(f, "default", "two"));
	must_write(f, HERE "cut.yaml", CM("one"));
	assert_false(exists(f, "default", "two"));
}

static void test_the_same_bytes_again(void **state)
{
	struct fixture *f = *state;
	struct api_request *r;

	must_write(f, HERE "one.yaml", CM("one") DATA("k", "v"));
	r = api_request_new(API_DELETE, kind_find("", "v1", "configmaps"), "default", "one");
	assert_int_equal(api_call(f->api, &(struct caller){.user = "bob", .trusted = 1}, r), 0);
	api_request_free(r);
	assert_false(exists(f, "default", "one"));
	must_write(f, HERE "one.yaml", CM("one") DATA("k", "v"));
	assert_true(exists(f, "default", "one"));
}

static void test_listing_and_directories(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_fini) struct buf names = BUF_INIT;
	struct manifest_list l;
	struct err err = ERR_INIT;

	assert_int_equal(manifest_mkdir(f->all, &alice, "apply/b", &err), 0);
	assert_int_equal(manifest_mkdir(f->all, &alice, "apply/b/c", &err), 0);
	assert_int_equal(manifest_mkdir(f->all, &alice, "apply/b-", &err), 0);
	assert_int_equal(manifest_mkdir(f->all, &alice, "apply/b", &err), -EEXIST);
	err_clear(&err);
	assert_int_equal(manifest_mkdir(f->all, &alice, "apply/x/y", &err), -ENOENT);
	err_clear(&err);
	assert_int_equal(manifest_mkdir(f->all, &alice, HERE "x", &err), -EPERM);
	err_clear(&err);
	must_write(f, "apply/b/one.yaml", CM("one"));
	must_write(f, "apply/b/c/two.yaml", CM("two"));
	must_write(f, "apply/b.yaml", CM("three"));
	must_write(f, "apply/b-/four.yaml", CM("four"));
	assert_int_equal(write_as(f, &alice, "apply/none/x.yaml", CM("x"), NULL), -ENOENT);
	manifest_list(f->all, "apply/b", &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.list[0].path, "apply/b/one.yaml");
	manifest_list_fini(&l);
	manifest_list(f->all, "apply", &l);
	assert_int_equal(l.n, 1);
	assert_string_equal(l.list[0].path, "apply/b.yaml");
	manifest_list_fini(&l);
	manifest_subdirs(f->all, "apply", &names);
	assert_int_equal(names.len, sizeof("b\0b-"));
	assert_int_equal(manifest_rmdir(f->all, "apply/b", &err), -ENOTEMPTY);
	err_clear(&err);
	assert_int_equal(manifest_rmdir(f->all, "apply", &err), -EBUSY);
	err_clear(&err);
	close_all(f);
	open_all(f);
	assert_true(manifest_is_dir(f->all, "apply/b/c"));
	assert_true(is_file(f, "apply/b/c/two.yaml"));
	assert_int_equal(remove_as(f, &alice, "apply/b/c/two.yaml"), 0);
	assert_int_equal(manifest_rmdir(f->all, "apply/b/c", &err), 0);
	assert_false(manifest_is_dir(f->all, "apply/b/c"));
}

static void test_attributes(void **state)
{
	struct fixture *f = *state;
	struct manifest_attrs other = {0600, 7, 8, {1600000000, 9}};
	struct manifest m;
	ANSWER(a);
	ANSWER(b);

	must_write(f, HERE "a.yaml", CM("one"));
	manifest_set_attrs(f->all, HERE "a.yaml", &other, on_done, &a);
	assert_int_equal(wait_for(&a, NULL), 0);
	close_all(f);
	open_all(f);
	assert_int_equal(manifest_get(f->all, HERE "a.yaml", &m), 0);
	assert_int_equal(m.mode, 0600);
	assert_int_equal(m.uid, 7);
	assert_int_equal(m.mtime.tv_nsec, 9);
	manifest_fini(&m);
	assert_bytes(f, HERE "a.yaml", CM("one"));
	manifest_set_attrs(f->all, HERE "none.yaml", &other, on_done, &b);
	assert_int_equal(wait_for(&b, NULL), -ENOENT);
}

static void early(struct fixture *f, const char *path, const char *text, const char *why)
{
	struct err err = ERR_INIT;
	int rc = manifest_check_early(f->all, &alice, path, text, strlen(text), &err);

	if (!why && rc)
		fail_msg("%s: %s", text, err.msg);
	if (why && (!rc || !strstr(err.msg, why)))
		fail_msg("%s: %s", text, rc ? err.msg : "nothing");
}

static void test_what_is_certain_early(void **state)
{
	struct fixture *f = *state;

	early(f, HERE "a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: x\n",
	      "a.yaml:4:");
	early(f, HERE "a.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname", NULL);
	early(f, HERE "a.yaml", "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    x\n    \ty\n",
	      NULL);
	early(f, HERE "a.yaml", "{\n\t\"kind\": \"ConfigMap\"\n}\n", NULL);
	early(f, HERE "a.yaml", "# c\n---\napiVersion: apps/v1\nkind: Deployment\n",
	      "belongs into apis/apps/v1/deployments");
	early(f, HERE "a.yaml", "apiVersion: apps/v1\nkind: Deployment", NULL);
	early(f, "apply/a.yaml", "apiVersion: apps/v1\nkind: Deployment\n", NULL);
	early(f, "apply/a.yaml", "kind: Deploy\napiVersion: apps/v1\n",
	      "no matches for kind \"Deploy\"");
	early(f, "apply/a.yaml", "x: |\n  kind: Deploy\n  apiVersion: apps/v1\n", NULL);
	early(f, "apply/a.yaml", "apiVersion: v1\nkind: List\nitems:\n", NULL);
	early(f, "apply/a.txt", "", "ends in .yaml");
	early(f, "apis/core/v1/nopes/a.yaml", "", "no resource nopes");
	early(f, "apply//a.yaml", "", "no path");
}

static void test_others_note_errors(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_fini) struct buf ring = BUF_INIT;

	manifest_note_error(f->all, "eve", "pods/a/ctl", "no such verb\n");
	manifest_note_error(f->all, "eve", "pods/a/spec\n/x\x1b", "one\ntwo\x07");
	manifest_errors(f->all, "eve", &ring);
	assert_string_equal(
		buf_str(&ring),
		"pods/a/ctl: no such verb\npods/a/spec?/x?: one\npods/a/spec?/x?: two?\n");
	for (int i = 0; i < 5000; i++)
		manifest_note_error(f->all, "eve", "somewhere",
				    "a line of some length that fills the ring after a while");
	buf_resize(&ring, 0);
	manifest_errors(f->all, "eve", &ring);
	assert_true(ring.len <= 64 << 10);
	assert_true(str_starts(ring.data, "somewhere: "));
	for (unsigned i = 10; i < 3000; i++) {
		CLEANUP_FREE char *user = xasprintf("user %u", i);

		manifest_note_error(f->all, user, "x", "y");
	}
	buf_resize(&ring, 0);
	manifest_errors(f->all, "eve", &ring);
	assert_int_equal(ring.len, 0); /* of so many users the oldest is forgotten */
}

/* Many writers of a few paths and objects: the last write of each path wins, and all are answered.
 */
static void test_concurrent_writes_keep_their_order(void **state)
{
	enum { N = 200 };
	struct fixture *f = *state;
	struct answer *a = xcalloc(N, sizeof(*a));

	for (int i = 0; i < N; i++) {
		CLEANUP_FREE char *path = xasprintf(HERE "f%d.yaml", i % 4);
		CLEANUP_FREE char *text = xasprintf(CM("o%d") "data: {k: \"%d\"}\n", i % 3, i);

		pthread_mutex_init(&a[i].lock, NULL);
		pthread_cond_init(&a[i].cond, NULL);
		start_write(f, &alice, path, text, &a[i]);
	}
	for (int i = 0; i < N; i++)
		assert_int_equal(wait_for(&a[i], NULL), 0);
	for (int i = N - 4; i < N; i++) {
		CLEANUP_FREE char *path = xasprintf(HERE "f%d.yaml", i % 4);
		CLEANUP_FREE char *text = xasprintf(CM("o%d") "data: {k: \"%d\"}\n", i % 3, i);

		assert_bytes(f, path, text);
	}
	for (int i = N - 3; i < N; i++) {
		CLEANUP_FREE char *name = xasprintf("o%d", i % 3), *want = xasprintf("%d", i);

		assert_data(f, "default", name, "k", want);
	}
	free(a);
}

static double seconds_for(struct fixture *f, const char *unit, const char *head)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_FREE char *faults = NULL;
	struct timespec from, to;

	buf_adds(&text, head);
	while (text.len + strlen(unit) < CODEC_MAX_BYTES)
		buf_adds(&text, unit);
	clock_gettime(CLOCK_MONOTONIC, &from);
	assert_int_equal(write_as(f, &alice, "apply/hostile.yaml", buf_str(&text), &faults),
			 -EINVAL);
	clock_gettime(CLOCK_MONOTONIC, &to);
	assert_non_null(strstr(faults, "F:"));
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

/* What is wrong a hundred thousand times is not looked for a hundred thousand times. */
static void test_hostile_texts_end_soon(void **state)
{
	struct fixture *f = *state;
	double documents = seconds_for(f, "x: 1\n---\n", "");
	double items = seconds_for(f, "- {kind: X, apiVersion: y}\n",
				   "apiVersion: v1\nkind: List\nitems:\n");
	double fields = seconds_for(f, "---\n" CM("a") "dota: 7\n", "");

	print_message("3 MiB of faulty documents: %.1f s, of items: %.1f s, of objects: %.1f s\n",
		      documents, items, fields);
	assert_true(documents < 30 && items < 30 && fields < 30);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_file_makes_its_object_and_stays),
		TEST(test_writing_again_applies_the_change),
		TEST(test_a_document_that_is_gone_deletes_its_object),
		TEST(test_lists_and_json),
		TEST(test_a_namespace_of_the_same_file_comes_first),
		TEST(test_the_place_says_name_and_namespace),
		TEST(test_a_kind_in_the_wrong_directory),
		TEST(test_a_refused_file_is_a_draft),
		TEST(test_faults_of_all_documents_at_once),
		TEST(test_empty_files_change_nothing),
		TEST(test_forbidden),
		TEST(test_a_later_file_takes_over),
		TEST(test_removal_after_a_grace),
		TEST(test_written_again_within_the_grace),
		TEST(test_the_grace_survives_a_restart),
		TEST(test_an_object_that_is_another_one_now_stays),
		TEST(test_a_removed_draft_takes_its_objects_along),
		TEST(test_rename),
		TEST(test_rename_changes_an_implied_name),
		TEST(test_a_refused_rename_leaves_the_source),
		TEST(test_dry_run),
		TEST(test_dry_run_is_what_a_write_would_store),
		TEST(test_trying),
		TEST(test_a_draft_that_nobody_wants_applied),
		TEST(test_the_same_bytes_again),
		TEST(test_listing_and_directories),
		TEST(test_attributes),
		TEST(test_what_is_certain_early),
		TEST(test_others_note_errors),
		TEST(test_concurrent_writes_keep_their_order),
		TEST(test_hostile_texts_end_soon),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
