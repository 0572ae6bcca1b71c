/* SPDX-License-Identifier: MIT */
/* Inside objects/cel: what the libraries share. */
#pragma once

#include "objects/cel/cel_i.h"
#include "objects/quantity.h"

#define CEL_TEXT_RESULT_MAX (16u << 20) /* bytes of a text that a function makes */

/* The name of what only a library knows: URL, quantity, address, ... */
void lib_render(struct cel_val v, struct buf *out);
/* A pattern that is no constant is compiled each time. Owned; NULL with *error. */
struct pattern *lib_pattern(struct cel_run *r, struct cel_val text, struct cel_val *error);
void lib_base64(const char *s, size_t n, struct buf *out);
/* Bytes [from, to) of a text. */
static inline struct cel_val lib_slice(struct cel_val v, size_t from, size_t to)
{
	return cel_text(v.s + from, to - from);
}

struct cel_ip {
	uint8_t bytes[16];
	uint8_t n; /* 4 or 16 */
};
struct cel_cidr {
	struct cel_ip ip;
	unsigned bits;
};
struct cel_semver {
	uint64_t part[3];
	const char *pre, *build; /* "" none */
};
struct cel_url {
	const char *scheme, *host, *path, *query, *text;
};

int lib_parse_ip(const char *s, size_t n, struct cel_ip *out);
void lib_render_ip(const struct cel_ip *ip, struct buf *out);
void lib_render_cidr(const struct cel_cidr *c, struct buf *out);
void lib_render_semver(const struct cel_semver *v, struct buf *out);
