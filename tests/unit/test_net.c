/* SPDX-License-Identifier: MIT */
/*
 * The node's network with real interfaces, rules and packets. The test makes a
 * network namespace that plays the node, one for the world outside and one per
 * pod; the machine's own network is never touched. Needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "net/net.h"
#include "patience.h"
#include "util/fd.h"

#define OUTSIDE "192.0.2.2" /* RFC 5737 */
#define NODE    "192.0.2.1"

static char *run_dir;
static int node_ns = -1, outside_ns = -1;

/* -- namespaces -- */

static int current_ns(void)
{
	int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static void go(int ns)
{
	assert_int_equal(setns(ns, CLONE_NEWNET), 0);
}

static int new_ns(void)
{
	CLEANUP_FD int back = current_ns();
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = current_ns();
	go(back);
	return fd;
}

static void sh(const char *command)
{
	if (system(command) != 0)
		fail_msg("%s", command);
}

static int sh_in(int ns, const char *command)
{
	int rc;

	go(ns);
	rc = system(command);
	go(node_ns);
	return rc;
}

/* The node: lo, and one link to the outside, which knows nothing of pods. */
static int make_node(void **state)
{
	char name[] = "/tmp/k8sfs-test-net-XXXXXX", command[256];

	run_dir = xstrdup(mkdtemp(name));
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	node_ns = current_ns();
	outside_ns = new_ns();
	sh("ip link set lo up && echo 0 >/proc/sys/net/ipv4/ip_forward");
	snprintf(command, sizeof(command),
		 "ip link add up0 mtu 1400 type veth peer name up0 mtu 1400 netns /proc/%d/fd/%d",
		 getpid(), outside_ns);
	sh(command);
	sh("ip addr add " NODE
	   "/24 dev up0 && ip link set up0 up && ip route add default via " OUTSIDE);
	assert_int_equal(sh_in(outside_ns, "ip link set lo up && ip addr add " OUTSIDE
					   "/24 dev up0 && ip link set up0 up"),
			 0);
	/* Asking for a link makes the kernel finish bringing it up. */
	assert_int_equal(sh_in(outside_ns, "ip link show up0 >/dev/null"), 0);
	sh("ip link show up0 >/dev/null");
	return 0;
}

static int remove_node(void **state)
{
	fd_close_at(&outside_ns);
	fd_close_at(&node_ns);
	assert_int_equal(fd_remove_tree(run_dir, NULL), 0);
	free(run_dir);
	return 0;
}

static struct net *open_net_range(const char *cidr)
{
	struct net_config cfg = {.pod_cidr = cidr,
				 .service_cidr = "10.96.0.0/16",
				 .bridge = "k8stest0",
				 .run_dir = run_dir};
	struct err err = ERR_INIT;
	struct net *n = net_open(&cfg, &err);

	if (!n)
		fail_msg("%s", err.msg);
	return n;
}

static struct net *open_net(void)
{
	return open_net_range("10.244.7.0/24");
}

struct pod {
	int ns;
	char uid[32], ip[INET_ADDRSTRLEN];
};

static void attach(struct net *n, struct pod *p, const char *uid, const struct host_port *ports,
		   size_t n_ports)
{
	struct err err = ERR_INIT;

	snprintf(p->uid, sizeof(p->uid), "%s", uid);
	p->ns = new_ns();
	if (net_attach(n, uid, p->ns, ports, n_ports, p->ip, &err) < 0)
		fail_msg("attach %s: %s", uid, err.msg);
}

static void detach(struct net *n, struct pod *p)
{
	net_detach(n, p->uid);
	fd_close_at(&p->ns);
}

/* -- traffic -- */

static int socket_in(int ns, int type)
{
	struct timeval limit = {.tv_sec = patience(1)};
	int s, one = 1;

	go(ns);
	s = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	go(node_ns);
	assert_true(s >= 0);
	setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	return s;
}

static struct sockaddr_in at(const char *ip, int port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};

	assert_int_equal(inet_pton(AF_INET, ip, &a.sin_addr), 1);
	return a;
}

static int serve(int ns, int type, int port)
{
	struct sockaddr_in a = at("0.0.0.0", port);
	int s = socket_in(ns, type);

	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(s, 16), 0);
	return s;
}

