/* SPDX-License-Identifier: MIT */
/*
 * Image names: [domain/]path[:tag][@digest].
 */
#include "objects/schema/image_name.h"

#include <ctype.h>

#include "util/base.h"

#define NAME_MAX_BYTES 255

static int low(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* [a-z0-9]+ parts joined by one '.', one or two '_', or any number of '-'. */
static int component_ok(const char *s, size_t n)
{
	size_t i = 0;

	if (!n || !low(s[0]) || !low(s[n - 1]))
		return 0;
	while (i < n) {
		size_t run = 0;

		if (low(s[i])) {
			i++;
			continue;
		}
		while (i + run < n && s[i + run] == s[i])
			run++;
		if (s[i] == '.' ? run > 1 : s[i] == '_' ? run > 2 : s[i] != '-')
			return 0;
		i += run;
		if (!low(s[i]))
			return 0;
	}
	return 1;
}

/* host[:port]: labels of letters, digits and inner dashes. */
static int domain_ok(const char *s, size_t n)
{
	size_t host = n;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == ':') {
			host = i;
			break;
		}
		if (!isalnum((unsigned char)s[i]) && s[i] != '.' && s[i] != '-')
			return 0;
	}
	if (!host || !isalnum((unsigned char)s[0]) || !isalnum((unsigned char)s[host - 1]))
		return 0;
	for (size_t i = host + 1; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return 0;
	return host + 1 != n;
}

/* Whether the first component is a host: docker.io/library is implied otherwise. */
static int is_domain(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s[i] == '.' || s[i] == ':' || isupper((unsigned char)s[i]))
			return 1;
	return n == 9 && memcmp(s, "localhost", 9) == 0;
}

static int hex64(const char *s, size_t n)
{
	if (n != 64)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]) && !(s[i] >= 'a' && s[i] <= 'f'))
			return 0;
	return 1;
}

static int path_ok(const char *s, size_t n)
{
	const char *end = s + n, *slash = memchr(s, '/', n);

	if (!n || n > NAME_MAX_BYTES)
		return 0;
	if (slash && is_domain(s, (size_t)(slash - s))) {
		if (!domain_ok(s, (size_t)(slash - s)))
			return 0;
		s = slash + 1;
	} else if (hex64(s, n)) {
		return 0; /* an image id, not a name */
	}
	for (;;) {
		size_t part = (slash = memchr(s, '/', (size_t)(end - s))) ? (size_t)(slash - s)
									  : (size_t)(end - s);

		if (!component_ok(s, part))
			return 0;
		if (!slash)
			return 1;
		s = slash + 1;
	}
}

static int tag_ok(const char *s, size_t n)
{
	if (!n || n > 128 || !(isalnum((unsigned char)s[0]) || s[0] == '_'))
		return 0;
	for (size_t i = 1; i < n; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr("_.-", s[i]))
			return 0;
	return 1;
}

int image_name_is_latest(const char *image)
{
	const char *digest = strchr(image, '@');
	size_t n = digest ? (size_t)(digest - image) : strlen(image), name = n;

	if (digest)
		return 0;
	for (size_t i = n; i-- > 0 && image[i] != '/';)
		if (image[i] == ':')
			name = i;
	if (!path_ok(image, name))
		return 0;
	if (name == n)
		return 1;
	return tag_ok(image + name + 1, n - name - 1) && str_eq(image + name + 1, "latest");
}
