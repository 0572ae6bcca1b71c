/* SPDX-License-Identifier: MIT */
/* What a ClusterRole with an aggregationRule holds. */
#pragma once

#include "objects/store/store.h"

/* The rules of all other ClusterRoles that role's selectors match, each once, in the order of
 * their names. Owned; NULL: it has no aggregationRule. */
struct value *aggregated_rules(struct store *store, const struct value *role);
