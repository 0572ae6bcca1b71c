/* SPDX-License-Identifier: MIT */
/* Small words for values, as kubectl has them. */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "objects/codec.h"
#include "objects/print/print_i.h"
#include "objects/quantity.h"
#include "objects/selector.h"

static const struct value *vdig(const struct value *v, va_list ap)
{
	const char *key;

	while (v && (key = va_arg(ap, const char *)))
		v = value_get(v, key);
	return v;
}

const char *text_at(const struct value *v, const char *otherwise, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, otherwise);
	s = value_str(vdig(v, ap), "");
	va_end(ap);
	return *s ? s : otherwise;
}

int64_t int_at(const struct value *v, int64_t otherwise, ...)
{
	int64_t i;
	va_list ap;

	va_start(ap, otherwise);
	i = value_int(vdig(v, ap), otherwise);
	va_end(ap);
	return i;
}

static const char *age(const char *text, int sign, char buf[16])
{
	int64_t sec;
	int32_t nsec;
	struct timespec now;

	if (!text || time_parse(text, &sec, &nsec) < 0)
		return "<unknown>";
	clock_gettime(CLOCK_REALTIME, &now);
	/* whole seconds, cut towards zero */
	sec = sign * (now.tv_sec - sec - (now.tv_nsec < nsec));
	return age_render(sec, buf);
}

const char *age_since(const char *text, char buf[16])
{
	return age(text, 1, buf);
}

const char *age_until(const char *text, char buf[16])
{
	int64_t sec;

	if (!text || time_parse(text, &sec, NULL) < 0)
		return "<unknown>";
	return age(text, sec > time(NULL) ? -1 : 1, buf);
}

const char *date_of_time(const char *text, const char *otherwise, char buf[40])
{
	int64_t sec;
	time_t when;
	struct tm tm;

	if (!text || time_parse(text, &sec, NULL) < 0)
		return otherwise;
	when = (time_t)sec;
	gmtime_r(&when, &tm);
	strftime(buf, 40, "%a, %d %b %Y %H:%M:%S +0000", &tm);
	return buf;
}

void add_scalar(struct buf *out, const struct value *v)
{
	if (value_is(v, VALUE_NULL) || !v)
		buf_adds(out, "<nil>");
	else
		scalar_render(v, out);
}

void add_labels(struct buf *out, const struct value *map)
{
	if (members(map) == 0)
		buf_adds(out, "<none>");
	for (size_t i = 0; i < members(map); i++)
		buf_addf(out, "%s%s=%s", i ? "," : "", value_key_at(map, i),
			 value_str(value_at(map, i), ""));
}

void add_selector(struct buf *out, const struct value *selector)
{
	CLEANUP(selector_freep) struct selector *s = selector_from_object(selector, NULL);
	size_t before = out->len;

	if (s)
		selector_render(s, out);
	if (out->len == before)
		buf_adds(out, s ? "<none>" : "<error>");
}

void add_joined(struct buf *out, const struct value *list, const char *key)
{
	for (size_t i = 0; i < value_count(list); i++)
		buf_addf(out, "%s%s", i ? "," : "", text_at(value_at(list, i), "", key, NULL));
}

void add_strings(struct buf *out, const struct value *list, const char *between,
		 const char *otherwise)
{
	if (value_count(list) == 0)
		buf_adds(out, otherwise);
	for (size_t i = 0; i < value_count(list); i++)
		buf_addf(out, "%s%s", i ? between : "", value_str(value_at(list, i), ""));
}

const struct value *condition_of(const struct value *o, const char *type)
{
	const struct value *list = value_dig(o, "status", "conditions", NULL);

	for (size_t i = 0; i < value_count(list); i++)
		if (str_eq(value_dig_str(value_at(list, i), "type", NULL), type))
			return value_at(list, i);
	return NULL;
}

void add_host_port(struct buf *out, const char *host, int64_t port)
{
	int six = strchr(host, ':') != NULL;

	buf_addf(out, "%s%s%s:%" PRId64, six ? "[" : "", host, six ? "]" : "", port);
}
