/* SPDX-License-Identifier: MIT */
#include "objects/apply.h"

#include <errno.h>

#include "objects/patch/managers.h"
#include "objects/patch/shape.h"

/* Nobody holds these. apimachinery: managedfields/internal/stripmeta.go */
static const char *const unheld_meta[] = {
	"creationTimestamp", "generation",      "managedFields", "name",
	"namespace",         "resourceVersion", "selfLink",      "uid",
};
/* What a config may carry (a file made by `kubectl get -o yaml`) without meaning anything. */
static const char *const server_meta[] = {
	"creationTimestamp", "deletionGracePeriodSeconds",
	"deletionTimestamp", "generation",
	"managedFields",     "resourceVersion",
	"selfLink",          "uid",
};

#define BEFORE_FIRST_APPLY "before-first-apply"

static struct value *leaf(void)
{
	return value_new_map();
}

/* Drop from a set what is not this writer's business. */
static struct value *strip(const struct kind *k, const char *subresource, struct value *taken)
{
	int status = str_eq(subresource, "status");
	CLEANUP_VALUE struct value *strange = NULL;
	struct value *meta, *out;

	if (!taken)
		return NULL;
	if (status) {
		out = value_set(value_new_map(), "f:status",
				value_ref(value_get(taken, "f:status")));
		value_unref(taken);
		taken = out;
	}
	meta = value_new_map();
	for (size_t i = 0; i < ARRAY_LEN(unheld_meta); i++) {
		CLEANUP_FREE char *step = xasprintf("f:%s", unheld_meta[i]);

		meta = value_set(meta, step, leaf());
	}
	strange = value_set(value_new_map(), "f:apiVersion", leaf());
	strange = value_set(strange, "f:kind", leaf());
	strange = value_set(strange, "f:metadata", fieldset_member(meta));
	out = fieldset_minus(taken, strange);
	value_unref(taken);
	if (out && !status && (k->flags & KIND_STATUS))
		out = value_del(out, "f:status");
	if (value_count(out) == 0) {
		value_unref(out);
		return NULL;
	}
	return out;
}

static struct value *set_managed(struct value *taken, struct value *taken_list)
{
	const struct value *meta = value_get(taken, "metadata");
	struct value *fresh;

	if (value_get(meta, "managedFields") == taken_list) {
		value_unref(taken_list);
		return taken;
	}
	fresh = value_is(meta, VALUE_MAP) ? value_ref(meta) : value_new_map();
	return value_set(taken, "metadata", value_set(fresh, "managedFields", taken_list));
}

static const struct value *managed_of(const struct value *obj)
{
	return value_dig(obj, "metadata", "managedFields", NULL);
}

/* Changed paths that count for this writer. */
static void compare(const struct kind *k, const char *subresource, const struct value *was,
		    const struct value *now, struct difference *out)
{
	const struct value *nothing = value_new_null();

	shape_compare(k->schema, was ? was : nothing, now, out);
	out->changed = strip(k, subresource, out->changed);
	out->removed = strip(k, subresource, out->removed);
}

/* -- operation Update -- */

static int is_reset(const struct value *managed)
{
	return value_is(managed, VALUE_LIST) && value_count(managed) == 1 &&
	       value_count(value_at(managed, 0)) == 0;
}

/* The fields of a change go from whoever held them to the writer. */
static void take_changes(const struct kind *k, struct managers *all, const struct difference *d,
			 const struct field_writer *who)
{
	struct manager *self;

	for (size_t i = 0; i < all->n; i++) {
		fieldset_subtract(&all->list[i].set, d->changed);
		fieldset_subtract(&all->list[i].set, d->removed);
	}
	if (!d->changed)
		return;
	self = managers_get(all, who->manager, 0, kind_api_version(k), who->subresource);
	fieldset_add(&self->set, d->changed);
	self->time = who->now;
	managers_cap(all);
}

