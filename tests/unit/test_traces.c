/* SPDX-License-Identifier: MIT */
/*
 * What the controllers do, step by step, against what those of Kubernetes did
 * (tests/data/traces.jsonl; tests/data/make-traces-fixture says how the lines are made).
 */
#include "tests/unit/controllers_rig.h"
#include "tests/unit/script_kubelet.h"

#include <ctype.h>

#include "util/strmap.h"

extern const struct controller_class deployment_controller, replicaset_controller,
	scheduler_controller, gc_controller, namespace_controller, serviceaccount_controller,
	node_lifecycle_controller, taint_eviction_controller, endpoints_controller,
	quota_controller, disruption_controller;

static const struct controller_class *const classes[] = {
	&deployment_controller,
	&replicaset_controller,
	&scheduler_controller,
	&gc_controller,
	&namespace_controller,
	&serviceaccount_controller,
	&node_lifecycle_controller,
	&taint_eviction_controller,
	&endpoints_controller,
	&quota_controller,
	&disruption_controller,
	&script_kubelet,
	NULL,
};

struct lines {
	char **list;
	size_t n;
};

struct replay {
	struct rig *rig;
	char ns[64];
	struct strmap sets;   /* name of a ReplicaSet -> what it is called here (owned) */
	struct strmap events; /* name -> count seen */
};

static void line_add(struct lines *l, char *taken)
{
	l->list = xreallocarray(l->list, l->n + 1, sizeof(*l->list));
	l->list[l->n++] = taken;
}

static void lines_fini(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->list[i]);
	free(l->list);
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void lines_sort(struct lines *l)
{
	if (l->n)
		qsort(l->list, l->n, sizeof(*l->list), cmp_text);
}

/* -- names -- */

static const char *str(const struct value *v, const char *key, const char *otherwise)
{
	return value_str(value_get(v, key), otherwise);
}

static void learn_sets(struct replay *r)
{
	struct object_list l = rig_list(r->rig, "replicasets", r->ns);

	for (size_t i = 0; i < l.n; i++) {
		const struct object *o = l.list[i];
		const char *hash = object_label(o->value, "pod-template-hash");
		const char *image = str(value_at(value_dig(o->value, "spec", "template", "spec",
							   "containers", NULL),
						 0),
					"image", "?");
		char *called = hash ? xasprintf("%.*s{%s}", (int)(strlen(o->name) - strlen(hash)),
						o->name, image)
				    : xstrdup(o->name);

		free(strmap_set(&r->sets, o->name, called));
	}
	object_list_fini(&l);
}

/* Length of a random name part at p ("-x7kz2"), 0 if there is none. */
static size_t random_part(const char *p)
{
	if (*p != '-')
		return 0;
	for (int i = 1; i <= 5; i++)
		if (!p[i] || !strchr("bcdfghjklmnpqrstvwxz2456789", p[i]))
			return 0;
	return isalnum((unsigned char)p[6]) ? 0 : 6;
}

/* text with random parts left out. Owned. */
static char *plain(const struct replay *r, const char *text)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	while (*text) {
		const struct strmap_slot *best = NULL;

		STRMAP_FOREACH (s, &r->sets)
			if (str_starts(text, s->key) &&
			    (!best || strlen(s->key) > strlen(best->key)))
				best = s;
		if (!best || (out.len && isalnum((unsigned char)out.data[out.len - 1])) ||
		    (str_eq(best->key, best->val) && !random_part(text + strlen(best->key)))) {
			buf_addc(&out, *text++);
			continue;
		}
		buf_adds(&out, best->val);
		text += strlen(best->key);
		if (random_part(text)) {
			buf_adds(&out, "-*");
			text += 6;
		}
	}
	return buf_steal(&out);
}

/* -- objects as lines -- */

static int64_t number(const struct value *v, const char *key)
{
	return value_int(value_get(v, key), 0);
}

static const char *note(const struct object *o, const char *key)
{
	CLEANUP_FREE char *full = xasprintf("deployment.kubernetes.io/%s", key);
	const char *text = object_annotation(o->value, full);

	return text ? text : "-";
}

static char *owner(const struct replay *r, const struct object *o)
{
	const struct value *ref = object_controller(o->value);
	CLEANUP_FREE char *text =
		ref ? xasprintf("%s/%s", str(ref, "kind", "?"), str(ref, "name", "?"))
		    : xstrdup("-");

	return plain(r, text);
}

static void add_conditions(const struct replay *r, const struct object *o, const char *name,
			   struct lines *out)
{
	const struct value *list = value_dig(o->value, "status", "conditions", NULL);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *c = value_at(list, i);
		CLEANUP_FREE char *message = plain(r, str(c, "message", ""));

