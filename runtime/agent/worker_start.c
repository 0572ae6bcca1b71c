/* SPDX-License-Identifier: MIT */
/* Starting a container: its image, what the sandbox is told, what is said about it. */
#include "runtime/agent/agent_i.h"

#include <errno.h>

#include "runtime/agent/cspec.h"
#include "util/fd.h"

#define LOG_FILES           5     /* that the supervisor keeps of one run */
#define PULL_ERROR_SHOWN_MS 2000u /* ErrImagePull stands before ImagePullBackOff follows */

/* -- images -- */

static void never_pulled(struct worker *w, struct ctr *c, const char *image)
{
	CLEANUP_FREE char *text =
		xasprintf("Container image \"%s\" is not present with pull policy of Never", image);

	worker_event(w, c, "Warning", "ErrImageNeverPull", "%s", text);
	worker_event(w, c, "Warning", "Failed", "Error: ErrImageNeverPull");
	ctr_set_waiting(c, "ErrImageNeverPull", text);
	c->retry_ms = UINT64_MAX;
}

static void bad_name(struct worker *w, struct ctr *c, const char *image, const char *why)
{
	CLEANUP_FREE char *text = xasprintf(
		"Failed to apply default image tag \"%s\": couldn't parse image name \"%s\": %s",
		image, image, why);

	worker_event(w, c, "Warning", "InspectFailed", "%s", text);
	worker_event(w, c, "Warning", "Failed", "Error: InvalidImageName");
	ctr_set_waiting(c, "InvalidImageName", text);
	c->retry_ms = UINT64_MAX;
}

static void pull_failed(struct worker *w, struct cwork *cw, const char *image, const char *why)
{
	struct ctr *c = cw->c;
	uint64_t now = worker_now(w);

	worker_event(w, c, "Normal", "Pulling", "Pulling image \"%s\"", image);
	worker_event(w, c, "Warning", "Failed", "Failed to pull image \"%s\": %s", image, why);
	worker_event(w, c, "Warning", "Failed", "Error: ErrImagePull");
	backoff_next(&c->pull, now, now);
	cw->pull_failed_ms = now;
	ctr_set_waiting(c, "ErrImagePull", why);
	c->retry_ms = now + PULL_ERROR_SHOWN_MS;
}

static void pull_backs_off(struct worker *w, struct cwork *cw, const char *image, const char *why,
			   uint64_t until)
{
	struct ctr *c = cw->c;
	CLEANUP_FREE char *text =
		xasprintf("Back-off pulling image \"%s\": ErrImagePull: %s", image, why);

	worker_event(w, c, "Normal", "BackOff", "Back-off pulling image \"%s\"", image);
	worker_event(w, c, "Warning", "Failed", "Error: ImagePullBackOff");
	ctr_set_waiting(c, "ImagePullBackOff", text);
	c->retry_ms = until;
}

/* Owned; NULL when the container has to wait for it. */
static struct image *get_image(struct worker *w, struct cwork *cw, const struct value *spec)
{
	const char *name = value_str(value_get(spec, "image"), "");
	const char *policy = value_str(value_get(spec, "imagePullPolicy"), "IfNotPresent");
	struct err err = ERR_INIT;
	struct image *image = w->a->ops->image_get(w->a->ctx, name, &err);
	uint64_t until;

	if (image) {
		cw->pull_failed_ms = 0;
		backoff_reset(&cw->c->pull);
		return image;
	}
	until = cw->pull_failed_ms ? backoff_until(&cw->c->pull, cw->pull_failed_ms, worker_now(w))
				   : 0;
	if (err.code == EINVAL)
		bad_name(w, cw->c, name, err.msg);
	else if (str_eq(policy, "Never"))
		never_pulled(w, cw->c, name);
	else if (until)
		pull_backs_off(w, cw, name, err.msg, until);
	else
		pull_failed(w, cw, name, err.msg);
	if (!cw->pull_failed_ms)
		cw->pull_failed_ms = worker_now(w);
	return NULL;
}

/* -- starting -- */

static void config_error(struct worker *w, struct ctr *c, const char *why)
{
	if (!str_eq(c->waiting_reason, "CreateContainerConfigError") ||
	    !str_eq(c->waiting_message, why))
		worker_event(w, c, "Warning", "Failed", "Error: %s", why);
	ctr_set_waiting(c, "CreateContainerConfigError", why);
	c->retry_ms = UINT64_MAX; /* until an object that it names changes */
}

static void create_error(struct worker *w, struct ctr *c, const char *why)
{
	uint64_t now = worker_now(w);

	worker_event(w, c, "Warning", "Failed", "Error: %s", why);
	ctr_set_waiting(c, "CreateContainerError", why);
	backoff_next(&c->restart, now, now);
	c->retry_ms = now + c->restart.delay_ms;
}

/* imageID as container runtimes show it: the repository and the manifest's digest. */
static char *image_id(const struct image *i)
{
	const char *slash = strrchr(i->name, '/');
	const char *tag = strchr(slash ? slash : i->name, ':'), *at = strchr(i->name, '@');
	const char *end = at ? at : tag;

	if (!i->digest)
		return xstrdup(i->id);
	return xasprintf("%.*s@%s", (int)(end ? (size_t)(end - i->name) : strlen(i->name)), i->name,
			 i->digest);
}

