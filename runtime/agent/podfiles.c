/* SPDX-License-Identifier: MIT */
/* The small files of /etc. */
#include "runtime/agent/podfiles.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"

#define MAX_NAMESERVERS 3
#define MAX_SEARCHES    32

char *pod_hostname(const struct value *pod)
{
	const char *own = value_dig_str(pod, "spec", "hostname", NULL);
	const char *name = own && *own ? own : pod_name(pod);
	size_t n = strlen(name);

	if (n > 63) { /* truncated as the kubelet does: never ending in '-' or '.' */
		n = 63;
		while (n && (name[n - 1] == '-' || name[n - 1] == '.'))
			n--;
	}
	return xstrndup(name, n);
}

char *pod_fqdn(const struct value *pod, const char *domain)
{
	const char *subdomain = value_dig_str(pod, "spec", "subdomain", NULL);
	CLEANUP_FREE char *host = pod_hostname(pod);

	if (!subdomain || !*subdomain)
		return NULL;
	return xasprintf("%s.%s.%s.svc.%s", host, subdomain, pod_ns(pod), domain);
}

static void add_aliases(const struct value *aliases, struct buf *out)
{
	if (!value_count(aliases))
		return;
	buf_adds(out, "\n# Entries added by HostAliases.\n");
	for (size_t i = 0; i < value_count(aliases); i++) {
		const struct value *a = value_at(aliases, i), *names = value_get(a, "hostnames");

		buf_adds(out, value_str(value_get(a, "ip"), ""));
		for (size_t k = 0; k < value_count(names); k++)
			buf_addf(out, "\t%s", value_str(value_at(names, k), ""));
		buf_addc(out, '\n');
	}
}

void hosts_render(const struct pod_state *st, const char *domain, struct buf *out)
{
	const struct value *spec = value_get(st->pod, "spec");
	CLEANUP_FREE char *host = pod_hostname(st->pod), *fqdn = pod_fqdn(st->pod, domain);

	if (value_bool(value_get(spec, "hostNetwork"), 0)) {
		buf_adds(out, "# Kubernetes-managed hosts file (host network).\n");
		(void)!fd_read_file("/etc/hosts", 1 << 20, out, NULL);
	} else {
		buf_adds(out, "# Kubernetes-managed hosts file.\n"
			      "127.0.0.1\tlocalhost\n"
			      "::1\tlocalhost ip6-localhost ip6-loopback\n"
			      "fe00::0\tip6-localnet\n"
			      "fe00::0\tip6-mcastprefix\n"
			      "fe00::1\tip6-allnodes\n"
			      "fe00::2\tip6-allrouters\n");
		if (st->ip[0] && fqdn)
			buf_addf(out, "%s\t%s\t%s\n", st->ip, fqdn, host);
		else if (st->ip[0])
			buf_addf(out, "%s\t%s\n", st->ip, host);
	}
	add_aliases(value_get(spec, "hostAliases"), out);
}

/* -- resolv.conf -- */

struct resolver {
	char *servers[MAX_NAMESERVERS], *searches[MAX_SEARCHES], *options[64];
	size_t n_servers, n_searches, n_options;
};

static void add_unique(char **list, size_t *n, size_t max, char *taken)
{
	for (size_t i = 0; i < *n; i++)
		if (str_eq(list[i], taken)) {
			free(taken);
			return;
		}
	if (*n == max)
		free(taken);
	else
		list[(*n)++] = taken;
}

/* An option replaces one of the same name ("ndots:5" and "ndots:2"). */
static void add_option(struct resolver *r, char *taken)
{
	size_t name = strcspn(taken, ":");

	for (size_t i = 0; i < r->n_options; i++)
		if (strncmp(r->options[i], taken, name) == 0 &&
		    strcspn(r->options[i], ":") == name) {
			free(r->options[i]);
			r->options[i] = taken;
			return;
		}
	if (r->n_options == ARRAY_LEN(r->options))
		free(taken);
	else
		r->options[r->n_options++] = taken;
}

static void add_words(struct resolver *r, const char *key, char *words)
{
	char *save = NULL;

	for (char *w = strtok_r(words, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		if (str_eq(key, "nameserver"))
			add_unique(r->servers, &r->n_servers, MAX_NAMESERVERS, xstrdup(w));
		else if (str_eq(key, "search") || str_eq(key, "domain"))
			add_unique(r->searches, &r->n_searches, MAX_SEARCHES, xstrdup(w));
		else if (str_eq(key, "options"))
			add_option(r, xstrdup(w));
	}
}

static void add_host(struct resolver *r, const char *text, int searches_only)
{
	CLEANUP_FREE char *copy = xstrdup(text ? text : "");
	char *save = NULL;

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char *words = line + strcspn(line, " \t");

		if (*line == '#' || *line == ';' || !*words)
			continue;
		*words++ = '\0';
		if (!searches_only || str_eq(line, "search"))
			add_words(r, line, words);
	}
}

