/* SPDX-License-Identifier: MIT */
/* Asking webhooks with another network: whom, with what, and what is accepted of a conversion. */
#include "tests/unit/controllers_rig.h"

#include <errno.h>

#include "objects/custom.h"
#include "objects/webhook.h"

static const struct controller_class *const classes[] = {NULL};

/* What was asked, and what is answered to it. */
struct net {
	struct rig *rig;
	struct webhooks *webhooks;
	char url[256], connect_to[64], trust[64];
	unsigned timeout_ms;
	int n_asked;
	const char *answer; /* as it stands; NULL: objects converted by `convert` */
	long status;
	const char *labels;   /* of converted objects, JSON; NULL: theirs */
	const char *metadata; /* likewise */
};

static struct value *convert(const struct net *n, const struct value *object, const char *version)
{
	struct value *v = value_set_str(value_ref(object), "apiVersion", version);
	const char *text = value_str(value_get(v, "one"), NULL);

	if (text)
		v = value_set_str(v, "two", text);
	v = value_del(v, "one");
	if (n->labels)
		v = value_bury(v, rig_json(n->labels), "metadata", "labels", NULL);
	return n->metadata ? value_set(v, "metadata", rig_json(n->metadata)) : v;
}

static void answer_conversion(const struct net *n, const struct value *review, struct buf *out)
{
	const struct value *request = value_get(review, "request");
	const char *version = value_str(value_get(request, "desiredAPIVersion"), "");
	const struct value *in = value_get(request, "objects");
	struct value *list = value_new_list(), *v = value_ref(review), *response = value_new_map();

	for (size_t i = 0; i < value_count(in); i++)
		list = value_append(list, convert(n, value_at(in, i), version));
	response = value_set_str(response, "uid", value_dig_str(request, "uid", NULL));
	response = value_set(response, "convertedObjects", list);
	response = value_bury(response, value_new_string("Success"), "result", "status", NULL);
	v = value_set(value_del(v, "request"), "response", response);
	json_render(v, out);
	value_unref(v);
}

static int post(void *arg, const struct https_post *p, long *status, struct buf *answer,
		struct err *err)
{
	struct net *n = arg;
	CLEANUP_VALUE struct value *review = json_parse(p->body, p->body_len, NULL);

	assert_non_null(review);
	n->n_asked++;
	snprintf(n->url, sizeof(n->url), "%s", p->url);
	snprintf(n->connect_to, sizeof(n->connect_to), "%s", p->connect_to ? p->connect_to : "");
	snprintf(n->trust, sizeof(n->trust), "%.*s", (int)p->trust_len,
		 p->trust ? (const char *)p->trust : "");
	n->timeout_ms = p->timeout_ms;
	*status = n->status;
	if (n->answer)
		buf_adds(answer, n->answer);
	else
		answer_conversion(n, review, answer);
	return 0;
}

static int setup(void **state)
{
	struct net *n = xcalloc(1, sizeof(*n));

	n->rig = rig_new(classes);
	n->webhooks = webhooks_new(n->rig->store, post, n);
	n->status = 200;
	*state = n;
	return 0;
}

static int teardown(void **state)
{
	struct net *n = *state;

	webhooks_free(n->webhooks);
	rig_free(n->rig);
	free(n);
	return 0;
}

/* -- whom -- */

static int ask(struct net *n, const char *client, struct err *err)
{
	CLEANUP_VALUE struct value *c = rig_json(client), *review = value_new_map();
	struct value *answer = NULL;
	int rc = webhook_ask(n->webhooks, c, 7, review, &answer, err);

	assert_int_equal(rc == 0, answer != NULL);
	value_unref(answer);
	return rc;
}

static void test_url(void **state)
{
	struct net *n = *state;
	struct err err = ERR_INIT;

	n->answer = "{}";
	assert_int_equal(
		ask(n, "{\"url\":\"https://h.example.com:8/p\",\"caBundle\":\"UEVN\"}", &err), 0);
	assert_string_equal(n->url, "https://h.example.com:8/p?timeout=7s");
	assert_string_equal(n->connect_to, "");
	assert_string_equal(n->trust, "PEM");
	assert_int_equal(n->timeout_ms, 7000);
	assert_int_equal(ask(n, "{\"url\":\"https://h\"}", &err), 0);
	assert_string_equal(n->url, "https://h/?timeout=7s");
	assert_string_equal(n->trust, "");
	assert_int_equal(ask(n, "{\"url\":\"http://h\"}", &err), -EINVAL);
	err_clear(&err);
	assert_int_equal(ask(n, "{\"url\":\"https://h\",\"caBundle\":\"!\"}", &err), -EINVAL);
}

static void assert_no_answer(struct net *n, long status, const char *answer, int rc,
			     const char *why)
{
	struct err err = ERR_INIT;

	n->status = status;
	n->answer = answer;
	assert_int_equal(ask(n, "{\"url\":\"https://h\"}", &err), rc);
	assert_non_null(strstr(err.msg, why));
}

