/* SPDX-License-Identifier: MIT */
/* Inside objects/cel: string.format(list), with %s %d %f %e %b %x %X %o and precisions. */
#pragma once

#include "objects/cel/cel_i.h"

struct cel_val cel_format(struct cel_run *r, struct cel_val format, struct cel_val args);
