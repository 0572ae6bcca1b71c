/* SPDX-License-Identifier: MIT */
/*
 * Faults in Kubernetes' words. What a hostile text can put into one is cut:
 * values at QUOTE_MAX bytes, keys at KEY_MAX, lists at FAULTS_MAX.
 */
#include "objects/fault.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/codec/utf8.h"

#define QUOTE_MAX 512
#define KEY_MAX   317 /* a label key with its prefix: 253 + 1 + 63 */

/* Words of each kind; `cause` is metav1.CauseType. */
static const struct {
	const char *words, *cause;
	int shows_value;
} kinds[] = {
	[FAULT_INVALID] = {"Invalid value", "FieldValueInvalid", 1},
	[FAULT_REQUIRED] = {"Required value", "FieldValueRequired", 0},
	[FAULT_NOT_SUPPORTED] = {"Unsupported value", "FieldValueNotSupported", 1},
	[FAULT_DUPLICATE] = {"Duplicate value", "FieldValueDuplicate", 1},
	[FAULT_NOT_FOUND] = {"Not found", "FieldValueNotFound", 1},
	[FAULT_FORBIDDEN] = {"Forbidden", "FieldValueForbidden", 0},
	[FAULT_TOO_LONG] = {"Too long", "FieldValueTooLong", 0},
	[FAULT_TOO_MANY] = {"Too many", "FieldValueTooMany", 1},
	[FAULT_TYPE] = {"Invalid value", "FieldValueTypeInvalid", 1},
	[FAULT_UNKNOWN] = {"unknown field", NULL, 0},
	[FAULT_SYNTAX] = {"", NULL, 0},
	[FAULT_OTHER] = {"", NULL, 0},
};

static void add_cut(struct buf *out, const char *s, size_t n, size_t max)
{
	if (n <= max) {
		buf_add(out, s, n);
		return;
	}
	buf_add(out, s, utf8_cut(s, n, max));
	buf_adds(out, "...");
}

static int is_unsaid(const struct path *p)
{
	return p->said && !*p->said;
}

/* Whether a step stands before, in the text. */
static int follows(const struct path *p)
{
	const struct path *up = p->up;

	while (up && is_unsaid(up))
		up = up->up;
	return up != NULL;
}

static void add_step(const struct path *p, struct buf *out)
{
	const char *name = p->said ? p->said : p->key;

	if (is_unsaid(p))
		return;
	if (name && !p->quoted) {
		if (follows(p))
			buf_addc(out, '.');
		add_cut(out, name, strlen(name), KEY_MAX);
	} else if (p->key) {
		buf_addc(out, '[');
		add_cut(out, p->key, strlen(p->key), KEY_MAX);
		buf_addc(out, ']');
	} else {
		buf_addf(out, "[%zu]", p->index);
	}
}

void path_render(const struct path *p, struct buf *out)
{
	if (!p)
		return;
	path_render(p->up, out);
	add_step(p, out);
}

static struct value *path_steps(const struct path *p)
{
	struct value *steps;

	if (!p)
		return value_new_list();
	steps = path_steps(p->up);
	return value_append(steps,
			    p->key ? value_new_string(p->key) : value_new_int((int64_t)p->index));
}

/* As Go's %q and JSON have it. */
static void add_quoted(struct buf *out, const char *s, size_t n)
{
	size_t kept = utf8_cut(s, n, QUOTE_MAX);
	CLEANUP_VALUE struct value *shown = value_new_stringn(s, kept);

	json_render(shown, out);
	if (kept < n)
		buf_adds(out, "...");
}

static void add_bad(struct buf *out, const struct value *bad)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (value_is(bad, VALUE_STRING)) {
		add_quoted(out, value_str(bad, ""), value_strlen(bad));
		return;
	}
	json_render(bad, &text);
	add_cut(out, buf_str(&text), text.len, QUOTE_MAX);
}

static void add_unknown(struct buf *out, const struct path *at, const char *detail)
{
	buf_adds(out, "unknown field ");
	if (at && at->key)
		add_quoted(out, at->key, strlen(at->key));
	if (*detail)
		buf_addf(out, ", %s", detail);
}

