/* SPDX-License-Identifier: MIT */
/*
 * What an object costs before it is stored, in CPU time, for scripts/bench.
 *
 *	bench_objects FILE	one manifest: reading the text, and what every write does to it
 *	bench_objects grow N	objects with N elements of this and that: the time must grow with N
 *
 * Prints a line for each step: its name, a tab, the median in microseconds.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "objects/apply.h"
#include "objects/codec.h"
#include "objects/patch.h"
#include "util/fd.h"

#define ROUNDS 301
#define NOW    "2026-01-01T00:00:00Z"

static double cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int cmp_double(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_median(const char *what, const char *step, double *times, size_t n)
{
	qsort(times, n, sizeof(*times), cmp_double);
	printf("%s%s%s\t%.2f\n", what, *what ? ", " : "", step, times[n / 2]);
}

static void die_of(const char *step, const struct faults *faults)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (!faults->n)
		return;
	faults_render(faults, NULL, &text);
	fprintf(stderr, "bench_objects: %s: %s\n", step, buf_str(&text));
	exit(1);
}

static const struct kind *kind_of(const struct value *v)
{
	const struct kind *k = kind_by_gvk(value_str(value_get(v, "apiVersion"), ""),
					   value_str(value_get(v, "kind"), ""));

	if (!k) {
		fprintf(stderr, "bench_objects: no such kind\n");
		exit(1);
	}
	return k;
}

/* Decoded, defaulted, validated: what every write goes through. */
static struct value *accept_object(const struct kind *k, const struct value *v)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct value *out = schema_decode(k->schema, value_ref(v), NULL, &faults);

	out = kind_prepare(k, kind_default(k, out), NULL, 0);
	kind_validate(k, out, NULL, 0, &faults);
	die_of("accept", &faults);
	return out;
}

/* A server-side apply onto what is there, by one who said all of it before. */
static struct value *apply_object(const struct kind *k, const struct value *live,
				  const struct value *said)
{
	const struct field_writer who = {"bench", "", NOW};
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct value *out = apply_merge(k, live, said, &who, 1, &faults);

	die_of("apply", &faults);
	return out;
}

/* An update, and who holds what after it. */
static struct value *update_object(const struct kind *k, const struct value *live,
				   const struct value *next)
{
	const struct field_writer who = {"other", "", NOW};

	return apply_track_update(k, live, value_ref(next), &who);
}

static struct value *patch_object(const struct kind *k, const struct value *live,
				  const struct value *patch)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct value *out = patch_strategic(k->schema, value_ref(live), patch, &faults);

	die_of("patch", &faults);
	return out;
}

typedef struct value *(*step_fn)(const struct kind *k, const struct value *a,
				 const struct value *b);

static struct value *accept_step(const struct kind *k, const struct value *a, const struct value *b)
{
	return accept_object(k, a);
}

static void measure(const char *what, const char *step, size_t rounds, step_fn fn,
		    const struct kind *k, const struct value *a, const struct value *b)
{
	double *times = xcalloc(rounds, sizeof(*times));

	for (size_t i = 0; i < rounds; i++) {
		double start = cpu_us();

		value_unref(fn(k, a, b));
		times[i] = cpu_us() - start;
	}
	print_median(what, step, times, rounds);
	free(times);
}

static struct value *parsed(const struct buf *text)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct documents docs = {0};
	struct value *v = NULL;

	if (yaml_parse(text->data, text->len, &docs, &faults) == 0 && docs.n)
		v = value_ref(docs.list[0].value);
	die_of("parse", &faults);
	documents_fini(&docs);
	return v;
}

static void bench_file(const struct buf *text)
{
	CLEANUP_VALUE struct value *v = parsed(text), *live = NULL;
	const struct kind *k = kind_of(v);
	double times[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		double start = cpu_us();

		value_unref(parsed(text));
		times[i] = cpu_us() - start;
	}
	printf("bytes\t%zu\n", text->len);
	print_median("", "parse", times, ROUNDS);
	v = value_bury(v, value_new_string("default"), "metadata", "namespace", NULL);
	measure("", "accept", ROUNDS, accept_step, k, v, NULL);
	live = apply_object(k, NULL, v);
	measure("", "apply", ROUNDS, apply_object, k, live, v);
}

/* -- growth -- */

