/* SPDX-License-Identifier: MIT */
/* What an object says and nobody acts upon. */
#include "objects/schema.h"

#define LISTED_MAX 8 /* the rest is counted */

struct found {
	struct buf *out;
	size_t n;
};

/* Nothing is asked for by what would be so without it. */
static int asks_nothing(const struct schema_field *f, const struct value *v)
{
	if (f->dflt && value_equal(f->dflt, v))
		return 1;
	switch (value_type(v)) {
	case VALUE_NULL:
		return 1;
	case VALUE_BOOL:
		return !value_bool(v, 0);
	case VALUE_STRING:
		return value_strlen(v) == 0;
	case VALUE_LIST:
	case VALUE_MAP:
		return value_count(v) == 0;
	default:
		return 0;
	}
}

static void add(struct found *found, const struct path *at)
{
	if (found->n++ >= LISTED_MAX)
		return;
	if (found->n > 1)
		buf_adds(found->out, ", ");
	path_render(at, found->out);
}

static void look(struct found *found, const struct schema *s, const struct value *v,
		 const struct path *at);

static void look_at_fields(struct found *found, const struct schema *s, const struct value *v,
			   const struct path *at)
{
	for (size_t i = 0; i < value_count(v); i++) {
		const char *key = value_key_at(v, i);
		const struct schema_field *f = schema_field(s, key);

		if (!f || (!at && (str_eq(key, "status") || str_eq(key, "metadata"))))
			continue;
		if (!f->inert)
			look(found, f->schema, value_at(v, i), PATH_FIELD(at, key));
		else if (!asks_nothing(f, value_at(v, i)))
			add(found, PATH_FIELD(at, key));
	}
}

/* As deep as the value is, which decoding has bounded. */
static void look(struct found *found, const struct schema *s, const struct value *v,
		 const struct path *at)
{
	if (s->type == SCHEMA_STRUCT && value_is(v, VALUE_MAP))
		look_at_fields(found, s, v, at);
	for (size_t i = 0; s->type == SCHEMA_LIST && value_is(v, VALUE_LIST) && i < value_count(v);
	     i++)
		look(found, s->items, value_at(v, i), PATH_INDEX(at, i));
	for (size_t i = 0; s->type == SCHEMA_MAP && value_is(v, VALUE_MAP) && i < value_count(v);
	     i++)
		look(found, s->items, value_at(v, i), PATH_KEY(at, value_key_at(v, i)));
}

void schema_list_inert(const struct kind *k, const struct value *v, struct buf *out)
{
	struct found found = {.out = out};

	if (k->flags & KIND_INERT)
		return;
	look(&found, k->schema, v, NULL);
	if (found.n > LISTED_MAX)
		buf_addf(out, " and %zu more", found.n - LISTED_MAX);
}
