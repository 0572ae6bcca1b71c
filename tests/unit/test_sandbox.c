/* SPDX-License-Identifier: MIT */
/* What a container sees and may do, on this machine, for real. */
#include "patience.h"
#include "sandbox_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/fd.h"

static struct rig rig;

static int set_up(void **state)
{
	(void)state;
	if (!rig_possible())
		return 0;
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (rig.dir)
		rig_close(&rig);
	return 0;
}

#define UID "pod-a"

/* What a script writes in a container of its own. */
static void expect_output(const char *name, const char *script, const char *expected)
{
	char *log, *all = xasprintf("exec 2>&1; %s",
				    script); /* two streams have no order between them */

	(void)rig_run(&rig, UID, name, all);
	log = rig_log(&rig, UID, name);
	assert_string_equal(log, expected);
	free(log);
	free(all);
}

static void test_output_identity_and_exit_code(void **state)
{
	(void)state;
	rig_pod(&rig, UID);
	assert_int_equal(
		rig_run(&rig, UID, "main", "echo hello; id -u; id -g; hostname; pwd; exit 3"), 3);
	assert_int_equal(rig.last[CONTAINER_EXITED].signal, 0);
	char *log = rig_log(&rig, UID, "main");
	assert_string_equal(log, "hello\n0\n0\nweb-host\n/\n");
	free(log);
	/* Again under the same name: a fresh writable layer, the same log. */
	expect_output("again", "echo x > /tmp/file; ls /tmp", "file\n");
	expect_output("again", "ls /tmp; echo end", "file\nend\n");
	rig_destroy(&rig);
}

static void test_host_ids_are_the_pods_own(void **state)
{
	struct container_spec spec;
	struct stat st;
	char *path, status[128];

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "ids", "touch /mine; mkdir /dir; exec sleep 100");
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_STARTED, "ids");
	snprintf(status, sizeof(status), "/proc/%d", (int)rig.last[CONTAINER_STARTED].pid);
	assert_int_equal(stat(status, &st), 0);
	assert_int_equal(st.st_uid, sandbox_id_base(rig.sb));
	path = xasprintf("%s/upper/mine", spec.upper);
	for (int i = 0; i < patience(500) && stat(path, &st) < 0; i++)
		usleep(10000);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, sandbox_id_base(rig.sb));
	free(path);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

static char *own_namespace(const char *name)
{
	char path[64], text[64] = "";
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", name);
	n = readlink(path, text, sizeof(text) - 1);
	assert_true(n > 0);
	return xstrdup(text);
}

/* Which of the namespaces a container shares with us, in this order. */
static void namespaces_shared(const char *container, char out[8])
{
	static const char *const names[] = {"user", "net", "ipc", "uts", "pid", "mnt", "cgroup"};
	char *log, *at, *state = NULL;

	(void)rig_run(
		&rig, UID, container,
		"for n in user net ipc uts pid mnt cgroup; do readlink /proc/self/ns/$n; done");
	log = rig_log(&rig, UID, container);
	at = strtok_r(log, "\n", &state);
	for (int i = 0; i < 7; i++, at = strtok_r(NULL, "\n", &state)) {
		char *own = own_namespace(names[i]);

		assert_non_null(at);
		out[i] = str_eq(at, own) ? 'h' : '-';
		free(own);
	}
	out[7] = '\0';
	free(log);
}

static void test_namespaces_are_its_own(void **state)
{
	char shared[8];

	(void)state;
	rig_pod(&rig, UID);
	namespaces_shared("own", shared);
	assert_string_equal(shared, "-------");
	expect_output("alone", "echo $$; test -d /proc/100 || echo none", "1\nnone\n");
	rig_destroy(&rig);
}

