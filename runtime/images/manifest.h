/* SPDX-License-Identifier: MIT */
/*
 * The JSON documents of an image: index, manifest, config, and docker-save's
 * manifest.json. Everything in them is checked before it is used.
 * Sources: OCI image-spec (image-index.md, manifest.md, config.md), Docker image spec v1.2.
 */
#pragma once

#include <jansson.h>

#include "runtime/images.h"
#include "runtime/images/digest.h"

#define MANIFEST_MAX_BYTES (4u << 20)
#define IMAGE_MAX_LAYERS   127 /* as Docker */

struct descriptor {
	char digest[DIGEST_SIZE];
	uint64_t size;
};

struct manifest {
	struct descriptor config;
	struct descriptor layers[IMAGE_MAX_LAYERS];
	size_t n_layers;
};

/* What a config says besides how to run. */
struct image_spec {
	struct image_config config;                       /* owned */
	char diff_ids[IMAGE_MAX_LAYERS][DIGEST_HEX_SIZE]; /* lowest first */
	size_t n_layers;
	char created[64]; /* RFC 3339, "" when unset */
};

/* One document, bounded. Owned; NULL with err. `what` names it in errors. */
json_t *manifest_json(const char *text, size_t len, const char *what, struct err *err);
int descriptor_parse(const json_t *j, const char *what, struct descriptor *out, struct err *err)
	MUST_CHECK;
int manifest_parse(const json_t *j, struct manifest *out, struct err *err) MUST_CHECK;
int image_spec_parse(const char *text, size_t len, struct image_spec *out, struct err *err)
	MUST_CHECK;
void image_config_fini(struct image_config *c);

/* An entry of an index that is for another machine, or is no image (attestations). */
int manifest_platform_fits(const json_t *descriptor);
/* "linux/amd64" of this machine. */
const char *manifest_platform(void);
/* True for the media types of an index (manifest list). */
int manifest_is_index(const json_t *j);
