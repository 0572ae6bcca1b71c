/* SPDX-License-Identifier: MIT */
/*
 * images/: what is stored, one file an image, and import by copying an archive in.
 * An archive is spooled below the state directory while it is written; the close
 * imports it in a thread of its own and is answered when that is done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/attr.h"
#include "fs/dirs.h"
#include "fs/images_dir.h"
#include "fs/manifest_files.h"
#include "fs/reply.h"
#include "fs/verbs.h"
#include "util/fd.h"
#include "util/log.h"

/* -- what is stored -- */

/* "docker.io/library/busybox:latest" is shown as it is pulled: "busybox:latest"; a '/' as '+'. */
static char *shown_name(const char *reference, size_t len)
{
	CLEANUP_FREE char *full = xstrndup(reference, len);
	const char *at = full;
	char *name;

	if (str_starts(at, "docker.io/library/"))
		at += strlen("docker.io/library/");
	else if (str_starts(at, "docker.io/"))
		at += strlen("docker.io/");
	name = xstrdup(at);
	for (char *s = name; *s; s++)
		if (*s == '/')
			*s = '+';
	return name;
}

static char *reference_of(const char *name)
{
	char *reference = xstrdup(name);

	for (char *s = reference; *s; s++)
		if (*s == '+')
			*s = '/';
	return reference;
}

/* Calls fn for each line of the table but its header. */
static void each_image(struct fs *fs,
		       void (*fn)(void *arg, const char *name, const char *line, size_t len),
		       void *arg)
{
	CLEANUP(buf_fini) struct buf table = BUF_INIT;
	const char *at, *end, *nl;

	if (!fs->rooms.images_list)
		return;
	fs->rooms.images_list(fs->rooms.images, &table);
	at = buf_str(&table);
	end = at + table.len;
	at = memchr(at, '\n', table.len);
	for (at = at ? at + 1 : end; at < end; at = nl + 1) {
		nl = memchr(at, '\n', (size_t)(end - at));
		if (!nl)
			break;
		CLEANUP_FREE char *name = shown_name(at, strcspn(at, " \t\n"));

		fn(arg, name, at, (size_t)(nl - at));
	}
}

struct looking {
	const char *name;
	struct buf *out;
	int found;
};

static void look(void *arg, const char *name, const char *line, size_t len)
{
	struct looking *l = arg;

	if (l->found || strcmp(name, l->name) != 0)
		return;
	l->found = 1;
	if (l->out) {
		buf_add(l->out, line, len);
		buf_addc(l->out, '\n');
	}
}

static int render_image(struct call *c, const struct node *n, const struct object *o,
			struct buf *out)
{
	struct looking l = {n->sub, out, 0};

	(void)o;
	each_image(c->fs, look, &l);
	return l.found ? 0 : err_set(&c->err, ESTALE, "no such image");
}

static const struct row row_image = {
	.name = "<image>",
	.where = "images/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_LIVE,
	.render = render_image,
	.reads = "the image's line of `_index`; its name with `/` written as `+`",
	.writes = "`rm` removes the image; layers that others use stay",
	.errors = "EBUSY, EACCES",
};

static int render_index(struct call *c, const struct node *n, const struct object *o,
			struct buf *out)
{
	(void)n;
	(void)o;
	if (c->fs->rooms.images_list)
		c->fs->rooms.images_list(c->fs->rooms.images, out);
	return 0;
}

static int render_ctl(struct call *c, const struct node *n, const struct object *o, struct buf *out)
{
	(void)n;
	(void)o;
	room_verbs_usage(c->fs->rooms.images_verbs, out);
	return 0;
}

static void act_ctl(struct call *c, struct message *m)
{
	(void)c;
	room_verbs_act(m, m->fs->rooms.images_verbs, m->fs->rooms.images);
}

/* -- archives that were imported -- */

/*
 * An archive's name goes when it is imported. Tools that set modes and times, or rename,
 * after their close (rsync, install) find it for a moment more.
 */
#define RECENT_MAX 16
#define RECENT_SEC 5

struct recent_archives {
	pthread_mutex_t lock;
	struct {
		char *name; /* owned */
		off_t size;
		time_t until;
	} list[RECENT_MAX];
	size_t next;
};

struct recent_archives *recent_archives_new(void)
{
	struct recent_archives *r = xcalloc(1, sizeof(*r));

	pthread_mutex_init(&r->lock, NULL);
	return r;
}

void recent_archives_free(struct recent_archives *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < RECENT_MAX; i++)
		free(r->list[i].name);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static void recent_add(struct fs *fs, const char *name, off_t size)
{
	struct recent_archives *r = fs->recent;
	size_t i;

	pthread_mutex_lock(&r->lock);
	i = r->next++ % RECENT_MAX;
	free(r->list[i].name);
	r->list[i].name = xstrdup(name);
	r->list[i].size = size;
	r->list[i].until = time(NULL) + RECENT_SEC;
	pthread_mutex_unlock(&r->lock);
}

