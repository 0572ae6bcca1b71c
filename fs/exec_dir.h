/* SPDX-License-Identifier: MIT */
/* exec/: conversations with commands in containers, as Plan 9's clone files. */
#pragma once

struct execs;

struct execs *execs_new(void);
void execs_free(struct execs *all);
