/* SPDX-License-Identifier: MIT */
/* The checks of the level `baseline`: known escalations of privilege. */
#include "objects/api/admission/security_look.h"

void check_app_armor(struct look *l)
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

static void see_app_armor_type(const struct value *c, const struct value *context, void *arg)
{
	const char *type = value_dig_str(context, "appArmorProfile", "type", NULL);
	struct setters *t = arg;

	if (!type || is_confined(type))
		return;
	names_insert(&t->values, type);
	if (c)
		names_add(&t->bad, look_name_of(c));
	else
		t->pod = 1;
}

void check_app_armor_field(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	see_app_armor_type(NULL, look_pod_context(l), &t);
	look_each_container(l, see_app_armor_type, &t);
	if (!t.values.n)
		return;
	l->reason = t.values.n == 1 ? "forbidden AppArmor profile" : "forbidden AppArmor profiles";
	say_setters(&l->detail, &t);
	buf_adds(&l->detail, " must not set AppArmor profile type to ");
	say_quoted(&l->detail, &t.values);
}

static void see_baseline_added(const struct value *c, const struct value *context, void *arg)
{
	static const char *const allowed[] = {
		"AUDIT_WRITE", "CHOWN",  "DAC_OVERRIDE",     "FOWNER",  "FSETID",
		"KILL",        "MKNOD",  "NET_BIND_SERVICE", "SETFCAP", "SETGID",
		"SETPCAP",     "SETUID", "SYS_CHROOT"};

	see_added(c, context, arg, allowed, ARRAY_LEN(allowed));
}

void check_capabilities(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	look_each_container(l, see_baseline_added, &t);
	if (!t.bad.n)
		return;
	l->reason = "non-default capabilities";
	say_added(&l->detail, &t);
}

void check_host_namespaces(struct look *l)
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

void check_host_paths(struct look *l)
{
	const struct value *list = value_get(l->spec, "volumes");
	CLEANUP_NAMES struct names bad = {0};

	for (size_t i = 0; i < value_count(list); i++)
		if (value_get(value_at(list, i), "hostPath"))
			names_add(&bad, look_name_of(value_at(list, i)));
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
		names_add(&t->containers, look_name_of(c));
}

void check_host_ports(struct look *l)
{
	struct ports t = {0};

	look_each_container(l, see_host_ports, &t);
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
		names_insert(&t->bad, look_name_of(c));
}

void check_probe_hosts(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	look_each_container(l, see_probe_hosts, &t);
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
		names_add(arg, look_name_of(c));
}

void check_privileged(struct look *l)
{
	CLEANUP_NAMES struct names bad = {0};

	look_each_container(l, see_privileged, &bad);
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
	names_add(&t->bad, look_name_of(c));
	names_insert(&t->values, type);
}

void check_proc_mount(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	if (look_has_user_namespace(l))
		return;
	look_each_container(l, see_proc_mount, &t);
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
	int bad_type = type && *type && !look_is_one_of(allowed, n, type);
	int user = value_strlen(value_get(o, "user")) > 0,
	    role = value_strlen(value_get(o, "role")) > 0;

	if (bad_type)
		names_insert(&t->by.values, type);
	t->user |= user;
	t->role |= role;
	if (!bad_type && !user && !role)
		return;
	if (c)
		names_add(&t->by.bad, look_name_of(c));
	else
		t->by.pod = 1;
}

void check_selinux(struct look *l)
{
	struct selinux t = {.by.look = l};
	const char *between = "";

	see_selinux(NULL, look_pod_context(l), &t);
	look_each_container(l, see_selinux, &t);
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

void check_seccomp(struct look *l)
{
	check_seccomp_with(l, 0);
}

void check_sysctls(struct look *l)
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
	const struct value *list = value_get(look_pod_context(l), "sysctls");
	CLEANUP_NAMES struct names bad = {0};

	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = look_name_of(value_at(list, i));
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
		names_add(&t->bad, look_name_of(c));
	else
		t->pod = 1;
}

void check_host_process(struct look *l)
{
	CLEANUP_SETTERS struct setters t = {.look = l};

	see_host_process(NULL, look_pod_context(l), &t);
	look_each_container(l, see_host_process, &t);
	if (!t.pod && !t.bad.n)
		return;
	l->reason = "hostProcess";
	say_setters(&l->detail, &t);
	buf_adds(&l->detail, " must not set securityContext.windowsOptions.hostProcess=true");
}
