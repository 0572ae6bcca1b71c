/* SPDX-License-Identifier: MIT */
/*
 * The image store: images by name, layers by digest, each layer once.
 *
 *	<state>/images/index.json		names -> manifest digests
 *	<state>/images/blobs/sha256/<hex>	manifests and configs
 *	<state>/images/layers/<hex of diff id>/	an unpacked layer, overlayfs form of whiteouts
 *	<state>/images/holds/<pod uid>		the layers that a pod runs on
 *	<state>/images/tmp/			what is being written; emptied at start
 *
 * Names are normalised as Docker does: `busybox` is `docker.io/library/busybox:latest`.
 * Archives: OCI image layout and `docker save`, tar or tar.gz, every digest checked.
 *
 * Locking: an internal mutex; any thread. Imports and pulls run in the calling thread
 * (the daemon gives them one of their own) without holding it.
 */
#pragma once

#include "util/buf.h"
#include "util/err.h"

struct images;

struct image_config {                    /* what an image says about running it; owned */
	char **entrypoint, **cmd, **env; /* NULL-terminated, never NULL */
	char *user, *cwd;                /* "" when unset */
	char **exposed_ports, **volumes;
	int stop_signal; /* 0: unset */
};

struct image { /* refcounted; its layers stay while somebody holds it */
	_Atomic unsigned refs;
	char *name;    /* normalised reference asked for */
	char *id;      /* "sha256:<hex>" of the config */
	char *digest;  /* "sha256:<hex>" of the manifest */
	char **layers; /* directories, uppermost first, NULL-terminated */
	uint64_t size; /* bytes of all layers */
	struct image_config config;
};

struct images *images_open(const char *state_dir, struct err *err);
void images_close(struct images *im);

/* docker.io/library/busybox:latest. Owned, NULL with err when the text is no reference. */
char *image_normalize(const char *reference, struct err *err);

/* Owned reference; NULL with -ENOENT in err when it is not stored. By name, name@digest or id. */
struct image *images_get(struct images *im, const char *reference, struct err *err);
void image_unref(struct image *i);

/*
 * A pod runs on these layers (image.layers, or the layers of a container): they stay, whatever
 * happens to the images, until images_release() or until <state>/pods/<uid> is gone, also over
 * restarts of the daemon. Once per container start; again for the same layers costs nothing. Any
 * thread.
 */
int images_hold(struct images *im, const char *pod_uid, char *const *layers, struct err *err)
	MUST_CHECK;
/* The pod has ended. Idempotent. */
void images_release(struct images *im, const char *pod_uid);

/*
 * Every image in the archive, or none: fd may be a file (read from its start) or a pipe. One line
 * per image is appended to `report` (may be NULL): "docker.io/library/nginx:1 sha256:<id> 2 layers,
 * 1 new". Durable on return.
 */
int images_import(struct images *im, int fd, struct buf *report, struct err *err) MUST_CHECK;
/* A container's changes become an image: the one that it runs on, and a layer more. */
struct images_commit {
	const char *base;        /* the image that it runs on: its digest or id */
	const char *name;        /* of the new image; who had it before loses it */
	const char *created_by;  /* a line of its history */
	int upper, merged;       /* the writable directory of its overlayfs, and its root */
	unsigned id_base, n_ids; /* owners on disk: id_base + what they are inside */
};
/* In the caller's thread; may take long. Durable on return. -EEXIST: there are no changes that the
 * image has not already. */
int images_commit(struct images *im, const struct images_commit *c, struct err *err) MUST_CHECK;
/*
 * By name: that name; by id: all its names. Who holds the image keeps it, layers and all, and an
 * image that is held when the daemon ends is there after the start again (images_get() by id finds
 * it).
 */
int images_remove(struct images *im, const char *reference, struct err *err) MUST_CHECK;
/*
 * Delete images that have no name and that nobody holds: after pods were removed, and after the
 * running pods took hold of theirs again at start. image_unref() itself never deletes anything on
 * disk.
 */
void images_prune(struct images *im);
/* One line per running import: "importing nginx:1: layer 1 of 2, 12.3 MB". */
void images_progress(struct images *im, struct buf *out);
/* Table for images/_index: NAME ID SIZE LAYERS CREATED. */
void images_list(struct images *im, struct buf *out);

/* Where the user and group of "user[:group]" come from: the image's own /etc/passwd and /etc/group,
 * read safely. */
struct image_user {
	unsigned uid, gid;
	unsigned groups[64];
	size_t n_groups;
	char home[256];
};
int image_resolve_user(const struct image *i, const char *user, struct image_user *out,
		       struct err *err) MUST_CHECK;

/*
 * Unpack one layer (tar, maybe compressed) into an empty directory: whiteouts become overlayfs
 * whiteouts, hard links, xattrs, times and owners are kept, nothing is ever written outside of
 * dirfd (no `..`, no absolute names, no way through links). uncompressed_digest_out: 65 bytes of
 * hex.
 */
int layer_unpack(int archive_fd, int dirfd, char *uncompressed_digest_out, uint64_t *size_out,
		 struct err *err) MUST_CHECK;
