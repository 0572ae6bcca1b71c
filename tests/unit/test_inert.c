/* SPDX-License-Identifier: MIT */
/*
 * Nothing is silently ignored: of every kind somebody acts upon its objects, or `_schema` says that
 * nobody does, and an event, once; the same of fields.
 */
#include "tests/unit/controllers_rig.h"

#include "objects/controllers/facts.h"

extern const struct controller_class deployment_controller, replicaset_controller, inert_controller;

static const struct controller_class *const classes[] = {
	&deployment_controller, &replicaset_controller, &inert_controller, NULL};

/*
 * Who acts upon the objects of a kind. Whoever makes another kind act takes `inert` off its file and
 * says here who does.
 */
static const struct {
	const char *group, *kind;
	const char *who; /* a controller's name (one word), or who else */
} acted_upon[] = {
	{"", "ConfigMap", "the node: volumes and environment"},
	{"", "Endpoints", "endpoint-controller"},
	{"", "Event", "event-ttl-controller"},
	{"", "LimitRange", "built-in admission"},
	{"", "Namespace", "namespace-controller"},
	{"", "Node", "node-controller"},
	{"", "Pod", "the node"},
	{"", "ReplicationController", "replication-controller"},
	{"", "ResourceQuota", "resourcequota-controller"},
	{"", "Secret", "the node: volumes and environment"},
	{"", "Service", "endpoint-controller"},
	{"", "ServiceAccount", "service-account-token-controller"},
	{"admissionregistration.k8s.io", "MutatingAdmissionPolicy", "built-in admission"},
	{"admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding", "built-in admission"},
	{"admissionregistration.k8s.io", "MutatingWebhookConfiguration", "built-in admission"},
	{"admissionregistration.k8s.io", "ValidatingAdmissionPolicy", "built-in admission"},
	{"admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding", "built-in admission"},
	{"admissionregistration.k8s.io", "ValidatingWebhookConfiguration", "built-in admission"},
	{"apiextensions.k8s.io", "CustomResourceDefinition", "customresourcedefinition-controller"},
	{"apps", "Deployment", "deployment-controller"},
	{"apps", "ReplicaSet", "replicaset-controller"},
	{"coordination.k8s.io", "Lease", "node-controller"},
	{"events.k8s.io", "Event", "event-ttl-controller"},
	{"node.k8s.io", "RuntimeClass", "built-in admission"},
	{"policy", "PodDisruptionBudget", "controllermanager"},
	{"rbac.authorization.k8s.io", "ClusterRole", "the decision who may do what"},
	{"rbac.authorization.k8s.io", "ClusterRoleBinding", "the decision who may do what"},
	{"rbac.authorization.k8s.io", "Role", "the decision who may do what"},
	{"rbac.authorization.k8s.io", "RoleBinding", "the decision who may do what"},
	{"scheduling.k8s.io", "PriorityClass", "admission and the scheduler"},
};

#define TEMPLATE                                                                                   \
	"\"selector\":{\"matchLabels\":{\"a\":\"b\"}},\"template\":{\"metadata\":{\"labels\":"     \
	"{\"a\":\"b\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"
#define JOB                                                                                        \
	"{\"template\":{\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\","    \
	"\"image\":\"i\"}]}}}"

