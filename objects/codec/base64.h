/* SPDX-License-Identifier: MIT */
/* Base64 of RFC 4648, section 4, as `data` of Secrets and `!!binary` hold it. */
#pragma once

#include "util/buf.h"

/* Appends the text, padded, on one line. */
void base64_add(const void *data, size_t n, struct buf *out);
/*
 * White space is allowed anywhere, padding must be there. Return: 1, or 0 if malformed, and out is
 * what came before the fault.
 */
int base64_decode(const char *s, size_t n, struct buf *out) MUST_CHECK;
/* Whether it is base64 without any white space, as the API's `format: byte` is. */
int base64_is_valid(const char *s, size_t n);
/* How many bytes a text decodes to, malformed text included: for limits, and for showing sizes. */
size_t base64_size(const char *s, size_t n);
