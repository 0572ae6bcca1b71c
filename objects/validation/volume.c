/* SPDX-License-Identifier: MIT */
/*
 * Volumes: one source each, and what the sources must say.
 * Source: Kubernetes pkg/apis/core/validation/validation.go.
 */
#include <errno.h>

#include "objects/quantity.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/container.h"
#include "objects/validation/say.h"
#include "util/strmap.h"

/* In the order in which Kubernetes looks: the first one counts, others are too many. */
static const char *const sources[] = {
	"emptyDir",	  "hostPath",	       "gitRepo",      "gcePersistentDisk", "awsElasticBlockStore",
	"secret",	  "nfs",	       "iscsi",	       "glusterfs",	    "flocker",
	"persistentVolumeClaim", "rbd",	       "cinder",       "cephfs",	    "quobyte",
	"downwardAPI",	  "fc",		       "flexVolume",   "configMap",	    "azureFile",
	"vsphereVolume",  "photonPersistentDisk", "portworxVolume", "azureDisk",    "storageos",
	"projected",	  "scaleIO",	       "csi",	       "ephemeral",	    "image",
};

static const char *const downward_paths[] = {"metadata.annotations", "metadata.labels",
					     "metadata.name",	     "metadata.namespace",
					     "metadata.uid",	     NULL};

static void check_path(const char *path, const struct path *at, struct faults *faults)
{
	if (!*path)
		return; /* required: the tables say so */
	if (str_starts(path, ".."))
		say_text(faults, at, path, "must not start with '..'");
	else
		say_text(faults, at, path, local_path_fault(path));
}

/* Keys of a ConfigMap or Secret and the files they become. */
static void check_items(const struct value *items, const struct path *at, struct faults *faults)
{
	for (size_t i = 0; i < value_count(items); i++)
		check_path(text_of(value_at(items, i), "path"),
			   PATH_FIELD(PATH_INDEX(at, i), "path"), faults);
}

static void check_downward_items(const struct value *items, const struct path *at,
				 struct faults *faults)
{
	for (size_t i = 0; i < value_count(items); i++) {
		const struct value *item = value_at(items, i);
		const struct value *field = value_get(item, "fieldRef");
		const struct value *resource = value_get(item, "resourceFieldRef");
		const struct path *here = PATH_INDEX(at, i);

		check_path(text_of(item, "path"), PATH_FIELD(here, "path"), faults);
		if (field && resource)
			say_invalid(faults, here, item,
				    "fieldRef and resourceFieldRef can not be specified "
				    "simultaneously");
		else if (!field && !resource)
			say_required(faults, here,
				     "one of fieldRef and resourceFieldRef is required");
		check_field_ref(field, downward_paths, PATH_FIELD(here, "fieldRef"), faults);
		check_resource_field_ref(resource, PATH_FIELD(here, "resourceFieldRef"), faults);
		if (resource && !*text_of(resource, "containerName"))
			say_required(faults,
				     PATH_FIELD(PATH_FIELD(here, "resourceFieldRef"),
						"containerName"),
				     "");
	}
}

static void check_token(const struct value *token, const struct path *at, struct faults *faults)
{
	const struct value *seconds = value_get(token, "expirationSeconds");

	if (value_int(seconds, 3600) < 600)
		say_invalid(faults, PATH_FIELD(at, "expirationSeconds"), seconds,
			    "may not specify a duration less than 10 minutes");
	else if (value_int(seconds, 3600) > (int64_t)1 << 32)
		say_invalid(faults, PATH_FIELD(at, "expirationSeconds"), seconds,
			    "may not specify a duration larger than 2^32 seconds");
	check_path(text_of(token, "path"), PATH_FIELD(at, "path"), faults);
}

/* Two projected sources may not write the same file. */
static void note_paths(const struct value *list, struct strmap *seen, const struct path *at,
		       struct faults *faults)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const char *path = text_of(value_at(list, i), "path");

		if (*path && strmap_set(seen, path, (void *)1))
			say_text(faults, at, path, "conflicting duplicate paths");
	}
}

