/* SPDX-License-Identifier: MIT */
/* See audit_policy.h. */
#include "auth/audit_policy.h"

#include <errno.h>

#include "objects/codec.h"
#include "util/fd.h"

#define POLICY_MAX (1u << 20)

struct audit_policy {
	struct value *rules; /* owned; checked */
};

static const char *const levels[] = {
	[AUDIT_NONE] = "None",
	[AUDIT_METADATA] = "Metadata",
	[AUDIT_REQUEST] = "Request",
	[AUDIT_REQUEST_RESPONSE] = "RequestResponse",
};

const char *audit_level_name(enum audit_level level)
{
	return levels[level];
}

static int level_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		if (str_eq(levels[i], name))
			return (int)i;
	return -1;
}

/* -- is it one? -- */

enum form { TEXT, TEXTS, FLAG, MAPS, MAP };

struct field {
	const char *name;
	enum form form;
};

static const struct field policy_fields[] = {
	{"apiVersion", TEXT}, {"kind", TEXT},        {"metadata", MAP},
	{"rules", MAPS},      {"omitStages", TEXTS}, {"omitManagedFields", FLAG},
	{NULL, TEXT},
};
static const struct field rule_fields[] = {
	{"level", TEXT},
	{"users", TEXTS},
	{"userGroups", TEXTS},
	{"verbs", TEXTS},
	{"resources", MAPS},
	{"namespaces", TEXTS},
	{"nonResourceURLs", TEXTS},
	{"omitStages", TEXTS},
	{"omitManagedFields", FLAG},
	{NULL, TEXT},
};
static const struct field resource_fields[] = {
	{"group", TEXT}, {"resources", TEXTS}, {"resourceNames", TEXTS}, {NULL, TEXT}};

static int all_are(const struct value *list, enum value_type type)
{
	if (!value_is(list, VALUE_LIST))
		return 0;
	for (size_t i = 0; i < value_count(list); i++)
		if (!value_is(value_at(list, i), type))
			return 0;
	return 1;
}

static int has_form(const struct value *v, enum form form)
{
	switch (form) {
	case TEXT:
		return value_is(v, VALUE_STRING);
	case TEXTS:
		return all_are(v, VALUE_STRING);
	case FLAG:
		return value_is(v, VALUE_BOOL);
	case MAPS:
		return all_are(v, VALUE_MAP);
	default:
		return value_is(v, VALUE_MAP);
	}
}

static void check_fields(const struct value *map, const struct field *fields, const struct path *at,
			 struct faults *faults)
{
	for (size_t i = 0; i < value_count(map); i++) {
		const char *key = value_key_at(map, i);
		const struct field *f = fields;

		while (f->name && !str_eq(f->name, key))
			f++;
		if (!f->name)
			fault_add(faults, PATH_FIELD(at, key), FAULT_INVALID, NULL,
				  "unknown field");
		else if (!has_form(value_at(map, i), f->form))
			fault_add(faults, PATH_FIELD(at, key), FAULT_INVALID, NULL,
				  "has not the type of this field");
	}
}

static void check_rules(const struct value *rules, struct faults *faults)
{
	for (size_t i = 0; i < value_count(rules); i++) {
		const struct value *rule = value_at(rules, i),
				   *resources = value_get(rule, "resources");
		const struct path *at = PATH_INDEX(PATH_FIELD(NULL, "rules"), i);

		check_fields(rule, rule_fields, at, faults);
		if (level_of(value_dig_str(rule, "level", NULL)) < 0)
			fault_add(faults, PATH_FIELD(at, "level"), FAULT_INVALID,
				  value_get(rule, "level"),
				  "must be None, Metadata, Request or RequestResponse");
		if (value_count(value_get(rule, "nonResourceURLs")) &&
		    (value_count(resources) || value_count(value_get(rule, "namespaces"))))
			fault_add(faults, at, FAULT_INVALID, NULL,
				  "rules cannot apply to both regular resources and non-resource "
				  "URLs");
		for (size_t j = 0; j < value_count(resources); j++)
			check_fields(value_at(resources, j), resource_fields,
				     PATH_INDEX(PATH_FIELD(at, "resources"), j), faults);
	}
}

static void check_policy(const struct value *v, struct faults *faults)
{
	if (!str_eq(value_dig_str(v, "kind", NULL), "Policy") ||
	    !str_eq(value_dig_str(v, "apiVersion", NULL), "audit.k8s.io/v1")) {
		fault_add(faults, NULL, FAULT_INVALID, NULL,
			  "a Policy of audit.k8s.io/v1 was expected");
		return;
	}
	check_fields(v, policy_fields, NULL, faults);
	if (!value_count(value_get(v, "rules")))
		fault_add(faults, PATH_FIELD(NULL, "rules"), FAULT_REQUIRED, NULL, "%s", "");
	if (!faults->n)
		check_rules(value_get(v, "rules"), faults);
}

