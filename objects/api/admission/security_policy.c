/* SPDX-License-Identifier: MIT */
/* The checks, a row each; the table is in the order in which Kubernetes names violations. */
#include "objects/api/admission/security_policy.h"

#include <stdio.h>

/* Borrowed texts, in the order they came. */
struct names {
	const char **list; /* owned */
	size_t n;
};

static void names_add(struct names *t, const char *name)
{
	t->list = xreallocarray(t->list, t->n + 1, sizeof(*t->list));
	t->list[t->n++] = name ? name : "";
}

/* Sorted, each once. */
static void names_insert(struct names *t, const char *name)
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

static void names_fini(struct names *t)
{
	free(t->list);
}
#define CLEANUP_NAMES CLEANUP(names_fini)

static void say_quoted(struct buf *out, const struct names *t)
{
	for (size_t i = 0; i < t->n; i++)
		buf_addf(out, "%s\"%s\"", i ? ", " : "", t->list[i]);
}

static void say_joined(struct buf *out, const struct names *t)
{
	for (size_t i = 0; i < t->n; i++)
		buf_addf(out, "%s%s", i ? ", " : "", t->list[i]);
}

/* `containers "a", "b"` */
static void say_containers(struct buf *out, const struct names *t)
{
	buf_adds(out, t->n == 1 ? "container " : "containers ");
	say_quoted(out, t);
}

/* One pod against one level. */
struct look {
	const struct value *pod, *spec;
	int minor;
	const char *reason; /* of the check at hand; NULL: none */
	struct buf detail;
};

typedef void (*container_fn)(const struct value *c, const struct value *context, void *arg);

static void each_container(const struct look *l, container_fn fn, void *arg)
{
	static const char *const lists[] = {"initContainers", "containers", "ephemeralContainers"};

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		const struct value *list = value_get(l->spec, lists[i]);

		for (size_t j = 0; j < value_count(list); j++)
			fn(value_at(list, j), value_get(value_at(list, j), "securityContext"), arg);
	}
}

static const char *name_of(const struct value *v)
{
	return value_dig_str(v, "name", NULL);
}

/* In a user namespace of its own root is nobody. */
static int has_user_namespace(const struct look *l)
{
	return l->minor >= 34 && !value_bool(value_get(l->spec, "hostUsers"), 1);
}

/* Who set something bad, and to what. */
struct setters {
	const struct look *look;
	int pod;                  /* the pod's own context did */
	int pod_good;             /* the pod's own context says what is wanted */
	struct names bad, silent; /* containers */
	struct names values;
};

static void setters_fini(struct setters *t)
{
	names_fini(&t->bad);
	names_fini(&t->silent);
	names_fini(&t->values);
}
#define CLEANUP_SETTERS CLEANUP(setters_fini)

/* `pod and container "a"` */
static void say_setters(struct buf *out, const struct setters *t)
{
	if (t->pod)
		buf_adds(out, t->bad.n ? "pod and " : "pod");
	if (t->bad.n)
		say_containers(out, &t->bad);
}

static const struct value *pod_context(const struct look *l)
{
	return value_get(l->spec, "securityContext");
}

/* -- baseline -- */

static void check_app_armor(struct look *l)
{
	static const char prefix[] = "container.apparmor.security.beta.kubernetes.io/";
	const struct value *notes = value_dig(l->pod, "metadata", "annotations", NULL);
	int n = 0;

	for (size_t i = 0; i < value_count(notes); i++) {
		const char *key = value_key_at(notes, i), *v = value_str(value_at(notes, i), "");

		if (!str_starts(key, prefix) || !*v || str_eq(v, "runtime/default") ||
		    str_starts(v, "localhost/"))
			continue;
		buf_addf(&l->detail, "%s%s=\"%s\"", n++ ? ", " : "", key, v);
	}
	if (n)
		l->reason = n == 1 ? "forbidden AppArmor profile" : "forbidden AppArmor profiles";
}

static int is_confined(const char *type)
{
	return str_eq(type, "RuntimeDefault") || str_eq(type, "Localhost");
}

