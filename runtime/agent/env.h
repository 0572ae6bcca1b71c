/* SPDX-License-Identifier: MIT */
/*
 * A container's environment: the image's, the services', envFrom and env, with
 * $(VAR) expanded. Source: Kubernetes "Define Environment Variables for a
 * Container", "Accessing the Service"; kubelet makeEnvironmentVariables.
 */
#pragma once

#include "runtime/agent/fields.h"
#include "runtime/agent/ops.h"
#include "util/strmap.h"

/* Names in order of first mention; the last value of a name wins. */
struct env {
	char **names, **values; /* owned */
	size_t n, cap;
	struct strmap index;
};

#define ENV_INIT                                                                                   \
	{                                                                                          \
		NULL, NULL, 0, 0, STRMAP_INIT                                                      \
	}

void env_fini(struct env *e);
void env_set(struct env *e, const char *name, const char *value);
/* "NAME=value" */
void env_add(struct env *e, const char *assignment);
const char *env_get(const struct env *e, const char *name); /* borrowed, NULL */
/* Owned, NULL-terminated "NAME=value"s. */
char **env_list(const struct env *e);

/* What env_of needs to know. */
struct env_source {
	const struct pod_state *st;
	const struct node_facts *node;
	const struct agent_ops *ops;
	void *ctx;
};

/* {SVCNAME}_SERVICE_HOST and the rest, for the services that a pod of ns sees. list: Services. */
void env_add_services(struct env *e, const struct value *list, const char *ns, int links);
/*
 * All that the spec says about one container's environment, added to e. -EINVAL or -ENOENT with the
 * text that CreateContainerConfigError shows.
 */
int env_of(const struct env_source *src, const struct value *container, struct env *e,
	   struct err *err) MUST_CHECK;
/* A list of strings with $(VAR) expanded from e: command, args. Owned, NULL-terminated. */
char **env_expand_list(const struct env *e, const struct value *list);
/* Decode a Secret's value; owned bytes. -EINVAL. */
int secret_bytes(const struct value *encoded, struct buf *out, struct err *err) MUST_CHECK;