struct audit_policy *audit_policy_parse(const char *text, size_t len, const char *name,
					struct err *err)
{
	CLEANUP(documents_fini) struct documents docs = {0};
	CLEANUP(faults_fini) struct faults faults = {0};
	struct audit_policy *p = NULL;

	if (yaml_parse(text, len, &docs, &faults) == 0 && !faults.n) {
		if (docs.n == 1)
			check_policy(docs.list[0].value, &faults);
		else
			fault_add(&faults, NULL, FAULT_INVALID, NULL, "one document was expected");
	}
	if (faults.n) {
		faults_to_err(&faults, err);
		err->code = EINVAL;
		err_wrap(err, "%s", name);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->rules = value_ref(value_get(docs.list[0].value, "rules"));
	return p;
}

struct audit_policy *audit_policy_load(const char *path, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (fd_read_file(path, POLICY_MAX, &text, err) < 0)
		return NULL;
	return audit_policy_parse(buf_str(&text), text.len, path, err);
}

void audit_policy_free(struct audit_policy *p)
{
	if (p)
		value_unref(p->rules);
	free(p);
}

/* -- what it says -- */

static int names(const struct value *list, const char *text)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), NULL), text ? text : ""))
			return 1;
	return 0;
}

static int names_a_group(const struct value *list, const struct caller *who)
{
	for (const char *const *g = who->groups; g && *g; g++)
		if (names(list, *g))
			return 1;
	return 0;
}

/* "pods", "pods/log", "pods/{*}", "{*}/scale", "*" */
static int names_resource(const struct value *list, const char *resource, const char *sub)
{
	CLEANUP_FREE char *whole = xasprintf("%s%s%s", resource, *sub ? "/" : "", sub);
	CLEANUP_FREE char *any_sub = xasprintf("%s/*", resource);
	CLEANUP_FREE char *of_any = xasprintf("*/%s", sub);

	return names(list, "*") || names(list, whole) ||
	       (*sub && (names(list, any_sub) || names(list, of_any)));
}

static int meets_resource(const struct value *rule, const struct access *what)
{
	const struct value *resources = value_get(rule, "resources"),
			   *namespaces = value_get(rule, "namespaces");

	if (what->path)
		return 0;
	if (value_count(namespaces) && !names(namespaces, what->ns))
		return 0;
	for (size_t i = 0; i < value_count(resources); i++) {
		const struct value *r = value_at(resources, i), *list = value_get(r, "resources"),
				   *of = value_get(r, "resourceNames");

		if (str_eq(value_str(value_get(r, "group"), ""), what->group) &&
		    (!value_count(list) ||
		     (names_resource(list, what->resource,
				     what->subresource ? what->subresource : "") &&
		      (!value_count(of) || names(of, what->name)))))
			return 1;
	}
	return !value_count(resources);
}

static int meets_url(const struct value *urls, const struct access *what)
{
	for (size_t i = 0; what->path && i < value_count(urls); i++) {
		const char *url = value_str(value_at(urls, i), "");
		size_t n = strlen(url);

		if (str_eq(url, what->path) ||
		    (n && url[n - 1] == '*' && strncmp(url, what->path, n - 1) == 0))
			return 1;
	}
	return 0;
}

static int meets(const struct value *rule, const struct caller *who, const struct access *what)
{
	const struct value *users = value_get(rule, "users"),
			   *groups = value_get(rule, "userGroups"),
			   *verbs = value_get(rule, "verbs"),
			   *urls = value_get(rule, "nonResourceURLs");

	if ((value_count(users) && !names(users, who->user)) ||
	    (value_count(groups) && !names_a_group(groups, who)) ||
	    (value_count(verbs) && !names(verbs, what->verb)))
		return 0;
	if (value_count(value_get(rule, "resources")) || value_count(value_get(rule, "namespaces")))
		return meets_resource(rule, what);
	return !value_count(urls) || meets_url(urls, what);
}

static int may_hold_secrets(const struct access *what)
{
	static const struct {
		const char *group, *resource, *subresource;
	} all[] = {
		{"", "secrets", NULL},
		{"", "serviceaccounts", "token"},
		{"authentication.k8s.io", "tokenreviews", NULL},
	};

	for (size_t i = 0; !what->path && i < ARRAY_LEN(all); i++)
		if (str_eq(all[i].group, what->group) && str_eq(all[i].resource, what->resource) &&
		    (!all[i].subresource || str_eq(all[i].subresource, what->subresource)))
			return 1;
	return 0;
}

enum audit_level audit_policy_level(const struct audit_policy *p, const struct caller *who,
				    const struct access *what)
{
	enum audit_level level = AUDIT_NONE;

	if (!p)
		return AUDIT_METADATA;
	for (size_t i = 0; i < value_count(p->rules); i++)
		if (meets(value_at(p->rules, i), who, what)) {
			level = (enum audit_level)level_of(
				value_dig_str(value_at(p->rules, i), "level", NULL));
			break;
		}
	return level > AUDIT_METADATA && may_hold_secrets(what) ? AUDIT_METADATA : level;
}
