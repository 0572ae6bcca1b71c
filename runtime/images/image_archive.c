/* SPDX-License-Identifier: MIT */
/* An image archive: see archive.h. */
#include "runtime/images/image_archive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/images/tree.h"
#include "util/fd.h"

#define MEMBERS_MAX    20000
#define SPOOL_MAX      (128ull << 30)
#define LINKS_MAX      8
#define PROGRESS_EVERY (4u << 20)

/* A member: where its header begins, or what it is a link to. */
struct place {
	int64_t header;
	uint64_t size;
	char *link; /* owned; in normal form */
};

/* -- making it seekable -- */

static int copy_stream(struct stream *in, int to, archive_progress_fn progress, void *arg,
		       struct err *err)
{
	uint64_t total = 0, told = 0;
	const void *block;
	int64_t n;

	while ((n = in->next(in, &block, err)) > 0) {
		int rc = fd_write_all(to, block, (size_t)n);

		if (rc < 0)
			return err_sys(err, -rc, "write temporary copy of the archive");
		total += (uint64_t)n;
		if (total > SPOOL_MAX)
			return err_set(err, EFBIG, "archive: larger than %llu bytes", SPOOL_MAX);
		if (progress && total - told >= PROGRESS_EVERY) {
			told = total;
			rc = progress(arg, total);
			if (rc < 0)
				return rc;
		}
	}
	return (int)n;
}

