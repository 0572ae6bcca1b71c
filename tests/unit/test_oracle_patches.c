/* SPDX-License-Identifier: MIT */
/*
 * What a real API server (1.21.3) made of patches and of sequences of server-side
 * applies by three managers: the object, the field that a refusal names, the
 * conflicts, and managedFields after each step must be the same here.
 *
 * Most of the maps and structs that are atomic now were not in 1.21 (nodeSelector, a Service's
 * selector, references to objects); the test runs with schemas as they were.
 * K8SFS_PATCH_ORACLE=FILE runs other cases of the same form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>

#include "objects/apply.h"
#include "objects/codec.h"
#include "objects/patch.h"
#include "util/strmap.h"

#define NOW "2026-01-01T00:00:00Z"

/* -- schemas as they were -- */

struct twin {
	const struct schema *was;
	struct schema *is;
};

static struct twin twins[8192];
static size_t n_twins;

static const struct schema *as_it_was(const struct schema *s)
{
	struct schema *copy;
	struct schema_field *fields;

	if (!s)
		return NULL;
	for (size_t i = 0; i < n_twins; i++)
		if (twins[i].was == s)
			return twins[i].is;
	assert_true(n_twins < ARRAY_LEN(twins));
	copy = xcalloc(1, sizeof(*copy));
	*copy = *s;
	twins[n_twins++] = (struct twin){s, copy};
	copy->map_atomic = s->name && str_ends(s->name, ".LabelSelector");
	copy->items = as_it_was(s->items);
	if (!s->n_fields)
		return copy;
	fields = xcalloc(s->n_fields, sizeof(*fields));
	copy->fields = fields;
	for (size_t i = 0; i < s->n_fields; i++) {
		fields[i] = s->fields[i];
		fields[i].schema = as_it_was(fields[i].schema);
	}
	return copy;
}

static struct kind *kind_as_it_was(const struct value *obj)
{
	static struct strmap kinds;
	const char *name = value_str(value_get(obj, "kind"), "");
	const struct kind *now = kind_by_gvk(value_str(value_get(obj, "apiVersion"), ""), name);
	struct kind *k = strmap_get(&kinds, name);

	assert_non_null(now);
	if (k)
		return k;
	k = xcalloc(1, sizeof(*k));
	*k = *now;
	k->schema = as_it_was(now->schema);
	strmap_set(&kinds, name, k);
	return k;
}

/* -- the part of the write path that stands around -- */

static struct value *place(const struct kind *k, struct value *v)
{
	if (k->flags & KIND_NAMESPACED)
		v = value_bury(v, value_new_string("px"), "metadata", "namespace", NULL);
	return v;
}

/* The address that the server gives to a Service, and takes from one that is a name only. */
static struct value *admit(struct value *v)
{
	const char *type = value_dig_str(v, "spec", "type", NULL);

	if (!str_eq(value_str(value_get(v, "kind"), NULL), "Service"))
		return v;
	if (str_eq(type, "ExternalName") && !value_dig(v, "spec", "clusterIP", NULL))
		return value_bury(v, NULL, "spec", "clusterIPs", NULL);
	if (str_eq(type, "ExternalName") || value_dig(v, "spec", "clusterIP", NULL))
		return v;
	v = value_bury(v, value_new_string("10.96.0.77"), "spec", "clusterIP", NULL);
	return value_bury(v, value_append(value_new_list(), value_new_string("10.96.0.77")), "spec",
			  "clusterIPs", NULL);
}

static struct value *finish(const struct kind *k, struct value *next, const struct value *live,
			    struct faults *faults)
{
	if (!faults->n) {
		next = kind_default(k, next);
		next = kind_prepare(k, next, live, 0);
		next = admit(next);
		kind_validate(k, next, live, 0, faults);
	}
	if (!faults->n)
		return next;
	value_unref(next);
	return NULL;
}

static struct value *apply(const struct kind *k, const struct value *live,
			   const struct value *config, const char *manager, int force,
			   struct faults *faults)
{
	struct field_writer who = {manager, "", NOW};
	CLEANUP_VALUE struct value *said = place(k, value_ref(config));
	struct value *next;

	value_unref(schema_decode(k->schema, value_ref(said), NULL, faults));
	if (faults->n)
		return NULL;
	next = apply_merge(k, live, said, &who, force, faults);
	if (!next)
		return NULL;
	return finish(k, next, live, faults);
}

static struct value *update(const struct kind *k, const struct value *live,
			    struct value *taken_next, const char *manager, struct faults *faults)
{
	struct field_writer who = {manager, "", NOW};
	struct value *next = taken_next;

