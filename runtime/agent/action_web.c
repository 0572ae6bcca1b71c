/* SPDX-License-Identifier: MIT */
/*
 * httpGet and tcpSocket by libcurl on the loop. Source: pkg/probe/http, pkg/probe/tcp:
 * 200 to 399 is success; redirects to the same host are followed, another host is a
 * warning; certificates are not checked; no proxy.
 */
#include <stdio.h>

#include "util/curl_lib.h"
#include "runtime/agent/real.h"

#define MAX_REDIRECTS 10
#define MAX_BODY      10240u

/* Of the process: loaded once, for the first struct web. */
static const struct curl_lib *curl;

struct web {
	struct loop *loop;
	CURLM *multi; /* NULL: no libcurl here */
	struct err missing;
	struct loop_timer *timer;
};

struct web_socket {
	struct web *web;
	curl_socket_t fd;
	struct loop_fd *watch;
};

struct web_action {
	struct action base;
	struct web *web;
	CURL *easy;
	struct curl_slist *headers;
	char *url, *target; /* target: "host:port" of a tcpSocket, NULL for httpGet */
	int redirects;
	action_done_fn done;
	void *arg;
	struct loop_timer *refusal; /* instead of a request, when there is no libcurl */
	size_t body_len;
	struct buf body;
};

static void check_done(struct web *w);

/* -- libcurl's sockets and timer on the loop -- */

static void on_socket(void *arg)
{
	struct web_socket *s = arg;
	struct web *w = s->web;
	int running;

	curl->multi_socket_action(w->multi, s->fd, 0, &running); /* may free s */
	check_done(w);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *known)
{
	struct web *w = arg;
	struct web_socket *s = known;

	if (what == CURL_POLL_REMOVE) {
		if (s)
			loop_fd_free(s->watch);
		free(s);
		curl->multi_assign(w->multi, fd, NULL);
		return 0;
	}
	if (!s) {
		s = xcalloc(1, sizeof(*s));
		s->web = w;
		s->fd = fd;
		s->watch = loop_fd_new(w->loop, fd, on_socket, s);
		if (!s->watch) {
			free(s);
			return -1;
		}
		curl->multi_assign(w->multi, fd, s);
	}
	loop_fd_want_write(s->watch, (what & CURL_POLL_OUT) != 0);
	return 0;
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct web *w = arg;

	if (timeout_ms < 0)
		loop_timer_cancel(w->timer);
	else
		loop_timer_arm(w->timer, (uint64_t)timeout_ms);
	return 0;
}

static void on_timer(void *arg)
{
	struct web *w = arg;
	int running;

	curl->multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	check_done(w);
}

struct web *web_new(struct loop *loop)
{
	struct web *w = xcalloc(1, sizeof(*w));

	w->loop = loop;
	curl = curl_lib_load(&w->missing);
	if (!curl)
		return w;
	w->multi = curl->multi_init();
	w->timer = loop_timer_new(loop, on_timer, w);
	curl->multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl->multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
	curl->multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl->multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
	return w;
}

void web_free(struct web *w)
{
	if (!w)
		return;
	if (w->multi)
		curl->multi_cleanup(w->multi);
	loop_timer_free(w->timer);
	free(w);
}

/* -- one request -- */

static void action_free(struct web_action *x)
{
	if (x->easy) {
		curl->multi_remove_handle(x->web->multi, x->easy);
		curl->easy_cleanup(x->easy);
		curl->slist_free_all(x->headers);
	}
	loop_timer_free(x->refusal);
	buf_fini(&x->body);
	free(x->url);
	free(x->target);
	free(x);
}

static void web_cancel(struct action *base)
{
	action_free(CONTAINER_OF(base, struct web_action, base));
}

static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct web_action *x = arg;
	size_t len = size * n, room = MAX_BODY - x->body.len;

	buf_add(&x->body, data, len < room ? len : room);
	x->body_len += len;
	return x->body_len > (1u << 20) ? 0 : len; /* nobody needs a MiB to say that he is well */
}

/* As Go's net package words it. */
static void describe(const struct web_action *x, CURLcode rc, struct buf *out)
{
	long number = 0;

	curl->easy_getinfo(x->easy, CURLINFO_OS_ERRNO, &number);
	if (x->target) {
		if (rc == CURLE_OPERATION_TIMEDOUT)
			buf_addf(out, "dial tcp %s: i/o timeout", x->target);
		else if (number)
			buf_addf(out, "dial tcp %s: connect: %s", x->target,
				 strerrordesc_np((int)number));
		else
			buf_addf(out, "dial tcp %s: %s", x->target, curl->easy_strerror(rc));
	} else if (rc == CURLE_OPERATION_TIMEDOUT) {
		buf_addf(out,
			 "Get \"%s\": context deadline exceeded (Client.Timeout exceeded while "
			 "awaiting headers)",
			 x->url);
	} else if (rc == CURLE_COULDNT_CONNECT && number) {
		const char *host = strstr(x->url, "://") + 3;

		buf_addf(out, "Get \"%s\": dial tcp %.*s: connect: %s", x->url,
			 (int)strcspn(host, "/"), host, strerrordesc_np((int)number));
	} else {
		buf_addf(out, "Get \"%s\": %s", x->url, curl->easy_strerror(rc));
	}
	for (size_t i = 0; i < out->len; i++) /* "Connection refused" */
		if (i > 9 && memcmp(out->data + i - 9, "connect: ", 9) == 0 &&
		    out->data[i] >= 'A' && out->data[i] <= 'Z')
			out->data[i] = (char)(out->data[i] - 'A' + 'a');
}

