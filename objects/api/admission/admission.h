/* SPDX-License-Identifier: MIT */
/*
 * Inside objects/api/admission only: a plugin is a file with a row in table.c.
 *
 * `admit` chooses for the writer what he left open, before validation; `check` looks at the
 * whole object, when it is known to be valid, and refuses it; `leave` takes back what the object
 * held when it goes away. Each sees the batch as far as it has come, then the store.
 * Source: Kubernetes "Admission Control in Kubernetes"; plugin/pkg/admission.
 */
#pragma once

#include "objects/api/api_i.h"

enum admit_when { ON_CREATE = 1, ON_UPDATE = 2 };

struct plugin {
	const char *group, *plural; /* plural NULL: every kind */
	unsigned when;
	struct value *(*admit)(struct step *s, struct value *taken);
	void (*check)(struct step *s, const struct value *next);
	void (*leave)(struct step *s);
};

extern const struct plugin namespace_lifecycle, limit_ranger, limit_ranger_claims, service_account,
	pod_security, pod_security_templates, pod_security_labels, pod_priority,
	default_toleration_seconds, claim_protection, volume_protection, runtime_class,
	default_storage_class, service_numbers, resource_quota;

/* The webhooks' part of admit() and admit_check() (webhook_steps.c). */
struct value *admit_by_webhooks(struct step *s, struct value *taken);
void check_by_webhooks(struct step *s, const struct value *next);
/* Is it a part of the object itself that is written, not something with a kind of its own? */
int review_is_part(const struct step *s);
/* The policies' part (policy_steps.c): before webhooks. */
struct value *admit_by_policies(struct step *s, struct value *taken);
void check_by_policies(struct step *s, const struct value *next);
/* Is there a binding of a validating policy at all? */
int policies_are_bound(struct api *a);
void check_connection_by_policies(struct api *a, const struct caller *who, struct objkey key,
				  const char *sub, const struct value *options,
				  struct faults *faults);
/* The plugins that come before webhooks, once more: one of those has changed the object. */
struct value *admit_again(struct step *s, struct value *taken);

/* An object of this batch, or of the store; owned, NULL: there is none. */
struct value *look_up(struct step *s, const char *plural, const char *group, const char *ns,
		      const char *name);
/* Each object of a kind in a namespace (ns "" for cluster scope), those of this batch included;
 * fn may refuse, others follow all the same. */
void look_at_all(struct step *s, const char *plural, const char *group, const char *ns,
		 void (*fn)(struct step *s, const struct value *v, void *arg), void *arg);

/* Told to the writer, whatever becomes of the request; an annotation of its line in the audit log. */
void warn_writer(struct api_request *r, struct value *taken_text);
void annotate_audit(struct api_request *r, const char *key, const char *text);
/* `pods "x" is forbidden: <why>` with this errno. */
void forbid(struct step *s, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
