/* SPDX-License-Identifier: MIT */
/*
 * A container's changes as a layer: the writable directory of its overlayfs becomes a tar as OCI
 * has it (image-spec, layer.md): whiteouts and opaque directories by their names, owners as they
 * are inside. A directory that overlayfs only points to another place (redirect), and a file whose
 * content it left below (metacopy), are read where the container sees them.
 *
 * The container goes on meanwhile, and may be hostile: each step is by descriptor and follows no
 * link; a file that shrinks is filled up with zeros; depth is bounded. Left out: devices, sockets,
 * names that mean a whiteout.
 */
#pragma once

#include <stdint.h>

#include "util/err.h"

struct pack_source {
	int upper;      /* the writable directory */
	int merged;     /* the container's root; other mounts in it are not entered */
	uint32_t base;  /* owners on disk: base + what they are inside */
	uint32_t n_ids; /* how many there are; others become 65534 */
};

/* Called now and then with the bytes written so far. */
typedef void (*pack_progress_fn)(void *arg, uint64_t bytes);

/* Write the tar to fd. */
int layer_pack(const struct pack_source *from, int fd, pack_progress_fn progress, void *arg,
	       struct err *err) MUST_CHECK;
