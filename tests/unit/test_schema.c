/* SPDX-License-Identifier: MIT */
/* Kinds as data: lookups, strict decoding, validation of single rules, updates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/schema.h"

static struct value *yaml(const char *text)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(text, strlen(text), &err);

	if (!v)
		fail_msg("%s", err.msg);
	return v;
}

static const struct kind *kind_of(const struct value *v)
{
	const struct kind *k = kind_by_gvk(value_str(value_get(v, "apiVersion"), ""),
					   value_str(value_get(v, "kind"), ""));

	assert_non_null(k);
	return k;
}

/* Decoded, defaulted and prepared, without a fault. */
static struct value *made(const char *text, const struct value *old)
{
	struct value *v = yaml(text);
	const struct kind *k = kind_of(v);
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf why = BUF_INIT;

	v = schema_decode(k->schema, v, NULL, &faults);
	faults_render(&faults, NULL, &why);
	if (faults.n)
		fail_msg("%s", buf_str(&why));
	return kind_prepare(k, kind_default(k, v), old, 0);
}

/* Everything that is wrong with it, a line each; "" when nothing is. */
static char *faults_of(const char *text, const char *old_text, int *code_out)
{
	CLEANUP_VALUE struct value *old = old_text ? made(old_text, NULL) : NULL;
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct value *v = yaml(text);
	const struct kind *k = kind_of(v);

	v = schema_decode(k->schema, v, NULL, &faults);
	if (!faults.n) {
		v = kind_prepare(k, kind_default(k, v), old, 0);
		kind_validate(k, v, old, 0, &faults);
	}
	value_unref(v);
	if (code_out)
		*code_out = faults.code;
	faults_render(&faults, NULL, &out);
	return buf_steal(&out);
}

static void expect(const char *text, const char *want)
{
	CLEANUP_FREE char *got = faults_of(text, NULL, NULL);

	if (!strstr(got, want) || (!*want && *got))
		fail_msg("of\n%s\nwant: %s\ngot:  %s", text, want, got);
}

static void expect_update(const char *old, const char *text, int code, const char *want)
{
	int got_code;
	CLEANUP_FREE char *got = faults_of(text, old, &got_code);

	if (!strstr(got, want) || (!*want && *got))
		fail_msg("of\n%s\nwant: %s\ngot:  %s", text, want, got);
	assert_int_equal(got_code, code);
}

#define POD   "apiVersion: v1\nkind: Pod\nmetadata: {name: p, namespace: default}\nspec:\n"
#define NGINX "  containers:\n  - name: nginx\n    image: nginx\n"
#define DEPLOY                                                                                     \
	"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, namespace: default}\nspec:\n"

static void test_lookups(void **state)
{
	const struct kind *d = kind_by_gvk("apps/v1", "Deployment");

	assert_int_equal(kinds_count(),
			 71); /* 67 resources, APIService, 3 bodies of subresources */
	assert_non_null(d);
	assert_ptr_equal(kind_find("apps", "v1", "deployments"), d);
	assert_ptr_equal(kind_by_name("deploy"), d);
	assert_ptr_equal(kind_by_name("Deployment"), d);
	assert_ptr_equal(kind_by_name("deployments.apps"), d);
	assert_ptr_equal(kind_find("core", "v1", "pods"), kind_find("", "v1", "pods"));
	assert_ptr_equal(kind_by_name("po"), kind_by_gvk("v1", "Pod"));
	assert_ptr_equal(kind_by_name("events"), kind_by_gvk("v1", "Event"));
	assert_string_equal(kind_api_version(d), "apps/v1");
	assert_string_equal(kind_resource(d), "deployments.apps");
	assert_string_equal(kind_resource(kind_by_name("pod")), "pods");
	assert_string_equal(kind_by_name("hpa")->version, "v2");
	assert_null(kind_by_gvk("v1", "Deployment"));
	assert_null(kind_by_gvk(NULL, "Pod"));
	assert_null(kind_by_name(""));
	assert_null(kind_at(kinds_count()));
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		assert_int_equal(k->index, i);
		assert_ptr_equal(kind_find(k->group, k->version, k->plural), k);
		assert_ptr_equal(kind_by_gvk(kind_api_version(k), k->kind), k);
	}
}