/* Of every kind that nobody acts upon one object, but for what they all have. */
static const struct {
	const char *plural, *body;
	const char *name; /* NULL: any will do */
} samples[] = {
	{"apiservices",
	 "\"spec\":{\"group\":\"example.com\",\"version\":\"v1\",\"groupPriorityMinimum\":1000,"
	 "\"versionPriority\":10,\"insecureSkipTLSVerify\":true,\"service\":{\"namespace\":"
	 "\"d\",\"name\":\"s\"}}",
	 "v1.example.com"},
	{"certificatesigningrequests",
	 "\"spec\":{\"request\":\"LS0tLS1CRUdJTg==\",\"signerName\":\"example.com/e2e\","
	 "\"usages\":[\"client auth\"]}"},
	{"controllerrevisions", "\"revision\":1"},
	{"cronjobs", "\"spec\":{\"schedule\":\"* * * * *\",\"jobTemplate\":{\"spec\":" JOB "}}"},
	{"csidrivers", "\"spec\":{}"},
	{"csinodes", "\"spec\":{\"drivers\":[]}"},
	{"csistoragecapacities", "\"storageClassName\":\"c\""},
	{"daemonsets", "\"spec\":{" TEMPLATE "}"},
	{"deviceclasses", "\"spec\":{}"},
	{"endpointslices", "\"addressType\":\"IPv4\",\"endpoints\":[]"},
	{"flowschemas", "\"spec\":{\"priorityLevelConfiguration\":{\"name\":\"global-default\"}}"},
	{"horizontalpodautoscalers",
	 "\"spec\":{\"maxReplicas\":3,\"scaleTargetRef\":{\"apiVersion\":\"apps/v1\",\"kind\":"
	 "\"Deployment\",\"name\":\"d\"}}"},
	{"ingressclasses", "\"spec\":{\"controller\":\"example.com/c\"}"},
	{"ingresses",
	 "\"spec\":{\"defaultBackend\":{\"service\":{\"name\":\"s\",\"port\":{\"number\":80}}}}"},
	{"ipaddresses",
	 "\"spec\":{\"parentRef\":{\"resource\":\"services\",\"namespace\":\"d\",\"name\":\"s\"}}",
	 "10.0.0.1"},
	{"jobs", "\"spec\":" JOB},
	{"networkpolicies", "\"spec\":{\"podSelector\":{}}"},
	{"persistentvolumeclaims",
	 "\"spec\":{\"accessModes\":[\"ReadWriteOnce\"],\"resources\":{\"requests\":{\"storage\":"
	 "\"1Gi\"}}}"},
	{"persistentvolumes",
	 "\"spec\":{\"capacity\":{\"storage\":\"1Gi\"},\"accessModes\":[\"ReadWriteOnce\"],"
	 "\"hostPath\":{\"path\":\"/tmp/x\"}}"},
	{"podtemplates",
	 "\"template\":{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"},
	{"prioritylevelconfigurations", "\"spec\":{\"type\":\"Limited\",\"limited\":{"
					"\"limitResponse\":{\"type\":\"Reject\"}}}"},
	{"resourceclaims", "\"spec\":{}"},
	{"resourceclaimtemplates", "\"spec\":{\"spec\":{}}"},
	{"resourceslices",
	 "\"spec\":{\"driver\":\"example.com\",\"nodeName\":\"n\",\"pool\":{\"name\":\"p\","
	 "\"generation\":1,\"resourceSliceCount\":1},\"devices\":[]}"},
	{"servicecidrs", "\"spec\":{\"cidrs\":[\"10.1.0.0/16\"]}"},
	{"statefulsets", "\"spec\":{\"serviceName\":\"s\"," TEMPLATE "}"},
	{"storageclasses", "\"provisioner\":\"example.com/p\""},
	{"volumeattachments",
	 "\"spec\":{\"attacher\":\"a.example.com\",\"nodeName\":\"n\",\"source\":{"
	 "\"persistentVolumeName\":\"v\"}}"},
	{"volumeattributesclasses", "\"driverName\":\"example.com\",\"parameters\":{\"a\":\"b\"}"},
};

#define RESOURCES 67 /* that Kubernetes has; and the bodies of subresources are kinds, too */
#define MARK      " (stored, not acted upon)"

/* -- what is said of kinds -- */

static const char *who_acts(const struct kind *k)
{
	for (size_t i = 0; i < ARRAY_LEN(acted_upon); i++)
		if (str_eq(acted_upon[i].group, k->group) && str_eq(acted_upon[i].kind, k->kind))
			return acted_upon[i].who;
	return NULL;
}

static int has_sample(const struct kind *k)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		if (str_eq(samples[i].plural, k->plural))
			return 1;
	return 0;
}

static void test_somebody_acts_or_it_is_said(void **state)
{
	size_t n = 0;

	(void)state;
	kinds_init();
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);
		int inert = !!(k->flags & KIND_INERT);

		n++;
		if (k->flags & KIND_VIRTUAL) /* answered, not stored */
			continue;
		if (inert == !!who_acts(k))
			fail_msg("%s/%s is %sinert: is '%s' who acts upon it?", k->group, k->kind,
				 inert ? "" : "not ", who_acts(k) ? who_acts(k) : "nobody");
		if (inert != has_sample(k))
			fail_msg("%s/%s is %sinert: %s sample", k->group, k->kind,
				 inert ? "" : "not ", inert ? "there is no" : "there is a");
	}
	assert_in_range(n, RESOURCES, RESOURCES + 5);
}

