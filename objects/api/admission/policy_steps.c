/* SPDX-License-Identifier: MIT */
/* Where policies stand in the write path: writes, deletions, what is written to subresources. */
#include "objects/api/admission/admission.h"
#include "objects/api/admission/policies.h"

/* Controllers are asked about as everybody; not who sets policies right, nor what a review makes
 * of its object: there it is the review that is asked about. */
static int is_asked_about(const struct step *s)
{
	return !s->own && !match_is_exempt(s->r->kind);
}

static struct policy_request request_of(struct step *s, const char *operation, const char *sub)
{
	struct api_request *r = s->r;

	return (struct policy_request){
		.api = s->run->api,
		.who = s->run->who,
		.r = r,
		.match = {operation, r->kind, sub, r->ns, r->name ? r->name : ""},
		.old = s->live,
	};
}

struct value *admit_by_policies(struct step *s, struct value *taken)
{
	CLEANUP_VALUE struct value *ns = NULL;
	struct policy_request q;

	if (!is_asked_about(s) || s->r->faults.n || str_eq(step_subresource(s), "scale"))
		return taken;
	q = request_of(s, s->live ? "UPDATE" : "CREATE", step_subresource(s));
	q.ns = ns = *s->r->ns ? look_up(s, "namespaces", "", "", s->r->ns) : NULL;
	return policies_mutate(&q, taken);
}

void check_by_policies(struct step *s, const struct value *next)
{
	CLEANUP_VALUE struct value *ns = NULL, *object = NULL, *old = NULL;
	int scale = str_eq(step_subresource(s), "scale");
	struct policy_request q;

	if (!is_asked_about(s) || s->r->faults.n)
		return;
	q = request_of(s, s->live ? "UPDATE" : "CREATE", step_subresource(s));
	q.ns = ns = *s->r->ns ? look_up(s, "namespaces", "", "", s->r->ns) : NULL;
	q.object = next;
	if (scale) { /* it is a Scale that is written */
		q.object_kind = "Scale";
		q.object_api_version = "autoscaling/v1";
		q.object = object = api_review_show(s->r->kind, "scale", next);
		q.old = old = s->live ? api_review_show(s->r->kind, "scale", s->live) : NULL;
	}
	policies_validate(&q);
}

void check_deletion_by_policies(struct step *s)
{
	CLEANUP_VALUE struct value *ns = NULL;
	struct policy_request q;

	if (!is_asked_about(s) || s->r->faults.n)
		return;
	q = request_of(s, "DELETE", "");
	q.ns = ns = *s->r->ns ? look_up(s, "namespaces", "", "", s->r->ns) : NULL;
	policies_validate(&q);
}

void check_review_by_policies(struct step *s)
{
	struct api_request *r = s->r;
	const struct kind *k = r->sub ? api_review_kind(r->kind, r->sub) : NULL;
	CLEANUP_VALUE struct value *ns = NULL, *old = NULL;
	struct policy_request q;

	if (!k || match_is_exempt(r->kind) || r->faults.n)
		return;
	q = request_of(s, review_is_part(s) ? "UPDATE" : "CREATE", r->sub);
	q.ns = ns = *r->ns ? look_up(s, "namespaces", "", "", r->ns) : NULL;
	q.object = r->body;
	q.old = old = review_is_part(s) ? api_review_show(r->kind, r->sub, s->live) : NULL;
	if (k != r->kind) {
		q.object_kind = k->kind;
		q.object_api_version = kind_api_version(k);
	}
	policies_validate(&q);
}

int policies_are_bound(struct api *a)
{
	const struct kind *k =
		kind_by_gvk("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding");

	return store_count(a->store, k, NULL) > 0;
}

void check_connection_by_policies(struct api *a, const struct caller *who, struct objkey key,
				  const char *sub, const struct value *options,
				  struct faults *faults)
{
	const struct kind *namespaces = kind_by_gvk("v1", "Namespace");
	CLEANUP_OBJECT struct object *ns =
		*key.ns ? store_get(a->store, (struct objkey){namespaces, "", key.ns}) : NULL;
	struct api_request *r = api_request_new(API_REVIEW, key.kind, key.ns, key.name);
	const struct policy_request q = {
		.api = a,
		.who = who,
		.r = r,
		.match = {"CONNECT", key.kind, sub, key.ns, key.name},
		.object_kind = value_str(value_get(options, "kind"), ""),
		.object_api_version = value_str(value_get(options, "apiVersion"), ""),
		.object = options,
		.ns = ns ? ns->value : NULL,
	};

	policies_validate(&q);
	faults_move(faults, &r->faults);
	api_request_free(r);
}
