/* SPDX-License-Identifier: MIT */
/* Links, addresses, routes: see link.h. */
#include "net/link.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <stdio.h>
#include <time.h>

#define LOOPBACK_INDEX 1
#define POD_LINK       "eth0"
#define SETTLE_ROUNDS  100 /* a good second */

void link_mac(struct in_addr ip, unsigned char mac[MAC_SIZE])
{
	/* Locally administered; the prefix that CNI's bridge plugin uses. */
	mac[0] = 0x0a;
	mac[1] = 0x58;
	memcpy(mac + 2, &ip.s_addr, 4);
}

static struct nl_msg *link_msg(int type, int flags, const struct ifinfomsg *info, const char *name)
{
	struct nl_msg *m = netlink_msg(type, flags, info, sizeof(*info));

	if (name)
		nla_put_string(m, IFLA_IFNAME, name);
	return m;
}

/* -- looking -- */

static void read_link(struct nlmsghdr *h, struct link_info *l)
{
	const struct ifinfomsg *info = nlmsg_data(h);
	struct nlattr *a[IFLA_MAX + 1], *kind[IFLA_INFO_MAX + 1];

	*l = (struct link_info){.index = info->ifi_index, .up = info->ifi_flags & IFF_UP};
	if (nlmsg_parse(h, sizeof(*info), a, IFLA_MAX, NULL) < 0)
		return;
	if (a[IFLA_IFNAME])
		nla_strlcpy(l->name, a[IFLA_IFNAME], sizeof(l->name));
	if (a[IFLA_MASTER])
		l->master = (int)nla_get_u32(a[IFLA_MASTER]);
	if (a[IFLA_MTU])
		l->mtu = nla_get_u32(a[IFLA_MTU]);
	if (a[IFLA_ADDRESS] && nla_len(a[IFLA_ADDRESS]) == MAC_SIZE)
		memcpy(l->mac, nla_data(a[IFLA_ADDRESS]), MAC_SIZE);
	if (a[IFLA_CARRIER])
		l->carrier = nla_get_u8(a[IFLA_CARRIER]);
	if (a[IFLA_OPERSTATE])
		l->operational = nla_get_u8(a[IFLA_OPERSTATE]) == IF_OPER_UP;
	if (a[IFLA_STATS64] &&
	    nla_len(a[IFLA_STATS64]) >= (int)offsetof(struct rtnl_link_stats64, rx_errors)) {
		struct rtnl_link_stats64 s = {0};
		size_t n = (size_t)nla_len(a[IFLA_STATS64]);

		memcpy(&s, nla_data(a[IFLA_STATS64]), n < sizeof(s) ? n : sizeof(s));
		l->rx_bytes = s.rx_bytes;
		l->tx_bytes = s.tx_bytes;
	}
	if (a[IFLA_LINKINFO] &&
	    nla_parse_nested(kind, IFLA_INFO_MAX, a[IFLA_LINKINFO], NULL) == 0 &&
	    kind[IFLA_INFO_KIND])
		nla_strlcpy(l->kind, kind[IFLA_INFO_KIND], sizeof(l->kind));
}

static void take_link(void *arg, struct nlmsghdr *h)
{
	read_link(h, arg);
}

static int link_get(struct netlink *nl, const char *name, struct link_info *out, struct err *err)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};

	*out = (struct link_info){0};
	return netlink_ask(nl, link_msg(RTM_GETLINK, 0, &info, name), take_link, out, name, err);
}

int link_index(struct netlink *nl, const char *name)
{
	struct link_info l;

	return link_get(nl, name, &l, NULL) < 0 ? 0 : l.index;
}

struct each {
	link_fn fn;
	void *arg;
};

static void each_link(void *arg, struct nlmsghdr *h)
{
	const struct each *e = arg;
	struct link_info l;

	read_link(h, &l);
	e->fn(e->arg, &l);
}

int link_each(struct netlink *nl, link_fn fn, void *arg, struct err *err)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct each e = {fn, arg};

	return netlink_ask(nl, link_msg(RTM_GETLINK, NLM_F_DUMP, &info, NULL), each_link, &e,
			   "list links", err);
}

/* -- making and removing -- */

