/* SPDX-License-Identifier: MIT */
/*
 * metadata.managedFields as a table: who holds which fields.
 *
 * A manager is known by its name, operation and subresource, and one that updates
 * also by its apiVersion, as in apimachinery's fieldmanager (managedfields.go).
 */
#pragma once

#include "objects/patch/fieldset.h"

struct manager {
	const char *name, *api_version, *subresource, *time; /* borrowed; "" for none */
	int applies;                                         /* operation Apply, else Update */
	struct value *set;                                   /* owned; NULL: nothing left */
	const struct value *entry; /* what it was read from, borrowed; NULL: new */
	const struct value *was;   /* its set there, borrowed */
};

struct managers {
	struct manager *list;
	size_t n;
};

/* managed: metadata.managedFields, must outlive the table. Entries that make no sense are left out.
 */
void managers_read(const struct value *managed, struct managers *out);
/* The same for what a client sent: its sets are brought into canonical form. -EINVAL: not readable.
 */
int managers_read_foreign(const struct value *managed, struct managers *out) MUST_CHECK;
void managers_fini(struct managers *m);

/* The manager of that identity; made when it is not there. Valid until the next call. Strings are
 * borrowed. */
struct manager *managers_get(struct managers *m, const char *name, int applies,
			     const char *api_version, const char *subresource);
/* What all of them hold together. Owned. */
struct value *managers_union(const struct managers *m);
/* At most 10 managers that update are kept apart; the oldest are folded into "ancient-changes". */
void managers_cap(struct managers *m);
/* `"kubectl" with subresource "status" using apps/v1`: as conflicts call it. */
void manager_render(const struct manager *m, struct buf *out);
/* The list for metadata.managedFields, in Kubernetes' order; entries that did not change are
 * shared. Owned; NULL: nobody holds anything. */
struct value *managers_write(struct managers *m);
/* Both say the same but for the times. */
int managers_alike(const struct value *managed_a, const struct value *managed_b);
