/* SPDX-License-Identifier: MIT */
/*
 * Containers: ports, mounts, devices, image, and what the three sorts of
 * containers (app, init, ephemeral) may say.
 * Source: Kubernetes pkg/apis/core/validation/validation.go.
 */
#include "objects/validation/container.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

#define SEEN ((void *)1)

const char *backstep_fault(const char *path)
{
	for (const char *p = path;; p++) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return "must not contain '..'";
		p += n;
		if (!*p)
			return NULL;
	}
}

const char *local_path_fault(const char *path)
{
	return *path == '/' ? "must be a relative path" : backstep_fault(path);
}

static void check_host_port(struct container_ctx *ctx, const struct value *port,
			    const struct path *at)
{
	int64_t host = value_int(value_get(port, "hostPort"), 0);
	int64_t inner = value_int(value_get(port, "containerPort"), 0);
	int host_network = value_bool(value_get(ctx->spec, "hostNetwork"), 0);
	CLEANUP_FREE char *key = NULL;

	at = PATH_FIELD(at, "hostPort");
	if (host_network && ctx->role == CONTAINER_APP && (host || ctx->is_pod) && host != inner)
		say_invalid(ctx->faults, at, value_get(port, "hostPort"),
			    "must match `containerPort` when `hostNetwork` is true");
	if (!host)
		return;
	if (host < 1 || host > 65535)
		return say_invalid(ctx->faults, at, value_get(port, "hostPort"),
				   "must be between 1 and 65535, inclusive");
	if (ctx->role == CONTAINER_INIT)
		return; /* they run one after the other */
	key = xasprintf("%s/%s/%" PRId64, text_of(port, "protocol"), text_of(port, "hostIP"), host);
	if (strmap_get(ctx->host_ports, key))
		say_duplicate(ctx->faults, at, key);
	else
		strmap_set(ctx->host_ports, key, SEEN);
}

static void check_container_port(const struct value *port, const struct path *at,
				 struct faults *faults)
{
	if (!value_int(port, 0))
		say_required(faults, at, "");
	else if (value_int(port, 0) < 0 || value_int(port, 0) > 65535)
		say_invalid(faults, at, port, "must be between 1 and 65535, inclusive");
}

static void check_ports(struct container_ctx *ctx, const struct value *ports, const struct path *at)
{
	struct strmap names = STRMAP_INIT;

	for (size_t i = 0; i < value_count(ports); i++) {
		const struct value *p = value_at(ports, i);
		const struct path *here = PATH_INDEX(at, i);
		const char *name = text_of(p, "name");

		check_container_port(value_get(p, "containerPort"),
				     PATH_FIELD(here, "containerPort"), ctx->faults);
		if (*name && strmap_get(&names, name))
			say_duplicate(ctx->faults, PATH_FIELD(here, "name"), name);
		else if (*name)
			strmap_set(&names, name, SEEN);
		check_host_port(ctx, p, here);
	}
	strmap_fini(&names);
}

/* list_at: the mount as Kubernetes names it here, without its index. */
static void check_sub_path(const struct value *mount, const struct path *at,
			   const struct path *list_at, struct faults *faults)
{
	const char *sub = text_of(mount, "subPath"), *expr = text_of(mount, "subPathExpr");

	if (*sub && *expr)
		say_text(faults, PATH_FIELD(at, "subPathExpr"), expr,
			 "subPathExpr and subPath are mutually exclusive");
	say_text(faults, PATH_FIELD(list_at, "subPath"), sub, local_path_fault(sub));
	say_text(faults, PATH_FIELD(list_at, "subPathExpr"), expr, local_path_fault(expr));
}

