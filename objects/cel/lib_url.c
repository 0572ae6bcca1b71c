/* SPDX-License-Identifier: MIT */
/* url(): absolute URLs and absolute paths, as Go's url.ParseRequestURI takes them. */
#include <ctype.h>

#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

static int hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* Percent escapes resolved ('+' too, in a query). NULL: malformed. In the run's memory. */
static const char *decode(struct cel_run *r, const char *s, size_t n, int query)
{
	char *out = cel_alloc(r, n + 1, 1);
	size_t k = 0;

	for (size_t i = 0; out && i < n; i++) {
		if (s[i] == '%') {
			if (i + 2 >= n || hex(s[i + 1]) < 0 || hex(s[i + 2]) < 0)
				return NULL;
			out[k] = (char)(hex(s[i + 1]) * 16 + hex(s[i + 2]));
			if (!out[k++])
				return NULL;
			i += 2;
		} else {
			out[k++] = query && s[i] == '+' ? ' ' : s[i];
		}
	}
	return out;
}

static size_t scheme_length(const char *s)
{
	size_t n = 0;

	if (!isalpha((unsigned char)*s))
		return 0;
	while (isalnum((unsigned char)s[n]) || s[n] == '+' || s[n] == '-' || s[n] == '.')
		n++;
	return s[n] == ':' ? n : 0;
}

/* [user@]host[:port]: no blanks, and a port of digits. */
static int is_host(const char *s, size_t n)
{
	const char *at = memrchr(s, '@', n), *colon;

	if (at) {
		n -= (size_t)(at + 1 - s);
		s = at + 1;
	}
	colon = memrchr(s, ':', n);
	if (n && *s == '[') {
		const char *end = memchr(s, ']', n);

		if (!end)
			return 0;
		colon = end + 1 < s + n ? end + 1 : NULL;
		if (colon && *colon != ':')
			return 0;
	}
	for (size_t i = 0; i < n; i++)
		if (strchr(" <>\"{}|\\^`", s[i]))
			return 0;
	for (const char *p = colon ? colon + 1 : s + n; p < s + n; p++)
		if (!isdigit((unsigned char)*p))
			return 0;
	return 1;
}

static const struct cel_url *parse(struct cel_run *r, struct cel_val text)
{
	const char *s = cel_c_string(r, text), *whole = s, *authority;
	struct cel_url *u = cel_alloc(r, 1, sizeof(*u));
	size_t n;

	if (!s || !u || !*s)
		return NULL;
	for (const char *p = s; *p; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return NULL;
	*u = (struct cel_url){"", "", "", "", whole};
	n = scheme_length(s);
	if (n) {
		u->scheme = arena_strndup(&r->mem, s, n);
		s += n + 1;
	} else if (*s != '/') {
		return NULL;
	}
	if (str_starts(s, "//") && (n || s[2] != '/')) {
		authority = s + 2;
		s = authority + strcspn(authority, "/?");
		if (!is_host(authority, (size_t)(s - authority)))
			return NULL;
		for (const char *p = authority; p < s; p++) /* without the user */
			if (*p == '@')
				authority = p + 1;
		u->host = decode(r, authority, (size_t)(s - authority), 0);
		if (!u->host)
			return NULL;
	} else if (*s != '/' && !n) {
		return NULL;
	}
	n = strcspn(s, "?");
	u->path = arena_strndup(&r->mem, s, n);
	u->query = s[n] ? s + n + 1 : "";
	return decode(r, s, n, 0) ? u : NULL;
}

FN(to_url)
{
	const struct cel_url *u = parse(r, *a);

	if (!u)
		return cel_error(r, "URL parse error during conversion from string: %.*s",
				 (int)(a->n > 100 ? 100 : a->n), a->s);
	return cel_other(CEL_URL, u);
}

FN(is_url)
{
	return cel_bool(parse(r, *a) != NULL);
}

static struct cel_val text_of(const char *s)
{
	return cel_text(s, strlen(s));
}

FN(get_scheme)
{
	return text_of(((const struct cel_url *)a->other)->scheme);
}

FN(get_host)
{
	return text_of(((const struct cel_url *)a->other)->host);
}

/* Where the port begins (":80"); the end when there is none. */
static const char *port_of(const char *host)
{
	const char *bracket = *host == '[' ? strchr(host, ']') : NULL;
	const char *colon = strchr(bracket ? bracket : host, ':');

	return colon ? colon : host + strlen(host);
}

FN(get_hostname)
{
	const char *host = ((const struct cel_url *)a->other)->host, *end = port_of(host);

	if (*host == '[' && end > host && end[-1] == ']')
		return cel_text(host + 1, (size_t)(end - host) - 2);
	return cel_text(host, (size_t)(end - host));
}

FN(get_port)
{
	const char *port = port_of(((const struct cel_url *)a->other)->host);

	return text_of(*port ? port + 1 : port);
}

FN(get_path)
{
	return text_of(((const struct cel_url *)a->other)->path);
}

/* A map of lists: a name may come more than once. */
FN(get_query)
{
	struct cel_map *m = cel_map_new(r);
	const char *s = ((const struct cel_url *)a->other)->query;

	while (m && *s) {
		size_t len = strcspn(s, "&"), split = strcspn(s, "=&");
		const char *key = decode(r, s, split, 1);
		const char *val = split < len ? decode(r, s + split + 1, len - split - 1, 1) : "";
		struct cel_val list = cel_list(NULL, 0), *one = cel_alloc(r, 1, sizeof(*one));

		if (!one || cel_work(r, 1))
			return cel_stop(r);
		if (len && key && val) {
			*one = text_of(val);
			cel_lookup(r, cel_map_val(m), text_of(key), &list);
			cel_map_put(r, m, text_of(key), cel_join_lists(r, list, cel_list(one, 1)));
		}
		s += len + (s[len] == '&');
	}
	return m ? cel_map_val(m) : cel_stop(r);
}

static const struct cel_function rows[] = {
	{"url", "s>U", to_url, COST_TRAVERSE},         {"isURL", "s>b", is_url, COST_TRAVERSE},
	{"getScheme", ".U>s", get_scheme, COST_1},     {"getHost", ".U>s", get_host, COST_1},
	{"getHostname", ".U>s", get_hostname, COST_1}, {"getPort", ".U>s", get_port, COST_1},
	{"getEscapedPath", ".U>s", get_path, COST_1},  {"getQuery", ".U>MsLs", get_query, COST_1},
};
CEL_LIBRARY(lib_url, rows);
