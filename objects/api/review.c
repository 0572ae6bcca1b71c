/* SPDX-License-Identifier: MIT */
/*
 * What is written to be answered, not to be stored: reviews, and the subresources that take an
 * object of another kind. A row says what is taken and how it is answered.
 */
#include "objects/api/api_i.h"

#include <errno.h>

#include "objects/selector.h"

struct review {
	const char *group, *plural;             /* whose; plural NULL: every kind with KIND_SCALE */
	const char *sub;                        /* NULL: the virtual kind itself */
	const char *api_version, *kind;         /* of the body; NULL: of the virtual kind */
	void (*prepare)(struct api_request *r); /* NULL: nothing */
	void (*take)(struct step *s);           /* NULL: the house answers (api_hooks.review) */
	struct value *(*show)(const struct value *object); /* NULL: {kind: Status} */
};

/* -- scale -- */

static struct value *copy_key(struct value *taken, const struct value *from, const char *key)
{
	const struct value *v = value_get(from, key);

	return v ? value_set(taken, key, value_ref(v)) : taken;
}

static struct value *show_scale(const struct value *object)
{
	static const char *const names[] = {"name", "namespace", "uid", "resourceVersion",
					    "creationTimestamp"};
	const struct value *meta = value_get(object, "metadata");
	CLEANUP(selector_freep)
	struct selector *sel =
		selector_from_spec(value_dig(object, "spec", "selector", NULL), NULL);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct value *v = value_new_map(), *m = value_new_map();

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		m = copy_key(m, meta, names[i]);
	if (sel)
		selector_render(sel, &text);
	v = value_set_str(v, "apiVersion", "autoscaling/v1");
	v = value_set_str(v, "kind", "Scale");
	v = value_set(v, "metadata", m);
	v = value_bury(v, value_new_int(value_int(value_dig(object, "spec", "replicas", NULL), 0)),
		       "spec", "replicas", NULL);
	v = value_bury(v,
		       value_new_int(value_int(value_dig(object, "status", "replicas", NULL), 0)),
		       "status", "replicas", NULL);
	return text.len
		       ? value_bury(v, value_new_string(buf_str(&text)), "status", "selector", NULL)
		       : v;
}

static void take_scale(struct step *s)
{
	const struct value *replicas = value_dig(s->r->body, "spec", "replicas", NULL);

	s->own = 1;
	s->r->flags |= API_SCALE;
	step_finish_update(s,
			   value_bury(value_ref(s->live), value_new_int(value_int(replicas, 0)),
				      "spec", "replicas", NULL),
			   1);
}

/* -- binding -- */

static void prepare_binding(struct api_request *r)
{
	const char *node = value_dig_str(r->body, "target", "name", NULL);
	const char *kind = value_dig_str(r->body, "target", "kind", NULL);
	const struct path *target = PATH_FIELD(NULL, "target");

	if (kind && *kind && !str_eq(kind, "Node"))
		fault_add(&r->faults, PATH_FIELD(target, "kind"), FAULT_NOT_SUPPORTED,
			  value_dig(r->body, "target", "kind", NULL),
			  "supported values: \"Node\", \"<empty>\"");
	if (!node || !*node)
		fault_add(&r->faults, PATH_FIELD(target, "name"), FAULT_REQUIRED, NULL, "%s", "");
}

static int may_bind(struct step *s)
{
	const char *node = value_dig_str(s->live, "spec", "nodeName", NULL);

	if (object_deleting(s->live))
		fault_add_code(&s->r->faults, EBUSY,
			       "Operation cannot be fulfilled on pods/binding \"%s\": pod %s is "
			       "being deleted, cannot be assigned to a host",
			       s->r->name, s->r->name);
	else if (node && *node)
		fault_add_code(&s->r->faults, EBUSY,
			       "Operation cannot be fulfilled on pods/binding \"%s\": pod %s is "
			       "already assigned to node \"%s\"",
			       s->r->name, s->r->name, node);
	else if (value_count(value_dig(s->live, "spec", "schedulingGates", NULL)))
		fault_add_code(&s->r->faults, EBUSY,
			       "Operation cannot be fulfilled on pods/binding \"%s\": pod %s has "
			       "non-empty .spec.schedulingGates",
			       s->r->name, s->r->name);
	else
		return 1;
	return 0;
}

static struct value *scheduled(struct value *taken, const char *now)
{
	const struct value *was = value_dig(taken, "status", "conditions", NULL);
	struct value *list = was ? value_ref(was) : value_new_list(), *c;

	for (size_t i = value_count(list); i-- > 0;)
		if (str_eq(value_dig_str(value_at(list, i), "type", NULL), "PodScheduled"))
			list = value_del_at(list, i);
	c = value_set_str(value_new_map(), "type", "PodScheduled");
	c = value_set_str(c, "status", "True");
	c = value_set_str(c, "lastTransitionTime", now);
	return value_bury(taken, value_append(list, c), "status", "conditions", NULL);
}

