/* SPDX-License-Identifier: MIT */
/*
 * Definitions and their objects in one file: objects are held against the definition that the
 * file brings, not against the one that is stored (if any), and are committed together with it.
 */
#pragma once

#include "objects/codec.h"
#include "objects/manifests/manifests_i.h"

struct drafts {
	const struct op *op; /* who writes; NULL: nobody, no definition counts */
	const struct documents *docs;
	int looked;                 /* definitions is filled in */
	struct value **definitions; /* owned; decoded, defaulted, without a fault */
	size_t n_definitions;
	int refused; /* there was a definition with faults, or one that the writer may not make */
};

void drafts_init(struct drafts *d, const struct op *op, const struct documents *docs);
void drafts_fini(struct drafts *d);
/* The kind that a definition of the text says this to be, made once and owned by wants; NULL: no
 * definition does. */
const struct kind *drafts_find(struct drafts *d, const char *api_version, const char *kind,
			       struct wants *wants);
