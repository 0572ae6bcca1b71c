/* SPDX-License-Identifier: MIT */
/* Nodes, as `kubectl describe` shows them: with the pods that they carry and what those ask for. */
#include <inttypes.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/print/columns.h"
#include "objects/print/print_i.h"
#include "objects/quantity.h"

enum side { REQUESTS, LIMITS };
static const char *const side_keys[] = {"requests", "limits"};

static void add_to(struct quantity *sum, const struct value *v)
{
	struct quantity q;

	if (v && quantity_from_value(v, &q, NULL) == 0) {
		sum->nano += q.nano;
		sum->format = q.format;
	}
}

/*
 * What a pod asks for: its containers together with those init containers that
 * stay, or the largest of the others with those that stay before it; and the overhead.
 */
static struct quantity pod_resource(const struct value *pod, const char *name, enum side side)
{
	const struct value *spec = value_get(pod, "spec");
	const struct value *list = value_get(spec, "containers"),
			   *inits = value_get(spec, "initContainers");
	struct quantity sum = {0, 0}, stay = {0, 0}, peak = {0, 0};

	for (size_t i = 0; i < value_count(inits); i++) {
		const struct value *c = value_at(inits, i);
		const struct value *v = value_dig(c, "resources", side_keys[side], name, NULL);
		struct quantity with = stay;

		if (str_eq(text_at(c, "", "restartPolicy", NULL), "Always"))
			add_to(&stay, v);
		add_to(&with, v);
		if (quantity_cmp(&with, &peak) > 0)
			peak = with;
	}
	sum = stay;
	for (size_t i = 0; i < value_count(list); i++)
		add_to(&sum,
		       value_dig(value_at(list, i), "resources", side_keys[side], name, NULL));
	if (quantity_cmp(&peak, &sum) > 0)
		sum = peak;
	add_to(&sum, value_dig(spec, "overhead", name, NULL));
	return sum;
}

/* "100m (2%)" */
static void add_share(struct page_writer *w, const struct quantity *q, const char *name)
{
	const struct value *v = value_dig(w->o, "status", "allocatable", name, NULL);
	struct quantity of = {0, 0};
	int64_t percent = 0;
	char text[64];

	add_to(&of, v);
	if (of.nano > 0)
		percent = (int64_t)(q->nano * 100 / of.nano);
	buf_addf(&w->text, "%s (%" PRId64 "%%)", quantity_render(q, text), percent);
}

static int is_on(const struct value *pod, const char *node)
{
	const char *phase = text_at(pod, "", "status", "phase", NULL);

	return str_eq(text_at(pod, "", "spec", "nodeName", NULL), node) &&
	       !str_eq(phase, "Succeeded") && !str_eq(phase, "Failed");
}

static void pods_on(struct page_writer *w, struct object_list *out)
{
	const struct kind *kind = kind_by_gvk("v1", "Pod");
	size_t n = 0;

	*out = (struct object_list){NULL, 0, 0};
	if (!w->store || !kind)
		return;
	store_list(w->store, kind, NULL, out);
	for (size_t i = 0; i < out->n; i++) {
		if (is_on(out->list[i]->value, w->object->name))
			out->list[n++] = out->list[i];
		else
			object_unref(out->list[i]);
	}
	out->n = n;
}

static void node_pods(struct page_writer *w, const struct object_list *pods)
{
	static const struct {
		const char *name;
		enum side side;
	} cells[] = {{"cpu", REQUESTS}, {"cpu", LIMITS}, {"memory", REQUESTS}, {"memory", LIMITS}};
	char age[16];

	line(w, 0, "Non-terminated Pods:\t(%zu in total)\n", pods->n);
	line(w, 1,
	     "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge\n");
	line(w, 1,
	     "---------\t----\t\t------------\t----------\t---------------\t-------------\t---\n");
	for (size_t i = 0; i < pods->n; i++) {
		line(w, 1, "%s\t%s\t\t", pods->list[i]->ns, pods->list[i]->name);
		for (size_t j = 0; j < ARRAY_LEN(cells); j++) {
			struct quantity q =
				pod_resource(pods->list[i]->value, cells[j].name, cells[j].side);

			add_share(w, &q, cells[j].name);
			line(w, 0, "\t");
		}
		line(w, 0, "%s\n",
		     age_since(text_at(pods->list[i]->value, NULL, "metadata", "creationTimestamp",
				       NULL),
			       age));
	}
}

static void node_sums(struct page_writer *w, const struct object_list *pods)
{
	static const char *const always[] = {"cpu", "memory", "ephemeral-storage"};

	line(w, 0,
	     "Allocated resources:\n"
	     "  (Total limits may be over 100 percent, i.e., overcommitted.)\n"
	     "  Resource\tRequests\tLimits\n  --------\t--------\t------\n");
	for (size_t i = 0; i < ARRAY_LEN(always); i++) {
		line(w, 1, "%s", always[i]);
		for (int side = REQUESTS; side <= LIMITS; side++) {
			struct quantity sum = {0, 0};

			for (size_t j = 0; j < pods->n; j++) {
				struct quantity q = pod_resource(pods->list[j]->value, always[i],
								 (enum side)side);

				sum.nano += q.nano;
				if (q.nano)
					sum.format = q.format;
			}
			line(w, 0, "\t");
			add_share(w, &sum, always[i]);
		}
		line(w, 0, "\n");
	}
}

static void node_taints(struct page_writer *w)
{
	const struct value *taints = value_dig(w->o, "spec", "taints", NULL);

	line(w, 0, "Taints:\t%s", value_count(taints) ? "" : "<none>\n");
	for (size_t i = 0; i < value_count(taints); i++) {
		const struct value *t = value_at(taints, i);
		const char *value = text_at(t, "", "value", NULL);

		line(w, 0, "%s%s%s%s:%s\n", i ? "\t" : "", text_at(t, "", "key", NULL),
		     *value ? "=" : "", value, text_at(t, "", "effect", NULL));
	}
}

