/* SPDX-License-Identifier: MIT */
/*
 * Helper programs: what needs large libraries, or reads what somebody hostile
 * wrote, runs in a process of its own that ends with its work.
 */
#pragma once

#include <sys/types.h>

#include "util/err.h"

/*
 * Where the helper is: beside our own program, in libexec, or in the build tree
 * below `room` ("runtime/images"). Owned; NULL with err.
 */
char *helper_find(const char *name, const char *room, struct err *err);

/*
 * Start it with fds as its descriptors 0, 1, 2 and so on (-1: /dev/null; 2 is
 * ours unless n_fds > 2) and no other; signals are as in a fresh program, the
 * environment is empty but for LANG=C.UTF-8. Any thread. The caller waits for it.
 * Return: its pid or -errno.
 */
pid_t helper_start(const char *path, const int *fds, size_t n_fds, struct err *err) MUST_CHECK;

/* Wait for its end. Return: 0, or -EIO when it was killed or its exit status is not 0. */
int helper_wait(pid_t pid, const char *name, struct err *err) MUST_CHECK;
