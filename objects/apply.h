/* SPDX-License-Identifier: MIT */
/*
 * Server-side apply and the bookkeeping of who holds which field
 * (metadata.managedFields), as sigs.k8s.io/structured-merge-diff v4 and
 * apimachinery's fieldmanager do it.
 *
 * An object of more than one apiVersion is looked at in the version it is stored
 * in; the apiVersion of an entry is kept as it was written.
 */
#pragma once

#include "objects/schema.h"

/* Who writes: becomes a managedFields entry {manager, operation, apiVersion, time, subresource}. */
struct field_writer {
	const char *manager;
	const char *subresource; /* "" or "status", "scale" */
	const char *now;         /* metav1.Time text */
};

/*
 * Apply `config` over `live` (NULL: creation). config is what the manager wants, *as it wrote it*:
 * schema_decode() found no fault in it (what it found is not told again), but it is not replaced by
 * schema_decode()'s result, since an empty map or a null says something here (`labels: {}` holds
 * .metadata.labels; `tolerations:
 * []` empties an atomic list). A decoded config works, too, and says less. Fields that only the
 * server sets are ignored in it, and so is .status unless who->subresource is "status".
 *
 * Returns the merged object with managedFields brought up to date, owned, in stored form, not yet
 * defaulted or validated: the caller does that next. When nothing changes, that is `live` itself
 * (the same pointer). NULL with faults: conflicts with other managers, code EBUSY, one fault each:
 *   Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas
 * force: no conflicts, the fields are taken from the others. A field that already has the value
 * that config says is no conflict, it is held together.
 * Fields that the manager applied before and applies no more are removed unless
 * another manager holds them.
 */
struct value *apply_merge(const struct kind *k, const struct value *live,
			  const struct value *config, const struct field_writer *who, int force,
			  struct faults *faults);

/*
 * Operation Update: `now` is what will be stored (defaulted), `live` what was (NULL: creation).
 * Returns `taken_now` with managedFields: fields that changed belong to the writer, and
 * are taken from the managers that held them with another value. Changes of .status count for
 * the subresource "status" only, and nothing else counts for that.
 * managedFields in `now` are live's, or a valid list that the writer put there on purpose;
 * [{}] forgets all managers.
 */
struct value *apply_track_update(const struct kind *k, const struct value *live,
				 struct value *taken_now, const struct field_writer *who);

/*
 * To be called last, before deciding whether anything changed: when taken_next differs from live
 * in nothing but the times in managedFields (and resourceVersion and generation, which are not
 * looked at), live's managedFields are put back, so that value_equal() and pointers tell a no-op.
 */
struct value *apply_settle(const struct value *live, struct value *taken_next);