/* Connect and say something; the server's view of the client's address into peer. Return: true when
 * it answered. */
static int reaches_tcp(int from, const char *ip, int port, int server, char peer[INET_ADDRSTRLEN])
{
	struct sockaddr_in a = at(ip, port), who;
	socklen_t len = sizeof(who);
	CLEANUP_FD int c = socket_in(from, SOCK_STREAM), s = -1;
	char text[8] = "";

	if (connect(c, (struct sockaddr *)&a, sizeof(a)) < 0)
		return 0;
	s = accept(server, (struct sockaddr *)&who, &len);
	if (s < 0 || send(c, "ping", 5, 0) != 5 || recv(s, text, 5, 0) != 5 ||
	    send(s, "pong", 5, 0) != 5 || recv(c, text, 5, 0) != 5)
		return 0;
	inet_ntop(AF_INET, &who.sin_addr, peer, INET_ADDRSTRLEN);
	return strcmp(text, "pong") == 0;
}

static int reaches_udp(int from, const char *ip, int port, int server, char peer[INET_ADDRSTRLEN])
{
	struct sockaddr_in a = at(ip, port), who;
	socklen_t len = sizeof(who);
	CLEANUP_FD int c = socket_in(from, SOCK_DGRAM);
	char text[8] = "";

	if (connect(c, (struct sockaddr *)&a, sizeof(a)) < 0 || send(c, "ping", 5, 0) != 5 ||
	    recvfrom(server, text, 5, 0, (struct sockaddr *)&who, &len) != 5 ||
	    sendto(server, "pong", 5, 0, (struct sockaddr *)&who, len) != 5 ||
	    recv(c, text, 5, 0) != 5)
		return 0;
	inet_ntop(AF_INET, &who.sin_addr, peer, INET_ADDRSTRLEN);
	return strcmp(text, "pong") == 0;
}

static void assert_reaches(int from, const char *ip, int port, int server, const char *expect_peer)
{
	char peer[INET_ADDRSTRLEN] = "?";

	if (!reaches_tcp(from, ip, port, server, peer))
		fail_msg("%s:%d is not reached", ip, port);
	if (expect_peer && strcmp(peer, expect_peer))
		fail_msg("%s:%d sees %s, expected %s", ip, port, peer, expect_peer);
}

/* -- looking -- */

static char *output(const char *command)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	FILE *f = popen(command, "r");
	char part[4096];
	size_t n;

	while ((n = fread(part, 1, sizeof(part), f)) > 0)
		buf_add(&b, part, n);
	pclose(f);
	return buf_steal(&b);
}

static int links(void)
{
	CLEANUP_FREE char *text = output("ip -o link show | grep -c veth[0-9a-f]");

	return atoi(text);
}

static size_t leases(void)
{
	CLEANUP_FREE char *dir = xasprintf("%s/net", run_dir);
	DIR *d = opendir(dir);
	struct dirent *e;
	size_t n = 0;

	while (d && (e = readdir(d)))
		n += e->d_name[0] == '1';
	if (d)
		closedir(d);
	return n;
}

/* The kernel removes a namespace's links after its last reference, aside. */
static void wait_links(int expect)
{
	for (int i = 0; i < patience(200) && links() != expect; i++)
		usleep(20000);
	assert_int_equal(links(), expect);
}

static int has(const char *command, const char *text)
{
	CLEANUP_FREE char *out = output(command);

	return strstr(out, text) != NULL;
}

/* -- tests -- */

static void test_pods_node_and_outside_reach_each_other(void **state)
{
	struct net *n = open_net();
	struct pod a, b;
	CLEANUP_FD int at_b = -1, at_node = -1, at_outside = -1;

	attach(n, &a, "pod-a", NULL, 0);
	attach(n, &b, "pod-b", NULL, 0);
	assert_string_equal(a.ip, "10.244.7.2");
	assert_string_equal(b.ip, "10.244.7.3");
	assert_string_equal(net_gateway(n), "10.244.7.1");
	at_b = serve(b.ns, SOCK_STREAM, 80);
	at_node = serve(node_ns, SOCK_STREAM, 81);
	at_outside = serve(outside_ns, SOCK_STREAM, 82);
	assert_reaches(a.ns, b.ip, 80, at_b, a.ip);
	assert_reaches(b.ns, b.ip, 80, at_b, b.ip);
	assert_reaches(node_ns, b.ip, 80, at_b, "10.244.7.1");
	assert_reaches(a.ns, "10.244.7.1", 81, at_node, a.ip);
	assert_reaches(a.ns, NODE, 81, at_node, a.ip);
	assert_reaches(a.ns, OUTSIDE, 82, at_outside, NODE); /* masqueraded */
	detach(n, &a);
	detach(n, &b);
	net_close(n);
}

