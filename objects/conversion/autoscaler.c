/* SPDX-License-Identifier: MIT */
/*
 * HorizontalPodAutoscalers: autoscaling/v1 knows the utilization of CPU alone; all else is JSON in
 * annotations there.
 * Source: Kubernetes pkg/apis/autoscaling/v1/conversion.go, annotations.go.
 */
#include "objects/codec.h"
#include "objects/conversion/views.h"

#define ANNOTATION      "autoscaling.alpha.kubernetes.io/"
#define METRICS         ANNOTATION "metrics"
#define CURRENT_METRICS ANNOTATION "current-metrics"
#define CONDITIONS      ANNOTATION "conditions"
#define BEHAVIOR        ANNOTATION "behavior"

/* -- one metric: v2 nests what v1 has side by side -- */

enum form { FORM_SPEC, FORM_STATUS };

/* Of a metric of this source: where v2 has it ("@" is target in a spec, current in a status), and
 * what v1 calls it. */
static const struct metric_field {
	const char *source, *outer, *inner; /* inner NULL: outer is the field */
	const char *v1[2];                  /* by form */
} fields[] = {
	{"object", "describedObject", NULL, {"target", "target"}},
	{"object", "metric", "name", {"metricName", "metricName"}},
	{"object", "metric", "selector", {"selector", "selector"}},
	{"object", "@", "value", {"targetValue", "currentValue"}},
	{"object", "@", "averageValue", {"averageValue", "averageValue"}},
	{"pods", "metric", "name", {"metricName", "metricName"}},
	{"pods", "metric", "selector", {"selector", "selector"}},
	{"pods", "@", "averageValue", {"targetAverageValue", "currentAverageValue"}},
	{"resource", "name", NULL, {"name", "name"}},
	{"resource",
	 "@",
	 "averageUtilization",
	 {"targetAverageUtilization", "currentAverageUtilization"}},
	{"resource", "@", "averageValue", {"targetAverageValue", "currentAverageValue"}},
	{"containerResource", "name", NULL, {"name", "name"}},
	{"containerResource", "container", NULL, {"container", "container"}},
	{"containerResource",
	 "@",
	 "averageUtilization",
	 {"targetAverageUtilization", "currentAverageUtilization"}},
	{"containerResource", "@", "averageValue", {"targetAverageValue", "currentAverageValue"}},
	{"external", "metric", "name", {"metricName", "metricName"}},
	{"external", "metric", "selector", {"metricSelector", "metricSelector"}},
	{"external", "@", "value", {"targetValue", "currentValue"}},
	{"external", "@", "averageValue", {"targetAverageValue", "currentAverageValue"}},
};

static const char *outer_of(const struct metric_field *f, enum form form)
{
	if (!str_eq(f->outer, "@"))
		return f->outer;
	return form == FORM_SPEC ? "target" : "current";
}

static struct value *metric_to_v1(const struct value *metric, enum form form)
{
	struct value *out =
		value_set(value_new_map(), "type", value_ref(value_get(metric, "type")));

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct metric_field *f = &fields[i];
		const struct value *v =
			value_dig(metric, f->source, outer_of(f, form), f->inner, NULL);

		if (v)
			out = value_bury(out, value_ref(v), f->source, f->v1[form], NULL);
	}
	return out;
}

/* What a target is compared with follows from what it has. */
static struct value *with_target_type(struct value *taken, const char *source)
{
	const struct value *target = value_dig(taken, source, "target", NULL);
	const char *type = value_get(target, "averageUtilization") ? "Utilization"
			   : value_get(target, "averageValue")     ? "AverageValue"
								   : "Value";

	if (!value_count(target))
		return taken;
	return value_bury(taken, value_new_string(type), source, "target", "type", NULL);
}

static struct value *metric_to_v2(const struct value *metric, enum form form)
{
	struct value *out =
		value_set(value_new_map(), "type", value_ref(value_get(metric, "type")));

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		const struct metric_field *f = &fields[i];
		const struct value *v = value_dig(metric, f->source, f->v1[form], NULL);

		if (v)
			out = value_bury(out, value_ref(v), f->source, outer_of(f, form), f->inner,
					 NULL);
	}
	for (size_t i = 0; form == FORM_SPEC && i < ARRAY_LEN(fields); i++)
		if (value_get(out, fields[i].source))
			out = with_target_type(out, fields[i].source);
	return out;
}

/* The percentage of a metric of CPU utilization, NULL: it is another one. */
static const struct value *cpu_percentage(const struct value *metric, enum form form)
{
	if (!str_eq(value_dig_str(metric, "type", NULL), "Resource") ||
	    !str_eq(value_dig_str(metric, "resource", "name", NULL), "cpu"))
		return NULL;
	return value_dig(metric, "resource", form == FORM_SPEC ? "target" : "current",
			 "averageUtilization", NULL);
}

/* -- annotations -- */

static struct value *annotate(struct value *taken, const char *key, struct value *taken_json)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	json_render(taken_json, &text);
	value_unref(taken_json);
	return value_bury(taken, value_new_stringn(text.data, text.len), "metadata", "annotations",
			  key, NULL);
}

