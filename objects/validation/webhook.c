/* SPDX-License-Identifier: MIT */
/*
 * Admission webhooks: whom to ask, about what; and who serves another API.
 * Source: Kubernetes pkg/apis/admissionregistration/validation/validation.go; kube-aggregator.
 */
#include "objects/conditions.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

/* As Kubernetes has it: every step of the path is a DNS subdomain. */
static void check_service_path(const char *path, const struct path *at, struct faults *faults)
{
	CLEANUP_VALUE struct value *bad = value_new_string(path);
	int n = 0;

	if (*path != '/')
		return say_text(faults, at, path, "must start with a '/'");
	for (const char *step = path + 1; *step || n == 0; n++) {
		size_t len = strcspn(step, "/");
		CLEANUP_FREE char *one = xstrndup(step, len);
		const char *why = text_dns_subdomain(one);

		if (!len)
			fault_add(faults, at, FAULT_INVALID, bad, "segment[%d] may not be empty",
				  n);
		else if (why)
			fault_add(faults, at, FAULT_INVALID, bad, "segment[%d]: %s", n, why);
		step += len;
		if (!*step++)
			break;
	}
}

static void check_asked_service(const struct value *service, const struct path *at,
				struct faults *faults)
{
	const struct value *port = value_get(service, "port");
	const char *path = text_of(service, "path");

	if (*path && !str_eq(path, "/"))
		check_service_path(path, PATH_FIELD(at, "path"), faults);
	if (port && (value_int(port, 0) < 1 || value_int(port, 0) > 65535))
		say_invalid(faults, PATH_FIELD(at, "port"), port,
			    "port is not valid: must be between 1 and 65535, inclusive");
}

static void check_client(const struct value *config, const struct path *at, struct faults *faults)
{
	const struct value *given = value_get(config, "url");
	const char *url = value_str(given, "");
	const struct value *service = value_get(config, "service");
	const struct path *here = PATH_FIELD(at, "url");

	if (!given == !service)
		return say_required(faults, at, "exactly one of url or service is required");
	if (!given)
		return check_asked_service(service, PATH_FIELD(at, "service"), faults);
	if (!str_starts(url, "https://"))
		say_text(faults, here, url,
			 "'https' is the only allowed URL scheme; desired format: "
			 "https://host[/path]");
	else if (!url[8] || url[8] == '/')
		say_text(faults, here, url,
			 "host must be specified; desired format: https://host[/path]");
	else if (strpbrk(url, "?#@"))
		say_text(faults, here, url,
			 "user information, query and fragment are not permitted in the URL");
}

static void check_versions(const struct value *list, const struct path *at, struct faults *faults)
{
	struct strmap seen = STRMAP_INIT;
	int known = 0;

	for (size_t i = 0; i < value_count(list); i++) {
		const char *v = value_str(value_at(list, i), "");

		if (strmap_set(&seen, v, (void *)1)) {
			say_text(faults, PATH_INDEX(at, i), v, "duplicate version");
			continue;
		}
		known |= str_eq(v, "v1") || str_eq(v, "v1beta1");
		say_text(faults, PATH_INDEX(at, i), v, text_dns_1035_label(v));
	}
	strmap_fini(&seen);
	if (value_count(list) && !known)
		say_invalid(faults, at, list, "must include at least one of v1, v1beta1");
}

/* "*" is everything: nothing stands beside it. */
static void check_star(const struct value *list, const struct path *at, struct faults *faults)
{
	for (size_t i = 0; value_count(list) > 1 && i < value_count(list); i++)
		if (str_eq(value_str(value_at(list, i), ""), "*"))
			return say_invalid(faults, at, list,
					   "if '*' is present, must not specify other values");
}

