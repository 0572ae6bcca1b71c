/* SPDX-License-Identifier: MIT */
/*
 * What the JSON Schema of a CustomResourceDefinition says about values beyond the tables of
 * objects/schema.h: bounds, patterns, formats, allOf, anyOf, oneOf, not.
 *
 * Patterns are RE2's syntax (what Kubernetes takes), matched by PCRE2: what RE2 has not
 * (look-around, back references) is refused when a pattern is made, and a match that backtracks
 * too long is done over by the automaton, which does not backtrack. POSIX's regcomp() knows
 * neither `\d` nor `(?i)`, which real definitions use.
 *
 * A value costs a bounded amount of work, however definition and object are made: past
 * RULES_WORK_MAX it is refused.
 *
 * Sources: JSON Schema Validation (draft 4 words as OpenAPI v3 has them); the texts are those of
 * k8s.io/kube-openapi pkg/validation.
 */
#pragma once

#include "objects/schema.h"
#include "util/err.h"

#define RULES_WORK_MAX 20000000u

struct pattern;
/* NULL with err when it is no regular expression of RE2's syntax. */
struct pattern *pattern_new(const char *text, struct err *err);
void pattern_free(struct pattern *p);
/* Return: 1, 0, or -1 when it takes too much work. *work grows by what it took. */
int pattern_matches(const struct pattern *p, const char *s, size_t len, size_t *work);
/* The first match from `at` on. Return: 1 with its place, 0, or -1 when it takes too much work. */
int pattern_find(const struct pattern *p, const char *s, size_t len, size_t at, size_t *from,
		 size_t *to, size_t *work);
const char *pattern_text(const struct pattern *p);

/* Does the text have a format such as "date-time"? Formats that nobody knows hold. */
int format_holds(const char *format, const char *s, size_t len);

enum { /* bits of value_rules.types */
       RULE_BOOL = 1,
       RULE_INT = 2,
       RULE_NUMBER = 4,
       RULE_STRING = 8,
       RULE_LIST = 16,
       RULE_MAP = 32,
};

struct value_rules;
struct expression_set; /* objects/custom/expressions.h */

struct rules_field {
	const char *name;
	const struct value_rules *rules;
};

struct rules_list {
	const struct value_rules **list;
	size_t n;
};

/* Everything is optional; memory is that of the schema that it belongs to. */
struct value_rules {
	unsigned types; /* 0: any */
	unsigned has_minimum : 1, has_maximum : 1;
	unsigned exclusive_minimum : 1, exclusive_maximum : 1;
	unsigned nullable : 1;
	unsigned embedded : 1; /* a whole object: apiVersion, kind, metadata */
	unsigned unique : 1;   /* a list that is a set */
	double minimum, maximum;
	double multiple_of; /* 0: none */
	int64_t min_length, max_length, min_items, max_items, min_properties,
		max_properties;      /* < 0: none */
	const char *format;          /* NULL: none */
	struct pattern *pattern;     /* NULL: none */
	const struct value *enums;   /* a list, NULL: any */
	const char *const *map_keys; /* list elements are known by these fields: each set once */
	const char *const *required; /* NULL-terminated */
	const struct expression_set *expressions; /* x-kubernetes-validations; NULL: none */
	/* what is below, as far as logic (not structure) says so */
	const struct rules_field *fields;
	size_t n_fields;
	const struct value_rules *items, *additional;
	struct rules_list all_of, any_of, one_of;
	const struct value_rules *not_;
};

/* *work: what was done so far for the whole object. A value that breaks rules has faults. */
void rules_check(const struct value_rules *r, const struct value *v, const struct path *at,
		 struct faults *faults, size_t *work);