static void test_who_acts_is_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(acted_upon); i++) {
		const char *who = acted_upon[i].who;
		int there = strchr(who, ' ') != NULL;

		for (const struct controller_class *const *c = all_controllers; *c; c++)
			there += str_eq((*c)->name, who);
		if (!there)
			fail_msg("%s: there is no %s", acted_upon[i].kind, who);
	}
}

static void test_schema_says_so(void **state)
{
	(void)state;
	kinds_init();
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);
		CLEANUP(buf_fini) struct buf text = BUF_INIT;
		size_t marked = 0, lines = 0;

		schema_render_fields(k, &text);
		for (const char *at = buf_str(&text), *end; (end = strchr(at, '\n'));
		     at = end + 1) {
			lines++;
			marked += (size_t)(end - at) > strlen(MARK) &&
				  memcmp(end - strlen(MARK), MARK, strlen(MARK)) == 0;
		}
		if (lines == 0 || (k->flags & KIND_INERT ? marked != lines : marked == lines))
			fail_msg("%s: %zu of %zu lines say%s", k->kind, marked, lines, MARK);
	}
}

/* -- what is told -- */

static struct rig *start(void)
{
	struct rig *r = rig_new(classes);

	rig_create(r, "namespaces", "",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Namespace\",\"metadata\":{\"name\":"
		   "\"default\"}}");
	return r;
}

/* Events of this reason about an object; the last one's message to *message (owned) unless NULL. */
static size_t told(struct rig *r, const char *kind, const char *reason, char **message)
{
	struct object_list l = rig_list(r, "events", "default");
	size_t n = 0;

	for (size_t i = 0; i < l.n; i++) {
		const struct value *e = l.list[i]->value;

		if (!str_eq(STR_AT(e, "reason"), reason) ||
		    !str_eq(STR_AT(e, "involvedObject", "kind"), kind))
			continue;
		n++;
		assert_int_equal(INT_AT(e, "count"), 1);
		assert_string_equal(STR_AT(e, "type"), "Warning");
		if (message) {
			free(*message);
			*message = xstrdup(STR_AT(e, "message"));
		}
	}
	object_list_fini(&l);
	return n;
}

static void create_sample(struct rig *r, const char *plural, const char *name, const char *body)
{
	const struct kind *k = rig_kind(plural);
	CLEANUP_FREE char *json = xasprintf(
		"{\"apiVersion\":\"%s\",\"kind\":\"%s\",\"metadata\":{\"name\":\"%s\"},%s}",
		k->api_version, k->kind, name ? name : "one", body);

	rig_create(r, plural, k->flags & KIND_NAMESPACED ? "default" : "", json);
}

static void expect_all_told_once(struct rig *r)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		const char *kind = rig_kind(samples[i].plural)->kind;
		CLEANUP_FREE char *message = NULL;
		size_t n = told(r, kind, "NotActedUpon", &message);

		if (n != 1 || !strstr(message, "nothing here acts upon"))
			fail_msg("%s: told %zu times: %s", kind, n, message ? message : "");
		assert_int_equal(told(r, kind, "FieldsNotActedUpon", NULL), 0);
	}
}

static void test_kinds_are_told_of_once(void **state)
{
	struct rig *r = start();

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++)
		create_sample(r, samples[i].plural, samples[i].name, samples[i].body);
	rig_settle(r);
	expect_all_told_once(r);
	rig_patch(r, "daemonsets", "default", "one", 0, "{\"spec\":{\"minReadySeconds\":5}}");
	rig_settle(r);
	rig_close(r);
	rig_open(r); /* what was told before is not told again */
	rig_settle(r);
	expect_all_told_once(r);
	rig_free(r);
}

static const char pod[] =
	"{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"p\"},\"spec\":{"
	"\"securityContext\":{\"seLinuxOptions\":{\"level\":\"s0\"}},\"containers\":[{\"name\":"
	"\"c\",\"image\":\"i\",\"securityContext\":{\"appArmorProfile\":{\"type\":\"Unconfined\"}"
	"}}]}}";

