/* SPDX-License-Identifier: MIT */
/* What the sandbox is told of a container. */
#include "runtime/agent/cspec.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/random.h>

#include "runtime/agent/expand.h"
#include "runtime/agent/podfiles.h"
#include "runtime/agent/qos.h"
#include "runtime/agent/security.h"
#include "util/fd.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

char *ctr_dir(const char *state_dir, const char *uid, const char *container)
{
	return xasprintf("%s/pods/%s/containers/%s", state_dir, uid, container);
}

char *ctr_log_path(const char *state_dir, const char *uid, const char *container, int run)
{
	return xasprintf("%s/pods/%s/containers/%s/%d.log", state_dir, uid, container, run);
}

char *ctr_end_path(const char *state_dir, const char *uid, const char *container, int run)
{
	return xasprintf("%s/pods/%s/containers/%s/%d.end", state_dir, uid, container, run);
}

char *ctr_upper_path(const char *state_dir, const char *uid, const char *container, int run)
{
	return xasprintf("%s/pods/%s/rootfs/%s.%d", state_dir, uid, container, run);
}

void cspec_new_id(char id[65])
{
	unsigned char raw[32];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		abort(); /* not possible for 32 bytes, getrandom(2) */
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(id + 2 * i, 3, "%02x", raw[i]);
}

