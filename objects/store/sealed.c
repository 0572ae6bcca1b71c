/* SPDX-License-Identifier: MIT */
/*
 * Encryption at rest, as a backend before another one: what is written is sealed on its way, what
 * is read is opened (backend.h, backend_sealed). Nobody else knows of it.
 *
 * Of a row the text and the bytes are sealed, each for its place (table, resource, name), so that
 * they cannot be swapped; names stay readable. Of objects those of the resources that are asked
 * for, of records all: a manifest may hold any object, and what was wrong with it may quote it.
 *
 * What is found otherwise than it would be written now (in plain text, with another key) is
 * written anew before anything else is: to rotate keys is to start with a new one in front.
 */
#include <errno.h>

#include "objects/codec/base64.h"
#include "objects/store/backend.h"
#include "objects/store/seal.h"
#include "util/log.h"

/* A record's text is in a column of text: base64 after this. It is no first word of JSON. */
static const char prefix[] = "sealed:";
#define PREFIX_LEN (sizeof(prefix) - 1)

#define REWRITE_BYTES (4u << 20) /* in one transaction */

struct stale {
	struct stale *next;
	enum backend_table table;
	uint64_t row;
	char *space, *id;
	struct buf body; /* plain */
	int sealed;      /* so it was found */
};

struct sealed_backend {
	struct backend base;
	struct backend *inner;
	struct sealer *sealer; /* NULL: no key was given */
	int seals;             /* else it only opens */
	const char *const *resources;
	/* while loading */
	backend_load_fn fn;
	void *arg;
	struct stale *stale, **stale_end; /* owned */
};

static struct sealed_backend *self(struct backend *base)
{
	return CONTAINER_OF(base, struct sealed_backend, base);
}

/* -- places -- */

enum part { OF_OBJECT, OF_META, OF_BYTES };

static void place(enum part part, const char *space, const char *id, struct buf *out)
{
	static const char *const names[] = {"object", "meta", "bytes"};

	buf_add(out, names[part], strlen(names[part]) + 1);
	buf_add(out, space, strlen(space) + 1);
	buf_adds(out, id);
}

static int covers(const struct sealed_backend *b, enum backend_table table, const char *space)
{
	if (!b->seals || table == BACKEND_RECORD)
		return b->seals;
	for (const char *const *r = b->resources; *r; r++)
		if (str_eq(*r, space))
			return 1;
	return 0;
}

static int seal_part(struct sealed_backend *b, enum part part, const struct backend_row *r,
		     const void *plain, size_t len, struct buf *out, struct err *err)
{
	CLEANUP(buf_fini) struct buf bound = BUF_INIT, blob = BUF_INIT;
	int rc;

	place(part, r->space, r->id, &bound);
	if (part != OF_META)
		return sealer_seal(b->sealer, bound.data, bound.len, plain, len, out, err);
	rc = sealer_seal(b->sealer, bound.data, bound.len, plain, len, &blob, err);
	buf_adds(out, prefix);
	base64_add(blob.data, blob.len, out);
	return rc;
}

static int open_part(struct sealed_backend *b, enum part part, const char *space, const char *id,
		     const void *sealed, size_t len, struct buf *out, struct err *err)
{
	CLEANUP(buf_fini) struct buf bound = BUF_INIT;
	int rc;

	place(part, space, id, &bound);
	rc = b->sealer ? sealer_open(b->sealer, bound.data, bound.len, sealed, len, out, err)
		       : err_set(err, ENOKEY, "sealed, and no key is given (--encryption-key)");
	return rc < 0 ? err_wrap(err, "%s %s", space, id) : 0;
}

/* -- writing -- */

/* bufs: of the text and of the bytes, empty; *out borrows them and the row. */
static int seal_row(struct sealed_backend *b, const struct backend_row *row,
		    struct backend_row *out, struct buf bufs[2], struct err *err)
{
	enum part part = row->table == BACKEND_OBJECT ? OF_OBJECT : OF_META;