static void check_projection(const struct value *s, struct strmap *seen, const struct path *at,
			     struct faults *faults)
{
	static const char *const kinds[] = {"secret",	   "configMap",
					    "downwardAPI", "serviceAccountToken",
					    "clusterTrustBundle", "podCertificate"};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct value *one = value_get(s, kinds[i]);
		const struct path *here = PATH_FIELD(at, kinds[i]), *items = PATH_FIELD(here, "items");

		if (!one)
			continue;
		n++;
		if (i < 2 && !*text_of(one, "name"))
			say_required(faults, PATH_FIELD(here, "name"), "");
		if (i < 2)
			check_items(value_get(one, "items"), items, faults);
		if (i == 2)
			check_downward_items(value_get(one, "items"), items, faults);
		if (i < 3)
			note_paths(value_get(one, "items"), seen, here, faults);
		if (i == 3)
			check_token(one, here, faults);
	}
	if (n > 1)
		say_forbidden(faults, at, "may not specify more than 1 volume type per source");
}

static void check_projected(const struct value *p, const struct path *at, struct faults *faults)
{
	const struct value *list = value_get(p, "sources");
	struct strmap seen = STRMAP_INIT;

	at = PATH_FIELD(at, "sources");
	for (size_t i = 0; i < value_count(list); i++)
		check_projection(value_at(list, i), &seen, PATH_INDEX(at, i), faults);
	strmap_fini(&seen);
}

static void check_empty_dir(const struct value *v, const struct path *at, struct faults *faults)
{
	struct quantity q;

	if (value_get(v, "sizeLimit") &&
	    quantity_from_value(value_get(v, "sizeLimit"), &q, NULL) == 0 && q.nano < 0)
		say_forbidden(faults, PATH_FIELD(at, "sizeLimit"),
			      "SizeLimit field must be a valid resource quantity");
}

static void check_range(const struct value *v, const char *field, int64_t max,
			const struct path *at, struct faults *faults)
{
	const struct value *n = value_get(v, field);

	if (n && (value_int(n, 0) < 0 || value_int(n, 0) > max))
		fault_add(faults, PATH_FIELD(at, field), FAULT_INVALID, n,
			  "must be between 0 and %d, inclusive", (int)max);
}

static void check_iscsi(const struct value *v, const struct path *at, struct faults *faults)
{
	const char *iqn = text_of(v, "iqn");

	if (*iqn && !str_starts(iqn, "iqn") && !str_starts(iqn, "eui") && !str_starts(iqn, "naa"))
		say_text(faults, PATH_FIELD(at, "iqn"), iqn, "must be valid format starting with iqn, eui, or naa");
	check_range(v, "lun", 255, at, faults);
	if ((value_bool(value_get(v, "chapAuthDiscovery"), 0) ||
	     value_bool(value_get(v, "chapAuthSession"), 0)) &&
	    !value_get(v, "secretRef"))
		say_required(faults, PATH_FIELD(at, "secretRef"), "");
}

static void check_csi(const struct value *v, const struct path *at, struct faults *faults)
{
	const char *driver = text_of(v, "driver");

	if (*driver && strlen(driver) > 63)
		fault_add(faults, PATH_FIELD(at, "driver"), FAULT_TOO_LONG, NULL,
			  "may not be more than %d bytes", 63);
	else if (*driver) {
		CLEANUP_FREE char *low = xstrdup(driver);

		for (char *p = low; *p; p++)
			if (*p >= 'A' && *p <= 'Z')
				*p += 'a' - 'A';
		say_text(faults, PATH_FIELD(at, "driver"), driver, text_dns_subdomain(low));
	}
	if (value_get(v, "nodePublishSecretRef") &&
	    !*text_of(value_get(v, "nodePublishSecretRef"), "name"))
		say_required(faults, PATH_FIELD(PATH_FIELD(at, "nodePublishSecretRef"), "name"), "");
}

