/* SPDX-License-Identifier: MIT */
/*
 * The rules of one role, compiled for being asked: a table of (group, resource) pairs sorted
 * by hash, so that a question costs a handful of binary searches however many rules there are.
 *
 * What a rule matches is Kubernetes' (pkg/apis/rbac/v1/evaluation_helpers.go, "Using RBAC
 * Authorization"): "*" stands for every verb, group, resource or path; a resource is written
 * with its subresource ("pods/log", and "*" before the slash for that subresource of all); names
 * narrow a rule, and a question without a name (create, list of all) is never answered by such a
 * rule; a path ending in "*" stands for all that begin so.
 *
 * Locking: rules are immutable and counted.
 */
#pragma once

#include "objects/value.h"

/* What is asked, in Kubernetes' words. verb: get list watch create update patch delete
 * deletecollection, and others that rules name (bind, escalate, impersonate). */
struct access {
	const char *verb;
	const char *group, *resource; /* "apps", "deployments" */
	const char *subresource;      /* "" or "status", "log", "exec", "scale" */
	const char *ns, *name;        /* "" for all / none */
	const char *path;             /* "/metrics": no resource is asked about; else NULL */
};

/* As a `name`: for some name at all; as an `ns`: in some namespace or everywhere. */
extern const char access_any[];

struct rules;

/* A list of PolicyRule; whatever is no such thing in it means nothing. NULL: no rules. Owned. */
struct rules *rules_new(const struct value *list);
/* All of these as one table. Owned. */
struct rules *rules_merge(struct rules *const *list, size_t n);
struct rules *rules_ref(struct rules *r);
void rules_unref(struct rules *r);

/* An access with what its look-ups need computed once, for asking many tables. */
struct question {
	const struct access *what;
	char combined[320]; /* "pods/log" */
	char any[132];      /* the subresource after a "*" and a slash, "" without one */
	uint64_t keys[6];
	size_t n_keys;
	unsigned verb; /* bit of a well-known verb, 0: another one */
};
/* Return: 0, or -ENAMETOOLONG for what no rule can name. */
int question_init(struct question *q, const struct access *what);
int rules_allow(const struct rules *r, const struct question *q);
/*
 * Is anything allowed on the resource or a subresource of it? name access_any: whatever it is
 * about; else what a holder learns of the object's existence from: creating and other words (bind,
 * use ...) do not count.
 */
int rules_touch(const struct rules *r, const char *group, const char *resource, const char *name);
/* Does a rule about the resource, or a subresource of it, name objects? */
int rules_name(const struct rules *r, const char *group, const char *resource);
/* The lists that the table was made of, borrowed. */
void rules_sources(const struct rules *r, void (*fn)(void *arg, const struct value *list),
		   void *arg);
