/* SPDX-License-Identifier: MIT */
/* ValidatingAdmissionPolicies: decisions, and what a binding's actions make of them. */
#include <errno.h>

#include "objects/api/admission/admission.h"
#include "objects/api/admission/policies.h"
#include "objects/codec.h"

#define MESSAGE_MAX (5u * 1024) /* bytes that a messageExpression may give */
#define FAILURE_KEY "validation.policy.admission.k8s.io/validation_failure"

static const char *field(const struct value *v, const char *key)
{
	return value_str(value_get(v, key), "");
}

/* -- annotations of the audit log, and warnings -- */

/* Failures are one list, whatever policies they are of. */
static void note_failure(const struct policy_case *c, size_t index, const char *message)
{
	struct api_request *r = c->q->r;
	const char *was = value_str(value_get(r->audit_annotations, FAILURE_KEY), "[]");
	struct value *list = json_parse(was, strlen(was), NULL), *one = value_new_map();
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	one = value_set_str(one, "message", message);
	one = value_set_str(one, "policy", c->name);
	one = value_set_str(one, "binding", c->binding);
	one = value_set_int(one, "expressionIndex", (int64_t)index);
	one = value_set(one, "validationActions",
			value_ref(value_get(c->binding_spec, "validationActions")));
	list = value_append(list ? list : value_new_list(), one);
	json_render(list, &text);
	value_unref(list);
	annotate_audit(r, FAILURE_KEY, buf_str(&text));
}

static void warn(const struct policy_case *c, const char *message)
{
	warn_writer(c->q->r,
		    value_new_stringf("Validation failed for ValidatingAdmissionPolicy '%s' with "
				      "binding '%s': %s",
				      c->name, c->binding, message));
}

/* -- decisions -- */

/* How a reason of a validation is told: a refusal by right, or of what was written. */
static int errno_of(const char *reason)
{
	if (str_eq(reason, "Forbidden") || str_eq(reason, "Unauthorized"))
		return EACCES;
	return str_eq(reason, "RequestEntityTooLarge") ? EFBIG : EINVAL;
}

/* It does not hold: what each of the binding's actions does. */
static void act(const struct policy_case *c, size_t index, int code, const char *message)
{
	if (policy_has_action(c, "Audit"))
		note_failure(c, index, message);
	if (policy_has_action(c, "Warn"))
		warn(c, message);
	if (policy_has_action(c, "Deny") && !c->q->r->faults.n) /* the first refusal is told */
		policy_deny(c, code, "ValidatingAdmissionPolicy", message);
}

/* It could not be evaluated: failurePolicy decides. */
static void act_on_error(const struct policy_case *c, size_t index, const char *message)
{
	if (policy_fails_closed(c->policy))
		act(c, index, EINVAL, message);
}

static char *message_of(struct cel_run *run, const struct policy_expression *e)
{
	CLEANUP_FREE char *raw = NULL, *text = NULL, *fixed = xstrtrim(field(e->source, "message"));

	if (e->message && cel_eval_string(run, e->message, &raw, NULL) == 0) {
		text = xstrtrim(raw);
		if (*text && strlen(text) <= MESSAGE_MAX && !strchr(text, '\n'))
			return STEAL(text);
	}
	free(STEAL(text));
	if (*fixed)
		return STEAL(fixed);
	text = xstrtrim(field(e->source, "expression"));
	return xasprintf("failed expression: %s", text);
}

static void check_validation(const struct policy_case *c, struct cel_run *run, size_t index)
{
	const struct policy_expression *e = &c->policy->validations.list[index];
	struct err err = ERR_INIT;
	int holds;

	if (cel_eval_bool(run, e->program, &holds, &err) < 0) {
		CLEANUP_FREE char *why = xasprintf("expression '%s' resulted in error: %s",
						   field(e->source, "expression"), err.msg);

		act_on_error(c, index, why);
	} else if (!holds) {
		CLEANUP_FREE char *message = message_of(run, e);

		act(c, index, errno_of(field(e->source, "reason")), message);
	}
}

/* null says nothing. */
static void publish(const struct policy_case *c, struct cel_run *run,
		    const struct policy_expression *e)
{
	CLEANUP_FREE char *key = xasprintf("%s/%s", c->name, field(e->source, "key"));
	CLEANUP_FREE char *text = NULL, *why = NULL;
	struct err err = ERR_INIT;

	if (cel_eval_string(run, e->program, &text, &err) < 0) {
		why = xasprintf("valueExpression '%s' resulted in error: %s",
				field(e->source, "valueExpression"), err.msg);
		act_on_error(c, 0, why);
		return;
	}
	if (text && strlen(text) > 10u * 1024)
		text[10u * 1024] = '\0';
	if (text && *text)
		annotate_audit(c->q->r, key, text);
}

static void check_case(void *arg, struct policy_case *c)
{
	struct cel_access access;
	CLEANUP(cel_run_freep) struct cel_run *run = NULL;
	struct err err = ERR_INIT;
	int holds = policy_conditions_hold(c, &err);

	if (holds < 0)
		act_on_error(c, 0, err.msg);
	if (holds <= 0)
		return;
	run = policy_run(c, &access, CEL_COST_OBJECT);
	for (size_t i = 0; i < c->policy->validations.n; i++)
		check_validation(c, run, i);
	for (size_t i = 0; i < c->policy->annotations.n; i++)
		publish(c, run, &c->policy->annotations.list[i]);
}

static void refuse_case(void *arg, struct policy_case *c, const char *why)
{
	act_on_error(c, 0, why);
}

void policies_validate(const struct policy_request *q)
{
	policy_cases(q, "validatingadmissionpolicies", "validatingadmissionpolicybindings",
		     check_case, refuse_case, NULL);
}
