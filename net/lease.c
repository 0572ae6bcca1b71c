/* SPDX-License-Identifier: MIT */
/* Leases: see lease.h. */
#include "net/lease.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "util/fd.h"
#include "util/log.h"

#define UID_MAX_LEN    128
#define PORTS_MAX      256
#define FILE_MAX_BYTES 65536
#define CURSOR         "last"

static const char *const protocols[] = {"tcp", "udp", "sctp"};

const char *protocol_name(const struct host_port *p)
{
	return protocols[p->udp];
}

/* -- addresses -- */

static int is_used(const struct leases *all, uint32_t n)
{
	return (int)(all->used[n / 64] >> (n % 64) & 1);
}

static void set_used(struct leases *all, uint32_t n, int on)
{
	uint64_t bit = 1ull << (n % 64);

	if (on)
		all->used[n / 64] |= bit;
	else
		all->used[n / 64] &= ~bit;
}

/* The first free one after the last that was given out. Return: 0 when there is none. */
static uint32_t next_free(const struct leases *all)
{
	uint32_t size = subnet_size(&all->range);

	for (uint32_t i = 1; i <= size; i++) {
		uint32_t n = (all->last + i) % size;

		if (!is_used(all, n))
			return n;
	}
	return 0;
}

/* -- files -- */

static char *file_of(const struct leases *all, struct in_addr ip)
{
	char text[INET_ADDRSTRLEN];

	return xasprintf("%s/%s", all->dir, inet_ntop(AF_INET, &ip, text, sizeof(text)));
}

static void render(const struct lease *l, struct buf *out)
{
	buf_addf(out, "%s\n", l->uid);
	for (size_t i = 0; i < l->n_ports; i++) {
		char ip[INET_ADDRSTRLEN];

		buf_addf(
			out, "%s %u %u %s\n", protocol_name(&l->ports[i]), l->ports[i].host_port,
			l->ports[i].container_port,
			inet_ntop(AF_INET, &(struct in_addr){l->ports[i].host_ip}, ip, sizeof(ip)));
	}
}

/* Small and not synced: it need not outlive a reboot, and one write is whole or not there. */
static int save(const struct leases *all, const struct lease *l, struct err *err)
{
	CLEANUP_FREE char *path = file_of(all, l->ip);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	int rc;

	render(l, &text);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(err, errno, "lease %s", path);
	rc = fd_write_all(fd, text.data, text.len);
	if (rc < 0) {
		unlink(path);
		return err_sys(err, -rc, "lease %s", path);
	}
	return 0;
}

static void save_cursor(const struct leases *all)
{
	CLEANUP_FREE char *path = xasprintf("%s/" CURSOR, all->dir);
	char text[16];
	int n = snprintf(text, sizeof(text), "%u\n", all->last);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || fd_write_all(fd, text, (size_t)n) < 0)
		log_warn("net: %s: %s", path, strerror(errno));
}

static void load_cursor(struct leases *all)
{
	CLEANUP_FREE char *path = xasprintf("%s/" CURSOR, all->dir);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	unsigned long n;

	if (fd_read_file(path, 64, &text, NULL) < 0)
		return;
	n = strtoul(buf_str(&text), NULL, 10);
	all->last = n < subnet_size(&all->range) ? (uint32_t)n : 0;
}

