/* SPDX-License-Identifier: MIT */
/* images/ in two files: what is stored (images_dir.c), and archives on their way in
 * (images_import.c). */
#pragma once

#include <sys/types.h>

#include "fs/fs_i.h"
#include "fs/row.h"

/*
 * Names of archives that were imported a moment ago: tools that set modes and times, or rename,
 * after their close (rsync, install) still find them. Locking: its own.
 */
struct recent_archives;

struct recent_archives *recent_archives_new(void);
void recent_archives_free(struct recent_archives *r);
void recent_add(struct fs *fs, const char *name, off_t size);
/* Return: its size, -1 if it is none. forget: it is none any more. */
off_t recent_size(struct fs *fs, const char *name, int forget);

/* Calls fn for each line of the table of images but its header; name is what images/ calls it. */
void each_image(struct fs *fs,
		void (*fn)(void *arg, const char *name, const char *line, size_t len), void *arg);
extern const struct row row_image, row_images_index;

/* What images/ showed last. Locking: its own. */
struct images_seen;
struct images_seen *images_seen_new(void);
void images_seen_free(struct images_seen *s);
/* Images may have come, gone or changed: inotify is told. by_client: a name that a client removed
 * itself, of which the kernel tells; NULL: none. */
void images_changed(struct fs *fs, const char *by_client);

/* A name in images/ that is being written, or was imported just now. */
extern const struct row row_archive;
/* name_ops.create of images/. */
void create_archive(struct call *c, struct node *dir, const char *name, unsigned mode, void *fi);
