/* SPDX-License-Identifier: MIT */
/* MutatingAdmissionPolicies: objects and patches that expressions make, put onto the object. */
#include <errno.h>

#include "objects/api/admission/admission.h"
#include "objects/api/admission/policies.h"
#include "objects/patch.h"
#include "objects/patch/shape.h"

struct mutation {
	struct policy_request *q;
	struct value *object; /* owned: as far as it has come */
};

static void refuse_case(void *arg, struct policy_case *c, const char *why)
{
	if (policy_fails_closed(c->policy) && !c->q->r->faults.n)
		policy_deny(c, EINVAL, "MutatingAdmissionPolicy", why);
}

/* -- applyConfiguration: merged as server-side apply merges -- */

/* A list, map or struct that is atomic would replace what others said. Its path goes to out. */
static int finds_atomic(const struct schema *s, const struct value *v, const struct path *at,
			struct buf *out)
{
	if (value_is(v, VALUE_LIST) && shape_of(s, v) == SHAPE_LEAF) {
		path_render(at, out);
		return 1;
	}
	if (!value_is(v, VALUE_MAP))
		return 0;
	if (shape_of(s, v) == SHAPE_LEAF && value_count(v)) {
		path_render(at, out);
		return 1;
	}
	for (size_t i = 0; i < value_count(v); i++) {
		const char *key = value_key_at(v, i);

		if (finds_atomic(shape_child(s, key), value_at(v, i), PATH_FIELD(at, key), out))
			return 1;
	}
	return 0;
}

static struct value *apply(const struct kind *k, const struct value *object,
			   const struct value *config, struct err *err)
{
	CLEANUP(buf_fini) struct buf where = BUF_INIT;

	if (finds_atomic(k->schema, config, NULL, &where)) {
		err_set(err, EINVAL,
			"error applying patch: invalid ApplyConfiguration: may not mutate atomic "
			"arrays, maps or structs: .%s",
			buf_str(&where));
		return NULL;
	}
	return shape_merge(k->schema, object, config);
}

/* -- one mutation -- */

static struct value *patch(const struct value *object, const struct value *operations,
			   struct err *err)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct value *out = patch_json(value_ref(object), operations, &faults);

	if (!out)
		faults_to_err(&faults, err);
	return out;
}

/* Return: the object after it, NULL with err. */
static struct value *mutate(const struct policy_case *c, const struct policy_expression *e,
			    struct err *err)
{
	struct cel_access access;
	CLEANUP(cel_run_freep) struct cel_run *run = policy_run(c, &access, CEL_COST_OBJECT);
	CLEANUP_VALUE struct value *made = NULL;
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct value *out;

	if (cel_eval_value(run, e->program, &made, err) < 0)
		return NULL;
	out = e->is_patch ? patch(c->object, made, err) : apply(c->as, c->object, made, err);
	if (!out)
		return NULL;
	out = schema_decode(c->as->schema, out, NULL, &faults);
	if (!faults.n) /* what a policy adds gets its defaults as what a writer adds */
		return kind_default(c->as, out);
	value_unref(out);
	faults_to_err(&faults, err);
	return NULL;
}

static struct value *back(const struct policy_case *c, const struct value *v)
{
	const struct kind *own = kind_settled(c->q->match.kind);

	return c->as == own ? value_ref(v) : kind_convert(own, value_ref(v));
}

static void mutate_case(void *arg, struct policy_case *c)
{
	struct mutation *m = arg;
	struct err err = ERR_INIT;
	int holds;

	if (c->q->r->faults.n || !m->object)
		return;
	/* what earlier ones made of it */
	value_unref(c->object);
	c->object = c->as == kind_settled(c->q->match.kind)
			    ? value_ref(m->object)
			    : kind_convert(c->as, value_ref(m->object));
	holds = policy_conditions_hold(c, &err);
	for (size_t i = 0; holds > 0 && i < c->policy->mutations.n; i++) {
		struct value *next = mutate(c, &c->policy->mutations.list[i], &err);

		if (!next) {
			holds = -1;
			break;
		}
		value_unref(c->object);
		c->object = next;
	}
	if (holds < 0) {
		refuse_case(arg, c, err.msg);
	} else if (holds) {
		value_unref(m->object);
		m->object = back(c, c->object);
		m->q->object = m->object;
	}
}

/* Policies that ask to see what came after them are asked once more. */
static void mutate_again(void *arg, struct policy_case *c)
{
	if (str_eq(value_str(value_get(c->policy->spec, "reinvocationPolicy"), ""), "IfNeeded"))
		mutate_case(arg, c);
}

struct value *policies_mutate(struct policy_request *q, struct value *taken)
{
	struct mutation m = {q, taken};
	CLEANUP_VALUE struct value *before = value_ref(taken);

	q->object = taken;
	policy_cases(q, "mutatingadmissionpolicies", "mutatingadmissionpolicybindings", mutate_case,
		     refuse_case, &m);
	if (m.object != before && !q->r->faults.n)
		policy_cases(q, "mutatingadmissionpolicies", "mutatingadmissionpolicybindings",
			     mutate_again, refuse_case, &m);
	return m.object;
}
