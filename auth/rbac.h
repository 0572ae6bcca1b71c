/* SPDX-License-Identifier: MIT */
/*
 * The index of roles and bindings, kept current from the store's change log.
 *
 * A change of a role or binding makes a new snapshot on a thread of the index, which sleeps
 * otherwise: other commits do not wake it. Many changes at once are one new snapshot, and
 * between two there is a pause (four times what making one took, RBAC_PAUSE_MS at most), so that a
 * storm of changes leaves the processor to others. Whoever asks holds a reference to the snapshot
 * that is current, and no lock.
 *
 * Locking: any thread.
 */
#pragma once

#include "auth/snapshot.h"

#define RBAC_PAUSE_MS 40u

struct rbac;

struct rbac *rbac_new(struct store *store);
/* Before store_close(), after all who ask. */
void rbac_free(struct rbac *r);
/* What holds now; owned reference. */
struct snapshot *rbac_current(struct rbac *r);
/* Counts snapshots, from 1: another number means that answers may be others. */
uint64_t rbac_generation(const struct rbac *r);
/* Every commit up to this resourceVersion is in the snapshot. */
uint64_t rbac_revision(const struct rbac *r);
/* fn(arg) after each new snapshot, on the index's thread. One listener; NULL ends it, and waits for
 * one that runs. */
void rbac_on_change(struct rbac *r, void (*fn)(void *arg), void *arg);
/* Wait until everything that is committed now is in the snapshot. Not on the committer thread. */
void rbac_settle(struct rbac *r);
struct store *rbac_store(struct rbac *r);