static void note_run(struct worker *w, struct ctr *c, const struct image *i,
		     const struct container_spec *spec)
{
	free(c->image);
	free(c->image_id);
	free(c->spec_image);
	free(c->groups);
	c->image = xstrdup(i->name);
	c->image_id = image_id(i);
	c->spec_image = xstrdup(value_str(value_get(ctr_spec(&w->st, c), "image"), ""));
	c->uid = spec->uid;
	c->gid = spec->gid;
	c->n_groups = spec->n_groups;
	c->groups = xcalloc(spec->n_groups + 1, sizeof(*c->groups));
	for (size_t k = 0; k < spec->n_groups; k++)
		c->groups[k] = spec->groups[k];
	c->has_user = 1;
}

static void removed(void *arg, int rc)
{
	((struct agent_core *)arg)->in_flight--;
}

/* Of the runs before the last one nothing is kept: logs, messages, writable layers. */
static void drop_old_runs(struct worker *w, struct ctr *c)
{
	const char *state = w->a->state_dir;
	int old = c->restart_count - 2;
	char **paths = xcalloc(4 + LOG_FILES, sizeof(*paths));

	paths[0] = ctr_upper_path(state, w->uid, c->name, c->restart_count - 1);
	if (old >= 0) {
		CLEANUP_FREE char *log = ctr_log_path(state, w->uid, c->name, old);

		paths[1] = xstrdup(log);
		paths[2] = ctr_end_path(state, w->uid, c->name, old);
		for (int i = 1; i < LOG_FILES; i++)
			paths[2 + i] = xasprintf("%s.%d", log, i);
	}
	w->a->in_flight++;
	w->a->ops->remove(w->a->ctx, paths, removed, w->a);
}

static int is_restart(const struct ctr *c)
{
	return c->run.id[0] || c->state == CTR_EXITED;
}

static void say_pulled(struct worker *w, struct ctr *c)
{
	worker_event(
		w, c, "Normal", "Pulled",
		"Container image \"%s\" already present on machine and can be accessed by the pod",
		value_str(value_get(ctr_spec(&w->st, c), "image"), ""));
}

static void start_with(struct worker *w, struct cwork *cw, const struct image *image)
{
	struct ctr *c = cw->c;
	const struct cspec_source src = {worker_volume_ctx(w), w->volumes, w->n_volumes, image};
	int run = c->restart_count + is_restart(c);
	struct container_spec spec;
	struct err err = ERR_INIT;
	char id[65];

	cspec_new_id(id);
	if (cspec_of(&src, c, id, run, &spec, &err)) {
		cspec_fini(&spec);
		config_error(w, c, err.msg);
		return;
	}
	/* First of all the start: what is told about it can wait. */
	if (w->a->ops->image_hold(w->a->ctx, w->uid, image, &err) ||
	    w->a->ops->sandbox_start(w->a->ctx, w->sb, &spec, &err)) {
		say_pulled(w, c);
		create_error(w, c, err.msg);
	} else {
		say_pulled(w, c);
		if (c->state == CTR_EXITED && !c->stale)
			backoff_next(&c->restart, c->run.finished_ms, worker_now(w));
		ctr_begin(c, id);
		note_run(w, c, image, &spec);
		worker_event(w, c, "Normal", "Created", "Container created");
		if (c->restart_count > 0)
			drop_old_runs(w, c);
	}
	cspec_fini(&spec);
}

void worker_start_ctr(struct worker *w, struct cwork *cw)
{
	struct image *image = get_image(w, cw, ctr_spec(&w->st, cw->c));

	if (!image)
		return;
	start_with(w, cw, image);
	w->a->ops->image_put(w->a->ctx, image);
}

void worker_show_crash_loop(struct worker *w, struct cwork *cw)
{
	struct ctr *c = cw->c;
	CLEANUP_FREE char *text = NULL;
	char delay[24];

	if (str_eq(c->waiting_reason, "CrashLoopBackOff"))
		return;
	text = xasprintf("back-off %s restarting failed container=%s pod=%s_%s(%s)",
			 backoff_text(c->restart.delay_ms, delay), c->name, w->obj->name,
			 w->obj->ns, w->uid);
	worker_event(w, c, "Warning", "BackOff",
		     "Back-off restarting failed container %s in pod %s_%s(%s)", c->name,
		     w->obj->name, w->obj->ns, w->uid);
	ctr_set_waiting(c, "CrashLoopBackOff", text);
}

/* What the stored status says of a container that ran before the daemon did. */
static void recall_probes(struct worker *w, struct ctr *c)
{
	const struct value *s = agent_container_status(w->obj->value, c->name);
	const struct value *spec = ctr_spec(&w->st, c);

	c->startup_passed =
		!value_get(spec, "startupProbe") || value_bool(value_get(s, "started"), 0);
	c->ready_passed =
		!value_get(spec, "readinessProbe") || value_bool(value_get(s, "ready"), 0);
	if (!c->spec_image)
		c->spec_image = xstrdup(value_str(value_get(spec, "image"), ""));
}

void worker_ctr_running(struct worker *w, struct cwork *cw, int found)
{
	struct ctr *c = cw->c;
	const struct value *spec = ctr_spec(&w->st, c);

	if (found) {
		recall_probes(w, c);
	} else {
		c->startup_passed = !value_get(spec, "startupProbe");
		c->ready_passed = !value_get(spec, "readinessProbe");
		if (value_dig(spec, "lifecycle", "postStart", NULL))
			hook_post_start(cw);
	}
	probes_start(cw);
}
