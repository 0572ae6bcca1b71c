/* SPDX-License-Identifier: MIT */
/*
 * Keeping the node table small. The kernel remembers every name that it has looked up
 * until memory is short, and each costs us a node: a walk over 100,000 objects would
 * leave millions. When there are many, the kernel is asked to give back the names that
 * nobody uses just now: reconfiguring a superblock (fspick(2), FSCONFIG_CMD_RECONFIGURE)
 * without changing anything shrinks its dentry cache, and only that. What is open, a
 * working directory or watched stays.
 *
 * Locking: any thread.
 */
#pragma once

struct fs;

/* Looks at the number of nodes, and starts to trim them on a thread of its own. Never waits. */
void trim_if_many(struct fs *fs);
