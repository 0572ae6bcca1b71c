/* SPDX-License-Identifier: MIT */
/* What the files of the codec share. */
#pragma once

#include "objects/value.h"

/* Where an offset stands in a text: from 1, columns in characters. */
struct place {
	unsigned line, column;
};
struct place place_of(const char *text, size_t off);

/* The decimal integer s[0..n), an optional sign before digits. Return: 1, or 0 if it is no int64_t.
 */
int int_of(const char *s, size_t n, int64_t *out);
/* The decimal fraction s[0..n), in the grammar of strtod. Locale plays no part. */
double double_of(const char *s, size_t n);

/* What a plain scalar stands for. */
enum scalar_kind {
	SCALAR_STRING,
	SCALAR_NULL,
	SCALAR_BOOL,
	SCALAR_INT,
	SCALAR_FLOAT, /* a number that is no int64_t */
	SCALAR_NONFINITE,
	SCALAR_TIMESTAMP,
	SCALAR_MERGE,
};
/* Resolve as go-yaml does; i and d take the number (bool in i). */
enum scalar_kind scalar_resolve(const char *s, size_t n, int64_t *i, double *d);

/* Floats as Go's encoding/json and go-yaml print them: the shortest text that reads back as d. */
void double_render_json(double d, struct buf *out);
void double_render_yaml(double d, struct buf *out);
/* A JSON string with its quotes. */
void json_quote(const char *s, size_t n, struct buf *out);

/* A float as the key of a map: Go's 'g' with the digits of a float32. */
void float_render_key(double d, struct buf *out);

struct faults;
/* A fault for each key that stands twice in one map of a document. */
void yaml_duplicates(const char *text, size_t len, unsigned document, struct faults *faults);
