/* SPDX-License-Identifier: MIT */
/* What each verb does with the current state of its object. */
#include "objects/api/api_i.h"

#include <errno.h>

#include "objects/apply.h"
#include "objects/patch.h"

const char *step_manager(const struct step *s)
{
	return s->r->manager ? s->r->manager : s->run->who->manager;
}

const char *step_subresource(const struct step *s)
{
	if (s->r->flags & API_STATUS)
		return "status";
	return s->r->flags & API_SCALE || str_eq(s->r->sub, "scale") ? "scale" : "";
}

int request_resolve_key(struct api_request *r)
{
	const char *name = value_dig_str(r->body, "metadata", "name", NULL);
	const char *ns = value_dig_str(r->body, "metadata", "namespace", NULL);
	const char *prefix = value_dig_str(r->body, "metadata", "generateName", NULL);
	const struct path *meta = PATH_FIELD(NULL, "metadata");

	if (r->kind->flags & KIND_NAMESPACED) {
		if (!*r->ns) {
			free(r->ns);
			r->ns = xstrdup(ns && *ns ? ns : "default");
		} else if (ns && *ns && !str_eq(ns, r->ns)) {
			fault_add(&r->faults, PATH_FIELD(meta, "namespace"), FAULT_INVALID,
				  value_dig(r->body, "metadata", "namespace", NULL),
				  "the object belongs into the namespace \"%s\"", r->ns);
			return -EINVAL;
		}
	}
	if (r->name && *r->name) {
		if (name && *name && !str_eq(name, r->name)) {
			fault_add(&r->faults, PATH_FIELD(meta, "name"), FAULT_INVALID,
				  value_dig(r->body, "metadata", "name", NULL),
				  "the object's name is \"%s\" and cannot change", r->name);
			if (r->verb != API_CREATE && r->verb != API_APPLY)
				fault_set_code(&r->faults, EPERM);
			return -EINVAL;
		}
		return 0;
	}
	free(r->name);
	r->name = NULL;
	if (name && *name) {
		r->name = xstrdup(name);
	} else if (prefix && *prefix && r->verb == API_CREATE) {
		/* apiserver pkg/storage/names: the base is cut so that the name stays a label */
		r->name = xasprintf("%.58s12345", prefix);
		api_random_suffix(r->name + strlen(r->name) - 5, 5);
	} else {
		fault_add(&r->faults, PATH_FIELD(meta, "name"), FAULT_REQUIRED, NULL,
			  "name or generateName is required");
		return -EINVAL;
	}
	return 0;
}

int request_rename(struct api_request *r)
{
	const char *name = value_dig_str(r->body, "metadata", "name", NULL);

	if (r->verb != API_CREATE || (name && *name) ||
	    !value_dig_str(r->body, "metadata", "generateName", NULL))
		return 0;
	api_random_suffix(r->name + strlen(r->name) - 5, 5);
	return 1;
}

/* -- identity of the object that a body speaks of -- */

/* apiVersion and kind of a body are what they must be; missing ones are filled in. */
struct value *step_with_type(struct step *s, struct value *taken)
{
	const struct kind *k = s->r->kind;
	const char *version = value_dig_str(taken, "apiVersion", NULL);
	const char *kind = value_dig_str(taken, "kind", NULL);

	if (!value_is(taken, VALUE_MAP)) {
		fault_add_code(&s->r->faults, EINVAL,
			       "a map with apiVersion, kind and metadata was expected");
		value_unref(taken);
		return value_new_map();
	}
	if (!version)
		taken = value_set_str(taken, "apiVersion", kind_api_version(k));
	else if (!str_eq(version, kind_api_version(k)))
		fault_add(&s->r->faults, PATH_FIELD(NULL, "apiVersion"), FAULT_INVALID,
			  value_get(taken, "apiVersion"), "must be %s", kind_api_version(k));
	if (!kind)
		taken = value_set_str(taken, "kind", k->kind);
	else if (!str_eq(kind, k->kind))
		fault_add(&s->r->faults, PATH_FIELD(NULL, "kind"), FAULT_INVALID,
			  value_get(taken, "kind"), "must be %s", k->kind);
	return taken;
}

/* The versions that a write may demand: in its flags, and in its body. */
static void check_versions(struct step *s, const struct value *body)
{
	const char *rv = value_dig_str(body, "metadata", "resourceVersion", NULL);
	const char *uid = value_dig_str(body, "metadata", "uid", NULL);
	const char *live_rv = value_dig_str(s->live, "metadata", "resourceVersion", NULL);
	const char *live_uid = value_dig_str(s->live, "metadata", "uid", NULL);

	if (((s->r->flags & API_EXPECT_RV) && s->live_rv != s->r->expect_rv) ||
	    (rv && *rv && !str_eq(rv, live_rv)))
		fault_add_code(&s->r->faults, EBUSY,
			       "Operation cannot be fulfilled on %s \"%s\": the object has been "
			       "modified; please "
			       "apply your changes to the latest version and try again",
			       kind_resource(s->r->kind), s->r->name);
	else if (uid && *uid && !str_eq(uid, live_uid))
		fault_add_code(
			&s->r->faults, EBUSY,
			"Operation cannot be fulfilled on %s \"%s\": Precondition failed: UID in "
			"precondition: %s, UID in object meta: %s",
			kind_resource(s->r->kind), s->r->name, uid, live_uid ? live_uid : "");
}

