/* SPDX-License-Identifier: MIT */
/*
 * The pod spec as a whole, in pods and in templates, and what an update of a
 * pod may change.
 * Source: Kubernetes pkg/apis/core/validation/validation.go.
 */
#include <errno.h>
#include <stdio.h>

#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/container.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

#define NAMESERVERS_MAX 3
#define SEARCHES_MAX    32
#define SEARCH_BYTES    2048

/* Whether something was found below `at` already. */
static int is_faulty(const struct path *at, const struct faults *faults)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (!faults->n)
		return 0;
	path_render(at, &text);
	for (size_t i = 0; i < faults->n; i++)
		if (str_starts(faults->list[i].field, buf_str(&text)))
			return 1;
	return 0;
}

/* A volume that is wrong itself is not there for those who mount it, as in Kubernetes. */
static void check_volumes(const struct value *volumes, struct strmap *names, const struct path *at,
			  struct faults *faults)
{
	for (size_t i = 0; i < value_count(volumes); i++) {
		const struct value *v = value_at(volumes, i);
		const char *name = text_of(v, "name");

		if (*name && strmap_get(names, name))
			say_duplicate(faults, PATH_FIELD(PATH_INDEX(at, i), "name"), name);
		else if (*name && !is_faulty(PATH_INDEX(at, i), faults))
			strmap_set(names, name, (void *)v);
	}
}

static void check_containers(const struct value *spec, int is_pod, const struct path *at,
			     struct faults *faults)
{
	static const struct {
		const char *field;
		enum container_role role;
	} lists[] = {{"containers", CONTAINER_APP},
		     {"initContainers", CONTAINER_INIT},
		     {"ephemeralContainers", CONTAINER_EPHEMERAL}};
	struct strmap volumes = STRMAP_INIT, names = STRMAP_INIT, ports = STRMAP_INIT;
	struct container_ctx ctx = {.spec = spec,
				    .volumes = &volumes,
				    .names = &names,
				    .host_ports = &ports,
				    .is_pod = is_pod,
				    .faults = faults};

	check_volumes(value_get(spec, "volumes"), &volumes, PATH_FIELD(at, "volumes"), faults);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct value *list = value_get(spec, lists[i].field);
		const struct path *here = PATH_FIELD(at, lists[i].field);

		ctx.role = lists[i].role;
		for (size_t j = 0; j < value_count(list); j++)
			check_container(&ctx, value_at(list, j), PATH_INDEX(here, j));
	}
	strmap_fini(&volumes);
	strmap_fini(&names);
	strmap_fini(&ports);
}

static const char *search_fault(const char *domain)
{
	CLEANUP_FREE char *text = xstrdup(domain);
	size_t n = strlen(text);

	if (str_eq(text, "."))
		return NULL;
	if (n && text[n - 1] == '.')
		text[n - 1] = '\0';
	for (char *p = text; *p; p++)
		if (*p == '_')
			*p = 'a'; /* underscores are fine in search paths since 1.34 */
	return text_dns_subdomain(text);
}

static void check_searches(const struct value *list, const struct path *at, struct faults *faults)
{
	size_t bytes = value_count(list) ? value_count(list) - 1 : 0;

	for (size_t i = 0; i < value_count(list); i++) {
		const char *domain = value_str(value_at(list, i), "");

		bytes += strlen(domain);
		say_text(faults, PATH_INDEX(at, i), domain, search_fault(domain));
	}
	if (value_count(list) > SEARCHES_MAX)
		fault_add(faults, at, FAULT_INVALID, NULL,
			  "must not have more than %d search paths", SEARCHES_MAX);
	if (bytes > SEARCH_BYTES)
		fault_add(faults, at, FAULT_INVALID, NULL,
			  "must not have more than %d characters (including spaces) in the search "
			  "list",
			  SEARCH_BYTES);
}

