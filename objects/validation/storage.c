/* SPDX-License-Identifier: MIT */
/*
 * Volumes of the cluster: PersistentVolumes, claims, classes, drivers.
 * Source: Kubernetes pkg/apis/{core,storage}/validation/validation.go.
 */
#include <errno.h>

#include "objects/codec.h"
#include "objects/quantity.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"
#include "objects/validation/volume.h"
#include "util/strmap.h"

#define PARAMETERS_MAX       512
#define PARAMETERS_BYTES_MAX (256 * 1024)

static void check_access_modes(const struct value *modes, const char *missing,
			       const struct path *at, struct faults *faults)
{
	static const char *const known[] = {"ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce",
					    "ReadWriteOncePod", NULL};
	int alone = 0;

	at = PATH_FIELD(at, "accessModes");
	if (!value_count(modes))
		return say_required(faults, at, missing);
	for (size_t i = 0; i < value_count(modes); i++) {
		check_enum(known, value_at(modes, i), at, faults);
		alone |= str_eq(value_str(value_at(modes, i), ""), "ReadWriteOncePod");
	}
	if (alone && value_count(modes) > 1)
		say_forbidden(faults, at, "may not use ReadWriteOncePod with other access modes");
}

static void check_class(const struct value *spec, const struct path *at, struct faults *faults)
{
	const char *name = text_of(spec, "storageClassName");

	if (*name)
		say_text(faults, PATH_FIELD(at, "storageClassName"), name,
			 text_dns_subdomain(name));
}

static void check_size(const struct value *size, const struct path *at, struct faults *faults)
{
	struct quantity q;

	if (quantity_from_value(size, &q, NULL) == 0 && q.nano <= 0)
		say_invalid(faults, at, size, "must be greater than zero");
}

static void check_capacity(const struct value *capacity, const struct path *at,
			   struct faults *faults)
{
	static const char *const known[] = {"storage", NULL};

	at = PATH_FIELD(at, "capacity");
	if (!value_count(capacity))
		say_required(faults, at, "");
	if (value_count(capacity) &&
	    (value_count(capacity) > 1 || !value_get(capacity, "storage"))) {
		CLEANUP_VALUE struct value *key = value_new_string(value_key_at(capacity, 0));

		fault_add(faults, at, FAULT_NOT_SUPPORTED, key, "supported values: \"%s\"", *known);
	}
	for (size_t i = 0; i < value_count(capacity); i++)
		check_size(value_at(capacity, i), PATH_KEY(at, value_key_at(capacity, i)), faults);
}

/* The first source counts, others are too many. */
static void check_backing(const struct value *spec, const struct path *at, struct faults *faults)
{
	static const char *const sources[] = {"hostPath",
					      "gcePersistentDisk",
					      "awsElasticBlockStore",
					      "glusterfs",
					      "flocker",
					      "nfs",
					      "rbd",
					      "quobyte",
					      "cephfs",
					      "iscsi",
					      "cinder",
					      "fc",
					      "flexVolume",
					      "azureFile",
					      "vsphereVolume",
					      "photonPersistentDisk",
					      "portworxVolume",
					      "azureDisk",
					      "scaleIO",
					      "local",
					      "storageos",
					      "csi"};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		const struct value *source = value_get(spec, sources[i]);

		if (source && n++)
			say_forbidden(faults, PATH_FIELD(at, sources[i]),
				      "may not specify more than 1 volume type");
		else if (source)
			check_volume_source(sources[i], source, 1, at, faults);
	}
	if (!n)
		say_required(faults, at, "must specify a volume type");
}

/* Which nodes reach the volume. */
static void check_reach(const struct value *spec, const struct path *at, struct faults *faults)
{
	const struct value *affinity = value_get(spec, "nodeAffinity");
	const struct value *required = value_get(affinity, "required");

	at = PATH_FIELD(at, "nodeAffinity");
	if (!affinity && value_get(spec, "local"))
		say_required(faults, at, "Local volume requires node affinity");
	if (affinity && !required)
		say_required(faults, PATH_FIELD(at, "required"),
			     "must specify required node constraints");
	check_node_selector(required, PATH_FIELD(at, "required"), faults);
}

static void check_attributes_class(const struct value *spec, const struct path *at,
				   struct faults *faults)
{
	const struct value *class = value_get(spec, "volumeAttributesClassName");
	const struct path *here = PATH_FIELD(at, "volumeAttributesClassName");

