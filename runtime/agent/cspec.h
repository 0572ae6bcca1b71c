/* SPDX-License-Identifier: MIT */
/*
 * From a container in a Pod to what the sandbox starts: command, environment,
 * user, mounts, limits, log.
 */
#pragma once

#include "runtime/agent/volumes.h"

/* Paths of one run; all owned by the caller of the functions. */
char *ctr_dir(const char *state_dir, const char *uid, const char *container);
char *ctr_log_path(const char *state_dir, const char *uid, const char *container, int run);
char *ctr_end_path(const char *state_dir, const char *uid, const char *container, int run);
char *ctr_upper_path(const char *state_dir, const char *uid, const char *container, int run);

struct cspec_source {
	struct volume_ctx volumes_ctx;
	struct volume *volumes;
	size_t n_volumes;
	const struct image *image;
};

/*
 * c is the container, c->run.id and c->restart_count those of the run to come.
 * Makes its directory. Return: 0; -errno with the text of
 * CreateContainerConfigError. cspec_fini(out) in any case.
 */
int cspec_of(const struct cspec_source *src, const struct ctr *c, const char *id, int run,
	     struct container_spec *out, struct err *err) MUST_CHECK;
/* Only out->mounts, of the tree that the daemon serves: for a container that outlived the last one.
 */
int cspec_tree_mounts(const struct cspec_source *src, const struct ctr *c,
		      struct container_spec *out, struct err *err) MUST_CHECK;
void cspec_fini(struct container_spec *s);
/* 64 random hex digits. */
void cspec_new_id(char id[65]);
