/* SPDX-License-Identifier: MIT */
/*
 * CustomResourceDefinitions.
 * Source: apiextensions-apiserver pkg/apis/apiextensions/validation/validation.go.
 */
#include "objects/custom.h"
#include "objects/custom/expressions.h"
#include "objects/schema/field_key.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/expressions.h"
#include "objects/validation/say.h"
#include "objects/validation/structural.h"

/* -- names -- */

static void check_label(const struct value *v, const struct path *at, struct faults *faults)
{
	say_text(faults, at, value_str(v, ""), text_dns_1035_label(value_str(v, "")));
}

static void check_kind_name(const struct value *names, const char *key, const struct path *at,
			    struct faults *faults)
{
	const struct value *v = value_get(names, key);
	CLEANUP_FREE char *low = xstrdup(value_str(v, ""));
	const char *why;

	if (!*low)
		return; /* the tables say that it is required */
	for (char *p = low; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	why = text_dns_1035_label(low);
	if (why)
		fault_add(faults, PATH_FIELD(at, key), FAULT_INVALID, v,
			  "may have mixed case, but should otherwise match: %s", why);
}

static void check_names(const struct value *names, const struct path *at, struct faults *faults)
{
	static const char *const labels[] = {"plural", "singular"};
	static const char *const lists[] = {"shortNames", "categories"};
	const struct value *list_kind = value_get(names, "listKind");

	for (size_t i = 0; i < ARRAY_LEN(labels); i++)
		if (value_strlen(value_get(names, labels[i])))
			check_label(value_get(names, labels[i]), PATH_FIELD(at, labels[i]), faults);
	check_kind_name(names, "kind", at, faults);
	check_kind_name(names, "listKind", at, faults);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct value *list = value_get(names, lists[i]);

		for (size_t j = 0; j < value_count(list); j++)
			check_label(value_at(list, j), PATH_INDEX(PATH_FIELD(at, lists[i]), j),
				    faults);
	}
	if (value_strlen(list_kind) && value_equal(list_kind, value_get(names, "kind")))
		say_invalid(faults, PATH_FIELD(at, "listKind"), list_kind,
			    "kind and listKind may not be the same");
}

static void check_group(const struct value *spec, const struct path *at, struct faults *faults)
{
	const char *group = text_of(spec, "group"), *why = text_dns_subdomain(group);

	if (!*group)
		return;
	if (why)
		say_text(faults, PATH_FIELD(at, "group"), group, why);
	else if (!strchr(group, '.'))
		say_text(faults, PATH_FIELD(at, "group"), group,
			 "should be a domain with at least one dot");
}

/* Groups of Kubernetes itself want somebody's approval. */
static void check_approval(const struct value *obj, struct faults *faults)
{
	static const char key[] = "api-approved.kubernetes.io";
	const char *group = value_str(value_dig(obj, "spec", "group", NULL), "");
	const char *approved = value_dig_str(obj, "metadata", "annotations", key, NULL);
	const struct path *at = PATH_FIELD(PATH_FIELD(NULL, "metadata"), "annotations");

	if (!str_ends(group, ".k8s.io") && !str_ends(group, ".kubernetes.io"))
		return;
	if (!approved)
		say_required(faults, PATH_KEY(at, key),
			     "protected groups must have approval annotation "
			     "\"api-approved.kubernetes.io\", see "
			     "https://github.com/kubernetes/enhancements/pull/1111");
}

/* -- subresources, columns, selectable fields -- */

/* Keys, and for columns the brackets that objects/print/ knows. */
static int is_simple_path(const char *p)
{
	if (*p != '.' || !p[1])
		return 0;
	for (; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == '{' || *p == '}' ||
		    (*p == '.' && p[1] == '.'))
			return 0;
	return p[-1] != '.';
}

static void check_path(const struct value *map, const char *key, const char *below,
		       const char *or_below, const char *why, const struct path *at,
		       struct faults *faults)
{
	const struct value *v = value_get(map, key);
	const char *s = value_str(v, "");

