/* SPDX-License-Identifier: MIT */
/*
 * Image references, taken apart and normalised as Docker does.
 * Source: the grammar and the defaulting of github.com/distribution/reference.
 */
#pragma once

#include "util/err.h"

struct image_name {       /* owned parts */
	char *repository; /* docker.io/library/busybox */
	char *tag;        /* NULL when a digest was given without one */
	char *digest;     /* "sha256:<hex>", NULL: none */
};

int image_name_parse(const char *reference, struct image_name *out, struct err *err) MUST_CHECK;
void image_name_fini(struct image_name *n);
/* Owned: repository[:tag][@digest]. */
char *image_name_text(const struct image_name *n);
