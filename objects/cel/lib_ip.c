/* SPDX-License-Identifier: MIT */
/*
 * IP addresses: ip(), isIP(). IPv4 in dotted decimals without leading zeros, IPv6 without zone
 * and not IPv4-mapped, as Kubernetes takes them.
 */
#include <arpa/inet.h>
#include <stdio.h>

#include "objects/cel/lib.h"

#define FN(name) static struct cel_val name(struct cel_run *r, const struct cel_val *a, size_t n)

int lib_parse_ip(const char *s, size_t n, struct cel_ip *out)
{
	static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	char text[INET6_ADDRSTRLEN + 1];

	if (!n || n >= sizeof(text))
		return -1;
	memcpy(text, s, n);
	text[n] = '\0';
	if (strlen(text) != n)
		return -1;
	*out = (struct cel_ip){.n = 4};
	if (inet_pton(AF_INET, text, out->bytes) == 1)
		return 0; /* glibc takes no leading zeros */
	out->n = 16;
	if (inet_pton(AF_INET6, text, out->bytes) != 1 || memcmp(out->bytes, mapped, 12) == 0)
		return -1;
	return 0;
}

void lib_render_ip(const struct cel_ip *ip, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];

	buf_adds(out, inet_ntop(ip->n == 4 ? AF_INET : AF_INET6, ip->bytes, text, sizeof(text)));
}

static const struct cel_ip *ip_of(const struct cel_val *a)
{
	return a->other;
}

FN(to_ip)
{
	struct cel_ip *ip = cel_alloc(r, 1, sizeof(*ip));

	if (!ip)
		return cel_stop(r);
	if (lib_parse_ip(a->s, a->n, ip) < 0)
		return cel_error(r, "IP Address \"%.*s\" parse error during conversion from string",
				 (int)(a->n > 100 ? 100 : a->n), a->s);
	return cel_other(CEL_IP, ip);
}

FN(is_ip)
{
	struct cel_ip ip;

	return cel_bool(lib_parse_ip(a->s, a->n, &ip) == 0);
}

FN(is_canonical)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	struct cel_val ip = to_ip(r, a, n);

	if (cel_is_error(ip))
		return ip;
	lib_render_ip(ip.other, &b);
	return cel_bool(b.len == a->n && memcmp(buf_str(&b), a->s, a->n) == 0);
}

FN(family)
{
	return cel_int(ip_of(a)->n == 4 ? 4 : 6);
}

FN(to_text)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	cel_render(r, *a, &b);
	return cel_text_of(r, &b);
}

FN(is_unspecified)
{
	static const uint8_t zero[16];

	return cel_bool(memcmp(ip_of(a)->bytes, zero, ip_of(a)->n) == 0);
}

FN(is_loopback)
{
	static const uint8_t one[16] = {[15] = 1};
	const struct cel_ip *ip = ip_of(a);

	return cel_bool(ip->n == 4 ? ip->bytes[0] == 127 : memcmp(ip->bytes, one, 16) == 0);
}

FN(is_link_local_multicast)
{
	const uint8_t *b = ip_of(a)->bytes;

	return cel_bool(ip_of(a)->n == 4 ? b[0] == 224 && !b[1] && !b[2]
					 : b[0] == 0xff && (b[1] & 0x0f) == 0x02);
}

FN(is_link_local_unicast)
{
	const uint8_t *b = ip_of(a)->bytes;

	return cel_bool(ip_of(a)->n == 4 ? b[0] == 169 && b[1] == 254
					 : b[0] == 0xfe && (b[1] & 0xc0) == 0x80);
}

FN(is_global_unicast)
{
	static const uint8_t all_ones[4] = {255, 255, 255, 255};
	const struct cel_ip *ip = ip_of(a);
	int multicast = ip->n == 4 ? ip->bytes[0] >> 4 == 14 : ip->bytes[0] == 0xff;

	return cel_bool(!multicast && !is_unspecified(r, a, n).i && !is_loopback(r, a, n).i &&
			!is_link_local_unicast(r, a, n).i &&
			!(ip->n == 4 && memcmp(ip->bytes, all_ones, 4) == 0));
}

static const struct cel_function rows[] = {
	{"ip", "s>I", to_ip, COST_TRAVERSE},
	{"isIP", "s>b", is_ip, COST_TRAVERSE},
	{"ip.isCanonical", "s>b", is_canonical, COST_TRAVERSE2},
	{"string", "I>s", to_text, COST_1},
	{"family", ".I>i", family, COST_1},
	{"isUnspecified", ".I>b", is_unspecified, COST_1},
	{"isLoopback", ".I>b", is_loopback, COST_1},
	{"isLinkLocalMulticast", ".I>b", is_link_local_multicast, COST_1},
	{"isLinkLocalUnicast", ".I>b", is_link_local_unicast, COST_1},
	{"isGlobalUnicast", ".I>b", is_global_unicast, COST_1},
};
CEL_LIBRARY(lib_ip, rows);