static char *host_of(const char *url)
{
	CURLU *u = curl->url();
	char *host = NULL, *copy = NULL;

	if (u && curl->url_set(u, CURLUPART_URL, url, 0) == CURLUE_OK &&
	    curl->url_get(u, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
		copy = xstrdup(host);
		curl->free(host);
	}
	curl->url_cleanup(u);
	return copy;
}

/* Return: 1 when another request is on its way. */
static int follow_redirect(struct web_action *x)
{
	char *where = NULL;
	CLEANUP_FREE char *from = NULL, *to = NULL;

	curl->easy_getinfo(x->easy, CURLINFO_REDIRECT_URL, &where);
	if (!where || ++x->redirects > MAX_REDIRECTS)
		return 0;
	from = host_of(x->url);
	to = host_of(where);
	if (!from || !str_eq(from, to))
		return 0;
	free(x->url);
	x->url = xstrdup(where);
	curl->multi_remove_handle(x->web->multi, x->easy);
	curl->easy_setopt(x->easy, CURLOPT_URL, x->url);
	return curl->multi_add_handle(x->web->multi, x->easy) == CURLM_OK;
}

static void finish(struct web_action *x, CURLcode rc)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	enum action_result result = ACTION_SUCCESS;
	action_done_fn done = x->done;
	void *arg = x->arg;
	long code = 0;

	curl->easy_getinfo(x->easy, CURLINFO_RESPONSE_CODE, &code);
	if (rc == CURLE_OK && !x->target && code >= 300 && code < 400) {
		if (follow_redirect(x))
			return;
		result = ACTION_WARNING;
		buf_addf(&text, "Probe terminated redirects, Response body: %s", buf_str(&x->body));
	} else if (rc == CURLE_WRITE_ERROR && code >= 200 && code < 300) {
		result = ACTION_SUCCESS; /* answered, and at length */
	} else if (rc != CURLE_OK) {
		result = ACTION_FAILURE;
		describe(x, rc, &text);
	} else if (!x->target && (code < 200 || code >= 400)) {
		result = ACTION_FAILURE;
		buf_addf(&text, "HTTP probe failed with statuscode: %ld", code);
	}
	action_free(x);
	done(arg, result, buf_str(&text));
}

static void check_done(struct web *w)
{
	CURLMsg *m;
	int left;

	while ((m = curl->multi_info_read(w->multi, &left))) {
		struct web_action *x = NULL;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl->easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&x);
		finish(x, m->data.result);
	}
}

static void refuse(void *arg)
{
	struct web_action *x = arg;
	action_done_fn done = x->done;
	struct err why = x->web->missing;
	void *done_arg = x->arg;

	action_free(x);
	done(done_arg, ACTION_ERROR, why.msg);
}

struct action *web_act(struct web *w, const struct action_spec *spec, action_done_fn done,
		       void *arg)
{
	struct web_action *x = xcalloc(1, sizeof(*x));

	x->base.cancel = web_cancel;
	x->web = w;
	x->done = done;
	x->arg = arg;
	if (!w->multi) {
		x->refusal = loop_timer_new(w->loop, refuse, x);
		loop_timer_arm(x->refusal, 0);
		return &x->base;
	}
	x->easy = curl->easy_init();
	if (spec->kind == ACTION_TCP) {
		x->target = xasprintf("%s:%u", spec->host, spec->port);
		x->url = xasprintf("http://%s", x->target);
		curl->easy_setopt(x->easy, CURLOPT_CONNECT_ONLY, 1L);
	} else {
		x->url = xstrdup(spec->url);
	}
	for (const char *const *h = spec->headers; h && *h; h++)
		x->headers = curl->slist_append(x->headers, *h);
	curl->easy_setopt(x->easy, CURLOPT_URL, x->url);
	curl->easy_setopt(x->easy, CURLOPT_HTTPHEADER, x->headers);
	curl->easy_setopt(x->easy, CURLOPT_PRIVATE, x);
	curl->easy_setopt(x->easy, CURLOPT_NOSIGNAL, 1L);
	curl->easy_setopt(x->easy, CURLOPT_TIMEOUT_MS,
			  (long)(spec->timeout_ms > INT32_MAX ? INT32_MAX : spec->timeout_ms));
	curl->easy_setopt(x->easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl->easy_setopt(x->easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl->easy_setopt(x->easy, CURLOPT_PROXY, "");
	curl->easy_setopt(x->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl->easy_setopt(x->easy, CURLOPT_FRESH_CONNECT, 1L);
	curl->easy_setopt(x->easy, CURLOPT_FORBID_REUSE, 1L);
	curl->easy_setopt(x->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl->easy_setopt(x->easy, CURLOPT_WRITEFUNCTION, take_body);
	curl->easy_setopt(x->easy, CURLOPT_WRITEDATA, x);
	curl->multi_add_handle(w->multi, x->easy);
	return &x->base;
}
