/* SPDX-License-Identifier: MIT */
/*
 * How much of a document the first write of it is. Writers do not say: a shell's builtin echo and
 * printf write line by line, everything else up to 4 KiB at once, and the errno of that write is
 * the only one that a shell shows.
 */
#pragma once

#include <stddef.h>

enum extent {
	EXTENT_OPEN, /* goes on: no newline at the end, an open bracket, quote or key */
	EXTENT_LINE, /* one line that means something, and that others may follow: `spec: {...}` */
	EXTENT_WHOLE /* several lines, or a flow collection (JSON) that is closed */
};
/* Of a text in YAML or JSON. */
enum extent extent_of(const char *text, size_t len);