static void test_fields_are_told_of_once(void **state)
{
	struct rig *r = start();
	CLEANUP_FREE char *message = NULL;

	(void)state;
	rig_create(r, "pods", "default", pod);
	rig_settle(r);
	assert_int_equal(told(r, "Pod", "FieldsNotActedUpon", &message), 1);
	assert_string_equal(message, "stored, but not acted upon: "
				     "spec.containers[0].securityContext.appArmorProfile, "
				     "spec.securityContext.seLinuxOptions");
	rig_patch(r, "pods", "default", "p", 0, "{\"metadata\":{\"labels\":{\"a\":\"b\"}}}");
	rig_patch(r, "pods", "default", "p", API_STATUS, "{\"status\":{\"phase\":\"Running\"}}");
	rig_patch(r, "pods", "default", "p", 0, "{\"spec\":{\"activeDeadlineSeconds\":9}}");
	rig_settle(r);
	rig_close(r);
	rig_open(r);
	rig_settle(r);
	assert_int_equal(told(r, "Pod", "FieldsNotActedUpon", NULL), 1);
	assert_int_equal(told(r, "Pod", "NotActedUpon", NULL), 0);
	rig_free(r);
}

/* What is said later is told then; what says nothing is not told of. */
static void test_fields_that_come_later(void **state)
{
	struct rig *r = start();
	CLEANUP_FREE char *message = NULL;

	(void)state;
	rig_create(r, "services", "default",
		   "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"s\"},"
		   "\"spec\":{\"type\":\"LoadBalancer\",\"ports\":[{\"port\":80}]}}");
	rig_settle(r);
	assert_int_equal(told(r, "Service", "FieldsNotActedUpon", NULL), 0);
	rig_patch(r, "services", "default", "s", 0,
		  "{\"spec\":{\"loadBalancerIP\":\"192.0.2.1\"}}");
	rig_settle(r);
	assert_int_equal(told(r, "Service", "FieldsNotActedUpon", &message), 1);
	assert_string_equal(message, "stored, but not acted upon: spec.loadBalancerIP");
	rig_patch(r, "services", "default", "s", 0,
		  "{\"spec\":{\"trafficDistribution\":\"PreferClose\"}}");
	rig_settle(r);
	assert_int_equal(told(r, "Service", "FieldsNotActedUpon", NULL), 2);
	rig_free(r);
}

/* Of a template its Deployment is told: not each set and pod that it is copied to. */
static void test_owners_speak_for_what_they_made(void **state)
{
	struct rig *r = start();

	(void)state;
	rig_create(r, "deployments", "default",
		   "{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{\"name\":"
		   "\"d\"},\"spec\":{\"replicas\":3,\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
		   "\"template\":{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"spec\":{"
		   "\"hostnameOverride\":\"x\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}"
		   "}}}");
	rig_settle(r);
	assert_int_equal(store_count(r->store, rig_kind("pods"), "default"), 3);
	assert_int_equal(told(r, "Deployment", "FieldsNotActedUpon", NULL), 1);
	assert_int_equal(told(r, "ReplicaSet", "FieldsNotActedUpon", NULL), 0);
	assert_int_equal(told(r, "Pod", "FieldsNotActedUpon", NULL), 0);
	/* an owner of a kind that is not built in did not say it */
	rig_create(r, "daemonsets", "default",
		   "{\"apiVersion\":\"apps/v1\",\"kind\":\"DaemonSet\",\"metadata\":{\"name\":"
		   "\"s\",\"ownerReferences\":[{\"apiVersion\":\"example.com/v1\",\"kind\":"
		   "\"Operator\",\"name\":\"o\",\"uid\":\"u\",\"controller\":true}]},\"spec\":"
		   "{" TEMPLATE "}}");
	rig_settle(r);
	assert_int_equal(told(r, "DaemonSet", "NotActedUpon", NULL), 1);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_somebody_acts_or_it_is_said),
		cmocka_unit_test(test_who_acts_is_there),
		cmocka_unit_test(test_schema_says_so),
		cmocka_unit_test(test_kinds_are_told_of_once),
		cmocka_unit_test(test_fields_are_told_of_once),
		cmocka_unit_test(test_fields_that_come_later),
		cmocka_unit_test(test_owners_speak_for_what_they_made),
	};

	return cmocka_run_group_tests_name("inert", tests, NULL, NULL);
}