void check_pod_dns(const struct value *spec, const struct path *at, struct faults *faults)
{
	const struct value *config = value_get(spec, "dnsConfig");
	const struct value *servers = value_get(config, "nameservers");
	const struct value *options = value_get(config, "options");
	const struct path *here = PATH_FIELD(at, "dnsConfig"),
			  *servers_at = PATH_FIELD(here, "nameservers");

	if (str_eq(text_of(spec, "dnsPolicy"), "None")) {
		if (!config)
			say_required(faults, here,
				     "must provide `dnsConfig` when `dnsPolicy` is None");
		else if (!value_count(servers))
			say_required(faults, servers_at,
				     "must provide at least one DNS nameserver when `dnsPolicy` is "
				     "None");
	}
	if (value_count(servers) > NAMESERVERS_MAX)
		fault_add(faults, servers_at, FAULT_INVALID, NULL,
			  "must not have more than %d nameservers", NAMESERVERS_MAX);
	for (size_t i = 0; i < value_count(servers); i++) {
		const char *ip = value_str(value_at(servers, i), "");

		say_text(faults, PATH_INDEX(servers_at, i), ip, text_ip(ip));
	}
	check_searches(value_get(config, "searches"), PATH_FIELD(here, "searches"), faults);
	for (size_t i = 0; i < value_count(options); i++)
		if (!*text_of(value_at(options, i), "name"))
			say_required(faults, PATH_INDEX(PATH_FIELD(here, "options"), i),
				     "must not be empty");
}

/* Text fields that hold a name. */
static void check_names(const struct value *spec, const struct path *at, struct faults *faults)
{
	static const struct {
		const char *field;
		const char *(*rule)(const char *s);
	} names[] = {
		{"hostname", text_dns_label},
		{"subdomain", text_dns_label},
		{"nodeName", text_dns_subdomain},
		{"serviceAccountName", text_dns_subdomain},
		{"priorityClassName", text_dns_subdomain},
		{"runtimeClassName", text_dns_subdomain},
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const char *name = text_of(spec, names[i].field);

		if (*name)
			say_text(faults, PATH_FIELD(at, names[i].field), name, names[i].rule(name));
	}
}

static void check_host_aliases(const struct value *list, const struct path *at,
			       struct faults *faults)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *names = value_get(value_at(list, i), "hostnames");
		const struct path *here = PATH_FIELD(PATH_INDEX(at, i), "hostnames");

		for (size_t j = 0; j < value_count(names); j++) {
			const char *name = value_str(value_at(names, j), "");

			say_text(faults, PATH_INDEX(here, j), name, text_dns_subdomain(name));
		}
	}
}

static void check_gates(const struct value *list, const struct path *at, struct faults *faults)
{
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = text_of(value_at(list, i), "name");

		say_text(faults, PATH_INDEX(at, i), name, text_label_key(name));
		if (*name && strmap_set(&seen, name, (void *)1))
			say_duplicate(faults, PATH_INDEX(at, i), name);
	}
	strmap_fini(&seen);
}

void check_pod_spec(const struct value *now, const struct value *old, const struct value *root,
		    const struct path *at, struct faults *faults)
{
	int is_pod = str_eq(text_of(root, "kind"), "Pod") && value_get(root, "spec") == now;

	check_containers(now, is_pod, at, faults);
	check_pod_security(now, at, faults);
	check_pod_dns(now, at, faults);
	check_scheduling(now, at, faults);
	check_names(now, at, faults);
	check_host_aliases(value_get(now, "hostAliases"), PATH_FIELD(at, "hostAliases"), faults);
	check_gates(value_get(now, "schedulingGates"), PATH_FIELD(at, "schedulingGates"), faults);
	check_resources(value_get(now, "resources"), PATH_FIELD(at, "resources"), faults);
	if (is_pod && !old && value_count(value_get(now, "ephemeralContainers")))
		say_forbidden(faults, PATH_FIELD(at, "ephemeralContainers"),
			      "cannot be set on create");
	if (is_pod && !old && value_count(value_get(now, "schedulingGates")) &&
	    *text_of(now, "nodeName"))
		say_forbidden(faults, PATH_FIELD(at, "nodeName"),
			      "cannot be set until all schedulingGates have been cleared");
}

/* The new containers with the images of the old ones: an update may change those. */
static struct value *with_images(struct value *spec, const struct value *old, const char *field)
{
	const struct value *list = value_get(spec, field), *was = value_get(old, field);
	struct value *fresh = NULL;

	if (value_count(list) != value_count(was))
		return spec;
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *image = value_get(value_at(was, i), "image");

		if (!image || value_equal(value_get(value_at(list, i), "image"), image))
			continue;
		fresh = value_set_at(
			fresh ? fresh : value_ref(list), i,
			value_set(value_ref(value_at(list, i)), "image", value_ref(image)));
	}
	return fresh ? value_set(spec, field, fresh) : spec;
}

/* Every gate was there before. */
static int only_removed(const struct value *now, const struct value *old)
{
	struct strmap names = STRMAP_INIT;
	int ok = 1;

	for (size_t i = 0; i < value_count(old); i++)
		strmap_set(&names, text_of(value_at(old, i), "name"), (void *)1);
	for (size_t i = 0; i < value_count(now) && ok; i++)
		ok = strmap_get(&names, text_of(value_at(now, i), "name")) != NULL;
	strmap_fini(&names);
	return ok;
}

