/* SPDX-License-Identifier: MIT */
/*
 * Volumes of the cluster: PersistentVolumes, claims, classes, drivers.
 * Source: Kubernetes pkg/apis/{core,storage}/validation/validation.go.
 */
#include <errno.h>

#include "objects/quantity.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/say.h"

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
	if (value_get(capacity, "storage"))
		check_size(value_get(capacity, "storage"), PATH_KEY(at, "storage"), faults);
}

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

	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (value_get(spec, sources[i]) && n++)
			say_forbidden(faults, PATH_FIELD(at, sources[i]),
				      "may not specify more than 1 volume type");
	if (!n)
		say_required(faults, at, "must specify a volume type");
}

void check_persistent_volume_spec(const struct value *now, const struct value *old,
				  const struct value *root, const struct path *at,
				  struct faults *faults)
{
	const char *path = value_str(value_dig(now, "nfs", "path", NULL), "");
	const char *host = value_str(value_dig(now, "hostPath", "path", NULL), "");
	const struct path *nfs_at = PATH_FIELD(PATH_FIELD(at, "nfs"), "path");

	check_access_modes(value_get(now, "accessModes"), "", at, faults);
	check_capacity(value_get(now, "capacity"), at, faults);
	check_backing(now, at, faults);
	check_class(now, at, faults);
	if (*path && *path != '/')
		say_text(faults, nfs_at, path, "must be an absolute path");
	if (strstr(host, ".."))
		say_text(faults, PATH_FIELD(PATH_FIELD(at, "hostPath"), "path"), host,
			 "must not contain '..'");
	if (str_eq(host, "/") && str_eq(text_of(now, "persistentVolumeReclaimPolicy"), "Recycle"))
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

void check_claim_spec(const struct value *now, const struct value *old, const struct value *root,
		      const struct path *at, struct faults *faults)
{
	const struct value *size = value_dig(now, "resources", "requests", "storage", NULL);
	const struct path *here = PATH_FIELD(at, "resources");

	/* the claims of a StatefulSet are looked at when they are made */
	if (!str_eq(text_of(root, "kind"), "PersistentVolumeClaim"))
		return;
	check_access_modes(value_get(now, "accessModes"), "at least 1 access mode is required", at,
			   faults);
	if (!size)
		say_required(faults, PATH_KEY(here, "storage"), "");
	else
		check_size(size, PATH_KEY(PATH_FIELD(here, "requests"), "storage"), faults);
	check_class(now, at, faults);
	if (old)
		check_claim_update(now, old, at, faults);
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

void check_csi_driver_spec(const struct value *now, const struct value *old,
			   const struct value *root, const struct path *at, struct faults *faults)
{
	static const char *const modes[] = {"Ephemeral", "Persistent", NULL};
	const struct value *list = value_get(now, "volumeLifecycleModes");

	for (size_t i = 0; i < value_count(list); i++)
		check_enum(modes, value_at(list, i), PATH_FIELD(at, "volumeLifecycleModes"),
			   faults);
}
