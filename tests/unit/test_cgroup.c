/* SPDX-License-Identifier: MIT */
/*
 * The cgroup driver against directories that look like cgroup file systems: v1, v2, and both; and
 * against the machine's own, where it has them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/supervisor/cgroup.h"
#include "util/fd.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/k8sfs-cg-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return fd_remove_tree(dir, NULL);
}

/* A control file, with its directory. The real ones appear with mkdir; here they must be there
 * first. */
static void put(const char *name, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	CLEANUP_FREE char *parent = xstrndup(path, (size_t)(strrchr(path, '/') - path));
	struct err err = ERR_INIT;

	if (fd_mkdir_p(parent, 0755, &err) < 0 ||
	    fd_replace_file(path, text, strlen(text), 0644, 0, &err) < 0)
		fail_msg("%s", err.msg);
}

static void expect(const char *name, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	if (fd_read_file(path, 65536, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(b.len ? b.data : "", text);
}

static struct cgroups *open_with(const char *mountinfo)
{
	CLEANUP_FREE char *path = xasprintf("%s/mountinfo", dir);
	struct err err = ERR_INIT;
	struct cgroups *cg;

	put("mountinfo", mountinfo);
	cg = cgroups_open(path, "k8sfs-t", &err);
	if (!cg)
		fail_msg("%s", err.msg);
	return cg;
}

static const struct resource_limits limits = {
	.cpu_shares_millis = 500, .cpu_quota_millis = 250, .memory_bytes = 64u << 20, .pids = 77};

static void test_v2_limits(void **state)
{
	CLEANUP_FREE char *mountinfo =
		xasprintf("24 1 0:22 / /proc rw - proc proc rw\n"
			  "30 1 0:26 / %s/v2 rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n",
			  dir);
	struct cgroups *cg;
	struct err err = ERR_INIT;
	struct container_stats stats;

	(void)state;
	put("v2/cgroup.controllers", "cpuset cpu io memory hugetlb pids rdma misc\n");
	put("v2/cgroup.subtree_control", "");
	put("v2/k8sfs-t/cgroup.subtree_control", "");
	put("v2/k8sfs-t/burstable/cgroup.subtree_control",
	    "cpu memory\n"); /* whoever made it died */
	put("v2/k8sfs-t/burstable/podx/cgroup.subtree_control", "cpu memory pids\n");
	static const char *const files[] = {"cpu.weight",      "cpu.max",          "memory.max",
					    "memory.swap.max", "memory.oom.group", "pids.max",
					    "cgroup.procs",    "cgroup.kill"};
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		CLEANUP_FREE char *name = xasprintf("v2/k8sfs-t/burstable/podx/main/%s", files[i]);
		put(name, "");
	}
	cg = open_with(mountinfo);
	assert_int_equal(cg->n, 1);
	assert_int_equal(cg->hierarchies[0].controllers,
			 CGROUP_V2 | CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS);
	assert_int_equal(cgroups_prepare(cg, &err), 0);
	assert_int_equal(cgroup_make(cg, "burstable/podx/main", 0, &err), 0);
	if (cgroup_limit(cg, "burstable/podx/main", &limits, &err) < 0)
		fail_msg("%s", err.msg);
	cgroup_treat_as_container(cg, "burstable/podx/main");
	expect("v2/k8sfs-t/burstable/cgroup.subtree_control", "+cpu +memory +pids");
	expect("v2/k8sfs-t/burstable/podx/cgroup.subtree_control", "cpu memory pids\n");
	/* 500 millicores: 512 shares: weight 1 + 510 * 9999 / 262142 */
	expect("v2/k8sfs-t/burstable/podx/main/cpu.weight", "20");
	expect("v2/k8sfs-t/burstable/podx/main/cpu.max", "25000 100000");
	expect("v2/k8sfs-t/burstable/podx/main/memory.max", "67108864");
	expect("v2/k8sfs-t/burstable/podx/main/memory.swap.max", "0");
	expect("v2/k8sfs-t/burstable/podx/main/memory.oom.group", "1");
	expect("v2/k8sfs-t/burstable/podx/main/pids.max", "77");
	put("v2/k8sfs-t/burstable/podx/main/cpu.stat", "usage_usec 1234567\nuser_usec 1\n");
	put("v2/k8sfs-t/burstable/podx/main/memory.current", "4096\n");
	put("v2/k8sfs-t/burstable/podx/main/memory.peak", "8192\n");
	put("v2/k8sfs-t/burstable/podx/main/memory.events",
	    "low 0\noom 3\noom_kill 2\noom_group_kill 1\n");
	put("v2/k8sfs-t/burstable/podx/main/pids.current", "5\n");
	assert_int_equal(cgroup_stats(cg, "burstable/podx/main", &stats), 0);
	assert_int_equal(stats.cpu_usec, 1234567);
	assert_int_equal(stats.memory_bytes, 4096);
	assert_int_equal(stats.memory_peak_bytes, 8192);
	assert_int_equal(stats.oom_kills, 2);
	assert_int_equal(stats.pids, 5);
	assert_int_equal(cgroup_stats(cg, "burstable/podx/gone", &stats), -ENOENT);
	assert_int_equal(cgroup_join(cg, "burstable/podx/main", 1, &err), 0);
	expect("v2/k8sfs-t/burstable/podx/main/cgroup.procs", "0");
	cgroups_close(cg);
}

/* Blanks of a path are escaped in mountinfo. */
static void test_mount_points_are_unescaped(void **state)
{
	CLEANUP_FREE char *mountinfo =
		xasprintf("30 1 0:26 / %s/a\\040b\\134c rw - cgroup cgroup rw,cpu\n", dir);
	CLEANUP_FREE char *expected = xasprintf("%s/a b\\c", dir);
	struct cgroups *cg = open_with(mountinfo);

	(void)state;
	assert_int_equal(cg->n, 1);
	assert_string_equal(cg->hierarchies[0].mount, expected);
	cgroups_close(cg);
}

/* A new root is given the controllers from above, and hands them on. */
static void test_v2_hands_controllers_down(void **state)
{
	CLEANUP_FREE char *mountinfo =
		xasprintf("30 1 0:26 / %s/v2 rw - cgroup2 cgroup2 rw\n", dir);
	struct cgroups *cg;
	struct err err = ERR_INIT;

	(void)state;
	put("v2/cgroup.controllers", "cpu memory pids\n");
	put("v2/cgroup.subtree_control", "");
	cg = open_with(mountinfo);
	/* In a directory that is no cgroup the second step cannot work: what the first wrote is
	 * what counts. */
	assert_int_equal(cgroups_prepare(cg, &err), -ENOENT);
	expect("v2/cgroup.subtree_control", "+cpu +memory +pids");
	cgroups_close(cg);
}

static void test_v1_limits(void **state)
{
	CLEANUP_FREE char *mountinfo =
		xasprintf("30 1 0:26 / %s/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n31 1 0:27 "
			  "/ %s/memory rw - cgroup cgroup rw,memory\n"
			  "32 1 0:28 / %s/pids rw - cgroup cgroup rw,pids\n33 1 0:29 / %s/blkio rw "
			  "- cgroup cgroup rw,blkio\n"
			  "34 1 0:30 / %s/systemd rw - cgroup cgroup rw,name=systemd\n35 1 0:27 / "
			  "%s/again rw - cgroup cgroup rw,memory\n"
			  "36 1 0:31 /inner %s/bound rw - cgroup cgroup rw,devices\n",
			  dir, dir, dir, dir, dir, dir, dir);
	struct cgroups *cg;
	struct err err = ERR_INIT;

	(void)state;
	static const char *const files[] = {"cpu,cpuacct/k8sfs-t/p/cpu.shares",
					    "cpu,cpuacct/k8sfs-t/p/cpu.cfs_quota_us",
					    "memory/k8sfs-t/p/memory.limit_in_bytes",
					    "memory/k8sfs-t/p/memory.memsw.limit_in_bytes",
					    "pids/k8sfs-t/p/pids.max",
					    "cpu,cpuacct/k8sfs-t/p/tasks",
					    "memory/k8sfs-t/p/tasks",
					    "pids/k8sfs-t/p/tasks"};
	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		put(files[i], "");
	cg = open_with(mountinfo);
	assert_int_equal(cg->n, 3);
	assert_int_equal(cg->hierarchies[0].controllers, CGROUP_CPU | CGROUP_CPUACCT);
	assert_int_equal(cgroups_prepare(cg, &err), 0);
	assert_int_equal(cgroup_make(cg, "p", 1, &err), 0);
	if (cgroup_limit(cg, "p", &limits, &err) < 0)
		fail_msg("%s", err.msg);
	expect("cpu,cpuacct/k8sfs-t/p/cpu.shares", "512");
	expect("cpu,cpuacct/k8sfs-t/p/cpu.cfs_quota_us", "25000");
	expect("memory/k8sfs-t/p/memory.limit_in_bytes", "67108864");
	expect("memory/k8sfs-t/p/memory.memsw.limit_in_bytes", "67108864");
	expect("pids/k8sfs-t/p/pids.max", "77");
	assert_int_equal(cgroup_join(cg, "p", 0, &err), 0);
	expect("memory/k8sfs-t/p/tasks", "0");
	assert_int_equal(cgroup_open_v2(cg, "p"), -1);
	cgroups_close(cg);
}

static void test_extremes(void **state)
{
	CLEANUP_FREE char *mountinfo =
		xasprintf("30 1 0:26 / %s/cpu rw - cgroup cgroup rw,cpu\n", dir);
	struct resource_limits l = {0};
	struct cgroups *cg;
	struct err err = ERR_INIT;

	(void)state;
	put("cpu/k8sfs-t/p/cpu.shares", "");
	put("cpu/k8sfs-t/p/cpu.cfs_quota_us", "");
	cg = open_with(mountinfo);
	assert_int_equal(cgroups_prepare(cg, &err), 0);
	assert_int_equal(cgroup_limit(cg, "p", &l, &err), 0);
	expect("cpu/k8sfs-t/p/cpu.shares", "2");
	expect("cpu/k8sfs-t/p/cpu.cfs_quota_us", "");
	l.cpu_shares_millis = UINT64_MAX;
	l.cpu_quota_millis = 1; /* less than the kernel takes */
	put("cpu/k8sfs-t/p/cpu.shares", "");
	assert_int_equal(cgroup_limit(cg, "p", &l, &err), 0);
	expect("cpu/k8sfs-t/p/cpu.shares", "262144");
	expect("cpu/k8sfs-t/p/cpu.cfs_quota_us", "1000");
	/* A control file that is not there is named. */
	assert_int_equal(cgroup_limit(cg, "nosuch", &l, &err), -ENOENT);
	assert_non_null(strstr(err.msg, "nosuch/cpu.shares"));
	cgroups_close(cg);
}

static void test_description_goes_round(void **state)
{
	CLEANUP_FREE char *mountinfo = xasprintf(
		"30 1 0:26 / %s/a rw - cgroup cgroup rw,cpu\n31 1 0:27 / %s/b rw - cgroup2 c rw\n",
		dir, dir);
	CLEANUP(buf_fini) struct buf text = BUF_INIT, again = BUF_INIT;
	struct cgroups *cg = open_with(mountinfo), *copy;
	struct err err = ERR_INIT;

	(void)state;
	cgroups_describe(cg, &text);
	copy = cgroups_parse(text.data, "k8sfs-t", &err);
	assert_non_null(copy);
	cgroups_describe(copy, &again);
	assert_string_equal(text.data, again.data);
	cgroups_close(copy);
	cgroups_close(cg);
	assert_null(cgroups_parse("1 relative", "r", &err));
	err_clear(&err);
	assert_null(cgroups_parse("x", "r", &err));
}

static void test_no_cgroups_at_all(void **state)
{
	CLEANUP_FREE char *path = xasprintf("%s/mountinfo", dir);
	struct err err = ERR_INIT;

	(void)state;
	put("mountinfo", "24 1 0:22 / /proc rw - proc proc rw\ngarbage\n - \n1 2 3 / - cgroup\n");
	assert_null(cgroups_open(path, "r", &err));
	assert_int_equal(err.code, ENOTSUP);
}

static void test_removal_is_deepest_first(void **state)
{
	CLEANUP_FREE char *mountinfo =
		xasprintf("30 1 0:26 / %s/cpu rw - cgroup cgroup rw,cpu\n", dir);
	CLEANUP_FREE char *top = xasprintf("%s/cpu", dir);
	CLEANUP_FREE char *root = xasprintf("%s/cpu/k8sfs-t", dir);
	struct cgroups *cg;
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(mkdir(top, 0755), 0);
	cg = open_with(mountinfo);
	assert_int_equal(cgroups_prepare(cg, &err), 0);
	assert_int_equal(cgroup_make(cg, "burstable/podx/a", 0, &err), 0);
	assert_int_equal(cgroup_make(cg, "burstable/podx/b/nested", 0, &err), 0);
	assert_int_equal(cgroup_remove(cg, "burstable/podx"), 0);
	assert_int_equal(cgroup_remove(cg, "burstable/podx"), 0);
	assert_int_equal(cgroup_make(cg, "besteffort/pody", 0, &err), 0);
	assert_int_equal(cgroups_purge(cg), 0);
	assert_int_equal(stat(root, &st), -1);
	cgroups_close(cg);
}

/* The real thing, where a cgroup2 file system is mounted: a process in it, and what it can open. */
static void test_v2_device_filter(void **state)
{
	CLEANUP_FREE char *root = xasprintf("k8sfs-test-%d", (int)getpid());
	struct cgroups *all = cgroups_open("/proc/self/mountinfo", root, NULL), *cg;
	CLEANUP_FREE char *line = NULL;
	struct err err = ERR_INIT;
	int results[5], out[2];
	pid_t pid;

	(void)state;
	for (size_t i = 0; all && i < all->n; i++)
		if (all->hierarchies[i].controllers & CGROUP_V2)
			line = xasprintf("%u %s\n", (unsigned)CGROUP_V2, all->hierarchies[i].mount);
	cgroups_close(all);
	if (geteuid() != 0 || !line)
		skip();
	cg = cgroups_parse(line, root, &err);
	assert_non_null(cg);
	if (cgroups_prepare(cg, &err) < 0 || cgroup_make(cg, "c", 0, &err) < 0 ||
	    cgroup_restrict_devices(cg, "c", &err) < 0)
		fail_msg("%s", err.msg);
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0) {
		static const struct {
			mode_t type;
			unsigned major, minor;
		} devices[] = {{S_IFCHR, 1, 3},
			       {S_IFCHR, 1, 9},
			       {S_IFCHR, 1, 1},
			       {S_IFBLK, 253, 0},
			       {S_IFCHR, 5, 2}};

		if (cgroup_join(cg, "c", 1, NULL) < 0)
			_exit(1);
		for (int i = 0; i < 5; i++) {
			CLEANUP_FREE char *path = xasprintf("%s/dev%d", dir, i);
			int fd;

			if (mknod(path, devices[i].type | 0600,
				  makedev(devices[i].major, devices[i].minor)) < 0)
				_exit(2);
			fd = open(path, O_RDONLY | O_CLOEXEC);
			results[i] = fd < 0 ? errno : 0;
		}
		_exit(write(out[1], results, sizeof(results)) == sizeof(results) ? 0 : 3);
	}
	close(out[1]);
	assert_int_equal(read(out[0], results, sizeof(results)), sizeof(results));
	close(out[0]);
	waitpid(pid, NULL, 0);
	assert_int_equal(results[0], 0);
	assert_int_equal(results[1], 0);
	assert_int_equal(results[2], EPERM);     /* mem */
	assert_int_equal(results[3], EPERM);     /* a disk */
	assert_int_not_equal(results[4], EPERM); /* ptmx; there is no devpts beside it */
	assert_int_equal(cgroups_purge(cg), 0);
	cgroups_close(cg);
}

