/* SPDX-License-Identifier: MIT */
/* k8sfs --stop: end the daemon of a mount point, also one that has died and left its mount. */
#pragma once

#include "daemon/options.h"

/* Return: 0 when nothing of it runs any more (pods do, unless o->purge), else -errno with err. */
int stop(const struct options *o, struct err *err) MUST_CHECK;
