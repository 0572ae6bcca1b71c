/* SPDX-License-Identifier: MIT */
/*
 * Paths of printer columns: the part of JSONPath that
 * CustomResourceDefinitions use: keys, ['keys'], [n], [*] (the first) and
 * [?(@.key=="text")].
 */
#include <ctype.h>

#include "objects/print/print_i.h"

#define KEY_MAX 256

/* A key up to '.' or '['; a backslash takes the next character as it is. Return: past it, NULL if
 * too long. */
static const char *bare_key(const char *p, char key[KEY_MAX])
{
	size_t n = 0;

	for (; *p && *p != '.' && *p != '['; p++) {
		if (*p == '\\' && p[1])
			p++;
		if (n + 1 >= KEY_MAX)
			return NULL;
		key[n++] = *p;
	}
	key[n] = '\0';
	return p;
}

/* Text in quotes. p: at the opening one. Return: past the closing one, NULL if there is none. */
static const char *quoted(const char *p, char text[KEY_MAX])
{
	const char *end = *p == '\'' || *p == '"' ? strchr(p + 1, *p) : NULL;

	if (!end || (size_t)(end - p) > KEY_MAX)
		return NULL;
	memcpy(text, p + 1, (size_t)(end - p) - 1);
	text[end - p - 1] = '\0';
	return end + 1;
}

/* ?(@.key=="text") Return: the first element of which it is true. */
static const struct value *filter(const struct value *list, const char *p, const char **end)
{
	char key[KEY_MAX], wanted[KEY_MAX];
	const char *eq = strstr(p, "==");
	size_t n;

	*end = NULL;
	if (strncmp(p, "?(@.", 4) != 0 || !eq || (size_t)(eq - p) >= KEY_MAX)
		return NULL;
	n = (size_t)(eq - p) - 4;
	memcpy(key, p + 4, n);
	while (n && key[n - 1] == ' ')
		n--;
	key[n] = '\0';
	for (p = eq + 2; *p == ' ';)
		p++;
	p = quoted(p, wanted);
	if (!p || strncmp(p, ")]", 2) != 0)
		return NULL;
	*end = p + 2;
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *v = path_value(value_at(list, i), key);

		if (str_eq(value_str(v, NULL), wanted))
			return value_at(list, i);
	}
	return NULL;
}

/* p: behind the bracket. Return: what it picks, and past the closing one (NULL: malformed). */
static const struct value *pick(const struct value *v, const char *p, const char **end)
{
	char key[KEY_MAX];
	char *stop;
	size_t index;

	if (*p == '?')
		return filter(v, p, end);
	if (*p == '\'' || *p == '"') {
		p = quoted(p, key);
		*end = p && *p == ']' ? p + 1 : NULL;
		return *end ? value_get(v, key) : NULL;
	}
	if (*p == '*') {
		*end = p[1] == ']' ? p + 2 : NULL;
		return value_at(v, 0);
	}
	index = isdigit((unsigned char)*p) ? strtoul(p, &stop, 10) : 0;
	*end = isdigit((unsigned char)*p) && *stop == ']' ? stop + 1 : NULL;
	return value_is(v, VALUE_LIST) ? value_at(v, index) : NULL;
}

const struct value *path_value(const struct value *v, const char *p)
{
	char key[KEY_MAX];

	while (v && *p) {
		if (*p == '.') {
			p++;
		} else if (*p == '[') {
			const struct value *next = pick(v, p + 1, &p);

			if (!p)
				return NULL;
			v = next;
		} else {
			p = bare_key(p, key);
			if (!p)
				return NULL;
			v = value_get(v, key);
		}
	}
	return v;
}
