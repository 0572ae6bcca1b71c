/* SPDX-License-Identifier: MIT */
/*
 * Tables and descriptions against what kubectl 1.32 printed of the same
 * objects (tests/data/print), and the words for states that those do not show.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "objects/codec.h"
#include "objects/print.h"
#include "objects/print/print_i.h"
#include "objects/print/tabs.h"
#include "objects/quantity.h"
#include "objects/store/backend.h"
#include "util/fd.h"

struct fixture {
	char dir[64];
	struct store *store;
};

/* The clock stands: neither ages nor dates depend on how fast the machine is. */
int clock_gettime(clockid_t clock, struct timespec *t)
{
	static struct timespec stopped;

	if (clock != CLOCK_REALTIME)
		return (int)syscall(SYS_clock_gettime, clock, t);
	if (!stopped.tv_sec && syscall(SYS_clock_gettime, clock, &stopped) < 0)
		return -1;
	*t = stopped;
	return 0;
}

time_t time(time_t *t)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_REALTIME, &now);
	if (t)
		*t = now.tv_sec;
	return now.tv_sec;
}

static void read_whole(const char *name, struct buf *out)
{
	CLEANUP_FREE char *path = xasprintf("%s/print/%s", TEST_DATA, name);
	FILE *f = fopen(path, "r");
	size_t n;

	if (!f)
		fail_msg("%s is not there", path);
	while ((n = fread(buf_reserve(out, 65536), 1, 65536, f)) > 0)
		out->len += n;
	fclose(f);
	buf_addc(out, '\0');
	out->len--;
}

/* "@10" becomes the time ten and a half seconds ago. */
static struct value *with_times(struct value *v)
{
	const char *s = value_str(v, "");
	struct timespec now = {0};
	char at[32], text[64];

	for (size_t i = 0; value_is(v, VALUE_MAP) && i < value_count(v); i++)
		v = value_set(v, value_key_at(v, i), with_times(value_ref(value_at(v, i))));
	for (size_t i = 0; value_is(v, VALUE_LIST) && i < value_count(v); i++)
		v = value_set_at(v, i, with_times(value_ref(value_at(v, i))));
	if (*s != '@')
		return v;
	clock_gettime(CLOCK_REALTIME, &now);
	now.tv_sec -= atoi(s + 1);
	now.tv_nsec -= 500000000;
	if (now.tv_nsec < 0) {
		now.tv_nsec += 1000000000;
		now.tv_sec--;
	}
	time_render(now.tv_sec, at);
	snprintf(text, sizeof(text), "%.19s.%09ldZ", at, now.tv_nsec);
	value_unref(v);
	return value_new_string(text);
}

static void put(struct store *s, const struct value *v)
{
	const char *api = value_dig_str(v, "apiVersion", NULL),
		   *kind = value_dig_str(v, "kind", NULL);
	struct objkey key = {kind_by_gvk(api, kind),
			     value_dig_str(v, "metadata", "namespace", NULL),
			     value_dig_str(v, "metadata", "name", NULL)};
	struct store_txn *txn = store_txn_new();
	struct err err = ERR_INIT;

	assert_non_null(key.kind);
	if (!key.ns)
		key.ns = "";
	store_txn_put(txn, key, with_times(value_ref(v)), STORE_ABSENT);
	if (store_commit_wait(s, txn, &err) < 0)
		fail_msg("%s %s: %s", kind, key.name, err.msg);
	store_txn_free(txn);
}