int link_delete(struct netlink *nl, const char *name, struct err *err)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m = link_msg(RTM_DELLINK, 0, &info, name);
	struct err why = ERR_INIT;
	int rc = netlink_do(nl, &m, 1, name, &why);

	if (rc == -ENODEV || rc == 0)
		return 0;
	return err_set(err, -rc, "remove %s", why.msg);
}

static struct nl_msg *bridge_msg(const char *name, struct in_addr ip, unsigned mtu)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct nl_msg *m = link_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, name);
	unsigned char mac[MAC_SIZE];
	struct nlattr *kind, *data;

	/* With an address of its own it does not change with its ports. */
	link_mac(ip, mac);
	nla_put(m, IFLA_ADDRESS, sizeof(mac), mac);
	nla_put_u32(m, IFLA_MTU, mtu);
	kind = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "bridge");
	data = nla_nest_start(m, IFLA_INFO_DATA);
	nla_put_u32(m, IFLA_BR_STP_STATE, 0);
	nla_put_u32(m, IFLA_BR_FORWARD_DELAY, 0);
	nla_put_u8(m, IFLA_BR_MCAST_SNOOPING, 0);
	nla_nest_end(m, data);
	nla_nest_end(m, kind);
	return m;
}

static struct nl_msg *up_msg(int index, const char *name)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC,
				 .ifi_index = index,
				 .ifi_flags = IFF_UP,
				 .ifi_change = IFF_UP};

	return link_msg(RTM_NEWLINK, 0, &info, name);
}

static struct nl_msg *address_msg(int type, int flags, int index, struct in_addr ip,
				  unsigned prefix)
{
	struct ifaddrmsg info = {.ifa_family = AF_INET,
				 .ifa_prefixlen = (unsigned char)prefix,
				 .ifa_index = (unsigned)index};
	struct nl_msg *m = netlink_msg(type, flags, &info, sizeof(info));
	uint32_t broadcast = ip.s_addr | htonl(prefix < 32 ? ~0u >> prefix : 0);

	nla_put(m, IFA_LOCAL, sizeof(ip), &ip);
	nla_put(m, IFA_ADDRESS, sizeof(ip), &ip);
	if (type == RTM_NEWADDR)
		nla_put_u32(m, IFA_BROADCAST, broadcast);
	return m;
}

/*
 * No link-local IPv6 address: pods have IPv4 only, and each interface that looks for neighbours and
 * routers would be heard on all ports of the bridge. Best effort: a kernel without IPv6 has none
 * anyway.
 */
static void quiet_ipv6(struct netlink *nl, int index, const char *name)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct nl_msg *m = link_msg(RTM_NEWLINK, 0, &info, name);
	struct nlattr *all = nla_nest_start(m, IFLA_AF_SPEC);
	struct nlattr *inet6 = nla_nest_start(m, AF_INET6);

	nla_put_u8(m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nla_nest_end(m, inet6);
	nla_nest_end(m, all);
	(void)!netlink_do(nl, &m, 1, "quiet", NULL);
}

struct address {
	int index;
	struct in_addr ip;
	unsigned prefix;
};

struct addresses {
	struct address list[256];
	size_t n;
};

static void take_address(void *arg, struct nlmsghdr *h)
{
	const struct ifaddrmsg *info = nlmsg_data(h);
	struct addresses *all = arg;
	struct nlattr *a[IFA_MAX + 1];

	if (info->ifa_family != AF_INET || all->n == ARRAY_LEN(all->list) ||
	    nlmsg_parse(h, sizeof(*info), a, IFA_MAX, NULL) < 0 || !a[IFA_LOCAL] ||
	    nla_len(a[IFA_LOCAL]) != 4)
		return;
	all->list[all->n] =
		(struct address){.index = (int)info->ifa_index, .prefix = info->ifa_prefixlen};
	memcpy(&all->list[all->n++].ip, nla_data(a[IFA_LOCAL]), 4);
}

static int list_addresses(struct netlink *nl, struct addresses *all, struct err *err)
{
	struct ifaddrmsg info = {.ifa_family = AF_INET};

	all->n = 0;
	return netlink_ask(nl, netlink_msg(RTM_GETADDR, NLM_F_DUMP, &info, sizeof(info)),
			   take_address, all, "list addresses", err);
}

/* What an earlier daemon with another range left on the bridge. */
static int remove_other_addresses(struct netlink *nl, int index, struct in_addr ip, unsigned prefix,
				  struct err *err)
{
	struct addresses all;

