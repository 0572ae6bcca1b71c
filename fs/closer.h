/* SPDX-License-Identifier: MIT */
/*
 * Who closes a file, and why. A close(2) of any copy of a descriptor reaches us as a flush, also
 * when the text is not whole: by a child of the shell that inherited it
 * (`for f in *; do cat $f; done > all.yaml` closes once per cat), and by a writer that was killed.
 * Source: fuse_flush() in linux/fs/fuse/file.c; PF_SIGNALED in linux/include/linux/sched.h;
 * proc_pid_stat(5), proc_pid_status(5).
 *
 * Locking: any thread; reads /proc, so not under a lock.
 */
#pragma once

#include "fs/handle.h"

/* Another process than the one that opened the file closes its copy, and the opener still has the
 * file open: the writing goes on. */
int closer_is_heir(struct handle *h, const struct call *c);
/* A signal ended this process, or one before it that had the file open: what they wrote is not what
 * they wanted to write, whoever closes it. To be asked at every close. */
int closer_was_killed(struct handle *h, const struct call *c);