		line_add(out, xasprintf("%s %s condition %s=%s %s: %s", o->kind->kind, name,
					str(c, "type", "?"), str(c, "status", "?"),
					str(c, "reason", ""), message));
	}
}

static void add_counts(const struct object *o, const char *name, const char *const *keys,
		       struct lines *out)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	buf_addf(&b, "%s %s status", o->kind->kind, name);
	for (; *keys; keys++)
		buf_addf(&b, " %s=%lld", *keys,
			 (long long)number(value_get(o->value, "status"), *keys));
	line_add(out, buf_steal(&b));
}

static void add_deployment(const struct replay *r, const struct object *o, struct lines *out)
{
	static const char *const counts[] = {"observedGeneration",
					     "replicas",
					     "updatedReplicas",
					     "readyReplicas",
					     "availableReplicas",
					     "unavailableReplicas",
					     NULL};

	line_add(out, xasprintf("Deployment %s replicas=%lld generation=%lld revision=%s", o->name,
				(long long)number(value_get(o->value, "spec"), "replicas"),
				(long long)number(value_get(o->value, "metadata"), "generation"),
				note(o, "revision")));
	add_counts(o, o->name, counts, out);
	add_conditions(r, o, o->name, out);
}

static void add_set(const struct replay *r, const struct object *o, struct lines *out)
{
	static const char *const counts[] = {"replicas", "fullyLabeledReplicas", "readyReplicas",
					     "availableReplicas", NULL};
	const char *name = strmap_get(&r->sets, o->name);
	CLEANUP_FREE char *of = owner(r, o);

	line_add(out, xasprintf("ReplicaSet %s replicas=%lld owner=%s revision=%s history=%s "
				"desired=%s max=%s",
				name, (long long)number(value_get(o->value, "spec"), "replicas"),
				of, note(o, "revision"), note(o, "revision-history"),
				note(o, "desired-replicas"), note(o, "max-replicas")));
	add_counts(o, name, counts, out);
	add_conditions(r, o, name, out);
}

static int is_ready(const struct object *o)
{
	const struct value *list = value_dig(o->value, "status", "conditions", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(str(value_at(list, i), "type", ""), "Ready"))
			return str_eq(str(value_at(list, i), "status", ""), "True");
	return 0;
}

static void add_pod(const struct replay *r, const struct object *o, struct lines *out)
{
	const struct value *spec = value_get(o->value, "spec");
	const char *node = str(spec, "nodeName", "");
	int told = value_get(spec, "nodeSelector") || str_eq(node, "nowhere");
	CLEANUP_FREE char *name = plain(r, o->name), *of = owner(r, o);

	line_add(out, xasprintf("Pod %s %s %s owner=%s %s %s%s%s", name,
				str(value_at(value_get(spec, "containers"), 0), "image", "?"),
				str(value_get(o->value, "status"), "phase", "?"), of,
				is_ready(o) ? "ready" : "unready",
				!*node ? "unbound"
				: told ? "on "
				       : "bound",
				*node && told ? node : "",
				object_deleting(o->value) ? " deleting" : ""));
	if (object_annotation(o->value, "kubernetes.io/limit-ranger"))
		line_add(out, xasprintf("Pod %s note %s", name,
					object_annotation(o->value, "kubernetes.io/limit-ranger")));
	if (!*node)
		add_conditions(r, o, name, out);
}

static void add_quota(const struct replay *r, const struct object *o, struct lines *out)
{
	const struct value *used = value_dig(o->value, "status", "used", NULL);
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	buf_addf(&b, "ResourceQuota %s used", o->name);
	for (size_t i = 0; i < value_count(used); i++)
		buf_addf(&b, " %s=%s", value_key_at(used, i), value_str(value_at(used, i), "?"));
	line_add(out, buf_steal(&b));
}

static void add_budget(const struct replay *r, const struct object *o, struct lines *out)
{
	static const char *const counts[] = {"observedGeneration", "expectedPods",
					     "desiredHealthy",     "currentHealthy",
					     "disruptionsAllowed", NULL};

	add_counts(o, o->name, counts, out);
	add_conditions(r, o, o->name, out);
}

static void add_subset(const struct object *o, const struct value *s, struct lines *out)
{
	const struct value *ports = value_get(s, "ports");
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	buf_addf(&b, "Endpoints %s addresses=%zu unready=%zu ports=", o->name,
		 value_count(value_get(s, "addresses")),
		 value_count(value_get(s, "notReadyAddresses")));
	for (size_t i = 0; i < value_count(ports); i++)
		buf_addf(&b, "%s%s/%lld/%s", i ? "," : "", str(value_at(ports, i), "name", ""),
			 (long long)number(value_at(ports, i), "port"),
			 str(value_at(ports, i), "protocol", ""));
	line_add(out, buf_steal(&b));
}