static void test_what_is_no_answer(void **state)
{
	struct net *n = *state;

	assert_no_answer(n, 200, "", -EINVAL, "no JSON");
	assert_no_answer(n, 200, "{", -EINVAL, "no JSON");
	assert_no_answer(n, 200, "[1]", -EINVAL, "no object");
	assert_no_answer(n, 500, "it\nbroke", -EIO, "status 500: it broke");
	assert_no_answer(n, 302, "", -EIO, "status 302");
}

#define SERVICE "{\"service\":{\"namespace\":\"n\",\"name\":\"s\",\"path\":\"/p\",\"port\":8443}}"

static void assert_unreachable(struct net *n, const char *why)
{
	struct err err = ERR_INIT;

	assert_int_equal(ask(n, SERVICE, &err), -EHOSTUNREACH);
	assert_string_equal(err.msg, why);
}

static void test_service(void **state)
{
	struct net *n = *state;
	struct err err = ERR_INIT;

	n->answer = "{}";
	rig_create(n->rig, "namespaces", "", "{\"metadata\":{\"name\":\"n\"}}");
	assert_unreachable(n, "service \"s\" not found");
	rig_create(
		n->rig, "services", "n",
		"{\"metadata\":{\"name\":\"s\"},\"spec\":{\"ports\":[{\"name\":\"a\",\"port\":1},{"
		"\"name\":\"b\",\"port\":8443,\"targetPort\":\"web\"}]}}");
	assert_unreachable(n, "no endpoints available for service \"s\"");
	/* Endpoints: by the name of the port, ready addresses alone */
	rig_create(n->rig, "endpoints", "n",
		   "{\"metadata\":{\"name\":\"s\"},\"subsets\":[{\"addresses\":[{\"ip\":\"10.0.0."
		   "1\"}],"
		   "\"notReadyAddresses\":[{\"ip\":\"10.0.0.2\"}],\"ports\":[{\"name\":\"a\","
		   "\"port\":1},{"
		   "\"name\":\"b\",\"port\":9443}]}]}");
	assert_int_equal(ask(n, SERVICE, &err), 0);
	assert_string_equal(n->url, "https://s.n.svc:8443/p?timeout=7s");
	assert_string_equal(n->connect_to, "10.0.0.1:9443");
	/* EndpointSlices come before; one without a ready endpoint says that there is none */
	rig_create(n->rig, "endpointslices", "n",
		   "{\"metadata\":{\"name\":\"s-1\",\"labels\":{\"kubernetes.io/"
		   "service-name\":\"s\"}},"
		   "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"b\",\"port\":7443}],"
		   "\"endpoints\":[{"
		   "\"addresses\":[\"10.0.0.3\"],\"conditions\":{\"ready\":false}}]}");
	assert_unreachable(n, "no endpoints available for service \"s\"");
	rig_create(n->rig, "endpointslices", "n",
		   "{\"metadata\":{\"name\":\"s-2\",\"labels\":{\"kubernetes.io/"
		   "service-name\":\"s\"}},"
		   "\"addressType\":\"IPv4\",\"ports\":[{\"name\":\"b\",\"port\":7443}],"
		   "\"endpoints\":[{"
		   "\"addresses\":[\"10.0.0.4\"]}]}");
	assert_int_equal(ask(n, SERVICE, &err), 0);
	assert_string_equal(n->connect_to, "10.0.0.4:7443");
	assert_int_equal(ask(n, "{\"service\":{\"namespace\":\"n\",\"name\":\"s\"}}", &err),
			 -EHOSTUNREACH);
	assert_string_equal(err.msg, "no service port 443 found for service \"s\"");
}

/* -- conversion -- */

static void define(struct net *n)
{
	rig_create(
		n->rig, "customresourcedefinitions", "",
		"{\"metadata\":{\"name\":\"xs.example.com\"},\"spec\":{\"group\":\"example.com\","
		"\"scope\":\"Cluster\",\"names\":{\"plural\":\"xs\",\"kind\":\"X\"},\"conversion\":"
		"{"
		"\"strategy\":\"Webhook\",\"webhook\":{\"conversionReviewVersions\":[\"v9\",\"v1\"]"
		","
		"\"clientConfig\":{\"url\":\"https://"
		"h\"}}},\"versions\":[{\"name\":\"v1\",\"served\":"
		"true,\"storage\":true,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","
		"\"properties\":{\"one\":{\"type\":\"string\"}}}}},{\"name\":\"v2\",\"served\":"
		"true,"
		"\"storage\":false,\"schema\":{\"openAPIV3Schema\":{\"type\":\"object\","
		"\"properties\":{"
		"\"two\":{\"type\":\"string\"},\"three\":{\"type\":\"integer\",\"default\":3}}}}}]}"
		"}");
}

static struct object *get(struct net *n, const char *version, const char *name)
{
	const struct kind *k = kind_find("example.com", version, "xs");

	assert_non_null(k);
	return store_get(n->rig->store, (struct objkey){k, "", name});
}

