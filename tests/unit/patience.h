/* SPDX-License-Identifier: MIT */
#pragma once

#include <stdlib.h>

/* How often, or how long, a test waits: n, on a machine that is K8SFS_SLOWNESS times slower than
 * usual that much more. */
static inline int patience(int n)
{
	const char *slowness = getenv("K8SFS_SLOWNESS");

	return n * (slowness && atoi(slowness) > 1 ? atoi(slowness) : 1);
}
