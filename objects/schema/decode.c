/* SPDX-License-Identifier: MIT */
/*
 * Strict decoding: holds a tree against a schema and brings it into the form
 * that is stored. Each step gives NULL when its value may stay as it is, so
 * that a good manifest is walked, not copied.
 *
 * What is stored follows Go's JSON decoding in the API server: null fields and
 * empty optional ones are dropped, null elements become the zero value of their
 * type, quantities and times are rewritten canonically.
 */
#include "objects/schema.h"

#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "objects/codec/base64.h"
#include "objects/quantity.h"
#include "objects/schema/text.h"

struct decoder {
	struct faults *faults;
	int secret; /* inside a field whose values are never shown */
};

static struct value *decode(struct decoder *d, const struct schema *s, const struct value *v,
			    const struct path *at);

static struct value *wrong(struct decoder *d, const struct value *v, const struct path *at,
			   const char *what)
{
	int scalar = !value_is(v, VALUE_MAP) && !value_is(v, VALUE_LIST);

	fault_add(d->faults, at, FAULT_TYPE, scalar && !d->secret ? v : NULL, "must be %s", what);
	return NULL;
}

static struct value *zero_value(const struct schema *s);

/* An element of a list or a map that is null, and cannot be left out. */
static struct value *null_element(struct decoder *d, const struct schema *s, const struct value *v,
				  const struct path *at)
{
	if (!s->structural)
		return zero_value(s);
	return s->nullable || s->type == SCHEMA_ANY ? NULL : decode(d, s, v, at);
}

/* What Go has for such a null. */
static struct value *zero_value(const struct schema *s)
{
	switch (s->type) {
	case SCHEMA_BOOL:
		return value_new_bool(0);
	case SCHEMA_INT:
	case SCHEMA_NUMBER:
	case SCHEMA_INT_OR_STRING:
		return value_new_int(0);
	case SCHEMA_STRING:
		if (s->format == FORMAT_TIME || s->format == FORMAT_MICRO_TIME)
			break; /* the zero time is shown as null */
		return value_new_string(s->format == FORMAT_QUANTITY ? "0" : "");
	case SCHEMA_LIST:
		return value_new_list();
	case SCHEMA_STRUCT:
	case SCHEMA_MAP:
		return value_new_map();
	case SCHEMA_ANY:
		break;
	}
	return value_new_null();
}

int schema_is_empty(const struct value *v)
{
	switch (value_type(v)) {
	case VALUE_NULL:
		return 1;
	case VALUE_BOOL:
		return !value_bool(v, 0);
	case VALUE_INT:
	case VALUE_DOUBLE:
		return value_double(v, 0) == 0;
	case VALUE_STRING:
		return value_strlen(v) == 0;
	case VALUE_LIST:
	case VALUE_MAP:
		return value_count(v) == 0;
	}
	return 0;
}

static struct value *decode_int(struct decoder *d, const struct schema *s, const struct value *v,
				const struct path *at)
{
	int narrow = s->format == FORMAT_INT32 || s->format == FORMAT_PORT;
	int64_t i = value_int(v, 0);
	struct value *fresh = NULL;

	if (value_is(v, VALUE_DOUBLE)) {
		double x = value_double(v, 0);

		/* 3.0 is 3 in YAML; out of range would be undefined to convert */
		if (!(x >= -9e18 && x <= 9e18) || (double)(int64_t)x != x)
			return wrong(d, v, at, "an integer");
		i = (int64_t)x;
		fresh = value_new_int(i);
	} else if (!value_is(v, VALUE_INT)) {
		return wrong(d, v, at, "an integer");
	}
	if (narrow && (i < INT32_MIN || i > INT32_MAX)) {
		value_unref(fresh);
		return wrong(d, v, at, "an integer of 32 bits");
	}
	return fresh;
}

