/* SPDX-License-Identifier: MIT */
/* Containers of a pod or of a pod template, as `kubectl describe` shows them. */
#include <ctype.h>
#include <inttypes.h>

#include "objects/codec.h"
#include "objects/print/print_i.h"

struct container_writer {
	struct page_writer *w;
	const struct value *pod; /* for references to its fields; NULL in a template */
	const struct value *container, *status; /* status NULL: unknown */
};

static void describe_ports(struct container_writer *c, const char *title, const char *key)
{
	const struct value *ports = value_get(c->container, "ports");
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	for (size_t i = 0; i < value_count(ports); i++)
		buf_addf(&text, "%s%" PRId64 "/%s", i ? ", " : "",
			 int_at(value_at(ports, i), 0, key, NULL),
			 text_at(value_at(ports, i), "TCP", "protocol", NULL));
	line(c->w, 2, "%s%s:\t%s\n", title, value_count(ports) > 1 ? "s" : "",
	     text.len ? buf_str(&text) : "<none>");
}

/* Each word on its line, and each line of a word. */
static void describe_words(struct container_writer *c, const char *title, const struct value *words)
{
	if (value_count(words) == 0)
		return;
	line(c->w, 2, "%s:\n", title);
	for (size_t i = 0; i < value_count(words); i++) {
		const char *s = value_str(value_at(words, i), "");

		for (;;) {
			size_t n = strcspn(s, "\n");

			line(c->w, 3, "%.*s\n", (int)n, s);
			if (!s[n])
				break;
			s += n + 1;
		}
	}
}

static void describe_state(struct container_writer *c, const char *title, const struct value *state)
{
	const struct value *running = value_get(state, "running");
	const struct value *ended = value_get(state, "terminated");
	const char *reason = text_at(state, NULL, "waiting", "reason", NULL);
	char date[40];

	if (running) {
		line(c->w, 2, "%s:\tRunning\n", title);
		line(c->w, 3, "Started:\t%s\n",
		     date_of_time(text_at(running, NULL, "startedAt", NULL), "<unset>", date));
		return;
	}
	line(c->w, 2, "%s:\t%s\n", title, ended ? "Terminated" : "Waiting");
	if (ended)
		reason = text_at(ended, NULL, "reason", NULL);
	if (reason)
		line(c->w, 3, "Reason:\t%s\n", reason);
	if (!ended)
		return;
	if (text_at(ended, NULL, "message", NULL))
		line(c->w, 3, "Message:\t%s\n", text_at(ended, "", "message", NULL));
	line(c->w, 3, "Exit Code:\t%" PRId64 "\n", int_at(ended, 0, "exitCode", NULL));
	if (int_at(ended, 0, "signal", NULL))
		line(c->w, 3, "Signal:\t%" PRId64 "\n", int_at(ended, 0, "signal", NULL));
	line(c->w, 3, "Started:\t%s\n",
	     date_of_time(text_at(ended, NULL, "startedAt", NULL), "<unset>", date));
	line(c->w, 3, "Finished:\t%s\n",
	     date_of_time(text_at(ended, NULL, "finishedAt", NULL), "<unset>", date));
}

static void describe_status(struct container_writer *c)
{
	describe_state(c, "State", value_get(c->status, "state"));
	if (value_dig(c->status, "lastState", "terminated", NULL))
		describe_state(c, "Last State", value_get(c->status, "lastState"));
	line(c->w, 2, "Ready:\t%s\n",
	     value_bool(value_get(c->status, "ready"), 0) ? "True" : "False");
	line(c->w, 2, "Restart Count:\t%" PRId64 "\n", int_at(c->status, 0, "restartCount", NULL));
}

static void describe_resources(struct container_writer *c, const char *title, const char *key)
{
	const struct value *map = value_dig(c->container, "resources", key, NULL);

	if (members(map))
		line(c->w, 2, "%s:\n", title);
	for (size_t i = 0; i < members(map); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT;

		scalar_render(value_at(map, i), &text);
		line(c->w, 3, "%s:\t%s\n", value_key_at(map, i), buf_str(&text));
	}
}

static void add_port_of(struct buf *out, const struct value *action)
{
	const struct value *port = value_get(action, "port");

	if (port)
		scalar_render(port, out);
}

