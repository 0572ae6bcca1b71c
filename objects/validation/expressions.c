/* SPDX-License-Identifier: MIT */
/* Source: apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go. */
#include "objects/validation/expressions.h"

#include "objects/custom/expressions.h"
#include "objects/schema/rules.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"

#define RULE_COST_MAX   10000000ull  /* of one rule, for all values that it may be asked about */
#define SCHEMA_COST_MAX 100000000ull /* of all rules of a version */

/* Where the walk is. */
struct place {
	uint64_t times;                    /* how many values a rule here may be asked about */
	const struct path *uncorrelatable; /* a list above whose elements nobody knows again */
};

struct expression_walk {
	struct faults *faults;
	uint64_t total;
};

static uint64_t product(uint64_t a, uint64_t b)
{
	uint64_t out;

	return __builtin_mul_overflow(a, b, &out) ? UINT64_MAX : out;
}

/* -- costs -- */

static void say_cost(struct faults *faults, const struct path *at, const char *what, uint64_t cost,
		     uint64_t limit)
{
	static const char hint[] = "(try simplifying the rule, or adding maxItems, maxProperties, "
				   "and maxLength where arrays, maps, and strings are declared)";
	double factor = (double)cost / (double)limit;

	if (factor > 100)
		fault_add(faults, at, FAULT_FORBIDDEN, NULL,
			  "%s exceeds budget by factor of more than 100x %s", what, hint);
	else if (factor < 1.5)
		fault_add(faults, at, FAULT_FORBIDDEN, NULL,
			  "%s exceeds budget by factor of %.2fx %s", what, factor, hint);
	else
		fault_add(faults, at, FAULT_FORBIDDEN, NULL,
			  "%s exceeds budget by factor of %.1fx %s", what, factor, hint);
}

static void check_cost(struct expression_walk *w, const struct cel_program *p, uint64_t times,
		       const struct path *at, const char *what)
{
	uint64_t cost = p ? product(cel_program_cost_max(p), times) : 0;

	if (cost > RULE_COST_MAX)
		say_cost(w->faults, at, what, cost, RULE_COST_MAX);
	if (__builtin_add_overflow(w->total, cost, &w->total))
		w->total = UINT64_MAX;
}

/* -- one rule -- */

static int has_line_break(const char *s)
{
	return strchr(s, '\n') != NULL;
}

static int is_blank(const char *s)
{
	return !s[strspn(s, " \t\r\n")];
}

static void check_texts(const struct expression *e, const struct path *at, struct faults *faults)
{
	static const char *const reasons[] = {"FieldValueDuplicate", "FieldValueForbidden",
					      "FieldValueInvalid", "FieldValueRequired", NULL};
	const struct value *message = value_get(e->source, "message"),
			   *made = value_get(e->source, "messageExpression"),
			   *field = value_get(e->source, "fieldPath"),
			   *reason = value_get(e->source, "reason");
	const char *rule = text_of(e->source, "rule"), *text = value_str(message, "");

	if (is_blank(rule))
		say_required(faults, PATH_FIELD(at, "rule"), "rule is not specified");
	if (value_strlen(reason))
		check_enum(reasons, reason, PATH_FIELD(at, "reason"), faults);
	if (*text && is_blank(text))
		say_invalid(faults, PATH_FIELD(at, "message"), message,
			    "message must be non-empty if specified");
	else if (has_line_break(text))
		say_invalid(faults, PATH_FIELD(at, "message"), message,
			    "message must not contain line breaks");
	else if (has_line_break(rule) && !*text)
		say_required(faults, PATH_FIELD(at, "message"),
			     "message must be specified if rule contains line breaks");
	if (value_strlen(made) && is_blank(value_str(made, "")))
		say_required(faults, PATH_FIELD(at, "messageExpression"),
			     "messageExpression must be non-empty if specified");
	if (has_line_break(value_str(field, "")))
		say_invalid(faults, PATH_FIELD(at, "fieldPath"), field,
			    "fieldPath must not contain line breaks");
	else if (e->field_error)
		say_invalid(faults, PATH_FIELD(at, "fieldPath"), field, e->field_error);
}