	if (!class)
		return;
	if (!value_strlen(class))
		say_required(faults, here, "an empty string is disallowed");
	else
		say_text(faults, here, value_str(class, ""),
			 text_dns_subdomain(value_str(class, "")));
	if (!value_get(spec, "csi"))
		say_required(faults, PATH_FIELD(at, "csi"),
			     "has to be specified when using volumeAttributesClassName");
}

void check_persistent_volume_spec(const struct value *now, const struct value *old,
				  const struct value *root, const struct path *at,
				  struct faults *faults)
{
	const char *host = value_str(value_dig(now, "hostPath", "path", NULL), "");

	check_access_modes(value_get(now, "accessModes"), "", at, faults);
	check_capacity(value_get(now, "capacity"), at, faults);
	check_backing(now, at, faults);
	check_reach(now, at, faults);
	check_class(now, at, faults);
	check_attributes_class(now, at, faults);
	if (*host && !host[strspn(host, "/")] &&
	    str_eq(text_of(now, "persistentVolumeReclaimPolicy"), "Recycle"))
		say_forbidden(faults, PATH_FIELD(at, "persistentVolumeReclaimPolicy"),
			      "may not be 'recycle' for a hostPath mount of '/'");
}

/* What may change in a claim is its size, once it is bound to a volume that says so. */
static void check_claim_update(const struct value *now, const struct value *old,
			       const struct path *at, struct faults *faults)
{
	static const char *const free_fields[] = {"resources", "volumeName",
						  "volumeAttributesClassName"};
	CLEANUP_VALUE struct value *like = value_ref(now);

	for (size_t i = 0; i < ARRAY_LEN(free_fields); i++)
		if (i != 1 || !value_get(old, "volumeName"))
			like = value_set(like, free_fields[i],
					 value_ref(value_get(old, free_fields[i])));
	if (value_equal(like, old))
		return;
	say_forbidden(faults, at,
		      "spec is immutable after creation except resources.requests and "
		      "volumeAttributesClassName for bound claims");
	fault_set_code(faults, EPERM);
}

/* What the claim is filled from: an object of some kind, a claim where no group is said. */
static void check_data_source(const struct value *source, const struct path *at,
			      struct faults *faults)
{
	const char *group = text_of(source, "apiGroup"), *ns = text_of(source, "namespace");

	if (!source)
		return;
	if (!*group && !str_eq(text_of(source, "kind"), "PersistentVolumeClaim"))
		say_text(faults, at, text_of(source, "kind"),
			 "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
	if (*group)
		say_text(faults, PATH_FIELD(at, "apiGroup"), group, text_dns_subdomain(group));
	if (*ns)
		say_text(faults, PATH_FIELD(at, "namespace"), ns, text_dns_label(ns));
}

static void check_data_sources(const struct value *spec, const struct path *at,
			       struct faults *faults)
{
	static const char *const fields[] = {"apiGroup", "kind", "name"};
	const struct value *plain = value_get(spec, "dataSource");
	const struct value *ref = value_get(spec, "dataSourceRef");

	check_data_source(plain, PATH_FIELD(at, "dataSource"), faults);
	check_data_source(ref, PATH_FIELD(at, "dataSourceRef"), faults);
	if (!plain || !ref)
		return;
	if (*text_of(ref, "namespace"))
		return say_invalid(
			faults, at, plain,
			"may not be specified when dataSourceRef.namespace is specified");
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		if (!value_equal(value_get(plain, fields[i]), value_get(ref, fields[i])))
			return say_invalid(faults, at, plain, "must match dataSourceRef");
}

void check_claim_spec(const struct value *now, const struct value *old, const struct value *root,
		      const struct path *at, struct faults *faults)
{
	const struct value *size = value_dig(now, "resources", "requests", "storage", NULL);
	const struct path *here = PATH_FIELD(at, "resources");

	/* the claims of a StatefulSet are looked at when they are made */
	if (str_eq(text_of(root, "kind"), "StatefulSet"))
		return;
	check_access_modes(value_get(now, "accessModes"), "at least 1 access mode is required", at,
			   faults);
	if (!size)
		say_required(faults, PATH_KEY(here, "storage"), "");
	else
		check_size(size, PATH_KEY(here, "storage"), faults);
	check_class(now, at, faults);
	check_data_sources(now, at, faults);
	if (old)
		check_claim_update(now, old, at, faults);
}

/* Labels of a topology, each key once. */
static void check_topology(const struct value *term, const struct path *at, struct faults *faults)
{
	const struct value *list = value_get(term, "matchLabelExpressions");
	struct strmap keys = STRMAP_INIT;

	at = PATH_FIELD(at, "matchLabelExpressions");
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *e = value_at(list, i), *values = value_get(e, "values");
		const char *key = text_of(e, "key");
		const struct path *here = PATH_INDEX(at, i);
		struct strmap seen = STRMAP_INIT;

		for (size_t j = 0; j < value_count(values); j++)
			if (strmap_set(&seen, value_str(value_at(values, j), ""), (void *)1))
				say_duplicate(faults, PATH_INDEX(PATH_FIELD(here, "values"), j),
					      value_str(value_at(values, j), ""));
		strmap_fini(&seen);
		say_text(faults, PATH_FIELD(here, "key"), key, text_label_key(key));
		if (strmap_set(&keys, key, (void *)1))
			say_duplicate(faults, PATH_FIELD(here, "key"), key);
	}
	strmap_fini(&keys);
}

