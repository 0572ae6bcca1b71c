/* SPDX-License-Identifier: MIT */
/* The agent in the daemon: following the store, starting, stopping. */
#include "runtime/agent/agent.h"

#include <dirent.h>
#include <errno.h>
#include <stdatomic.h>

#include "runtime/agent/real.h"
#include "util/fd.h"
#include "util/log.h"

/* -- lifetime of what posts refer to -- */

struct agent *agent_get(struct agent *a)
{
	a->refs++;
	return a;
}

void agent_put(struct agent *a)
{
	if (--a->refs)
		return;
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->quiet);
	free(a->user);
	free(a->node_name);
	free(a->state_dir);
	free(a->version);
	free(a->pod_cidr);
	free(a);
}

static void check_purged(struct agent *a)
{
	loop_fn fn = a->purged;

	if (!fn || a->core->pods.n || !core_idle(a->core))
		return;
	a->purged = NULL;
	fn(a->purged_arg);
}

static void run_core(void *arg)
{
	struct agent *a = arg;

	a->kicked = 0;
	if (!a->stopped) {
		core_run(a->core);
		check_purged(a);
	}
	agent_put(a);
}

void agent_kick(struct agent *a)
{
	if (a->kicked)
		return;
	a->kicked = 1;
	loop_post(a->loop, run_core, agent_get(a));
}

static void on_timer(void *arg)
{
	struct agent *a = arg;

	a->core->armed_ms = 0; /* the timer is spent, whether it came early or not */
	core_run(a->core);
	check_purged(a);
}

/* -- writing -- */

struct submission {
	struct agent *agent;
	ops_done_fn done;
	void *arg;
	int rc;
};

static void submission_over(void *arg)
{
	struct submission *s = arg;

	if (!s->agent->stopped)
		s->done(s->arg, s->rc);
	agent_put(s->agent);
	free(s);
}

/* On the committer thread, or at once. */
static void committed(struct api_batch *b, int rc)
{
	struct submission *s = b->arg;
	struct err err = ERR_INIT;

	s->rc = rc;
	for (size_t i = 0; rc && i < b->n; i++)
		if (b->list[i]->faults.n && rc != -ENOENT) {
			faults_to_err(&b->list[i]->faults, &err);
			log_warn("%s %s/%s: %s", b->list[i]->kind->plural,
				 b->list[i]->ns ? b->list[i]->ns : "",
				 b->list[i]->name ? b->list[i]->name : "", err.msg);
			break;
		}
	loop_post(s->agent->loop, submission_over, s);
}

void agent_submit(struct agent *a, struct api_request *first, struct api_request *second,
		  ops_done_fn done, void *arg)
{
	struct submission *s = xcalloc(1, sizeof(*s));
	struct api_batch *b;

	*s = (struct submission){.agent = agent_get(a), .done = done, .arg = arg};
	b = api_batch_new(committed, s);
	api_batch_add(b, first);
	if (second)
		api_batch_add(b, second);
	api_submit(a->api, &a->who, b);
}

/* -- following the store -- */

static int is_ours(const struct agent *a, const struct object *pod)
{
	return str_eq(value_dig_str(pod->value, "spec", "nodeName", NULL), a->node_name);
}

static void on_change(struct kind_watch *kw, const struct change *c)
{
	struct agent *a = kw->a;

	if (kw == &a->watches[WATCH_POD]) {
		if (!is_ours(a, c->now))
			return;
		if (c->type == CHANGE_DELETED)
			core_pod_gone(a->core, c->now);
		else
			core_pod(a->core, c->now);
	} else if (kw == &a->watches[WATCH_NODE]) {
		if (c->type == CHANGE_DELETED && str_eq(c->now->name, a->node_name))
			agent_register_node(a);
	} else {
		core_object_changed(a->core, c->now->kind->plural, c->now->ns, c->now->name);
	}
}

static void start_watch(struct kind_watch *kw, uint64_t since);