static void create(struct net *n, const char *name)
{
	struct api_request *r =
		api_request_new(API_CREATE, kind_find("example.com", "v1", "xs"), "", name);
	char message[512];

	r->body = rig_json("{\"metadata\":{\"labels\":{\"a\":\"b\"}},\"one\":\"1\"}");
	if (rig_call(n->rig, r, message) < 0)
		fail_msg("%s", message);
}

static void test_objects_that_are_not_whole(void **state)
{
	struct net *n = *state;
	struct err err = ERR_INIT;
	struct object *o, *again;

	define(n);
	create(n, "x");
	o = get(n, "v2", "x");
	assert_non_null(o->of);
	assert_string_equal(o->name, "x");
	assert_string_equal(object_label(o->value, "a"), "b");
	assert_null(value_get(o->value, "one"));
	assert_int_equal(webhook_convert(n->webhooks, &o, 1, &err), 0);
	assert_null(o->of);
	assert_string_equal(value_dig_str(o->value, "two", NULL), "1");
	assert_int_equal(value_int(value_get(o->value, "three"), 0), 3);
	/* as long as the snapshot lives */
	again = get(n, "v2", "x");
	assert_ptr_equal(again, o);
	assert_int_equal(webhook_convert(n->webhooks, &again, 1, &err), 0);
	assert_int_equal(n->n_asked, 1);
	object_unref(again);
	object_unref(o);
	o = get(n, "v1", "x");
	assert_null(o->of);
	assert_string_equal(value_dig_str(o->value, "one", NULL), "1");
	object_unref(o);
}

static void test_many_at_once(void **state)
{
	struct net *n = *state;
	struct object_list list;
	struct err err = ERR_INIT;
	char name[16];

	define(n);
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof(name), "x%d", i);
		create(n, name);
	}
	store_list(n->rig->store, kind_find("example.com", "v2", "xs"), NULL, &list);
	assert_int_equal(list.n, 12);
	assert_int_equal(webhook_convert(n->webhooks, list.list, list.n, &err), 0);
	for (size_t i = 0; i < list.n; i++)
		assert_null(list.list[i]->of);
	assert_int_equal(n->n_asked, 1);
	object_list_fini(&list);
}

static void refuses(struct net *n, const char *why)
{
	struct err err = ERR_INIT;
	struct object *o = get(n, "v2", "x");

	assert_true(webhook_convert(n->webhooks, &o, 1, &err) < 0);
	assert_non_null(o->of);
	if (!strstr(err.msg, why))
		fail_msg("'%s' is not in: %s", why, err.msg);
	assert_non_null(strstr(err.msg, "conversion webhook for example.com/v1, Kind=X failed: "));
	object_unref(o);
}

#define REVIEW(response)                                                                           \
	"{\"apiVersion\":\"apiextensions.k8s.io/v1\",\"kind\":\"ConversionReview\",\"response\":"  \
	"{" response "}}"

static void test_what_is_demanded(void **state)
{
	struct net *n = *state;

	define(n);
	create(n, "x");
	n->metadata = "{\"name\":\"y\"}";
	refuses(n, "must have the same name: x != y");
	n->metadata = "{\"name\":\"x\"}";
	refuses(n, "must have the same UID");
	n->metadata = "[]";
	refuses(n, "missing metadata in converted object");
	n->metadata = NULL;
	n->labels = "{\"a\":1}";
	refuses(n, "metadata.labels[a] is no text");
	n->labels = "[]";
	refuses(n, "metadata.labels is no map of texts");
	n->labels = "{\"a\":\"not a label value!\"}";
	refuses(n, "metadata.labels[a]: Invalid value");
	n->labels = "{\"a b\":\"c\"}";
	refuses(n, "metadata.labels: Invalid value: \"a b\"");
	n->labels = NULL;
	n->answer = REVIEW("\"uid\":\"7\"");
	refuses(n, "expected response.uid=");
	n->answer = "{}";
	refuses(n, "expected webhook response of apiextensions.k8s.io/v1, Kind=ConversionReview");
	n->answer = "nothing";
	refuses(n, "no JSON");
}

static void test_labels_may_change(void **state)
{
	struct net *n = *state;
	struct err err = ERR_INIT;
	struct object *o;

	define(n);
	create(n, "x");
	n->labels = "{\"c\":\"d\"}";
	o = get(n, "v2", "x");
	assert_int_equal(webhook_convert(n->webhooks, &o, 1, &err), 0);
	assert_null(object_label(o->value, "a"));
	assert_string_equal(object_label(o->value, "c"), "d");
	object_unref(o);
}

static void test_without_anybody_to_ask(void **state)
{
	struct net *n = *state;
	struct err err = ERR_INIT;
	struct object *o;

	define(n);
	create(n, "x");
	o = get(n, "v2", "x");
	assert_int_equal(webhook_convert(NULL, &o, 1, &err), -EOPNOTSUPP);
	object_unref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_url, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_no_answer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_service, setup, teardown),
		cmocka_unit_test_setup_teardown(test_objects_that_are_not_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_demanded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_labels_may_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_without_anybody_to_ask, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
