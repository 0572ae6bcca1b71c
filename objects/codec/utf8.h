/* SPDX-License-Identifier: MIT */
/*
 * UTF-8 as RFC 3629 has it: shortest forms only, no surrogates, at most U+10FFFF.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Length of the well-formed character at s[0..n), 0 if there is none. n > 0. */
size_t utf8_char(const char *s, size_t n);
/* Its code point too; *cp is set when the length is not 0. */
size_t utf8_decode(const char *s, size_t n, uint32_t *cp);
/* Write cp (no surrogate, <= 0x10FFFF) to out[4]. Return: its length. */
size_t utf8_encode(uint32_t cp, char *out);
/* Where s[0..n) stops being well-formed; n if it never does. */
size_t utf8_check(const char *s, size_t n);
/* The longest prefix of at most max bytes that cuts no character. */
size_t utf8_cut(const char *s, size_t n, size_t max);
