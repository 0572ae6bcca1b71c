/* SPDX-License-Identifier: MIT */
/*
 * The sources of volumes that are storage of some kind: what each must say.
 * Source: Kubernetes pkg/apis/core/validation/validation.go.
 */
#include <ctype.h>

#include "objects/quantity.h"
#include "objects/schema/text.h"
#include "objects/validation/checks.h"
#include "objects/validation/container.h"
#include "objects/validation/say.h"
#include "objects/validation/volume.h"

#define DRIVER_NAME_MAX 63

static void need_text(const struct value *v, const char *field, const struct path *at,
		      struct faults *faults)
{
	if (!*text_of(v, field))
		say_required(faults, PATH_FIELD(at, field), "");
}

static void check_range(const struct value *v, const char *field, int64_t max,
			const struct path *at, struct faults *faults)
{
	const struct value *n = value_get(v, field);

	if (n && (value_int(n, 0) < 0 || value_int(n, 0) > max))
		fault_add(faults, PATH_FIELD(at, field), FAULT_INVALID, n,
			  "must be between 0 and %d, inclusive", (int)max);
}

/* A reference to a Secret that is needed whole, or not at all. */
static void check_secret_ref(const struct value *ref, int of_cluster, const struct path *at,
			     struct faults *faults)
{
	if (!ref)
		return;
	need_text(ref, "name", at, faults);
	if (of_cluster)
		need_text(ref, "namespace", at, faults);
}

/* iqn.2001-04.com.example:storage */
static int iqn_ok(const char *s)
{
	static const char *const shape = "iqn.dddd-dd.";
	size_t n;

	for (size_t i = 0; shape[i]; i++)
		if (shape[i] == 'd' ? !isdigit((unsigned char)s[i]) : s[i] != shape[i])
			return 0;
	s += strlen(shape);
	n = strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.");
	return n && s[n] == ':' && s[n + 1] && !s[n + strcspn(s + n, ",;*&$| \t\r\n\v\f")];
}

/* prefix, a character, and n letters or digits */
static int world_wide_ok(const char *s, size_t n)
{
	size_t i = 0;

	if (strlen(s) != 4 + n)
		return 0;
	while (i < n && isalnum((unsigned char)s[4 + i]))
		i++;
	return i == n;
}

static const char *initiator_fault(const char *s)
{
	int ok;

	if (str_starts(s, "iqn"))
		ok = iqn_ok(s);
	else if (str_starts(s, "eui") || str_starts(s, "naa"))
		ok = world_wide_ok(s, *s == 'e' ? 16 : 32);
	else
		return "must be valid format starting with iqn, eui, or naa";
	return ok ? NULL : "must be valid format";
}

static void check_iscsi(const struct value *v, int of_cluster, const struct path *at,
			struct faults *faults)
{
	const char *iqn = text_of(v, "iqn");
	const struct value *initiator = value_get(v, "initiatorName");

	if (*iqn)
		say_text(faults, PATH_FIELD(at, "iqn"), iqn, initiator_fault(iqn));
	check_range(v, "lun", 255, at, faults);
	if ((value_bool(value_get(v, "chapAuthDiscovery"), 0) ||
	     value_bool(value_get(v, "chapAuthSession"), 0)) &&
	    !value_get(v, "secretRef"))
		say_required(faults, PATH_FIELD(at, "secretRef"), "");
	if (of_cluster && value_get(v, "secretRef"))
		need_text(value_get(v, "secretRef"), "name", PATH_FIELD(at, "secretRef"), faults);
	if (initiator) /* Kubernetes spells it like this */
		say_text(faults, PATH_CALLED(at, "initiatorName", "initiatorname"),
			 value_str(initiator, ""), initiator_fault(value_str(initiator, "")));
}

