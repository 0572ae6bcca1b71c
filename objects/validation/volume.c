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
#include "objects/validation/volume.h"
#include "util/strmap.h"

static const char *const downward_paths[] = {"metadata.annotations", "metadata.labels",
					     "metadata.name",        "metadata.namespace",
					     "metadata.uid",         NULL};

void check_volume_path(const char *path, const struct path *at, struct faults *faults)
{
	if (!*path)
		return;
	if (str_starts(path, ".."))
		say_text(faults, at, path, "must not start with '..'");
	else
		say_text(faults, at, path, local_path_fault(path));
}

static void need_text(const struct value *v, const char *field, const struct path *at,
		      struct faults *faults)
{
	if (!*text_of(v, field))
		say_required(faults, PATH_FIELD(at, field), "");
}

/* Keys of a ConfigMap or Secret and the files they become. */
static void check_items(const struct value *items, const struct path *at, struct faults *faults)
{
	for (size_t i = 0; i < value_count(items); i++)
		check_volume_path(text_of(value_at(items, i), "path"),
				  PATH_FIELD(PATH_INDEX(at, i), "path"), faults);
}

/* Kubernetes names neither `items` nor which of them: at is that of the source. */
static void check_downward_items(const struct value *items, const struct path *at,
				 struct faults *faults)
{
	at = PATH_CALLED(at, "items", "");
	for (size_t i = 0; i < value_count(items); i++) {
		const struct value *item = value_at(items, i);
		const struct value *field = value_get(item, "fieldRef");
		const struct value *resource = value_get(item, "resourceFieldRef");
		const struct path *here = PATH_UNSAID(at, i);

		check_volume_path(text_of(item, "path"), PATH_FIELD(here, "path"), faults);
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
			need_text(resource, "containerName", PATH_FIELD(here, "resourceFieldRef"),
				  faults);
	}
}

/* at is that of `projected`, where Kubernetes looks for the path. */
static void check_token(const struct value *token, size_t i, const struct path *at,
			struct faults *faults)
{
	const struct value *seconds = value_get(token, "expirationSeconds");
	const struct path *source = PATH_INDEX(PATH_FIELD(at, "sources"), i);
	const struct path *seconds_at =
		PATH_FIELD(PATH_FIELD(source, "serviceAccountToken"), "expirationSeconds");
	const struct path *unsaid = PATH_UNSAID(PATH_CALLED(at, "sources", ""), i);

	if (value_int(seconds, 3600) < 600)
		say_invalid(faults, seconds_at, seconds,
			    "may not specify a duration less than 10 minutes");
	else if (value_int(seconds, 3600) > (int64_t)1 << 32)
		say_invalid(faults, seconds_at, seconds,
			    "may not specify a duration larger than 2^32 seconds");
	unsaid = PATH_CALLED(unsaid, "serviceAccountToken", "");
	need_text(token, "path", unsaid, faults);
	check_volume_path(text_of(token, "path"), PATH_FIELD(unsaid, "path"), faults);
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

static void check_keys_of(const struct value *source, const struct path *at, struct faults *faults)
{
	need_text(source, "name", at, faults);
	check_items(value_get(source, "items"), PATH_FIELD(at, "items"), faults);
}

/* The i-th source: at is that of `projected`. */
static void check_projection(const struct value *s, size_t i, struct strmap *seen,
			     const struct path *at, struct faults *faults)
{
	static const char *const kinds[] = {"secret",
					    "configMap",
					    "downwardAPI",
					    "serviceAccountToken",
					    "clusterTrustBundle",
					    "podCertificate"};
	const struct path *here = PATH_INDEX(PATH_FIELD(at, "sources"), i);
	size_t n = 0;

	for (size_t j = 0; j < ARRAY_LEN(kinds); j++) {
		const struct value *one = value_get(s, kinds[j]);

		if (!one)
			continue;
		n++;
		if (j < 2)
			check_keys_of(one, PATH_FIELD(here, kinds[j]), faults);
		if (j == 2)
			check_downward_items(value_get(one, "items"), PATH_FIELD(here, kinds[j]),
					     faults);
		if (j < 3)
			note_paths(value_get(one, "items"), seen, at, faults);
		if (j == 3)
			check_token(one, i, at, faults);
	}
	if (n > 1)
		say_forbidden(faults, here, "may not specify more than 1 volume type per source");
}

static void check_projected(const struct value *p, const struct path *at, struct faults *faults)
{
	const struct value *list = value_get(p, "sources");
	struct strmap seen = STRMAP_INIT;

	for (size_t i = 0; i < value_count(list); i++)
		check_projection(value_at(list, i), i, &seen, at, faults);
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
	check_downward_items(value_get(v, "items"), at, faults);
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
	/* what the tables and volume_source.c do not say; NULL: nothing */
	void (*check)(const struct value *v, const struct path *at, struct faults *faults);
} sources[] = {
	{"emptyDir", check_empty_dir},
	{"hostPath", NULL},
	{"gitRepo", NULL},
	{"gcePersistentDisk", NULL},
	{"awsElasticBlockStore", NULL},
	{"secret", check_secret_volume},
	{"nfs", NULL},
	{"iscsi", NULL},
	{"glusterfs", NULL},
	{"flocker", NULL},
	{"persistentVolumeClaim", NULL},
	{"rbd", NULL},
	{"cinder", NULL},
	{"cephfs", NULL},
	{"quobyte", NULL},
	{"downwardAPI", check_downward},
	{"fc", NULL},
	{"flexVolume", NULL},
	{"configMap", check_config_map_volume},
	{"azureFile", NULL},
	{"vsphereVolume", NULL},
	{"photonPersistentDisk", NULL},
	{"portworxVolume", NULL},
	{"azureDisk", NULL},
	{"storageos", NULL},
	{"projected", check_projected},
	{"scaleIO", NULL},
	{"csi", NULL},
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
		if (n++) {
			say_forbidden(faults, here, "may not specify more than 1 volume type");
			continue;
		}
		check_volume_source(sources[i].name, v, 0, at, faults);
		if (sources[i].check)
			sources[i].check(v, here, faults);
	}
	if (!n)
		say_required(faults, at, "must specify a volume type");
}
