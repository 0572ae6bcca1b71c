/* SPDX-License-Identifier: MIT */
/* From a container in a Pod to what the sandbox is told. */
#include "tests/unit/agent_rig.h"

#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/agent/cspec.h"
#include "runtime/agent/podfiles.h"
#include "runtime/agent/security.h"

struct made {
	struct rig *r;
	struct value *pod;
	struct pod_state st;
	struct volume *volumes;
	size_t n;
	struct container_spec spec;
	struct err err;
	int rc;
};

/* The first container of a pod with this spec. */
static struct made *make_in(struct rig *r, const char *spec)
{
	struct made *m = xcalloc(1, sizeof(*m));
	CLEANUP_FREE char *text = xasprintf(
		"{'metadata':{'name':'p','namespace':'d','uid':'u1'},'spec':{'nodeName':'n1',%s}}",
		spec);
	struct cspec_source src;
	struct volume_ctx ctx;

	m->r = r;
	m->pod = json_of(text);
	pod_state_init(&m->st, m->pod);
	strcpy(m->st.ip, "10.244.0.5");
	m->volumes = volumes_new(m->pod, &m->n);
	ctx = (struct volume_ctx){
		.src = {.st = &m->st, .node = r->core->node, .ops = r->core->ops, .ctx = r},
		.state_dir = r->dir,
		.run_dir = r->dir,
		.id_base = 0};
	for (size_t i = 0; i < m->n; i++)
		assert_int_equal(volume_set_up(&ctx, &m->volumes[i], &m->err), 0);
	src = (struct cspec_source){ctx, m->volumes, m->n, &r->image};
	m->rc = cspec_of(&src, &m->st.ctrs[m->st.n - 1], "id", 3, &m->spec, &m->err);
	return m;
}

static struct made *make(const char *spec)
{
	return make_in(rig_new(), spec);
}

static void unmake(struct made *m)
{
	cspec_fini(&m->spec);
	volumes_free(m->volumes, m->n);
	pod_state_fini(&m->st);
	value_unref(m->pod);
	rig_free(m->r);
	free(m);
}

static int has(char **list, const char *want)
{
	for (; *list; list++)
		if (str_eq(*list, want))
			return 1;
	return 0;
}

#define C(rest) "'containers':[{'name':'c','image':'app:1'" rest "}]"

static void argv_is(const char *command, const char *want)
{
	static char *entrypoint[] = {(char *)"/entry", NULL}, *cmd[] = {(char *)"arg", NULL};
	struct rig *r = rig_new();
	CLEANUP_FREE char *spec = xasprintf(C("%s"), command);
	CLEANUP(buf_fini) struct buf got = BUF_INIT;
	struct made *m;

	r->image.config.entrypoint = entrypoint;
	r->image.config.cmd = cmd;
	m = make_in(r, spec);
	for (char **s = m->spec.argv; s && *s; s++)
		buf_addf(&got, "%s%s", got.len ? " " : "", *s);
	assert_string_equal(buf_str(&got), want);
	unmake(m);
}

/* The table of "Define a Command and Arguments for a Container". */
static void test_command_and_args(void **state)
{
	argv_is("", "/entry arg");
	argv_is(",'command':['/c']", "/c");
	argv_is(",'args':['a','b']", "/entry a b");
	argv_is(",'command':['/c'],'args':['a']", "/c a");
}

static void test_no_command(void **state)
{
	static char *none[] = {NULL};
	struct rig *r = rig_new();
	struct made *m;

	r->image.config.cmd = none;
	m = make_in(r, C(""));
	assert_true(m->rc < 0);
	assert_string_equal(m->err.msg, "no command specified");
	unmake(m);
}