static void test_fields(void **state)
{
	const struct schema *s = kind_by_name("deploy")->schema;
	const struct schema *spec = schema_child(s, "spec");
	const struct schema *pod = schema_child(schema_child(spec, "template"), "spec");
	const struct schema *containers = schema_child(pod, "containers");

	assert_int_equal(containers->type, SCHEMA_LIST);
	assert_int_equal(containers->list, LIST_MAP);
	assert_string_equal(containers->merge_key, "name");
	assert_string_equal(containers->map_keys[0], "name");
	assert_int_equal(containers->patch & PATCH_MERGE, PATCH_MERGE);
	assert_int_equal(schema_child(spec, "strategy")->patch & PATCH_RETAIN_KEYS,
			 PATCH_RETAIN_KEYS);
	assert_true(schema_field(spec, "selector")->required);
	assert_true(schema_field(spec, "selector")->immutable);
	assert_null(schema_field(spec, "replica"));
	assert_string_equal(schema_suggest(spec, "replica"), "replicas");
	assert_string_equal(schema_suggest(spec, "Selector"), "selector");
	assert_string_equal(schema_suggest(pod, "contianers"), "containers");
	assert_null(schema_suggest(pod, "qqqqqqqqqq"));
	assert_non_null(
		schema_child(schema_child(schema_child(s, "metadata"), "labels"), "any/key"));
}

static void test_decoding_finds_all_faults_at_once(void **state)
{
	CLEANUP_FREE char *got =
		faults_of(DEPLOY "  replica: 3\n  replicas: three\n  paused: 1\n  template: []\n"
				 "  selector: {matchLabels: {a: 1}}\n  minReadySeconds: 1.5\n",
			  NULL, NULL);

	assert_non_null(strstr(got, "unknown field \"replica\", did you mean \"replicas\"?"));
	assert_non_null(strstr(got, "spec.replicas: Invalid value: \"three\": must be an integer"));
	assert_non_null(strstr(got, "spec.paused: Invalid value: 1: must be true or false"));
	assert_non_null(strstr(got, "spec.template: Invalid value: must be a map"));
	assert_non_null(
		strstr(got, "spec.selector.matchLabels[a]: Invalid value: 1: must be a string"));
	assert_non_null(
		strstr(got, "spec.minReadySeconds: Invalid value: 1.5: must be an integer"));
}

static void test_decoding_normalises(void **state)
{
	CLEANUP_VALUE struct value *v =
		made(POD "  hostname: null\n  nodeSelector: {}\n  hostNetwork: false\n" NGINX
			 "    resources: {requests: {cpu: 0.25, memory: 1024Mi}, limits: {cpu: "
			 "1000m, memory: 1Gi}}\n",
		     NULL);
	const struct value *spec = value_get(v, "spec");
	const struct value *r = value_get(value_at(value_get(spec, "containers"), 0), "resources");

	assert_null(value_get(spec, "hostname"));
	assert_null(value_get(spec, "nodeSelector"));
	assert_null(value_get(spec, "hostNetwork"));
	assert_string_equal(value_dig_str(r, "requests", "cpu", NULL), "250m");
	assert_string_equal(value_dig_str(r, "requests", "memory", NULL), "1Gi");
	assert_string_equal(value_dig_str(r, "limits", "cpu", NULL), "1");
}

static void test_secrets_are_not_quoted(void **state)
{
	CLEANUP_FREE char *got = faults_of("apiVersion: v1\nkind: Secret\n"
					   "metadata: {name: s, namespace: default}\n"
					   "data: {a: hunter2!, 'b c': aHVudGVy}\n"
					   "stringData: {c: {hunter: 2}}\n",
					   NULL, NULL);

	assert_non_null(strstr(got, "data[a]"));
	assert_null(strstr(got, "hunter2"));
}

static void test_metadata(void **state)
{
	expect("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: Abc, namespace: default}\n",
	       "metadata.name: Invalid value: \"Abc\": a lowercase RFC 1123 subdomain must "
	       "consist");
	expect("apiVersion: v1\nkind: ConfigMap\nmetadata: {namespace: default}\n",
	       "metadata.name: Required value: name or generateName is required");
	expect("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: a.b}\n",
	       "metadata.namespace: Invalid value");
	expect("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: d, labels: {a b: "
	       "c}}\n",
	       "metadata.labels: Invalid value: \"a b\": name part must consist of");
	expect("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: d, finalizers: "
	       "[x]}\n",
	       "metadata.finalizers[0]: Invalid value: \"x\": name is neither a standard");
	expect("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: d\n"
	       "  ownerReferences: [{apiVersion: v1, kind: Pod, name: p, uid: ''}]\n",
	       "metadata.ownerReferences.uid: Invalid value: \"\": uid must not be empty");
	expect("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: d}\ndata: {a/b: "
	       "c}\n",
	       "data[a/b]: Invalid value: \"a/b\": a valid config key");
}

