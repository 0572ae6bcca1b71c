/* SPDX-License-Identifier: MIT */
/*
 * The default system call filter (Docker's profile), as BPF programs that the
 * supervisors load: compiled once for each set of capabilities that changes
 * it, kept in sealed memfds.
 *
 * Locking: the loop's thread.
 */
#pragma once

#include "util/err.h"

struct seccomp_cache;

struct seccomp_cache *seccomp_cache_new(void);
void seccomp_cache_free(struct seccomp_cache *c);
/* The program for a process with these capabilities (bit per CAP_*). Borrowed descriptor, or
 * -errno. */
int seccomp_program(struct seccomp_cache *c, uint64_t capabilities, struct err *err);
