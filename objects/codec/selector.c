/* SPDX-License-Identifier: MIT */
/*
 * Label selectors: a list of requirements that must all hold, sorted by key.
 */
#include "objects/selector.h"

#include <ctype.h>
#include <errno.h>

#include "objects/codec/codec_i.h"

#define TEXT_MAX (64u << 10)

enum op {
	OP_EXISTS,
	OP_NOT_EXISTS,
	OP_EQUALS,
	OP_DOUBLE_EQUALS,
	OP_NOT_EQUALS,
	OP_IN,
	OP_NOT_IN,
	OP_GREATER,
	OP_LESS,
};

struct requirement {
	char *key; /* owned */
	enum op op;
	char **values; /* owned, sorted */
	size_t n;
};

struct selector {
	struct requirement *all; /* owned */
	size_t n;
	int nothing; /* matches nothing, whatever the requirements say */
};

static struct selector *selector_new(void)
{
	return xcalloc(1, sizeof(struct selector));
}

void selector_free(struct selector *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++) {
		for (size_t j = 0; j < s->all[i].n; j++)
			free(s->all[i].values[j]);
		free(s->all[i].values);
		free(s->all[i].key);
	}
	free(s->all);
	free(s);
}

static struct requirement *add(struct selector *s, enum op op, const char *key, size_t n)
{
	struct requirement *r;

	if ((s->n & (s->n - 1)) == 0)
		s->all = xreallocarray(s->all, s->n ? 2 * s->n : 1, sizeof(*s->all));
	r = &s->all[s->n++];
	*r = (struct requirement){.key = xstrndup(key, n), .op = op};
	return r;
}

static void add_value(struct requirement *r, const char *value, size_t n)
{
	if ((r->n & (r->n - 1)) == 0)
		r->values = xreallocarray(r->values, r->n ? 2 * r->n : 1, sizeof(*r->values));
	r->values[r->n++] = xstrndup(value, n);
}

static int cmp_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int cmp_requirement(const void *a, const void *b)
{
	const struct requirement *x = a, *y = b;
	int c = strcmp(x->key, y->key);

	return c ? c : (int)x->op - (int)y->op;
}

static struct selector *sorted(struct selector *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->all[i].n > 1)
			qsort(s->all[i].values, s->all[i].n, sizeof(char *), cmp_text);
	if (s->n > 1)
		qsort(s->all, s->n, sizeof(*s->all), cmp_requirement);
	return s;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9], at most 63 */
static int is_name(const char *s, size_t n)
{
	if (n == 0 || n > 63 || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[n - 1]))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '.')
			return 0;
	return 1;
}

static int is_subdomain(const char *s, size_t n)
{
	char before = '.';

	if (n == 0 || n > 253)
		return 0;
	for (size_t i = 0; i < n; before = s[i++]) {
		if (islower((unsigned char)s[i]) || isdigit((unsigned char)s[i]))
			continue;
		if ((s[i] != '-' && s[i] != '.') || before == '.' || (s[i] == '.' && before == '-'))
			return 0;
	}
	return before != '.' && before != '-';
}

static int check_key(const char *s, size_t n, struct err *err)
{
	const char *slash = memchr(s, '/', n);
	size_t prefix = slash ? (size_t)(slash - s) : 0;

	if (slash ? is_subdomain(s, prefix) && is_name(slash + 1, n - prefix - 1) : is_name(s, n))
		return 0;
	return err_set(err, EINVAL,
		       "key: Invalid value: \"%.*s\": name part must consist of alphanumeric "
		       "characters, '-', '_' or '.', and must start and end with an alphanumeric "
		       "character, behind an optional DNS subdomain prefix and '/'",
		       (int)(n > 200 ? 200 : n), s);
}

static int check_value(const char *s, size_t n, struct err *err)
{
	if (n == 0 || is_name(s, n))
		return 0;
	return err_set(err, EINVAL,
		       "values: Invalid value: \"%.*s\": a valid label must be an empty string or "
		       "consist of alphanumeric characters, '-', '_' or '.', start and end with an "
		       "alphanumeric character and be at most 63 characters",
		       (int)(n > 200 ? 200 : n), s);
}

/* A word of the text: an identifier, an operator or a sign; n 0 at the end. */
struct token {
	const char *s;
	size_t n;
};

struct parser {
	const char *at;
	struct token now;
	struct err *err;
};

static int is_special(char c)
{
	return c && strchr("=!(),<>", c);
}

static void advance(struct parser *p)
{
	while (*p->at && strchr(" \t\r\n", *p->at))
		p->at++;
	p->now.s = p->at;
	if (is_special(*p->at)) {
		p->at++;
		if ((p->at[-1] == '=' || p->at[-1] == '!') && *p->at == '=')
			p->at++;
	} else {
		while (*p->at && !is_special(*p->at) && !strchr(" \t\r\n", *p->at))
			p->at++;
	}
	p->now.n = (size_t)(p->at - p->now.s);
}

