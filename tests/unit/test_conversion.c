/* SPDX-License-Identifier: MIT */
/* Built-in versions of one resource: what each shows, and that there and back loses nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "objects/codec.h"
#include "objects/schema.h"

static struct value *yaml(const char *text)
{
	struct documents docs;
	struct faults faults = FAULTS_INIT;
	struct value *v;

	if (yaml_parse(text, strlen(text), &docs, &faults) < 0)
		fail_msg("%s", faults.list[0].message);
	v = value_ref(docs.list[0].value);
	documents_fini(&docs);
	faults_fini(&faults);
	return v;
}

static void same(const struct value *a, const struct value *b)
{
	CLEANUP(buf_fini) struct buf x = BUF_INIT, y = BUF_INIT;

	yaml_render(a, &x);
	yaml_render(b, &y);
	assert_string_equal(buf_str(&x), buf_str(&y));
}

/* text as the other version is `other`; back again it is text. */
static void converts(const char *text, const char *other)
{
	CLEANUP_VALUE struct value *a = yaml(text), *wanted = yaml(other), *b = NULL, *back = NULL;
	const struct kind *from =
		kind_by_gvk(value_dig_str(a, "apiVersion", NULL), value_dig_str(a, "kind", NULL));
	const struct kind *to = kind_by_gvk(value_dig_str(wanted, "apiVersion", NULL),
					    value_dig_str(wanted, "kind", NULL));

	assert_non_null(from);
	assert_non_null(to);
	assert_true(kind_is_same_resource(from, to));
	b = kind_convert(to, value_ref(a));
	same(b, wanted);
	back = kind_convert(from, value_ref(b));
	same(back, a);
}

static void test_cpu_is_a_field_of_v1(void **state)
{
	converts("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n"
		 "spec: {maxReplicas: 5, metrics: [{type: Resource, resource: {name: cpu, target: "
		 "{type: Utilization, averageUtilization: 50}}}]}\n",
		 "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n"
		 "spec: {maxReplicas: 5, targetCPUUtilizationPercentage: 50}\n");
}

static void test_other_metrics_are_an_annotation_of_v1(void **state)
{
	converts(
		"apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\n"
		"metadata: {name: h, annotations: {own: x}}\n"
		"spec:\n  maxReplicas: 5\n  behavior: {scaleDown: {selectPolicy: Disabled}}\n"
		"  metrics:\n"
		"  - {type: Pods, pods: {metric: {name: p, selector: {matchLabels: {a: b}}}, "
		"target: "
		"{type: AverageValue, averageValue: 1k}}}\n"
		"  - {type: Object, object: {describedObject: {kind: S, name: s}, metric: {name: "
		"o}, "
		"target: {type: Value, value: '3'}}}\n"
		"  - {type: External, external: {metric: {name: e}, target: {type: Value, value: "
		"'9'}}}\n"
		"  - {type: ContainerResource, containerResource: {name: memory, container: c, "
		"target: "
		"{type: AverageValue, averageValue: 1Gi}}}\n"
		"  - {type: Resource, resource: {name: cpu, target: {type: Utilization, "
		"averageUtilization: 7}}}\n",
		"apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\n"
		"metadata:\n  name: h\n  annotations:\n    own: x\n"
		"    autoscaling.alpha.kubernetes.io/behavior: "
		"'{\"scaleDown\":{\"selectPolicy\":\"Disabled\"}}'\n"
		"    autoscaling.alpha.kubernetes.io/metrics: "
		"'[{\"pods\":{\"metricName\":\"p\",\"selector\":{\"matchLabels\":{\"a\":\"b\"}},"
		"\"targetAverageValue\":\"1k\"},\"type\":\"Pods\"},"
		"{\"object\":{\"metricName\":\"o\",\"target\":{\"kind\":\"S\",\"name\":\"s\"},"
		"\"targetValue\":\"3\"},\"type\":\"Object\"},"
		"{\"external\":{\"metricName\":\"e\",\"targetValue\":\"9\"},\"type\":\"External\"},"
		"{\"containerResource\":{\"container\":\"c\",\"name\":\"memory\","
		"\"targetAverageValue\":\"1Gi\"},\"type\":\"ContainerResource\"}]'\n"
		"spec: {maxReplicas: 5, targetCPUUtilizationPercentage: 7}\n");
}

