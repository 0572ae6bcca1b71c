/* SPDX-License-Identifier: MIT */
/*
 * Changing a tree by a description of the change. Pure functions: value in,
 * value out.
 *
 * Sources: RFC 7396, RFC 6902/6901; Kubernetes "Strategic Merge Patch"
 * (community, sig-api-machinery); merge keys come from the schema.
 */
#pragma once

#include "objects/schema.h"

/* Each consumes `taken`, borrows `patch`; returns the new tree, NULL with faults. */
struct value *patch_merge(struct value *taken, const struct value *patch); /* RFC 7396, cannot fail */
struct value *patch_json(struct value *taken, const struct value *patch, struct faults *faults);
struct value *patch_strategic(const struct schema *s, struct value *taken, const struct value *patch,
			      struct faults *faults);
