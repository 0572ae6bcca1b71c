/* SPDX-License-Identifier: MIT */
/*
 * Quantities ("250m", "64Mi", "1e3") in exact arithmetic, and the other small
 * grammars of the API that are numbers: int-or-string percentages, durations.
 * Source: apimachinery pkg/api/resource/quantity.go.
 */
#pragma once

#include "objects/value.h"
#include "util/err.h"

struct quantity {
	__int128 nano; /* value * 10^9, exact; finer is rounded up, as Kubernetes does */
	int format;    /* 0 decimal SI, 1 binary SI, 2 decimal exponent */
};

int quantity_parse(const char *text, struct quantity *out, struct err *err) MUST_CHECK;
/* From a string or a number in a manifest. */
int quantity_from_value(const struct value *v, struct quantity *out, struct err *err) MUST_CHECK;
/* Canonical text: "1500m", "64Mi". buf of 64. */
const char *quantity_render(const struct quantity *q, char buf[64]);
/* Rounded up to whole units / thousandths; saturating. */
int64_t quantity_units(const struct quantity *q);
int64_t quantity_millis(const struct quantity *q);
int quantity_cmp(const struct quantity *a, const struct quantity *b);

/* int-or-string: an int, or "25%" of total, rounded up or down. -EINVAL when neither. */
int int_or_percent(const struct value *v, int64_t total, int round_up, int64_t *out) MUST_CHECK;
/* Go's durations: "1h30m", "-1.5s". err: as Go's time.ParseDuration says. */
int duration_parse(const char *text, int64_t *nano_out, struct err *err) MUST_CHECK;
/* RFC 3339 to seconds (and nanoseconds) since the epoch. */
int time_parse(const char *text, int64_t *sec_out, int32_t *nsec_out) MUST_CHECK;
/* "2026-11-23T20:17:18Z"; buf of 32. */
const char *time_render(int64_t sec, char buf[32]);
/* How kubectl prints an age: "10s", "5m30s", "3d4h". buf of 16. */
const char *age_render(int64_t seconds, char buf[16]);
