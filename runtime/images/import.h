/* SPDX-License-Identifier: MIT */
/*
 * An import in its three steps: what the archive holds (import_read.c), the
 * layers unpacked into tmp/, all of it put in place at once (import.c). The
 * first two read what somebody hostile wrote: k8sfs-image does them, a process
 * without rights elsewhere (worker.c); import.c asks it by worker_link.h.
 */
#pragma once

#include "runtime/images/image_archive.h"
#include "runtime/images/store_i.h"

#define IMPORT_IMAGES_MAX 1000

/* One image of the archive under one name. */
struct incoming {
	char *name;               /* normalised; the id for an image without a name */
	char digest[DIGEST_SIZE]; /* of the manifest */
	char id[DIGEST_SIZE];     /* of the config */
	struct buf manifest, config;
	struct image_spec spec;
	struct {
		char *member;           /* of the archive; owned */
		char blob[DIGEST_SIZE]; /* of the member, "": not told */
	} layers[IMAGE_MAX_LAYERS];
	int known;      /* stored already, under this name */
	unsigned n_new; /* layers */
};

struct import {
	struct images *im;
	struct image_archive archive; /* the worker's */
	struct image_worker *worker;  /* the daemon's; NULL: ended */
	char *dir;                    /* the daemon's: in tmp/, the worker's whole world */
	struct image_job job;
	size_t documents;       /* bytes read so far */
	struct incoming **list; /* owned */
	size_t n;
	struct strmap
		layers; /* hex -> struct import_layer: each once, however many images share it */
};

/* -- import.c: what commit.c makes in its own way, too -- */

/* A layer that was unpacked into this directory. */
void import_add_layer(struct import *imp, const char *hex, const char *dir, uint64_t size);
/* One that is stored; -ENOENT. */
int import_pin_layer(struct import *imp, const char *hex) MUST_CHECK;
/* Put all in place: documents, layers, names. Durable. */
int import_commit(struct import *imp, struct err *err) MUST_CHECK;
void import_fini(struct import *imp, int done);

/* Fill list from the archive's index.json or manifest.json, all documents checked. */
int import_read(struct import *imp, struct err *err) MUST_CHECK;
/* A manifest for a config without one: layers are named by their uncompressed tars. */
void incoming_make_manifest(struct incoming *i);
void incoming_free(struct incoming *i);
DEFINE_CLEANUP(struct incoming *, incoming_free)
