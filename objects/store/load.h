/* SPDX-License-Identifier: MIT */
/*
 * Filling the index from the backend. Definitions of custom kinds come first: objects of kinds
 * that nobody knows yet wait until all definitions are there.
 */
#pragma once

#include "objects/store/store_i.h"

struct waiting_row;

struct loading {
	struct store *store;
	const struct kind *last; /* of the row before: rows of a kind mostly stand together */
	struct waiting_row *waiting, **waiting_end;
};

int load_object(struct loading *l, const struct backend_row *row, struct err *err);
/* The custom kinds, and then the objects that wait for them. Those that no definition claims stay
 * in the backend, and a warning says how many. */
int load_custom(struct loading *l, struct err *err);
void loading_fini(struct loading *l);