static void run_with_host(int network, int pid, int ipc, int users, const char *expected)
{
	struct sandbox_spec spec;
	char shared[8];

	rig_pod_spec(&rig, &spec, UID);
	spec.host_network = network;
	spec.host_pid = pid;
	spec.host_ipc = ipc;
	spec.host_users = users;
	rig_pod_of(&rig, &spec);
	namespaces_shared("hosts", shared);
	assert_string_equal(shared, expected);
	expect_output("system", "ls -d /sys/class/net/lo /dev/mqueue /dev/shm /proc/1/status",
		      "/dev/mqueue\n/dev/shm\n/proc/1/status\n/sys/class/net/lo\n");
	sandbox_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_host_namespaces_on_request(void **state)
{
	(void)state;
	run_with_host(1, 0, 0, 0, "-h-h---");
	run_with_host(0, 1, 0, 0, "----h--");
	run_with_host(0, 0, 1, 0, "--h----");
	run_with_host(0, 0, 0, 1, "h------");
	run_with_host(1, 1, 1, 1, "hhhhh--");
}

static void test_shared_pids(void **state)
{
	struct sandbox_spec spec;
	struct container_spec other;

	(void)state;
	rig_pod_spec(&rig, &spec, UID);
	spec.share_pids = 1;
	rig_pod_of(&rig, &spec);
	rig_shell_spec(&rig, &other, UID, "other", "sleep 1234 & sleep 1235 & wait");
	rig_start(&rig, &other);
	rig_wait(&rig, CONTAINER_STARTED, "other");
	expect_output("sees",
		      "for i in 1 2 3 4 5 6 7 8 9; do ps -o args | grep -q '^sleep 1235' && break; "
		      "sleep 0.1; done;"
		      "ps -o args | grep '^sleep 123' | sort; cat /proc/1/comm",
		      "sleep 1234\nsleep 1235\npause\n");
	/* Its other processes end with the first one. */
	assert_int_equal(sandbox_signal(rig.sb, "other", SIGKILL, NULL), 0);
	rig_wait(&rig, CONTAINER_EXITED, "other");
	assert_int_equal(rig.last[CONTAINER_EXITED].exit_code, 137);
	assert_int_equal(rig.last[CONTAINER_EXITED].signal, SIGKILL);
	expect_output("later", "sleep 0.1; ps -o args | grep -c '^sleep 123'", "0\n");
	container_spec_fini(&other);
	sandbox_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_restrictions(void **state)
{
	(void)state;
	rig_pod(&rig, UID);
	expect_output(
		"caps",
		"grep -E '^(CapInh|CapPrm|CapEff|CapBnd|CapAmb|NoNewPrivs|Seccomp):' "
		"/proc/self/status | tr '\\t' ' '",
		"CapInh: 0000000000000000\nCapPrm: 00000000a80425fb\nCapEff: 00000000a80425fb\n"
		"CapBnd: 00000000a80425fb\nCapAmb: 0000000000000000\nNoNewPrivs: 0\nSeccomp: 2\n");
	expect_output("seccomp", "unshare -n true; mount -t tmpfs x /tmp; hostname other; echo end",
		      "unshare: unshare(0x40000000): Operation not permitted\nmount: permission "
		      "denied (are you root?)\n"
		      "hostname: sethostname: Operation not permitted\nend\n");
	expect_output("devices",
		      "cd /dev; for d in null zero full random urandom tty; do test -c $d && stat "
		      "-c '%n %a %t,%T' $d; done;"
		      "dd if=/dev/zero bs=4 count=1 2>/dev/null | od -An -tx1; mknod /tmp/sda b 8 "
		      "0; ls -a /dev | wc -l",
		      "null 666 1,3\nzero 666 1,5\nfull 666 1,7\nrandom 666 1,8\nurandom 666 "
		      "1,9\ntty 666 5,0\n 00 00 00 00\n"
		      "mknod: /tmp/sda: Operation not permitted\n16\n");
	expect_output(
		"masked",
		"cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c; ls /sys/firmware "
		"| wc -l;"
		"echo 1 > /proc/sys/net/ipv4/ip_forward; touch /sys/x; echo 0 > "
		"/proc/irq/default_smp_affinity; cd /sys/fs/cgroup; test -d pids && cd pids; mkdir "
		"x",
		"0\n0\nsh: can't create /proc/sys/net/ipv4/ip_forward: Read-only file system\n"
		"touch: /sys/x: Read-only file system\nsh: can't create "
		"/proc/irq/default_smp_affinity: Read-only file system\n"
		"mkdir: can't create directory 'x': Read-only file system\n");
	expect_output("cgroup", "grep -cv ':/$' /proc/self/cgroup", "0\n");
	expect_output("fds", "ls /proc/self/fd", "0\n1\n2\n3\n"); /* 3: ls itself */
	expect_output(
		"mounts",
		"cut -d' ' -f2 /proc/self/mounts | grep -c /var; grep -c ' / ' /proc/self/mounts",
		"0\n1\n");
	rig_destroy(&rig);
}

static void test_user_groups_cwd_and_read_only_root(void **state)
{
	struct container_spec spec;
	char *log;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "user",
		       "exec 2>&1; id -u; id -g; id -G; pwd; echo x > /file; touch /root/x; grep "
		       "CapEff /proc/self/status | cut -f2;"
		       "grep NoNewPrivs /proc/self/status | cut -f2; echo to-stdout > /dev/stdout; "
		       "echo to-stderr > /dev/stderr");
	spec.uid = 1000;
	spec.gid = 2000;
	spec.n_groups = 2;
	spec.groups = xcalloc(2, sizeof(gid_t));
	spec.groups[0] = 3000;
	spec.groups[1] = 65535;
	spec.no_new_privs = 1;
	spec.read_only_rootfs = 1;
	free(spec.cwd);
	spec.cwd = xstrdup("/made/when/missing");
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "user");
	log = rig_log(&rig, UID, "user");
	assert_string_equal(log, "1000\n2000\n2000 3000 65535\n/made/when/missing\nsh: can't "
				 "create /file: Read-only file system\n"
				 "touch: /root/x: Read-only file "
				 "system\n0000000000000000\n1\nto-stdout\nto-stderr\n");
	free(log);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_privileged_in_its_user_namespace(void **state)
{
	struct container_spec spec;
	char *log;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(
		&rig, &spec, UID, "root",
		"exec 2>&1; mount -t tmpfs x /tmp && echo mounted; grep Seccomp: /proc/self/status "
		"| cut -f2;"
		"echo 1 > /proc/sys/net/ipv4/ip_forward && cat /proc/sys/net/ipv4/ip_forward;"
		"mknod /tmp/sda b 8 0; ls /dev/sda /dev/vda 2>/dev/null; head -c 1 /dev/vda > "
		"/dev/null");
	spec.privileged = 1;
	spec.capabilities = ~0ull;
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "root");
	log = rig_log(&rig, UID, "root");
	assert_true(str_starts(log, "mounted\n0\n1\nmknod: /tmp/sda: Operation not permitted\n"));
	/* The host's disk, if it has one of that name, stays shut. */
	assert_non_null(strstr(log, "head: /dev/vda: "));
	free(log);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_privileged_with_the_hosts_users(void **state)
{
	struct sandbox_spec pod;
	struct container_spec spec;
	char *log;

	(void)state;
	rig_pod_spec(&rig, &pod, UID);
	pod.host_users = 1;
	rig_pod_of(&rig, &pod);
	rig_shell_spec(&rig, &spec, UID, "root",
		       "exec 2>&1; mount -t tmpfs x /tmp && mknod /tmp/null c 1 3 && echo x > "
		       "/tmp/null && echo fine;"
		       "mknod /tmp/mem c 1 11; head -c 0 /tmp/mem && echo open; test -d "
		       "/sys/firmware && mkdir /sys/fs/cgroup/x;"
		       "cat /proc/self/uid_map | tr -s ' '");
	spec.privileged = 1;
	spec.capabilities = ~0ull;
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "root");
	log = rig_log(&rig, UID, "root");
	assert_string_equal(log, "fine\nopen\n 0 0 4294967295\n");
	free(log);
	container_spec_fini(&spec);
	/* Without privileges the devices of the host stay shut, though mknod is allowed as in
	 * Docker. */
	expect_output("plain",
		      "mknod /tmp/mem c 1 11 && head -c 0 /tmp/mem; mknod /tmp/null c 1 3 && echo "
		      "x > /tmp/null && echo fine",
		      "head: /tmp/mem: Operation not permitted\nfine\n");
	sandbox_spec_fini(&pod);
	rig_destroy(&rig);
}

