/* SPDX-License-Identifier: MIT */
/* The Node object and its Lease in the store. */
#include <errno.h>
#include <time.h>

#include "runtime/agent/real.h"
#include "util/log.h"

#define LEASE_SECONDS 40
#define LEASE_AGE_MS  10000u

struct node_edit {
	struct node_facts *facts; /* of the core, which outlives no edit: copied */
	char *version, *pod_cidr;
};

static void node_edit_free(void *arg)
{
	struct node_edit *e = arg;

	node_facts_free(e->facts);
	free(e->version);
	free(e->pod_cidr);
	free(e);
}

static struct value *edit_node(void *arg, struct value *taken, struct err *err)
{
	const struct node_edit *e = arg;

	return node_object(e->facts, taken, e->version, e->pod_cidr, time(NULL));
}

static struct api_request *node_request(struct agent *a, unsigned flags)
{
	struct api_request *r =
		api_request_new(API_MUTATE, kind_find("", "v1", "nodes"), "", a->node_name);
	struct node_edit *e = xcalloc(1, sizeof(*e));

	e->facts = node_facts_read(a->node_name, a->state_dir, a->core->node->max_pods);
	e->version = xstrdup(a->version);
	e->pod_cidr = xstrdup(a->pod_cidr);
	r->flags = flags;
	r->mutate = edit_node;
	r->mutate_arg = e;
	r->mutate_free = node_edit_free;
	return r;
}

static void registered(void *arg, int rc)
{
	struct agent *a = arg;

	a->core->in_flight--;
	if (rc)
		log_error("node %s: not registered: %s", a->node_name, strerrordesc_np(-rc));
}

void agent_register_node(struct agent *a)
{
	/* One transaction: what a Node is, then how it is (a creation says nothing of the status).
	 */
	a->core->in_flight++;
	agent_submit(a, node_request(a, API_UPSERT), node_request(a, API_STATUS), registered, a);
}

/* -- lease -- */

static struct value *edit_lease(void *arg, struct value *v, struct err *err)
{
	char now[32];

	api_now_micro(now);
	v = value_bury(v, value_new_string(arg), "spec", "holderIdentity", NULL);
	v = value_bury(v, NULL, "spec", "leaseDurationSeconds", NULL);
	return value_bury(v, value_new_string(now), "spec", "renewTime", NULL);
}

/* Only a Lease that is renewed on a clock says for how long it holds: one without a duration does
 * not run out, however long its node and the daemon with it sleep. */
static struct value *edit_clocked_lease(void *arg, struct value *v, struct err *err)
{
	v = edit_lease(arg, v, err);
	return value_bury(v, value_new_int(LEASE_SECONDS), "spec", "leaseDurationSeconds", NULL);
}

static void renewed(void *arg, int rc)
{
	struct agent *a = arg;

	a->core->in_flight--;
	if (rc)
		log_warn("node %s: lease not renewed: %s", a->node_name, strerrordesc_np(-rc));
}

void agent_renew_lease(struct agent *a, int force)
{
	const struct kind *k = kind_find("coordination.k8s.io", "v1", "leases");
	struct api_request *r;

	if (!k || (!force && a->lease_ms && loop_now_ms() - a->lease_ms < LEASE_AGE_MS))
		return;
	a->lease_ms = loop_now_ms();
	r = api_request_new(API_MUTATE, k, "kube-node-lease", a->node_name);
	r->flags = API_UPSERT;
	r->mutate = a->heartbeat_ms ? edit_clocked_lease : edit_lease;
	r->mutate_arg = xstrdup(a->node_name);
	r->mutate_free = free;
	a->core->in_flight++;
	agent_submit(a, r, NULL, renewed, a);
}
