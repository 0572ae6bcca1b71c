/* SPDX-License-Identifier: MIT */
/* Inside objects/patch: the two halves of strategic merge patch. */
#pragma once

#include "objects/patch.h"

struct strategic {
	struct faults *faults;
	int failed;
};

/* Consumes taken, a map; returns its successor. */
struct value *strategic_map(struct strategic *st, const struct schema *s, struct value *taken,
			    const struct value *patch);
/* A value that is new in the document: without directives and nulls. Owned; NULL: nothing of it is
 * left. */
struct value *strategic_plain(const struct value *patch);

/*
 * One list of the patch. Any of `list` (its new elements), `order` ($setElementOrder) and
 * `remove` ($deleteFromPrimitiveList) may be NULL. live NULL: there is none. Owned; NULL: none.
 */
struct value *strategic_list(struct strategic *st, const struct schema *s, const struct value *live,
			     const struct value *list, const struct value *order,
			     const struct value *remove);

void strategic_fail(struct strategic *st, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* A value as Go's %v prints it, as Kubernetes' messages have it; cut when long. */
void strategic_print(const struct value *v, struct buf *out);