static void test_pods(void **state)
{
	expect(POD NGINX, "");
	expect(POD "  restartPolicy: Sometimes\n" NGINX,
	       "spec.restartPolicy: Unsupported value: \"Sometimes\": supported values: "
	       "\"Always\", "
	       "\"OnFailure\", \"Never\"");
	expect(POD "  containers: []\n", "spec.containers: Required value");
	expect(POD NGINX "    volumeMounts: [{name: v, mountPath: /v}]\n",
	       "spec.containers[0].volumeMounts[0].name: Not found: \"v\"");
	expect(POD NGINX "    ports: [{containerPort: 99999}]\n",
	       "spec.containers[0].ports[0].containerPort: Invalid value: 99999: must be between 1 "
	       "and 65535, inclusive");
	expect(POD "  hostNetwork: true\n" NGINX "    ports: [{containerPort: 80, hostPort: 81}]\n",
	       "must match `containerPort` when `hostNetwork` is true");
	expect(POD NGINX "    resources: {limits: {cpu: 1}, requests: {cpu: 2}}\n",
	       "spec.containers[0].resources.requests: Invalid value: \"2\": must be less than or "
	       "equal to cpu limit of 1");
	expect(POD NGINX "    livenessProbe: {successThreshold: 2, tcpSocket: {port: 1}}\n",
	       "spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1");
	expect(POD NGINX "    env: [{name: A, value: b, valueFrom: {fieldRef: {fieldPath: "
			 "metadata.name}}}]\n",
	       "may not be specified when `value` is not empty");
	expect(POD NGINX "  volumes: [{name: v, emptyDir: {}, hostPath: {path: /}}]\n",
	       "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type");
	expect(POD NGINX "  volumes: [{name: v, hostPath: {path: /a/../b}}]\n",
	       "must not contain '..'");
	expect(POD NGINX "  tolerations: [{operator: Equal}]\n",
	       "spec.tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists");
	expect(POD NGINX "  dnsPolicy: None\n", "spec.dnsConfig: Required value");
	expect(POD NGINX "  - {name: nginx, image: other}\n",
	       "spec.containers[1].name: Duplicate value: \"nginx\"");
}

static void test_workloads(void **state)
{
	expect(DEPLOY
	       "  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: c}}\n"
	       "    spec: {containers: [{name: a, image: b}]}\n",
	       "spec.template.metadata.labels: Invalid value: `selector` does not match template "
	       "`labels`");
	expect(DEPLOY
	       "  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n"
	       "    spec: {restartPolicy: Never, containers: [{name: a, image: b}]}\n",
	       "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: "
	       "\"Always\"");
	expect(DEPLOY
	       "  strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0%}}\n"
	       "  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n"
	       "    spec: {containers: [{name: a, image: b}]}\n",
	       "may not be 0 when `maxSurge` is 0");
}

#define CLOSED                                                                                     \
	"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, namespace: d}\nimmutable: true\n"
#define SECRET "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: d}\n"
#define SELECT                                                                                     \
	"  template:\n    metadata: {labels: {a: b, c: d}}\n"                                      \
	"    spec: {containers: [{name: a, image: b}]}\n  selector: {matchLabels: "

static void test_updates(void **state)
{
	expect_update(POD NGINX,
		      POD
		      "  containers: [{name: nginx, image: 'nginx:2', imagePullPolicy: Always}]\n",
		      0, "");
	expect_update(POD NGINX, POD "  hostPID: true\n" NGINX, EPERM,
		      "spec: Forbidden: pod updates may not change fields other than");
	expect_update(DEPLOY SELECT "{a: b}}\n", DEPLOY SELECT "{c: d}}\n", EPERM,
		      "spec.selector: Invalid value: field is immutable");
	expect_update(SECRET, SECRET "type: a/b\n", EPERM,
		      "type: Invalid value: \"a/b\": field is immutable");
	expect_update(CLOSED, CLOSED "data: {a: b}\n", EPERM,
		      "data: Forbidden: field is immutable when `immutable` is set");
	expect_update(SECRET, "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: e}\n",
		      EPERM, "metadata.namespace: Invalid value: \"e\": field is immutable");
}

