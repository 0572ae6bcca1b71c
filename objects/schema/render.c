/* SPDX-License-Identifier: MIT */
/*
 * The `_schema` file: one line a field, its path first, so that `grep` and
 * `awk` can read it as well as people.
 */
#include "objects/schema.h"

#include <inttypes.h>

#include "objects/codec.h"
#include "objects/custom/expressions.h"
#include "objects/schema/rules.h"

#define DEPTH_MAX 32

/* The types that are open above: one that holds itself is named, not unfolded again. */
struct frame {
	const struct frame *up;
	const struct schema *s;
	unsigned depth;
};

static const char *scalar_name(const struct schema *s)
{
	static const char *const formats[] = {
		[FORMAT_QUANTITY] = "quantity",
		[FORMAT_TIME] = "time",
		[FORMAT_MICRO_TIME] = "microtime",
		[FORMAT_DURATION] = "duration",
		[FORMAT_BYTES] = "base64",
		[FORMAT_DNS_LABEL] = "dns-label",
		[FORMAT_DNS_SUBDOMAIN] = "dns-subdomain",
		[FORMAT_DNS_1035_LABEL] = "dns-1035-label",
		[FORMAT_LABEL_KEY] = "label-key",
		[FORMAT_LABEL_VALUE] = "label-value",
		[FORMAT_CONFIG_KEY] = "config-key",
		[FORMAT_ENV_NAME] = "env-name",
		[FORMAT_IP] = "ip",
		[FORMAT_CIDR] = "cidr",
		[FORMAT_PORT_NAME] = "port-name",
		[FORMAT_PATH_SEGMENT] = "path-segment",
	};

	switch (s->type) {
	case SCHEMA_ANY:
		return "any";
	case SCHEMA_BOOL:
		return "boolean";
	case SCHEMA_INT:
		return s->format == FORMAT_PORT ? "port" : "integer";
	case SCHEMA_NUMBER:
		return "number";
	case SCHEMA_INT_OR_STRING:
		return "int-or-string";
	default:
		break;
	}
	if (s->format < ARRAY_LEN(formats) && formats[s->format])
		return formats[s->format];
	return "string";
}

static void add_type(const struct schema *s, struct buf *out)
{
	const char *dot = s->name ? strrchr(s->name, '.') : NULL;

	if (s->type == SCHEMA_LIST) {
		buf_adds(out, "[]");
		add_type(s->items, out);
	} else if (s->type == SCHEMA_MAP) {
		buf_adds(out, "map[string]");
		add_type(s->items, out);
	} else if (s->type == SCHEMA_STRUCT) {
		buf_adds(out, dot ? dot + 1 : "object");
	} else {
		buf_adds(out, scalar_name(s));
	}
}

static void add_count(struct buf *out, const char *what, int64_t n)
{
	if (n >= 0)
		buf_addf(out, " %s=%" PRId64, what, n);
}

static void add_expressions(const struct value_rules *r, struct buf *out)
{
	const struct expression_set *set = r->expressions;

	for (size_t i = 0; set && i < set->n; i++) {
		const char *rule = value_str(value_get(set->list[i].source, "rule"), "");

		buf_adds(out, " rule=\"");
		for (; *rule; rule++) /* a field is a line */
			buf_addc(out, *rule == '\n' ? ' ' : *rule);
		buf_addc(out, '"');
	}
}

static void add_rules(const struct value_rules *r, struct buf *out)
{
	if (r->format)
		buf_addf(out, " format=%s", r->format);
	if (r->enums) {
		buf_adds(out, " enum=");
		json_render(r->enums, out);
	}
	if (r->pattern)
		buf_addf(out, " pattern=%s", pattern_text(r->pattern));
	if (r->has_minimum)
		buf_addf(out, " min%s=%.15g", r->exclusive_minimum ? "-exclusive" : "", r->minimum);
	if (r->has_maximum)
		buf_addf(out, " max%s=%.15g", r->exclusive_maximum ? "-exclusive" : "", r->maximum);
	if (r->multiple_of != 0)
		buf_addf(out, " multiple-of=%.15g", r->multiple_of);
	add_count(out, "min-length", r->min_length);
	add_count(out, "max-length", r->max_length);
	add_count(out, "min-items", r->min_items);
	add_count(out, "max-items", r->max_items);
	add_count(out, "min-properties", r->min_properties);
	add_count(out, "max-properties", r->max_properties);
	if (r->all_of.n || r->any_of.n || r->one_of.n || r->not_)
		buf_adds(out, " (more rules: see the definition)");
	add_expressions(r, out);
}

