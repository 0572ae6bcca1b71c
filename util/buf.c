/* SPDX-License-Identifier: MIT */
/* A growing byte buffer. */
#include "util/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_fini(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}

char *buf_reserve(struct buf *b, size_t more)
{
	size_t need = b->len + more + 1;

	if (need > b->cap) {
		b->cap = b->cap + b->cap / 2 > need ? b->cap + b->cap / 2 : need;
		b->data = xrealloc(b->data, b->cap);
	}
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *data, size_t len)
{
	char *at = buf_reserve(b, len);

	if (len)
		memcpy(at, data, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_adds(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_addc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	int n;

	buf_reserve(b, 64);
	va_start(ap, fmt);
	n = vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
	va_end(ap);
	if (n < 0)
		return;
	if (b->len + (size_t)n >= b->cap) {
		buf_reserve(b, (size_t)n);
		va_start(ap, fmt);
		vsnprintf(b->data + b->len, b->cap - b->len, fmt, ap);
		va_end(ap);
	}
	b->len += (size_t)n;
}

void buf_pad(struct buf *b, size_t n)
{
	memset(buf_reserve(b, n), ' ', n);
	b->len += n;
	b->data[b->len] = '\0';
}

void buf_pwrite(struct buf *b, const void *data, size_t len, size_t off)
{
	if (off + len > b->len)
		buf_resize(b, off + len);
	if (len)
		memcpy(b->data + off, data, len);
}

void buf_resize(struct buf *b, size_t len)
{
	if (len > b->len)
		memset(buf_reserve(b, len - b->len), 0, len - b->len);
	else
		buf_reserve(b, 0);
	b->len = len;
	b->data[len] = '\0';
}

char *buf_steal(struct buf *b)
{
	char *s;

	buf_reserve(b, 0);
	b->data[b->len] = '\0';
	s = b->data;
	*b = (struct buf)BUF_INIT;
	return s;
}
