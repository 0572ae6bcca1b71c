/* SPDX-License-Identifier: MIT */
/*
 * Versions of definitions as the rest of the house reads them. What was compiled a moment ago is
 * kept: validating a definition and registering it compile it once.
 */
#include "objects/custom/custom_i.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#define KEPT 16

struct compiled {
	struct custom_version v;
	_Atomic unsigned refs;
	struct value *source; /* owned: an element of spec.versions */
	struct arena arena;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct compiled *kept[KEPT]; /* lock; newest first, a reference each */

/* -- columns -- */

static char *upper(struct arena *a, const char *s)
{
	char *out = arena_strdup(a, s);

	for (char *p = out; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return out;
}

const struct column *make_columns(struct maker *m, const struct value *list)
{
	size_t n = value_is(list, VALUE_LIST) ? value_count(list) : 0;
	struct column *c;

	if (!n)
		return NULL;
	c = arena_alloc(m->arena, n + 2, sizeof(*c));
	c[0] = (struct column){"NAME", "string", "metadata.name", 0};
	for (size_t i = 0; i < n; i++) {
		const struct value *v = value_at(list, i);
		int64_t priority = value_int(value_get(v, "priority"), 0);

		c[i + 1] = (struct column){
			upper(m->arena, value_str(value_get(v, "name"), "")),
			value_str(value_get(v, "type"), "string"),
			value_str(value_get(v, "jsonPath"), ""),
			priority > 0,
		};
	}
	return c;
}

/* -- subresources, selectable fields -- */

/* ".spec.replicas" as "spec.replicas". */
static const char *dotted(const struct value *v)
{
	const char *s = value_str(v, NULL);

	return s && *s == '.' ? s + 1 : s;
}

static const struct selectable *make_selectable(struct maker *m, const struct value *list)
{
	size_t n = value_is(list, VALUE_LIST) ? value_count(list) : 0;
	struct selectable *out;

	if (!n)
		return NULL;
	out = arena_alloc(m->arena, n + 1, sizeof(*out));
	for (size_t i = 0; i < n; i++) {
		const char **paths = arena_alloc(m->arena, 2, sizeof(*paths));
		const char *path = dotted(value_get(value_at(list, i), "jsonPath"));

		paths[0] = path ? path : "";
		out[i] = (struct selectable){paths[0], paths};
	}
	return out;
}

static void take_subresources(struct maker *m, struct custom_version *v, const struct value *sub)
{
	const struct value *scale = value_get(sub, "scale");
	struct kind_scale *s;

	v->flags = KIND_GENERATION | (value_get(sub, "status") ? (unsigned)KIND_STATUS : 0);
	if (!value_is(scale, VALUE_MAP) || !dotted(value_get(scale, "specReplicasPath")))
		return;
	s = arena_alloc(m->arena, 1, sizeof(*s));
	s->spec_replicas = dotted(value_get(scale, "specReplicasPath"));
	s->status_replicas = dotted(value_get(scale, "statusReplicasPath"));
	s->selector = dotted(value_get(scale, "labelSelectorPath"));
	v->scale = s;
	v->flags |= KIND_SCALE;
}

/* -- compiling -- */

static struct compiled *compile(const struct value *version)
{
	struct compiled *c = xcalloc(1, sizeof(*c));
	struct maker m = {.arena = &c->arena};

	atomic_init(&c->refs, 1);
	c->source = value_ref(version);
	c->v.schema = make_schema(&m, value_dig(version, "schema", "openAPIV3Schema", NULL), 1);
	c->v.columns = make_columns(&m, value_get(version, "additionalPrinterColumns"));
	c->v.selectable = make_selectable(&m, value_get(version, "selectableFields"));
	take_subresources(&m, &c->v, value_get(version, "subresources"));
	return c;
}

static struct compiled *find_kept(const struct value *version)
{
	for (size_t i = 0; i < KEPT; i++)
		if (kept[i] && value_equal(kept[i]->source, version)) {
			kept[i]->refs++;
			return kept[i];
		}
	return NULL;
}

const struct custom_version *custom_compile(const struct value *version)
{
	struct compiled *c, *oldest = NULL;

	pthread_mutex_lock(&lock);
	c = find_kept(version);
	pthread_mutex_unlock(&lock);
	if (c)
		return &c->v;
	c = compile(version);
	pthread_mutex_lock(&lock);
	oldest = kept[KEPT - 1];
	memmove(&kept[1], &kept[0], (KEPT - 1) * sizeof(kept[0]));
	kept[0] = c;
	c->refs++;
	pthread_mutex_unlock(&lock);
	if (oldest)
		custom_version_unref(&oldest->v);
	return &c->v;
}

void custom_version_unref(const struct custom_version *v)
{
	struct compiled *c =
		v ? CONTAINER_OF((struct custom_version *)(uintptr_t)v, struct compiled, v) : NULL;

	if (!c || atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	arena_fini(&c->arena);
	value_unref(c->source);
	free(c);
}

/* -- versions -- */

struct parsed_version {
	int known;     /* v1, v1beta2: those come before all other names */
	int stability; /* 2 stable, 1 beta, 0 alpha */
	unsigned long major, minor;
};

static struct parsed_version parse_version(const char *s)
{
	struct parsed_version p = {0};
	char *end;

	if (*s != 'v' || !isdigit((unsigned char)s[1]))
		return p;
	p.major = strtoul(s + 1, &end, 10);
	p.stability = 2;
	if (str_starts(end, "beta") || str_starts(end, "alpha")) {
		p.stability = *end == 'b';
		end += *end == 'b' ? 4 : 5;
		if (!isdigit((unsigned char)*end))
			return (struct parsed_version){0};
		p.minor = strtoul(end, &end, 10);
	}
	p.known = !*end;
	return p;
}

int version_compare(const char *a, const char *b)
{
	struct parsed_version x = parse_version(a), y = parse_version(b);

	if (x.known != y.known)
		return y.known - x.known;
	if (!x.known)
		return strcmp(a, b);
	if (x.stability != y.stability)
		return y.stability - x.stability;
	if (x.major != y.major)
		return x.major > y.major ? -1 : 1;
	return (x.minor < y.minor) - (x.minor > y.minor);
}
