/* SPDX-License-Identifier: MIT */
/* Services, ConfigMaps, Secrets, Namespaces and ServiceAccounts, as `kubectl describe` shows them.
 */
#include <inttypes.h>

#include "objects/codec.h"
#include "objects/codec/base64.h"
#include "objects/print/print_i.h"

/* -- Service -- */

static void service_port(struct page_writer *w, const struct value *p,
			 const struct value *endpoints)
{
	const char *name = text_at(p, "<unset>", "name", NULL);
	const char *protocol = text_at(p, "TCP", "protocol", NULL);
	CLEANUP(buf_fini) struct buf target = BUF_INIT, found = BUF_INIT;

	line(w, 0, "Port:\t%s\t%" PRId64 "/%s\n", name, int_at(p, 0, "port", NULL), protocol);
	add_scalar(&target, value_get(p, "targetPort"));
	line(w, 0, "TargetPort:\t%s/%s\n", buf_str(&target), protocol);
	if (int_at(p, 0, "nodePort", NULL))
		line(w, 0, "NodePort:\t%s\t%" PRId64 "/%s\n", name, int_at(p, 0, "nodePort", NULL),
		     protocol);
	add_endpoints(&found, endpoints, text_at(p, "", "name", NULL));
	line(w, 0, "Endpoints:\t%s\n", buf_str(&found));
}

static void service_addresses(struct page_writer *w, const struct value *spec)
{
	const struct value *ips = value_get(spec, "clusterIPs");
	CLEANUP(buf_fini) struct buf all = BUF_INIT, families = BUF_INIT, external = BUF_INIT;

	line(w, 0, "Type:\t%s\n", text_at(spec, "", "type", NULL));
	if (text_at(spec, NULL, "ipFamilyPolicy", NULL))
		line(w, 0, "IP Family Policy:\t%s\n", text_at(spec, "", "ipFamilyPolicy", NULL));
	add_strings(&families, value_get(spec, "ipFamilies"), ",", "<none>");
	line(w, 0, "IP Families:\t%s\n", buf_str(&families));
	line(w, 0, "IP:\t%s\n", text_at(spec, "", "clusterIP", NULL));
	add_strings(&all, ips, ",", "<none>");
	line(w, 0, "IPs:\t%s\n", buf_str(&all));
	if (value_count(value_get(spec, "externalIPs"))) {
		add_strings(&external, value_get(spec, "externalIPs"), ",", "");
		line(w, 0, "External IPs:\t%s\n", buf_str(&external));
	}
	if (text_at(spec, NULL, "externalName", NULL))
		line(w, 0, "External Name:\t%s\n", text_at(spec, "", "externalName", NULL));
}

static void service_ingress(struct page_writer *w)
{
	const struct value *list = value_dig(w->o, "status", "loadBalancer", "ingress", NULL);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	for (size_t i = 0; i < value_count(list); i++)
		buf_addf(&text, "%s%s", i ? ", " : "",
			 text_at(value_at(list, i),
				 text_at(value_at(list, i), "", "hostname", NULL), "ip", NULL));
	if (text.len)
		line(w, 0, "LoadBalancer Ingress:\t%s\n", buf_str(&text));
}

void describe_service(struct page_writer *w)
{
	const struct value *spec = value_get(w->o, "spec");
	const struct value *ports = value_get(spec, "ports");
	struct objkey key = {kind_by_gvk("v1", "Endpoints"), w->object->ns, w->object->name};
	CLEANUP_OBJECT struct object *endpoints =
		w->store && key.kind ? store_get(w->store, key) : NULL;

	describe_meta(w);
	line(w, 0, "Selector:\t");
	add_labels(&w->text, value_get(spec, "selector"));
	line(w, 0, "\n");
	service_addresses(w, spec);
	service_ingress(w);
	for (size_t i = 0; i < value_count(ports); i++)
		service_port(w, value_at(ports, i), endpoints ? endpoints->value : NULL);
	line(w, 0, "Session Affinity:\t%s\n", text_at(spec, "", "sessionAffinity", NULL));
	if (text_at(spec, NULL, "externalTrafficPolicy", NULL))
		line(w, 0, "External Traffic Policy:\t%s\n",
		     text_at(spec, "", "externalTrafficPolicy", NULL));
	if (text_at(spec, NULL, "internalTrafficPolicy", NULL))
		line(w, 0, "Internal Traffic Policy:\t%s\n",
		     text_at(spec, "", "internalTrafficPolicy", NULL));
	describe_events(w);
}

