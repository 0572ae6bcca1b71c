/* SPDX-License-Identifier: MIT */
/*
 * Points in time at which something is to be called: one sorted list for all
 * pods and probes, behind one timer of the loop.
 */
#pragma once

#include <stdint.h>

typedef void (*deadline_fn)(void *arg);

struct deadline {
	deadline_fn fn;
	void *arg;
	uint64_t at_ms; /* 0: not armed */
	struct deadline *prev, *next;
};

struct deadlines {
	struct deadline *first;
};

/* Replaces the time before. */
void deadline_arm(struct deadlines *all, struct deadline *d, uint64_t at_ms);
void deadline_disarm(struct deadlines *all, struct deadline *d);
/* Call what is due. New ones armed meanwhile for now or earlier are called, too. */
void deadlines_run(struct deadlines *all, uint64_t now_ms);
/* The earliest, 0: none. */
uint64_t deadlines_next(const struct deadlines *all);
