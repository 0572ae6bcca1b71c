/* SPDX-License-Identifier: MIT */
/* Inside objects/cel: time zones, from the system's files (RFC 8536). */
#pragma once

#include <stdint.h>

/*
 * Seconds east of Greenwich at a moment: of "", "UTC", "+02:00", "-08:00", "02:00", or a name such
 * as "Europe/Berlin". Return: 0, -ENOENT when there is no such zone.
 */
int zone_offset(const char *zone, int64_t at, int64_t *east);
