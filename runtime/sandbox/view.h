/* SPDX-License-Identifier: MIT */
/* Between view.c (looking), view_link.c and view_change.c (changing) only. */
#pragma once

#include <limits.h>

#include "runtime/container_files.h"
#include "util/fd.h"

#define MAY_READ  4u
#define MAY_WRITE 2u
#define MAY_ENTER 1u

#define HAS_CHOWN        (1ull << 0)
#define HAS_DAC_OVERRIDE (1ull << 1)
#define HAS_FOWNER       (1ull << 3)

/* What a path names, as an O_PATH descriptor, and what it is. */
struct found {
	int fd;
	int foreign;    /* of a file system that is not shown: st is what stands for it */
	struct stat st; /* ids as the host has them */
};
#define FOUND_INIT                                                                                 \
	{                                                                                          \
		.fd = -1                                                                           \
	}
void found_fini(struct found *f);
#define CLEANUP_FOUND CLEANUP(found_fini)

int view_find(const struct container_view *v, const char *path, struct found *out, struct err *err)
	MUST_CHECK;
/* The directory that a path is in, and the name there (in path). -EBUSY for the root. */
int view_find_parent(const struct container_view *v, const char *path, struct found *out,
		     const char **name_out, struct err *err) MUST_CHECK;
/* The next name of a path; at its end *at is at '\0', and the name may be empty. */
int view_next_name(const char **at, char name[NAME_MAX + 1], struct err *err) MUST_CHECK;
/* 0 or -EACCES. want: MAY_*. */
int view_may(const struct container_view *v, const struct found *f, unsigned want, const char *path,
	     struct err *err) MUST_CHECK;
/* Do both ids belong to the pod? */
int view_owns_ids(const struct container_view *v, const struct stat *st);