static void test_environment(void **state)
{
	static char *image_env[] = {(char *)"PATH=/opt/bin", (char *)"FROM_IMAGE=1",
				    (char *)"OVER=image", NULL};
	struct rig *r = rig_new();
	struct made *m;

	r->image.config.env = image_env;
	rig_object(r, "secrets", "d", "s", "{'data':{'pw':'c2VjcmV0'}}");
	rig_object(r, "configmaps", "d", "m", "{'data':{'A':'from map','bad=name':'x'}}");
	rig_object(r, "services", "d", "my-web",
		   "{'metadata':{'name':'my-web','namespace':'d'},'spec':{'clusterIP':"
		   "'10.96.0.9','ports':[{'name':'http-x','port':80,'protocol':'TCP'}]}}");
	rig_object(r, "services", "d", "headless",
		   "{'metadata':{'name':'headless','namespace':'d'},'spec':{'clusterIP':'None','"
		   "ports':[{'port':80}]}}");
	m = make_in(r, C(",'envFrom':[{'prefix':'P_','configMapRef':{'name':'m'}},{'secretRef':{'"
			 "name':'gone','optional':"
			 "true}}],'env':[{'name':'OVER','value':'pod'},{'name':'REF','value':'$(P_"
			 "A) $(MY_WEB_SERVICE_HOST) "
			 "$(FROM_IMAGE)'},{'name':'PW','valueFrom':{'secretKeyRef':{'name':'s','"
			 "key':'pw'}}},{'name':'NO',"
			 "'valueFrom':{'secretKeyRef':{'name':'s','key':'none','optional':true}}},{"
			 "'name':'MEM','valueFrom':"
			 "{'resourceFieldRef':{'resource':'limits.memory','divisor':'1Mi'}}},{'"
			 "name':'SELF','valueFrom':"
			 "{'fieldRef':{'fieldPath':'status.podIP'}}}]"));
	assert_int_equal(m->rc, 0);
	assert_true(has(m->spec.envp, "PATH=/opt/bin"));
	assert_true(has(m->spec.envp, "HOSTNAME=p"));
	assert_true(has(m->spec.envp, "HOME=/root"));
	assert_true(has(m->spec.envp, "OVER=pod"));
	assert_true(has(m->spec.envp, "P_A=from map"));
	/* the image's own variables are not known to $(...) */
	assert_true(has(m->spec.envp, "REF=from map 10.96.0.9 $(FROM_IMAGE)"));
	assert_true(has(m->spec.envp, "PW=secret"));
	assert_true(has(m->spec.envp, "MEM=1024")); /* none of its own: what the node has */
	assert_true(has(m->spec.envp, "SELF=10.244.0.5"));
	assert_true(has(m->spec.envp, "MY_WEB_SERVICE_PORT=80"));
	assert_true(has(m->spec.envp, "MY_WEB_SERVICE_PORT_HTTP_X=80"));
	assert_true(has(m->spec.envp, "MY_WEB_PORT=tcp://10.96.0.9:80"));
	assert_true(has(m->spec.envp, "MY_WEB_PORT_80_TCP_ADDR=10.96.0.9"));
	for (char **s = m->spec.envp; *s; s++) {
		assert_false(str_starts(*s, "HEADLESS"));
		assert_false(str_starts(*s, "NO="));
		assert_false(str_starts(*s, "P_bad"));
	}
	unmake(m);
}

static void env_refused(const char *env, const char *want)
{
	CLEANUP_FREE char *spec = xasprintf(C(",%s"), env);
	struct rig *r = rig_new();
	struct made *m;

	rig_object(r, "secrets", "d", "s", "{'data':{'bad':'***'}}");
	m = make_in(r, spec);
	assert_true(m->rc < 0);
	assert_string_equal(m->err.msg, want);
	unmake(m);
}

static void test_environment_errors(void **state)
{
	env_refused("'envFrom':[{'configMapRef':{'name':'x'}}]", "configmap \"x\" not found");
	env_refused("'envFrom':[{'secretRef':{'name':'x'}}]", "secret \"x\" not found");
	env_refused("'env':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'s','key':'k'}}}]",
		    "couldn't find key k in Secret d/s");
	env_refused("'env':[{'name':'A','valueFrom':{'fieldRef':{'fieldPath':'spec.secret'}}}]",
		    "unsupported fieldPath: spec.secret");
	env_refused("'env':[{'name':'A','valueFrom':{'resourceFieldRef':{'resource':'cpu'}}}]",
		    "unsupported container resource : cpu");
	env_refused("'env':[{'name':'A','valueFrom':{'secretKeyRef':{'name':'s','key':'bad'}}}]",
		    "secret key bad: illegal base64 data");
}