#define EVENT(ns, about)                                                                           \
	"apiVersion: v1\nkind: Event\nmetadata: {name: a, namespace: " ns                          \
	"}\ninvolvedObject: {" about "}\n"

static void test_events(void **state)
{
	expect(EVENT("d", "kind: Pod, namespace: d"), "");
	expect(EVENT("default", "kind: Node"), "");
	expect(EVENT("d", "kind: Pod, namespace: e"),
	       "involvedObject.namespace: Invalid value: \"e\": does not match event.namespace");
	expect(EVENT("d", "kind: Pod, namespace: d") "eventTime: 2026-01-01T00:00:00.000000Z\n",
	       "reportingComponent: Required value");
}

#define JOB(image)                                                                                 \
	"apiVersion: batch/v1\nkind: Job\nmetadata: {name: a, namespace: d}\nspec:\n"              \
	"  template: {spec: {restartPolicy: Never, containers: [{name: a, image: " image "}]}}\n"
#define CRON_JOB(image)                                                                            \
	"apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a, namespace: d}\n"                 \
	"spec:\n  schedule: '*/5 8-18 * * mon-fri'\n  jobTemplate: {spec: {template: {spec: "      \
	"{restartPolicy: Never, containers: [{name: a, image: " image "}]}}}}\n"

static void test_jobs(void **state)
{
	expect_update(JOB("x"), JOB("z"), EPERM,
		      "spec.template: Invalid value: field is immutable");
	expect_update(CRON_JOB("x"), CRON_JOB("z"), 0, "");
	expect("apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: a, namespace: d}\n"
	       "spec: {schedule: '60 * * * *', jobTemplate: {}}\n",
	       "spec.schedule: Invalid value: \"60 * * * *\"");
}

static void test_prepare(void **state)
{
	CLEANUP_VALUE struct value *pod = made(POD NGINX "status: {phase: Running}\n", NULL);
	CLEANUP_VALUE struct value *ns =
		made("apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n", NULL);
	CLEANUP_VALUE struct value *node = made(
		"apiVersion: v1\nkind: Node\nmetadata: {name: a}\nspec: {podCIDR: 10.0.0.0/24}\n"
		"status: {capacity: {cpu: 2}}\n",
		NULL);
	CLEANUP_VALUE struct value *running =
		value_bury(value_ref(pod), value_new_string("Running"), "status", "phase", NULL);
	CLEANUP_VALUE struct value *again = made(
		POD "  containers: [{name: nginx, image: x}]\nstatus: {phase: Failed}\n", running);
	CLEANUP_VALUE struct value *status =
		kind_prepare(kind_by_name("pod"),
			     value_bury(value_ref(again), value_new_string("Succeeded"), "status",
					"phase", NULL),
			     running, 1);

	assert_string_equal(value_dig_str(pod, "status", "phase", NULL), "Pending");
	assert_string_equal(value_dig_str(pod, "status", "qosClass", NULL), "BestEffort");
	assert_int_equal(value_int(value_dig(pod, "metadata", "generation", NULL), 0), 1);
	assert_string_equal(value_dig_str(ns, "status", "phase", NULL), "Active");
	assert_string_equal(value_str(value_at(value_dig(ns, "spec", "finalizers", NULL), 0), ""),
			    "kubernetes");
	assert_string_equal(
		value_dig_str(ns, "metadata", "labels", "kubernetes.io/metadata.name", NULL), "a");
	assert_string_equal(value_dig_str(node, "status", "capacity", "cpu", NULL), "2");
	assert_string_equal(value_dig_str(node, "status", "allocatable", "cpu", NULL), "2");
	assert_string_equal(value_str(value_at(value_dig(node, "spec", "podCIDRs", NULL), 0), ""),
			    "10.0.0.0/24");
	/* an update does not say the status, a status update says nothing else */
	assert_string_equal(value_dig_str(again, "status", "phase", NULL), "Running");
	assert_string_equal(value_dig_str(status, "status", "phase", NULL), "Succeeded");
	assert_true(value_equal(value_get(status, "spec"), value_get(running, "spec")));
}

#define SERVICE "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: d}\nspec:\n"

