/* SPDX-License-Identifier: MIT */
/* Base64: encoding, decoding, validity, and sizes. */
#include "objects/codec/base64.h"

void base64_add(const void *data, size_t n, struct buf *out)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const unsigned char *s = data;

	for (size_t i = 0; i < n; i += 3) {
		uint32_t w = (uint32_t)s[i] << 16;

		w |= i + 1 < n ? (uint32_t)s[i + 1] << 8 : 0;
		w |= i + 2 < n ? s[i + 2] : 0;
		buf_addc(out, digits[w >> 18]);
		buf_addc(out, digits[w >> 12 & 63]);
		buf_addc(out, i + 1 < n ? digits[w >> 6 & 63] : '=');
		buf_addc(out, i + 2 < n ? digits[w & 63] : '=');
	}
}

static int base64_digit(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int base64_decode(const char *s, size_t n, struct buf *out)
{
	uint32_t group = 0;
	unsigned have = 0, pad = 0;

	for (size_t i = 0; i < n; i++) {
		int digit = base64_digit(s[i]);

		if (strchr(" \t\r\n", s[i]) && s[i])
			continue;
		if (s[i] == '=' ? have < 2 : digit < 0 || pad)
			return 0;
		pad += s[i] == '=';
		group = group << 6 | (uint32_t)(digit < 0 ? 0 : digit);
		if (++have < 4)
			continue;
		for (unsigned k = 0; k < 3 - pad; k++)
			buf_addc(out, (char)(group >> (16 - 8 * k)));
		have = 0;
		group = 0;
	}
	return have == 0 && pad <= 2;
}

int base64_is_valid(const char *s, size_t n)
{
	size_t digits = n;

	if (n % 4)
		return 0;
	while (digits + 2 > n && digits && s[digits - 1] == '=')
		digits--;
	for (size_t i = 0; i < digits; i++)
		if (base64_digit(s[i]) < 0)
			return 0;
	return 1;
}

size_t base64_size(const char *s, size_t n)
{
	size_t digits = 0;

	for (size_t i = 0; i < n; i++)
		digits += base64_digit(s[i]) >= 0;
	return digits * 3 / 4;
}
