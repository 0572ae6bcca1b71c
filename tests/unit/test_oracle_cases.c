/* SPDX-License-Identifier: MIT */
/*
 * What a real API server said to some hundred manifests: accepted or not must
 * agree, each field that it stored must be stored here with the same value, and
 * each field that it named in a refusal must be named here.
 *
 * K8SFS_ORACLE=FILE runs other cases of the same form (then nothing is known to
 * deviate), K8SFS_ORACLE_EXTRAS=1 lists what is stored besides.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "objects/codec.h"
#include "objects/schema.h"
#include "util/strmap.h"

#define TOLERATION_SECONDS 300

struct tally {
	size_t accepted, accepted_agree, refused, refused_agree, known;
};

static struct strmap known; /* id -> why (owned) */

static struct value *toleration(const char *key)
{
	struct value *t = value_set_str(value_new_map(), "key", key);

	t = value_set_str(t, "operator", "Exists");
	t = value_set_str(t, "effect", "NoExecute");
	return value_set_int(t, "tolerationSeconds", TOLERATION_SECONDS);
}

static int tolerates(const struct value *list, const char *key)
{
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *t = value_at(list, i);
		const char *effect = value_str(value_get(t, "effect"), "");
		const char *its = value_str(value_get(t, "key"), "");

		if ((!*its || str_eq(its, key)) && (!*effect || str_eq(effect, "NoExecute")))
			return 1;
	}
	return 0;
}

/* The admission plugins that every API server runs; they are not under test here. */
static struct value *admit_pod(struct value *pod)
{
	static const char *const keys[] = {"node.kubernetes.io/not-ready",
					   "node.kubernetes.io/unreachable"};

	if (!value_dig(pod, "spec", "serviceAccountName", NULL)) {
		pod = value_bury(pod, value_new_string("default"), "spec", "serviceAccountName",
				 NULL);
		pod = value_bury(pod, value_new_string("default"), "spec", "serviceAccount", NULL);
	}
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		const struct value *list = value_dig(pod, "spec", "tolerations", NULL);

		if (!tolerates(list, keys[i]))
			pod = value_bury(pod,
					 value_append(list ? value_ref(list) : value_new_list(),
						      toleration(keys[i])),
					 "spec", "tolerations", NULL);
	}
	if (!value_dig(pod, "spec", "priority", NULL))
		pod = value_bury(pod, value_new_int(0), "spec", "priority", NULL);
	if (!value_dig(pod, "spec", "preemptionPolicy", NULL))
		pod = value_bury(pod, value_new_string("PreemptLowerPriority"), "spec",
				 "preemptionPolicy", NULL);
	return pod;
}

/* Likewise: a volume in use is not removed. */
static struct value *admit_storage(const char *finalizer, struct value *v)
{
	const struct value *list = value_dig(v, "metadata", "finalizers", NULL);

	return value_bury(v,
			  value_append(list ? value_ref(list) : value_new_list(),
				       value_new_string(finalizer)),
			  "metadata", "finalizers", NULL);
}

static struct value *admit(const struct kind *k, struct value *v)
{
	if (str_eq(k->kind, "Pod"))
		return admit_pod(v);
	if (str_eq(k->kind, "PersistentVolume"))
		return admit_storage("kubernetes.io/pv-protection", v);
	if (str_eq(k->kind, "PersistentVolumeClaim"))
		return admit_storage("kubernetes.io/pvc-protection", v);
	return v;
}

/* Only unknown fields: the rest can be looked at all the same. */
static int decoded(const struct faults *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		if (faults->list[i].kind != FAULT_UNKNOWN)
			return 0;
	return 1;
}

/* The name and namespace that the request's address gives. */
static struct value *place(const struct kind *k, struct value *v)
{
	const char *generate = value_dig_str(v, "metadata", "generateName", NULL);

	if ((k->flags & KIND_NAMESPACED) && !value_dig(v, "metadata", "namespace", NULL))
		v = value_bury(v, value_new_string("default"), "metadata", "namespace", NULL);
	if (generate && !value_dig(v, "metadata", "name", NULL))
		v = value_bury(v, value_new_stringf("%sx2x4z", generate), "metadata", "name", NULL);
	if (str_eq(k->kind, "Job")) /* labels its pods with it */
		v = value_bury(v, value_new_string("u-i-d"), "metadata", "uid", NULL);
	return v;
}

/* What would be stored; NULL with faults when refused. */
static struct value *create(const struct value *input, struct faults *faults)
{
	const struct kind *k = kind_by_gvk(value_str(value_get(input, "apiVersion"), ""),
					   value_str(value_get(input, "kind"), ""));
	struct value *v;

	if (!k) {
		fault_add(faults, NULL, FAULT_OTHER, NULL, "no such kind");
		return NULL;
	}
	v = schema_decode(k->schema, value_ref(input), NULL, faults);
	if (decoded(faults)) {
		v = kind_default(k, place(k, v));
		v = admit(k, kind_prepare(k, v, NULL, 0));
		kind_validate(k, v, NULL, 0, faults);
	}
	if (!faults->n)
		return v;
	value_unref(v);
	return NULL;
}

