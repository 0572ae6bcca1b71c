/* SPDX-License-Identifier: MIT */
/*
 * The two directories of a daemon. <state>/lock is held (flock(2)) for as long as
 * the daemon lives, so there is only one on a state directory, and a waiter for
 * the lock knows when it has ended. <state>/daemon.json says how it was started, for
 * a --stop --purge that finds no daemon any more.
 */
#pragma once

#include "daemon/options.h"
#include "objects/value.h"

struct state_lock;

/* Makes both directories (0700). NULL with err: -EBUSY names the process that has it. */
struct state_lock *state_lock(const struct options *o, struct err *err);
/* Wait up to timeout_ms for another daemon's end, then hold the lock. */
struct state_lock *state_lock_wait(const struct options *o, unsigned timeout_ms, struct err *err);
void state_unlock(struct state_lock *l);

/* How this daemon was started, into <state>/daemon.json; not durable, it is for a purge of the same
 * boot. */
int state_record(const struct options *o, struct err *err) MUST_CHECK;
/*
 * What the last daemon on o->state was started with: run directory and ranges. Strings
 * that o gets are kept in `keep`, owned by the caller. -ENOENT when none is known.
 */
int state_recall(struct options *o, struct value **keep, struct err *err) MUST_CHECK;

/* Remove what a daemon makes in both directories, and the directories if nothing else is in them.
 */
int state_remove(const struct options *o, struct err *err) MUST_CHECK;
