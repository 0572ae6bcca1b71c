/* SPDX-License-Identifier: MIT */
/* An IPv4 range: see subnet.h. */
#include "net/subnet.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

static uint32_t mask(unsigned prefix)
{
	return prefix ? ~0u << (32 - prefix) : 0;
}

int subnet_parse(const char *text, unsigned min, unsigned max, const char *what, struct subnet *out,
		 struct err *err)
{
	CLEANUP_FREE char *ip = xstrdup(text);
	char *slash = strchr(ip, '/'), *end;
	unsigned long prefix;

	if (!slash)
		return err_set(err, EINVAL,
			       "%s: \"%.100s\": expected ADDRESS/PREFIX, as 10.244.0.0/24", what,
			       text);
	*slash++ = '\0';
	prefix = strtoul(slash, &end, 10);
	if (*slash < '0' || *slash > '9' || *end || inet_pton(AF_INET, ip, &out->net) != 1)
		return err_set(err, EINVAL,
			       "%s: \"%.100s\": expected an IPv4 range, as 10.244.0.0/24", what,
			       text);
	if (prefix < min || prefix > max)
		return err_set(err, EINVAL, "%s: \"%.100s\": expected a prefix between /%u and /%u",
			       what, text, min, max);
	out->prefix = (unsigned)prefix;
	if (ntohl(out->net.s_addr) & ~mask(out->prefix))
		return err_set(err, EINVAL,
			       "%s: \"%.100s\": the address has bits beyond the prefix", what,
			       text);
	return 0;
}

struct in_addr subnet_nth(const struct subnet *s, uint32_t n)
{
	return (struct in_addr){htonl(ntohl(s->net.s_addr) + n)};
}

int subnet_index(const struct subnet *s, struct in_addr ip, uint32_t *n)
{
	uint32_t at = ntohl(ip.s_addr) - ntohl(s->net.s_addr);

	if ((ntohl(ip.s_addr) & mask(s->prefix)) != ntohl(s->net.s_addr))
		return 0;
	*n = at;
	return 1;
}

int subnet_overlaps(const struct subnet *a, const struct subnet *b)
{
	uint32_t m = mask(a->prefix < b->prefix ? a->prefix : b->prefix);

	return (ntohl(a->net.s_addr) & m) == (ntohl(b->net.s_addr) & m);
}