/* All that is there now; what is not any more is gone. */
static uint64_t list_pods(struct agent *a)
{
	struct object_list l = {0};
	struct strmap seen = STRMAP_INIT;
	uint64_t rv;

	store_list(a->store, a->watches[WATCH_POD].kind, NULL, &l);
	rv = l.rv;
	for (size_t i = 0; i < l.n; i++) {
		if (!is_ours(a, l.list[i]))
			continue;
		strmap_set(&seen, l.list[i]->uid, a);
		core_pod(a->core, l.list[i]);
	}
	STRMAP_FOREACH (s, &a->core->pods) {
		struct worker *w = s->val;

		if (!strmap_get(&seen, s->key) && !w->gone)
			core_pod_gone(a->core, w->obj);
	}
	strmap_fini(&seen);
	object_list_fini(&l);
	return rv;
}

static void fell_behind(struct kind_watch *kw)
{
	struct agent *a = kw->a;
	uint64_t since = store_revision(a->store);

	watch_free(STEAL(kw->watch));
	if (kw == &a->watches[WATCH_POD])
		since = list_pods(a);
	start_watch(kw, since);
}

static void drain(void *arg)
{
	struct kind_watch *kw = arg;
	struct agent *a = kw->a;
	struct change c;
	int rc = 0;

	kw->posted = 0;
	while (!a->stopped && kw->watch && (rc = watch_next(kw->watch, &c)) > 0) {
		on_change(kw, &c);
		change_fini(&c);
	}
	if (!a->stopped && rc == -ESTALE)
		fell_behind(kw);
	agent_put(a);
}

/* The committer's thread. */
static void on_notify(void *arg)
{
	struct kind_watch *kw = arg;

	if (!atomic_exchange(&kw->posted, 1)) {
		agent_get(kw->a); /* kw is a part of it; drain puts it */
		loop_post(kw->a->loop, drain, kw);
	}
}

static void start_watch(struct kind_watch *kw, uint64_t since)
{
	kw->watch = store_watch(kw->a->store, kw->kind, since, on_notify, kw);
	on_notify(kw); /* what came between the listing and now */
}

static void follow_store(struct agent *a)
{
	static const char *const plurals[N_WATCHES] = {"pods", "configmaps", "secrets", "nodes"};
	uint64_t since = store_revision(a->store);

	for (int i = 0; i < N_WATCHES; i++) {
		struct kind_watch *kw = &a->watches[i];

		kw->a = a;
		kw->kind = kind_find("", "v1", plurals[i]);
		if (!kw->kind)
			continue;
		start_watch(kw, i == WATCH_POD ? list_pods(a) : since);
	}
}

/* -- pods that run already -- */

static void on_found(void *arg, const char *uid, struct sandbox *sb)
{
	struct agent *a = arg;

	if (core_adopt(a->core, uid, sb, sandbox_id_base(sb))) {
		sandbox_set_handler(sb, worker_sandbox_event, core_find(a->core, uid));
		return;
	}
	log_info("pod %s has no object any more: it is ended", uid);
	sandbox_set_handler(sb, NULL, NULL);
	sandbox_destroy(sb);
}

static void nothing(void *arg, int rc)
{
	((struct agent *)arg)->core->in_flight--;
}

/* Directories of pods that are not in the store. */
static void sweep(struct agent *a, const char *base)
{
	DIR *d = opendir(base);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		char **paths;

		if (e->d_name[0] == '.' || core_find(a->core, e->d_name))
			continue;
		id_range_free(a->sandboxes, e->d_name);
		paths = xcalloc(2, sizeof(*paths));
		paths[0] = xasprintf("%s/%s", base, e->d_name);
		a->core->in_flight++;
		ops_real.remove(a, paths, nothing, a);
	}
	if (d)
		closedir(d);
}

