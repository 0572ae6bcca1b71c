/* SPDX-License-Identifier: MIT */
/*
 * The grammars of names, by hand: they run on every write, and each is a few
 * character classes. The messages hold the regular expression that Kubernetes
 * quotes, so that people find the same text.
 */
#include "objects/schema/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>

#define LABEL_MAX     63
#define SUBDOMAIN_MAX 253

#define TOO_LONG_63  "must be no more than 63 bytes"
#define TOO_LONG_253 "must be no more than 253 bytes"
#define MSG_LABEL                                                                                  \
	"a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "   \
	"and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', "   \
	"regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
#define MSG_SUBDOMAIN                                                                              \
	"a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "  \
	"or '.', and must start and end with an alphanumeric character (e.g. 'example.com', "      \
	"regex used for validation is "                                                            \
	"'[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
#define MSG_1035                                                                                   \
	"a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with "  \
	"an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or "    \
	"'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')"
#define MSG_KEY                                                                                    \
	"name part must consist of alphanumeric characters, '-', '_' or '.', and must start and "  \
	"end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex "  \
	"used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
#define MSG_VALUE                                                                                  \
	"a valid label must be an empty string or consist of alphanumeric characters, '-', '_' "   \
	"or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or "      \
	"'my_value',  or '12345', regex used for validation is "                                   \
	"'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
#define MSG_CONFIG                                                                                 \
	"a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. "       \
	"'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is "                \
	"'[-._a-zA-Z0-9]+')"
#define MSG_PORT_NAME "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"

static int lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int alnum(char c)
{
	return lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]([-a-z0-9]*[a-z0-9])? over [s, s+n) */
static int is_label(const char *s, size_t n)
{
	if (!n || !lower_or_digit(s[0]) || !lower_or_digit(s[n - 1]))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!lower_or_digit(s[i]) && s[i] != '-')
			return 0;
	return 1;
}

const char *text_dns_label(const char *s)
{
	size_t n = strlen(s);

	if (!is_label(s, n))
		return MSG_LABEL;
	return n > LABEL_MAX ? TOO_LONG_63 : NULL;
}

const char *text_dns_subdomain(const char *s)
{
	const char *part = s;

	for (;;) {
		size_t n = strcspn(part, ".");

		if (!is_label(part, n))
			return MSG_SUBDOMAIN;
		part += n;
		if (!*part)
			break;
		part++;
	}
	return part - s > SUBDOMAIN_MAX ? TOO_LONG_253 : NULL;
}

const char *text_dns_1035_label(const char *s)
{
	size_t n = strlen(s);

	if (!is_label(s, n) || isdigit((unsigned char)*s))
		return MSG_1035;
	return n > LABEL_MAX ? TOO_LONG_63 : NULL;
}

/* ([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9] */
static int is_name_part(const char *s, size_t n)
{
	if (!n || !alnum(s[0]) || !alnum(s[n - 1]))
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!alnum(s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '.')
			return 0;
	return 1;
}

const char *text_label_key(const char *s)
{
	const char *slash = strchr(s, '/'), *name = slash ? slash + 1 : s;
	char prefix[SUBDOMAIN_MAX + 2];

	if (slash && strchr(name, '/'))
		return "a valid label key must consist of alphanumeric characters, '-', '_' or "
		       "'.', and must start and end with an alphanumeric character with an "
		       "optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')";
	if (slash) {
		if (slash == s)
			return "prefix part must be non-empty";
		snprintf(prefix, sizeof(prefix), "%.*s",
			 (int)(slash - s > SUBDOMAIN_MAX ? SUBDOMAIN_MAX + 1 : slash - s), s);
		if (text_dns_subdomain(prefix))
			return "prefix part " MSG_SUBDOMAIN;
	}
	if (!*name)
		return "name part must be non-empty";
	if (strlen(name) > LABEL_MAX)
		return "name part " TOO_LONG_63;
	return is_name_part(name, strlen(name)) ? NULL : MSG_KEY;
}

