/* SPDX-License-Identifier: MIT */
/* See tokens.h. Source of claims and texts: Kubernetes pkg/serviceaccount (claims.go, jwt.go). */
#include "auth/tokens/tokens.h"

#include <errno.h>
#include <time.h>

#include "auth/tokens/keys.h"
#include "objects/api.h"
#include "objects/codec.h"
#include "objects/codec/base64.h"
#include "objects/object.h"

#define ALGORITHM "ES256"

struct tokens {
	struct signing_keys *keys;
	struct store *store;
};

struct tokens *tokens_open(const char *key_path, struct store *store, struct err *err)
{
	struct signing_keys *keys = signing_keys_open(key_path, err);
	struct tokens *t = keys ? xcalloc(1, sizeof(*t)) : NULL;

	if (t)
		*t = (struct tokens){keys, store};
	return t;
}

void tokens_free(struct tokens *t)
{
	if (t)
		signing_keys_free(t->keys);
	free(t);
}

/* -- the objects that a token speaks of -- */

/* What a token may be bound to; `claim` is its member of "kubernetes.io". */
static const struct bound {
	const char *kind, *plural, *claim;
	int namespaced;
} bounds[] = {
	{"Pod", "pods", "pod", 1},
	{"Secret", "secrets", "secret", 1},
	{"Node", "nodes", "node", 0},
};

static struct object *find(struct tokens *t, const char *plural, const char *ns, const char *name)
{
	const struct kind *k = kind_find("", "v1", plural);

	return k && name ? store_get(t->store, (struct objkey){k, ns, name}) : NULL;
}

static struct value *name_and_uid(const char *name, const char *uid)
{
	struct value *v = value_set_str(value_new_map(), "name", name);

	return uid ? value_set_str(v, "uid", uid) : v;
}

/* -- issuing -- */

static struct value *list_of_issuer(void)
{
	return value_append(value_new_list(), value_new_string(TOKEN_ISSUER));
}

/* The pod's node, so that whoever reviews a pod's token knows where it runs. */
static struct value *with_node(struct tokens *t, struct value *claims, const struct object *pod)
{
	const char *name = value_dig_str(pod->value, "spec", "nodeName", NULL);
	CLEANUP_OBJECT struct object *node = find(t, "nodes", "", name);

	return node ? value_set(claims, "node", name_and_uid(name, node->uid)) : claims;
}

static struct value *bind(struct tokens *t, struct value *claims, const struct token_request *r,
			  struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		const struct bound *b = &bounds[i];
		CLEANUP_OBJECT struct object *o = NULL;

		if (!str_eq(b->kind, r->bound_kind))
			continue;
		o = find(t, b->plural, b->namespaced ? r->ns : "", r->bound_name);
		if (!o) {
			err_set(err, ENOENT, "%s \"%s\" not found", b->plural, r->bound_name);
		} else if (r->bound_uid && !str_eq(r->bound_uid, o->uid)) {
			err_set(err, EBUSY,
				"the UID in the bound object reference (%s) does not match the UID "
				"in record (%s)",
				r->bound_uid, o->uid);
		} else {
			claims = value_set(claims, b->claim, name_and_uid(o->name, o->uid));
			return str_eq(b->kind, "Pod") ? with_node(t, claims, o) : claims;
		}
		value_unref(claims);
		return NULL;
	}
	err_set(err, EINVAL, "cannot bind token to object of kind %s", r->bound_kind);
	value_unref(claims);
	return NULL;
}

/* The private claim "kubernetes.io". */
static struct value *private_claims(struct tokens *t, const struct token_request *r,
				    struct err *err)
{
	CLEANUP_OBJECT struct object *account = find(t, "serviceaccounts", r->ns, r->account);
	struct value *v;

	if (!account) {
		err_set(err, ENOENT, "serviceaccounts \"%s\" not found", r->account);
		return NULL;
	}
	v = value_set_str(value_new_map(), "namespace", r->ns);
	v = value_set(v, "serviceaccount", name_and_uid(account->name, account->uid));
	return r->bound_kind ? bind(t, v, r, err) : v;
}

static void add_part(struct buf *out, struct value *taken)
{
	CLEANUP(buf_fini) struct buf json = BUF_INIT;

	json_render(taken, &json);
	value_unref(taken);
	base64url_add(out, json.data, json.len);
}