static char *toleration_key(const struct value *t)
{
	return xasprintf("%s\n%s\n%s\n%s", text_of(t, "key"), text_of(t, "operator"),
			 text_of(t, "value"), text_of(t, "effect"));
}

/* Same key, operator, value and effect; seconds may differ. */
static int keeps_tolerations(const struct value *now, const struct value *old)
{
	struct strmap kept = STRMAP_INIT;
	int ok = 1;

	for (size_t i = 0; i < value_count(now); i++) {
		CLEANUP_FREE char *key = toleration_key(value_at(now, i));

		strmap_set(&kept, key, (void *)1);
	}
	for (size_t i = 0; i < value_count(old) && ok; i++) {
		CLEANUP_FREE char *key = toleration_key(value_at(old, i));

		ok = strmap_get(&kept, key) != NULL;
	}
	strmap_fini(&kept);
	return ok;
}

static void check_deadline(const struct value *now, const struct value *old, const struct path *at,
			   struct faults *faults)
{
	const struct value *n = value_get(now, "activeDeadlineSeconds");
	const struct value *o = value_get(old, "activeDeadlineSeconds");

	if (!o || value_equal(n, o))
		return;
	if (!n)
		say_immutable(faults, PATH_FIELD(at, "activeDeadlineSeconds"), n,
			      "must not update from a positive integer to nil value");
	else if (value_int(n, 0) > value_int(o, 0))
		say_immutable(faults, PATH_FIELD(at, "activeDeadlineSeconds"), n,
			      "must be less than or equal to previous value");
}

void check_pod(const struct value *now, const struct value *old, const struct value *root,
	       const struct path *at, struct faults *faults)
{
	static const char *const free_fields[] = {"activeDeadlineSeconds", "tolerations",
						  "terminationGracePeriodSeconds",
						  "schedulingGates"};
	const struct value *spec = value_get(now, "spec"), *was = value_get(old, "spec");
	const struct path *here = PATH_FIELD(at, "spec");
	int gated = value_count(value_get(was, "schedulingGates")) > 0;
	CLEANUP_VALUE struct value *like = NULL;

	if (!old || !value_is(spec, VALUE_MAP) || value_equal(spec, was))
		return;
	like = value_ref(spec);
	for (size_t i = 0; i < ARRAY_LEN(free_fields); i++)
		like = value_set(like, free_fields[i], value_ref(value_get(was, free_fields[i])));
	like = with_images(like, was, "containers");
	like = with_images(like, was, "initContainers");
	if (gated) { /* a gated pod may still be told where to go */
		like = value_set(like, "nodeSelector", value_ref(value_get(was, "nodeSelector")));
		like = value_set(like, "affinity", value_ref(value_get(was, "affinity")));
	}
	/* the scheduler (pods/binding) sets the node of a pod that has none */
	if (!value_get(was, "nodeName"))
		like = value_del(like, "nodeName");
	if (!value_equal(like, was)) {
		fault_add(faults, here, FAULT_FORBIDDEN, NULL,
			  "pod updates may not change fields other than "
			  "`spec.containers[*].image`,`spec.initContainers[*].image`,"
			  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to "
			  "existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to "
			  "be set to 1 if it was previously negative)");
		fault_set_code(faults, EPERM);
	}
	if (!keeps_tolerations(value_get(spec, "tolerations"), value_get(was, "tolerations")))
		say_immutable(faults, PATH_FIELD(here, "tolerations"), NULL,
			      "existing toleration can not be modified except its "
			      "tolerationSeconds");
	if (!only_removed(value_get(spec, "schedulingGates"), value_get(was, "schedulingGates"))) {
		say_forbidden(faults, PATH_FIELD(here, "schedulingGates"),
			      "only deletion is allowed, but found new scheduling gate");
		fault_set_code(faults, EPERM);
	}
	if (!value_equal(value_get(spec, "terminationGracePeriodSeconds"),
			 value_get(was, "terminationGracePeriodSeconds")) &&
	    !(value_int(value_get(was, "terminationGracePeriodSeconds"), 0) < 0 &&
	      value_int(value_get(spec, "terminationGracePeriodSeconds"), 0) == 1)) {
		say_forbidden(faults, here,
			      "pod updates may not change `spec.terminationGracePeriodSeconds`");
		fault_set_code(faults, EPERM);
	}
	check_deadline(spec, was, here, faults);
}