static void add_notes(const struct schema_field *f, int inert, struct buf *out)
{
	const struct schema *s = f->schema;

	if (f->required)
		buf_adds(out, " required");
	if (s->nullable)
		buf_adds(out, " nullable");
	if (s->open)
		buf_adds(out, " (and any other fields)");
	if (f->immutable)
		buf_adds(out, " immutable");
	if (f->dflt && !f->required) {
		buf_adds(out, " default=");
		json_render(f->dflt, out);
	}
	if (s->enums) {
		buf_adds(out, " enum=");
		for (const char *const *e = s->enums; *e; e++)
			buf_addf(out, "%s%s", e == s->enums ? "" : "|", **e ? *e : "\"\"");
	}
	if (s->has_min)
		buf_addf(out, " min=%" PRId64, s->min);
	if (s->has_max)
		buf_addf(out, " max=%" PRId64, s->max);
	if (s->type == SCHEMA_LIST && s->merge_key)
		buf_addf(out, " key=%s", s->merge_key);
	if (s->rules)
		add_rules(s->rules, out);
	if (inert || f->inert)
		buf_adds(out, " (stored, not acted upon)");
}

/* What selections call the field at this path. */
static void add_selectable(const struct kind *k, const char *path, struct buf *out)
{
	const char *before = " selectable=";

	for (const struct selectable *f = k->selectable; f && f->label; f++)
		for (const char *const *p = f->paths; *p; p++) {
			if (!str_eq(*p, path))
				continue;
			buf_addf(out, "%s%s", before, f->label);
			before = ",";
		}
}

struct page {
	const struct kind *kind;
	struct buf *out;
};

static void render(const struct page *p, const struct schema *s, const char *path, int inert,
		   const struct frame *up);

static void render_fields(const struct page *p, const struct schema *s, const char *path, int inert,
			  const struct frame *up)
{
	const struct frame here = {up, s, up ? up->depth + 1 : 0};

	for (const struct frame *f = up; f; f = f->up)
		if (f->s->fields == s->fields)
			return;
	if (here.depth > DEPTH_MAX)
		return;
	for (size_t i = 0; i < s->n_fields; i++) {
		const struct schema_field *f = &s->fields[i];
		CLEANUP_FREE char *child = xasprintf("%s%s%s", path, *path ? "." : "", f->name);

		buf_addf(p->out, "%s ", child);
		add_type(f->schema, p->out);
		add_selectable(p->kind, child, p->out);
		add_notes(f, inert, p->out);
		buf_addc(p->out, '\n');
		render(p, f->schema, child, inert || f->inert, &here);
	}
}

static void render(const struct page *p, const struct schema *s, const char *path, int inert,
		   const struct frame *up)
{
	CLEANUP_FREE char *child = NULL;

	if (s->type == SCHEMA_STRUCT) {
		render_fields(p, s, path, inert, up);
	} else if (s->type == SCHEMA_LIST) {
		child = xasprintf("%s[]", path);
		render(p, s->items, child, inert, up);
	} else if (s->type == SCHEMA_MAP) {
		child = xasprintf("%s.*", path);
		render(p, s->items, child, inert, up);
	}
}

void schema_render_fields(const struct kind *k, struct buf *out)
{
	const struct schema *s = k->schema;

	if (s->rules && s->rules->expressions) {
		buf_adds(out, "(the whole object)");
		add_expressions(s->rules, out);
		buf_addc(out, '\n');
	}
	render(&(struct page){k, out}, s, "", !!(k->flags & KIND_INERT), NULL);
}
