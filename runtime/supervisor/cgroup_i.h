/* SPDX-License-Identifier: MIT */
/* Control files, relative to a cgroup directory. */
#pragma once

#include "util/buf.h"
#include "util/err.h"

/* One write(2) to an existing file. Return: 0 or -errno with the file and the value in err. */
int cgroup_write_at(int dir, const char *file, const char *value, struct err *err);
/* Append a small file to out. Return: 0 or -errno. */
int cgroup_read_at(int dir, const char *file, struct buf *out);