static void test_status(void **state)
{
	converts("apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: h}\n"
		 "spec: {maxReplicas: 5}\nstatus:\n  desiredReplicas: 2\n"
		 "  currentMetrics: [{type: Resource, resource: {name: cpu, current: "
		 "{averageUtilization: 30, averageValue: 100m}}}]\n"
		 "  conditions: [{type: AbleToScale, status: 'True'}]\n",
		 "apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\nmetadata:\n  name: h\n"
		 "  annotations:\n    autoscaling.alpha.kubernetes.io/conditions: "
		 "'[{\"status\":\"True\",\"type\":\"AbleToScale\"}]'\n"
		 "    autoscaling.alpha.kubernetes.io/current-metrics: "
		 "'[{\"resource\":{\"currentAverageUtilization\":30,\"currentAverageValue\":"
		 "\"100m\","
		 "\"name\":\"cpu\"},\"type\":\"Resource\"}]'\n"
		 "spec: {maxReplicas: 5}\nstatus: {desiredReplicas: 2, "
		 "currentCPUUtilizationPercentage: 30}\n");
}

/* Whatever somebody wrote into the annotations: it stays what it is, and harms nobody. */
static void test_annotations_that_are_no_metrics(void **state)
{
	static const char *const texts[] = {"",
					    "{",
					    "7",
					    "{}",
					    "[7]",
					    "[{\"type\":[]}]",
					    "[{\"pods\":7}]",
					    "[{\"resource\":{\"name\":{}}}]"};
	const struct kind *v2 = kind_by_gvk("autoscaling/v2", "HorizontalPodAutoscaler");

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct value *v = yaml("apiVersion: autoscaling/v1\nkind: HorizontalPodAutoscaler\n"
				       "metadata: {name: h}\nspec: {maxReplicas: 5}\n");

		v = value_bury(v, value_new_string(texts[i]), "metadata", "annotations",
			       "autoscaling.alpha.kubernetes.io/metrics", NULL);
		v = kind_convert(v2, v);
		assert_string_equal(value_dig_str(v, "apiVersion", NULL), "autoscaling/v2");
		if (i < 4)
			assert_string_equal(value_dig_str(v, "metadata", "annotations",
							  "autoscaling.alpha.kubernetes.io/metrics",
							  NULL),
					    texts[i]);
		value_unref(v);
	}
}

static void test_events(void **state)
{
	converts(
		"apiVersion: v1\nkind: Event\nmetadata: {name: e}\ninvolvedObject: {kind: Pod, "
		"name: p}\n"
		"message: m\nreason: R\ntype: Normal\ncount: 3\nsource: {component: c}\n"
		"firstTimestamp: '2026-01-01T00:00:00Z'\nlastTimestamp: '2026-01-02T00:00:00Z'\n"
		"reportingComponent: x\nreportingInstance: y\nseries: {count: 2}\n",
		"apiVersion: events.k8s.io/v1\nkind: Event\nmetadata: {name: e}\nregarding: {kind: "
		"Pod, name: p}\n"
		"note: m\nreason: R\ntype: Normal\ndeprecatedCount: 3\ndeprecatedSource: "
		"{component: "
		"c}\n"
		"deprecatedFirstTimestamp: '2026-01-01T00:00:00Z'\ndeprecatedLastTimestamp: "
		"'2026-01-02T00:00:00Z'\n"
		"reportingController: x\nreportingInstance: y\nseries: {count: 2}\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cpu_is_a_field_of_v1),
		cmocka_unit_test(test_other_metrics_are_an_annotation_of_v1),
		cmocka_unit_test(test_status),
		cmocka_unit_test(test_annotations_that_are_no_metrics),
		cmocka_unit_test(test_events),
	};

	kinds_init();
	return cmocka_run_group_tests_name("conversion", tests, NULL, NULL);
}
