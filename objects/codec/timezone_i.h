/* SPDX-License-Identifier: MIT */
/* The rule at the end of a zone's file, for the years after its table. */
#pragma once

#include "objects/timezone.h"

/* When a year's clocks are put forward or back. */
struct zone_turn {
	enum { TURN_JULIAN, TURN_DAY, TURN_WEEKDAY } form;
	int month, week, day; /* J and n: day alone */
	int32_t time; /* seconds after that day's midnight, by the clock before; may be below 0 */
};

struct zone_rule {
	int there, summer;          /* summer: it has one */
	int32_t standard, daylight; /* seconds east */
	struct zone_turn start, end;
};

/* POSIX TZ with RFC 8536's hours up to 167. -EINVAL: it is none. */
int zone_rule_parse(const char *text, struct zone_rule *out) MUST_CHECK;
int32_t zone_rule_offset(const struct zone_rule *r, int64_t t);
