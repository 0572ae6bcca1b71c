/* SPDX-License-Identifier: MIT */
/* The index in memory: red-black trees of slots. */
#include "objects/store/index.h"

static int cmp_key(struct slot *a, struct slot *b)
{
	int c = strcmp(value_str(a->ns, ""), value_str(b->ns, ""));

	return c ? c : strcmp(value_str(a->name, ""), value_str(b->name, ""));
}

/* The first bytes as a number that is ordered as strcmp(3) orders the strings. */
static uint64_t uid_head(const char *uid)
{
	uint64_t head = 0;

	for (unsigned i = 0; i < sizeof(head); i++)
		head = head << 8 | (*uid ? (unsigned char)*uid++ : 0);
	return head;
}

static int cmp_uid(struct slot *a, struct slot *b)
{
	/* the string only when the heads are the same: it is far away */
	return a->uid_head != b->uid_head ? (a->uid_head > b->uid_head ? 1 : -1)
					  : strcmp(a->obj->uid, b->obj->uid);
}

static int cmp_link(struct link *a, struct link *b)
{
	int c = strcmp(value_str(a->uid, ""), value_str(b->uid, ""));

	return c ? c : (a->slot > b->slot) - (a->slot < b->slot);
}

RB_GENERATE_INTERNAL(slots_by_key, slot, by_key, cmp_key, static UNUSED)
RB_GENERATE_INTERNAL(slots_by_uid, slot, by_uid, cmp_uid, static UNUSED)
RB_GENERATE_INTERNAL(link_tree, link, by_uid, cmp_link, static UNUSED)

void index_init(struct index *ix)
{
	*ix = (struct index){.n_kinds = 0};
	RB_INIT(&ix->by_uid);
	RB_INIT(&ix->by_owner);
	RB_INIT(&ix->by_about);
}

static struct slots_by_key *tree_of(struct index *ix, const struct kind *kind)
{
	if (kind->index >= ix->n_kinds) {
		size_t n = kinds_count() > kind->index ? kinds_count() : kind->index + 1;

		ix->by_key = xreallocarray(ix->by_key, n, sizeof(*ix->by_key));
		ix->counts = xreallocarray(ix->counts, n, sizeof(*ix->counts));
		for (size_t i = ix->n_kinds; i < n; i++) {
			RB_INIT(&ix->by_key[i]);
			ix->counts[i] = 0;
		}
		ix->n_kinds = n;
	}
	return &ix->by_key[kind->index];
}

/* For readers: never grows the table. */
static struct slots_by_key *tree_if_any(struct index *ix, const struct kind *kind)
{
	return kind->index < ix->n_kinds ? &ix->by_key[kind->index] : NULL;
}

static void drop_links(struct slot *s)
{
	struct link *e, *next;

	for (e = s->links; e; e = next) {
		next = e->next;
		RB_REMOVE(link_tree, e->tree, e);
		value_unref(e->uid);
		free(e);
	}
	s->links = NULL;
}

static void slot_free(struct slot *s)
{
	value_unref(s->ns);
	value_unref(s->name);
	object_unref(s->obj);
	free(s);
}

void index_fini(struct index *ix)
{
	struct slot *s, *next;

	for (size_t i = 0; i < ix->n_kinds; i++) {
		RB_FOREACH_SAFE (s, slots_by_key, &ix->by_key[i], next) {
			drop_links(s);
			RB_REMOVE(slots_by_key, &ix->by_key[i], s);
			slot_free(s);
		}
	}
	free(ix->by_key);
	free(ix->counts);
}

/* The first slot at or after (ns, name). */
static struct slot *seek(struct slots_by_key *tree, const char *ns, const char *name)
{
	struct slot *s = RB_ROOT(tree), *best = NULL;

	while (s) {
		int c = strcmp(value_str(s->ns, ""), ns);

		if (!c)
			c = strcmp(value_str(s->name, ""), name);
		if (c == 0)
			return s;
		if (c > 0)
			best = s;
		s = c > 0 ? RB_LEFT(s, by_key) : RB_RIGHT(s, by_key);
	}
	return best;
}

struct slot *index_find(struct index *ix, struct objkey key)
{
	struct slots_by_key *tree = tree_if_any(ix, key.kind);
	struct slot *s = tree ? seek(tree, key.ns, key.name) : NULL;

	if (!s || strcmp(value_str(s->name, ""), key.name) || strcmp(value_str(s->ns, ""), key.ns))
		return NULL;
	return s;
}

struct slot *index_find_uid(struct index *ix, const char *uid)
{
	struct slot *s = RB_ROOT(&ix->by_uid);
	uint64_t head = uid_head(uid);

	while (s) {
		int c = head != s->uid_head ? (head > s->uid_head ? 1 : -1)
					    : strcmp(uid, s->obj->uid);

		if (c == 0)
			return s;
		s = c < 0 ? RB_LEFT(s, by_uid) : RB_RIGHT(s, by_uid);
	}
	return NULL;
}

struct slot *index_insert(struct index *ix, struct objkey key)
{
	struct slot *s = xcalloc(1, sizeof(*s)), *there;

	s->kind = key.kind;
	s->ns = value_new_string(key.ns);
	s->name = value_new_string(key.name);
	there = RB_INSERT(slots_by_key, tree_of(ix, key.kind), s);
	if (there)
		slot_free(s);
	return there ? there : s;
}

