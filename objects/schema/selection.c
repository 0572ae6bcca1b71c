/* SPDX-License-Identifier: MIT */
/*
 * Selections: a label selector, and terms about fields that must all hold.
 */
#include "objects/selection.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "objects/schema/field_key.h"

#define TEXT_MAX (64u << 10)

struct term {
	const struct selectable *field; /* the kind's: for ever */
	const char *zero;               /* what an absent field reads as */
	int negated;
	char *value; /* owned */
};

struct selection {
	struct selector *labels; /* owned */
	struct term *terms;      /* owned */
	size_t n;
};

void selection_free(struct selection *s)
{
	if (!s)
		return;
	selector_free(s->labels);
	for (size_t i = 0; i < s->n; i++)
		free(s->terms[i].value);
	free(s->terms);
	free(s);
}

/* -- which fields a kind has -- */

static const char *const name_path[] = {"metadata.name", NULL};
static const char *const namespace_path[] = {"metadata.namespace", NULL};
static const struct selectable by_name = {"metadata.name", name_path};
static const struct selectable by_namespace = {"metadata.namespace", namespace_path};

/* A kind that says which of its fields can be selected has a namespace only if it is in one. */
static int is_namespace_selectable(const struct kind *k)
{
	return (k->flags & KIND_NAMESPACED) || !(k->selectable || (k->flags & KIND_CUSTOM));
}

static const struct selectable *find_field(const struct kind *k, const char *label)
{
	if (strcmp(label, by_name.label) == 0)
		return &by_name;
	if (strcmp(label, by_namespace.label) == 0 && is_namespace_selectable(k))
		return &by_namespace;
	for (const struct selectable *f = k->selectable; f && f->label; f++)
		if (strcmp(label, f->label) == 0)
			return f;
	return NULL;
}

/* In the words of what refuses there: the conversion of the kind, or that of all others. */
static int refuse_field(const struct kind *k, const char *label, struct err *err)
{
	if (k->selectable || (k->flags & KIND_CUSTOM))
		return err_set(err, EINVAL, "field label not supported: %.200s", label);
	return err_set(err, EINVAL,
		       "\"%.200s\" is not a known field selector: only \"metadata.name\", "
		       "\"metadata.namespace\"",
		       label);
}

/* Types of Go have a zero; what users define is absent. */
static const char *zero_of(const struct kind *k, const struct selectable *f)
{
	const struct schema *s = schema_at_keys(k->schema, f->paths[0]);

	if (!s || s->structural)
		return "";
	return s->type == SCHEMA_BOOL ? "false" : s->type == SCHEMA_INT ? "0" : "";
}

/* -- parsing -- */

/* The end of the term that begins at s: the next comma without a backslash. */
static const char *term_end(const char *s)
{
	for (; *s && *s != ','; s++)
		if (*s == '\\' && s[1])
			s++;
	return s;
}

static const char *find_operator(const char *s, const char *end, size_t *len)
{
	for (; s < end; s++) {
		*len = (s[0] == '!' || s[0] == '=') && s + 1 < end && s[1] == '=' ? 2 : 1;
		if (s[0] == '=' || (s[0] == '!' && *len == 2))
			return s;
	}
	return NULL;
}

static char *unescape(const char *s, const char *end, struct err *err)
{
	char *out = xmalloc((size_t)(end - s) + 1), *p = out;

	for (; s < end; s++) {
		if (*s == '\\' && (s + 1 == end || !strchr("\\,=", s[1]))) {
			err_set(err, EINVAL,
				"invalid field selector: invalid escape sequence: \\%.*s",
				(int)(end - s > 1), s + 1);
			free(out);
			return NULL;
		}
		if (*s == '=') {
			err_set(err, EINVAL,
				"invalid field selector: unescaped character in value: =");
			free(out);
			return NULL;
		}
		s += *s == '\\';
		*p++ = *s;
	}
	*p = '\0';
	return out;
}

/* One term without the dot: [s, end). */
static int add_term(struct selection *sel, const struct kind *k, const char *s, const char *end,
		    struct err *err)
{
	size_t len;
	const char *op = find_operator(s, end, &len);
	CLEANUP_FREE char *label = op ? xstrndup(s, (size_t)(op - s)) : NULL;
	const struct selectable *field;
	char *value;

