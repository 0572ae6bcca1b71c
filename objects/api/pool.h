/* SPDX-License-Identifier: MIT */
/*
 * Numbers that are given to one Service each: cluster addresses and node
 * ports. What is in use is what the Services in the store say; a claim holds a
 * number between the step that chose it and the commit.
 *
 * Locking: any thread.
 */
#pragma once

#include "objects/object.h"
#include "util/err.h"

struct pools;

/* Numbers taken by one attempt of a batch. */
struct claims {
	struct claim *list; /* owned */
	size_t n;
};

/* service_cidr as "10.96.0.0/16". */
struct pools *pools_new(const char *service_cidr, struct err *err);
void pools_free(struct pools *p);
/* What a stored Service holds, at start. */
void pools_adopt(struct pools *p, const struct value *service);

/*
 * Fill spec.clusterIP(s), ipFamilies and nodePorts of a Service as far as its type asks for them
 * and they are not there; claim those that are. What `old` (NULL: creation) held and the new one
 * does not is given back when the claims are kept. Faults when a number is taken by another
 * Service, outside of the range, or the range is full.
 */
struct value *pools_assign(struct pools *p, struct value *taken_service, const struct value *old,
			   struct claims *claims, struct faults *faults);
/* The Service goes away: its numbers are free when the claims are kept. */
void pools_leave(struct pools *p, const struct value *old, struct claims *claims);
/* The attempt did not commit / did. */
void claims_drop(struct pools *p, struct claims *c);
void claims_keep(struct pools *p, struct claims *c);
