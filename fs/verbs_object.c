/* SPDX-License-Identifier: MIT */
/* The verbs of objects and collections. Each only plans requests; nothing here waits. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "fs/detour.h"
#include "fs/permission.h"
#include "fs/verbs.h"
#include "objects/controllers/deployment_ops.h"
#include "objects/selection.h"

static int is_kind(const struct kind *k, const char *group, const char *kind)
{
	return strcmp(k->group, group) == 0 && strcmp(k->kind, kind) == 0;
}

static int is_deployment(const struct kind *k)
{
	return is_kind(k, "apps", "Deployment");
}

static int has_template(const struct kind *k)
{
	return is_deployment(k) || is_kind(k, "apps", "StatefulSet") ||
	       is_kind(k, "apps", "DaemonSet");
}

static int has_scale(const struct kind *k)
{
	return (k->flags & KIND_SCALE) != 0;
}

static int is_node(const struct kind *k)
{
	return is_kind(k, "", "Node");
}

static int is_cron_job(const struct kind *k)
{
	return is_kind(k, "batch", "CronJob");
}

static int parse_count(const char *text, int64_t max, int64_t *out, struct err *err)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	if (errno || end == text || *end || *out < 0 || *out > max)
		return err_set(err, EINVAL, "%s: a number from 0 to %lld is expected", text,
			       (long long)max);
	return 0;
}

/* -- one value of the object -- */

/* Puts a value at a path of keys. */
struct put {
	struct value *value; /* owned */
	const char *key[6];  /* NULL-terminated, static strings */
};

static struct value *put_at(struct value *taken, const struct put *p, size_t i)
{
	struct value *child;

	if (!value_is(taken, VALUE_MAP)) {
		value_unref(taken);
		taken = value_new_map();
	}
	if (!p->key[i + 1])
		return value_set(taken, p->key[i], value_ref(p->value));
	child = value_ref(value_get(taken, p->key[i]));
	return value_set(taken, p->key[i], put_at(child, p, i + 1));
}

static struct value *run_put(void *arg, struct value *taken, struct err *err)
{
	(void)err;
	return put_at(taken, arg, 0);
}

static void free_put(void *arg)
{
	struct put *p = arg;

	value_unref(p->value);
	free(p);
}

static void add_put(struct message *m, struct api_batch *batch, struct value *taken, const char *a,
		    const char *b, const char *c, const char *d, const char *e)
{
	struct api_request *r = message_request(m, API_MUTATE);
	struct put *p = xcalloc(1, sizeof(*p));

	*p = (struct put){taken, {a, b, c, d, e, NULL}};
	r->mutate = run_put;
	r->mutate_arg = p;
	r->mutate_free = free_put;
	api_batch_add(batch, r);
}

/* What people do to workloads is objects/controllers/deployment_ops.h's; NULL: err says why. */
static int add_request(struct api_batch *batch, struct api_request *taken, struct err *err)
{
	if (!taken)
		return err && err->code ? -err->code : -EINVAL;
	api_batch_add(batch, taken);
	return 0;
}

static struct object *object_of(const struct message *m, struct err *err)
{
	return node_get_object(m->fs, m->node, err);
}

static int plan_scale(struct message *m, char *const *args, size_t n_args, struct api_batch *batch,
		      struct err *err)
{
	CLEANUP_OBJECT struct object *o = object_of(m, err);
	struct api_request *r;
	int64_t n;

	(void)n_args;
	if (!o || parse_count(args[0], INT32_MAX, &n, err) < 0)
		return -err->code;
	r = deployment_scale(o, n, err);
	if (r)
		r->flags |= scaling_flag(m->fs, m->who, m->node);
	return add_request(batch, r, err);
}

static int plan_pause(struct message *m, char *const *args, size_t n_args, struct api_batch *batch,
		      struct err *err)
{
	CLEANUP_OBJECT struct object *o = object_of(m, err);

	(void)args;
	(void)n_args;
	return o ? add_request(batch, deployment_pause(o), err) : -err->code;
}

static int plan_resume(struct message *m, char *const *args, size_t n_args, struct api_batch *batch,
		       struct err *err)
{
	CLEANUP_OBJECT struct object *o = object_of(m, err);

	(void)args;
	(void)n_args;
	return o ? add_request(batch, deployment_resume(o), err) : -err->code;
}

static int plan_restart(struct message *m, char *const *args, size_t n_args,
			struct api_batch *batch, struct err *err)
{
	CLEANUP_OBJECT struct object *o = object_of(m, err);

	(void)args;
	(void)n_args;
	return o ? add_request(batch, deployment_restart(o), err) : -err->code;
}

static int plan_undo(struct message *m, char *const *args, size_t n_args, struct api_batch *batch,
		     struct err *err)
{
	CLEANUP_OBJECT struct object *o = object_of(m, err);
	int64_t revision = 0;

	if (!o || (n_args && parse_count(args[0], INT64_MAX, &revision, err) < 0))
		return -err->code;
	return add_request(batch, deployment_undo(m->fs->store, o, revision, err), err);
}

