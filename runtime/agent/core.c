/* SPDX-License-Identifier: MIT */
/* The pods of this node. */
#include "runtime/agent/agent_i.h"

#include "util/fd.h"
#include "util/log.h"

struct agent_core *core_new(const struct agent_config *cfg, const struct agent_ops *ops, void *ctx,
			    struct node_facts *taken)
{
	struct agent_core *a = xcalloc(1, sizeof(*a));
	struct buf resolv = BUF_INIT;

	a->ops = ops;
	a->ctx = ctx;
	a->node = taken;
	a->node_name = xstrdup(cfg->node_name);
	a->state_dir = xstrdup(cfg->state_dir);
	a->run_dir = xstrdup(cfg->run_dir);
	a->tree = xstrdup(cfg->tree);
	a->cluster_domain = xstrdup(cfg->cluster_domain ? cfg->cluster_domain : "cluster.local");
	a->dns_address = xstrdup(cfg->dns_address);
	a->dirty_end = &a->dirty;
	if (fd_read_file("/etc/resolv.conf", 1 << 16, &resolv, NULL))
		log_warn("no /etc/resolv.conf: pods get none of the host's name servers");
	a->host_resolv = buf_steal(&resolv);
	return a;
}

void core_free(struct agent_core *a)
{
	if (!a)
		return;
	STRMAP_FOREACH (s, &a->pods)
		worker_free(s->val);
	strmap_fini(&a->pods);
	node_facts_free(a->node);
	free(a->node_name);
	free(a->state_dir);
	free(a->run_dir);
	free(a->tree);
	free(a->cluster_domain);
	free(a->dns_address);
	free(a->host_resolv);
	free(a);
}

struct worker *core_find(const struct agent_core *a, const char *uid)
{
	return strmap_get(&a->pods, uid);
}

void core_pod(struct agent_core *a, const struct object *pod)
{
	struct worker *w = core_find(a, pod->uid);

	if (a->purging || a->stopping)
		return;
	if (w) {
		worker_update(w, pod);
		return;
	}
	w = worker_new(a, pod);
	strmap_set(&a->pods, w->uid, w);
	worker_touch(w);
}

void core_pod_gone(struct agent_core *a, const struct object *last)
{
	struct worker *w = core_find(a, last->uid);

	if (!w)
		return;
	worker_update(w, last);
	w->gone = 1;
	worker_touch(w);
}

/* What waits for an object may go on; what shows it is written anew. */
static void object_changed(struct worker *w)
{
	struct volume_ctx ctx = worker_volume_ctx(w);

	for (size_t i = 0; i < w->st.n; i++)
		if (w->st.ctrs[i].retry_ms == UINT64_MAX)
			w->st.ctrs[i].retry_ms = 0;
	w->volumes_retry_ms = 0;
	for (size_t i = 0; w->life == LIFE_RUN && i < w->n_volumes; i++) {
		struct err err = ERR_INIT;

		if (volume_refresh(&ctx, &w->volumes[i], &err) < 0)
			worker_event(w, NULL, "Warning", "FailedMount",
				     "MountVolume.SetUp failed for volume \"%s\" : %s",
				     w->volumes[i].name, err.msg);
	}
	worker_touch(w);
}

void core_object_changed(struct agent_core *a, const char *plural, const char *ns, const char *name)
{
	STRMAP_FOREACH (s, &a->pods) {
		struct worker *w = s->val;

		if (w->life <= LIFE_RUN && str_eq(pod_ns(w->obj->value), ns) &&
		    pod_refers_to(w->obj->value, plural, name))
			object_changed(w);
	}
}

void core_image_added(struct agent_core *a)
{
	STRMAP_FOREACH (s, &a->pods) {
		struct worker *w = s->val;

		for (size_t i = 0; w->life <= LIFE_RUN && i < w->st.n; i++) {
			struct ctr *c = &w->st.ctrs[i];

			if (!w->ctrs[i].pull_failed_ms)
				continue;
			backoff_reset(&c->pull);
			w->ctrs[i].pull_failed_ms = 0;
			c->retry_ms = 0;
			worker_touch(w);
		}
	}
}

