/* SPDX-License-Identifier: MIT */
/* Columns of jobs, claims, quotas, bindings, policies. */
#include "objects/print/columns.h"

#include <inttypes.h>

#include "objects/codec.h"
#include "objects/quantity.h"

/* -- jobs, budgets, claims -- */

void column_completions(const struct value *o, struct buf *out)
{
	int64_t done = int_at(o, 0, "status", "succeeded", NULL);
	int64_t wanted = int_at(o, -1, "spec", "completions", NULL);
	int64_t at_once = int_at(o, 0, "spec", "parallelism", NULL);

	buf_addf(out, "%" PRId64 "/", done);
	if (wanted >= 0)
		buf_addf(out, "%" PRId64, wanted);
	else if (at_once > 1)
		buf_addf(out, "1 of %" PRId64, at_once);
	else
		buf_addc(out, '1');
}

void column_job_status(const struct value *o, struct buf *out)
{
	static const char *const ends[][2] = {{"Complete", "Complete"},
					      {"Failed", "Failed"},
					      {"Suspended", "Suspended"},
					      {"FailureTarget", "FailureTarget"},
					      {"SuccessCriteriaMet", "SuccessCriteriaMet"}};

	for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
		if (str_eq(text_at(condition_of(o, ends[i][0]), "", "status", NULL), "True")) {
			buf_adds(out, ends[i][1]);
			return;
		}
	}
	buf_adds(out, object_deleting(o) ? "Terminating" : "Running");
}

void column_duration(const struct value *o, struct buf *out)
{
	const char *start = text_at(o, NULL, "status", "startTime", NULL);
	const char *end = text_at(o, NULL, "status", "completionTime", NULL);
	int64_t from, to;
	char age[16];

	if (!start)
		return;
	if (!end)
		buf_adds(out, age_since(start, age));
	else if (time_parse(start, &from, NULL) == 0 && time_parse(end, &to, NULL) == 0)
		buf_adds(out, age_render(to - from, age));
}

void column_suspend(const struct value *o, struct buf *out)
{
	buf_adds(out, value_bool(value_dig(o, "spec", "suspend", NULL), 0) ? "True" : "False");
}

void column_active(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu", value_count(value_dig(o, "status", "active", NULL)));
}

void column_last_schedule(const struct value *o, struct buf *out)
{
	const char *when = text_at(o, NULL, "status", "lastScheduleTime", NULL);
	char age[16];

	buf_adds(out, when ? age_since(when, age) : "<none>");
}

static void access_modes(const struct value *list, struct buf *out)
{
	static const char *const names[][2] = {{"ReadWriteOnce", "RWO"},
					       {"ReadOnlyMany", "ROX"},
					       {"ReadWriteMany", "RWX"},
					       {"ReadWriteOncePod", "RWOP"}};
	size_t before = out->len;

	for (size_t n = 0; n < ARRAY_LEN(names); n++)
		for (size_t i = 0; i < value_count(list); i++)
			if (str_eq(value_str(value_at(list, i), NULL), names[n][0])) {
				buf_addf(out, "%s%s", out->len > before ? "," : "", names[n][1]);
				break;
			}
}

void column_pvc_modes(const struct value *o, struct buf *out)
{
	if (text_at(o, NULL, "spec", "volumeName", NULL))
		access_modes(value_dig(o, "status", "accessModes", NULL), out);
}

void column_pvc_capacity(const struct value *o, struct buf *out)
{
	const struct value *v = value_dig(o, "status", "capacity", "storage", NULL);

	if (v && text_at(o, NULL, "spec", "volumeName", NULL))
		scalar_render(v, out);
}

void column_claim_status(const struct value *o, struct buf *out)
{
	buf_adds(out, object_deleting(o) ? "Terminating" : text_at(o, "", "status", "phase", NULL));
}

void column_pv_modes(const struct value *o, struct buf *out)
{
	access_modes(value_dig(o, "spec", "accessModes", NULL), out);
}

void column_claim(const struct value *o, struct buf *out)
{
	const struct value *ref = value_dig(o, "spec", "claimRef", NULL);

	if (ref)
		buf_addf(out, "%s/%s", text_at(ref, "", "namespace", NULL),
			 text_at(ref, "", "name", NULL));
}

static void quota_line(const struct value *o, int limits, struct buf *out)
{
	const struct value *hard = value_dig(o, "status", "hard", NULL);
	size_t before = out->len;

	for (size_t i = 0; i < members(hard); i++) {
		const char *key = value_key_at(hard, i);
		const struct value *used = value_get(value_dig(o, "status", "used", NULL), key);

		if (str_starts(key, "limits.") != limits)
			continue;
		buf_addf(out, "%s%s: ", out->len > before ? ", " : "", key);
		if (used)
			scalar_render(used, out);
		else
			buf_addc(out, '0');
		buf_addc(out, '/');
		scalar_render(value_at(hard, i), out);
	}
}