static int plan_cordon(struct message *m, char *const *args, size_t n_args, struct api_batch *batch,
		       struct err *err)
{
	(void)args;
	(void)n_args;
	(void)err;
	add_put(m, batch, value_new_bool(1), "spec", "unschedulable", NULL, NULL, NULL);
	return 0;
}

static int plan_uncordon(struct message *m, char *const *args, size_t n_args,
			 struct api_batch *batch, struct err *err)
{
	(void)args;
	(void)n_args;
	(void)err;
	add_put(m, batch, value_new_bool(0), "spec", "unschedulable", NULL, NULL, NULL);
	return 0;
}

/* -- deleting -- */

static int parse_policy(const char *word, enum propagation *out)
{
	static const struct {
		const char *name;
		enum propagation policy;
	} policies[] = {
		{"orphan", PROPAGATE_ORPHAN},
		{"foreground", PROPAGATE_FOREGROUND},
		{"background", PROPAGATE_BACKGROUND},
	};

	for (size_t i = 0; i < ARRAY_LEN(policies); i++)
		if (strcmp(policies[i].name, word) == 0) {
			*out = policies[i].policy;
			return 1;
		}
	return 0;
}

static int plan_delete(struct message *m, char *const *args, size_t n_args, struct api_batch *batch,
		       struct err *err)
{
	struct api_request *r = message_request(m, API_DELETE);
	int rc = 0;

	r->grace_seconds = -1;
	for (size_t i = 0; i < n_args && rc == 0; i++)
		if (!parse_policy(args[i], &r->propagation))
			rc = parse_count(args[i], INT32_MAX, &r->grace_seconds, err);
	if (rc < 0)
		api_request_free(r);
	else
		api_batch_add(batch, r);
	return rc;
}

static struct api_request *delete_request(const struct object *o)
{
	struct api_request *r = api_request_new(API_DELETE, o->kind, o->ns, o->name);

	r->grace_seconds = -1;
	r->expect_uid = xstrdup(o->uid);
	return r;
}

/* Asked before anything is looked for: a refusal tells nothing about what is there. */
static int may(const struct message *m, const char *verb, const struct kind *k, const char *ns,
	       const char *name, struct err *err)
{
	const struct access what = {verb, k->group, k->plural, "", ns, name, NULL};

	return fs_check(m->fs, &m->who->caller, &what, err);
}

static int is_daemon_pod(const struct object *pod)
{
	const char *kind = value_dig_str(object_controller(pod->value), "kind", NULL);

	return kind && strcmp(kind, "DaemonSet") == 0;
}

static int plan_drain(struct message *m, char *const *args, size_t n_args, struct api_batch *batch,
		      struct err *err)
{
	const struct kind *kind = kind_find("", "v1", "pods");
	struct object_list pods;
	int rc = may(m, "list", kind, "", "", err);

	if (rc < 0)
		return rc;
	rc = plan_cordon(m, args, n_args, batch, err);
	store_list(m->fs->store, kind, NULL, &pods);
	for (size_t i = 0; i < pods.n; i++) {
		const struct object *pod = pods.list[i];
		const char *node = value_dig_str(pod->value, "spec", "nodeName", NULL);

		if (str_eq(node, m->node->name) && !is_daemon_pod(pod) &&
		    !object_deleting(pod->value))
			api_batch_add(batch, delete_request(pod));
	}
	object_list_fini(&pods);
	return rc;
}

static int plan_trigger(struct message *m, char *const *args, size_t n_args,
			struct api_batch *batch, struct err *err)
{
	CLEANUP_OBJECT struct object *cron =
		store_get(m->fs->store, (struct objkey){m->node->kind, m->node->ns, m->node->name});
	const struct kind *jobs = kind_find("batch", "v1", "jobs");
	char suffix[6] = "";
	struct api_request *r;
	struct value *job;

	if (!cron || !jobs)
		return err_set(err, ENOENT, "no such CronJob");
	if (may(m, "create", jobs, m->node->ns, "", err) < 0)
		return -err->code;
	if (!n_args)
		api_random_suffix(suffix, 5);
	CLEANUP_FREE char *name =
		n_args ? xstrdup(args[0]) : xasprintf("%.52s-manual-%s", m->node->name, suffix);

	job = value_ref(value_dig(cron->value, "spec", "jobTemplate", NULL));
	job = value_set_str(job ? job : value_new_map(), "apiVersion", "batch/v1");
	job = value_set_str(job, "kind", "Job");
	job = value_bury(job, value_new_string(name), "metadata", "name", NULL);
	job = value_bury(job, value_new_string(m->node->ns), "metadata", "namespace", NULL);
	job = value_bury(job, value_new_string("manual"), "metadata", "annotations",
			 "cronjob.kubernetes.io/instantiate", NULL);
	job = value_bury(job, value_append(value_new_list(), object_owner_reference(cron)),
			 "metadata", "ownerReferences", NULL);
	r = api_request_new(API_CREATE, jobs, m->node->ns, name);
	r->body = job;
	api_batch_add(batch, r);
	return 0;
}

/* -- collections -- */

/* The value of an option at args[*i], in the same word behind an equals sign or in the next one, to
 * which *i goes. NULL: it is not this option. */
