/* SPDX-License-Identifier: MIT */
/*
 * SQLite as the backend: WAL, synchronous=FULL. Two tables, `object` and
 * `record`, and a `meta` row for the revision. The store knows the row of each
 * object, so a write is one update by primary key; nothing is ever searched.
 *
 * The committer has one connection, readers of record bytes another under a
 * mutex of their own, so that they never wait for a commit.
 *
 * A file that is not ours, or is damaged, is refused and left as it is.
 */
#include "objects/store/backend.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"

#define APPLICATION_ID 0x6b386673 /* "k8fs" */
#define LAYOUT_VERSION 1

enum statement {
	PUT_OBJECT,
	DELETE_OBJECT,
	PUT_RECORD,
	PUT_RECORD_META,
	DELETE_RECORD,
	SET_REVISION,
	BEGIN,
	COMMIT,
	ROLLBACK,
	N_STATEMENTS
};

static const char *const statements[N_STATEMENTS] = {
	[PUT_OBJECT] = "INSERT INTO object(row, space, id, body) VALUES (?1, ?2, ?3, ?4) "
		       "ON CONFLICT(row) DO UPDATE SET body = ?4",
	[DELETE_OBJECT] = "DELETE FROM object WHERE row = ?1",
	[PUT_RECORD] = "INSERT INTO record(space, id, meta, bytes) VALUES (?1, ?2, ?3, ?4) "
		       "ON CONFLICT(space, id) DO UPDATE SET meta = ?3, bytes = ?4",
	[PUT_RECORD_META] = "INSERT INTO record(space, id, meta, bytes) VALUES (?1, ?2, ?3, x'') "
			    "ON CONFLICT(space, id) DO UPDATE SET meta = ?3",
	[DELETE_RECORD] = "DELETE FROM record WHERE space = ?1 AND id = ?2",
	[SET_REVISION] = "UPDATE meta SET value = ?1 WHERE key = 'revision'",
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
};

static const char layout[] = "CREATE TABLE object(row INTEGER PRIMARY KEY, space TEXT NOT NULL, id "
			     "TEXT NOT NULL, body BLOB NOT NULL);"
			     "CREATE TABLE record(space TEXT NOT NULL, id TEXT NOT NULL, meta TEXT "
			     "NOT NULL, bytes BLOB NOT NULL,"
			     " UNIQUE(space, id));"
			     "CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
			     "INSERT INTO meta VALUES ('revision', 0);";

struct sqlite_backend {
	struct backend base;
	sqlite3 *db; /* the committer's */
	sqlite3_stmt *stmt[N_STATEMENTS];
	pthread_mutex_t read_lock;
	sqlite3 *reader;          /* read_lock */
	sqlite3_stmt *read_bytes; /* read_lock */
	char *path;
};

static int errno_of(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return ENOSPC;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return EBUSY;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return EBADMSG;
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return EROFS;
	default:
		return EIO;
	}
}

static int fail(const struct sqlite_backend *b, sqlite3 *db, struct err *err)
{
	int code = errno_of(sqlite3_extended_errcode(db));

	if (code == EBADMSG)
		return err_set(
			err, code,
			"%s: damaged or not a database (%s); it was left as it is: move it away to "
			"start empty, or save what is in it with `sqlite3 %s .recover`",
			b->path, sqlite3_errmsg(db), b->path);
	if (code == ENOSPC)
		return err_set(err, code, "%s: no space left on the disk", b->path);
	return err_set(err, code, "%s: %s", b->path, sqlite3_errmsg(db));
}

static struct sqlite_backend *self(struct backend *base)
{
	return CONTAINER_OF(base, struct sqlite_backend, base);
}

