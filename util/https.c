/* SPDX-License-Identifier: MIT */
#include "util/https.h"

#include <errno.h>
#include <pthread.h>

#include "util/curl_lib.h"

struct https {
	pthread_mutex_t lock;
	struct request *requests; /* lock: under way */
	int stopping;             /* lock */
};

struct request {
	struct request *next, **prev;
	struct https *of;
	const struct curl_lib *curl;
	const struct https_post *post;
	CURLM *multi;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	struct buf *answer;
	size_t answer_start;
	int too_long, canceled; /* canceled: of->lock */
	char text[CURL_ERROR_SIZE];
};

struct https *https_new(void)
{
	struct https *h = xcalloc(1, sizeof(*h));

	pthread_mutex_init(&h->lock, NULL);
	return h;
}

void https_free(struct https *h)
{
	if (!h)
		return;
	pthread_mutex_destroy(&h->lock);
	free(h);
}

void https_stop(struct https *h)
{
	pthread_mutex_lock(&h->lock);
	h->stopping = 1;
	for (struct request *r = h->requests; r; r = r->next) {
		r->canceled = 1;
		r->curl->multi_wakeup(r->multi);
	}
	pthread_mutex_unlock(&h->lock);
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct request *r = arg;
	size_t len = size * n;

	if (r->answer->len - r->answer_start + len > r->post->max_answer) {
		r->too_long = 1;
		return 0;
	}
	buf_add(r->answer, data, len);
	return len;
}

/* host:port of "https://host[:port]/path", as CURLOPT_CONNECT_TO wants to see them. */
static char *redirection(const struct https_post *p)
{
	const char *host = strstr(p->url, "://");
	size_t len;

	if (!host)
		return NULL;
	host += 3;
	len = strcspn(host, "/?#");
	return memchr(host, ':', len) ? xasprintf("%.*s:%s", (int)len, host, p->connect_to)
				      : xasprintf("%.*s:443:%s", (int)len, host, p->connect_to);
}

static void set_options(struct request *r)
{
	const struct curl_lib *curl = r->curl;
	const struct https_post *p = r->post;
	struct curl_blob trust = {(void *)(uintptr_t)p->trust, p->trust_len, CURL_BLOB_NOCOPY};
	CURL *e = r->easy;

	r->headers = curl->slist_append(r->headers, "Content-Type: application/json");
	r->headers = curl->slist_append(r->headers, "Accept: application/json");
	r->headers = curl->slist_append(r->headers, "Expect:");
	curl->easy_setopt(e, CURLOPT_URL, p->url);
	curl->easy_setopt(e, CURLOPT_PROTOCOLS_STR, "https");
	curl->easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->body_len);
	curl->easy_setopt(e, CURLOPT_POSTFIELDS, p->body);
	curl->easy_setopt(e, CURLOPT_HTTPHEADER, r->headers);
	curl->easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)p->timeout_ms);
	curl->easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl->easy_setopt(e, CURLOPT_PROXY, "");
	curl->easy_setopt(e, CURLOPT_FORBID_REUSE, 1L);
	curl->easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl->easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl->easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl->easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
	curl->easy_setopt(e, CURLOPT_WRITEDATA, r);
	curl->easy_setopt(e, CURLOPT_ERRORBUFFER, r->text);
	if (p->trust) {
		curl->easy_setopt(e, CURLOPT_CAINFO_BLOB, &trust);
		curl->easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
	if (p->connect_to) {
		CLEANUP_FREE char *to = redirection(p);

		if (to)
			r->connect_to = curl->slist_append(NULL, to);
		curl->easy_setopt(e, CURLOPT_CONNECT_TO, r->connect_to);
	}
}

/* Return: 0, or -ECANCELED when the house is closing. */
static int enter(struct request *r)
{
	struct https *h = r->of;
	int stopping;

	pthread_mutex_lock(&h->lock);
	stopping = h->stopping;
	if (!stopping) {
		r->next = h->requests;
		if (r->next)
			r->next->prev = &r->next;
		r->prev = &h->requests;
		h->requests = r;
	}
	pthread_mutex_unlock(&h->lock);
	return stopping ? -ECANCELED : 0;
}

static void leave(struct request *r)
{
	pthread_mutex_lock(&r->of->lock);
	*r->prev = r->next;
	if (r->next)
		r->next->prev = r->prev;
	pthread_mutex_unlock(&r->of->lock);
}

