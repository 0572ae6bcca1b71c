/* SPDX-License-Identifier: MIT */
/* Counting of probes, their handlers, HTTP and TCP against a server of the test; deadlines;
 * admission. */
#include "tests/unit/agent_pods.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/agent/real.h"

static void test_counting(void **state)
{
	struct probe_times t = {.success = 2, .failure = 3};
	struct probe_run run = {0};

	assert_int_equal(probe_count(&run, &t, 1), 0);
	assert_int_equal(probe_count(&run, &t, 1), 1);
	assert_true(run.passing);
	assert_int_equal(probe_count(&run, &t, 1), 0);
	assert_int_equal(probe_count(&run, &t, 0), 0);
	assert_int_equal(probe_count(&run, &t, 0), 0);
	assert_int_equal(probe_count(&run, &t, 1), 0); /* in a row, or it does not count */
	assert_int_equal(probe_count(&run, &t, 0), 0);
	assert_int_equal(probe_count(&run, &t, 0), 0);
	assert_int_equal(probe_count(&run, &t, 0), 1);
	assert_false(run.passing);
}

static void parsed(const char *handler, enum action_kind kind, const char *want)
{
	CLEANUP_VALUE struct value *h = json_of(handler);
	CLEANUP_VALUE struct value *c =
		json_of("{'name':'c','ports':[{'name':'web','containerPort':8080}]}");
	struct parsed_action p;
	struct err err = ERR_INIT;

	if (action_parse(h, c, "u", "10.0.0.1", &p, &err)) {
		assert_string_equal(err.msg, want);
		return;
	}
	assert_int_equal(p.spec.kind, kind);
	if (kind == ACTION_HTTP)
		assert_string_equal(p.spec.url, want);
	else if (kind == ACTION_TCP)
		assert_string_equal(p.spec.host, want);
	else
		assert_string_equal(p.spec.argv[0], want);
	parsed_action_fini(&p);
}

static void test_handlers(void **state)
{
	parsed("{'httpGet':{'port':80}}", ACTION_HTTP, "http://10.0.0.1:80/");
	parsed("{'httpGet':{'port':'web','path':'x?y=1','scheme':'HTTPS','host':'h'}}", ACTION_HTTP,
	       "https://h:8080/x?y=1");
	parsed("{'httpGet':{'port':'81'}}", ACTION_HTTP, "http://10.0.0.1:81/");
	parsed("{'httpGet':{'port':'none'}}", ACTION_HTTP, "couldn't find port: none");
	parsed("{'httpGet':{'port':70000}}", ACTION_HTTP, "couldn't find port: 0");
	parsed("{'tcpSocket':{'port':'web'}}", ACTION_TCP, "10.0.0.1");
	parsed("{'exec':{'command':['/x']}}", ACTION_EXEC, "/x");
	parsed("{'grpc':{'port':1}}", ACTION_HTTP, "handler: not served by this node");
}

/* -- a server: one connection after the other, an answer each -- */

struct server {
	int fd;
	unsigned port;
	pthread_t thread;
	const char *answer; /* NULL: take the connection and say nothing */
	char request[4096];
};

static void *serve(void *arg)
{
	struct server *s = arg;
	int fd;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		ssize_t n = s->answer ? read(fd, s->request, sizeof(s->request) - 1) : 0;

		s->request[n > 0 ? n : 0] = '\0';
		if (s->answer && n > 0)
			assert_true(write(fd, s->answer, strlen(s->answer)) > 0);
		while (!s->answer && read(fd, s->request, sizeof(s->request) - 1) > 0)
			; /* until the client has enough */
		close(fd);
	}
	return NULL;
}

static struct server *server_new(const char *answer)
{
	struct server *s = xcalloc(1, sizeof(*s));
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t len = sizeof(addr);

	s->answer = answer;
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(s->fd, 5), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&addr, &len), 0);
	s->port = ntohs(addr.sin_port);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
	return s;
}

static void server_free(struct server *s)
{
	shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
	free(s);
}

struct asked {
	struct loop *loop;
	enum action_result result;
	char text[512];
};

static void answered(void *arg, enum action_result result, const char *text)
{
	struct asked *a = arg;

	a->result = result;
	snprintf(a->text, sizeof(a->text), "%s", text);
	loop_stop(a->loop);
}

