/* SPDX-License-Identifier: MIT */
/* Detached mounts: made whole before they are put anywhere. All descriptors are O_CLOEXEC. */
#pragma once

#include "util/err.h"

/* A file system of its own; options: NULL or "key=value,flag". Return: the mount, or -errno. */
int mount_detached(const char *type, const char *options, unsigned attributes, struct err *err);
/* Show the ids of tree (flags: AT_RECURSIVE) as a user namespace maps them. Return: 0, or -1 with
 * errno. */
int mount_idmap(int tree, int user_ns, unsigned flags);
/* One option of a file system context. Return: 0, or -1 with errno. */
int fs_set(int fs, const char *key, const char *value);
/* errno as an error of `what`, with the kernel's own words where it has some. */
int fs_error(int fs, const char *what, struct err *err);
/* The name of the type of the file system that path is on; static, "0x..." where it has none that
 * we know. */
const char *fs_type_of(const char *path);
