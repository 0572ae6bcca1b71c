/* SPDX-License-Identifier: MIT */
/* The downward API. */
#include "runtime/agent/fields.h"

#include <errno.h>

#include "objects/quantity.h"
#include "runtime/agent/qos.h"

/* As Go's %q prints a string. */
static void add_quoted(struct buf *out, const char *s)
{
	buf_addc(out, '"');
	for (; *s; s++) {
		unsigned char ch = (unsigned char)*s;

		if (ch == '"' || ch == '\\')
			buf_addf(out, "\\%c", ch);
		else if (ch == '\n')
			buf_adds(out, "\\n");
		else if (ch == '\t')
			buf_adds(out, "\\t");
		else if (ch == '\r')
			buf_adds(out, "\\r");
		else if (ch < 0x20 || ch == 0x7f)
			buf_addf(out, "\\x%02x", ch);
		else
			buf_addc(out, (char)ch);
	}
	buf_addc(out, '"');
}

static char *format_map(const struct value *map)
{
	struct buf out = BUF_INIT;

	for (size_t i = 0; i < value_count(map); i++) {
		if (i)
			buf_addc(&out, '\n');
		buf_addf(&out, "%s=", value_key_at(map, i));
		add_quoted(&out, value_str(value_at(map, i), ""));
	}
	return buf_steal(&out);
}

/* metadata.labels['key']: the key, owned; NULL when path is not of this form. */
static char *subscript(const char *path, const char *prefix)
{
	size_t n = strlen(prefix), len = strlen(path);

	if (!str_starts(path, prefix) || len < n + 4 || path[n] != '[' || path[n + 1] != '\'' ||
	    !str_ends(path, "']"))
		return NULL;
	return xstrndup(path + n + 2, len - n - 4);
}

static char *map_field(const struct pod_state *st, const char *path, const char *which)
{
	CLEANUP_FREE char *prefix = xasprintf("metadata.%s", which);
	const struct value *map = value_dig(st->pod, "metadata", which, NULL);
	CLEANUP_FREE char *key = NULL;

	if (str_eq(path, prefix))
		return format_map(map);
	key = subscript(path, prefix);
	return key ? xstrdup(value_str(value_get(map, key), "")) : NULL;
}

char *field_value(const struct pod_state *st, const struct node_facts *node, const char *path,
		  struct err *err)
{
	static const struct {
		const char *path, *outer, *inner;
	} plain[] = {
		{"metadata.name", "metadata", "name"},
		{"metadata.namespace", "metadata", "namespace"},
		{"metadata.uid", "metadata", "uid"},
		{"spec.nodeName", "spec", "nodeName"},
		{"spec.serviceAccountName", "spec", "serviceAccountName"},
	};
	char *found;

	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (str_eq(path, plain[i].path))
			return xstrdup(value_str(
				value_dig(st->pod, plain[i].outer, plain[i].inner, NULL), ""));
	if (str_eq(path, "status.podIP") || str_eq(path, "status.podIPs"))
		return xstrdup(st->ip);
	if (str_eq(path, "status.hostIP") || str_eq(path, "status.hostIPs"))
		return xstrdup(node->ip ? node->ip : "");
	found = map_field(st, path, "labels");
	if (!found)
		found = map_field(st, path, "annotations");
	if (!found)
		err_set(err, EINVAL, "unsupported fieldPath: %s", path);
	return found;
}

/* What the node has of it: the limit of whoever sets none. */
static int64_t node_amount(const struct node_facts *node, const char *resource)
{
	if (str_eq(resource, "cpu"))
		return node->cpu_millis;
	if (str_eq(resource, "memory"))
		return (int64_t)node->memory_bytes;
	if (str_eq(resource, "ephemeral-storage"))
		return (int64_t)node->disk_bytes;
	return 0;
}

static const struct value *find_container(const struct pod_state *st, const char *name)
{
	const struct ctr *c = pod_ctr(st, name);

	return c ? ctr_spec(st, c) : NULL;
}

char *resource_field_value(const struct pod_state *st, const struct node_facts *node,
			   const struct value *ref, const struct value *c, struct err *err)
{
	const char *resource = value_str(value_get(ref, "resource"), "");
	const char *name = value_str(value_get(ref, "containerName"), "");
	const char *kind = strchr(resource, '.');
	struct quantity divisor;
	int64_t amount, unit = 1;
	int cpu;

	if (*name)
		c = find_container(st, name);
	if (!c) {
		err_set(err, EINVAL, "container %s not found", name);
		return NULL;
	}
	if (!kind || (!str_starts(resource, "limits.") && !str_starts(resource, "requests."))) {
		err_set(err, EINVAL, "unsupported container resource : %s", resource);
		return NULL;
	}
	kind++;
	cpu = str_eq(kind, "cpu");
	amount = resource_of(c, str_starts(resource, "limits.") ? "limits" : "requests", kind);
	if (!amount && str_starts(resource, "limits."))
		amount = node_amount(node, kind);
	if (cpu)
		unit = 1000;
	if (value_get(ref, "divisor")) {
		if (quantity_from_value(value_get(ref, "divisor"), &divisor, err))
			return NULL;
		if (divisor.nano > 0)
			unit = cpu ? quantity_millis(&divisor) : quantity_units(&divisor);
	}
	if (unit < 1)
		unit = 1;
	return xasprintf("%lld", (long long)(amount / unit + (amount % unit > 0)));
}
