/* SPDX-License-Identifier: MIT */
/* Names with dots, and names that stand for types. */
#include "objects/cel/check_i.h"

#define NAMES_MAX 32 /* joined by dots */

const char *dotted_name(struct checker *ck, const struct node *n)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	const struct node *steps[NAMES_MAX];
	size_t k = 0;

	for (; n->op == NODE_SELECT && !n->flags; n = n->args[0]) {
		if (k == NAMES_MAX)
			return NULL;
		steps[k++] = n;
	}
	if (n->op != NODE_IDENT)
		return NULL;
	buf_adds(&b, n->name);
	while (k)
		buf_addf(&b, ".%s", steps[--k]->name);
	return arena_strndup(ck->m, buf_str(&b), b.len);
}

const struct cel_type *type_of_name(const char *name)
{
	static const struct {
		const char *name;
		enum cel_kind kind;
	} names[] = {
		{"bool", CEL_BOOL},
		{"bytes", CEL_BYTES},
		{"double", CEL_DOUBLE},
		{"dyn", CEL_DYN},
		{"google.protobuf.Duration", CEL_DURATION},
		{"google.protobuf.Timestamp", CEL_TIMESTAMP},
		{"int", CEL_INT},
		{"list", CEL_LIST},
		{"map", CEL_MAP},
		{"net.CIDR", CEL_CIDR},
		{"net.IP", CEL_IP},
		{"null_type", CEL_NULL},
		{"optional_type", CEL_OPTIONAL},
		{"string", CEL_STRING},
		{"type", CEL_TYPE},
		{"uint", CEL_UINT},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq(names[i].name, name))
			return type_simple(names[i].kind);
	return NULL;
}
