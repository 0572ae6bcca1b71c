/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <nettle/base64.h>

#include "auth/tokens/keys.h"

void base64url_add(struct buf *out, const void *data, size_t len)
{
	struct base64_encode_ctx ctx;
	char *at = buf_reserve(out, BASE64_ENCODE_LENGTH(len) + BASE64_ENCODE_FINAL_LENGTH + 1);
	size_t n;

	base64url_encode_init(&ctx);
	n = base64_encode_update(&ctx, at, len, data);
	n += base64_encode_final(&ctx, at + n);
	while (n && at[n - 1] == '=')
		n--;
	at[n] = '\0';
	out->len += n;
}

int base64url_decode(const char *text, size_t len, struct buf *out)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	CLEANUP(buf_fini) struct buf again = BUF_INIT;
	struct base64_decode_ctx ctx;
	uint8_t *at = (uint8_t *)buf_reserve(out, BASE64_DECODE_LENGTH(len) + 1);
	size_t n = BASE64_DECODE_LENGTH(len);

	/* The decoder skips white space and takes padding. */
	for (size_t i = 0; i < len; i++)
		if (!text[i] || !strchr(alphabet, text[i]))
			return -EINVAL;
	base64url_decode_init(&ctx);
	if (!base64_decode_update(&ctx, &n, at, len, text))
		return -EINVAL;
	/* One spelling only: what is left over is zero, and no character stands alone. */
	base64url_add(&again, at, n);
	if (again.len != len || memcmp(again.data, text, len) != 0)
		return -EINVAL;
	at[n] = '\0';
	out->len += n;
	return 0;
}
