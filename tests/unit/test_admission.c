/* SPDX-License-Identifier: MIT */
/* Built-in admission: what it chooses, what it refuses and in which words, what it charges. */
#include "tests/unit/controllers_rig.h"

#include <errno.h>

extern const struct controller_class quota_controller, protection_controller;

static const struct controller_class *const classes[] = {&quota_controller, &protection_controller,
							 NULL};

#define POD(name, spec)                                                                            \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"containers\":[{\"name\":\"c\","         \
	"\"image\":\"i\"}]" spec "}}"
#define POD_WITH(name, container)                                                                  \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"containers\":[{\"name\":\"c\","         \
	"\"image\":\"i\"" container "}]}}"

static int setup(void **state)
{
	struct rig *r = rig_new(classes);

	rig_create(r, "namespaces", "", "{\"metadata\":{\"name\":\"n\"}}");
	*state = r;
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	return 0;
}

static int try_create(struct rig *r, const char *plural, const char *json, char message[512])
{
	struct api_request *q = api_request_new(API_CREATE, rig_kind(plural), "n", NULL);

	q->body = rig_json(json);
	return rig_call(r, q, message);
}

static void assert_refused(struct rig *r, const char *plural, const char *json, int code,
			   const char *words)
{
	char message[512];

	assert_int_equal(try_create(r, plural, json, message), -code);
	assert_string_equal(message, words);
}

static void assert_field(struct rig *r, const char *plural, const char *name, const char *a,
			 const char *b, const char *c, const char *expected)
{
	struct object *o = rig_get(r, plural, "n", name);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	const struct value *v;

	assert_non_null(o);
	v = value_dig(o->value, a, b, c, NULL);
	if (v)
		json_render(v, &text);
	assert_string_equal(buf_str(&text), expected);
	object_unref(o);
}

/* -- quotas -- */

static void make_quota(struct rig *r, const char *spec)
{
	CLEANUP_FREE char *json = xasprintf("{\"metadata\":{\"name\":\"q\"},\"spec\":%s}", spec);

	rig_create(r, "resourcequotas", "n", json);
	rig_settle(r);
}

#define THREADS 8
#define EACH    6
#define ROOM    10

struct racer {
	struct rig *rig;
	int id, n_created, n_over;
};

static void *race(void *arg)
{
	struct racer *me = arg;

	for (int i = 0; i < EACH; i++) {
		CLEANUP_FREE char *json =
			xasprintf("{\"metadata\":{\"name\":\"p%d-%d\"},\"spec\":{\"containers\":[{"
				  "\"name\":\"c\",\"image\":\"i\"}]}}",
				  me->id, i);
		char message[512];
		int rc = try_create(me->rig, "pods", json, message);

		me->n_created += rc == 0;
		me->n_over += rc == -EDQUOT;
	}
	return NULL;
}

