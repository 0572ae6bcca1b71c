/* SPDX-License-Identifier: MIT */
/*
 * A file of an image, found through its layers as overlayfs would show it:
 * uppermost first, whiteouts and opaque directories respected, symbolic links
 * followed inside the image only. Nothing is mounted.
 */
#pragma once

#include "runtime/images.h"

/* A regular file for reading. Return: an owned descriptor, -ENOENT, -ELOOP, -EINVAL for other
 * types. */
int image_open_file(const struct image *i, const char *path, struct err *err);
