/* SPDX-License-Identifier: MIT */
/* Cluster addresses and node ports of Services. */
#include "objects/api/admission/admission.h"

static struct value *assign(struct step *s, struct value *taken)
{
	return pools_assign(s->run->api->pools, taken, s->live, &s->run->claims, &s->r->faults);
}

static void give_back(struct step *s)
{
	pools_leave(s->run->api->pools, s->live, &s->run->claims);
}

const struct plugin service_numbers = {.plural = "services",
				       .group = "",
				       .when = ON_CREATE | ON_UPDATE,
				       .admit = assign,
				       .leave = give_back};
