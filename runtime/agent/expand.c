/* SPDX-License-Identifier: MIT */
/* $(VAR) expansion. */
#include "runtime/agent/expand.h"

#include "util/buf.h"

/* `at` stands behind a '$'. Return: how many bytes it took. */
static size_t expand_one(const char *at, expand_lookup_fn lookup, void *arg, struct buf *out)
{
	const char *end;
	const char *value;

	if (*at == '$') {
		buf_addc(out, '$');
		return 1;
	}
	if (*at != '(') { /* "$x" and a '$' at the end stand for themselves */
		buf_addc(out, '$');
		return 0;
	}
	end = strchr(at, ')');
	if (!end) {
		buf_adds(out, "$(");
		return 1;
	}
	{
		CLEANUP_FREE char *name = xstrndup(at + 1, (size_t)(end - at - 1));

		value = lookup(arg, name);
		if (value)
			buf_adds(out, value);
		else
			buf_addf(out, "$(%s)", name);
	}
	return (size_t)(end - at + 1);
}

char *expand_vars(const char *text, expand_lookup_fn lookup, void *arg)
{
	struct buf out = BUF_INIT;

	while (*text) {
		size_t plain = strcspn(text, "$");

		buf_add(&out, text, plain);
		text += plain;
		if (*text == '$') {
			text++;
			text += expand_one(text, lookup, arg, &out);
		}
	}
	return buf_steal(&out);
}