/* element: printf of one element with its number twice; between: what stands around the list. */
static const struct {
	const char *what, *head, *element, *tail;
	const char *patch; /* a strategic merge patch of one element */
} shapes[] = {
	{"env",
	 "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: d}\nspec:\n  containers:\n"
	 "  - name: c\n    image: i\n    env:\n",
	 "    - {name: E%zu, value: v%zu}\n", "",
	 "{spec: {containers: [{name: c, env: [{name: E7, value: x}]}]}}"},
	{"ports",
	 "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: d}\nspec:\n  containers:\n"
	 "  - name: c\n    image: i\n    ports:\n",
	 "    - {name: p%zu, containerPort: %zu}\n", "",
	 "{spec: {containers: [{name: c, ports: [{containerPort: 7, name: x}]}]}}"},
	{"volumes",
	 "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: d}\nspec:\n  containers:\n"
	 "  - {name: c, image: i, volumeMounts: [{name: v7, mountPath: /a}]}\n  volumes:\n",
	 "  - {name: v%zu, configMap: {name: m%zu}}\n", "",
	 "{spec: {volumes: [{name: v7, configMap: {name: x}}]}}"},
	{"labels",
	 "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: d\n  labels:\n",
	 "    l%zu: v%zu\n", "", "{metadata: {labels: {l7: x}}}"},
	{"tolerations",
	 "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: d}\nspec:\n"
	 "  containers: [{name: c, image: i}]\n  tolerations:\n",
	 "  - {key: k%zu, operator: Equal, value: v%zu}\n", "", "{metadata: {labels: {l: x}}}"},
	{"containers",
	 "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: d}\nspec:\n  containers:\n",
	 "  - {name: c%zu, image: 'i%zu'}\n", "", "{spec: {containers: [{name: c7, image: x}]}}"},
	{"ports of a Service",
	 "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: d}\nspec:\n  ports:\n",
	 "  - {name: p%zu, port: %zu}\n", "", "{spec: {ports: [{port: 7, name: x}]}}"},
	{"rules of a Role",
	 "apiVersion: rbac.authorization.k8s.io/v1\nkind: Role\nmetadata: {name: a, namespace: d}\n"
	 "rules:\n",
	 "- {apiGroups: [g%zu], resources: [r%zu], verbs: [get]}\n", "",
	 "{metadata: {labels: {l: x}}}"},
};

static struct value *yaml(const char *text, size_t n)
{
	struct err err = ERR_INIT;
	struct value *v = yaml_parse_value(text, n, &err);

	if (v)
		return v;
	fprintf(stderr, "bench_objects: %s\n", err.msg);
	exit(1);
}

static void bench_shape(size_t i, size_t n)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_VALUE struct value *v = NULL, *live = NULL, *patch = NULL, *next = NULL;
	const char *what = shapes[i].what;
	const struct kind *k;
	size_t rounds = n > 3000 ? 11 : 51;

	buf_adds(&text, shapes[i].head);
	for (size_t j = 1; j <= n; j++) {
		const char *at = shapes[i].element;

		for (const char *hole; (hole = strstr(at, "%zu")); at = hole + 3) {
			buf_add(&text, at, (size_t)(hole - at));
			buf_addf(&text, "%zu", j);
		}
		buf_adds(&text, at);
	}
	v = yaml(buf_str(&text), text.len);
	k = kind_of(v);
	patch = yaml(shapes[i].patch, strlen(shapes[i].patch));
	measure(what, "accept", rounds, accept_step, k, v, NULL);
	live = apply_object(k, NULL, v);
	measure(what, "apply", rounds, apply_object, k, live, v);
	measure(what, "patch", rounds, patch_object, k, live, patch);
	next = patch_object(k, live, patch);
	measure(what, "update", rounds, update_object, k, live, next);
}

int main(int argc, char **argv)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct err err = ERR_INIT;

	kinds_init();
	if (argc == 3 && str_eq(argv[1], "grow")) {
		size_t n = strtoul(argv[2], NULL, 10);

		for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
			bench_shape(i, n);
		return 0;
	}
	if (argc != 2 || fd_read_file(argv[1], CODEC_MAX_BYTES, &text, &err) < 0) {
		fprintf(stderr, "usage: bench_objects FILE | grow N %s\n", err.msg);
		return 2;
	}
	bench_file(&text);
	return 0;
}
