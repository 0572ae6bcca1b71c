/* SPDX-License-Identifier: MIT */
/* The checks of the level `restricted`: what hardening asks for besides. */
#include "objects/api/admission/security_look.h"

static void see_escalation(const struct value *c, const struct value *context, void *arg)
{
	if (value_bool(value_get(context, "allowPrivilegeEscalation"), 1))
		names_add(arg, look_name_of(c));
}

void check_escalation(struct look *l)
{
	CLEANUP_NAMES struct names bad = {0};

	look_each_container(l, see_escalation, &bad);
	if (!bad.n)
		return;
	l->reason = "allowPrivilegeEscalation != false";
	say_containers(&l->detail, &bad);
	buf_adds(&l->detail, " must set securityContext.allowPrivilegeEscalation=false");
}

static void see_dropped(const struct value *c, const struct value *context, void *arg)
{
	static const char *const allowed[] = {"NET_BIND_SERVICE"};
	const struct value *drop = value_dig(context, "capabilities", "drop", NULL);
	struct setters *t = arg;
	int all = 0;

	for (size_t i = 0; i < value_count(drop); i++)
		all |= str_eq(value_str(value_at(drop, i), NULL), "ALL");
	if (!all)
		names_add(&t->silent, look_name_of(c));
	see_added(c, context, t, allowed, ARRAY_LEN(allowed));
}

void check_dropped(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	look_each_container(l, see_dropped, &t);
	if (!t.silent.n && !t.bad.n)
		return;
	l->reason = "unrestricted capabilities";
	if (t.silent.n) {
		say_containers(&l->detail, &t.silent);
		buf_adds(&l->detail, " must set securityContext.capabilities.drop=[\"ALL\"]");
	}
	if (t.silent.n && t.bad.n)
		buf_adds(&l->detail, "; ");
	if (t.bad.n)
		say_added(&l->detail, &t);
}

void check_volume_types(struct look *l)
{
	static const char *const allowed[] = {"configMap", "csi",       "downwardAPI",
					      "emptyDir",  "ephemeral", "persistentVolumeClaim",
					      "projected", "secret"};
	const struct value *list = value_get(l->spec, "volumes");
	CLEANUP_NAMES struct names bad = {0};

	for (size_t i = 0; i < value_count(list); i++) {
		size_t j = 0;

		while (j < ARRAY_LEN(allowed) && !value_get(value_at(list, i), allowed[j]))
			j++;
		if (j == ARRAY_LEN(allowed))
			names_insert(&bad, look_name_of(value_at(list, i)));
	}
	if (!bad.n)
		return;
	l->reason = "restricted volume types";
	buf_adds(&l->detail, "volumes [");
	for (size_t i = 0; i < bad.n; i++)
		buf_addf(&l->detail, "%s\"%s\"", i ? " " : "", bad.list[i]);
	buf_adds(&l->detail, "] have restricted types");
}

static void see_non_root(const struct value *c, const struct value *context, void *arg)
{
	const struct value *v = value_get(context, "runAsNonRoot");
	struct setters *t = arg;

	if (!c) {
		t->pod = v && !value_bool(v, 0);
		t->pod_good = v && value_bool(v, 0);
	} else if (v && !value_bool(v, 0)) {
		names_add(&t->bad, look_name_of(c));
	} else if (!v && !t->pod_good) {
		names_add(&t->silent, look_name_of(c));
	}
}

void check_non_root(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	if (look_has_user_namespace(l))
		return;
	see_non_root(NULL, look_pod_context(l), &t);
	look_each_container(l, see_non_root, &t);
	if (!t.pod && !t.bad.n && !t.silent.n)
		return;
	l->reason = "runAsNonRoot != true";
	if (t.pod || t.bad.n) {
		say_setters(&l->detail, &t);
		buf_adds(&l->detail, " must not set securityContext.runAsNonRoot=false");
		return;
	}
	buf_adds(&l->detail, "pod or ");
	say_containers(&l->detail, &t.silent);
	buf_adds(&l->detail, " must set securityContext.runAsNonRoot=true");
}

static void see_root(const struct value *c, const struct value *context, void *arg)
{
	const struct value *v = value_get(context, "runAsUser");
	struct setters *t = arg;

	if (!v || value_int(v, 1) != 0)
		return;
	if (c)
		names_add(&t->bad, look_name_of(c));
	else
		t->pod = 1;
}

void check_root(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	if (look_has_user_namespace(l))
		return;
	see_root(NULL, look_pod_context(l), &t);
	look_each_container(l, see_root, &t);
	if (!t.pod && !t.bad.n)
		return;
	l->reason = "runAsUser=0";
	say_setters(&l->detail, &t);
	buf_adds(&l->detail, " must not set runAsUser=0");
}

void check_seccomp_said(struct look *l)
{
	check_seccomp_with(l, 1);
}
