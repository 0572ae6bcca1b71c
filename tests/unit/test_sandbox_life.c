/* SPDX-License-Identifier: MIT */
/* How pods live and end: stopping, exec, a daemon that dies, a supervisor that dies, and that
 * nothing is left. */
#include "patience.h"
#include "sandbox_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/supervisor/exitfile.h"
#include "util/buf.h"
#include "util/fd.h"

static struct rig rig;

#define UID "pod-b"

static int set_up(void **state)
{
	(void)state;
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static pid_t start_shell(const char *name, const char *script)
{
	struct container_spec spec;

	rig_shell_spec(&rig, &spec, UID, name, script);
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_STARTED, name);
	container_spec_fini(&spec);
	return rig.last[CONTAINER_STARTED].pid;
}

static void wait_for_log(const char *name, const char *text)
{
	for (int i = 0; i < patience(1000); i++) {
		char *log = rig_log(&rig, UID, name);
		int found = strstr(log, text) != NULL;

		free(log);
		if (found)
			return;
		usleep(5000);
	}
	fail_msg("%s is not in the log of %s", text, name);
}

/* -- stopping -- */

static void test_stop_with_grace(void **state)
{
	struct err err = ERR_INIT;
	uint64_t before;

	(void)state;
	rig_pod(&rig, UID);
	(void)start_shell("nice",
			  "trap 'echo bye; exit 7' TERM; echo ready; while :; do sleep 0.02; done");
	wait_for_log("nice", "ready");
	assert_int_equal(sandbox_stop_container(rig.sb, "nice", 10000, &err), 0);
	rig_wait(&rig, CONTAINER_EXITED, "nice");
	assert_int_equal(rig.last[CONTAINER_EXITED].exit_code, 7);
	wait_for_log("nice", "bye");

	(void)start_shell("stubborn", "trap '' TERM; sleep 1000 & echo ready; wait");
	wait_for_log("stubborn", "ready");
	before = loop_now_ms();
	assert_int_equal(sandbox_stop_container(rig.sb, "stubborn", 300, &err), 0);
	rig_wait(&rig, CONTAINER_EXITED, "stubborn");
	assert_int_equal(rig.last[CONTAINER_EXITED].exit_code, 137);
	assert_int_equal(rig.last[CONTAINER_EXITED].oom_killed, 0);
	assert_true(loop_now_ms() - before >= 290 && loop_now_ms() - before < 5000);

	assert_int_equal(sandbox_stop_container(rig.sb, "stubborn", 0, &err), -ESRCH);
	assert_int_equal(sandbox_signal(rig.sb, "nosuch", SIGTERM, NULL), -ESRCH);
	rig_destroy(&rig);
}

static void test_own_stop_signal(void **state)
{
	struct container_spec spec;
	struct err err = ERR_INIT;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "quit",
		       "trap 'exit 9' QUIT; echo ready; while :; do sleep 0.02; done");
	spec.stop_signal = SIGQUIT;
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_STARTED, "quit");
	wait_for_log("quit", "ready");
	assert_int_equal(sandbox_stop_container(rig.sb, "quit", 10000, &err), 0);
	rig_wait(&rig, CONTAINER_EXITED, "quit");
	assert_int_equal(rig.last[CONTAINER_EXITED].exit_code, 9);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_a_refused_second_start_leaves_the_first(void **state)
{
	struct container_spec spec;

	(void)state;
	rig_pod(&rig, UID);
	(void)start_shell("main", "exec sleep 1000");
	rig_shell_spec(&rig, &spec, UID, "main", "exec sleep 1000");
	rig_start(&rig, &spec);
	container_spec_fini(&spec);
	rig_wait(&rig, CONTAINER_START_FAILED, "main");
	assert_int_equal(sandbox_stop_container(rig.sb, "main", 0, NULL), 0);
	rig_wait(&rig, CONTAINER_EXITED, "main");
	rig_destroy(&rig);
}

