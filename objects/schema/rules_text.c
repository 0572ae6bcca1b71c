/* SPDX-License-Identifier: MIT */
/* Patterns and formats of text. Source of the formats: kube-openapi pkg/validation/strfmt. */
#include "objects/schema/rules.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "objects/codec/base64.h"
#include "objects/quantity.h"
#include "objects/schema/text.h"

/* -- patterns -- */

#define PATTERN_MAX 65536
#define MATCH_LIMIT 100000 /* backtracking steps of one match */
#define AUTOMATON_LONG                                                                             \
	8192 /* texts longer than this are not given to the automaton: its work                    \
		is the square of that at worst */

struct pattern {
	pcre2_code *code;
	char *text;
};

/* What a backslash begins, if RE2 has it not. */
static const char *foreign_escape(const char *p)
{
	if (isdigit((unsigned char)p[1]) && p[1] != '0')
		return "back references";
	return p[1] && strchr("gkGKRXZNhH", p[1]) ? "an escape" : NULL;
}

static const char *foreign_group(const char *p)
{
	static const char *const known[] = {"(?P<", "(?<", "(?:", NULL};

	if (str_starts(p, "(?<=") || str_starts(p, "(?<!") || str_starts(p, "(?=") ||
	    str_starts(p, "(?!"))
		return "look-around";
	if (p[1] == '*')
		return "verbs";
	if (p[1] != '?')
		return NULL;
	for (size_t i = 0; known[i]; i++)
		if (str_starts(p, known[i]))
			return NULL;
	for (p += 2; *p && strchr("imsU-", *p);)
		p++;
	return *p == ':' || *p == ')' ? NULL : "a group";
}

/* The bytes of {2}, {2,} or {2,3} at p; 0: the brace is one. */
static size_t repetition(const char *p)
{
	size_t n = 1 + strspn(p + 1, "0123456789");

	if (*p != '{' || n == 1)
		return 0;
	if (p[n] == ',')
		n += 1 + strspn(p + n + 1, "0123456789");
	return p[n] == '}' ? n + 1 : 0;
}

/* What a backslash begins: two bytes, or with what follows it in braces (\p{Lu}, \x{41}). */
static size_t escape_len(const char *p)
{
	if (!p[1])
		return 1;
	return strchr("pPx", p[1]) && p[2] == '{' ? 4 + strcspn(p + 3, "}") : 2;
}

/* The name of something in the pattern that RE2 has not, NULL: all of it is RE2's. */
static const char *foreign_syntax(const char *p)
{
	int in_class = 0;
	const char *what;

	for (; *p; p++) {
		if (*p == '\\') {
			what = foreign_escape(p);
			if (what)
				return what;
			p += escape_len(p) - 1;
			p -= !*p; /* braces that are not closed: compiling says so */
		} else if (in_class) {
			in_class = *p != ']';
		} else if (*p == '[') {
			in_class = 1;
			p += p[1] == '^';
			p += p[1] == ']';
		} else if (*p == '(' && (what = foreign_group(p))) {
			return what;
		} else if (*p == '*' || *p == '+' || *p == '?' || repetition(p)) {
			p += *p == '{' ? repetition(p) - 1 : 0;
			if (p[1] == '+')
				return "possessive repetition";
		}
	}
	return NULL;
}

struct pattern *pattern_new(const char *text, struct err *err)
{
	const char *foreign = foreign_syntax(text);
	unsigned char why[120];
	struct pattern *p;
	pcre2_code *code;
	int number;
	size_t at;

	if (strlen(text) > PATTERN_MAX || foreign) {
		err_set(err, EINVAL, "error parsing regexp: invalid or unsupported Perl syntax: %s",
			foreign ? foreign : "too long");
		return NULL;
	}
	code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
			     PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_BACKSLASH_C |
				     PCRE2_NO_AUTO_POSSESS,
			     &number, &at, NULL);
	if (!code) {
		pcre2_get_error_message(number, why, sizeof(why));
		err_set(err, EINVAL, "error parsing regexp: %s at offset %zu", (char *)why, at);
		return NULL;
	}
	p = xcalloc(1, sizeof(*p));
	p->code = code;
	p->text = xstrdup(text);
	return p;
}