static void check_driver_name(const char *name, const struct path *at, struct faults *faults)
{
	CLEANUP_FREE char *low = xstrdup(name);

	for (char *p = low; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (strlen(name) > DRIVER_NAME_MAX)
		fault_add(faults, at, FAULT_TOO_LONG, NULL, "may not be more than %d bytes",
			  DRIVER_NAME_MAX);
	if (*name) /* required: the tables say so */
		say_text(faults, at, name, text_dns_subdomain(low));
}

/* The Secrets that a CSI driver gets for a PersistentVolume. */
static void check_csi_secrets(const struct value *v, const struct path *at, struct faults *faults)
{
	static const char *const refs[] = {"controllerPublishSecretRef",
					   "controllerExpandSecretRef", "nodePublishSecretRef",
					   "nodeExpandSecretRef"};

	for (size_t i = 0; i < ARRAY_LEN(refs); i++) {
		const struct value *ref = value_get(v, refs[i]);
		const char *name = text_of(ref, "name"), *ns = text_of(ref, "namespace");
		const struct path *here = PATH_FIELD(at, refs[i]);

		check_secret_ref(ref, 1, here, faults);
		if (*name)
			say_text(faults, PATH_FIELD(here, "name"), name, text_dns_subdomain(name));
		if (*ns)
			say_text(faults, PATH_FIELD(here, "namespace"), ns, text_dns_label(ns));
	}
}

static void check_csi(const struct value *v, int of_cluster, const struct path *at,
		      struct faults *faults)
{
	const struct value *ref = value_get(v, "nodePublishSecretRef");
	const char *name = text_of(ref, "name");

	check_driver_name(text_of(v, "driver"), PATH_FIELD(at, "driver"), faults);
	if (of_cluster)
		return check_csi_secrets(v, at, faults);
	check_secret_ref(ref, 0, PATH_FIELD(at, "nodePublishSecretRef"), faults);
	if (*name) /* Kubernetes leaves the reference out */
		say_text(faults, PATH_FIELD(PATH_CALLED(at, "nodePublishSecretRef", ""), "name"),
			 name, text_dns_subdomain(name));
}

static void check_fc(const struct value *v, int of_cluster, const struct path *at,
		     struct faults *faults)
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

static void check_flocker(const struct value *v, int of_cluster, const struct path *at,
			  struct faults *faults)
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
static void check_azure_disk(const struct value *v, int of_cluster, const struct path *at,
			     struct faults *faults)
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

static void check_storage_os(const struct value *v, int of_cluster, const struct path *at,
			     struct faults *faults)
{
	static const char *const names[] = {"volumeName", "volumeNamespace"};

	if (!*text_of(v, "volumeName"))
		say_required(faults, PATH_FIELD(at, "volumeName"), "");
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (*text_of(v, names[i]))
			say_text(faults, PATH_FIELD(at, names[i]), text_of(v, names[i]),
				 text_dns_label(text_of(v, names[i])));
	check_secret_ref(value_get(v, "secretRef"), of_cluster, PATH_FIELD(at, "secretRef"),
			 faults);
}

/* Namespaces of Kubernetes' own, with or without a key behind them. */
static int is_reserved(const char *key)
{
	static const char *const ours[] = {".kubernetes.io", ".k8s.io"};
	CLEANUP_FREE char *name = xasprintf(".%.*s", (int)strcspn(key, "/"), key);

	for (char *p = name; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return str_ends(name, ours[0]) || str_ends(name, ours[1]);
}

static void check_flex(const struct value *v, int of_cluster, const struct path *at,
		       struct faults *faults)
{
	const struct value *options = value_get(v, "options");

	for (size_t i = 0; i < value_count(options); i++) {
		const char *key = value_key_at(options, i);

		if (is_reserved(key))
			say_text(faults, PATH_KEY(PATH_FIELD(at, "options"), key), key,
				 "kubernetes.io and k8s.io namespaces are reserved");
	}
}

/* Each host:port. */
static void check_quobyte(const struct value *v, int of_cluster, const struct path *at,
			  struct faults *faults)
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

static void check_host_path(const struct value *v, int of_cluster, const struct path *at,
			    struct faults *faults)
{
	say_text(faults, PATH_FIELD(at, "path"), text_of(v, "path"),
		 backstep_fault(text_of(v, "path")));
}

static void check_nfs(const struct value *v, int of_cluster, const struct path *at,
		      struct faults *faults)
{
	const char *path = text_of(v, "path");

	if (*path && *path != '/')
		say_text(faults, PATH_FIELD(at, "path"), path, "must be an absolute path");
}

static void check_partition(const struct value *v, int of_cluster, const struct path *at,
			    struct faults *faults)
{
	check_range(v, "partition", 255, at, faults);
}

static void check_scale_io(const struct value *v, int of_cluster, const struct path *at,
			   struct faults *faults)
{
	need_text(v, "volumeName", at, faults);
}

static void check_git_repo(const struct value *v, int of_cluster, const struct path *at,
			   struct faults *faults)
{
	const char *directory = text_of(v, "directory");

	say_text(faults, PATH_FIELD(at, "directory"), directory, local_path_fault(directory));
}

static void check_cinder(const struct value *v, int of_cluster, const struct path *at,
			 struct faults *faults)
{
	check_secret_ref(value_get(v, "secretRef"), of_cluster, PATH_FIELD(at, "secretRef"),
			 faults);
}

static void check_azure_file(const struct value *v, int of_cluster, const struct path *at,
			     struct faults *faults)
{
	const struct value *ns = value_get(v, "secretNamespace");

	if (ns && !value_strlen(ns))
		say_required(faults, PATH_FIELD(at, "secretNamespace"), "");
}

static void check_glusterfs(const struct value *v, int of_cluster, const struct path *at,
			    struct faults *faults)
{
	const struct value *ns = value_get(v, "endpointsNamespace");

	if (ns)
		say_text(faults, PATH_FIELD(at, "endpointsNamespace"), value_str(ns, ""),
			 text_dns_label(value_str(ns, "")));
}

static const struct {
	const char *name;
	const char *called; /* in faults, NULL: as it is named */
	void (*check)(const struct value *v, int of_cluster, const struct path *at,
		      struct faults *faults);
} sources[] = {
	{"hostPath", NULL, check_host_path},
	{"local", NULL, check_host_path},
	{"gitRepo", NULL, check_git_repo},
	{"gcePersistentDisk", "persistentDisk", check_partition},
	{"awsElasticBlockStore", NULL, check_partition},
	{"nfs", NULL, check_nfs},
	{"iscsi", NULL, check_iscsi},
	{"glusterfs", NULL, check_glusterfs},
	{"flocker", NULL, check_flocker},
	{"cinder", NULL, check_cinder},
	{"quobyte", NULL, check_quobyte},
	{"fc", NULL, check_fc},
	{"flexVolume", NULL, check_flex},
	{"azureFile", NULL, check_azure_file},
	{"azureDisk", NULL, check_azure_disk},
	{"storageos", NULL, check_storage_os},
	{"scaleIO", NULL, check_scale_io},
	{"csi", NULL, check_csi},
};

void check_volume_source(const char *name, const struct value *source, int of_cluster,
			 const struct path *at, struct faults *faults)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++)
		if (str_eq(sources[i].name, name))
			sources[i].check(source, of_cluster,
					 PATH_CALLED(at, name, sources[i].called), faults);
}
