/* SPDX-License-Identifier: MIT */
/* Inside objects/custom: memory of one compiled version, and the makers of its parts. */
#pragma once

#include "objects/custom.h"
#include "objects/custom/expressions.h"
#include "objects/schema/rules.h"
#include "util/arena.h"

/* The strings of a list, NULL-terminated; NULL when there are none. Borrowed from the list. */
const char *const *custom_strings(struct arena *a, const struct value *list);

struct maker {
	struct arena *arena;
};

/* The schema of a JSONSchemaProps; whole: of an object with apiVersion, kind and metadata. */
const struct schema *make_schema(struct maker *m, const struct value *js, int whole);
/* What it says about one value beyond the tables; NULL: nothing. */
struct value_rules *make_rules(struct maker *m, const struct value *js);
/* The same of a part of allOf, anyOf, oneOf or not: with all that is below. */
const struct value_rules *make_logic(struct maker *m, const struct value *js);
/* Rules that hold for any value, to be filled in. */
struct value_rules *new_rules(struct maker *m);

/* `additionalPrinterColumns` as columns of `_index`. */
const struct column *make_columns(struct maker *m, const struct value *columns);

/* Kubernetes' order of versions: v2 before v1, v1 before v1beta1. */
int version_compare(const char *a, const char *b);