/* Whose list counts: the writer's if he changed it on purpose and it can be read, else live's. */
static void read_for_update(const struct value *live, const struct value *now,
			    const char *subresource, struct managers *out)
{
	const struct value *was = managed_of(live), *is = managed_of(now);

	if (!*subresource && is && is != was && !(was && value_equal(was, is)) &&
	    managers_read_foreign(is, out) == 0) {
		if (out->n)
			return;
		managers_fini(out);
	}
	managers_read(was, out);
}

struct value *apply_track_update(const struct kind *k, const struct value *live,
				 struct value *taken_now, const struct field_writer *who)
{
	struct managers all;
	struct difference d;
	CLEANUP_VALUE struct value *was = NULL, *is = NULL;

	if (live == taken_now)
		return taken_now;
	if (is_reset(managed_of(taken_now)) && !*who->subresource)
		return set_managed(taken_now, NULL);
	was = value_ref(managed_of(live));
	is = value_ref(managed_of(taken_now)); /* the table borrows from both */
	read_for_update(live, taken_now, who->subresource, &all);
	compare(k, who->subresource, live, taken_now, &d);
	take_changes(k, &all, &d, who);
	taken_now = set_managed(taken_now, managers_write(&all));
	difference_fini(&d);
	managers_fini(&all);
	return taken_now;
}

/* -- operation Apply -- */

/* Scalars and atomic parts in the form they are stored in; empty ones stay. */
static struct value *canonical(const struct schema *s, const struct value *v)
{
	struct faults ignored = FAULTS_INIT; /* the caller has seen them */
	enum shape shape = shape_of(s, v);
	struct value *out;

	if (value_type(v) == VALUE_NULL)
		return value_ref(v);
	if (shape == SHAPE_LEAF) {
		out = schema_decode(s, value_ref(v), NULL, &ignored);
		faults_fini(&ignored);
		return out;
	}
	out = value_ref(v);
	for (size_t i = 0; i < value_count(v); i++) {
		const struct value *was = value_at(v, i);
		const char *key = value_key_at(v, i);
		struct value *child =
			canonical(shape == SHAPE_FIELDS ? shape_child(s, key) : s->items, was);

		if (child == was)
			value_unref(child);
		else if (shape == SHAPE_FIELDS)
			out = value_set(out, key, child);
		else
			out = value_set_at(out, i, child);
	}
	return out;
}

static struct value *clean_config(const struct kind *k, const struct value *config,
				  const char *subresource)
{
	const struct value *meta = value_get(config, "metadata");
	struct value *out = value_ref(config), *m;

	if (value_is(meta, VALUE_MAP)) {
		m = value_ref(meta);
		for (size_t i = 0; i < ARRAY_LEN(server_meta); i++)
			m = value_del(m, server_meta[i]);
		if (m == meta)
			value_unref(m);
		else
			out = value_set(out, "metadata", m);
	}
	if ((k->flags & KIND_STATUS) && !str_eq(subresource, "status"))
		out = value_del(out, "status");
	m = canonical(k->schema, out);
	value_unref(out);
	return m;
}

/* The set with all named fields that lead to its paths. */
static struct value *named(struct value *taken_set, const struct schema *s)
{
	struct value *out = fieldset_with_named(taken_set, s);

	value_unref(taken_set);
	return out;
}

/*
 * Remove what the manager applied last and does not apply now, unless somebody else holds it.
 * Paths that nobody holds stay, unless they are below one that goes.
 */
