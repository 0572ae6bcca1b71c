/* SPDX-License-Identifier: MIT */
/* The functions of all libraries: signatures, choice by arguments, costs. */
#include "objects/cel/cel_i.h"

static const struct cel_library *const libraries[] = {
	&lib_operators, &lib_convert, &lib_text,     &lib_strings,    &lib_time, &lib_lists,
	&lib_sets,      &lib_regex,   &lib_url,      &lib_ip,         &lib_cidr, &lib_quantity,
	&lib_semver,    &lib_names,   &lib_optional, &lib_authorizer,
};

const struct cel_function *function_at(size_t i)
{
	for (size_t l = 0; l < ARRAY_LEN(libraries); l++) {
		if (i < libraries[l]->n)
			return &libraries[l]->list[i];
		i -= libraries[l]->n;
	}
	return NULL;
}

int function_exists(const char *name)
{
	const struct cel_function *f;

	for (size_t i = 0; (f = function_at(i)); i++)
		if (str_eq(f->name, name))
			return 1;
	return 0;
}

/* -- signatures -- */

static enum cel_kind kind_of_letter(char c)
{
	static const struct {
		char letter;
		enum cel_kind kind;
	} letters[] = {
		{'b', CEL_BOOL},           {'i', CEL_INT},
		{'u', CEL_UINT},           {'d', CEL_DOUBLE},
		{'s', CEL_STRING},         {'y', CEL_BYTES},
		{'n', CEL_NULL},           {'t', CEL_TIMESTAMP},
		{'r', CEL_DURATION},       {'T', CEL_TYPE},
		{'L', CEL_LIST},           {'M', CEL_MAP},
		{'O', CEL_OPTIONAL},       {'U', CEL_URL},
		{'Q', CEL_QUANTITY},       {'I', CEL_IP},
		{'C', CEL_CIDR},           {'V', CEL_SEMVER},
		{'F', CEL_FORMAT},         {'Z', CEL_AUTHORIZER},
		{'P', CEL_PATH_CHECK},     {'G', CEL_GROUP_CHECK},
		{'R', CEL_RESOURCE_CHECK}, {'X', CEL_DECISION},
		{'A', CEL_PARAM},          {'B', CEL_PARAM},
	};

	for (size_t i = 0; i < ARRAY_LEN(letters); i++)
		if (letters[i].letter == c)
			return letters[i].kind;
	return CEL_DYN;
}

const struct cel_type *signature_type(struct arena *m, const char **s)
{
	static const struct cel_type params[] = {{.kind = CEL_PARAM, .name = "A"},
						 {.kind = CEL_PARAM, .name = "B"}};
	char c = *(*s)++;
	const struct cel_type *key;

	switch (c) {
	case 'A':
	case 'B':
		return &params[c - 'A'];
	case 'L':
		return type_list(m, signature_type(m, s));
	case 'O':
		return type_optional(m, signature_type(m, s));
	case 'M':
		key = signature_type(m, s);
		return type_map(m, key, signature_type(m, s));
	default:
		return type_simple(kind_of_letter(c));
	}
}

enum cel_kind signature_kind(const struct cel_type *t)
{
	return t->kind == CEL_PARAM ? CEL_DYN : t->kind;
}

/* -- costs -- */

/* Bytes of a text, elements of a list or map; 1 of all else. */
static uint64_t size_of(struct cel_val v)
{
	switch (v.kind) {
	case CEL_STRING:
		return cel_chars(v.s, v.n);
	case CEL_BYTES:
	case CEL_LIST:
	case CEL_MAP:
		return v.n;
	default:
		return 1;
	}
}

static uint64_t tenth(uint64_t n)
{
	return (n + 9) / 10;
}

static uint64_t traversal(struct cel_val v)
{
	return v.kind == CEL_LIST ? v.n : tenth(size_of(v));
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t out;

	return __builtin_mul_overflow(a, b, &out) ? UINT64_MAX : out;
}

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t function_cost(const struct cel_function *f, const struct cel_val *args, size_t n,
		       struct cel_val result)
{
	switch (f->cost) {
	case COST_1:
		break;
	case COST_EQUAL:
		return tenth(least(size_of(args[0]), size_of(args[1])));
	case COST_ADD:
		return args[0].kind == CEL_STRING || args[0].kind == CEL_BYTES
			       ? tenth(size_of(args[0]) + size_of(args[1]))
			       : 1;
	case COST_IN:
		return args[1].kind == CEL_LIST ? args[1].n : 1;
	case COST_CONTAINS:
		return times(tenth(size_of(args[0])), tenth(size_of(args[1])));
	case COST_AFFIX:
		return tenth(size_of(args[1]));
	case COST_MATCHES:
		return times(tenth(1 + size_of(args[0])), (size_of(args[1]) + 3) / 4);
	case COST_TRAVERSE:
		return traversal(args[0]);
	case COST_TRAVERSE2:
		return args[0].kind == CEL_LIST ? args[0].n : (2 * size_of(args[0]) + 9) / 10;
	case COST_RESULT2:
		return (2 * size_of(result) + 9) / 10;
	case COST_SETS:
		return times(size_of(args[0]), size_of(args[1]));
	case COST_CHECK:
		return 350000;
	case COST_CIDR:
		return 5 + (n > 1 && args[1].kind == CEL_STRING ? tenth(size_of(args[1])) : 0);
	}
	return 1;
}
