/* SPDX-License-Identifier: MIT */
/* Evaluating x-kubernetes-validations: one walk over schema, value and what it was before. */
#include "objects/custom/expressions.h"

#include <errno.h>

#include "objects/schema/rules.h"
#include "util/strmap.h"

#define MESSAGE_MAX (5u * 1024) /* bytes that a messageExpression may give */

struct walk {
	struct faults *faults;
	uint64_t left; /* of the object's budget */
	int over;
};

/* -- faults -- */

static void add(struct walk *w, const struct expression_set *set, const struct expression *e,
		const struct path *at, const char *detail)
{
	const char *reason = value_str(value_get(e->source, "reason"), "");
	CLEANUP_VALUE struct value *type = value_new_string(set->type);
	const struct path below = {.up = at, .key = e->field};

	at = e->field && *e->field ? &below : at;
	if (str_eq(reason, "FieldValueForbidden"))
		fault_add(w->faults, at, FAULT_FORBIDDEN, NULL, "%s", detail);
	else if (str_eq(reason, "FieldValueRequired"))
		fault_add(w->faults, at, FAULT_REQUIRED, NULL, "%s", detail);
	else if (str_eq(reason, "FieldValueDuplicate"))
		fault_add(w->faults, at, FAULT_DUPLICATE, type, "%s", "");
	else
		fault_add(w->faults, at, FAULT_INVALID, type, "%s", detail);
}

static void invalid(struct walk *w, const struct expression_set *set, const struct path *at,
		    const char *detail)
{
	CLEANUP_VALUE struct value *type = value_new_string(set->type);

	fault_add(w->faults, at, FAULT_INVALID, type, "%s", detail);
}

/* How errors call the rule: its message, or its text. */
static char *name_of(const struct expression *e)
{
	const char *message = value_str(value_get(e->source, "message"), "");

	return xstrtrim(*message ? message : value_str(value_get(e->source, "rule"), ""));
}

static void say_error(struct walk *w, const struct expression_set *set, const struct expression *e,
		      const struct path *at, const struct err *err)
{
	CLEANUP_FREE char *name = name_of(e), *detail = NULL;

	if (err->code == E2BIG && !w->left) {
		detail = xstrdup("validation failed due to running out of cost budget, no further "
				 "validation rules will be run");
		w->over = 1;
	} else if (err->code == E2BIG) {
		detail = xasprintf("'%s': no further validation rules will be run due to call cost "
				   "exceeds limit for rule: %s",
				   err->msg, name);
		w->over = 1;
	} else if (str_starts(err->msg, "no such overload")) {
		detail = xasprintf("'%s': call arguments did not match a supported operator, "
				   "function or macro signature for rule: %s",
				   err->msg, name);
	} else {
		detail = xasprintf("%s evaluating rule: %s", err->msg, name);
	}
	invalid(w, set, at, detail);
}

/* What the messageExpression gives; NULL when that is no message. */
static char *made_message(struct cel_run *run, const struct expression *e)
{
	CLEANUP_FREE char *raw = NULL, *text = NULL;

	if (!e->message || cel_eval_string(run, e->message, &raw, NULL) < 0)
		return NULL;
	text = xstrtrim(raw);
	return *text && strlen(text) <= MESSAGE_MAX && !strchr(text, '\n') ? STEAL(text) : NULL;
}

static char *message_of(struct cel_run *run, const struct expression *e)
{
	const char *fixed = value_str(value_get(e->source, "message"), "");
	CLEANUP_FREE char *name = NULL;
	char *made = made_message(run, e);

	if (made)
		return made;
	name = name_of(e);
	return *fixed ? STEAL(name) : xasprintf("failed rule: %s", name);
}

/* -- one value -- */

static void check_one(struct walk *w, const struct expression_set *set, const struct expression *e,
		      const struct value *now, const struct value *old, const struct path *at)
{
	CLEANUP(cel_run_freep) struct cel_run *run = NULL;
	struct err err = ERR_INIT;
	int holds, rc;

	run = cel_run_new(set->env[e->with_optional], w->left);
	cel_run_bind(run, set->self, now);
	cel_run_bind(run, set->old, old);
	rc = cel_eval_bool(run, e->rule, &holds, &err);
	w->left = cel_run_left(run);
	if (rc < 0) {
		say_error(w, set, e, at, &err);
	} else if (!holds) {
		CLEANUP_FREE char *message = message_of(run, e);

		w->left = cel_run_left(run);
		add(w, set, e, at, message);
	}
}