static void free_list(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void cspec_fini(struct container_spec *s)
{
	for (size_t i = 0; i < s->n_mounts; i++) {
		free(s->mounts[i].source);
		free(s->mounts[i].target);
		free(s->mounts[i].type);
		free(s->mounts[i].options);
		free(s->mounts[i].sub_path);
	}
	free(s->mounts);
	free_list(s->argv);
	free_list(s->envp);
	free_list(s->layers);
	free(s->groups);
	free(s->name);
	free(s->id);
	free(s->cwd);
	free(s->upper);
	free(s->log_path);
	free(s->termination_log);
	free(s->termination_path);
	*s = (struct container_spec){0};
}

/* -- command and environment -- */

static char **joined(char *const *a, char *const *b)
{
	size_t n = 0;
	char **out;

	for (size_t i = 0; a && a[i]; i++)
		n++;
	for (size_t i = 0; b && b[i]; i++)
		n++;
	out = xcalloc(n + 1, sizeof(*out));
	n = 0;
	for (size_t i = 0; a && a[i]; i++)
		out[n++] = xstrdup(a[i]);
	for (size_t i = 0; b && b[i]; i++)
		out[n++] = xstrdup(b[i]);
	return out;
}

/* command replaces the image's entrypoint and its cmd, args replaces cmd alone. */
static int set_argv(const struct cspec_source *src, const struct value *spec, const struct env *e,
		    struct container_spec *out, struct err *err)
{
	const struct image_config *config = &src->image->config;
	char **command = env_expand_list(e, value_get(spec, "command"));
	char **args = env_expand_list(e, value_get(spec, "args"));

	if (command[0])
		out->argv = joined(command, args);
	else
		out->argv = joined(config->entrypoint, args[0] ? args : config->cmd);
	free_list(command);
	free_list(args);
	if (!out->argv[0])
		return err_set(err, EINVAL, "no command specified");
	return 0;
}

static void set_envp(const struct cspec_source *src, const struct value *spec,
		     const struct env *own, const char *home, struct container_spec *out)
{
	struct env all = ENV_INIT;
	CLEANUP_FREE char *host = pod_hostname(src->volumes_ctx.src.st->pod);

	env_set(&all, "PATH", DEFAULT_PATH);
	env_set(&all, "HOSTNAME", host);
	env_set(&all, "HOME", *home ? home : "/");
	if (value_bool(value_get(spec, "tty"), 0))
		env_set(&all, "TERM", "xterm");
	for (char **p = src->image->config.env; p && *p; p++)
		env_add(&all, *p);
	for (size_t i = 0; i < own->n; i++)
		env_set(&all, own->names[i], own->values[i]);
	out->envp = env_list(&all);
	env_fini(&all);
}

/* -- mounts -- */

static struct mount_spec *add_mount(struct container_spec *out)
{
	out->mounts = xreallocarray(out->mounts, out->n_mounts + 1, sizeof(*out->mounts));
	out->mounts[out->n_mounts] = (struct mount_spec){0};
	return &out->mounts[out->n_mounts++];
}

static int propagation_of(const struct value *m)
{
	const char *p = value_str(value_get(m, "mountPropagation"), "None");

	if (str_eq(p, "HostToContainer"))
		return 1;
	return str_eq(p, "Bidirectional") ? 2 : 0;
}

static const char *env_lookup(void *arg, const char *name)
{
	return env_get(arg, name);
}

static int add_volume_mount(const struct cspec_source *src, const struct value *m,
			    const struct env *e, struct container_spec *out, struct err *err)
{
	const char *name = value_str(value_get(m, "name"), "");
	const char *sub = value_str(value_get(m, "subPath"), "");
	const char *expr = value_str(value_get(m, "subPathExpr"), "");
	struct volume *v = volume_find(src->volumes, src->n_volumes, name);
	CLEANUP_FREE char *expanded = NULL;
	struct mount_spec *mount;

	if (!v || !v->path)
		return err_set(err, EINVAL,
			       "cannot find volume \"%s\" to mount into container \"%s\"", name,
			       out->name);
	if (*expr)
		sub = expanded = expand_vars(expr, env_lookup, (void *)e);
	if (*sub == '/')
		return err_set(err, EINVAL, "subPath %s: must be a relative path", sub);
	mount = add_mount(out);
	mount->source = xstrdup(v->path);
	mount->target = xstrdup(value_str(value_get(m, "mountPath"), ""));
	mount->sub_path = *sub ? xstrdup(sub) : NULL;
	mount->read_only = v->read_only || value_bool(value_get(m, "readOnly"), 0);
	mount->recursive = v->recursive;
	mount->idmapped = v->idmapped;
	mount->propagation = propagation_of(m);
	return 0;
}

/* The account's files, where the container has not put something else. */
static void add_account_mount(const struct cspec_source *src, const struct value *mounts,
			      struct container_spec *out)
{
	const struct volume *v = volume_find(src->volumes, src->n_volumes, ACCOUNT_VOLUME);
	struct mount_spec *mount;

	for (size_t i = 0; i < value_count(mounts); i++)
		if (str_eq(value_dig_str(value_at(mounts, i), "mountPath", NULL),
			   ACCOUNT_MOUNT_PATH))
			return;
	if (!v || !v->path)
		return;
	mount = add_mount(out);
	mount->source = xstrdup(v->path);
	mount->target = xstrdup(ACCOUNT_MOUNT_PATH);
	mount->read_only = 1;
	mount->idmapped = v->idmapped;
}

static int add_mounts(const struct cspec_source *src, const struct value *spec, const struct env *e,
		      struct container_spec *out, struct err *err)
{
	const struct value *list = value_get(spec, "volumeMounts");
	const struct pod_state *st = src->volumes_ctx.src.st;
	CLEANUP_FREE char *pod_dir = pod_state_path(src->volumes_ctx.state_dir, pod_uid(st->pod));
	struct mount_spec *hostname = add_mount(out);

	hostname->source = xasprintf("%s/etc/hostname", pod_dir);
	hostname->target = xstrdup("/etc/hostname");
	hostname->idmapped = 1;
	for (size_t i = 0; i < value_count(list); i++)
		if (add_volume_mount(src, value_at(list, i), e, out, err))
			return -EINVAL;
	add_account_mount(src, list, out);
	return 0;
}

int cspec_tree_mounts(const struct cspec_source *src, const struct ctr *c,
		      struct container_spec *out, struct err *err)
{
	const struct env_source *es = &src->volumes_ctx.src;
	const struct value *spec = ctr_spec(es->st, c), *list = value_get(spec, "volumeMounts");
	struct env e = ENV_INIT;
	int rc = 0;

	*out = (struct container_spec){.name = xstrdup(c->name)};
	for (size_t i = 0; rc == 0 && i < value_count(list); i++) {
		const struct value *m = value_at(list, i);
		const struct volume *v = volume_find(src->volumes, src->n_volumes,
						     value_str(value_get(m, "name"), ""));

		if (!v || !v->is_tree)
			continue;
		if (value_get(m, "subPathExpr") && !e.n)
			rc = env_of(es, spec, &e, err);
		if (rc == 0)
			rc = add_volume_mount(src, m, &e, out, err);
	}
	env_fini(&e);
	return rc;
}

/* -- the rest -- */

static int make_files(const struct cspec_source *src, const struct value *spec, const char *name,
		      int run, struct container_spec *out, struct err *err)
{
	const struct volume_ctx *ctx = &src->volumes_ctx;
	const char *uid = pod_uid(ctx->src.st->pod);
	CLEANUP_FREE char *dir = ctr_dir(ctx->state_dir, uid, name);
	const char *path =
		value_str(value_get(spec, "terminationMessagePath"), "/dev/termination-log");
	int rc = fd_mkdir_p(dir, 0711, err);

	if (rc)
		return rc;
	out->log_path = ctr_log_path(ctx->state_dir, uid, name, run);
	out->upper = ctr_upper_path(ctx->state_dir, uid, name, run);
	if (!*path)
		return 0;
	out->termination_path = xstrdup(path);
	out->termination_log =
		ctr_end_path(ctx->state_dir, uid, name, run); /* made by the sandbox */
	return 0;
}

static int stop_signal_of(const struct value *spec, const struct image *image)
{
	const char *name = value_dig_str(spec, "lifecycle", "stopSignal", NULL);

	for (int s = 1; name && str_starts(name, "SIG") && s < NSIG; s++)
		if (str_eq(sigabbrev_np(s), name + 3))
			return s;
	return image->config.stop_signal;
}

int cspec_of(const struct cspec_source *src, const struct ctr *c, const char *id, int run,
	     struct container_spec *out, struct err *err)
{
	const struct env_source *es = &src->volumes_ctx.src;
	const struct value *pod = es->st->pod, *spec = ctr_spec(es->st, c);
	const struct user_source users = {es->ops, es->ctx, src->image};
	const char *cwd = value_str(value_get(spec, "workingDir"), "");
	struct env e = ENV_INIT;
	char home[256];
	int rc;

	*out = (struct container_spec){.name = xstrdup(c->name), .id = xstrdup(id)};
	rc = env_of(es, spec, &e, err);
	if (!rc)
		rc = security_of(pod, spec, &users, out, home, err);
	if (!rc)
		rc = set_argv(src, spec, &e, out, err);
	if (!rc)
		rc = make_files(src, spec, c->name, run, out, err);
	if (!rc)
		rc = add_mounts(src, spec, &e, out, err);
	if (!rc)
		set_envp(src, spec, &e, home, out);
	env_fini(&e);
	if (rc)
		return rc;
	if (!*cwd && src->image->config.cwd)
		cwd = src->image->config.cwd;
	out->cwd = xstrdup(*cwd ? cwd : "/");
	out->layers = joined(src->image->layers, NULL);
	out->limits = limits_of(pod, spec, es->node->memory_bytes);
	out->tty = value_bool(value_get(spec, "tty"), 0);
	out->stdin_open = value_bool(value_get(spec, "stdin"), 0);
	out->stdin_once = value_bool(value_get(spec, "stdinOnce"), 0);
	out->stop_signal = stop_signal_of(spec, src->image);
	return 0;
}
