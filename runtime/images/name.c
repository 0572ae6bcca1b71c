/* SPDX-License-Identifier: MIT */
/* Image references: see name.h. */
#include "runtime/images/name.h"

#include <ctype.h>
#include <errno.h>

#include "runtime/images.h"
#include "runtime/images/digest.h"
#include "util/buf.h"

#define REPOSITORY_MAX 255
#define TAG_MAX        128

static int is_lower_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int is_alnum(char c)
{
	return is_lower_alnum(c) || (c >= 'A' && c <= 'Z');
}

/* [a-z0-9]+ joined by ".", "_", "__" or any number of "-". */
static int path_component_valid(const char *s, size_t n)
{
	size_t i = 0;

	for (;;) {
		size_t word = i;

		while (i < n && is_lower_alnum(s[i]))
			i++;
		if (i == word)
			return 0;
		if (i == n)
			return 1;
		if (s[i] == '-')
			while (i < n && s[i] == '-')
				i++;
		else if (s[i] == '_')
			i += i + 1 < n && s[i + 1] == '_' ? 2 : 1;
		else if (s[i] == '.')
			i++;
		else
			return 0;
	}
}

static int path_valid(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, "/");

		if (!path_component_valid(s, n))
			return 0;
		if (!s[n])
			return 1;
		s += n + 1;
	}
}

/* Host names, IPv4 addresses, [IPv6], each with an optional port. */
static int domain_valid(const char *s, size_t n)
{
	size_t i = 0;

	if (n && s[0] == '[') {
		for (i = 1; i < n && (isxdigit((unsigned char)s[i]) || s[i] == ':'); i++)
			;
		if (i < 3 || i >= n || s[i++] != ']')
			return 0;
	} else {
		for (size_t label = 0; i < n && s[i] != ':'; i++) {
			int last = i + 1 == n || s[i + 1] == '.' || s[i + 1] == ':';

			if (s[i] == '.') {
				if (i == label)
					return 0;
				label = i + 1;
			} else if (!is_alnum(s[i]) && (s[i] != '-' || i == label || last)) {
				return 0;
			}
		}
		if (i == 0 || s[i - 1] == '.')
			return 0;
	}
	if (i == n)
		return 1;
	if (s[i++] != ':' || i == n)
		return 0;
	for (; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return 0;
	return 1;
}

static int tag_valid(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || n > TAG_MAX || !(is_alnum(s[0]) || s[0] == '_'))
		return 0;
	for (; *s; s++)
		if (!is_alnum(*s) && !strchr("_.-", *s))
			return 0;
	return 1;
}

/* The first component is a host when it looks like one: a dot, a port, upper case, localhost. */
static size_t domain_len(const char *name)
{
	size_t n = strcspn(name, "/");

	if (!name[n])
		return 0;
	if (n == 9 && memcmp(name, "localhost", 9) == 0)
		return n;
	for (size_t i = 0; i < n; i++)
		if (name[i] == '.' || name[i] == ':' || (name[i] >= 'A' && name[i] <= 'Z'))
			return n;
	return 0;
}

static int repository_parse(const char *reference, const char *name, char **out, struct err *err)
{
	size_t n = domain_len(name);
	const char *path = n ? name + n + 1 : name;
	CLEANUP_FREE char *domain = n ? xstrndup(name, n) : xstrdup("docker.io");

	if (str_eq(domain, "index.docker.io"))
		memmove(domain, "docker.io", sizeof("docker.io"));
	if (n && !domain_valid(name, n))
		return err_set(err, EINVAL, "image name \"%.200s\": invalid registry host",
			       reference);
	for (const char *p = path; *p; p++)
		if (*p >= 'A' && *p <= 'Z')
			return err_set(err, EINVAL,
				       "image name \"%.200s\": repository name must be lowercase",
				       reference);
	if (!path_valid(path))
		return err_set(err, EINVAL, "image name \"%.200s\": invalid reference format",
			       reference);
	if (str_eq(domain, "docker.io") && !strchr(path, '/'))
		*out = xasprintf("%s/library/%s", domain, path);
	else
		*out = xasprintf("%s/%s", domain, path);
	if (strlen(*out) > REPOSITORY_MAX)
		return err_set(err, EINVAL, "image name \"%.80s...\": longer than %d characters",
			       reference, REPOSITORY_MAX);
	return 0;
}

int image_name_parse(const char *reference, struct image_name *out, struct err *err)
{
	CLEANUP(image_name_fini) struct image_name n = {0};
	CLEANUP_FREE char *name = NULL;
	char *at, *colon;
	int rc;

	if (strlen(reference) > 2 * REPOSITORY_MAX + TAG_MAX)
		return err_set(err, EINVAL, "image name \"%.80s...\": too long", reference);
	if (!*reference)
		return err_set(err, EINVAL, "image name is empty");
	name = xstrdup(reference);
	at = strchr(name, '@');
	if (at) {
		*at++ = '\0';
		if (!digest_valid(at))
			return err_set(err, EINVAL,
				       "image name \"%.200s\": invalid digest (expected sha256:<64 "
				       "hex digits>)",
				       reference);
		n.digest = xstrdup(at);
	}
	if (digest_hex_valid(name))
		return err_set(err, EINVAL,
			       "image name \"%.200s\": 64 hex digits are an id, not a name",
			       reference);
	colon = strrchr(name, ':');
	if (colon && !strchr(colon, '/')) {
		*colon++ = '\0';
		if (!tag_valid(colon))
			return err_set(err, EINVAL, "image name \"%.200s\": invalid tag",
				       reference);
		n.tag = xstrdup(colon);
	}
	rc = repository_parse(reference, name, &n.repository, err);
	if (rc < 0)
		return rc;
	if (!n.tag && !n.digest)
		n.tag = xstrdup("latest");
	*out = n;
	n = (struct image_name){0};
	return 0;
}

void image_name_fini(struct image_name *n)
{
	free(n->repository);
	free(n->tag);
	free(n->digest);
	*n = (struct image_name){0};
}

char *image_name_text(const struct image_name *n)
{
	return xasprintf("%s%s%s%s%s", n->repository, n->tag ? ":" : "", n->tag ? n->tag : "",
			 n->digest ? "@" : "", n->digest ? n->digest : "");
}

char *image_normalize(const char *reference, struct err *err)
{
	CLEANUP(image_name_fini) struct image_name n = {0};

	return image_name_parse(reference, &n, err) < 0 ? NULL : image_name_text(&n);
}