	*out = *row;
	if (!row->body || !covers(b, row->table, row->space))
		return 0;
	if (seal_part(b, part, row, row->body, row->body_len, &bufs[0], err) < 0)
		return -err->code;
	out->body = buf_str(&bufs[0]);
	out->body_len = bufs[0].len;
	if (!row->bytes)
		return 0;
	if (seal_part(b, OF_BYTES, row, row->bytes, row->bytes_len, &bufs[1], err) < 0)
		return -err->code;
	out->bytes = buf_str(&bufs[1]);
	out->bytes_len = bufs[1].len;
	return 0;
}

static int sealed_commit(struct backend *base, const struct backend_row *rows, size_t n_rows,
			 uint64_t revision, struct err *err)
{
	struct sealed_backend *b = self(base);
	CLEANUP_FREE struct backend_row *sealed = NULL;
	struct buf(*bufs)[2];
	int rc = 0;

	if (!b->seals)
		return b->inner->ops->commit(b->inner, rows, n_rows, revision, err);
	sealed = xcalloc(n_rows + 1, sizeof(*sealed));
	bufs = xcalloc(n_rows + 1, sizeof(*bufs));
	for (size_t i = 0; rc == 0 && i < n_rows; i++)
		rc = seal_row(b, &rows[i], &sealed[i], bufs[i], err);
	if (rc == 0)
		rc = b->inner->ops->commit(b->inner, sealed, n_rows, revision, err);
	for (size_t i = 0; i < n_rows; i++) {
		buf_fini(&bufs[i][0]);
		buf_fini(&bufs[i][1]);
	}
	free(bufs);
	return rc;
}

/* -- reading -- */

/* Bytes of a record, as they are stored. None at all are never sealed. */
static int open_bytes(struct sealed_backend *b, const char *space, const char *id, int sealed,
		      const struct buf *stored, struct buf *out, struct err *err)
{
	if (sealed && stored->len)
		return open_part(b, OF_BYTES, space, id, stored->data, stored->len, out, err);
	buf_add(out, buf_str(stored), stored->len);
	return 0;
}

static int sealed_read_record(struct backend *base, const char *space, const char *id,
			      struct buf *out, struct err *err)
{
	struct sealed_backend *b = self(base);
	CLEANUP(buf_fini) struct buf stored = BUF_INIT;
	int rc = b->inner->ops->read_record(b->inner, space, id, &stored, err);

	return rc < 0 ? rc : open_bytes(b, space, id, b->seals, &stored, out, err);
}

/* The blob of a row's text. Return: 1, 0 when it is plain. */
static int is_sealed(const struct backend_row *row, struct buf *blob)
{
	if (row->table == BACKEND_OBJECT) {
		if (!seal_is_sealed(row->body, row->body_len))
			return 0;
		buf_add(blob, row->body, row->body_len);
		return 1;
	}
	if (row->body_len <= PREFIX_LEN || memcmp(row->body, prefix, PREFIX_LEN) != 0)
		return 0;
	if (!base64_decode(row->body + PREFIX_LEN, row->body_len - PREFIX_LEN, blob))
		buf_resize(blob, 0); /* no sealed text: it does not open */
	return 1;
}

static void note_stale(struct sealed_backend *b, const struct backend_row *plain, int sealed)
{
	struct stale *s = xcalloc(1, sizeof(*s));

	s->table = plain->table;
	s->row = plain->row;
	s->space = xstrdup(plain->space);
	s->id = xstrdup(plain->id);
	s->sealed = sealed;
	buf_add(&s->body, plain->body, plain->body_len);
	*b->stale_end = s;
	b->stale_end = &s->next;
}

static int load_row(void *arg, const struct backend_row *row, struct err *err)
{
	struct sealed_backend *b = arg;
	CLEANUP(buf_fini) struct buf blob = BUF_INIT, text = BUF_INIT;
	struct backend_row plain = *row;
	int sealed = is_sealed(row, &blob);

	if (sealed) {
		if (open_part(b, row->table == BACKEND_OBJECT ? OF_OBJECT : OF_META, row->space,
			      row->id, blob.data, blob.len, &text, err) < 0)
			return -err->code;
		plain.body = buf_str(&text);
		plain.body_len = text.len;
	}
	if (sealed != covers(b, row->table, row->space) ||
	    (sealed && !sealer_is_current(b->sealer, blob.data, blob.len)))
		note_stale(b, &plain, sealed);
	return b->fn(b->arg, &plain, err);
}

