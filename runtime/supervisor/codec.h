/* SPDX-License-Identifier: MIT */
/*
 * How specs travel between daemon and supervisor: one walk over the fields for
 * both directions, so that they cannot disagree. Numbers are 8 bytes in native
 * order (both ends are of one build on one machine), strings are a length (0:
 * NULL, else bytes + 1) and the bytes.
 *
 * Decoding allocates; what fails sets `bad`, and later fields stay empty, so a
 * caller checks once at the end (and frees with the type's *_fini).
 */
#pragma once

#include "runtime/sandbox.h"
#include "util/buf.h"

struct codec {
	struct buf *out;               /* encoding; NULL: decoding */
	const unsigned char *at, *end; /* decoding */
	int bad;
};

void codec_u64(struct codec *c, uint64_t *v);
void codec_int(struct codec *c, int *v);
void codec_u32(struct codec *c, uint32_t *v);
void codec_str(struct codec *c, char **s);
/* NULL-terminated; NULL itself is kept. */
void codec_strv(struct codec *c, char ***v);
void codec_limits(struct codec *c, struct resource_limits *l);
void codec_sandbox(struct codec *c, struct sandbox_spec *s);
void codec_container(struct codec *c, struct container_spec *s);
void codec_exec(struct codec *c, struct exec_spec *s);

void strv_free(char **v);
void exec_spec_fini(struct exec_spec *s);
