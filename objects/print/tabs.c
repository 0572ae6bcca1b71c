/* SPDX-License-Identifier: MIT */
/* Aligning cells. Two passes over the text, a width for each cell in between. */
#include "objects/print/tabs.h"

struct line {
	size_t first, n; /* its cells that end in a tab */
};

struct cell {
	const char *text;
	size_t len, chars, width;
};

struct page {
	struct line *lines;
	struct cell *cells;
	size_t n_lines, n_cells;
};

static size_t chars_of(const char *s, size_t n)
{
	size_t chars = 0;

	for (size_t i = 0; i < n; i++)
		chars += ((unsigned char)s[i] & 0xc0) != 0x80;
	return chars;
}

static void add_cell(struct page *p, const char *text, size_t len)
{
	if ((p->n_cells & (p->n_cells - 1)) == 0)
		p->cells =
			xreallocarray(p->cells, p->n_cells ? 2 * p->n_cells : 1, sizeof(*p->cells));
	p->cells[p->n_cells++] = (struct cell){text, len, chars_of(text, len), 0};
}

static void add_line(struct page *p, size_t first)
{
	if ((p->n_lines & (p->n_lines - 1)) == 0)
		p->lines =
			xreallocarray(p->lines, p->n_lines ? 2 * p->n_lines : 1, sizeof(*p->lines));
	p->lines[p->n_lines++] = (struct line){first, p->n_cells - first};
}

static void split(struct page *p, const char *text)
{
	size_t first = 0;

	for (const char *from = text, *at = text; *at; at++) {
		if (*at == '\t') {
			add_cell(p, from, (size_t)(at - from));
			from = at + 1;
		} else if (*at == '\n') {
			add_line(p, first);
			first = p->n_cells;
			from = at + 1;
		}
	}
	add_line(p, first);
}

static struct cell *cell_at(struct page *p, size_t line, size_t column)
{
	return column < p->lines[line].n ? &p->cells[p->lines[line].first + column] : NULL;
}

/* From the cell at (line, column) down: the widest decides. */
static void set_widths(struct page *p, size_t line, size_t column, size_t min, size_t padding)
{
	size_t width = min;
	struct cell *c;

	for (size_t i = line; i < p->n_lines && (c = cell_at(p, i, column)); i++)
		if (c->chars + padding > width)
			width = c->chars + padding;
	for (size_t i = line; i < p->n_lines && (c = cell_at(p, i, column)); i++)
		c->width = width;
}

void tabs_align(const char *text, size_t min, size_t padding, struct buf *out)
{
	struct page p = {NULL, NULL, 0, 0};
	const char *at = text;

	split(&p, text);
	for (size_t i = 0; i < p.n_lines; i++) {
		for (size_t j = 0; j < p.lines[i].n; j++) {
			struct cell *c = cell_at(&p, i, j);

			if (!i || !cell_at(&p, i - 1, j))
				set_widths(&p, i, j, min, padding);
			buf_add(out, c->text, c->len);
			buf_pad(out, c->width - c->chars);
			at = c->text + c->len + 1;
		}
		while (*at && *at != '\n')
			buf_addc(out, *at++);
		if (*at == '\n')
			buf_addc(out, *at++);
	}
	free(p.lines);
	free(p.cells);
}
