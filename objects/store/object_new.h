/* SPDX-License-Identifier: MIT */
/* Making snapshots: only the store does. */
#pragma once

#include "objects/object.h"

struct object *object_new(const struct kind *kind, struct value *taken, uint64_t rv,
			  uint64_t created_rv);