static struct value *prune(const struct schema *s, struct value *taken, const struct value *last,
			   const struct value *applied, const struct managers *others)
{
	CLEANUP_VALUE struct value *merged = taken, *gone = NULL, *rest = NULL, *kept = NULL;
	CLEANUP_VALUE struct value *all = NULL, *held = NULL, *dangling = NULL, *out = NULL;

	if (fieldset_within(last, applied))
		return STEAL(merged);
	gone = fieldset_with_named(last, s);
	all = named(shape_fields(s, merged), s);

	/* without all that was applied last ... */
	rest = shape_remove(s, merged, gone);
	kept = named(shape_fields(s, rest), s);
	/* ... but with what is held now: */
	held = managers_union(others);
	fieldset_add(&held, applied);
	held = named(STEAL(held), s);
	fieldset_add(&kept, held);
	dangling = fieldset_minus(all, kept);
	value_unref(rest);
	rest = shape_remove(s, merged, dangling);
	/* what went by that and was not applied last comes back */
	value_unref(kept);
	kept = named(shape_fields(s, rest), s);
	fieldset_subtract(&all, kept);
	out = fieldset_and(all, gone);
	return shape_remove(s, merged, out);
}

/* -- conflicts -- */

struct conflicts {
	struct faults *faults;
	const struct manager *with;
	size_t n;
};

static void count_conflict(void *arg, const char *path)
{
	struct conflicts *c = arg;

	c->n++;
}

static void add_conflict(void *arg, const char *path)
{
	CLEANUP(buf_fini) struct buf who = BUF_INIT;
	struct conflicts *c = arg;

	manager_render(c->with, &who);
	fault_add_code(c->faults, EBUSY, "Apply failed with %zu conflict%s: conflict with %s: %s",
		       c->n, c->n == 1 ? "" : "s", buf_str(&who), path);
}

/* Others hold fields of `changed`. Return: 0, or -EBUSY with a fault for each field and manager. */
static int check_conflicts(const struct managers *others, const struct value *changed,
			   struct faults *faults)
{
	struct conflicts c = {.faults = faults};
	struct value **clash = xcalloc(others->n + 1, sizeof(*clash));

	for (size_t i = 0; i < others->n; i++) {
		clash[i] = fieldset_and(others->list[i].set, changed);
		fieldset_each(clash[i], count_conflict, &c);
	}
	for (size_t i = 0; i < others->n; i++) {
		c.with = &others->list[i];
		fieldset_each(clash[i], add_conflict, &c);
		value_unref(clash[i]);
	}
	free(clash);
	return c.n ? -EBUSY : 0;
}

/* -- the whole -- */

struct apply {
	const struct kind *k;
	const struct value *live;
	const struct field_writer *who;
	struct managers others; /* all but the one that applies */
	struct value *last;     /* what it held before, owned; NULL: it is new */
	const struct value *last_entry;
	const char *last_time, *last_version;
};

/* An object that was never tracked: somebody wrote what is there. */
static void adopt_untracked(struct apply *a)
{
	struct difference d;
	struct manager *before;

	compare(a->k, "", NULL, a->live, &d);
	if (d.changed) {
		before =
			managers_get(&a->others, BEFORE_FIRST_APPLY, 0, kind_api_version(a->k), "");
		before->set = STEAL(d.changed);
		before->time = a->who->now;
	}
	difference_fini(&d);
}

static void read_managers(struct apply *a)
{
	struct managers *all = &a->others;

	managers_read(managed_of(a->live), all);
	if (a->live && !all->n)
		adopt_untracked(a);
	for (size_t i = 0; i < all->n; i++) {
		struct manager *m = &all->list[i];

		if (!m->applies || !str_eq(m->name, a->who->manager) ||
		    !str_eq(m->subresource, a->who->subresource))
			continue;
		a->last = STEAL(m->set); /* an empty manager is not written */
		a->last_entry = m->entry;
		a->last_time = m->time;
		a->last_version = m->api_version;
		break;
	}
}

/* managedFields as they will be. taken_set: what the manager holds from now on. */
static struct value *write_managers(struct apply *a, struct value *taken_set, int object_changed)
{
	struct manager *self;
	int same = a->last && value_equal(a->last, taken_set);

