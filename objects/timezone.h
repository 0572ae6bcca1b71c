/* SPDX-License-Identifier: MIT */
/*
 * Time zones of the system's database (/usr/share/zoneinfo), by the names that IANA gives them
 * ("Europe/Berlin"). A zone is immutable: any thread may use it. The C library has one zone a
 * process, in a variable of its own, and cannot serve several.
 *
 * Source: RFC 8536 (TZif); POSIX, Base Definitions 8.3, TZ, for the rule that ends such a file.
 */
#pragma once

#include "objects/value.h"
#include "util/err.h"

struct zone;

/*
 * "" and "UTC" are there without a database. A name that could leave the database's directory is
 * -EINVAL, one that it has not -ENOENT, and so is every name where there is no database; the texts
 * of Go's time.LoadLocation, as Kubernetes shows them. Free with zone_free().
 */
struct zone *zone_open(const char *name, struct err *err) MUST_CHECK;
/* The same from a file's bytes. -EINVAL: they are none. */
struct zone *zone_parse(const void *data, size_t len, struct err *err) MUST_CHECK;
/* NULL is fine. */
void zone_free(struct zone *z);
DEFINE_CLEANUP(struct zone *, zone_free)

/* Seconds east of Greenwich at a moment (seconds since the epoch). */
int32_t zone_offset(const struct zone *z, int64_t t);