static void test_capabilities(void **state)
{
	CLEANUP_VALUE struct value *drop_all =
		json_of("{'drop':['ALL'],'add':['NET_BIND_SERVICE']}");
	CLEANUP_VALUE struct value *add_all = json_of("{'add':['ALL'],'drop':['SYS_ADMIN']}");
	CLEANUP_VALUE struct value *one = json_of("{'add':['CAP_NET_ADMIN'],'drop':['mknod']}");
	CLEANUP_VALUE struct value *bad = json_of("{'add':['NO_SUCH']}");
	struct err err = ERR_INIT;
	uint64_t caps;

	assert_int_equal(capabilities_default(), SANDBOX_DEFAULT_CAPABILITIES);
	assert_int_equal(capabilities_of(NULL, &caps, &err), 0);
	assert_int_equal(caps, SANDBOX_DEFAULT_CAPABILITIES);
	assert_int_equal(capabilities_of(drop_all, &caps, &err), 0);
	assert_int_equal(caps, 1ull << CAP_NET_BIND_SERVICE);
	assert_int_equal(capabilities_of(add_all, &caps, &err), 0);
	assert_int_equal(caps, ((1ull << (CAP_LAST_CAP + 1)) - 1) & ~(1ull << CAP_SYS_ADMIN));
	assert_int_equal(capabilities_of(one, &caps, &err), 0);
	assert_int_equal(caps, (SANDBOX_DEFAULT_CAPABILITIES | 1ull << CAP_NET_ADMIN) &
				       ~(1ull << CAP_MKNOD));
	assert_true(capabilities_of(bad, &caps, &err) < 0);
	assert_string_equal(err.msg, "unknown capability NO_SUCH");
}

static void test_identity(void **state)
{
	struct made *m =
		make("'securityContext':{'runAsUser':1000,'runAsGroup':2000,'fsGroup':3000,"
		     "'supplementalGroups':[4000]}," C(
			     ",'securityContext':{'runAsUser':1001,"
			     "'allowPrivilegeEscalation':false,'readOnlyRootFilesystem':true}"));

	assert_int_equal(m->rc, 0);
	assert_int_equal(m->spec.uid, 1001); /* the container's word */
	assert_int_equal(m->spec.gid, 2000); /* the pod's */
	assert_int_equal(m->spec.n_groups, 3);
	assert_int_equal(m->spec.groups[1], 3000);
	assert_int_equal(m->spec.groups[2], 4000);
	assert_true(m->spec.no_new_privs && m->spec.read_only_rootfs);
	assert_false(m->spec.privileged || m->spec.seccomp_unconfined || m->spec.proc_unmasked);
	unmake(m);
	m = make(C(",'securityContext':{'privileged':true}"));
	assert_true(m->spec.privileged && m->spec.seccomp_unconfined && m->spec.proc_unmasked);
	assert_true(pod_host_users(m->pod));
	assert_false(m->spec.no_new_privs);
	unmake(m);
}

static void identity_refused(const char *context, const char *image_user, const char *want)
{
	CLEANUP_FREE char *spec = xasprintf(C(",'securityContext':%s"), context);
	struct rig *r = rig_new();
	struct made *m;

	r->image.config.user = (char *)image_user;
	m = make_in(r, spec);
	assert_true(m->rc < 0);
	assert_string_equal(m->err.msg, want);
	unmake(m);
}