static int is_canceled(struct request *r)
{
	int canceled;

	pthread_mutex_lock(&r->of->lock);
	canceled = r->canceled;
	pthread_mutex_unlock(&r->of->lock);
	return canceled;
}

/* Return: what came of the transfer, CURLE_ABORTED_BY_CALLBACK when it was canceled. */
static CURLcode transfer(struct request *r)
{
	CURLMsg *m;
	int running = 1, left;

	if (r->curl->multi_add_handle(r->multi, r->easy) != CURLM_OK)
		return CURLE_FAILED_INIT;
	while (running) {
		if (is_canceled(r))
			return CURLE_ABORTED_BY_CALLBACK;
		if (r->curl->multi_perform(r->multi, &running) != CURLM_OK)
			return CURLE_FAILED_INIT;
		/* bounded by the transfer's own timeout; woken when canceled */
		if (running && r->curl->multi_poll(r->multi, NULL, 0, (int)r->post->timeout_ms,
						   NULL) != CURLM_OK)
			return CURLE_FAILED_INIT;
	}
	while ((m = r->curl->multi_info_read(r->multi, &left)))
		if (m->msg == CURLMSG_DONE)
			return m->data.result;
	return CURLE_FAILED_INIT;
}

/* As Go's net/http says it: what people search for. */
static int explain(const struct request *r, CURLcode rc, struct err *err)
{
	const char *url = r->post->url;
	long number = 0;

	r->curl->easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &number);
	if (rc == CURLE_ABORTED_BY_CALLBACK)
		return err_set(err, ECANCELED, "Post \"%s\": context canceled", url);
	if (rc == CURLE_OPERATION_TIMEDOUT)
		return err_set(err, ETIMEDOUT, "Post \"%s\": context deadline exceeded", url);
	if (r->too_long)
		return err_set(err, EFBIG, "Post \"%s\": the answer is longer than %zu bytes", url,
			       r->post->max_answer);
	if (rc == CURLE_COULDNT_CONNECT && number)
		return err_set(err, number == ECONNREFUSED ? ECONNREFUSED : EHOSTUNREACH,
			       "Post \"%s\": dial tcp: connect: %s", url,
			       strerrordesc_np((int)number));
	if (rc == CURLE_COULDNT_RESOLVE_HOST)
		return err_set(err, EHOSTUNREACH, "Post \"%s\": dial tcp: lookup: no such host",
			       url);
	if (rc == CURLE_PEER_FAILED_VERIFICATION || rc == CURLE_SSL_CACERT_BADFILE)
		return err_set(err, EIO, "Post \"%s\": tls: failed to verify certificate: %s", url,
			       r->text[0] ? r->text : r->curl->easy_strerror(rc));
	return err_set(err, EIO, "Post \"%s\": %s", url,
		       r->text[0] ? r->text : r->curl->easy_strerror(rc));
}

static int run(struct request *r, long *status_out, struct err *err)
{
	CURLcode rc;

	r->multi = r->curl->multi_init();
	r->easy = r->curl->easy_init();
	if (!r->multi || !r->easy)
		return err_set(err, ENOMEM, "Post \"%s\": out of memory", r->post->url);
	set_options(r);
	if (enter(r) < 0)
		return explain(r, CURLE_ABORTED_BY_CALLBACK, err);
	rc = transfer(r);
	leave(r);
	if (rc != CURLE_OK)
		return explain(r, rc, err);
	r->curl->easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, status_out);
	return 0;
}

int https_post(void *arg, const struct https_post *p, long *status_out, struct buf *answer,
	       struct err *err)
{
	struct request r = {
		.of = arg,
		.post = p,
		.curl = curl_lib_load(err),
		.answer = answer,
		.answer_start = answer->len,
	};
	int rc;

	if (!r.curl)
		return -err->code;
	rc = run(&r, status_out, err);
	if (r.easy && r.multi)
		r.curl->multi_remove_handle(r.multi, r.easy);
	if (r.easy)
		r.curl->easy_cleanup(r.easy);
	if (r.multi)
		r.curl->multi_cleanup(r.multi);
	r.curl->slist_free_all(r.headers);
	r.curl->slist_free_all(r.connect_to);
	return rc;
}
