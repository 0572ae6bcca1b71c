/* SPDX-License-Identifier: MIT */
/* What is asked of the api besides batches, and one request that is waited for. */
#include "objects/api/api_i.h"

struct webhooks *api_webhooks(struct api *a)
{
	return a->hooks.webhooks;
}

void api_ask_webhooks(struct api *a)
{
	a->asks = 1;
}

int api_may(struct api *a, const struct caller *who, const struct api_request *r, struct err *err)
{
	if (who->trusted || !a->hooks.authorize)
		return 0;
	return a->hooks.authorize(a->hooks.arg, who, r, err);
}

struct waiter {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int done, rc;
};

static void wake(struct api_batch *b, int rc)
{
	struct waiter *w = b->arg;

	b->n = 0; /* once awake, the waiter frees its request: the batch must not look at it again
		   */
	pthread_mutex_lock(&w->lock);
	w->rc = rc;
	w->done = 1;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->lock);
}

int api_call(struct api *a, const struct caller *who, struct api_request *r)
{
	struct waiter w = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0};
	struct api_batch *b = api_batch_new(wake, &w);
	unsigned kept = r->flags & API_KEEP;

	r->flags |= API_KEEP;
	api_batch_add(b, r);
	api_submit(a, who, b);
	pthread_mutex_lock(&w.lock);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.lock);
	pthread_mutex_unlock(&w.lock);
	if (!kept)
		r->flags &= ~API_KEEP;
	return w.rc;
}