static void test_several_containers_at_once(void **state)
{
	(void)state;
	rig_pod(&rig, UID);
	(void)start_shell("one", "exec sleep 1000");
	(void)start_shell("two", "exec sleep 1000");
	assert_int_equal(rig_run(&rig, UID, "three", "exit 4"), 4);
	assert_int_equal(sandbox_signal(rig.sb, "one", SIGKILL, NULL), 0);
	rig_wait(&rig, CONTAINER_EXITED, "one");
	/* A name that runs is refused, in an event of its own. */
	struct container_spec spec;
	rig_shell_spec(&rig, &spec, UID, "two", "true");
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_START_FAILED, "two");
	assert_string_equal(rig.message[CONTAINER_START_FAILED], "container two runs already");
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_termination_message(void **state)
{
	struct container_spec spec;
	struct container_exit last;
	struct err err = ERR_INIT;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "term",
		       "echo 'disk is gone' > /dev/termination-log; exit 2");
	spec.termination_log = xasprintf("%s/term-log", rig.dir);
	spec.termination_path = xstrdup("/dev/termination-log");
	spec.uid = 1234;
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "term");
	assert_int_equal(rig.last[CONTAINER_EXITED].exit_code, 2);
	assert_string_equal(rig.message[CONTAINER_EXITED], "disk is gone\n");
	/* And durable, for when nobody listens. */
	for (int i = 0; i < patience(200) && exitfile_read(spec.upper, &last, &err) < 0; i++) {
		usleep(10000);
		err_clear(&err);
	}
	assert_int_equal(err.code, 0);
	assert_string_equal(last.id, spec.id);
	assert_string_equal(last.message, "disk is gone\n");
	assert_int_equal(last.exit_code, 2);
	container_exit_fini(&last);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_log_rotation_and_format(void **state)
{
	struct container_spec spec;
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct stat st;
	char *path;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "chatty",
		       "seq 1 2000; printf partial; sleep 0.1; echo ' line' ; echo err >&2");
	spec.log_max_bytes = 20000;
	spec.log_max_files = 3;
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "chatty");
	assert_int_equal(fd_read_file(spec.log_path, 1 << 20, &text, &err), 0);
	assert_true(text.len <= 20000);
	assert_non_null(strstr(text.data, "Z stdout P partial\n"));
	assert_non_null(strstr(text.data, "Z stdout F  line\n"));
	assert_non_null(strstr(text.data, "Z stderr F err\n"));
	assert_int_equal(text.data[4], '-');
	assert_int_equal(text.data[10], 'T');
	path = xasprintf("%s.2", spec.log_path);
	assert_int_equal(stat(path, &st), 0);
	free(path);
	path = xasprintf("%s.3", spec.log_path);
	assert_int_equal(stat(path, &st), -1);
	free(path);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_terminal(void **state)
{
	struct container_spec spec;
	char *log;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "tty",
		       "tty; test -t 0 && test -t 1 && test -t 2 && echo terminal; echo x > "
		       "/dev/console; echo y > /dev/tty");
	spec.tty = 1;
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "tty");
	log = rig_log(&rig, UID, "tty");
	assert_string_equal(log, "/dev/pts/0\r\nterminal\r\nx\r\ny\r\n");
	free(log);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_open_stdin_blocks(void **state)
{
	struct container_spec spec;

	(void)state;
	rig_pod(&rig, UID);
	assert_int_equal(rig_run(&rig, UID, "closed", "cat; exit 5"), 5);
	rig_shell_spec(&rig, &spec, UID, "open", "cat");
	spec.stdin_open = 1;
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_STARTED, "open");
	usleep(100000);
	assert_int_equal(sandbox_signal(rig.sb, "open", 0, NULL), 0);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

/* -- exec -- */

struct ran {
	char out[4096], err[4096];
	int code, rc;
	char message[512];
};

static void read_all(int fd, char *to, size_t room)
{
	size_t at = 0;
	ssize_t n;

	while (at < room - 1 && (n = read(fd, to + at, room - 1 - at)) > 0)
		at += (size_t)n;
	to[at] = '\0';
	close(fd);
}

