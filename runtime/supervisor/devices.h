/* SPDX-License-Identifier: MIT */
/* The devices of every container, as both cgroup versions are told of them. */
#pragma once

#include "util/err.h"

struct device_rule {
	unsigned major;
	int minor; /* -1: any */
};

/* null, zero, full, random, urandom, tty, console, ptmx, pts, net/tun: all character devices. */
extern const struct device_rule device_rules[];
extern const size_t n_device_rules;

/* v2 has no control file: a BPF program on the cgroup decides (bpf(2),
 * BPF_PROG_TYPE_CGROUP_DEVICE). */
int devices_restrict_v2(int cgroup_fd, struct err *err) MUST_CHECK;
