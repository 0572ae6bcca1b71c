/* SPDX-License-Identifier: MIT */
/*
 * The two directories of a daemon. <state>/lock is held (flock(2)) for as long as
 * the daemon lives, so there is only one on a state directory, and a waiter for
 * the lock knows when it has ended. <state>/daemon.json says how it was started, for
 * a --stop --purge that finds no daemon any more.
 */
#pragma once

#include "daemon/options.h"

struct state_lock;

/* Makes both directories (0700). NULL with err: -EBUSY names the process that has it. */
struct state_lock *state_lock(const struct options *o, struct err *err);
/* Wait up to timeout_ms for another daemon's end, then hold the lock. */
struct state_lock *state_lock_wait(const struct options *o, unsigned timeout_ms, struct err *err);
void state_unlock(struct state_lock *l);