static void see_app_armor_type(const struct value *c, const struct value *context, void *arg)
{
	const char *type = value_dig_str(context, "appArmorProfile", "type", NULL);
	struct setters *t = arg;

	if (!type || is_confined(type))
		return;
	names_insert(&t->values, type);
	if (c)
		names_add(&t->bad, name_of(c));
	else
		t->pod = 1;
}

static void check_app_armor_field(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	see_app_armor_type(NULL, pod_context(l), &t);
	each_container(l, see_app_armor_type, &t);
	if (!t.values.n)
		return;
	l->reason = t.values.n == 1 ? "forbidden AppArmor profile" : "forbidden AppArmor profiles";
	say_setters(&l->detail, &t);
	buf_adds(&l->detail, " must not set AppArmor profile type to ");
	say_quoted(&l->detail, &t.values);
}

static int is_one_of(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i], name))
			return 1;
	return 0;
}

static void see_added(const struct value *c, const struct value *context, struct setters *t,
		      const char *const *allowed, size_t n)
{
	const struct value *add = value_dig(context, "capabilities", "add", NULL);
	int bad = 0;

	for (size_t i = 0; i < value_count(add); i++) {
		const char *name = value_str(value_at(add, i), "");

		if (is_one_of(allowed, n, name))
			continue;
		names_insert(&t->values, name);
		bad = 1;
	}
	if (bad)
		names_add(&t->bad, name_of(c));
}

static void say_added(struct buf *out, const struct setters *t)
{
	say_containers(out, &t->bad);
	buf_adds(out, " must not include ");
	say_quoted(out, &t->values);
	buf_adds(out, " in securityContext.capabilities.add");
}

static void see_baseline_added(const struct value *c, const struct value *context, void *arg)
{
	static const char *const allowed[] = {
		"AUDIT_WRITE", "CHOWN",  "DAC_OVERRIDE",     "FOWNER",  "FSETID",
		"KILL",        "MKNOD",  "NET_BIND_SERVICE", "SETFCAP", "SETGID",
		"SETPCAP",     "SETUID", "SYS_CHROOT"};

	see_added(c, context, arg, allowed, ARRAY_LEN(allowed));
}

static void check_capabilities(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	each_container(l, see_baseline_added, &t);
	if (!t.bad.n)
		return;
	l->reason = "non-default capabilities";
	say_added(&l->detail, &t);
}

static void check_host_namespaces(struct look *l)
{
	static const struct {
		const char *field, *said;
	} shared[] = {{"hostNetwork", "hostNetwork=true"},
		      {"hostPID", "hostPID=true"},
		      {"hostIPC", "hostIPC=true"}};
	CLEANUP_NAMES struct names bad = {0};

	for (size_t i = 0; i < ARRAY_LEN(shared); i++)
		if (value_bool(value_get(l->spec, shared[i].field), 0))
			names_add(&bad, shared[i].said);
	if (bad.n)
		l->reason = "host namespaces";
	say_joined(&l->detail, &bad);
}

static void check_host_paths(struct look *l)
{
	const struct value *list = value_get(l->spec, "volumes");
	CLEANUP_NAMES struct names bad = {0};

	for (size_t i = 0; i < value_count(list); i++)
		if (value_get(value_at(list, i), "hostPath"))
			names_add(&bad, name_of(value_at(list, i)));
	if (!bad.n)
		return;
	l->reason = "hostPath volumes";
	buf_adds(&l->detail, bad.n == 1 ? "volume " : "volumes ");
	say_quoted(&l->detail, &bad);
}

/* Numbers as texts: they live until the check is told. */
struct ports {
	struct names containers, numbers;
	char **texts;
	size_t n;
};