	next = value_set_str(next, "apiVersion", kind_api_version(k));
	next = value_set_str(next, "kind", k->kind);
	next = schema_decode(k->schema, place(k, next), NULL, faults);
	next = finish(k, next, live, faults);
	return next ? apply_track_update(k, live, next, &who) : NULL;
}

static struct value *edit(const struct kind *k, const char *op, struct value *taken,
			  const struct value *patch, struct faults *faults)
{
	if (str_eq(op, "merge-patch"))
		return patch_merge(taken, patch);
	if (str_eq(op, "json-patch"))
		return patch_json(taken, patch, faults);
	assert_string_equal(op, "strategic-merge-patch");
	return patch_strategic(k->schema, taken, patch, faults);
}

static struct value *edited(const struct kind *k, const char *op, const struct value *live,
			    const struct value *patch, const char *manager, struct faults *faults)
{
	const char *rv = value_dig_str(patch, "metadata", "resourceVersion", NULL);
	struct value *next = edit(k, op, value_ref(live), patch, faults);

	if (rv)
		fault_add_code(faults, EBUSY, "the object has been modified");
	if (!next || faults->n) {
		value_unref(next);
		return NULL;
	}
	return update(k, live, next, manager, faults);
}

/* -- comparing -- */

static int says_nothing(const struct value *v)
{
	return !v || value_is(v, VALUE_NULL) ||
	       ((value_is(v, VALUE_LIST) || value_is(v, VALUE_MAP)) && !value_count(v));
}

static void differ(const struct value *want, const struct value *got, const struct path *at,
		   struct buf *out)
{
	buf_adds(out, "\n    ");
	path_render(at, out);
	buf_adds(out, ": stored ");
	if (want)
		json_render(want, out);
	else
		buf_adds(out, "absent");
	buf_adds(out, ", here ");
	if (got)
		json_render(got, out);
	else
		buf_adds(out, "absent");
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

			/* what the deployment controller of that server wrote meanwhile */
			if (!str_eq(key, "deployment.kubernetes.io/revision"))
				compare(value_at(want, i), value_get(got, key), PATH_FIELD(at, key),
					out);
		}
	} else if (lists && value_count(want) == value_count(got)) {
		for (size_t i = 0; i < value_count(want); i++)
			compare(value_at(want, i), value_at(got, i), PATH_INDEX(at, i), out);
	} else if (!value_equal(want, got)) {
		differ(want, got, at, out);
	}
}

/* Token Secrets were made by a controller of that server; they are made no more. */
static struct value *without_tokens(const struct value *stored)
{
	const struct value *secrets = value_get(stored, "secrets");
	struct value *kept = value_new_list();

	if (!secrets) {
		value_unref(kept);
		return value_ref(stored);
	}
	for (size_t i = 0; i < value_count(secrets); i++)
		if (!strstr(value_str(value_get(value_at(secrets, i), "name"), ""), "-token-"))
			kept = value_append(kept, value_ref(value_at(secrets, i)));
	return value_set(value_ref(stored), "secrets", kept);
}

/* What is here and not there: only parts of the spec that no default explains matter. */
static void compare_both(const struct value *stored, const struct value *got, struct buf *out)
{
	static const char *const parts[] = {"data", "binaryData", "rules", "imagePullSecrets",
					    "secrets"};
	static const char *const meta[] = {"labels", "annotations", "finalizers"};
	static const char *const template[] = {"containers",      "initContainers", "volumes",
					       "tolerations",     "hostAliases",    "nodeSelector",
					       "imagePullSecrets"};
	CLEANUP_VALUE struct value *want = without_tokens(stored);

	compare(want, got, NULL, out);
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		compare(value_get(got, parts[i]), value_get(want, parts[i]),
			PATH_FIELD(NULL, "here"), out);
	for (size_t i = 0; i < ARRAY_LEN(meta); i++)
		compare(value_dig(got, "metadata", meta[i], NULL),
			value_dig(want, "metadata", meta[i], NULL),
			PATH_FIELD(NULL, "here.metadata"), out);
	for (size_t i = 0; i < ARRAY_LEN(template); i++)
		compare(value_dig(got, "spec", "template", "spec", template[i], NULL),
			value_dig(want, "spec", "template", "spec", template[i], NULL),
			PATH_FIELD(NULL, "here.template"), out);
}

static const struct value *doc(const struct value *docs, const struct value *ref)
{
	return value_is(ref, VALUE_INT) ? value_at(docs, (size_t)value_int(ref, 0)) : ref;
}