/* Return: its size, -1 if it is none. forget: it is none any more. */
static off_t recent_size(struct fs *fs, const char *name, int forget)
{
	struct recent_archives *r = fs->recent;
	off_t size = -1;

	pthread_mutex_lock(&r->lock);
	for (size_t i = 0; i < RECENT_MAX; i++) {
		if (!str_eq(r->list[i].name, name) || r->list[i].until <= time(NULL))
			continue;
		size = r->list[i].size;
		if (forget)
			r->list[i].until = 0;
	}
	pthread_mutex_unlock(&r->lock);
	return size;
}

/* -- an archive being copied in -- */

static const struct row row_archive;

struct archive {
	struct handle h;
	int fd;
	char *path; /* of the spool file, owned */
	int dirty;  /* h.lock */
	off_t size; /* h.lock */
};

struct import {
	struct archive *archive; /* owned reference to its handle */
	fuse_req_t req;
	unsigned uid;
};

static void *run_import(void *arg)
{
	struct import *i = arg;
	struct fs *fs = i->archive->h.fs;
	struct err err = ERR_INIT;
	struct buf report = BUF_INIT;
	int rc = lseek(i->archive->fd, 0, SEEK_SET) < 0 ? -errno : 0;

	if (rc == 0)
		rc = fs->rooms.images_import(fs->rooms.images, i->archive->fd, &report, &err);
	if (rc == 0) {
		recent_add(fs, i->archive->h.node->fname, i->archive->size);
		log_info("images: %s: %s", i->archive->h.node->fname, buf_str(&report));
	} else {
		CLEANUP_FREE char *path = xasprintf("images/%s", i->archive->h.node->fname);

		note_refusal(fs, i->uid, path, err.msg[0] ? err.msg : "import failed");
	}
	fuse_reply_err(i->req, rc < 0 ? reply_errno(rc) : 0);
	buf_fini(&report);
	handle_unref(&i->archive->h);
	free(i);
	fs->n_background--;
	return NULL;
}

static void archive_write(struct handle *h, struct call *c, const char *data, size_t len, off_t off)
{
	struct archive *a = (struct archive *)h;
	ssize_t n = pwrite(a->fd, data, len, off);

	if (n < 0) {
		fuse_reply_err(c->req, errno);
		return;
	}
	pthread_mutex_lock(&h->lock);
	a->dirty = 1;
	if (off + n > a->size)
		a->size = off + n;
	pthread_mutex_unlock(&h->lock);
	fuse_reply_write(c->req, (size_t)n);
}

static void archive_read(struct handle *h, struct call *c, size_t size, off_t off)
{
	CLEANUP_FREE char *data = xmalloc(size);
	ssize_t n = pread(((struct archive *)h)->fd, data, size, off);

	if (n < 0)
		fuse_reply_err(c->req, errno);
	else
		fuse_reply_buf(c->req, data, (size_t)n);
}

static void archive_flush(struct handle *h, struct call *c)
{
	struct archive *a = (struct archive *)h;
	pthread_attr_t detached;
	pthread_t thread;
	struct import *i;
	int dirty;

	pthread_mutex_lock(&h->lock);
	dirty = a->dirty;
	a->dirty = 0;
	pthread_mutex_unlock(&h->lock);
	if (!dirty) {
		reply_ok(c);
		return;
	}
	if (!c->fs->rooms.images_import) {
		err_set(&c->err, EOPNOTSUPP, "no image store here");
		reply_refused(c, h->node, NULL);
		return;
	}
	i = xcalloc(1, sizeof(*i));
	*i = (struct import){(struct archive *)handle_ref(h), c->req, c->uid};
	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	c->fs->n_background++;
	if (pthread_create(&thread, &detached, run_import, i) != 0) {
		c->fs->n_background--;
		handle_unref(h);
		free(i);
		fuse_reply_err(c->req, EAGAIN);
	}
	pthread_attr_destroy(&detached);
}