	if (!op)
		return err_set(err, EINVAL, "invalid selector: can't understand '%.*s'",
			       (int)(end - s > 200 ? 200 : end - s), s);
	field = find_field(k, label);
	if (!field)
		return refuse_field(k, label, err);
	value = unescape(op + len, end, err);
	if (!value)
		return -EINVAL;
	if ((sel->n & (sel->n - 1)) == 0)
		sel->terms =
			xreallocarray(sel->terms, sel->n ? 2 * sel->n : 1, sizeof(*sel->terms));
	sel->terms[sel->n++] = (struct term){
		.field = field, .zero = zero_of(k, field), .negated = *op == '!', .value = value};
	return 0;
}

static int check_length(const char *text, struct err *err)
{
	return strlen(text) <= TEXT_MAX
		       ? 0
		       : err_set(err, EINVAL, "the selector is longer than %u bytes", TEXT_MAX);
}

int selection_add_fields(struct selection *s, const struct kind *k, const char *text,
			 struct err *err)
{
	int rc = check_length(text, err);

	while (rc == 0 && *text) {
		const char *end = term_end(text);

		if (end > text)
			rc = add_term(s, k, text, end, err);
		text = end + (*end == ',');
	}
	return rc;
}

/* The end of a term about labels: a comma that is not between parentheses. */
static const char *label_term_end(const char *s)
{
	int depth = 0;

	for (; *s && (*s != ',' || depth > 0); s++)
		depth += (*s == '(') - (*s == ')');
	return s;
}

/* What is about fields is taken; the rest, commas and all, is left to the label selector. */
static int take_fields(struct selection *sel, const struct kind *k, const char *s,
		       struct buf *labels, struct err *err)
{
	size_t n_labels = 0;

	for (;; s++) {
		const char *start = s + strspn(s, " \t\r\n"), *end;

		if (*start == '.') {
			end = term_end(start);
			if (add_term(sel, k, start + 1, end, err) < 0)
				return -EINVAL;
		} else {
			end = label_term_end(s);
			if (n_labels++)
				buf_addc(labels, ',');
			buf_add(labels, s, (size_t)(end - s));
		}
		if (!*end)
			break;
		s = end;
	}
	if (n_labels == 1 && sel->n && strspn(buf_str(labels), " \t\r\n") == labels->len)
		return err_set(err, EINVAL,
			       "unable to parse requirement: found ',', expected: !, "
			       "identifier");
	return 0;
}

struct selection *selection_parse(const struct kind *k, const char *text, struct err *err)
{
	CLEANUP(selection_freep) struct selection *s = xcalloc(1, sizeof(*s));
	CLEANUP(buf_fini) struct buf labels = BUF_INIT;

	if (check_length(text, err) < 0 || take_fields(s, k, text, &labels, err) < 0)
		return NULL;
	s->labels = selector_parse(buf_str(&labels), err);
	return s->labels ? STEAL(s) : NULL;
}

/* -- matching -- */

/* The text of a scalar; "" for what has none. */
static const char *text_of(const struct value *v, char space[24])
{
	if (value_is(v, VALUE_BOOL))
		return value_bool(v, 0) ? "true" : "false";
	if (!value_is(v, VALUE_INT))
		return value_str(v, "");
	snprintf(space, 24, "%" PRId64, value_int(v, 0));
	return space;
}

static int holds(const struct term *t, const struct value *object)
{
	const char *have = "";
	char space[24];

	for (const char *const *path = t->field->paths; *path && !*have; path++)
		have = text_of(value_at_keys(object, *path), space);
	if (!*have)
		have = t->zero;
	return (strcmp(have, t->value) == 0) != t->negated;
}

int selection_reads_content(const struct selection *s)
{
	for (size_t i = 0; s && i < s->n; i++)
		if (s->terms[i].field != &by_name && s->terms[i].field != &by_namespace)
			return 1;
	return 0;
}

int selection_matches(const struct selection *s, const struct value *object)
{
	if (!s)
		return 1;
	if (!selector_matches(s->labels, value_dig(object, "metadata", "labels", NULL)))
		return 0;
	for (size_t i = 0; i < s->n; i++)
		if (!holds(&s->terms[i], object))
			return 0;
	return 1;
}
