/* SPDX-License-Identifier: MIT */
/* What is wrong with an expression, and where, as cel-go shows it. */
#include <stdarg.h>
#include <stdio.h>

#include "objects/cel/cel_i.h"

static size_t start_of_line(const char *s, size_t at)
{
	while (at && s[at - 1] != '\n')
		at--;
	return at;
}

static unsigned line_of(const char *s, size_t at)
{
	unsigned line = 1;

	for (size_t i = 0; i < at; i++)
		line += s[i] == '\n';
	return line;
}

/* cel-go: "ERROR: <input>:1:6: what\n | text\n | .....^" */
void complain(struct complaint *c, size_t at, const char *fmt, ...)
{
	size_t start = start_of_line(c->text, at), end = start + strcspn(c->text + start, "\n");
	char what[512];
	va_list args;

	if (c->n++ >= 8)
		return;
	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	buf_addf(c->why, "%sERROR: <input>:%u:%zu: %s\n | %.*s\n | ", c->why->len ? "\n" : "",
		 line_of(c->text, at), at - start + 1, what,
		 (int)(end - start > 1000 ? 1000 : end - start), c->text + start);
	for (size_t i = start; i < at && i < start + 1000; i++)
		buf_addc(c->why, '.');
	buf_addc(c->why, '^');
}