static void test_mtu_is_that_of_the_way_out(void **state)
{
	struct net *n = open_net();
	struct pod a;

	attach(n, &a, "pod-a", NULL, 0);
	assert_int_equal(sh_in(a.ns, "ip link show eth0 | grep -q 'mtu 1400'"), 0);
	detach(n, &a);
	net_close(n);
}

/* Pods start side by side: none is to hear the others looking for IPv6 neighbours. */
static void test_no_ipv6_chatter(void **state)
{
	struct net *n = open_net();
	struct pod a;

	attach(n, &a, "pod-a", NULL, 0);
	assert_int_not_equal(sh_in(a.ns, "ip -6 -o addr show dev eth0 | grep -q fe80"), 0);
	assert_false(has("ip -6 -o addr", "veth"));
	detach(n, &a);
	net_close(n);
}

static void test_host_ports_are_reached_from_everywhere(void **state)
{
	static const struct host_port web[] = {{.host_port = 8080, .container_port = 80}};
	struct net *n = open_net();
	struct pod a, b;
	CLEANUP_FD int server = -1;

	attach(n, &a, "pod-a", web, 1);
	attach(n, &b, "pod-b", NULL, 0);
	server = serve(a.ns, SOCK_STREAM, 80);
	assert_reaches(outside_ns, NODE, 8080, server, OUTSIDE);
	assert_reaches(node_ns, NODE, 8080, server, NULL);
	assert_reaches(node_ns, "127.0.0.1", 8080, server, "10.244.7.1");
	assert_reaches(b.ns, NODE, 8080, server, NULL);
	assert_reaches(b.ns, "10.244.7.1", 8080, server, NULL);
	assert_reaches(a.ns, NODE, 8080, server, NULL); /* itself */
	detach(n, &a);
	assert_false(reaches_tcp(outside_ns, NODE, 8080, server, (char[INET_ADDRSTRLEN]){0}));
	detach(n, &b);
	net_close(n);
}

static void test_host_port_of_udp_and_of_one_address(void **state)
{
	struct host_port ports[] = {
		{.host_port = 53, .container_port = 5353, .udp = 1},
		{.host_port = 8081, .container_port = 80, .host_ip = inet_addr(NODE)}};
	struct net *n = open_net();
	char peer[INET_ADDRSTRLEN];
	struct pod a;
	CLEANUP_FD int dns = -1, web = -1;

	attach(n, &a, "pod-a", ports, 2);
	dns = serve(a.ns, SOCK_DGRAM, 5353);
	web = serve(a.ns, SOCK_STREAM, 80);
	assert_true(reaches_udp(outside_ns, NODE, 53, dns, peer));
	assert_string_equal(peer, OUTSIDE);
	assert_true(reaches_udp(node_ns, "127.0.0.1", 53, dns, peer));
	assert_reaches(outside_ns, NODE, 8081, web, OUTSIDE);
	assert_false(reaches_tcp(node_ns, "127.0.0.1", 8081, web, peer));
	detach(n, &a);
	net_close(n);
}

static void test_a_taken_host_port_is_refused(void **state)
{
	struct host_port any = {.host_port = 80, .container_port = 80}, one = any, udp = any;
	struct net *n = open_net();
	char ip[INET_ADDRSTRLEN];
	struct err err = ERR_INIT;
	struct pod a, b;
	CLEANUP_FD int ns = new_ns();

	one.host_ip = inet_addr("127.0.0.1");
	udp.udp = 1;
	attach(n, &a, "pod-a", &any, 1);
	assert_int_equal(net_attach(n, "pod-b", ns, &one, 1, ip, &err), -EADDRINUSE);
	assert_string_equal(err.msg, "host port 80/tcp is taken by pod pod-a");
	attach(n, &b, "pod-b", &udp, 1);
	detach(n, &a);
	detach(n, &b);
	attach(n, &b, "pod-b", &one, 1);
	detach(n, &b);
	assert_int_equal(leases(), 0);
	net_close(n);
}