/* -- how a start can fail -- */

static void expect_start_failure(const char **argv, int code, const char *message)
{
	struct container_spec spec;

	rig_shell_spec(&rig, &spec, UID, "bad", "");
	for (char **s = spec.argv; *s; s++)
		free(*s);
	for (int i = 0; i < 3; i++)
		spec.argv[i] = xstrdup(argv[i]);
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_START_FAILED, "bad");
	assert_string_equal(rig.message[CONTAINER_START_FAILED], message);
	assert_int_equal(rig.last[CONTAINER_START_FAILED].exit_code, code);
	container_spec_fini(&spec);
}

#define START "unable to start container process: "

static void test_start_failures(void **state)
{
	struct container_spec spec;
	char *cmd;

	(void)state;
	rig_pod(&rig, UID);
	cmd = xasprintf(
		"cd %s && printf 'junk' > bin/junk && chmod 755 bin/junk && echo x > bin/plain && "
		"printf '#!/no/such\\n' > bin/script && chmod 755 bin/script",
		rig.layer);
	assert_int_equal(system(cmd), 0);
	free(cmd);
	expect_start_failure((const char *[]){"nosuch", NULL, NULL}, 127,
			     START "exec: \"nosuch\": executable file not found in $PATH");
	expect_start_failure((const char *[]){"/no/such", NULL, NULL}, 127,
			     START "exec: \"/no/such\": stat: no such file or directory");
	expect_start_failure((const char *[]){"plain", NULL, NULL}, 126,
			     START "exec: \"plain\": permission denied");
	expect_start_failure((const char *[]){"/bin/plain", NULL, NULL}, 126,
			     START "exec: \"/bin/plain\": permission denied");
	expect_start_failure((const char *[]){"/bin/junk", NULL, NULL}, 126,
			     START "exec /bin/junk: exec format error");
	expect_start_failure((const char *[]){"/bin/script", NULL, NULL}, 127,
			     START "exec /bin/script: no such file or directory");
	expect_start_failure((const char *[]){"/bin", NULL, NULL}, 126,
			     START "exec: \"/bin\": is a directory");
	expect_start_failure((const char *[]){NULL, NULL, NULL}, 127, START "no command specified");

	rig_shell_spec(&rig, &spec, UID, "bad", "true");
	free(spec.layers[0]);
	spec.layers[0] = xstrdup("/no/such/layer");
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_START_FAILED, "bad");
	assert_string_equal(rig.message[CONTAINER_START_FAILED],
			    START "layer /no/such/layer: No such file or directory");
	assert_int_equal(rig.last[CONTAINER_START_FAILED].exit_code, 128);
	container_spec_fini(&spec);
	/* And none of it keeps the pod from working. */
	assert_int_equal(rig_run(&rig, UID, "bad", "exit 0"), 0);
	rig_destroy(&rig);
}

