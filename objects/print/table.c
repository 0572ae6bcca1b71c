/* SPDX-License-Identifier: MIT */
/*
 * The table of a list of objects, as `kubectl get` lays it out: what a column
 * shows is the schema's path, or a row of columns.c.
 */
#include "objects/codec.h"
#include "objects/print/print_i.h"
#include "objects/print/tabs.h"

/* Widths that kubectl gives to Go's tabwriter. */
#define MIN_WIDTH 6
#define PADDING   3

static const struct column plain_columns[] = {
	{"NAME", "string", "metadata.name", 0},
	{"AGE", "date", "metadata.creationTimestamp", 0},
};

/* A cell is one line without tabs. */
static void add_cell(struct buf *out, const struct buf *text)
{
	for (size_t i = 0; i < text->len; i++) {
		unsigned char c = (unsigned char)text->data[i];

		if (c == '\n' || c == '\r' || c == '\f') {
			buf_adds(out, "...");
			return;
		}
		buf_addc(out, c < 0x20 || c == 0x7f ? ' ' : (char)c);
	}
}

static const char *nothing_for(const struct column *c, const char *told)
{
	if (told)
		return told;
	if (str_eq(c->type, "integer"))
		return "0";
	return str_eq(c->type, "date") ? "<unknown>" : "";
}

static void plain_cell(const struct column *c, const struct value *v, const char *otherwise,
		       struct buf *out)
{
	char age[16];

	if (!v || value_is(v, VALUE_NULL) || (value_is(v, VALUE_STRING) && !value_strlen(v)))
		buf_adds(out, nothing_for(c, otherwise));
	else if (str_eq(c->type, "date"))
		buf_adds(out, age_since(value_str(v, NULL), age));
	else
		scalar_render(v, out);
}

static void cell(const struct column *c, const struct column_maker *m, const struct value *o,
		 struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (m && m->make)
		m->make(o, &text);
	else if (c->path || m)
		plain_cell(c, path_value(o, m ? m->path : c->path), m ? m->otherwise : NULL, &text);
	else
		buf_adds(&text, "<none>"); /* a kind whose column nobody wrote yet */
	add_cell(out, &text);
}

/* A column that is shown, and who makes its cells (NULL: its path, or nobody yet). */
struct shown {
	const struct column *column;
	const struct column_maker *maker;
};

/* Owned. */
static struct shown *shown_columns(const struct kind *k, int wide, size_t *n_out)
{
	const struct column *columns = k->n_columns ? k->columns : plain_columns;
	size_t n = k->n_columns ? k->n_columns : ARRAY_LEN(plain_columns);
	struct shown *list = xcalloc(n, sizeof(*list));

	*n_out = 0;
	for (size_t i = 0; i < n; i++)
		if (columns[i].priority <= 0 || wide)
			list[(*n_out)++] = (struct shown){
				&columns[i],
				columns[i].path ? NULL : column_maker(k->kind, columns[i].title)};
	return list;
}

void print_table(const struct kind *k, const struct object_list *objects, int with_ns, int wide,
		 struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	size_t n;
	CLEANUP_FREE struct shown *columns = shown_columns(k, wide, &n);

	if (with_ns)
		buf_adds(&text, "NAMESPACE");
	for (size_t i = 0; i < n; i++)
		buf_addf(&text, "%s%s", i || with_ns ? "\t" : "", columns[i].column->title);
	buf_addc(&text, '\n');
	for (size_t row = 0; row < objects->n; row++) {
		const struct object *o = objects->list[row];

		if (with_ns)
			buf_adds(&text, o->ns);
		for (size_t i = 0; i < n; i++) {
			if (i || with_ns)
				buf_addc(&text, '\t');
			cell(columns[i].column, columns[i].maker, o->value, &text);
		}
		buf_addc(&text, '\n');
	}
	tabs_align(buf_str(&text), MIN_WIDTH, PADDING, out);
}

/* -- the resources themselves -- */

/* Of several versions of one resource the first is the preferred one: kinds come in that order. */
static int is_preferred(const struct kind *k)
{
	for (size_t i = 0; i < k->index; i++)
		if (str_eq(kind_resource(kind_at(i)), kind_resource(k)))
			return 0;
	return !(k->flags & KIND_VIRTUAL);
}

static void add_words(struct buf *out, const char *const *words)
{
	for (const char *const *w = words; w && *w; w++)
		buf_addf(out, "%s%s", w == words ? "" : ",", *w);
}

static void add_resource(const struct kind *k, int wide, struct buf *out)
{
	buf_addf(out, "%s\t", k->plural);
	add_words(out, k->short_names);
	buf_addf(out, "\t%s\t%s\t%s", kind_api_version(k),
		 k->flags & KIND_NAMESPACED ? "true" : "false", k->kind);
	if (wide) {
		buf_adds(out, "\tcreate,delete,deletecollection,get,list,patch,update,watch\t");
		add_words(out, k->categories);
	}
	buf_addc(out, '\n');
}

void print_resources(int wide, struct buf *out)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	buf_addf(&text, "NAME\tSHORTNAMES\tAPIVERSION\tNAMESPACED\tKIND%s\n",
		 wide ? "\tVERBS\tCATEGORIES" : "");
	for (size_t i = 0; i < kinds_count(); i++)
		if (is_preferred(kind_at(i)))
			add_resource(kind_at(i), wide, &text);
	tabs_align(buf_str(&text), MIN_WIDTH, PADDING, out);
}
