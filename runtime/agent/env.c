/* SPDX-License-Identifier: MIT */
/* A container's environment. */
#include "runtime/agent/env.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/codec/base64.h"
#include "runtime/agent/expand.h"

void env_fini(struct env *e)
{
	for (size_t i = 0; i < e->n; i++) {
		free(e->names[i]);
		free(e->values[i]);
	}
	free(e->names);
	free(e->values);
	strmap_fini(&e->index);
	*e = (struct env)ENV_INIT;
}

void env_set(struct env *e, const char *name, const char *value)
{
	size_t at = (size_t)(uintptr_t)strmap_get(&e->index, name);

	if (at) {
		char *was = e->values[at - 1];

		e->values[at - 1] = xstrdup(value);
		free(was);
		return;
	}
	if (e->n == e->cap) {
		e->cap = e->cap ? e->cap * 2 : 16;
		e->names = xreallocarray(e->names, e->cap, sizeof(*e->names));
		e->values = xreallocarray(e->values, e->cap, sizeof(*e->values));
	}
	e->names[e->n] = xstrdup(name);
	e->values[e->n++] = xstrdup(value);
	strmap_set(&e->index, name, (void *)(uintptr_t)e->n);
}

void env_add(struct env *e, const char *assignment)
{
	const char *eq = strchr(assignment, '=');
	CLEANUP_FREE char *name = NULL;

	if (!eq)
		return;
	name = xstrndup(assignment, (size_t)(eq - assignment));
	env_set(e, name, eq + 1);
}

const char *env_get(const struct env *e, const char *name)
{
	size_t at = (size_t)(uintptr_t)strmap_get(&e->index, name);

	return at ? e->values[at - 1] : NULL;
}

char **env_list(const struct env *e)
{
	char **list = xcalloc(e->n + 1, sizeof(*list));

	for (size_t i = 0; i < e->n; i++)
		list[i] = xasprintf("%s=%s", e->names[i], e->values[i]);
	return list;
}

static const char *lookup(void *arg, const char *name)
{
	return env_get(arg, name);
}

char **env_expand_list(const struct env *e, const struct value *list)
{
	char **out = xcalloc(value_count(list) + 1, sizeof(*out));

	for (size_t i = 0; i < value_count(list); i++)
		out[i] = expand_vars(value_str(value_at(list, i), ""), lookup, (void *)e);
	return out;
}

/* -- services -- */

static char *env_name(const char *service)
{
	char *s = xstrdup(service);

	for (char *p = s; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	return s;
}

static void setf(struct env *e, const char *value, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void setf(struct env *e, const char *value, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	env_set(e, text, value);
}

static void add_port(struct env *e, const char *svc, const char *ip, const struct value *port,
		     int first)
{
	const char *proto = value_str(value_get(port, "protocol"), "TCP");
	int64_t number = value_int(value_get(port, "port"), 0);
	const char *name = value_str(value_get(port, "name"), "");
	CLEANUP_FREE char *number_text = xasprintf("%lld", (long long)number);
	CLEANUP_FREE char *lower = xstrdup(proto);
	CLEANUP_FREE char *url = NULL, *prefix = NULL, *port_name = env_name(name);

	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	url = xasprintf("%s://%s:%lld", lower, ip, (long long)number);
	prefix = xasprintf("%s_PORT_%lld_%s", svc, (long long)number, proto);
	if (first) {
		setf(e, number_text, "%s_SERVICE_PORT", svc);
		setf(e, url, "%s_PORT", svc);
	}
	if (*name)
		setf(e, number_text, "%s_SERVICE_PORT_%s", svc, port_name);
	setf(e, url, "%s", prefix);
	setf(e, lower, "%s_PROTO", prefix);
	setf(e, number_text, "%s_PORT", prefix);
	setf(e, ip, "%s_ADDR", prefix);
}

void env_add_services(struct env *e, const struct value *list, const char *ns, int links)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *s = value_at(list, i);
		const char *name = value_dig_str(s, "metadata", "name", NULL);
		const char *at = value_dig_str(s, "metadata", "namespace", NULL);
		const char *ip = value_dig_str(s, "spec", "clusterIP", NULL);
		const struct value *ports = value_dig(s, "spec", "ports", NULL);
		int master = str_eq(name, "kubernetes") && str_eq(at, "default");
		CLEANUP_FREE char *svc = NULL;

		if (!name || !ip || !*ip || str_eq(ip, "None"))
			continue;
		if (!master && !(links && str_eq(at, ns)))
			continue;
		svc = env_name(name);
		setf(e, ip, "%s_SERVICE_HOST", svc);
		for (size_t p = 0; p < value_count(ports); p++)
			add_port(e, svc, ip, value_at(ports, p), p == 0);
	}
}

/* -- env and envFrom -- */

static struct value *get(const struct env_source *src, const char *plural, const char *name)
{
	return src->ops->get(src->ctx, plural, pod_ns(src->st->pod), name);
}

static int optional(const struct value *ref)
{
	return value_bool(value_get(ref, "optional"), 0);
}

int secret_bytes(const struct value *encoded, struct buf *out, struct err *err)
{
	if (!base64_decode(value_str(encoded, ""), value_strlen(encoded), out))
		return err_set(err, EINVAL, "illegal base64 data");
	return 0;
}

