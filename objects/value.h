/* SPDX-License-Identifier: MIT */
/*
 * Values: immutable, reference-counted trees of what JSON can say.
 *
 * A map is sorted by key (bytewise), so lookups are O(log n), two equal maps
 * are equal element by element, and every rendering is canonical: it is the
 * order that `kubectl get -o yaml` prints.
 *
 * Editing consumes and returns: `m = value_set(m, "k", child)`. When m is
 * shared, the spine is copied and the children are shared with the old tree;
 * when m is held once, it is changed in place. So one API serves building and
 * changing, and a published tree never changes under its readers.
 *
 * Ownership: `value_new_*`, `value_ref` and all that return `struct value *`
 * from an edit give an owned reference. `value_get/at/...` lend: valid while
 * the parent is. Parameters called `taken` are consumed, also on failure.
 *
 * Locking: reference counts are atomic. A tree may be read by any threads at
 * once; an edit needs an owned reference, nothing more.
 *
 * No operation here fails, except for lack of memory, which ends the process.
 * Depth is bounded by the decoders (VALUE_MAX_DEPTH), so recursion is safe.
 */
#pragma once

#include "util/base.h"
#include "util/buf.h"

#define VALUE_MAX_DEPTH 128

enum value_type {
	VALUE_NULL,
	VALUE_BOOL,
	VALUE_INT,    /* int64_t */
	VALUE_DOUBLE, /* a number that is no int64_t */
	VALUE_STRING, /* bytes with a length; NUL-terminated besides */
	VALUE_LIST,
	VALUE_MAP,
};

struct value;

struct value *value_ref(const struct value *v); /* NULL gives NULL */
void value_unref(struct value *v);              /* NULL is fine */
DEFINE_CLEANUP(struct value *, value_unref)
#define CLEANUP_VALUE CLEANUP(value_unrefp)

struct value *value_new_null(void);
struct value *value_new_bool(int b);
struct value *value_new_int(int64_t i);
struct value *value_new_double(double d);
struct value *value_new_string(const char *s);
struct value *value_new_stringn(const char *s, size_t n);
struct value *value_new_stringf(const char *fmt, ...) PRINTF_LIKE(1, 2);
struct value *value_new_list(void);
struct value *value_new_map(void);

/* NULL: VALUE_NULL. Asked so often that it is no call: a value's first byte is its type. */
static inline enum value_type value_type(const struct value *v)
{
	return v ? (enum value_type)(*(const unsigned char *)v) : VALUE_NULL;
}
static inline int value_is(const struct value *v, enum value_type t)
{
	return v && value_type(v) == t;
}

/* Scalars, with a default for NULL or another type. */
int value_bool(const struct value *v, int otherwise);
int64_t value_int(const struct value *v, int64_t otherwise);
double value_double(const struct value *v, double otherwise); /* an int converts */
const char *value_str(const struct value *v, const char *otherwise);
size_t value_strlen(const struct value *v); /* 0 unless a string */

/* Lists and maps; 0 / NULL for NULL or another type. Index i < value_count(v). */
size_t value_count(const struct value *v);
const struct value *value_at(const struct value *v,
			     size_t i); /* element, or the map's i-th value */
const char *value_key_at(const struct value *map, size_t i);
const struct value *value_get(const struct value *map, const char *key);
/* A path of keys, ended by NULL: value_dig(pod, "spec", "nodeName", NULL). */
const struct value *value_dig(const struct value *v, ...) __attribute__((sentinel));
/* Shorthands of the two most frequent digs: a string (NULL if absent), an int. */
const char *value_dig_str(const struct value *v, ...) __attribute__((sentinel));

/* Edits: consume `taken` and return its successor. A NULL child removes the key. */
struct value *value_set(struct value *taken_map, const char *key, struct value *taken_child);
struct value *value_del(struct value *taken_map, const char *key);
struct value *value_set_str(struct value *taken_map, const char *key, const char *s);
struct value *value_set_int(struct value *taken_map, const char *key, int64_t i);
struct value *value_set_bool(struct value *taken_map, const char *key, int b);
struct value *value_append(struct value *taken_list, struct value *taken_child);
struct value *value_set_at(struct value *taken_list, size_t i, struct value *taken_child);
struct value *value_insert_at(struct value *taken_list, size_t i, struct value *taken_child);
struct value *value_del_at(struct value *taken_list, size_t i);
/* Set at a path of keys; maps on the way are made. value_bury(pod, child, "status", "phase", NULL)
 */
struct value *value_bury(struct value *taken_map, struct value *taken_child, ...)
	__attribute__((sentinel));

/*
 * Build a map in any key order without sorting at each step: add, then seal.
 * Duplicate keys: value_map_seal() returns the index order's first duplicate
 * key through dup_out (borrowed), the last value wins.
 */
struct value *value_map_add(struct value *taken_map, const char *key, size_t key_len,
			    struct value *taken_child);
struct value *value_map_seal(struct value *taken_map, const char **dup_out);

int value_equal(const struct value *a, const struct value *b); /* NULL equals NULL only; 1 == 1.0 */
uint64_t value_hash(const struct value *v);
/* Bytes of memory this tree would take alone: for accounting and limits. */
size_t value_memory(const struct value *v);

/*
 * Names that many trees share. A known name is one immortal string value:
 * keys found here cost no memory. Filled once at start, before threads.
 */
void value_intern(const char *name);