/* at: without the index, as above. */
static void check_propagation(struct container_ctx *ctx, const struct value *c,
			      const struct value *mount, const struct path *at)
{
	const char *mode = text_of(mount, "mountPropagation");
	const char *recursive = text_of(mount, "recursiveReadOnly");

	if (str_eq(mode, "Bidirectional") &&
	    !value_bool(value_dig(c, "securityContext", "privileged", NULL), 0))
		say_forbidden(ctx->faults, PATH_FIELD(at, "mountPropagation"),
			      "Bidirectional mount propagation is available only to privileged "
			      "containers");
	if (!str_eq(recursive, "Enabled") && !str_eq(recursive, "IfPossible"))
		return;
	if (!value_bool(value_get(mount, "readOnly"), 0))
		say_forbidden(ctx->faults, PATH_FIELD(at, "recursiveReadOnly"),
			      "may only be specified when readOnly is true");
	if (*mode && !str_eq(mode, "None"))
		say_forbidden(ctx->faults, PATH_FIELD(at, "recursiveReadOnly"),
			      "may only be specified when mountPropagation is None or not "
			      "specified");
}

static int is_claim(const struct value *volume)
{
	return value_get(volume, "persistentVolumeClaim") || value_get(volume, "ephemeral");
}

static void check_mounts(struct container_ctx *ctx, const struct value *c, const struct path *at)
{
	const struct value *mounts = value_get(c, "volumeMounts");
	const struct value *devices = value_get(c, "volumeDevices");
	struct strmap paths = STRMAP_INIT;

	for (size_t i = 0; i < value_count(mounts); i++) {
		const struct value *m = value_at(mounts, i);
		const struct path *list_at = PATH_FIELD(at, "volumeMounts");
		const struct path *here = PATH_INDEX(list_at, i);
		const char *name = text_of(m, "name"), *path = text_of(m, "mountPath");

		if (*name && !strmap_get(ctx->volumes, name))
			say_not_found(ctx->faults, PATH_FIELD(here, "name"), name);
		if (*path && strmap_get(&paths, path))
			say_text(ctx->faults, PATH_FIELD(here, "mountPath"), path,
				 "must be unique");
		else if (*path)
			strmap_set(&paths, path, SEEN);
		check_sub_path(m, here, PATH_UNSAID(list_at, i), ctx->faults);
		check_propagation(ctx, c, m, PATH_UNSAID(list_at, i));
		if (ctx->role == CONTAINER_EPHEMERAL && *text_of(m, "subPath"))
			say_forbidden(ctx->faults, PATH_FIELD(here, "subPath"),
				      "cannot be set for an Ephemeral Container");
	}
	for (size_t i = 0; i < value_count(devices); i++) {
		const struct value *d = value_at(devices, i);
		const struct path *here = PATH_INDEX(PATH_FIELD(at, "volumeDevices"), i);
		const char *name = text_of(d, "name"), *path = text_of(d, "devicePath");
		const struct value *volume = strmap_get(ctx->volumes, name);

		if (*name && !volume)
			say_not_found(ctx->faults, PATH_FIELD(here, "name"), name);
		else if (volume && !is_claim(volume))
			say_text(ctx->faults, PATH_FIELD(here, "name"), name,
				 "can only use volume source type of PersistentVolumeClaim or "
				 "Ephemeral for block mode");
		say_text(ctx->faults, PATH_FIELD(here, "devicePath"), path, backstep_fault(path));
		if (*path && strmap_get(&paths, path))
			say_text(ctx->faults, PATH_FIELD(here, "devicePath"), path,
				 "must be unique");
		else if (*path)
			strmap_set(&paths, path, SEEN);
	}
	strmap_fini(&paths);
}

static void check_image(struct container_ctx *ctx, const struct value *c, const struct path *at)
{
	const char *image = text_of(c, "image");
	size_t n = strlen(image);

	at = PATH_FIELD(at, "image");
	if (!n)
		say_required(ctx->faults, at, "");
	else if (ctx->is_pod && /* templates may have it, as they always could */
		 (strchr(" \t\r\n\v\f", image[0]) || strchr(" \t\r\n\v\f", image[n - 1])))
		say_text(ctx->faults, at, image, "must not have leading or trailing whitespace");
}

