/* SPDX-License-Identifier: MIT */
/* The command line: k8sfs(8). */
#pragma once

#include "util/err.h"

struct options {
	char *mountpoint; /* owned, absolute, without links; "/k8s" unless given. The others are
			     borrowed from argv */
	const char *state, *run;
	const char *node_name; /* the hostname unless given */
	const char *pod_cidr, *service_cidr;
	const char *store;
	const char *const *mirrors; /* HOST=URL, n_mirrors of them */
	size_t n_mirrors;
	const char *const
		*keys; /* files, "keyring:NAME" or "none"; n_keys of them, the first seals */
	size_t n_keys;
	const char *const *encrypted; /* resources, NULL-terminated; NULL: Secrets */
	size_t n_encrypted;
	const char *audit_policy; /* a file; NULL: none */
	int no_reconcile;
	int background;
	int debug;
	int stop, purge;
	/* whether the user said so, for --stop, which otherwise asks the mount */
	int state_given, run_given;
};

enum options_outcome {
	OPTIONS_RUN = 1,  /* go on */
	OPTIONS_SHOWN = 2 /* help or version was printed: exit 0 */
};

/* Return: enum options_outcome, or -EINVAL with err. */
int options_parse(int argc, char **argv, struct options *out, struct err *err) MUST_CHECK;
void options_fini(struct options *o);
