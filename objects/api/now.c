/* SPDX-License-Identifier: MIT */
/* Time and chance, in the forms that objects carry them. */
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "objects/api.h"
#include "objects/quantity.h"

const char *api_now(char buf[32])
{
	return time_render(time(NULL), buf);
}

const char *api_now_micro(char buf[32])
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(buf, 32, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, 32 - n, ".%06ldZ", now.tv_nsec / 1000);
	return buf;
}

/*
 * getrandom(2) of small sizes does not fail once the pool is initialised, and blocks until
 * then. A thread's own reserve makes the system call once per many names.
 */
static void random_bytes(void *out, size_t n)
{
	static _Thread_local unsigned char pool[256];
	static _Thread_local size_t left;

	if (left < n) {
		while (getrandom(pool, sizeof(pool), 0) != (ssize_t)sizeof(pool))
			;
		left = sizeof(pool);
	}
	memcpy(out, pool + sizeof(pool) - left, n);
	left -= n;
}

void api_random_suffix(char *out, size_t n)
{
	/* apimachinery pkg/util/rand: no vowels, no look-alikes, so that no words come out. */
	static const char letters[] = "bcdfghjklmnpqrstvwxz2456789";
	unsigned char byte;

	for (size_t i = 0; i < n; i++) {
		do /* each letter equally likely */
			random_bytes(&byte, 1);
		while (byte >= 256 / (sizeof(letters) - 1) * (sizeof(letters) - 1));
		out[i] = letters[byte % (sizeof(letters) - 1)];
	}
	out[n] = '\0';
}

void api_uuid(char buf[37])
{
	static const char hex[] = "0123456789abcdef";
	unsigned char b[16];
	char *at = buf;

	random_bytes(b, sizeof(b));
	b[6] = (b[6] & 0x0f) | 0x40; /* RFC 9562: version 4 */
	b[8] = (b[8] & 0x3f) | 0x80; /* variant */
	for (size_t i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*at++ = '-';
		*at++ = hex[b[i] >> 4];
		*at++ = hex[b[i] & 15];
	}
	*at = '\0';
}