void index_remove(struct index *ix, struct slot *s)
{
	RB_REMOVE(slots_by_key, tree_of(ix, s->kind), s);
	slot_free(s);
}

static const struct value *owners_of(const struct object *o)
{
	return o ? value_dig(o->value, "metadata", "ownerReferences", NULL) : NULL;
}

/* Of an Event, in either of its API's forms: the uid of what it tells about. */
static const struct value *subject_of(const struct object *o)
{
	const struct value *uid;

	if (!o || !str_eq(o->kind->kind, "Event"))
		return NULL;
	uid = value_dig(o->value, "involvedObject", "uid", NULL);
	return uid ? uid : value_dig(o->value, "regarding", "uid", NULL);
}

static void add_link(struct link_tree *tree, struct slot *s, const struct value *uid)
{
	struct link *e;

	if (!value_is(uid, VALUE_STRING))
		return;
	e = xcalloc(1, sizeof(*e));
	e->tree = tree;
	e->uid = value_ref(uid);
	e->slot = s;
	if (RB_INSERT(link_tree, tree, e)) { /* named twice */
		value_unref(e->uid);
		free(e);
		return;
	}
	e->next = s->links;
	s->links = e;
}

static void add_links(struct index *ix, struct slot *s, const struct object *o)
{
	const struct value *owners = owners_of(o);

	for (size_t i = 0; i < value_count(owners); i++)
		add_link(&ix->by_owner, s, value_get(value_at(owners, i), "uid"));
	add_link(&ix->by_about, s, subject_of(o));
}

struct object *index_publish(struct index *ix, struct slot *s, struct object *taken)
{
	struct object *was = s->obj;

	if (owners_of(was) != owners_of(taken) || subject_of(was) != subject_of(taken)) {
		drop_links(s);
		add_links(ix, s, taken);
	}
	/* the uid tree's key is borrowed from the snapshot: take it out before that changes */
	if (was && was->uid[0])
		RB_REMOVE(slots_by_uid, &ix->by_uid, s);
	s->obj = taken;
	s->uid_head = taken ? uid_head(taken->uid) : 0;
	if (taken && taken->uid[0])
		RB_INSERT(slots_by_uid, &ix->by_uid, s);
	if (!was && taken) {
		ix->n_objects++;
		ix->counts[s->kind->index]++;
	} else if (was && !taken) {
		ix->n_objects--;
		ix->counts[s->kind->index]--;
	}
	return was;
}

static void list_add(struct object_list *l, struct object *o, size_t *cap)
{
	if (l->n == *cap) {
		*cap = *cap ? *cap * 2 : 16;
		l->list = xreallocarray(l->list, *cap, sizeof(struct object *));
	}
	l->list[l->n++] = object_ref(o);
}

void index_list(struct index *ix, const struct kind *kind, const char *ns, struct object_list *out)
{
	struct slots_by_key *tree = tree_if_any(ix, kind);
	struct slot *s = tree ? seek(tree, ns ? ns : "", "") : NULL;
	size_t cap = 0;

	for (; s && (!ns || str_eq(value_str(s->ns, ""), ns)); s = RB_NEXT(slots_by_key, tree, s))
		if (s->obj)
			list_add(out, s->obj, &cap);
}

int index_has_any(struct index *ix, const struct kind *kind, const char *ns)
{
	struct slots_by_key *tree = tree_if_any(ix, kind);
	struct slot *s = tree ? seek(tree, ns, "") : NULL;

	/* slots that hold nothing yet are those of the running batch: few */
	while (s && !s->obj && str_eq(value_str(s->ns, ""), ns))
		s = RB_NEXT(slots_by_key, tree, s);
	return s && str_eq(value_str(s->ns, ""), ns);
}

size_t index_count(struct index *ix, const struct kind *kind, const char *ns)
{
	struct slots_by_key *tree = tree_if_any(ix, kind);
	size_t n = 0;

	if (!tree)
		return 0;
	if (!ns)
		return ix->counts[kind->index];
	for (struct slot *s = seek(tree, ns, ""); s && str_eq(value_str(s->ns, ""), ns);
	     s = RB_NEXT(slots_by_key, tree, s))
		n += s->obj != NULL;
	return n;
}

static void list_links(struct link_tree *tree, const char *uid, struct object_list *out)
{
	struct link *e = RB_ROOT(tree), *first = NULL;
	size_t cap = 0;

	while (e) { /* the leftmost link to this uid */
		int c = strcmp(uid, value_str(e->uid, ""));

		if (c == 0)
			first = e;
		e = c <= 0 ? RB_LEFT(e, by_uid) : RB_RIGHT(e, by_uid);
	}
	for (e = first; e && str_eq(value_str(e->uid, ""), uid); e = RB_NEXT(link_tree, tree, e))
		if (e->slot->obj)
			list_add(out, e->slot->obj, &cap);
}

void index_list_owned(struct index *ix, const char *owner_uid, struct object_list *out)
{
	list_links(&ix->by_owner, owner_uid, out);
}

void index_list_about(struct index *ix, const char *uid, struct object_list *out)
{
	list_links(&ix->by_about, uid, out);
}