static void see_host_ports(const struct value *c, const struct value *context, void *arg)
{
	const struct value *list = value_get(c, "ports");
	struct ports *t = arg;
	int bad = 0;

	(void)context;
	for (size_t i = 0; i < value_count(list); i++) {
		int64_t port = value_int(value_get(value_at(list, i), "hostPort"), 0);

		if (!port)
			continue;
		t->texts = xreallocarray(t->texts, t->n + 1, sizeof(*t->texts));
		t->texts[t->n] = xasprintf("%lld", (long long)port);
		names_insert(&t->numbers, t->texts[t->n++]);
		bad = 1;
	}
	if (bad)
		names_add(&t->containers, name_of(c));
}

static void check_host_ports(struct look *l)
{
	struct ports t = {0};

	each_container(l, see_host_ports, &t);
	if (t.containers.n) {
		l->reason = "hostPort";
		say_containers(&l->detail, &t.containers);
		buf_addf(&l->detail, " %s %s ", t.containers.n == 1 ? "uses" : "use",
			 t.numbers.n == 1 ? "hostPort" : "hostPorts");
		say_joined(&l->detail, &t.numbers);
	}
	for (size_t i = 0; i < t.n; i++)
		free(t.texts[i]);
	free(t.texts);
	names_fini(&t.containers);
	names_fini(&t.numbers);
}

static int see_hosts(const struct value *handler, struct names *hosts)
{
	const char *http = value_dig_str(handler, "httpGet", "host", NULL);
	const char *tcp = value_dig_str(handler, "tcpSocket", "host", NULL);

	if (http && *http)
		names_insert(hosts, http);
	if (tcp && *tcp)
		names_insert(hosts, tcp);
	return (http && *http) || (tcp && *tcp);
}

static void see_probe_hosts(const struct value *c, const struct value *context, void *arg)
{
	static const char *const probes[] = {"livenessProbe", "readinessProbe", "startupProbe"};
	static const char *const hooks[] = {"postStart", "preStop"};
	struct setters *t = arg;
	int bad = 0;

	(void)context;
	for (size_t i = 0; i < ARRAY_LEN(probes); i++)
		bad |= see_hosts(value_get(c, probes[i]), &t->values);
	for (size_t i = 0; i < ARRAY_LEN(hooks); i++)
		bad |= see_hosts(value_dig(c, "lifecycle", hooks[i], NULL), &t->values);
	if (bad)
		names_insert(&t->bad, name_of(c));
}

static void check_probe_hosts(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	each_container(l, see_probe_hosts, &t);
	if (!t.bad.n)
		return;
	l->reason = "probe or lifecycle host";
	say_containers(&l->detail, &t.bad);
	buf_addf(&l->detail, " %s %s ", t.bad.n == 1 ? "uses" : "use",
		 t.values.n == 1 ? "probe or lifecycle host" : "probe or lifecycle hosts");
	say_quoted(&l->detail, &t.values);
}

static void see_privileged(const struct value *c, const struct value *context, void *arg)
{
	if (value_bool(value_get(context, "privileged"), 0))
		names_add(arg, name_of(c));
}

static void check_privileged(struct look *l)
{
	CLEANUP_NAMES struct names bad = {0};

	each_container(l, see_privileged, &bad);
	if (!bad.n)
		return;
	l->reason = "privileged";
	say_containers(&l->detail, &bad);
	buf_adds(&l->detail, " must not set securityContext.privileged=true");
}

static void see_proc_mount(const struct value *c, const struct value *context, void *arg)
{
	const char *type = value_dig_str(context, "procMount", NULL);
	struct setters *t = arg;

	if (!type || str_eq(type, "Default"))
		return;
	names_add(&t->bad, name_of(c));
	names_insert(&t->values, type);
}

static void check_proc_mount(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	if (has_user_namespace(l))
		return;
	each_container(l, see_proc_mount, &t);
	if (!t.bad.n)
		return;
	l->reason = "procMount";
	say_containers(&l->detail, &t.bad);
	buf_adds(&l->detail, " must not set securityContext.procMount to ");
	say_quoted(&l->detail, &t.values);
}

struct selinux {
	struct setters by; /* values: types */
	int user, role;
};

