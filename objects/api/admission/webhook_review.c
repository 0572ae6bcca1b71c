/* SPDX-License-Identifier: MIT */
#include "objects/api/admission/webhook_review.h"

#include <errno.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/codec/base64.h"
#include "objects/webhook.h"

#define WARNING_BYTES   256 /* Kubernetes: longer ones may be cut */
#define WARNINGS_MAX    16
#define ANNOTATIONS_MAX 32
#define MESSAGE_BYTES   4096

/* -- the question -- */

static struct value *type_map(const char *group, const char *version, const char *key,
			      const char *name)
{
	struct value *v = value_set_str(value_new_map(), "group", group);

	v = value_set_str(v, "version", version);
	return value_set_str(v, key, name);
}

static struct value *kind_map(const struct review_question *q, const struct kind *k)
{
	const char *slash;
	CLEANUP_FREE char *group = NULL;

	if (!q->object_kind)
		return type_map(k->group, k->version, "kind", k->kind);
	slash = strchr(q->object_api_version, '/');
	group = slash ? xstrndup(q->object_api_version, (size_t)(slash - q->object_api_version))
		      : xstrdup("");
	return type_map(group, slash ? slash + 1 : q->object_api_version, "kind", q->object_kind);
}

static struct value *user_map(const struct caller *who)
{
	struct value *groups = value_new_list(), *user = value_new_map();

	for (const char *const *g = who->groups; g && *g; g++)
		groups = value_append(groups, value_new_string(*g));
	user = value_set_str(user, "username", who->user ? who->user : "");
	return value_set(user, "groups", groups);
}

static struct value *options_map(const struct match_request *m, int dry_run)
{
	struct value *options, *all;
	const char *kind = str_eq(m->operation, "CREATE")   ? "CreateOptions"
			   : str_eq(m->operation, "DELETE") ? "DeleteOptions"
							    : "UpdateOptions";

	if (str_eq(m->operation, "CONNECT"))
		return value_new_null();
	options = value_set_str(value_new_map(), "apiVersion", "meta.k8s.io/v1");
	options = value_set_str(options, "kind", kind);
	if (!dry_run)
		return options;
	all = value_append(value_new_list(), value_new_string("All"));
	return value_set(options, "dryRun", all);
}

static struct value *or_null(const struct value *v)
{
	return v ? value_ref(v) : value_new_null();
}

struct value *review_make(const struct review_question *q)
{
	const struct match_request *m = q->request;
	const struct kind *own = kind_settled(m->kind), *as = q->as;
	struct value *r = value_set_str(value_new_map(), "uid", q->uid), *review;

	r = value_set(r, "kind", kind_map(q, as));
	r = value_set(r, "resource", type_map(as->group, as->version, "resource", as->plural));
	r = value_set(r, "requestKind", kind_map(q, own));
	r = value_set(r, "requestResource",
		      type_map(own->group, own->version, "resource", own->plural));
	if (*m->sub) {
		r = value_set_str(r, "subResource", m->sub);
		r = value_set_str(r, "requestSubResource", m->sub);
	}
	if (*m->name)
		r = value_set_str(r, "name", m->name);
	if (*m->ns)
		r = value_set_str(r, "namespace", m->ns);
	r = value_set_str(r, "operation", m->operation);
	r = value_set(r, "userInfo", user_map(q->who));
	r = value_set(r, "object", or_null(q->object));
	r = value_set(r, "oldObject", or_null(q->old));
	r = value_set_bool(r, "dryRun", q->dry_run);
	r = value_set(r, "options", options_map(m, q->dry_run));
	review = value_set(value_new_map(), "apiVersion",
			   value_new_stringf("admission.k8s.io/%s", q->version));
	review = value_set_str(review, "kind", "AdmissionReview");
	return value_set(review, "request", r);
}

/* -- the answer -- */

/* HTTP's status of a refusal as an errno; one below 400 is none. */
static int errno_of(int64_t code)
{
	switch (code) {
	case 404:
		return ENOENT;
	case 409:
		return EBUSY;
	case 413:
		return EFBIG;
	case 422:
		return EINVAL;
	case 429:
		return EAGAIN;
	case 408:
	case 504:
		return ETIMEDOUT;
	default:
		return EACCES;
	}
}