/* The value of an annotation, which goes; NULL: there is none, or not of that type: it stays.
 * Owned. */
static struct value *take_annotation(struct value **obj, const char *key, enum value_type type)
{
	const struct value *text = value_dig(*obj, "metadata", "annotations", key, NULL);
	struct value *v = NULL, *left;

	if (!text)
		return NULL;
	v = json_parse(value_str(text, ""), value_strlen(text), NULL);
	if (!value_is(v, type)) {
		value_unref(v);
		return NULL;
	}
	left = value_del(value_ref(value_dig(*obj, "metadata", "annotations", NULL)), key);
	if (!value_count(left)) {
		value_unref(left);
		left = NULL;
	}
	*obj = value_bury(*obj, left, "metadata", "annotations", NULL);
	return v;
}

static struct value *drop(struct value *taken, const char *outer, const char *key)
{
	const struct value *in = value_get(taken, outer);

	return value_get(in, key) ? value_set(taken, outer, value_del(value_ref(in), key)) : taken;
}

/* -- v2 to v1 -- */

static struct value *metrics_to_v1(struct value *taken, const char *outer, const char *list_key,
				   enum form form)
{
	CLEANUP_VALUE struct value *list = value_ref(value_dig(taken, outer, list_key, NULL));
	const char *percentage = form == FORM_SPEC ? "targetCPUUtilizationPercentage"
						   : "currentCPUUtilizationPercentage";
	struct value *others = value_new_list();

	taken = drop(taken, outer, list_key);
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *m = value_at(list, i), *cpu = cpu_percentage(m, form);

		if (cpu && !value_dig(taken, outer, percentage, NULL))
			taken = value_bury(taken, value_ref(cpu), outer, percentage, NULL);
		/* a status keeps them all, a spec those that it has no field for */
		if (!cpu || form == FORM_STATUS)
			others = value_append(others, metric_to_v1(m, form));
	}
	if (value_count(others))
		return annotate(taken, form == FORM_SPEC ? METRICS : CURRENT_METRICS, others);
	value_unref(others);
	return taken;
}

static struct value *field_to_annotation(struct value *taken, const char *outer, const char *key,
					 const char *annotation)
{
	struct value *v = value_ref(value_dig(taken, outer, key, NULL));

	return v ? annotate(drop(taken, outer, key), annotation, v) : taken;
}

static struct value *from_v2(struct value *taken)
{
	taken = metrics_to_v1(taken, "spec", "metrics", FORM_SPEC);
	taken = metrics_to_v1(taken, "status", "currentMetrics", FORM_STATUS);
	taken = field_to_annotation(taken, "status", "conditions", CONDITIONS);
	return field_to_annotation(taken, "spec", "behavior", BEHAVIOR);
}

/* -- v1 to v2 -- */

static struct value *cpu_metric(const struct value *percentage, enum form form)
{
	struct value *m = value_set_str(value_new_map(), "type", "Resource");

	m = value_bury(m, value_new_string("cpu"), "resource", "name", NULL);
	m = value_bury(m, value_ref(percentage), "resource",
		       form == FORM_SPEC ? "target" : "current", "averageUtilization", NULL);
	return form == FORM_SPEC ? with_target_type(m, "resource") : m;
}

static struct value *metrics_to_v2(struct value *taken, const char *outer, const char *list_key,
				   enum form form)
{
	const char *percentage = form == FORM_SPEC ? "targetCPUUtilizationPercentage"
						   : "currentCPUUtilizationPercentage";
	CLEANUP_VALUE struct value *cpu = value_ref(value_dig(taken, outer, percentage, NULL));
	CLEANUP_VALUE struct value *others =
		take_annotation(&taken, form == FORM_SPEC ? METRICS : CURRENT_METRICS, VALUE_LIST);
	struct value *list = value_new_list();
	int has_cpu = 0;

	taken = drop(taken, outer, percentage);
	for (size_t i = 0; i < value_count(others); i++) {
		struct value *m = metric_to_v2(value_at(others, i), form);

		has_cpu |= cpu_percentage(m, form) != NULL;
		list = value_append(list, m);
	}
	if (cpu && !(has_cpu && form == FORM_STATUS))
		list = value_append(list, cpu_metric(cpu, form));
	if (value_count(list))
		return value_bury(taken, list, outer, list_key, NULL);
	value_unref(list);
	return taken;
}

static struct value *annotation_to_field(struct value *taken, const char *outer, const char *key,
					 const char *annotation, enum value_type type)
{
	struct value *v = take_annotation(&taken, annotation, type);

	return v ? value_bury(taken, v, outer, key, NULL) : taken;
}

static struct value *to_v2(struct value *taken)
{
	taken = metrics_to_v2(taken, "spec", "metrics", FORM_SPEC);
	taken = metrics_to_v2(taken, "status", "currentMetrics", FORM_STATUS);
	taken = annotation_to_field(taken, "status", "conditions", CONDITIONS, VALUE_LIST);
	return annotation_to_field(taken, "spec", "behavior", BEHAVIOR, VALUE_MAP);
}

const struct kind_view view_autoscaler_v1 = {from_v2, to_v2};