static void probe_action(const struct value *probe, struct buf *out)
{
	const struct value *exec = value_get(probe, "exec"), *http = value_get(probe, "httpGet");
	const struct value *tcp = value_get(probe, "tcpSocket"), *grpc = value_get(probe, "grpc");

	if (exec) {
		buf_adds(out, "exec [");
		add_strings(out, value_get(exec, "command"), " ", "");
		buf_addc(out, ']');
	} else if (http) {
		buf_adds(out, "http-get ");
		for (const char *s = text_at(http, "HTTP", "scheme", NULL); *s; s++)
			buf_addc(out, (char)tolower((unsigned char)*s));
		buf_addf(out, "://%s:", text_at(http, "", "host", NULL));
		add_port_of(out, http);
		buf_adds(out, text_at(http, "", "path", NULL));
	} else if (tcp) {
		buf_addf(out, "tcp-socket %s:", text_at(tcp, "", "host", NULL));
		add_port_of(out, tcp);
	} else if (grpc) {
		buf_adds(out, "grpc <pod>:");
		add_port_of(out, grpc);
		buf_addf(out, " %s", text_at(grpc, "", "service", NULL));
	} else {
		buf_adds(out, "unknown");
	}
}

static void describe_probe(struct container_writer *c, const char *title, const char *key)
{
	const struct value *probe = value_get(c->container, key);
	CLEANUP(buf_fini) struct buf action = BUF_INIT;

	if (!probe)
		return;
	probe_action(probe, &action);
	line(c->w, 2,
	     "%s:\t%s delay=%" PRId64 "s timeout=%" PRId64 "s period=%" PRId64 "s #success=%" PRId64
	     " #failure=%" PRId64 "\n",
	     title, buf_str(&action), int_at(probe, 0, "initialDelaySeconds", NULL),
	     int_at(probe, 0, "timeoutSeconds", NULL), int_at(probe, 0, "periodSeconds", NULL),
	     int_at(probe, 0, "successThreshold", NULL),
	     int_at(probe, 0, "failureThreshold", NULL));
}

static const char *optional(const struct value *ref)
{
	return value_bool(value_get(ref, "optional"), 0) ? "true" : "false";
}

static void describe_env_from(struct container_writer *c)
{
	const struct value *list = value_get(c->container, "envFrom");

	if (value_count(list))
		line(c->w, 2, "Environment Variables from:\n");
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *from = value_at(list, i);
		const struct value *map = value_get(from, "configMapRef");
		const struct value *ref = map ? map : value_get(from, "secretRef");
		const char *prefix = text_at(from, NULL, "prefix", NULL);

		line(c->w, 3, "%s\t%s", text_at(ref, "", "name", NULL),
		     map ? "ConfigMap" : "Secret");
		if (prefix)
			line(c->w, 0, " with prefix '%s'", prefix);
		line(c->w, 0, "\tOptional: %s\n", optional(ref));
	}
}

/* What a reference to the pod's own fields gives, "" when that is not known here. */
static void field_text(struct container_writer *c, const char *path, struct buf *out)
{
	static const char prefix[] = "metadata.labels['", annotation[] = "metadata.annotations['";
	const struct value *v = NULL;

	if (str_eq(path, "spec.serviceAccountName") || str_eq(path, "metadata.name") ||
	    str_eq(path, "metadata.namespace") || str_eq(path, "metadata.uid") ||
	    str_eq(path, "spec.nodeName") || str_eq(path, "status.hostIP") ||
	    str_eq(path, "status.podIP") || str_starts(path, prefix) ||
	    str_starts(path, annotation))
		v = path_value(c->pod, path);
	if (v)
		scalar_render(v, out);
}

static void resource_text(struct container_writer *c, const char *resource, struct buf *out)
{
	const char *dot = strchr(resource, '.');
	const struct value *map, *v;

	map = value_dig(c->container, "resources",
			str_starts(resource, "limits.") ? "limits" : "requests", NULL);
	v = dot ? value_get(map, dot + 1) : NULL;
	if (v)
		scalar_render(v, out);
	else
		buf_adds(out, "0");
}

static void describe_env_source(struct container_writer *c, const char *name,
				const struct value *from)
{
	const struct value *field = value_get(from, "fieldRef");
	const struct value *resource = value_get(from, "resourceFieldRef");
	const struct value *secret = value_get(from, "secretKeyRef");
	const struct value *map = value_get(from, "configMapKeyRef");
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (field) {
		field_text(c, text_at(field, "", "fieldPath", NULL), &text);
		line(c->w, 3, "%s:\t%s (%s:%s)\n", name, buf_str(&text),
		     text_at(field, "v1", "apiVersion", NULL),
		     text_at(field, "", "fieldPath", NULL));
	} else if (resource) {
		resource_text(c, text_at(resource, "", "resource", NULL), &text);
		line(c->w, 3, "%s:\t%s (%s)\n", name, buf_str(&text),
		     text_at(resource, "", "resource", NULL));
	} else if (secret) {
		line(c->w, 3, "%s:\t<set to the key '%s' in secret '%s'>\tOptional: %s\n", name,
		     text_at(secret, "", "key", NULL), text_at(secret, "", "name", NULL),
		     optional(secret));
	} else if (map) {
		line(c->w, 3, "%s:\t<set to the key '%s' of config map '%s'>\tOptional: %s\n", name,
		     text_at(map, "", "key", NULL), text_at(map, "", "name", NULL), optional(map));
	}
}