static void run_exec(struct ran *r, const char *container, const char **argv, const char *input)
{
	char *copy[8] = {NULL}, status[16];
	struct exec_spec spec = {.argv = copy};
	int in, out, errfd, st;
	struct err err = ERR_INIT;
	pid_t pid = 0;

	memset(r, 0, sizeof(*r));
	for (int i = 0; argv[i]; i++)
		copy[i] = (char *)(uintptr_t)argv[i];
	signal(SIGPIPE, SIG_IGN);
	/* The loop of this thread does not run: exec is for any thread. */
	r->rc = sandbox_exec(rig.all, UID, container, &spec, &in, &out, &errfd, &st, &pid, &err);
	memcpy(r->message, err.msg, sizeof(r->message));
	if (r->rc < 0)
		return;
	assert_true(pid >= 0); /* 0: it ended already */
	if (input)
		assert_int_equal(write(in, input, strlen(input)), strlen(input));
	close(in);
	read_all(out, r->out, sizeof(r->out));
	read_all(errfd, r->err, sizeof(r->err));
	read_all(st, status, sizeof(status));
	r->code = atoi(status);
}

#define EXEC(r, container, ...) run_exec(r, container, (const char *[]){__VA_ARGS__, NULL}, NULL)

static void test_exec(void **state)
{
	struct ran r;

	(void)state;
	rig_pod(&rig, UID);
	(void)start_shell("main", "echo x > /marker; exec sleep 1000");
	EXEC(&r, "main", "sh", "-c",
	     "until test $(cat /proc/1/comm) = sleep; do sleep 0.01; done; cat /marker; id -u; "
	     "hostname; echo $HOME; echo oops >&2; cat /proc/1/comm; exit 6");
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.out, "x\n0\nweb-host\n/root\nsleep\n");
	assert_string_equal(r.err, "oops\n");
	assert_int_equal(r.code, 6);
	EXEC(&r, "main", "sh", "-c",
	     "grep -E 'Seccomp:|CapEff' /proc/self/status; unshare -n true; grep -cv ':/$' "
	     "/proc/self/cgroup; ls /proc/self/fd | wc -l");
	assert_string_equal(r.out, "CapEff:\t00000000a80425fb\nSeccomp:\t2\n0\n4\n");
	assert_string_equal(r.err, "unshare: unshare(0x40000000): Operation not permitted\n");
	run_exec(&r, "main", (const char *[]){"cat", NULL}, "through\n");
	assert_string_equal(r.out, "through\n");
	assert_int_equal(r.code, 0);
	EXEC(&r, "main", "sh", "-c", "kill -9 $$");
	assert_int_equal(r.code, 137);
	EXEC(&r, "main", "nosuch");
	assert_int_equal(r.rc, -ENOENT);
	assert_string_equal(r.message, "exec: \"nosuch\": executable file not found in $PATH");
	EXEC(&r, "main", "/etc/passwd");
	assert_int_equal(r.rc, -EACCES);
	EXEC(&r, "other", "true");
	assert_int_equal(r.rc, -ESRCH);
	assert_int_equal(sandbox_signal(rig.sb, "main", SIGKILL, NULL), 0);
	rig_wait(&rig, CONTAINER_EXITED, "main");
	EXEC(&r, "main", "true");
	assert_int_equal(r.rc, -ESRCH);
	rig_destroy(&rig);
}

static void test_exec_terminal(void **state)
{
	char *argv[] = {(char[]){"sh"}, (char[]){"-c"},
			(char[]){"tty; stty size; read x; echo got $x"}, NULL};
	struct exec_spec spec = {.argv = argv, .tty = 1, .rows = 33, .columns = 99};
	int term, out, errfd, st;
	struct err err = ERR_INIT;
	char text[4096], status[16];
	pid_t pid;

	(void)state;
	rig_pod(&rig, UID);
	(void)start_shell("main", "exec sleep 1000");
	assert_int_equal(
		sandbox_exec(rig.all, UID, "main", &spec, &term, &out, &errfd, &st, &pid, &err), 0);
	assert_int_equal(out, -1);
	assert_int_equal(errfd, -1);
	assert_int_equal(write(term, "typed\n", 6), 6);
	read_all(term, text, sizeof(text));
	assert_non_null(strstr(text, "/dev/pts/0\r\n"));
	assert_non_null(strstr(text, "33 99\r\n"));
	assert_non_null(strstr(text, "got typed\r\n"));
	read_all(st, status, sizeof(status));
	assert_string_equal(status, "0\n");
	rig_destroy(&rig);
}

