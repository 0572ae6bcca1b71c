/* SPDX-License-Identifier: MIT */
/* Durations as Go writes them: "1h30m", "-1.5s", "100ms". Source: Go, time.ParseDuration. */
#include <errno.h>

#include "objects/quantity.h"

static const struct {
	const char *name;
	int64_t nano;
} units[] = {
	/* the longer of two that begin alike comes first */
	{"ns", 1},           {"us", 1000},      {"\xc2\xb5s", 1000}, /* micro sign */
	{"\xce\xbcs", 1000},                                         /* Greek mu */
	{"ms", 1000000},     {"s", 1000000000}, {"m", 60000000000},  {"h", 3600000000000},
};

/* Digits with one point at most, as so many of a unit; what is finer than a nanosecond is dropped. */
static int amount(const char **s, __int128 *nano)
{
	const char *p = *s;
	__int128 whole = 0, part = 0, scale = 1;
	int digits = 0;

	for (; *p >= '0' && *p <= '9'; p++, digits++)
		if ((whole = whole * 10 + (*p - '0')) > (__int128)INT64_MAX + 1)
			return 0;
	if (*p == '.')
		for (p++; *p >= '0' && *p <= '9'; p++, digits++)
			if (scale < INT64_MAX / 10) {
				part = part * 10 + (*p - '0');
				scale *= 10;
			}
	for (size_t i = 0; digits && i < ARRAY_LEN(units); i++)
		if (str_starts(p, units[i].name)) {
			*nano = whole * units[i].nano + part * units[i].nano / scale;
			*s = p + strlen(units[i].name);
			return 1;
		}
	return 0;
}

int duration_parse(const char *text, int64_t *nano_out, struct err *err)
{
	int minus = *text == '-';
	const char *s = text + (*text == '-' || *text == '+');
	__int128 sum = 0, part;

	if (strcmp(s, "0") == 0) {
		*nano_out = 0;
		return 0;
	}
	if (!*s)
		return err_set(err, EINVAL, "time: invalid duration \"%s\"", text);
	while (*s) {
		if (!amount(&s, &part) || (sum += part) > (__int128)INT64_MAX + minus)
			return err_set(err, EINVAL, "time: invalid duration \"%s\"", text);
	}
	*nano_out = (int64_t)(minus ? -sum : sum);
	return 0;
}
