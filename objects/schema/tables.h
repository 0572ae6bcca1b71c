/* SPDX-License-Identifier: MIT */
/*
 * What the generated tables hand to the registry: the kinds, and every array of
 * fields, so that defaults can be parsed and names interned once at start.
 */
#pragma once

#include "objects/schema.h"

struct field_array {
	struct schema_field *list;
	size_t n;
};

extern struct kind kinds_table[];
extern const size_t kinds_table_n;
extern const struct field_array kinds_fields[];
extern const size_t kinds_fields_n;
