/* SPDX-License-Identifier: MIT */
/* Unpacking a layer from a stream: layer_unpack() of images.h with its bounds in the open. */
#pragma once

#include "runtime/images/stream.h"

struct layer_limits {
	uint64_t bytes;      /* of the uncompressed tar, and of the files in it */
	uint64_t entries;    /* of any type */
	uint64_t free_bytes; /* to be left on the file system */
};
#define LAYER_LIMITS                                                                               \
	{                                                                                          \
		.bytes = 64ull << 30, .entries = 4000000, .free_bytes = 64ull << 20                \
	}

/* Called now and then with the bytes of tar read so far; a negative errno stops the work. */
typedef int (*layer_progress_fn)(void *arg, uint64_t bytes);

struct layer_result {
	char diff_id[DIGEST_HEX_SIZE]; /* of the uncompressed tar */
	uint64_t size;                 /* of the files */
};

/* Read what is needed from the machine's files, before they are out of reach. */
void layer_unpack_prepare(void);

int layer_unpack_stream(struct stream *in, int dirfd, const struct layer_limits *limits,
			layer_progress_fn progress, void *arg, struct layer_result *out,
			struct err *err) MUST_CHECK;
