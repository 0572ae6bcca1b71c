/* SPDX-License-Identifier: MIT */
/*
 * ConfigMaps and Secrets, Namespaces and Nodes, Events, Leases, PriorityClasses.
 * Source: Kubernetes pkg/apis/{core,coordination,scheduling}/validation.
 */
#include <errno.h>
#include <inttypes.h>

#include "objects/codec.h"
#include "objects/codec/base64.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

#define DATA_MAX     (1024 * 1024)
#define PRIORITY_MAX 1000000000 /* above are the system's own */

/* `immutable: true` closes data for good, and itself. */
static void check_closed(const struct value *now, const struct value *old,
			 const char *const *fields, struct faults *faults)
{
	static const char *const itself[] = {"immutable", NULL};

	if (!value_bool(value_get(old, "immutable"), 0))
		return;
	for (int pass = 0; pass < 2; pass++) {
		for (const char *const *f = pass ? fields : itself; *f; f++) {
			if (value_equal(value_get(now, *f), value_get(old, *f)))
				continue;
			say_forbidden(faults, PATH_FIELD(NULL, *f),
				      "field is immutable when `immutable` is set");
			fault_set_code(faults, EPERM);
		}
	}
}

void check_config_map(const struct value *now, const struct value *old, const struct value *root,
		      const struct path *at, struct faults *faults)
{
	static const char *const fields[] = {"data", "binaryData", NULL};
	const struct value *data = value_get(now, "data"), *binary = value_get(now, "binaryData");
	size_t total = 0;

	for (size_t i = 0; i < value_count(data); i++) {
		const char *key = value_key_at(data, i);

		if (value_get(binary, key))
			say_text(faults, PATH_KEY(PATH_FIELD(at, "data"), key), key,
				 "duplicate of key present in binaryData");
		total += value_strlen(value_at(data, i));
	}
	for (size_t i = 0; i < value_count(binary); i++)
		total += base64_size(value_str(value_at(binary, i), ""),
				     value_strlen(value_at(binary, i)));
	if (total > DATA_MAX)
		fault_add(faults, at, FAULT_TOO_LONG, NULL, "may not be more than %d bytes",
			  DATA_MAX);
	check_closed(now, old, fields, faults);
}

static void need_key(const struct value *data, const char *key, struct faults *faults)
{
	if (!value_get(data, key))
		say_required(faults, PATH_KEY(PATH_FIELD(NULL, "data"), key), "");
}

static void check_docker(const struct value *data, const char *key, struct faults *faults)
{
	const struct value *v = value_get(data, key);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_VALUE struct value *parsed = NULL;

	need_key(data, key, faults);
	if (!v)
		return;
	if (base64_decode(value_str(v, ""), value_strlen(v), &text))
		parsed = json_parse(buf_str(&text), text.len, NULL);
	if (!value_is(parsed, VALUE_MAP))
		fault_add(faults, PATH_KEY(PATH_FIELD(NULL, "data"), key), FAULT_INVALID, NULL,
			  "%s", "<secret contents redacted>: must be a JSON object");
}

static void check_secret_type(const struct value *now, struct faults *faults)
{
	const struct value *data = value_get(now, "data");
	const char *type = text_of(now, "type");

	if (str_eq(type, "kubernetes.io/service-account-token")) {
		static const char key[] = "kubernetes.io/service-account.name";

		if (!value_strlen(value_dig(now, "metadata", "annotations", key, NULL)))
			say_required(
				faults,
				PATH_KEY(PATH_FIELD(PATH_FIELD(NULL, "metadata"), "annotations"),
					 key),
				"");
	} else if (str_eq(type, "kubernetes.io/dockercfg")) {
		check_docker(data, ".dockercfg", faults);
	} else if (str_eq(type, "kubernetes.io/dockerconfigjson")) {
		check_docker(data, ".dockerconfigjson", faults);
	} else if (str_eq(type, "kubernetes.io/basic-auth")) {
		if (!value_get(data, "username") && !value_get(data, "password")) {
			need_key(data, "username", faults);
			need_key(data, "password", faults);
		}
	} else if (str_eq(type, "kubernetes.io/ssh-auth")) {
		if (!value_strlen(value_get(data, "ssh-privatekey")))
			say_required(faults, PATH_KEY(PATH_FIELD(NULL, "data"), "ssh-privatekey"),
				     "");
	} else if (str_eq(type, "kubernetes.io/tls")) {
		need_key(data, "tls.crt", faults);
		need_key(data, "tls.key", faults);
	}
}

