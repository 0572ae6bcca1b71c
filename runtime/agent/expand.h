/* SPDX-License-Identifier: MIT */
/*
 * $(VAR) in command, args and env values. `$$` is a literal `$` (so `$$(VAR)`
 * is never expanded); a reference that nothing defines stays as it is written.
 * Source: Kubernetes "Define Dependent Environment Variables"; third_party/forked/golang/expansion.
 */
#pragma once

#include "util/base.h"

/* Borrowed value of a name, NULL when undefined. */
typedef const char *(*expand_lookup_fn)(void *arg, const char *name);

/* Owned. */
char *expand_vars(const char *text, expand_lookup_fn lookup, void *arg)
	__attribute__((returns_nonnull));
