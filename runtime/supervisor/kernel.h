/* SPDX-License-Identifier: MIT */
/*
 * What this kernel can do, found out once per daemon by trying: version numbers say
 * little where distributions patch. Linux 6.1 (Debian 12) is the least that we run on.
 *
 * What supervisor and daemon use, with the first version that has it:
 *
 *	needed					optional: what is done without
 *	pidfd_send_signal		5.1	memory.peak		5.19	no peak in the use
 *	open_tree, move_mount, fsopen	5.2	overlay lower layers by
 *	clone3, pidfd_open		5.3	  descriptor (lowerdir+)	6.13
 *	openat2				5.6	  of detached mounts	6.15	workshop.c
 *	CLONE_INTO_CGROUP		5.7	cloning detached mounts	6.15	workshop.c
 *	setns of a pidfd		5.8	idmapped tmpfs		6.3	small files of the pod
 *	close_range			5.9				  show nobody as owner
 *	overlay "volatile"		5.10	cgroup.kill		5.14	SIGKILL one by one
 *	CLOSE_RANGE_CLOEXEC		5.11	memory.oom.group	4.19	not set
 *	mount_setattr, idmapped ext4	5.12	memory.swap.max		4.5	not set
 *	idmapped XFS			5.12	sealed programs in
 *	idmapped Btrfs			5.15	  memory (memfd)	3.17	the file itself
 *	overlay on idmapped layers	5.19	a link that is asked for
 *						  is settled		6.8	link.h
 *
 * Not used, though it would be handy, because 6.1 has it not: overlay by fsconfig(2) (6.5),
 * "lowerdir+" with paths (6.8), statmount and listmount (6.8), SO_PEERPIDFD (6.5),
 * MFD_EXEC (6.3), PIDFD_GET_INFO (6.13), PIDFD_THREAD (6.9), fchmodat2 (6.6).
 *
 * Sources: the kernel's overlayfs.rst, cgroup-v2.rst and idmappings.rst; man pages.
 */
#pragma once

struct kernel {
	int detached_layers; /* overlayfs takes detached, idmapped mounts as layers, by descriptor
			      */
	int detached_clones; /* open_tree(2) clones a mount that is attached nowhere */
};

/* Of the machine; set by kernel_probe(), before anything asks. */
extern struct kernel kernel;

/* Environment: names of what to do without, separated by commas, to try the other way: the fields
 * above. */
#define KERNEL_WITHOUT "K8SFS_KERNEL_WITHOUT"

void kernel_probe(void);
