/* SPDX-License-Identifier: MIT */
#include "auth/authorize.h"

#include <errno.h>

static int is_master(const struct caller *who)
{
	for (const char *const *g = who->groups; g && *g; g++)
		if (str_eq(*g, "system:masters"))
			return 1;
	return 0;
}

/* The words of Kubernetes' own refusal. */
static int refuse(const struct caller *who, const struct access *what, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	const char *dot = *what->group ? "." : "";

	buf_addf(&text, "%s%s%s", what->resource, dot, what->group);
	if (what->name && *what->name)
		buf_addf(&text, " \"%s\"", what->name);
	buf_addf(&text,
		 " is forbidden: User \"%s\" cannot %s resource \"%s%s%s\" in API group \"%s\"",
		 who->user, what->verb, what->resource, *what->subresource ? "/" : "",
		 what->subresource, what->group);
	if (what->ns && *what->ns)
		buf_addf(&text, " in the namespace \"%s\"", what->ns);
	else
		buf_adds(&text, " at the cluster scope");
	return err_set(err, EACCES, "%s", text.data);
}

int auth_check(const struct caller *who, const struct access *what, struct err *err)
{
	if (who->trusted || is_master(who))
		return 0;
	return refuse(who, what, err);
}

static const char *verb_of(const struct api_request *r)
{
	switch (r->verb) {
	case API_CREATE:
		return "create";
	case API_REVIEW: /* a scale is there already */
		return str_eq(r->sub, "scale") ? "update" : "create";
	case API_UPDATE:
		return "update";
	case API_DELETE:
		return "delete";
	case API_APPLY:
	case API_PATCH_STRATEGIC:
	case API_PATCH_MERGE:
	case API_PATCH_JSON:
	case API_MUTATE:
		break;
	}
	return "patch";
}

int auth_authorize_request(void *arg, const struct caller *who, const struct api_request *r,
			   struct err *err)
{
	struct access what = {
		.verb = verb_of(r),
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

	return auth_check(who, &what, err);
}