/* -- ConfigMap, Secret -- */

/* Text as it is: a tab of its must not align anything. */
static void raw_text(struct page_writer *w, const char *s)
{
	for (; *s; s++)
		if (*s == '\t')
			buf_pad(&w->text, 8);
		else
			buf_addc(&w->text, *s);
}

void describe_config_map(struct page_writer *w)
{
	const struct value *data = value_get(w->o, "data"), *binary = value_get(w->o, "binaryData");

	describe_meta(w);
	line(w, 0, "\nData\n====\n");
	for (size_t i = 0; i < members(data); i++) {
		line(w, 0, "%s:\n----\n", value_key_at(data, i));
		raw_text(w, value_str(value_at(data, i), ""));
		line(w, 0, "\n\n");
	}
	line(w, 0, "\nBinaryData\n====\n");
	for (size_t i = 0; i < members(binary); i++)
		line(w, 0, "%s: %zu bytes\n", value_key_at(binary, i),
		     base64_size(value_str(value_at(binary, i), ""),
				 value_strlen(value_at(binary, i))));
	line(w, 0, "\n");
	describe_events(w);
}

/* Sizes only: what a Secret holds is never shown. */
void describe_secret(struct page_writer *w)
{
	const struct value *data = value_get(w->o, "data");

	describe_meta(w);
	line(w, 0, "\nType:\t%s\n\nData\n====\n", text_at(w->o, "", "type", NULL));
	for (size_t i = 0; i < members(data); i++)
		line(w, 0, "%s:\t%zu bytes\n", value_key_at(data, i),
		     base64_size(value_str(value_at(data, i), ""),
				 value_strlen(value_at(data, i))));
}

/* -- Namespace, ServiceAccount -- */

static void quota_resources(struct page_writer *w, const struct value *q)
{
	const struct value *hard = value_dig(q, "status", "hard", NULL);

	line(w, 1, "Name:\t%s\n", text_at(q, "", "metadata", "name", NULL));
	line(w, 1, "Resource\tUsed\tHard\n");
	line(w, 1, "--------\t---\t---\n");
	for (size_t i = 0; i < members(hard); i++) {
		const char *key = value_key_at(hard, i);
		CLEANUP(buf_fini) struct buf used = BUF_INIT, limit = BUF_INIT;
		const struct value *v = value_get(value_dig(q, "status", "used", NULL), key);

		if (v)
			scalar_render(v, &used);
		scalar_render(value_at(hard, i), &limit);
		line(w, 1, "%s\t%s\t%s\n", key, used.len ? buf_str(&used) : "0", buf_str(&limit));
	}
}

static void namespace_quotas(struct page_writer *w)
{
	const struct kind *kind = kind_by_gvk("v1", "ResourceQuota");
	struct object_list quotas = {NULL, 0, 0};

	if (w->store && kind)
		store_list(w->store, kind, w->object->name, &quotas);
	line(w, 0, quotas.n ? "\nResource Quotas\n" : "\nNo resource quota.\n");
	for (size_t i = 0; i < quotas.n; i++) {
		line(w, 0, "%s", i ? "\n" : "");
		quota_resources(w, quotas.list[i]->value);
	}
	object_list_fini(&quotas);
}

static void limit_cell(struct page_writer *w, const struct value *item, const char *key,
		       const char *resource, const char *end)
{
	const struct value *v = value_get(value_get(item, key), resource);

	if (v)
		scalar_render(v, &w->text);
	else
		line(w, 0, "-");
	line(w, 0, "%s", end);
}

static int is_limited(const struct value *item, const char *resource)
{
	static const char *const keys[] = {"max", "min", "default", "defaultRequest",
					   "maxLimitRequestRatio"};

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (value_get(value_get(item, keys[i]), resource))
			return 1;
	return 0;
}

