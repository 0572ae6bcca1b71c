/* SPDX-License-Identifier: MIT */
/*
 * The image store from inside. `err` is never NULL in here: the functions of
 * images.h see to that.
 *
 * Lock order: change_lock, then lock. change_lock is held over whole changes of
 * the index, disk included; lock only for a look at the tables, so that a pod's
 * start never waits for an import.
 */
#pragma once

#include <pthread.h>

#include "runtime/images.h"
#include "runtime/images/manifest.h"
#include "util/strmap.h"

#define TRASH "trash-" /* in tmp/: to be deleted */

struct layer {
	char hex[DIGEST_HEX_SIZE];
	uint64_t size;
	unsigned refs; /* lock: images and running imports that need it */
};

/* An image as the store keeps it; what callers see is its first member. */
struct stored {
	struct image image;
	struct images *im;
	struct layer *layers[IMAGE_MAX_LAYERS]; /* lowest first, pinned */
	size_t n_layers;
	char created[64];
	int dangling; /* lock: no name any more; goes at a prune when nobody holds it */
};

/* What a running import says about itself. */
struct image_job {
	struct image_job *next;
	char text[200]; /* lock */
};

struct images {
	pthread_mutex_t change_lock;
	pthread_mutex_t lock;
	pthread_cond_t idle;  /* no sweep runs */
	char *dir;            /* <state>/images */
	struct strmap holds;  /* lock: pod uid -> struct hold */
	struct strmap layers; /* lock: hex -> struct layer */
	struct strmap names;  /* lock: name -> struct stored */
	struct stored **all;  /* lock: every image, named or dangling; one reference each */
	size_t n_all;
	struct image_job *jobs;    /* lock */
	unsigned long serial;      /* lock: of names in tmp/ */
	int sweeping, sweep_again; /* lock */
};

/* <dir>/<kind>/<name>; owned. */
char *images_path(const struct images *im, const char *kind, const char *name);
/* A new name in tmp/; owned path. */
char *images_tmp(struct images *im, const char *hint);
/* The same for what is to be deleted. */
char *images_trash(struct images *im);
int images_write_blob(struct images *im, const char *digest, const void *data, size_t len,
		      struct err *err) MUST_CHECK;
int images_read_blob(const struct images *im, const char *digest, struct buf *out, struct err *err)
	MUST_CHECK;

int layer_on_disk(const struct images *im, const char *hex);
/* The layer with one more reference, or NULL when it is not stored. */
struct layer *layer_pin(struct images *im, const char *hex);
/* Put an unpacked directory of tmp/ in its place, pinned; if it is there already, the directory is
 * left. */
struct layer *layer_adopt(struct images *im, const char *hex, const char *tmp, uint64_t size,
			  struct err *err);
/* Unpinned and moved away when nobody needs it. */
void layer_unpin(struct images *im, struct layer *l);

/* Takes the pins and the config in spec. Entered in no table. */
struct stored *stored_new(struct images *im, const char *name, const char *digest, const char *id,
			  struct image_spec *spec, struct layer **layers);

void stored_free(struct stored *s, int unpin);

/* A change of the index: some images get names, some lose them. */
struct images_change {
	struct stored **add; /* under their names; who had a name before becomes dangling */
	size_t n_add;
	struct stored **dangle;
	size_t n_dangle;
};
/* Write the index as it will be. change_lock held; durable when it returns 0. */
int images_index_write(struct images *im, const struct images_change *c, struct err *err)
	MUST_CHECK;
/* Every image that the index names and whose parts are there, into the tables. */
int images_index_load(struct images *im, struct err *err) MUST_CHECK;
/* Remove layers and blobs that no image has: what a crash left. */
int images_remove_strays(struct images *im, struct err *err) MUST_CHECK;

/* After the index: the layers that pods run on. */
int images_holds_load(struct images *im, struct err *err) MUST_CHECK;
/* Release what pods that are gone held. */
void images_holds_drop_dead(struct images *im);
void images_holds_fini(struct images *im);

/* Delete what is in tmp/trash-*, in a thread of its own. */
void images_sweep(struct images *im);

void image_job_begin(struct images *im, struct image_job *j);
void image_job_say(struct images *im, struct image_job *j, const char *fmt, ...) PRINTF_LIKE(3, 4);
void image_job_end(struct images *im, struct image_job *j);
