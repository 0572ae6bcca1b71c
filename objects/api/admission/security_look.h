/* SPDX-License-Identifier: MIT */
/*
 * Inside the checks of PodSecurity: a pod that is looked at, who of its containers said what, and
 * how Kubernetes words it.
 * Source: k8s.io/pod-security-admission/policy.
 */
#pragma once

#include "objects/api/admission/security_policy.h"

/* Borrowed texts, in the order they came. */
struct names {
	const char **list; /* owned */
	size_t n;
};

void names_add(struct names *t, const char *name);
/* Sorted, each once. */
void names_insert(struct names *t, const char *name);
void names_fini(struct names *t);
#define CLEANUP_NAMES CLEANUP(names_fini)

void say_quoted(struct buf *out, const struct names *t);
void say_joined(struct buf *out, const struct names *t);
/* `containers "a", "b"` */
void say_containers(struct buf *out, const struct names *t);

/* One pod against one level. */
struct look {
	const struct value *pod, *spec;
	int minor;
	const char *reason; /* of the check at hand; NULL: none */
	struct buf detail;
};

typedef void (*container_fn)(const struct value *c, const struct value *context, void *arg);

void look_each_container(const struct look *l, container_fn fn, void *arg);
const struct value *look_pod_context(const struct look *l);
const char *look_name_of(const struct value *v);
/* In a user namespace of its own root is nobody. */
int look_has_user_namespace(const struct look *l);
int look_is_one_of(const char *const *list, size_t n, const char *name);

/* Who set something bad, and to what. */
struct setters {
	const struct look *look;
	int pod;                  /* the pod's own context did */
	int pod_good;             /* the pod's own context says what is wanted */
	struct names bad, silent; /* containers */
	struct names values;
};

void setters_fini(struct setters *t);
#define CLEANUP_SETTERS CLEANUP(setters_fini)
/* `pod and container "a"` */
void say_setters(struct buf *out, const struct setters *t);

/* What both levels look at, each in its way. */
void see_added(const struct value *c, const struct value *context, struct setters *t,
	       const char *const *allowed, size_t n);
void say_added(struct buf *out, const struct setters *t);
void check_seccomp_with(struct look *l, int must_be_said);
int is_confined(const char *type);

/* The checks, by level. */
void check_app_armor(struct look *l);
void check_app_armor_field(struct look *l);
void check_capabilities(struct look *l);
void check_host_namespaces(struct look *l);
void check_host_paths(struct look *l);
void check_host_ports(struct look *l);
void check_probe_hosts(struct look *l);
void check_privileged(struct look *l);
void check_proc_mount(struct look *l);
void check_selinux(struct look *l);
void check_seccomp(struct look *l);
void check_sysctls(struct look *l);
void check_host_process(struct look *l);
void check_escalation(struct look *l);
void check_dropped(struct look *l);
void check_volume_types(struct look *l);
void check_non_root(struct look *l);
void check_root(struct look *l);
void check_seccomp_said(struct look *l);