/* -- the real thing, where all is v2: what the kernel makes of limits -- */

#define POD "burstable/podx"
#define CTR POD "/c"

static struct cgroups *open_real_v2(void)
{
	const unsigned needed = CGROUP_V2 | CGROUP_CPU | CGROUP_MEMORY | CGROUP_PIDS;
	CLEANUP_FREE char *root = xasprintf("k8sfs-test-%d", (int)getpid());
	struct cgroups *cg =
		geteuid() == 0 ? cgroups_open("/proc/self/mountinfo", root, NULL) : NULL;
	struct err err = ERR_INIT;

	if (!cg || cg->n != 1 || (cg->hierarchies[0].controllers & needed) != needed) {
		cgroups_close(cg);
		return NULL;
	}
	if (cgroups_prepare(cg, &err) < 0 || cgroup_make(cg, POD, 1, &err) < 0 ||
	    cgroup_make(cg, CTR, 0, &err) < 0)
		fail_msg("%s", err.msg);
	cgroup_treat_as_container(cg, CTR);
	return cg;
}

static void limit(const struct cgroups *cg, const char *path, struct resource_limits l)
{
	struct err err = ERR_INIT;

	if (cgroup_limit(cg, path, &l, &err) < 0)
		fail_msg("%s: %s", path, err.msg);
}

