/* SPDX-License-Identifier: MIT */
#include "objects/patch/fieldset.h"

#include <errno.h>

#include "objects/codec.h"

#define SELF "."

static int is_member(const struct value *node)
{
	return node && (value_count(node) == 0 || value_get(node, SELF));
}

struct value *fieldset_member(struct value *taken)
{
	if (!taken)
		return value_new_map();
	if (value_count(taken) == 0 || value_get(taken, SELF))
		return taken;
	return value_set(taken, SELF, value_new_map());
}

enum combine { UNION, MINUS, AND };

/* A trie being built from steps in sorted order. */
struct builder {
	struct value *out;        /* NULL: nothing */
	const struct value *like; /* the result may turn out to be this one */
	size_t n_same;
};

static void build(struct builder *b, const char *key, struct value *taken_child,
		  const struct value *was)
{
	if (!taken_child)
		return;
	if (!b->out)
		b->out = value_new_map();
	b->n_same += taken_child == was;
	b->out = value_map_add(b->out, key, strlen(key), taken_child);
}

/* member: the node itself belongs to the set. */
static struct value *build_end(struct builder *b, int member, int was_member)
{
	if (b->like && member == was_member && value_count(b->out) == b->n_same &&
	    value_count(b->out) + (value_get(b->like, SELF) != NULL) == value_count(b->like)) {
		value_unref(b->out);
		return value_ref(b->like);
	}
	return member ? fieldset_member(b->out) : b->out;
}

static int combine_members(enum combine op, int a, int b)
{
	switch (op) {
	case UNION:
		return a || b;
	case MINUS:
		return a && !b;
	case AND:
		return a && b;
	}
	return 0;
}

static struct value *combine(enum combine op, const struct value *a, const struct value *b);

static struct value *combine_children(enum combine op, const struct value *a, const struct value *b,
				      int member)
{
	struct builder to = {.like = a};
	size_t i = 0, j = 0;

	while (i < value_count(a) || j < value_count(b)) {
		const char *ka = value_key_at(a, i), *kb = value_key_at(b, j);
		int c = !ka ? 1 : !kb ? -1 : strcmp(ka, kb);
		const struct value *x = c <= 0 ? value_at(a, i++) : NULL;
		const struct value *y = c >= 0 ? value_at(b, j++) : NULL;
		const char *key = c <= 0 ? ka : kb;

		if (!str_eq(key, SELF))
			build(&to, key, combine(op, x, y), x);
	}
	return build_end(&to, member, is_member(a));
}

static struct value *combine(enum combine op, const struct value *a, const struct value *b)
{
	if (a == b)
		return op == MINUS ? NULL : value_ref(a);
	if (!a)
		return op == UNION ? value_ref(b) : NULL;
	if (!b)
		return op == AND ? NULL : value_ref(a);
	return combine_children(op, a, b, combine_members(op, is_member(a), is_member(b)));
}

struct value *fieldset_union(const struct value *a, const struct value *b)
{
	return combine(UNION, a, b);
}

struct value *fieldset_minus(const struct value *a, const struct value *b)
{
	return combine(MINUS, a, b);
}

struct value *fieldset_and(const struct value *a, const struct value *b)
{
	return combine(AND, a, b);
}

static void replace(struct value **set, struct value *taken)
{
	value_unref(*set);
	*set = taken;
}

void fieldset_add(struct value **set, const struct value *more)
{
	replace(set, fieldset_union(*set, more));
}

void fieldset_subtract(struct value **set, const struct value *less)
{
	replace(set, fieldset_minus(*set, less));
}

int fieldset_within(const struct value *a, const struct value *b)
{
	if (a == b || !a)
		return 1;
	if (!b || (is_member(a) && !is_member(b)))
		return 0;
	for (size_t i = 0; i < value_count(a); i++) {
		const char *key = value_key_at(a, i);

		if (!str_eq(key, SELF) && !fieldset_within(value_at(a, i), value_get(b, key)))
			return 0;
	}
	return 1;
}

static const struct schema *below(const struct schema *s, const char *step)
{
	if (!s)
		return NULL;
	if (s->type == SCHEMA_LIST)
		return s->items;
	return str_starts(step, "f:") ? schema_child(s, step + 2) : NULL;
}

struct value *fieldset_with_named(const struct value *set, const struct schema *s)
{
	struct builder to = {.like = set};

