/* SPDX-License-Identifier: MIT */
/* dry-run/: everything that writing a manifest does, but the commit. */
#pragma once

#include "fs/handle.h"
#include "fs/memfile.h"

/*
 * Answers the request of c (a flush or rename): the file's text is replaced by what would be
 * stored, or its faults are kept for <name>.err. n: the node that was written, may be NULL.
 */
void dry_run_submit(struct call *c, struct node *n, struct memfile *f);
