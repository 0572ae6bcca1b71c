/* SPDX-License-Identifier: MIT */
/*
 * Server-side apply and the bookkeeping of who holds which field
 * (metadata.managedFields), as sigs.k8s.io/structured-merge-diff v4 and
 * apimachinery's fieldmanager do it.
 */
#pragma once

#include "objects/schema.h"

/* Who writes: becomes a managedFields entry {manager, operation, apiVersion, time, subresource}. */
struct field_writer {
	const char *manager;
	const char *subresource; /* "" or "status", "scale" */
	const char *now;	 /* metav1.Time text */
};

/*
 * Apply `config` (what the manager wants, as it wrote it, already decoded) over
 * `live` (NULL: creation). `config` must not carry managedFields. Returns the merged
 * object with managedFields brought up to date, owned; NULL with faults: conflicts
 * name the other manager and the field (code EBUSY), one fault each:
 *   Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas
 * Fields that the manager applied before and applies no more are removed unless
 * another manager holds them.
 * Defaulting is the caller's, before and after; the merged object must be defaulted
 * by apply_merge's caller and given to apply_finish together with what it returned.
 */
struct value *apply_merge(const struct kind *k, const struct value *live, const struct value *config,
			  const struct field_writer *who, int force, struct faults *faults);

/*
 * Operation Update: `now` is what will be stored, `live` what was (NULL: creation).
 * Returns `taken_now` with managedFields: fields that changed belong to the writer, and
 * are taken from the managers that held them with another value.
 */
struct value *apply_track_update(const struct kind *k, const struct value *live,
				 struct value *taken_now, const struct field_writer *who);
