/* SPDX-License-Identifier: MIT */
#include "tests/unit/agent_rig.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "util/fd.h"

static int64_t now_sec(void *ctx)
{
	return ((struct rig *)ctx)->sec;
}

static uint64_t now_ms(void *ctx)
{
	return ((struct rig *)ctx)->ms;
}

static void kick(void *ctx)
{
	((struct rig *)ctx)->kicked = 1;
}

static void wake_at(void *ctx, uint64_t at)
{
	((struct rig *)ctx)->wake_ms = at;
}

static struct value *get(void *ctx, const char *plural, const char *ns, const char *name)
{
	struct rig *r = ctx;
	CLEANUP_FREE char *key = xasprintf("%s/%s/%s", plural, ns, name);

	return value_ref(strmap_get(&r->objects, key));
}

static struct value *services(void *ctx, const char *ns)
{
	struct rig *r = ctx;
	struct value *list = value_new_list();

	STRMAP_FOREACH (s, &r->objects)
		if (str_starts(s->key, "services/"))
			list = value_append(list, value_ref(s->val));
	return list;
}

static void later(struct rig *r, ops_done_fn done, void *arg)
{
	assert_true(r->n_done < ARRAY_LEN(r->done));
	r->done[r->n_done] = done;
	r->done_arg[r->n_done++] = arg;
}

static void set_pod(struct rig *r, struct value *taken)
{
	object_unref(r->pod);
	r->pod = object_new(kind_find("", "v1", "pods"), taken, ++r->rv, 1);
}

static void write_status(void *ctx, const struct object *pod, struct value *taken, ops_done_fn done,
			 void *arg)
{
	struct rig *r = ctx;

	r->writes++;
	if (str_eq(pod->name, r->pod->name))
		set_pod(r, value_set(value_ref(r->pod->value), "status", taken));
	else
		value_unref(taken);
	later(r, done, arg);
}

static void delete_pod(void *ctx, const struct object *pod, ops_done_fn done, void *arg)
{
	struct rig *r = ctx;

	r->deletes++;
	buf_addf(&r->log, "delete %s\n", pod->name);
	later(r, done, arg);
}

static void event(void *ctx, const struct object *pod, const char *field, const char *type,
		  const char *reason, const char *message)
{
	struct rig *r = ctx;

	buf_addf(&r->events, "%s: %s\n", reason, message);
}

static int token(void *ctx, const struct value *pod, const char *account, const char *audience,
		 int64_t seconds, struct buf *out, struct err *err)
{
	struct rig *r = ctx;

	buf_addf(&r->log, "token %s %s %lld\n", account, audience ? audience : "-",
		 (long long)seconds);
	if (r->no_tokens)
		return err_set(err, ENOENT, "serviceaccounts \"%s\" not found", account);
	buf_addf(out, "token %d of %s", ++r->n_tokens, account);
	return 0;
}

static struct sandbox *create(void *ctx, const struct sandbox_spec *spec, sandbox_event_fn fn,
			      void *arg, struct err *err)
{
	struct rig *r = ctx;

	r->sandboxes++;
	r->sb = (struct sandbox){fn, arg, 0};
	buf_addf(&r->log, "sandbox %s %s\n", spec->name, spec->qos);
	return &r->sb;
}

static int start(void *ctx, struct sandbox *sb, const struct container_spec *spec, struct err *err)
{
	struct rig *r = ctx;

	snprintf(r->last_id, sizeof(r->last_id), "%s", spec->id);
	buf_addf(&r->log, "start %s", spec->name);
	for (char **s = spec->argv; *s; s++)
		buf_addf(&r->log, " %s", *s);
	for (char **s = spec->envp; *s; s++)
		if (str_starts(*s, "K_"))
			buf_addf(&r->log, " %s", *s);
	for (size_t i = 0; i < spec->n_mounts; i++)
		r->account_mounts += str_eq(spec->mounts[i].target, ACCOUNT_MOUNT_PATH) &&
				     spec->mounts[i].read_only;
	for (size_t i = 0; i < spec->n_mounts; i++)
		if (spec->mounts[i].sub_path || str_starts(spec->mounts[i].target, "/data"))
			buf_addf(&r->log, " %s%s", spec->mounts[i].target,
				 spec->mounts[i].read_only ? ":ro" : "");
	buf_addc(&r->log, '\n');
	return 0;
}

static int stop(void *ctx, struct sandbox *sb, const char *container, uint64_t grace_ms,
		struct err *err)
{
	struct rig *r = ctx;

	r->last_grace = grace_ms;
	buf_addf(&r->log, "stop %s\n", container);
	return 0;
}

static int mount_again(void *ctx, struct sandbox *sb, const char *container,
		       const struct mount_spec *m, struct err *err)
{
	struct rig *r = ctx;

	buf_addf(&r->log, "again %s %s on %s%s\n", container, m->source, m->target,
		 m->read_only ? ":ro" : "");
	return 0;
}

static void destroy(void *ctx, struct sandbox *sb)
{
	struct rig *r = ctx;

	sb->destroyed = 1;
	buf_adds(&r->log, "destroy\n");
}

