/* SPDX-License-Identifier: MIT */
/*
 * A container's log in the CRI format (Kubernetes, "CRI Container Log Format"):
 *
 *	2016-10-06T00:17:09.669794202Z stdout F a whole line
 *	2016-10-06T00:17:09.669794203Z stderr P a part of a line
 *
 * What was read is written at once: a line that came in pieces is a number of P
 * records and one F, so nothing waits in memory and a prompt shows. When a file
 * would grow past max_bytes it is renamed to `<path>.1`, that one to `.2`, and
 * so on; max_files are kept, the present one included.
 *
 * A log that cannot be written (full disk) loses lines, never blocks the container.
 */
#pragma once

#include <time.h>

#include "util/err.h"

struct crilog {
	char *path;
	int fd; /* -1: not open, records are dropped */
	uint64_t size, max_bytes;
	unsigned max_files;
};

/* Opens (appends to) path, making the directories above it. */
int crilog_open(struct crilog *log, const char *path, uint64_t max_bytes, unsigned max_files,
		struct err *err) MUST_CHECK;
void crilog_close(struct crilog *log);
/* One read's worth of bytes of a stream ("stdout", "stderr"), all with the time `now`. */
void crilog_add(struct crilog *log, const char *stream, const char *data, size_t len,
		const struct timespec *now);
/* "2016-10-06T00:17:09.669794202Z". */
#define RFC3339_NANO_LEN 30
void rfc3339_nano(const struct timespec *t, char out[RFC3339_NANO_LEN + 1]);
