/* SPDX-License-Identifier: MIT */
#include "objects/policy/request.h"

static const struct schema text = {.type = SCHEMA_STRING};
static const struct schema flag = {.type = SCHEMA_BOOL};
static const struct schema texts = {.type = SCHEMA_LIST, .items = &text};
static const struct schema map_of_texts = {.type = SCHEMA_MAP, .items = &texts};
static const struct schema dynamic = {.type = SCHEMA_INT_OR_STRING};

#define STRUCT(list)                                                                               \
	{                                                                                          \
		.type = SCHEMA_STRUCT, .fields = (list), .n_fields = ARRAY_LEN(list)               \
	}

static const struct schema_field kind_fields[] = {
	{.name = "group", .schema = &text},
	{.name = "kind", .schema = &text},
	{.name = "version", .schema = &text},
};
static const struct schema kind = STRUCT(kind_fields);
static const struct schema_field resource_fields[] = {
	{.name = "group", .schema = &text},
	{.name = "resource", .schema = &text},
	{.name = "version", .schema = &text},
};
static const struct schema resource = STRUCT(resource_fields);
static const struct schema_field user_fields[] = {
	{.name = "extra", .schema = &map_of_texts},
	{.name = "groups", .schema = &texts},
	{.name = "uid", .schema = &text},
	{.name = "username", .schema = &text},
};
static const struct schema user = STRUCT(user_fields);
static const struct schema_field fields[] = {
	{.name = "dryRun", .schema = &flag},
	{.name = "kind", .schema = &kind},
	{.name = "name", .schema = &text},
	{.name = "namespace", .schema = &text},
	{.name = "operation", .schema = &text},
	{.name = "options", .schema = &dynamic},
	{.name = "requestKind", .schema = &kind},
	{.name = "requestResource", .schema = &resource},
	{.name = "requestSubResource", .schema = &text},
	{.name = "resource", .schema = &resource},
	{.name = "subResource", .schema = &text},
	{.name = "uid", .schema = &text},
	{.name = "userInfo", .schema = &user},
};
const struct schema admission_request_schema = STRUCT(fields);
