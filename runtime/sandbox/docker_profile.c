/* SPDX-License-Identifier: MIT */
/*
 * Docker's default profile: what is not listed fails with EPERM. Calls newer
 * than the list fail with ENOSYS instead (as runc does it), so that programs
 * fall back to what they used before.
 */
#include "runtime/sandbox/docker_profile.h"

#include <errno.h>
#include <linux/capability.h>

#define CAP(c) (1ull << (c))

static const char *const always[] = {
	"accept",
	"accept4",
	"access",
	"adjtimex",
	"alarm",
	"bind",
	"brk",
	"cachestat",
	"capget",
	"capset",
	"chdir",
	"chmod",
	"chown",
	"chown32",
	"clock_adjtime",
	"clock_adjtime64",
	"clock_getres",
	"clock_getres_time64",
	"clock_gettime",
	"clock_gettime64",
	"clock_nanosleep",
	"clock_nanosleep_time64",
	"close",
	"close_range",
	"connect",
	"copy_file_range",
	"creat",
	"dup",
	"dup2",
	"dup3",
	"epoll_create",
	"epoll_create1",
	"epoll_ctl",
	"epoll_ctl_old",
	"epoll_pwait",
	"epoll_pwait2",
	"epoll_wait",
	"epoll_wait_old",
	"eventfd",
	"eventfd2",
	"execve",
	"execveat",
	"exit",
	"exit_group",
	"faccessat",
	"faccessat2",
	"fadvise64",
	"fadvise64_64",
	"fallocate",
	"fanotify_mark",
	"fchdir",
	"fchmod",
	"fchmodat",
	"fchmodat2",
	"fchown",
	"fchown32",
	"fchownat",
	"fcntl",
	"fcntl64",
	"fdatasync",
	"fgetxattr",
	"flistxattr",
	"flock",
	"fork",
	"fremovexattr",
	"fsetxattr",
	"fstat",
	"fstat64",
	"fstatat64",
	"fstatfs",
	"fstatfs64",
	"fsync",
	"ftruncate",
	"ftruncate64",
	"futex",
	"futex_requeue",
	"futex_time64",
	"futex_wait",
	"futex_waitv",
	"futex_wake",
	"futimesat",
	"getcpu",
	"getcwd",
	"getdents",
	"getdents64",
	"getegid",
	"getegid32",
	"geteuid",
	"geteuid32",
	"getgid",
	"getgid32",
	"getgroups",
	"getgroups32",
	"getitimer",
	"getpeername",
	"getpgid",
	"getpgrp",
	"getpid",
	"getppid",
	"getpriority",
	"getrandom",
	"getresgid",
	"getresgid32",
	"getresuid",
	"getresuid32",
	"getrlimit",
	"get_robust_list",
	"getrusage",
	"getsid",
	"getsockname",
	"getsockopt",
	"get_thread_area",
	"gettid",
	"gettimeofday",
	"getuid",
	"getuid32",
	"getxattr",
	"getxattrat",
	"inotify_add_watch",
	"inotify_init",
	"inotify_init1",
	"inotify_rm_watch",
	"io_cancel",
	"ioctl",
	"io_destroy",
	"io_getevents",
	"io_pgetevents",
	"io_pgetevents_time64",
	"ioprio_get",
	"ioprio_set",
	"io_setup",
	"io_submit",
	"ipc",
	"kill",
	"landlock_add_rule",
	"landlock_create_ruleset",
	"landlock_restrict_self",
	"lchown",
	"lchown32",
	"lgetxattr",
	"link",
	"linkat",
	"listen",
	"listxattr",
	"listxattrat",
	"llistxattr",
	"_llseek",
	"lremovexattr",
	"lseek",
	"lsetxattr",
	"lstat",
	"lstat64",
	"madvise",
	"map_shadow_stack",
	"membarrier",
	"memfd_create",
	"memfd_secret",
	"mincore",
	"mkdir",
	"mkdirat",
	"mknod",
	"mknodat",
	"mlock",
	"mlock2",
	"mlockall",
	"mmap",
	"mmap2",
	"mprotect",
	"mq_getsetattr",
	"mq_notify",
	"mq_open",
	"mq_timedreceive",
	"mq_timedreceive_time64",
	"mq_timedsend",
	"mq_timedsend_time64",
	"mq_unlink",
	"mremap",
	"mseal",
	"msgctl",
	"msgget",
	"msgrcv",
	"msgsnd",
	"msync",
	"munlock",
	"munlockall",
	"munmap",
	"name_to_handle_at",
	"nanosleep",
	"newfstatat",
	"_newselect",
	"open",
	"openat",
	"openat2",
	"pause",
	"pidfd_open",
	"pidfd_send_signal",
	"pipe",
	"pipe2",
	"pkey_alloc",
	"pkey_free",
	"pkey_mprotect",
	"poll",
	"ppoll",
	"ppoll_time64",
	"prctl",
	"pread64",
	"preadv",
	"preadv2",
	"prlimit64",
	"process_mrelease",
	"process_vm_readv",
	"process_vm_writev",
	"pselect6",
	"pselect6_time64",
	"ptrace",
	"pwrite64",
	"pwritev",
	"pwritev2",
	"read",
	"readahead",
	"readlink",
	"readlinkat",
	"readv",
	"recv",
	"recvfrom",
	"recvmmsg",
	"recvmmsg_time64",
	"recvmsg",
	"remap_file_pages",
	"removexattr",
	"removexattrat",
	"rename",
	"renameat",
	"renameat2",
	"restart_syscall",
	"rmdir",
	"rseq",
	"rt_sigaction",
	"rt_sigpending",
	"rt_sigprocmask",
	"rt_sigqueueinfo",
	"rt_sigreturn",
	"rt_sigsuspend",
	"rt_sigtimedwait",
	"rt_sigtimedwait_time64",
	"rt_tgsigqueueinfo",
	"sched_getaffinity",
	"sched_getattr",
	"sched_getparam",
	"sched_get_priority_max",
	"sched_get_priority_min",
	"sched_getscheduler",
	"sched_rr_get_interval",
	"sched_rr_get_interval_time64",
	"sched_setaffinity",
	"sched_setattr",
	"sched_setparam",
	"sched_setscheduler",
	"sched_yield",
	"seccomp",
	"select",
	"semctl",
	"semget",
	"semop",
	"semtimedop",
	"semtimedop_time64",
	"send",
	"sendfile",
	"sendfile64",
	"sendmmsg",
	"sendmsg",
	"sendto",
	"setfsgid",
	"setfsgid32",
	"setfsuid",
	"setfsuid32",
	"setgid",
	"setgid32",
	"setgroups",
	"setgroups32",
	"setitimer",
	"setpgid",
	"setpriority",
	"setregid",
	"setregid32",
	"setresgid",
	"setresgid32",
	"setresuid",
	"setresuid32",
	"setreuid",
	"setreuid32",
	"setrlimit",
	"set_robust_list",
	"setsid",
	"setsockopt",
	"set_thread_area",
	"set_tid_address",
	"setuid",
	"setuid32",
	"setxattr",
	"setxattrat",
	"shmat",
	"shmctl",
	"shmdt",
	"shmget",
	"shutdown",
	"sigaltstack",
	"signalfd",
	"signalfd4",
	"sigprocmask",
	"sigreturn",
	"socketcall",
	"socketpair",
	"splice",
	"stat",
	"stat64",
	"statfs",
	"statfs64",
	"statx",
	"symlink",
	"symlinkat",
	"sync",
	"sync_file_range",
	"syncfs",
	"sysinfo",
	"tee",
	"tgkill",
	"time",
	"timer_create",
	"timer_delete",
	"timer_getoverrun",
	"timer_gettime",
	"timer_gettime64",
	"timer_settime",
	"timer_settime64",
	"timerfd_create",
	"timerfd_gettime",
	"timerfd_gettime64",
	"timerfd_settime",
	"timerfd_settime64",
	"times",
	"tkill",
	"truncate",
	"truncate64",
	"ugetrlimit",
	"umask",
	"uname",
	"unlink",
	"unlinkat",
	"uretprobe",
	"utime",
	"utimensat",
	"utimensat_time64",
	"utimes",
	"vfork",
	"vmsplice",
	"wait4",
	"waitid",
	"waitpid",
	"write",
	"writev",
#if defined(__x86_64__) || defined(__i386__)
	"arch_prctl",
	"modify_ldt",
#elif defined(__arm__) || defined(__aarch64__)
	"arm_fadvise64_64",
	"arm_sync_file_range",
	"sync_file_range2",
	"breakpoint",
	"cacheflush",
	"set_tls",
#elif defined(__riscv)
	"riscv_flush_icache",
#endif
};

