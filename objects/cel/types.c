/* SPDX-License-Identifier: MIT */
/* Types: which may stand for which, and how messages call them. */
#include "objects/cel/cel_i.h"

static const struct cel_type simple[CEL_KINDS] = {
#define SIMPLE(k) [k] = {.kind = (k)}
	SIMPLE(CEL_DYN),
	SIMPLE(CEL_ERROR),
	SIMPLE(CEL_NULL),
	SIMPLE(CEL_BOOL),
	SIMPLE(CEL_INT),
	SIMPLE(CEL_UINT),
	SIMPLE(CEL_DOUBLE),
	SIMPLE(CEL_STRING),
	SIMPLE(CEL_BYTES),
	SIMPLE(CEL_TIMESTAMP),
	SIMPLE(CEL_DURATION),
	SIMPLE(CEL_OBJECT),
	SIMPLE(CEL_URL),
	SIMPLE(CEL_QUANTITY),
	SIMPLE(CEL_IP),
	SIMPLE(CEL_CIDR),
	SIMPLE(CEL_SEMVER),
	SIMPLE(CEL_FORMAT),
	SIMPLE(CEL_AUTHORIZER),
	SIMPLE(CEL_PATH_CHECK),
	SIMPLE(CEL_GROUP_CHECK),
	SIMPLE(CEL_RESOURCE_CHECK),
	SIMPLE(CEL_DECISION),
#undef SIMPLE
	[CEL_TYPE] = {.kind = CEL_TYPE, .a = &simple[CEL_DYN]},
	[CEL_LIST] = {.kind = CEL_LIST, .a = &simple[CEL_DYN]},
	[CEL_MAP] = {.kind = CEL_MAP, .a = &simple[CEL_DYN], .b = &simple[CEL_DYN]},
	[CEL_OPTIONAL] = {.kind = CEL_OPTIONAL, .a = &simple[CEL_DYN]},
	[CEL_MESSAGE] = {.kind = CEL_MESSAGE, .name = "object"},
	[CEL_PARAM] = {.kind = CEL_PARAM, .name = "A"},
};

const struct cel_type *type_simple(enum cel_kind kind)
{
	return &simple[kind];
}

static struct cel_type *make(struct arena *m, enum cel_kind kind, const struct cel_type *a,
			     const struct cel_type *b)
{
	struct cel_type *t = arena_alloc(m, 1, sizeof(*t));

	t->kind = kind;
	t->a = a;
	t->b = b;
	return t;
}

const struct cel_type *type_list(struct arena *m, const struct cel_type *of)
{
	return make(m, CEL_LIST, of, NULL);
}

const struct cel_type *type_map(struct arena *m, const struct cel_type *key,
				const struct cel_type *val)
{
	return make(m, CEL_MAP, key, val);
}

const struct cel_type *type_optional(struct arena *m, const struct cel_type *of)
{
	return make(m, CEL_OPTIONAL, of, NULL);
}

const struct cel_type *type_type(struct arena *m, const struct cel_type *of)
{
	return make(m, CEL_TYPE, of, NULL);
}

const struct cel_type *type_message(struct arena *m, const char *name)
{
	struct cel_type *t = make(m, CEL_MESSAGE, NULL, NULL);

	t->name = name;
	return t;
}

/* Kinds that null may stand for. */
static int is_nullable(enum cel_kind kind)
{
	return kind == CEL_NULL || kind == CEL_TIMESTAMP || kind == CEL_DURATION ||
	       kind >= CEL_OBJECT;
}

int type_assignable(const struct cel_type *to, const struct cel_type *from)
{
	if (to == from || type_is_loose(to) || type_is_loose(from))
		return 1;
	if (to->kind == CEL_NULL || from->kind == CEL_NULL)
		return is_nullable(to->kind) && is_nullable(from->kind);
	if (to->kind != from->kind)
		return 0;
	switch (to->kind) {
	case CEL_LIST:
	case CEL_OPTIONAL:
		return type_assignable(to->a, from->a);
	case CEL_MAP:
		return type_assignable(to->a, from->a) && type_assignable(to->b, from->b);
	case CEL_OBJECT:
		return to->schema == from->schema;
	case CEL_MESSAGE:
		return str_eq(to->name, from->name);
	default:
		return 1;
	}
}

const struct cel_type *type_join(const struct cel_type *a, const struct cel_type *b)
{
	if (!a || a->kind == CEL_ERROR)
		return b;
	if (b->kind == CEL_ERROR || a == b)
		return a;
	if (b->kind == CEL_DYN)
		return b;
	if (a->kind == CEL_NULL && type_assignable(b, a))
		return b;
	return type_assignable(a, b) ? a : &simple[CEL_DYN];
}

static const char *name_of_kind(enum cel_kind kind)
{
	static const char *const names[CEL_KINDS] = {
		[CEL_DYN] = "dyn",
		[CEL_ERROR] = "!error!",
		[CEL_NULL] = "null",
		[CEL_BOOL] = "bool",
		[CEL_INT] = "int",
		[CEL_UINT] = "uint",
		[CEL_DOUBLE] = "double",
		[CEL_STRING] = "string",
		[CEL_BYTES] = "bytes",
		[CEL_TIMESTAMP] = "google.protobuf.Timestamp",
		[CEL_DURATION] = "google.protobuf.Duration",
		[CEL_OBJECT] = "object",
		[CEL_URL] = "kubernetes.URL",
		[CEL_QUANTITY] = "kubernetes.Quantity",
		[CEL_IP] = "net.IP",
		[CEL_CIDR] = "net.CIDR",
		[CEL_SEMVER] = "kubernetes.Semver",
		[CEL_FORMAT] = "kubernetes.NamedFormat",
		[CEL_AUTHORIZER] = "kubernetes.authorization.Authorizer",
		[CEL_PATH_CHECK] = "kubernetes.authorization.PathCheck",
		[CEL_GROUP_CHECK] = "kubernetes.authorization.GroupCheck",
		[CEL_RESOURCE_CHECK] = "kubernetes.authorization.ResourceCheck",
		[CEL_DECISION] = "kubernetes.authorization.Decision",
	};

	return names[kind] ? names[kind] : "unknown";
}

void type_render(const struct cel_type *t, struct buf *out)
{
	static const char *const with_parts[CEL_KINDS] = {[CEL_LIST] = "list",
							  [CEL_MAP] = "map",
							  [CEL_TYPE] = "type",
							  [CEL_OPTIONAL] = "optional_type"};

	if (t->kind == CEL_MESSAGE || t->kind == CEL_PARAM) {
		buf_adds(out, t->name);
		return;
	}
	if (!with_parts[t->kind]) {
		buf_adds(out, name_of_kind(t->kind));
		return;
	}
	buf_addf(out, "%s(", with_parts[t->kind]);
	type_render(t->a, out);
	if (t->b) {
		buf_adds(out, ", ");
		type_render(t->b, out);
	}
	buf_addc(out, ')');
}
