/* SPDX-License-Identifier: MIT */
/* See worker_confine.h. */
#include "runtime/images/worker_confine.h"

#include <errno.h>
#include <linux/capability.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MEMORY_MAX (1ull << 30)   /* zstd's window is 128 MiB at most */
#define FILE_MAX   (128ull << 30) /* as for the copy of a compressed archive */
#define FILES_MAX  1024u          /* a tree is removed with a descriptor a level */

static int bit(int capability)
{
	return 1 << capability;
}

static int set_root(int dirfd)
{
	return fchdir(dirfd) < 0 || chroot(".") < 0 || close(dirfd) < 0 ? -errno : 0;
}

static int set_limits(void)
{
	static const struct {
		__rlimit_resource_t what;
		rlim_t max;
	} limits[] = {{RLIMIT_AS, MEMORY_MAX},
		      {RLIMIT_FSIZE, FILE_MAX},
		      {RLIMIT_NOFILE, FILES_MAX},
		      {RLIMIT_CORE, 0}};

	for (size_t i = 0; i < ARRAY_LEN(limits); i++)
		if (setrlimit(limits[i].what, &(struct rlimit){limits[i].max, limits[i].max}) < 0)
			return -errno;
	return 0;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct set[2] = {{0}};

	set[0].permitted = (unsigned)(bit(CAP_CHOWN) | bit(CAP_DAC_OVERRIDE) | bit(CAP_FOWNER) |
				      bit(CAP_FSETID) | bit(CAP_SYS_ADMIN));
	set[0].permitted |= 1u << CAP_SETFCAP;
	set[0].effective = set[0].permitted;
	return syscall(SYS_capset, &head, set) < 0 ? -errno : 0;
}

static const int calls[] = {
	SCMP_SYS(read),          SCMP_SYS(pread64),
	SCMP_SYS(write),         SCMP_SYS(pwrite64),
	SCMP_SYS(writev),        SCMP_SYS(close),
	SCMP_SYS(lseek),         SCMP_SYS(fstat),
	SCMP_SYS(stat),          SCMP_SYS(lstat),
	SCMP_SYS(newfstatat),    SCMP_SYS(statx),
	SCMP_SYS(fstatfs),       SCMP_SYS(open),
	SCMP_SYS(openat),        SCMP_SYS(openat2),
	SCMP_SYS(mkdir),         SCMP_SYS(mkdirat),
	SCMP_SYS(mknod),         SCMP_SYS(mknodat),
	SCMP_SYS(unlink),        SCMP_SYS(unlinkat),
	SCMP_SYS(rmdir),         SCMP_SYS(symlinkat),
	SCMP_SYS(linkat),        SCMP_SYS(fchmod),
	SCMP_SYS(fchmodat),      SCMP_SYS(fchown),
	SCMP_SYS(fchownat),      SCMP_SYS(fsetxattr),
	SCMP_SYS(utimensat),     SCMP_SYS(ftruncate),
	SCMP_SYS(fgetxattr),     SCMP_SYS(flistxattr),
	SCMP_SYS(readlinkat),    SCMP_SYS(rename),
	SCMP_SYS(renameat),      SCMP_SYS(renameat2),
	SCMP_SYS(getdents64),    SCMP_SYS(fcntl),
	SCMP_SYS(fadvise64),     SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),      SCMP_SYS(brk),
	SCMP_SYS(munmap),        SCMP_SYS(mremap),
	SCMP_SYS(madvise),       SCMP_SYS(futex),
	SCMP_SYS(getrandom),     SCMP_SYS(getpid),
	SCMP_SYS(gettid),        SCMP_SYS(tgkill),
	SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday),
	SCMP_SYS(rt_sigaction),  SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),  SCMP_SYS(restart_syscall),
	SCMP_SYS(exit),          SCMP_SYS(exit_group),
};

/* Memory, but no code: neither a library from the layer nor what was written there. */
static int allow_memory(scmp_filter_ctx filter)
{
	const struct scmp_arg_cmp no_code = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
	int rc = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, &no_code);

	return rc < 0 ? rc
		      : seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
					       &no_code);
}

/* Anything else does not exist here. Sets no_new_privs, too. */
static int filter_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
	int rc = filter ? allow_memory(filter) : -ENOMEM;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(calls); i++)
		rc = seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);
	if (rc == 0)
		rc = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return rc;
}

int worker_confine(int dirfd, struct err *err)
{
	int rc = set_root(dirfd);

#ifndef SANITIZED /* sanitizers need memory, and system calls of their own */
	if (rc == 0)
		rc = set_limits();
	if (rc == 0)
		rc = drop_capabilities();
	if (rc == 0)
		rc = prctl(PR_SET_DUMPABLE, 0) < 0 ? -errno : filter_calls();
#else
	(void)set_limits;
	(void)drop_capabilities;
	(void)filter_calls;
#endif
	return rc < 0 ? err_sys(err, -rc, "confine k8sfs-image") : 0;
}
