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

static const char *const downward_paths[] = {"metadata.annotations", "metadata.labels",
					     "metadata.name",        "metadata.namespace",
					     "metadata.uid",         NULL};

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
			say_required(
				faults,
				PATH_FIELD(PATH_FIELD(here, "resourceFieldRef"), "containerName"),
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
	static const char *const kinds[] = {"secret",
					    "configMap",
					    "downwardAPI",
					    "serviceAccountToken",
					    "clusterTrustBundle",
					    "podCertificate"};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct value *one = value_get(s, kinds[i]);
		const struct path *here = PATH_FIELD(at, kinds[i]),
				  *items = PATH_FIELD(here, "items");

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
		say_text(faults, PATH_FIELD(at, "iqn"), iqn,
			 "must be valid format starting with iqn, eui, or naa");
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
		say_required(faults, PATH_FIELD(PATH_FIELD(at, "nodePublishSecretRef"), "name"),
			     "");
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
		say_required(faults, PATH_FIELD(at, "lun"),
			     "lun is required if targetWWNs is specified");
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

/* A managed disk is named by its resource, a blob by its URL. */
static void check_azure_disk(const struct value *v, const struct path *at, struct faults *faults)
{
	static const char *const managed[] = {
		"/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/"
		"disks/{disk-id}",
		NULL};
	static const char *const blob[] = {
		"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",
		NULL};
	const struct value *uri = value_get(v, "diskURI");
	int is_managed = str_eq(text_of(v, "kind"), "Managed");

	if (!value_strlen(uri))
		return;
	if (is_managed && !str_starts(value_str(uri, ""), "/subscriptions/"))
		check_enum(managed, uri, PATH_FIELD(at, "diskURI"), faults);
	if (!is_managed && !str_starts(value_str(uri, ""), "https://"))
		check_enum(blob, uri, PATH_FIELD(at, "diskURI"), faults);
}

static void check_storage_os(const struct value *v, const struct path *at, struct faults *faults)
{
	static const char *const names[] = {"volumeName", "volumeNamespace"};

	if (!*text_of(v, "volumeName"))
		say_required(faults, PATH_FIELD(at, "volumeName"), "");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (*text_of(v, names[i]))
			say_text(faults, PATH_FIELD(at, names[i]), text_of(v, names[i]),
				 text_dns_label(text_of(v, names[i])));
	if (value_get(v, "secretRef") && !*text_of(value_get(v, "secretRef"), "name"))
		say_required(faults, PATH_FIELD(PATH_FIELD(at, "secretRef"), "name"), "");
}

static void check_flex(const struct value *v, const struct path *at, struct faults *faults)
{
	const struct value *options = value_get(v, "options");

	for (size_t i = 0; i < value_count(options); i++) {
		const char *key = value_key_at(options, i), *slash = strchr(key, '/');
		size_t n = slash ? (size_t)(slash - key) : 0;

		if ((n == 13 && strncmp(key, "kubernetes.io", n) == 0) ||
		    (n > 13 && strncmp(slash - 14, ".kubernetes.io", 14) == 0))
			say_text(faults, PATH_KEY(PATH_FIELD(at, "options"), key), key,
				 "kubernetes.io and *.kubernetes.io are reserved namespaces");
	}
}

/* Each host:port. */
static void check_quobyte(const struct value *v, const struct path *at, struct faults *faults)
{
	const char *s = text_of(v, "registry");
	const struct path *here = PATH_FIELD(at, "registry");

	while (*s) {
		size_t n = strcspn(s, ",");
		const char *colon = memchr(s, ':', n);

		if (!colon || colon == s || colon + 1 == s + n)
			return say_text(faults, here, text_of(v, "registry"),
					"must be a host:port pair or multiple pairs separated by "
					"commas");
		s += n + (s[n] == ',');
	}
}

static void need_text(const struct value *v, const char *field, const struct path *at,
		      struct faults *faults)
{
	if (!*text_of(v, field))
		say_required(faults, PATH_FIELD(at, field), "");
}

static void check_host_path(const struct value *v, const struct path *at, struct faults *faults)
{
	say_text(faults, PATH_FIELD(at, "path"), text_of(v, "path"),
		 backstep_fault(text_of(v, "path")));
}

static void check_secret_volume(const struct value *v, const struct path *at, struct faults *faults)
{
	need_text(v, "secretName", at, faults);
	check_items(value_get(v, "items"), PATH_FIELD(at, "items"), faults);
}

static void check_config_map_volume(const struct value *v, const struct path *at,
				    struct faults *faults)
{
	need_text(v, "name", at, faults);
	check_items(value_get(v, "items"), PATH_FIELD(at, "items"), faults);
}

static void check_downward(const struct value *v, const struct path *at, struct faults *faults)
{
	check_downward_items(value_get(v, "items"), PATH_FIELD(at, "items"), faults);
}

static void check_nfs(const struct value *v, const struct path *at, struct faults *faults)
{
	const char *path = text_of(v, "path");

	if (*path && *path != '/')
		say_text(faults, PATH_FIELD(at, "path"), path, "must be an absolute path");
}

static void check_partition(const struct value *v, const struct path *at, struct faults *faults)
{
	check_range(v, "partition", 255, at, faults);
}

static void check_scale_io(const struct value *v, const struct path *at, struct faults *faults)
{
	need_text(v, "volumeName", at, faults);
}

static void check_ephemeral(const struct value *v, const struct path *at, struct faults *faults)
{
	if (!value_get(v, "volumeClaimTemplate"))
		say_required(faults, PATH_FIELD(at, "volumeClaimTemplate"), "");
}

static void check_image(const struct value *v, const struct path *at, struct faults *faults)
{
	need_text(v, "reference", at, faults);
}

/* In the order in which Kubernetes looks: the first one counts, others are too many. */
static const struct {
	const char *name;
	/* what the tables cannot say; NULL: nothing */
	void (*check)(const struct value *v, const struct path *at, struct faults *faults);
} sources[] = {
	{"emptyDir", check_empty_dir},
	{"hostPath", check_host_path},
	{"gitRepo", NULL},
	{"gcePersistentDisk", check_partition},
	{"awsElasticBlockStore", check_partition},
	{"secret", check_secret_volume},
	{"nfs", check_nfs},
	{"iscsi", check_iscsi},
	{"glusterfs", NULL},
	{"flocker", check_flocker},
	{"persistentVolumeClaim", NULL},
	{"rbd", NULL},
	{"cinder", NULL},
	{"cephfs", NULL},
	{"quobyte", check_quobyte},
	{"downwardAPI", check_downward},
	{"fc", check_fc},
	{"flexVolume", check_flex},
	{"configMap", check_config_map_volume},
	{"azureFile", NULL},
	{"vsphereVolume", NULL},
	{"photonPersistentDisk", NULL},
	{"portworxVolume", NULL},
	{"azureDisk", check_azure_disk},
	{"storageos", check_storage_os},
	{"projected", check_projected},
	{"scaleIO", check_scale_io},
	{"csi", check_csi},
	{"ephemeral", check_ephemeral},
	{"image", check_image},
};

void check_volume(const struct value *now, const struct value *old, const struct value *root,
		  const struct path *at, struct faults *faults)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		const struct value *v = value_get(now, sources[i].name);
		const struct path *here = PATH_FIELD(at, sources[i].name);

		if (!v)
			continue;
		if (n++)
			say_forbidden(faults, here, "may not specify more than 1 volume type");
		else if (sources[i].check)
			sources[i].check(v, here, faults);
	}
	if (!n)
		say_required(faults, at, "must specify a volume type");
}
