/* SPDX-License-Identifier: MIT */
/*
 * Inside fs/: manifests and scratch files in the directories of resources, namespaces,
 * apply/ and dry-run/.
 *
 *	manifest_lookup.c   which there are, for whom, their attributes
 *	manifest_files.c    open, read, write, close, chmod ...
 *	manifest_names.c    create, remove, rename; and the rows
 *	manifest_pending.c  requests that wait for a commit
 */
#pragma once

#include "fs/handle.h"
#include "fs/memfile.h"

/* "<path of dir>/<name>"; owned. */
char *path_below(const struct node *dir, const char *name);
/* "x.yaml.err": the path of x.yaml; owned, NULL if it is not such a name. */
char *path_without_err(const char *path);
/* In apply/ and dry-run/ everybody sees his own files, and root all. */
int is_shared_dir(const char *path);
int may_see_memfile(const struct call *c, const struct memfile *f);

struct node *node_at(struct node *dir, const char *name, const struct row *row, const char *path);
const struct row *row_of_memfile(const struct memfile *f);
/* Whether <path>.err is there; its text is owned (faults_out may be NULL). */
int has_faults(struct call *c, const char *path, char **faults_out);

/* Members of the rows. */
int stat_manifest(struct call *c, const struct node *n, struct stat *st);
int render_manifest_err(struct call *c, const struct node *n, const struct object *o,
			struct buf *out);
int render_link(struct call *c, const struct node *n, const struct object *o, struct buf *out);
struct handle *open_manifest(struct call *c, struct node *n, int flags);
void setattr_manifest(struct call *c, struct node *n, const struct stat *st, int to_set);

void stat_memfile(struct memfile *f, struct stat *st);
/* A file in memory, open for writing. Takes the reference. */
struct handle *handle_of_file(struct call *c, struct node *n, struct memfile *taken, int flags);

/* A file without a name that somebody has open for writing; owned reference, NULL: none. */
struct memfile *file_open_at(struct fs *fs, const struct node *n);

/* A request that waits for a commit of the manifests. */
struct pending {
	struct fs *fs;
	fuse_req_t req;
	struct node *node;    /* owned: whose attributes to answer with, or that was written */
	struct memfile *file; /* owned, may be NULL */
	char *path;           /* owned: for /k8s/errors */
	unsigned uid;
	struct err_file {         /* <manifest>.err, before */
		struct node *dir; /* owned, NULL: none */
		char *path;       /* owned: of the manifest */
		int was_there;
	} err_files[2];
	int of_rename; /* EINVAL would be misread by mv */
	int with_attr;
	int drops; /* the file is served from the store again afterwards */
};
/* n and f may be NULL. */
struct pending *pending_new(struct call *c, struct node *n, struct memfile *f, const char *path);
/* The operation may make or end the .err beside a manifest in dir: who watches is told. */
void pending_watch_err(struct pending *p, struct node *dir, const char *path);
/* For manifest.h: arg is the pending, which is answered and freed. */
void on_manifest_done(void *arg, int rc, const struct faults *faults);
/* The same after a rename of a file in memory into place. */
void after_rename_in(void *arg, int rc, const struct faults *faults);
/* Make the file's text the manifest of this path; answers c's request. */
enum submit {
	SUBMIT_WRITTEN,
	SUBMIT_RENAMED, /* EINVAL would be misread by mv */
	SUBMIT_EMPTIED, /* nothing is in it, and nobody has it open */
	SUBMIT_CUT,     /* its writer was killed: kept as a draft */
	SUBMIT_TRIED,   /* more may follow: the answer is what is wrong with it so far */
};
void manifest_submit(struct call *c, struct node *dir, struct node *n, struct memfile *f,
		     const char *path, enum submit how);

/* mkdir and rmdir in a resource's or namespace's directory make and delete objects
 * (object_names.c). */
void mkdir_object(struct call *c, struct node *dir, const char *name, unsigned mode);
void rmdir_object(struct call *c, struct node *dir, const char *name);
/* 0, or -EACCES with c->err: a manifest of somebody else has this path. */
int may_use_path(struct call *c, const char *path);