static const struct value *find_entry(const struct value *managed, const struct value *like)
{
	for (size_t i = 0; i < value_count(managed); i++) {
		const struct value *e = value_at(managed, i);

		if (value_equal(value_get(e, "manager"), value_get(like, "manager")) &&
		    value_equal(value_get(e, "operation"), value_get(like, "operation")))
			return e;
	}
	return NULL;
}

/* Every step that only one of them has. */
static void compare_sets(const struct value *want, const struct value *got, const struct path *at,
			 struct buf *out)
{
	for (size_t i = 0; i < value_count(want); i++) {
		const char *key = value_key_at(want, i);

		if (value_get(got, key))
			compare_sets(value_at(want, i), value_get(got, key), PATH_KEY(at, key),
				     out);
		else
			differ(value_at(want, i), NULL, PATH_KEY(at, key), out);
	}
	for (size_t i = 0; i < value_count(got); i++)
		if (!value_get(want, value_key_at(got, i)))
			differ(NULL, value_at(got, i), PATH_KEY(at, value_key_at(got, i)), out);
}

static int is_ours(const struct value *entry)
{
	return strlen(value_str(value_get(entry, "manager"), "")) == 1; /* a, b, c */
}

static void compare_managers(const struct value *docs, const struct value *want,
			     const struct value *got, struct buf *out)
{
	size_t n = 0;

	for (size_t i = 0; i < value_count(want); i++) {
		const struct value *w = doc(docs, value_at(want, i)), *e = find_entry(got, w);

		if (!is_ours(w))
			continue;
		n++;
		if (!value_equal(value_get(w, "fieldsV1"), value_get(e, "fieldsV1"))) {
			buf_addf(out, "\n    managedFields of %s %s",
				 value_str(value_get(w, "manager"), ""),
				 value_str(value_get(w, "operation"), ""));
			compare_sets(value_get(w, "fieldsV1"), value_get(e, "fieldsV1"), NULL, out);
		}
	}
	if (n != value_count(got))
		buf_addf(out, "\n    %zu managers, here %zu", n, value_count(got));
}

static int named(const struct faults *faults, const char *field, const char *message, int conflict)
{
	if (str_eq(field, "patch")) /* what the patch made does not decode; here the field itself is
				       named */
		return faults->n && faults->list[0].kind == FAULT_TYPE;
	for (size_t i = 0; i < faults->n; i++) {
		CLEANUP_FREE char *end = xasprintf("%s: %s", message, field);

		if (conflict ? str_ends(faults->list[i].message, end)
			     : str_eq(faults->list[i].field, field))
			return 1;
	}
	return 0;
}

static void compare_refusal(const struct value *c, const struct faults *faults, struct buf *out)
{
	const struct value *causes = value_get(c, "causes");
	int conflict = value_int(value_get(c, "code"), 0) == 409 && value_count(causes);

	if (conflict && (faults->code != EBUSY || faults->n != value_count(causes)))
		buf_addf(out, "\n    %zu conflicts", faults->n);
	for (size_t i = 0; i < value_count(causes); i++) {
		const struct value *cause = value_at(causes, i);
		const char *field =
			value_str(value_is(cause, VALUE_LIST) ? value_at(cause, 0)
							      : value_get(cause, "field"),
				  "");
		const char *message =
			value_str(value_is(cause, VALUE_LIST) ? value_at(cause, 1)
							      : value_get(cause, "message"),
				  "");

		if (!named(faults, field, message, conflict))
			buf_addf(out, "\n    does not say %s %s", conflict ? message : "", field);
	}
	if (out->len) {
		buf_adds(out, "\n  says:\n");
		faults_render(faults, NULL, out);
	}
}

/* -- cases -- */

static int accepted(const struct value *c)
{
	return value_int(value_get(c, "code"), 0) < 300;
}

static void compare_answer(const struct value *docs, const struct value *c, const struct value *got,
			   const struct faults *faults, struct buf *out)
{
	if (!accepted(c)) {
		if (got)
			buf_addf(out, "\n    is accepted here, not with %d",
				 (int)value_int(value_get(c, "code"), 0));
		else
			compare_refusal(c, faults, out);
		return;
	}
	if (!got) {
		buf_adds(out, "\n    is refused here: ");
		faults_render(faults, NULL, out);
		return;
	}
	compare_both(doc(docs, value_get(c, "stored")), got, out);
	if (value_get(c, "managedFields"))
		compare_managers(docs, value_get(c, "managedFields"),
				 value_dig(got, "metadata", "managedFields", NULL), out);
}

