/* SPDX-License-Identifier: MIT */
/*
 * Scratch files in the directory of an object and in those of its fields: `sed -i`, perl, vim and
 * emacs write a new file beside the old one and rename it into place; what is renamed onto
 * object.yaml, patch or a field is a message to it. They are files in memory (memfile.h).
 *
 * Keys of a map are names that a user may choose freely, so a name alone does not make a scratch
 * file there: see scratch_is_meant().
 */
#pragma once

#include "fs/handle.h"
#include "fs/memfile.h"

/* A tool makes itself a file by this name, mode and flags of open(2). */
int scratch_is_meant(const struct node *dir, const char *name, unsigned mode, int flags);
/* No key of an object can have this name: a backup, an editor's lock. */
int scratch_is_certain(const char *name);
/* vim asks with this name whether it may rename (4913, or more by 123): refused, it writes in
 * place. */
int scratch_is_question(const char *name);

/* The file that the caller sees at this name; owned reference, NULL: none. */
struct memfile *scratch_get(struct call *c, struct node *dir, const char *name);
struct node *scratch_find(struct call *c, struct node *dir, const char *name);
void scratch_list_into(struct call *c, struct node *dir, struct listing *out);

/* Each answers the request. */
void scratch_create(struct call *c, struct node *dir, const char *name, enum memfile_kind kind,
		    unsigned mode, struct fuse_file_info *fi);
void scratch_symlink(struct call *c, struct node *dir, const char *name, const char *target);
/* A file is renamed to a backup's name: the backup gets its text, and it stays what it is. */
void scratch_keep_copy(struct call *c, struct node *of, struct node *dir, const char *name);
