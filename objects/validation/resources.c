/* SPDX-License-Identifier: MIT */
/*
 * Requests and limits of resources, and security contexts.
 * Source: Kubernetes pkg/apis/core/validation/validation.go.
 */
#include <errno.h>

#include "objects/quantity.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/container.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

static int is_plain(const char *name)
{
	return str_eq(name, "cpu") || str_eq(name, "memory") || str_eq(name, "ephemeral-storage");
}

static int is_huge(const char *name)
{
	return str_starts(name, "hugepages-");
}

/* vendor.example/thing: whole things that cannot be lent out twice. */
static int is_extended(const char *name)
{
	return strchr(name, '/') && !strstr(name, "kubernetes.io/") &&
	       !str_starts(name, "requests.");
}

static void check_amounts(const struct value *list, const struct path *at, struct faults *faults)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = value_key_at(list, i), *why = text_label_key(name);
		const struct path *here = PATH_KEY(at, name);
		struct quantity q;

		if (why)
			say_text(faults, here, name, why);
		else if (!is_plain(name) && !is_huge(name) && !strchr(name, '/'))
			say_text(faults, here, name,
				 "must be a standard resource type or fully qualified");
		if (quantity_from_value(value_at(list, i), &q, NULL) < 0)
			continue; /* decoding said so */
		if (q.nano < 0)
			say_invalid(faults, here, value_at(list, i),
				    "must be greater than or equal to 0");
		else if (is_extended(name) && q.nano % 1000000000)
			say_invalid(faults, here, value_at(list, i), "must be an integer");
	}
}

static void check_request(const char *name, const struct value *request, const struct value *limit,
			  const struct path *at, struct faults *faults)
{
	int firm = is_extended(name) || is_huge(name);
	struct quantity r, l;

	if (!limit) {
		if (firm)
			say_required(faults, PATH_FIELD(at, "limits"),
				     "Limit must be set for non overcommitable resources");
		return;
	}
	if (quantity_from_value(request, &r, NULL) < 0 || quantity_from_value(limit, &l, NULL) < 0)
		return;
	if (firm && quantity_cmp(&r, &l))
		fault_add(faults, PATH_FIELD(at, "requests"), FAULT_INVALID, request,
			  "must be equal to %s limit of %s", name, value_str(limit, ""));
	else if (quantity_cmp(&r, &l) > 0)
		fault_add(faults, PATH_FIELD(at, "requests"), FAULT_INVALID, request,
			  "must be less than or equal to %s limit of %s", name,
			  value_str(limit, ""));
}

/* Bit 0: pages of a size of their own, bit 1: cpu or memory. */
static int kinds_of(const struct value *list)
{
	int found = 0;

	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = value_key_at(list, i);

		found |= is_huge(name) | (str_eq(name, "cpu") || str_eq(name, "memory")) << 1;
	}
	return found;
}

void check_resources(const struct value *resources, const struct path *at, struct faults *faults)
{
	const struct value *limits = value_get(resources, "limits");
	const struct value *requests = value_get(resources, "requests");

	if ((kinds_of(limits) | kinds_of(requests)) == 1)
		say_forbidden(faults, at, "HugePages require cpu or memory");

	check_amounts(limits, PATH_FIELD(at, "limits"), faults);
	check_amounts(requests, PATH_FIELD(at, "requests"), faults);
	for (size_t i = 0; i < value_count(requests); i++)
		check_request(value_key_at(requests, i), value_at(requests, i),
			      value_get(limits, value_key_at(requests, i)), at, faults);
}

static int adds_capability(const struct value *sc, const char *name)
{
	const struct value *add = value_dig(sc, "capabilities", "add", NULL);

	for (size_t i = 0; i < value_count(add); i++)
		if (str_eq(value_str(value_at(add, i), ""), name))
			return 1;
	return 0;
}

void check_security_context(const struct value *sc, const struct path *at, struct faults *faults)
{
	const struct value *escalation = value_get(sc, "allowPrivilegeEscalation");

	if (!escalation || value_bool(escalation, 1))
		return;
	if (value_bool(value_get(sc, "privileged"), 0))
		say_invalid(faults, at, sc,
			    "cannot set `allowPrivilegeEscalation` to false and `privileged` to "
			    "true");
	if (adds_capability(sc, "CAP_SYS_ADMIN"))
		say_invalid(faults, at, sc,
			    "cannot set `allowPrivilegeEscalation` to false and "
			    "`capabilities.Add` CAP_SYS_ADMIN");
}

