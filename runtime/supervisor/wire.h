/* SPDX-License-Identifier: MIT */
/*
 * Packets between daemon and supervisor: SOCK_SEQPACKET, a type and a payload
 * (see codec.h), with descriptors beside it. A payload too big for a socket
 * buffer (a pod's environment may be a MiB of Secrets) goes in a memfd.
 *
 *	daemon -> supervisor			supervisor -> daemon
 *	POD sandbox_spec, root, hierarchies	READY [netns] | FAILED text
 *	HELLO (a daemon that came back)		POD_IS version, sandbox_spec; READY and
 *						states; REPLAYED
 *	START container_spec [seccomp]		STARTED [pidfd] | START_FAILED
 *	STOP, DESTROY				EXITED
 *	EXEC (on a connection of its own)	EXEC_DONE [terminal]
 */
#pragma once

#include "runtime/supervisor/codec.h"

enum wire_type {
	WIRE_POD = 1,
	WIRE_HELLO,
	WIRE_START,
	WIRE_STOP,
	WIRE_DESTROY,
	WIRE_EXEC,
	WIRE_FORK, /* to the zygote: a new supervisor, [control socket, its directory, v2 cgroup] */
	WIRE_READY = 64,
	WIRE_FAILED,
	WIRE_POD_IS,
	WIRE_STARTED,
	WIRE_START_FAILED,
	WIRE_EXITED,
	WIRE_EXEC_DONE,
	WIRE_REPLAYED, /* after HELLO: what comes now is new */
	WIRE_FORKED,   /* pid or -errno [pidfd] */
};

#define WIRE_FDS      6
#define WIRE_MAX_SIZE (8u << 20)
/* The version of what is on the wire and in the state files: supervisors outlive daemons. */
#define WIRE_VERSION 1u

struct wire_msg {
	uint32_t type;
	struct buf payload;
	int fds[WIRE_FDS]; /* owned */
	unsigned n_fds;
};

#define WIRE_MSG_INIT                                                                              \
	{                                                                                          \
		0, BUF_INIT, {-1, -1, -1, -1, -1, -1}, 0                                           \
	}

void wire_msg_fini(struct wire_msg *m);
/* Take descriptor i out of the message; -1 when there is none. */
int wire_take_fd(struct wire_msg *m, unsigned i);
/* flags: MSG_DONTWAIT or 0. Return: 0, -EAGAIN, -EPIPE ... The descriptors stay the caller's. */
int wire_send(int sock, uint32_t type, const struct buf *payload, const int *fds, unsigned n_fds,
	      int flags) MUST_CHECK;
/* Return: 0, -EAGAIN, -EPIPE at the end, -EBADMSG. */
int wire_recv(int sock, struct wire_msg *m, int flags) MUST_CHECK;
