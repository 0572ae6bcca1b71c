/* SPDX-License-Identifier: MIT */
/* The default profile: what it allows, and what the compiled program does to a process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/sandbox.h"
#include "runtime/sandbox/docker_profile.h"
#include "runtime/sandbox/syscall_filter.h"

static void test_the_list(void **state)
{
	(void)state;
	assert_true(seccomp_profile_allows("openat", 0));
	assert_true(seccomp_profile_allows("execve", 0));
	assert_false(seccomp_profile_allows("mount", SANDBOX_DEFAULT_CAPABILITIES));
	assert_true(seccomp_profile_allows("mount", 1ull << CAP_SYS_ADMIN));
	assert_true(seccomp_profile_allows("chroot", SANDBOX_DEFAULT_CAPABILITIES));
	assert_false(seccomp_profile_allows("chroot", 0));
	assert_false(seccomp_profile_allows("io_uring_setup", ~0ull));
	assert_false(seccomp_profile_allows("keyctl", ~0ull));
	assert_false(seccomp_profile_allows("userfaultfd", ~0ull));
	assert_false(seccomp_profile_allows("kexec_load", ~0ull));
	/* Every name exists, here or in a newer kernel: a slip of the pen would forbid a call. */
	assert_true(seccomp_syscall_resolve_name("clock_nanosleep_time64") != __NR_SCMP_ERROR);
}

static void test_programs_are_cached(void **state)
{
	struct seccomp_cache *c = seccomp_cache_new();
	struct err err = ERR_INIT;
	int one = seccomp_program(c, SANDBOX_DEFAULT_CAPABILITIES, &err);

	(void)state;
	assert_true(one >= 0);
	/* CHOWN does not change the profile, SYS_ADMIN does. */
	assert_int_equal(seccomp_program(c, SANDBOX_DEFAULT_CAPABILITIES & ~1ull, &err), one);
	assert_int_not_equal(
		seccomp_program(c, SANDBOX_DEFAULT_CAPABILITIES | 1ull << CAP_SYS_ADMIN, &err),
		one);
	/* Nobody can change it behind our back. */
	assert_int_equal(pwrite(one, "x", 1, 0), -1);
	assert_int_equal(ftruncate(one, 0), -1);
	seccomp_cache_free(c);
}

static int errno_of(long rc)
{
	return rc < 0 ? errno : 0;
}

/* In a process with the filter: the errno of each of these calls. */
static void try_calls(int program, int out)
{
	static struct sock_filter filter[4096];
	ssize_t n = pread(program, filter, sizeof(filter), 0);
	struct sock_fprog prog = {(unsigned short)(n / (ssize_t)sizeof(*filter)), filter};
	int results[10];

	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) < 0)
		_exit(1);
	results[0] = errno_of(syscall(SYS_getppid));
	results[1] = errno_of(syscall(SYS_mount, NULL, NULL, NULL, 0, NULL));
	results[2] = errno_of(unshare(CLONE_NEWUSER));
	results[3] = errno_of(syscall(SYS_clone3, NULL, 0));
	results[4] = errno_of(syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL));
	results[5] = errno_of(socket(40 /* AF_VSOCK */, SOCK_STREAM, 0));
	results[6] = errno_of(socket(AF_UNIX, SOCK_STREAM, 0));
	results[7] = errno_of(syscall(452 /* fchmodat2 */, -1, "x", 0, 0));
	results[8] = errno_of(syscall(SECCOMP_PROFILE_NEWEST + 1, 0, 0, 0, 0));
	results[9] = errno_of(syscall(466 /* removexattrat */, -1, NULL, 0, NULL));
	if (write(out, results, sizeof(results)) != sizeof(results))
		_exit(1);
	_exit(0);
}

static void test_the_program_works(void **state)
{
	struct seccomp_cache *c = seccomp_cache_new();
	struct err err = ERR_INIT;
	int program = seccomp_program(c, SANDBOX_DEFAULT_CAPABILITIES, &err), out[2], results[10];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(out), 0);
	pid = fork();
	if (pid == 0)
		try_calls(program, out[1]);
	close(out[1]);
	assert_int_equal(read(out[0], results, sizeof(results)), sizeof(results));
	waitpid(pid, NULL, 0);
	close(out[0]);
	assert_int_equal(results[0], 0);
	assert_int_equal(results[1], EPERM);
	assert_int_equal(results[2], EPERM);
	assert_int_equal(results[3], ENOSYS);
	assert_int_equal(results[4], EPERM);
	assert_int_equal(results[5], EPERM);
	assert_int_equal(results[6], 0);
	assert_true(results[7] == EBADF || results[7] == ENOSYS);
	assert_int_equal(results[8], ENOSYS);
	assert_int_not_equal(results[9], EPERM);
	seccomp_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_list),
		cmocka_unit_test(test_programs_are_cached),
		cmocka_unit_test(test_the_program_works),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
