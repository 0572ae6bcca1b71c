/* SPDX-License-Identifier: MIT */
/* Inside objects/api only: one batch on its way, and one step of it. */
#pragma once

#include <pthread.h>

#include "objects/api.h"
#include "objects/api/pool.h"
#include "util/strmap.h"

struct api {
	struct store *store;
	struct api_hooks hooks;
	struct pools *pools;       /* cluster addresses and node ports */
	struct policies *policies; /* compiled (admission/policies.h) */
	pthread_mutex_t lock;
	pthread_cond_t idle;
	size_t in_flight;                         /* runs; under lock */
	struct jobs *jobs;                        /* attempts that wait for webhooks */
	_Atomic int asks;                         /* webhooks of admission */
	const struct kind *mutating, *validating; /* their configurations */
};

struct hook_configs; /* objects/api/admission/webhooks.h */

#define NO_OP SIZE_MAX

/* A batch between api_submit() and its done. */
struct run {
	struct api *api;
	struct api_batch *batch;
	struct caller *who; /* a copy: the caller's strings may be gone at a retry */
	unsigned attempts;
	struct store_txn *txn; /* the batch's extra with our operations after it, or our own */
	size_t n_extra;
	size_t *op_of;      /* per request: its operation in txn, NO_OP: none */
	struct strmap made; /* key -> operation + 1, when the batch has several requests */
	char *kinds; /* by index: this batch has an operation of the kind; owned, NULL: one request
		      */
	size_t n_kinds;
	struct claims claims;       /* addresses taken for this attempt, given back if it fails */
	struct hook_configs *hooks; /* of this attempt, owned; NULL: no webhook is asked */
	struct err unconverted;     /* of this attempt: a webhook could not convert an object */
	int in_vain; /* this step is taken to find out what else is wrong with its request */
	int waits;   /* this attempt is on a thread that may wait */
	int committed;
	int record_rc; /* a failure that no request is there to carry */
};

enum outcome { OUTCOME_KEEP, OUTCOME_PUT, OUTCOME_DELETE };

/* One request against one state of its object. */
struct step {
	struct run *run;
	struct api_request *r;
	const struct value *live; /* borrowed; NULL: absent */
	uint64_t live_rv;         /* 0 for an object that this batch makes */
	enum outcome outcome;
	struct value *next; /* owned: what to store, or the last state of a deletion */
	int own; /* the change is the house's own making from a review: no writer's words in it */
	char now[32];
};

/* The verb's own way from s->live to s->outcome and s->next, or to faults in s->r->faults. */
void step_take(struct step *s);
void step_create(struct step *s, struct value *taken_body, int track);
void step_delete(struct step *s);
/* taken with apiVersion and kind; faults when it has others. */
struct value *step_with_type(struct step *s, struct value *taken);

/* API_REVIEW (review.c). Before the state is looked at: decode, and answer what does not depend on
 * it; then what becomes of the object. */
void review_prepare(struct api *a, const struct caller *who, struct api_request *r);
void step_review(struct step *s);
/* Eviction: a deletion that budgets allow (eviction.c). */
void step_evict(struct step *s);

/* `next` replaces live: strategy, defaults, validation, generation, fields, completed deletion. */
void step_finish_update(struct step *s, struct value *taken_next, int track);
/* A deleting object whose finalizers are all gone is deleted by whatever write removed the last. */
int deletion_is_complete(const struct kind *k, const struct value *obj);

const char *step_manager(const struct step *s);
/* "" or the subresource that this request writes through. */
const char *step_subresource(const struct step *s);
/* The key of a request once its name is known: ns/name owned by the request. */
int request_resolve_key(struct api_request *r);
static inline struct objkey request_key(const struct api_request *r)
{
	return (struct objkey){r->kind, r->ns, r->name};
}
/* A generated name is taken: make another one. Return: 0 when the name was the writer's. */
int request_rename(struct api_request *r);

/* Of the current state: what this batch makes of it so far, else the store's. Owned reference to a
 * value, NULL. */
struct value *run_current(struct run *run, struct objkey key, uint64_t *rv_out);

/* -- versions that a webhook converts (convert.c) -- */

/* The store's object whole, in the version of the key. NULL: there is none, or run->unconverted.
 * Owned. */
struct object *run_get(struct run *run, struct objkey key);
/* A value that this batch wrote, in another version of its resource. Owned, NULL: see
 * run->unconverted. */
struct value *run_convert(struct run *run, const struct kind *to, const struct value *v);
/* What is stored is of the stored version: s->next, and key. Return: whether it is; else faults. */
int run_convert_for_store(struct run *run, struct step *s, struct objkey *key);
/*
 * The house's own parts know no version of a custom kind better than another, and look at metadata
 * alone: they see an object as it is stored, so that a webhook that is down does not keep it.
 */
void run_see_as_stored(struct run *run, struct api_request *r);

/* May the batch have made an object of the kind so far? (Most did not: nothing is searched then.)
 */
int run_has_kind(const struct run *run, const struct kind *k);
/* Store this with the batch, too: next of an object that was read by run_current or in a list
 * (taken, at the version that it carries). */
void run_also_put(struct run *run, struct objkey key, struct value *taken);

/* What an expression's `authorizer` is asked, of who or of the ServiceAccount that it names. Return:
 * 1 allowed, 0 not; why says more (access.c). */
struct cel_access;
int api_access(struct api *a, const struct caller *who, const struct cel_access *q, char why[512]);

/*
 * Admission (objects/api/admission): plugins that look at other objects or choose for the user.
 * live NULL: creation. admit() changes the object before it is validated, returns taken's
 * successor; admit_check() may refuse what is valid.
 */
struct value *admit(struct step *s, struct value *taken);
void admit_check(struct step *s, const struct value *next);
/* Webhooks, of a deletion that was asked for, and of what is written to a subresource. Faults. */
void admit_deletion(struct step *s);
void admit_review(struct step *s);
/* The same of policies. */
void check_deletion_by_policies(struct step *s);
void check_review_by_policies(struct step *s);
/* The object goes away: give back what admission gave it. */
void admit_delete(struct step *s);
