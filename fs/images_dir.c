/* SPDX-License-Identifier: MIT */
/*
 * images/: what is stored, one file an image. How an archive comes in: images_import.c.
 */
#include <errno.h>

#include "fs/attr.h"
#include "fs/dirs.h"
#include "fs/images_dir.h"
#include "fs/manifest_files.h"
#include "fs/reply.h"
#include "fs/verbs.h"

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

void each_image(struct fs *fs,
		void (*fn)(void *arg, const char *name, const char *line, size_t len), void *arg)
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

const struct row row_image = {
	.url = "/images",
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
	struct fs *fs = m->fs;

	room_verbs_act(m, fs->rooms.images_verbs, fs->rooms.images);
	images_changed(fs, NULL);
}

/* -- changes -- */

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
	if (c->err.code) {
		reply_refused(c, dir, name);
		return;
	}
	reply_ok(c);
	images_changed(c->fs, name);
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

const struct row row_images_index = {
	.url = "/images",
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
	.url = "/images",
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
