/* SPDX-License-Identifier: MIT */
/*
 * The last steps before a container's program: streams, identity,
 * capabilities, no_new_privs, seccomp, execve. The order is runc's: without
 * no_new_privs the filter needs a right that is given up right after, so the
 * default profile allows what follows it.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/supervisor/stage.h"
#include "util/fd.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define MAX_FILTER   4096 /* BPF_MAXINSNS */
#define SOFT_FILES   1048576u

static int set_streams(struct stage *s, struct err *err)
{
	(void)setsid();
	if (s->terminal >= 0 && ioctl(s->terminal, TIOCSCTTY, 0) < 0)
		return err_sys(err, errno, "controlling terminal");
	for (int i = 0; i < 3; i++) {
		int fd = s->stdio[i] >= 0 ? s->stdio[i] : s->terminal;

		if (fd < 0 && (fd = open("/dev/null", O_RDWR | O_CLOEXEC)) < 0)
			return err_sys(err, errno, "open /dev/null");
		if (dup2(fd, i) < 0)
			return err_sys(err, errno, "stream %d", i);
	}
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(err, errno, "close_range");
	return 0;
}

/* Not through a descriptor that we happen to have: its directory must be in the root that we see.
 */
static int enter_cwd(const char *cwd, struct err *err)
{
	char *seen;

	if (chdir(cwd && *cwd ? cwd : "/") < 0)
		return err_sys(err, errno, "working directory %s", cwd);
	seen = getcwd(NULL, 0);
	if (!seen || seen[0] != '/')
		return err_set(err, EPERM, "working directory %s is outside of the container", cwd);
	free(seen);
	return 0;
}

static void reset_process(void)
{
	struct rlimit files;
	sigset_t none;

	for (int i = 1; i < NSIG; i++)
		signal(i, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	umask(022);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max < SOFT_FILES ? files.rlim_max : SOFT_FILES;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
	(void)syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
}

static int drop_bounding(uint64_t keep, struct err *err)
{
	for (int cap = 0; cap <= 63; cap++)
		if (!(keep >> cap & 1) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL) /* past the last one that this kernel knows */
				break;
			return err_sys(err, errno, "drop capability %d", cap);
		}
	return 0;
}

static int set_identity(const struct container_spec *spec, struct err *err)
{
	if (setgroups(spec->n_groups, spec->groups) < 0)
		return err_sys(err, errno, "supplementary groups");
	if (setresgid(spec->gid, spec->gid, spec->gid) < 0)
		return err_sys(err, errno, "group %u", spec->gid);
	if (setresuid(spec->uid, spec->uid, spec->uid) < 0)
		return err_sys(err, errno, "user %u", spec->uid);
	return 0;
}

static int set_capabilities(const struct container_spec *spec, struct err *err)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct now[2], data[2] = {{0}};
	uint64_t keep = spec->uid == 0 ? spec->capabilities : 0;

	if (syscall(SYS_capget, &head, now) < 0)
		return err_sys(err, errno, "capget");
	for (int i = 0; i < 2; i++) {
		data[i].permitted = now[i].permitted & (uint32_t)(keep >> (32 * i));
		data[i].effective = data[i].permitted;
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return err_sys(err, errno, "capset");
	return 0;
}

static int load_seccomp(int program, struct err *err)
{
	static struct sock_filter filter[MAX_FILTER];
	ssize_t n = pread(program, filter, sizeof(filter), 0);
	struct sock_fprog prog = {(unsigned short)(n / (ssize_t)sizeof(*filter)), filter};

	if (n <= 0 || n % (ssize_t)sizeof(*filter))
		return err_set(err, EINVAL, "seccomp: no program");
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		return err_sys(err, errno, "seccomp");
	return 0;
}

