/* SPDX-License-Identifier: MIT */
/*
 * Text to values and back. YAML as Kubernetes reads it (sigs.k8s.io/yaml on
 * YAML 1.1: `yes` and `on` are booleans, anchors, merge keys, literal blocks,
 * integers up to int64, several documents), JSON as RFC 8259.
 *
 * Bounds, each with a clear fault: VALUE_MAX_DEPTH levels, CODEC_MAX_BYTES of
 * text, and aliases that would expand past CODEC_MAX_NODES. Refused besides:
 * NUL and invalid UTF-8, duplicate keys, keys that are no scalars, tabs in the
 * indentation (libyaml says so).
 *
 * Locking: none; no state is shared.
 */
#pragma once

#include "objects/fault.h"

#define CODEC_MAX_BYTES (3u << 20)
#define CODEC_MAX_NODES 1000000u
/* JSON may be what we wrote ourselves: an escape is up to six bytes, and the server adds its
 * fields. */
#define CODEC_MAX_JSON_BYTES (8u * CODEC_MAX_BYTES)

/* One document of a text. */
struct document {
	struct value *value; /* owned; never NULL (empty documents are left out) */
	unsigned
		index; /* which document of the text, from 0, empty ones counted: for yaml_locate */
	unsigned line; /* where it starts, from 1 */
};

struct documents {
	struct document *list; /* owned */
	size_t n;
};
void documents_fini(struct documents *d);

/*
 * All documents of a YAML or JSON text (JSON is read as the YAML it is).
 * Return: 0, or -EINVAL/-EFBIG with all faults that parsing can tell (line and
 * column set); documents that did parse are in out all the same.
 */
int yaml_parse(const char *text, size_t len, struct documents *out, struct faults *faults)
	MUST_CHECK;
/* Exactly one scalar, list or map: what somebody echoes into a one-value file. */
struct value *yaml_parse_value(const char *text, size_t len, struct err *err);
/*
 * Fill line and column of every fault that has none, by walking the text again
 * to the steps of each fault: errors are rare, so good manifests carry no
 * positions. A field that is not in the text gets the place of its parent.
 */
void yaml_locate(const char *text, size_t len, unsigned document, struct faults *faults);

/* As `kubectl get -o yaml` prints it: block style, 2 spaces, lists not indented below their key. */
void yaml_render(const struct value *v, struct buf *out);
/* One scalar as a one-value file shows it: strings raw, without a newline. */
void scalar_render(const struct value *v, struct buf *out);

/* Strict JSON, one document. Return: owned value, NULL with err. */
struct value *json_parse(const char *text, size_t len, struct err *err);
/* Compact, keys sorted. */
void json_render(const struct value *v, struct buf *out);
/* Indented by 4 spaces, as `kubectl get -o json`. */
void json_render_pretty(const struct value *v, struct buf *out);