	if (!*s)
		return;
	if (!is_simple_path(s))
		say_invalid(faults, PATH_FIELD(at, key), v,
			    "is invalid: must be a simple json path starting with .");
	else if (below && !str_starts(s, below) && !str_starts(s, or_below))
		say_invalid(faults, PATH_FIELD(at, key), v, why);
}

static void check_subresources(const struct value *sub, const struct path *at,
			       struct faults *faults)
{
	const struct value *scale = value_get(sub, "scale");

	at = PATH_FIELD(PATH_FIELD(at, "subresources"), "scale");
	check_path(scale, "specReplicasPath", ".spec.", ".spec.",
		   "should be a json path under .spec", at, faults);
	check_path(scale, "statusReplicasPath", ".status.", ".status.",
		   "should be a json path under .status", at, faults);
	check_path(scale, "labelSelectorPath", ".status.", ".spec.",
		   "should be a json path under either .status or .spec", at, faults);
}

static void check_columns(const struct value *list, const struct path *at, struct faults *faults)
{
	static const char *const types[] = {"boolean", "date", "integer", "number", "string", NULL};

	at = PATH_FIELD(at, "additionalPrinterColumns");
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *c = value_at(list, i), *type = value_get(c, "type");
		const struct path *here = PATH_INDEX(at, i);
		int known = 0;

		for (const char *const *t = types; *t; t++)
			known |= str_eq(*t, value_str(type, ""));
		if (value_strlen(type) && !known)
			say_invalid(faults, PATH_FIELD(here, "type"), type,
				    "must be one of boolean,date,integer,number,string");
		check_path(c, "jsonPath", NULL, NULL, NULL, here, faults);
	}
}

#define SELECTABLE_MAX       8u
#define SELECTABLE_LOOKED_AT 64u /* of more than that some are too many, or repeated: said so */

/* Is there an earlier one of this path? */
static int is_repeated(const struct value *list, size_t i)
{
	const char *path = text_of(value_at(list, i), "jsonPath");

	for (size_t j = 0; j < i; j++)
		if (str_eq(text_of(value_at(list, j), "jsonPath"), path))
			return 1;
	return 0;
}

static int is_below_metadata(const char *path)
{
	return str_starts(path, ".metadata.") || str_starts(path, ".metadata[") ||
	       str_eq(path, ".metadata");
}

/* schema: of whole objects. */
static void check_selectable_path(const struct schema *schema, const struct value *path,
				  const struct path *at, struct faults *faults)
{
	const char *text = value_str(path, "");
	const struct schema *s = *text == '.' ? schema_at_keys(schema, text) : NULL;

	if (!s)
		say_invalid(faults, PATH_FIELD(at, "jsonPath"), path,
			    "is an invalid path: does not refer to a valid field");
	else if (is_below_metadata(text))
		say_invalid(faults, at, path, "must not point to fields in metadata");
	else if (s->type != SCHEMA_STRING && s->type != SCHEMA_BOOL && s->type != SCHEMA_INT)
		say_invalid(faults, at, path,
			    "must point to a field of type string, boolean or integer. Enum string "
			    "fields and strings with formats are allowed.");
}

static void check_selectable(const struct value *version, const struct path *at,
			     struct faults *faults)
{
	const struct value *list = value_get(version, "selectableFields");
	CLEANUP(custom_version_unrefp) const struct custom_version *v = NULL;
	size_t n_unique = 0;

	if (!value_count(list))
		return;
	at = PATH_FIELD(at, "selectableFields");
	v = custom_compile(version);
	for (size_t i = 0; i < value_count(list) && i < SELECTABLE_LOOKED_AT; i++) {
		const struct value *path = value_get(value_at(list, i), "jsonPath");

		if (!value_strlen(path))
			continue; /* required: said already */
		if (is_repeated(list, i)) {
			say_duplicate(faults, PATH_INDEX(at, i), value_str(path, ""));
			continue;
		}
		n_unique++;
		check_selectable_path(v->schema, path, PATH_INDEX(at, i), faults);
	}
	if (n_unique > SELECTABLE_MAX)
		fault_add(faults, at, FAULT_TOO_MANY, NULL, "%zu: must have at most %u items",
			  n_unique, SELECTABLE_MAX);
}

