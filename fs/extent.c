/* SPDX-License-Identifier: MIT */
#include "fs/extent.h"

#include <string.h>

struct scan {
	int depth;  /* of brackets */
	char quote; /* the one that is open, 0: none */
	char last;  /* the last byte that is neither blank nor comment */
};

static int is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\n';
}

/* A quote inside a plain word is a letter: it's. */
static int begins_word(const char *text, size_t at)
{
	return at == 0 || is_blank(text[at - 1]) || strchr("[{,:", text[at - 1]);
}

/* Return: where to go on. */
static size_t scan_quoted(struct scan *s, const char *text, size_t len, size_t at)
{
	if (s->quote == '"' && text[at] == '\\')
		return at + 2;
	if (s->quote == '\'' && text[at] == '\'' && at + 1 < len && text[at + 1] == '\'')
		return at + 2;
	if (text[at] == s->quote)
		s->quote = 0;
	return at + 1;
}

static size_t scan_plain(struct scan *s, const char *text, size_t len, size_t at)
{
	const char ch = text[at];

	if (ch == '#' && (at == 0 || is_blank(text[at - 1]))) {
		const char *nl = memchr(text + at, '\n', len - at);

		return nl ? (size_t)(nl - text) : len;
	}
	if ((ch == '"' || ch == '\'') && begins_word(text, at))
		s->quote = ch;
	else if (ch == '{' || ch == '[')
		s->depth++;
	else if ((ch == '}' || ch == ']') && s->depth)
		s->depth--;
	if (!is_blank(ch))
		s->last = ch;
	return at + 1;
}

static size_t count_lines(const char *text, size_t len)
{
	size_t n = 0;

	while (len) {
		const char *nl = memchr(text, '\n', len);
		size_t line = nl ? (size_t)(nl - text) : len, at = 0;

		while (at < line && is_blank(text[at]))
			at++;
		n += at < line;
		line += nl != NULL;
		text += line;
		len -= line;
	}
	return n;
}

enum extent extent_of(const char *text, size_t len)
{
	struct scan s = {0};
	size_t at = 0, first = 0;

	if (!len || text[len - 1] != '\n')
		return EXTENT_OPEN;
	while (at < len)
		at = s.quote ? scan_quoted(&s, text, len, at) : scan_plain(&s, text, len, at);
	if (s.quote || s.depth || !s.last || strchr(":|>-?,", s.last))
		return EXTENT_OPEN;
	while (first < len && is_blank(text[first]))
		first++;
	if (text[first] == '{' || text[first] == '[')
		return EXTENT_WHOLE;
	return count_lines(text, len) > 1 ? EXTENT_WHOLE : EXTENT_LINE;
}
