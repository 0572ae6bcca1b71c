/* SPDX-License-Identifier: MIT */
/*
 * Which of many events are the same. Three bounded tables, each of sets of four
 * entries where the oldest gives way: forgetting costs no more than an event
 * that could have been counted up and is written anew.
 */
#include "objects/events.h"
#include "util/strmap.h"

#define N_SETS 128
#define N_WAYS 4

#define SIMILAR_MAX    10            /* messages about one thing before they are combined */
#define SIMILAR_FORGET 600           /* seconds */
#define BURST          25.0          /* events of one source about one object */
#define REFILL_PER_SEC (1.0 / 300.0) /* events per second after the burst */
#define NS_PER_SEC     1000000000LL

struct entry { /* first member of what the tables hold */
	uint64_t key;
	int64_t used; /* ns; 0: free */
};

struct similar { /* events that differ in the message only */
	struct entry entry;
	uint64_t messages[SIMILAR_MAX];
	unsigned n;
};

struct seen { /* one event, as it was written */
	struct entry entry;
	char *name; /* owned */
	int64_t first, count;
};

struct allowance { /* what a source may still say about an object, by type */
	struct entry entry;
	double tokens;
};

struct correlator {
	struct similar similar[N_SETS][N_WAYS];
	struct seen seen[N_SETS][N_WAYS];
	struct allowance allowances[N_SETS][N_WAYS];
};

struct correlator *correlator_new(void)
{
	return xcalloc(1, sizeof(struct correlator));
}

void correlator_free(struct correlator *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < N_SETS; i++)
		for (size_t j = 0; j < N_WAYS; j++)
			free(c->seen[i][j].name);
	free(c);
}

/* The entry of a key in its set of `ways` entries of `size` bytes; *found 0: the oldest, to be
 * filled. */
static void *find(void *set, size_t size, uint64_t key, int *found)
{
	struct entry *oldest = set;

	for (size_t i = 0; i < N_WAYS; i++) {
		struct entry *e = (struct entry *)((char *)set + i * size);

		*found = e->used && e->key == key;
		if (*found)
			return e;
		if (e->used < oldest->used)
			oldest = e;
	}
	return oldest;
}

static uint64_t mix(uint64_t h, const char *s)
{
	return hash_bytes64(s ? s : "", s ? strlen(s) + 1 : 1, h);
}

static uint64_t object_hash(const struct event_source *source, const struct object *about)
{
	uint64_t h = mix(mix(0, source->component), source->host);

	return mix(mix(mix(mix(mix(h, about->kind->group), about->kind->plural), about->ns),
		       about->name),
		   about->uid);
}

#define NAME_ROOM 236 /* before a dot and 16 digits, in the 253 bytes of a name */

char *event_name_once(const struct object *about, const char *reason, const char *message)
{
	uint64_t hash = mix(mix(mix(0, about->uid), reason), message);
	size_t n = strnlen(about->name, NAME_ROOM);

	while (n && strchr("-.", about->name[n - 1]))
		n--;
	return xasprintf("%.*s.%016llx", (int)n, about->name, (unsigned long long)hash);
}

static int too_similar(struct correlator *c, uint64_t key, uint64_t message, int64_t now)
{
	int found;
	struct similar *s = find(c->similar[key % N_SETS], sizeof(*s), key, &found);

	if (!found || now - s->entry.used > SIMILAR_FORGET * NS_PER_SEC)
		s->n = 0;
	s->entry = (struct entry){key, now};
	for (unsigned i = 0; i < s->n; i++)
		if (s->messages[i] == message)
			return 0;
	s->messages[s->n++] = message;
	if (s->n < SIMILAR_MAX)
		return 0;
	s->n--; /* room for the next one */
	return 1;
}

static void count_up(struct correlator *c, uint64_t key, const char *object_name, int64_t now,
		     struct event_sum *out)
{
	int found;
	struct seen *s = find(c->seen[key % N_SETS], sizeof(*s), key, &found);

	if (!found) {
		free(s->name);
		s->name = xasprintf("%s.%llx", object_name, (unsigned long long)now);
		s->first = now;
		s->count = 0;
	}
	s->entry = (struct entry){key, now};
	s->count++;
	out->name = xstrdup(s->name);
	out->first = s->first;
	out->count = s->count;
}

static int allowed(struct correlator *c, uint64_t key, int64_t now)
{
	int found;
	struct allowance *a = find(c->allowances[key % N_SETS], sizeof(*a), key, &found);

	if (!found)
		a->tokens = BURST;
	else
		a->tokens += (double)(now - a->entry.used) / NS_PER_SEC * REFILL_PER_SEC;
	if (a->tokens > BURST)
		a->tokens = BURST;
	a->entry = (struct entry){key, now};
	if (a->tokens < 1)
		return 0;
	a->tokens -= 1;
	return 1;
}

void correlate(struct correlator *c, const struct event_source *source, const struct object *about,
	       const char *field_path, const char *type, const char *reason, const char *message,
	       int64_t now, struct event_sum *out)
{
	uint64_t object = object_hash(source, about);
	uint64_t thing = mix(mix(object, type), reason);
	uint64_t exact = mix(mix(thing, field_path), message);

	*out = (struct event_sum){0};
	if (too_similar(c, thing, mix(0, message), now)) {
		out->message = xasprintf("(combined from similar events): %s", message);
		exact = thing;
	} else {
		out->message = xstrdup(message);
	}
	count_up(c, exact, about->name, now, out);
	/* Warnings have an allowance of their own, so that a thousand good news do not drown them.
	 */
	if (!allowed(c, mix(object, type), now))
		out->count = 0;
}
