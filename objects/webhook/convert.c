/* SPDX-License-Identifier: MIT */
/*
 * Conversion by a webhook: one ConversionReview for many objects, and what is demanded of the
 * answer. What it returns is an object of the wanted version with the metadata of the one that was
 * given, labels and annotations excepted.
 * Source: apiextensions-apiserver pkg/apiserver/conversion/webhook_converter.go.
 */
#include <errno.h>

#include "objects/api.h"
#include "objects/custom.h"
#include "objects/schema/text.h"
#include "objects/webhook/webhook_i.h"

#define TIMEOUT_SECONDS 30         /* Kubernetes' own; a definition does not say one */
#define REVIEW_OBJECTS  500        /* of a list, in one question */
#define REVIEW_BYTES    (8u << 20) /* of memory that the objects of one question take, at most */

struct conversion {
	struct webhooks *webhooks;
	const struct kind *to;
	struct value *webhook; /* owned */
	const char *version;   /* of the review */
	char uid[37];
};

/* `conversion webhook for stable.example.com/v1, Kind=CronTab failed: <why>` */
static int failed(const struct kind *k, const char *api_version, int rc, struct err *err,
		  const struct err *why)
{
	return err_set(err, -rc, "conversion webhook for %s, Kind=%s failed: %s", api_version,
		       k->kind, why->msg);
}

/* -- the question -- */

static struct value *make_review(const struct conversion *c, struct value *const *objects, size_t n)
{
	struct value *review = value_new_map(), *request = value_new_map();
	struct value *list = value_new_list();

	for (size_t i = 0; i < n; i++)
		list = value_append(list, value_ref(objects[i]));
	request = value_set_str(request, "uid", c->uid);
	request = value_set_str(request, "desiredAPIVersion", kind_api_version(c->to));
	request = value_set(request, "objects", list);
	review = value_set(review, "apiVersion",
			   value_new_stringf("apiextensions.k8s.io/%s", c->version));
	review = value_set_str(review, "kind", "ConversionReview");
	return value_set(review, "request", request);
}

/* -- the answer -- */

static int check_map(const struct value *map, const char *what, struct err *err)
{
	if (map && !value_is(map, VALUE_MAP) && !value_is(map, VALUE_NULL))
		return err_set(err, EINVAL, "metadata.%s is no map of texts", what);
	for (size_t i = 0; i < value_count(map); i++) {
		const char *key = value_key_at(map, i), *why = text_label_key(key);

		if (!value_is(value_at(map, i), VALUE_STRING))
			return err_set(err, EINVAL, "metadata.%s[%.64s] is no text", what, key);
		if (why)
			return err_set(err, EINVAL, "metadata.%s: Invalid value: \"%.64s\": %s",
				       what, key, why);
	}
	return 0;
}

static int check_labels(const struct value *labels, struct err *err)
{
	for (size_t i = 0; i < value_count(labels); i++) {
		const char *why = text_label_value(value_str(value_at(labels, i), ""));

		if (why)
			return err_set(err, EINVAL, "metadata.labels[%.64s]: Invalid value: %s",
				       value_key_at(labels, i), why);
	}
	return 0;
}

static int check_same(const struct value *was, const struct value *is, const char *key,
		      const char *what, struct err *err)
{
	const char *a = value_dig_str(was, "metadata", key, NULL);
	const char *b = value_dig_str(is, "metadata", key, NULL);

	if (str_eq(a ? a : "", b ? b : ""))
		return 0;
	return err_set(err, EINVAL, "must have the same %s: %s != %.64s", what, a ? a : "",
		       b ? b : "");
}

static int check_object(const struct conversion *c, const struct value *was, const struct value *is,
			struct err *err)
{
	const struct value *meta = value_get(is, "metadata");
	const char *version = value_dig_str(is, "apiVersion", NULL);
	const char *kind = value_dig_str(is, "kind", NULL);
	int rc;

	if (!str_eq(version, kind_api_version(c->to)))
		return err_set(err, EINVAL, "invalid groupVersion (expected %s, received %.64s)",
			       kind_api_version(c->to), version ? version : "");
	if (!str_eq(kind, c->to->kind))
		return err_set(err, EINVAL, "must have the same kind: %s != %.64s", c->to->kind,
			       kind ? kind : "");
	if (!value_is(meta, VALUE_MAP))
		return err_set(err, EINVAL, "missing metadata in converted object");
	rc = check_same(was, is, "name", "name", err);
	if (!rc)
		rc = check_same(was, is, "namespace", "namespace", err);
	if (!rc)
		rc = check_same(was, is, "uid", "UID", err);
	if (!rc)
		rc = check_map(value_get(meta, "labels"), "labels", err);
	if (!rc)
		rc = check_map(value_get(meta, "annotations"), "annotations", err);
	return rc ? rc : check_labels(value_get(meta, "labels"), err);
}

/* was's, but for labels and annotations. */
static struct value *restore_metadata(const struct value *was, struct value *taken_is)
{
	static const char *const free_to_change[] = {"annotations", "labels"};
	const struct value *before = value_get(was, "metadata");
	struct value *meta = before ? value_ref(before) : value_new_map();

	for (size_t i = 0; i < ARRAY_LEN(free_to_change); i++) {
		const struct value *now = value_dig(taken_is, "metadata", free_to_change[i], NULL);

		meta = value_set(meta, free_to_change[i], value_count(now) ? value_ref(now) : NULL);
	}
	return value_set(taken_is, "metadata", meta);
}