static void test_the_range_ends_and_addresses_rest_before_reuse(void **state)
{
	struct net *n = open_net_range("10.9.0.0/29");
	struct pod p[5];
	char ip[INET_ADDRSTRLEN], uid[16];
	struct err err = ERR_INIT;
	CLEANUP_FD int ns = new_ns();

	for (int i = 0; i < 3; i++) {
		snprintf(uid, sizeof(uid), "pod-%d", i);
		attach(n, &p[i], uid, NULL, 0);
	}
	assert_string_equal(p[2].ip, "10.9.0.4");
	detach(n, &p[2]);
	attach(n, &p[2], "pod-2", NULL, 0);
	assert_string_equal(p[2].ip, "10.9.0.5");
	net_close(n);
	n = open_net_range("10.9.0.0/29"); /* the place is remembered */
	attach(n, &p[3], "pod-3", NULL, 0);
	assert_string_equal(p[3].ip, "10.9.0.6");
	attach(n, &p[4], "pod-4", NULL, 0);
	assert_string_equal(p[4].ip, "10.9.0.4");
	assert_int_equal(net_attach(n, "pod-5", ns, NULL, 0, ip, &err), -EADDRNOTAVAIL);
	assert_string_equal(err.msg, "no free address in the pod range 10.9.0.0/29");
	for (int i = 0; i < 5; i++)
		detach(n, &p[i]);
	net_close(n);
}

static void test_attach_again_is_the_same(void **state)
{
	static const struct host_port web = {.host_port = 8080, .container_port = 80};
	struct net *n = open_net();
	char ip[INET_ADDRSTRLEN];
	struct pod a;
	CLEANUP_FD int server = -1, other = new_ns();

	attach(n, &a, "pod-a", NULL, 0);
	assert_int_equal(net_attach(n, "pod-a", a.ns, &web, 1, ip, NULL), 0);
	assert_string_equal(ip, a.ip);
	server = serve(a.ns, SOCK_STREAM, 80);
	assert_reaches(outside_ns, NODE, 8080, server, OUTSIDE);
	assert_reaches(a.ns, NODE, 8080, server, NULL);
	/* The sandbox was made anew while the old namespace still goes: the address moves. */
	assert_int_equal(net_attach(n, "pod-a", other, &web, 1, ip, NULL), 0);
	assert_string_equal(ip, a.ip);
	close(server);
	server = serve(other, SOCK_STREAM, 80);
	assert_reaches(outside_ns, NODE, 8080, server, OUTSIDE);
	assert_int_equal(links(), 1);
	detach(n, &a);
	net_close(n);
}

static int keep_a(void *arg, const char *uid)
{
	return str_eq(uid, "pod-a");
}

static void test_pods_are_found_again_after_a_restart(void **state)
{
	static const struct host_port web = {.host_port = 8080, .container_port = 80},
				      ssh = {.host_port = 22, .container_port = 22};
	CLEANUP(buf_fini) struct buf ports = BUF_INIT;
	struct net *n = open_net();
	struct err err = ERR_INIT;
	struct pod a, b, c;
	CLEANUP_FD int server = -1;

	attach(n, &a, "pod-a", &web, 1);
	attach(n, &b, "pod-b", &ssh, 1);
	server = serve(a.ns, SOCK_STREAM, 80);
	net_close(n);
	assert_reaches(outside_ns, NODE, 8080, server, OUTSIDE); /* without a daemon */
	n = open_net();
	assert_reaches(outside_ns, NODE, 8080, server, OUTSIDE);
	assert_int_equal(net_adopt(n, "pod-a", a.ip, &web, 1, &err), 0);
	assert_int_equal(net_adopt(n, "pod-a", b.ip, &web, 1, &err), -EADDRINUSE);
	err_clear(&err);
	assert_int_equal(net_adopt(n, "pod-x", b.ip, NULL, 0, &err), -EADDRINUSE);
	net_collect(n, keep_a, NULL);
	assert_int_equal(leases(), 1);
	assert_int_equal(net_render(n, "ports", &ports, NULL), 0);
	assert_non_null(strstr(ports.data, "8080"));
	assert_false(has("nft list table inet k8sfs-k8stest0", ". 22 "));
	attach(n, &c, "pod-c", NULL, 0);
	assert_reaches(c.ns, a.ip, 80, server, c.ip);
	detach(n, &a);
	detach(n, &c);
	fd_close_at(&b.ns);
	net_close(n);
}

