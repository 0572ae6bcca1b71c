/* SPDX-License-Identifier: MIT */
/* Packets with descriptors. */
#include "runtime/supervisor/wire.h"

#include <errno.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "util/fd.h"

#define INLINE_MAX (64u << 10)
#define IN_MEMFD   0x80000000u

struct head {
	uint32_t type; /* | IN_MEMFD: the first descriptor holds the payload */
	uint32_t size;
};

void wire_msg_fini(struct wire_msg *m)
{
	for (unsigned i = 0; i < WIRE_FDS; i++)
		fd_close_at(&m->fds[i]);
	buf_fini(&m->payload);
	m->n_fds = 0;
}

int wire_take_fd(struct wire_msg *m, unsigned i)
{
	return i < WIRE_FDS ? fd_steal(&m->fds[i]) : -1;
}

static int send_packet(int sock, struct iovec *iov, size_t n_iov, const int *fds, unsigned n_fds,
		       int flags)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE((WIRE_FDS + 1) * sizeof(int))];
	} control;
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = n_iov};
	struct cmsghdr *c;

	if (n_fds) {
		memset(&control, 0, sizeof(control));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, n_fds * sizeof(int));
	}
	for (;;) {
		if (sendmsg(sock, &msg, MSG_NOSIGNAL | flags) >= 0)
			return 0;
		if (errno != EINTR)
			return -errno;
	}
}

static int send_in_memfd(int sock, struct head head, const struct buf *payload, const int *fds,
			 unsigned n_fds, int flags)
{
	CLEANUP_FD int mem = memfd_create("message", MFD_CLOEXEC);
	struct iovec iov = {&head, sizeof(head)};
	int all[WIRE_FDS + 1], rc;

	if (mem < 0)
		return -errno;
	rc = fd_write_all(mem, payload->data, payload->len);
	if (rc < 0)
		return rc;
	head.type |= IN_MEMFD;
	all[0] = mem;
	if (n_fds)
		memcpy(all + 1, fds, n_fds * sizeof(int));
	return send_packet(sock, &iov, 1, all, n_fds + 1, flags);
}

int wire_send(int sock, uint32_t type, const struct buf *payload, const int *fds, unsigned n_fds,
	      int flags)
{
	struct head head = {type, payload ? (uint32_t)payload->len : 0};
	struct iovec iov[2] = {{&head, sizeof(head)}};

	if (n_fds > WIRE_FDS || (payload && payload->len > WIRE_MAX_SIZE))
		return -E2BIG;
	if (head.size > INLINE_MAX)
		return send_in_memfd(sock, head, payload, fds, n_fds, flags);
	if (head.size)
		iov[1] = (struct iovec){payload->data, payload->len};
	return send_packet(sock, iov, head.size ? 2 : 1, fds, n_fds, flags);
}

/* Every descriptor that came; those beyond the room are closed. */
static unsigned take_fds(struct msghdr *msg, int *fds, unsigned room)
{
	unsigned n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			if (n < room)
				fds[n++] = fd;
			else
				close(fd);
		}
	}
	return n;
}

static int read_memfd(int mem, size_t size, struct buf *out)
{
	char *to = buf_reserve(out, size);
	size_t got = 0;

	while (got < size) {
		ssize_t n = pread(mem, to + got, size - got, (off_t)got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EBADMSG;
		got += (size_t)n;
	}
	out->len = size;
	return 0;
}

/* Put what was received into m; fds has n_fds, of which the first may be the payload's. */
static int unpack(struct wire_msg *m, struct head head, size_t inline_len, int *fds, unsigned n_fds)
{
	unsigned first = head.type & IN_MEMFD ? 1 : 0;
	int rc = 0;

	m->type = head.type & ~IN_MEMFD;
	if (first && (n_fds == 0 || head.size > WIRE_MAX_SIZE))
		rc = -EBADMSG;
	else if (first)
		rc = read_memfd(fds[0], head.size, &m->payload);
	else if (inline_len != head.size)
		rc = -EBADMSG;
	else
		m->payload.len = inline_len;
	if (first && n_fds)
		close(fds[0]);
	for (unsigned i = first; i < n_fds; i++) {
		if (m->n_fds < WIRE_FDS)
			m->fds[m->n_fds++] = fds[i];
		else
			close(fds[i]);
	}
	return rc;
}

int wire_recv(int sock, struct wire_msg *m, int flags)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE((WIRE_FDS + 1) * sizeof(int))];
	} control;
	struct head head = {0, 0};
	int fds[WIRE_FDS + 1];
	struct iovec iov[2] = {{&head, sizeof(head)}};
	struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
	unsigned n_fds;
	ssize_t n;

	do {
		n = recv(sock, NULL, 0, MSG_PEEK | MSG_TRUNC | flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if (n == 0)
		return -EPIPE;
	iov[1].iov_len = (size_t)n > sizeof(head) ? (size_t)n - sizeof(head) : 0;
	iov[1].iov_base = iov[1].iov_len ? buf_reserve(&m->payload, iov[1].iov_len) : NULL;
	msg.msg_control = &control;
	msg.msg_controllen = sizeof(control);
	do {
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC | flags);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	n_fds = take_fds(&msg, fds, ARRAY_LEN(fds));
	if ((size_t)n >= sizeof(head))
		return unpack(m, head, (size_t)n - sizeof(head), fds, n_fds);
	for (unsigned i = 0; i < n_fds; i++)
		close(fds[i]);
	return -EPIPE;
}
