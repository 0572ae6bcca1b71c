/* SPDX-License-Identifier: MIT */
/* Reading YAML: the check of the bytes, libyaml's events, and recovery. */
#include "objects/codec/yaml_read.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "objects/codec.h"
#include "objects/codec/codec_i.h"
#include "objects/codec/utf8.h"

#define DIRECTIVES_MAX 64 /* libyaml compares each %TAG with all before it */

int yaml_reader_fault(struct yaml_reader *r, unsigned line, unsigned column, const char *fmt, ...)
{
	char what[400];
	va_list ap;

	r->fault_line = line;
	if (!r->faults)
		return -EINVAL;
	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	fault_add(r->faults, NULL, FAULT_SYNTAX, NULL, "%s", what);
	if (r->faults->n && !r->faults->list[r->faults->n - 1].line) {
		r->faults->list[r->faults->n - 1].line = line;
		r->faults->list[r->faults->n - 1].column = column;
	}
	return -EINVAL;
}

static int bad_byte(struct yaml_reader *r, size_t at, const char *what)
{
	struct place p = place_of(r->text, at);

	return yaml_reader_fault(r, p.line, p.column, "%s (byte 0x%02x)", what,
				 (unsigned char)r->text[at]);
}

/* What YAML allows besides printable ASCII: tab, line ends; DEL is left to libyaml. */
static int check_bytes(struct yaml_reader *r)
{
	size_t n = utf8_check(r->text, r->len);
	unsigned directives = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)r->text[i];

		if (c >= 0x20)
			continue;
		if (c == '\n') {
			directives += i + 1 < n && r->text[i + 1] == '%';
			continue;
		}
		if (c != '\t' && c != '\r')
			return bad_byte(r, i,
					c ? "control characters are not allowed"
					  : "text must not hold a NUL byte");
	}
	if (n < r->len)
		return bad_byte(r, n, "invalid UTF-8");
	if (directives > DIRECTIVES_MAX)
		return yaml_reader_fault(r, 1, 1, "more than %d directives", DIRECTIVES_MAX);
	return 0;
}

static void start(struct yaml_reader *r, size_t base)
{
	if (!yaml_parser_initialize(&r->parser))
		abort();
	yaml_parser_set_encoding(&r->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&r->parser, (const unsigned char *)r->text + base,
				     r->len - base);
	r->base = base;
	r->open = 1;
	r->in_document = 0;
	r->depth = 0;
	r->failed = 0;
}

static void drop_event(struct yaml_reader *r)
{
	if (r->has_event)
		yaml_event_delete(&r->event);
	r->has_event = 0;
}

static void stop(struct yaml_reader *r)
{
	drop_event(r);
	if (r->open)
		yaml_parser_delete(&r->parser);
	r->open = 0;
}

int yaml_reader_init(struct yaml_reader *r, const char *text, size_t len, struct faults *faults)
{
	int rc;

	*r = (struct yaml_reader){.text = text, .len = len, .next_line = 1, .faults = faults};
	if (len > CODEC_MAX_BYTES) {
		if (faults)
			fault_add_code(faults, EFBIG, "the text is larger than %u bytes",
				       CODEC_MAX_BYTES);
		return -EFBIG;
	}
	rc = check_bytes(r);
	if (rc == 0) /* a byte order mark says nothing */
		start(r, len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0);
	return rc;
}

void yaml_reader_fini(struct yaml_reader *r)
{
	stop(r);
}

/* The character at a mark of the parser, '\0' if there is none. */
static char char_at(const struct yaml_reader *r, const yaml_mark_t *mark)
{
	const char *at = r->text + r->base, *end = r->text + r->len;
	size_t line = 0, column = 0;

	while (at < end && line < mark->line)
		line += *at++ == '\n';
	while (at < end && *at != '\n' && column < mark->column) {
		at++;
		while (at < end && ((unsigned char)*at & 0xc0) == 0x80)
			at++;
		column++;
	}
	return at < end ? *at : '\0';
}

static int parser_fault(struct yaml_reader *r)
{
	const yaml_parser_t *p = &r->parser;
	unsigned line = r->line_base + (unsigned)p->problem_mark.line + 1;
	unsigned column = (unsigned)p->problem_mark.column + 1;
	const char *problem = p->problem ? p->problem : "unreadable";

	if (p->error == YAML_READER_ERROR) {
		struct place at = place_of(r->text + r->base, p->problem_offset);

		return yaml_reader_fault(r, r->line_base + at.line, at.column, "%s", problem);
	}
	if (char_at(r, &p->problem_mark) == '\t')
		return yaml_reader_fault(r, line, column,
					 "a tab in the indentation: YAML indents with spaces only");
	if (p->context && !str_eq(p->context, "while scanning for the next token"))
		return yaml_reader_fault(r, line, column, "%s (%s that starts at line %u)", problem,
					 p->context,
					 r->line_base + (unsigned)p->context_mark.line + 1);
	return yaml_reader_fault(r, line, column, "%s", problem);
}