static int exec(struct sqlite_backend *b, const char *sql, struct err *err)
{
	return sqlite3_exec(b->db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : fail(b, b->db, err);
}

static int query_int(struct sqlite_backend *b, const char *sql, int64_t *out, struct err *err)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(b->db, sql, -1, &st, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_ROW ? 0 : fail(b, b->db, err);
}

/* Ours, or empty. A foreign database is not touched. */
static int check_or_create(struct sqlite_backend *b, struct err *err)
{
	int64_t app, version, tables;
	char sql[sizeof(layout) + 128];

	if (query_int(b, "PRAGMA application_id", &app, err) < 0 ||
	    query_int(b, "PRAGMA user_version", &version, err) < 0 ||
	    query_int(b, "SELECT count(*) FROM sqlite_master", &tables, err) < 0)
		return -err->code;
	if (tables && app != APPLICATION_ID)
		return err_set(
			err, EBADMSG,
			"%s: a database of another program; choose another --state directory",
			b->path);
	if (tables && version != LAYOUT_VERSION)
		return err_set(
			err, EBADMSG,
			"%s: written by another version of k8sfs (layout %d, this one reads %d)",
			b->path, (int)version, LAYOUT_VERSION);
	if (tables)
		return 0;
	snprintf(sql, sizeof(sql),
		 "BEGIN; PRAGMA application_id = %d; PRAGMA user_version = %d; %s COMMIT;",
		 APPLICATION_ID, LAYOUT_VERSION, layout);
	return exec(b, sql, err);
}

static int prepare(struct sqlite_backend *b, struct err *err)
{
	for (int i = 0; i < N_STATEMENTS; i++)
		if (sqlite3_prepare_v3(b->db, statements[i], -1, SQLITE_PREPARE_PERSISTENT,
				       &b->stmt[i], NULL))
			return fail(b, b->db, err);
	if (sqlite3_open_v2(b->path, &b->reader, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL))
		return fail(b, b->reader, err);
	sqlite3_busy_timeout(b->reader, 5000);
	if (sqlite3_prepare_v3(b->reader, "SELECT bytes FROM record WHERE space = ?1 AND id = ?2",
			       -1, SQLITE_PREPARE_PERSISTENT, &b->read_bytes, NULL))
		return fail(b, b->reader, err);
	return 0;
}

static int load_objects(struct sqlite_backend *b, backend_load_fn fn, void *arg, struct err *err)
{
	sqlite3_stmt *st = NULL;
	int rc, out = 0;

	if (sqlite3_prepare_v2(b->db, "SELECT row, space, id, body FROM object", -1, &st, NULL))
		return fail(b, b->db, err);
	while (out == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct backend_row row = {
			.table = BACKEND_OBJECT,
			.row = (uint64_t)sqlite3_column_int64(st, 0),
			.space = (const char *)sqlite3_column_text(st, 1),
			.id = (const char *)sqlite3_column_text(st, 2),
			.body = sqlite3_column_blob(st, 3),
			.body_len = (size_t)sqlite3_column_bytes(st, 3),
		};
		out = fn(arg, &row, err);
	}
	if (out == 0 && rc != SQLITE_DONE)
		out = fail(b, b->db, err);
	sqlite3_finalize(st);
	return out;
}

static int load_records(struct sqlite_backend *b, backend_load_fn fn, void *arg, struct err *err)
{
	sqlite3_stmt *st = NULL;
	int rc, out = 0;

	if (sqlite3_prepare_v2(b->db, "SELECT space, id, meta FROM record", -1, &st, NULL))
		return fail(b, b->db, err);
	while (out == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		struct backend_row row = {
			.table = BACKEND_RECORD,
			.space = (const char *)sqlite3_column_text(st, 0),
			.id = (const char *)sqlite3_column_text(st, 1),
			.body = (const char *)sqlite3_column_text(st, 2),
			.body_len = (size_t)sqlite3_column_bytes(st, 2),
		};
		out = fn(arg, &row, err);
	}
	if (out == 0 && rc != SQLITE_DONE)
		out = fail(b, b->db, err);
	sqlite3_finalize(st);
	return out;
}

static int sqlite_load(struct backend *base, backend_load_fn fn, void *arg, uint64_t *revision_out,
		       struct err *err)
{
	struct sqlite_backend *b = self(base);
	int64_t revision;
	int rc = query_int(b, "SELECT value FROM meta WHERE key = 'revision'", &revision, err);

	if (rc == 0)
		rc = load_objects(b, fn, arg, err);
	if (rc == 0)
		rc = load_records(b, fn, arg, err);
	*revision_out = (uint64_t)revision;
	return rc;
}

static int step(struct sqlite_backend *b, enum statement which, struct err *err)
{
	int rc = sqlite3_step(b->stmt[which]);

	if (rc != SQLITE_DONE)
		fail(b, b->db, err);
	sqlite3_reset(b->stmt[which]);
	return rc == SQLITE_DONE ? 0 : -1;
}

static int write_object(struct sqlite_backend *b, const struct backend_row *r, struct err *err)
{
	sqlite3_stmt *st = b->stmt[r->body ? PUT_OBJECT : DELETE_OBJECT];

	sqlite3_bind_int64(st, 1, (sqlite3_int64)r->row);
	if (!r->body)
		return step(b, DELETE_OBJECT, err);
	sqlite3_bind_text(st, 2, r->space, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 3, r->id, -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, 4, r->body, (int)r->body_len, SQLITE_STATIC);
	return step(b, PUT_OBJECT, err);
}

static int write_record(struct sqlite_backend *b, const struct backend_row *r, struct err *err)
{
	enum statement which = !r->body ? DELETE_RECORD : r->bytes ? PUT_RECORD : PUT_RECORD_META;
	sqlite3_stmt *st = b->stmt[which];

	sqlite3_bind_text(st, 1, r->space, -1, SQLITE_STATIC);
	sqlite3_bind_text(st, 2, r->id, -1, SQLITE_STATIC);
	if (which != DELETE_RECORD)
		sqlite3_bind_text(st, 3, r->body, (int)r->body_len, SQLITE_STATIC);
	if (which == PUT_RECORD)
		sqlite3_bind_blob(st, 4, r->bytes, (int)r->bytes_len, SQLITE_STATIC);
	return step(b, which, err);
}

static int sqlite_commit(struct backend *base, const struct backend_row *rows, size_t n_rows,
			 uint64_t revision, struct err *err)
{
	struct sqlite_backend *b = self(base);
	int rc = step(b, BEGIN, err);

	if (rc)
		return -err->code;
	for (size_t i = 0; rc == 0 && i < n_rows; i++)
		rc = rows[i].table == BACKEND_OBJECT ? write_object(b, &rows[i], err)
						     : write_record(b, &rows[i], err);
	sqlite3_bind_int64(b->stmt[SET_REVISION], 1, (sqlite3_int64)revision);
	if (rc == 0)
		rc = step(b, SET_REVISION, err);
	if (rc == 0)
		rc = step(b, COMMIT, err);
	if (rc == 0)
		return 0;
	/* some errors roll back by themselves: a second ROLLBACK would only complain */
	if (!sqlite3_get_autocommit(b->db))
		step(b, ROLLBACK, NULL);
	return -err->code;
}

static int sqlite_read_record(struct backend *base, const char *space, const char *id,
			      struct buf *out, struct err *err)
{
	struct sqlite_backend *b = self(base);
	int rc, result = 0;

	pthread_mutex_lock(&b->read_lock);
	sqlite3_bind_text(b->read_bytes, 1, space, -1, SQLITE_STATIC);
	sqlite3_bind_text(b->read_bytes, 2, id, -1, SQLITE_STATIC);
	rc = sqlite3_step(b->read_bytes);
	if (rc == SQLITE_ROW)
		buf_add(out, sqlite3_column_blob(b->read_bytes, 0),
			(size_t)sqlite3_column_bytes(b->read_bytes, 0));
	else if (rc == SQLITE_DONE)
		result = err_set(err, ENOENT, "%s: no such record", id);
	else
		result = fail(b, b->reader, err);
	sqlite3_reset(b->read_bytes);
	pthread_mutex_unlock(&b->read_lock);
	return result;
}

static int sqlite_compact(struct backend *base, struct err *err)
{
	return exec(self(base), "VACUUM; PRAGMA wal_checkpoint(TRUNCATE)", err);
}

/* Asked by any thread: so the file system, not a connection. */
static uint64_t sqlite_size(struct backend *base)
{
	const struct sqlite_backend *b = self(base);
	CLEANUP_FREE char *wal = xasprintf("%s-wal", b->path);
	struct stat st;
	uint64_t bytes = 0;

	if (stat(b->path, &st) == 0)
		bytes += (uint64_t)st.st_size;
	if (stat(wal, &st) == 0)
		bytes += (uint64_t)st.st_size;
	return bytes;
}

static void sqlite_close(struct backend *base)
{
	struct sqlite_backend *b = self(base);

	sqlite3_finalize(b->read_bytes);
	sqlite3_close(b->reader);
	for (int i = 0; i < N_STATEMENTS; i++)
		sqlite3_finalize(b->stmt[i]);
	sqlite3_close(b->db);
	pthread_mutex_destroy(&b->read_lock);
	free(b->path);
	free(b);
}

static const struct backend_ops sqlite_ops = {
	.load = sqlite_load,
	.commit = sqlite_commit,
	.read_record = sqlite_read_record,
	.compact = sqlite_compact,
	.size = sqlite_size,
	.close = sqlite_close,
};

/* For us alone, from its first byte on; what SQLite puts beside it gets the same mode. */
static int make_private(struct sqlite_backend *b, struct err *err)
{
	CLEANUP_FD int fd = open(b->path, O_RDONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 || fchmod(fd, 0600) < 0)
		return err_sys(err, errno, "%s", b->path);
	return 0;
}

struct backend *backend_sqlite_open(const char *path, struct err *err)
{
	struct sqlite_backend *b = xcalloc(1, sizeof(*b));

	b->base.ops = &sqlite_ops;
	b->path = xstrdup(path);
	pthread_mutex_init(&b->read_lock, NULL);
	if (make_private(b, err) < 0)
		goto refused;
	if (sqlite3_open_v2(path, &b->db,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX,
			    NULL)) {
		fail(b, b->db, err);
		goto refused;
	}
	sqlite3_busy_timeout(b->db, 5000);
	if (check_or_create(b, err) < 0 ||
	    exec(b,
		 "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		 "PRAGMA journal_size_limit = 16777216; PRAGMA cache_size = -1024;"
		 "PRAGMA wal_autocheckpoint = 1000; PRAGMA trusted_schema = OFF",
		 err) < 0 ||
	    prepare(b, err) < 0)
		goto refused;
	return &b->base;
refused:
	sqlite_close(&b->base);
	return NULL;
}