static void describe_env(struct container_writer *c)
{
	const struct value *list = value_get(c->container, "env");

	line(c->w, 2, "Environment:%s\n", value_count(list) ? "" : "\t<none>");
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *e = value_at(list, i), *from = value_get(e, "valueFrom");
		const char *name = text_at(e, "", "name", NULL), *s = text_at(e, "", "value", NULL);

		if (from) {
			describe_env_source(c, name, from);
			continue;
		}
		for (int first = 1;; first = 0) {
			size_t n = strcspn(s, "\n");

			line(c->w, 3, "%s%s\t%.*s\n", first ? name : "", first ? ":" : "", (int)n,
			     s);
			if (!s[n])
				break;
			s += n + 1;
		}
	}
}

static int by_mount_path(const void *a, const void *b)
{
	const struct value *const *x = a, *const *y = b;

	return strcmp(text_at(*x, "", "mountPath", NULL), text_at(*y, "", "mountPath", NULL));
}

static void describe_mounts(struct container_writer *c)
{
	const struct value *list = value_get(c->container, "volumeMounts");
	size_t n = value_count(list);
	CLEANUP_FREE const struct value **sorted = xreallocarray(NULL, n + 1, sizeof(*sorted));

	line(c->w, 2, "Mounts:%s\n", n ? "" : "\t<none>");
	for (size_t i = 0; i < n; i++)
		sorted[i] = value_at(list, i);
	qsort(sorted, n, sizeof(*sorted), by_mount_path);
	for (size_t i = 0; i < n; i++) {
		const char *sub = text_at(sorted[i], NULL, "subPath", NULL);

		line(c->w, 3, "%s from %s (%s", text_at(sorted[i], "", "mountPath", NULL),
		     text_at(sorted[i], "", "name", NULL),
		     value_bool(value_get(sorted[i], "readOnly"), 0) ? "ro" : "rw");
		line(c->w, 0, sub ? ",path=\"%s\")\n" : "%s)\n", sub ? sub : "");
	}
}

static void describe_devices(struct container_writer *c)
{
	const struct value *list = value_get(c->container, "volumeDevices");

	if (value_count(list))
		line(c->w, 2, "Devices:\n");
	for (size_t i = 0; i < value_count(list); i++)
		line(c->w, 3, "%s from %s\n", text_at(value_at(list, i), "", "devicePath", NULL),
		     text_at(value_at(list, i), "", "name", NULL));
}

static void describe_container(struct container_writer *c, const char *space)
{
	line(c->w, 1, "%s%s:\n", *space ? " " : "", text_at(c->container, "", "name", NULL));
	if (c->status)
		line(c->w, 2, "Container ID:\t%s\n", text_at(c->status, "", "containerID", NULL));
	line(c->w, 2, "Image:\t%s\n", text_at(c->container, "", "image", NULL));
	if (c->status)
		line(c->w, 2, "Image ID:\t%s\n", text_at(c->status, "", "imageID", NULL));
	describe_ports(c, "Port", "containerPort");
	describe_ports(c, "Host Port", "hostPort");
	if (text_at(c->container, NULL, "securityContext", "seccompProfile", "type", NULL))
		line(c->w, 2, "SeccompProfile:\t%s\n",
		     text_at(c->container, "", "securityContext", "seccompProfile", "type", NULL));
	describe_words(c, "Command", value_get(c->container, "command"));
	describe_words(c, "Args", value_get(c->container, "args"));
	if (c->status)
		describe_status(c);
	describe_resources(c, "Limits", "limits");
	describe_resources(c, "Requests", "requests");
	describe_probe(c, "Liveness", "livenessProbe");
	describe_probe(c, "Readiness", "readinessProbe");
	describe_probe(c, "Startup", "startupProbe");
	describe_env_from(c);
	describe_env(c);
	describe_mounts(c);
	describe_devices(c);
}

static const struct value *named(const struct value *list, const char *name)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(text_at(value_at(list, i), "", "name", NULL), name))
			return value_at(list, i);
	return NULL;
}

void describe_containers(struct page_writer *w, const char *title, const struct value *containers,
			 const struct value *statuses, const char *space)
{
	line(w, 0, "%s%s:%s\n", space, title, value_count(containers) ? "" : " <none>");
	for (size_t i = 0; i < value_count(containers); i++) {
		struct container_writer c = {
			.w = w,
			.pod = *space ? NULL : w->o,
			.container = value_at(containers, i),
			.status =
				named(statuses, text_at(value_at(containers, i), "", "name", NULL)),
		};

		describe_container(&c, space);
	}
}
