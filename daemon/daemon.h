/* SPDX-License-Identifier: MIT */
/*
 * The daemon: all rooms of the house, opened in the order in which they stand on
 * each other, and closed in the reverse.
 *
 * Threads: the caller of daemon_run() is the loop's thread (controllers, node
 * agent, network); the store has its committer, the tree its own threads.
 */
#pragma once

#include "daemon/options.h"

struct daemon;

/* Everything up to the mounted tree. NULL with err; then nothing is left behind. */
struct daemon *daemon_start(const struct options *o, struct err *err);
/* Until SIGTERM, SIGINT, `shutdown` in ctl, or an unmount from outside. Return: 0, or -errno of a
 * purge. */
int daemon_run(struct daemon *d);
void daemon_free(struct daemon *d);

/* Ask for the end from any thread; purge: stop the pods and remove every trace. */
void daemon_shut_down(struct daemon *d, int purge);
