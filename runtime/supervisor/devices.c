/* SPDX-License-Identifier: MIT */
/* Docker's default device list (moby, oci/devices): mknod of anything, use of these. */
#include "runtime/supervisor/devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "util/fd.h"

const struct device_rule device_rules[] = {
	{1, 3}, {1, 5}, {1, 7}, {1, 8}, {1, 9}, {5, 0}, {5, 1}, {5, 2}, {136, -1}, {10, 200},
};
const size_t n_device_rules = ARRAY_LEN(device_rules);

#define MAX_INSNS 64

struct program {
	struct bpf_insn insns[MAX_INSNS];
	int n;
};

static void add(struct program *p, unsigned char code, unsigned dst, unsigned src, short off,
		int imm)
{
	p->insns[p->n++] = (struct bpf_insn){
		.code = code, .dst_reg = dst & 15, .src_reg = src & 15, .off = off, .imm = imm};
}

/* r2: access, r3: type, r4: major, r5: minor, of the struct bpf_cgroup_dev_ctx in r1. */
static void add_loads(struct program *p)
{
	add(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_2, BPF_REG_1, 0, 0);
	add(p, BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_3, BPF_REG_2, 0, 0);
	add(p, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_2, 0, 0, 16);
	add(p, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, 0xffff);
	add(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_4, BPF_REG_1, 4, 0);
	add(p, BPF_LDX | BPF_MEM | BPF_W, BPF_REG_5, BPF_REG_1, 8, 0);
}

static void add_return(struct program *p, int value)
{
	add(p, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value);
	add(p, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void build(struct program *p)
{
	add_loads(p);
	/* Only mknod: allowed. */
	add(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 2, BPF_DEVCG_ACC_MKNOD);
	add_return(p, 1);
	add(p, BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_3, 0, 2, BPF_DEVCG_DEV_CHAR);
	add_return(p, 0);
	for (size_t i = 0; i < n_device_rules; i++) {
		int any = device_rules[i].minor < 0;

		add(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_4, 0, any ? 2 : 3,
		    (int)device_rules[i].major);
		if (!any)
			add(p, BPF_JMP | BPF_JNE | BPF_K, BPF_REG_5, 0, 2, device_rules[i].minor);
		add_return(p, 1);
	}
	add_return(p, 0);
}

static int call_bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

int devices_restrict_v2(int cgroup_fd, struct err *err)
{
	struct program p = {.n = 0};
	union bpf_attr attr;
	CLEANUP_FD int fd = -1;

	build(&p);
	memset(&attr, 0, sizeof(attr));
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uint64_t)(uintptr_t)p.insns;
	attr.insn_cnt = (uint32_t)p.n;
	attr.license = (uint64_t)(uintptr_t) "MIT";
	fd = call_bpf(BPF_PROG_LOAD, &attr);
	if (fd < 0)
		return err_sys(err, errno, "device filter");
	memset(&attr, 0, sizeof(attr));
	attr.target_fd = (uint32_t)cgroup_fd;
	attr.attach_bpf_fd = (uint32_t)fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	/* A container that mounts cgroups cannot replace it, only add further limits. */
	attr.attach_flags = BPF_F_ALLOW_MULTI;
	if (call_bpf(BPF_PROG_ATTACH, &attr) < 0)
		return err_sys(err, errno, "attach the device filter");
	return 0;
}
