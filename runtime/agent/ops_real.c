/* SPDX-License-Identifier: MIT */
/* agent_ops as the daemon has them. ctx is the struct agent. */
#include <errno.h>
#include <time.h>

#include "runtime/agent/real.h"
#include "util/log.h"

/* -- clocks and wake-ups -- */

static int64_t now_sec(void *ctx)
{
	return time(NULL);
}

static uint64_t now_ms(void *ctx)
{
	return loop_now_ms();
}

static void kick(void *ctx)
{
	agent_kick(ctx);
}

static void wake_at(void *ctx, uint64_t at_ms)
{
	struct agent *a = ctx;
	uint64_t now = loop_now_ms();

	if (!at_ms)
		loop_timer_cancel(a->timer);
	else
		loop_timer_arm(a->timer, at_ms > now ? at_ms - now : 0);
}

/* -- store -- */

static struct value *get(void *ctx, const char *plural, const char *ns, const char *name)
{
	struct agent *a = ctx;
	const struct kind *k = kind_find("", "v1", plural);
	CLEANUP_OBJECT struct object *o = NULL;

	if (!k)
		return NULL;
	o = store_get(a->store, (struct objkey){k, ns, name});
	return o ? value_ref(o->value) : NULL;
}

static struct value *add_all(struct agent *a, const struct kind *k, const char *ns,
			     struct value *taken_list)
{
	struct object_list l = {0};

	store_list(a->store, k, ns, &l);
	for (size_t i = 0; i < l.n; i++)
		taken_list = value_append(taken_list, value_ref(l.list[i]->value));
	object_list_fini(&l);
	return taken_list;
}

static struct value *services(void *ctx, const char *ns)
{
	struct agent *a = ctx;
	const struct kind *k = kind_find("", "v1", "services");
	struct value *list = value_new_list();
	struct value *master;

	if (!k)
		return list;
	if (!str_eq(ns, "default")) {
		master = get(ctx, "services", "default", "kubernetes");
		if (master)
			list = value_append(list, master);
	}
	return add_all(a, k, ns, list);
}

struct status_write {
	char *uid;
	struct value *status;
};

static void status_write_free(void *arg)
{
	struct status_write *s = arg;

	free(s->uid);
	value_unref(s->status);
	free(s);
}

static int ours(const char *type)
{
	static const char *const types[] = {"PodReadyToStartContainers", "Initialized", "Ready",
					    "ContainersReady", "PodScheduled"};

	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq(types[i], type))
			return 1;
	return 0;
}

static const struct value *condition_of(const struct value *list, const char *type)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_get(value_at(list, i), "type"), NULL), type))
			return value_at(list, i);
	return NULL;
}

/* Ours as we say, the others as they are now. */
static struct value *merge_conditions(const struct value *now, const struct value *mine)
{
	struct value *out = value_new_list();

	for (size_t i = 0; i < value_count(mine); i++)
		if (ours(value_str(value_get(value_at(mine, i), "type"), "")))
			out = value_append(out, value_ref(value_at(mine, i)));
	for (size_t i = 0; i < value_count(now); i++)
		if (!condition_of(out, value_str(value_get(value_at(now, i), "type"), "")))
			out = value_append(out, value_ref(value_at(now, i)));
	return out;
}

static struct value *edit_status(void *arg, struct value *taken, struct err *err)
{
	const struct status_write *s = arg;
	const struct value *now;
	struct value *status;

	if (!str_eq(value_dig_str(taken, "metadata", "uid", NULL), s->uid)) {
		value_unref(taken);
		err_set(err, ENOENT, "another pod of that name");
		return NULL;
	}
	now = value_get(taken, "status");
	status = now ? value_ref(now) : value_new_map();
	for (size_t i = 0; i < value_count(s->status); i++) {
		const char *key = value_key_at(s->status, i);
		struct value *v;

		if (str_eq(key, "conditions"))
			v = merge_conditions(value_get(now, key), value_at(s->status, i));
		else
			v = value_ref(value_at(s->status, i));
		status = value_set(status, key, v);
	}
	return value_set(taken, "status", status);
}

static void write_status(void *ctx, const struct object *pod, struct value *taken, ops_done_fn done,
			 void *arg)
{
	struct api_request *r = api_request_new(API_MUTATE, pod->kind, pod->ns, pod->name);
	struct status_write *s = xcalloc(1, sizeof(*s));

	s->uid = xstrdup(pod->uid);
	s->status = taken;
	r->flags = API_STATUS | API_IF_EXISTS;
	r->mutate = edit_status;
	r->mutate_arg = s;
	r->mutate_free = status_write_free;
	agent_submit(ctx, r, NULL, done, arg);
	agent_renew_lease(ctx, 0);
}

static void delete_pod(void *ctx, const struct object *pod, ops_done_fn done, void *arg)
{
	struct api_request *r = api_request_new(API_DELETE, pod->kind, pod->ns, pod->name);

	r->flags = API_IF_EXISTS;
	r->grace_seconds = 0;
	r->expect_uid = xstrdup(pod->uid);
	agent_submit(ctx, r, NULL, done, arg);
}

