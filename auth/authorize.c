/* SPDX-License-Identifier: MIT */
#include "auth/auth_i.h"

#include <errno.h>

int auth_is_master(const struct caller *who)
{
	if (who->trusted)
		return 1;
	for (const char *const *g = who->groups; g && *g; g++)
		if (str_eq(*g, "system:masters"))
			return 1;
	return 0;
}

struct access auth_normal(struct access what)
{
	if (!what.path && what.name && *what.name && !*what.group &&
	    strcmp(what.resource, "namespaces") == 0)
		what.ns = what.name;
	return what;
}

/* apiserver pkg/endpoints/handlers/responsewriters/errors.go */
void auth_refusal(const struct caller *who, const struct access *what, struct buf *out)
{
	const char *sub = what->subresource ? what->subresource : "";

	if (what->path) {
		buf_addf(out, "User \"%s\" cannot %s path \"%s\"", who->user, what->verb,
			 what->path);
		return;
	}
	buf_addf(out, "User \"%s\" cannot %s resource \"%s%s%s\" in API group \"%s\"", who->user,
		 what->verb, what->resource, *sub ? "/" : "", sub, what->group);
	if (what->ns && *what->ns)
		buf_addf(out, " in the namespace \"%s\"", what->ns);
	else
		buf_adds(out, " at the cluster scope");
}

static int refuse(const struct caller *who, const struct access *what, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (!err)
		return -EACCES;
	if (!what->path) {
		buf_addf(&text, "%s%s%s", what->resource, *what->group ? "." : "", what->group);
		if (what->name && *what->name)
			buf_addf(&text, " \"%s\"", what->name);
		buf_adds(&text, " is ");
	}
	buf_adds(&text, "forbidden: ");
	auth_refusal(who, what, &text);
	return err_set(err, EACCES, "%s", text.data);
}

int auth_may(const struct snapshot *s, const struct caller *who, const struct access *what)
{
	struct access asked;

	if (auth_is_master(who))
		return 1;
	asked = auth_normal(*what);
	return snapshot_allows(s, who, &asked);
}

int auth_check(struct rbac *rbac, const struct caller *who, const struct access *what,
	       struct err *err)
{
	CLEANUP_SNAPSHOT struct snapshot *s = NULL;
	struct access asked;

	if (auth_is_master(who))
		return 0;
	asked = auth_normal(*what);
	s = rbac ? rbac_current(rbac) : NULL;
	if (s && snapshot_allows(s, who, &asked))
		return 0;
	return refuse(who, &asked, err);
}

/* -- requests of the api -- */

/* The verbs of which one is enough, in the order of the refusal. */
struct verbs {
	const char *list[4];
};

static struct verbs verbs_of(const struct api_request *r)
{
	switch (r->verb) {
	case API_CREATE:
		return (struct verbs){{"create"}};
	case API_REVIEW: /* a scale is there already */
		return (struct verbs){{str_eq(r->sub, "scale") ? "update" : "create"}};
	case API_UPDATE:
		if (r->flags & API_UPSERT)
			return (struct verbs){{"update", "create"}};
		return (struct verbs){{"update"}};
	case API_DELETE:
		if (r->flags & API_COLLECTION)
			return (struct verbs){{"deletecollection"}};
		return (struct verbs){{"delete"}};
	case API_APPLY:
		return (struct verbs){{"patch", "create"}};
	case API_MUTATE:
		if (r->flags & API_UPSERT)
			return (struct verbs){{"patch", "update", "create"}};
		return (struct verbs){{"patch", "update"}};
	case API_PATCH_STRATEGIC:
	case API_PATCH_MERGE:
	case API_PATCH_JSON:
		break;
	}
	return (struct verbs){{"patch"}};
}

struct access auth_access_of(const struct api_request *r)
{
	return (struct access){
		.verb = verbs_of(r).list[0],
		.group = r->kind->group,
		.resource = r->kind->plural,
		.subresource = r->sub                   ? r->sub
			       : r->flags & API_STATUS  ? "status"
			       : r->flags & API_SCALE   ? "scale"
			       : r->flags & API_BINDING ? "binding"
							: "",
		.ns = r->ns,
		.name = r->name,
	};
}

static int any_verb(struct rbac *rbac, const struct caller *who, struct access what,
		    const struct verbs *verbs, struct err *err)
{
	struct err first = ERR_INIT;

	for (size_t i = 0; i < ARRAY_LEN(verbs->list) && verbs->list[i]; i++) {
		struct access one = what;

		one.verb = verbs->list[i];
		/* One that is created has no name yet, and a collection has none. */
		if ((strcmp(one.verb, "create") == 0 && !*one.subresource) ||
		    strcmp(one.verb, "deletecollection") == 0)
			one.name = "";
		if (auth_check(rbac, who, &one, &first) == 0)
			return 0;
	}
	return err_set(err, EACCES, "%s", first.msg);
}

static int authorize(void *arg, const struct caller *who, const struct api_request *r,
		     struct err *err)
{
	struct verbs verbs = verbs_of(r);
	struct access what = auth_access_of(r);

	if (r->flags & API_SCALE) {
		struct access whole = what;

		whole.subresource = "";
		if (any_verb(arg, who, whole, &verbs, NULL) == 0)
			return 0;
	}
	return any_verb(arg, who, what, &verbs, err);
}

/* Of requests that create what is absent, and change what is there. */
static int authorize_state(void *arg, const struct caller *who, const struct api_request *r,
			   const struct value *live, struct err *err)
{
	const struct verbs create = {{"create"}}, patch = {{"patch"}}, edit = {{"patch", "update"}},
			   update = {{"update"}};

	if (r->verb != API_APPLY && !(r->flags & API_UPSERT))
		return 0;
	if (!live)
		return any_verb(arg, who, auth_access_of(r), &create, err);
	return any_verb(arg, who, auth_access_of(r),
			r->verb == API_APPLY    ? &patch
			: r->verb == API_UPDATE ? &update
						: &edit,
			err);
}

void auth_hooks(struct rbac *rbac, struct api_hooks *out)
{
	out->arg = rbac;
	out->authorize = authorize;
	out->authorize_state = authorize_state;
	out->authorize_result = auth_check_grant;
	out->review = auth_review;
}