static void check_fc(const struct value *v, const struct path *at, struct faults *faults)
{
	size_t names = value_count(value_get(v, "targetWWNs"));
	size_t ids = value_count(value_get(v, "wwids"));

	if (!names && !ids)
		say_required(faults, PATH_FIELD(at, "targetWWNs"),
			     "must specify either targetWWNs or wwids, but not both");
	if (names && ids)
		say_invalid(faults, PATH_FIELD(at, "targetWWNs"), value_get(v, "targetWWNs"),
			    "targetWWNs and wwids can not be specified simultaneously");
	if (names && !value_get(v, "lun"))
		say_required(faults, PATH_FIELD(at, "lun"), "lun is required if targetWWNs is specified");
	check_range(v, "lun", 255, at, faults);
}

static void check_flocker(const struct value *v, const struct path *at, struct faults *faults)
{
	const char *name = text_of(v, "datasetName"), *uuid = text_of(v, "datasetUUID");

	if (!*name && !*uuid)
		say_required(faults, at, "one of datasetName and datasetUUID is required");
	if (*name && *uuid)
		say_invalid(faults, at, v,
			    "datasetName and datasetUUID can not be specified simultaneously");
	if (strchr(name, '/'))
		say_text(faults, PATH_FIELD(at, "datasetName"), name, "must not contain '/'");
}

/* What the tables cannot say of one source. */
static void check_source(const char *type, const struct value *v, const struct path *at,
			 struct faults *faults)
{
	const struct path *items = PATH_FIELD(at, "items");

	if (str_eq(type, "emptyDir"))
		check_empty_dir(v, at, faults);
	else if (str_eq(type, "hostPath"))
		say_text(faults, PATH_FIELD(at, "path"), text_of(v, "path"),
			 backstep_fault(text_of(v, "path")));
	else if (str_eq(type, "secret") || str_eq(type, "configMap"))
		check_items(value_get(v, "items"), items, faults);
	else if (str_eq(type, "downwardAPI"))
		check_downward_items(value_get(v, "items"), items, faults);
	else if (str_eq(type, "projected"))
		check_projected(v, at, faults);
	else if (str_eq(type, "nfs") && *text_of(v, "path") && *text_of(v, "path") != '/')
		say_text(faults, PATH_FIELD(at, "path"), text_of(v, "path"),
			 "must be an absolute path");
	else if (str_eq(type, "iscsi"))
		check_iscsi(v, at, faults);
	else if (str_eq(type, "fc"))
		check_fc(v, at, faults);
	else if (str_eq(type, "flocker"))
		check_flocker(v, at, faults);
	else if (str_eq(type, "csi"))
		check_csi(v, at, faults);
	else if (str_eq(type, "awsElasticBlockStore") || str_eq(type, "gcePersistentDisk"))
		check_range(v, "partition", 255, at, faults);
	if (str_eq(type, "secret") && !*text_of(v, "secretName"))
		say_required(faults, PATH_FIELD(at, "secretName"), "");
	if (str_eq(type, "configMap") && !*text_of(v, "name"))
		say_required(faults, PATH_FIELD(at, "name"), "");
	if (str_eq(type, "ephemeral") && !value_get(v, "volumeClaimTemplate"))
		say_required(faults, PATH_FIELD(at, "volumeClaimTemplate"), "");
	if (str_eq(type, "image") && !*text_of(v, "reference"))
		say_required(faults, PATH_FIELD(at, "reference"), "");
}

void check_volume(const struct value *now, const struct value *old, const struct value *root,
		  const struct path *at, struct faults *faults)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		const struct value *v = value_get(now, sources[i]);

		if (!v)
			continue;
		if (n++)
			say_forbidden(faults, PATH_FIELD(at, sources[i]),
				      "may not specify more than 1 volume type");
		else
			check_source(sources[i], v, PATH_FIELD(at, sources[i]), faults);
	}
	if (!n)
		say_required(faults, at, "must specify a volume type");
}
