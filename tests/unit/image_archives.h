/* SPDX-License-Identifier: MIT */
/*
 * Tars and image archives made by hand, byte by byte, so that tests can write
 * what no tool would: any name, any type, any digest.
 */
#pragma once

#include "util/buf.h"

enum {
	TAR_FILE = '0',
	TAR_HARD = '1',
	TAR_LINK = '2',
	TAR_CHAR = '3',
	TAR_BLOCK = '4',
	TAR_DIR = '5',
	TAR_FIFO = '6'
};

/* One entry; `text` is the contents, or the target of a link. Names may have any length (GNU long
 * names). */
void tar_add(struct buf *tar, char type, const char *name, unsigned mode, const char *text);
struct tar_entry {
	char type;
	const char *name, *text;
	size_t text_len; /* 0: strlen */
	unsigned mode, uid, gid;
	long mtime;
	uint64_t declared; /* size in the header when not that of text; 0: the true one */
};
void tar_add_entry(struct buf *tar, const struct tar_entry *e);
/* A pax extended header for the next entry: one "key=value" record. */
void tar_add_pax(struct buf *tar, const char *key, const void *value, size_t len);
/* The same for several. */
void pax_record(struct buf *records, const char *key, const void *value, size_t len);
void tar_add_records(struct buf *tar, const struct buf *records);
void tar_end(struct buf *tar);

void gzip_buf(const struct buf *in, struct buf *out);
void hex_digest(const struct buf *b, char out[65]);

/* An OCI layout with one image; config is the JSON of its "config". */
void oci_archive(struct buf *out, struct buf *layers, size_t n, const char *config,
		 const char *name, int gzip);
/* As docker save writes it; tags is JSON inside of the list. */
void save_archive(struct buf *out, struct buf *layers, size_t n, const char *config,
		  const char *tags);
/* The same with a layer that is not the one that its config names. */
void save_archive_lying(struct buf *out, struct buf *layer, struct buf *named, const char *config,
			const char *tags);

/* An unnamed file with these bytes, at its start. */
int archive_fd(const struct buf *b);