static void put_all(struct store *s, const char *text, size_t n)
{
	struct documents docs;
	struct faults faults = FAULTS_INIT;

	assert_int_equal(yaml_parse(text, n, &docs, &faults), 0);
	for (size_t i = 0; i < docs.n; i++)
		put(s, docs.list[i].value);
	documents_fini(&docs);
	faults_fini(&faults);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct backend *b;
	char path[96];

	strcpy(f->dir, "/tmp/k8sfs-print-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	snprintf(path, sizeof(path), "%s/db", f->dir);
	b = backend_sqlite_open(path, &err);
	f->store = b ? store_open(b, &err) : NULL;
	if (!f->store)
		fail_msg("%s", err.msg);
	read_whole("objects.yaml", &text);
	put_all(f->store, text.data, text.len);
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

/* "@10" in an expected text becomes the date ten and a half seconds ago, as describe writes it. */
static void with_dates(const char *text, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++) {
		char date[64];
		struct tm tm;
		struct timespec now = {0};
		time_t when;

		if (text[i] != '@') {
			buf_addc(out, text[i]);
			continue;
		}
		clock_gettime(CLOCK_REALTIME, &now);
		when = now.tv_sec - atoi(text + i + 1) - (now.tv_nsec < 500000000);
		gmtime_r(&when, &tm);
		strftime(date, sizeof(date), "%a, %d %b %Y %H:%M:%S +0000", &tm);
		buf_adds(out, date);
		while (i + 1 < n && text[i + 1] >= '0' && text[i + 1] <= '9')
			i++;
	}
}

/* Lines must be the same. */
static void compare(const char *what, const char *got, const char *want, size_t n)
{
	CLEANUP(buf_fini) struct buf wanted = BUF_INIT;
	const char *w;

	with_dates(want, n, &wanted);
	for (w = buf_str(&wanted); *w && *got;) {
		size_t wn = strcspn(w, "\n"), gn = strcspn(got, "\n");

		if (wn != gn || strncmp(w, got, wn) != 0)
			fail_msg("%s:\nwanted '%.*s'\ngot    '%.*s'", what, (int)wn, w, (int)gn,
				 got);
		w += wn + (w[wn] == '\n');
		got += gn + (got[gn] == '\n');
	}
	if (*w || *got)
		fail_msg("%s: wanted '%s', got '%s'", what, w, got);
}

/* Calls fn for each section "### name\ntext" of a file. */
static void each_section(struct fixture *f, const char *file,
			 void (*fn)(struct fixture *f, const char *name, const char *text,
				    size_t n))
{
	CLEANUP(buf_fini) struct buf all = BUF_INIT;
	unsigned count = 0;

	read_whole(file, &all);
	for (const char *at = strstr(all.data, "### "); at; count++) {
		const char *name = at + 4, *end = strchr(name, '\n');
		CLEANUP_FREE char *title = xstrndup(name, (size_t)(end - name));

		at = strstr(end, "\n### ");
		at = at ? at + 1 : NULL;
		fn(f, title, end + 1, at ? (size_t)(at - end - 1) : strlen(end + 1));
	}
	assert_true(count >= 10);
}

static void check_table(struct fixture *f, const char *name, const char *text, size_t n)
{
	CLEANUP_FREE char *resource = xstrndup(name, strcspn(name, " "));
	const struct kind *kind = kind_by_name(resource);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct object_list list;

	assert_non_null(kind);
	store_list(f->store, kind, kind->flags & KIND_NAMESPACED ? "demo" : NULL, &list);
	print_table(kind, &list, 0, strstr(name, "-o wide") != NULL, &out);
	object_list_fini(&list);
	compare(name, buf_str(&out), text, n);
}

static void test_tables_are_those_of_kubectl(void **state)
{
	each_section(*state, "get.txt", check_table);
}

static void check_describe(struct fixture *f, const char *name, const char *text, size_t n)
{
	CLEANUP_FREE char *kind = xstrndup(name, strcspn(name, "/"));
	struct objkey key = {kind_by_name(kind), "demo", strchr(name, '/') + 1};
	CLEANUP_OBJECT struct object *o = NULL;
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	assert_non_null(key.kind);
	if (!(key.kind->flags & KIND_NAMESPACED))
		key.ns = "";
	o = store_get(f->store, key);
	assert_non_null(o);
	print_describe(f->store, o, &out);
	compare(name, buf_str(&out), text, n);
}

static void test_descriptions_are_those_of_kubectl(void **state)
{
	each_section(*state, "describe.txt", check_describe);
}

/* An object that no store has seen. */
static struct object object_of(const struct value *v)
{
	return (struct object){
		.refs = 1,
		.kind = kind_by_gvk(value_dig_str(v, "apiVersion", NULL),
				    value_dig_str(v, "kind", NULL)),
		.value = v,
		.ns = text_at(v, "", "metadata", "namespace", NULL),
		.name = text_at(v, "", "metadata", "name", NULL),
		.uid = text_at(v, "", "metadata", "uid", NULL),
	};
}

static struct value *yaml(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(text, strlen(text), &err);

	if (!v)
		fail_msg("%s: %s", text, err.msg);
	return with_times(v);
}

static void expect_row(const char *text, int with_ns, int wide, const char *row)
{
	CLEANUP_VALUE struct value *v = yaml(text);
	struct object o = object_of(v), *list[] = {&o};
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	print_table(o.kind, &(struct object_list){list, 1, 1}, with_ns, wide, &out);
	if (!strstr(buf_str(&out), row))
		fail_msg("%s\nwanted '%s'\ngot\n%s", text, row, buf_str(&out));
}

static void expect_pod(const char *rest, const char *row)
{
	CLEANUP_FREE char *text =
		xasprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: d, "
			  "creationTimestamp: \"@300\"}\n%s",
			  rest);

	expect_row(text, 0, 0, row);
}