static struct value *decode_quantity(struct decoder *d, const struct value *v,
				     const struct path *at)
{
	struct quantity q;
	char text[64];
	const char *canonical;

	if (!value_is(v, VALUE_STRING) && !value_is(v, VALUE_INT) && !value_is(v, VALUE_DOUBLE))
		return wrong(d, v, at, "a quantity such as 500m, 2 or 64Mi");
	if (quantity_from_value(v, &q, NULL) < 0)
		return wrong(d, v, at, "a quantity such as 500m, 2 or 64Mi");
	canonical = quantity_render(&q, text);
	return str_eq(value_str(v, NULL), canonical) ? NULL : value_new_string(canonical);
}

static struct value *decode_time(struct decoder *d, const struct schema *s, const struct value *v,
				 const struct path *at)
{
	char text[32], whole[48];
	int64_t sec;
	int32_t nsec;

	if (!value_is(v, VALUE_STRING) || time_parse(value_str(v, ""), &sec, &nsec) < 0)
		return wrong(d, v, at, "an RFC 3339 time such as 2026-01-31T12:00:00Z");
	time_render(sec, text);
	if (s->format == FORMAT_MICRO_TIME) {
		snprintf(whole, sizeof(whole), "%.*s.%06dZ", (int)strcspn(text, "Z"), text,
			 (int)(nsec / 1000));
		return str_eq(value_str(v, NULL), whole) ? NULL : value_new_string(whole);
	}
	return str_eq(value_str(v, NULL), text) ? NULL : value_new_string(text);
}

/* Line breaks are dropped, as Go's decoder does. */
static struct value *strip_breaks(const struct value *v)
{
	const char *s = value_str(v, "");
	CLEANUP_FREE char *copy = xmalloc(value_strlen(v) + 1);
	size_t n = 0;

	for (size_t i = 0; i < value_strlen(v); i++)
		if (s[i] != '\n' && s[i] != '\r')
			copy[n++] = s[i];
	return value_new_stringn(copy, n);
}

static struct value *decode_bytes(struct decoder *d, const struct value *v, const struct path *at)
{
	struct value *fresh = NULL;

	if (!value_is(v, VALUE_STRING))
		return wrong(d, v, at, "base64 text");
	if (strpbrk(value_str(v, ""), "\r\n"))
		fresh = strip_breaks(v);
	if (!base64_is_valid(value_str(fresh ? fresh : v, ""), value_strlen(fresh ? fresh : v))) {
		value_unref(fresh);
		/* bytes are mostly secret: the text is never shown */
		return wrong(d, NULL, at, "base64 text");
	}
	return fresh;
}

static struct value *decode_string(struct decoder *d, const struct schema *s, const struct value *v,
				   const struct path *at)
{
	switch (s->format) {
	case FORMAT_QUANTITY:
		return decode_quantity(d, v, at);
	case FORMAT_TIME:
	case FORMAT_MICRO_TIME:
		return decode_time(d, s, v, at);
	case FORMAT_BYTES:
		return decode_bytes(d, v, at);
	default:
		return value_is(v, VALUE_STRING) ? NULL : wrong(d, v, at, "a string");
	}
}

static struct value *decode_element(struct decoder *d, const struct schema *s,
				    const struct value *v, const struct path *at)
{
	return value_is(v, VALUE_NULL) ? null_element(d, s, v, at) : decode(d, s, v, at);
}

static struct value *decode_list(struct decoder *d, const struct schema *s, const struct value *v,
				 const struct path *at)
{
	struct value *out = NULL;

	if (!value_is(v, VALUE_LIST))
		return wrong(d, v, at, "a list");
	for (size_t i = 0; i < value_count(v); i++) {
		const struct value *item = value_at(v, i);
		struct value *fresh = decode_element(d, s->items, item, PATH_INDEX(at, i));

		if (fresh)
			out = value_set_at(out ? out : value_ref(v), i, fresh);
	}
	return out;
}

static struct value *decode_map(struct decoder *d, const struct schema *s, const struct value *v,
				const struct path *at)
{
	struct value *out = NULL;

	if (!value_is(v, VALUE_MAP))
		return wrong(d, v, at, "a map");
	for (size_t i = 0; i < value_count(v); i++) {
		const char *key = value_key_at(v, i);
		const struct value *item = value_at(v, i);
		struct value *fresh = decode_element(d, s->items, item, PATH_KEY(at, key));

		if (fresh)
			out = value_set(out ? out : value_ref(v), key, fresh);
	}
	return out;
}