static void sweep_all(struct agent *a)
{
	CLEANUP_FREE char *state = xasprintf("%s/pods", a->core->state_dir);
	CLEANUP_FREE char *volumes = xasprintf("%s/volumes", a->core->run_dir);

	sweep(a, state);
	sweep(a, volumes);
}

/* -- start, stop, purge -- */

static void on_heartbeat(void *arg)
{
	struct agent *a = arg;

	agent_renew_lease(a, 1);
	loop_timer_arm(a->heartbeat, a->heartbeat_ms);
}

static void set_names(struct agent *a, const struct agent_config *cfg)
{
	a->node_name = xstrdup(cfg->node_name);
	a->state_dir = xstrdup(cfg->state_dir);
	a->version = xstrdup(cfg->version);
	a->pod_cidr = xstrdup(cfg->pod_cidr);
	a->user = xasprintf("system:node:%s", cfg->node_name);
	a->groups[0] = "system:nodes";
	a->groups[1] = "system:authenticated";
	a->who = (struct caller){
		.user = a->user, .groups = a->groups, .manager = "kubelet", .trusted = 1};
	a->source = (struct event_source){"kubelet", a->node_name, "kubelet"};
}

struct agent *agent_start(struct loop *loop, struct api *api, struct store *store,
			  struct sandboxes *sandboxes, struct images *images, struct net *net,
			  const struct agent_config *cfg, struct err *err)
{
	CLEANUP_FREE char *volumes = xasprintf("%s/volumes", cfg->run_dir);
	struct agent *a;

	if (fd_mkdir_p(volumes, 0711, err))
		return NULL;
	a = xcalloc(1, sizeof(*a));
	a->refs = 1;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->quiet, NULL);
	a->token = cfg->token;
	a->token_arg = cfg->token_arg;
	a->loop = loop;
	a->api = api;
	a->store = store;
	a->sandboxes = sandboxes;
	a->images = images;
	a->net = net;
	set_names(a, cfg);
	a->timer = loop_timer_new(loop, on_timer, a);
	a->recorder = event_recorder_new(api);
	a->core = core_new(cfg, &ops_real, a,
			   node_facts_read(cfg->node_name, cfg->state_dir, cfg->max_pods));
	agent_register_node(a);
	agent_renew_lease(a, 1);
	follow_store(a);
	sandboxes_adopt(sandboxes, on_found, a);
	core_adopted(a->core);
	sweep_all(a);
	if (cfg->heartbeat_ms) {
		a->heartbeat_ms = cfg->heartbeat_ms;
		a->heartbeat = loop_timer_new(loop, on_heartbeat, a);
		loop_timer_arm(a->heartbeat, a->heartbeat_ms);
	}
	return a;
}

void agent_stop(struct agent *a)
{
	if (!a)
		return;
	a->stopped = 1;
	for (int i = 0; i < N_WATCHES; i++)
		if (a->watches[i].watch)
			watch_free(STEAL(a->watches[i].watch));
	a->core->stopping = 1;
	STRMAP_FOREACH (s, &a->core->pods) {
		struct worker *w = s->val;

		if (w->sb)
			sandbox_release(STEAL(w->sb));
	}
	core_free(a->core); /* cancels what probes and hooks do */
	a->core = NULL;
	exec_wait(a);
	cleaner_free(a->cleaner);
	web_free(a->web);
	event_recorder_free(a->recorder);
	loop_timer_free(a->timer);
	loop_timer_free(a->heartbeat);
	agent_put(a);
}

void agent_purge(struct agent *a, uint64_t max_ms, loop_fn done, void *arg)
{
	a->purged = done;
	a->purged_arg = arg;
	core_purge(a->core, max_ms);
	agent_kick(a); /* also when there is nothing to do */
}

/* -- images -- */

static void image_added(void *arg)
{
	struct agent *a = arg;

	if (!a->stopped)
		core_image_added(a->core);
	agent_put(a);
}

void agent_image_added(struct agent *a, const char *name)
{
	loop_post(a->loop, image_added, agent_get(a));
}