const char *text_label_value(const char *s)
{
	size_t n = strlen(s);

	if (n > LABEL_MAX)
		return TOO_LONG_63;
	return !n || is_name_part(s, n) ? NULL : MSG_VALUE;
}

const char *text_config_key(const char *s)
{
	size_t n = strlen(s);

	if (n > SUBDOMAIN_MAX)
		return TOO_LONG_253;
	for (size_t i = 0; i < n; i++)
		if (!alnum(s[i]) && s[i] != '-' && s[i] != '_' && s[i] != '.')
			return MSG_CONFIG;
	if (!n)
		return MSG_CONFIG;
	if (str_eq(s, "."))
		return "must not be '.'";
	if (str_eq(s, ".."))
		return "must not be '..'";
	return str_starts(s, "..") ? "must not start with '..'" : NULL;
}

/* Since Kubernetes 1.34 any printable ASCII but "=". */
const char *text_env_name(const char *s)
{
	for (const char *p = s; *p; p++)
		if (*p < 0x20 || *p > 0x7e || *p == '=')
			return "a valid environment variable name must consist only of printable "
			       "ASCII characters other than '='";
	return *s ? NULL : "environment variable name must not be empty";
}

const char *text_port_name(const char *s)
{
	size_t n = strlen(s);
	int letter = 0;

	if (n > 15)
		return "must be no more than 15 bytes";
	for (size_t i = 0; i < n; i++) {
		if (!lower_or_digit(s[i]) && s[i] != '-')
			return MSG_PORT_NAME;
		letter |= s[i] >= 'a' && s[i] <= 'z';
		if (s[i] == '-' && s[i + 1] == '-')
			return "must not contain consecutive hyphens";
	}
	if (!letter)
		return "must contain at least one letter (a-z)";
	if (s[0] == '-' || s[n - 1] == '-')
		return "must not begin or end with a hyphen";
	return NULL;
}

const char *text_ip(const char *s)
{
	unsigned char addr[16];

	if (inet_pton(AF_INET, s, addr) == 1 || inet_pton(AF_INET6, s, addr) == 1)
		return NULL;
	return "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";
}

const char *text_cidr(const char *s)
{
	const char *slash = strchr(s, '/');
	char host[64], *end;
	unsigned char addr[16];
	unsigned long bits;
	int four;

	if (slash && slash - s < (long)sizeof(host) && isdigit((unsigned char)slash[1])) {
		snprintf(host, sizeof(host), "%.*s", (int)(slash - s), s);
		four = inet_pton(AF_INET, host, addr) == 1;
		bits = strtoul(slash + 1, &end, 10);
		if ((four || inet_pton(AF_INET6, host, addr) == 1) && !*end &&
		    bits <= (four ? 32u : 128u))
			return NULL;
	}
	return "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)";
}

const char *text_path_segment(const char *s)
{
	if (str_eq(s, "."))
		return "may not be '.'";
	if (str_eq(s, ".."))
		return "may not be '..'";
	if (strchr(s, '/'))
		return "may not contain '/'";
	return strchr(s, '%') ? "may not contain '%'" : NULL;
}

const char *text_check(enum schema_format format, const char *s)
{
	static const char *(*const rules[])(const char *s) = {
		[FORMAT_DNS_LABEL] = text_dns_label,
		[FORMAT_DNS_SUBDOMAIN] = text_dns_subdomain,
		[FORMAT_DNS_1035_LABEL] = text_dns_1035_label,
		[FORMAT_LABEL_KEY] = text_label_key,
		[FORMAT_LABEL_VALUE] = text_label_value,
		[FORMAT_CONFIG_KEY] = text_config_key,
		[FORMAT_ENV_NAME] = text_env_name,
		[FORMAT_PORT_NAME] = text_port_name,
		[FORMAT_IP] = text_ip,
		[FORMAT_CIDR] = text_cidr,
		[FORMAT_PATH_SEGMENT] = text_path_segment,
	};

	if (format >= ARRAY_LEN(rules) || !rules[format])
		return NULL;
	return rules[format](s);
}