static void test_states_of_pods(void **state)
{
	static const char two[] = "spec: {containers: [{name: a}, {name: b}]}\n";
	static const char init[] =
		"spec: {initContainers: [{name: i}, {name: s, restartPolicy: Always}], "
		"containers: [{name: a}]}\n";
	char text[1024];

#define POD(spec, status) (snprintf(text, sizeof(text), "%sstatus: %s\n", spec, status), text)
	expect_pod(POD(two, "{phase: Pending}"), "p      0/2     Pending   0          5m");
	expect_pod(POD(two, "{phase: Failed, reason: Evicted}"), "0/2     Evicted ");
	expect_pod(POD(two, "{phase: Pending, conditions: [{type: PodScheduled, status: \"False\", "
			    "reason: SchedulingGated}]}"),
		   "SchedulingGated");
	expect_pod(POD(two,
		       "{phase: Pending, containerStatuses: [{name: a, restartCount: 0, state: "
		       "{waiting: {reason: ImagePullBackOff}}}]}"),
		   "0/2     ImagePullBackOff ");
	expect_pod(
		POD(two,
		    "{phase: Running, containerStatuses: [{name: a, ready: true, restartCount: 1, "
		    "state: {running: {}}, lastState: {terminated: {finishedAt: \"@60\"}}}, {name: "
		    "b, "
		    "restartCount: 2, state: {waiting: {reason: CrashLoopBackOff}}, lastState: "
		    "{terminated: {finishedAt: \"@30\"}}}]}"),
		"1/2     CrashLoopBackOff   3 (30s ago)   5m");
	expect_pod(POD(two, "{phase: Failed, containerStatuses: [{name: a, state: {terminated: "
			    "{exitCode: 3}}}]}"),
		   "ExitCode:3 ");
	expect_pod(
		POD(two,
		    "{phase: Failed, containerStatuses: [{name: a, state: {terminated: {signal: 9, "
		    "exitCode: 137}}}]}"),
		"Signal:9 ");
	expect_pod(POD(two,
		       "{phase: Failed, containerStatuses: [{name: a, state: {terminated: {reason: "
		       "OOMKilled, exitCode: 137}}}]}"),
		   "OOMKilled ");
	expect_pod(
		POD(two,
		    "{phase: Running, containerStatuses: [{name: a, state: {terminated: {reason: "
		    "Completed, exitCode: 0}}}, {name: b, ready: true, state: {running: {}}}]}"),
		"1/2     NotReady ");
	expect_pod(
		POD(init,
		    "{phase: Pending, initContainerStatuses: [{name: i, state: {running: {}}}]}"),
		"0/2     Init:0/2 ");
	expect_pod(POD(init,
		       "{phase: Pending, initContainerStatuses: [{name: i, restartCount: 4, state: "
		       "{terminated: {exitCode: 1}}}]}"),
		   "Init:ExitCode:1   4 ");
	expect_pod(
		POD(init,
		    "{phase: Pending, initContainerStatuses: [{name: i, state: {waiting: {reason: "
		    "ErrImagePull}}}]}"),
		"Init:ErrImagePull ");
	expect_pod(
		POD(init,
		    "{phase: Running, initContainerStatuses: [{name: i, state: {terminated: "
		    "{exitCode: 0}}}, {name: s, started: true, ready: true, restartCount: 1, "
		    "state: "
		    "{running: {}}}], containerStatuses: [{name: a, ready: true, state: {running: "
		    "{}}}]}"),
		"2/2     Running   1 ");
#undef POD
	expect_row("{apiVersion: v1, kind: Pod, metadata: {name: p, deletionTimestamp: \"@1\"}, "
		   "status: "
		   "{phase: Running}}",
		   0, 0, "Terminating");
	expect_row("{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: d}}", 1, 0,
		   "NAMESPACE   NAME   READY   STATUS   RESTARTS   AGE\nd           p      0/0     "
		   "         0 "
		   "         <unknown>\n");
}