static int is_separator(const char *at, const char *end)
{
	return end - at >= 3 && memcmp(at, "---", 3) == 0 &&
	       (end - at == 3 || strchr(" \t\r\n", at[3]));
}

/* Blank, a comment, a directive or `...`: no document begins with it. */
static int says_nothing(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	return at == end || strchr("\r\n#%", *at) || (end - at >= 3 && memcmp(at, "...", 3) == 0);
}

/*
 * A line that begins with `---` is a separator always, even where it makes a
 * scalar end too early, so documents can be counted without parsing.
 * Return: whether the line was one.
 */
static int count_line(struct yaml_reader *r)
{
	const char *at = r->text + r->counted, *end = r->text + r->len;
	const char *stop = memchr(at, '\n', (size_t)(end - at));
	int separates = is_separator(at, end);

	if (separates)
		r->separators++;
	else if (!r->separators && !says_nothing(at, end))
		r->implicit_first = 1;
	r->counted = stop ? (size_t)(stop + 1 - r->text) : r->len;
	r->next_line++;
	return separates;
}

static unsigned counted_index(const struct yaml_reader *r)
{
	return r->separators ? r->separators - !r->implicit_first : 0;
}

int yaml_reader_init_at(struct yaml_reader *r, const char *text, size_t len, unsigned document)
{
	int rc = yaml_reader_init(r, text, len, NULL);

	if (rc < 0 || document == 0)
		return rc;
	while (r->counted < len) {
		size_t at = r->counted;

		if (!count_line(r) || counted_index(r) != document)
			continue;
		stop(r);
		r->line_base = r->next_line - 2;
		start(r, at);
		return 0;
	}
	return -ENOENT;
}

/* What an event says about where we are. libyaml itself would go as deep as the text does. */
static int follow(struct yaml_reader *r)
{
	switch (r->event.type) {
	case YAML_DOCUMENT_START_EVENT:
		r->in_document = 1;
		r->document_line = yaml_reader_line(r);
		/* the event begins with directives, the separator is where it ends */
		while (r->next_line <= r->line_base + r->event.end_mark.line + 1 &&
		       r->counted < r->len)
			count_line(r);
		r->index = counted_index(r);
		return 0;
	case YAML_DOCUMENT_END_EVENT:
		r->in_document = 0;
		return 0;
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (++r->depth <= VALUE_MAX_DEPTH)
			return 0;
		return yaml_reader_fault(r, yaml_reader_line(r), yaml_reader_column(r),
					 "nested deeper than %d levels", VALUE_MAX_DEPTH);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		r->depth--;
		return 0;
	default:
		return 0;
	}
}

int yaml_reader_next(struct yaml_reader *r)
{
	int rc;

	drop_event(r);
	r->has_event = yaml_parser_parse(&r->parser, &r->event);
	rc = r->has_event ? follow(r) : parser_fault(r);
	r->failed = rc < 0;
	return rc;
}

int yaml_reader_document(struct yaml_reader *r)
{
	for (;;) {
		int rc = yaml_reader_next(r);

		if (rc < 0)
			return rc;
		if (r->event.type == YAML_DOCUMENT_START_EVENT)
			return 1;
		if (r->event.type == YAML_STREAM_END_EVENT)
			return 0;
	}
}

int yaml_reader_recover(struct yaml_reader *r)
{
	const char *at = r->text + r->base, *end = r->text + r->len;
	unsigned line = r->line_base + 1; /* of `at`, in the whole text */

	if (++r->recoveries > FAULTS_MAX)
		return 0;
	while ((at = memchr(at, '\n', (size_t)(end - at)))) {
		at++;
		line++;
		if (line >= r->fault_line && line > r->document_line && is_separator(at, end))
			break;
	}
	if (!at)
		return 0;
	stop(r);
	r->line_base = line - 1;
	start(r, (size_t)(at - r->text));
	return 1;
}

int yaml_reader_skip(struct yaml_reader *r)
{
	while (!r->failed && r->in_document)
		yaml_reader_next(r);
	return r->failed ? yaml_reader_recover(r) : 1;
}

unsigned yaml_reader_line(const struct yaml_reader *r)
{
	return r->line_base + (unsigned)r->event.start_mark.line + 1;
}

unsigned yaml_reader_column(const struct yaml_reader *r)
{
	return (unsigned)r->event.start_mark.column + 1;
}