static void exec_in_a_pod_of(int share_pids, int host_pid, int host_network, int host_users)
{
	struct sandbox_spec spec;
	struct ran r;

	rig_pod_spec(&rig, &spec, UID);
	spec.share_pids = share_pids;
	spec.host_pid = host_pid;
	spec.host_network = host_network;
	spec.host_users = host_users;
	rig_pod_of(&rig, &spec);
	(void)start_shell("main", "echo x > /marker; echo ready; exec sleep 1000");
	wait_for_log("main", "ready");
	EXEC(&r, "main", "sh", "-c", "cat /marker; id -u; exit 5");
	assert_int_equal(r.rc, 0);
	assert_string_equal(r.out, "x\n0\n");
	assert_int_equal(r.code, 5);
	sandbox_spec_fini(&spec);
	rig_destroy(&rig);
}

static void test_exec_in_shared_namespaces(void **state)
{
	(void)state;
	exec_in_a_pod_of(1, 0, 0, 0);
	exec_in_a_pod_of(0, 1, 0, 0);
	exec_in_a_pod_of(0, 0, 1, 0);
	exec_in_a_pod_of(0, 0, 0, 1);
	exec_in_a_pod_of(0, 1, 1, 1);
}

static void test_first_process(void **state)
{
	struct err err = ERR_INIT;
	struct stat st;
	int fd;

	(void)state;
	rig_pod(&rig, UID);
	(void)start_shell("main", "echo x > /marker; echo ready; exec sleep 1000");
	wait_for_log("main", "ready");
	fd = sandbox_proc_fd(rig.all, UID, "main", &err);
	assert_true(fd >= 0);
	assert_int_equal(fstatat(fd, "root/marker", &st, 0), 0);
	assert_int_equal(st.st_size, 2);
	close(fd);
	assert_int_equal(sandbox_proc_fd(rig.all, UID, "nosuch", NULL), -ESRCH);
	assert_int_equal(sandbox_proc_fd(rig.all, "nosuch", "main", NULL), -ESRCH);
	rig_destroy(&rig);
}

/* -- a daemon that goes away -- */

static int found;

static void on_found(void *arg, const char *uid, struct sandbox *sb)
{
	struct rig *r = arg;

	assert_string_equal(uid, UID);
	found++;
	r->sb = sb;
	sandbox_set_handler(sb, rig_handler(), r);
}

static void test_adoption_replays_what_happened(void **state)
{
	uint32_t base;
	struct ran r;
	struct err err = ERR_INIT;

	(void)state;
	rig_pod(&rig, UID);
	base = sandbox_id_base(rig.sb);
	(void)start_shell("stays", "echo before; while ! test -f /go; do sleep 0.02; done; echo "
				   "after; exec sleep 1000");
	(void)start_shell("ends", "while ! test -f /go; do sleep 0.02; done; exit 11");
	EXEC(&r, "ends", "touch", "/empty/x");
	found = 0;
	EXEC(&r, "stays", "touch", "/go");
	EXEC(&r, "ends", "sh", "-c", "sleep 0.3; touch /go");
	rig_reopen(&rig);
	usleep(300000);
	sandboxes_adopt(rig.all, on_found, &rig);
	assert_int_equal(found, 1);
	assert_int_equal(sandbox_id_base(rig.sb), base);
	rig_wait(&rig, CONTAINER_EXITED, "ends");
	assert_int_equal(rig.last[CONTAINER_EXITED].exit_code, 11);
	assert_int_equal(rig.last[CONTAINER_EXITED].replayed, 1);
	if (rig.seen[CONTAINER_STARTED] < 2)
		rig_wait(&rig, CONTAINER_STARTED, "stays");
	wait_for_log("stays", "after");
	/* And it is driven as before. */
	EXEC(&r, "stays", "echo", "still");
	assert_string_equal(r.out, "still\n");
	assert_int_equal(rig_run(&rig, UID, "ends", "exit 12"), 12);
	assert_int_equal(rig.last[CONTAINER_EXITED].replayed, 0);
	assert_int_equal(sandbox_stop_container(rig.sb, "stays", 0, &err), 0);
	rig_wait(&rig, CONTAINER_EXITED, "stays");
	rig_destroy(&rig);
}

