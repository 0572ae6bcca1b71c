/* SPDX-License-Identifier: MIT */
/*
 * Metadata of objects and of templates, label selectors and conditions: the
 * rules that every kind shares.
 * Source: apimachinery pkg/api/validation/objectmeta.go.
 */
#include "objects/validation/checks.h"

#include <errno.h>

#include "objects/schema/text.h"
#include "util/strmap.h"

#define ANNOTATIONS_MAX (256 * 1024)

const char *const operators_set[] = {"DoesNotExist", "Exists", "In", "NotIn", NULL};

static void add_invalid(struct faults *faults, const struct path *at, const char *bad,
			const char *why)
{
	CLEANUP_VALUE struct value *v = value_new_string(bad);

	fault_add(faults, at, FAULT_INVALID, v, "%s", why);
}

void check_labels(const struct value *labels, const struct path *at, struct faults *faults)
{
	for (size_t i = 0; i < value_count(labels); i++) {
		const char *key = value_key_at(labels, i);
		const char *text = value_str(value_at(labels, i), "");
		const char *why = text_label_key(key);

		if (why)
			add_invalid(faults, at, key, why);
		why = text_label_value(text);
		if (why)
			add_invalid(faults, at, text, why);
	}
}

void check_annotations(const struct value *map, const struct path *at, struct faults *faults)
{
	size_t total = 0;

	for (size_t i = 0; i < value_count(map); i++) {
		const char *key = value_key_at(map, i), *why;
		CLEANUP_FREE char *low = xstrdup(key);

		for (char *p = low; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p += 'a' - 'A';
		why = text_label_key(low); /* upper case prefixes are allowed here */
		if (why)
			add_invalid(faults, at, key, why);
		total += strlen(key) + value_strlen(value_at(map, i));
	}
	if (total > ANNOTATIONS_MAX)
		fault_add(faults, at, FAULT_TOO_LONG, NULL, "may not be more than %d bytes",
			  ANNOTATIONS_MAX);
}

static void check_owners(const struct value *owners, const struct path *at, struct faults *faults)
{
	static const struct {
		const char *field, *word;
	} needed[] = {
		{"apiVersion", "version"}, {"kind", "kind"}, {"name", "name"}, {"uid", "uid"}};
	size_t controllers = 0;

	for (size_t i = 0; i < value_count(owners); i++) {
		const struct value *o = value_at(owners, i);

		for (size_t j = 0; j < ARRAY_LEN(needed); j++) {
			if (*value_str(value_get(o, needed[j].field), ""))
				continue;
			CLEANUP_VALUE struct value *empty = value_new_string("");
			fault_add(faults, PATH_FIELD(PATH_UNSAID(at, i), needed[j].field),
				  FAULT_INVALID, empty, "%s must not be empty", needed[j].word);
		}
		controllers += value_bool(value_get(o, "controller"), 0);
	}
	if (controllers > 1)
		fault_add(faults, at, FAULT_INVALID, NULL,
			  "Only one reference can have Controller set to true. Found \"true\" in "
			  "references for %zu owners",
			  controllers);
}

/* Objects of built-in kinds have finalizers of a domain, or one of those that are as old as they. */
static void check_finalizers(const struct value *list, int built_in, const struct path *at,
			     struct faults *faults)
{
	int orphan = 0, foreground = 0;

	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = value_str(value_at(list, i), "");
		const char *why = text_label_key(name);

		if (why) /* which of them, Kubernetes does not say */
			add_invalid(faults, PATH_UNSAID(at, i), name, why);
		if (built_in && !strchr(name, '/') && !str_eq(name, "orphan") &&
		    !str_eq(name, "foregroundDeletion") && !str_eq(name, "kubernetes"))
			add_invalid(faults, PATH_INDEX(at, i), name,
				    "name is neither a standard finalizer name nor is it fully "
				    "qualified");
		orphan |= str_eq(name, "orphan");
		foreground |= str_eq(name, "foregroundDeletion");
	}
	if (orphan && foreground)
		fault_add(faults, at, FAULT_INVALID, NULL,
			  "finalizer orphan and foregroundDeletion cannot be both set");
}

static void check_name(const struct kind *k, const struct value *meta, const struct path *at,
		       struct faults *faults)
{
	const struct value *name = value_get(meta, "name");
	const char *generate = value_str(value_get(meta, "generateName"), "");
	const char *why;

	if (*generate) {
		CLEANUP_FREE char *base = xstrdup(generate);
		size_t n = strlen(base);

		if (n > 1 && base[n - 1] == '-')
			base[n - 1] = 'a'; /* a prefix may end in a dash */
		why = text_check(k->name_format, base);
		if (why)
			add_invalid(faults, PATH_FIELD(at, "generateName"), generate, why);
	}
	if (value_strlen(name)) {
		why = text_check(k->name_format, value_str(name, ""));
		if (why)
			fault_add(faults, PATH_FIELD(at, "name"), FAULT_INVALID, name, "%s", why);
	} else if (!*generate) {
		fault_add(faults, PATH_FIELD(at, "name"), FAULT_REQUIRED, NULL,
			  "name or generateName is required");
	}
}

static void check_meta_namespace(const struct kind *k, const struct value *meta,
				 const struct path *at, struct faults *faults)
{
	const struct value *ns = value_get(meta, "namespace");
	const char *why;

	at = PATH_FIELD(at, "namespace");
	if (!(k->flags & KIND_NAMESPACED)) {
		if (value_strlen(ns))
			fault_add(faults, at, FAULT_FORBIDDEN, NULL, "not allowed on this type");
		return;
	}
	if (!value_strlen(ns)) {
		fault_add(faults, at, FAULT_REQUIRED, NULL, "%s", "");
		return;
	}
	why = text_dns_label(value_str(ns, ""));
	if (why)
		fault_add(faults, at, FAULT_INVALID, ns, "%s", why);
}

