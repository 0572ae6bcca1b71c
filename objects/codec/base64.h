/* SPDX-License-Identifier: MIT */
/* Base64 of RFC 4648, section 4, as `data` of Secrets and `!!binary` hold it. */
#pragma once

#include "util/buf.h"

/* Appends the text, padded, on one line. */
void base64_add(const void *data, size_t n, struct buf *out);
/* Padded, white space allowed anywhere. Return: 1, or 0 if malformed. */
int base64_decode(const char *s, size_t n, struct buf *out);
/* How many bytes a text decodes to, malformed text included: for showing sizes. */
size_t base64_size(const char *s);
