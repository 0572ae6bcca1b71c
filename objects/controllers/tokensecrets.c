/* SPDX-License-Identifier: MIT */
/*
 * Secrets of the type kubernetes.io/service-account-token: filled with a token of the account that
 * their annotation names, the cluster's certificate and the namespace; gone with that account.
 * Source: Kubernetes "Managing Service Accounts", token controller; pkg/controller/serviceaccount
 * (tokens_controller.go).
 *
 * An account that has none gets one (<account>-token-xxxxx), for whoever is no pod and has to show
 * who he is. Kubernetes leaves that to the account's owner since 1.24 (KEP-2799), because the token
 * does not expire: who may read a namespace's Secrets may act as its accounts. A Namespace with the
 * annotation k8sfs.io/token-secrets: "false" is kept so. `secrets` of the account is its owner's
 * alone (it says what pods may mount), as it is in Kubernetes since then.
 */
#include "objects/controllers/controller.h"
#include "objects/controllers/facts.h"

#include "objects/codec/base64.h"

#define TYPE   "kubernetes.io/service-account-token"
#define NAME   "kubernetes.io/service-account.name"
#define UID    "kubernetes.io/service-account.uid"
#define WANTED "k8sfs.io/token-secrets"

static int is_token(const struct object *o)
{
	return is_kind(o, K_SECRET) && str_eq(STR_AT(o->value, "type"), TYPE);
}

static struct objkey account_of(const struct object *secret)
{
	const char *name = object_annotation(secret->value, NAME);

	return (struct objkey){known_kind(K_SERVICEACCOUNT), secret->ns, name ? name : ""};
}

static void enqueue_accounts(struct controller *c, const char *ns)
{
	struct object_list all;

	store_list(controller_store(c), known_kind(K_SERVICEACCOUNT), ns, &all);
	for (size_t i = 0; i < all.n; i++)
		controller_enqueue(c, object_key(all.list[i]));
	object_list_fini(&all);
}

static void observe(struct controller *c, const struct change *ch)
{
	if (is_token(ch->now))
		controller_enqueue(c, ch->type == CHANGE_DELETED ? account_of(ch->now)
								 : object_key(ch->now));
	else if (is_kind(ch->now, K_SERVICEACCOUNT) && ch->type != CHANGE_MODIFIED)
		controller_enqueue(c, object_key(ch->now));
	else if (is_kind(ch->now, K_NAMESPACE) && ch->type == CHANGE_MODIFIED &&
		 !str_eq(object_annotation(ch->now->value, WANTED),
			 object_annotation(ch->old->value, WANTED)))
		enqueue_accounts(c, ch->now->name);
}

/* -- a Secret -- */

static int certificate(struct controller *c, struct buf *out)
{
	return store_record_read(controller_store(c), ROOT_CA_SPACE, ROOT_CA_ID, out, NULL);
}

static struct value *base64_of(const void *data, size_t len)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	base64_add(data, len, &text);
	return value_new_stringn(text.data, text.len);
}

/* NULL with err. */
static struct value *filled(struct controller *c, const struct object *secret,
			    const struct object *account, struct err *err)
{
	CLEANUP(buf_fini) struct buf ca = BUF_INIT, token = BUF_INIT;
	CLEANUP_VALUE struct value *v = value_ref(secret->value);

	v = value_bury(STEAL(v), value_new_string(account->uid), "metadata", "annotations", UID,
		       NULL);
	v = value_bury(STEAL(v), base64_of(secret->ns, strlen(secret->ns)), "data", "namespace",
		       NULL);
	if (certificate(c, &ca) == 0)
		v = value_bury(STEAL(v), base64_of(ca.data, ca.len), "data", "ca.crt", NULL);
	if (!value_strlen(value_dig(v, "data", "token", NULL))) {
		if (controller_secret_token(c, secret->value, &token, err) < 0)
			return NULL;
		v = value_bury(STEAL(v), base64_of(token.data, token.len), "data", "token", NULL);
	}
	return STEAL(v);
}

static int is_of(const struct object *secret, const struct object *account)
{
	const char *uid = object_annotation(secret->value, UID);

	return !uid || !*uid || str_eq(uid, account->uid);
}

static int sync_secret(struct controller *c, const struct object *secret, struct plan *plan,
		       struct err *err)
{
	CLEANUP_OBJECT struct object *account = store_get(controller_store(c), account_of(secret));
	struct value *v;

	if (!account || !is_of(secret, account)) {
		plan_delete(plan, secret);
		return 0;
	}
	v = filled(c, secret, account, err);
	if (!v)
		return -err->code;
	plan_update(plan, secret, v);
	return 0;
}

/* -- an account -- */

static int wants_secrets(struct controller *c, const char *ns)
{
	CLEANUP_OBJECT struct object *o =
		store_get(controller_store(c), (struct objkey){known_kind(K_NAMESPACE), "", ns});

	return o && !object_deleting(o->value) &&
	       !str_eq(object_annotation(o->value, WANTED), "false");
}

static void create(struct plan *plan, const struct object *account)
{
	struct value *v = value_set_str(value_new_map(), "apiVersion", "v1");

	v = value_set_str(v, "kind", "Secret");
	v = value_set_str(v, "type", TYPE);
	v = value_bury(v, value_new_stringf("%s-token-", account->name), "metadata", "generateName",
		       NULL);
	v = value_bury(v, value_new_string(account->name), "metadata", "annotations", NAME, NULL);
	v = value_bury(v, value_new_string(account->uid), "metadata", "annotations", UID, NULL);
	plan_create(plan, known_kind(K_SECRET), account->ns, v);
}

/* Those of an account that is gone go, too; one that is there and shall have one gets it. */
static void sync_account(struct controller *c, struct objkey key, struct plan *plan)
{
	CLEANUP_OBJECT struct object *account = store_get(controller_store(c), key);
	struct object_list all;
	size_t n = 0;

	store_list(controller_store(c), known_kind(K_SECRET), key.ns, &all);
	for (size_t i = 0; i < all.n; i++) {
		const struct object *o = all.list[i];

		if (!is_token(o) || !str_eq(object_annotation(o->value, NAME), key.name))
			continue;
		if (account && is_of(o, account))
			n++;
		else if (!object_deleting(o->value))
			plan_delete(plan, o);
	}
	object_list_fini(&all);
	if (account && !n && !object_deleting(account->value) && wants_secrets(c, key.ns))
		create(plan, account);
}

static int sync(struct controller *c, struct objkey key, struct plan *plan, struct err *err)
{
	CLEANUP_OBJECT struct object *secret = NULL;

	if (!controller_makes_tokens(c))
		return 0;
	if (key.kind == known_kind(K_SERVICEACCOUNT)) {
		sync_account(c, key, plan);
		return 0;
	}
	secret = store_get(controller_store(c), key);
	if (!secret || object_deleting(secret->value))
		return 0;
	return sync_secret(c, secret, plan, err);
}

const struct controller_class token_secrets_controller = {
	.name = "service-account-token-controller",
	.observe = observe,
	.sync = sync,
};