	if (list_addresses(nl, &all, err) < 0)
		return -err->code;
	for (size_t i = 0; i < all.n; i++) {
		const struct address *a = &all.list[i];
		struct nl_msg *m;

		if (a->index != index || (a->ip.s_addr == ip.s_addr && a->prefix == prefix))
			continue;
		m = address_msg(RTM_DELADDR, 0, index, a->ip, a->prefix);
		if (netlink_do(nl, &m, 1, "remove an address of the bridge", err) < 0)
			return -err->code;
	}
	return 0;
}

int link_bridge(struct netlink *nl, const char *name, struct in_addr ip, unsigned prefix,
		unsigned mtu, struct err *err)
{
	struct nl_msg *m = bridge_msg(name, ip, mtu), *set[2];
	struct err why = ERR_INIT;
	struct link_info l;
	int rc = netlink_do(nl, &m, 1, name, &why);

	if (rc < 0 && rc != -EEXIST)
		return err_set(err, -rc, "make bridge %s", why.msg);
	if (link_get(nl, name, &l, err) < 0)
		return -err->code;
	if (!str_eq(l.kind, "bridge"))
		return err_set(err, EEXIST, "interface %s exists and is no bridge", name);
	if (remove_other_addresses(nl, l.index, ip, prefix, err) < 0)
		return -err->code;
	quiet_ipv6(nl, l.index, NULL);
	set[0] = address_msg(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, l.index, ip, prefix);
	set[1] = up_msg(l.index, NULL);
	return netlink_do(nl, set, 2, name, err) < 0 ? -err->code : l.index;
}

/* -- a pod's -- */

static struct nl_msg *veth_msg(const struct pod_link *l, int netns_fd)
{
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct ifinfomsg peer_info = {.ifi_family = AF_UNSPEC}; /* IFF_UP here would be ENOTCONN */
	struct nl_msg *m = link_msg(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &info, l->host_name);
	struct nlattr *kind, *data, *peer;
	unsigned char mac[MAC_SIZE];

	link_mac(l->ip, mac);
	nla_put_u32(m, IFLA_MTU, l->mtu);
	nla_put_u32(m, IFLA_MASTER, (uint32_t)l->bridge);
	kind = nla_nest_start(m, IFLA_LINKINFO);
	nla_put_string(m, IFLA_INFO_KIND, "veth");
	data = nla_nest_start(m, IFLA_INFO_DATA);
	peer = nla_nest_start(m, VETH_INFO_PEER);
	nlmsg_append(m, &peer_info, sizeof(peer_info), NLMSG_ALIGNTO);
	nla_put_string(m, IFLA_IFNAME, POD_LINK);
	nla_put(m, IFLA_ADDRESS, sizeof(mac), mac);
	nla_put_u32(m, IFLA_MTU, l->mtu);
	nla_put_u32(m, IFLA_NET_NS_FD, (uint32_t)netns_fd);
	nla_nest_end(m, peer);
	nla_nest_end(m, data);
	nla_nest_end(m, kind);
	return m;
}

int link_hairpin(struct netlink *nl, const char *name, struct err *err)
{
	struct ifinfomsg info = {.ifi_family = AF_BRIDGE, .ifi_index = link_index(nl, name)};
	struct nl_msg *m = link_msg(RTM_SETLINK, 0, &info, NULL);
	/* IFLA_PROTINFO is recognised only with the flag that it is nested. */
	struct nlattr *port = nla_nest_start(m, IFLA_PROTINFO | NLA_F_NESTED);

	nla_put_u8(m, IFLA_BRPORT_MODE, 1);
	nla_nest_end(m, port);
	return netlink_do(nl, &m, 1, name, err);
}

int link_veth(struct netlink *nl, const struct pod_link *l, int netns_fd, struct err *err)
{
	struct nl_msg *m = veth_msg(l, netns_fd), *up;

	if (netlink_do(nl, &m, 1, l->host_name, err) < 0)
		return -err->code;
	quiet_ipv6(nl, 0, l->host_name);
	up = up_msg(0, l->host_name);
	if (netlink_do(nl, &up, 1, l->host_name, err) < 0)
		return -err->code;
	return l->hairpin ? link_hairpin(nl, l->host_name, err) : 0;
}

