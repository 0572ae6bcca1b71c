/* SPDX-License-Identifier: MIT */
/*
 * Manifests: files that somebody put into the tree, kept byte by byte, and the
 * objects that they stand for. The tree (fs) says what happened to a file; what
 * that means for objects is decided here, in one place:
 *
 *   written	parse every document, server-side apply each with force, delete what an
 *		earlier version of this file held and this one does not; one transaction
 *		with the file itself. Refused: nothing changes but the draft: the bytes and
 *		the faults are kept under the name.
 *   removed	hidden at once, its objects deleted after a grace of 1 s (MANIFEST_GRACE_MS,
 *		durable); written again within it, it is an update.
 *   renamed	onto another manifest name: that name now holds the objects.
 *
 * A path is relative to the mount, without a leading slash: "apis/apps/v1/deployments/web.yaml",
 * "apis/core/v1/pods/prod/x.yml", "apply/site/all.yaml". Which kind belongs into which directory,
 * and which namespace it implies, follows from the path.
 *
 * Order: operations on one path, and writes that name a common object, commit in the order in
 * which they were handed over; others run side by side. Parsing and validation happen on the
 * caller's thread. `done` comes exactly once, on the caller's thread or on the store's committer
 * thread: it must not block, and may hand over the next operation.
 *
 * What the tree must know:
 *  - Who may see or change a *file* (apply/ is like /tmp) is the tree's business; what its objects
 *    need is asked of the api, with the caller that is given here. manifest_remove asks whether he
 *    may delete the objects at once, and refuses (-EACCES) before anything is hidden.
 *  - A write that is refused leaves a draft under the name, also where no file was before: size,
 *    bytes and `faults` (the content of <file>.err, lines
 *    `<file>:<line>:<col>: <field>: <message>`) are there once `done` has run. A good write, or
 *    the removal, ends it. A refused rename makes the target such a draft and leaves the source
 *    as it was.
 *  - No bytes are a draft without faults: nothing happens to objects, also those that it held
 *    before.
 *  - Below dry-run/ a good write keeps not the bytes but what would be stored, as YAML; reading
 *    shows it. Renaming to or from there is -EXDEV: mv copies.
 *  - `id` is another one when a file was removed and is written again.
 *  - Refusals are in manifest_errors of the writer and in an Event (reason ManifestRefused)
 *    at each of the objects that exists, by themselves: manifest_note_error is for what other
 *    files refuse.
 *  - Errors: -EINVAL the text; -EACCES; -EBUSY, -EPERM, -EDQUOT, -ENOENT (no such namespace) as
 *    the api has them; -ENOENT no such file or directory; -ENOSPC too many files; -EDQUOT too many
 *    drafts; -EIO.
 *
 * Locking: any thread.
 */
#pragma once

#include <time.h>

#include "objects/api.h"
#include "util/loop.h"

#define MANIFEST_GRACE_MS 1000

struct manifests;

struct manifest { /* a copy for the reader; manifest_fini */
	char *path;
	size_t size;
	unsigned mode, uid, gid;
	struct timespec mtime;
	int draft;    /* the bytes were refused (or never asked for: `touch`); `faults` says why */
	char *faults; /* content of <file>.err, NULL when there is none */
	uint64_t id;  /* stable while the file exists: for inode numbers */
};
void manifest_fini(struct manifest *m);

/* Before the loop runs, or on its thread. Removals that were under way are finished by the loop. */
struct manifests *manifests_new(struct api *api, struct loop *loop, struct err *err);
/* When the loop does not run (any more), or on its thread; before api_free and loop_free. Waits for
 * what is in flight. Removals whose grace is not over are finished by the next start. */
void manifests_free(struct manifests *all);

/* .yaml, .yml or .json: everything else in a collection is a scratch file, not ours. */
int manifest_is_name(const char *name);

/* Return: 0, -ENOENT. A removed file within its grace is not there. */
int manifest_get(struct manifests *all, const char *path, struct manifest *out) MUST_CHECK;
int manifest_read(struct manifests *all, const char *path, struct buf *out, struct err *err)
	MUST_CHECK;

struct manifest_list {
	struct manifest *list; /* sorted by path */
	size_t n;
};
/* Direct children of a directory. */
void manifest_list(struct manifests *all, const char *dir, struct manifest_list *out);
void manifest_list_fini(struct manifest_list *l);

/* Subdirectories of apply/ and dry-run/ that somebody made. Durable. */
int manifest_mkdir(struct manifests *all, const struct caller *who, const char *dir,
		   struct err *err) MUST_CHECK;
int manifest_rmdir(struct manifests *all, const char *dir, struct err *err) MUST_CHECK;
int manifest_is_dir(struct manifests *all, const char *dir);
/* Names of direct subdirectories, NUL-separated into out. */
void manifest_subdirs(struct manifests *all, const char *dir, struct buf *out);

struct manifest_attrs { /* what cp -p, rsync and touch set; kept for the file, they mean nothing for
			   objects */
	unsigned mode, uid, gid;
	struct timespec mtime;
};

/* rc 0: stored and applied. Else -errno, faults say it all (also kept as the draft). */
typedef void (*manifest_done_fn)(void *arg, int rc, const struct faults *faults);

/* The file's whole content is now this. bytes are taken (buffer left empty). Equal bytes are
 * applied again: what others changed or deleted meanwhile is as the manifest says. No bytes make an
 * empty draft (touch). */
void manifest_write(struct manifests *all, const struct caller *who, const char *path,
		    const struct manifest_attrs *attrs, struct buf *taken_bytes,
		    manifest_done_fn done, void *arg);
/* The file's whole content is now this, but nobody wants it applied: a draft, `why` its fault. */
void manifest_keep_draft(struct manifests *all, const struct caller *who, const char *path,
			 const struct manifest_attrs *attrs, struct buf *taken_bytes,
			 const char *why, manifest_done_fn done, void *arg);
/* What would be said of this text, when more of it may follow: nothing is kept, applied or noted. A
 * mere beginning (no object yet, or one without a kind) is no fault. */
void manifest_try(struct manifests *all, const struct caller *who, const char *path,
		  struct buf *taken_bytes, manifest_done_fn done, void *arg);
/*
 * What is certain already, in write(): tab indentation, no such kind, a kind that does not belong
 * into this directory, an object (of a short text) that the caller may not write. Return: 0 when
 * nothing is certain; -errno with err. text may be partial.
 */
int manifest_check_early(struct manifests *all, const struct caller *who, const char *path,
			 const char *text, size_t len, struct err *err) MUST_CHECK;
void manifest_remove(struct manifests *all, const struct caller *who, const char *path,
		     manifest_done_fn done, void *arg);
void manifest_rename(struct manifests *all, const struct caller *who, const char *from,
		     const char *to, manifest_done_fn done, void *arg);
void manifest_set_attrs(struct manifests *all, const char *path, const struct manifest_attrs *attrs,
			manifest_done_fn done, void *arg);

/* The reader's own refused writes, newest last: /k8s/errors. Bounded, in memory. */
void manifest_errors(struct manifests *all, const char *user, struct buf *out);
/* Others (one-value files, ctl, patch) put their refusals there, too. */
void manifest_note_error(struct manifests *all, const char *user, const char *path,
			 const char *text);