/* Where volumes may be: each topology once, and none that says nothing. */
static void check_topologies(const struct value *list, const struct path *at, struct faults *faults)
{
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *term = value_at(list, i);
		const struct path *here = PATH_INDEX(at, i);
		CLEANUP(buf_fini) struct buf text = BUF_INIT;

		check_topology(term, here, faults);
		json_render(term, &text);
		if (strmap_set(&seen, buf_str(&text), (void *)1) ||
		    !value_count(value_get(term, "matchLabelExpressions")))
			say_duplicate(faults, PATH_FIELD(here, "matchLabelExpressions"), "");
	}
	strmap_fini(&seen);
}

void check_storage_class(const struct value *now, const struct value *old, const struct value *root,
			 const struct path *at, struct faults *faults)
{
	const struct value *list = value_get(now, "parameters");
	const char *name = text_of(now, "provisioner");
	CLEANUP_FREE char *low = xstrdup(name);
	size_t bytes = 0;

	for (char *p = low; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p += 'a' - 'A';
	if (*name)
		say_text(faults, PATH_FIELD(at, "provisioner"), name, text_label_key(low));
	check_topologies(value_get(now, "allowedTopologies"), PATH_FIELD(at, "allowedTopologies"),
			 faults);
	at = PATH_FIELD(at, "parameters");
	for (size_t i = 0; i < value_count(list); i++) {
		if (!*value_key_at(list, i))
			say_text(faults, at, "", "field can not be empty.");
		bytes += strlen(value_key_at(list, i)) + value_strlen(value_at(list, i));
	}
	if (value_count(list) > PARAMETERS_MAX || bytes > PARAMETERS_BYTES_MAX)
		fault_add(faults, at, FAULT_TOO_LONG, NULL, "may not be more than %d bytes",
			  PARAMETERS_BYTES_MAX);
}

/* Tokens for a driver: one for each audience. */
static void check_token_requests(const struct value *list, const struct path *at,
				 struct faults *faults)
{
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *one = value_at(list, i);
		const struct value *seconds = value_get(one, "expirationSeconds");
		const struct path *here = PATH_INDEX(at, i);

		if (strmap_set(&seen, text_of(one, "audience"), (void *)1))
			say_duplicate(faults, PATH_FIELD(here, "audience"),
				      text_of(one, "audience"));
		if (seconds && value_int(seconds, 0) < 600)
			say_invalid(faults, PATH_FIELD(here, "expirationSeconds"), seconds,
				    "may not specify a duration less than 10 minutes");
	}
	strmap_fini(&seen);
}

void check_csi_driver_spec(const struct value *now, const struct value *old,
			   const struct value *root, const struct path *at, struct faults *faults)
{
	static const char *const modes[] = {"Ephemeral", "Persistent", NULL};
	const struct value *list = value_get(now, "volumeLifecycleModes");

	for (size_t i = 0; i < value_count(list); i++)
		check_enum(modes, value_at(list, i), PATH_FIELD(at, "volumeLifecycleModes"),
			   faults);
	check_token_requests(value_get(now, "tokenRequests"), PATH_FIELD(at, "tokenRequests"),
			     faults);
}
