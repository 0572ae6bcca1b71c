/* SPDX-License-Identifier: MIT */
/* The node's network: see net.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <unistd.h>

#include "net/net_i.h"
#include "util/fd.h"
#include "util/log.h"

#define FORWARD      "/proc/sys/net/ipv4/ip_forward"
#define WAS_DISABLED "forwarding-was-off" /* in the lease directory: purge turns it off again */
#define PORTS_MAX    256

/* -- opening -- */

static int bridge_name_valid(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n < IFNAMSIZ && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == n;
}

static int enable_forwarding(const struct net *n, struct err *err)
{
	CLEANUP_FREE char *mark = xasprintf("%s/" WAS_DISABLED, n->leases.dir);
	CLEANUP_FREE char *localnet =
		xasprintf("/proc/sys/net/ipv4/conf/%s/route_localnet", n->name);
	CLEANUP(buf_fini) struct buf was = BUF_INIT;

	if (fd_read_file(FORWARD, 16, &was, err) < 0)
		return -err->code;
	if (was.data[0] == '0' && (fd_replace_file(mark, "", 0, 0644, 0, err) < 0 ||
				   fd_write_file(FORWARD, "1", err) < 0))
		return -err->code;
	return fd_write_file(localnet, "1", err);
}

static void warn_of_overlap(struct net *n)
{
	char other[IFNAMSIZ];

	if (link_overlap(&n->nl, n->leases.range.net, n->leases.range.prefix, n->bridge, other))
		log_warn("net: the pod range overlaps the network of interface %s: pods may not be "
			 "reached; "
			 "choose another range, or remove the interface if it is a leftover (ip "
			 "link del %s)",
			 other, other);
}

static int open_parts(struct net *n, const struct net_config *cfg, struct err *err)
{
	CLEANUP_FREE char *dir = xasprintf("%s/net", cfg->run_dir);
	struct subnet range;

	if (!bridge_name_valid(cfg->bridge))
		return err_set(err, EINVAL,
			       "bridge name \"%.40s\": expected up to 15 of a-z, 0-9, '-'",
			       cfg->bridge);
	snprintf(n->name, sizeof(n->name), "%s", cfg->bridge);
	if (subnet_parse(cfg->pod_cidr, 8, 29, "pod range", &range, err) < 0 ||
	    leases_open(&n->leases, dir, &range, cfg->bridge, err) < 0 ||
	    netlink_open(&n->nl, err) < 0)
		return -err->code;
	n->own_netns = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
	if (n->own_netns < 0)
		return err_sys(err, errno, "open /proc/thread-self/ns/net");
	n->gateway = subnet_nth(&range, 1);
	inet_ntop(AF_INET, &n->gateway, n->gateway_text, sizeof(n->gateway_text));
	n->mtu = link_outside_mtu(&n->nl);
	n->bridge = link_bridge(&n->nl, n->name, n->gateway, range.prefix, n->mtu, err);
	if (n->bridge < 0 || enable_forwarding(n, err) < 0)
		return -err->code;
	warn_of_overlap(n);
	return rules_open(&n->rules, &n->leases, err);
}

struct net *net_open(const struct net_config *cfg, struct err *err)
{
	struct net *n = xcalloc(1, sizeof(*n));
	struct err own = ERR_INIT;

	if (!err)
		err = &own;
	n->own_netns = -1;
	pthread_mutex_init(&n->lock, NULL);
	if (open_parts(n, cfg, err) < 0) {
		err_wrap(err, "network");
		net_close(n);
		return NULL;
	}
	return n;
}

void net_close(struct net *n)
{
	if (!n)
		return;
	rules_close(&n->rules);
	netlink_close(&n->nl);
	leases_close(&n->leases);
	fd_close_at(&n->own_netns);
	pthread_mutex_destroy(&n->lock);
	free(n);
}

/* -- purge -- */

struct ports_of {
	int bridge;
	char (*names)[IFNAMSIZ];
	size_t n;
};

static void take_port(void *arg, const struct link_info *l)
{
	struct ports_of *p = arg;

	if (l->master != p->bridge || !str_starts(l->name, "veth"))
		return;
	p->names = xreallocarray(p->names, p->n + 1, sizeof(*p->names));
	memcpy(p->names[p->n++], l->name, IFNAMSIZ);
}