static const char *option_value(const char *option, char *const *args, size_t n_args, size_t *i)
{
	size_t len = strlen(option);

	if (!str_starts(args[*i], option))
		return NULL;
	if (args[*i][len] == '=')
		return args[*i] + len + 1;
	return !args[*i][len] && *i + 1 < n_args ? args[++*i] : NULL;
}

static struct selection *selection_of(const struct kind *k, char *const *args, size_t n_args,
				      struct err *err)
{
	const char *labels = "", *fields = "", *value;
	CLEANUP(selection_freep) struct selection *s = NULL;

	for (size_t i = 0; i < n_args; i++) {
		if ((value = option_value("-l", args, n_args, &i)) ||
		    (value = option_value("--selector", args, n_args, &i))) {
			labels = value;
		} else if ((value = option_value("--field-selector", args, n_args, &i))) {
			fields = value;
		} else {
			err_set(err, EINVAL,
				"usage: delete [-l SELECTOR] [--field-selector=FIELDS]");
			return NULL;
		}
	}
	s = selection_parse(k, labels, err);
	return s && selection_add_fields(s, k, fields, err) == 0 ? STEAL(s) : NULL;
}

static int add_delete_selected(struct message *m, char *const *args, size_t n_args,
			       struct api_batch *batch, struct err *err)
{
	CLEANUP(selection_freep)
	struct selection *s = selection_of(m->node->kind, args, n_args, err);
	struct object_list list;

	if (!s || may(m, "deletecollection", m->node->kind, m->node->ns, "", err) < 0)
		return -err->code;
	store_list(m->fs->store, m->node->kind, *m->node->ns ? m->node->ns : NULL, &list);
	if (selection_reads_content(s) && objects_make_whole(m->fs, list.list, list.n, err) < 0) {
		object_list_fini(&list);
		return -err->code;
	}
	for (size_t i = 0; i < list.n; i++)
		if (selection_matches(s, list.list[i]->value)) {
			struct api_request *r = delete_request(list.list[i]);

			r->flags |= API_COLLECTION;
			api_batch_add(batch, r);
		}
	object_list_fini(&list);
	return 0;
}

/* "name", or "namespace/name" at the resource level. */
static int add_delete_named(struct message *m, const char *text, struct api_batch *batch,
			    struct err *err)
{
	const char *slash = strchr(text, '/');
	CLEANUP_FREE char *ns = slash && !*m->node->ns ? xstrndup(text, (size_t)(slash - text))
						       : xstrdup(m->node->ns);
	const char *name = slash && !*m->node->ns ? slash + 1 : text;
	CLEANUP_OBJECT struct object *o = NULL;

	if ((m->node->kind->flags & KIND_NAMESPACED) && !*ns)
		return err_set(err, EINVAL,
			       "%s: write <namespace>/<name> here, or use the namespace's _ctl",
			       text);
	if (may(m, "delete", m->node->kind, ns, name, err) < 0)
		return -err->code;
	o = store_get(m->fs->store, (struct objkey){m->node->kind, ns, name});
	if (!o)
		return err_set(err, ENOENT, "%s \"%s\" not found", kind_resource(m->node->kind),
			       text);
	api_batch_add(batch, delete_request(o));
	return 0;
}

static int plan_collection_delete(struct message *m, char *const *args, size_t n_args,
				  struct api_batch *batch, struct err *err)
{
	int rc = 0;

	if (args[0][0] == '-') /* no object's name begins so */
		return add_delete_selected(m, args, n_args, batch, err);
	for (size_t i = 0; i < n_args && rc == 0; i++)
		rc = add_delete_named(m, args[i], batch, err);
	return rc;
}

const struct verb object_verbs[] = {
	{"scale", "scale N", "set spec.replicas", 1, 1, has_scale, plan_scale},
	{"restart", "restart", "make all pods anew, by the rules of the rollout", 0, 0,
	 has_template, plan_restart},
	{"undo", "undo [REVISION]",
	 "back to the pod template of a revision; the one before by default", 0, 1, is_deployment,
	 plan_undo},
	{"pause", "pause", "changes of the template wait until resume", 0, 0, is_deployment,
	 plan_pause},
	{"resume", "resume", "go on with the rollout", 0, 0, is_deployment, plan_resume},
	{"cordon", "cordon", "schedule no more pods here", 0, 0, is_node, plan_cordon},
	{"uncordon", "uncordon", "schedule pods here again", 0, 0, is_node, plan_uncordon},
	{"drain", "drain", "cordon, and delete the pods (not those of DaemonSets)", 0, 0, is_node,
	 plan_drain},
	{"trigger", "trigger [JOB_NAME]", "start a Job from the template now", 0, 1, is_cron_job,
	 plan_trigger},
	{"delete", "delete [GRACE_SECONDS] [orphan|foreground|background]", "delete the object", 0,
	 2, NULL, plan_delete},
	{0},
};

const struct verb collection_verbs[] = {
	{"delete", "delete NAME... | delete [-l SELECTOR] [--field-selector=FIELDS]",
	 "delete objects", 1, WORDS_MAX, NULL, plan_collection_delete},
	{0},
};
