/* SPDX-License-Identifier: MIT */
/* rtnetlink requests: see netlink.h. */
#include "net/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define BATCH_MAX 16

int netlink_open(struct netlink *nl, struct err *err)
{
	int on = 1, rc;

	*nl = (struct netlink){.sock = nl_socket_alloc(), .seq = 1};
	if (!nl->sock)
		return err_set(err, ENOMEM, "netlink: no memory");
	rc = nl_connect(nl->sock, NETLINK_ROUTE);
	if (rc < 0) {
		netlink_close(nl);
		return err_set(err, EIO, "netlink: %s", nl_geterror(rc));
	}
	/* Words instead of numbers, and no copy of the request in the answer. */
	(void)setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

void netlink_close(struct netlink *nl)
{
	if (nl->sock)
		nl_socket_free(nl->sock);
	nl->sock = NULL;
}

struct nl_msg *netlink_msg(int type, int flags, const void *header, size_t len)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, NLM_F_REQUEST | flags);

	if (!msg || nlmsg_append(msg, (void *)(uintptr_t)header, len, NLMSG_ALIGNTO) < 0)
		abort();
	return msg;
}

static const char *extended_text(struct nlmsghdr *h)
{
	struct nlmsgerr *e = nlmsg_data(h);
	size_t skip = sizeof(*e);
	struct nlattr *a;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return NULL;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - sizeof(e->msg);
	a = nlmsg_find_attr(h, skip, NLMSGERR_ATTR_MSG);
	return a && nla_len(a) > 0 && ((char *)nla_data(a))[nla_len(a) - 1] == '\0' ? nla_data(a)
										    : NULL;
}

static int answer_error(struct nlmsghdr *h, const char *what, struct err *err)
{
	const struct nlmsgerr *e = nlmsg_data(h);
	const char *text = extended_text(h);

	if (e->error == 0)
		return 0;
	if (text && *text)
		return err_set(err, -e->error, "%s: %s (%s)", what, strerror(-e->error), text);
	return err_sys(err, -e->error, "%s", what);
}

static ssize_t receive(struct netlink *nl, char *answer, size_t size, const char *what,
		       struct err *err)
{
	ssize_t n;

	do {
		n = recv(nl_socket_get_fd(nl->sock), answer, size, MSG_TRUNC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(err, errno, "%s: netlink", what);
	return (size_t)n <= size ? n
				 : err_set(err, EMSGSIZE, "%s: netlink: answer too large", what);
}

static int send_all(struct netlink *nl, struct nl_msg **msgs, size_t n, const char *what,
		    struct err *err)
{
	struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	struct iovec iov[BATCH_MAX];
	struct msghdr m = {.msg_name = &kernel,
			   .msg_namelen = sizeof(kernel),
			   .msg_iov = iov,
			   .msg_iovlen = n};

	if (n > BATCH_MAX)
		return err_set(err, E2BIG, "%s: netlink: too many messages", what);
	for (size_t i = 0; i < n; i++) {
		struct nlmsghdr *h = nlmsg_hdr(msgs[i]);

		h->nlmsg_seq = ++nl->seq;
		h->nlmsg_pid = nl_socket_get_local_port(nl->sock);
		iov[i] = (struct iovec){h, h->nlmsg_len};
	}
	return sendmsg(nl_socket_get_fd(nl->sock), &m, 0) < 0
		       ? err_sys(err, errno, "%s: netlink", what)
		       : 0;
}

static void free_all(struct nl_msg **msgs, size_t n)
{
	for (size_t i = 0; i < n; i++)
		nlmsg_free(msgs[i]);
}

int netlink_do(struct netlink *nl, struct nl_msg **msgs, size_t n, const char *what,
	       struct err *err)
{
	unsigned first = nl->seq + 1;
	char answer[8192];
	size_t acked = 0;
	int rc;

	for (size_t i = 0; i < n; i++)
		nlmsg_hdr(msgs[i])->nlmsg_flags |= NLM_F_ACK;
	rc = send_all(nl, msgs, n, what, err);
	free_all(msgs, n);
	if (rc < 0)
		return rc;
	while (acked < n) {
		ssize_t got = receive(nl, answer, sizeof(answer), what, err);
		int left = (int)got;

		if (got < 0)
			return (int)got;
		for (struct nlmsghdr *h = (void *)answer; nlmsg_ok(h, left);
		     h = nlmsg_next(h, &left)) {
			int one;

			/* What is left of an earlier request that failed midway. */
			if (h->nlmsg_type != NLMSG_ERROR || h->nlmsg_seq < first)
				continue;
			acked++;
			one = answer_error(h, what, err);
			rc = rc < 0 ? rc : one;
		}
	}
	return rc;
}

int netlink_ask(struct netlink *nl, struct nl_msg *msg, netlink_fn fn, void *arg, const char *what,
		struct err *err)
{
	int dump = (nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	CLEANUP_FREE char *answer = xmalloc(65536);
	int rc = send_all(nl, &msg, 1, what, err);
	unsigned seq = nl->seq;

	free_all(&msg, 1);
	while (rc == 0) {
		ssize_t got = receive(nl, answer, 65536, what, err);
		int left = (int)got;

		if (got < 0)
			return (int)got;
		for (struct nlmsghdr *h = (void *)answer; nlmsg_ok(h, left);
		     h = nlmsg_next(h, &left)) {
			if (h->nlmsg_seq != seq)
				continue;
			if (h->nlmsg_type == NLMSG_ERROR)
				return answer_error(h, what, err);
			if (h->nlmsg_type == NLMSG_DONE)
				return 0;
			fn(arg, h);
			if (!dump)
				return 0;
		}
	}
	return rc;
}