/* Any of the capabilities allows the call. */
static const struct {
	const char *name;
	uint64_t capabilities;
} with[] = {
	{"open_by_handle_at", CAP(CAP_DAC_READ_SEARCH)},
	{"bpf", CAP(CAP_SYS_ADMIN) | CAP(CAP_BPF)},
	{"clone", CAP(CAP_SYS_ADMIN)},
	{"clone3", CAP(CAP_SYS_ADMIN)},
	{"fanotify_init", CAP(CAP_SYS_ADMIN)},
	{"fsconfig", CAP(CAP_SYS_ADMIN)},
	{"fsmount", CAP(CAP_SYS_ADMIN)},
	{"fsopen", CAP(CAP_SYS_ADMIN)},
	{"fspick", CAP(CAP_SYS_ADMIN)},
	{"lookup_dcookie", CAP(CAP_SYS_ADMIN)},
	{"mount", CAP(CAP_SYS_ADMIN)},
	{"mount_setattr", CAP(CAP_SYS_ADMIN)},
	{"move_mount", CAP(CAP_SYS_ADMIN)},
	{"open_tree", CAP(CAP_SYS_ADMIN)},
	{"perf_event_open", CAP(CAP_SYS_ADMIN) | CAP(CAP_PERFMON)},
	{"quotactl", CAP(CAP_SYS_ADMIN)},
	{"quotactl_fd", CAP(CAP_SYS_ADMIN)},
	{"setdomainname", CAP(CAP_SYS_ADMIN)},
	{"sethostname", CAP(CAP_SYS_ADMIN)},
	{"setns", CAP(CAP_SYS_ADMIN)},
	{"syslog", CAP(CAP_SYS_ADMIN) | CAP(CAP_SYSLOG)},
	{"umount", CAP(CAP_SYS_ADMIN)},
	{"umount2", CAP(CAP_SYS_ADMIN)},
	{"unshare", CAP(CAP_SYS_ADMIN)},
	{"reboot", CAP(CAP_SYS_BOOT)},
	{"chroot", CAP(CAP_SYS_CHROOT)},
	{"delete_module", CAP(CAP_SYS_MODULE)},
	{"init_module", CAP(CAP_SYS_MODULE)},
	{"finit_module", CAP(CAP_SYS_MODULE)},
	{"acct", CAP(CAP_SYS_PACCT)},
	{"kcmp", CAP(CAP_SYS_PTRACE)},
	{"pidfd_getfd", CAP(CAP_SYS_PTRACE)},
	{"process_madvise", CAP(CAP_SYS_PTRACE)},
	{"iopl", CAP(CAP_SYS_RAWIO)},
	{"ioperm", CAP(CAP_SYS_RAWIO)},
	{"settimeofday", CAP(CAP_SYS_TIME)},
	{"stime", CAP(CAP_SYS_TIME)},
	{"clock_settime", CAP(CAP_SYS_TIME)},
	{"clock_settime64", CAP(CAP_SYS_TIME)},
	{"vhangup", CAP(CAP_SYS_TTY_CONFIG)},
	{"get_mempolicy", CAP(CAP_SYS_NICE)},
	{"mbind", CAP(CAP_SYS_NICE)},
	{"set_mempolicy", CAP(CAP_SYS_NICE)},
	{"set_mempolicy_home_node", CAP(CAP_SYS_NICE)},
};

