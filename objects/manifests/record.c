/* SPDX-License-Identifier: MIT */
/* Entries, and the JSON that the store keeps of them. */
#include "objects/manifests/manifests_i.h"

#include "objects/codec.h"
#include "util/log.h"

void holds_add(struct holds *h, const struct kind *kind, const char *ns, const char *name,
	       const char *uid)
{
	if ((h->n & (h->n - 1)) == 0) /* grows by doubling */
		h->list = xreallocarray(h->list, h->n ? h->n * 2 : 1, sizeof(*h->list));
	h->list[h->n++] = (struct held){kind, xstrdup(ns), xstrdup(name), xstrdup(uid)};
}

void holds_copy(struct holds *to, const struct holds *from)
{
	for (size_t i = 0; i < from->n; i++)
		holds_add(to, from->list[i].kind, from->list[i].ns, from->list[i].name,
			  from->list[i].uid);
}

void holds_fini(struct holds *h)
{
	for (size_t i = 0; i < h->n; i++) {
		free(h->list[i].ns);
		free(h->list[i].name);
		free(h->list[i].uid);
	}
	free(h->list);
	*h = (struct holds){0};
}

char *held_key(const struct kind *kind, const char *ns, const char *name)
{
	return xasprintf("%u/%s/%s", kind->home->index, ns, name);
}

struct entry *entry_new(const char *path)
{
	struct entry *e = xcalloc(1, sizeof(*e));

	e->path = xstrdup(path);
	return e;
}

struct entry *entry_copy(const struct entry *e)
{
	struct entry *copy = xcalloc(1, sizeof(*copy));

	*copy = *e;
	copy->path = xstrdup(e->path);
	copy->faults = xstrdup(e->faults);
	copy->removed_by = xstrdup(e->removed_by);
	copy->holds = (struct holds){0};
	holds_copy(&copy->holds, &e->holds);
	return copy;
}

void entry_free(struct entry *e)
{
	if (!e)
		return;
	free(e->path);
	free(e->faults);
	free(e->removed_by);
	holds_fini(&e->holds);
	free(e);
}

static struct value *held_value(const struct held *h)
{
	struct value *v = value_new_list();

	v = value_append(v, value_new_string(kind_api_version(h->kind)));
	v = value_append(v, value_new_string(h->kind->kind));
	v = value_append(v, value_new_string(h->ns));
	v = value_append(v, value_new_string(h->name));
	return h->uid ? value_append(v, value_new_string(h->uid)) : v;
}

char *record_meta(const struct entry *e)
{
	CLEANUP_VALUE struct value *v = value_new_map();
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct value *held = value_new_list();

	for (size_t i = 0; i < e->holds.n; i++)
		held = value_append(held, held_value(&e->holds.list[i]));
	v = value_set_int(v, "id", (int64_t)e->id);
	v = value_set_int(v, "seq", (int64_t)e->seq);
	v = value_set_int(v, "size", (int64_t)e->size);
	v = value_set_int(v, "mode", e->attrs.mode);
	v = value_set_int(v, "uid", e->attrs.uid);
	v = value_set_int(v, "gid", e->attrs.gid);
	v = value_set_int(v, "mtime", e->attrs.mtime.tv_sec);
	v = value_set_int(v, "mtimeNanos", e->attrs.mtime.tv_nsec);
	v = value_set(v, "held", held);
	if (e->draft)
		v = value_set_bool(v, "draft", 1);
	v = value_set_str(v, "faults", e->faults);
	if (e->removed_ms) {
		v = value_set_int(v, "removed", e->removed_ms);
		v = value_set_str(v, "removedBy", e->removed_by);
		v = value_set_int(v, "removedByUid", e->removed_uid);
	}
	json_render(v, &out);
	return buf_steal(&out);
}

static void read_held(struct entry *e, const struct value *list)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *h = value_at(list, i);
		const char *version = value_str(value_at(h, 0), ""),
			   *kind = value_str(value_at(h, 1), "");
		const struct kind *k = kind_by_gvk(version, kind);

		if (k)
			holds_add(&e->holds, k, value_str(value_at(h, 2), ""),
				  value_str(value_at(h, 3), ""), value_str(value_at(h, 4), NULL));
		else
			log_warn("manifest %s: there is no kind %s in %s any more", e->path, kind,
				 version);
	}
}

struct entry *record_entry(const char *path, const char *meta)
{
	CLEANUP_VALUE struct value *v = json_parse(meta, strlen(meta), NULL);
	struct entry *e;

	if (!value_is(v, VALUE_MAP))
		return NULL;
	e = entry_new(path);
	e->id = (uint64_t)value_int(value_get(v, "id"), 0);
	e->seq = (uint64_t)value_int(value_get(v, "seq"), 0);
	e->size = (size_t)value_int(value_get(v, "size"), 0);
	e->attrs.mode = (unsigned)value_int(value_get(v, "mode"), 0644);
	e->attrs.uid = (unsigned)value_int(value_get(v, "uid"), 0);
	e->attrs.gid = (unsigned)value_int(value_get(v, "gid"), 0);
	e->attrs.mtime.tv_sec = (time_t)value_int(value_get(v, "mtime"), 0);
	e->attrs.mtime.tv_nsec = (long)value_int(value_get(v, "mtimeNanos"), 0);
	e->draft = value_bool(value_get(v, "draft"), 0);
	e->faults = xstrdup(value_str(value_get(v, "faults"), NULL));
	e->removed_ms = value_int(value_get(v, "removed"), 0);
	e->removed_by = xstrdup(value_str(value_get(v, "removedBy"), NULL));
	e->removed_uid = (unsigned)value_int(value_get(v, "removedByUid"), 0);
	read_held(e, value_get(v, "held"));
	return e;
}