static void test_a_killed_daemon(void **state)
{
	int go[2];
	pid_t daemon;
	char c;

	(void)state;
	assert_int_equal(pipe(go), 0);
	daemon = fork();
	if (daemon == 0) {
		rig_open_node(&rig);
		rig_pod(&rig, UID);
		(void)start_shell("main", "echo $$; exec sleep 1000");
		(void)!write(go[1], "x", 1);
		pause();
	}
	assert_int_equal(read(go[0], &c, 1), 1);
	kill(daemon, SIGKILL);
	waitpid(daemon, NULL, 0);
	close(go[0]);
	close(go[1]);
	found = 0;
	sandboxes_adopt(rig.all, on_found, &rig);
	assert_int_equal(found, 1);
	rig_wait(&rig, CONTAINER_STARTED, "main");
	assert_int_equal(rig.last[CONTAINER_STARTED].replayed, 1);
	assert_int_equal(kill(rig.last[CONTAINER_STARTED].pid, 0), 0);
	rig_destroy(&rig);
}

/* -- a supervisor that is killed -- */

static pid_t parent_of(pid_t pid)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char path[64];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	assert_int_equal(fd_read_file(path, 65536, &text, NULL), 0);
	at = strstr(text.data, "PPid:");
	return (pid_t)atoi(at + 5);
}

static void kill_supervisor_of(int host_pid)
{
	struct sandbox_spec spec;
	pid_t pid, child;
	char *dir = xasprintf("%s/pods/%s", rig.run, UID), *log;

	rig_pod_spec(&rig, &spec, UID);
	spec.host_pid = host_pid;
	rig_pod_of(&rig, &spec);
	sandbox_spec_fini(&spec);
	pid = start_shell("main", "sleep 4321 & echo $!; echo ready; wait");
	wait_for_log("main", "ready");
	log = rig_log(&rig, UID, "main");
	child = host_pid ? (pid_t)atoi(log) : 0;
	free(log);
	assert_int_equal(kill(parent_of(pid), SIGKILL), 0);
	rig_wait(&rig, SANDBOX_GONE, NULL);
	assert_string_equal(rig.message[SANDBOX_GONE], "the pod's supervisor was killed");
	for (int i = 0; i < patience(500) && (kill(pid, 0) == 0 || (child && kill(child, 0) == 0));
	     i++)
		usleep(10000);
	assert_int_equal(kill(pid, 0), -1);
	assert_true(!child || kill(child, 0) == -1);
	assert_int_equal(access(dir, F_OK), -1);
	free(dir);
}

static void test_a_killed_supervisor(void **state)
{
	(void)state;
	kill_supervisor_of(0);
}

static void test_a_killed_supervisor_in_the_hosts_pids(void **state)
{
	(void)state;
	kill_supervisor_of(1);
}

static void test_leftovers_are_removed(void **state)
{
	pid_t pid;
	char *dir = xasprintf("%s/pods/%s", rig.run, UID);

	(void)state;
	rig_pod(&rig, UID);
	pid = start_shell("main", "exec sleep 1000");
	rig_reopen(&rig);
	kill(parent_of(pid), SIGKILL);
	found = 0;
	sandboxes_adopt(rig.all, on_found, &rig);
	assert_int_equal(found, 0);
	assert_int_equal(access(dir, F_OK), -1);
	free(dir);
}

/* -- nothing is left -- */

