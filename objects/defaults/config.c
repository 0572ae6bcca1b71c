/* SPDX-License-Identifier: MIT */
/*
 * Defaults of configuration and policy objects that depend on other fields.
 */
#include "objects/codec/base64.h"
#include "objects/defaults/fills.h"

#define RBAC_GROUP "rbac.authorization.k8s.io"

static struct value *base64(const struct value *text)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	base64_add(value_str(text, ""), value_strlen(text), &out);
	return value_new_stringn(out.data, out.len);
}

/* stringData is for writing only: it wins over data and is never stored. */
struct value *fill_secret(struct value *taken, const struct value *root)
{
	const struct value *text = value_get(taken, "stringData"), *was = value_get(taken, "data");
	struct value *data;

	if (!value_is(text, VALUE_MAP))
		return taken;
	data = value_new_map();
	for (size_t i = 0; i < value_count(was); i++)
		data = value_map_add(data, value_key_at(was, i), strlen(value_key_at(was, i)),
				     value_ref(value_at(was, i)));
	for (size_t i = 0; i < value_count(text); i++)
		data = value_map_add(data, value_key_at(text, i), strlen(value_key_at(text, i)),
				     base64(value_at(text, i)));
	data = value_map_seal(data, NULL);
	taken = value_set(taken, "data", data);
	return value_del(taken, "stringData");
}

struct value *fill_namespace(struct value *taken, const struct value *root)
{
	static const char label[] = "kubernetes.io/metadata.name";
	const struct value *name = value_dig(taken, "metadata", "name", NULL);

	if (!value_strlen(name) ||
	    value_equal(value_dig(taken, "metadata", "labels", label, NULL), name))
		return taken;
	return value_bury(taken, value_ref(name), "metadata", "labels", label, NULL);
}

/* RoleBinding and ClusterRoleBinding. */
struct value *fill_binding(struct value *taken, const struct value *root)
{
	const struct value *ref = value_get(taken, "roleRef");

	if ((ref && !value_is(ref, VALUE_MAP)) || value_strlen(value_get(ref, "apiGroup")))
		return taken;
	return value_bury(taken, value_new_string(RBAC_GROUP), "roleRef", "apiGroup", NULL);
}

struct value *fill_subject(struct value *taken, const struct value *root)
{
	const char *kind = value_str(value_get(taken, "kind"), "");

	if (value_get(taken, "apiGroup") || (!str_eq(kind, "User") && !str_eq(kind, "Group")))
		return taken;
	return value_set_str(taken, "apiGroup", RBAC_GROUP);
}

/* taken[to][x] = taken[from][x] where only the latter is said. */
static struct value *fill_from(struct value *taken, const char *to, const char *from)
{
	struct value *fresh = fill_missing_keys(value_get(taken, to), value_get(taken, from));

	return fresh ? value_set(taken, to, fresh) : taken;
}

struct value *fill_node_spec(struct value *taken, const struct value *root)
{
	return fill_one_and_list(taken, "podCIDR", "podCIDRs", NULL);
}

/* A node offers what it has, unless it says otherwise. */
struct value *fill_node_status(struct value *taken, const struct value *root)
{
	const struct value *capacity = value_get(taken, "capacity");

	if (!value_count(capacity) || value_get(taken, "allocatable"))
		return taken;
	return value_set(taken, "allocatable", value_ref(capacity));
}

struct value *fill_limit_range_item(struct value *taken, const struct value *root)
{
	if (!str_eq(value_str(value_get(taken, "type"), ""), "Container"))
		return taken;
	taken = fill_from(taken, "default", "max");
	taken = fill_from(taken, "defaultRequest", "default");
	return fill_from(taken, "defaultRequest", "min");
}

struct value *fill_network_policy_spec(struct value *taken, const struct value *root)
{
	struct value *types;

	if (value_get(taken, "policyTypes"))
		return taken;
	types = value_append(value_new_list(), value_new_string("Ingress"));
	if (value_count(value_get(taken, "egress")))
		types = value_append(types, value_new_string("Egress"));
	return value_set(taken, "policyTypes", types);
}

/* What a CustomResourceDefinition calls its objects. */
struct value *fill_custom_names(struct value *taken, const struct value *root)
{
	const char *kind = value_str(value_get(taken, "kind"), "");
	CLEANUP_FREE char *low = xstrdup(kind);
	struct value *list = value_new_stringf("%sList", kind);

	for (char *p = low; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	if (!*low) {
		value_unref(list);
		return taken;
	}
	taken = fill_absent_field(taken, "listKind", list);
	return fill_absent_field(taken, "singular", value_new_string(low));
}
