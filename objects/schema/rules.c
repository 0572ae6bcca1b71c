/* SPDX-License-Identifier: MIT */
#include "objects/schema/rules.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/codec.h"
#include "util/strmap.h"

struct run {
	struct faults *faults; /* NULL: only the number counts */
	size_t *work;
};

static size_t check(struct run *run, const struct value_rules *r, const struct value *v,
		    const struct path *at);

/* -- saying so -- */

static const struct value *shown(const struct value *v)
{
	return value_is(v, VALUE_MAP) || value_is(v, VALUE_LIST) ? NULL : v;
}

static size_t say(struct run *run, const struct path *at, enum fault_kind kind,
		  const struct value *bad, const char *fmt, ...) PRINTF_LIKE(5, 6);
static size_t say(struct run *run, const struct path *at, enum fault_kind kind,
		  const struct value *bad, const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	if (!run->faults)
		return 1;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	fault_add(run->faults, at, kind, bad, "%s", text);
	free(text);
	return 1;
}

/* "spec.replicas in body should be ..." */
static size_t say_body(struct run *run, const struct path *at, const struct value *v,
		       const char *what)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;

	if (!run->faults)
		return 1;
	path_render(at, &path);
	return say(run, at, FAULT_INVALID, shown(v), "%s in body %s", buf_str(&path), what);
}

static size_t say_number(struct run *run, const struct path *at, const struct value *v,
			 const char *what, double limit)
{
	char text[96];

	snprintf(text, sizeof(text), "should be %s %.15g", what, limit);
	return say_body(run, at, v, text);
}

static size_t say_count(struct run *run, const struct path *at, const struct value *v,
			const char *what, int64_t limit, const char *of_what)
{
	char text[96];

	snprintf(text, sizeof(text), "should %s %" PRId64 " %s", what, limit, of_what);
	return say_body(run, at, v, text);
}

/* -- one value -- */

static int is_whole(double x)
{
	return x == floor(x);
}

static int is_multiple(const struct value *v, double factor)
{
	if (value_is(v, VALUE_INT) && is_whole(factor) && fabs(factor) < 9e15)
		return value_int(v, 0) % (int64_t)factor == 0;
	return is_whole(value_double(v, 0) / factor);
}

static size_t check_number(struct run *run, const struct value_rules *r, const struct value *v,
			   const struct path *at)
{
	double x = value_double(v, 0);
	size_t bad = 0;

	if (r->has_minimum && r->exclusive_minimum && x <= r->minimum)
		bad += say_number(run, at, v, "greater than", r->minimum);
	else if (r->has_minimum && x < r->minimum)
		bad += say_number(run, at, v, "greater than or equal to", r->minimum);
	if (r->has_maximum && r->exclusive_maximum && x >= r->maximum)
		bad += say_number(run, at, v, "less than", r->maximum);
	else if (r->has_maximum && x > r->maximum)
		bad += say_number(run, at, v, "less than or equal to", r->maximum);
	if (r->multiple_of != 0 && !is_multiple(v, r->multiple_of))
		bad += say_number(run, at, v, "a multiple of", r->multiple_of);
	if (str_eq(r->format, "int32") && (x < INT32_MIN || x > INT32_MAX))
		bad += say_body(run, at, v, "must be of type int32");
	return bad;
}

/* Code points of UTF-8. */
static int64_t length_of(const struct value *v)
{
	const char *s = value_str(v, "");
	int64_t n = 0;

	for (size_t i = 0; i < value_strlen(v); i++)
		n += (s[i] & 0xc0) != 0x80;
	return n;
}

static size_t check_pattern(struct run *run, const struct value_rules *r, const struct value *v,
			    const struct path *at)
{
	int found = pattern_matches(r->pattern, value_str(v, ""), value_strlen(v), run->work);
	CLEANUP_FREE char *text = NULL;

	if (found > 0)
		return 0;
	if (found < 0)
		return say_body(run, at, v, "takes too long to be matched with its pattern");
	text = xasprintf("should match '%s'", pattern_text(r->pattern));
	return say_body(run, at, v, text);
}

static size_t check_string(struct run *run, const struct value_rules *r, const struct value *v,
			   const struct path *at)
{
	size_t bad = 0;

	*run->work += value_strlen(v) / 64;
	if (r->max_length >= 0 && length_of(v) > r->max_length)
		bad += say(run, at, FAULT_TOO_LONG, NULL, "may not be more than %" PRId64 " bytes",
			   r->max_length);
	if (r->min_length >= 0 && length_of(v) < r->min_length)
		bad += say_count(run, at, v, "be at least", r->min_length, "chars long");
	if (r->pattern)
		bad += check_pattern(run, r, v, at);
	if (r->format && !format_holds(r->format, value_str(v, ""), value_strlen(v))) {
		CLEANUP_FREE char *text = xasprintf("must be of type %s", r->format);

		bad += say_body(run, at, v, text);
	}
	return bad;
}