static void add_endpoints(const struct replay *r, const struct object *o, struct lines *out)
{
	const struct value *subsets = value_get(o->value, "subsets");

	for (size_t i = 0; i < value_count(subsets); i++)
		add_subset(o, value_at(subsets, i), out);
	if (!value_count(subsets))
		add_subset(o, NULL, out);
}

static void observe_objects(struct replay *r, struct lines *out)
{
	static const struct {
		const char *plural;
		void (*add)(const struct replay *r, const struct object *o, struct lines *out);
	} kinds[] = {
		{"deployments", add_deployment},
		{"replicasets", add_set},
		{"pods", add_pod},
		{"endpoints", add_endpoints},
		{"resourcequotas", add_quota},
		{"poddisruptionbudgets", add_budget},
	};

	for (size_t k = 0; k < ARRAY_LEN(kinds); k++) {
		struct object_list l = rig_list(r->rig, kinds[k].plural, r->ns);

		for (size_t i = 0; i < l.n; i++)
			kinds[k].add(r, l.list[i], out);
		object_list_fini(&l);
	}
	lines_sort(out);
}

/* -- events as lines -- */

/* "... from 0 to 3" is said since 1.32, "... to 3" before; the node is anybody's choice. */
static char *event_message(const struct replay *r, const struct value *e)
{
	char *m = plain(r, str(e, "message", "")), *from = strstr(m, " from "),
	     *to = strstr(m, " to ");

	if (str_eq(str(e, "reason", ""), "ScalingReplicaSet") && from && to)
		memmove(from, to, strlen(to) + 1);
	else if (str_eq(str(e, "reason", ""), "Scheduled") && to)
		strcpy(to, " to *");
	return m;
}

static void observe_events(struct replay *r, int kinds_only, struct lines *out)
{
	struct object_list l = rig_list(r->rig, "events", r->ns);

	for (size_t i = 0; i < l.n; i++) {
		const struct value *e = l.list[i]->value, *about = value_get(e, "involvedObject");
		uintptr_t count = (uintptr_t)number(e, "count");
		CLEANUP_FREE char *name = plain(r, str(about, "name", "")),
				  *message = event_message(r, e);
		char *line;

		if ((uintptr_t)strmap_set(&r->events, l.list[i]->name, (void *)count) == count)
			continue;
		line = kinds_only ? xasprintf("%s/%s %s %s", str(about, "kind", ""), name,
					      str(e, "type", ""), str(e, "reason", ""))
				  : xasprintf("%s/%s %s %s: %s", str(about, "kind", ""), name,
					      str(e, "type", ""), str(e, "reason", ""), message);
		line_add(out, line);
	}
	object_list_fini(&l);
	lines_sort(out);
}

static void without_repetitions(struct lines *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (n && str_eq(l->list[n - 1], l->list[i]))
			free(l->list[i]);
		else
			l->list[n++] = l->list[i];
	}
	l->n = n;
}

/* -- steps -- */

static char *some_pod(struct replay *r)
{
	struct object_list l = rig_list(r->rig, "pods", r->ns);
	char *name = NULL;

	for (size_t i = 0; i < l.n && !name; i++)
		if (object_controller(l.list[i]->value))
			name = xstrdup(l.list[i]->name);
	object_list_fini(&l);
	assert_non_null(name);
	return name;
}

static struct value *become_unready(void *arg, struct value *taken, struct err *err)
{
	return value_set(taken, "status", played_status(taken));
}

static void make_pods_unready(struct replay *r)
{
	struct object_list l = rig_list(r->rig, "pods", r->ns);

	played_unready = 1;
	for (size_t i = 0; i < l.n; i++) {
		struct api_request *q =
			api_request_new(API_MUTATE, l.list[i]->kind, r->ns, l.list[i]->name);

		q->flags = API_STATUS;
		q->mutate = become_unready;
		rig_call(r->rig, q, NULL);
	}
	object_list_fini(&l);
}

/* refused NULL: done; else the words of the refusal. */
static void call(struct replay *r, struct api_request *taken, const char *refused)
{
	char message[512];

	if (!refused) {
		rig_call(r->rig, taken, NULL);
		return;
	}
	assert_true(rig_call(r->rig, taken, message) < 0);
	assert_string_equal(message, refused);
}

