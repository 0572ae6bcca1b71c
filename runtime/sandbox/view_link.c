/* SPDX-License-Identifier: MIT */
/*
 * Where a container's link leads, said so that it holds outside of it: whoever follows it does so from
 * a directory among others, below which the container's root is one more. So it goes up to that root
 * at most, and then down by names. Of these any may be a link by then: it is one that was said in
 * the same way.
 */
#include <errno.h>
#include <unistd.h>

#include "runtime/sandbox/view.h"

#define LINKS_MAX  40           /* as the kernel's MAXSYMLINKS */
#define WALKED_MAX (128u << 10) /* bytes of paths, to resolve one link */

static int read_target(const struct found *f, char target[PATH_MAX], struct err *err)
{
	ssize_t n;

	if (!S_ISLNK(f->st.st_mode))
		return err_set(err, EINVAL, "not a link");
	n = readlinkat(f->fd, "", target, PATH_MAX - 1);
	if (n < 0)
		return err_sys(err, errno, "reading a link");
	target[n] = '\0';
	return 0;
}

/* Where the walk of a link's target stands: below the root, without links as far as it is known. */
struct resolving {
	const struct container_view *v;
	struct buf at;   /* "a/b" */
	struct buf left; /* of the target, still to be walked */
	int n_links;
	size_t walked;
};

static void drop_last(struct buf *path)
{
	const char *slash = strrchr(buf_str(path), '/');

	buf_resize(path, slash ? (size_t)(slash - buf_str(path)) : 0);
}

/* `..` comes behind what the walk is at: if that is a link, go where it leads first. */
static int settle_last(struct resolving *r, struct err *err)
{
	CLEANUP_FOUND struct found f = FOUND_INIT;
	CLEANUP(buf_fini) struct buf left = BUF_INIT;
	char target[PATH_MAX];
	struct err ignored = ERR_INIT;

	/* a deep tree makes each look long */
	r->walked += r->at.len;
	if (r->walked > WALKED_MAX)
		return err_set(err, ELOOP, "a link of too many names");
	if (view_find(r->v, buf_str(&r->at), &f, &ignored) < 0 || !S_ISLNK(f.st.st_mode)) {
		drop_last(&r->at);
		return 0;
	}
	if (++r->n_links > LINKS_MAX)
		return err_set(err, ELOOP, "too many links");
	if (read_target(&f, target, err) < 0)
		return -err->code;
	buf_addf(&left, "%s/../%s", target, buf_str(&r->left));
	if (left.len > 4 * PATH_MAX)
		return err_set(err, ELOOP, "links of too many names");
	drop_last(&r->at);
	if (target[0] == '/')
		buf_resize(&r->at, 0);
	buf_resize(&r->left, 0);
	buf_add(&r->left, left.data, left.len);
	return 0;
}

static int resolve_next(struct resolving *r, struct err *err)
{
	CLEANUP_FREE char *left = xstrdup(buf_str(&r->left));
	const char *at = left;
	char name[NAME_MAX + 1];
	int rc = view_next_name(&at, name, err);

	if (rc < 0)
		return rc;
	buf_resize(&r->left, 0);
	buf_adds(&r->left, at);
	if (strcmp(name, "..") == 0)
		return r->at.len ? settle_last(r, err) : 0;
	if (*name && strcmp(name, ".") != 0)
		buf_addf(&r->at, "%s%s", r->at.len ? "/" : "", name);
	return 0;
}

static void add_relative(const char *from, const char *to, struct buf *out)
{
	for (const char *s = strchr(from, '/'); s; s = strchr(s + 1, '/'))
		buf_adds(out, "../");
	buf_adds(out, to);
	if (!*to && out->len)
		buf_resize(out, out->len - 1);
	else if (!*to)
		buf_adds(out, ".");
}

int container_readlink(const struct container_view *v, const char *path, struct buf *out,
		       struct err *err)
{
	CLEANUP_FOUND struct found f = FOUND_INIT;
	struct resolving r = {.v = v};
	char target[PATH_MAX];
	int rc = view_find(v, path, &f, err);

	if (rc == 0)
		rc = read_target(&f, target, err);
	if (rc < 0)
		return rc;
	if (target[0] != '/') {
		buf_adds(&r.at, path);
		drop_last(&r.at);
	}
	buf_adds(&r.left, target);
	while (rc == 0 && r.left.len)
		rc = resolve_next(&r, err);
	if (rc == 0)
		add_relative(path, buf_str(&r.at), out);
	buf_fini(&r.at);
	buf_fini(&r.left);
	return rc;
}
