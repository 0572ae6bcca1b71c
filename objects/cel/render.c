/* SPDX-License-Identifier: MIT */
/* Values as text, and as trees. */
#include "objects/cel/cel_i.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "objects/cel/lib.h"
#include "objects/codec.h"
#include "objects/quantity.h"

/* Go's strconv.FormatFloat(d, 'g', -1, 64): the shortest that reads back. */
void cel_render_double(double d, struct buf *out)
{
	char text[40];
	int precision = 0, exponent;

	if (!isfinite(d)) {
		buf_adds(out, isnan(d) ? "NaN" : d < 0 ? "-Inf" : "+Inf");
		return;
	}
	do {
		double back;

		snprintf(text, sizeof(text), "%.*e", precision, d);
		back = strtod(text, NULL);
		if (back <= d && back >= d)
			break;
	} while (precision++ < 17);
	exponent = atoi(strchr(text, 'e') + 1);
	if (exponent < -4 || exponent >= 6)
		buf_adds(out, text);
	else
		buf_addf(out, "%.*f", precision > exponent ? precision - exponent : 0, d);
}

static void add_fraction(uint32_t nanos, struct buf *out)
{
	char digits[16];
	int n = 9;

	if (!nanos)
		return;
	snprintf(digits, sizeof(digits), "%09" PRIu32, nanos);
	while (digits[n - 1] == '0')
		n--;
	buf_addf(out, ".%.*s", n, digits);
}

void cel_render_timestamp(struct cel_val v, struct buf *out)
{
	char text[32];

	time_render(v.i, text);
	text[19] = '\0'; /* without the Z */
	buf_adds(out, text);
	add_fraction(v.n, out);
	buf_addc(out, 'Z');
}

void cel_render_duration(int64_t nanos, struct buf *out)
{
	uint64_t all = nanos < 0 ? 0 - (uint64_t)nanos : (uint64_t)nanos;

	buf_addf(out, "%s%" PRIu64, nanos < 0 ? "-" : "", all / 1000000000);
	add_fraction((uint32_t)(all % 1000000000), out);
	buf_addc(out, 's');
}

void cel_type_name(enum cel_kind kind, const char *message, struct buf *out)
{
	static const char *const plain[CEL_KINDS] = {[CEL_NULL] = "null_type",
						     [CEL_LIST] = "list",
						     [CEL_MAP] = "map",
						     [CEL_TYPE] = "type",
						     [CEL_OPTIONAL] = "optional_type"};

	if (plain[kind])
		buf_adds(out, plain[kind]);
	else if (kind == CEL_MESSAGE)
		buf_adds(out, message);
	else
		type_render(type_simple(kind), out);
}

/* -- texts -- */

#define RENDER_MAX (1u << 20) /* bytes of a list or map as text */

static void render_entries(struct cel_run *r, struct cel_val v, struct buf *out)
{
	struct cel_val key, val;

	buf_addc(out, '{');
	for (size_t i = 0; i < v.n && out->len < RENDER_MAX && !cel_work(r, 1); i++) {
		if (v.kind == CEL_OBJECT) {
			const char *name = value_key_at(v.tree, i);

			key = cel_text(name, strlen(name));
			val = cel_from_tree(r, value_at(v.tree, i),
					    schema_of_property(v.schema, name));
		} else {
			cel_entry_at(r, v, i, &key, &val);
		}
		buf_adds(out, i ? ", " : "");
		cel_render(r, key, out);
		buf_adds(out, ": ");
		cel_render(r, val, out);
	}
	buf_addc(out, '}');
}

static void render_items(struct cel_run *r, struct cel_val v, struct buf *out)
{
	buf_addc(out, '[');
	for (size_t i = 0; i < v.n && out->len < RENDER_MAX && !cel_work(r, 1); i++) {
		buf_adds(out, i ? ", " : "");
		cel_render(r, cel_at(r, v, i), out);
	}
	buf_addc(out, ']');
}