static size_t count_entries(const char *path)
{
	DIR *dir = opendir(path);
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static size_t count_lines(const char *path)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	size_t n = 0;

	assert_int_equal(fd_read_file(path, 16 << 20, &text, NULL), 0);
	for (char *p = text.data; (p = strchr(p, '\n')); p++)
		n++;
	return n;
}

/* Directories of our cgroup subtree, in all hierarchies. */
static size_t count_cgroups(void)
{
	FILE *f = popen("find /sys/fs/cgroup -path '*/k8sfs-*pod-b*' -type d | wc -l", "r");
	int n = -1;

	assert_int_equal(fscanf(f, "%d", &n), 1);
	pclose(f);
	return (size_t)n;
}

static void one_life(void)
{
	struct container_spec spec;
	struct err err = ERR_INIT;
	struct ran r;

	rig_pod(&rig, UID);
	fd_close_at(&rig.netns_fd);
	(void)start_shell("main", "sleep 1000 & echo ready; wait");
	wait_for_log("main", "ready");
	EXEC(&r, "main", "true");
	assert_int_equal(rig_run(&rig, UID, "short", "exit 0"), 0);
	rig_shell_spec(&rig, &spec, UID, "bad", "");
	free(spec.argv[0]);
	spec.argv[0] = xstrdup("nosuch");
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_START_FAILED, "bad");
	container_spec_fini(&spec);
	id_range_free(rig.all, UID);
	rig_destroy(&rig);
	(void)err;
}

static void test_nothing_is_left(void **state)
{
	size_t fds, mounts, netns;

	(void)state;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;   /* of tests that play a daemon's end in this process */
	one_life(); /* what is made once for the node is there */
	fds = count_entries("/proc/self/fd");
	mounts = count_lines("/proc/self/mountinfo");
	for (int i = 0; i < 5; i++)
		one_life();
	netns = count_cgroups();
	assert_in_range(count_entries("/proc/self/fd"), 0,
			fds); /* fewer: one of the first life closed late */
	assert_int_equal(count_lines("/proc/self/mountinfo"), mounts);
	assert_int_equal(netns, 0);
	char *path = xasprintf("%s/pods", rig.run);
	assert_int_equal(count_entries(path), 2);
	free(path);
	path = xasprintf("%s/ids", rig.state);
	assert_int_equal(count_entries(path), 2);
	free(path);
	/* No dead child of ours; the zygote lives. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), 0);
}

static void test_the_supervisors_memory(void **state)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char path[64];
	unsigned long clean = 0, dirty = 0;
	struct sandbox *other;
	pid_t pid;

	(void)state;
	/* A second pod: what all supervisors share, the program itself, is not private then. */
	rig_pod(&rig, "pod-c");
	other = rig.sb;
	rig_pod(&rig, UID);
	pid = start_shell("main", "seq 1 20000; exec sleep 1000");
	wait_for_log("main", "20000\n");
	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)parent_of(pid));
	assert_int_equal(fd_read_file(path, 65536, &text, NULL), 0);
	assert_int_equal(sscanf(strstr(text.data, "Private_Clean:"), "Private_Clean: %lu", &clean),
			 1);
	assert_int_equal(sscanf(strstr(text.data, "Private_Dirty:"), "Private_Dirty: %lu", &dirty),
			 1);
	print_message("private memory of a supervisor: %lu KiB clean, %lu KiB dirty\n", clean,
		      dirty);
	assert_true(clean + dirty <= 500);
	rig_destroy(&rig);
	rig.sb = other;
	rig_destroy(&rig);
}

/* -- the zygote -- */

static pid_t find_zygote(void)
{
	FILE *f = popen("pgrep -x -P $PPID k8sfs-pod",
			"r"); /* our children; the supervisors are, too */
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	int pid, found_pid = 0;

	while (fscanf(f, "%d", &pid) == 1) {
		char path[64];

		text.len = 0;
		snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
		if (fd_read_file(path, 4096, &text, NULL) == 0 && text.len &&
		    strstr(text.data, "(zygote)"))
			found_pid = pid;
	}
	pclose(f);
	return found_pid;
}