static int id_alloc(void *ctx, const char *uid, uint32_t *base, struct err *err)
{
	*base = 0;
	return 0;
}

static void id_free(void *ctx, const char *uid)
{
}

static struct image *image_get(void *ctx, const char *reference, struct err *err)
{
	struct rig *r = ctx;

	if (!strmap_get(&r->images, reference)) {
		err_set(err, ENOENT, "image \"%s\" is not stored", reference);
		return NULL;
	}
	return &r->image;
}

static void image_put(void *ctx, struct image *i)
{
}

static int image_hold(void *ctx, const char *uid, const struct image *i, struct err *err)
{
	return 0;
}

static void image_release(void *ctx, const char *uid)
{
}

static int image_user(void *ctx, const struct image *i, const char *user, struct image_user *out,
		      struct err *err)
{
	*out = (struct image_user){.uid = (unsigned)atoi(user), .home = "/root"};
	return 0;
}

static int attach(void *ctx, const char *uid, int netns_fd, const struct host_port *ports, size_t n,
		  char ip[16], struct err *err)
{
	struct rig *r = ctx;

	strcpy(ip, "10.244.0.7");
	buf_addf(&r->log, "attach %zu\n", n);
	return 0;
}

static int adopt(void *ctx, const char *uid, const char *ip, const struct host_port *ports,
		 size_t n, struct err *err)
{
	struct rig *r = ctx;

	buf_addf(&r->log, "adopt %s\n", ip);
	return 0;
}

static void detach(void *ctx, const char *uid)
{
	struct rig *r = ctx;

	buf_adds(&r->log, "detach\n");
}

static struct action *act(void *ctx, const struct action_spec *spec, action_done_fn done, void *arg)
{
	struct rig *r = ctx;
	struct action *a = xcalloc(1, sizeof(*a)), **end = &r->actions;

	*a = (struct action){.rig = r, .done = done, .arg = arg};
	if (spec->kind == ACTION_EXEC)
		a->what = xasprintf("exec %s %s", spec->container, spec->argv[0]);
	else if (spec->kind == ACTION_HTTP)
		a->what = xasprintf("http %s", spec->url);
	else
		a->what = xasprintf("tcp %s:%u", spec->host, spec->port);
	while (*end)
		end = &(*end)->next;
	*end = a;
	return a;
}

static void act_drop(struct rig *r, struct action *a)
{
	struct action **at = &r->actions;

	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	free(a->what);
	free(a);
}

static void act_cancel(void *ctx, struct action *a)
{
	buf_addf(&((struct rig *)ctx)->log, "cancel %s\n", a->what);
	act_drop(ctx, a);
}

static void remove_paths(void *ctx, char **paths, ops_done_fn done, void *arg)
{
	struct rig *r = ctx;

	for (char **p = paths; *p; p++) {
		assert_int_equal(fd_remove_tree(*p, NULL), 0);
		free(*p);
	}
	free(paths);
	later(r, done, arg);
}

static const struct agent_ops ops = {
	.now_sec = now_sec,
	.now_ms = now_ms,
	.kick = kick,
	.wake_at = wake_at,
	.get = get,
	.services = services,
	.write_status = write_status,
	.delete_pod = delete_pod,
	.event = event,
	.token = token,
	.sandbox_create = create,
	.sandbox_start = start,
	.sandbox_stop = stop,
	.sandbox_mount_again = mount_again,
	.sandbox_destroy = destroy,
	.id_alloc = id_alloc,
	.id_free = id_free,
	.image_get = image_get,
	.image_put = image_put,
	.image_user = image_user,
	.image_hold = image_hold,
	.image_release = image_release,
	.net_attach = attach,
	.net_adopt = adopt,
	.net_detach = detach,
	.act = act,
	.act_cancel = act_cancel,
	.remove = remove_paths,
};

static char *no_words[] = {NULL};
static char *image_cmd[] = {(char *)"/app", NULL};

struct rig *rig_new(void)
{
	struct rig *r = xcalloc(1, sizeof(*r));
	struct node_facts *facts = xcalloc(1, sizeof(*facts));
	struct agent_config cfg = {
		.node_name = "n1", .state_dir = r->dir, .run_dir = r->dir, .tree = "/tree"};