static int restrict_process(struct stage *s, struct err *err)
{
	const struct container_spec *spec = &s->container->spec;
	int seccomp = s->container->seccomp, rc;

	if ((rc = drop_bounding(spec->capabilities, err)) < 0)
		return rc;
	if (!spec->no_new_privs && seccomp >= 0 && (rc = load_seccomp(seccomp, err)) < 0)
		return rc;
	if ((rc = set_identity(spec, err)) < 0 || (rc = set_capabilities(spec, err)) < 0)
		return rc;
	/* Changing ids clears it. Whatever ends the supervisor ends us, in the host's pid namespace
	 * too. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (spec->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, errno, "no_new_privs");
	if (spec->no_new_privs && seccomp >= 0)
		return load_seccomp(seccomp, err);
	return 0;
}

/* -- execve, and what runc says when it fails -- */

static const char *path_of(char **envp)
{
	for (char **e = envp; e && *e; e++)
		if (str_starts(*e, "PATH="))
			return *e + strlen("PATH=");
	return DEFAULT_PATH;
}

/* before, what, after, why: the four parts of every such message. */
static _Noreturn void fail_exec(struct stage *s, int code, const char *before, const char *what,
				const char *after, const char *why)
{
	struct err err = ERR_INIT;

	err_set(&err, EINVAL, "%s%s%s%s", before, what, after, why);
	setup_fail(s->setup, code, &err);
}

static _Noreturn void explain_exec(struct stage *s, const char *file, int error)
{
	struct stat st;

	if (stat(file, &st) < 0)
		fail_exec(s, errno == EACCES || errno == EPERM ? 126 : 127, "exec: \"", file,
			  "\": stat: ",
			  errno == EACCES ? "permission denied" : "no such file or directory");
	if (S_ISDIR(st.st_mode))
		fail_exec(s, 126, "exec: \"", file, "\": ", "is a directory");
	switch (error) {
	case ENOENT: /* it is there: its interpreter is not */
		fail_exec(s, 127, "exec ", file, ": ", "no such file or directory");
	case EACCES:
	case EPERM:
		fail_exec(s, 126, "exec: \"", file, "\": ", "permission denied");
	case ENOEXEC:
		fail_exec(s, 126, "exec ", file, ": ", "exec format error");
	default:
		fail_exec(s, 128, "exec ", file, ": ", strerror(error));
	}
}

/* In PATH as a shell does: the first that executes; one that is not executable is remembered. */
static _Noreturn void execute_in_path(struct stage *s)
{
	const char *dir = path_of(s->envp), *name = s->argv[0];
	int denied = 0;

	for (;;) {
		size_t len = strcspn(dir, ":");
		CLEANUP_FREE char *file =
			len ? xasprintf("%.*s/%s", (int)len, dir, name) : xasprintf("./%s", name);
		struct stat st;

		if (stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
			execve(file, s->argv, s->envp);
			if (errno != EACCES)
				explain_exec(s, file, errno);
			denied = 1;
		}
		if (!dir[len])
			break;
		dir += len + 1;
	}
	fail_exec(s, denied ? 126 : 127, "exec: \"", name,
		  "\": ", denied ? "permission denied" : "executable file not found in $PATH");
}

void restrict_and_execute(struct stage *s)
{
	struct err err = ERR_INIT;
	static char *no_env[] = {NULL};
	int there;

	if (!s->envp)
		s->envp = no_env;
	reset_process();
	/* As root, and where root may not (a network file system): as the user, below. */
	there = enter_cwd(s->cwd, NULL) == 0;
	if (set_streams(s, &err) < 0 || restrict_process(s, &err) < 0 ||
	    (!there && enter_cwd(s->cwd, &err) < 0))
		setup_fail(s->setup, 128, &err);
	if (!s->argv || !s->argv[0] || !*s->argv[0])
		fail_exec(s, 127, "", "no command specified", "", "");
	setup_send(s->setup, SETUP_EXECUTES, 0, "", -1);
	if (!strchr(s->argv[0], '/'))
		execute_in_path(s);
	execve(s->argv[0], s->argv, s->envp);
	explain_exec(s, s->argv[0], errno);
}