/* An object that is being deleted gets no new reason to stay. */
static void check_new_finalizers(const struct value *now, const struct value *old,
				 const struct path *at, struct faults *faults)
{
	const struct value *list = value_get(now, "finalizers"),
			   *was = value_get(old, "finalizers");
	struct strmap names = STRMAP_INIT;

	if (!value_get(old, "deletionTimestamp") || value_equal(list, was))
		return;
	for (size_t i = 0; i < value_count(was); i++)
		strmap_set(&names, value_str(value_at(was, i), ""), (void *)1);
	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = value_str(value_at(list, i), "");

		if (!strmap_get(&names, name))
			fault_add(faults, PATH_FIELD(at, "finalizers"), FAULT_FORBIDDEN, NULL,
				  "no new finalizers can be added if the object is being deleted, "
				  "found new finalizers [\"%s\"]",
				  name);
	}
	strmap_fini(&names);
}

/* What may not change as long as the object lives. */
static void check_update(const struct value *now, const struct value *old, const struct path *at,
			 struct faults *faults)
{
	static const char *const fixed[] = {"name",
					    "namespace",
					    "uid",
					    "creationTimestamp",
					    "deletionTimestamp",
					    "deletionGracePeriodSeconds"};

	for (size_t i = 0; i < ARRAY_LEN(fixed); i++) {
		const struct value *a = value_get(now, fixed[i]), *b = value_get(old, fixed[i]);

		if ((!a && i >= 2) || (!b && i >= 4) || value_equal(a, b))
			continue; /* left out: the server keeps what it made */
		fault_add(faults, PATH_FIELD(at, fixed[i]), FAULT_INVALID, a, "field is immutable");
		fault_set_code(faults, EPERM);
	}
}

void check_metadata(const struct kind *k, const struct value *now, const struct value *old,
		    struct faults *faults)
{
	const struct path *at = PATH_FIELD(NULL, "metadata");

	check_name(k, now, at, faults);
	check_meta_namespace(k, now, at, faults);
	check_labels(value_get(now, "labels"), PATH_FIELD(at, "labels"), faults);
	check_annotations(value_get(now, "annotations"), PATH_FIELD(at, "annotations"), faults);
	check_owners(value_get(now, "ownerReferences"), PATH_FIELD(at, "ownerReferences"), faults);
	check_finalizers(value_get(now, "finalizers"), !k->schema->structural,
			 PATH_FIELD(at, "finalizers"), faults);
	if (value_int(value_get(now, "generation"), 0) < 0)
		fault_add(faults, PATH_FIELD(at, "generation"), FAULT_INVALID,
			  value_get(now, "generation"), "must be greater than or equal to 0");
	if (old) {
		check_update(now, old, at, faults);
		check_new_finalizers(now, old, at, faults);
	}
}

/* Kubernetes names the labels of a template without the `metadata` above them. */
void check_pod_template(const struct value *now, const struct value *old, const struct value *root,
			const struct path *at, struct faults *faults)
{
	const struct value *meta = value_get(now, "metadata");

	check_labels(value_get(meta, "labels"), PATH_FIELD(at, "labels"), faults);
	check_annotations(value_get(meta, "annotations"), PATH_FIELD(at, "annotations"), faults);
}

static void check_requirement(const struct value *r, const struct path *at, struct faults *faults)
{
	const struct value *key = value_get(r, "key"), *values = value_get(r, "values");
	const char *op = value_str(value_get(r, "operator"), ""), *why;
	int wants = str_eq(op, "In") || str_eq(op, "NotIn");

	if (wants && !value_count(values))
		fault_add(faults, PATH_FIELD(at, "values"), FAULT_REQUIRED, NULL,
			  "must be specified when `operator` is 'In' or 'NotIn'");
	else if ((str_eq(op, "Exists") || str_eq(op, "DoesNotExist")) && value_count(values))
		fault_add(faults, PATH_FIELD(at, "values"), FAULT_FORBIDDEN, NULL,
			  "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
	else if (!wants && !str_eq(op, "Exists") && !str_eq(op, "DoesNotExist"))
		fault_add(faults, PATH_FIELD(at, "operator"), FAULT_INVALID,
			  value_get(r, "operator"), "not a valid selector operator");
	why = text_label_key(value_str(key, ""));
	if (why)
		add_invalid(faults, PATH_FIELD(at, "key"), value_str(key, ""), why);
	for (size_t i = 0; i < value_count(values); i++) {
		why = text_label_value(value_str(value_at(values, i), ""));
		if (why)
			fault_add(faults, PATH_INDEX(PATH_FIELD(at, "values"), i), FAULT_INVALID,
				  value_at(values, i), "%s", why);
	}
}

void check_label_selector(const struct value *now, const struct value *old,
			  const struct value *root, const struct path *at, struct faults *faults)
{
	const struct value *list = value_get(now, "matchExpressions");

	check_labels(value_get(now, "matchLabels"), PATH_FIELD(at, "matchLabels"), faults);
	for (size_t i = 0; i < value_count(list); i++)
		check_requirement(value_at(list, i),
				  PATH_INDEX(PATH_FIELD(at, "matchExpressions"), i), faults);
}
