/* SPDX-License-Identifier: MIT */
/* Asking: whom, and what is accepted as an answer. */
#include <errno.h>
#include <stdlib.h>

#include "objects/codec.h"
#include "objects/codec/base64.h"
#include "objects/webhook/webhook_i.h"

#define ANSWER_MAX      CODEC_MAX_JSON_BYTES
#define SHOWN_OF_ANSWER 200 /* bytes of what was answered instead, in an error's text */

struct webhooks *webhooks_new(struct store *store, https_post_fn post, void *arg)
{
	struct webhooks *w = xcalloc(1, sizeof(*w));

	*w = (struct webhooks){store, post, arg};
	return w;
}

void webhooks_free(struct webhooks *w)
{
	free(w);
}

/* -- whom -- */

struct target {
	char *url, *connect_to; /* owned */
	struct buf trust;
};

static void target_fini(struct target *t)
{
	free(t->url);
	free(t->connect_to);
	buf_fini(&t->trust);
}

/* As the service is known to others: the default port is not said. */
static int take_service(struct webhooks *w, const struct value *service, unsigned timeout,
			struct target *t, struct err *err)
{
	const char *ns = value_str(value_get(service, "namespace"), "");
	const char *name = value_str(value_get(service, "name"), "");
	const char *path = value_str(value_get(service, "path"), "");
	int64_t port = value_int(value_get(service, "port"), 443);

	t->url = xasprintf("https://%s.%s.svc:%lld%s%s?timeout=%us", name, ns, (long long)port,
			   *path == '/' ? "" : "/", path, timeout);
	t->connect_to = endpoint_of(w->store, ns, name, port, err);
	return t->connect_to ? 0 : -err->code;
}

static int find_target(struct webhooks *w, const struct value *client, unsigned timeout,
		       struct target *t, struct err *err)
{
	const char *url = value_str(value_get(client, "url"), "");
	const char *bundle = value_str(value_get(client, "caBundle"), "");
	const struct value *service = value_get(client, "service");
	size_t path;

	if (*bundle && !base64_decode(bundle, strlen(bundle), &t->trust))
		return err_set(err, EINVAL, "caBundle is not base64");
	if (service)
		return take_service(w, service, timeout, t, err);
	if (!str_starts(url, "https://"))
		return err_set(err, EINVAL, "'https' is the only allowed URL scheme");
	path = 8 + strcspn(url + 8, "/");
	t->url = xasprintf("%s%s?timeout=%us", url, url[path] ? "" : "/", timeout);
	return 0;
}

/* -- asking -- */

/* What a server says that is no webhook, cut to what one can read. */
static void shown(const struct buf *answer, char out[SHOWN_OF_ANSWER + 1])
{
	size_t n = answer->len < SHOWN_OF_ANSWER ? answer->len : SHOWN_OF_ANSWER;

	for (size_t i = 0; i < n; i++)
		out[i] = answer->data[i] >= ' ' && answer->data[i] < 0x7f ? answer->data[i] : ' ';
	out[n] = '\0';
}

static int parse_answer(const struct target *t, long status, const struct buf *answer,
			struct value **out, struct err *err)
{
	char text[SHOWN_OF_ANSWER + 1];
	struct err why = ERR_INIT;

	if (status != 200) {
		shown(answer, text);
		return err_set(err, EIO, "Post \"%s\": the server answered with status %ld: %s",
			       t->url, status, text);
	}
	*out = json_parse(buf_str(answer), answer->len, &why);
	if (!*out)
		return err_set(err, EINVAL, "the answer of %s is no JSON: %s", t->url, why.msg);
	if (value_is(*out, VALUE_MAP))
		return 0;
	value_unref(STEAL(*out));
	return err_set(err, EINVAL, "the answer of %s is no object", t->url);
}

int webhook_ask(struct webhooks *w, const struct value *client, unsigned timeout,
		const struct value *review, struct value **answer_out, struct err *err)
{
	CLEANUP(target_fini) struct target t = {0};
	CLEANUP(buf_fini) struct buf body = BUF_INIT;
	CLEANUP(buf_fini) struct buf answer = BUF_INIT;
	struct err here = ERR_INIT; /* find_target() returns what it sets */
	struct https_post post = {0};
	long status = 0;
	int rc;

	err = err ? err : &here;
	if (!w)
		return err_set(err, EOPNOTSUPP, "nobody asks webhooks here");
	rc = find_target(w, client, timeout, &t, err);
	if (rc < 0)
		return rc;
	json_render(review, &body);
	post = (struct https_post){
		.url = t.url,
		.connect_to = t.connect_to,
		.trust = t.trust.len ? t.trust.data : NULL,
		.trust_len = t.trust.len,
		.body = buf_str(&body),
		.body_len = body.len,
		.timeout_ms = timeout * 1000,
		.max_answer = ANSWER_MAX,
	};
	rc = w->post(w->arg, &post, &status, &answer, err);
	return rc < 0 ? rc : parse_answer(&t, status, &answer, answer_out, err);
}

const char *webhook_version(const struct value *versions)
{
	for (size_t i = 0; i < value_count(versions); i++) {
		const char *v = value_str(value_at(versions, i), "");

		if (str_eq(v, "v1"))
			return "v1";
		if (str_eq(v, "v1beta1"))
			return "v1beta1";
	}
	return NULL;
}

int webhook_check(const struct value *answer, const char *api_version, const char *kind,
		  const char *uid, struct err *err)
{
	const char *got_version = value_dig_str(answer, "apiVersion", NULL);
	const char *got_kind = value_dig_str(answer, "kind", NULL);
	const char *got_uid = value_dig_str(answer, "response", "uid", NULL);

	if (!str_eq(got_version, api_version) || !str_eq(got_kind, kind))
		return err_set(err, EINVAL,
			       "expected webhook response of %s, Kind=%s, got %.64s, Kind=%.64s",
			       api_version, kind, got_version ? got_version : "",
			       got_kind ? got_kind : "");
	if (!value_is(value_get(answer, "response"), VALUE_MAP))
		return err_set(err, EINVAL, "webhook response was absent");
	if (!str_eq(got_uid, uid))
		return err_set(err, EINVAL, "expected response.uid=\"%s\", got \"%.64s\"", uid,
			       got_uid ? got_uid : "");
	return 0;
}