	strcpy(r->dir, "/tmp/k8sfs-agent-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->sec = 1000000;
	r->ms = 5000000;
	r->image.name = (char *)"docker.io/library/app:1";
	r->image.id = (char *)"sha256:1";
	r->image.digest = (char *)"sha256:2";
	r->image.layers = no_words;
	r->image.config = (struct image_config){.entrypoint = no_words,
						.cmd = image_cmd,
						.env = no_words,
						.user = (char *)"",
						.cwd = (char *)""};
	facts->name = xstrdup("n1");
	facts->ip = xstrdup("192.0.2.1");
	facts->cpu_millis = 2000;
	facts->memory_bytes = 1u << 30;
	facts->disk_bytes = 1ull << 34;
	facts->max_pods = 10;
	facts->arch = xstrdup("amd64");
	r->core = core_new(&cfg, &ops, r, facts);
	rig_image(r, "app:1");
	return r;
}

void rig_free(struct rig *r)
{
	core_free(r->core);
	assert_null(r->actions); /* whatever was begun was ended */
	STRMAP_FOREACH (s, &r->objects)
		value_unref(s->val);
	strmap_fini(&r->objects);
	strmap_fini(&r->images);
	buf_fini(&r->log);
	buf_fini(&r->events);
	object_unref(r->pod);
	assert_int_equal(fd_remove_tree(r->dir, NULL), 0);
	free(r);
}

void rig_pod(struct rig *r, const char *quoted)
{
	struct value *v = json_of(quoted);

	if (r->pod && !value_get(v, "status"))
		v = value_set(v, "status", value_ref(value_get(r->pod->value, "status")));
	set_pod(r, v);
	core_pod(r->core, r->pod);
}

static void answer_writes(struct rig *r)
{
	for (size_t i = 0; i < r->n_done; i++) {
		ops_done_fn fn = r->done[i];

		fn(r->done_arg[i], 0);
	}
	r->n_done = 0;
}

void rig_run(struct rig *r)
{
	for (int round = 0; round < 50; round++) {
		r->kicked = 0;
		core_run(r->core);
		if (!r->n_done && !r->kicked)
			return;
		answer_writes(r);
	}
	fail_msg("the agent does not come to rest");
}

/* To each time that the agent wants to be woken at, up to ms from now. */
void rig_advance(struct rig *r, uint64_t ms)
{
	uint64_t end = r->ms + ms;

	while (r->wake_ms && r->wake_ms <= end) {
		r->sec += (int64_t)((r->wake_ms - r->ms) / 1000);
		r->ms = r->wake_ms > r->ms ? r->wake_ms : r->ms;
		r->core->armed_ms = r->wake_ms = 0; /* the timer is spent */
		rig_run(r);
	}
	r->sec += (int64_t)((end - r->ms) / 1000);
	r->ms = end;
}

void rig_emit(struct rig *r, struct sandbox_event ev)
{
	r->sb.fn(r->sb.arg, &r->sb, &ev);
	rig_run(r);
}

void rig_ready(struct rig *r)
{
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_READY, .netns_fd = -1});
}

void rig_started(struct rig *r, const char *container)
{
	rig_emit(r, (struct sandbox_event){.kind = CONTAINER_STARTED,
					   .container = container,
					   .container_id = r->last_id,
					   .pid = 1,
					   .started_sec = r->sec});
}

void rig_exited(struct rig *r, const char *container, int code)
{
	struct ctr *c = worker_ctr(core_find(r->core, r->pod->uid), container)->c;
	char id[65];

	strcpy(id, c->run.id);
	rig_emit(r, (struct sandbox_event){.kind = CONTAINER_EXITED,
					   .container = container,
					   .container_id = id,
					   .exit_code = code,
					   .finished_sec = r->sec});
}

void rig_answer(struct rig *r, const char *what, enum action_result result, const char *text)
{
	struct action *a = r->actions;

	while (a && !str_starts(a->what, what))
		a = a->next;
	if (!a)
		fail_msg("nobody asked for %s", what);
	{
		action_done_fn fn = a->done;
		void *arg = a->arg;

		act_drop(r, a);
		fn(arg, result, text);
	}
	rig_run(r);
}

void rig_image(struct rig *r, const char *reference)
{
	strmap_set(&r->images, reference, r);
}

void rig_object(struct rig *r, const char *plural, const char *ns, const char *name,
		const char *quoted)
{
	CLEANUP_FREE char *key = xasprintf("%s/%s/%s", plural, ns, name);

	value_unref(strmap_set(&r->objects, key, json_of(quoted)));
	core_object_changed(r->core, plural, ns, name);
	rig_run(r);
}

void rig_delete(struct rig *r, int grace)
{
	struct value *v = value_ref(r->pod->value);

	v = value_bury(v, value_new_string("2026-01-01T00:00:00Z"), "metadata", "deletionTimestamp",
		       NULL);
	v = value_bury(v, value_new_int(grace), "metadata", "deletionGracePeriodSeconds", NULL);
	set_pod(r, v);
	core_pod(r->core, r->pod);
	rig_run(r);
}

void rig_gone(struct rig *r)
{
	core_pod_gone(r->core, r->pod);
	rig_run(r);
}

const char *rig_phase(struct rig *r)
{
	return value_dig_str(r->pod->value, "status", "phase", NULL);
}

const struct value *rig_ctr(struct rig *r, const char *name)
{
	return agent_container_status(r->pod->value, name);
}

const char *rig_condition(struct rig *r, const char *type, const char *field)
{
	return value_dig_str(
		by_key(value_dig(r->pod->value, "status", "conditions", NULL), "type", type), field,
		NULL);
}

int rig_count(const struct buf *lines, const char *begin)
{
	const char *at = buf_str(lines);
	int n = 0;

	for (; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL)
		n += str_starts(at, begin);
	return n;
}