static void ask(const struct action_spec *spec, struct asked *a)
{
	struct err err = ERR_INIT;
	struct web *w;

	a->loop = loop_new(&err);
	w = web_new(a->loop);
	web_act(w, spec, answered, a);
	loop_run(a->loop);
	web_free(w);
	loop_free(a->loop);
}

static struct asked http(const char *answer, const char *path)
{
	static const char *const headers[] = {"X-One: 1", "Host: special", NULL};
	struct server *s = server_new(answer);
	CLEANUP_FREE char *url = xasprintf("http://127.0.0.1:%u%s", s->port, path);
	struct action_spec spec = {
		.kind = ACTION_HTTP, .url = url, .timeout_ms = 500, .headers = headers};
	struct asked a = {0};

	ask(&spec, &a);
	if (answer && a.result == ACTION_SUCCESS) {
		assert_true(str_starts(s->request, "GET "));
		assert_non_null(strstr(s->request, "X-One: 1"));
		assert_non_null(strstr(s->request, "Host: special"));
	}
	server_free(s);
	return a;
}

static void test_http(void **state)
{
	assert_int_equal(http("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "/x").result,
			 ACTION_SUCCESS);
	assert_int_equal(http("HTTP/1.1 204 No\r\n\r\n", "/").result, ACTION_SUCCESS);
	assert_int_equal(http("HTTP/1.1 301 Moved\r\nLocation: "
			      "http://elsewhere.example/\r\nContent-Length: 0\r\n\r\n",
			      "/")
				 .result,
			 ACTION_WARNING);
	{
		struct asked a = http("HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n", "/");

		assert_int_equal(a.result, ACTION_FAILURE);
		assert_string_equal(a.text, "HTTP probe failed with statuscode: 500");
	}
	{
		struct asked a = http(NULL, "/slow");

		assert_int_equal(a.result, ACTION_FAILURE);
		assert_non_null(strstr(
			a.text, "/slow\": context deadline exceeded (Client.Timeout exceeded while "
				"awaiting headers)"));
	}
	assert_int_equal(http("this is no HTTP\r\n\r\n", "/").result, ACTION_FAILURE);
}

static void test_redirects_to_the_same_host_are_followed(void **state)
{
	/* always to itself: an end is found */
	assert_int_equal(
		http("HTTP/1.1 302 Moved\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n", "/")
			.result,
		ACTION_WARNING);
}

static void test_tcp(void **state)
{
	struct server *s = server_new(NULL);
	struct action_spec spec = {
		.kind = ACTION_TCP, .host = "127.0.0.1", .port = s->port, .timeout_ms = 500};
	CLEANUP_FREE char *want =
		xasprintf("dial tcp 127.0.0.1:%u: connect: connection refused", s->port);
	struct asked a = {0};

	ask(&spec, &a);
	assert_int_equal(a.result, ACTION_SUCCESS);
	server_free(s);
	ask(&spec, &a);
	assert_int_equal(a.result, ACTION_FAILURE);
	assert_string_equal(a.text, want);
}

static void stop(void *arg)
{
	loop_stop(arg);
}

static void test_cancelling(void **state)
{
	struct server *s = server_new(NULL);
	CLEANUP_FREE char *url = xasprintf("http://127.0.0.1:%u/", s->port);
	struct action_spec spec = {.kind = ACTION_HTTP, .url = url, .timeout_ms = 5000};
	struct err err = ERR_INIT;
	struct asked asked = {.result = ACTION_WARNING, .loop = loop_new(&err)};
	struct web *w = web_new(asked.loop);
	struct loop_timer *t = loop_timer_new(asked.loop, stop, asked.loop);
	struct action *a = web_act(w, &spec, answered, &asked);

	loop_timer_arm(t, 50);
	loop_run(asked.loop);
	a->cancel(a);
	assert_int_equal(asked.result, ACTION_WARNING); /* never answered */
	web_free(w);
	loop_timer_free(t);
	loop_free(asked.loop);
	server_free(s);
}

/* -- deadlines -- */

static char called[8];

static void call(void *arg)
{
	strcat(called, arg);
}

static void test_deadlines(void **state)
{
	struct deadlines all = {0};
	struct deadline a = {.fn = call, .arg = (char *)"a"}, b = {.fn = call, .arg = (char *)"b"},
			c = {.fn = call, .arg = (char *)"c"};

	called[0] = '\0';
	deadline_arm(&all, &a, 30);
	deadline_arm(&all, &b, 10);
	deadline_arm(&all, &c, 20);
	assert_int_equal(deadlines_next(&all), 10);
	deadline_arm(&all, &b, 40);
	deadline_disarm(&all, &c);
	deadline_disarm(&all, &c);
	assert_int_equal(deadlines_next(&all), 30);
	deadlines_run(&all, 29);
	assert_string_equal(called, "");
	deadlines_run(&all, 100);
	assert_string_equal(called, "ab");
	assert_int_equal(deadlines_next(&all), 0);
}

/* -- admission -- */

static void admission(const char *spec, const char *want_reason, const char *want)
{
	CLEANUP_FREE char *text = xasprintf("{'spec':{%s}}", spec);
	CLEANUP_VALUE struct value *pod = json_of(text);
	CLEANUP_VALUE struct value *other =
		json_of("{'spec':{'containers':[{'resources':{'requests':{'cpu':'1500m'}},'ports':["
			"{'containerPort':80,'hostPort':8080}]}]}}");
	CLEANUP_VALUE struct value *node =
		json_of("{'metadata':{'labels':{'disk':'ssd','kubernetes.io/os':'linux'}}}");
	const struct value *others[] = {other};
	struct node_facts facts = {
		.cpu_millis = 2000, .memory_bytes = 1 << 30, .disk_bytes = 1 << 30, .max_pods = 5};
	struct admission ad = {&facts, node, others, 1};
	CLEANUP_FREE char *message = NULL;
	const char *reason;

	assert_int_equal(admit_pod(&ad, pod, &reason, &message), want_reason == NULL);
	if (want_reason) {
		assert_string_equal(reason, want_reason);
		assert_string_equal(message, want);
	}
}

static void test_admission(void **state)
{
	admission("'containers':[{'resources':{'requests':{'cpu':'500m'}}}]", NULL, NULL);
	admission("'containers':[{'resources':{'requests':{'cpu':'501m'}}}]", "OutOfcpu",
		  "Pod was rejected: Node didn't have enough resource: cpu, requested: 501, used: "
		  "1500, capacity: 2000");
	admission("'containers':[{'resources':{'requests':{'memory':'2Gi'}}}]", "OutOfmemory",
		  "Pod was rejected: Node didn't have enough resource: memory, requested: "
		  "2147483648, used: 0, capacity: "
		  "1073741824");
	admission("'containers':[{'ports':[{'containerPort':1,'hostPort':8080}]}]", "NodePorts",
		  "Predicate NodePorts failed: node(s) didn't have free ports for the requested "
		  "pod ports");
	admission("'containers':[{'ports':[{'containerPort':1,'hostPort':8080,'protocol':'UDP'}]}]",
		  NULL, NULL);
	admission("'hostNetwork':true,'containers':[{'ports':[{'containerPort':8080,'hostPort':"
		  "8080}]}]",
		  "NodePorts",
		  "Predicate NodePorts failed: node(s) didn't have free ports for the requested "
		  "pod ports");
	admission("'nodeSelector':{'disk':'ssd'},'containers':[]", NULL, NULL);
	admission(
		"'nodeSelector':{'disk':'hdd'},'containers':[]", "NodeAffinity",
		"Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector");
	admission("'os':{'name':'windows'},'containers':[]", "PodOSNotSupported",
		  "Failed to admit pod as the OS field doesn't match node OS");
	admission("'securityContext':{'sysctls':[{'name':'kernel.msgmax','value':'1'}]},'"
		  "containers':[]",
		  "SysctlForbidden", "forbidden sysctl: \"kernel.msgmax\" not allowlisted");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counting),
		cmocka_unit_test(test_handlers),
		cmocka_unit_test(test_http),
		cmocka_unit_test(test_redirects_to_the_same_host_are_followed),
		cmocka_unit_test(test_tcp),
		cmocka_unit_test(test_cancelling),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_admission),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