static void test_lost_lease_files_and_rubbish(void **state)
{
	CLEANUP_FREE char *dir = xasprintf("%s/net", run_dir);
	static const char *const names[] = {"10.244.7.9", "10.244.7.1", "10.1.1.1", "10.244.7.10",
					    "10.244.7.11"};
	static const char *const texts[] = {"", "gateway\n", "elsewhere\n", "../../x\n",
					    "good\ntcp 99999 1 0.0.0.0\nsctp 9 9 0.0.0.0\n"};
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	struct net *n;

	assert_int_equal(fd_mkdir_p(dir, 0755, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		CLEANUP_FREE char *path = xasprintf("%s/%s", dir, names[i]);

		assert_int_equal(fd_replace_file(path, texts[i], strlen(texts[i]), 0644, 0, NULL),
				 0);
	}
	n = open_net();
	assert_int_equal(leases(), 1);
	assert_int_equal(net_render(n, "ports", &out, NULL), 0);
	assert_string_equal(out.data,
			    "PROTOCOL   HOST-IP   HOST-PORT   ADDRESS       PORT   OWNER\n"
			    "sctp       0.0.0.0   9           10.244.7.11   9      pod/good\n");
	net_detach(n, "good");
	net_detach(n, "never-was");
	net_close(n);
}

static void test_leases_of_pods_that_ended_meanwhile(void **state)
{
	CLEANUP_FREE char *pod = xasprintf("%s/pods/pod-a", run_dir);
	struct net *n = open_net();
	struct pod a, b;

	attach(n, &a, "pod-a", NULL, 0);
	attach(n, &b, "pod-b", NULL, 0);
	net_close(n);
	assert_int_equal(fd_mkdir_p(pod, 0755, NULL), 0);
	n = open_net();
	assert_int_equal(leases(), 1);
	assert_int_equal(net_adopt(n, "pod-a", a.ip, NULL, 0, NULL), 0);
	detach(n, &a);
	detach(n, &b);
	net_close(n);
}

static void test_two_hundred_pods_leave_nothing(void **state)
{
	struct net *n = open_net();
	struct pod *pods = xcalloc(200, sizeof(*pods));
	CLEANUP_FREE char *before = output("nft list table inet k8sfs-k8stest0; ip -o -4 addr"),
			  *after = NULL;

	for (int i = 0; i < 200; i++) {
		struct host_port port = {.host_port = (unsigned)(1000 + i), .container_port = 80};
		char uid[16];

		snprintf(uid, sizeof(uid), "pod-%d", i);
		attach(n, &pods[i], uid, &port, (size_t)(i % 2));
	}
	assert_int_equal(links(), 200);
	assert_int_equal(leases(), 200);
	for (int i = 0; i < 200; i++)
		detach(n, &pods[i]);
	wait_links(0);
	assert_int_equal(leases(), 0);
	after = output("nft list table inet k8sfs-k8stest0; ip -o -4 addr");
	assert_non_null(strstr(after, "postrouting"));
	assert_string_equal(after, before);
	free(pods);
	net_close(n);
}

static void test_purge_leaves_nothing(void **state)
{
	static const struct host_port web = {.host_port = 8080, .container_port = 80};
	CLEANUP_FREE char *dir = xasprintf("%s/net", run_dir);
	CLEANUP(buf_fini) struct buf forward = BUF_INIT;
	struct net *n;
	struct pod a;

	sh("nft add table inet foreign");
	n = open_net();
	assert_true(has("cat /proc/sys/net/ipv4/ip_forward", "1"));
	attach(n, &a, "pod-a", &web, 1);
	assert_int_equal(net_purge(n, NULL), 0);
	net_close(n);
	fd_close_at(&a.ns);
	assert_false(has("ip link", "k8stest0"));
	assert_int_equal(links(), 0);
	assert_false(has("nft list ruleset", "k8sfs"));
	assert_true(has("nft list ruleset", "foreign"));
	assert_true(access(dir, F_OK) < 0);
	assert_int_equal(fd_read_file("/proc/sys/net/ipv4/ip_forward", 8, &forward, NULL), 0);
	assert_string_equal(forward.data, "0\n");
}

static void test_rules_that_somebody_flushed_come_back(void **state)
{
	static const struct host_port web = {.host_port = 8080, .container_port = 80},
				      other = {.host_port = 8081, .container_port = 81};
	struct net *n = open_net();
	struct pod a, b;
	CLEANUP_FD int server = -1;

	attach(n, &a, "pod-a", &web, 1);
	server = serve(a.ns, SOCK_STREAM, 80);
	sh("nft flush ruleset");
	attach(n, &b, "pod-b", &other, 1);
	assert_reaches(outside_ns, NODE, 8080, server, OUTSIDE);
	sh("nft flush ruleset");
	detach(n, &a);
	detach(n, &b);
	net_close(n);
}

/* A rule that cannot be made is the error that it is, whatever was asked for before. */
static void test_errors_are_of_their_own_command(void **state)
{
	static const struct host_port web = {.host_port = 8080, .container_port = 80};
	CLEANUP_FD int ns = new_ns();
	struct net *n = open_net();
	char ip[INET_ADDRSTRLEN];
	struct err err = ERR_INIT;

	/* Somebody put another kind of thing in the place of our map. */
	sh("nft delete table inet k8sfs-k8stest0; nft add table inet k8sfs-k8stest0; "
	   "nft 'add set inet k8sfs-k8stest0 ports { type mark; }'");
	assert_int_equal(net_attach(n, "pod-a", ns, &web, 1, ip, &err), -EIO);
	assert_non_null(strstr(err.msg, "host ports: nftables: "));
	assert_int_equal(leases(), 0);
	net_close(n);
	n = open_net();
	assert_int_equal(net_attach(n, "pod-a", ns, &web, 1, ip, NULL), 0);
	net_detach(n, "pod-a");
	net_close(n);
}

static void test_foreign_interface_is_not_taken(void **state)
{
	struct net_config cfg = {
		.pod_cidr = "10.244.7.0/24", .bridge = "k8stest0", .run_dir = run_dir};
	struct err err = ERR_INIT;

	sh("ip link add k8stest0 type veth peer name other");
	assert_null(net_open(&cfg, &err));
	assert_int_equal(err.code, EEXIST);
	assert_string_equal(err.msg, "network: interface k8stest0 exists and is no bridge");
	assert_true(has("ip link", "k8stest0"));
}

static void test_bad_configurations_are_refused(void **state)
{
	static const struct {
		const char *cidr, *bridge, *expect;
	} cases[] = {
		{"10.244.0.0", "b", "ADDRESS/PREFIX"},
		{"10.244.0.1/24", "b", "bits beyond"},
		{"10.244.0.0/30", "b", "between"},
		{"10.0.0.0/7", "b", "between"},
		{"fd00::/64", "b", "IPv4"},
		{"10.244.0.0/2x", "b", "IPv4"},
		{"10.244.0.0/24", "", "bridge name"},
		{"10.244.0.0/24", "a/b", "bridge name"},
		{"10.244.0.0/24", "much-too-long-a-name", "bridge name"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct net_config cfg = {
			.pod_cidr = cases[i].cidr, .bridge = cases[i].bridge, .run_dir = run_dir};
		struct err err = ERR_INIT;

		assert_null(net_open(&cfg, &err));
		if (!strstr(err.msg, cases[i].expect))
			fail_msg("%s %s: %s", cases[i].cidr, cases[i].bridge, err.msg);
	}
}

static void test_failures_leave_no_lease(void **state)
{
	struct net *n = open_net();
	CLEANUP_FD int not_ns = open("/dev/null", O_RDONLY | O_CLOEXEC), ns = new_ns();
	struct host_port bad = {.host_port = 0, .container_port = 80};
	char ip[INET_ADDRSTRLEN];
	struct err err = ERR_INIT;

	assert_true(net_attach(n, "pod-a", not_ns, NULL, 0, ip, &err) < 0);
	assert_non_null(strstr(err.msg, "network namespace"));
	err_clear(&err);
	assert_int_equal(net_attach(n, "../x", ns, NULL, 0, ip, &err), -EINVAL);
	err_clear(&err);
	assert_int_equal(net_attach(n, "pod-a", ns, &bad, 1, ip, &err), -EINVAL);
	assert_int_equal(leases(), 0);
	assert_int_equal(links(), 0);
	net_close(n);
}

static void test_tables(void **state)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT, all = BUF_INIT;
	struct net *n = open_net();
	struct err err = ERR_INIT;
	struct pod a;

	attach(n, &a, "pod-a", NULL, 0);
	assert_int_equal(net_render(n, "addresses", &out, NULL), 0);
	assert_true(str_starts(out.data, "ADDRESS      LINK              OWNER\n"
					 "10.244.7.1   k8stest0          node\n"
					 "10.244.7.2   veth"));
	assert_non_null(strstr(out.data, "pod/pod-a\n"));
	assert_int_equal(net_render(n, "links", &all, NULL), 0);
	assert_non_null(strstr(all.data, "0a:58:0a:f4:07:01   1400"));
	assert_non_null(strstr(all.data, "pod/pod-a\n"));
	assert_int_equal(net_render(n, "secrets", &all, &err), -ENOENT);
	detach(n, &a);
	net_close(n);
}

/* -- speed -- */

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void test_a_hundred_pods(void **state)
{
	struct net *n = open_net();
	struct pod pods[100];

	for (int i = 0; i < 100; i++) {
		pods[i].ns = new_ns();
		snprintf(pods[i].uid, sizeof(pods[i].uid), "pod-%d", i);
		assert_int_equal(net_attach(n, pods[i].uid, pods[i].ns, NULL, 0, pods[i].ip, NULL),
				 0);
		for (int k = 0; k < i; k++)
			assert_string_not_equal(pods[i].ip, pods[k].ip);
	}
	for (int i = 0; i < 100; i++)
		detach(n, &pods[i]);
	net_close(n);
}

/* What a pod sends at once arrives; lost, it would come again after a second. A busy machine may
 * stall now and then. */
static void test_first_packets_are_not_lost(void **state)
{
	struct net *n = open_net();
	CLEANUP_FD int server = serve(node_ns, SOCK_STREAM, 81);
	int late = 0;

	for (int i = 0; i < 20; i++) {
		struct pod p;
		double begin;

		/* Each on a bridge without ports: then the bridge has to come up, too. */
		wait_links(0);
		attach(n, &p, "pod-a", NULL, 0);
		begin = now_us();
		assert_reaches(p.ns, "10.244.7.1", 81, server, p.ip);
		late += now_us() - begin > 900000;
		detach(n, &p);
	}
	assert_true(late < 10); /* a busy machine may be slow once, not each time */
	net_close(n);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_node, remove_node)
	const struct CMUnitTest tests[] = {
		T(test_pods_node_and_outside_reach_each_other),
		T(test_mtu_is_that_of_the_way_out),
		T(test_no_ipv6_chatter),
		T(test_host_ports_are_reached_from_everywhere),
		T(test_host_port_of_udp_and_of_one_address),
		T(test_a_taken_host_port_is_refused),
		T(test_the_range_ends_and_addresses_rest_before_reuse),
		T(test_attach_again_is_the_same),
		T(test_pods_are_found_again_after_a_restart),
		T(test_lost_lease_files_and_rubbish),
		T(test_leases_of_pods_that_ended_meanwhile),
		T(test_two_hundred_pods_leave_nothing),
		T(test_purge_leaves_nothing),
		T(test_rules_that_somebody_flushed_come_back),
		T(test_errors_are_of_their_own_command),
		T(test_foreign_interface_is_not_taken),
		T(test_bad_configurations_are_refused),
		T(test_failures_leave_no_lease),
		T(test_tables),
		T(test_first_packets_are_not_lost),
		T(test_a_hundred_pods),
	};

	if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
		print_message("skipped: network namespaces need root\n");
		return 77;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
