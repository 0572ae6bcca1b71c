/* SPDX-License-Identifier: MIT */
#include "runtime/supervisor/kernel.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mount.h>

#include "runtime/supervisor/mounts.h"
#include "util/base.h"
#include "util/fd.h"

struct kernel kernel;

static int scratch(void)
{
	return mount_detached("tmpfs", "size=4k", 0, NULL);
}

/* The whole way: 6.13 and 6.14 take the descriptor and refuse the mount. */
static int try_detached_layers(void)
{
	CLEANUP_FD int upper = scratch(), lower = scratch(), fs = fsopen("overlay", FSOPEN_CLOEXEC);

	return upper >= 0 && lower >= 0 && fs >= 0 &&
	       fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, upper) == 0 &&
	       fsconfig(fs, FSCONFIG_SET_FD, "lowerdir+", NULL, lower) == 0 &&
	       fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0;
}

static int try_detached_clones(void)
{
	CLEANUP_FD int mount = scratch();
	CLEANUP_FD int clone =
		mount < 0
			? -1
			: open_tree(mount, "", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);

	return clone >= 0;
}

static int is_wanted(const char *name)
{
	const char *without = getenv(KERNEL_WITHOUT);
	size_t len = strlen(name);

	for (const char *at = without; at && *at;) {
		size_t n = strcspn(at, ",");

		if (n == len && strncmp(at, name, n) == 0)
			return 0;
		at += n + (at[n] == ',');
	}
	return 1;
}

void kernel_probe(void)
{
	kernel.detached_layers = is_wanted("detached_layers") && try_detached_layers();
	kernel.detached_clones = is_wanted("detached_clones") && try_detached_clones();
}
