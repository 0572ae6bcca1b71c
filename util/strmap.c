/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probing; removal shifts followers back. */
#include "util/strmap.h"

uint32_t hash_bytes(const void *data, size_t len)
{
	const unsigned char *p = data;
	uint32_t h = 2166136261u;

	while (len--)
		h = (h ^ *p++) * 16777619u;
	return h;
}

uint64_t hash_bytes64(const void *data, size_t len, uint64_t seed)
{
	const unsigned char *p = data;
	uint64_t h = seed ? seed : 14695981039346656037ull;

	while (len--)
		h = (h ^ *p++) * 1099511628211ull;
	return h;
}

void strmap_fini(struct strmap *m)
{
	for (size_t i = 0; i < m->n_slots; i++)
		free(m->slots[i].key);
	free(m->slots);
	*m = (struct strmap)STRMAP_INIT;
}

/* Index of the key, or of the empty slot where it would go. n_slots > n. */
static size_t find(const struct strmap *m, const char *key, uint32_t hash)
{
	size_t i = hash & (m->n_slots - 1);

	while (m->slots[i].key && (m->slots[i].hash != hash || strcmp(m->slots[i].key, key)))
		i = (i + 1) & (m->n_slots - 1);
	return i;
}

void *strmap_get(const struct strmap *m, const char *key)
{
	if (!m->n)
		return NULL;
	return m->slots[find(m, key, hash_bytes(key, strlen(key)))].val;
}

static void grow(struct strmap *m)
{
	struct strmap old = *m;

	m->n_slots = old.n_slots ? old.n_slots * 2 : 8;
	m->slots = xcalloc(m->n_slots, sizeof(*m->slots));
	for (size_t i = 0; i < old.n_slots; i++)
		if (old.slots[i].key)
			m->slots[find(m, old.slots[i].key, old.slots[i].hash)] = old.slots[i];
	free(old.slots);
}

void *strmap_set(struct strmap *m, const char *key, void *val)
{
	uint32_t hash = hash_bytes(key, strlen(key));
	void *was;
	size_t i;

	if (!val)
		return strmap_del(m, key);
	if ((m->n + 1) * 4 > m->n_slots * 3)
		grow(m);
	i = find(m, key, hash);
	was = m->slots[i].val;
	if (!m->slots[i].key) {
		m->slots[i].key = xstrdup(key);
		m->slots[i].hash = hash;
		m->n++;
	}
	m->slots[i].val = val;
	return was;
}

void *strmap_del(struct strmap *m, const char *key)
{
	size_t i, j, mask;
	void *was;

	if (!m->n)
		return NULL;
	mask = m->n_slots - 1;
	i = find(m, key, hash_bytes(key, strlen(key)));
	if (!m->slots[i].key)
		return NULL;
	was = m->slots[i].val;
	free(m->slots[i].key);
	for (j = (i + 1) & mask; m->slots[j].key; j = (j + 1) & mask) {
		size_t home = m->slots[j].hash & mask;

		/* slot j may move to i unless its home lies within (i, j] */
		if (((j - home) & mask) >= ((j - i) & mask)) {
			m->slots[i] = m->slots[j];
			i = j;
		}
	}
	m->slots[i] = (struct strmap_slot){NULL, NULL, 0};
	m->n--;
	return was;
}