static void test_a_killed_zygote_is_replaced(void **state)
{
	pid_t first = find_zygote();

	(void)state;
	assert_true(first > 0);
	kill(first, SIGKILL);
	rig_pod(&rig, UID);
	assert_int_equal(rig_run(&rig, UID, "main", "exit 3"), 3);
	assert_true(find_zygote() > 0);
	assert_int_not_equal(find_zygote(), first);
	rig_destroy(&rig);
}

/* An environment too big for a packet. */
static void test_a_big_environment(void **state)
{
	struct container_spec spec;
	char *log;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "big", "env | wc -c");
	spec.envp = xreallocarray(spec.envp, 103, sizeof(char *));
	for (int i = 2; i < 102; i++)
		spec.envp[i] = xasprintf("V%d=%04000d", i, i);
	spec.envp[102] = NULL;
	rig_start(&rig, &spec);
	rig_wait(&rig, CONTAINER_EXITED, "big");
	log = rig_log(&rig, UID, "big");
	assert_true(atoi(log) > 400000);
	free(log);
	container_spec_fini(&spec);
	rig_destroy(&rig);
}

/* -- many at once -- */

#define N_PODS 40

static struct many {
	int ready, started, gone;
	struct sandbox *sb[N_PODS];
} many;

static void on_many(void *arg, struct sandbox *sb, const struct sandbox_event *ev)
{
	struct rig *r = arg;
	struct container_spec spec;

	switch (ev->kind) {
	case SANDBOX_READY:
		many.ready++;
		rig_shell_spec(r, &spec, sandbox_uid(sb), "main", "exec sleep 1000");
		rig_start_in(sb, &spec);
		container_spec_fini(&spec);
		return;
	case CONTAINER_STARTED:
		if (++many.started == N_PODS)
			loop_stop(r->loop);
		return;
	case SANDBOX_GONE:
		if (++many.gone == N_PODS)
			loop_stop(r->loop);
		return;
	case CONTAINER_EXITED:
		return;
	default:
		fail_msg("%s", ev->message);
	}
}

static void test_many_pods_at_once(void **state)
{
	uint64_t before = loop_now_ms(), started;
	struct err err = ERR_INIT;

	(void)state;
	memset(&many, 0, sizeof(many));
	for (int i = 0; i < N_PODS; i++) {
		struct sandbox_spec spec;
		char uid[16];

		snprintf(uid, sizeof(uid), "many-%d", i);
		rig_pod_spec(&rig, &spec, uid);
		many.sb[i] = sandbox_create(rig.all, &spec, on_many, &rig, &err);
		assert_non_null(many.sb[i]);
		sandbox_spec_fini(&spec);
	}
	loop_run(rig.loop);
	assert_int_equal(many.started, N_PODS);
	started = loop_now_ms();
	for (int i = 0; i < N_PODS; i++)
		sandbox_destroy(many.sb[i]);
	loop_run(rig.loop);
	assert_int_equal(many.gone, N_PODS);
	print_message("%d pods started in %llu ms, gone after %llu ms more\n", N_PODS,
		      (unsigned long long)(started - before),
		      (unsigned long long)(loop_now_ms() - started));
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_stop_with_grace),
		T(test_own_stop_signal),
		T(test_a_refused_second_start_leaves_the_first),
		T(test_several_containers_at_once),
		T(test_termination_message),
		T(test_log_rotation_and_format),
		T(test_terminal),
		T(test_open_stdin_blocks),
		T(test_exec),
		T(test_exec_terminal),
		T(test_exec_in_shared_namespaces),
		T(test_first_process),
		T(test_adoption_replays_what_happened),
		T(test_a_killed_daemon),
		T(test_a_killed_supervisor),
		T(test_a_killed_supervisor_in_the_hosts_pids),
		T(test_leftovers_are_removed),
		T(test_nothing_is_left),
		T(test_the_supervisors_memory),
		T(test_a_killed_zygote_is_replaced),
		T(test_a_big_environment),
		T(test_many_pods_at_once),
	};

	if (!rig_possible())
		return 77;
	/* What others mount meanwhile is not counted as left by us. */
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return 77;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