static void test_quota_holds_under_a_race(void **state)
{
	struct rig *r = *state;
	struct racer racers[THREADS];
	pthread_t threads[THREADS];
	int created = 0, over = 0;

	make_quota(r, "{\"hard\":{\"pods\":\"10\"}}");
	for (int i = 0; i < THREADS; i++) {
		racers[i] = (struct racer){.rig = r, .id = i};
		pthread_create(&threads[i], NULL, race, &racers[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		created += racers[i].n_created;
		over += racers[i].n_over;
	}
	assert_int_equal(created, ROOM);
	assert_int_equal(over, THREADS * EACH - ROOM);
	assert_field(r, "resourcequotas", "q", "status", "used", "pods", "\"10\"");
}

struct batch_wait {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int done, rc;
};

static void batch_done(struct api_batch *b, int rc)
{
	struct batch_wait *w = b->arg;

	pthread_mutex_lock(&w->lock);
	w->rc = rc;
	w->done = 1;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

/* Several objects in one write; ended by NULL: plural, json. */
static int create_together(struct rig *r, const char *const *what)
{
	struct batch_wait w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
	struct api_batch *b = api_batch_new(batch_done, &w);

	for (; *what; what += 2) {
		struct api_request *q = api_request_new(API_CREATE, rig_kind(what[0]), "n", NULL);

		q->body = rig_json(what[1]);
		api_batch_add(b, q);
	}
	api_submit(r->api, &rig_tester, b);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.lock);
	pthread_mutex_unlock(&w.lock);
	return w.rc;
}

static void test_quota_counts_within_one_write(void **state)
{
	struct rig *r = *state;

	make_quota(r, "{\"hard\":{\"pods\":\"1\"}}");
	assert_int_equal(create_together(r, (const char *const[]){"pods", POD("a", ""), "pods",
								  POD("b", ""), NULL}),
			 -EDQUOT);
	assert_null(rig_get(r, "pods", "n", "a"));
	assert_field(r, "resourcequotas", "q", "status", "used", "pods", "\"0\"");
}

static void test_quota_of_the_same_write(void **state)
{
	struct rig *r = *state;
	static const char quota[] =
		"{\"metadata\":{\"name\":\"q\"},\"spec\":{\"hard\":{\"pods\":\"1\"}}}";

	assert_int_equal(
		create_together(r, (const char *const[]){"resourcequotas", quota, "pods",
							 POD("a", ""), "pods", POD("b", ""), NULL}),
		-EDQUOT);
	assert_int_equal(create_together(r, (const char *const[]){"resourcequotas", quota, "pods",
								  POD("a", ""), NULL}),
			 0);
	assert_field(r, "resourcequotas", "q", "status", "used", "pods", "\"1\"");
}

static void test_quota_is_given_back(void **state)
{
	struct rig *r = *state;

	make_quota(r,
		   "{\"hard\":{\"pods\":\"1\",\"requests.memory\":\"1Gi\",\"count/pods\":\"2\"}}");
	rig_create(r, "pods", "n",
		   POD_WITH("a", ",\"resources\":{\"requests\":{\"memory\":\"512Mi\"}}"));
	assert_field(r, "resourcequotas", "q", "status", "used", "requests.memory", "\"512Mi\"");
	/* one that has ended is there, and uses nothing */
	rig_patch(r, "pods", "n", "a", API_STATUS, "{\"status\":{\"phase\":\"Succeeded\"}}");
	rig_settle(r);
	assert_field(r, "resourcequotas", "q", "status", "used", NULL,
		     "{\"count/pods\":\"1\",\"pods\":\"0\",\"requests.memory\":\"0\"}");
	rig_create(r, "pods", "n",
		   POD_WITH("b", ",\"resources\":{\"requests\":{\"memory\":\"1Gi\"}}"));
	rig_delete(r, "pods", "n", "b", PROPAGATE_DEFAULT);
	rig_delete(r, "pods", "n", "a", PROPAGATE_DEFAULT);
	rig_settle(r);
	assert_field(r, "resourcequotas", "q", "status", "used", NULL,
		     "{\"count/pods\":\"0\",\"pods\":\"0\",\"requests.memory\":\"0\"}");
}

static void test_quota_wants_words(void **state)
{
	struct rig *r = *state;

	make_quota(r, "{\"hard\":{\"limits.cpu\":\"2\",\"requests.memory\":\"1Gi\"}}");
	assert_refused(r, "pods", POD("a", ""), EDQUOT,
		       "pods \"a\" is forbidden: failed quota: q: must specify limits.cpu for: c; "
		       "requests.memory for: c");
}

static void test_quota_scopes(void **state)
{
	struct rig *r = *state;

	make_quota(r, "{\"hard\":{\"pods\":\"1\"},\"scopes\":[\"BestEffort\"]}");
	rig_create(r, "pods", "n", POD_WITH("a", ",\"resources\":{\"requests\":{\"cpu\":\"1\"}}"));
	rig_create(r, "pods", "n", POD("b", ""));
	assert_refused(r, "pods", POD("c", ""), EDQUOT,
		       "pods \"c\" is forbidden: exceeded quota: q, requested: pods=1, used: "
		       "pods=1, limited: pods=1");
	rig_create(r, "pods", "n", POD_WITH("d", ",\"resources\":{\"requests\":{\"cpu\":\"1\"}}"));
}

static void test_quota_scope_selector(void **state)
{
	struct rig *r = *state;

	rig_create(r, "priorityclasses", "", "{\"metadata\":{\"name\":\"high\"},\"value\":1000}");
	make_quota(r,
		   "{\"hard\":{\"pods\":\"0\"},\"scopeSelector\":{\"matchExpressions\":[{"
		   "\"scopeName\":\"PriorityClass\",\"operator\":\"In\",\"values\":[\"high\"]}]}}");
	rig_create(r, "pods", "n", POD("a", ""));
	assert_refused(r, "pods", POD("b", ",\"priorityClassName\":\"high\""), EDQUOT,
		       "pods \"b\" is forbidden: exceeded quota: q, requested: pods=1, used: "
		       "pods=0, limited: pods=0");
}

#define CLAIM(name, size)                                                                          \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],"     \
	"\"storageClassName\":\"gold\",\"resources\":{\"requests\":{\"storage\":\"" size "\"}}}}"

static void test_quota_of_storage(void **state)
{
	struct rig *r = *state;

	make_quota(r, "{\"hard\":{\"requests.storage\":\"10Gi\",\"gold.storageclass.storage.k8s.io/"
		      "requests.storage\":\"5Gi\",\"persistentvolumeclaims\":\"5\"}}");
	rig_create(r, "persistentvolumeclaims", "n", CLAIM("a", "3Gi"));
	assert_refused(r, "persistentvolumeclaims", CLAIM("b", "3Gi"), EDQUOT,
		       "persistentvolumeclaims \"b\" is forbidden: exceeded quota: q, requested: "
		       "gold.storageclass.storage.k8s.io/requests.storage=3Gi, used: "
		       "gold.storageclass.storage.k8s.io/requests.storage=3Gi, limited: "
		       "gold.storageclass.storage.k8s.io/requests.storage=5Gi");
}

static void test_dry_run_charges_nothing(void **state)
{
	struct rig *r = *state;
	struct api_request *q = api_request_new(API_CREATE, rig_kind("pods"), "n", NULL);

	make_quota(r, "{\"hard\":{\"pods\":\"1\"}}");
	q->flags = API_DRY_RUN;
	q->body = rig_json(POD("a", ""));
	rig_call(r, q, NULL);
	assert_field(r, "resourcequotas", "q", "status", "used", "pods", "\"0\"");
}

/* -- limit ranges -- */

static void make_limits(struct rig *r, const char *limits)
{
	CLEANUP_FREE char *json =
		xasprintf("{\"metadata\":{\"name\":\"l\"},\"spec\":{\"limits\":[%s]}}", limits);

	rig_create(r, "limitranges", "n", json);
}

static void test_limits_fill_init_containers(void **state)
{
	struct rig *r = *state;

	make_limits(r, "{\"type\":\"Container\",\"default\":{\"cpu\":\"1\"},\"defaultRequest\":{"
		       "\"cpu\":\"500m\"}}");
	rig_create(r, "pods", "n",
		   POD("a", ",\"initContainers\":[{\"name\":\"first\",\"image\":\"i\"}]"));
	assert_field(r, "pods", "a", "metadata", "annotations", "kubernetes.io/limit-ranger",
		     "\"LimitRanger plugin set: cpu request for container c; cpu limit for "
		     "container c; cpu request for init container first; cpu limit for init "
		     "container first\"");
}

static void test_limits_of_ratio(void **state)
{
	struct rig *r = *state;

	make_limits(r, "{\"type\":\"Container\",\"maxLimitRequestRatio\":{\"cpu\":\"2\"}}");
	assert_refused(r, "pods",
		       POD_WITH("a", ",\"resources\":{\"requests\":{\"cpu\":\"100m\"},\"limits\":{"
				     "\"cpu\":\"300m\"}}"),
		       EACCES,
		       "pods \"a\" is forbidden: cpu max limit to request ratio per Container is "
		       "2, but provided ratio is 3.000000");
	rig_create(r, "pods", "n",
		   POD_WITH("b", ",\"resources\":{\"requests\":{\"cpu\":\"150m\"},\"limits\":{"
				 "\"cpu\":\"300m\"}}"));
}

static void test_limits_of_claims(void **state)
{
	struct rig *r = *state;

	make_limits(r, "{\"type\":\"PersistentVolumeClaim\",\"min\":{\"storage\":\"1Gi\"},"
		       "\"max\":{\"storage\":\"2Gi\"}}");
	assert_refused(r, "persistentvolumeclaims", CLAIM("a", "3Gi"), EACCES,
		       "persistentvolumeclaims \"a\" is forbidden: maximum storage usage per "
		       "PersistentVolumeClaim is 2Gi, but request is 3Gi");
	assert_refused(r, "persistentvolumeclaims", CLAIM("a", "512Mi"), EACCES,
		       "persistentvolumeclaims \"a\" is forbidden: minimum storage usage per "
		       "PersistentVolumeClaim is 1Gi, but request is 512Mi");
	rig_create(r, "persistentvolumeclaims", "n", CLAIM("a", "2Gi"));
}

/* -- what is chosen for the writer -- */

static void test_service_account(void **state)
{
	struct rig *r = *state;

	assert_refused(r, "pods", POD("a", ",\"serviceAccountName\":\"bot\""), EACCES,
		       "pods \"a\" is forbidden: error looking up service account n/bot: "
		       "serviceaccount \"bot\" not found");
	rig_create(r, "serviceaccounts", "n",
		   "{\"metadata\":{\"name\":\"bot\"},\"imagePullSecrets\":[{\"name\":\"reg\"}]}");
	rig_create(r, "pods", "n", POD("a", ",\"serviceAccountName\":\"bot\""));
	assert_field(r, "pods", "a", "spec", "imagePullSecrets", NULL, "[{\"name\":\"reg\"}]");
	rig_create(r, "pods", "n",
		   POD("b", ",\"serviceAccountName\":\"bot\",\"imagePullSecrets\":[{\"name\":"
			    "\"own\"}]"));
	assert_field(r, "pods", "b", "spec", "imagePullSecrets", NULL, "[{\"name\":\"own\"}]");
}

static void test_runtime_class(void **state)
{
	struct rig *r = *state;

	assert_refused(r, "pods", POD("a", ",\"runtimeClassName\":\"vm\""), EACCES,
		       "pods \"a\" is forbidden: pod rejected: RuntimeClass \"vm\" not found");
	rig_create(r, "runtimeclasses", "",
		   "{\"metadata\":{\"name\":\"vm\"},\"handler\":\"vm\",\"overhead\":{\"podFixed\":{"
		   "\"cpu\":\"250m\"}},\"scheduling\":{\"nodeSelector\":{\"vm\":\"yes\"}}}");
	rig_create(r, "pods", "n", POD("a", ",\"runtimeClassName\":\"vm\""));
	assert_field(r, "pods", "a", "spec", "overhead", NULL, "{\"cpu\":\"250m\"}");
	assert_field(r, "pods", "a", "spec", "nodeSelector", NULL, "{\"vm\":\"yes\"}");
	assert_refused(
		r, "pods",
		POD("b", ",\"runtimeClassName\":\"vm\",\"nodeSelector\":{\"vm\":\"no\"}"), EACCES,
		"pods \"b\" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[vm] "
		"= yes; pod.spec.nodeSelector[vm] = no");
}

#define CLASS(name, note)                                                                          \
	"{\"metadata\":{\"name\":\"" name "\",\"annotations\":{" note "}},\"provisioner\":\"x\"}"
#define IS_DEFAULT "\"storageclass.kubernetes.io/is-default-class\":\"true\""
#define PLAIN_CLAIM(name, more)                                                                    \
	"{\"metadata\":{\"name\":\"" name "\"},\"spec\":{\"accessModes\":[\"ReadWriteOnce\"]" more \
	",\"resources\":{\"requests\":{\"storage\":\"1Gi\"}}}}"

static void test_default_storage_class(void **state)
{
	struct rig *r = *state;

	rig_create(r, "persistentvolumeclaims", "n", PLAIN_CLAIM("none", ""));
	assert_field(r, "persistentvolumeclaims", "none", "spec", "storageClassName", NULL, "");
	rig_create(r, "storageclasses", "", CLASS("plain", ""));
	rig_create(r, "storageclasses", "", CLASS("std", IS_DEFAULT));
	rig_create(r, "persistentvolumeclaims", "n", PLAIN_CLAIM("some", ""));
	assert_field(r, "persistentvolumeclaims", "some", "spec", "storageClassName", NULL,
		     "\"std\"");
	rig_create(r, "persistentvolumeclaims", "n",
		   PLAIN_CLAIM("static", ",\"storageClassName\":\"\""));
	assert_field(r, "persistentvolumeclaims", "static", "spec", "storageClassName", NULL,
		     "\"\"");
}

static void test_claims_in_use_stay(void **state)
{
	struct rig *r = *state;
	struct object *o;

	rig_create(r, "persistentvolumeclaims", "n", PLAIN_CLAIM("data", ""));
	rig_create(r, "pods", "n",
		   POD("a", ",\"nodeName\":\"x\",\"terminationGracePeriodSeconds\":0,\"volumes\":[{"
			    "\"name\":\"v\",\"persistentVolumeClaim\":{\"claimName\":\"data\"}}]"));
	rig_delete(r, "persistentvolumeclaims", "n", "data", PROPAGATE_DEFAULT);
	rig_settle(r);
	o = rig_get(r, "persistentvolumeclaims", "n", "data");
	assert_non_null(o);
	assert_true(object_deleting(o->value));
	object_unref(o);
	rig_delete(r, "pods", "n", "a", PROPAGATE_DEFAULT);
	rig_settle(r);
	assert_null(rig_get(r, "persistentvolumeclaims", "n", "data"));
}

static void test_default_priority_class(void **state)
{
	struct rig *r = *state;

	rig_create(r, "priorityclasses", "",
		   "{\"metadata\":{\"name\":\"usual\"},\"value\":7,\"globalDefault\":true}");
	rig_create(r, "pods", "n", POD("a", ""));
	assert_field(r, "pods", "a", "spec", "priorityClassName", NULL, "\"usual\"");
	assert_field(r, "pods", "a", "spec", "priority", NULL, "7");
	assert_refused(r, "pods", POD("b", ",\"priorityClassName\":\"nope\""), EACCES,
		       "pods \"b\" is forbidden: no PriorityClass with name nope was found");
}

/* -- pod security -- */

static void enforce(struct rig *r, const char *level, const char *version)
{
	CLEANUP_FREE char *json = xasprintf(
		"{\"metadata\":{\"labels\":{\"pod-security.kubernetes.io/enforce\":\"%s\","
		"\"pod-security.kubernetes.io/enforce-version\":\"%s\"}}}",
		level, version);

	rig_patch(r, "namespaces", "", "n", 0, json);
}

static void test_baseline(void **state)
{
	static const struct {
		const char *pod, *violation;
	} cases[] = {
		{POD_WITH("a", ",\"securityContext\":{\"privileged\":true}"),
		 "privileged (container \"c\" must not set securityContext.privileged=true)"},
		{POD("a", ",\"hostNetwork\":true,\"hostPID\":true"),
		 "host namespaces (hostNetwork=true, hostPID=true)"},
		{POD("a", ",\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/\"}}]"),
		 "hostPath volumes (volume \"v\")"},
		{POD_WITH("a", ",\"ports\":[{\"containerPort\":80,\"hostPort\":8080}]"),
		 "hostPort (container \"c\" uses hostPort 8080)"},
		{POD_WITH("a", ",\"securityContext\":{\"capabilities\":{\"add\":[\"SYS_ADMIN\","
			       "\"KILL\",\"NET_ADMIN\"]}}"),
		 "non-default capabilities (container \"c\" must not include \"NET_ADMIN\", "
		 "\"SYS_ADMIN\" in securityContext.capabilities.add)"},
		{POD("a", ",\"securityContext\":{\"seccompProfile\":{\"type\":\"Unconfined\"}}"),
		 "seccompProfile (pod must not set securityContext.seccompProfile.type to "
		 "\"Unconfined\")"},
		{POD("a",
		     ",\"securityContext\":{\"sysctls\":[{\"name\":\"kernel.msgmax\",\"value\":"
		     "\"1\"}]}"),
		 "forbidden sysctls (kernel.msgmax)"},
		{POD_WITH("a", ",\"securityContext\":{\"seLinuxOptions\":{\"type\":\"spc_t\","
			       "\"user\":\"u\"}}"),
		 "seLinuxOptions (container \"c\" set forbidden securityContext.seLinuxOptions: "
		 "type \"spc_t\"; user may not be set)"},
		{POD_WITH("a", ",\"livenessProbe\":{\"httpGet\":{\"port\":80,\"host\":\"h\"}}"),
		 "probe or lifecycle host (container \"c\" uses probe or lifecycle host \"h\")"},
	};
	struct rig *r = *state;

	enforce(r, "baseline", "latest");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FREE char *words =
			xasprintf("pods \"a\" is forbidden: violates PodSecurity "
				  "\"baseline:latest\": %s",
				  cases[i].violation);

		assert_refused(r, "pods", cases[i].pod, EACCES, words);
	}
	rig_create(r, "pods", "n", POD("a", ""));
}

#define GOOD                                                                                       \
	",\"securityContext\":{\"allowPrivilegeEscalation\":false,\"runAsNonRoot\":true,"          \
	"\"capabilities\":{\"drop\":[\"ALL\"]},\"seccompProfile\":{\"type\":\"RuntimeDefault\"}}"

static void test_restricted(void **state)
{
	struct rig *r = *state;

	enforce(r, "restricted", "latest");
	assert_refused(
		r, "pods", POD("a", ""), EACCES,
		"pods \"a\" is forbidden: violates PodSecurity \"restricted:latest\": "
		"allowPrivilegeEscalation != false (container \"c\" must set "
		"securityContext.allowPrivilegeEscalation=false), unrestricted capabilities "
		"(container \"c\" must set securityContext.capabilities.drop=[\"ALL\"]), "
		"runAsNonRoot != true (pod or container \"c\" must set "
		"securityContext.runAsNonRoot=true), seccompProfile (pod or container \"c\" must "
		"set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\")");
	rig_create(r, "pods", "n", POD_WITH("a", GOOD));
	/* rules as they were: capabilities and runAsUser were not looked at yet */
	enforce(r, "restricted", "v1.21");
	assert_refused(r, "pods",
		       POD_WITH("b", ",\"securityContext\":{\"allowPrivilegeEscalation\":false,"
				     "\"runAsUser\":0,\"seccompProfile\":{\"type\":\"Localhost\","
				     "\"localhostProfile\":\"p\"}}"),
		       EACCES,
		       "pods \"b\" is forbidden: violates PodSecurity \"restricted:v1.21\": "
		       "runAsNonRoot != true (pod or container \"c\" must set "
		       "securityContext.runAsNonRoot=true)");
}

static void test_security_labels(void **state)
{
	struct rig *r = *state;

	assert_refused(r, "namespaces",
		       "{\"metadata\":{\"name\":\"m\",\"labels\":{"
		       "\"pod-security.kubernetes.io/enforce\":\"strict\"}}}",
		       EINVAL,
		       "metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "
		       "\"strict\": must be one of privileged, baseline, restricted");
}

static void test_namespaces_that_stay(void **state)
{
	static const char *const names[] = {"default", "kube-system"};
	struct rig *r = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP_FREE char *json = xasprintf("{\"metadata\":{\"name\":\"%s\"}}", names[i]);
		CLEANUP_FREE char *words =
			xasprintf("namespaces \"%s\" is forbidden: this namespace may not be "
				  "deleted",
				  names[i]);
		struct api_request *q =
			api_request_new(API_DELETE, rig_kind("namespaces"), "", names[i]);
		char message[512];

		rig_create(r, "namespaces", "", json);
		assert_int_equal(rig_call(r, q, message), -EPERM);
		assert_string_equal(message, words);
	}
}

int main(void)
{
#define CASE(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		CASE(test_quota_holds_under_a_race),
		CASE(test_quota_counts_within_one_write),
		CASE(test_quota_of_the_same_write),
		CASE(test_quota_is_given_back),
		CASE(test_quota_wants_words),
		CASE(test_quota_scopes),
		CASE(test_quota_scope_selector),
		CASE(test_quota_of_storage),
		CASE(test_dry_run_charges_nothing),
		CASE(test_limits_fill_init_containers),
		CASE(test_limits_of_ratio),
		CASE(test_limits_of_claims),
		CASE(test_service_account),
		CASE(test_runtime_class),
		CASE(test_default_storage_class),
		CASE(test_claims_in_use_stay),
		CASE(test_default_priority_class),
		CASE(test_baseline),
		CASE(test_restricted),
		CASE(test_security_labels),
		CASE(test_namespaces_that_stay),
	};

	return cmocka_run_group_tests_name("admission", tests, NULL, NULL);
}
