/* SPDX-License-Identifier: MIT */
/*
 * An import in its three steps: what the archive holds (import_read.c), the
 * layers unpacked into tmp/ (import.c), all of it put in place at once (commit).
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
	struct image_archive archive;
	struct image_job job;
	struct incoming **list; /* owned */
	size_t n;
	struct strmap
		layers; /* hex -> struct import_layer: each once, however many images share it */
};

/* Fill list from the archive's index.json or manifest.json, all documents checked. */
int import_read(struct import *imp, struct err *err) MUST_CHECK;
void incoming_free(struct incoming *i);
