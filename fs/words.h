/* SPDX-License-Identifier: MIT */
/*
 * Command lines as Plan 9 quotes them (rc(1), tokenize(2)): words are separated by
 * blanks; a quoted part stands between single quotes, a quote inside it is doubled:
 * 'it''s'.
 */
#pragma once

#include "util/err.h"

struct words {
	char **word; /* NULL-terminated; one block with its text: owned */
	size_t n;
};

#define WORDS_MAX 256

/* Split one line (no newline in it). -EINVAL: a quote is not closed, a NUL, or more than WORDS_MAX
 * words. */
int words_split(const char *line, size_t len, struct words *out, struct err *err) MUST_CHECK;
void words_fini(struct words *w);