static void test_ends_by_signal(void **state)
{
	(void)state;
	rig_pod(&rig, UID);
	assert_int_equal(rig_run(&rig, UID, "abort", "sh -c 'kill -ABRT $$'; exit $?"), 134);
	assert_int_equal(rig.last[CONTAINER_EXITED].oom_killed, 0);
	assert_true(rig.last[CONTAINER_EXITED].started_sec > 1600000000);
	assert_true(rig.last[CONTAINER_EXITED].finished_sec >=
		    rig.last[CONTAINER_EXITED].started_sec);
	rig_destroy(&rig);
}

/* -- limits -- */

static void test_memory_limit(void **state)
{
	struct container_spec spec;
	struct container_stats stats;
	struct err err = ERR_INIT;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "big", "exec tail /dev/zero");
	spec.limits.memory_bytes = 16u << 20;
	spec.limits.oom_score_adj = 500;
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "big");
	assert_int_equal(rig.last[CONTAINER_EXITED].exit_code, 137);
	assert_int_equal(rig.last[CONTAINER_EXITED].oom_killed, 1);
	container_spec_fini(&spec);

	rig_shell_spec(
		&rig, &spec, UID, "small",
		"cat /proc/self/oom_score_adj; cd /sys/fs/cgroup; if test -e memory.max; then "
		"cat memory.max cpu.weight cpu.max pids.max; else cat memory/memory.limit_in_bytes "
		"cpu/cpu.shares cpu/cpu.cfs_quota_us pids/pids.max; fi; exec sleep 100");
	spec.limits = (struct resource_limits){.cpu_shares_millis = 500,
					       .cpu_quota_millis = 250,
					       .memory_bytes = 64u << 20,
					       .pids = 77,
					       .oom_score_adj = 500};
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_STARTED, "small");
	char *log = NULL;
	for (int i = 0; i < patience(200); i++) {
		free(log);
		log = rig_log(&rig, UID, "small");
		if (strstr(log, "77\n"))
			break;
		usleep(10000);
	}
	if (!str_eq(log, "500\n67108864\n20\n25000 100000\n77\n")) /* v2 */
		assert_string_equal(log, "500\n67108864\n512\n25000\n77\n");
	free(log);
	/* The cat before sleep may not be gone yet. */
	for (int i = 0; i < patience(200); i++) {
		assert_int_equal(sandbox_stats(rig.all, UID, "small", &stats, &err), 0);
		if (stats.pids == 1)
			break;
		usleep(10000);
	}
	assert_true(stats.memory_bytes > 0 && stats.memory_bytes < 64u << 20);
	assert_true(stats.pids == 1 && stats.cpu_usec > 0 && stats.oom_kills == 0);
	assert_int_equal(sandbox_stats(rig.all, UID, "big", &stats, NULL), -ESRCH);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

