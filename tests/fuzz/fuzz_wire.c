/* SPDX-License-Identifier: MIT */
/*
 * Packets of any bytes between daemon and supervisor. Input: how many
 * descriptors come with it and how it is sent, then the packet. Whatever was
 * understood means the same when it is said again; no descriptor stays open.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/supervisor/wire.h"
#include "util/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MAX_FDS 12

union spec {
	struct sandbox_spec sandbox;
	struct container_spec container;
	struct exec_spec exec;
};

typedef void (*walk_fn)(struct codec *c, union spec *s);

static void walk_sandbox(struct codec *c, union spec *s)
{
	codec_sandbox(c, &s->sandbox);
}

static void walk_container(struct codec *c, union spec *s)
{
	codec_container(c, &s->container);
}

static void walk_exec(struct codec *c, union spec *s)
{
	codec_exec(c, &s->exec);
}

static void fini_sandbox(union spec *s)
{
	sandbox_spec_fini(&s->sandbox);
}

static void fini_container(union spec *s)
{
	container_spec_fini(&s->container);
}

static void fini_exec(union spec *s)
{
	exec_spec_fini(&s->exec);
}

static const struct {
	walk_fn walk;
	void (*fini)(union spec *s);
} kinds[] = {
	{walk_sandbox, fini_sandbox}, {walk_container, fini_container}, {walk_exec, fini_exec}};

/* Decode, and encode what was understood. Return: was all of it well-formed? */
static int again(size_t kind, const void *data, size_t len, struct buf *out)
{
	const unsigned char *from = data ? data : (const void *)"";
	struct codec in = {.at = from, .end = from + len}, encoder = {.out = out};
	union spec spec;

	memset(&spec, 0, sizeof(spec));
	kinds[kind].walk(&in, &spec);
	if (!in.bad)
		kinds[kind].walk(&encoder, &spec);
	kinds[kind].fini(&spec);
	return !in.bad;
}

static void check_payload(const void *data, size_t len)
{
	for (size_t kind = 0; kind < ARRAY_LEN(kinds); kind++) {
		CLEANUP(buf_fini) struct buf once = BUF_INIT, twice = BUF_INIT;

		if (!again(kind, data, len, &once))
			continue;
		if (!again(kind, buf_str(&once), once.len, &twice) || once.len != twice.len ||
		    memcmp(buf_str(&once), buf_str(&twice), once.len) != 0)
			abort();
	}
}

static int count_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void send_raw(int sock, const uint8_t *data, size_t size, int n_fds, int mem)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(MAX_FDS * sizeof(int))];
	} control;
	struct iovec iov = {(void *)(uintptr_t)data, size};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	int fds[MAX_FDS];

	memset(&control, 0, sizeof(control));
	for (int i = 0; i < n_fds; i++)
		fds[i] = i ? sock : mem;
	if (n_fds) {
		struct cmsghdr *c;

		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE((size_t)n_fds * sizeof(int));
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN((size_t)n_fds * sizeof(int));
		memcpy(CMSG_DATA(c), fds, (size_t)n_fds * sizeof(int));
	}
	if (sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		abort();
}

static void receive(int sock)
{
	struct wire_msg m = WIRE_MSG_INIT;

	if (wire_recv(sock, &m, MSG_DONTWAIT) == 0) {
		if (m.n_fds > WIRE_FDS || m.payload.len > WIRE_MAX_SIZE)
			abort();
		check_payload(m.payload.data, m.payload.len);
	}
	wire_msg_fini(&m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before = count_fds(), pair[2], n_fds;

	if (size < 2 || size > 65536)
		return 0;
	check_payload(data + 1, size - 1);
	n_fds = data[0] % (MAX_FDS + 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		abort();
	{
		CLEANUP_FD int mem = memfd_create("payload", MFD_CLOEXEC);

		if (mem < 0 || fd_write_all(mem, data + 1, size - 1) < 0)
			abort();
		send_raw(pair[0], data + 1, size - 1, n_fds, mem);
	}
	receive(pair[1]);
	close(pair[0]);
	close(pair[1]);
	if (count_fds() != before)
		abort();
	return 0;
}