static int remove_links(struct net *n, struct err *err)
{
	struct ports_of p = {.bridge = n->bridge};
	int rc = link_each(&n->nl, take_port, &p, err);

	for (size_t i = 0; i < p.n && rc == 0; i++)
		rc = link_delete(&n->nl, p.names[i], err);
	free(p.names);
	return rc < 0 ? rc : link_delete(&n->nl, n->name, err);
}

int net_purge(struct net *n, struct err *err)
{
	CLEANUP_FREE char *mark = xasprintf("%s/" WAS_DISABLED, n->leases.dir);
	struct err own = ERR_INIT;

	if (!err)
		err = &own;
	if (remove_links(n, err) < 0 || rules_delete(&n->rules, err) < 0)
		return -err->code;
	if (access(mark, F_OK) == 0 && fd_write_file(FORWARD, "0", err) < 0)
		return -err->code;
	return fd_remove_tree(n->leases.dir, err);
}

/* -- a pod comes -- */

/* A netlink socket of another namespace: a socket stays with the one that it was made in. */
static int netlink_inside(const struct net *n, int netns_fd, struct netlink *out, struct err *err)
{
	int rc;

	if (setns(netns_fd, CLONE_NEWNET) < 0)
		return err_sys(err, errno, "enter the pod's network namespace");
	rc = netlink_open(out, err);
	if (setns(n->own_netns, CLONE_NEWNET) < 0) {
		/* Going on in the pod's network would do damage anywhere. */
		log_error("net: cannot return to the node's network namespace: %s",
			  strerror(errno));
		abort();
	}
	return rc;
}

/* What an earlier attach of the same pod left: complete, or to be made anew. */
static int connect_again(struct net *n, const struct pod_link *l, int netns_fd,
			 struct netlink *inside, struct err *err)
{
	if (link_configured(inside, l->ip))
		return l->hairpin ? link_hairpin(&n->nl, l->host_name, err) : 0;
	if (link_delete(&n->nl, l->host_name, err) < 0 || link_veth(&n->nl, l, netns_fd, err) < 0)
		return -err->code;
	return link_configure(inside, l, err);
}

static int connect_pod(struct net *n, const struct lease *lease, int netns_fd, struct err *err)
{
	struct pod_link l = {
		.host_name = lease->host_link,
		.bridge = n->bridge,
		.ip = lease->ip,
		.gateway = n->gateway,
		.prefix = n->leases.range.prefix,
		.mtu = n->mtu,
		.hairpin = lease->n_ports > 0,
	};
	struct err why = ERR_INIT;
	struct netlink inside;
	int rc = netlink_inside(n, netns_fd, &inside, err);

	if (rc < 0)
		return rc;
	rc = link_veth(&n->nl, &l, netns_fd, &why);
	if (rc == -EEXIST)
		rc = connect_again(n, &l, netns_fd, &inside, err);
	else if (rc < 0)
		rc = err_set(err, -rc, "make interface %s", why.msg);
	else
		rc = link_configure(&inside, &l, err);
	netlink_close(&inside);
	if (rc < 0)
		return rc;
	/* The first port that is up brings the bridge itself up. */
	rc = link_settle(&n->nl, l.host_name, err);
	return rc < 0 ? rc : link_settle(&n->nl, n->name, err);
}

static int check_ports(const struct net *n, const char *uid, const struct host_port *ports,
		       size_t n_ports, struct err *err)
{
	const struct host_port *which;
	const struct lease *other;

	if (n_ports > PORTS_MAX)
		return err_set(err, E2BIG, "more than %d host ports", PORTS_MAX);
	for (size_t i = 0; i < n_ports; i++)
		if (ports[i].host_port < 1 || ports[i].host_port > 65535 ||
		    ports[i].container_port < 1 || ports[i].container_port > 65535 ||
		    ports[i].udp < 0 || ports[i].udp > 2)
			return err_set(err, EINVAL, "host port %u to %u: out of range",
				       ports[i].host_port, ports[i].container_port);
	other = lease_port_conflict(&n->leases, uid, ports, n_ports, &which);
	if (other)
		return err_set(err, EADDRINUSE, "host port %u/%s is taken by pod %s",
			       which->host_port, protocol_name(which), other->uid);
	return 0;
}

