/* SPDX-License-Identifier: MIT */
/*
 * The store: index, change log and backend behind one door. Reading is here;
 * writing is the committer's (committer.c).
 */
#include "objects/store/store.h"

#include <errno.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/store/committer.h"
#include "objects/store/object_new.h"
#include "objects/store/store_i.h"

static const struct kind *kind_of_space(const char *space)
{
	const char *dot = strchr(space, '.');
	CLEANUP_FREE char *plural = dot ? xstrndup(space, (size_t)(dot - space)) : xstrdup(space);

	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		if (str_eq(k->plural, plural) && str_eq(k->group, dot ? dot + 1 : ""))
			return k;
	}
	return NULL;
}

static int load_object(struct store *s, const struct backend_row *row, struct err *err)
{
	const struct kind *kind = kind_of_space(row->space);
	struct value *v = json_parse(row->body, row->body_len, err);
	struct object *o;
	struct slot *slot;
	uint64_t rv;

	if (!v)
		return err_wrap(err, "%s %s", row->space, row->id);
	if (!kind) {
		value_unref(v);
		return err_set(err, EBADMSG, "%s %s: no kind of this name is known", row->space,
			       row->id);
	}
	rv = strtoull(value_str(value_dig(v, "metadata", "resourceVersion", NULL), "0"), NULL, 10);
	o = object_new(kind, v, rv, row->row);
	slot = index_insert(&s->index, object_key(o));
	if (slot->obj) {
		object_unref(o);
		return err_set(err, EBADMSG, "%s %s: stored twice", row->space, row->id);
	}
	slot->row = row->row;
	index_publish(&s->index, slot, o);
	if (row->row >= s->next_row)
		s->next_row = row->row + 1;
	return 0;
}

static void load_record(struct store *s, const struct backend_row *row)
{
	struct loaded_record *r = xcalloc(1, sizeof(*r));

	r->space = xstrdup(row->space);
	r->id = xstrdup(row->id);
	r->meta = xstrndup(row->body, row->body_len);
	r->next = s->loaded;
	s->loaded = r;
}

static int load_row(void *arg, const struct backend_row *row, struct err *err)
{
	if (row->table == BACKEND_OBJECT)
		return load_object(arg, row, err);
	load_record(arg, row);
	return 0;
}

static void loaded_free(struct loaded_record *r)
{
	free(r->space);
	free(r->id);
	free(r->meta);
	free(r);
}

struct store *store_open(struct backend *backend, struct err *err)
{
	struct store *s = xcalloc(1, sizeof(*s));

	s->backend = backend;
	s->next_row = 1;
	index_init(&s->index);
	pthread_rwlock_init(&s->index_lock, NULL);
	if (backend->ops->load(backend, load_row, s, &s->revision, err) < 0 ||
	    committer_start(s, err) < 0) {
		err_wrap(err, "store");
		s->failed_open = 1;
		store_close(s);
		return NULL;
	}
	changelog_init(&s->log, s->revision);
	return s;
}

void store_close(struct store *s)
{
	struct loaded_record *r, *next;

	if (!s)
		return;
	if (!s->failed_open) {
		committer_stop(s);
		changelog_fini(&s->log);
	}
	index_fini(&s->index);
	for (r = s->loaded; r; r = next) {
		next = r->next;
		loaded_free(r);
	}
	s->backend->ops->close(s->backend);
	pthread_rwlock_destroy(&s->index_lock);
	free(s);
}

uint64_t store_revision(struct store *s)
{
	uint64_t rv;

	pthread_rwlock_rdlock(&s->index_lock);
	rv = s->revision;
	pthread_rwlock_unlock(&s->index_lock);
	return rv;
}

struct object *store_get(struct store *s, struct objkey key)
{
	struct object *o = NULL;
	struct slot *slot;

	pthread_rwlock_rdlock(&s->index_lock);
	slot = index_find(&s->index, key);
	if (slot)
		o = object_ref(slot->obj);
	pthread_rwlock_unlock(&s->index_lock);
	return o;
}

struct object *store_get_uid(struct store *s, const char *uid)
{
	struct object *o = NULL;
	struct slot *slot;

	pthread_rwlock_rdlock(&s->index_lock);
	slot = index_find_uid(&s->index, uid);
	if (slot)
		o = object_ref(slot->obj);
	pthread_rwlock_unlock(&s->index_lock);
	return o;
}

void object_list_fini(struct object_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		object_unref(l->list[i]);
	free(l->list);
	*l = (struct object_list){0};
}

void store_list(struct store *s, const struct kind *kind, const char *ns, struct object_list *out)
{
	*out = (struct object_list){0};
	pthread_rwlock_rdlock(&s->index_lock);
	index_list(&s->index, kind, ns, out);
	out->rv = s->revision;
	pthread_rwlock_unlock(&s->index_lock);
}

void store_list_owned(struct store *s, const char *owner_uid, struct object_list *out)
{
	*out = (struct object_list){0};
	pthread_rwlock_rdlock(&s->index_lock);
	index_list_owned(&s->index, owner_uid, out);
	out->rv = s->revision;
	pthread_rwlock_unlock(&s->index_lock);
}

void store_list_about(struct store *s, const char *uid, struct object_list *out)
{
	*out = (struct object_list){0};
	pthread_rwlock_rdlock(&s->index_lock);
	index_list_about(&s->index, uid, out);
	out->rv = s->revision;
	pthread_rwlock_unlock(&s->index_lock);
}

size_t store_count(struct store *s, const struct kind *kind, const char *ns)
{
	size_t n;

	pthread_rwlock_rdlock(&s->index_lock);
	n = index_count(&s->index, kind, ns);
	pthread_rwlock_unlock(&s->index_lock);
	return n;
}

void store_records(struct store *s, const char *space, store_record_fn fn, void *arg)
{
	struct loaded_record **at = &s->loaded;

	while (*at) {
		struct loaded_record *r = *at;

		if (!str_eq(r->space, space)) {
			at = &r->next;
			continue;
		}
		*at = r->next;
		fn(arg, r->id, r->meta);
		loaded_free(r);
	}
}

int store_record_read(struct store *s, const char *space, const char *id, struct buf *out,
		      struct err *err)
{
	return s->backend->ops->read_record(s->backend, space, id, out, err);
}

int store_has_any(struct store *s, const struct kind *kind, const char *ns)
{
	int any;

	pthread_rwlock_rdlock(&s->index_lock);
	any = index_has_any(&s->index, kind, ns);
	pthread_rwlock_unlock(&s->index_lock);
	return any;
}

struct watch *store_watch(struct store *s, const struct kind *kind, uint64_t since,
			  void (*notify)(void *arg), void *arg)
{
	return changelog_watch(&s->log, kind, since, notify, arg);
}

void store_stats(struct store *s, struct store_stats *out)
{
	*out = (struct store_stats){0};
	pthread_rwlock_rdlock(&s->index_lock);
	out->revision = s->revision;
	out->objects = s->index.n_objects;
	pthread_rwlock_unlock(&s->index_lock);
	out->changes_kept = changelog_kept(&s->log);
	out->database_bytes = s->backend->ops->size(s->backend);
	committer_stats(s, out);
}
