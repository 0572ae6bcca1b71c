/* SPDX-License-Identifier: MIT */
/*
 * Message files: ctl, one-value files, patch, apply, status, object.yaml. What is
 * written is one message for the row's `act`, which turns it into requests of
 * objects/api.h (or refuses it); the writer is answered when they are committed.
 *
 * When a message is whole: see ROW_ACT_WRITE, ROW_ACT_LINE; what is not acted
 * upon in write() is at the next flush or fsync. An empty one does nothing. A single
 * line that others may follow (`spec: {replicas: 3}`) is tried in write(), so that its
 * errors are seen there, and acted upon at close: a shell's printf writes line by line,
 * and half a patch is another patch.
 */
#pragma once

#include "fs/handle.h"
#include "fs/memfile.h"

struct message {
	struct fs *fs;
	struct node *node;    /* owned reference */
	struct identity *who; /* owned reference */
	char *text;           /* owned, NUL-terminated besides */
	size_t len;
	int removes_dir; /* rmdir of the node */
	int is_document; /* set by act: faults are looked up in the text */
	/* Set by act: called when it is committed, before the answer. */
	void (*committed)(struct message *m);
	/* below: implementation-specific */
	fuse_req_t req;
	size_t ack;    /* bytes to acknowledge; 0: a flush (or another request without a count) */
	int rehearsal; /* only to find out what is wrong with it: a dry run */
	struct handle *handle;  /* owned reference, NULL: none */
	struct memfile *source; /* owned reference: renamed onto the node; NULL: none */
};

/* A message that does not come from an open file (mkdir, unlink of a field ...): answered like a
 * flush. */
struct message *message_new(struct call *c, struct node *n, const char *text);
/* The text of a file that is renamed onto the node; the file goes when it was accepted. */
struct message *message_of_file(struct call *c, struct node *n, struct memfile *f);
/* An empty batch, to be filled and given to message_submit(). */
struct api_batch *message_batch(struct message *m);
/* Commits the batch and answers. Takes both. */
void message_submit(struct message *m, struct api_batch *taken);
/* Answers: 0, or -errno with the text of err. Takes m. */
void message_done(struct message *m, int rc, const struct err *err);
/* Answers with faults (a text that does not parse); rc as message_done. Takes m. */
void message_refuse(struct message *m, int rc, const struct faults *faults);
/* A request for the object that the node names. Its strings are copied. */
struct api_request *message_request(struct message *m, enum api_verb verb);