static int same_ports(const struct lease *l, const struct host_port *ports, size_t n)
{
	return l->n_ports == n && (n == 0 || memcmp(l->ports, ports, n * sizeof(*ports)) == 0);
}

/* Rules first go, then come: a failure leaves none behind. */
static int set_ports(struct net *n, struct lease *l, const struct host_port *ports, size_t n_ports,
		     struct err *err)
{
	int rc;

	if (same_ports(l, ports, n_ports))
		return rules_add_ports(&n->rules, l, err);
	if (rules_remove_ports(&n->rules, l, err) < 0)
		return -err->code;
	pthread_mutex_lock(&n->lock);
	rc = lease_set_ports(&n->leases, l, ports, n_ports, err);
	pthread_mutex_unlock(&n->lock);
	return rc < 0 ? rc : rules_add_ports(&n->rules, l, err);
}

static struct lease *find_or_new(struct net *n, const char *uid, struct in_addr ip, int *is_new,
				 struct err *err)
{
	struct lease *l = lease_find(&n->leases, uid);

	*is_new = !l;
	if (l)
		return l;
	pthread_mutex_lock(&n->lock);
	l = lease_new(&n->leases, uid, ip, err);
	pthread_mutex_unlock(&n->lock);
	return l;
}

int net_attach(struct net *n, const char *uid, int netns_fd, const struct host_port *ports,
	       size_t n_ports, char ip_out[INET_ADDRSTRLEN], struct err *err)
{
	struct err own = ERR_INIT;
	struct lease *l;
	int is_new;

	if (!err)
		err = &own;
	if (check_ports(n, uid, ports, n_ports, err) < 0)
		return -err->code;
	l = find_or_new(n, uid, (struct in_addr){0}, &is_new, err);
	if (!l)
		return -err->code;
	if (set_ports(n, l, ports, n_ports, err) < 0 || connect_pod(n, l, netns_fd, err) < 0) {
		if (is_new) {
			(void)!link_delete(&n->nl, l->host_link, NULL);
			net_detach(n, uid);
		}
		return -err->code;
	}
	inet_ntop(AF_INET, &l->ip, ip_out, INET_ADDRSTRLEN);
	return 0;
}

int net_adopt(struct net *n, const char *uid, const char *ip, const struct host_port *ports,
	      size_t n_ports, struct err *err)
{
	struct err own = ERR_INIT;
	struct in_addr a;
	struct lease *l;
	int is_new;

	if (!err)
		err = &own;
	if (inet_pton(AF_INET, ip, &a) != 1 || !a.s_addr)
		return err_set(err, EINVAL, "pod %.100s: \"%.40s\" is no address", uid, ip);
	if (check_ports(n, uid, ports, n_ports, err) < 0)
		return -err->code;
	l = find_or_new(n, uid, a, &is_new, err);
	if (!l)
		return -err->code;
	if (l->ip.s_addr != a.s_addr)
		return err_set(err, EADDRINUSE,
			       "pod %.100s has another address in its lease than %s", uid, ip);
	if (set_ports(n, l, ports, n_ports, err) < 0) {
		if (is_new)
			net_detach(n, uid);
		return -err->code;
	}
	return 0;
}

/* -- a pod goes -- */

void net_detach(struct net *n, const char *uid)
{
	struct lease *l = lease_find(&n->leases, uid);
	struct err err = ERR_INIT;

	if (!l)
		return;
	if (rules_remove_ports(&n->rules, l, &err) < 0)
		log_warn("net: pod %s: %s", uid, err.msg);
	pthread_mutex_lock(&n->lock);
	lease_free(&n->leases, l);
	pthread_mutex_unlock(&n->lock);
}

void net_collect(struct net *n, int (*keep)(void *arg, const char *uid), void *arg)
{
	char **gone = xcalloc(n->leases.by_uid.n + 1, sizeof(char *));
	size_t n_gone = 0;

	STRMAP_FOREACH (s, &n->leases.by_uid)
		if (!keep(arg, s->key))
			gone[n_gone++] = xstrdup(s->key);
	for (size_t i = 0; i < n_gone; i++) {
		net_detach(n, gone[i]);
		free(gone[i]);
	}
	free(gone);
}

const char *net_gateway(const struct net *n)
{
	return n->gateway_text;
}
