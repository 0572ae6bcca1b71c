/* SPDX-License-Identifier: MIT */
/*
 * What makes a store durable: a table of rows behind an interface. SQLite on
 * one machine (backend_sqlite_open), etcd where several share it.
 *
 * Locking: commit and compact are called by the committer thread alone, load
 * before it starts; read_record from any thread.
 */
#pragma once

#include "util/buf.h"
#include "util/err.h"

enum backend_table { BACKEND_OBJECT, BACKEND_RECORD };

/* A row to write. Objects: space is "deployments.apps", id "<ns>/<name>", body JSON. */
struct backend_row {
	enum backend_table table;
	uint64_t row; /* objects: number of the row, unique, chosen by the store, > 0 */
	const char *space, *id;
	const char *body; /* JSON of an object, meta of a record; NULL deletes the row */
	size_t body_len;
	const char *bytes; /* records: content; NULL keeps what is there */
	size_t bytes_len;
};

typedef int (*backend_load_fn)(void *arg, const struct backend_row *row, struct err *err);

struct backend {
	const struct backend_ops *ops;
};

struct backend_ops {
	/* Every row (record bytes left out) and the last revision committed. */
	int (*load)(struct backend *b, backend_load_fn fn, void *arg, uint64_t *revision_out,
		    struct err *err);
	/* All rows and the new revision, durable on return, or nothing at all. */
	int (*commit)(struct backend *b, const struct backend_row *rows, size_t n_rows,
		      uint64_t revision, struct err *err);
	int (*read_record)(struct backend *b, const char *space, const char *id, struct buf *out,
			   struct err *err);
	int (*compact)(struct backend *b, struct err *err);
	uint64_t (*size)(struct backend *b);
	void (*close)(struct backend *b);
};

/*
 * Open or create a database file. Errors: -EBUSY another daemon has it; -EBADMSG the
 * file is damaged or not ours (it is left as it is, err says what to do).
 */
struct backend *backend_sqlite_open(const char *path, struct err *err);

struct sealer; /* objects/store/seal.h */
/*
 * Encryption at rest: a backend that seals what it writes to another one, and opens what it reads.
 * Takes both; sealer NULL: no key, a row that is sealed is an error of load (-ENOKEY). seals 0: new
 * text is plain. resources: those of objects that are sealed ("secrets", "x.example.com"),
 * NULL-terminated, borrowed; records are sealed all. load writes anew what is stored otherwise.
 */
struct backend *backend_sealed(struct backend *taken, struct sealer *taken_sealer, int seals,
			       const char *const *resources);