	if (!set)
		return NULL;
	for (size_t i = 0; i < value_count(set); i++) {
		const char *step = value_key_at(set, i);
		const struct value *child = value_at(set, i);
		struct value *fresh;

		if (str_eq(step, SELF))
			continue;
		fresh = fieldset_with_named(child, below(s, step));
		if (s && s->type == SCHEMA_STRUCT && str_starts(step, "f:") &&
		    schema_field(s, step + 2))
			fresh = fieldset_member(fresh);
		build(&to, step, fresh, child);
	}
	return build_end(&to, is_member(set), is_member(set));
}

/* -- reading what others wrote -- */

/* "k:" and "v:" steps with their JSON as we write it. Return: NULL when it is no step. */
static char *canonical_step(const char *step)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	CLEANUP_VALUE struct value *json = NULL;
	char *end;

	if (str_starts(step, "f:"))
		return xstrdup(step);
	if (str_starts(step, "i:")) {
		if (step[2] < '0' || step[2] > '9')
			return NULL;
		strtoul(step + 2, &end, 10);
		return *end ? NULL : xstrdup(step);
	}
	if (!str_starts(step, "k:") && !str_starts(step, "v:"))
		return NULL;
	json = json_parse(step + 2, strlen(step + 2), NULL);
	if (!json || (*step == 'k') != value_is(json, VALUE_MAP))
		return NULL;
	buf_add(&out, step, 2);
	json_render(json, &out);
	return buf_steal(&out);
}

int fieldset_decode(const struct value *fields, struct value **out, struct err *err)
{
	CLEANUP_VALUE struct value *set = value_new_map();
	const char *twice;

	*out = NULL;
	if (!value_is(fields, VALUE_MAP))
		return err_set(err, EINVAL, "fieldsV1: a map was expected");
	for (size_t i = 0; i < value_count(fields); i++) {
		const char *key = value_key_at(fields, i);
		CLEANUP_FREE char *step = str_eq(key, SELF) ? xstrdup(key) : canonical_step(key);
		struct value *child;
		int rc;

		if (!step)
			return err_set(err, EINVAL,
				       "fieldsV1: \"%.100s\" is no step of a field path", key);
		if (str_eq(key, SELF)) {
			child = value_new_map();
		} else {
			rc = fieldset_decode(value_at(fields, i), &child, err);
			if (rc)
				return rc;
		}
		set = value_map_add(set, step, strlen(step), child);
	}
	set = value_map_seal(set, &twice);
	if (twice)
		return err_set(err, EINVAL, "fieldsV1: \"%.100s\" is there twice", twice);
	/* {".": {}} says what {} says */
	if (value_count(set) == 1 && value_get(set, SELF))
		set = value_del(set, SELF);
	*out = STEAL(set);
	return 0;
}

/* -- paths in words -- */

static void render_step(const char *step, struct buf *out)
{
	CLEANUP_VALUE struct value *json = NULL;

	switch (*step) {
	case 'f':
		buf_addf(out, ".%s", step + 2);
		return;
	case 'i':
		buf_addf(out, "[%s]", step + 2);
		return;
	case 'v':
		buf_addf(out, "[=%s]", step + 2);
		return;
	}
	json = json_parse(step + 2, strlen(step + 2), NULL);
	buf_addc(out, '[');
	for (size_t i = 0; i < value_count(json); i++) {
		buf_addf(out, "%s%s=", i ? "," : "", value_key_at(json, i));
		json_render(value_at(json, i), out);
	}
	buf_addc(out, ']');
}

struct each {
	void (*fn)(void *arg, const char *path);
	void *arg;
	struct buf path;
};

static void each(struct each *e, const struct value *node)
{
	size_t len = e->path.len;

	for (int below_them = 0; below_them < 2; below_them++) {
		for (size_t i = 0; i < value_count(node); i++) {
			const char *step = value_key_at(node, i);
			const struct value *child = value_at(node, i);

			if (str_eq(step, SELF) || (!below_them && !is_member(child)))
				continue;
			render_step(step, &e->path);
			if (below_them)
				each(e, child);
			else
				e->fn(e->arg, buf_str(&e->path));
			buf_resize(&e->path, len);
		}
	}
}

void fieldset_each(const struct value *set, void (*fn)(void *arg, const char *path), void *arg)
{
	struct each e = {.fn = fn, .arg = arg};

	each(&e, set);
	buf_fini(&e.path);
}