static void not_found(struct step *s)
{
	if (!(s->r->flags & API_IF_EXISTS))
		fault_add_code(&s->r->faults, ENOENT, "%s \"%s\" not found",
			       kind_resource(s->r->kind), s->r->name);
}

/* -- the verbs -- */

static void take_create(struct step *s)
{
	const char *rv = value_dig_str(s->r->body, "metadata", "resourceVersion", NULL);

	if (s->live) {
		fault_add_code(&s->r->faults, EEXIST, "%s \"%s\" already exists",
			       kind_resource(s->r->kind), s->r->name);
		return;
	}
	if (rv && *rv && !str_eq(rv, "0")) {
		fault_add_code(&s->r->faults, EINVAL,
			       "resourceVersion should not be set on objects to be created");
		return;
	}
	step_create(s, value_ref(s->r->body), 1);
}

static void take_update(struct step *s)
{
	if (!s->live && (s->r->flags & API_UPSERT)) {
		step_create(s, value_ref(s->r->body), 1);
		return;
	}
	if (!s->live) {
		not_found(s);
		return;
	}
	check_versions(s, s->r->body);
	if (!s->r->faults.n)
		step_finish_update(s, value_ref(s->r->body), 1);
}

/* Writers that know one field, not the object: the edit is decoded as strictly as a manifest,
 * unless the daemon itself wrote it. */
static struct value *decode_edit(struct step *s, struct value *taken)
{
	return s->run->who->trusted ? taken
				    : schema_decode(s->r->kind->schema, taken, NULL, &s->r->faults);
}

static struct value *edit(struct step *s, struct value *taken)
{
	struct api_request *r = s->r;
	struct err err = ERR_INIT;
	struct value *next;

	switch (r->verb) {
	case API_PATCH_MERGE:
		return patch_merge(taken, r->body);
	case API_PATCH_JSON:
		return patch_json(taken, r->body, &r->faults);
	case API_PATCH_STRATEGIC:
		return patch_strategic(r->kind->schema, taken, r->body, &r->faults);
	default:
		next = r->mutate(r->mutate_arg, taken, &err);
		if (!next)
			fault_add_code(&r->faults, err.code ? err.code : EINVAL, "%s", err.msg);
		return next;
	}
}

static void take_edit(struct step *s)
{
	CLEANUP_VALUE struct value *next = NULL;

	if (!s->live && !(s->r->verb == API_MUTATE && (s->r->flags & API_UPSERT))) {
		not_found(s);
		return;
	}
	check_versions(s, s->r->verb == API_PATCH_MERGE || s->r->verb == API_PATCH_STRATEGIC
				  ? s->r->body
				  : NULL);
	if (s->r->faults.n)
		return;
	next = s->live ? value_ref(s->live)
		       : step_with_type(s, value_set(value_new_map(), "metadata", value_new_map()));
	next = edit(s, STEAL(next));
	if (!next || s->r->faults.n)
		return;
	if (next == s->live)
		return; /* untouched */
	next = decode_edit(s, STEAL(next));
	if (s->r->faults.n)
		return;
	if (s->live)
		step_finish_update(s, STEAL(next), 1);
	else
		step_create(s, STEAL(next), 1);
}

static void take_apply(struct step *s)
{
	struct api_request *r = s->r;
	struct field_writer who = {step_manager(s), step_subresource(s), s->now};
	CLEANUP_VALUE struct value *config = step_with_type(s, value_ref(r->body));
	struct faults decoding = FAULTS_INIT;
	struct value *merged;

	if (value_dig(config, "metadata", "managedFields", NULL))
		fault_add(&r->faults, PATH_FIELD(PATH_FIELD(NULL, "metadata"), "managedFields"),
			  FAULT_INVALID, NULL, "must be nil in a configuration that is applied");
	if (s->live)
		check_versions(s, config);
	if (r->faults.n)
		return;
	/* Names that the place implies (directory, file) are the manager's as if he had written
	 * them. */
	config = value_bury(STEAL(config), value_new_string(r->name), "metadata", "name", NULL);
	if (r->kind->flags & KIND_NAMESPACED)
		config = value_bury(STEAL(config), value_new_string(r->ns), "metadata", "namespace",
				    NULL);
	merged = apply_merge(r->kind, s->live, config, &who, !!(r->flags & API_FORCE), &r->faults);
	if (!merged || r->faults.n) {
		value_unref(merged);
		return;
	}
	merged = schema_decode(r->kind->schema, merged, NULL, &decoding);
	faults_fini(&decoding); /* the same as of the configuration, told already */
	if (s->live)
		step_finish_update(s, merged, 0);
	else
		step_create(s, merged, 0);
}

void step_take(struct step *s)
{
	switch (s->r->verb) {
	case API_CREATE:
		take_create(s);
		break;
	case API_UPDATE:
		take_update(s);
		break;
	case API_APPLY:
		take_apply(s);
		break;
	case API_DELETE:
		if (s->live)
			step_delete(s);
		else
			not_found(s);
		break;
	case API_REVIEW:
		if (s->live)
			step_review(s);
		else
			not_found(s);
		break;
	default:
		take_edit(s);
	}
}