static void add_cluster(struct resolver *r, const struct value *pod, const struct dns_config *dns)
{
	add_unique(r->servers, &r->n_servers, MAX_NAMESERVERS, xstrdup(dns->address));
	add_unique(r->searches, &r->n_searches, MAX_SEARCHES,
		   xasprintf("%s.svc.%s", pod_ns(pod), dns->domain));
	add_unique(r->searches, &r->n_searches, MAX_SEARCHES, xasprintf("svc.%s", dns->domain));
	add_unique(r->searches, &r->n_searches, MAX_SEARCHES, xstrdup(dns->domain));
	add_host(r, dns->host, 1);
	add_option(r, xstrdup("ndots:5"));
}

static void add_own(struct resolver *r, const struct value *config)
{
	const struct value *servers = value_get(config, "nameservers");
	const struct value *searches = value_get(config, "searches");
	const struct value *options = value_get(config, "options");

	for (size_t i = 0; i < value_count(servers); i++)
		add_unique(r->servers, &r->n_servers, MAX_NAMESERVERS,
			   xstrdup(value_str(value_at(servers, i), "")));
	for (size_t i = 0; i < value_count(searches); i++)
		add_unique(r->searches, &r->n_searches, MAX_SEARCHES,
			   xstrdup(value_str(value_at(searches, i), "")));
	for (size_t i = 0; i < value_count(options); i++) {
		const char *name = value_str(value_get(value_at(options, i), "name"), "");
		const char *value = value_str(value_get(value_at(options, i), "value"), NULL);

		add_option(r, value ? xasprintf("%s:%s", name, value) : xstrdup(name));
	}
}

static void render_words(const char *key, char **words, size_t n, struct buf *out)
{
	if (!n)
		return;
	buf_adds(out, key);
	for (size_t i = 0; i < n; i++)
		buf_addf(out, " %s", words[i]);
	buf_addc(out, '\n');
}

static void free_words(char **words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(words[i]);
}

void resolv_render(const struct value *pod, const struct dns_config *dns, struct buf *out)
{
	const char *policy = value_dig_str(pod, "spec", "dnsPolicy", NULL);
	int host_network = value_bool(value_dig(pod, "spec", "hostNetwork", NULL), 0);
	struct resolver r = {.n_servers = 0};

	if (str_eq(policy, "None"))
		;
	else if (dns->address && !str_eq(policy, "Default") &&
		 (!host_network || str_eq(policy, "ClusterFirstWithHostNet")))
		add_cluster(&r, pod, dns);
	else
		add_host(&r, dns->host, 0);
	add_own(&r, value_dig(pod, "spec", "dnsConfig", NULL));
	render_words("search", r.searches, r.n_searches, out);
	for (size_t i = 0; i < r.n_servers; i++)
		buf_addf(out, "nameserver %s\n", r.servers[i]);
	render_words("options", r.options, r.n_options, out);
	free_words(r.servers, r.n_servers);
	free_words(r.searches, r.n_searches);
	free_words(r.options, r.n_options);
}

/* -- files -- */

/* In place: containers that run have this very file mounted. */
static int write_in_place(const char *dir, const char *name, const struct buf *text,
			  struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	CLEANUP_FD int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644);
	int rc;

	if (fd < 0)
		return err_sys(err, errno, "%s", path);
	rc = fd_write_all(fd, buf_str(text), text->len);
	return rc ? err_sys(err, -rc, "%s", path) : 0;
}

int pod_files_write(const struct pod_state *st, const struct dns_config *dns, const char *dir,
		    struct err *err)
{
	CLEANUP(buf_fini) struct buf hosts = BUF_INIT, resolv = BUF_INIT, name = BUF_INIT;
	CLEANUP_FREE char *host = pod_hostname(st->pod);
	int rc = fd_mkdir_p(dir, 0711, err);

	hosts_render(st, dns->domain, &hosts);
	resolv_render(st->pod, dns, &resolv);
	buf_addf(&name, "%s\n", host);
	if (!rc)
		rc = write_in_place(dir, "hosts", &hosts, err);
	if (!rc)
		rc = write_in_place(dir, "resolv.conf", &resolv, err);
	if (!rc)
		rc = write_in_place(dir, "hostname", &name, err);
	return rc;
}
