/* SPDX-License-Identifier: MIT */
/*
 * Changing a tree by a description of the change. Pure functions: value in,
 * value out. What the result means (schema_decode, apiVersion and kind, which a
 * patch may have lost: `$patch: replace`) is the caller's to check.
 *
 * Sources: RFC 7396, RFC 6902/6901; Kubernetes "Strategic Merge Patch"
 * (community, sig-api-machinery); merge keys come from the schema.
 */
#pragma once

#include "objects/schema.h"

/* Each consumes `taken`, borrows `patch`; returns the new tree, NULL with faults. Nothing changed:
 * `taken` itself. */

/* RFC 7396; cannot fail. */
struct value *patch_merge(struct value *taken, const struct value *patch);

/*
 * RFC 6902. All or nothing. Bounds: PATCH_MAX_OPERATIONS, VALUE_MAX_DEPTH levels, and
 * `copy` may not make more than PATCH_MAX_COPIED bytes.
 */
#define PATCH_MAX_OPERATIONS 10000
#define PATCH_MAX_COPIED     (3u << 20)
struct value *patch_json(struct value *taken, const struct value *patch, struct faults *faults);

/*
 * Strategic merge patch: maps are merged, null removes, lists are merged by their merge key or
 * replaced, as the schema says; `$patch: replace|delete|merge`, `$retainKeys`,
 * `$setElementOrder/<list>`, `$deleteFromPrimitiveList/<list>`.
 */
struct value *patch_strategic(const struct schema *s, struct value *taken,
			      const struct value *patch, struct faults *faults);
