/* SPDX-License-Identifier: MIT */
/* The x-kubernetes-validations of a definition's version: that they compile, and what they may
 * cost. */
#pragma once

#include "objects/schema.h"

/* s: the version, compiled. */
void check_definition_expressions(const struct schema *s, const struct path *at,
				  struct faults *faults);