static void create(struct replay *r, const char *plural, const struct value *op)
{
	struct api_request *q = api_request_new(API_CREATE, rig_kind(plural), r->ns, NULL);

	q->body = value_ref(value_get(op, "body"));
	call(r, q, str(op, "refused", NULL));
}

static void evict(struct replay *r, const struct value *op)
{
	CLEANUP_FREE char *pod = some_pod(r);
	struct api_request *q = api_request_new(API_REVIEW, rig_kind("pods"), r->ns, pod);

	q->sub = "eviction";
	q->body = value_new_map();
	call(r, q, str(op, "refused", NULL));
}

static void act(struct replay *r, const struct value *op)
{
	const char *what = str(op, "op", ""), *plural = str(op, "plural", "pods"),
		   *name = str(op, "name", NULL);
	const char *how = str(op, "how", "");
	CLEANUP_FREE char *pod = NULL;

	if (str_eq(what, "create")) {
		create(r, plural, op);
	} else if (str_eq(what, "patch")) {
		rig_patch_value(r->rig, plural, r->ns, name, 0, value_ref(value_get(op, "body")));
	} else if (str_eq(what, "delete")) {
		rig_delete(r->rig, plural, r->ns, name,
			   str_eq(how, "orphan")       ? PROPAGATE_ORPHAN
			   : str_eq(how, "foreground") ? PROPAGATE_FOREGROUND
						       : PROPAGATE_BACKGROUND);
	} else if (str_eq(what, "label-pod")) {
		pod = name ? xstrdup(name) : some_pod(r);
		rig_patch_value(r->rig, "pods", r->ns, pod, 0,
				value_bury(value_new_map(), value_new_string(str(op, "value", "")),
					   "metadata", "labels", "a", NULL));
	} else if (str_eq(what, "delete-pod")) {
		pod = some_pod(r);
		rig_delete(r->rig, "pods", r->ns, pod, PROPAGATE_DEFAULT);
	} else if (str_eq(what, "evict-pod")) {
		evict(r, op);
	} else if (str_eq(what, "unready-pods")) {
		make_pods_unready(r);
	} else if (str_eq(what, "delete-namespace")) {
		rig_delete(r->rig, "namespaces", "", r->ns, PROPAGATE_DEFAULT);
	} else if (str_eq(what, "wait")) {
		rig_settle(r->rig);
		rig_sleep_ms((unsigned)number(op, "ms"));
	} else {
		fail_msg("unknown op %s", what);
	}
}

static int is_as_expected(const struct value *expected, const struct lines *got)
{
	if (value_count(expected) != got->n)
		return 0;
	for (size_t i = 0; i < got->n; i++)
		if (!str_eq(value_str(value_at(expected, i), ""), got->list[i]))
			return 0;
	return 1;
}

/* Where something is refused for ever nothing comes to rest: wait for what is expected instead. */
static void wait_for(struct replay *r, const struct value *expected)
{
	for (int i = 0; i < 600; i++) {
		struct lines objects = {0};
		int done;

		learn_sets(r);
		observe_objects(r, &objects);
		done = is_as_expected(expected, &objects);
		lines_fini(&objects);
		if (done)
			return;
		rig_sleep_ms(50);
	}
}

/* may_miss: the end of a line that need not be there (a source that said too much is not heard),
 * NULL: none. */
static int compare(const char *where, const struct value *expected, const struct lines *got,
		   const char *may_miss)
{
	size_t i = 0, j = 0;
	int differs = 0;

	while (i < value_count(expected) || j < got->n) {
		const char *e =
			i < value_count(expected) ? value_str(value_at(expected, i), "") : NULL;
		const char *g = j < got->n ? got->list[j] : NULL;
		int c = !e ? 1 : !g ? -1 : strcmp(e, g);

		if (c < 0 && may_miss && str_ends(e, may_miss)) {
			i++;
			continue;
		}
		if (c)
			print_error("%s: %s %s\n", where,
				    c < 0 ? "missing:" : "not expected:", c < 0 ? e : g);
		differs |= c != 0;
		i += c <= 0;
		j += c >= 0;
	}
	return differs;
}