static void take_binding(struct step *s)
{
	const char *node = value_dig_str(s->r->body, "target", "name", NULL);

	if (!may_bind(s))
		return;
	s->own = 1;
	s->r->flags |= API_BINDING;
	step_finish_update(s,
			   scheduled(value_bury(value_ref(s->live), value_new_string(node), "spec",
						"nodeName", NULL),
				     s->now),
			   1);
}

/* -- finalize -- */

/* Nothing else of a Namespace says what has to be done before it may go. */
static void take_finalize(struct step *s)
{
	const struct value *list = value_dig(s->r->body, "spec", "finalizers", NULL);

	s->own = 1;
	step_finish_update(s,
			   value_bury(value_ref(s->live), list ? value_ref(list) : NULL, "spec",
				      "finalizers", NULL),
			   1);
}

/* -- approval -- */

/* What an approver says of a CertificateSigningRequest: conditions, and nothing else. */
static void take_approval(struct step *s)
{
	const struct value *list = value_dig(s->r->body, "status", "conditions", NULL);

	s->own = 1;
	s->r->flags |= API_STATUS;
	step_finish_update(s,
			   value_bury(value_ref(s->live), list ? value_ref(list) : NULL, "status",
				      "conditions", NULL),
			   1);
}

static struct value *show_itself(const struct value *object)
{
	return value_ref(object);
}

/* -- eviction -- */

static void prepare_eviction(struct api_request *r)
{
	const struct value *options = value_get(r->body, "deleteOptions");
	const struct value *before = value_get(options, "preconditions");
	const char *how = value_dig_str(options, "propagationPolicy", NULL);
	const char *uid = value_dig_str(before, "uid", NULL);
	const char *rv = value_dig_str(before, "resourceVersion", NULL);

	r->grace_seconds = value_int(value_get(options, "gracePeriodSeconds"), -1);
	r->propagation = str_eq(how, "Foreground")   ? PROPAGATE_FOREGROUND
			 : str_eq(how, "Background") ? PROPAGATE_BACKGROUND
			 : str_eq(how, "Orphan")     ? PROPAGATE_ORPHAN
						     : PROPAGATE_DEFAULT;
	if (value_count(value_get(options, "dryRun")))
		r->flags |= API_DRY_RUN;
	if (uid) {
		free(r->expect_uid);
		r->expect_uid = xstrdup(uid);
	}
	if (rv) {
		r->flags |= API_EXPECT_RV;
		r->expect_rv = strtoull(rv, NULL, 10);
	}
}

/* -- the table -- */

static const struct review reviews[] = {
	{.group = "",
	 .plural = "pods",
	 .sub = "eviction",
	 .api_version = "policy/v1",
	 .kind = "Eviction",
	 .prepare = prepare_eviction,
	 .take = step_evict},
	{.group = "",
	 .plural = "pods",
	 .sub = "binding",
	 .api_version = "v1",
	 .kind = "Binding",
	 .prepare = prepare_binding,
	 .take = take_binding},
	{.sub = "scale",
	 .api_version = "autoscaling/v1",
	 .kind = "Scale",
	 .take = take_scale,
	 .show = show_scale},
	{.group = "",
	 .plural = "namespaces",
	 .sub = "finalize",
	 .take = take_finalize,
	 .show = show_itself},
	{.group = "certificates.k8s.io",
	 .plural = "certificatesigningrequests",
	 .sub = "approval",
	 .take = take_approval,
	 .show = show_itself},
	{.group = "",
	 .plural = "serviceaccounts",
	 .sub = "token",
	 .api_version = "authentication.k8s.io/v1",
	 .kind = "TokenRequest"},
	{.group = "authentication.k8s.io", .plural = "selfsubjectreviews"},
	{.group = "authentication.k8s.io", .plural = "tokenreviews"},
	{.group = "authorization.k8s.io", .plural = "localsubjectaccessreviews"},
	{.group = "authorization.k8s.io", .plural = "selfsubjectaccessreviews"},
	{.group = "authorization.k8s.io", .plural = "selfsubjectrulesreviews"},
	{.group = "authorization.k8s.io", .plural = "subjectaccessreviews"},
};

static const struct review *review_of(const struct kind *k, const char *sub)
{
	for (size_t i = 0; i < ARRAY_LEN(reviews); i++) {
		const struct review *v = &reviews[i];

		if (str_eq(v->sub, sub) &&
		    (v->plural ? str_eq(v->plural, k->plural) && str_eq(v->group, k->group)
			       : (k->flags & KIND_SCALE) != 0))
			return v;
	}
	return NULL;
}

static const struct kind *body_kind(const struct review *v, const struct kind *k)
{
	return v->kind ? kind_by_gvk(v->api_version, v->kind) : k;
}

const struct kind *api_review_kind(const struct kind *k, const char *sub)
{
	const struct review *v = review_of(k, sub);

	return v ? body_kind(v, k) : NULL;
}

struct value *api_review_show(const struct kind *k, const char *sub, const struct value *object)
{
	const struct review *v = review_of(k, sub);

