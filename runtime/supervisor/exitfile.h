/* SPDX-License-Identifier: MIT */
/*
 * `<upper>/exit`: how a container's last run ended. Text, so that a person can
 * read it: "key value" lines, and the message after an empty line.
 */
#pragma once

#include "util/err.h"

struct container_exit {
	char *id;
	int exit_code, signal, oom_killed, start_failed;
	int64_t started_sec, started_nsec, finished_sec, finished_nsec;
	char *message; /* NULL: none */
};

void container_exit_fini(struct container_exit *e);
/* Atomic and durable. */
int exitfile_write(const char *dir, const struct container_exit *e, struct err *err) MUST_CHECK;
/* -ENOENT: it never ended; -EINVAL: damaged. */
int exitfile_read(const char *dir, struct container_exit *out, struct err *err) MUST_CHECK;
