/* SPDX-License-Identifier: MIT */
/* Inside objects/cel: what the files of the checker share. */
#pragma once

#include "objects/cel/cel_i.h"

struct local {
	const char *name;
	const struct cel_type *type;
};

struct checker {
	struct cel_program *p;
	const struct cel_env *env;
	struct complaint *c;
	struct arena *m; /* the program's */
	struct local locals[CEL_LOCALS_MAX];
	size_t n_locals;
	unsigned depth;
};

/* The node's type, which it has afterwards; CEL_ERROR after a complaint. */
const struct cel_type *cel_check_node(struct checker *ck, struct node *n);
/* A call whose target is no macro: its arguments, and which functions it may mean. */
const struct cel_type *cel_check_call(struct checker *ck, struct node *n);
/* "found no matching overload for ...": of types that are checked. */
const struct cel_type *no_overload(struct checker *ck, const struct node *n, const char *name,
				   const struct cel_type *const *types, size_t n_types, int member);
/* "a.b.c" when the node is nothing but names; NULL. In m. */
const char *dotted_name(struct checker *ck, const struct node *n);
/* What a name such as "int" or "google.protobuf.Duration" stands for; NULL: nothing. */
const struct cel_type *type_of_name(const char *name);
/* Is the first name of it a variable? */
int is_declared(const struct checker *ck, const struct node *n);