static char *message_new(enum fault_kind kind, const struct path *at, const struct value *bad,
			 const char *detail)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	if (kind == FAULT_UNKNOWN) {
		add_unknown(&out, at, detail);
		return buf_steal(&out);
	}
	buf_adds(&out, kinds[kind].words);
	if (bad && kinds[kind].shows_value) {
		buf_adds(&out, ": ");
		add_bad(&out, bad);
	}
	if (*detail)
		buf_addf(&out, "%s%s", out.len ? ": " : "", detail);
	return buf_steal(&out);
}

static void push(struct faults *f, struct fault fault)
{
	if ((f->n & (f->n - 1)) == 0)
		f->list = xreallocarray(f->list, f->n ? 2 * f->n : 1, sizeof(*f->list));
	f->list[f->n++] = fault;
}

static void note_code(struct faults *f, int code)
{
	if (code && (!f->code || f->code == EINVAL))
		f->code = code;
}

static char *vformat(const char *fmt, va_list ap) PRINTF_LIKE(1, 0);
static char *vformat(const char *fmt, va_list ap)
{
	char *text = NULL;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	return text;
}

void fault_add(struct faults *f, const struct path *at, enum fault_kind kind,
	       const struct value *bad, const char *fmt, ...)
{
	CLEANUP(buf_fini) struct buf field = BUF_INIT;
	CLEANUP_FREE char *detail = NULL;
	va_list ap;

	note_code(f, EINVAL);
	if (f->n >= FAULTS_MAX)
		return;
	va_start(ap, fmt);
	detail = vformat(fmt, ap);
	va_end(ap);
	path_render(at, &field);
	push(f, (struct fault){
			.kind = kind,
			.field = buf_steal(&field),
			.message = message_new(kind, at, bad, detail),
			.steps = path_steps(at),
		});
}

void fault_add_code(struct faults *f, int code, const char *fmt, ...)
{
	va_list ap;

	note_code(f, code);
	if (f->n >= FAULTS_MAX)
		return;
	va_start(ap, fmt);
	push(f, (struct fault){
			.kind = FAULT_OTHER,
			.field = xstrdup(""),
			.message = vformat(fmt, ap),
			.steps = value_new_list(),
		});
	va_end(ap);
}

void fault_set_code(struct faults *f, int code)
{
	note_code(f, code);
}

static void fault_fini(struct fault *fault)
{
	free(fault->field);
	free(fault->message);
	value_unref(fault->steps);
}

void faults_fini(struct faults *f)
{
	for (size_t i = 0; i < f->n; i++)
		fault_fini(&f->list[i]);
	free(f->list);
	*f = (struct faults)FAULTS_INIT;
}

void faults_move(struct faults *dst, struct faults *src)
{
	note_code(dst, src->code);
	for (size_t i = 0; i < src->n; i++) {
		if (dst->n < FAULTS_MAX)
			push(dst, src->list[i]);
		else
			fault_fini(&src->list[i]);
	}
	free(src->list);
	*src = (struct faults)FAULTS_INIT;
}

static void render_one(const struct fault *fault, struct buf *out)
{
	if (*fault->field)
		buf_addf(out, "%s: ", fault->field);
	buf_adds(out, fault->message);
}

void faults_render(const struct faults *f, const char *file, struct buf *out)
{
	for (size_t i = 0; i < f->n; i++) {
		const struct fault *fault = &f->list[i];

		if (file && fault->line)
			buf_addf(out, "%s:%u:%u: ", file, fault->line, fault->column);
		else if (file)
			buf_addf(out, "%s: ", file);
		render_one(fault, out);
		buf_addc(out, '\n');
	}
}

int faults_to_err(const struct faults *f, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	int code = f->code ? f->code : EINVAL;

	if (f->n)
		render_one(&f->list[0], &text);
	if (f->n > 1)
		buf_addf(&text, " (and %zu more)", f->n - 1);
	return err_set(err, code, "%s", f->n ? buf_str(&text) : "refused");
}

const char *fault_cause(enum fault_kind kind)
{
	return kinds[kind].cause;
}