static void test_other_rows(void **state)
{
	expect_row("{apiVersion: v1, kind: Node, metadata: {name: n1, labels: "
		   "{node-role.kubernetes.io/b: \"\", "
		   "node-role.kubernetes.io/a: \"\"}}, spec: {unschedulable: true}}",
		   0, 0, "n1     Unknown,SchedulingDisabled   a,b ");
	expect_row("{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {type: "
		   "LoadBalancer, clusterIP: "
		   "None}}",
		   0, 0, "s      LoadBalancer   None         <pending>     <none> ");
	expect_row("{apiVersion: v1, kind: Endpoints, metadata: {name: e}, subsets: [{addresses: "
		   "[{ip: a}, {ip: b}, "
		   "{ip: \"::1\"}, {ip: d}, {ip: e}], ports: [{port: 1}]}]}",
		   0, 0, "a:1,b:1,[::1]:1 + 2 more...");
	expect_row("{apiVersion: v1, kind: Endpoints, metadata: {name: e}}", 0, 0,
		   "e      <none>      <unknown>");
	expect_row(
		"{apiVersion: v1, kind: Event, metadata: {name: e}, message: \"two\\nlines\\tx\"}",
		0, 0, "two...\n");
	expect_row("{apiVersion: scheduling.k8s.io/v1, kind: PriorityClass, metadata: {name: "
		   "high}, value: 100}",
		   0, 0, "high   100     false");
	expect_row("{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: l}, spec: "
		   "{holderIdentity: "
		   "me}}",
		   0, 0, "l      me       <unknown>");
}

static void test_every_column_is_made_by_somebody(void **state)
{
	for (size_t i = 0; i < kinds_count(); i++)
		for (const struct column *c = kind_at(i)->columns; c && c->title; c++)
			if (!c->path && !column_maker(kind_at(i)->kind, c->title))
				fail_msg("%s: %s", kind_at(i)->kind, c->title);
	expect_row(
		"{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: h}, "
		"spec: {scaleTargetRef: {kind: Deployment, name: web}, maxReplicas: 5, metrics: "
		"[{type: Resource, resource: {name: cpu, target: {averageUtilization: 50}}}, "
		"{type: "
		"Resource, resource: {name: memory, target: {averageValue: 1Gi}}}]}, status: "
		"{currentMetrics: [{resource: {name: cpu, current: {averageUtilization: 12}}}]}}",
		0, 0, "Deployment/web   cpu: 12%/50%, memory: <unknown>/1Gi ");
	expect_row(
		"{apiVersion: autoscaling/v1, kind: HorizontalPodAutoscaler, metadata: {name: h}, "
		"spec: {targetCPUUtilizationPercentage: 50}}",
		0, 0, "cpu: <unknown>/50%");
}

static void test_an_empty_list_has_a_header_only(void **state)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	print_table(kind_by_name("pods"), &(struct object_list){NULL, 0, 0}, 0, 0, &out);
	assert_string_equal(buf_str(&out), "NAME   READY   STATUS   RESTARTS   AGE\n");
}

/* How many lines of the text begin with this word. */
static int count_rows(const char *text, const char *word)
{
	int n = 0;

	for (const char *at = text; (at = strstr(at, word)); at++)
		n += (at == text || at[-1] == '\n') && at[strlen(word)] == ' ';
	return n;
}

static void test_resources_each_once_in_their_preferred_version(void **state)
{
	CLEANUP(buf_fini) struct buf plain = BUF_INIT, wide = BUF_INIT;

	(void)state;
	print_resources(0, &plain);
	print_resources(1, &wide);
	assert_true(str_starts(buf_str(&plain), "NAME  "));
	assert_null(strstr(buf_str(&plain), "VERBS"));
	assert_int_equal(count_rows(buf_str(&plain), "pods"), 1);
	assert_int_equal(count_rows(buf_str(&plain), "horizontalpodautoscalers"), 1);
	assert_non_null(strstr(buf_str(&plain), "autoscaling/v2 "));
	assert_null(strstr(buf_str(&plain), "autoscaling/v1 "));
	/* two groups, two resources */
	assert_int_equal(count_rows(buf_str(&plain), "events"), 2);
	/* reviews are no files */
	assert_int_equal(count_rows(buf_str(&plain), "tokenreviews"), 0);
	assert_non_null(strstr(buf_str(&wide), "VERBS"));
	assert_non_null(strstr(buf_str(&wide), "patch,update,watch   all\n"));
}

