/* SPDX-License-Identifier: MIT */
/* Inside objects/custom: the definitions that are there, and which names are theirs. */
#pragma once

#include "objects/custom/custom_i.h"

/* One version: its kind, and what it was shown as. */
struct shown {
	const struct kind *kind;
	const struct custom_version *version; /* a reference for ever */
};

struct definition {
	struct definition *next; /* younger */
	char *name;              /* "crontabs.stable.example.com"; owned */
	struct value *spec;      /* owned */
	struct value *accepted;  /* owned: acceptedNames, what is its own of spec.names */
	const char *conflict;    /* a reason such as "KindConflict"; NULL: all names are its own */
	char *message;           /* owned, with conflict */
	int established;         /* was without conflict once: it is served */
	struct shown *shown;     /* owned; versions that ever were, by kind */
	size_t n_shown;
};

/* Decide about d->accepted, conflict and established, given what the others have. */
void naming_decide(struct definition *d, const struct definition *all);