static int archive_stat(struct handle *h, struct stat *st)
{
	pthread_mutex_lock(&h->lock);
	st->st_size = ((struct archive *)h)->size;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static int archive_truncate(struct handle *h, off_t size)
{
	struct archive *a = (struct archive *)h;

	if (ftruncate(a->fd, size) < 0)
		return -errno;
	pthread_mutex_lock(&h->lock);
	a->size = size;
	pthread_mutex_unlock(&h->lock);
	return 0;
}

static void archive_release(struct handle *h)
{
	struct archive *a = (struct archive *)h;

	unlink(a->path);
	free(a->path);
	fd_close_at(&a->fd);
}

static const struct handle_ops archive_ops = {
	.read = archive_read,
	.write = archive_write,
	.flush = archive_flush,
	.stat = archive_stat,
	.truncate = archive_truncate,
	.release = archive_release,
};

/* The spool file. One for each open: two who copy under the same name do not mix. */
static int open_spool(struct call *c, char **path_out)
{
	CLEANUP_FREE char *dir = xasprintf("%s/images/tmp", c->fs->state_dir);
	CLEANUP_FREE char *path = xasprintf("%s/archive-XXXXXX", dir);
	int fd;

	if (fd_mkdir_p(dir, 0700, &c->err) < 0)
		return -1;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		err_sys(&c->err, errno, "spool file in %s", dir);
	else
		*path_out = STEAL(path);
	return fd;
}

static struct handle *new_archive(struct call *c, struct node *n, int flags)
{
	struct archive *a;
	char *path = NULL;
	int fd = open_spool(c, &path);

	if (fd < 0)
		return NULL;
	a = (struct archive *)handle_new(sizeof(*a), &archive_ops, c, n, flags);
	a->fd = fd;
	a->path = path;
	return &a->h;
}

/* An archive has no name of its own once it is closed: what it held is listed instead. */
static int stat_archive(struct call *c, const struct node *n, struct stat *st)
{
	off_t size = recent_size(c->fs, n->sub, 0);

	st->st_size = size < 0 ? 0 : size;
	return 0;
}

static const struct row row_archive = {
	.name = "<archive>",
	.where = "images/",
	.type = ROW_FILE,
	.mode = 0600,
	.stat = stat_archive,
	.open = new_archive,
	.writes = "an OCI or `docker save` archive (tar, gzip): imported at close, every digest "
		  "checked; "
		  "then its images are listed, and the archive is not",
	.errors = "at close: EINVAL no image archive or a digest that does not match; ENOSPC; "
		  "EOPNOTSUPP",
};

static void create_archive(struct call *c, struct node *dir, const char *name, unsigned mode,
			   void *fi_)
{
	struct fuse_file_info *fi = fi_;
	CLEANUP_NODE struct node *n =
		node_get(dir, name, &(struct place){.row = &row_archive, .sub = name});

	(void)mode;
	files_created(c, n, new_archive(c, n, fi->flags), fi);
}

static void unlink_image(struct call *c, struct node *dir, const char *name)
{
	const struct fs_rooms *rooms = &c->fs->rooms;
	CLEANUP_FREE char *reference = reference_of(name);

	if (recent_size(c->fs, name, 1) >= 0)
		; /* its images stay */
	else if (row_child(c, dir, name))
		err_set(&c->err, EPERM, "%s cannot be removed", name);
	else if (!rooms->images_remove)
		err_set(&c->err, EOPNOTSUPP, "no image store here");
	else
		rooms->images_remove(rooms->images, reference, &c->err);
	if (c->err.code)
		reply_refused(c, dir, name);
	else
		reply_ok(c);
}

/* -- the directory -- */

static struct node *find_image(struct call *c, struct node *dir, const char *name)
{
	struct looking l = {name, NULL, 0};

	each_image(c->fs, look, &l);
	if (l.found)
		return node_get(dir, name, &(struct place){.row = &row_image, .sub = name});
	if (recent_size(c->fs, name, 0) >= 0)
		return node_get(dir, name, &(struct place){.row = &row_archive, .sub = name});
	return NULL;
}

static void list_image(void *arg, const char *name, const char *line, size_t len)
{
	struct place at = {.row = &row_image, .sub = name};

	(void)line;
	(void)len;
	listing_add(arg, name, ROW_FILE, place_ino(&at));
}

static void list_images(struct call *c, struct node *dir, struct listing *out)
{
	(void)dir;
	each_image(c->fs, list_image, out);
}

static void rename_archive(struct call *c, struct node *dir, const char *name, struct node *to_dir,
			   const char *to_name, unsigned flags)
{
	off_t size = recent_size(c->fs, name, 0);

	(void)flags;
	if (dir != to_dir || size < 0 || row_child(c, dir, to_name)) {
		err_set(&c->err, EPERM, "images cannot be renamed");
		reply_refused(c, dir, name);
		return;
	}
	recent_size(c->fs, name, 1);
	recent_add(c->fs, to_name, size);
	reply_ok(c);
}

static const struct name_ops images_names = {
	.create = create_archive,
	.rename = rename_archive,
	.unlink = unlink_image,
};

static const struct row row_images_index = {
	.name = "_index",
	.where = "images/",
	.type = ROW_FILE,
	.mode = 0444,
	.flags = ROW_LIVE,
	.render = render_index,
	.reads = "a table of the images stored: name, id, size, layers",
};
static const struct row row_images_ctl = {
	.name = "ctl",
	.where = "images/",
	.type = ROW_FILE,
	.mode = 0600,
	.flags = ROW_FIXED | ROW_ACT_WRITE | ROW_COMMANDS,
	.render = render_ctl,
	.act = act_ctl,
	.reads = "the verbs and their usage",
	.writes = "one command a line",
	.errors = "EINVAL no such verb; EACCES",
};
static const struct row *const rows[] = {&row_images_index, &row_images_ctl, NULL};
const struct row *const *const images_rows = rows;
const struct row *const found_in_images[] = {&row_image, &row_archive, NULL};

const struct row row_images = {
	.name = "images",
	.where = "",
	.type = ROW_DIR,
	.mode = 0755,
	.flags = ROW_FIXED,
	.rows = rows,
	.find = find_image,
	.list = list_images,
	.names = &images_names,
	.reads = "the image store: one file an image",
	.writes =
		"`cp busybox.tar images/` imports an archive, `rm images/<image>` removes an image",
	.errors = "see `<archive>` and `<image>`",
};