/* One object of the answer as its readers may rely on it. NULL with err. */
static struct value *accept(const struct conversion *c, const struct value *was,
			    const struct value *is, struct err *err)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	const struct schema *schema = c->to->schema;
	struct value *v;

	if (check_object(c, was, is, err) < 0)
		return NULL;
	v = restore_metadata(was, value_ref(is));
	if (!schema)
		return v;
	v = schema_decode(schema, schema_prune(schema, v), NULL, &faults);
	if (!faults.n)
		return kind_default(c->to, v);
	value_unref(v);
	faults_to_err(&faults, err);
	return NULL;
}

static int check_result(const struct value *answer, size_t n, struct err *err)
{
	const struct value *response = value_get(answer, "response");
	const char *status = value_dig_str(response, "result", "status", NULL);
	const char *message = value_dig_str(response, "result", "message", NULL);
	size_t got = value_count(value_get(response, "convertedObjects"));

	if (!str_eq(status, "Success") && message && *message)
		return err_set(err, EINVAL, "%.300s", message);
	if (!str_eq(status, "Success"))
		return err_set(err, EINVAL,
			       "response.result.status was '%.64s', expected 'Success'",
			       status ? status : "");
	if (got != n || !value_is(value_get(response, "convertedObjects"), VALUE_LIST))
		return err_set(err, EINVAL, "returned %zu objects, expected %zu", got, n);
	return 0;
}

static int take_answer(const struct conversion *c, const struct value *answer,
		       struct value *const *in, size_t n, struct value **out, struct err *err)
{
	CLEANUP_FREE char *version = xasprintf("apiextensions.k8s.io/%s", c->version);
	const struct value *list = value_dig(answer, "response", "convertedObjects", NULL);
	int rc = webhook_check(answer, version, "ConversionReview", c->uid, err);

	if (!rc)
		rc = check_result(answer, n, err);
	for (size_t i = 0; !rc && i < n; i++) {
		out[i] = accept(c, in[i], value_at(list, i), err);
		if (!out[i])
			rc = err_wrap(err, "invalid converted object at index %zu", i);
	}
	for (size_t i = 0; rc && i < n; i++)
		value_unref(STEAL(out[i]));
	return rc;
}

/* -- the parts together -- */

/* in: of other versions than `to`. out: owned values, all or none. */
static int ask(struct webhooks *w, const struct kind *to, struct value *const *in, size_t n,
	       struct value **out, struct err *err)
{
	CLEANUP_VALUE struct value *webhook = custom_conversion(to);
	CLEANUP_VALUE struct value *review = NULL;
	CLEANUP_VALUE struct value *answer = NULL;
	struct conversion c = {.webhooks = w, .to = to};
	struct err why = ERR_INIT;
	int rc;

	c.version = webhook_version(value_get(webhook, "conversionReviewVersions"));
	if (!webhook || !c.version)
		return err_set(err, EINVAL,
			       webhook ? "none of conversionReviewVersions is spoken here: v1, "
					 "v1beta1"
				       : "the definition has changed: try again");
	api_uuid(c.uid);
	review = make_review(&c, in, n);
	rc = webhook_ask(w, value_get(webhook, "clientConfig"), TIMEOUT_SECONDS, review, &answer,
			 &why);
	if (!rc)
		rc = take_answer(&c, answer, in, n, out, &why);
	return rc ? failed(to, value_str(value_get(in[0], "apiVersion"), ""), rc, err, &why) : 0;
}

struct value *webhook_convert_value(struct webhooks *w, const struct kind *to,
				    const struct value *v, struct err *err)
{
	struct value *in[] = {(struct value *)(uintptr_t)v}, *out = NULL;

	return ask(w, to, in, 1, &out, err) < 0 ? NULL : out;
}

/* Some of those that are not whole yet. */
struct portion {
	struct object *of[REVIEW_OBJECTS];                      /* borrowed */
	struct value *in[REVIEW_OBJECTS], *out[REVIEW_OBJECTS]; /* owned */
	size_t n, bytes;
};

/* Return: the index where the next portion begins. */
static size_t fill(struct portion *p, struct object *const *list, size_t i, size_t n)
{
	for (; i < n && p->n < REVIEW_OBJECTS && p->bytes < REVIEW_BYTES; i++) {
		struct object *of = list[i]->of;

		if (!of)
			continue;
		p->of[p->n] = of;
		p->in[p->n] = object_settled(of->kind, value_ref(of->value));
		p->bytes += value_memory(of->value);
		p->n++;
	}
	return i;
}

static int convert_portion(struct webhooks *w, const struct kind *k, struct portion *p,
			   struct err *err)
{
	unsigned number = k->home->conversion;
	int rc = p->n ? ask(w, k, p->in, p->n, p->out, err) : 0;

	for (size_t i = 0; i < p->n; i++) {
		if (p->out[i])
			object_add_view(p->of[i], k, STEAL(p->out[i]), number);
		value_unref(p->in[i]);
	}
	return rc;
}

int webhook_convert(struct webhooks *w, struct object **list, size_t n, struct err *err)
{
	CLEANUP_FREE struct portion *p = NULL;
	int rc = 0;

	for (size_t i = 0, next; !rc && i < n; i = next) {
		const struct kind *k = list[i]->kind;

		next = i + 1;
		if (!list[i]->of)
			continue;
		if (!p)
			p = xmalloc(sizeof(*p));
		memset(p, 0, sizeof(*p));
		next = fill(p, list, i, n);
		rc = convert_portion(w, k, p, err);
		for (size_t j = i; !rc && j < next; j++)
			list[j] = object_as(list[j], k);
	}
	return rc;
}