/* -- lists -- */

static void identity_of(const struct value_rules *r, const struct value *item, struct buf *out)
{
	if (!r->map_keys) {
		json_render(item, out);
		return;
	}
	for (const char *const *k = r->map_keys; *k; k++) {
		const struct value *v = value_get(item, *k);

		if (v)
			json_render(v, out);
		buf_addc(out, ',');
	}
}

/* Elements of a set, or the keys of a list that is a map: each once. */
static size_t check_unique(struct run *run, const struct value_rules *r, const struct value *v,
			   const struct path *at)
{
	struct strmap seen = STRMAP_INIT;
	size_t bad = 0;

	for (size_t i = 0; i < value_count(v); i++) {
		CLEANUP(buf_fini) struct buf id = BUF_INIT;

		identity_of(r, value_at(v, i), &id);
		*run->work += 1 + id.len / 64;
		if (strmap_set(&seen, buf_str(&id), run))
			bad += say(run, PATH_INDEX(at, i), FAULT_DUPLICATE, value_at(v, i), "%s",
				   "");
	}
	strmap_fini(&seen);
	return bad;
}

static size_t check_list(struct run *run, const struct value_rules *r, const struct value *v,
			 const struct path *at)
{
	int64_t n = (int64_t)value_count(v);
	size_t bad = 0;

	if (r->max_items >= 0 && n > r->max_items)
		bad += say(run, at, FAULT_TOO_MANY, NULL,
			   "%" PRId64 ": must have at most %" PRId64 " items", n, r->max_items);
	if (r->min_items >= 0 && n < r->min_items)
		bad += say_count(run, at, v, "have at least", r->min_items, "items");
	if (r->unique || r->map_keys)
		bad += check_unique(run, r, v, at);
	for (size_t i = 0; r->items && i < value_count(v); i++)
		bad += check(run, r->items, value_at(v, i), PATH_INDEX(at, i));
	return bad;
}

/* -- maps -- */

static const struct value_rules *rules_of_field(const struct value_rules *r, const char *key)
{
	for (size_t i = 0; i < r->n_fields; i++)
		if (str_eq(r->fields[i].name, key))
			return r->fields[i].rules;
	return r->additional;
}

static size_t check_embedded(struct run *run, const struct value *v, const struct path *at)
{
	static const char *const wanted[] = {"apiVersion", "kind"};
	size_t bad = 0;

	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (!value_strlen(value_get(v, wanted[i])))
			bad += say(run, PATH_FIELD(at, wanted[i]), FAULT_REQUIRED, NULL,
				   "must not be empty");
	return bad;
}

static size_t check_map(struct run *run, const struct value_rules *r, const struct value *v,
			const struct path *at)
{
	int64_t n = (int64_t)value_count(v);
	size_t bad = 0;

	if (r->max_properties >= 0 && n > r->max_properties)
		bad += say_count(run, at, v, "have at most", r->max_properties, "properties");
	if (r->min_properties >= 0 && n < r->min_properties)
		bad += say_count(run, at, v, "have at least", r->min_properties, "properties");
	for (const char *const *name = r->required; name && *name; name++)
		if (!value_get(v, *name))
			bad += say(run, PATH_FIELD(at, *name), FAULT_REQUIRED, NULL, "%s", "");
	if (r->embedded)
		bad += check_embedded(run, v, at);
	if (!r->fields && !r->additional)
		return bad;
	for (size_t i = 0; i < value_count(v); i++) {
		const char *key = value_key_at(v, i);
		const struct value_rules *below = rules_of_field(r, key);

		*run->work += r->n_fields;
		if (below)
			bad += check(run, below, value_at(v, i), PATH_FIELD(at, key));
	}
	return bad;
}

/* -- logic -- */

static size_t count_faults(const struct run *run, const struct value_rules *r,
			   const struct value *v, const struct path *at)
{
	struct run quiet = {NULL, run->work};

	return check(&quiet, r, v, at);
}

static size_t say_logic(struct run *run, const struct path *at, const char *text)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;
	CLEANUP_VALUE struct value *empty = value_new_string("");

	if (!run->faults)
		return 1;
	path_render(at, &path);
	return say(run, at, FAULT_INVALID, empty, "\"%s\" must %s", buf_str(&path), text);
}

