/* SPDX-License-Identifier: MIT */
/*
 * Keys as file names. A key that a file cannot be called is written with %XX: `/`
 * (label keys), `%` before two hex digits, and the whole of "", "." and "..".
 */
#pragma once

#include "util/buf.h"

void name_escape(const char *key, struct buf *out);
/* Owned. A %00 is left as it stands. */
char *name_unescape(const char *name);
