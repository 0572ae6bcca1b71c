/* SPDX-License-Identifier: MIT */
/*
 * Errors as values with text.
 *
 * A fallible function returns int: 0, or -errno, and takes `struct err *err`
 * last. The caller owns it (`struct err err = ERR_INIT;`), nothing is
 * allocated, NULL is allowed, and the first failure wins: setting an err that
 * is set already keeps the first text. Text is lower case, names the field or
 * object first, has no final stop, and says what was expected.
 *
 *	return err_set(err, EINVAL, "spec.replicas: %d is below 0", n);
 *
 * Outcomes that a direct caller must branch on are positive values of that
 * function's own enum, and are never forwarded.
 */
#pragma once

#include "util/base.h"

struct err {
	int code; /* positive errno, 0 while nothing failed */
	char msg[512];
};

#define ERR_INIT                                                                                   \
	{                                                                                          \
		0, ""                                                                              \
	}

/* Return: -code, always. Records code and text unless err is NULL or already set. */
int err_set(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* As err_set, with ": <strerror(code)>" appended. For failed system calls: err_sys(err, errno,
 * "open %s", p). */
int err_sys(struct err *err, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Put "<fmt>: " before the recorded text. Return: -err->code (-EIO when err is NULL or unset). */
int err_wrap(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Forget what is recorded, to use err again. */
void err_clear(struct err *err);