static void check_probe_of(struct container_ctx *ctx, const struct value *c, const char *which,
			   const struct path *at)
{
	const struct value *p = value_get(c, which);
	int64_t wanted = value_int(value_get(p, "successThreshold"), 1);
	const struct value *grace = value_get(p, "terminationGracePeriodSeconds");

	at = PATH_FIELD(at, which);
	if (!p)
		return;
	if (str_eq(which, "readinessProbe")) {
		if (grace)
			say_invalid(ctx->faults, PATH_FIELD(at, "terminationGracePeriodSeconds"),
				    grace, "must not be set for readinessProbes");
		return;
	}
	if (wanted != 1)
		say_invalid(ctx->faults, PATH_FIELD(at, "successThreshold"),
			    value_get(p, "successThreshold"), "must be 1");
	if (grace && value_int(grace, 1) <= 0)
		say_invalid(ctx->faults, PATH_FIELD(at, "terminationGracePeriodSeconds"), grace,
			    "must be greater than 0");
}

/* A hook that sleeps must end before the pod has to. */
static void check_sleep_of(struct container_ctx *ctx, const struct value *c, const char *hook,
			   const struct path *at)
{
	const struct value *seconds = value_dig(c, "lifecycle", hook, "sleep", "seconds", NULL);
	int64_t grace = value_int(value_get(ctx->spec, "terminationGracePeriodSeconds"), 30);

	if (!value_dig(c, "lifecycle", hook, "sleep", NULL) ||
	    (value_int(seconds, 0) >= 0 && value_int(seconds, 0) <= grace))
		return;
	fault_add(ctx->faults, PATH_FIELD(PATH_FIELD(PATH_FIELD(at, "lifecycle"), hook), "sleep"),
		  FAULT_INVALID, seconds,
		  "must be non-negative and less than terminationGracePeriodSeconds (%" PRId64 ")",
		  grace);
}

/* Init containers end; a probe or a hook makes sense only for those that stay (sidecars). */
static void check_container_role(struct container_ctx *ctx, const struct value *c,
				 const struct path *at)
{
	static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe",
					     "lifecycle"};
	static const char *const never[] = {"ports",        "livenessProbe", "readinessProbe",
					    "startupProbe", "lifecycle",     "resources"};
	static const char *const policies[] = {"Always", "Never", "OnFailure", NULL};
	const struct value *policy = value_get(c, "restartPolicy");

	if (ctx->role == CONTAINER_EPHEMERAL) {
		for (size_t i = 0; i < ARRAY_LEN(never); i++)
			if (value_count(value_get(c, never[i])))
				say_forbidden(ctx->faults, PATH_FIELD(at, never[i]),
					      "cannot be set for an Ephemeral Container");
		return;
	}
	if (value_strlen(policy))
		check_enum(policies, policy, PATH_FIELD(at, "restartPolicy"), ctx->faults);
	if (ctx->role == CONTAINER_INIT && !str_eq(value_str(policy, ""), "Always")) {
		for (size_t i = 0; i < ARRAY_LEN(probes); i++)
			if (value_get(c, probes[i]))
				say_forbidden(ctx->faults, PATH_FIELD(at, probes[i]),
					      "may not be set for init containers without "
					      "restartPolicy=Always");
		return;
	}
	for (size_t i = 0; i < 3; i++)
		check_probe_of(ctx, c, probes[i], at);
	check_sleep_of(ctx, c, "postStart", at);
	check_sleep_of(ctx, c, "preStop", at);
}

void check_container(struct container_ctx *ctx, const struct value *c, const struct path *at)
{
	const char *name = text_of(c, "name");

	if (*name && strmap_get(ctx->names, name))
		say_duplicate(ctx->faults, PATH_FIELD(at, "name"), name);
	else if (*name)
		strmap_set(ctx->names, name, SEEN);
	check_image(ctx, c, at);
	check_ports(ctx, value_get(c, "ports"), PATH_FIELD(at, "ports"));
	check_mounts(ctx, c, at);
	check_container_role(ctx, c, at);
	check_resources(value_get(c, "resources"), PATH_FIELD(at, "resources"), ctx->faults);
	check_security_context(value_get(c, "securityContext"), PATH_FIELD(at, "securityContext"),
			       ctx->faults);
}
