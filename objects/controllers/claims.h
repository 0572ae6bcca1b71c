/* SPDX-License-Identifier: MIT */
/*
 * Inside objects/controllers only: which objects belong to a controller. It owns
 * what names it as the controller; it adopts what its selector matches and
 * nobody controls; it releases what its selector matches no more.
 * Source: Kubernetes pkg/controller/controller_ref_manager.go.
 *
 * Objects without a controller are known by namespace, so that looking for
 * some to adopt costs nothing where there are none.
 */
#pragma once

#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"
#include "objects/selector.h"
#include "util/strmap.h"

/* Objects of one kind that nobody controls, by namespace. */
struct orphans {
	struct strmap by_ns; /* of struct strmap *, names as keys */
};

void orphans_fini(struct orphans *o);

/* A kind of objects that own others by selector. */
struct claimant {
	enum known_kind kind;
	/* From its spec.selector; NULL and err when that is none. */
	struct selector *(*selector)(const struct value *spelled, struct err *err);
};

/* The controller of o, if it is of that kind, is looked at. */
void claims_enqueue_owner(struct controller *c, const struct claimant *by, const struct object *o);
/*
 * Of each change of an object that may be owned: whoever owns it, owned it until then, or may adopt
 * it now is looked at.
 */
void claims_observe(struct controller *c, struct orphans *o, const struct claimant *by,
		    const struct change *ch);

/*
 * The objects of `kind` that belong to owner, in no order; adoptions and releases go into the plan
 * (an adopted object is in the list already, a released one is not). Nothing is adopted by an owner
 * that is being deleted.
 */
void claim_objects(const struct orphans *o, struct store *s, const struct object *owner,
		   const struct kind *kind, const struct selector *selector, struct plan *plan,
		   struct object_list *out);
