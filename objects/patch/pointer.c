/* SPDX-License-Identifier: MIT */
#include "objects/patch/pointer.h"

#include <errno.h>

/* ~1 is '/', ~0 is '~'. Return: NULL for another use of '~'. */
static char *unescape(const char *s, size_t n)
{
	char *out = xmalloc(n + 1);
	size_t len = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] != '~') {
			out[len++] = s[i];
			continue;
		}
		if (i + 1 == n || (s[i + 1] != '0' && s[i + 1] != '1')) {
			free(out);
			return NULL;
		}
		out[len++] = s[++i] == '0' ? '~' : '/';
	}
	out[len] = '\0';
	return out;
}

int pointer_parse(const char *text, struct pointer *out)
{
	const char *at = text;
	size_t room = 0;

	*out = (struct pointer){.text = text};
	for (const char *c = text; *c; c++)
		room += *c == '/';
	out->tokens = xcalloc(room + 1, sizeof(*out->tokens));
	while (*at) {
		size_t n;

		if (*at != '/')
			break;
		at++;
		n = strcspn(at, "/");
		out->tokens[out->n] = unescape(at, n);
		if (!out->tokens[out->n])
			break;
		out->n++;
		at += n;
	}
	if (out->n == room && !*at)
		return 0;
	pointer_fini(out);
	return -EINVAL;
}

void pointer_fini(struct pointer *p)
{
	for (size_t i = 0; i < p->n; i++)
		free(p->tokens[i]);
	free(p->tokens);
	p->tokens = NULL;
	p->n = 0;
}

long pointer_index(const char *token, size_t n, int end)
{
	unsigned long i = 0;

	if (str_eq(token, "-"))
		return end ? (long)n : -1;
	if (!*token || (token[0] == '0' && token[1]))
		return -1;
	for (const char *c = token; *c; c++) {
		if (*c < '0' || *c > '9')
			return -1;
		i = i * 10 + (unsigned long)(*c - '0');
		if (i > n)
			return -1;
	}
	return i < n || end ? (long)i : -1;
}

const struct value *pointer_get(const struct value *v, const struct pointer *p)
{
	for (size_t i = 0; v && i < p->n; i++) {
		if (value_is(v, VALUE_LIST)) {
			long at = pointer_index(p->tokens[i], value_count(v), 0);

			v = at < 0 ? NULL : value_at(v, (size_t)at);
		} else {
			v = value_get(v, p->tokens[i]);
		}
	}
	return v;
}

int pointer_within(const struct pointer *a, const struct pointer *b)
{
	if (a->n > b->n)
		return 0;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->tokens[i], b->tokens[i]))
			return 0;
	return 1;
}
