/* SPDX-License-Identifier: MIT */
/* Inside objects/cel: what the files of the parser share. */
#pragma once

#include "objects/cel/lex.h"

struct parser {
	struct cel_program *p;
	struct complaint *c;
	size_t at; /* behind the token */
	struct token t;
	unsigned depth;
};

struct node *parse_expr(struct parser *ps);
struct node *parse_member(struct parser *ps);

/* Past the token. Return: 0 when what comes is none (complained about). */
int parse_next(struct parser *ps);
int parse_is_mark(const struct parser *ps, const char *mark);
int parse_is_word(const struct parser *ps, const char *word);
/* Past a mark that must be here. */
int parse_expect(struct parser *ps, const char *mark);
/* NULL, with a complaint. */
struct node *parse_unexpected(struct parser *ps, const char *wanted);

/* Calls of operators; NULL when an argument is. */
struct node *parse_call1(struct parser *ps, const char *name, size_t at, struct node *a);
struct node *parse_binary(struct parser *ps, enum node_op op, const char *name, size_t at,
			  struct node *a, struct node *b);

struct nodes {
	struct node **list;
	size_t n;
};
/* Return: 0 when n is NULL or there are too many. */
int nodes_add(struct nodes *l, struct node *n);
