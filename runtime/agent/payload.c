/* SPDX-License-Identifier: MIT */
/* What configMap, secret, downwardAPI and projected volumes show. */
#include "runtime/agent/volumes.h"

#include <errno.h>

/* The source of some files: one of these, in a volume of its own or projected with others. */
struct source {
	const char *field; /* in a volume */
	const char *in_projection;
	const char *plural; /* NULL: the pod itself */
	const char *kind;   /* in messages */
	const char *name_field, *name_in_projection;
};

static const struct source sources[] = {
	{"configMap", "configMap", "configmaps", "configmap", "name", "name"},
	{"secret", "secret", "secrets", "secret", "secretName", "name"},
	{"downwardAPI", "downwardAPI", NULL, NULL, NULL, NULL},
};

static mode_t mode_of(const struct value *item, int64_t otherwise)
{
	return (mode_t)value_int(value_get(item, "mode"), otherwise) & 0777;
}

static int add_key(const struct source *s, const struct value *obj, const char *key,
		   const char *path, mode_t mode, struct payload *out, struct err *err)
{
	const struct value *text = value_dig(obj, "data", key, NULL);
	const struct value *binary = value_dig(obj, "binaryData", key, NULL);
	CLEANUP(buf_fini) struct buf data = BUF_INIT;

	if (binary || str_eq(s->plural, "secrets")) {
		if (secret_bytes(binary ? binary : text, &data, err))
			return err_wrap(err, "%s key %s", s->kind, key);
	} else {
		buf_add(&data, value_str(text, ""), value_strlen(text));
	}
	return payload_add(out, path, mode, &data, err);
}

static int add_all_keys(const struct source *s, const struct value *obj, mode_t mode,
			struct payload *out, struct err *err)
{
	static const char *const maps[] = {"data", "binaryData"};

	for (size_t m = 0; m < ARRAY_LEN(maps); m++) {
		const struct value *map = value_get(obj, maps[m]);

		for (size_t i = 0; i < value_count(map); i++) {
			const char *key = value_key_at(map, i);

			if (add_key(s, obj, key, key, mode, out, err))
				return -EINVAL;
		}
	}
	return 0;
}

static int add_items(const struct source *s, const struct value *obj, const struct value *spec,
		     mode_t mode, struct payload *out, struct err *err)
{
	const struct value *items = value_get(spec, "items");
	int optional = value_bool(value_get(spec, "optional"), 0);

	for (size_t i = 0; i < value_count(items); i++) {
		const struct value *item = value_at(items, i);
		const char *key = value_str(value_get(item, "key"), "");

		if (!value_dig(obj, "data", key, NULL) &&
		    !value_dig(obj, "binaryData", key, NULL)) {
			if (optional)
				continue;
			return err_set(err, ENOENT, "references non-existent %s key: %s",
				       str_eq(s->kind, "secret") ? "secret" : "config", key);
		}
		if (add_key(s, obj, key, value_str(value_get(item, "path"), ""),
			    mode_of(item, mode), out, err))
			return -EINVAL;
	}
	return 0;
}

static int add_object(const struct volume_ctx *ctx, const struct source *s,
		      const struct value *spec, const char *name, mode_t mode, struct payload *out,
		      struct err *err)
{
	const char *ns = pod_ns(ctx->src.st->pod);
	CLEANUP_VALUE struct value *obj = ctx->src.ops->get(ctx->src.ctx, s->plural, ns, name);

	if (!obj) {
		if (value_bool(value_get(spec, "optional"), 0))
			return 0;
		return err_set(err, ENOENT, "%s \"%s\" not found", s->kind, name);
	}
	if (value_count(value_get(spec, "items")))
		return add_items(s, obj, spec, mode, out, err);
	return add_all_keys(s, obj, mode, out, err);
}

static int add_downward(const struct volume_ctx *ctx, const struct value *spec, mode_t mode,
			struct payload *out, struct err *err)
{
	const struct value *items = value_get(spec, "items");

	for (size_t i = 0; i < value_count(items); i++) {
		const struct value *item = value_at(items, i);
		const struct value *field = value_get(item, "fieldRef");
		const struct value *resource = value_get(item, "resourceFieldRef");
		CLEANUP(buf_fini) struct buf data = BUF_INIT;
		CLEANUP_FREE char *text = NULL;

		if (field)
			text = field_value(ctx->src.st, ctx->src.node,
					   value_str(value_get(field, "fieldPath"), ""), err);
		else
			text = resource_field_value(ctx->src.st, ctx->src.node, resource, NULL,
						    err);
		if (!text)
			return -EINVAL;
		buf_adds(&data, text);
		if (payload_add(out, value_str(value_get(item, "path"), ""), mode_of(item, mode),
				&data, err))
			return -EINVAL;
	}
	return 0;
}

static int add_source(const struct volume_ctx *ctx, const struct source *s,
		      const struct value *spec, const char *name_field, mode_t mode,
		      struct payload *out, struct err *err)
{
	if (!s->plural)
		return add_downward(ctx, spec, mode, out, err);
	return add_object(ctx, s, spec, value_str(value_get(spec, name_field), ""), mode, out, err);
}