/* same: it is what it was, and only transitions are asked about. */
static void check_value(struct walk *w, const struct expression_set *set, const struct value *now,
			const struct value *old, int same, const struct path *at)
{
	for (size_t i = 0; i < set->n && !w->over; i++) {
		const struct expression *e = &set->list[i];
		int transition = expression_is_transition(set, e);

		if (!e->rule || (!transition && same) || (transition && !old && !e->with_optional))
			continue;
		check_one(w, set, e, now, old, at);
	}
}

/* -- lists whose elements are known by keys -- */

static char *element_key(const struct schema *s, const struct value *element)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	for (const char *const *k = s->map_keys; *k; k++) {
		const struct value *v = value_get(element, *k);

		buf_addf(&b, "%d:", (int)value_type(v));
		if (value_is(v, VALUE_STRING))
			buf_addf(&b, "%zu:%s", value_strlen(v), value_str(v, ""));
		else
			buf_addf(&b, "%.17g", value_double(v, value_bool(v, 0)));
		buf_addc(&b, ';');
	}
	return buf_steal(&b);
}

static void index_elements(const struct schema *s, const struct value *list, struct strmap *out)
{
	for (size_t i = 0; i < value_count(list); i++) {
		CLEANUP_FREE char *key = element_key(s, value_at(list, i));

		strmap_set(out, key, (void *)(uintptr_t)value_at(list, i));
	}
}

/* -- the walk -- */

static void walk(struct walk *w, const struct schema *s, const struct value *now,
		 const struct value *old, int same, const struct path *at);

static void walk_list(struct walk *w, const struct schema *s, const struct value *now,
		      const struct value *old, int same, const struct path *at)
{
	struct strmap before = STRMAP_INIT;

	if (s->list == LIST_MAP && s->structural && value_is(old, VALUE_LIST))
		index_elements(s, old, &before);
	for (size_t i = 0; i < value_count(now) && !w->over; i++) {
		const struct value *element = value_at(now, i), *was = NULL;

		if (before.n) {
			CLEANUP_FREE char *key = element_key(s, element);

			was = strmap_get(&before, key);
		}
		walk(w, s->items, element, was, same, PATH_INDEX(at, i));
	}
	strmap_fini(&before);
}

static void walk_map(struct walk *w, const struct schema *s, const struct value *now,
		     const struct value *old, int same, const struct path *at)
{
	if (s->map_atomic)
		old = NULL;
	for (size_t i = 0; i < value_count(now) && !w->over; i++) {
		const char *key = value_key_at(now, i);
		const struct schema *below = schema_child(s, key);

		if (below)
			walk(w, below, value_at(now, i), value_get(old, key), same,
			     s->type == SCHEMA_MAP ? PATH_KEY(at, key) : PATH_FIELD(at, key));
	}
}

static void walk(struct walk *w, const struct schema *s, const struct value *now,
		 const struct value *old, int same, const struct path *at)
{
	if (!s->expressions || w->over || value_is(now, VALUE_NULL))
		return;
	if (value_is(old, VALUE_NULL))
		old = NULL;
	same |= old && value_equal(now, old);
	if (s->rules && s->rules->expressions)
		check_value(w, s->rules->expressions, now, old, same, at);
	if (s->type == SCHEMA_LIST && value_is(now, VALUE_LIST))
		walk_list(w, s, now, old, same, at);
	else if ((s->type == SCHEMA_MAP || s->type == SCHEMA_STRUCT) && value_is(now, VALUE_MAP))
		walk_map(w, s, now, old, same, at);
}

/* Rules see no more of metadata than names, which do not change. */
static int same_besides_metadata(const struct value *now, const struct value *old)
{
	if (!old || value_count(now) != value_count(old))
		return 0;
	for (size_t i = 0; i < value_count(now); i++) {
		const char *key = value_key_at(now, i);

		if (!str_eq(key, "metadata") && !value_equal(value_at(now, i), value_get(old, key)))
			return 0;
	}
	return 1;
}

void expressions_check(const struct schema *s, const struct value *now, const struct value *old,
		       const struct path *at, struct faults *faults)
{
	struct walk w = {.faults = faults, .left = CEL_COST_OBJECT};

	walk(&w, s, now, old, !at && same_besides_metadata(now, old), at);
}