void column_quota_request(const struct value *o, struct buf *out)
{
	quota_line(o, 0, out);
}

void column_quota_limit(const struct value *o, struct buf *out)
{
	quota_line(o, 1, out);
}

void column_role(const struct value *o, struct buf *out)
{
	buf_addf(out, "%s/%s", text_at(o, "", "roleRef", "kind", NULL),
		 text_at(o, "", "roleRef", "name", NULL));
}

static void subjects(const struct value *o, const char *kind, struct buf *out)
{
	const struct value *list = value_get(o, "subjects");
	size_t before = out->len;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *s = value_at(list, i);
		const char *ns = text_at(s, NULL, "namespace", NULL);

		if (!str_eq(text_at(s, "", "kind", NULL), kind))
			continue;
		if (out->len > before)
			buf_adds(out, ", ");
		if (ns && str_eq(kind, "ServiceAccount"))
			buf_addf(out, "%s/", ns);
		buf_adds(out, text_at(s, "", "name", NULL));
	}
}

void column_users(const struct value *o, struct buf *out)
{
	subjects(o, "User", out);
}

void column_groups(const struct value *o, struct buf *out)
{
	subjects(o, "Group", out);
}

void column_accounts(const struct value *o, struct buf *out)
{
	subjects(o, "ServiceAccount", out);
}

void column_pod_selector(const struct value *o, struct buf *out)
{
	add_selector(out, value_dig(o, "spec", "podSelector", NULL));
}

void column_reference(const struct value *o, struct buf *out)
{
	buf_addf(out, "%s/%s", text_at(o, "", "spec", "scaleTargetRef", "kind", NULL),
		 text_at(o, "", "spec", "scaleTargetRef", "name", NULL));
}

void column_hosts(const struct value *o, struct buf *out)
{
	const struct value *rules = value_dig(o, "spec", "rules", NULL);
	size_t before = out->len;

	for (size_t i = 0; i < value_count(rules); i++)
		if (text_at(value_at(rules, i), NULL, "host", NULL))
			buf_addf(out, "%s%s", out->len > before ? "," : "",
				 text_at(value_at(rules, i), "", "host", NULL));
	if (out->len == before)
		buf_addc(out, '*');
}

void column_ingress_address(const struct value *o, struct buf *out)
{
	const struct value *list = value_dig(o, "status", "loadBalancer", "ingress", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		buf_addf(out, "%s%s", i ? "," : "",
			 text_at(value_at(list, i),
				 text_at(value_at(list, i), "", "hostname", NULL), "ip", NULL));
}

void column_ingress_ports(const struct value *o, struct buf *out)
{
	buf_adds(out, value_count(value_dig(o, "spec", "tls", NULL)) ? "80, 443" : "80");
}

void column_webhooks(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu", value_count(value_get(o, "webhooks")));
}

void column_validations(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu", value_count(value_dig(o, "spec", "validations", NULL)));
}

void column_mutations(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu", value_count(value_dig(o, "spec", "mutations", NULL)));
}

void column_param_kind(const struct value *o, struct buf *out)
{
	const struct value *kind = value_dig(o, "spec", "paramKind", NULL);

	if (kind)
		buf_addf(out, "%s/%s", value_str(value_get(kind, "apiVersion"), ""),
			 value_str(value_get(kind, "kind"), ""));
	else
		buf_adds(out, "<unset>");
}

void column_param_ref(const struct value *o, struct buf *out)
{
	const struct value *ref = value_dig(o, "spec", "paramRef", NULL);
	const char *ns = value_str(value_get(ref, "namespace"), "");
	const char *name = value_str(value_get(ref, "name"), "");
	const struct value *selector = value_get(ref, "selector");

	if (*name)
		buf_addf(out, "%s%s%s", ns, *ns ? "/" : "", name);
	else if (selector)
		add_selector(out, selector);
	else
		buf_adds(out, "<unset>");
}

void column_controller(const struct value *o, struct buf *out)
{
	const struct value *ref = object_controller(o);

	if (ref)
		buf_addf(out, "%s/%s", text_at(ref, "", "kind", NULL),
			 text_at(ref, "", "name", NULL));
	else
		buf_adds(out, "<none>");
}

/* The point in time itself, not its age. */
void column_created(const struct value *o, struct buf *out)
{
	buf_adds(out, text_at(o, "<unknown>", "metadata", "creationTimestamp", NULL));
}

/* -- autoscalers, storage, certificates -- */

/* "cpu: 12%/50%", as far as the figures are known. */
static void resource_target(const struct value *o, const struct value *resource, struct buf *out)
{
	const struct value *list = value_dig(o, "status", "currentMetrics", NULL);
	const char *name = text_at(resource, "", "name", NULL);
	const struct value *target = value_get(resource, "target");
	int percent = value_get(target, "averageUtilization") != NULL;
	const char *key = percent ? "averageUtilization" : "averageValue";
	const struct value *now = NULL;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *r = value_get(value_at(list, i), "resource");

		if (str_eq(text_at(r, "", "name", NULL), name))
			now = value_dig(r, "current", key, NULL);
	}
	buf_addf(out, "%s: ", name);
	if (now)
		add_scalar(out, now);
	else
		buf_adds(out, "<unknown>");
	buf_adds(out, now && percent ? "%/" : "/");
	add_scalar(out, value_get(target, key));
	buf_adds(out, percent ? "%" : "");
}

