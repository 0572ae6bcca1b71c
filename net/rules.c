/* SPDX-License-Identifier: MIT */
/* Packet rules: see rules.h. The syntax is that of nft(8): what is written here is what `nft list
 * table` shows. */
#include "net/rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/helper.h"
#include "util/log.h"

#define OUTPUT_MAX (1u << 20)

static int rewind_memory(const char *name, const char *text)
{
	CLEANUP_FD int fd = memfd_create(name, MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, text, strlen(text)) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	return fd_steal(&fd);
}

/* Return: 0, or -EIO with what nftables says in out. */
static int ask(struct rules *r, const char *commands, struct buf *out, struct err *err)
{
	CLEANUP_FD int in = rewind_memory("rules", commands);
	CLEANUP_FD int answer = rewind_memory("answer", "");
	CLEANUP_FREE char *path = NULL;
	const int fds[] = {in, answer};
	struct err end = ERR_INIT;
	pid_t pid;

	if (in < 0 || answer < 0)
		return err_sys(err, errno, "packet rules");
	pid = helper_start(r->helper, fds, ARRAY_LEN(fds), err);
	if (pid < 0)
		return pid;
	(void)!helper_wait(pid, "k8sfs-nft", &end);
	path = xasprintf("/proc/self/fd/%d", answer);
	if (fd_read_file(path, OUTPUT_MAX, out, err) < 0)
		return -err->code;
	if (end.code && !out->len)
		buf_adds(out, end.msg);
	return -end.code;
}

static int run(struct rules *r, const char *commands, const char *what, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct err own = ERR_INIT;

	if (ask(r, commands, &text, &own) == 0)
		return 0;
	if (!text.len)
		return err_set(err, own.code, "%s: %s", what, own.msg);
	return err_set(err, strstr(text.data, "No such file") ? ENOENT : EIO, "%s: nftables: %.*s",
		       what, (int)text.len, text.data);
}

/*
 * Pods that reach each other by a hostPort get the node's address as their peer: an answer that
 * went straight over the bridge would not be translated back. The same for localhost, whose address
 * means nothing to a pod. Packets to 127.0.0.0/8 from pods are dropped before anything else:
 * route_localnet on the bridge, which localhost needs, would let them in.
 */
static const char base_rules[] =
	"add table inet %1$s\n"
	"delete table inet %1$s\n"
	"table inet %1$s {\n"
	"  map ports { type inet_proto . inet_service : ipv4_addr . inet_service; }\n"
	"  map address_ports { type ipv4_addr . inet_proto . inet_service : ipv4_addr . "
	"inet_service; }\n"
	"  chain from_pods { type filter hook prerouting priority raw; policy accept;\n"
	"    iifname \"%2$s\" ip daddr 127.0.0.0/8 drop\n"
	"  }\n"
	"  chain host_ports {\n"
	"    dnat ip addr . port to ip daddr . meta l4proto . th dport map @address_ports\n"
	"    dnat ip addr . port to meta l4proto . th dport map @ports\n"
	"  }\n"
	"  chain prerouting { type nat hook prerouting priority dstnat; policy accept;\n"
	"    meta nfproto ipv4 fib daddr type local meta l4proto { tcp, udp, sctp } jump "
	"host_ports\n"
	"  }\n"
	"  chain output { type nat hook output priority -100; policy accept;\n"
	"    meta nfproto ipv4 fib daddr type local meta l4proto { tcp, udp, sctp } jump "
	"host_ports\n"
	"  }\n"
	"  chain postrouting { type nat hook postrouting priority srcnat; policy accept;\n"
	"    oifname \"%2$s\" ct status dnat ip saddr { 127.0.0.0/8, %3$s } masquerade\n"
	"    oifname != \"%2$s\" ip saddr %3$s ip daddr != %3$s masquerade\n"
	"  }\n"
	"}\n";

/* add|delete element ... { tcp . 8080 : 10.244.0.5 . 80 } */
static void element(struct buf *out, const char *verb, const char *table, const struct lease *l,
		    const struct host_port *p)
{
	char ip[INET_ADDRSTRLEN], host[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &l->ip, ip, sizeof(ip));
	inet_ntop(AF_INET, &(struct in_addr){p->host_ip}, host, sizeof(host));
	buf_addf(out, "%s element inet %s %s { %s%s%s . %u : %s . %u }\n", verb, table,
		 p->host_ip ? "address_ports" : "ports", p->host_ip ? host : "",
		 p->host_ip ? " . " : "", protocol_name(p), p->host_port, ip, p->container_port);
}

static void elements(struct buf *out, const char *verb, const char *table, const struct lease *l)
{
	for (size_t i = 0; i < l->n_ports; i++)
		element(out, verb, table, l, &l->ports[i]);
}

/*
 * Docker's iptables rules drop what the node forwards unless they know it. Nobody else's rules are
 * touched, so all there is to do is to say it.
 */
static void warn_of_forward_policy(struct rules *r, const char *bridge)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	int there = ask(r, "list chain ip filter FORWARD", &text, NULL) == 0;

	if (there && strstr(buf_str(&text), "policy drop"))
		log_warn("net: the machine's own rules drop forwarded packets (chain ip filter "
			 "FORWARD): pods may not reach the outside until they are let through: "
			 "iptables -I FORWARD -i %s -j ACCEPT; iptables -I FORWARD -o %s -j ACCEPT",
			 bridge, bridge);
}

/* The whole table anew. */
static int replace(struct rules *r, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char range[INET_ADDRSTRLEN + 4], ip[INET_ADDRSTRLEN];

	inet_ntop(AF_INET, &r->leases->range.net, ip, sizeof(ip));
	snprintf(range, sizeof(range), "%s/%u", ip, r->leases->range.prefix);
	buf_addf(&text, base_rules, r->table, r->leases->bridge, range);
	STRMAP_FOREACH (s, &r->leases->by_uid)
		elements(&text, "add", r->table, s->val);
	return run(r, text.data, "packet rules", err);
}

int rules_open(struct rules *r, const struct leases *leases, struct err *err)
{
	*r = (struct rules){.helper = helper_find("k8sfs-nft", "net", err),
			    .table = xasprintf("k8sfs-%s", leases->bridge),
			    .leases = leases};
	if (!r->helper)
		return -ENOENT;
	warn_of_forward_policy(r, leases->bridge);
	return replace(r, err);
}

void rules_close(struct rules *r)
{
	free(r->helper);
	free(r->table);
	*r = (struct rules){0};
}

/* Somebody may have flushed all rules of the machine: then ours are made again. */
static int change(struct rules *r, const char *commands, struct err *err)
{
	struct err why = ERR_INIT;

	if (run(r, commands, "host ports", &why) == 0)
		return 0;
	if (why.code != ENOENT)
		return err_set(err, why.code, "%s", why.msg);
	log_warn("net: table inet %s is gone: made again", r->table);
	return replace(r, err) < 0 ? -err->code : run(r, commands, "host ports", err);
}

int rules_add_ports(struct rules *r, const struct lease *l, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	elements(&text, "add", r->table, l);
	return l->n_ports ? change(r, text.data, err) : 0;
}

/* Adding first what may be missing makes the transaction succeed whatever is there. */
int rules_remove_ports(struct rules *r, const struct lease *l, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	elements(&text, "add", r->table, l);
	elements(&text, "delete", r->table, l);
	return l->n_ports ? change(r, text.data, err) : 0;
}

int rules_delete(struct rules *r, struct err *err)
{
	CLEANUP_FREE char *text =
		xasprintf("add table inet %1$s\ndelete table inet %1$s\n", r->table);

	return run(r, text, "remove packet rules", err);
}
