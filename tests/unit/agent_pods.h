/* SPDX-License-Identifier: MIT */
/* Pods for the tests of the agent, written as JSON with ' for ". */
#pragma once

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "objects/codec.h"

static inline UNUSED struct value *json_of(const char *quoted)
{
	CLEANUP_FREE char *text = xstrdup(quoted);
	struct err err = ERR_INIT;
	struct value *v;

	for (char *p = text; *p; p++)
		if (*p == '\'')
			*p = '"';
	v = json_parse(text, strlen(text), &err);
	if (!v)
		fail_msg("%s in %s", err.msg, text);
	return v;
}

static inline UNUSED const struct value *by_key(const struct value *list, const char *key,
						const char *want)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_get(value_at(list, i), key), NULL), want))
			return value_at(list, i);
	return NULL;
}
