/* SPDX-License-Identifier: MIT */
#include "fs/escape.h"

#include <ctype.h>

static int is_escape(const char *s)
{
	return s[0] == '%' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2]);
}

static int hex(char ch)
{
	return isdigit((unsigned char)ch) ? ch - '0' : (ch | 0x20) - 'a' + 10;
}

void name_escape(const char *key, struct buf *out)
{
	if (!*key)
		buf_adds(out, "%");
	else if (strcmp(key, ".") == 0)
		buf_adds(out, "%2E");
	else if (strcmp(key, "..") == 0)
		buf_adds(out, "%2E.");
	else
		for (const char *s = key; *s; s++) {
			if (*s == '/')
				buf_adds(out, "%2F");
			else if (is_escape(s) || (*s == '%' && !s[1] && s == key))
				buf_adds(out, "%25");
			else
				buf_addc(out, *s);
		}
}

char *name_unescape(const char *name)
{
	struct buf out = BUF_INIT;

	if (strcmp(name, "%") == 0)
		return xstrdup("");
	for (const char *s = name; *s; s++) {
		int byte = is_escape(s) ? hex(s[1]) * 16 + hex(s[2]) : 0;

		if (byte) {
			buf_addc(&out, (char)byte);
			s += 2;
		} else {
			buf_addc(&out, *s);
		}
	}
	return buf_steal(&out);
}
