/* SPDX-License-Identifier: MIT */
/* Inside objects/cel: tokens of an expression. */
#pragma once

#include "objects/cel/cel_i.h"

enum token_kind {
	TOKEN_END,
	TOKEN_IDENT,
	TOKEN_LITERAL, /* val */
	TOKEN_MARK,    /* text: an operator or bracket */
	TOKEN_BAD,     /* complained about */
};

struct token {
	enum token_kind kind;
	size_t at, n; /* in the text */
	char mark[3]; /* TOKEN_MARK */
	struct cel_val val;
};

/* The token at or after *at, and past it. Texts of literals are in m. */
struct token lex(struct arena *m, struct complaint *c, size_t *at);
/* An integer or float with the sign that stands before it. */
struct token lex_negative(struct arena *m, struct complaint *c, size_t *at);