void cel_render(struct cel_run *r, struct cel_val v, struct buf *out)
{
	switch (v.kind) {
	case CEL_NULL:
		buf_adds(out, "null");
		break;
	case CEL_BOOL:
		buf_adds(out, v.i ? "true" : "false");
		break;
	case CEL_INT:
		buf_addf(out, "%" PRId64, v.i);
		break;
	case CEL_UINT:
		buf_addf(out, "%" PRIu64, v.u);
		break;
	case CEL_DOUBLE:
		cel_render_double(v.d, out);
		break;
	case CEL_STRING:
	case CEL_BYTES:
		buf_add(out, v.s, v.n);
		break;
	case CEL_TIMESTAMP:
		cel_render_timestamp(v, out);
		break;
	case CEL_DURATION:
		cel_render_duration(v.i, out);
		break;
	case CEL_TYPE:
		cel_type_name(v.type->kind, v.type->name, out);
		break;
	case CEL_LIST:
		render_items(r, v, out);
		break;
	case CEL_MAP:
	case CEL_MESSAGE:
	case CEL_OBJECT:
		render_entries(r, v, out);
		break;
	case CEL_OPTIONAL:
		if (!v.n) {
			buf_adds(out, "optional.none()");
			break;
		}
		buf_adds(out, "optional(");
		cel_render(r, *v.items, out);
		buf_addc(out, ')');
		break;
	case CEL_ERROR:
		buf_add(out, v.s, v.n);
		break;
	default:
		lib_render(v, out);
		break;
	}
}

/* -- trees -- */

static struct value *list_to_tree(struct cel_run *r, struct cel_val v, unsigned depth,
				  struct err *err)
{
	CLEANUP_VALUE struct value *out = value_new_list();

	for (size_t i = 0; i < v.n; i++) {
		struct value *child = cel_to_tree(r, cel_at(r, v, i), depth + 1, err);

		if (!child)
			return NULL;
		out = value_append(out, child);
	}
	return STEAL(out);
}

static struct value *map_to_tree(struct cel_run *r, struct cel_val v, unsigned depth,
				 struct err *err)
{
	struct value *out = value_new_map();

	for (size_t i = 0; i < v.n; i++) {
		CLEANUP(buf_fini) struct buf name = BUF_INIT;
		struct cel_val key, val;
		struct value *child;

		cel_entry_at(r, v, i, &key, &val);
		cel_render(r, key, &name);
		child = cel_to_tree(r, val, depth + 1, err);
		if (!child || memchr(buf_str(&name), 0, name.len)) {
			value_unref(child);
			value_unref(value_map_seal(out, NULL));
			err_set(err, EINVAL, "a key holds a NUL");
			return NULL;
		}
		out = value_map_add(out, buf_str(&name), name.len, child);
	}
	return value_map_seal(out, NULL);
}

static struct value *text_to_tree(struct cel_run *r, struct cel_val v, struct err *err)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	cel_render(r, v, &b);
	if (v.kind == CEL_STRING && memchr(buf_str(&b), 0, b.len)) {
		err_set(err, EINVAL, "a text holds a NUL");
		return NULL;
	}
	return value_new_stringn(buf_str(&b), b.len);
}

struct value *cel_to_tree(struct cel_run *r, struct cel_val v, unsigned depth, struct err *err)
{
	if (depth > VALUE_MAX_DEPTH || cel_work(r, 1)) {
		err_set(err, E2BIG, "the result is too large");
		return NULL;
	}
	switch (v.kind) {
	case CEL_NULL:
		return value_new_null();
	case CEL_BOOL:
		return value_new_bool(v.i != 0);
	case CEL_INT:
		return value_new_int(v.i);
	case CEL_UINT:
		return v.u > INT64_MAX ? value_new_double((double)v.u)
				       : value_new_int((int64_t)v.u);
	case CEL_DOUBLE:
		if (isfinite(v.d))
			return value_new_double(v.d);
		err_set(err, EINVAL, "a number is not finite");
		return NULL;
	case CEL_BYTES: {
		CLEANUP(buf_fini) struct buf b = BUF_INIT;

		lib_base64(v.s, v.n, &b);
		return value_new_stringn(buf_str(&b), b.len);
	}
	case CEL_LIST:
		return v.how == HOW_TREE && !v.schema ? value_ref(v.tree)
						      : list_to_tree(r, v, depth, err);
	case CEL_OBJECT:
		return value_ref(v.tree);
	case CEL_MAP:
	case CEL_MESSAGE:
		return v.how == HOW_TREE ? value_ref(v.tree) : map_to_tree(r, v, depth, err);
	case CEL_OPTIONAL:
		return v.n ? cel_to_tree(r, *v.items, depth + 1, err) : value_new_null();
	case CEL_ERROR:
		err_set(err, EINVAL, "%.*s", (int)(v.n > 400 ? 400 : v.n), v.s);
		return NULL;
	default:
		return text_to_tree(r, v, err);
	}
}
