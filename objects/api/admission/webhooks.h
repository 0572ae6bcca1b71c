/* SPDX-License-Identifier: MIT */
/*
 * Admission webhooks: whom of the MutatingWebhookConfigurations and
 * ValidatingWebhookConfigurations a request concerns, asking them in order, and what follows.
 *
 * An attempt of a batch that concerns one of them runs on a thread of its own (api.c) and works
 * with the configurations that it began with. So what the webhooks saw is what is committed: if
 * somebody else was faster, the attempt is made, and they are asked, again.
 *
 * Source: Kubernetes "Dynamic Admission Control"; apiserver pkg/admission/plugin/webhook.
 */
#pragma once

#include "objects/api/admission/match.h"
#include "objects/api/api_i.h"

struct hook_configs {
	struct object_list mutating, validating; /* by name */
};

/* Once: where they are. */
void hooks_find_kinds(struct api *a);
/* The configurations of this moment; NULL when there are none, or nobody asks webhooks. Owned. */
struct hook_configs *hooks_load(struct api *a);
void hooks_free(struct hook_configs *c);
/* Each webhook of a list, in order; fn returns whether to go on. */
void hooks_each(const struct object_list *l, int (*fn)(void *arg, const struct value *hook),
		void *arg);
/* matchPolicy: do its rules speak of other versions of a resource, too? */
int hook_is_equivalent(const struct value *hook);
/* May one of them have to be asked about this request? */
int hooks_concern(const struct hook_configs *c, const struct api_request *r);
int hooks_concern_connection(const struct hook_configs *c, const struct match_request *m);

/* One thing to be asked about. Strings and unowned values are borrowed. */
struct hook_asking {
	struct api *api;
	const struct hook_configs *configs;
	const struct caller *who;
	struct match_request request;
	const char *object_kind, *object_api_version; /* as review_question's */
	struct value *object;    /* owned: mutating webhooks change it; NULL: a deletion */
	const struct value *old; /* NULL: a creation */
	struct value *ns;        /* owned: the Namespace, if it is known; else looked up */
	int dry_run;
	struct faults *faults;
	struct value **warnings, **audit_annotations; /* NULL: nobody hears of them */
	struct hook_state *states; /* owned: of the mutating webhooks, in order */
	size_t n_states;
};
void hook_asking_fini(struct hook_asking *a);

/* Mutating webhooks; again: only those that asked to see what was changed after them. Return: whether
 * the object is another one now. */
int hooks_mutate(struct hook_asking *a, int again);
/* Somebody else changed the object since hooks_mutate(). */
void hooks_note_change(struct hook_asking *a);
void hooks_validate(struct hook_asking *a);