/* -- mounts -- */

static struct mount_spec *add_mount(struct container_spec *spec, const char *source,
				    const char *target)
{
	struct mount_spec *m;

	spec->mounts = xreallocarray(spec->mounts, spec->n_mounts + 1, sizeof(*m));
	m = &spec->mounts[spec->n_mounts++];
	*m = (struct mount_spec){.source = xstrdup(source), .target = xstrdup(target)};
	return m;
}

static void test_volumes(void **state)
{
	struct container_spec spec;
	struct mount_spec *m;
	struct stat st;
	char *vol = xasprintf("%s/vol", rig.dir), *file = xasprintf("%s/vol/file", rig.dir), *log,
	     *made;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(fd_mkdir_p(vol, 0755, &err), 0);
	assert_int_equal(fd_replace_file(file, "data\n", 5, 0644, 0, &err), 0);
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "vols",
		       "exec 2>&1; cat /a/file; echo no > /a/new; cat /etc/one; ls -n /mapped | "
		       "grep file | tr -s ' ' | cut -d' ' -f3;"
		       "echo new > /mapped/new; cat /tmpfs/x; df -k /tmpfs | tail -1 | tr -s ' ' | "
		       "cut -d' ' -f2; ls /a/deep; touch /sub/y; cat /etc/hosts");
	/* Given before its parent: it still ends up on top. */
	add_mount(&spec, vol, "/a/deep/er");
	m = add_mount(&spec, vol, "/a");
	m->read_only = 1;
	add_mount(&spec, file, "/etc/one");
	m = add_mount(&spec, vol, "/mapped");
	m->idmapped = 1;
	m = add_mount(&spec, NULL, "/tmpfs");
	m->type = xstrdup("tmpfs");
	m->options = xstrdup("size=1m,mode=1777");
	m = add_mount(&spec, vol, "/sub");
	m->sub_path = xstrdup("x/y");
	made = xasprintf("%s/deep/er", vol);
	assert_int_equal(fd_mkdir_p(made, 0755, &err), 0);
	free(made);
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "vols");
	log = rig_log(&rig, UID, "vols");
	assert_string_equal(log, "data\nsh: can't create /a/new: Read-only file system\ndata\n0\n"
				 "cat: can't open '/tmpfs/x': No such file or directory\n1024\ner\n"
				 "cat: can't open '/etc/hosts': No such file or directory\n");
	made = xasprintf("%s/new", vol);
	assert_int_equal(stat(made, &st), 0);
	assert_int_equal(st.st_uid, 0); /* idmapped: the container's root is root on disk */
	free(made);
	made = xasprintf("%s/x/y/y", vol);
	assert_int_equal(stat(made, &st), 0);
	assert_int_equal(st.st_uid, sandbox_id_base(rig.sb));
	free(made);
	free(log);
	free(vol);
	free(file);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

static void expect_mount_failure(const char *source, const char *target, const char *sub_path,
				 const char *message)
{
	struct container_spec spec;
	struct mount_spec *m;

	rig_shell_spec(&rig, &spec, UID, "bad", "true");
	m = add_mount(&spec, source, target);
	m->sub_path = xstrdup(sub_path);
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_START_FAILED, "bad");
	if (!strstr(rig.message[CONTAINER_START_FAILED], message))
		fail_msg("%s", rig.message[CONTAINER_START_FAILED]);
	container_spec_fini(&spec);
}