void pattern_free(struct pattern *p)
{
	if (!p)
		return;
	pcre2_code_free(p->code);
	free(p->text);
	free(p);
}

const char *pattern_text(const struct pattern *p)
{
	return p->text;
}

static int by_automaton(const struct pattern *p, const char *s, size_t len, pcre2_match_data *data,
			pcre2_match_context *limits, size_t *work)
{
	size_t slots = 1024 + 24 * len; /* three a state; states come up more than once */
	CLEANUP_FREE int *space = NULL;

	if (len > AUTOMATON_LONG)
		return PCRE2_ERROR_MATCHLIMIT;
	*work += len + len * len / 8;
	space = xmalloc(slots * sizeof(*space));
	return pcre2_dfa_match(p->code, (PCRE2_SPTR)s, len, 0,
			       PCRE2_NO_UTF_CHECK | PCRE2_DFA_SHORTEST, data, limits, space, slots);
}

int pattern_matches(const struct pattern *p, const char *s, size_t len, size_t *work)
{
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(2, NULL);
	int rc;

	if (!limits || !data)
		abort(); /* memory is gone: as xmalloc() */
	pcre2_set_match_limit(limits, MATCH_LIMIT);
	pcre2_set_heap_limit(limits, 4096);
	*work += 1 + len / 16;
	rc = pcre2_match(p->code, (PCRE2_SPTR)s, len, 0, PCRE2_NO_UTF_CHECK, data, limits);
	if (rc == PCRE2_ERROR_MATCHLIMIT || rc == PCRE2_ERROR_HEAPLIMIT ||
	    rc == PCRE2_ERROR_DEPTHLIMIT) {
		*work += MATCH_LIMIT / 100;
		rc = by_automaton(p, s, len, data, limits, work);
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(limits);
	if (rc >= 0)
		return 1;
	return rc == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

int pattern_find(const struct pattern *p, const char *s, size_t len, size_t at, size_t *from,
		 size_t *to, size_t *work)
{
	pcre2_match_context *limits = pcre2_match_context_create(NULL);
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	int rc;

	if (!limits || !data)
		abort(); /* memory is gone: as xmalloc() */
	pcre2_set_match_limit(limits, MATCH_LIMIT);
	pcre2_set_heap_limit(limits, 4096);
	*work += 1 + (len - at) / 16;
	rc = pcre2_match(p->code, (PCRE2_SPTR)s, len, at, PCRE2_NO_UTF_CHECK, data, limits);
	if (rc >= 0) {
		*from = pcre2_get_ovector_pointer(data)[0];
		*to = pcre2_get_ovector_pointer(data)[1];
	}
	pcre2_match_data_free(data);
	pcre2_match_context_free(limits);
	if (rc >= 0)
		return 1;
	return rc == PCRE2_ERROR_NOMATCH ? 0 : -1;
}

/* -- formats -- */

static int is_date_time(const char *s, size_t len)
{
	int64_t sec;
	int32_t nsec;

	return time_parse(s, &sec, &nsec) == 0;
}

static int is_date(const char *s, size_t len)
{
	CLEANUP_FREE char *whole = xasprintf("%sT00:00:00Z", s);

	return len == 10 && is_date_time(whole, strlen(whole));
}

/* Go's durations ("1h30m"), and with days and weeks. */
static int is_duration(const char *s, size_t len)
{
	static const char *const units[] = {"ns", "us", "µs", "ms", "s",  "m",
					    "h",  "d",  "w",  "hr", "min"};
	const char *p = s + (*s == '-' || *s == '+');

	if (str_eq(p, "0"))
		return 1;
	if (!*p)
		return 0;
	while (*p) {
		size_t digits = strspn(p, "0123456789."), unit = 0;

		if (!digits || (digits == 1 && *p == '.'))
			return 0;
		p += digits;
		while (*p == ' ')
			p++;
		for (size_t i = 0; i < ARRAY_LEN(units); i++)
			if (str_starts(p, units[i]) && strlen(units[i]) > unit)
				unit = strlen(units[i]);
		if (!unit)
			return 0;
		p += unit;
	}
	return 1;
}

static int is_byte(const char *s, size_t len)
{
	return base64_is_valid(s, len);
}

static int is_uuid(const char *s, size_t len)
{
	size_t digits = 0;

	for (size_t i = 0; i < len; i++) {
		if (isxdigit((unsigned char)s[i]))
			digits++;
		else if (s[i] != '-')
			return 0;
	}
	return digits == 32 && (len == 36 || len == 32);
}

static int is_ipv4(const char *s, size_t len)
{
	unsigned char a[4];

	return inet_pton(AF_INET, s, a) == 1;
}

static int is_ipv6(const char *s, size_t len)
{
	unsigned char a[16];

	return inet_pton(AF_INET6, s, a) == 1;
}

static int is_cidr(const char *s, size_t len)
{
	return text_cidr(s) == NULL;
}

static int is_hostname(const char *s, size_t len)
{
	size_t label = 0;

	if (!len || len > 255)
		return 0;
	for (size_t i = 0; i < len; i++) {
		label = s[i] == '.' ? 0 : label + 1;
		if (label > 63 || (!isalnum((unsigned char)s[i]) && !strchr("-._", s[i])))
			return 0;
	}
	return s[0] != '-' && s[0] != '.';
}

static int is_email(const char *s, size_t len)
{
	const char *at = strrchr(s, '@');

	return at && at != s && at[1] && !strpbrk(s, " \t\n<>") &&
	       is_hostname(at + 1, strlen(at + 1));
}

static int is_uri(const char *s, size_t len)
{
	const char *colon = strchr(s, ':');

	if (strpbrk(s, " \t\n"))
		return 0;
	if (*s == '/')
		return 1;
	if (!colon || colon == s || !isalpha((unsigned char)*s))
		return 0;
	for (const char *p = s; p < colon; p++)
		if (!isalnum((unsigned char)*p) && !strchr("+-.", *p))
			return 0;
	return 1;
}

static int is_mac(const char *s, size_t len)
{
	if (len != 17)
		return 0;
	for (size_t i = 0; i < len; i++)
		if (i % 3 == 2 ? s[i] != ':' && s[i] != '-' : !isxdigit((unsigned char)s[i]))
			return 0;
	return 1;
}

static int is_hexcolor(const char *s, size_t len)
{
	size_t hash = *s == '#', n = len - hash;

	return (n == 3 || n == 6) && strspn(s + hash, "0123456789abcdefABCDEF") == n;
}

static int is_short_name(const char *s, size_t len)
{
	return text_dns_label(s) == NULL;
}

static int is_long_name(const char *s, size_t len)
{
	return text_dns_subdomain(s) == NULL;
}

static const struct {
	const char *name;
	int (*holds)(const char *s, size_t len);
} formats[] = {
	{"byte", is_byte},
	{"cidr", is_cidr},
	{"date", is_date},
	{"date-time", is_date_time},
	{"datetime", is_date_time},
	{"duration", is_duration},
	{"email", is_email},
	{"hexcolor", is_hexcolor},
	{"hostname", is_hostname},
	{"ipv4", is_ipv4},
	{"ipv6", is_ipv6},
	{"k8s-long-name", is_long_name},
	{"k8s-short-name", is_short_name},
	{"mac", is_mac},
	{"uri", is_uri},
	{"uuid", is_uuid},
	{"uuid3", is_uuid},
	{"uuid4", is_uuid},
	{"uuid5", is_uuid},
};

int format_holds(const char *format, const char *s, size_t len)
{
	if (strlen(s) != len)
		return 0;
	for (size_t i = 0; i < ARRAY_LEN(formats); i++)
		if (str_eq(formats[i].name, format))
			return formats[i].holds(s, len);
	return 1;
}
