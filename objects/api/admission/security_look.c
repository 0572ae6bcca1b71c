/* SPDX-License-Identifier: MIT */
#include "objects/api/admission/security_look.h"

void names_add(struct names *t, const char *name)
{
	t->list = xreallocarray(t->list, t->n + 1, sizeof(*t->list));
	t->list[t->n++] = name ? name : "";
}

void names_insert(struct names *t, const char *name)
{
	size_t i = 0;

	while (i < t->n && strcmp(t->list[i], name) < 0)
		i++;
	if (i < t->n && str_eq(t->list[i], name))
		return;
	names_add(t, name);
	memmove(&t->list[i + 1], &t->list[i], (t->n - 1 - i) * sizeof(*t->list));
	t->list[i] = name;
}

void names_fini(struct names *t)
{
	free(t->list);
}

void say_quoted(struct buf *out, const struct names *t)
{
	for (size_t i = 0; i < t->n; i++)
		buf_addf(out, "%s\"%s\"", i ? ", " : "", t->list[i]);
}

void say_joined(struct buf *out, const struct names *t)
{
	for (size_t i = 0; i < t->n; i++)
		buf_addf(out, "%s%s", i ? ", " : "", t->list[i]);
}

void say_containers(struct buf *out, const struct names *t)
{
	buf_adds(out, t->n == 1 ? "container " : "containers ");
	say_quoted(out, t);
}

void look_each_container(const struct look *l, container_fn fn, void *arg)
{
	static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct value *list = value_get(l->spec, lists[i]);

		for (size_t j = 0; j < value_count(list); j++)
			fn(value_at(list, j), value_get(value_at(list, j), "securityContext"), arg);
	}
}

const char *look_name_of(const struct value *v)
{
	return value_dig_str(v, "name", NULL);
}

int look_has_user_namespace(const struct look *l)
{
	return l->minor >= 34 && !value_bool(value_get(l->spec, "hostUsers"), 1);
}

void setters_fini(struct setters *t)
{
	names_fini(&t->bad);
	names_fini(&t->silent);
	names_fini(&t->values);
}

void say_setters(struct buf *out, const struct setters *t)
{
	if (t->pod)
		buf_adds(out, t->bad.n ? "pod and " : "pod");
	if (t->bad.n)
		say_containers(out, &t->bad);
}

const struct value *look_pod_context(const struct look *l)
{
	return value_get(l->spec, "securityContext");
}

int look_is_one_of(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], name))
			return 1;
	return 0;
}

void see_added(const struct value *c, const struct value *context, struct setters *t,
	       const char *const *allowed, size_t n)
{
	const struct value *add = value_dig(context, "capabilities", "add", NULL);
	int bad = 0;

	for (size_t i = 0; i < value_count(add); i++) {
		const char *name = value_str(value_at(add, i), "");

		if (look_is_one_of(allowed, n, name))
			continue;
		names_insert(&t->values, name);
		bad = 1;
	}
	if (bad)
		names_add(&t->bad, look_name_of(c));
}

void say_added(struct buf *out, const struct setters *t)
{
	say_containers(out, &t->bad);
	buf_adds(out, " must not include ");
	say_quoted(out, &t->values);
	buf_adds(out, " in securityContext.capabilities.add");
}

int is_confined(const char *type)
{
	return str_eq(type, "RuntimeDefault") || str_eq(type, "Localhost");
}

static void see_seccomp(const struct value *c, const struct value *context, void *arg)
{
	const char *type = value_dig_str(context, "seccompProfile", "type", NULL);
	struct setters *t = arg;

	if (type && !is_confined(type)) {
		names_insert(&t->values, type);
		if (c)
			names_add(&t->bad, look_name_of(c));
		else
			t->pod = 1;
	} else if (!c) {
		t->pod_good = type != NULL;
	} else if (!type && !t->pod_good) {
		names_add(&t->silent, look_name_of(c));
	}
}

void check_seccomp_with(struct look *l, int must_be_said)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	see_seccomp(NULL, look_pod_context(l), &t);
	look_each_container(l, see_seccomp, &t);
	if (t.pod || t.bad.n) {
		l->reason = "seccompProfile";
		say_setters(&l->detail, &t);
		buf_adds(&l->detail, " must not set securityContext.seccompProfile.type to ");
		say_quoted(&l->detail, &t.values);
	} else if (must_be_said && t.silent.n) {
		l->reason = "seccompProfile";
		buf_adds(&l->detail, "pod or ");
		say_containers(&l->detail, &t.silent);
		buf_adds(&l->detail, " must set securityContext.seccompProfile.type to "
				     "\"RuntimeDefault\" or \"Localhost\"");
	}
}