/* A text of the answer as it may stand in an error or a log: bounded, no control characters. */
static char *plain(const char *text, size_t max)
{
	size_t n = strnlen(text, max);
	char *s;

	while (n && n == max && ((unsigned char)text[n] & 0xc0) == 0x80)
		n--; /* not in the middle of a character */
	s = xstrndup(text, n);
	for (char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = ' ';
	return s;
}

static void take_refusal(const char *name, const struct value *response, struct review_answer *out)
{
	const struct value *result = value_get(response, "status");
	const char *message = value_str(value_get(result, "message"), "");
	const char *reason = value_str(value_get(result, "reason"), "");
	CLEANUP_FREE char *text = plain(*message ? message : reason, MESSAGE_BYTES);

	out->code = errno_of(value_int(value_get(result, "code"), 400));
	out->why = *text ? xasprintf("admission webhook \"%s\" denied the request: %s", name, text)
			 : xasprintf("admission webhook \"%s\" denied the request without "
				     "explanation",
				     name);
}

static int take_patch(const struct value *response, struct review_answer *out, struct err *err)
{
	const struct value *patch = value_get(response, "patch");
	const char *type = value_dig_str(response, "patchType", NULL);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct err why = ERR_INIT;

	if (!value_strlen(patch)) {
		if (type && *type)
			return err_set(err, EINVAL,
				       "webhook response.patchType is set, but not "
				       "response.patch");
		return 0;
	}
	if (!type || !*type)
		return err_set(err, EINVAL,
			       "webhook returned response.patch but not response.patchType");
	if (!str_eq(type, "JSONPatch"))
		return err_set(err, EINVAL,
			       "webhook returned invalid response.patchType of \"%.64s\"", type);
	if (!base64_decode(value_str(patch, ""), value_strlen(patch), &text))
		return err_set(err, EINVAL, "response.patch is not base64");
	out->patch = json_parse(buf_str(&text), text.len, &why);
	if (!out->patch)
		return err_set(err, EINVAL, "response.patch is no JSON: %s", why.msg);
	if (value_is(out->patch, VALUE_LIST))
		return 0;
	return err_set(err, EINVAL, "response.patch is no JSON Patch: a list was expected");
}

static void take_warnings(const struct value *response, struct review_answer *out)
{
	const struct value *list = value_get(response, "warnings");
	size_t n = value_is(list, VALUE_LIST) ? value_count(list) : 0;

	for (size_t i = 0; i < n && i < WARNINGS_MAX; i++) {
		CLEANUP_FREE char *text = plain(value_str(value_at(list, i), ""), WARNING_BYTES);

		if (!out->warnings)
			out->warnings = value_new_list();
		out->warnings = value_append(out->warnings, value_new_string(text));
	}
}

/* As Kubernetes names them: <webhook's name>/<key>. */
static void take_annotations(const char *name, const struct value *response,
			     struct review_answer *out)
{
	const struct value *map = value_get(response, "auditAnnotations");
	size_t n = value_is(map, VALUE_MAP) ? value_count(map) : 0;

	for (size_t i = 0; i < n && i < ANNOTATIONS_MAX; i++) {
		CLEANUP_FREE char *key = xasprintf("%s/%.128s", name, value_key_at(map, i));
		CLEANUP_FREE char *text = plain(value_str(value_at(map, i), ""), MESSAGE_BYTES);

		if (!out->audit_annotations)
			out->audit_annotations = value_new_map();
		out->audit_annotations = value_set_str(out->audit_annotations, key, text);
	}
}

int review_take(const struct review_question *q, const char *name, int mutating,
		const struct value *answer, struct review_answer *out, struct err *err)
{
	CLEANUP_FREE char *version = xasprintf("admission.k8s.io/%s", q->version);
	const struct value *response = value_get(answer, "response");
	int rc = webhook_check(answer, version, "AdmissionReview", q->uid, err);

	*out = (struct review_answer){0};
	if (rc < 0)
		return err_wrap(err, "received invalid webhook response");
	out->allowed = value_bool(value_get(response, "allowed"), 0);
	take_warnings(response, out);
	take_annotations(name, response, out);
	if (!out->allowed)
		take_refusal(name, response, out);
	else if (mutating && take_patch(response, out, err) < 0)
		return err_wrap(err, "received invalid webhook response");
	return 0;
}

void review_answer_fini(struct review_answer *a)
{
	free(a->why);
	value_unref(a->patch);
	value_unref(a->warnings);
	value_unref(a->audit_annotations);
	*a = (struct review_answer){0};
}