/* Allowed calls that libseccomp may not know; since Linux 5.1 a number is the same on every
 * architecture. */
static const struct {
	const char *name;
	unsigned number;
} recent[] = {
	{"cachestat", 451},   {"fchmodat2", 452},     {"map_shadow_stack", 453},
	{"futex_wake", 454},  {"futex_wait", 455},    {"futex_requeue", 456},
	{"mseal", 462},       {"setxattrat", 463},    {"getxattrat", 464},
	{"listxattrat", 465}, {"removexattrat", 466},
};

uint64_t seccomp_profile_capabilities(void)
{
	uint64_t all = 0;

	for (size_t i = 0; i < ARRAY_LEN(with); i++)
		all |= with[i].capabilities;
	return all;
}

int seccomp_profile_allows(const char *name, uint64_t capabilities)
{
	for (size_t i = 0; i < ARRAY_LEN(always); i++)
		if (str_eq(always[i], name))
			return 1;
	for (size_t i = 0; i < ARRAY_LEN(with); i++)
		if (str_eq(with[i].name, name))
			return (with[i].capabilities & capabilities) != 0;
	return 0;
}

size_t seccomp_profile_recent(unsigned *numbers, size_t room)
{
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(recent) && n < room; i++)
		if (seccomp_syscall_resolve_name(recent[i].name) == __NR_SCMP_ERROR)
			numbers[n++] = recent[i].number;
	return n;
}

