/* SPDX-License-Identifier: MIT */
/* DefaultTolerationSeconds: how long a pod outlives its node's silence. */
#include "objects/api/admission/admission.h"

#define DEFAULT_TOLERATION_SECONDS 300

static int tolerates(const struct value *tolerations, const char *taint)
{
	for (size_t i = 0; i < value_count(tolerations); i++) {
		const struct value *t = value_at(tolerations, i);
		const char *key = value_dig_str(t, "key", NULL),
			   *effect = value_dig_str(t, "effect", NULL);

		if ((!key || !*key || str_eq(key, taint)) &&
		    (!effect || !*effect || str_eq(effect, "NoExecute")))
			return 1;
	}
	return 0;
}

static struct value *admit_tolerations(struct step *s, struct value *taken)
{
	static const char *const taints[] = {"node.kubernetes.io/not-ready",
					     "node.kubernetes.io/unreachable"};
	const struct value *was = value_dig(taken, "spec", "tolerations", NULL);
	CLEANUP_VALUE struct value *before = was ? value_ref(was) : NULL;
	struct value *list = before ? value_ref(before) : value_new_list();

	for (size_t i = 0; i < ARRAY_LEN(taints); i++) {
		struct value *t;

		if (tolerates(before, taints[i]))
			continue;
		t = value_set_str(value_new_map(), "key", taints[i]);
		t = value_set_str(t, "operator", "Exists");
		t = value_set_str(t, "effect", "NoExecute");
		list = value_append(
			list, value_set_int(t, "tolerationSeconds", DEFAULT_TOLERATION_SECONDS));
	}
	return value_bury(taken, list, "spec", "tolerations", NULL);
}

const struct plugin default_toleration_seconds = {
	.plural = "pods", .group = "", .when = ON_CREATE, .admit = admit_tolerations};
