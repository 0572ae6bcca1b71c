/* SPDX-License-Identifier: MIT */
/*
 * DefaultStorageClass: a claim that names no class gets the default one.
 * StorageObjectInUseProtection: volumes and claims in use are not removed; the protection
 * controller takes the finalizer off.
 */
#include "objects/api/admission/admission.h"

/* -- DefaultStorageClass -- */

static int is_default(const struct value *class)
{
	static const char *const notes[] = {"storageclass.kubernetes.io/is-default-class",
					    "storageclass.beta.kubernetes.io/is-default-class"};

	for (size_t i = 0; i < ARRAY_LEN(notes); i++)
		if (str_eq(object_annotation(class, notes[i]), "true"))
			return 1;
	return 0;
}

/* Of several defaults the newest; of those, the first by name (they come sorted). */
static void find_default(struct step *s, const struct value *v, void *arg)
{
	struct value **found = arg;

	(void)s;
	if (!is_default(v) ||
	    (*found && strcmp(value_dig_str(v, "metadata", "creationTimestamp", NULL),
			      value_dig_str(*found, "metadata", "creationTimestamp", NULL)) <= 0))
		return;
	value_unref(*found);
	*found = value_ref(v);
}

static struct value *admit_class(struct step *s, struct value *taken)
{
	CLEANUP_VALUE struct value *found = NULL;

	if (value_dig(taken, "spec", "storageClassName", NULL) ||
	    object_annotation(taken, "volume.beta.kubernetes.io/storage-class"))
		return taken;
	look_at_all(s, "storageclasses", "storage.k8s.io", "", find_default, &found);
	if (!found)
		return taken;
	return value_bury(taken, value_new_string(value_dig_str(found, "metadata", "name", NULL)),
			  "spec", "storageClassName", NULL);
}

const struct plugin default_storage_class = {
	.plural = "persistentvolumeclaims", .group = "", .when = ON_CREATE, .admit = admit_class};

/* -- StorageObjectInUseProtection -- */

static struct value *with_finalizer(struct value *taken, const char *finalizer)
{
	const struct value *was = value_dig(taken, "metadata", "finalizers", NULL);

	if (object_has_finalizer(taken, finalizer))
		return taken;
	return value_bury(
		taken,
		value_append(was ? value_ref(was) : value_new_list(), value_new_string(finalizer)),
		"metadata", "finalizers", NULL);
}

static struct value *protect_claim(struct step *s, struct value *taken)
{
	(void)s;
	return with_finalizer(taken, "kubernetes.io/pvc-protection");
}

static struct value *protect_volume(struct step *s, struct value *taken)
{
	(void)s;
	return with_finalizer(taken, "kubernetes.io/pv-protection");
}

const struct plugin claim_protection = {
	.plural = "persistentvolumeclaims", .group = "", .when = ON_CREATE, .admit = protect_claim};
const struct plugin volume_protection = {
	.plural = "persistentvolumes", .group = "", .when = ON_CREATE, .admit = protect_volume};