void check_admission_rule(const struct value *now, const struct value *old,
			  const struct value *root, const struct path *at, struct faults *faults)
{
	static const char *const operations[] = {"*",      "CONNECT", "CREATE",
						 "DELETE", "UPDATE",  NULL};
	static const char *const texts[] = {"apiVersions", "resources"};
	const struct value *list = value_get(now, "operations");

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct value *words = value_get(now, texts[i]);

		for (size_t j = 0; j < value_count(words); j++)
			if (!value_strlen(value_at(words, j)))
				say_required(faults, PATH_INDEX(PATH_FIELD(at, texts[i]), j), "");
	}
	check_star(value_get(now, "apiGroups"), PATH_FIELD(at, "apiGroups"), faults);
	check_star(value_get(now, "apiVersions"), PATH_FIELD(at, "apiVersions"), faults);
	check_star(list, PATH_FIELD(at, "operations"), faults);
	for (size_t i = 0; i < value_count(list); i++)
		check_enum(operations, value_at(list, i),
			   PATH_INDEX(PATH_FIELD(at, "operations"), i), faults);
}

void check_webhook_configuration(const struct value *now, const struct value *old,
				 const struct value *root, const struct path *at,
				 struct faults *faults)
{
	const struct value *list = value_get(now, "webhooks");
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = text_of(value_at(list, i), "name");

		if (*name && strmap_set(&seen, name, (void *)1))
			say_duplicate(faults,
				      PATH_FIELD(PATH_INDEX(PATH_FIELD(at, "webhooks"), i), "name"),
				      name);
	}
	strmap_fini(&seen);
}

void check_webhook(const struct value *now, const struct value *old, const struct value *root,
		   const struct path *at, struct faults *faults)
{
	const char *name = text_of(now, "name"), *dot = strchr(name, '.');
	const char *why = text_dns_subdomain(name);

	if (!why && (!dot || !strchr(dot + 1, '.')))
		why = "should be a domain with at least three segments separated by dots";
	if (*name)
		say_text(faults, PATH_FIELD(at, "name"), name, why);
	check_client(value_get(now, "clientConfig"), PATH_FIELD(at, "clientConfig"), faults);
	check_versions(value_get(now, "admissionReviewVersions"),
		       PATH_FIELD(at, "admissionReviewVersions"), faults);
	conditions_validate(value_get(now, "matchConditions"), value_get(old, "matchConditions"),
			    PATH_FIELD(at, "matchConditions"), faults);
}

/* Of a version of a group, which are its name; nobody else's is asked for them here. */
void check_api_service(const struct value *now, const struct value *old, const struct value *root,
		       const struct path *at, struct faults *faults)
{
	const struct value *spec = value_get(now, "spec");
	const char *group = text_of(spec, "group"), *version = text_of(spec, "version");
	const char *name = value_str(value_dig(now, "metadata", "name", NULL), "");
	int trusts = value_bool(value_get(spec, "insecureSkipTLSVerify"), 0);
	int has_bundle = value_strlen(value_get(spec, "caBundle")) > 0;
	int local = !value_get(spec, "service");
	CLEANUP_FREE char *wanted = xasprintf("%s.%s", version, group);

	if (!str_eq(name, wanted))
		say_text(faults, PATH_FIELD(PATH_FIELD(at, "metadata"), "name"), name,
			 "must be `spec.version+\".\"+spec.group`");
	at = PATH_FIELD(at, "spec");
	if (!*group && !str_eq(version, "v1"))
		say_required(faults, PATH_FIELD(at, "group"),
			     "only v1 may have an empty group and it better be legacy kube");
	if (*group)
		say_text(faults, PATH_FIELD(at, "group"), group, text_dns_subdomain(group));
	say_text(faults, PATH_FIELD(at, "version"), version, text_dns_1035_label(version));
	if (local && has_bundle)
		say_text(faults, PATH_FIELD(at, "caBundle"), "...",
			 "local APIServices may not have a caBundle");
	if (trusts && (local || has_bundle))
		say_invalid(faults, PATH_FIELD(at, "insecureSkipTLSVerify"),
			    value_get(spec, "insecureSkipTLSVerify"),
			    local ? "local APIServices may not have insecureSkipTLSVerify"
				  : "may not be true if caBundle is present");
}
