/* SPDX-License-Identifier: MIT */
/* Encryption at rest: the keys that --encryption-key names. */
#pragma once

#include "daemon/options.h"

struct backend;

/*
 * The backend that seals for one that does not, as the options say. Takes the other, also on
 * failure. NULL with err: a key that is not there, is no key, or that others may read.
 */
struct backend *encryption_open(const struct options *o, struct backend *taken, struct err *err);
