/* SPDX-License-Identifier: MIT */
/* A connection to a running supervisor. Any thread. */
#pragma once

#include "runtime/sandbox/sandbox_i.h"

/* Return: a descriptor, or -errno. */
int supervisor_connect(const struct sandboxes *all, const char *uid, struct err *err);