int core_adopt(struct agent_core *a, const char *uid, struct sandbox *sb, uint32_t id_base)
{
	struct worker *w = core_find(a, uid);
	struct host_port *ports;
	struct err err = ERR_INIT;
	size_t n;

	if (!w || w->sb)
		return 0;
	w->sb = sb;
	w->id_base = id_base;
	w->has_ids = 1;
	if (pod_is_over(w->obj->value))
		return 1; /* the first look takes it down */
	w->life = LIFE_RUN;
	w->st.sandbox_ready = w->st.ip[0] != '\0';
	w->sandbox_pending = !w->st.sandbox_ready; /* it may be connected and nobody said so: done
						      when it is READY */
	w->replay_until_ms = worker_now(w) + REPLAY_MS;
	worker_recall_volumes(w);
	n = pod_host_ports(w->obj->value, &ports);
	if (w->st.ip[0] && !value_bool(value_dig(w->obj->value, "spec", "hostNetwork", NULL), 0)) {
		w->network = 1;
		if (a->ops->net_adopt(a->ctx, uid, w->st.ip, ports, n, &err))
			log_warn("pod %s/%s: address %s: %s", w->obj->ns, w->obj->name, w->st.ip,
				 err.msg);
	}
	free(ports);
	for (size_t i = 0; i < w->st.n; i++)
		if (w->st.ctrs[i].state == CTR_RUNNING)
			worker_ctr_running(w, &w->ctrs[i], 1);
	return 1;
}

static int has_run(const struct worker *w)
{
	for (size_t i = 0; i < w->st.n; i++)
		if (w->st.ctrs[i].state != CTR_WAITING)
			return 1;
	return 0;
}

void core_adopted(struct agent_core *a)
{
	STRMAP_FOREACH (s, &a->pods) {
		struct worker *w = s->val;

		if (!w->sb && has_run(w))
			worker_lost_sandbox(w, "Unknown", 255);
		worker_touch(w);
	}
}

void core_purge(struct agent_core *a, uint64_t max_ms)
{
	a->purging = 1;
	STRMAP_FOREACH (s, &a->pods) {
		struct worker *w = s->val;
		uint64_t grace = (uint64_t)pod_grace(w->obj->value) * 1000;

		w->gone = 1; /* its object stays, but it is none of ours any more */
		if (w->life <= LIFE_RUN)
			worker_begin_ending(w, grace < max_ms ? grace : max_ms);
		worker_touch(w);
	}
}

int core_idle(const struct agent_core *a)
{
	if (a->dirty || a->in_flight)
		return 0;
	STRMAP_FOREACH (s, &a->pods) {
		const struct worker *w = s->val;

		if (w->life == LIFE_ENDING || w->life == LIFE_UNMAKING || w->life == LIFE_CLEANING)
			return 0;
	}
	return 1;
}

/* Out of the table when nothing of it is left anywhere. */
static void reap(struct agent_core *a, struct worker *w)
{
	if (w->life != LIFE_DOWN || !w->gone || !w->cleaned_all || w->status_in_flight ||
	    w->dirty || (w->delete_sent && !w->deleted))
		return;
	strmap_del(&a->pods, w->uid);
	worker_free(w);
}

void core_run(struct agent_core *a)
{
	struct worker *w;
	uint64_t next;

	deadlines_run(&a->deadlines, a->ops->now_ms(a->ctx));
	while ((w = a->dirty)) {
		a->dirty = w->next_dirty;
		if (!a->dirty)
			a->dirty_end = &a->dirty;
		w->next_dirty = NULL;
		w->dirty = 0;
		worker_sync(w);
		reap(a, w);
	}
	next = deadlines_next(&a->deadlines);
	if (next != a->armed_ms) {
		a->armed_ms = next;
		a->ops->wake_at(a->ctx, next);
	}
}