/* The value of one key as text: ConfigMap data, or decoded Secret data. */
static int keyed_text(const struct value *data, const char *key, int secret, char **out,
		      struct err *err)
{
	const struct value *v = value_get(data, key);
	struct buf text = BUF_INIT;

	*out = NULL;
	if (!v)
		return 0;
	if (!secret) {
		*out = xstrdup(value_str(v, ""));
		return 0;
	}
	if (secret_bytes(v, &text, err)) {
		buf_fini(&text);
		return err_wrap(err, "secret key %s", key);
	}
	*out = buf_steal(&text);
	return 0;
}

/* Names may be nearly anything since Kubernetes 1.34: printable ASCII without '='. */
static int is_env_name(const char *s)
{
	if (!*s)
		return 0;
	for (; *s; s++)
		if (*s < 0x20 || *s > 0x7e || *s == '=')
			return 0;
	return 1;
}

static int add_from(const struct env_source *src, const struct value *from, int secret,
		    struct env *e, struct err *err)
{
	const struct value *ref = value_get(from, secret ? "secretRef" : "configMapRef");
	const char *name = value_str(value_get(ref, "name"), "");
	const char *prefix = value_str(value_get(from, "prefix"), "");
	CLEANUP_VALUE struct value *obj = NULL;
	const struct value *data;

	if (!ref)
		return 0;
	obj = get(src, secret ? "secrets" : "configmaps", name);
	if (!obj && optional(ref))
		return 0;
	if (!obj)
		return err_set(err, ENOENT, "%s \"%s\" not found", secret ? "secret" : "configmap",
			       name);
	data = value_get(obj, "data");
	for (size_t i = 0; i < value_count(data); i++) {
		CLEANUP_FREE char *full = xasprintf("%s%s", prefix, value_key_at(data, i));
		CLEANUP_FREE char *text = NULL;

		if (keyed_text(data, value_key_at(data, i), secret, &text, err))
			return -EINVAL;
		if (is_env_name(full))
			env_set(e, full, text);
	}
	return 0;
}

/* *out NULL and 0: optional and absent. */
static int from_key(const struct env_source *src, const struct value *ref, int secret, char **out,
		    struct err *err)
{
	const char *name = value_str(value_get(ref, "name"), "");
	const char *key = value_str(value_get(ref, "key"), "");
	CLEANUP_VALUE struct value *obj = get(src, secret ? "secrets" : "configmaps", name);

	if (!obj)
		return optional(ref) ? 0
				     : err_set(err, ENOENT, "%s \"%s\" not found",
					       secret ? "secret" : "configmap", name);
	if (keyed_text(value_get(obj, "data"), key, secret, out, err))
		return -EINVAL;
	if (!*out && !optional(ref))
		return err_set(err, ENOENT, "couldn't find key %s in %s %s/%s", key,
			       secret ? "Secret" : "ConfigMap", pod_ns(src->st->pod), name);
	return 0;
}

static int value_from(const struct env_source *src, const struct value *container,
		      const struct value *from, char **out, struct err *err)
{
	const struct value *ref;

	*out = NULL;
	if ((ref = value_get(from, "fieldRef")))
		*out = field_value(src->st, src->node, value_str(value_get(ref, "fieldPath"), ""),
				   err);
	else if ((ref = value_get(from, "resourceFieldRef")))
		*out = resource_field_value(src->st, src->node, ref, container, err);
	else if ((ref = value_get(from, "configMapKeyRef")))
		return from_key(src, ref, 0, out, err);
	else if ((ref = value_get(from, "secretKeyRef")))
		return from_key(src, ref, 1, out, err);
	else
		return err_set(err, EINVAL, "valueFrom: not served by this node");
	return *out ? 0 : -EINVAL;
}

static int add_one(const struct env_source *src, const struct value *container,
		   const struct value *var, struct env *e, struct err *err)
{
	const char *name = value_str(value_get(var, "name"), "");
	const struct value *from = value_get(var, "valueFrom");
	CLEANUP_FREE char *text = NULL;

	if (from) {
		if (value_from(src, container, from, &text, err))
			return -EINVAL;
	} else {
		text = expand_vars(value_str(value_get(var, "value"), ""), lookup, e);
	}
	if (text)
		env_set(e, name, text);
	return 0;
}

int env_of(const struct env_source *src, const struct value *container, struct env *e,
	   struct err *err)
{
	const struct value *from = value_get(container, "envFrom");
	const struct value *vars = value_get(container, "env");
	const struct value *links = value_dig(src->st->pod, "spec", "enableServiceLinks", NULL);
	CLEANUP_VALUE struct value *services = src->ops->services(src->ctx, pod_ns(src->st->pod));

	env_add_services(e, services, pod_ns(src->st->pod), value_bool(links, 1));
	for (size_t i = 0; i < value_count(from); i++)
		if (add_from(src, value_at(from, i), 0, e, err) ||
		    add_from(src, value_at(from, i), 1, e, err))
			return -EINVAL;
	for (size_t i = 0; i < value_count(vars); i++)
		if (add_one(src, container, value_at(vars, i), e, err))
			return -EINVAL;
	return 0;
}