static void limit_item(struct page_writer *w, const struct value *item)
{
	static const char *const resources[] = {"cpu", "memory", "storage", "ephemeral-storage"};

	for (size_t i = 0; i < ARRAY_LEN(resources); i++) {
		if (!is_limited(item, resources[i]))
			continue;
		line(w, 0, " %s\t%s\t", text_at(item, "", "type", NULL), resources[i]);
		limit_cell(w, item, "min", resources[i], "\t");
		limit_cell(w, item, "max", resources[i], "\t");
		limit_cell(w, item, "defaultRequest", resources[i], "\t");
		limit_cell(w, item, "default", resources[i], "\t");
		limit_cell(w, item, "maxLimitRequestRatio", resources[i], "\n");
	}
}

static void namespace_limits(struct page_writer *w)
{
	const struct kind *kind = kind_by_gvk("v1", "LimitRange");
	struct object_list ranges = {NULL, 0, 0};

	if (w->store && kind)
		store_list(w->store, kind, w->object->name, &ranges);
	line(w, 0,
	     ranges.n ? "\nResource Limits\n Type\tResource\tMin\tMax\tDefault Request\tDefault "
			"Limit\tMax Limit/Request Ratio\n ----\t--------\t---\t---\t"
			"---------------\t-------------\t-----------------------\n"
		      : "\nNo LimitRange resource.\n");
	for (size_t i = 0; i < ranges.n; i++) {
		const struct value *items =
			value_dig(ranges.list[i]->value, "spec", "limits", NULL);

		for (size_t j = 0; j < value_count(items); j++)
			limit_item(w, value_at(items, j));
	}
	object_list_fini(&ranges);
}

void describe_namespace(struct page_writer *w)
{
	const struct value *list = value_dig(w->o, "status", "conditions", NULL);

	describe_head(w, 0);
	describe_labels(w, "Labels", value_dig(w->o, "metadata", "labels", NULL));
	describe_annotations(w, "Annotations", value_dig(w->o, "metadata", "annotations", NULL));
	line(w, 0, "Status:\t%s\n", text_at(w->o, "", "status", "phase", NULL));
	if (value_count(list))
		line(w, 0,
		     "Conditions:\n  Type\tStatus\tLastTransitionTime\tReason\tMessage\n"
		     "  ----\t------\t------------------\t------\t-------\n");
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *c = value_at(list, i);
		char date[40];

		line(w, 1, "%s\t%s\t%s\t%s\t%s\n", text_at(c, "", "type", NULL),
		     text_at(c, "", "status", NULL),
		     date_of_time(text_at(c, NULL, "lastTransitionTime", NULL), "<unset>", date),
		     text_at(c, "", "reason", NULL), text_at(c, "", "message", NULL));
	}
	namespace_quotas(w);
	namespace_limits(w);
	if (w->store) { /* kubectl leaves the events out here; a file has nowhere else to show them
			 */
		struct object_list events;

		events_of(w->store, w->object, &events);
		if (events.n) {
			line(w, 0, "\n");
			describe_events(w);
		}
		object_list_fini(&events);
	}
}

static void names_of(struct page_writer *w, const char *title, const struct value *list)
{
	line(w, 0, "%s:\t%s", title, value_count(list) ? "" : "<none>\n");
	for (size_t i = 0; i < value_count(list); i++)
		line(w, 0, "%s%s\n", i ? "\t" : "", text_at(value_at(list, i), "", "name", NULL));
}

/* Secrets of the account's tokens, by their annotation. */
static void account_tokens(struct page_writer *w)
{
	const struct kind *kind = kind_by_gvk("v1", "Secret");
	struct object_list secrets = {NULL, 0, 0};
	size_t n = 0;

	if (w->store && kind)
		store_list(w->store, kind, w->object->ns, &secrets);
	line(w, 0, "Tokens:\t");
	for (size_t i = 0; i < secrets.n; i++) {
		const struct value *s = secrets.list[i]->value;

		if (!str_eq(text_at(s, "", "type", NULL), "kubernetes.io/service-account-token") ||
		    !str_eq(object_annotation(s, "kubernetes.io/service-account.name"),
			    w->object->name))
			continue;
		line(w, 0, "%s%s\n", n++ ? "\t" : "", secrets.list[i]->name);
	}
	line(w, 0, "%s", n ? "" : "<none>\n");
	object_list_fini(&secrets);
}

void describe_service_account(struct page_writer *w)
{
	describe_meta(w);
	names_of(w, "Image pull secrets", value_get(w->o, "imagePullSecrets"));
	names_of(w, "Mountable secrets", value_get(w->o, "secrets"));
	account_tokens(w);
	describe_events(w);
}
