/* SPDX-License-Identifier: MIT */
#include "objects/api/pool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

#include "objects/fault.h"

#define NODE_PORT_FIRST 30000u /* kube-apiserver --service-node-port-range */
#define NODE_PORT_COUNT 2768u
#define LARGEST_RANGE   65536u /* addresses of a bigger CIDR beyond these are not given out */

/* A range of numbers; one bit each says taken. */
struct pool {
	uint32_t first, count, next;
	unsigned char *taken;
};

struct pools {
	pthread_mutex_t lock;
	struct pool addresses, ports;
	char *cidr;
};

struct claim {
	struct pool *pool;
	uint32_t number;
	int leaving; /* given back when kept, instead of when dropped */
};

static int is_taken(const struct pool *p, uint32_t n)
{
	return p->taken[(n - p->first) / 8] >> ((n - p->first) % 8) & 1;
}

static void mark(struct pool *p, uint32_t n, int on)
{
	unsigned char bit = 1u << ((n - p->first) % 8);

	if (on)
		p->taken[(n - p->first) / 8] |= bit;
	else
		p->taken[(n - p->first) / 8] &= (unsigned char)~bit;
}

static int covers(const struct pool *p, uint32_t n)
{
	return n >= p->first && n - p->first < p->count;
}

static void pool_init(struct pool *p, uint32_t first, uint32_t count)
{
	*p = (struct pool){first, count, first, xcalloc(count / 8 + 1, 1)};
}

/* Numbers go round, so that one just given up is not given to the next. Return: 0 when all are
 * taken. */
static uint32_t pool_take(struct pool *p)
{
	for (uint32_t i = 0; i < p->count; i++) {
		uint32_t n = p->next;

		p->next = covers(p, n + 1) ? n + 1 : p->first;
		if (!is_taken(p, n)) {
			mark(p, n, 1);
			return n;
		}
	}
	return 0;
}

struct pools *pools_new(const char *service_cidr, struct err *err)
{
	struct in_addr net;
	char text[INET_ADDRSTRLEN];
	unsigned bits, size;
	struct pools *p;
	char end;

	if (sscanf(service_cidr, "%15[0-9.]/%u%c", text, &bits, &end) != 2 ||
	    inet_pton(AF_INET, text, &net) != 1 || bits < 8 || bits > 30) {
		err_set(err, EINVAL,
			"service range \"%s\": an IPv4 CIDR such as 10.96.0.0/16 (/8 to /30) was "
			"expected",
			service_cidr);
		return NULL;
	}
	size = 1u << (32 - bits);
	p = xcalloc(1, sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	p->cidr = xstrdup(service_cidr);
	/* without the network's own address, the first (kubernetes.default) and the broadcast
	 * address */
	pool_init(&p->addresses, (ntohl(net.s_addr) & ~(size - 1)) + 1,
		  (size > LARGEST_RANGE ? LARGEST_RANGE : size) - 2);
	mark(&p->addresses, p->addresses.first, 1);
	pool_init(&p->ports, NODE_PORT_FIRST, NODE_PORT_COUNT);
	return p;
}

void pools_free(struct pools *p)
{
	if (!p)
		return;
	free(p->addresses.taken);
	free(p->ports.taken);
	free(p->cidr);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* -- what a Service holds -- */

static uint32_t address_of(const struct value *service)
{
	const char *ip = value_dig_str(service, "spec", "clusterIP", NULL);
	struct in_addr a;

	return ip && inet_pton(AF_INET, ip, &a) == 1 ? ntohl(a.s_addr) : 0;
}

static uint32_t port_of(const struct value *service, size_t i)
{
	return (uint32_t)value_int(
		value_get(value_at(value_dig(service, "spec", "ports", NULL), i), "nodePort"), 0);
}

static size_t n_ports(const struct value *service)
{
	return value_count(value_dig(service, "spec", "ports", NULL));
}

static int holds_port(const struct value *service, uint32_t port)
{
	for (size_t i = 0; i < n_ports(service); i++)
		if (port_of(service, i) == port)
			return 1;
	return 0;
}

void pools_adopt(struct pools *p, const struct value *service)
{
	uint32_t ip = address_of(service);

	if (covers(&p->addresses, ip))
		mark(&p->addresses, ip, 1);
	for (size_t i = 0; i < n_ports(service); i++)
		if (covers(&p->ports, port_of(service, i)))
			mark(&p->ports, port_of(service, i), 1);
}

/* -- claims -- */

static void claim(struct claims *c, struct pool *pool, uint32_t number, int leaving)
{
	c->list = xreallocarray(c->list, c->n + 1, sizeof(*c->list));
	c->list[c->n++] = (struct claim){pool, number, leaving};
}

static void settle(struct pools *p, struct claims *c, int kept)
{
	if (!c->n)
		return;
	pthread_mutex_lock(&p->lock);
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].leaving == kept)
			mark(c->list[i].pool, c->list[i].number, 0);
	pthread_mutex_unlock(&p->lock);
	free(c->list);
	*c = (struct claims){NULL, 0};
}

