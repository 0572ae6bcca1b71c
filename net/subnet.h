/* SPDX-License-Identifier: MIT */
/* An IPv4 range in CIDR notation. */
#pragma once

#include <netinet/in.h>

#include "util/err.h"

struct subnet {
	struct in_addr net; /* network order, host bits zero */
	unsigned prefix;
};

/* "10.244.0.0/24"; host bits must be zero, prefix within min..max. `what` names the option in
 * errors. */
int subnet_parse(const char *text, unsigned min, unsigned max, const char *what, struct subnet *out,
		 struct err *err) MUST_CHECK;
/* How many addresses, the network's and the broadcast's counted. */
static inline uint32_t subnet_size(const struct subnet *s)
{
	return 1u << (32 - s->prefix);
}
struct in_addr subnet_nth(const struct subnet *s, uint32_t n);
/* Return: true and its number when the address is inside. */
int subnet_index(const struct subnet *s, struct in_addr ip, uint32_t *n);
int subnet_overlaps(const struct subnet *a, const struct subnet *b);
