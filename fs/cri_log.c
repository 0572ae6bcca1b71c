/* SPDX-License-Identifier: MIT */
#include "fs/cri_log.h"

/* The n-th field of an entry, ended by a blank. Return: where the next begins, NULL: there is none.
 */
static const char *skip_field(const char *at, const char *end)
{
	const char *blank = memchr(at, ' ', (size_t)(end - at));

	return blank ? blank + 1 : NULL;
}

static void decode_entry(const char *at, const char *end, struct buf *out)
{
	const char *stream = skip_field(at, end);
	const char *tag = stream ? skip_field(stream, end) : NULL;
	const char *text = tag ? skip_field(tag, end) : NULL;

	if (!text) {
		/* not an entry: shown as it is rather than lost */
		buf_add(out, at, (size_t)(end - at));
		buf_addc(out, '\n');
		return;
	}
	buf_add(out, text, (size_t)(end - text));
	if (tag[0] != 'P')
		buf_addc(out, '\n');
}

size_t cri_log_decode(const char *data, size_t len, struct buf *out)
{
	const char *at = data, *end = data + len, *nl;

	while (at < end && (nl = memchr(at, '\n', (size_t)(end - at)))) {
		decode_entry(at, nl, out);
		at = nl + 1;
	}
	return (size_t)(at - data);
}