void check_seccomp_profile(const struct value *now, const struct value *old,
			   const struct value *root, const struct path *at, struct faults *faults)
{
	const struct value *path = value_get(now, "localhostProfile");
	int local = str_eq(text_of(now, "type"), "Localhost");

	at = PATH_FIELD(at, "localhostProfile");
	if (local && !path)
		say_required(faults, at, "must be set when seccomp type is Localhost");
	else if (local)
		say_text(faults, at, value_str(path, ""), local_path_fault(value_str(path, "")));
	else if (path)
		say_invalid(faults, at, path, "can only be set when seccomp type is Localhost");
}

void check_app_armor_profile(const struct value *now, const struct value *old,
			     const struct value *root, const struct path *at, struct faults *faults)
{
	const struct value *name = value_get(now, "localhostProfile");
	const char *text = value_str(name, ""), *type = text_of(now, "type");
	size_t n = strlen(text);

	at = PATH_FIELD(at, "localhostProfile");
	if (str_eq(type, "Localhost") && !n)
		say_required(faults, at, "must be set when AppArmor type is Localhost");
	else if (str_eq(type, "Localhost") &&
		 (strchr(" \t\r\n", text[0]) || strchr(" \t\r\n", text[n - 1])))
		say_text(faults, at, text, "must not be padded with whitespace");
	else if (name && (str_eq(type, "RuntimeDefault") || str_eq(type, "Unconfined")))
		say_invalid(faults, at, name, "can only be set when AppArmor type is Localhost");
}

/* Names between dots or slashes: [a-z0-9]([-_a-z0-9]*[a-z0-9])? */
static int sysctl_name_ok(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "./");

		if (!n || n > 253 || strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") < n ||
		    strchr("-_", s[0]) || strchr("-_", s[n - 1]))
			return 0;
		if (!s[n])
			return 1;
		s += n + 1;
	}
}

static void check_sysctls(const struct value *list, const struct value *spec, const struct path *at,
			  struct faults *faults)
{
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = text_of(value_at(list, i), "name");
		const struct path *here = PATH_FIELD(PATH_INDEX(at, i), "name");

		if (!*name)
			continue; /* the tables say that it is required */
		if (!sysctl_name_ok(name))
			say_text(
				faults, here, name,
				"must have at most 253 characters and match regex "
				"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-"
				"9])?$");
		else if (strmap_set(&seen, name, (void *)1))
			say_duplicate(faults, here, name);
		if (value_bool(value_get(spec, "hostNetwork"), 0) && str_starts(name, "net."))
			say_text(faults, here, name,
				 "may not be specified when 'hostNetwork' is true");
		if (value_bool(value_get(spec, "hostIPC"), 0) &&
		    (str_starts(name, "kernel.shm") || str_starts(name, "kernel.msg") ||
		     str_starts(name, "kernel.sem") || str_starts(name, "fs.mqueue.")))
			say_text(faults, here, name, "may not be specified when 'hostIPC' is true");
	}
	strmap_fini(&seen);
}

void check_pod_security(const struct value *spec, const struct path *at, struct faults *faults)
{
	const struct value *sc = value_get(spec, "securityContext");

	check_sysctls(value_get(sc, "sysctls"), spec,
		      PATH_FIELD(PATH_FIELD(at, "securityContext"), "sysctls"), faults);
	if (value_bool(value_get(spec, "shareProcessNamespace"), 0) &&
	    value_bool(value_get(spec, "hostPID"), 0))
		say_invalid(faults, PATH_FIELD(at, "shareProcessNamespace"),
			    value_get(spec, "shareProcessNamespace"),
			    "ShareProcessNamespace and HostPID cannot both be enabled");
	if (value_bool(value_get(spec, "hostUsers"), 1))
		return;
	for (size_t i = 0; i < 3; i++) {
		static const struct {
			const char *name, *called; /* in Kubernetes' faults */
		} host[] = {{"hostNetwork", NULL}, {"hostPID", "HostPID"}, {"hostIPC", "HostIPC"}};

		if (value_bool(value_get(spec, host[i].name), 0))
			say_forbidden(faults, PATH_CALLED(at, host[i].name, host[i].called),
				      "when `pod.Spec.HostUsers` is false");
	}
}
