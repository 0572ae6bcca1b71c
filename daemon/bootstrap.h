/* SPDX-License-Identifier: MIT */
/* The objects that every cluster has from its first moment. */
#pragma once

#include "objects/api.h"

/* Makes those that are not there. Waits for the commit; before the loop runs. */
int bootstrap(struct api *api, struct err *err) MUST_CHECK;