static void see_selinux(const struct value *c, const struct value *context, void *arg)
{
	static const char *const allowed[] = {"container_t", "container_init_t", "container_kvm_t",
					      "container_engine_t"};
	const struct value *o = value_get(context, "seLinuxOptions");
	const char *type = value_dig_str(o, "type", NULL);
	struct selinux *t = arg;
	size_t n = t->by.look->minor >= 31 ? ARRAY_LEN(allowed) : ARRAY_LEN(allowed) - 1;
	int bad_type = type && *type && !is_one_of(allowed, n, type);
	int user = value_strlen(value_get(o, "user")) > 0,
	    role = value_strlen(value_get(o, "role")) > 0;

	if (bad_type)
		names_insert(&t->by.values, type);
	t->user |= user;
	t->role |= role;
	if (!bad_type && !user && !role)
		return;
	if (c)
		names_add(&t->by.bad, name_of(c));
	else
		t->by.pod = 1;
}

static void check_selinux(struct look *l)
{
	struct selinux t = {.by.look = l};
	const char *between = "";

	see_selinux(NULL, pod_context(l), &t);
	each_container(l, see_selinux, &t);
	if (t.by.pod || t.by.bad.n) {
		l->reason = "seLinuxOptions";
		say_setters(&l->detail, &t.by);
		buf_adds(&l->detail, " set forbidden securityContext.seLinuxOptions: ");
		if (t.by.values.n) {
			buf_adds(&l->detail, t.by.values.n == 1 ? "type " : "types ");
			say_quoted(&l->detail, &t.by.values);
			between = "; ";
		}
		if (t.user)
			buf_addf(&l->detail, "%suser may not be set", between);
		if (t.role)
			buf_addf(&l->detail, "%srole may not be set",
				 *between || t.user ? "; " : "");
	}
	setters_fini(&t.by);
}

static void see_seccomp(const struct value *c, const struct value *context, void *arg)
{
	const char *type = value_dig_str(context, "seccompProfile", "type", NULL);
	struct setters *t = arg;

	if (type && !is_confined(type)) {
		names_insert(&t->values, type);
		if (c)
			names_add(&t->bad, name_of(c));
		else
			t->pod = 1;
	} else if (!c) {
		t->pod_good = type != NULL;
	} else if (!type && !t->pod_good) {
		names_add(&t->silent, name_of(c));
	}
}

static void check_seccomp_with(struct look *l, int must_be_said)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	see_seccomp(NULL, pod_context(l), &t);
	each_container(l, see_seccomp, &t);
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

static void check_seccomp(struct look *l)
{
	check_seccomp_with(l, 0);
}

static void check_sysctls(struct look *l)
{
	static const struct {
		const char *name;
		int since;
	} safe[] = {
		{"kernel.shm_rmid_forced", 0},
		{"net.ipv4.ip_local_port_range", 0},
		{"net.ipv4.tcp_syncookies", 0},
		{"net.ipv4.ping_group_range", 0},
		{"net.ipv4.ip_unprivileged_port_start", 0},
		{"net.ipv4.ip_local_reserved_ports", 27},
		{"net.ipv4.tcp_keepalive_time", 29},
		{"net.ipv4.tcp_fin_timeout", 29},
		{"net.ipv4.tcp_keepalive_intvl", 29},
		{"net.ipv4.tcp_keepalive_probes", 29},
		{"net.ipv4.tcp_rmem", 32},
		{"net.ipv4.tcp_wmem", 32},
	};
	const struct value *list = value_get(pod_context(l), "sysctls");
	CLEANUP_NAMES struct names bad = {0};

	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = name_of(value_at(list, i));
		size_t j = 0;

		while (j < ARRAY_LEN(safe) &&
		       !(str_eq(safe[j].name, name) && safe[j].since <= l->minor))
			j++;
		if (j == ARRAY_LEN(safe))
			names_add(&bad, name);
	}
	if (bad.n)
		l->reason = "forbidden sysctls";
	say_joined(&l->detail, &bad);
}