static void test_non_root(void **state)
{
	identity_refused("{'runAsNonRoot':true}", "",
			 "container has runAsNonRoot and image will run as root (pod: \"p_d(u1)\", "
			 "container: c)");
	identity_refused(
		"{'runAsNonRoot':true,'runAsUser':0}", "",
		"container's runAsUser breaks non-root policy (pod: \"p_d(u1)\", container: c)");
	identity_refused("{'runAsNonRoot':true}", "nginx",
			 "container has runAsNonRoot and image has non-numeric user (nginx), "
			 "cannot verify user is "
			 "non-root (pod: \"p_d(u1)\", container: c)");
	identity_refused(
		"{'runAsUser':100000}", "",
		"runAsUser 100000: a pod has the ids 0 to 65535 (hostUsers: true lifts that)");
	identity_refused("{'seccompProfile':{'type':'Localhost','localhostProfile':'x'}}", "",
			 "seccompProfile: type Localhost is not served by this node");
}

static const struct mount_spec *mount_at(const struct made *m, const char *target)
{
	for (size_t i = 0; i < m->spec.n_mounts; i++)
		if (str_eq(m->spec.mounts[i].target, target))
			return &m->spec.mounts[i];
	return NULL;
}

static void test_mounts(void **state)
{
	struct made *m = make(
		"'volumes':[{'name':'e','emptyDir':{}},{'name':'h','hostPath':{'path':'/tmp'}}]," C(
			",'env':[{'name':'N','value':'x'}],'volumeMounts':[{'name':'e','mountPath':"
			"'/e'},{'name':'e',"
			"'mountPath':'/s','subPath':'a/"
			"b','readOnly':true},{'name':'e','mountPath':'/x','subPathExpr':"
			"'$(N)/y'},{'name':'h','mountPath':'/"
			"h','mountPropagation':'HostToContainer'}]"));

	assert_int_equal(m->rc, 0);
	assert_non_null(mount_at(m, "/etc/hostname"));
	assert_false(mount_at(m, "/e")->read_only);
	assert_true(mount_at(m, "/s")->read_only);
	assert_string_equal(mount_at(m, "/s")->sub_path, "a/b");
	assert_string_equal(mount_at(m, "/x")->sub_path, "x/y");
	assert_true(mount_at(m, "/h")->idmapped && mount_at(m, "/h")->recursive);
	assert_int_equal(mount_at(m, "/h")->propagation, 1);
	unmake(m);
}

static void test_sub_paths_are_relative(void **state)
{
	struct made *m = make("'volumes':[{'name':'e','emptyDir':{}}]," C(
		",'env':[{'name':'N','value':'/abs'}],'volumeMounts':[{'name':'e','mountPath':'/"
		"x','subPathExpr':'$(N)'}]"));

	assert_true(m->rc < 0);
	assert_string_equal(m->err.msg, "subPath /abs: must be a relative path");
	unmake(m);
}

static void test_the_rest(void **state)
{
	static char *layers[] = {(char *)"/l2", (char *)"/l1", NULL};
	struct rig *r = rig_new();
	CLEANUP_FREE char *log = xasprintf("%s/pods/u1/containers/c/3.log", r->dir);
	struct made *m;

	r->image.layers = layers;
	r->image.config.stop_signal = SIGQUIT;
	m = make_in(r, C(",'workingDir':'/w','tty':true,'stdin':true,'terminationMessagePath':'/"
			 "dev/end','resources':"
			 "{'limits':{'memory':'64Mi','cpu':'500m'}}"));
	assert_int_equal(m->rc, 0);
	assert_string_equal(m->spec.cwd, "/w");
	assert_string_equal(m->spec.log_path, log);
	assert_string_equal(m->spec.layers[1], "/l1");
	assert_int_equal(m->spec.stop_signal, SIGQUIT);
	assert_int_equal(m->spec.limits.memory_bytes, 64 << 20);
	assert_int_equal(m->spec.limits.cpu_quota_millis, 500);
	assert_int_equal(m->spec.limits.cpu_shares_millis, 500);
	assert_string_equal(m->spec.termination_path, "/dev/end");
	assert_true(str_ends(m->spec.termination_log, "/pods/u1/containers/c/3.end"));
	assert_true(m->spec.tty && m->spec.stdin_open && !m->spec.stdin_once);
	assert_true(has(m->spec.envp, "TERM=xterm"));
	unmake(m);
}

