/* SPDX-License-Identifier: MIT */
/* Compiling and keeping filters; the list itself is in docker_profile.c. */
#include "runtime/sandbox/syscall_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/sandbox/docker_profile.h"
#include "util/fd.h"

struct program {
	struct program *next;
	uint64_t capabilities; /* of those that matter */
	int fd;
};

struct seccomp_cache {
	struct program *first;
};

struct seccomp_cache *seccomp_cache_new(void)
{
	return xcalloc(1, sizeof(struct seccomp_cache));
}

void seccomp_cache_free(struct seccomp_cache *c)
{
	struct program *p = c->first, *next;

	for (; p; p = next) {
		next = p->next;
		close(p->fd);
		free(p);
	}
	free(c);
}

#if defined(__x86_64__)
#define NATIVE_ARCH AUDIT_ARCH_X86_64
#define FOREIGN     0x40000000u /* x32's numbers begin here */
#elif defined(__aarch64__)
#define NATIVE_ARCH AUDIT_ARCH_AARCH64
#define FOREIGN     0xffffffffu
#else
#define NATIVE_ARCH 0 /* no prologue */
#define FOREIGN     0xffffffffu
#endif
#define MAX_RECENT 32

/*
 * What goes before libseccomp's program: calls that it does not know yet are
 * allowed by number, and calls that nobody knew when the profile was written
 * fail with ENOSYS.
 */
static int write_prologue(int fd)
{
	unsigned numbers[MAX_RECENT];
	unsigned char n = (unsigned char)seccomp_profile_recent(numbers, MAX_RECENT), at = 0;
	struct sock_filter f[MAX_RECENT + 8];

	f[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, arch));
	f[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, NATIVE_ARCH, 0,
					       (unsigned char)(n + 6));
	f[at++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, nr));
	f[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, FOREIGN,
					       (unsigned char)(n + 4), 0);
	f[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SECCOMP_PROFILE_NEWEST,
					       (unsigned char)(n + 1), 0);
	for (unsigned char i = 0; i < n; i++)
		f[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, numbers[i],
						       (unsigned char)(n - i + 1), 0);
	/* Past both returns, to the program. */
	f[at++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 2, 0, 0);
	f[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS);
	f[at++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return fd_write_all(fd, f, at * sizeof(*f));
}

static int compile(uint64_t capabilities, struct err *err)
{
	CLEANUP_FD int fd = memfd_create("seccomp", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	scmp_filter_ctx ctx = NULL;
	int rc;

	if (fd < 0)
		return err_sys(err, errno, "memfd");
	rc = seccomp_profile_build(capabilities, &ctx, err);
	if (rc == 0 && NATIVE_ARCH != 0)
		rc = write_prologue(fd);
	if (rc == 0 && (rc = seccomp_export_bpf(ctx, fd)) < 0)
		err_sys(err, -rc, "seccomp: export");
	seccomp_release(ctx);
	if (rc < 0)
		return rc;
	/* Supervisors get this descriptor: what they load is what we compiled. */
	(void)fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	return fd_steal(&fd);
}

int seccomp_program(struct seccomp_cache *c, uint64_t capabilities, struct err *err)
{
	struct program *p;
	int fd;

	capabilities &= seccomp_profile_capabilities();
	for (p = c->first; p; p = p->next)
		if (p->capabilities == capabilities)
			return p->fd;
	fd = compile(capabilities, err);
	if (fd < 0)
		return fd;
	p = xcalloc(1, sizeof(*p));
	*p = (struct program){c->first, capabilities, fd};
	c->first = p;
	return fd;
}
