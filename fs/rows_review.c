/* SPDX-License-Identifier: MIT */
/*
 * What is written to be answered, not to be kept: the subresources of an object, and the
 * kinds that are questions. All are conversations (message.h) over API_REVIEW; what they mean
 * is objects/api's.
 */
#include "fs/dirs.h"
#include "fs/message.h"
#include "objects/codec.h"
#include "objects/manifest.h"

static void act_on(struct message *m, const char *sub)
{
	struct value *v = message_document(m);
	struct api_batch *b;
	struct api_request *r;

	if (!v)
		return;
	b = message_batch(m);
	r = message_request(m, API_REVIEW);
	r->sub = sub;
	r->body = v;
	api_batch_add(b, r);
	message_submit(m, b);
}

/* -- subresources -- */

/* A row is there for the kinds that have a subresource of its name. */
#define SUBRESOURCE(name_)                                                                         \
	static void act_##name_(struct call *c, struct message *m)                                 \
	{                                                                                          \
		(void)c;                                                                           \
		act_on(m, #name_);                                                                 \
	}                                                                                          \
	static int has_##name_(struct call *c, const struct node *dir)                             \
	{                                                                                          \
		(void)c;                                                                           \
		return api_review_kind(dir->kind, #name_) != NULL;                                 \
	}

SUBRESOURCE(scale)
SUBRESOURCE(eviction)
SUBRESOURCE(binding)
SUBRESOURCE(token)
SUBRESOURCE(finalize)
SUBRESOURCE(approval)

static int render_scale(struct call *c, const struct node *n, const struct object *o,
			struct buf *out)
{
	CLEANUP_VALUE struct value *v = api_review_show(n->kind, "scale", o->value);

	(void)c;
	if (v)
		yaml_render(v, out);
	return 0;
}

#define OBJECT_DIR "<object>/"

const struct row row_scale = {
	.name = "scale",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0644,
	.flags = ROW_OBJECT | ROW_ACT_LINE | ROW_ANSWERS,
	.there = has_scale,
	.render = render_scale,
	.act = act_scale,
	.read_as = "get|get:scale",
	.write_as = "update:scale",
	.reads = "the Scale (autoscaling/v1) of a workload: replicas that are wanted and there, "
		 "and the selector of its pods",
	.writes = "a Scale: its spec.replicas, for whoever may update `<resource>/scale`; the new "
		  "Scale is read from the same open file",
	.errors = "EINVAL refused; EBUSY its resourceVersion is not the object's; EACCES",
};
const struct row row_eviction = {
	.name = "eviction",
	.where = "<pod>/",
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_ACT_LINE | ROW_ANSWERS,
	.there = has_eviction,
	.act = act_eviction,
	.read_as = "create:eviction",
	.write_as = "create:eviction",
	.reads = "what came of the eviction that was written to the same open file",
	.writes = "an Eviction (policy/v1; `{}` will do): the pod is deleted if its disruption "
		  "budget allows that now",
	.errors = "EAGAIN the budget does not allow it, /k8s/errors says how far it is; EBUSY "
		  "preconditions; EACCES",
};
const struct row row_binding = {
	.name = "binding",
	.where = "<pod>/",
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_ACT_LINE | ROW_ANSWERS,
	.there = has_binding,
	.act = act_binding,
	.read_as = "create:binding",
	.write_as = "create:binding",
	.reads = "what came of the binding that was written to the same open file",
	.writes =
		"a Binding: `target: {name: NODE}` puts the pod on that node, as a scheduler does",
	.errors = "EBUSY the pod has a node already, is being deleted, or is gated; EINVAL; EACCES",
};
const struct row row_token = {
	.name = "token",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_ACT_LINE | ROW_ANSWERS,
	.there = has_token,
	.act = act_token,
	.read_as = "create:token",
	.write_as = "create:token",
	.reads = "of a ServiceAccount: the TokenRequest that was written, with the token in its "
		 "status",
	.writes = "a TokenRequest (authentication.k8s.io/v1)",
	.errors = "ENOENT what it is to be bound to is not there, EBUSY it is another one; EINVAL; "
		  "EACCES",
};

const struct row row_finalize = {
	.name = "finalize",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_ANSWERS,
	.there = has_finalize,
	.act = act_finalize,
	.read_as = "update:finalize",
	.write_as = "update:finalize",
	.reads = "of a Namespace: the Namespace that came of what was written",
	.writes = "a Namespace: its spec.finalizers, which no other file may change",
	.errors = "EINVAL refused; EBUSY its resourceVersion is not the object's; EACCES",
};

const struct row row_approval = {
	.name = "approval",
	.where = OBJECT_DIR,
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_ANSWERS,
	.there = has_approval,
	.act = act_approval,
	.read_as = "update:approval",
	.write_as = "update:approval",
	.reads = "of a CertificateSigningRequest: the request that came of what was written",
	.writes = "a CertificateSigningRequest: its status.conditions (Approved, Denied), for "
		  "whoever may update `certificatesigningrequests/approval`",
	.errors = "EINVAL refused; EBUSY its resourceVersion is not the object's; EACCES",
};

/* -- virtual kinds -- */

static void act_review(struct call *c, struct message *m)
{
	(void)c;
	act_on(m, NULL);
}

static const struct row row_review = {
	.name = "<any>.yaml",
	.where = "<review>/",
	.type = ROW_FILE,
	.mode = 0666,
	.flags = ROW_PUBLIC | ROW_ANSWERS,
	.act = act_review,
	.reads = "the review that was written to the same open file, with its status filled in; "
		 "nothing before that",
	.writes = "a review, YAML or JSON; a short one written as `{...}` is acted upon at once, "
		  "others at close or at the next read. `exec 3<>x.yaml; cat review.yaml >&3; cat "
		  "<&3`; any "
		  "name that ends in .yaml, .yml or .json is there, nothing is kept under it",
	.errors = "EINVAL refused; EACCES forbidden; EOPNOTSUPP not answered here",
};

static struct node *find_review(struct call *c, struct node *dir, const char *name)
{
	struct place at = {.row = &row_review, .kind = dir->kind, .ns = dir->ns, .sub = name};

	(void)c;
	return manifest_is_name(name) ? node_get(dir, name, &at) : NULL;
}

static const struct row row_review_namespace = {
	.name = "<namespace>",
	.where = "<review>/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_PUBLIC,
	.find = find_review,
	.reads = "nothing that is listed: reviews about this namespace are written here",
};

static struct node *find_in_reviews(struct call *c, struct node *dir, const char *name)
{
	struct place at = {.row = &row_review_namespace, .kind = dir->kind, .ns = name};

	if (manifest_is_name(name))
		return find_review(c, dir, name);
	if (!(dir->kind->flags & KIND_NAMESPACED) || !namespace_exists(c->fs, dir->kind, name))
		return NULL;
	return node_get(dir, name, &at);
}

static void list_reviews(struct call *c, struct node *dir, struct listing *out)
{
	struct object_list list;

	if (!(dir->kind->flags & KIND_NAMESPACED))
		return;
	store_list(c->fs->store, kind_find("", "v1", "namespaces"), NULL, &list);
	for (size_t i = 0; i < list.n; i++) {
		struct place at = {
			.row = &row_review_namespace, .kind = dir->kind, .ns = list.list[i]->name};

		listing_add(out, at.ns, ROW_DIR, place_ino(&at));
	}
	object_list_fini(&list);
}

static const struct row *const rows[] = {&row_schema, NULL};
const struct row *const review_rows[] = {&row_review_collection, &row_review_namespace, &row_review,
					 NULL};

const struct row row_review_collection = {
	.name = "<review>",
	.where = "apis/<group>/<version>/",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_KEEP | ROW_PUBLIC,
	.rows = rows,
	.find = find_in_reviews,
	.list = list_reviews,
	.reads = "kinds that are questions (SelfSubjectAccessReview, TokenReview ...): their "
		 "namespaces, if they have them",
};