/* -- the files of /etc -- */

static void test_hosts(void **state)
{
	CLEANUP_VALUE struct value *pod =
		json_of("{'metadata':{'name':'web-0','namespace':'d'},'spec':{'hostname':'web-0','"
			"subdomain':'nginx',"
			"'hostAliases':[{'ip':'1.2.3.4','hostnames':['a','b']}],'containers':[]}}");
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct pod_state st;

	pod_state_init(&st, pod);
	strcpy(st.ip, "10.244.0.5");
	hosts_render(&st, "cluster.local", &out);
	assert_true(
		str_starts(out.data, "# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n"));
	assert_true(str_ends(out.data, "10.244.0.5\tweb-0.nginx.d.svc.cluster.local\tweb-0\n"
				       "\n# Entries added by HostAliases.\n1.2.3.4\ta\tb\n"));
	pod_state_fini(&st);
}

static void resolv_is(const char *spec, const char *address, const char *want)
{
	CLEANUP_FREE char *text =
		xasprintf("{'metadata':{'name':'p','namespace':'d'},'spec':{%s}}", spec);
	CLEANUP_VALUE struct value *pod = json_of(text);
	const struct dns_config dns = {
		"cluster.local", address,
		"# x\nnameserver 9.9.9.9\nsearch home.example\noptions rotate\n"};
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	resolv_render(pod, &dns, &out);
	assert_string_equal(buf_str(&out), want);
}

static void test_resolv_conf(void **state)
{
	resolv_is("'dnsPolicy':'ClusterFirst'", "10.96.0.10",
		  "search d.svc.cluster.local svc.cluster.local cluster.local "
		  "home.example\nnameserver 10.96.0.10\n"
		  "options ndots:5\n");
	resolv_is("'dnsPolicy':'ClusterFirst'", NULL,
		  "search home.example\nnameserver 9.9.9.9\noptions rotate\n");
	resolv_is("'dnsPolicy':'ClusterFirst','hostNetwork':true", "10.96.0.10",
		  "search home.example\nnameserver 9.9.9.9\noptions rotate\n");
	resolv_is("'dnsPolicy':'None','dnsConfig':{'nameservers':['1.1.1.1'],'searches':['x.y'],'"
		  "options':[{'name':'ndots',"
		  "'value':'2'},{'name':'edns0'}]}",
		  "10.96.0.10", "search x.y\nnameserver 1.1.1.1\noptions ndots:2 edns0\n");
	resolv_is(
		"'dnsPolicy':'ClusterFirst','dnsConfig':{'options':[{'name':'ndots','value':'1'}]}",
		"10.96.0.10",
		"search d.svc.cluster.local svc.cluster.local cluster.local "
		"home.example\nnameserver 10.96.0.10\n"
		"options ndots:1\n");
}

static void test_long_hostnames(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of("{'metadata':{'name':'"
						  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
						  "aaaaaaaaaaaaaa.bbbbbbbb'},'spec':{}}");
	CLEANUP_FREE char *name = pod_hostname(pod);

	assert_int_equal(strlen(name), 62); /* 63 would end in a dot */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_command_and_args),
		cmocka_unit_test(test_no_command),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_environment_errors),
		cmocka_unit_test(test_capabilities),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_non_root),
		cmocka_unit_test(test_mounts),
		cmocka_unit_test(test_sub_paths_are_relative),
		cmocka_unit_test(test_the_rest),
		cmocka_unit_test(test_hosts),
		cmocka_unit_test(test_resolv_conf),
		cmocka_unit_test(test_long_hostnames),
	};

	if (geteuid() != 0) {
		print_message("test_ctrspec: needs root to give files to others\n");
		return 77;
	}
	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
