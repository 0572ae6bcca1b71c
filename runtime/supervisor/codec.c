/* SPDX-License-Identifier: MIT */
/* Specs to bytes and back. */
#include "runtime/supervisor/codec.h"

#define MAX_STRINGS 65536 /* in one list; argv, environment */

void codec_u64(struct codec *c, uint64_t *v)
{
	if (c->out) {
		buf_add(c->out, v, sizeof(*v));
		return;
	}
	*v = 0;
	if (c->bad || (size_t)(c->end - c->at) < sizeof(*v)) {
		c->bad = 1;
		return;
	}
	memcpy(v, c->at, sizeof(*v));
	c->at += sizeof(*v);
}

void codec_int(struct codec *c, int *v)
{
	uint64_t wide = (uint64_t)(int64_t)*v;

	codec_u64(c, &wide);
	if (!c->out)
		*v = (int)(int64_t)wide;
}

void codec_u32(struct codec *c, uint32_t *v)
{
	uint64_t wide = *v;

	codec_u64(c, &wide);
	if (!c->out)
		*v = (uint32_t)wide;
}

void codec_str(struct codec *c, char **s)
{
	uint64_t len = c->out && *s ? strlen(*s) + 1 : 0;

	codec_u64(c, &len);
	if (c->out) {
		if (len)
			buf_add(c->out, *s, len - 1);
		return;
	}
	*s = NULL;
	if (len == 0)
		return;
	if (c->bad || (uint64_t)(c->end - c->at) < len - 1 || memchr(c->at, 0, len - 1)) {
		c->bad = 1;
		return;
	}
	*s = xstrndup((const char *)c->at, len - 1);
	c->at += len - 1;
}

/* Each element takes a number at least: nothing is allocated for a count alone. */
static int can_hold(const struct codec *c, uint64_t count)
{
	return count <= MAX_STRINGS && count <= (uint64_t)(c->end - c->at) / sizeof(uint64_t);
}

static size_t strv_len(char **v)
{
	size_t n = 0;

	while (v && v[n])
		n++;
	return n;
}

void codec_strv(struct codec *c, char ***v)
{
	uint64_t n = c->out && *v ? strv_len(*v) + 1 : 0;

	codec_u64(c, &n);
	if (c->out) {
		for (uint64_t i = 0; n && i < n - 1; i++)
			codec_str(c, &(*v)[i]);
		return;
	}
	*v = NULL;
	if (n && !can_hold(c, n - 1))
		c->bad = 1;
	if (n == 0 || c->bad)
		return;
	*v = xcalloc(n, sizeof(char *));
	for (uint64_t i = 0; i < n - 1 && !c->bad; i++) {
		codec_str(c, &(*v)[i]);
		c->bad |= !(*v)[i];
	}
}

void strv_free(char **v)
{
	for (char **s = v; s && *s; s++)
		free(*s);
	free(v);
}

void codec_limits(struct codec *c, struct resource_limits *l)
{
	codec_u64(c, &l->cpu_shares_millis);
	codec_u64(c, &l->cpu_quota_millis);
	codec_u64(c, &l->memory_bytes);
	codec_u64(c, &l->memory_request_bytes);
	codec_u64(c, &l->pids);
	codec_int(c, &l->oom_score_adj);
}

void codec_sandbox(struct codec *c, struct sandbox_spec *s)
{
	codec_str(c, &s->uid);
	codec_str(c, &s->ns);
	codec_str(c, &s->name);
	codec_str(c, &s->hostname);
	codec_str(c, &s->domainname);
	codec_u32(c, &s->id_base);
	codec_int(c, &s->host_network);
	codec_int(c, &s->host_pid);
	codec_int(c, &s->host_ipc);
	codec_int(c, &s->share_pids);
	codec_int(c, &s->host_users);
	codec_strv(c, &s->sysctls);
	codec_str(c, &s->hosts_path);
	codec_str(c, &s->resolv_path);
	codec_limits(c, &s->limits);
	codec_str(c, &s->qos);
}