static void node_lease(struct page_writer *w)
{
	struct objkey key = {kind_by_gvk("coordination.k8s.io/v1", "Lease"), "kube-node-lease",
			     w->object->name};
	CLEANUP_OBJECT struct object *lease =
		w->store && key.kind ? store_get(w->store, key) : NULL;
	const struct value *spec = lease ? value_get(lease->value, "spec") : NULL;
	char date[40];

	line(w, 0, "Lease:\n");
	if (!lease) {
		line(w, 1,
		     "HolderIdentity:\t<unset>\n  AcquireTime:\t<unset>\n  RenewTime:\t<unset>\n");
		return;
	}
	line(w, 1, "HolderIdentity:\t%s\n", text_at(spec, "<unset>", "holderIdentity", NULL));
	line(w, 1, "AcquireTime:\t%s\n",
	     date_of_time(text_at(spec, NULL, "acquireTime", NULL), "<unset>", date));
	line(w, 1, "RenewTime:\t%s\n",
	     date_of_time(text_at(spec, NULL, "renewTime", NULL), "<unset>", date));
}

static void node_conditions(struct page_writer *w)
{
	const struct value *list = value_dig(w->o, "status", "conditions", NULL);

	if (value_count(list))
		line(w, 0,
		     "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\t"
		     "Message\n  ----\t------\t-----------------\t------------------\t------\t"
		     "-------\n");
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *c = value_at(list, i);
		char heartbeat[40], transition[40];

		line(w, 1, "%s \t%s \t%s \t%s \t%s \t%s\n", text_at(c, "", "type", NULL),
		     text_at(c, "", "status", NULL),
		     date_of_time(text_at(c, NULL, "lastHeartbeatTime", NULL), "<unset>",
				  heartbeat),
		     date_of_time(text_at(c, NULL, "lastTransitionTime", NULL), "<unset>",
				  transition),
		     text_at(c, "", "reason", NULL), text_at(c, "", "message", NULL));
	}
}

static void node_resources(struct page_writer *w, const char *title, const struct value *map)
{
	if (members(map))
		line(w, 0, "%s:\n", title);
	for (size_t i = 0; i < members(map); i++) {
		CLEANUP(buf_fini) struct buf text = BUF_INIT;

		scalar_render(value_at(map, i), &text);
		line(w, 1, "%s:\t%s\n", value_key_at(map, i), buf_str(&text));
	}
}

static void node_info(struct page_writer *w)
{
	static const char *const rows[][2] = {
		{"Machine ID", "machineID"},
		{"System UUID", "systemUUID"},
		{"Boot ID", "bootID"},
		{"Kernel Version", "kernelVersion"},
		{"OS Image", "osImage"},
		{"Operating System", "operatingSystem"},
		{"Architecture", "architecture"},
		{"Container Runtime Version", "containerRuntimeVersion"},
		{"Kubelet Version", "kubeletVersion"},
		{"Kube-Proxy Version", "kubeProxyVersion"},
	};
	const struct value *cidrs = value_dig(w->o, "spec", "podCIDRs", NULL);

	line(w, 0, "System Info:\n");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		line(w, 1, "%s:\t%s\n", rows[i][0],
		     text_at(w->o, "", "status", "nodeInfo", rows[i][1], NULL));
	if (text_at(w->o, NULL, "spec", "podCIDR", NULL))
		line(w, 0, "PodCIDR:\t%s\n", text_at(w->o, "", "spec", "podCIDR", NULL));
	if (value_count(cidrs)) {
		line(w, 0, "PodCIDRs:\t");
		add_strings(&w->text, cidrs, ",", "");
		line(w, 0, "\n");
	}
	if (text_at(w->o, NULL, "spec", "providerID", NULL))
		line(w, 0, "ProviderID:\t%s\n", text_at(w->o, "", "spec", "providerID", NULL));
}

void describe_node(struct page_writer *w)
{
	const struct value *addresses = value_dig(w->o, "status", "addresses", NULL);
	struct object_list pods;
	char date[40];

	describe_head(w, 0);
	line(w, 0, "Roles:\t");
	column_node_roles(w->o, &w->text);
	line(w, 0, "\n");
	describe_labels(w, "Labels", value_dig(w->o, "metadata", "labels", NULL));
	describe_annotations(w, "Annotations", value_dig(w->o, "metadata", "annotations", NULL));
	line(w, 0, "CreationTimestamp:\t%s\n",
	     date_of_time(text_at(w->o, NULL, "metadata", "creationTimestamp", NULL), "", date));
	node_taints(w);
	line(w, 0, "Unschedulable:\t%s\n",
	     value_bool(value_dig(w->o, "spec", "unschedulable", NULL), 0) ? "true" : "false");
	node_lease(w);
	node_conditions(w);
	if (value_count(addresses))
		line(w, 0, "Addresses:\n");
	for (size_t i = 0; i < value_count(addresses); i++)
		line(w, 1, "%s:\t%s\n", text_at(value_at(addresses, i), "", "type", NULL),
		     text_at(value_at(addresses, i), "", "address", NULL));
	node_resources(w, "Capacity", value_dig(w->o, "status", "capacity", NULL));
	node_resources(w, "Allocatable", value_dig(w->o, "status", "allocatable", NULL));
	node_info(w);
	pods_on(w, &pods);
	node_pods(w, &pods);
	node_sums(w, &pods);
	object_list_fini(&pods);
	describe_events(w);
}
