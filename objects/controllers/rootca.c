/* SPDX-License-Identifier: MIT */
/*
 * Every namespace has a ConfigMap kube-root-ca.crt with the certificate of the cluster's
 * authority, which pods mount; it is put back when somebody changes or removes it.
 * Source: pkg/controller/certificates/rootcacertpublisher.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"

#define NAME "kube-root-ca.crt"

struct state {
	struct buf certificate; /* empty: there is none, nothing is published */
};

static void init(struct controller *c)
{
	struct state *s = controller_state(c);

	if (store_record_read(controller_store(c), ROOT_CA_SPACE, ROOT_CA_ID, &s->certificate,
			      NULL) < 0)
		buf_fini(&s->certificate);
}

static void fini(struct controller *c)
{
	struct state *s = controller_state(c);

	buf_fini(&s->certificate);
}

static void observe(struct controller *c, const struct change *ch)
{
	if (is_kind(ch->now, K_NAMESPACE) && ch->type != CHANGE_DELETED)
		controller_enqueue(c, object_key(ch->now));
	else if (is_kind(ch->now, K_CONFIGMAP) && str_eq(ch->now->name, NAME))
		controller_enqueue(c, (struct objkey){known_kind(K_NAMESPACE), "", ch->now->ns});
}

static struct value *with_certificate(struct value *taken, const struct state *s)
{
	return value_set(taken, "data",
			 value_set(value_new_map(), "ca.crt",
				   value_new_stringn(s->certificate.data, s->certificate.len)));
}

static void create(struct plan *plan, const char *ns, const struct state *s)
{
	struct value *annotations = value_set_str(
		value_new_map(), "kubernetes.io/description",
		"Contains a CA bundle that can be used to verify the kube-apiserver when using "
		"internal endpoints such as the internal service IP or kubernetes.default.svc. No "
		"other usage is guaranteed across distributions of Kubernetes clusters.");
	struct value *v = value_set_str(value_new_map(), "apiVersion", "v1");

	v = value_set_str(v, "kind", "ConfigMap");
	v = value_set(v, "metadata",
		      value_set(value_set_str(value_new_map(), "name", NAME), "annotations",
				annotations));
	plan_create(plan, known_kind(K_CONFIGMAP), ns, with_certificate(v, s));
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	const struct state *s = controller_state(c);
	CLEANUP_OBJECT struct object *ns = store_get(controller_store(c), key);
	CLEANUP_OBJECT struct object *there = NULL;
	CLEANUP_VALUE struct value *wanted = NULL;

	if (!ns || object_deleting(ns->value) || !s->certificate.len)
		return 0;
	there = store_get(controller_store(c),
			  (struct objkey){known_kind(K_CONFIGMAP), ns->name, NAME});
	if (!there) {
		create(plan, ns->name, s);
		return 0;
	}
	wanted = with_certificate(value_ref(there->value), s);
	if (!value_equal(wanted, there->value))
		plan_update(plan, there, value_ref(wanted));
	return 0;
}

const struct controller_class root_ca_controller = {
	.name = "root-ca-certificate-publisher",
	.state_size = sizeof(struct state),
	.init = init,
	.fini = fini,
	.observe = observe,
	.sync = sync,
};
