/* SPDX-License-Identifier: MIT */
/*
 * Answering: the one place that turns an error into errno, and that keeps the
 * text of a refused write where its writer finds it (/k8s/errors).
 */
#pragma once

#include "fs/fs_i.h"
#include "objects/fault.h"

/* What the system call returns for a code (DESIGN.md section 3): positive errno. */
int reply_errno(int code);
/* A request that reads: errno only. */
void reply_error(struct call *c);
/* A request that would have changed something: errno, and text and path in /k8s/errors. */
void reply_refused(struct call *c, const struct node *n, const char *name);
/* Note a refusal of uid: one line per fault, with the path before it. */
void note_refusal(struct fs *fs, const struct identity *who, const char *path, const char *text);
/* Nothing to say; req NULL: nobody waits for an answer. */
void reply_ok(struct call *c);
void reply_code(fuse_req_t req, int code);