/* What the server gave a Service stays while the type can use it, and goes with the type. */
static void test_service_updates(void **state)
{
	CLEANUP_VALUE struct value *old = made(
		SERVICE
		"  type: NodePort\n  clusterIP: 10.96.0.7\n"
		"  ports: [{port: 80, nodePort: 30080}, {port: 81, name: b, nodePort: 30081}]\n",
		NULL);
	CLEANUP_VALUE struct value *same = made(
		SERVICE "  type: NodePort\n  ports: [{port: 81, name: b}, {port: 80, name: a}]\n",
		old);
	CLEANUP_VALUE struct value *inner = kind_prepare(
		kind_by_name("svc"),
		value_bury(value_ref(old), value_new_string("ClusterIP"), "spec", "type", NULL),
		old, 0);
	CLEANUP_VALUE struct value *outer = kind_prepare(
		kind_by_name("svc"),
		value_bury(value_ref(old), value_new_string("ExternalName"), "spec", "type", NULL),
		old, 0);
	const struct value *ports = value_dig(same, "spec", "ports", NULL);

	assert_string_equal(value_dig_str(same, "spec", "clusterIP", NULL), "10.96.0.7");
	assert_int_equal(value_int(value_get(value_at(ports, 0), "nodePort"), 0), 30081);
	assert_int_equal(value_int(value_get(value_at(ports, 1), "nodePort"), 0), 30080);
	assert_string_equal(value_dig_str(inner, "spec", "clusterIP", NULL), "10.96.0.7");
	assert_null(value_get(value_at(value_dig(inner, "spec", "ports", NULL), 0), "nodePort"));
	assert_null(value_dig(inner, "spec", "externalTrafficPolicy", NULL));
	assert_null(value_dig(outer, "spec", "clusterIP", NULL));
	expect_update(SERVICE "  clusterIP: 10.96.0.7\n  ports: [{port: 80}]\n",
		      SERVICE "  clusterIP: 10.96.0.8\n  ports: [{port: 80}]\n", EPERM,
		      "spec.clusterIPs[0]: Invalid value: \"10.96.0.8\": may not change once set");
}

static void test_string_data_wins(void **state)
{
	CLEANUP_VALUE struct value *v =
		made(SECRET "data: {a: YQ==, b: YQ==}\nstringData: {b: xyz, c: ''}\n", NULL);

	assert_null(value_get(v, "stringData"));
	assert_string_equal(value_dig_str(v, "data", "a", NULL), "YQ==");
	assert_string_equal(value_dig_str(v, "data", "b", NULL), "eHl6");
	assert_string_equal(value_dig_str(v, "data", "c", NULL), "");
}

static void test_defaults_are_idempotent(void **state)
{
	static const char *const texts[] = {
		POD NGINX,
		DEPLOY SELECT "{a: b}}\n",
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\n"
		"spec: {type: NodePort, ports: [{port: 80}]}\n",
		SECRET "stringData: {a: b}\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct value *v = yaml(texts[i]);
		const struct kind *k = kind_of(v);
		CLEANUP_VALUE struct value *once = kind_default(k, v);
		CLEANUP_VALUE struct value *twice = kind_default(k, value_ref(once));

		assert_true(value_equal(once, twice));
		assert_ptr_equal(once, twice); /* nothing was copied */
	}
}

static void test_rendered_fields(void **state)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	schema_render_fields(kind_by_name("deploy"), &out);
	assert_non_null(strstr(buf_str(&out), "\nspec.replicas integer default=1 min=0\n"));
	assert_non_null(strstr(buf_str(&out),
			       "\nspec.template.spec.containers []Container required key=name\n"));
	assert_non_null(strstr(buf_str(&out), "\nspec.template.spec.containers[].image string\n"));
	for (size_t i = 0; i < kinds_count(); i++) {
		out.len = 0;
		schema_render_fields(kind_at(i), &out);
		assert_in_range(out.len, 50, 1 << 20);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookups),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_decoding_finds_all_faults_at_once),
		cmocka_unit_test(test_decoding_normalises),
		cmocka_unit_test(test_secrets_are_not_quoted),
		cmocka_unit_test(test_metadata),
		cmocka_unit_test(test_pods),
		cmocka_unit_test(test_workloads),
		cmocka_unit_test(test_updates),
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_jobs),
		cmocka_unit_test(test_prepare),
		cmocka_unit_test(test_service_updates),
		cmocka_unit_test(test_string_data_wins),
		cmocka_unit_test(test_defaults_are_idempotent),
		cmocka_unit_test(test_rendered_fields),
	};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