static void event(void *ctx, const struct object *pod, const char *field_path, const char *type,
		  const char *reason, const char *message)
{
	struct agent *a = ctx;

	event_record(a->recorder, &a->source, pod, field_path, type, reason, "%s", message);
}

static int token(void *ctx, const struct value *pod, const char *account, const char *audience,
		 int64_t seconds, struct buf *out, struct err *err)
{
	struct agent *a = ctx;

	if (!a->token)
		return err_set(err, EOPNOTSUPP, "this node has no tokens");
	return a->token(a->token_arg, pod, account, audience, seconds, out, err);
}

/* -- sandboxes, images, network -- */

static struct sandbox *create(void *ctx, const struct sandbox_spec *spec, sandbox_event_fn fn,
			      void *arg, struct err *err)
{
	return sandbox_create(((struct agent *)ctx)->sandboxes, spec, fn, arg, err);
}

static int start(void *ctx, struct sandbox *sb, const struct container_spec *spec, struct err *err)
{
	return sandbox_start_container(sb, spec, err);
}

static int stop(void *ctx, struct sandbox *sb, const char *container, uint64_t grace_ms,
		struct err *err)
{
	return sandbox_stop_container(sb, container, grace_ms, err);
}

static int mount_again(void *ctx, struct sandbox *sb, const char *container,
		       const struct mount_spec *m, struct err *err)
{
	return sandbox_mount_again(sb, container, m, err);
}

static void destroy(void *ctx, struct sandbox *sb)
{
	sandbox_destroy(sb);
}

static int id_alloc(void *ctx, const char *uid, uint32_t *base_out, struct err *err)
{
	return id_range_alloc(((struct agent *)ctx)->sandboxes, uid, base_out, err);
}

static void id_free(void *ctx, const char *uid)
{
	id_range_free(((struct agent *)ctx)->sandboxes, uid);
}

static struct image *image_get(void *ctx, const char *reference, struct err *err)
{
	return images_get(((struct agent *)ctx)->images, reference, err);
}

static void image_put(void *ctx, struct image *i)
{
	image_unref(i);
}

static int image_hold(void *ctx, const char *uid, const struct image *i, struct err *err)
{
	return images_hold(((struct agent *)ctx)->images, uid, i->layers, err);
}

static void image_release(void *ctx, const char *uid)
{
	images_release(((struct agent *)ctx)->images, uid);
}

static int image_user(void *ctx, const struct image *i, const char *user, struct image_user *out,
		      struct err *err)
{
	return image_resolve_user(i, user, out, err);
}

static int attach(void *ctx, const char *uid, int netns_fd, const struct host_port *ports, size_t n,
		  char ip_out[INET_ADDRSTRLEN], struct err *err)
{
	struct agent *a = ctx;

	return a->net ? net_attach(a->net, uid, netns_fd, ports, n, ip_out, err) : 0;
}

static int adopt(void *ctx, const char *uid, const char *ip, const struct host_port *ports,
		 size_t n, struct err *err)
{
	struct agent *a = ctx;

	return a->net ? net_adopt(a->net, uid, ip, ports, n, err) : 0;
}

static void detach(void *ctx, const char *uid)
{
	struct agent *a = ctx;

	if (a->net)
		net_detach(a->net, uid);
}

/* -- probes, hooks, removal -- */

static struct action *act(void *ctx, const struct action_spec *spec, action_done_fn done, void *arg)
{
	struct agent *a = ctx;

	if (spec->kind == ACTION_EXEC)
		return exec_act(a, spec, done, arg);
	if (!a->web)
		a->web = web_new(a->loop);
	return web_act(a->web, spec, done, arg);
}

static void act_cancel(void *ctx, struct action *action)
{
	action->cancel(action);
}

struct removal {
	struct agent *agent;
	ops_done_fn done;
	void *arg;
	int rc;
};

static void removal_over(void *arg)
{
	struct removal *r = arg;

	if (!r->agent->stopped)
		r->done(r->arg, r->rc);
	agent_put(r->agent);
	free(r);
}

static void removed(void *arg, int rc)
{
	struct removal *r = arg;

	r->rc = rc;
	images_prune(r->agent->images); /* here, where it may take its time */
	loop_post(r->agent->loop, removal_over, r);
}

static void remove_paths(void *ctx, char **paths, ops_done_fn done, void *arg)
{
	struct agent *a = ctx;
	struct removal *r = xcalloc(1, sizeof(*r));

	*r = (struct removal){.agent = agent_get(a), .done = done, .arg = arg};
	if (!a->cleaner)
		a->cleaner = cleaner_new();
	cleaner_add(a->cleaner, paths, removed, r);
}

const struct agent_ops ops_real = {
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
	.image_hold = image_hold,
	.image_release = image_release,
	.image_user = image_user,
	.net_attach = attach,
	.net_adopt = adopt,
	.net_detach = detach,
	.act = act,
	.act_cancel = act_cancel,
	.remove = remove_paths,
};