static void check_one(struct expression_walk *w, const struct expression_set *set,
		      const struct expression *e, const struct place *here, const struct path *at)
{
	const struct value *optional = value_get(e->source, "optionalOldSelf");
	const struct path *rule_at = PATH_FIELD(at, "rule"),
			  *message_at = PATH_FIELD(at, "messageExpression");
	int transition = expression_is_transition(set, e);

	check_texts(e, at, w->faults);
	if (e->rule_error)
		say_invalid(w->faults, rule_at, value_get(e->source, "rule"), e->rule_error);
	if (e->message_error)
		say_invalid(w->faults, message_at, value_get(e->source, "messageExpression"),
			    e->message_error);
	check_cost(w, e->rule, here->times, rule_at, "estimated rule cost");
	check_cost(w, e->message, 1, message_at, "estimated messageExpression cost");
	if (transition && here->uncorrelatable) {
		CLEANUP(buf_fini) struct buf where = BUF_INIT;

		path_render(here->uncorrelatable, &where);
		fault_add(w->faults, rule_at, FAULT_INVALID, value_get(e->source, "rule"),
			  "oldSelf cannot be used on the uncorrelatable portion of the schema "
			  "within %s",
			  buf_str(&where));
	}
	if (optional && e->rule && !transition)
		say_invalid(w->faults, PATH_FIELD(at, "optionalOldSelf"), optional,
			    "may not be set if oldSelf is not used in rule");
}

static void check_set(struct expression_walk *w, const struct schema *s, const struct place *here,
		      const struct path *at)
{
	const struct expression_set *set = s->rules ? s->rules->expressions : NULL;

	at = PATH_FIELD(at, "x-kubernetes-validations");
	if (set && !set->env[0]) {
		fault_add(w->faults, at, FAULT_INVALID, NULL,
			  "rule declared on schema that does not support validation rules type: "
			  "'%s' x-kubernetes-preserve-unknown-fields: 'true'",
			  set->type);
		return;
	}
	for (size_t i = 0; set && i < set->n; i++)
		check_one(w, set, &set->list[i], here, PATH_INDEX(at, i));
}

/* -- the walk -- */

static void walk(struct expression_walk *w, const struct schema *s, const struct place *here,
		 const struct path *at)
{
	struct place below = *here;

	if (!s->expressions || w->faults->n >= FAULTS_MAX)
		return;
	check_set(w, s, here, at);
	if (s->type == SCHEMA_LIST || s->type == SCHEMA_MAP) {
		int known = s->type == SCHEMA_MAP ? !s->map_atomic : s->list == LIST_MAP;

		below.times = product(here->times, cel_schema_elements(s));
		if (!known && !below.uncorrelatable)
			below.uncorrelatable = at;
		walk(w, s->items, &below,
		     PATH_FIELD(at, s->type == SCHEMA_LIST ? "items" : "additionalProperties"));
		return;
	}
	if (s->map_atomic && !below.uncorrelatable)
		below.uncorrelatable = at;
	for (size_t i = 0; s->type == SCHEMA_STRUCT && i < s->n_fields; i++)
		walk(w, s->fields[i].schema, &below,
		     PATH_KEY(PATH_FIELD(at, "properties"), s->fields[i].name));
}

void check_definition_expressions(const struct schema *s, const struct path *at,
				  struct faults *faults)
{
	struct expression_walk w = {.faults = faults};
	const struct place root = {1, NULL};
	size_t before = faults->n;

	walk(&w, s, &root, at);
	if (w.total > SCHEMA_COST_MAX && faults->n == before)
		say_cost(faults, at,
			 "x-kubernetes-validations estimated rule cost total for entire OpenAPIv3 "
			 "schema",
			 w.total, SCHEMA_COST_MAX);
}