/* -- writing anew -- */

static void stale_free(struct stale *s)
{
	if (!s)
		return;
	free(s->space);
	free(s->id);
	buf_fini(&s->body);
	free(s);
}

/* As many of the list as make one transaction. */
static int rewrite_some(struct sealed_backend *b, uint64_t revision, size_t *n_out, struct err *err)
{
	struct backend_row *rows = NULL;
	struct buf *bytes = NULL;
	struct stale *s = b->stale, *next;
	size_t n = 0, total = 0;
	int rc = 0;

	for (; rc == 0 && s && total < REWRITE_BYTES; s = s->next) {
		CLEANUP(buf_fini) struct buf stored = BUF_INIT;

		rows = xreallocarray(rows, n + 1, sizeof(*rows));
		bytes = xreallocarray(bytes, n + 1, sizeof(*bytes));
		bytes[n] = (struct buf)BUF_INIT;
		if (s->table == BACKEND_RECORD) {
			rc = b->inner->ops->read_record(b->inner, s->space, s->id, &stored, err);
			if (rc == 0)
				rc = open_bytes(b, s->space, s->id, s->sealed, &stored, &bytes[n],
						err);
		}
		rows[n] = (struct backend_row){.table = s->table,
					       .row = s->row,
					       .space = s->space,
					       .id = s->id,
					       .body = buf_str(&s->body),
					       .body_len = s->body.len};
		total += s->body.len + bytes[n].len;
		n++;
	}
	for (size_t i = 0; i < n; i++)
		if (rows[i].table == BACKEND_RECORD) {
			rows[i].bytes = buf_str(&bytes[i]);
			rows[i].bytes_len = bytes[i].len;
		}
	if (rc == 0)
		rc = sealed_commit(&b->base, rows, n, revision, err);
	for (size_t i = 0; i < n; i++) {
		buf_fini(&bytes[i]);
		next = b->stale->next;
		stale_free(b->stale);
		b->stale = next;
	}
	free(rows);
	free(bytes);
	*n_out += n;
	return rc;
}

static int rewrite(struct sealed_backend *b, uint64_t revision, struct err *err)
{
	size_t n = 0;

	if (!b->stale)
		return 0;
	while (b->stale)
		if (rewrite_some(b, revision, &n, err) < 0)
			return err_wrap(err, "writing anew what is sealed otherwise");
	log_info("%zu objects and files were written anew, %s", n,
		 b->seals ? "sealed with the first key" : "in plain text");
	/* nothing of the old texts stays in free pages */
	return b->inner->ops->compact(b->inner, err);
}

static int sealed_load(struct backend *base, backend_load_fn fn, void *arg, uint64_t *revision_out,
		       struct err *err)
{
	struct sealed_backend *b = self(base);
	struct stale *next;
	int rc;

	b->fn = fn;
	b->arg = arg;
	b->stale_end = &b->stale;
	rc = b->inner->ops->load(b->inner, load_row, b, revision_out, err);
	if (rc == 0)
		rc = rewrite(b, *revision_out, err);
	for (; b->stale; b->stale = next) {
		next = b->stale->next;
		stale_free(b->stale);
	}
	return rc;
}

static int sealed_compact(struct backend *base, struct err *err)
{
	return self(base)->inner->ops->compact(self(base)->inner, err);
}

static uint64_t sealed_size(struct backend *base)
{
	return self(base)->inner->ops->size(self(base)->inner);
}

static void sealed_close(struct backend *base)
{
	struct sealed_backend *b = self(base);

	b->inner->ops->close(b->inner);
	sealer_free(b->sealer);
	free(b);
}

static const struct backend_ops sealed_ops = {
	.load = sealed_load,
	.commit = sealed_commit,
	.read_record = sealed_read_record,
	.compact = sealed_compact,
	.size = sealed_size,
	.close = sealed_close,
};

struct backend *backend_sealed(struct backend *taken, struct sealer *taken_sealer, int seals,
			       const char *const *resources)
{
	struct sealed_backend *b = xcalloc(1, sizeof(*b));

	b->base.ops = &sealed_ops;
	b->inner = taken;
	b->sealer = taken_sealer;
	b->seals = seals;
	b->resources = resources;
	return &b->base;
}
