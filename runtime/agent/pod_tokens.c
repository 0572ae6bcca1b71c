/* SPDX-License-Identifier: MIT */
/* See pod_tokens.h. */
#include "runtime/agent/pod_tokens.h"

#include <errno.h>
#include <pthread.h>

#include "objects/codec.h"

#define DEFAULT_SECONDS 3600
#define DAY_SECONDS     86400
#define RETRY_MS        60000u /* the old one is good for longer */

struct pod_token {
	char *path; /* owned: names the source within its volume */
	struct buf text;
	uint64_t renew_ms;
};

void pod_tokens_fini(struct pod_tokens *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->list[i].path);
		buf_fini(&t->list[i].text);
	}
	free(t->list);
	*t = (struct pod_tokens){0};
}

static struct pod_token *at_path(struct pod_tokens *t, const char *path)
{
	for (size_t i = 0; i < t->n; i++)
		if (str_eq(t->list[i].path, path))
			return &t->list[i];
	t->list = xreallocarray(t->list, t->n + 1, sizeof(*t->list));
	t->list[t->n] = (struct pod_token){.path = xstrdup(path), .text = BUF_INIT};
	return &t->list[t->n++];
}

static const char *account_of(const struct value *pod)
{
	const char *name = value_dig_str(pod, "spec", "serviceAccountName", NULL);

	return name && *name ? name : "default";
}

const struct buf *pod_tokens_get(struct pod_tokens *t, const struct env_source *src,
				 const struct value *spec, struct err *err)
{
	struct pod_token *token = at_path(t, value_str(value_get(spec, "path"), ""));
	const struct value *pod = src->st->pod;
	const char *audience = value_str(value_get(spec, "audience"), "");
	int64_t seconds = value_int(value_get(spec, "expirationSeconds"), DEFAULT_SECONDS), renew;
	uint64_t now = src->ops->now_ms(src->ctx);
	struct buf fresh = BUF_INIT;

	if (token->text.len && now < token->renew_ms)
		return &token->text;
	if (src->ops->token(src->ctx, pod, account_of(pod), *audience ? audience : NULL, seconds,
			    &fresh, err) < 0) {
		buf_fini(&fresh);
		token->renew_ms = now + RETRY_MS;
		return token->text.len ? &token->text : NULL;
	}
	buf_fini(&token->text);
	token->text = fresh;
	renew = seconds * 8 / 10 < DAY_SECONDS ? seconds * 8 / 10 : DAY_SECONDS;
	token->renew_ms = now + (uint64_t)renew * 1000;
	return &token->text;
}

uint64_t pod_tokens_renew_ms(const struct pod_tokens *t)
{
	uint64_t first = 0;

	for (size_t i = 0; i < t->n; i++)
		if (!first || t->list[i].renew_ms < first)
			first = t->list[i].renew_ms;
	return first;
}

/* -- the volume that nobody asked for -- */

int pod_wants_account(const struct env_source *src)
{
	const struct value *pod = src->st->pod;
	const struct value *own = value_dig(pod, "spec", "automountServiceAccountToken", NULL);
	CLEANUP_VALUE struct value *account = NULL;

	if (own)
		return value_bool(own, 1);
	account = src->ops->get(src->ctx, "serviceaccounts", pod_ns(pod), account_of(pod));
	return value_bool(value_get(account, "automountServiceAccountToken"), 1);
}

static struct value *account_volume;

/* What the admission of Kubernetes adds to a pod (plugin ServiceAccount), the same files. */
static void make_account_volume(void)
{
	static const char text[] =
		"{\"name\":\"" ACCOUNT_VOLUME "\",\"projected\":{\"defaultMode\":420,\"sources\":["
		"{\"serviceAccountToken\":{\"expirationSeconds\":3607,\"path\":\"token\"}},"
		"{\"configMap\":{\"name\":\"kube-root-ca.crt\",\"optional\":true,"
		"\"items\":[{\"key\":\"ca.crt\",\"path\":\"ca.crt\"}]}},"
		"{\"downwardAPI\":{\"items\":[{\"path\":\"namespace\","
		"\"fieldRef\":{\"fieldPath\":\"metadata.namespace\"}}]}}]}}";

	account_volume = json_parse(text, sizeof(text) - 1, NULL);
	if (!account_volume)
		abort();
}

const struct value *account_volume_spec(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_account_volume);
	return account_volume;
}