static void test_every_kind_has_a_row_and_a_description(void **state)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);
		CLEANUP_VALUE struct value *v = value_new_map(), *junk = NULL;
		CLEANUP(buf_fini) struct buf out = BUF_INIT;
		struct object o, *list[] = {&o};

		v = value_set_str(v, "apiVersion", kind_api_version(k));
		v = value_set_str(v, "kind", k->kind);
		v = value_bury(v, value_new_string("x"), "metadata", "name", NULL);
		o = object_of(v);
		assert_ptr_equal(o.kind, k);
		print_table(k, &(struct object_list){list, 1, 1}, 1, 1, &out);
		print_describe(NULL, &o, &out);
		assert_non_null(strstr(buf_str(&out), "Name:"));
		/* every field of the wrong type: it must be survived, whatever it shows */
		junk = value_ref(v);
		for (size_t j = 0; k->schema && j < k->schema->n_fields; j++)
			if (!str_eq(k->schema->fields[j].name, "metadata") &&
			    !str_eq(k->schema->fields[j].name, "kind") &&
			    !str_eq(k->schema->fields[j].name, "apiVersion"))
				junk = value_set(junk, k->schema->fields[j].name,
						 value_append(value_append(value_new_list(),
									   value_new_int(7)),
							      value_new_list()));
		o = object_of(junk);
		print_table(k, &(struct object_list){list, 1, 1}, 1, 1, &out);
		print_describe(NULL, &o, &out);
	}
}

/* A value of the wrong type somewhere on each way down: lists for maps, numbers for text. */
static struct value *junk(const struct schema *s, unsigned depth, unsigned *turn)
{
	struct value *v;

	if (*turn = *turn * 5 + 3, !s || depth > 6 || *turn % 7 == 0)
		return value_append(value_append(value_new_list(), value_new_int(7)),
				    value_new_list());
	if (*turn % 11 == 0)
		return value_new_string("text\twith\na tab");
	if (s->type == SCHEMA_LIST)
		return value_append(value_append(value_new_list(), junk(s->items, depth + 1, turn)),
				    junk(s->items, depth + 1, turn));
	v = value_new_map();
	if (s->type == SCHEMA_MAP)
		return value_set(v, "k", junk(s->items, depth + 1, turn));
	for (size_t i = 0; s->type == SCHEMA_STRUCT && i < s->n_fields; i++)
		v = value_set(v, s->fields[i].name, junk(s->fields[i].schema, depth + 1, turn));
	return v;
}

static void test_wrong_types_are_survived(void **state)
{
	unsigned turn = 1;

	for (size_t i = 0; i < 20 * kinds_count(); i++) {
		const struct kind *k = kind_at(i % kinds_count());
		CLEANUP_VALUE struct value *v = junk(k->schema, 0, &turn);
		CLEANUP(buf_fini) struct buf out = BUF_INIT;
		struct object o = {1, k, v, "", "x", "u", 1, 1}, *list[] = {&o};

		print_table(k, &(struct object_list){list, 1, 1}, 1, 1, &out);
		print_describe(NULL, &o, &out);
		assert_true(out.len > 0);
	}
}

static void test_secrets_are_not_shown(void **state)
{
	CLEANUP_VALUE struct value *v =
		yaml("{apiVersion: v1, kind: Secret, metadata: {name: s, namespace: d}, data: "
		     "{k: czNjcmV0}, stringData: {l: s3cret}}");
	struct object o = object_of(v), *list[] = {&o};
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	print_describe(NULL, &o, &out);
	print_table(o.kind, &(struct object_list){list, 1, 1}, 1, 1, &out);
	assert_non_null(strstr(buf_str(&out), "k:  6 bytes"));
	assert_null(strstr(buf_str(&out), "czNjcmV0"));
	assert_null(strstr(buf_str(&out), "s3cret"));
}

