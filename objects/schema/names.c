/* SPDX-License-Identifier: MIT */
#include "objects/schema/names.h"

#include "util/strmap.h"

static struct name_entry *find(const struct names *n, const char *key, uint32_t *bucket)
{
	struct name_entry *e;

	*bucket = hash_bytes(key, strlen(key)) % NAMES_BUCKETS;
	for (e = n->bucket[*bucket]; e && strcmp(e->key, key) != 0;)
		e = e->next;
	return e;
}

const struct kind *names_get(const struct names *n, const char *key)
{
	uint32_t bucket;
	const struct name_entry *e = find(n, key, &bucket);

	return e ? e->kind : NULL;
}

void names_set(struct names *n, const char *key, const struct kind *k)
{
	uint32_t bucket;
	struct name_entry *e = find(n, key, &bucket);

	if (e) {
		e->kind = k;
		return;
	}
	if (!k)
		return;
	e = xcalloc(1, sizeof(*e));
	e->key = xstrdup(key);
	e->kind = k;
	e->next = n->bucket[bucket];
	n->bucket[bucket] = e; /* complete before it is seen */
}