/* -- defaults: they have to be what the schema allows -- */

static void check_defaults(const struct schema *s, const struct path *at, struct faults *faults)
{
	if (!s->structural || faults->n >= FAULTS_MAX)
		return;
	if (s->type == SCHEMA_LIST)
		check_defaults(s->items, PATH_FIELD(at, "items"), faults);
	else if (s->type == SCHEMA_MAP)
		check_defaults(s->items, PATH_FIELD(at, "additionalProperties"), faults);
	for (size_t i = 0; s->type == SCHEMA_STRUCT && i < s->n_fields; i++) {
		const struct schema_field *f = &s->fields[i];
		const struct path *here = PATH_KEY(PATH_FIELD(at, "properties"), f->name);
		size_t before = faults->n;

		check_defaults(f->schema, here, faults);
		if (!f->dflt || (f->schema->nullable && value_is(f->dflt, VALUE_NULL)))
			continue;
		here = PATH_FIELD(here, "default");
		value_unref(schema_decode(f->schema, value_ref(f->dflt), here, faults));
		if (faults->n == before)
			schema_validate(f->schema, f->dflt, here, faults);
		if (faults->n == before)
			expressions_check(f->schema, f->dflt, NULL, here, faults);
	}
}

/* -- versions -- */

static void check_schema(const struct value *version, const struct path *at, struct faults *faults)
{
	const struct value *js = value_dig(version, "schema", "openAPIV3Schema", NULL);
	CLEANUP(custom_version_unrefp) const struct custom_version *v = NULL;
	size_t before = faults->n;

	at = PATH_FIELD(PATH_FIELD(at, "schema"), "openAPIV3Schema");
	if (!js) {
		say_required(faults, at, "schemas are required");
		return;
	}
	check_structural(js, at, faults);
	if (faults->n > before)
		return;
	v = custom_compile(version);
	check_definition_expressions(v->schema, at, faults);
	check_defaults(v->schema, at, faults);
}

static void check_version(const struct value *version, const struct path *at, struct faults *faults)
{
	const struct value *name = value_get(version, "name");
	size_t before;

	if (value_strlen(name))
		check_label(name, PATH_FIELD(at, "name"), faults);
	before = faults->n;
	check_schema(version, at, faults);
	check_subresources(value_get(version, "subresources"), at, faults);
	check_columns(value_get(version, "additionalPrinterColumns"), at, faults);
	if (faults->n == before) /* a schema that is one */
		check_selectable(version, at, faults);
}

static int has_version(const struct value *versions, const char *name)
{
	for (size_t i = 0; i < value_count(versions); i++)
		if (str_eq(text_of(value_at(versions, i), "name"), name))
			return 1;
	return 0;
}

#define VERSIONS_MAX 64

static void check_versions(const struct value *versions, const struct path *at,
			   struct faults *faults)
{
	size_t n = value_count(versions), n_storage = 0;
	int unique = 1;

	at = PATH_FIELD(at, "versions");
	if (n > VERSIONS_MAX) {
		fault_add(faults, at, FAULT_TOO_MANY, NULL, "%zu: must have at most %d items", n,
			  VERSIONS_MAX);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct value *v = value_at(versions, i);

		n_storage += value_bool(value_get(v, "storage"), 0);
		for (size_t j = 0; j < i; j++)
			unique &=
				!str_eq(text_of(v, "name"), text_of(value_at(versions, j), "name"));
		check_version(v, PATH_INDEX(at, i), faults);
	}
	if (!unique)
		say_invalid(faults, at, NULL, "must contain unique version names");
	if (n && n_storage != 1)
		say_invalid(faults, at, NULL,
			    "must have exactly one version marked as storage version");
}

