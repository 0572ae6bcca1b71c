/* SPDX-License-Identifier: MIT */
/*
 * The threads that answer the tree's requests, and whose turn it is.
 *
 * The kernel hands requests over in the order in which they came: a user with a hundred processes
 * would have a hundred of his answered before each one of somebody else. So of a user's requests
 * at most half of the threads work at a time; what comes beyond that is put into a queue of his
 * own, the queues take turns, and the other threads go on reading. root is not held back (nor are
 * requests that the kernel makes in nobody's name: forget, release, interrupt).
 *
 * Who has no more requests under way than that, as one does who is alone, is served on the thread
 * that read his request, for the price of a lock.
 */
#pragma once

#include <pthread.h>
#include <stdint.h>

#include "util/err.h"

struct fuse_session;
struct workers;

struct workers *workers_new(struct fuse_session *session);
/* Answers requests, on this thread and others, until the session ends (or workers_end). */
void workers_run(struct workers *w);
/* Another thread: have workers_run() return; to be called again until it has. */
void workers_end(struct workers *w);
/* Has this thread ended, which was told to? Waits a moment for it: tell it again until it has. */
int workers_joined(pthread_t thread);
void workers_free(struct workers *w);
/* How many requests had to wait for their user's turn. Any thread. */
uint64_t workers_put_off(const struct workers *w);