static struct nl_msg *default_route_msg(int index, struct in_addr gateway)
{
	struct rtmsg info = {.rtm_family = AF_INET,
			     .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = RTPROT_BOOT,
			     .rtm_scope = RT_SCOPE_UNIVERSE,
			     .rtm_type = RTN_UNICAST};
	struct nl_msg *m =
		netlink_msg(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &info, sizeof(info));

	nla_put(m, RTA_GATEWAY, sizeof(gateway), &gateway);
	nla_put_u32(m, RTA_OIF, (uint32_t)index);
	return m;
}

int link_configure(struct netlink *inside, const struct pod_link *l, struct err *err)
{
	int index = link_index(inside, POD_LINK);
	struct nl_msg *set[4];

	if (!index)
		return err_set(err, ENODEV, "the pod's network namespace has no " POD_LINK);
	quiet_ipv6(inside, index, NULL);
	set[0] = up_msg(LOOPBACK_INDEX, NULL);
	set[1] = address_msg(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, l->ip, l->prefix);
	set[2] = up_msg(index, NULL);
	set[3] = default_route_msg(index, l->gateway);
	return netlink_do(inside, set, 4, "configure the pod's " POD_LINK, err);
}

int link_settle(struct netlink *nl, const char *name, struct err *err)
{
	struct timespec pause = {0, 100 * 1000};
	struct link_info l;

	for (int round = 0; round < SETTLE_ROUNDS; round++) {
		if (link_get(nl, name, &l, err) < 0)
			return -err->code;
		if (!l.up || !l.carrier || l.operational)
			break;
		nanosleep(&pause, NULL);
		if (pause.tv_nsec < 10 * 1000 * 1000)
			pause.tv_nsec *= 2;
	}
	return 0;
}

int link_configured(struct netlink *inside, struct in_addr ip)
{
	int index = link_index(inside, POD_LINK);
	struct err ignored = ERR_INIT;
	struct addresses all;

	if (!index || list_addresses(inside, &all, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < all.n; i++)
		if (all.list[i].index == index && all.list[i].ip.s_addr == ip.s_addr)
			return 1;
	return 0;
}

/* -- the node's other interfaces -- */

static void take_default(void *arg, struct nlmsghdr *h)
{
	const struct rtmsg *r = nlmsg_data(h);
	struct nlattr *a[RTA_MAX + 1];
	int *oif = arg;

	if (r->rtm_family != AF_INET || r->rtm_dst_len || r->rtm_table != RT_TABLE_MAIN ||
	    r->rtm_type != RTN_UNICAST || nlmsg_parse(h, sizeof(*r), a, RTA_MAX, NULL) < 0 ||
	    !a[RTA_OIF] || *oif)
		return;
	*oif = (int)nla_get_u32(a[RTA_OIF]);
}

unsigned link_outside_mtu(struct netlink *nl)
{
	struct rtmsg all = {.rtm_family = AF_INET};
	struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
	struct link_info l = {0};

	if (netlink_ask(nl, netlink_msg(RTM_GETROUTE, NLM_F_DUMP, &all, sizeof(all)), take_default,
			&info.ifi_index, "list routes", NULL) < 0 ||
	    !info.ifi_index ||
	    netlink_ask(nl, link_msg(RTM_GETLINK, 0, &info, NULL), take_link, &l, "default route",
			NULL) < 0)
		return 1500;
	return l.mtu >= 576 && l.mtu <= 65535 ? l.mtu : 1500;
}

int link_overlap(struct netlink *nl, struct in_addr net, unsigned prefix, int except,
		 char name[IFNAMSIZ])
{
	struct subnet own = {net, prefix};
	struct addresses all;
	struct err ignored = ERR_INIT;

	if (list_addresses(nl, &all, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < all.n; i++) {
		struct subnet other = {all.list[i].ip, all.list[i].prefix};
		struct ifinfomsg info = {.ifi_family = AF_UNSPEC, .ifi_index = all.list[i].index};
		struct link_info l = {.name = "?"};

		if (info.ifi_index == except || !subnet_overlaps(&own, &other))
			continue;
		(void)!netlink_ask(nl, link_msg(RTM_GETLINK, 0, &info, NULL), take_link, &l,
				   "interface", NULL);
		snprintf(name, IFNAMSIZ, "%s", l.name);
		return 1;
	}
	return 0;
}