/* The user that all containers say they run as, -1: none, or several. */
static int64_t common_user(const struct value *pod)
{
	static const char *const lists[] = {"initContainers", "containers"};
	int64_t of_pod =
		value_int(value_dig(pod, "spec", "securityContext", "runAsUser", NULL), -1);
	int64_t user = -2; /* nobody was asked */

	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const struct value *list = value_dig(pod, "spec", lists[l], NULL);

		for (size_t i = 0; i < value_count(list); i++) {
			int64_t own = value_int(
				value_dig(value_at(list, i), "securityContext", "runAsUser", NULL),
				of_pod);

			if (user != -2 && own != user)
				return -1;
			user = own;
		}
	}
	return user < 0 ? -1 : user;
}

/*
 * Everybody in the pod may read it, unless it is known who must: then nobody else may.
 * Source: "Configure Service Accounts for Pods"; the kubelet's projected volumes.
 */
static int add_token(const struct volume_ctx *ctx, struct volume *v, const struct value *spec,
		     mode_t mode, struct payload *out, struct err *err)
{
	const struct buf *text = pod_tokens_get(&v->tokens, &ctx->src, spec, err);
	const struct value *pod = ctx->src.st->pod;
	int64_t user = common_user(pod);
	CLEANUP(buf_fini) struct buf copy = BUF_INIT;

	if (!text)
		return err_wrap(err, "failed to fetch token");
	buf_add(&copy, text->data, text->len);
	if (user >= 0 || pod_fs_group(pod) >= 0)
		mode = 0600;
	if (payload_add(out, value_str(value_get(spec, "path"), ""), mode, &copy, err) < 0)
		return -err->code;
	if (user >= 0)
		payload_set_owner(out, value_str(value_get(spec, "path"), ""), (uid_t)user);
	return 0;
}

static int add_projected(const struct volume_ctx *ctx, struct volume *v,
			 const struct value *projected, struct payload *out, struct err *err)
{
	const struct value *list = value_get(projected, "sources");
	mode_t mode = (mode_t)value_int(value_get(projected, "defaultMode"), 0644);

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *one = value_at(list, i);

		for (size_t k = 0; k < ARRAY_LEN(sources); k++) {
			const struct value *spec = value_get(one, sources[k].in_projection);

			if (spec && add_source(ctx, &sources[k], spec,
					       sources[k].name_in_projection, mode, out, err))
				return -EINVAL;
		}
		if (value_get(one, "serviceAccountToken") &&
		    add_token(ctx, v, value_get(one, "serviceAccountToken"), mode, out, err) < 0)
			return -EINVAL;
		if (value_get(one, "clusterTrustBundle") || value_get(one, "podCertificate"))
			return err_set(err, EOPNOTSUPP, "%s: not served by this node",
				       value_key_at(one, 0));
	}
	return 0;
}

int volume_payload(const struct volume_ctx *ctx, struct volume *v, struct payload *out,
		   struct err *err)
{
	const struct value *spec = volume_spec(ctx->src.st->pod, v->name);
	const struct value *projected = value_get(spec, "projected");

	if (projected)
		return add_projected(ctx, v, projected, out, err);
	for (size_t k = 0; k < ARRAY_LEN(sources); k++) {
		const struct value *one = value_get(spec, sources[k].field);
		mode_t mode = (mode_t)value_int(value_get(one, "defaultMode"), 0644);

		if (one)
			return add_source(ctx, &sources[k], one, sources[k].name_field, mode, out,
					  err);
	}
	return err_set(err, EINVAL, "no source");
}

/* -- who shows what -- */

static int named(const struct value *ref, const char *field, const char *name)
{
	return ref && str_eq(value_str(value_get(ref, field), NULL), name);
}

static int volume_refers(const struct value *v, const struct source *s, const char *name)
{
	const struct value *list = value_dig(v, "projected", "sources", NULL);

	if (named(value_get(v, s->field), s->name_field, name))
		return 1;
	for (size_t i = 0; i < value_count(list); i++)
		if (named(value_get(value_at(list, i), s->in_projection), s->name_in_projection,
			  name))
			return 1;
	return 0;
}

static int container_refers(const struct value *c, const char *from_field, const char *key_field,
			    const char *name)
{
	const struct value *from = value_get(c, "envFrom"), *env = value_get(c, "env");

	for (size_t i = 0; i < value_count(from); i++)
		if (named(value_get(value_at(from, i), from_field), "name", name))
			return 1;
	for (size_t i = 0; i < value_count(env); i++)
		if (named(value_dig(value_at(env, i), "valueFrom", key_field, NULL), "name", name))
			return 1;
	return 0;
}

int pod_refers_to(const struct value *pod, const char *plural, const char *name)
{
	static const char *const lists[] = {"initContainers", "containers"};
	const struct value *volumes = value_dig(pod, "spec", "volumes", NULL);
	int secret = str_eq(plural, "secrets");

	for (size_t i = 0; i < value_count(volumes); i++)
		if (volume_refers(value_at(volumes, i), &sources[secret], name))
			return 1;
	if (volume_refers(account_volume_spec(), &sources[secret], name))
		return 1;
	for (size_t l = 0; l < ARRAY_LEN(lists); l++) {
		const struct value *list = value_dig(pod, "spec", lists[l], NULL);

		for (size_t i = 0; i < value_count(list); i++)
			if (container_refers(value_at(list, i),
					     secret ? "secretRef" : "configMapRef",
					     secret ? "secretKeyRef" : "configMapKeyRef", name))
				return 1;
	}
	return 0;
}