void check_secret(const struct value *now, const struct value *old, const struct value *root,
		  const struct path *at, struct faults *faults)
{
	static const char *const fields[] = {"data", NULL};
	const struct value *data = value_get(now, "data");
	size_t total = 0;

	for (size_t i = 0; i < value_count(data); i++)
		total += base64_size(value_str(value_at(data, i), ""),
				     value_strlen(value_at(data, i)));
	if (total > DATA_MAX)
		fault_add(faults, PATH_FIELD(at, "data"), FAULT_TOO_LONG, NULL,
			  "may not be more than %d bytes", DATA_MAX);
	check_secret_type(now, faults);
	check_closed(now, old, fields, faults);
}

void check_namespace(const struct value *now, const struct value *old, const struct value *root,
		     const struct path *at, struct faults *faults)
{
	const struct value *list = value_dig(now, "spec", "finalizers", NULL);

	at = PATH_FIELD(PATH_FIELD(at, "spec"), "finalizers");
	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = value_str(value_at(list, i), "");
		const char *why = text_label_key(name);

		if (!why && !strchr(name, '/') && !str_eq(name, "kubernetes"))
			why = "name is neither a standard finalizer name nor is it fully "
			      "qualified";
		say_text(faults, at, name, why);
	}
}

static void check_taints(const struct value *list, const struct path *at, struct faults *faults)
{
	static const char *const effects[] = {"NoSchedule", "PreferNoSchedule", "NoExecute", NULL};
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *t = value_at(list, i), *effect = value_get(t, "effect");
		const char *key = text_of(t, "key"), *v = text_of(t, "value");
		const struct path *here = PATH_INDEX(at, i);
		CLEANUP_FREE char *pair = xasprintf("%s:%s", key, value_str(effect, ""));

		say_text(faults, PATH_FIELD(here, "key"), key, text_label_key(key));
		say_text(faults, PATH_FIELD(here, "value"), v, text_label_value(v));
		if (value_strlen(effect))
			check_enum(effects, effect, PATH_FIELD(here, "effect"), faults);
		if (strmap_set(&seen, pair, (void *)1))
			say_duplicate(faults, here, pair);
	}
	strmap_fini(&seen);
}

void check_node(const struct value *now, const struct value *old, const struct value *root,
		const struct path *at, struct faults *faults)
{
	static const char *const once[] = {"providerID", "podCIDR"};
	const struct value *spec = value_get(now, "spec"), *was = value_get(old, "spec");
	const struct value *ranges = value_get(spec, "podCIDRs");

	at = PATH_FIELD(at, "spec");
	check_taints(value_get(spec, "taints"), PATH_FIELD(at, "taints"), faults);
	for (size_t i = 0; i < value_count(ranges); i++) {
		const char *range = value_str(value_at(ranges, i), "");

		say_text(faults, PATH_INDEX(PATH_FIELD(at, "podCIDRs"), i), range,
			 text_cidr(range));
	}
	for (size_t i = 0; i < ARRAY_LEN(once); i++) {
		const char *before = text_of(was, once[i]);

		if (!*before || str_eq(before, text_of(spec, once[i])))
			continue;
		fault_add(faults, PATH_FIELD(at, once[i]), FAULT_FORBIDDEN, NULL,
			  "node updates may not change %s except from \"\" to valid", once[i]);
		fault_set_code(faults, EPERM);
	}
}

