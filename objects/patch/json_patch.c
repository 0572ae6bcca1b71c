/* SPDX-License-Identifier: MIT */
/* JSON Patch, RFC 6902, with the error texts of the library that Kubernetes uses. */
#include "objects/patch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/patch/pointer.h"

enum edit { ADD, REPLACE, REMOVE };

struct patcher {
	struct faults *faults;
	size_t operation; /* for messages */
	size_t copied;
};

struct operation {
	const char *op;
	struct pointer path, from;
	const struct value *value; /* borrowed */
};

static int fail(struct patcher *p, const char *fmt, ...) PRINTF_LIKE(2, 3);
static int fail(struct patcher *p, const char *fmt, ...)
{
	char line[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fault_add_code(p->faults, EINVAL, "operation %zu: %s", p->operation, line);
	return -EINVAL;
}

static size_t depth_of(const struct value *v)
{
	size_t deepest = 0;

	if (!value_is(v, VALUE_LIST) && !value_is(v, VALUE_MAP))
		return 0;
	for (size_t i = 0; i < value_count(v); i++) {
		size_t d = depth_of(value_at(v, i));

		deepest = d > deepest ? d : deepest;
	}
	return deepest + 1;
}

/* -- one place -- */

/* Replacing a key that is not there adds it: Kubernetes' library is not as strict as RFC 6902. */
static struct value *edit_map(struct value *taken, const char *key, enum edit what,
			      struct value *taken_child, int *rc)
{
	if (what == REMOVE && !value_get(taken, key)) {
		*rc = -ENOENT;
		value_unref(taken_child);
		return taken;
	}
	return value_set(taken, key, taken_child);
}

static struct value *edit_list(struct value *taken, const char *token, enum edit what,
			       struct value *taken_child, int *rc)
{
	long at = pointer_index(token, value_count(taken), what == ADD);

	if (at < 0) {
		*rc = -ENOENT;
		value_unref(taken_child);
		return taken;
	}
	if (what == ADD)
		return value_insert_at(taken, (size_t)at, taken_child);
	if (what == REPLACE)
		return value_set_at(taken, (size_t)at, taken_child);
	return value_del_at(taken, (size_t)at);
}

/* Make the edit at tokens[0..n) below `taken`; the way there is taken apart, so that what is held
 * once is changed in place. rc -ENOENT: there is no such place, taken comes back as it was. */
static struct value *edit_at(struct value *taken, char *const *tokens, size_t n, enum edit what,
			     struct value *taken_child, int *rc)
{
	struct value *child;
	long at = 0;

	if (n == 1 && value_is(taken, VALUE_MAP))
		return edit_map(taken, tokens[0], what, taken_child, rc);
	if (n == 1 && value_is(taken, VALUE_LIST))
		return edit_list(taken, tokens[0], what, taken_child, rc);
	if (value_is(taken, VALUE_LIST))
		at = pointer_index(tokens[0], value_count(taken), 0);
	child = at < 0 ? NULL
		       : value_ref(value_is(taken, VALUE_LIST) ? value_at(taken, (size_t)at)
							       : value_get(taken, tokens[0]));
	if (!child || n == 1) {
		value_unref(child);
		value_unref(taken_child);
		*rc = -ENOENT;
		return taken;
	}
	if (value_is(taken, VALUE_LIST))
		taken = value_set_at(taken, (size_t)at, value_new_null());
	else
		taken = value_set(taken, tokens[0], value_new_null());
	child = edit_at(child, tokens + 1, n - 1, what, taken_child, rc);
	return value_is(taken, VALUE_LIST) ? value_set_at(taken, (size_t)at, child)
					   : value_set(taken, tokens[0], child);
}

static int edit(struct patcher *p, struct value **doc, const struct operation *op,
		const struct pointer *where, enum edit what, const struct value *value)
{
	int rc = 0;

	if (where->n == 0) {
		if (what == REMOVE)
			return fail(
				p,
				"%s operation does not apply: the whole document cannot be removed",
				op->op);
		value_ref(value);
		value_unref(*doc);
		*doc = (struct value *)value;
		return 0;
	}
	*doc = edit_at(*doc, where->tokens, where->n, what,
		       what == REMOVE ? NULL : value_ref(value), &rc);
	if (rc && what == REPLACE)
		return fail(
			p,
			"replace operation does not apply: doc is missing key: %s: missing value",
			where->text);
	if (rc)
		return fail(
			p,
			"%s operation does not apply: doc is missing path: \"%s\": missing value",
			op->op, where->text);
	return 0;
}

static int check_depth(struct patcher *p, const struct pointer *where, const struct value *v)
{
	if (where->n + depth_of(v) > VALUE_MAX_DEPTH)
		return fail(p, "%s: more than %d levels", where->text, VALUE_MAX_DEPTH);
	return 0;
}

/* What a patch makes of the document itself, over and over, is bounded. */
static int spend(struct patcher *p, const struct value *v)
{
	p->copied += value_memory(v);
	if (p->copied > PATCH_MAX_COPIED)
		return fail(p, "copy operations may not make more than %u bytes", PATCH_MAX_COPIED);
	return 0;
}

/* -- operations -- */

static int do_test(struct patcher *p, struct value **doc, const struct operation *op)
{
	const struct value *there = pointer_get(*doc, &op->path);

	/* a missing place equals null, as in the library */
	if (there ? value_equal(there, op->value) : value_type(op->value) == VALUE_NULL)
		return 0;
	return fail(p, "testing value %s failed: test failed", op->path.text);
}

static int do_copy(struct patcher *p, struct value **doc, const struct operation *op)
{
	CLEANUP_VALUE struct value *v = value_ref(pointer_get(*doc, &op->from));

	if (!v)
		return fail(p,
			    "copy operation does not apply: doc is missing from path: \"%s\": "
			    "missing value",
			    op->from.text);
	if (spend(p, v) || check_depth(p, &op->path, v))
		return -EINVAL;
	return edit(p, doc, op, &op->path, ADD, v);
}

static int do_move(struct patcher *p, struct value **doc, const struct operation *op)
{
	CLEANUP_VALUE struct value *v = value_ref(pointer_get(*doc, &op->from));
	int rc;

	if (!v)
		return fail(p,
			    "move operation does not apply: doc is missing from path: %s: missing "
			    "value",
			    op->from.text);
	if (op->from.n < op->path.n && pointer_within(&op->from, &op->path))
		return fail(p, "move operation does not apply: %s is below %s", op->path.text,
			    op->from.text);
	if (op->from.n == op->path.n && pointer_within(&op->from, &op->path))
		return 0;
	if (op->path.n > op->from.n && (spend(p, v) || check_depth(p, &op->path, v)))
		return -EINVAL;
	rc = edit(p, doc, op, &op->from, REMOVE, NULL);
	return rc ? rc : edit(p, doc, op, &op->path, ADD, v);
}

static int do_operation(struct patcher *p, struct value **doc, const struct operation *op)
{
	if (str_eq(op->op, "add"))
		return edit(p, doc, op, &op->path, ADD, op->value);
	if (str_eq(op->op, "replace"))
		return edit(p, doc, op, &op->path, REPLACE, op->value);
	if (str_eq(op->op, "remove"))
		return edit(p, doc, op, &op->path, REMOVE, NULL);
	if (str_eq(op->op, "test"))
		return do_test(p, doc, op);
	if (str_eq(op->op, "copy"))
		return do_copy(p, doc, op);
	return do_move(p, doc, op);
}

static int read_pointer(struct patcher *p, const struct value *v, const char *key,
			struct pointer *out)
{
	const char *text = value_str(value_get(v, key), NULL);

	if (!text)
		return fail(p, "\"%s\" is missing", key);
	if (pointer_parse(text, out))
		return fail(p, "\"%s\": \"%.100s\" is no JSON pointer such as /spec/replicas", key,
			    text);
	return 0;
}

static int read_operation(struct patcher *p, const struct value *v, struct operation *op)
{
	static const char *const known[] = {"add", "remove", "replace", "move", "copy", "test"};
	int rc, found = 0;

	op->op = value_str(value_get(v, "op"), NULL);
	op->value = value_get(v, "value");
	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		found |= str_eq(op->op, known[i]);
	if (!found)
		return fail(p, "Unexpected kind: %.100s", op->op ? op->op : "unknown");
	rc = read_pointer(p, v, "path", &op->path);
	if (!rc && (*op->op == 'm' || *op->op == 'c'))
		rc = read_pointer(p, v, "from", &op->from);
	if (!rc && !op->value && (*op->op == 'a' || *op->op == 't' || str_eq(op->op, "replace")))
		rc = fail(p, "\"value\" is missing");
	return rc ? rc : check_depth(p, &op->path, op->value);
}

static int run(struct patcher *p, struct value **doc, const struct value *patch)
{
	for (size_t i = 0; i < value_count(patch); i++) {
		struct operation op = {0};
		int rc;

		p->operation = i;
		rc = read_operation(p, value_at(patch, i), &op);
		if (!rc)
			rc = do_operation(p, doc, &op);
		pointer_fini(&op.path);
		pointer_fini(&op.from);
		if (rc)
			return rc;
	}
	return 0;
}

struct value *patch_json(struct value *taken, const struct value *patch, struct faults *faults)
{
	struct patcher p = {.faults = faults};
	CLEANUP_VALUE struct value *before = value_ref(taken);
	struct value *doc = taken;

	if (!value_is(patch, VALUE_LIST)) {
		fault_add_code(faults, EINVAL, "a JSON Patch is a list of operations");
	} else if (value_count(patch) > PATCH_MAX_OPERATIONS) {
		fault_add_code(faults, EINVAL,
			       "The allowed maximum operations in a JSON patch is %d, got %zu",
			       PATCH_MAX_OPERATIONS, value_count(patch));
	} else if (run(&p, &doc, patch) == 0) {
		if (doc == before || !value_equal(doc, before))
			return doc;
		value_unref(doc);
		return STEAL(before);
	}
	value_unref(doc);
	return NULL;
}
