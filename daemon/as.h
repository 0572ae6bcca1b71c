/* SPDX-License-Identifier: MIT */
/*
 * k8sfs --as USER [--as-group GROUP]... -- COMMAND [ARG...]: what an administrator does to see the
 * tree as somebody else does.
 *
 * The tree believes the kernel, so the command becomes that user for the kernel: his uid, his
 * groups (or exactly those that --as-group names), no capabilities. Nothing but root can do that,
 * and nothing is gained by it that su(1) would not give. Subjects that are no users of this machine
 * (service accounts, names of other identity systems) have no processes that could be believed.
 */
#pragma once

#include "util/err.h"

/* argv[1] is "--as". Returns only when it failed: -errno with err. */
int run_as(int argc, char **argv, struct err *err) MUST_CHECK;