/* An event that says when it was (eventTime) says who saw what, too. */
static void check_new_event(const struct value *now, const char *who, const char *text,
			    const struct path *at, struct faults *faults)
{
	const struct {
		const char *field;
		size_t max;
		int required;
	} texts[] = {{who, 0, 1},
		     {"reportingInstance", 128, 1},
		     {"action", 128, 1},
		     {"reason", 128, 1},
		     {text, 1024, 0}};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const char *s = text_of(now, texts[i].field);
		const struct path *here = PATH_FIELD(at, texts[i].field);

		if (!*s && texts[i].required)
			say_required(faults, here, "");
		else if (i == 0)
			say_text(faults, here, s, text_label_key(s));
		else if (strlen(s) > texts[i].max)
			fault_add(faults, here, FAULT_INVALID, NULL,
				  "can have at most %zu characters", texts[i].max);
	}
}

/* Both kinds of Event: the core group's and events.k8s.io. */
void check_event(const struct value *now, const struct value *old, const struct value *root,
		 const struct path *at, struct faults *faults)
{
	int core = str_eq(text_of(now, "apiVersion"), "v1");
	const char *about = core ? "involvedObject" : "regarding";
	const char *ns = value_str(value_dig(now, about, "namespace", NULL), "");
	const char *own = value_str(value_dig(now, "metadata", "namespace", NULL), "");
	int is_new = !core || value_get(now, "eventTime");
	/* about something without a namespace: in `default` (or `kube-system`) */
	int agree = *ns ? str_eq(ns, own)
			: str_eq(own, "default") || (is_new && str_eq(own, "kube-system"));

	if (!agree)
		say_text(faults, PATH_FIELD(PATH_FIELD(at, about), "namespace"), ns,
			 "does not match event.namespace");
	if (is_new && !old)
		check_new_event(now, core ? "reportingComponent" : "reportingController",
				core ? "message" : "note", at, faults);
}

void check_lease_spec(const struct value *now, const struct value *old, const struct value *root,
		      const struct path *at, struct faults *faults)
{
	const struct value *duration = value_get(now, "leaseDurationSeconds");
	const struct value *moves = value_get(now, "leaseTransitions");

	if (*text_of(now, "preferredHolder") && !*text_of(now, "strategy"))
		say_forbidden(faults, PATH_FIELD(at, "preferredHolder"),
			      "may only be specified if `strategy` is defined");
	if (duration && value_int(duration, 0) <= 0)
		say_invalid(faults, PATH_FIELD(at, "leaseDurationSeconds"), duration,
			    "must be greater than 0");
	if (moves && value_int(moves, 0) < 0)
		say_invalid(faults, PATH_FIELD(at, "leaseTransitions"), moves,
			    "must be greater than or equal to 0");
}

void check_priority_class(const struct value *now, const struct value *old,
			  const struct value *root, const struct path *at, struct faults *faults)
{
	static const struct {
		const char *name;
		int64_t value;
	} known[] = {{"system-node-critical", 2000001000}, {"system-cluster-critical", 2000000000}};
	const char *name = value_str(value_dig(now, "metadata", "name", NULL), "");
	int64_t value = value_int(value_get(now, "value"), 0);

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(name, known[i].name) && value == known[i].value)
			return;
	if (str_starts(name, "system-"))
		fault_add(faults, PATH_FIELD(PATH_FIELD(at, "metadata"), "name"), FAULT_FORBIDDEN,
			  NULL,
			  "priority class names with 'system-' prefix are reserved for system use "
			  "only. error: %s is not a known system priority class",
			  name);
	else if (value > PRIORITY_MAX)
		fault_add(faults, PATH_FIELD(at, "value"), FAULT_FORBIDDEN, NULL,
			  "maximum allowed value of a user defined priority is %d", PRIORITY_MAX);
}