static void unknown_field(struct decoder *d, const struct schema *s, const char *key,
			  const struct path *at)
{
	/* past the last fault that is kept, nobody would read the suggestion */
	const char *near = d->faults->n < FAULTS_MAX ? schema_suggest(s, key) : NULL;

	if (near)
		fault_add(d->faults, PATH_FIELD(at, key), FAULT_UNKNOWN, NULL,
			  "did you mean \"%s\"?", near);
	else
		fault_add(d->faults, PATH_FIELD(at, key), FAULT_UNKNOWN, NULL, "%s", "");
}

static struct value *decode_field(struct decoder *d, const struct schema_field *f,
				  const struct value *v, const struct path *at)
{
	int secret = d->secret;
	struct value *fresh;

	d->secret |= f->secret;
	fresh = decode(d, f->schema, v, PATH_FIELD(at, f->name));
	d->secret = secret;
	return fresh;
}

static struct value *decode_struct(struct decoder *d, const struct schema *s, const struct value *v,
				   const struct path *at)
{
	struct value *out = NULL;

	if (!value_is(v, VALUE_MAP))
		return wrong(d, v, at, "a map");
	for (size_t i = 0; i < value_count(v); i++) {
		const char *key = value_key_at(v, i);
		const struct value *child = value_at(v, i);
		const struct schema_field *f = schema_field(s, key);
		struct value *fresh = NULL;

		if (!f) {
			if (!s->open)
				unknown_field(d, s, key, at);
			continue;
		}
		if (!value_is(child, VALUE_NULL))
			fresh = decode_field(d, f, child, at);
		else if (f->schema->nullable || f->schema->type == SCHEMA_ANY)
			continue;
		if (value_is(child, VALUE_NULL) ||
		    (f->omit_empty && schema_is_empty(fresh ? fresh : child))) {
			value_unref(fresh);
			out = value_del(out ? out : value_ref(v), key);
		} else if (fresh) {
			out = value_set(out ? out : value_ref(v), key, fresh);
		}
	}
	return out;
}

static struct value *decode(struct decoder *d, const struct schema *s, const struct value *v,
			    const struct path *at)
{
	switch (s->type) {
	case SCHEMA_ANY:
		return NULL;
	case SCHEMA_BOOL:
		return value_is(v, VALUE_BOOL) ? NULL : wrong(d, v, at, "true or false");
	case SCHEMA_INT:
		return decode_int(d, s, v, at);
	case SCHEMA_NUMBER:
		return value_is(v, VALUE_INT) || value_is(v, VALUE_DOUBLE)
			       ? NULL
			       : wrong(d, v, at, "a number");
	case SCHEMA_STRING:
		return decode_string(d, s, v, at);
	case SCHEMA_INT_OR_STRING:
		if (value_is(v, VALUE_STRING))
			return NULL;
		if (!value_is(v, VALUE_INT) && !value_is(v, VALUE_DOUBLE))
			return wrong(d, v, at, "an integer or a string");
		return decode_int(d,
				  &(const struct schema){.format = s->structural ? FORMAT_INT64
										 : FORMAT_INT32},
				  v, at);
	case SCHEMA_LIST:
		return decode_list(d, s, v, at);
	case SCHEMA_MAP:
		return decode_map(d, s, v, at);
	case SCHEMA_STRUCT:
		return decode_struct(d, s, v, at);
	}
	return NULL;
}

struct value *schema_decode(const struct schema *s, struct value *taken, const struct path *at,
			    struct faults *faults)
{
	struct decoder d = {.faults = faults};
	struct value *fresh;

	if (value_is(taken, VALUE_NULL)) {
		value_unref(taken);
		return zero_value(s);
	}
	fresh = decode(&d, s, taken, at);
	if (!fresh)
		return taken;
	value_unref(taken);
	return fresh;
}