static void test_hostile_paths(void **state)
{
	char *cmd = xasprintf(
		"mkdir -p %s/evil && ln -sfn / %s/evil/out && ln -sfn ../../.. %s/evil/up &&"
		"ln -sfn /etc %s/layer/abs && ln -sfn /proc/self/fd/5 %s/layer/magic && touch "
		"%s/layer/afile",
		rig.dir, rig.dir, rig.dir, rig.dir, rig.dir, rig.dir);
	char *evil = xasprintf("%s/evil", rig.dir);
	struct container_spec spec;
	struct stat st;

	(void)state;
	assert_int_equal(system(cmd), 0);
	rig_pod(&rig, UID);
	expect_mount_failure(evil, "/m", "out/etc", "leads out of the volume");
	expect_mount_failure(evil, "/m", "up/etc", "leads out of the volume");
	expect_mount_failure(evil, "/m", "../x", "leads out of the volume");
	expect_mount_failure(evil, "/proc/sys/kernel", NULL, "it is inside of /proc");
	expect_mount_failure(evil, "relative", NULL, "expected an absolute path");
	expect_mount_failure(evil, "/magic/x", NULL, "mount");
	expect_mount_failure(evil, "/afile/x", NULL, "Not a directory");
	expect_mount_failure("/no/such/source", "/m", NULL, "No such file or directory");
	/* Through an absolute link: /etc of the container, not ours. */
	rig_shell_spec(&rig, &spec, UID, "abs", "test -d /etc/inside && echo inside");
	add_mount(&spec, evil, "/abs/inside");
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "abs");
	assert_int_equal(rig.last[CONTAINER_EXITED].exit_code, 0);
	assert_int_not_equal(stat("/etc/inside", &st), 0);
	container_spec_fini(&spec);
	free(cmd);
	free(evil);
	rig_destroy(&rig);
}

/* -- the pod's own files, sysctls -- */

static void test_pod_files_and_sysctls(void **state)
{
	struct sandbox_spec spec;
	char *hosts = xasprintf("%s/hosts", rig.dir);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(fd_replace_file(hosts, "10.1.2.3 web\n", 13, 0644, 0, &err), 0);
	rig_pod_spec(&rig, &spec, UID);
	spec.hosts_path = xstrdup(hosts);
	spec.resolv_path = xstrdup(hosts);
	spec.sysctls = xcalloc(3, sizeof(char *));
	spec.sysctls[0] = xstrdup("net.ipv4.ip_local_port_range=20000 20100");
	spec.sysctls[1] = xstrdup("kernel.shm_rmid_forced=1");
	rig_pod_of(&rig, &spec);
	expect_output("files",
		      "cat /etc/hosts /etc/resolv.conf /etc/hostname; cat "
		      "/proc/sys/net/ipv4/ip_local_port_range | tr '\\t' ' ';"
		      "cat /proc/sys/kernel/shm_rmid_forced "
		      "/proc/sys/net/ipv4/ip_unprivileged_port_start",
		      "10.1.2.3 web\n10.1.2.3 web\nweb-host\n20000 20100\n1\n0\n");
	/* /dev/shm is the pod's. */
	expect_output("one", "echo shared > /dev/shm/x", "");
	expect_output("two", "cat /dev/shm/x", "shared\n");
	rig_destroy(&rig);

	free(spec.sysctls[0]);
	spec.sysctls[0] = xstrdup("kernel.hostname=x");
	rig.sb = sandbox_create(rig.all, &spec, rig_handler(), &rig, &err);
	assert_non_null(rig.sb);
	rig_wait(&rig, SANDBOX_FAILED, NULL);
	assert_string_equal(rig.message[SANDBOX_FAILED],
			    "sysctl \"kernel.hostname=x\" is not in a separate kernel namespace");
	sandbox_spec_fini(&spec);
	free(hosts);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_output_identity_and_exit_code),
		T(test_host_ids_are_the_pods_own),
		T(test_namespaces_are_its_own),
		T(test_host_namespaces_on_request),
		T(test_shared_pids),
		T(test_restrictions),
		T(test_user_groups_cwd_and_read_only_root),
		T(test_privileged_in_its_user_namespace),
		T(test_privileged_with_the_hosts_users),
		T(test_start_failures),
		T(test_ends_by_signal),
		T(test_memory_limit),
		T(test_volumes),
		T(test_hostile_paths),
		T(test_pod_files_and_sysctls),
	};

	if (!rig_possible())
		return 77;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
