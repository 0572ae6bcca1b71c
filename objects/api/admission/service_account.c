/* SPDX-License-Identifier: MIT */
/* ServiceAccount: every pod has one, which is there, and pulls images with its secrets. */
#include <errno.h>

#include "objects/api/admission/admission.h"

static struct value *name_account(struct value *taken)
{
	const char *name = value_dig_str(taken, "spec", "serviceAccountName", NULL);
	const char *old_name = value_dig_str(taken, "spec", "serviceAccount", NULL);

	if (!name || !*name)
		name = old_name && *old_name ? old_name : "default";
	if (!old_name || !str_eq(old_name, name))
		taken = value_bury(taken, value_new_string(name), "spec", "serviceAccount", NULL);
	if (!value_dig_str(taken, "spec", "serviceAccountName", NULL))
		taken = value_bury(
			taken,
			value_new_string(value_dig_str(taken, "spec", "serviceAccount", NULL)),
			"spec", "serviceAccountName", NULL);
	return taken;
}

static struct value *use_pull_secrets(const struct value *account, struct value *taken)
{
	const struct value *secrets = value_get(account, "imagePullSecrets");

	if (!value_count(secrets) ||
	    value_count(value_dig(taken, "spec", "imagePullSecrets", NULL)))
		return taken;
	return value_bury(taken, value_ref(secrets), "spec", "imagePullSecrets", NULL);
}

static struct value *admit_account(struct step *s, struct value *taken)
{
	CLEANUP_VALUE struct value *account = NULL;
	const char *name;

	taken = name_account(taken);
	name = value_dig_str(taken, "spec", "serviceAccountName", NULL);
	account = look_up(s, "serviceaccounts", "", s->r->ns, name);
	/* `default` comes into being with its namespace, a moment later: it is not waited for */
	if (!account && !str_eq(name, "default"))
		forbid(s, EACCES,
		       "error looking up service account %s/%s: serviceaccount \"%s\" not found",
		       s->r->ns, name, name);
	return use_pull_secrets(account, taken);
}

const struct plugin service_account = {
	.plural = "pods", .group = "", .when = ON_CREATE, .admit = admit_account};
