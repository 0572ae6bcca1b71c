/* SPDX-License-Identifier: MIT */
#include "objects/store/load.h"

#include <errno.h>
#include <inttypes.h>

#include "objects/codec.h"
#include "objects/custom.h"
#include "objects/store/definitions.h"
#include "objects/store/object_new.h"
#include "util/log.h"

struct waiting_row {
	struct waiting_row *next;
	uint64_t row;
	char *space, *id;
	struct value *value; /* owned */
};

/* -- which kind -- */

static const struct kind *find_builtin(const char *space)
{
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		if (!(k->flags & KIND_CUSTOM) && str_eq(kind_resource(k), space))
			return k;
	}
	return NULL;
}

static const struct kind *kind_of_space(struct loading *l, const char *space)
{
	if (!l->last || !str_eq(kind_resource(l->last), space))
		l->last = find_builtin(space);
	return l->last;
}

/* The version that the object was written in; the one that is written now, if that is no more. */
static const struct kind *custom_kind_of(const char *space, const struct value *v)
{
	const struct kind *stored = custom_stored(space), *k = NULL;
	const char *api_version = value_dig_str(v, "apiVersion", NULL);

	while (stored && (k = kind_next_version(stored, k)))
		if (str_eq(kind_api_version(k), api_version))
			return k;
	return stored;
}

/* -- objects -- */

static uint64_t version_of(const struct value *v)
{
	return strtoull(value_str(value_dig(v, "metadata", "resourceVersion", NULL), "0"), NULL,
			10);
}

static void note_row(struct store *s, uint64_t row)
{
	if (row >= s->next_row)
		s->next_row = row + 1;
}

/* Return: whether nothing was in its place. */
static int put(struct store *s, const struct kind *k, struct value *taken, uint64_t row)
{
	uint64_t rv = version_of(taken);
	struct object *o = object_new(k, kind_convert(k, taken), rv, row);
	struct slot *slot = index_insert(&s->index, object_key(o));
	int was_free = !slot->obj;

	slot->row = row;
	object_unref(index_publish(&s->index, slot, o));
	note_row(s, row);
	return was_free;
}

/* Is the object, as it is in v or newer, in the index? */
static int is_there(struct store *s, const struct kind *k, const struct value *v)
{
	const struct value *meta = value_get(v, "metadata");
	const struct slot *slot = index_find(
		&s->index, (struct objkey){k, value_str(value_get(meta, "namespace"), ""),
					   value_str(value_get(meta, "name"), "")});

	return slot && slot->obj && slot->obj->rv >= version_of(v);
}

static void wait_for_kind(struct loading *l, const struct backend_row *row, struct value *taken)
{
	struct waiting_row *w = xcalloc(1, sizeof(*w));

	w->row = row->row;
	w->space = xstrdup(row->space);
	w->id = xstrdup(row->id);
	w->value = taken;
	if (!l->waiting)
		l->waiting_end = &l->waiting;
	*l->waiting_end = w;
	l->waiting_end = &w->next;
	note_row(l->store, row->row);
}

int load_object(struct loading *l, const struct backend_row *row, struct err *err)
{
	struct value *v = json_parse(row->body, row->body_len, err);
	const struct kind *k = kind_of_space(l, row->space);

	if (!v)
		return err_wrap(err, "%s %s", row->space, row->id);
	if (!k) {
		wait_for_kind(l, row, v);
		return 0;
	}
	if (!put(l->store, k, v, row->row))
		return err_set(err, EBADMSG, "%s %s: stored twice", row->space, row->id);
	return 0;
}

/* -- custom kinds -- */

int load_custom(struct loading *l, struct err *err)
{
	size_t n_lost = 0;
	const char *lost = NULL;

	definitions_load(l->store);
	for (struct waiting_row *w = l->waiting; w; w = w->next) {
		const struct kind *k = custom_kind_of(w->space, w->value);

		/* of two rows, which a definition that was forced away leaves, the newer counts */
		if (!k || is_there(l->store, k, w->value)) {
			n_lost++;
			lost = w->space;
			continue;
		}
		put(l->store, k, STEAL(w->value), w->row);
	}
	if (n_lost)
		log_warn("%zu stored objects (%s ...) have no CustomResourceDefinition any more: "
			 "they are not shown",
			 n_lost, lost);
	return 0;
}

void loading_fini(struct loading *l)
{
	for (struct waiting_row *w = l->waiting, *next; w; w = next) {
		next = w->next;
		free(w->space);
		free(w->id);
		value_unref(w->value);
		free(w);
	}
	l->waiting = NULL;
}