static int now_is(const struct parser *p, const char *text)
{
	return strlen(text) == p->now.n && memcmp(p->now.s, text, p->now.n) == 0;
}

static int at_identifier(const struct parser *p)
{
	return p->now.n && !is_special(*p->now.s);
}

static int unexpected(struct parser *p, const char *wanted)
{
	return err_set(p->err, EINVAL, "unable to parse requirement: found '%.*s', expected: %s",
		       (int)(p->now.n > 200 ? 200 : p->now.n), p->now.s, wanted);
}

static int parse_value(struct parser *p, struct requirement *r)
{
	int rc;

	if (!at_identifier(p)) {
		if (p->now.n && !now_is(p, ",") && !now_is(p, ")"))
			return unexpected(p, "identifier");
		add_value(r, "", 0);
		return 0;
	}
	rc = check_value(p->now.s, p->now.n, p->err);
	add_value(r, p->now.s, p->now.n);
	advance(p);
	return rc;
}

static int parse_set(struct parser *p, struct requirement *r)
{
	int rc;

	if (!now_is(p, "("))
		return unexpected(p, "'('");
	do {
		advance(p);
		rc = parse_value(p, r);
		if (rc < 0)
			return rc;
	} while (now_is(p, ","));
	if (!now_is(p, ")"))
		return unexpected(p, "',' or ')'");
	advance(p);
	return 0;
}

static int parse_bound(struct parser *p, struct requirement *r)
{
	int64_t i;

	if (!at_identifier(p) || !int_of(p->now.s, p->now.n, &i))
		return unexpected(p, "an integer");
	add_value(r, p->now.s, p->now.n);
	advance(p);
	return 0;
}

static int parse_requirement(struct parser *p, struct selector *s)
{
	static const struct {
		const char *text;
		enum op op;
		int (*parse)(struct parser *, struct requirement *);
	} ops[] = {
		{"=", OP_EQUALS, parse_value},      {"==", OP_DOUBLE_EQUALS, parse_value},
		{"!=", OP_NOT_EQUALS, parse_value}, {"in", OP_IN, parse_set},
		{"notin", OP_NOT_IN, parse_set},    {">", OP_GREATER, parse_bound},
		{"<", OP_LESS, parse_bound},
	};
	int negated = now_is(p, "!");
	struct requirement *r;

	if (negated)
		advance(p);
	if (!at_identifier(p))
		return unexpected(p, negated ? "identifier" : "!, identifier");
	if (check_key(p->now.s, p->now.n, p->err) < 0)
		return -EINVAL;
	r = add(s, negated ? OP_NOT_EXISTS : OP_EXISTS, p->now.s, p->now.n);
	advance(p);
	for (size_t i = 0; !negated && i < ARRAY_LEN(ops); i++) {
		if (!now_is(p, ops[i].text))
			continue;
		advance(p);
		r->op = ops[i].op;
		return ops[i].parse(p, r);
	}
	return p->now.n == 0 || now_is(p, ",")
		       ? 0
		       : unexpected(p, "in, notin, =, ==, !=, gt, lt or ','");
}

struct selector *selector_parse(const char *text, struct err *err)
{
	CLEANUP(selector_freep) struct selector *s = selector_new();
	struct parser p = {.at = text, .err = err};

	if (strlen(text) > TEXT_MAX) {
		err_set(err, EINVAL, "the selector is longer than %u bytes", TEXT_MAX);
		return NULL;
	}
	advance(&p);
	if (p.now.n == 0)
		return STEAL(s);
	for (;;) {
		if (parse_requirement(&p, s) < 0)
			return NULL;
		if (p.now.n == 0)
			return sorted(STEAL(s));
		if (!now_is(&p, ",")) {
			unexpected(&p, "',' or the end");
			return NULL;
		}
		advance(&p);
	}
}

static int add_expression(struct selector *s, const struct value *e, struct err *err)
{
	static const struct {
		const char *name;
		enum op op;
		int wants_values;
	} ops[] = {{"In", OP_IN, 1},
		   {"NotIn", OP_NOT_IN, 1},
		   {"Exists", OP_EXISTS, 0},
		   {"DoesNotExist", OP_NOT_EXISTS, 0}};
	const char *key = value_dig_str(e, "key", NULL), *op = value_dig_str(e, "operator", NULL);
	const struct value *values = value_get(e, "values");
	struct requirement *r;
	size_t i = 0;

	while (i < ARRAY_LEN(ops) && !str_eq(ops[i].name, op))
		i++;
	if (!key || i == ARRAY_LEN(ops))
		return err_set(err, EINVAL, "\"%.100s\" is not a valid label selector operator",
			       op ? op : "");
	if (ops[i].wants_values != (value_count(values) > 0))
		return err_set(err, EINVAL, "%.100s: values must be %s for operator %s", key,
			       ops[i].wants_values ? "given" : "empty", op);
	if (check_key(key, strlen(key), err) < 0)
		return -EINVAL;
	r = add(s, ops[i].op, key, strlen(key));
	for (size_t j = 0; j < value_count(values); j++) {
		const char *v = value_str(value_at(values, j), "");

		if (check_value(v, strlen(v), err) < 0)
			return -EINVAL;
		add_value(r, v, strlen(v));
	}
	return 0;
}