static int spool(struct image_archive *a, const char *tmp_dir, archive_progress_fn progress,
		 void *arg, struct err *err)
{
	struct fd_stream in;
	struct inflate plain;
	int seekable = lseek(a->fd, 0, SEEK_CUR) >= 0;
	int rc;

	a->spool = open(tmp_dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (a->spool < 0)
		return err_sys(err, errno, "temporary file in %s", tmp_dir);
	fd_stream_init(&in, a->fd, seekable ? 0 : -1);
	rc = inflate_init(&plain, &in.base, err);
	if (rc == 0)
		rc = copy_stream(&plain.base, a->spool, progress, arg, err);
	inflate_fini(&plain);
	fd_stream_fini(&in);
	a->fd = a->spool;
	return rc;
}

/* gzip, zstd, or nothing that can be read twice. */
static int needs_spool(int fd)
{
	unsigned char magic[4];
	ssize_t n = pread(fd, magic, sizeof(magic), 0);

	return n < 0 || (n >= 2 && memcmp(magic, "\x1f\x8b", 2) == 0) ||
	       (n == 4 && memcmp(magic, "\x28\xb5\x2f\xfd", 4) == 0);
}

/* -- the members -- */

static void place_free(struct place *p)
{
	if (!p)
		return;
	free(p->link);
	free(p);
}

/* "../<id>/layer.tar" in a directory of the archive: old versions of docker save share layers so.
 */
static char *link_target(const char *name, struct archive_entry *e)
{
	const char *hard = archive_entry_hardlink(e), *soft = archive_entry_symlink(e), *slash;
	CLEANUP_FREE char *path = NULL;
	char clean[PATH_MAX];

	if (hard)
		return tree_clean_name(hard, clean, NULL) == 0 ? xstrdup(clean) : NULL;
	if (!soft)
		return NULL;
	slash = strrchr(name, '/');
	if (str_starts(soft, "../") && slash) {
		soft += 3;
		while (slash > name && slash[-1] != '/')
			slash--;
		path = xasprintf("%.*s%s", (int)(slash - name), name, soft);
	} else {
		path = xasprintf("%.*s%s", slash ? (int)(slash - name) + 1 : 0, name, soft);
	}
	return tree_clean_name(path, clean, NULL) == 0 ? xstrdup(clean) : NULL;
}

static int note_member(struct image_archive *a, struct archive_in *in, struct archive_entry *e,
		       struct err *err)
{
	const char *pathname = archive_entry_pathname(e);
	char name[PATH_MAX];
	struct place *p;

	if (!pathname)
		return err_set(err, EINVAL, "archive: a member without a name");
	if (tree_clean_name(pathname, name, err) < 0)
		return err_wrap(err, "archive");
	if (archive_entry_filetype(e) == AE_IFDIR && !archive_entry_hardlink(e))
		return 0;
	if (a->members.n >= MEMBERS_MAX)
		return err_set(err, E2BIG, "archive: more than %d members", MEMBERS_MAX);
	p = xcalloc(1, sizeof(*p));
	p->header = archive_read_header_position(in->a);
	p->size = archive_entry_size(e) > 0 ? (uint64_t)archive_entry_size(e) : 0;
	p->link = link_target(name, e);
	/* As when unpacking: the last of one name wins. */
	place_free(strmap_set(&a->members, name, p));
	return 0;
}

static int note_members(struct image_archive *a, struct err *err)
{
	struct fd_stream file;
	struct archive_in in;
	struct archive_entry *e;
	int rc;

	fd_stream_init(&file, a->fd, 0);
	rc = archive_in_open(&in, &file.base, ARCHIVE_IN_TAR, err);
	while (rc == 0) {
		rc = archive_in_next(&in, &e, err);
		if (rc <= 0)
			break;
		rc = note_member(a, &in, e, err);
	}
	archive_in_close(&in);
	fd_stream_fini(&file);
	return rc;
}

int image_archive_open(struct image_archive *a, int fd, const char *tmp_dir,
		       archive_progress_fn progress, void *arg, struct err *err)
{
	int rc = 0;

	*a = (struct image_archive){.fd = fd, .spool = -1, .members = STRMAP_INIT};
	if (needs_spool(fd))
		rc = spool(a, tmp_dir, progress, arg, err);
	if (rc == 0)
		rc = note_members(a, err);
	if (rc < 0)
		image_archive_close(a);
	return rc;
}

void image_archive_close(struct image_archive *a)
{
	STRMAP_FOREACH (s, &a->members)
		place_free(s->val);
	strmap_fini(&a->members);
	fd_close_at(&a->spool);
}

static const struct place *find(const struct image_archive *a, const char *name)
{
	const struct place *p = strmap_get(&a->members, name);

	for (int i = 0; p && p->link && i < LINKS_MAX; i++)
		p = strmap_get(&a->members, p->link);
	return p && !p->link ? p : NULL;
}

int image_archive_has(const struct image_archive *a, const char *name)
{
	return find(a, name) != NULL;
}

/* -- one member -- */

static int64_t member_next(struct stream *base, const void **block, struct err *err)
{
	struct member *m = CONTAINER_OF(base, struct member, base);
	la_int64_t at;
	size_t n;
	int rc;

	do {
		rc = archive_read_data_block(m->archive.a, block, &n, &at);
	} while (rc == ARCHIVE_OK && n == 0);
	if (rc == ARCHIVE_EOF)
		return 0;
	return rc == ARCHIVE_OK ? (int64_t)n : archive_in_fail(&m->archive, err);
}

int member_open(struct member *m, const struct image_archive *a, const char *name, struct err *err)
{
	const struct place *p = find(a, name);
	struct archive_entry *e;
	int rc;

	*m = (struct member){.base.next = member_next};
	if (!p)
		return err_set(err, ENOENT, "archive: %.200s is missing", name);
	fd_stream_init(&m->file, a->fd, p->header);
	rc = archive_in_open(&m->archive, &m->file.base, ARCHIVE_IN_TAR, err);
	if (rc == 0)
		rc = archive_in_next(&m->archive, &e, err);
	if (rc > 0 && (archive_entry_filetype(e) != AE_IFREG || archive_entry_sparse_count(e) > 0))
		rc = err_set(err, EINVAL, "archive: %.200s is no plain file", name);
	else if (rc == 0)
		rc = err_set(err, EINVAL, "archive: %.200s cannot be read again", name);
	m->size = p->size;
	if (rc < 0)
		member_close(m);
	return rc < 0 ? rc : 0;
}

void member_close(struct member *m)
{
	archive_in_close(&m->archive);
	fd_stream_fini(&m->file);
}

int image_archive_read(const struct image_archive *a, const char *name, size_t max, struct buf *out,
		       struct err *err)
{
	struct member m;
	const void *block;
	int64_t n;

	if (member_open(&m, a, name, err) < 0)
		return -err->code;
	if (m.size > max) {
		member_close(&m);
		return err_set(err, EFBIG, "archive: %.200s: larger than %zu bytes", name, max);
	}
	while ((n = m.base.next(&m.base, &block, err)) > 0)
		buf_add(out, block, (size_t)n);
	member_close(&m);
	return n < 0 ? (int)n : 0;
}