	return v && v->show ? v->show(object) : NULL;
}

struct value *api_answer(const struct api_request *r)
{
	const struct review *v = review_of(r->kind, r->sub);
	struct value *status;

	if (r->preview && !(r->flags & API_DRY_RUN))
		return value_ref(r->preview);
	if (v && v->show && (r->result || r->preview))
		return v->show(r->result ? r->result->value : r->preview);
	status = value_set_str(value_new_map(), "apiVersion", "v1");
	status = value_set_str(status, "kind", "Status");
	return value_set_str(status, "status", "Success");
}

/* -- the path -- */

/* Type and names of the body are those of the place that it is written to, said or not. */
static void complete_body(struct api_request *r, const struct kind *k)
{
	static const char *const names[] = {"apiVersion", "kind"};
	const char *want[] = {kind_api_version(k), k->kind};
	const char *named = value_dig_str(r->body, "metadata", "name", NULL);

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *said = value_dig_str(r->body, names[i], NULL);

		if (!said)
			r->body = value_set_str(r->body, names[i], want[i]);
		else if (!str_eq(said, want[i]))
			fault_add(&r->faults, PATH_FIELD(NULL, names[i]), FAULT_INVALID,
				  value_get(r->body, names[i]), "must be %s", want[i]);
	}
	if (!r->sub)
		return;
	if (named && *named && !str_eq(named, r->name))
		fault_add(&r->faults, PATH_FIELD(PATH_FIELD(NULL, "metadata"), "name"),
			  FAULT_INVALID, value_dig(r->body, "metadata", "name", NULL),
			  "must be the name of the object, \"%s\"", r->name);
	r->body = value_bury(r->body, value_new_string(r->name), "metadata", "name", NULL);
	r->body = value_bury(r->body, value_new_string(r->ns), "metadata", "namespace", NULL);
}

/* A demand of the body on the object's version. */
static void take_version(struct api_request *r)
{
	const char *rv = value_dig_str(r->body, "metadata", "resourceVersion", NULL);

	if (!rv || !*rv || !r->sub)
		return;
	r->flags |= API_EXPECT_RV;
	r->expect_rv = strtoull(rv, NULL, 10);
}

static void ask_house(struct api *a, const struct caller *who, struct api_request *r,
		      const struct kind *k)
{
	struct value *status = NULL;

	if (a->hooks.review)
		status = a->hooks.review(a->hooks.arg, who, k, r->ns, r->body, &r->faults);
	if (!status && !r->faults.n && a->hooks.review_tokens)
		status = a->hooks.review_tokens(a->hooks.tokens_arg, who, k, r->ns, r->body,
						&r->faults);
	if (status)
		r->preview = value_set(value_ref(r->body), "status", status);
	else if (!r->faults.n)
		fault_add_code(&r->faults, EOPNOTSUPP, "a %s is not answered here", k->kind);
}

int api_makes_tokens(const struct api *a)
{
	return a->hooks.secret_token != NULL;
}

int api_secret_token(struct api *a, const struct value *secret, struct buf *out, struct err *err)
{
	if (!a->hooks.secret_token)
		return err_set(err, EOPNOTSUPP, "nothing here makes tokens");
	return a->hooks.secret_token(a->hooks.tokens_arg, secret, out, err);
}

void review_prepare(struct api *a, const struct caller *who, struct api_request *r)
{
	const struct review *v = review_of(r->kind, r->sub);
	const struct kind *k = v ? body_kind(v, r->kind) : NULL;

	if (!k || !value_is(r->body, VALUE_MAP)) {
		fault_add_code(&r->faults, EINVAL, k ? "a map was expected" : "nothing to review");
		return;
	}
	r->body = schema_decode(k->schema, r->body, NULL, &r->faults);
	if (r->faults.n) /* only what was decoded without faults has the types that rules rely on */
		return;
	complete_body(r, k);
	r->body = kind_default(k, r->body);
	/* a part of the object itself is validated in the object */
	if (k != r->kind || !r->sub)
		kind_validate_body(k, r->body, &r->faults);
	if (v->prepare && !r->faults.n)
		v->prepare(r);
	take_version(r);
	if (!v->take && !r->faults.n)
		ask_house(a, who, r, k);
}

static int meets_version(struct step *s)
{
	if (!(s->r->flags & API_EXPECT_RV) || s->r->expect_rv == s->live_rv)
		return 1;
	fault_add_code(&s->r->faults, EBUSY,
		       "Operation cannot be fulfilled on %s \"%s\": the object has been modified; "
		       "please apply your changes to the latest version and try again",
		       kind_resource(s->r->kind), s->r->name);
	return 0;
}

void step_review(struct step *s)
{
	const struct review *v = review_of(s->r->kind, s->r->sub);

	if (!v || !v->take || !meets_version(s))
		return;
	check_review_by_policies(s);
	if (!s->r->faults.n)
		admit_review(s);
	if (!s->r->faults.n)
		v->take(s);
}