	if (same) {
		value_unref(taken_set);
		taken_set = value_ref(a->last);
	}
	self = managers_get(&a->others, a->who->manager, 1, kind_api_version(a->k),
			    a->who->subresource);
	value_unref(self->set);
	self->set = taken_set;
	if (same && !object_changed && str_eq(a->last_version, kind_api_version(a->k))) {
		self->time = a->last_time;
	} else {
		self->api_version = kind_api_version(a->k);
		self->time = a->who->now;
	}
	return managers_write(&a->others);
}

static struct value *finish(struct apply *a, struct value *taken_next, const struct difference *d,
			    struct value *taken_set)
{
	int object_changed = !value_equal(a->live, taken_next);
	struct value *next = object_changed ? value_ref(taken_next) : value_ref(a->live), *managed;

	value_unref(taken_next);
	for (size_t i = 0; i < a->others.n; i++) {
		fieldset_subtract(&a->others.list[i].set, d->changed);
		fieldset_subtract(&a->others.list[i].set, d->removed);
	}
	managed = write_managers(a, strip(a->k, a->who->subresource, taken_set), object_changed);
	if (!object_changed && managers_alike(managed_of(a->live), managed)) {
		value_unref(managed);
		return next;
	}
	return set_managed(next, managed);
}

struct value *apply_merge(const struct kind *k, const struct value *live,
			  const struct value *config, const struct field_writer *who, int force,
			  struct faults *faults)
{
	struct apply a = {.k = k, .live = live, .who = who, .last_time = "", .last_version = ""};
	struct value *said = clean_config(k, config, who->subresource);
	struct value *set = shape_fields(k->schema, said);
	struct value *next = shape_merge(k->schema, live, said);
	struct difference d = {0};

	read_managers(&a);
	if (a.last)
		next = prune(k->schema, next, a.last, set, &a.others);
	/* before empty parts are dropped: a list that was emptied is a change, its field is not
	 * gone */
	compare(k, who->subresource, live, next, &d);
	if (force || !check_conflicts(&a.others, d.changed, faults)) {
		struct faults told = FAULTS_INIT; /* those of config: the caller has them */

		next = schema_decode(k->schema, next, NULL, &told);
		faults_fini(&told);
		next = finish(&a, next, &d, STEAL(set));
	} else {
		value_unref(next);
		next = NULL;
	}
	difference_fini(&d);
	managers_fini(&a.others);
	value_unref(a.last);
	value_unref(set);
	value_unref(said);
	return next;
}

/* -- what is no change -- */

/* Everything but managedFields and what counts the writes is the same. */
static int alike(const struct value *live, const struct value *next)
{
	const struct value *was = value_get(live, "metadata"), *is = value_get(next, "metadata");
	CLEANUP_VALUE struct value *plain_was = NULL, *plain_is = NULL;

	if (value_count(live) != value_count(next))
		return 0;
	for (size_t i = 0; i < value_count(next); i++) {
		const char *key = value_key_at(next, i);

		if (!str_eq(key, "metadata") &&
		    !value_equal(value_get(live, key), value_at(next, i)))
			return 0;
	}
	plain_was = value_is(was, VALUE_MAP) ? value_ref(was) : value_new_map();
	plain_is = value_is(is, VALUE_MAP) ? value_ref(is) : value_new_map();
	plain_was = value_del(plain_was, "managedFields");
	plain_is = value_del(plain_is, "managedFields");
	for (size_t i = 0; i < 2; i++) {
		const char *key = i ? "generation" : "resourceVersion";

		plain_was = value_del(plain_was, key);
		plain_is = value_del(plain_is, key);
	}
	return value_equal(plain_was, plain_is);
}

struct value *apply_settle(const struct value *live, struct value *taken_next)
{
	const struct value *was = managed_of(live);

	if (!live || live == taken_next || !managers_alike(was, managed_of(taken_next)) ||
	    !alike(live, taken_next))
		return taken_next;
	value_unref(taken_next);
	return value_ref(live);
}
