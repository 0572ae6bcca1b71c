/* SPDX-License-Identifier: MIT */
/*
 * Rules of any shape, asked anything: the compiled table answers as a walk over the rules does.
 * Input: {"rules": ..., "q": {verb, group, resource, subresource, name, path}}.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "auth/rules.h"
#include "objects/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *text_at(const struct value *list, size_t i)
{
	return value_str(value_at(list, i), "");
}

static int any_is(const struct value *list, const char *a, const char *b)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (strcmp(text_at(list, i), a) == 0 || strcmp(text_at(list, i), b) == 0)
			return 1;
	return 0;
}

static int url_allows(const struct value *urls, const char *path)
{
	for (size_t i = 0; i < value_count(urls); i++) {
		const char *url = text_at(urls, i);
		size_t n = strlen(url);
		int open = n && url[n - 1] == '*';

		while (open && n && url[n - 1] == '*')
			n--;
		if (open ? strncmp(url, path, n) == 0 : strcmp(url, path) == 0)
			return 1;
	}
	return 0;
}

static int walk(const struct value *rules, const struct access *q)
{
	char combined[512], any[256];

	snprintf(combined, sizeof(combined), "%s%s%s", q->resource, *q->subresource ? "/" : "",
		 q->subresource);
	snprintf(any, sizeof(any), *q->subresource ? "*/%s" : "%s",
		 *q->subresource ? q->subresource : combined);
	for (size_t i = 0; value_is(rules, VALUE_LIST) && i < value_count(rules); i++) {
		const struct value *r = value_at(rules, i), *names = value_get(r, "resourceNames"),
				   *resources = value_get(r, "resources");

		if (!any_is(value_get(r, "verbs"), "*", q->verb))
			continue;
		if (q->path) {
			if (url_allows(value_get(r, "nonResourceURLs"), q->path))
				return 1;
			continue;
		}
		if (any_is(value_get(r, "apiGroups"), "*", q->group) &&
		    (any_is(resources, "*", combined) || any_is(resources, any, any)) &&
		    (!value_count(names) || any_is(names, q->name, q->name)))
			return 1;
	}
	return 0;
}

static const char *str_of(const struct value *v, const char *key)
{
	return value_str(value_get(v, key), "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_VALUE struct value *v = json_parse((const char *)data, size, NULL);
	const struct value *rules = value_get(v, "rules"), *q = value_get(v, "q");
	const struct access what = {.verb = str_of(q, "verb"),
				    .group = str_of(q, "group"),
				    .resource = str_of(q, "resource"),
				    .subresource = str_of(q, "subresource"),
				    .ns = "",
				    .name = str_of(q, "name"),
				    .path = value_str(value_get(q, "path"), NULL)};
	struct question question;
	struct rules *one, *merged;

	if (!v || question_init(&question, &what) < 0)
		return 0;
	one = rules_new(rules);
	merged = rules_merge((struct rules *[]){one, one}, 2);
	if (rules_allow(one, &question) != walk(rules, &what) ||
	    rules_allow(merged, &question) != walk(rules, &what))
		abort();
	(void)rules_touch(merged, what.group, what.resource, what.name);
	(void)rules_touch(one, what.group, what.resource, access_any);
	rules_unref(one);
	rules_unref(merged);
	return 0;
}
