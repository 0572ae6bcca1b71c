/* SPDX-License-Identifier: MIT */
#include "auth/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "auth/auth_i.h"
#include "objects/codec.h"
#include "util/fd.h"
#include "util/log.h"

struct audit {
	char *path;
	struct audit_policy *policy; /* owned; NULL: none */
	int fd;                      /* the thread's */
	uint64_t size;               /* the thread's */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct buf queue; /* lock */
	size_t lost;      /* lock */
	int stopping;     /* lock */
};

/* -- the file -- */

static int open_file(struct audit *a, struct err *err)
{
	struct stat st;

	a->fd = open(a->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (a->fd < 0 || fstat(a->fd, &st) < 0)
		return err_sys(err, errno, "open %s", a->path);
	a->size = (uint64_t)st.st_size;
	return 0;
}

static void rotate(struct audit *a)
{
	struct err err = ERR_INIT;

	for (int i = AUDIT_FILES - 1; i >= 0; i--) {
		CLEANUP_FREE char *from = i ? xasprintf("%s.%d", a->path, i) : xstrdup(a->path);
		CLEANUP_FREE char *to = xasprintf("%s.%d", a->path, i + 1);

		if (rename(from, to) < 0 && errno != ENOENT)
			log_error("audit log: %s: %s", from, strerror(errno));
	}
	fd_close_at(&a->fd);
	if (open_file(a, &err) < 0)
		log_error("audit log: %s", err.msg);
}

static void write_all(struct audit *a, const char *text, size_t len)
{
	while (len && a->fd >= 0) {
		ssize_t n = write(a->fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			log_error("audit log: %zu bytes are lost: %s", len, strerror(errno));
			return;
		}
		a->size += (size_t)n;
		text += n;
		len -= (size_t)n;
	}
}

/*
 * What comes while the thread rests is one write(2): a burst of requests does not wake it for each.
 */
static void rest(void)
{
	nanosleep(&(struct timespec){0, AUDIT_REST_MS * 1000000L}, NULL);
}

static void *run(void *arg)
{
	struct audit *a = arg;
	int stopping = 0;

	while (!stopping) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT;
		size_t lost;

		pthread_mutex_lock(&a->lock);
		while (!a->queue.len && !a->stopping)
			pthread_cond_wait(&a->wake, &a->lock);
		text = a->queue;
		a->queue = (struct buf)BUF_INIT;
		lost = a->lost;
		a->lost = 0;
		stopping = a->stopping;
		pthread_mutex_unlock(&a->lock);
		write_all(a, text.data, text.len);
		if (lost)
			log_error("audit log: the disk does not keep up, %zu lines are lost", lost);
		if (a->size > AUDIT_BYTES)
			rotate(a);
		if (!stopping)
			rest();
	}
	return NULL;
}

struct audit *audit_open(const char *path, struct audit_policy *policy, struct err *err)
{
	struct audit *a = xcalloc(1, sizeof(*a));
	int rc;

	a->path = xstrdup(path);
	a->policy = policy;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->wake, NULL);
	rc = open_file(a, err);
	if (!rc && (rc = -pthread_create(&a->thread, NULL, run, a)))
		err_sys(err, -rc, "the audit log's thread");
	if (!rc)
		return a;
	fd_close_at(&a->fd);
	audit_policy_free(a->policy);
	free(a->path);
	free(a);
	return NULL;
}

void audit_close(struct audit *a)
{
	if (!a)
		return;
	pthread_mutex_lock(&a->lock);
	a->stopping = 1;
	pthread_cond_signal(&a->wake);
	pthread_mutex_unlock(&a->lock);
	pthread_join(a->thread, NULL);
	fd_close_at(&a->fd);
	buf_fini(&a->queue);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->wake);
	audit_policy_free(a->policy);
	free(a->path);
	free(a);
}

static void add_line(struct audit *a, struct value *taken)
{
	CLEANUP_VALUE struct value *event = taken;
	CLEANUP(buf_fini) struct buf line = BUF_INIT;

	json_render(event, &line);
	buf_addc(&line, '\n');
	pthread_mutex_lock(&a->lock);
	if (a->queue.len + line.len > AUDIT_QUEUE) {
		a->lost++;
	} else {
		if (!a->queue.len)
			pthread_cond_signal(&a->wake);
		buf_add(&a->queue, line.data, line.len);
	}
	pthread_mutex_unlock(&a->lock);
}

/* -- events: staging/src/k8s.io/apiserver/pkg/apis/audit/v1/types.go -- */

static struct value *user_of(const struct caller *who)
{
	struct value *groups = value_new_list(), *user = value_new_map();

	for (const char *const *g = who->groups; g && *g; g++)
		groups = value_append(groups, value_new_string(*g));
	user = value_set_str(user, "username", who->user);
	user = value_set(user, "uid", value_new_stringf("%u", who->uid));
	return value_set(user, "groups", groups);
}

static struct value *reference_to(const struct access *what, const char *version)
{
	struct value *ref = value_set_str(value_new_map(), "resource", what->resource);

