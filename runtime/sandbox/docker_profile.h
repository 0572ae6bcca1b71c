/* SPDX-License-Identifier: MIT */
/* Docker's default seccomp profile (moby, profiles/seccomp) as a table. */
#pragma once

#include <seccomp.h>

#include "util/err.h"

/* The capabilities that change the profile. */
uint64_t seccomp_profile_capabilities(void);
/* Does the profile allow this call without a condition, for these capabilities? */
int seccomp_profile_allows(const char *name, uint64_t capabilities);
/* The newest call that the profile knows of; what comes after it is ENOSYS, not EPERM. */
#define SECCOMP_PROFILE_NEWEST 466u /* removexattrat */
/* Numbers of allowed calls that the installed libseccomp does not know. Return: how many. */
size_t seccomp_profile_recent(unsigned *numbers, size_t room);
/* The filter; the caller releases *ctx_out (NULL on error). */
int seccomp_profile_build(uint64_t capabilities, scmp_filter_ctx *ctx_out, struct err *err)
	MUST_CHECK;