void column_targets(const struct value *o, struct buf *out)
{
	const struct value *metrics = value_dig(o, "spec", "metrics", NULL);
	const struct value *goal = value_dig(o, "spec", "targetCPUUtilizationPercentage", NULL);
	const struct value *now = value_dig(o, "status", "currentCPUUtilizationPercentage", NULL);

	if (!value_count(metrics) && !goal)
		buf_adds(out, "<none>");
	if (goal && now)
		buf_addf(out, "cpu: %" PRId64 "%%/%" PRId64 "%%", value_int(now, 0),
			 value_int(goal, 0));
	else if (goal)
		buf_addf(out, "cpu: <unknown>/%" PRId64 "%%", value_int(goal, 0));
	for (size_t i = 0; i < value_count(metrics); i++) {
		const struct value *m = value_at(metrics, i);

		buf_adds(out, i ? ", " : "");
		if (value_get(m, "resource"))
			resource_target(o, value_get(m, "resource"), out);
		else
			buf_addf(out, "<unknown>/%s", text_at(m, "?", "type", NULL));
	}
}

void column_csr_condition(const struct value *o, struct buf *out)
{
	static const char *const known[] = {"Approved", "Denied", "Failed"};
	size_t before = out->len;

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (condition_of(o, known[i]))
			buf_addf(out, "%s%s", out->len > before ? "," : "", known[i]);
	if (out->len == before)
		buf_adds(out, "Pending");
	else if (text_at(o, NULL, "status", "certificate", NULL))
		buf_adds(out, ",Issued");
}

void column_parameters(const struct value *o, struct buf *out)
{
	const struct value *ref = value_dig(o, "spec", "parameters", NULL);
	const char *group = text_at(ref, NULL, "apiGroup", NULL);

	if (ref)
		buf_addf(out, "%s%s%s/%s", text_at(ref, "", "kind", NULL), group ? "." : "",
			 group ? group : "", text_at(ref, "", "name", NULL));
	else
		buf_adds(out, "<none>");
}

void column_token_requests(const struct value *o, struct buf *out)
{
	const struct value *list = value_dig(o, "spec", "tokenRequests", NULL);

	if (value_count(list))
		add_joined(out, list, "audience");
	else
		buf_adds(out, "<unset>");
}

void column_csi_modes(const struct value *o, struct buf *out)
{
	add_strings(out, value_dig(o, "spec", "volumeLifecycleModes", NULL), ",", "<none>");
}

void column_drivers(const struct value *o, struct buf *out)
{
	buf_addf(out, "%zu", value_count(value_dig(o, "spec", "drivers", NULL)));
}

void column_component_status(const struct value *o, struct buf *out)
{
	const char *status =
		value_str(path_value(o, "conditions[?(@.type=='Healthy')].status"), "Unknown");

	buf_adds(out, str_eq(status, "True")    ? "Healthy"
		      : str_eq(status, "False") ? "Unhealthy"
						: status);
}

/* -- APIServices -- */

void column_api_service(const struct value *o, struct buf *out)
{
	const struct value *service = value_dig(o, "spec", "service", NULL);

	if (service)
		buf_addf(out, "%s/%s", value_str(value_get(service, "namespace"), ""),
			 value_str(value_get(service, "name"), ""));
	else
		buf_adds(out, "Local");
}

void column_api_available(const struct value *o, struct buf *out)
{
	const struct value *c = condition_of(o, "Available");
	const char *status = value_str(value_get(c, "status"), "Unknown");

	buf_adds(out, status);
	if (str_eq(status, "False"))
		buf_addf(out, " (%s)", value_str(value_get(c, "reason"), ""));
}