static void run_patch(const struct value *docs, const struct value *c, struct buf *out)
{
	const struct value *base = doc(docs, value_get(c, "base")),
			   *patch = doc(docs, value_get(c, "patch"));
	struct kind *k = kind_as_it_was(base);
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	CLEANUP_VALUE struct value *live = update(k, NULL, value_ref(base), "base", &faults);
	CLEANUP_VALUE struct value *next = NULL;

	if (!live) {
		buf_adds(out, "\n    base is refused: ");
		faults_render(&faults, NULL, out);
		return;
	}
	next = edited(k, value_str(value_get(c, "op"), ""), live, patch, "a", &faults);
	compare_answer(docs, c, next, &faults, out);
}

static void run_sequence(const struct value *docs, const struct value *c, struct buf *out)
{
	const struct value *steps = value_get(c, "steps");
	struct kind *k = kind_as_it_was(doc(docs, value_get(value_at(steps, 0), "body")));
	CLEANUP_VALUE struct value *live = NULL;

	for (size_t i = 0; i < value_count(steps) && !out->len; i++) {
		const struct value *step = value_at(steps, i),
				   *body = doc(docs, value_get(step, "body"));
		const char *op = value_str(value_get(step, "op"), ""),
			   *who = value_str(value_get(step, "manager"), "");
		CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
		struct value *next;

		if (str_eq(op, "apply"))
			next = apply(k, live, body, who, value_bool(value_get(step, "force"), 0),
				     &faults);
		else
			next = edited(k, op, live, body, who, &faults);
		compare_answer(docs, step, next, &faults, out);
		if (out->len) {
			CLEANUP(buf_fini) struct buf head = BUF_INIT;

			buf_addf(&head, "\n  step %zu, %s by %s:\n  ", i, op, who);
			json_render(body, &head);
			buf_add(&head, out->data, out->len);
			buf_fini(out);
			*out = head;
			head = (struct buf)BUF_INIT;
		}
		if (next) {
			value_unref(live);
			live = next;
		}
	}
}

struct tally {
	size_t n, agree, known;
};

static void run_case(const struct value *docs, const struct value *c, const struct strmap *known,
		     struct tally *tally)
{
	const char *id = value_str(value_get(c, "id"), "");
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	tally->n++;
	if (value_get(c, "steps"))
		run_sequence(docs, c, &out);
	else
		run_patch(docs, c, &out);
	if (!out.len && strmap_get(known, id))
		print_message("%s agrees: take it off the list of deviations\n", id);
	if (!out.len)
		tally->agree++;
	else if (strmap_get(known, id))
		tally->known++;
	else
		print_message("%s %s%s\n", id, value_str(value_get(c, "op"), ""), buf_str(&out));
}

static void load_known(const char *path, struct strmap *known)
{
	FILE *f = fopen(path, "r");
	char line[1024];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		char *blank = strchr(line, ' ');

		if (*line == '#' || !blank)
			continue;
		*blank = '\0';
		strmap_set(known, line, (void *)1);
	}
	fclose(f);
}

static struct tally run_file(const char *path, const struct strmap *known)
{
	CLEANUP_VALUE struct value *docs = value_new_list();
	CLEANUP_FREE char *line = NULL;
	struct tally tally = {0};
	size_t cap = 0;
	FILE *f = fopen(path, "r");
	ssize_t n;

	assert_non_null(f);
	while ((n = getline(&line, &cap, f)) > 0) {
		struct err err = ERR_INIT;
		CLEANUP_VALUE struct value *c = json_parse(line, (size_t)n, &err);

		if (!c)
			fail_msg("%s: %s", path, err.msg);
		if (value_get(c, "doc"))
			docs = value_append(docs, value_ref(value_get(c, "doc")));
		else
			run_case(docs, c, known, &tally);
	}
	fclose(f);
	return tally;
}

static void test_answers_agree(void **state)
{
	const char *other = getenv("K8SFS_PATCH_ORACLE");
	struct strmap known = STRMAP_INIT;
	struct tally t;

	load_known(TEST_DATA "/patches-deviations.txt", &known);
	t = run_file(other ? other : TEST_DATA "/patches.jsonl", &known);
	print_message("%zu of %zu agree, known deviations: %zu\n", t.agree, t.n, t.known);
	strmap_fini(&known);
	assert_true(t.n > 0);
	assert_int_equal(t.agree + t.known, t.n);
	assert_true(t.agree * 100 >= t.n * 94);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_answers_agree)};

	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