static void expect_real(const struct cgroups *cg, const char *file, const char *text)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s/%s", cg->hierarchies[0].mount, cg->root, file);
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	if (fd_read_file(path, 65536, &b, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(b.len ? b.data : "", text);
}

/* A process in the container that does this and tells a number. Return: its pid. */
static pid_t in_container(const struct cgroups *cg, int (*what)(void), int *number)
{
	int out[2];
	pid_t pid;

	assert_int_equal(pipe(out), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int n = cgroup_join(cg, CTR, 1, NULL) < 0 ? -1 : what();

		if (write(out[1], &n, sizeof(n)) != sizeof(n))
			_exit(1);
		for (;;)
			pause();
	}
	close(out[1]);
	*number = -1;
	assert_true(read(out[0], number, sizeof(*number)) >= 0);
	close(out[0]);
	return pid;
}

static int fork_many(void)
{
	int n = 1;

	for (pid_t pid; n < 50 && (pid = fork()) >= 0; n++)
		if (pid == 0)
			for (;;)
				pause();
	return n;
}

static int stay(void)
{
	return 0;
}

static int eat_memory(void)
{
	size_t size = 64u << 20;
	volatile char *all = xcalloc(1, size);

	for (size_t i = 0; i < size; i += 4096)
		all[i] = 1;
	return 1;
}

static void expect_killed(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void remove_real(struct cgroups *cg)
{
	assert_int_equal(cgroups_purge(cg), 0);
	cgroups_close(cg);
}

static void test_v2_limits_change_and_hold(void **state)
{
	struct cgroups *cg = open_real_v2();
	struct container_stats stats;
	int n;
	pid_t pid;

	(void)state;
	if (!cg)
		skip();
	limit(cg, POD, (struct resource_limits){.memory_bytes = 128u << 20, .pids = 20});
	limit(cg, CTR, limits);
	expect_real(cg, CTR "/memory.max", "67108864\n");
	expect_real(cg, CTR "/memory.oom.group", "1\n");
	expect_real(cg, CTR "/cpu.max", "25000 100000\n");
	expect_real(cg, CTR "/pids.max", "77\n");
	expect_real(cg, POD "/memory.oom.group", "0\n");
	limit(cg, CTR,
	      (struct resource_limits){
		      .cpu_quota_millis = 2000, .memory_bytes = 16u << 20, .pids = 5});
	expect_real(cg, CTR "/memory.max", "16777216\n");
	expect_real(cg, CTR "/cpu.max", "200000 100000\n");

	pid = in_container(cg, fork_many, &n);
	assert_int_equal(n, 5);
	assert_int_equal(cgroup_stats(cg, CTR, &stats), 0);
	assert_int_equal(stats.pids, 5);
	assert_int_equal(cgroup_remove(cg, POD), -EBUSY);
	cgroup_kill(cg, POD);
	expect_killed(pid);
	remove_real(cg);
}

static void test_v2_a_container_dies_as_a_whole(void **state)
{
	struct cgroups *cg = open_real_v2();
	struct container_stats stats;
	int n;
	pid_t one, other;

	(void)state;
	if (!cg)
		skip();
	/* The pod's limit, too, kills a whole container. */
	limit(cg, POD, (struct resource_limits){.memory_bytes = 32u << 20});
	one = in_container(cg, stay, &n);
	assert_int_equal(n, 0);
	other = in_container(cg, eat_memory, &n);
	assert_int_equal(n, -1);
	expect_killed(one);
	expect_killed(other);
	assert_int_equal(cgroup_stats(cg, CTR, &stats), 0);
	assert_true(stats.oom_kills > 0);
	remove_real(cg);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_v2_limits),
		T(test_mount_points_are_unescaped),
		T(test_v2_hands_controllers_down),
		T(test_v1_limits),
		T(test_extremes),
		T(test_description_goes_round),
		T(test_no_cgroups_at_all),
		T(test_removal_is_deepest_first),
		T(test_v2_device_filter),
		T(test_v2_limits_change_and_hold),
		T(test_v2_a_container_dies_as_a_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