int tokens_issue(struct tokens *t, const struct token_request *r, struct buf *out,
		 int64_t *expires_out, struct err *err)
{
	CLEANUP(buf_fini) struct buf token = BUF_INIT;
	struct value *private = private_claims(t, r, err), *head, *claims;
	int64_t now = time(NULL), expires = now + r->seconds;
	uint8_t signature[SIGNATURE_BYTES];
	CLEANUP_FREE char *subject = NULL;
	char id[37];

	if (!private)
		return -err->code;
	api_uuid(id);
	subject = xasprintf("system:serviceaccount:%s:%s", r->ns, r->account);
	head = value_set_str(value_new_map(), "alg", ALGORITHM);
	head = value_set_str(head, "kid", signing_keys_id(t->keys));
	claims = value_set(value_new_map(), "kubernetes.io", private);
	claims = value_set(claims, "aud",
			   value_count(r->audiences) ? value_ref(r->audiences) : list_of_issuer());
	if (r->seconds || !str_eq(r->bound_kind, "Secret"))
		claims = value_set_int(claims, "exp", expires);
	claims = value_set_int(claims, "iat", now);
	claims = value_set_int(claims, "nbf", now);
	claims = value_set_str(claims, "iss", TOKEN_ISSUER);
	claims = value_set_str(claims, "jti", id);
	claims = value_set_str(claims, "sub", subject);
	add_part(&token, head);
	buf_addc(&token, '.');
	add_part(&token, claims);
	signing_keys_sign(t->keys, token.data, token.len, signature);
	buf_addc(&token, '.');
	base64url_add(&token, signature, sizeof(signature));
	buf_add(out, token.data, token.len);
	if (expires_out)
		*expires_out = expires;
	return 0;
}

/* -- reading -- */

static struct value *refuse(struct value *taken, struct err *err, const char *why)
{
	value_unref(taken);
	err_set(err, EACCES, "invalid bearer token, %s", why);
	return NULL;
}

static struct value *part(const char *text, size_t len)
{
	CLEANUP(buf_fini) struct buf json = BUF_INIT;
	struct err ignored = ERR_INIT;
	struct value *v = NULL;

	if (base64url_decode(text, len, &json) == 0)
		v = json_parse(buf_str(&json), json.len, &ignored);
	if (v && !value_is(v, VALUE_MAP)) {
		value_unref(v);
		v = NULL;
	}
	return v;
}

/* What was signed, and by us: the claims. Nothing of them is looked at before that is known. */
static struct value *verified_claims(struct tokens *t, const char *token, size_t len,
				     struct err *err)
{
	const char *end = token + len;
	const char *first = len <= TOKEN_MAX_BYTES ? memchr(token, '.', len) : NULL;
	const char *second = first ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;
	CLEANUP(buf_fini) struct buf signature = BUF_INIT;
	CLEANUP_VALUE struct value *head = NULL;
	struct value *claims;

	if (!second)
		return refuse(NULL, err, "not a JWT");
	head = part(token, (size_t)(first - token));
	/* The algorithm is ours to choose, never the token's: RFC 8725 3.1. */
	if (!head || !str_eq(value_dig_str(head, "alg", NULL), ALGORITHM) ||
	    base64url_decode(second + 1, (size_t)(end - second - 1), &signature) < 0 ||
	    signature.len != SIGNATURE_BYTES ||
	    !signing_keys_verify(t->keys, value_dig_str(head, "kid", NULL), token,
				 (size_t)(second - token), (const uint8_t *)signature.data))
		return refuse(NULL, err, "its signature is not ours");
	claims = part(first + 1, (size_t)(second - first - 1));
	return claims ? claims : refuse(NULL, err, "its claims cannot be read");
}

static int has_string(const struct value *list, const char *want)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), NULL), want))
			return 1;
	return 0;
}

/* Those that both have; NULL: none. */
static struct value *common(const struct value *of_token, const struct value *wanted)
{
	struct value *v = NULL;

	for (size_t i = 0; i < value_count(wanted); i++)
		if (has_string(of_token, value_str(value_at(wanted, i), NULL)))
			v = value_append(v ? v : value_new_list(), value_ref(value_at(wanted, i)));
	return v;
}

/* Still the same one? What is being deleted counts for as long as it is there. */
static int is_there(struct tokens *t, const char *plural, const char *ns, const struct value *claim)
{
	CLEANUP_OBJECT struct object *o = find(t, plural, ns, value_dig_str(claim, "name", NULL));

	return o && str_eq(o->uid, value_dig_str(claim, "uid", NULL));
}

