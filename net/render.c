/* SPDX-License-Identifier: MIT */
/* The tables of /k8s/net: a header line, columns that line up, sorted. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "net/net_i.h"

#define COLUMNS_MAX 8

struct table {
	char *(*rows)[COLUMNS_MAX];
	size_t n, n_columns;
};

static void table_add(struct table *t, char *const *cells)
{
	t->rows = xreallocarray(t->rows, t->n + 1, sizeof(*t->rows));
	for (size_t i = 0; i < t->n_columns; i++)
		t->rows[t->n][i] = cells[i];
	t->n++;
}

static void table_print(const struct table *t, struct buf *out)
{
	size_t width[COLUMNS_MAX] = {0};

	for (size_t r = 0; r < t->n; r++)
		for (size_t c = 0; c < t->n_columns; c++)
			if (strlen(t->rows[r][c]) > width[c])
				width[c] = strlen(t->rows[r][c]);
	for (size_t r = 0; r < t->n; r++) {
		for (size_t c = 0; c < t->n_columns; c++) {
			buf_adds(out, t->rows[r][c]);
			if (c + 1 < t->n_columns)
				buf_pad(out, width[c] - strlen(t->rows[r][c]) + 3);
		}
		buf_addc(out, '\n');
	}
}

static void table_fini(struct table *t)
{
	for (size_t r = 0; r < t->n; r++)
		for (size_t c = 0; c < t->n_columns; c++)
			free(t->rows[r][c]);
	free(t->rows);
}

/* -- leases -- */

static int by_address(const void *a, const void *b)
{
	const struct lease *l = *(struct lease *const *)a, *m = *(struct lease *const *)b;

	return l->index < m->index ? -1 : l->index > m->index;
}

/* lock held. */
static struct lease **sorted(const struct net *n, size_t *count)
{
	struct lease **list = xcalloc(n->leases.by_uid.n + 1, sizeof(*list));

	*count = 0;
	STRMAP_FOREACH (s, &n->leases.by_uid)
		list[(*count)++] = s->val;
	qsort(list, *count, sizeof(*list), by_address);
	return list;
}

static char *ip_text(struct in_addr ip)
{
	char text[INET_ADDRSTRLEN];

	return xstrdup(inet_ntop(AF_INET, &ip, text, sizeof(text)));
}

/* lock held. */
static void add_addresses(const struct net *n, struct table *t)
{
	size_t count;
	CLEANUP_FREE struct lease **list = sorted(n, &count);

	t->n_columns = 3;
	table_add(t, (char *[]){xstrdup("ADDRESS"), xstrdup("LINK"), xstrdup("OWNER")});
	table_add(t, (char *[]){xstrdup(n->gateway_text), xstrdup(n->name), xstrdup("node")});
	for (size_t i = 0; i < count; i++)
		table_add(t, (char *[]){ip_text(list[i]->ip), xstrdup(list[i]->host_link),
					xasprintf("pod/%s", list[i]->uid)});
}

/* lock held. */
static void add_ports(const struct net *n, struct table *t)
{
	size_t count;
	CLEANUP_FREE struct lease **list = sorted(n, &count);

	t->n_columns = 6;
	table_add(t, (char *[]){xstrdup("PROTOCOL"), xstrdup("HOST-IP"), xstrdup("HOST-PORT"),
				xstrdup("ADDRESS"), xstrdup("PORT"), xstrdup("OWNER")});
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < list[i]->n_ports; k++) {
			const struct host_port *p = &list[i]->ports[k];

			table_add(t, (char *[]){xstrdup(protocol_name(p)),
						ip_text((struct in_addr){p->host_ip}),
						xasprintf("%u", p->host_port), ip_text(list[i]->ip),
						xasprintf("%u", p->container_port),
						xasprintf("pod/%s", list[i]->uid)});
		}
}

/* -- links -- */

struct links {
	const struct net *n;
	struct table table;
};

static char *owner_of(const struct net *n, const char *link)
{
	STRMAP_FOREACH (s, &n->leases.by_uid)
		if (str_eq(((struct lease *)s->val)->host_link, link))
			return xasprintf("pod/%s", s->key);
	return xstrdup(str_eq(link, n->name) ? "node" : "-");
}

static void add_link(void *arg, const struct link_info *l)
{
	struct links *all = arg;

	if (l->index != all->n->bridge && l->master != all->n->bridge)
		return;
	table_add(&all->table,
		  (char *[]){xstrdup(l->name), xstrdup(*l->kind ? l->kind : "-"),
			     xstrdup(!l->up       ? "down"
				     : l->carrier ? "up"
						  : "no-carrier"),
			     xasprintf("%02x:%02x:%02x:%02x:%02x:%02x", l->mac[0], l->mac[1],
				       l->mac[2], l->mac[3], l->mac[4], l->mac[5]),
			     xasprintf("%u", l->mtu),
			     xasprintf("%llu", (unsigned long long)l->rx_bytes),
			     xasprintf("%llu", (unsigned long long)l->tx_bytes),
			     owner_of(all->n, l->name)});
}

/* A socket of its own: the answer to a dump must not mix with the loop's requests. */
static int render_links(struct net *n, struct buf *out, struct err *err)
{
	struct links all = {.n = n, .table.n_columns = 8};
	struct netlink nl;
	int rc = netlink_open(&nl, err);

	if (rc < 0)
		return rc;
	table_add(&all.table, (char *[]){xstrdup("NAME"), xstrdup("KIND"), xstrdup("STATE"),
					 xstrdup("MAC"), xstrdup("MTU"), xstrdup("RX-BYTES"),
					 xstrdup("TX-BYTES"), xstrdup("OWNER")});
	pthread_mutex_lock(&n->lock);
	rc = link_each(&nl, add_link, &all, err);
	pthread_mutex_unlock(&n->lock);
	netlink_close(&nl);
	if (rc == 0)
		table_print(&all.table, out);
	table_fini(&all.table);
	return rc;
}

int net_render(struct net *n, const char *what, struct buf *out, struct err *err)
{
	struct table t = {0};

	if (str_eq(what, "links"))
		return render_links(n, out, err);
	pthread_mutex_lock(&n->lock);
	if (str_eq(what, "addresses"))
		add_addresses(n, &t);
	else if (str_eq(what, "ports"))
		add_ports(n, &t);
	pthread_mutex_unlock(&n->lock);
	if (!t.n)
		return err_set(err, ENOENT, "net/%.40s: no such file", what);
	table_print(&t, out);
	table_fini(&t);
	return 0;
}
