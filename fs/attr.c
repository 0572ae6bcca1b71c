/* SPDX-License-Identifier: MIT */
#include "fs/attr.h"

#include <errno.h>
#include <stdatomic.h>
#include <time.h>

#include "fs/changes.h"
#include "fs/content.h"
#include "fs/dirs.h"
#include "fs/permission.h"
#include "util/loop.h"
#include "objects/quantity.h"

static time_t parse_time(const char *text)
{
	int64_t sec;

	return text && time_parse(text, &sec, NULL) == 0 ? (time_t)sec : 0;
}

struct timespec object_time(const struct object *o)
{
	const struct value *meta = value_get(o->value, "metadata");
	const struct value *managed = value_get(meta, "managedFields");
	time_t newest = parse_time(value_dig_str(meta, "creationTimestamp", NULL));

	for (size_t i = 0; i < value_count(managed); i++) {
		time_t t = parse_time(value_dig_str(value_at(managed, i), "time", NULL));

		if (t > newest)
			newest = t;
	}
	return (struct timespec){newest, (long)(o->rv % 1000000000u)};
}

struct timespec object_created(const struct object *o)
{
	const char *text = value_dig_str(o->value, "metadata", "creationTimestamp", NULL);

	return (struct timespec){parse_time(text), (long)(o->created_rv % 1000000000u)};
}

static void set_times(struct stat *st, struct timespec t)
{
	st->st_atim = st->st_mtim = st->st_ctim = t;
}

static int shows_content(const struct node *n)
{
	return n->row->type != ROW_DIR && n->row->render && !(n->row->flags & ROW_HIDDEN);
}

/* What reading it would give: its size, and when that changed. */
static int stat_content(struct call *c, struct node *n, const struct object *o, struct stat *st)
{
	CLEANUP_CONTENT struct content *t = NULL;

	if (!shows_content(n))
		return 0;
	t = content_get(c, n, o);
	if (!t)
		return -c->err.code;
	content_stat(t, st);
	return 0;
}

static int stat_node(struct call *c, struct node *n, struct stat *st, int with_content)
{
	static const unsigned types[] = ROW_TYPES;
	CLEANUP_OBJECT struct object *o = NULL;
	int rc = 0;

	*st = (struct stat){.st_ino = n->ino, .st_nlink = 1, .st_blksize = 4096};
	st->st_mode = types[n->row->type] | permission_mode(c->fs, n);
	set_times(st, c->fs->started);
	if (n->row->flags & ROW_LIVE) {
		struct timespec now = {time(NULL), 0};

		set_times(st, now);
	}
	if (*n->uid) {
		o = with_content && shows_content(n) ? node_get_object(c->fs, n, &c->err)
						     : node_see_object(c->fs, n, &c->err);
		/* a conversation about the object's end goes on after it */
		if (!o && c->err.code == ESTALE && (n->row->flags & ROW_ANSWERS))
			return 0;
		if (!o)
			return -c->err.code;
		set_times(st, object_time(o));
	}
	st->st_size = n->row->flags & ROW_STREAM ? 1 : 0;
	if (n->row->stat)
		rc = n->row->stat(c, n, st);
	else if (with_content)
		rc = stat_content(c, n, o, st);
	st->st_blocks = (st->st_size + 511) / 512;
	return rc;
}

int node_stat(struct call *c, struct node *n, struct stat *st)
{
	return stat_node(c, n, st, 1);
}

int node_stat_outside(struct call *c, struct node *n, struct stat *st)
{
	return stat_node(c, n, st, 0);
}

/* Not of an object: it goes, and becomes another one, with a definition that nobody tells the
 * kernel of. */
static int is_of_custom_kind(const struct node *n)
{
	return n->kind && (n->kind->flags & KIND_CUSTOM) && !*n->uid;
}

double node_attr_timeout(const struct node *n)
{
	unsigned flags = n->row->flags;

	if ((flags & (ROW_LIVE | ROW_TIMED | ROW_ASKER)) || is_of_custom_kind(n))
		return 0;
	if (n->row->type == ROW_LINK || *n->uid || (flags & (ROW_FIXED | ROW_KEEP)))
		return FS_CACHED_SEC;
	return 0;
}

/*
 * What inotify_add_watch(2) needs of us is attributes, and only when the kernel has none
 * that hold: until then, and a moment for the call itself, there may be a watch unseen. A file's
 * change is also looked for in its directory.
 */
static void note_asked(struct node *n, double timeout)
{
	n->asked_until_ms = loop_now_ms() + 1000 + (uint64_t)(timeout * 1000);
	if (!*n->uid && n->row->type != ROW_DIR && n->parent)
		n->parent->asked_until_ms = (uint64_t)n->asked_until_ms;
}

/* `ls -l` of a large directory names the way to it for each entry: many look-ups without a pause.
 */
static int is_looked_up_in_a_loop(struct node *n)
{
	uint64_t now = loop_now_ms(), last = atomic_exchange(&n->looked_up_ms, now);

	if (now - last > FS_LOOP_MS)
		n->loop_length = 0;
	return ++n->loop_length > FS_LOOP_LENGTH;
}

/* How long the kernel may answer a look-up of the name for us. */
static double entry_timeout(struct fs *fs, struct node *n, int found_by_row)
{
	if (!(found_by_row || (n->row->flags & ROW_KEEP)) || is_of_custom_kind(n) ||
	    ((n->row->flags & ROW_LIVE) && n->row->there))
		return 0;
	if (n->row != &row_object && n->row != &row_namespace)
		return FS_CACHED_SEC;
	/* marked first: rules that change meanwhile take the name back */
	n->entry_cached = 1;
	if (!permission_names_private(fs, n->kind, n->parent->ns))
		return FS_CACHED_SEC;
	n->entry_cached = 0;
	return is_looked_up_in_a_loop(n) ? FS_PRIVATE_SEC : 0;
}

struct keeping keeping_begin(const struct call *c, struct node *n)
{
	struct keeping k = {node_attr_timeout(n), n->n_changed};

	if (call_is_own(c))
		return (struct keeping){0, k.n_changed};
	/*
	 * The kernel takes no note of an invalidation of what it does not have yet: what
	 * changes while the first answer is on its way is wrong for this long at most.
	 */
	if (k.timeout > FS_FIRST_SEC && !node_is_known(n))
		k.timeout = FS_FIRST_SEC;
	note_asked(n, k.timeout);
	if (k.timeout > 0)
		n->cached = 1;
	return k;
}

double keeping_end(const struct keeping *k, const struct node *n)
{
	return n->n_changed == k->n_changed ? k->timeout : 0;
}

int node_entry(struct call *c, struct node *n, int found_by_row, struct fuse_entry_param *e)
{
	struct keeping k = keeping_begin(c, n);
	int rc;

	*e = (struct fuse_entry_param){0};
	rc = node_stat(c, n, &e->attr);
	if (rc < 0)
		return rc;
	e->attr_timeout = keeping_end(&k, n);
	e->ino = node_id(n);
	e->generation = 1;
	e->entry_timeout = entry_timeout(c->fs, n, found_by_row);
	return 0;
}