	if (what->ns && *what->ns)
		ref = value_set_str(ref, "namespace", what->ns);
	if (what->name && *what->name)
		ref = value_set_str(ref, "name", what->name);
	if (*what->group)
		ref = value_set_str(ref, "apiGroup", what->group);
	if (version)
		ref = value_set_str(ref, "apiVersion", version);
	if (what->subresource && *what->subresource)
		ref = value_set_str(ref, "subresource", what->subresource);
	return ref;
}

/* Where Kubernetes would have been asked. */
static struct value *uri_of(const struct access *what, const char *version, int dry_run)
{
	CLEANUP(buf_fini) struct buf uri = BUF_INIT;
	const char *sub = what->subresource ? what->subresource : "";

	if (what->path)
		return value_new_string(what->path);
	if (*what->group)
		buf_addf(&uri, "/apis/%s/%s", what->group, version ? version : "v1");
	else
		buf_addf(&uri, "/api/%s", version ? version : "v1");
	if (what->ns && *what->ns)
		buf_addf(&uri, "/namespaces/%s", what->ns);
	buf_addf(&uri, "/%s", what->resource);
	if (what->name && *what->name)
		buf_addf(&uri, "/%s%s%s", what->name, *sub ? "/" : "", sub);
	buf_adds(&uri, dry_run ? "?dryRun=All" : "");
	return value_new_string(buf_str(&uri));
}

static const struct {
	int error, code;
	const char *reason;
} answers[] = {
	{EACCES, 403, "Forbidden"},     {EDQUOT, 403, "Forbidden"}, {EBUSY, 409, "Conflict"},
	{EEXIST, 409, "AlreadyExists"}, {ENOENT, 404, "NotFound"},  {EINVAL, 422, "Invalid"},
	{EPERM, 422, "Invalid"},
};

/* why NULL: left out, as everything but a refusal may quote what was written. */
static struct value *status_of(const char *verb, int error, const char *why)
{
	struct value *status = value_set(value_new_map(), "metadata", value_new_map());

	if (!error)
		return value_set_int(status, "code", strcmp(verb, "create") == 0 ? 201 : 200);
	status = value_set_str(status, "status", "Failure");
	if (why)
		status = value_set_str(status, "message", why);
	for (size_t i = 0; i < ARRAY_LEN(answers); i++)
		if (answers[i].error == error) {
			status = value_set_str(status, "reason", answers[i].reason);
			return value_set_int(status, "code", answers[i].code);
		}
	status = value_set_str(status, "reason", "InternalError");
	return value_set_int(status, "code", 500);
}

/* What a line says besides who and what. */
struct outcome {
	const char *version; /* NULL: not known */
	int dry_run, error;
	const char *why;
	const struct value *asked, *came; /* borrowed; NULL: nothing */
	const struct value *said; /* borrowed: what admission wants to be noted, NULL: nothing */
};

static void note(struct audit *a, const struct caller *who, const struct access *what,
		 const struct outcome *o)
{
	enum audit_level level = audit_policy_level(a->policy, who, what);
	struct value *e = value_set_str(value_new_map(), "kind", "Event"), *annotations;
	char uuid[37], now[32];

	if (level == AUDIT_NONE) {
		value_unref(e);
		return;
	}
	api_uuid(uuid);
	api_now_micro(now);
	e = value_set_str(e, "apiVersion", "audit.k8s.io/v1");
	e = value_set_str(e, "level", audit_level_name(level));
	e = value_set_str(e, "auditID", uuid);
	e = value_set_str(e, "stage", "ResponseComplete");
	e = value_set(e, "requestURI", uri_of(what, o->version, o->dry_run));
	e = value_set_str(e, "verb", what->verb);
	e = value_set(e, "user", user_of(who));
	if (!what->path)
		e = value_set(e, "objectRef", reference_to(what, o->version));
	e = value_set(e, "responseStatus", status_of(what->verb, o->error, o->why));
	if (level >= AUDIT_REQUEST && o->asked)
		e = value_set(e, "requestObject", value_ref(o->asked));
	if (level >= AUDIT_REQUEST_RESPONSE && o->came)
		e = value_set(e, "responseObject", value_ref(o->came));
	e = value_set_str(e, "requestReceivedTimestamp", now);
	e = value_set_str(e, "stageTimestamp", now);
	annotations = o->said ? value_ref(o->said) : value_new_map();
	annotations = value_set_str(annotations, "authorization.k8s.io/decision",
				    o->error == EACCES ? "forbid" : "allow");
	add_line(a, value_set(e, "annotations", annotations));
}

void audit_refused(struct audit *a, const struct caller *who, const struct access *what,
		   const char *why)
{
	if (a)
		note(a, who, what, &(struct outcome){.error = EACCES, .why = why});
}

void audit_request(void *audit, const struct caller *who, const struct api_request *r, int rc)
{
	int error = r->faults.n ? (r->faults.code ? r->faults.code : EINVAL) : -rc;
	struct access what = auth_access_of(r);
	const struct outcome o = {
		.version = r->kind->version,
		.dry_run = r->flags & API_DRY_RUN,
		.error = error,
		.why = error == EACCES && r->faults.n ? r->faults.list[0].message : NULL,
		.asked = r->body,
		.came = error       ? NULL
			: r->result ? r->result->value
				    : r->preview,
		.said = r->audit_annotations,
	};

	if (audit)
		note(audit, who, &what, &o);
}