static void see_host_process(const struct value *c, const struct value *context, void *arg)
{
	struct setters *t = arg;

	if (!value_bool(value_dig(context, "windowsOptions", "hostProcess", NULL), 0))
		return;
	if (c)
		names_add(&t->bad, name_of(c));
	else
		t->pod = 1;
}

static void check_host_process(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	see_host_process(NULL, pod_context(l), &t);
	each_container(l, see_host_process, &t);
	if (!t.pod && !t.bad.n)
		return;
	l->reason = "hostProcess";
	say_setters(&l->detail, &t);
	buf_adds(&l->detail, " must not set securityContext.windowsOptions.hostProcess=true");
}

/* -- restricted -- */

static void see_escalation(const struct value *c, const struct value *context, void *arg)
{
	if (value_bool(value_get(context, "allowPrivilegeEscalation"), 1))
		names_add(arg, name_of(c));
}

static void check_escalation(struct look *l)
{
	CLEANUP_NAMES struct names bad = {0};

	each_container(l, see_escalation, &bad);
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
		names_add(&t->silent, name_of(c));
	see_added(c, context, t, allowed, ARRAY_LEN(allowed));
}

static void check_dropped(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	each_container(l, see_dropped, &t);
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

static void check_volume_types(struct look *l)
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
			names_insert(&bad, name_of(value_at(list, i)));
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
		names_add(&t->bad, name_of(c));
	} else if (!v && !t->pod_good) {
		names_add(&t->silent, name_of(c));
	}
}

static void check_non_root(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	if (has_user_namespace(l))
		return;
	see_non_root(NULL, pod_context(l), &t);
	each_container(l, see_non_root, &t);
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
		names_add(&t->bad, name_of(c));
	else
		t->pod = 1;
}

static void check_root(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	if (has_user_namespace(l))
		return;
	see_root(NULL, pod_context(l), &t);
	each_container(l, see_root, &t);
	if (!t.pod && !t.bad.n)
		return;
	l->reason = "runAsUser=0";
	say_setters(&l->detail, &t);
	buf_adds(&l->detail, " must not set runAsUser=0");
}

static void check_seccomp_said(struct look *l)
{
	check_seccomp_with(l, 1);
}

/* -- the table -- */

/* BASELINE_ONLY: the restricted level has a stricter check of the same. */
enum { BASELINE = 1, RESTRICTED = 2, BASELINE_ONLY = 4 };

static const struct {
	void (*check)(struct look *l);
	int at, since;
} checks[] = {
	{check_app_armor, BASELINE, 0},         {check_app_armor_field, BASELINE, 30},
	{check_host_namespaces, BASELINE, 0},   {check_host_ports, BASELINE, 0},
	{check_probe_hosts, BASELINE, 34},      {check_privileged, BASELINE, 0},
	{check_proc_mount, BASELINE, 0},        {check_selinux, BASELINE, 0},
	{check_sysctls, BASELINE, 0},           {check_host_process, BASELINE, 0},
	{check_capabilities, BASELINE_ONLY, 0}, {check_host_paths, BASELINE_ONLY, 0},
	{check_seccomp, BASELINE_ONLY, 19},     {check_escalation, RESTRICTED, 8},
	{check_dropped, RESTRICTED, 22},        {check_volume_types, RESTRICTED, 0},
	{check_non_root, RESTRICTED, 0},        {check_root, RESTRICTED, 23},
	{check_seccomp_said, RESTRICTED, 19},
};

void security_violations(const struct value *pod, enum security_level level, int minor,
			 struct buf *out)
{
	int at = level == SECURITY_RESTRICTED ? BASELINE | RESTRICTED
		 : level == SECURITY_BASELINE ? BASELINE | BASELINE_ONLY
					      : 0;

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct look l = {.pod = pod, .spec = value_get(pod, "spec"), .minor = minor};

		if (!(checks[i].at & at) || checks[i].since > minor)
			continue;
		checks[i].check(&l);
		if (l.reason)
			buf_addf(out, "%s%s (%s)", out->len ? ", " : "", l.reason,
				 buf_str(&l.detail));
		buf_fini(&l.detail);
	}
}
