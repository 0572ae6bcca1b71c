/* SPDX-License-Identifier: MIT */
/*
 * The committer: the one thread that writes. It takes all transactions that are
 * queued (up to BATCH_MAX), checks each against the state that the ones before
 * it leave, commits them to the backend together, publishes, and tells everybody.
 */
#pragma once

#include "objects/store/store.h"

#define COMMITTER_BATCH_MAX 1024u

int committer_start(struct store *s, struct err *err) MUST_CHECK;
/* After the queue is empty. */
void committer_stop(struct store *s);
void committer_stats(struct store *s, struct store_stats *out);