void claims_drop(struct pools *p, struct claims *c)
{
	settle(p, c, 0);
}

void claims_keep(struct pools *p, struct claims *c)
{
	settle(p, c, 1);
}

static int claimed_here(const struct claims *c, const struct pool *pool, uint32_t number)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->list[i].pool == pool && c->list[i].number == number)
			return 1;
	return 0;
}

/* A number that the user asked for. Return: 0, or -EINVAL when another one has it. */
static int claim_asked(struct pools *p, struct claims *c, struct pool *pool, uint32_t number)
{
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	if (is_taken(pool, number)) {
		rc = -EINVAL;
	} else {
		mark(pool, number, 1);
		claim(c, pool, number, 0);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

static uint32_t claim_any(struct pools *p, struct claims *c, struct pool *pool)
{
	uint32_t number;

	pthread_mutex_lock(&p->lock);
	number = pool_take(pool);
	if (number)
		claim(c, pool, number, 0);
	pthread_mutex_unlock(&p->lock);
	return number;
}

/* -- assignment -- */

static int wants_address(const struct value *service)
{
	const char *type = value_dig_str(service, "spec", "type", NULL);
	const char *ip = value_dig_str(service, "spec", "clusterIP", NULL);

	return !str_eq(type, "ExternalName") && !str_eq(ip, "None");
}

static int wants_ports(const struct value *service)
{
	const char *type = value_dig_str(service, "spec", "type", NULL);

	return str_eq(type, "NodePort") ||
	       (str_eq(type, "LoadBalancer") &&
		value_bool(value_dig(service, "spec", "allocateLoadBalancerNodePorts", NULL), 1));
}

static struct value *spec_default(struct value *taken, const char *key, struct value *taken_dflt)
{
	if (!value_dig(taken, "spec", key, NULL))
		return value_bury(taken, taken_dflt, "spec", key, NULL);
	value_unref(taken_dflt);
	return taken;
}

static struct value *list_of(const char *s)
{
	return value_append(value_new_list(), value_new_string(s));
}

static struct value *assign_address(struct pools *p, struct value *taken, const struct value *old,
				    struct claims *c, struct faults *faults)
{
	const struct path *at = PATH_FIELD(PATH_FIELD(NULL, "spec"), "clusterIPs");
	uint32_t was = address_of(old), ip = address_of(taken);
	const char *text = value_dig_str(taken, "spec", "clusterIP", NULL);
	char buf[INET_ADDRSTRLEN];
	struct in_addr a;

	if (text && *text && !ip)
		return taken; /* IPv6, or no address: validation speaks */
	if (ip && ip != was) {
		if (!covers(&p->addresses, ip))
			fault_add(faults, at, FAULT_INVALID,
				  value_dig(taken, "spec", "clusterIP", NULL),
				  "failed to allocate IP %s: the provided network does not match "
				  "the current range (%s)",
				  text, p->cidr);
		else if (claim_asked(p, c, &p->addresses, ip))
			fault_add(faults, at, FAULT_INVALID,
				  value_dig(taken, "spec", "clusterIP", NULL),
				  "failed to allocate IP %s: provided IP is already allocated",
				  text);
	} else if (!ip) {
		ip = was ? was : claim_any(p, c, &p->addresses);
		if (!ip) {
			fault_add_code(faults, EAGAIN,
				       "spec.clusterIP: all addresses of %s are taken", p->cidr);
			return taken;
		}
		a.s_addr = htonl(ip);
		inet_ntop(AF_INET, &a, buf, sizeof(buf));
		taken = value_bury(taken, value_new_string(buf), "spec", "clusterIP", NULL);
	}
	taken = spec_default(taken, "clusterIPs",
			     list_of(value_dig_str(taken, "spec", "clusterIP", NULL)));
	taken = spec_default(taken, "ipFamilies", list_of("IPv4"));
	return spec_default(taken, "ipFamilyPolicy", value_new_string("SingleStack"));
}

/* The same number may serve TCP and UDP of one Service. */
static struct value *assign_ports(struct pools *p, struct value *taken, const struct value *old,
				  struct claims *c, struct faults *faults)
{
	for (size_t i = 0; i < n_ports(taken); i++) {
		const struct path *spec = PATH_FIELD(NULL, "spec");
		const struct path *list = PATH_FIELD(spec, "ports");
		const struct path *item = PATH_INDEX(list, i);
		const struct path *at = PATH_FIELD(item, "nodePort");
		uint32_t port = port_of(taken, i);
		struct value *ports, *entry;

		if (port && (holds_port(old, port) || claimed_here(c, &p->ports, port)))
			continue;
		if (port && !covers(&p->ports, port)) {
			fault_add(faults, at, FAULT_INVALID,
				  value_get(value_at(value_dig(taken, "spec", "ports", NULL), i),
					    "nodePort"),
				  "provided port is not in the valid range. The range of valid "
				  "ports is %u-%u",
				  NODE_PORT_FIRST, NODE_PORT_FIRST + NODE_PORT_COUNT - 1);
			continue;
		}
		if (port) {
			if (claim_asked(p, c, &p->ports, port))
				fault_add(
					faults, at, FAULT_INVALID,
					value_get(value_at(value_dig(taken, "spec", "ports", NULL),
							   i),
						  "nodePort"),
					"provided port is already allocated");
			continue;
		}
		port = claim_any(p, c, &p->ports);
		if (!port) {
			fault_add_code(faults, EAGAIN, "spec.ports: all node ports are taken");
			break;
		}
		ports = value_ref(value_dig(taken, "spec", "ports", NULL));
		entry = value_set_int(value_ref(value_at(ports, i)), "nodePort", port);
		taken = value_bury(taken, value_set_at(ports, i, entry), "spec", "ports", NULL);
	}
	return taken;
}

/* What the old one held and the new one does not. */
static void leave(struct pools *p, const struct value *old, const struct value *now,
		  struct claims *c)
{
	uint32_t ip = address_of(old);

	if (ip && covers(&p->addresses, ip) && ip != address_of(now))
		claim(c, &p->addresses, ip, 1);
	for (size_t i = 0; i < n_ports(old); i++)
		if (covers(&p->ports, port_of(old, i)) && !holds_port(now, port_of(old, i)))
			claim(c, &p->ports, port_of(old, i), 1);
}

struct value *pools_assign(struct pools *p, struct value *taken, const struct value *old,
			   struct claims *claims, struct faults *faults)
{
	if (wants_address(taken))
		taken = assign_address(p, taken, old, claims, faults);
	else if (str_eq(value_dig_str(taken, "spec", "clusterIP", NULL), "None")) {
		taken = spec_default(taken, "clusterIPs", list_of("None"));
		taken = spec_default(taken, "ipFamilies", list_of("IPv4"));
		taken = spec_default(taken, "ipFamilyPolicy", value_new_string("SingleStack"));
	}
	if (wants_ports(taken))
		taken = assign_ports(p, taken, old, claims, faults);
	if (old)
		leave(p, old, taken, claims);
	return taken;
}

void pools_leave(struct pools *p, const struct value *old, struct claims *claims)
{
	leave(p, old, NULL, claims);
}