/* How many hold, and of those that do not the one that is nearest to it. */
static size_t count_holding(const struct run *run, const struct rules_list *l,
			    const struct value *v, const struct path *at,
			    const struct value_rules **nearest)
{
	size_t holding = 0, least = SIZE_MAX;

	for (size_t i = 0; i < l->n; i++) {
		size_t bad = count_faults(run, l->list[i], v, at);

		holding += !bad;
		if (bad && bad < least) {
			least = bad;
			*nearest = l->list[i];
		}
	}
	return holding;
}

static size_t check_logic(struct run *run, const struct value_rules *r, const struct value *v,
			  const struct path *at)
{
	const struct value_rules *nearest = NULL;
	size_t bad = 0, of_all = 0, n;

	for (size_t i = 0; i < r->all_of.n; i++)
		of_all += check(run, r->all_of.list[i], v, at);
	if (of_all)
		bad += of_all + say_logic(run, at, "validate all the schemas (allOf)");
	if (r->any_of.n && !count_holding(run, &r->any_of, v, at, &nearest)) {
		bad += say_logic(run, at, "validate at least one schema (anyOf)");
		bad += nearest ? check(run, nearest, v, at) : 0;
	}
	if (r->one_of.n) {
		n = count_holding(run, &r->one_of, v, at, &nearest);
		if (n == 0) {
			bad += say_logic(run, at,
					 "validate one and only one schema (oneOf). Found none "
					 "valid");
			bad += nearest ? check(run, nearest, v, at) : 0;
		} else if (n > 1) {
			CLEANUP_FREE char *text = xasprintf("validate one and only one schema "
							    "(oneOf). Found %zu valid alternatives",
							    n);

			bad += say_logic(run, at, text);
		}
	}
	if (r->not_ && !count_faults(run, r->not_, v, at))
		bad += say_logic(run, at, "not validate the schema (not)");
	return bad;
}

/* -- all of it -- */

static unsigned type_bits(const struct value *v)
{
	switch (value_type(v)) {
	case VALUE_BOOL:
		return RULE_BOOL;
	case VALUE_INT:
		return RULE_INT | RULE_NUMBER;
	case VALUE_DOUBLE:
		return RULE_NUMBER;
	case VALUE_STRING:
		return RULE_STRING;
	case VALUE_LIST:
		return RULE_LIST;
	case VALUE_MAP:
		return RULE_MAP;
	case VALUE_NULL:
		break;
	}
	return 0;
}

static size_t check_enums(struct run *run, const struct value_rules *r, const struct value *v,
			  const struct path *at)
{
	CLEANUP(buf_fini) struct buf list = BUF_INIT;

	*run->work += value_count(r->enums);
	for (size_t i = 0; i < value_count(r->enums); i++)
		if (value_equal(value_at(r->enums, i), v))
			return 0;
	for (size_t i = 0; run->faults && i < value_count(r->enums); i++) {
		buf_adds(&list, i ? ", " : "");
		json_render(value_at(r->enums, i), &list);
	}
	return say(run, at, FAULT_NOT_SUPPORTED, shown(v), "supported values: %s", buf_str(&list));
}

static size_t check(struct run *run, const struct value_rules *r, const struct value *v,
		    const struct path *at)
{
	size_t bad = 0;

	/* what is left is not looked at; rules_check() says so */
	if (++*run->work > RULES_WORK_MAX)
		return 1;
	if (value_is(v, VALUE_NULL) && r->nullable)
		return 0;
	if (r->types && !(r->types & type_bits(v)))
		return say_body(run, at, v, "is of the wrong type");
	if (r->enums)
		bad += check_enums(run, r, v, at);
	if (value_is(v, VALUE_INT) || value_is(v, VALUE_DOUBLE))
		bad += check_number(run, r, v, at);
	else if (value_is(v, VALUE_STRING))
		bad += check_string(run, r, v, at);
	else if (value_is(v, VALUE_LIST))
		bad += check_list(run, r, v, at);
	else if (value_is(v, VALUE_MAP))
		bad += check_map(run, r, v, at);
	return bad + check_logic(run, r, v, at);
}

void rules_check(const struct value_rules *r, const struct value *v, const struct path *at,
		 struct faults *faults, size_t *work)
{
	struct run run = {faults, work};
	int was_over = *work > RULES_WORK_MAX;

	check(&run, r, v, at);
	if (*work > RULES_WORK_MAX && !was_over)
		fault_add(faults, at, FAULT_INVALID, NULL,
			  "the object is too large for the rules of its definition");
}