static int replay_step(struct replay *r, const struct value *step)
{
	const struct value *ops = value_get(step, "ops");
	int kinds_only = value_bool(value_get(step, "kinds_of_events_only"), 0), differs;
	CLEANUP_FREE char *where = xasprintf("%s %lld (%s)", r->ns, (long long)number(step, "step"),
					     str(step, "do", ""));
	struct lines objects = {0}, events = {0};
	const char *may_miss;

	for (size_t i = 0; i < value_count(ops); i++)
		act(r, value_at(ops, i));
	if (value_bool(value_get(step, "restless"), 0))
		wait_for(r, value_get(step, "objects"));
	else
		rig_settle(r->rig);
	learn_sets(r);
	observe_objects(r, &objects);
	observe_events(r, kinds_only, &events);
	if (kinds_only)
		without_repetitions(&events);
	differs = compare(where, value_get(step, "objects"), &objects, NULL);
	may_miss = value_bool(value_get(step, "restless"), 0) ? " FailedCreate"
		   : kinds_only                               ? " ScalingReplicaSet"
							      : NULL;
	differs |= compare(where, value_get(step, "events"), &events, may_miss);
	lines_fini(&objects);
	lines_fini(&events);
	return differs;
}

/* -- scenarios -- */

static void make_node(struct rig *r, const char *name, const char *json)
{
	struct value *v = rig_json(json);

	v = value_set_str(v, "apiVersion", "v1");
	v = value_set_str(v, "kind", "Node");
	v = value_bury(v, value_new_string(name), "metadata", "name", NULL);
	rig_create_value(r, "nodes", "", v);
	rig_patch(
		r, "nodes", "", name, API_STATUS,
		"{\"status\":{\"allocatable\":{\"cpu\":\"4\",\"memory\":\"8Gi\",\"pods\":\"110\"},"
		"\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\",\"reason\":"
		"\"KubeletReady\"}]}}");
}

static void scenario(const char *name)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct replay r = {.rig = rig_new(classes)};
	char *line, *rest;
	int differs = 0, n = 0;

	snprintf(r.ns, sizeof(r.ns), "%s", name);
	played_unready = 0;
	make_node(r.rig, "n1", "{\"metadata\":{\"labels\":{\"zone\":\"a\",\"disk\":\"ssd\"}}}");
	make_node(r.rig, "n2", "{\"metadata\":{\"labels\":{\"zone\":\"a\"}}}");
	make_node(r.rig, "n3", "{\"metadata\":{\"labels\":{\"zone\":\"b\"}}}");
	make_node(r.rig, "n4",
		  "{\"metadata\":{\"labels\":{\"zone\":\"c\"}},\"spec\":{\"taints\":[{\"key\":"
		  "\"dedicated\","
		  "\"value\":\"x\",\"effect\":\"NoSchedule\"}]}}");
	rig_create_value(r.rig, "namespaces", "",
			 value_bury(rig_json("{\"apiVersion\":\"v1\",\"kind\":\"Namespace\"}"),
				    value_new_string(name), "metadata", "name", NULL));
	rig_settle(r.rig);
	assert_int_equal(fd_read_file(TEST_DATA "/traces.jsonl", 1 << 20, &text, NULL), 0);
	for (line = strtok_r(text.data, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		CLEANUP_VALUE struct value *step = rig_json(line);

		if (!str_eq(str(step, "scenario", ""), name))
			continue;
		differs |= replay_step(&r, step);
		n++;
	}
	STRMAP_FOREACH (s, &r.sets)
		free(s->val);
	strmap_fini(&r.sets);
	strmap_fini(&r.events);
	rig_free(r.rig);
	assert_true(n > 0);
	assert_false(differs);
}

#define SCENARIO(fn, name)                                                                         \
	static void fn(void **state)                                                               \
	{                                                                                          \
		scenario(name);                                                                    \
	}

SCENARIO(test_deployment_rolling, "deployment-rolling")
SCENARIO(test_deployment_recreate, "deployment-recreate")
SCENARIO(test_replicaset_adopts_and_releases, "replicaset-adopt")
SCENARIO(test_services_have_endpoints, "services-endpoints")
SCENARIO(test_namespace_goes, "namespace-gone")
SCENARIO(test_scheduling, "scheduling")
SCENARIO(test_deployment_meets_quota, "deployment-quota")
SCENARIO(test_quotas_and_limits, "quota-limits")
SCENARIO(test_budgets_hold_evictions, "pdb")

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_deployment_rolling),
		cmocka_unit_test(test_deployment_recreate),
		cmocka_unit_test(test_replicaset_adopts_and_releases),
		cmocka_unit_test(test_services_have_endpoints),
		cmocka_unit_test(test_namespace_goes),
		cmocka_unit_test(test_scheduling),
		cmocka_unit_test(test_deployment_meets_quota),
		cmocka_unit_test(test_quotas_and_limits),
		cmocka_unit_test(test_budgets_hold_evictions),
	};

	return cmocka_run_group_tests_name("traces", tests, NULL, NULL);
}
