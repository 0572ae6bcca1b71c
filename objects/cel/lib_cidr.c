/* SPDX-License-Identifier: MIT */
/* Ranges of addresses: cidr(), isCIDR(). */
#include <ctype.h>

#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

static int parse(const char *s, size_t n, struct cel_cidr *out)
{
	const char *slash = n ? memchr(s, '/', n) : NULL;
	size_t digits = slash ? n - (size_t)(slash + 1 - s) : 0;

	if (!slash || !digits || digits > 3 || (slash[1] == '0' && digits > 1) ||
	    lib_parse_ip(s, (size_t)(slash - s), &out->ip) < 0)
		return -1;
	out->bits = 0;
	for (size_t i = 1; i <= digits; i++) {
		if (!isdigit((unsigned char)slash[i]))
			return -1;
		out->bits = out->bits * 10 + (unsigned)(slash[i] - '0');
	}
	return out->bits <= 8u * out->ip.n ? 0 : -1;
}

static struct cel_ip masked_ip(const struct cel_ip *ip, unsigned bits)
{
	struct cel_ip out = *ip;

	for (unsigned i = 0; i < out.n; i++) {
		unsigned kept = bits > 8 * i ? bits - 8 * i : 0;

		if (kept < 8)
			out.bytes[i] &= (uint8_t)(0xff00u >> kept);
	}
	return out;
}

static int holds(const struct cel_cidr *c, const struct cel_ip *ip)
{
	struct cel_ip a = masked_ip(&c->ip, c->bits), b = masked_ip(ip, c->bits);

	return c->ip.n == ip->n && memcmp(a.bytes, b.bytes, a.n) == 0;
}

void lib_render_cidr(const struct cel_cidr *c, struct buf *out)
{
	lib_render_ip(&c->ip, out);
	buf_addf(out, "/%u", c->bits);
}

static const struct cel_cidr *cidr_of(const struct cel_val *a)
{
	return a->other;
}

FN(to_cidr)
{
	struct cel_cidr *c = cel_alloc(r, 1, sizeof(*c));

	if (!c)
		return cel_stop(r);
	if (parse(a->s, a->n, c) < 0)
		return cel_error(r,
				 "network address parse error during conversion from string: %.*s",
				 (int)(a->n > 100 ? 100 : a->n), a->s);
	return cel_other(CEL_CIDR, c);
}

FN(is_cidr)
{
	struct cel_cidr c;

	return cel_bool(parse(a->s, a->n, &c) == 0);
}

FN(contains_ip)
{
	struct cel_ip ip;

	if (a[1].kind == CEL_IP)
		return cel_bool(holds(cidr_of(a), a[1].other));
	if (lib_parse_ip(a[1].s, a[1].n, &ip) < 0)
		return cel_error(r, "IP Address \"%.*s\" parse error during conversion from string",
				 (int)(a[1].n > 100 ? 100 : a[1].n), a[1].s);
	return cel_bool(holds(cidr_of(a), &ip));
}

FN(contains_cidr)
{
	struct cel_cidr own;
	const struct cel_cidr *c = &own;

	if (a[1].kind == CEL_CIDR)
		c = cidr_of(&a[1]);
	else if (parse(a[1].s, a[1].n, &own) < 0)
		return cel_error(r,
				 "network address parse error during conversion from string: %.*s",
				 (int)(a[1].n > 100 ? 100 : a[1].n), a[1].s);
	return cel_bool(c->bits >= cidr_of(a)->bits && holds(cidr_of(a), &c->ip));
}

FN(prefix_length)
{
	return cel_int(cidr_of(a)->bits);
}

FN(get_ip)
{
	return cel_other(CEL_IP, &cidr_of(a)->ip);
}

FN(get_masked)
{
	struct cel_cidr *c = cel_alloc(r, 1, sizeof(*c));

	if (!c)
		return cel_stop(r);
	c->ip = masked_ip(&cidr_of(a)->ip, cidr_of(a)->bits);
	c->bits = cidr_of(a)->bits;
	return cel_other(CEL_CIDR, c);
}

FN(to_text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	lib_render_cidr(cidr_of(a), &b);
	return cel_text_of(r, &b);
}

static const struct cel_function rows[] = {
	{"cidr", "s>C", to_cidr, COST_TRAVERSE},
	{"isCIDR", "s>b", is_cidr, COST_TRAVERSE},
	{"containsIP", ".Cs>b", contains_ip, COST_CIDR},
	{"containsIP", ".CI>b", contains_ip, COST_CIDR},
	{"containsCIDR", ".Cs>b", contains_cidr, COST_CIDR},
	{"containsCIDR", ".CC>b", contains_cidr, COST_CIDR},
	{"ip", ".C>I", get_ip, COST_1},
	{"masked", ".C>C", get_masked, COST_1},
	{"prefixLength", ".C>i", prefix_length, COST_1},
	{"string", "C>s", to_text, COST_1},
};
CEL_LIBRARY(lib_cidr, rows);