static int says_nothing(const struct value *v)
{
	return !v || value_is(v, VALUE_NULL) ||
	       ((value_is(v, VALUE_LIST) || value_is(v, VALUE_MAP)) && !value_count(v));
}

/* Adds a line for each part of want that got lacks or has otherwise. */
static void compare(const struct value *want, const struct value *got, const struct path *at,
		    struct buf *out)
{
	int lists = value_is(want, VALUE_LIST) && value_is(got, VALUE_LIST);

	if (says_nothing(want) && says_nothing(got))
		return;
	if (value_is(want, VALUE_MAP) && value_is(got, VALUE_MAP)) {
		for (size_t i = 0; i < value_count(want); i++) {
			const char *key = value_key_at(want, i);

			compare(value_at(want, i), value_get(got, key), PATH_FIELD(at, key), out);
		}
	} else if (lists && value_count(want) == value_count(got)) {
		for (size_t i = 0; i < value_count(want); i++)
			compare(value_at(want, i), value_at(got, i), PATH_INDEX(at, i), out);
	} else if (!value_equal(want, got)) {
		buf_adds(out, "\n    ");
		path_render(at, out);
		buf_adds(out, ": stored ");
		json_render(want, out);
		buf_adds(out, ", here ");
		if (got)
			json_render(got, out);
		else
			buf_adds(out, "absent");
	}
}

static void compare_fields(const struct value *fields, const struct faults *faults, struct buf *out)
{
	for (size_t i = 0; i < value_count(fields); i++) {
		const char *want = value_str(value_at(fields, i), "");
		size_t j = 0;

		while (j < faults->n && !str_eq(faults->list[j].field, want))
			j++;
		if (j == faults->n)
			buf_addf(out, "\n    does not name %s", want);
	}
	for (size_t j = 0; out->len && j < faults->n; j++)
		buf_addf(out, "\n    names %s: %s", faults->list[j].field, faults->list[j].message);
}

static void run_case(const struct value *c, struct tally *tally)
{
	const char *id = value_str(value_get(c, "id"), "");
	int accepted = value_bool(value_get(c, "accepted"), 0);
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *stored = create(value_get(c, "input"), &faults);
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	if (accepted && !stored)
		faults_render(&faults, NULL, &out);
	else if (accepted)
		compare(value_get(c, "stored"), stored, NULL, &out);
	else if (stored)
		buf_adds(&out, "\n    is accepted here");
	else
		compare_fields(value_get(c, "fields"), &faults, &out);
	if (accepted && stored && getenv("K8SFS_ORACLE_EXTRAS")) {
		CLEANUP(buf_fini) struct buf extra = BUF_INIT;

		compare(stored, value_get(c, "stored"), NULL, &extra);
		printf("%s extras:%s\n", id, buf_str(&extra));
	}
	if (out.len && strmap_get(&known, id)) {
		tally->known++;
		return;
	}
	tally->accepted += accepted;
	tally->refused += !accepted;
	if (!out.len) {
		tally->accepted_agree += accepted;
		tally->refused_agree += !accepted;
		if (strmap_get(&known, id))
			print_message("%s agrees: take it off the list of deviations\n", id);
		return;
	}
	print_message("%s %s/%s %s%s\n", id,
		      value_str(value_dig(c, "input", "apiVersion", NULL), ""),
		      value_str(value_dig(c, "input", "kind", NULL), ""),
		      accepted ? "is good" : "is refused", buf_str(&out));
}

static void load_known(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[1024];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *blank = strchr(line, ' ');

		if (*line == '#' || !blank)
			continue;
		*blank = '\0';
		free(strmap_set(&known, line, xstrdup(blank + 1)));
	}
	fclose(f);
}

static struct tally run_file(const char *path)
{
	struct tally tally = {0};
	CLEANUP_FREE char *line = NULL;
	size_t cap = 0;
	FILE *f = fopen(path, "r");
	ssize_t n;

	assert_non_null(f);
	while ((n = getline(&line, &cap, f)) > 0) {
		struct err err = ERR_INIT;
		CLEANUP_VALUE struct value *c = json_parse(line, (size_t)n, &err);

		if (!c)
			fail_msg("%s: %s", path, err.msg);
		run_case(c, &tally);
	}
	fclose(f);
	return tally;
}

/* Where the reference is of another version, its answer is not ours: those are listed and leave the
 * count. */
static void test_answers_agree(void **state)
{
	const char *other = getenv("K8SFS_ORACLE");
	struct tally t;

	if (!other)
		load_known(TEST_DATA "/oracle-deviations.txt");
	t = run_file(other ? other : TEST_DATA "/oracle.jsonl");
	print_message("accepted: %zu of %zu agree, refused: %zu of %zu, known deviations: %zu\n",
		      t.accepted_agree, t.accepted, t.refused_agree, t.refused, t.known);
	STRMAP_FOREACH (s, &known)
		free(s->val);
	strmap_fini(&known);
	assert_true(t.accepted > 0 && t.refused > 0);
	assert_int_equal(t.accepted_agree + t.refused_agree, t.accepted + t.refused);
	assert_true(t.accepted_agree * 100 >= t.accepted * 99);
	assert_true(t.refused_agree * 100 >= t.refused * 97);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers_agree)};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