static void test_unknown_kinds_show_every_field(void **state)
{
	CLEANUP_VALUE struct value *v = yaml("{apiVersion: storage.k8s.io/v1, kind: StorageClass, "
					     "metadata: {name: s, uid: u, labels: {a: b}, "
					     "creationTimestamp: \"2026-11-23T06:25:29Z\"}, "
					     "provisioner: p, parameters: {fsType: ext4}, "
					     "mountOptions: [ro, noatime]}");
	struct object o = object_of(v);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	print_describe(NULL, &o, &out);
	assert_string_equal(buf_str(&out), "Name:         s\n"
					   "Labels:       a=b\n"
					   "Annotations:  <none>\n"
					   "API Version:  storage.k8s.io/v1\n"
					   "Kind:         StorageClass\n"
					   "Metadata:\n"
					   "  Creation Timestamp:  2026-11-23T06:25:29Z\n"
					   "  UID:                 u\n"
					   "Mount Options:\n"
					   "  ro\n"
					   "  noatime\n"
					   "Parameters:\n"
					   "  Fs Type:    ext4\n"
					   "Provisioner:  p\n"
					   "Events:       <none>\n");
}

static void test_events_one_a_line_oldest_first(void **state)
{
	struct fixture *f = *state;
	struct objkey key = {kind_by_name("nodes"), "", "n1"};
	CLEANUP_OBJECT struct object *o = store_get(f->store, key);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	const char *first, *second;

	print_events(f->store, o, &out);
	first = strstr(buf_str(&out), "Z Normal RegisteredNode 1 node-controller Node n1 event: "
				      "Registered Node n1 in Controller\n");
	second = strstr(
		buf_str(&out),
		"Z Normal NodeNotReady 1 node-controller Node n1 status is now: NodeNotReady\n");
	assert_non_null(first);
	assert_non_null(second);
	assert_true(first < second);
	assert_int_equal(out.data[out.len - 1], '\n');
	assert_string_equal(strchr(strchr(out.data, '\n') + 1, '\n'), "\n");
}

static void expect_path(const char *path, const char *wanted)
{
	CLEANUP_VALUE struct value *v =
		yaml("{a: {b.c: 1, d: [x, {e: f, g: h}, {e: i, g: \"j k\"}]}}");
	const struct value *found = path_value(v, path);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	if (found)
		json_render(found, &out);
	assert_string_equal(buf_str(&out), wanted);
}

static void test_column_paths(void **state)
{
	expect_path("a.d[0]", "\"x\"");
	expect_path(".a.d[1].g", "\"h\"");
	expect_path("a.b\\.c", "1");
	expect_path("a['b.c']", "1");
	expect_path(".a.d[?(@.e==\"i\")].g", "\"j k\"");
	expect_path(".a.d[?(@.e == 'f')].g", "\"h\"");
	expect_path(".a.d[*]", "\"x\"");
	expect_path("a.d[7]", "");
	expect_path("a.d[", "");
	expect_path("a.d[x]", "");
	expect_path("a.d[?(@.e==\"i\"", "");
	expect_path("a.nothing.here", "");
	expect_path("a.d[?(@.e==\"none\")].g", "");
	expect_path("a['", "");
}

static void test_alignment(void **state)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	tabs_align("a\tb\nccc\td\nno cells\nx\ty\tz\n\u00e9\u00e9\u00e9\u00e9\t\tw", 0, 2, &out);
	assert_string_equal(buf_str(&out),
			    "a    b\nccc  d\nno cells\nx     y  z\n\u00e9\u00e9\u00e9\u00e9     w");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_are_those_of_kubectl),
		cmocka_unit_test(test_descriptions_are_those_of_kubectl),
		cmocka_unit_test(test_states_of_pods),
		cmocka_unit_test(test_other_rows),
		cmocka_unit_test(test_every_column_is_made_by_somebody),
		cmocka_unit_test(test_an_empty_list_has_a_header_only),
		cmocka_unit_test(test_resources_each_once_in_their_preferred_version),
		cmocka_unit_test(test_every_kind_has_a_row_and_a_description),
		cmocka_unit_test(test_wrong_types_are_survived),
		cmocka_unit_test(test_secrets_are_not_shown),
		cmocka_unit_test(test_unknown_kinds_show_every_field),
		cmocka_unit_test(test_events_one_a_line_oldest_first),
		cmocka_unit_test(test_column_paths),
		cmocka_unit_test(test_alignment),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, setup, teardown);
}
