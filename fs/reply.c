/* SPDX-License-Identifier: MIT */
#include "fs/reply.h"

#include <errno.h>

#include "fs/detour.h"
#include "util/log.h"

/* Codes that the rooms below use and that would mislead, or that the kernel would act upon. */
static const struct {
	int code, shown;
} shown_as[] = {
	{ESTALE, EBUSY}, /* of a write: a resourceVersion conflict; the kernel would walk again */
	{E2BIG, EFBIG},  /* too large */
	{ENOSYS, EOPNOTSUPP}, /* the kernel would never ask again */
	{ENOTSUP, EOPNOTSUPP}, {EINTR, EAGAIN}, {ENOMEM, EDQUOT},
};

int reply_errno(int code)
{
	if (code < 0)
		code = -code;
	for (size_t i = 0; i < ARRAY_LEN(shown_as); i++)
		if (shown_as[i].code == code)
			return shown_as[i].shown;
	return code > 0 && code < 4096 ? code : EIO;
}

void reply_error(struct call *c)
{
	int code = c->err.code ? c->err.code : EIO;

	c->fs->n_errors += code != ENOENT;
	detour_note_error(c);
	fuse_reply_err(c->req, code);
}

void note_refusal(struct fs *fs, const struct identity *who, const char *path, const char *text)
{
	manifest_note_error(fs->manifests, who->user, path, text);
	log_debug("%s: user %s: %s", path, who->user, text);
}

void reply_refused(struct call *c, const struct node *n, const char *name)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;
	int code = c->err.code ? c->err.code : EIO;

	c->fs->n_errors++;
	node_path(n, &path);
	if (name)
		buf_addf(&path, "%s%s", path.len ? "/" : "", name);
	if (c->err.msg[0])
		note_refusal(c->fs, call_who(c), buf_str(&path), c->err.msg);
	/* a node that is gone makes the kernel walk again, also when it was to be changed */
	reply_code(c->req, code == ESTALE ? ESTALE : reply_errno(code));
}

void reply_ok(struct call *c)
{
	reply_code(c->req, 0);
}

void reply_code(fuse_req_t req, int code)
{
	if (req)
		fuse_reply_err(req, code);
}