static void check_conversion(const struct value *spec, const struct path *at, struct faults *faults)
{
	static const char *const strategies[] = {"None", "Webhook", NULL};
	const struct value *c = value_get(spec, "conversion"), *how = value_get(c, "strategy");
	const struct value *client = value_dig(c, "webhook", "clientConfig", NULL);

	at = PATH_FIELD(at, "conversion");
	if (value_strlen(how))
		check_enum(strategies, how, PATH_FIELD(at, "strategy"), faults);
	if (str_eq(value_str(how, NULL), "Webhook") && !client)
		say_required(faults, PATH_FIELD(PATH_FIELD(at, "webhook"), "clientConfig"),
			     "required when strategy is set to Webhook");
	if (!str_eq(value_str(how, NULL), "Webhook") && value_get(c, "webhook"))
		say_forbidden(faults, PATH_FIELD(at, "webhook"),
			      "should not be set when strategy is not set to Webhook");
}

/* -- the whole -- */

static int was_established(const struct value *old)
{
	const struct value *list = value_dig(old, "status", "conditions", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(text_of(value_at(list, i), "type"), "Established"))
			return str_eq(text_of(value_at(list, i), "status"), "True");
	return 0;
}

static void check_fixed(const struct value *now, const struct value *old, const char *key,
			const struct path *at, struct faults *faults)
{
	if (!value_equal(value_get(now, key), value_get(old, key)))
		say_immutable(faults, PATH_FIELD(at, key), value_get(now, key),
			      "field is immutable");
}

static void check_update(const struct value *now, const struct value *old, struct faults *faults)
{
	const struct value *spec = value_get(now, "spec"), *was = value_get(old, "spec");
	const struct value *stored = value_dig(old, "status", "storedVersions", NULL);
	const struct path *at = PATH_FIELD(NULL, "spec");

	check_fixed(spec, was, "group", at, faults);
	check_fixed(value_get(spec, "names"), value_get(was, "names"), "plural",
		    PATH_FIELD(at, "names"), faults);
	if (was_established(old)) {
		check_fixed(spec, was, "scope", at, faults);
		check_fixed(value_get(spec, "names"), value_get(was, "names"), "kind",
			    PATH_FIELD(at, "names"), faults);
	}
	for (size_t i = 0; i < value_count(stored); i++)
		if (!has_version(value_get(spec, "versions"), value_str(value_at(stored, i), "")))
			say_invalid(
				faults,
				PATH_INDEX(PATH_FIELD(PATH_FIELD(NULL, "status"), "storedVersions"),
					   i),
				value_at(stored, i), "must appear in spec.versions");
}

void check_definition(const struct value *now, const struct value *old, const struct value *root,
		      const struct path *path, struct faults *faults)
{
	const struct value *spec = value_get(now, "spec"), *names = value_get(spec, "names");
	const struct value *name = value_dig(now, "metadata", "name", NULL);
	const struct path *at = PATH_FIELD(NULL, "spec");
	CLEANUP_FREE char *wanted =
		xasprintf("%s.%s", text_of(names, "plural"), text_of(spec, "group"));

	if (value_strlen(value_get(names, "plural")) && value_strlen(value_get(spec, "group")) &&
	    !str_eq(value_str(name, ""), wanted))
		say_invalid(faults, PATH_FIELD(PATH_FIELD(NULL, "metadata"), "name"), name,
			    "must be spec.names.plural+\".\"+spec.group");
	check_group(spec, at, faults);
	if (!old)
		check_approval(now, faults);
	check_names(names, PATH_FIELD(at, "names"), faults);
	if (value_bool(value_get(spec, "preserveUnknownFields"), 0))
		say_invalid(faults, PATH_FIELD(at, "preserveUnknownFields"),
			    value_get(spec, "preserveUnknownFields"), "must be false");
	check_versions(value_get(spec, "versions"), at, faults);
	check_conversion(spec, at, faults);
	if (old)
		check_update(now, old, faults);
}