/* What this libseccomp does not know is either no call of ours, or among the recent ones. */
static int allow(scmp_filter_ctx ctx, const char *name, struct err *err)
{
	int number = seccomp_syscall_resolve_name(name), rc;

	if (number == __NR_SCMP_ERROR)
		return 0;
	rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, number, 0);
	return rc < 0 && rc != -EDOM ? err_set(err, -rc, "seccomp: %s", name) : 0;
}

static int allow_listed(scmp_filter_ctx ctx, uint64_t capabilities, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(always); i++)
		rc = allow(ctx, always[i], err);
	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(with); i++)
		if (with[i].capabilities & capabilities)
			rc = allow(ctx, with[i].name, err);
	return rc;
}

/* New namespaces only with CAP_SYS_ADMIN; clone3 hides its flags in memory, so glibc is told to use
 * clone. */
static int restrict_clone(scmp_filter_ctx ctx)
{
	/* CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET */
	const uint64_t namespaces = 0x7e020000;
#ifdef __s390__
	struct scmp_arg_cmp none = SCMP_A1(SCMP_CMP_MASKED_EQ, namespaces, 0);
#else
	struct scmp_arg_cmp none = SCMP_A0(SCMP_CMP_MASKED_EQ, namespaces, 0);
#endif
	int rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1, &none);

	return rc < 0 ? rc : seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int allow_some_arguments(scmp_filter_ctx ctx, uint64_t capabilities, struct err *err)
{
	static const uint64_t personalities[] = {0, 8, 0x20000, 0x20008, 0xffffffff};
	struct scmp_arg_cmp not_vsock = SCMP_A0(SCMP_CMP_NE, 40 /* AF_VSOCK */);
	int rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(socket), 1, &not_vsock);

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(personalities); i++) {
		struct scmp_arg_cmp is = SCMP_A0(SCMP_CMP_EQ, personalities[i]);

		rc = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, SCMP_SYS(personality), 1, &is);
	}
	if (rc == 0 && !(capabilities & CAP(CAP_SYS_ADMIN)))
		rc = restrict_clone(ctx);
	return rc < 0 ? err_set(err, -rc, "seccomp: conditional rules") : 0;
}

static int add_architectures(scmp_filter_ctx ctx)
{
#if defined(__x86_64__)
	/* Not x32, which nothing uses: a third of the program. */
	return seccomp_arch_add(ctx, SCMP_ARCH_X86);

#elif defined(__aarch64__)
	return seccomp_arch_add(ctx, SCMP_ARCH_ARM);
#else
	return 0;
#endif
}

int seccomp_profile_build(uint64_t capabilities, scmp_filter_ctx *ctx_out, struct err *err)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int rc;

	*ctx_out = NULL;
	if (!ctx)
		return err_set(err, ENOMEM, "seccomp: no filter");
	rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_NNP, 0);
	/* A tree instead of a list: the kernel tries each call once when a filter is loaded. */
	if (rc == 0)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (rc == 0)
		rc = add_architectures(ctx);
	if (rc < 0)
		err_set(err, -rc, "seccomp: architectures");
	if (rc == 0)
		rc = allow_listed(ctx, capabilities, err);
	if (rc == 0)
		rc = allow_some_arguments(ctx, capabilities, err);
	if (rc == 0)
		*ctx_out = ctx;
	else
		seccomp_release(ctx);
	return rc;
}