static void codec_mount(struct codec *c, struct mount_spec *m)
{
	codec_str(c, &m->source);
	codec_str(c, &m->target);
	codec_str(c, &m->type);
	codec_str(c, &m->options);
	codec_int(c, &m->read_only);
	codec_int(c, &m->recursive);
	codec_int(c, &m->propagation);
	codec_int(c, &m->idmapped);
	codec_str(c, &m->sub_path);
}

/* The number of elements; allocates them when decoding. */
static size_t codec_array(struct codec *c, void **v, size_t n, size_t size)
{
	uint64_t count = n;

	codec_u64(c, &count);
	if (c->out)
		return n;
	*v = NULL;
	if (!can_hold(c, count))
		c->bad = 1;
	if (c->bad || !count)
		return 0;
	*v = xcalloc(count, size);
	return count;
}

static void codec_groups(struct codec *c, struct container_spec *s)
{
	s->n_groups = codec_array(c, (void **)&s->groups, s->n_groups, sizeof(*s->groups));
	for (size_t i = 0; i < s->n_groups; i++)
		codec_u32(c, &s->groups[i]);
}

static void codec_mounts(struct codec *c, struct container_spec *s)
{
	s->n_mounts = codec_array(c, (void **)&s->mounts, s->n_mounts, sizeof(*s->mounts));
	for (size_t i = 0; i < s->n_mounts; i++)
		codec_mount(c, &s->mounts[i]);
}

void codec_container(struct codec *c, struct container_spec *s)
{
	codec_str(c, &s->name);
	codec_str(c, &s->id);
	codec_strv(c, &s->argv);
	codec_strv(c, &s->envp);
	codec_str(c, &s->cwd);
	codec_u32(c, &s->uid);
	codec_u32(c, &s->gid);
	codec_groups(c, s);
	codec_strv(c, &s->layers);
	codec_str(c, &s->upper);
	codec_mounts(c, s);
	codec_limits(c, &s->limits);
	codec_u64(c, &s->capabilities);
	codec_int(c, &s->privileged);
	codec_int(c, &s->no_new_privs);
	codec_int(c, &s->read_only_rootfs);
	codec_int(c, &s->seccomp_unconfined);
	codec_int(c, &s->proc_unmasked);
	codec_int(c, &s->tty);
	codec_int(c, &s->stdin_open);
	codec_int(c, &s->stdin_once);
	codec_str(c, &s->log_path);
	codec_u64(c, &s->log_max_bytes);
	codec_u32(c, &s->log_max_files);
	codec_str(c, &s->termination_log);
	codec_str(c, &s->termination_path);
	codec_int(c, &s->stop_signal);
}

void codec_exec(struct codec *c, struct exec_spec *s)
{
	codec_strv(c, &s->argv);
	codec_strv(c, &s->envp);
	codec_str(c, &s->cwd);
	codec_int(c, &s->tty);
	codec_u32(c, &s->rows);
	codec_u32(c, &s->columns);
}

void exec_spec_fini(struct exec_spec *s)
{
	strv_free(s->argv);
	strv_free(s->envp);
	free(s->cwd);
	*s = (struct exec_spec){0};
}

void sandbox_spec_fini(struct sandbox_spec *s)
{
	free(s->uid);
	free(s->ns);
	free(s->name);
	free(s->hostname);
	free(s->domainname);
	strv_free(s->sysctls);
	free(s->hosts_path);
	free(s->resolv_path);
	free(s->qos);
	*s = (struct sandbox_spec){0};
}

static void mount_spec_fini(struct mount_spec *m)
{
	free(m->source);
	free(m->target);
	free(m->type);
	free(m->options);
	free(m->sub_path);
}

void container_spec_fini(struct container_spec *s)
{
	free(s->name);
	free(s->id);
	strv_free(s->argv);
	strv_free(s->envp);
	free(s->cwd);
	free(s->groups);
	strv_free(s->layers);
	free(s->upper);
	for (size_t i = 0; i < s->n_mounts; i++)
		mount_spec_fini(&s->mounts[i]);
	free(s->mounts);
	free(s->log_path);
	free(s->termination_log);
	free(s->termination_path);
	*s = (struct container_spec){0};
}
