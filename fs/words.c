/* SPDX-License-Identifier: MIT */
#include "fs/words.h"

#include <errno.h>

void words_fini(struct words *w)
{
	free(w->word);
	*w = (struct words){0};
}

static int is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

/* Copies the word at *p (before end) to *to, NUL-terminated. Return: 0, or -1 for an open quote. */
static int take_word(const char **p, const char *end, char **to)
{
	int quoted = 0;
	const char *s = *p;

	for (; s < end && (quoted || !is_blank(*s)); s++) {
		if (*s != '\'')
			*(*to)++ = *s;
		else if (quoted && s + 1 < end && s[1] == '\'')
			*(*to)++ = *s++;
		else
			quoted = !quoted;
	}
	*(*to)++ = '\0';
	*p = s;
	return quoted ? -1 : 0;
}

int words_split(const char *line, size_t len, struct words *out, struct err *err)
{
	/* every word but the last is followed by a blank, so the text needs len + 1 bytes at most
	 */
	char **block = xmalloc((WORDS_MAX + 1) * sizeof(char *) + len + 1);
	char *to = (char *)(block + WORDS_MAX + 1);
	const char *end = line + len;

	*out = (struct words){.word = block};
	if (memchr(line, '\0', len)) {
		words_fini(out);
		return err_set(err, EINVAL, "a command must not contain NUL bytes");
	}
	for (;;) {
		while (line < end && is_blank(*line))
			line++;
		if (line == end)
			break;
		if (out->n == WORDS_MAX) {
			words_fini(out);
			return err_set(err, EINVAL, "a command of more than %d words", WORDS_MAX);
		}
		out->word[out->n++] = to;
		if (take_word(&line, end, &to) < 0) {
			words_fini(out);
			return err_set(err, EINVAL, "a quote ' is not closed");
		}
	}
	out->word[out->n] = NULL;
	return 0;
}
