/* SPDX-License-Identifier: MIT */
/* Probes as data, and the handlers that they share with hooks. */
#include "runtime/agent/probe.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

const char *probe_title(enum probe_kind k)
{
	static const char *const titles[] = {"Startup", "Liveness", "Readiness"};

	return titles[k];
}

const char *probe_field(enum probe_kind k)
{
	static const char *const fields[] = {"startupProbe", "livenessProbe", "readinessProbe"};

	return fields[k];
}

static int64_t at_least_one(const struct value *v, int64_t otherwise)
{
	int64_t n = value_int(v, otherwise);

	return n < 1 ? otherwise : n;
}

void probe_times_of(const struct value *p, struct probe_times *out)
{
	out->initial_delay = value_int(value_get(p, "initialDelaySeconds"), 0);
	if (out->initial_delay < 0)
		out->initial_delay = 0;
	out->period = at_least_one(value_get(p, "periodSeconds"), 10);
	out->timeout = at_least_one(value_get(p, "timeoutSeconds"), 1);
	out->success = at_least_one(value_get(p, "successThreshold"), 1);
	out->failure = at_least_one(value_get(p, "failureThreshold"), 3);
}

int probe_count(struct probe_run *run, const struct probe_times *times, int ok)
{
	int was_decided = run->decided, was = run->passing;

	run->same = run->same && run->last_ok == ok ? run->same + 1 : 1;
	run->last_ok = ok;
	if (run->same < (ok ? times->success : times->failure))
		return 0;
	run->decided = 1;
	run->passing = ok;
	return !was_decided || was != ok;
}

/* -- handlers -- */

void parsed_action_fini(struct parsed_action *p)
{
	for (char **s = p->argv; s && *s; s++)
		free(*s);
	for (char **s = p->headers; s && *s; s++)
		free(*s);
	free(p->argv);
	free(p->headers);
	free(p->url);
	free(p->host);
	*p = (struct parsed_action){.argv = NULL};
}

/* A number, or the name of one of the container's ports. */
static int port_of(const struct value *port, const struct value *container, unsigned *out,
		   struct err *err)
{
	const struct value *ports = value_get(container, "ports");
	const char *name = value_str(port, NULL);
	int64_t n = value_int(port, 0);
	char *end;

	if (name && isdigit((unsigned char)*name)) {
		n = strtol(name, &end, 10);
		if (*end)
			n = 0;
	}
	for (size_t i = 0; name && !n && i < value_count(ports); i++)
		if (str_eq(value_str(value_get(value_at(ports, i), "name"), NULL), name))
			n = value_int(value_get(value_at(ports, i), "containerPort"), 0);
	if (n < 1 || n > 65535)
		return err_set(err, EINVAL, "couldn't find port: %s", name ? name : "0");
	*out = (unsigned)n;
	return 0;
}

static int has_header(const struct value *headers, const char *name)
{
	for (size_t i = 0; i < value_count(headers); i++)
		if (strcasecmp(value_str(value_get(value_at(headers, i), "name"), ""), name) == 0)
			return 1;
	return 0;
}

static int parse_http(const struct value *get, const struct value *container, const char *ip,
		      struct parsed_action *out, struct err *err)
{
	const char *scheme = value_str(value_get(get, "scheme"), "HTTP");
	const char *host = value_str(value_get(get, "host"), "");
	const char *path = value_str(value_get(get, "path"), "/");
	const struct value *headers = value_get(get, "httpHeaders");
	int https = strcasecmp(scheme, "HTTPS") == 0;
	unsigned port;
	size_t n = 0;

	if (port_of(value_get(get, "port"), container, &port, err))
		return -EINVAL;
	out->spec.kind = ACTION_HTTP;
	out->url = xasprintf("http%s://%s:%u%s%s", https ? "s" : "", *host ? host : ip, port,
			     *path == '/' ? "" : "/", path);
	out->headers = xcalloc(value_count(headers) + 3, sizeof(*out->headers));
	for (size_t i = 0; i < value_count(headers); i++)
		out->headers[n++] =
			xasprintf("%s: %s", value_str(value_get(value_at(headers, i), "name"), ""),
				  value_str(value_get(value_at(headers, i), "value"), ""));
	if (!has_header(headers, "User-Agent"))
		out->headers[n++] = xstrdup("User-Agent: kube-probe/1.36");
	if (!has_header(headers, "Accept"))
		out->headers[n++] = xstrdup("Accept: */*");
	return 0;
}

static int parse_tcp(const struct value *tcp, const struct value *container, const char *ip,
		     struct parsed_action *out, struct err *err)
{
	const char *host = value_str(value_get(tcp, "host"), "");

	out->spec.kind = ACTION_TCP;
	out->host = xstrdup(*host ? host : ip);
	return port_of(value_get(tcp, "port"), container, &out->spec.port, err);
}

static void parse_exec(const struct value *command, struct parsed_action *out)
{
	out->spec.kind = ACTION_EXEC;
	out->argv = xcalloc(value_count(command) + 1, sizeof(*out->argv));
	for (size_t i = 0; i < value_count(command); i++)
		out->argv[i] = xstrdup(value_str(value_at(command, i), ""));
}

int action_parse(const struct value *handler, const struct value *container, const char *pod_uid,
		 const char *ip, struct parsed_action *out, struct err *err)
{
	int rc = 0;

	*out = (struct parsed_action){.sleep_ms = UINT64_MAX};
	if (value_get(handler, "exec"))
		parse_exec(value_dig(handler, "exec", "command", NULL), out);
	else if (value_get(handler, "httpGet"))
		rc = parse_http(value_get(handler, "httpGet"), container, ip, out, err);
	else if (value_get(handler, "tcpSocket"))
		rc = parse_tcp(value_get(handler, "tcpSocket"), container, ip, out, err);
	else if (value_get(handler, "sleep"))
		out->sleep_ms =
			(uint64_t)value_int(value_dig(handler, "sleep", "seconds", NULL), 0) * 1000;
	else
		rc = err_set(err, EINVAL, "handler: not served by this node");
	if (rc) {
		parsed_action_fini(out);
		return rc;
	}
	out->spec.pod_uid = pod_uid;
	out->spec.container = value_str(value_get(container, "name"), "");
	out->spec.argv = (const char *const *)out->argv;
	out->spec.headers = (const char *const *)out->headers;
	out->spec.url = out->url;
	out->spec.host = out->host;
	return 0;
}