static int add_pairs(struct selector *s, const struct value *map, struct err *err)
{
	if (map && !value_is(map, VALUE_MAP))
		return err_set(err, EINVAL, "matchLabels must be a map");
	for (size_t i = 0; i < value_count(map); i++) {
		const char *key = value_key_at(map, i), *v = value_str(value_at(map, i), "");

		if (check_key(key, strlen(key), err) < 0 || check_value(v, strlen(v), err) < 0)
			return -EINVAL;
		add_value(add(s, OP_EQUALS, key, strlen(key)), v, strlen(v));
	}
	return 0;
}

struct selector *selector_from_object(const struct value *label_selector, struct err *err)
{
	CLEANUP(selector_freep) struct selector *s = selector_new();
	const struct value *expressions = value_get(label_selector, "matchExpressions");

	s->nothing = !value_is(label_selector, VALUE_MAP);
	if (add_pairs(s, value_get(label_selector, "matchLabels"), err) < 0)
		return NULL;
	for (size_t i = 0; i < value_count(expressions); i++)
		if (add_expression(s, value_at(expressions, i), err) < 0)
			return NULL;
	return sorted(STEAL(s));
}

struct selector *selector_from_map(const struct value *map)
{
	struct selector *s = selector_new();

	s->nothing = value_count(map) == 0 || !value_is(map, VALUE_MAP);
	for (size_t i = 0; !s->nothing && i < value_count(map); i++) {
		const char *key = value_key_at(map, i), *v = value_str(value_at(map, i), "");

		add_value(add(s, OP_EQUALS, key, strlen(key)), v, strlen(v));
	}
	return s;
}

struct selector *selector_from_spec(const struct value *selector, struct err *err)
{
	int structured = value_is(value_get(selector, "matchLabels"), VALUE_MAP) ||
			 value_is(value_get(selector, "matchExpressions"), VALUE_LIST);

	return structured ? selector_from_object(selector, err) : selector_from_map(selector);
}

static int has_value(const struct requirement *r, const char *v)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->values[i], v) == 0)
			return 1;
	return 0;
}

static int compares(const struct requirement *r, const char *v)
{
	int64_t have, bound;

	if (!int_of(v, strlen(v), &have) || !int_of(r->values[0], strlen(r->values[0]), &bound))
		return 0;
	return r->op == OP_GREATER ? have > bound : have < bound;
}

static int holds(const struct requirement *r, const struct value *labels)
{
	const char *v = value_str(value_get(labels, r->key), NULL);

	switch (r->op) {
	case OP_EXISTS:
		return v != NULL;
	case OP_NOT_EXISTS:
		return v == NULL;
	case OP_EQUALS:
	case OP_DOUBLE_EQUALS:
	case OP_IN:
		return v && has_value(r, v);
	case OP_NOT_EQUALS:
	case OP_NOT_IN:
		return !v || !has_value(r, v);
	case OP_GREATER:
	case OP_LESS:
		return v && compares(r, v);
	}
	return 0;
}

int selector_matches(const struct selector *s, const struct value *labels)
{
	if (!s || s->nothing)
		return 0;
	for (size_t i = 0; i < s->n; i++)
		if (!holds(&s->all[i], labels))
			return 0;
	return 1;
}

int selector_is_empty(const struct selector *s)
{
	return s && !s->nothing && s->n == 0;
}

static void render_requirement(const struct requirement *r, struct buf *out)
{
	static const char *const between[] = {
		[OP_EXISTS] = "",          [OP_NOT_EXISTS] = "",   [OP_EQUALS] = "=",
		[OP_DOUBLE_EQUALS] = "==", [OP_NOT_EQUALS] = "!=", [OP_IN] = " in (",
		[OP_NOT_IN] = " notin (",  [OP_GREATER] = ">",     [OP_LESS] = "<",
	};

	if (r->op == OP_NOT_EXISTS)
		buf_addc(out, '!');
	buf_addf(out, "%s%s", r->key, between[r->op]);
	for (size_t i = 0; i < r->n; i++)
		buf_addf(out, "%s%s", i ? "," : "", r->values[i]);
	if (r->op == OP_IN || r->op == OP_NOT_IN)
		buf_addc(out, ')');
}

void selector_render(const struct selector *s, struct buf *out)
{
	for (size_t i = 0; s && i < s->n; i++) {
		if (i)
			buf_addc(out, ',');
		render_requirement(&s->all[i], out);
	}
}