/*
 * Tokens without an end are those of Secrets: worth something while it is there that is presented.
 * Whoever empties the Secret has revoked it.
 */
static int is_the_secrets(struct tokens *t, const char *ns, const struct value *claim,
			  const char *token, size_t len)
{
	CLEANUP_OBJECT struct object *o =
		find(t, "secrets", ns, value_dig_str(claim, "name", NULL));
	const struct value *stored = o ? value_dig(o->value, "data", "token", NULL) : NULL;
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	return base64_decode(value_str(stored, ""), value_strlen(stored), &text) &&
	       text.len == len && memcmp(text.data, token, len) == 0;
}

static const char *what_is_wrong(struct tokens *t, const struct value *claims, const char *token,
				 size_t len)
{
	const struct value *own = value_get(claims, "kubernetes.io");
	const char *ns = value_dig_str(own, "namespace", NULL);
	int64_t now = time(NULL);

	if (!str_eq(value_dig_str(claims, "iss", NULL), TOKEN_ISSUER) || !ns)
		return "token is from another issuer";
	if (!value_get(claims, "exp")) {
		if (!is_the_secrets(t, ns, value_get(own, "secret"), token, len))
			return "token is not the one in its secret";
	} else if (now >= value_int(value_get(claims, "exp"), 0)) {
		return "token has expired";
	}
	if (now < value_int(value_get(claims, "nbf"), INT64_MAX))
		return "token is not valid yet";
	if (!is_there(t, "serviceaccounts", ns, value_get(own, "serviceaccount")))
		return "service account has been deleted";
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++) {
		const struct value *claim = value_get(own, bounds[i].claim);

		/* A pod's token also names its node, which it is not bound to. */
		if (!claim || (!bounds[i].namespaced && value_get(own, "pod")))
			continue;
		if (!is_there(t, bounds[i].plural, bounds[i].namespaced ? ns : "", claim))
			return "the object that it is bound to has been deleted";
	}
	return NULL;
}

static struct value *one(const char *text)
{
	return value_append(value_new_list(), value_new_string(text));
}

/* extra: what the token was bound to, under the keys of Kubernetes. */
static struct value *extra_of(const struct value *claims)
{
	static const struct {
		const char *claim, *member, *key;
	} all[] = {
		{"pod", "name", "authentication.kubernetes.io/pod-name"},
		{"pod", "uid", "authentication.kubernetes.io/pod-uid"},
		{"node", "name", "authentication.kubernetes.io/node-name"},
		{"node", "uid", "authentication.kubernetes.io/node-uid"},
	};
	CLEANUP_FREE char *id = xasprintf("JTI=%s", value_str(value_get(claims, "jti"), ""));
	struct value *v =
		value_set(value_new_map(), "authentication.kubernetes.io/credential-id", one(id));

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const char *text =
			value_dig_str(claims, "kubernetes.io", all[i].claim, all[i].member, NULL);

		if (text)
			v = value_set(v, all[i].key, one(text));
	}
	return v;
}

static struct value *user_of(const struct value *claims)
{
	const char *ns = value_dig_str(claims, "kubernetes.io", "namespace", NULL);
	CLEANUP_FREE char *of_namespace = xasprintf("system:serviceaccounts:%s", ns);
	struct value *groups = one("system:serviceaccounts"), *v;

	groups = value_append(groups, value_new_string(of_namespace));
	groups = value_append(groups, value_new_string("system:authenticated"));
	v = value_set_str(value_new_map(), "username", value_dig_str(claims, "sub", NULL));
	v = value_set_str(v, "uid",
			  value_dig_str(claims, "kubernetes.io", "serviceaccount", "uid", NULL));
	v = value_set(v, "groups", groups);
	return value_set(v, "extra", extra_of(claims));
}

struct value *tokens_authenticate(struct tokens *t, const char *token, size_t len,
				  const struct value *audiences, struct value **audiences_out,
				  struct err *err)
{
	CLEANUP_VALUE struct value *claims = verified_claims(t, token, len, err);
	CLEANUP_VALUE struct value *ours = list_of_issuer();
	const char *wrong = claims ? what_is_wrong(t, claims, token, len) : NULL;
	struct value *both;

	if (!claims)
		return NULL;
	if (wrong)
		return refuse(NULL, err, wrong);
	both = common(value_get(claims, "aud"), value_count(audiences) ? audiences : ours);
	if (!both)
		return refuse(NULL, err, "token audiences are none of those that are asked for");
	*audiences_out = both;
	return user_of(claims);
}
