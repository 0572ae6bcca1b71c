/* SPDX-License-Identifier: MIT */
/*
 * Threads for what has to wait: a job that waits for a network holds up itself, and none of the
 * threads that answer everybody. A thread is started when a job finds none free, up to a number;
 * jobs past that wait for their turn, in order. A thread without a job ends.
 *
 * Locking: any thread.
 */
#pragma once

#include "util/base.h"

struct jobs;

/* name: what the threads are called, up to 15 characters; borrowed. */
struct jobs *jobs_new(const char *name, unsigned max_threads);
/* Call fn(arg) on a thread of these. Never waits. */
void jobs_add(struct jobs *j, void (*fn)(void *arg), void *arg);
/* Waits for all jobs. NULL is fine. */
void jobs_free(struct jobs *j);