static int uid_valid(const char *uid)
{
	size_t n = strlen(uid);

	return n > 0 && n <= UID_MAX_LEN &&
	       strspn(uid, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
		       n;
}

static int parse_port(const char *line, struct host_port *p)
{
	char protocol[8], ip[INET_ADDRSTRLEN];
	struct in_addr a;

	if (sscanf(line, "%7s %u %u %15s", protocol, &p->host_port, &p->container_port, ip) != 4 ||
	    p->host_port < 1 || p->host_port > 65535 || p->container_port < 1 ||
	    p->container_port > 65535 || inet_pton(AF_INET, ip, &a) != 1)
		return 0;
	p->host_ip = a.s_addr;
	for (p->udp = 0; p->udp < (int)ARRAY_LEN(protocols); p->udp++)
		if (str_eq(protocols[p->udp], protocol))
			return 1;
	return 0;
}

/* -- leases -- */

static struct lease *enter(struct leases *all, const char *uid, uint32_t index)
{
	struct lease *l = xcalloc(1, sizeof(*l));
	uint64_t hash =
		hash_bytes64(uid, strlen(uid), hash_bytes64(all->bridge, strlen(all->bridge), 0));

	l->uid = xstrdup(uid);
	l->index = index;
	l->ip = subnet_nth(&all->range, index);
	snprintf(l->host_link, sizeof(l->host_link), "veth%011llx",
		 (unsigned long long)(hash & 0xfffffffffffull));
	strmap_set(&all->by_uid, uid, l);
	set_used(all, index, 1);
	return l;
}

static void drop(struct leases *all, struct lease *l)
{
	strmap_del(&all->by_uid, l->uid);
	set_used(all, l->index, 0);
	free(l->ports);
	free(l->uid);
	free(l);
}

struct lease *lease_find(const struct leases *all, const char *uid)
{
	return strmap_get(&all->by_uid, uid);
}

struct lease *lease_find_ip(const struct leases *all, struct in_addr ip)
{
	STRMAP_FOREACH (s, &all->by_uid)
		if (((struct lease *)s->val)->ip.s_addr == ip.s_addr)
			return s->val;
	return NULL;
}

struct lease *lease_new(struct leases *all, const char *uid, struct in_addr ip, struct err *err)
{
	char text[INET_ADDRSTRLEN];
	struct lease *l;
	uint32_t n;

	if (!uid_valid(uid)) {
		err_set(err, EINVAL, "pod uid \"%.100s\": expected letters, digits, '-', '.', '_'",
			uid);
		return NULL;
	}
	if (!ip.s_addr) {
		n = next_free(all);
		if (!n) {
			err_set(err, EADDRNOTAVAIL, "no free address in the pod range %s/%u",
				inet_ntop(AF_INET, &all->range.net, text, sizeof(text)),
				all->range.prefix);
			return NULL;
		}
		all->last = n;
		save_cursor(all);
	} else if (!subnet_index(&all->range, ip, &n) || is_used(all, n)) {
		err_set(err, EADDRINUSE, "address %s is taken or not of the pod range",
			inet_ntop(AF_INET, &ip, text, sizeof(text)));
		return NULL;
	}
	l = enter(all, uid, n);
	if (save(all, l, err) == 0)
		return l;
	drop(all, l);
	return NULL;
}

int lease_set_ports(struct leases *all, struct lease *l, const struct host_port *ports, size_t n,
		    struct err *err)
{
	free(l->ports);
	l->ports = n ? xreallocarray(NULL, n, sizeof(*ports)) : NULL;
	if (n)
		memcpy(l->ports, ports, n * sizeof(*ports));
	l->n_ports = n;
	return save(all, l, err);
}

void lease_free(struct leases *all, struct lease *l)
{
	CLEANUP_FREE char *path = file_of(all, l->ip);

	if (unlink(path) < 0 && errno != ENOENT)
		log_warn("net: remove %s: %s", path, strerror(errno));
	drop(all, l);
}

static int same_port(const struct host_port *a, const struct host_port *b)
{
	return a->host_port == b->host_port && a->udp == b->udp &&
	       (!a->host_ip || !b->host_ip || a->host_ip == b->host_ip);
}

const struct lease *lease_port_conflict(const struct leases *all, const char *uid,
					const struct host_port *ports, size_t n,
					const struct host_port **which)
{
	STRMAP_FOREACH (s, &all->by_uid) {
		const struct lease *l = s->val;

		for (size_t i = 0; i < l->n_ports && !str_eq(l->uid, uid); i++)
			for (size_t k = 0; k < n; k++)
				if (same_port(&l->ports[i], &ports[k])) {
					*which = &ports[k];
					return l;
				}
	}
	return NULL;
}

/* -- at start -- */

static void load_ports(struct lease *l, char *text)
{
	struct host_port p;

	for (char *line = strtok_r(NULL, "\n", &text); line; line = strtok_r(NULL, "\n", &text)) {
		if (!parse_port(line, &p) || l->n_ports == PORTS_MAX)
			continue;
		l->ports = xreallocarray(l->ports, l->n_ports + 1, sizeof(p));
		l->ports[l->n_ports++] = p;
	}
}

/* Where pods have directories in <run>/pods, one without has ended; its daemon was not there to see
 * it. */
static int pod_ended(const struct leases *all, const char *uid)
{
	CLEANUP_FREE char *pods = xasprintf("%s/../pods", all->dir);
	CLEANUP_FREE char *pod = xasprintf("%s/%s", pods, uid);

	return access(pods, F_OK) == 0 && access(pod, F_OK) < 0;
}

/* A file that says nothing is from a crash while it was written. */
static void load(struct leases *all, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", all->dir, name);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct in_addr ip;
	char *uid, *rest;
	uint32_t n;

	if (inet_pton(AF_INET, name, &ip) != 1)
		return;
	if (fd_read_file(path, FILE_MAX_BYTES, &text, NULL) < 0 || !text.len)
		goto useless;
	uid = strtok_r(text.data, "\n", &rest);
	if (!uid || !uid_valid(uid) || !subnet_index(&all->range, ip, &n) || is_used(all, n) ||
	    lease_find(all, uid))
		goto useless;
	if (pod_ended(all, uid)) {
		unlink(path);
		return;
	}
	load_ports(enter(all, uid, n), rest);
	return;
useless:
	log_warn("net: lease %s is of no use: removed", path);
	unlink(path);
}

int leases_open(struct leases *all, const char *dir, const struct subnet *range, const char *bridge,
		struct err *err)
{
	uint32_t size = subnet_size(range);
	struct dirent *e;
	DIR *d;

	*all = (struct leases){.dir = xstrdup(dir),
			       .range = *range,
			       .bridge = xstrdup(bridge),
			       .by_uid = STRMAP_INIT};
	all->used = xcalloc(size / 64 + 1, sizeof(uint64_t));
	set_used(all, 0, 1);        /* the network */
	set_used(all, 1, 1);        /* the gateway */
	set_used(all, size - 1, 1); /* broadcast */
	if (fd_mkdir_p(dir, 0755, err) < 0)
		return -err->code;
	d = opendir(dir);
	if (!d)
		return err_sys(err, errno, "open %s", dir);
	while ((e = readdir(d)))
		load(all, e->d_name);
	closedir(d);
	load_cursor(all);
	return 0;
}

void leases_close(struct leases *all)
{
	STRMAP_FOREACH (s, &all->by_uid) {
		struct lease *l = s->val;

		free(l->ports);
		free(l->uid);
		free(l);
	}
	strmap_fini(&all->by_uid);
	free(all->used);
	free(all->dir);
	free(all->bridge);
	*all = (struct leases){0};
}
