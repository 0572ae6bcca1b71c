/* SPDX-License-Identifier: MIT */
/*
 * libyaml's events, document after document, with what is refused before they
 * start (NUL, control characters, invalid UTF-8, size) and a way on behind a
 * document that does not parse: the next line that begins with `---`.
 */
#pragma once

#include <yaml.h>

#include "objects/fault.h"

struct yaml_reader {
	const char *text;
	size_t len;
	size_t base;        /* offset that the parser began at */
	unsigned line_base; /* lines before it */
	unsigned index;     /* of the document that began last, empty ones counted, from 0 */
	/* lines are counted apart from parsing: up to here, the next line's number, and what they
	 * said */
	size_t counted;
	unsigned next_line;
	unsigned separators; /* lines that begin with --- */
	int implicit_first;  /* something stands before the first of them */
	int in_document;
	unsigned depth;         /* of lists and maps that are open */
	int failed;             /* the parser cannot go on: yaml_reader_recover() */
	unsigned document_line; /* where the last one began */
	unsigned fault_line;    /* of the last fault */
	unsigned recoveries;
	int open; /* parser is initialised */
	yaml_parser_t parser;
	yaml_event_t event; /* the current one */
	int has_event;
	struct faults *faults; /* NULL: not wanted */
};

/* Return: 0, or -EINVAL/-EFBIG with a fault. */
int yaml_reader_init(struct yaml_reader *r, const char *text, size_t len, struct faults *faults);
/* The same, beginning at the document of an index; -ENOENT when there is none. */
int yaml_reader_init_at(struct yaml_reader *r, const char *text, size_t len, unsigned document);
void yaml_reader_fini(struct yaml_reader *r);
/* The next event into r->event. Return: 0, or -EINVAL with a fault; no deeper than VALUE_MAX_DEPTH.
 */
int yaml_reader_next(struct yaml_reader *r);
/*
 * On to the next document. Return: 1 at its start event, 0 at the end of the
 * text, -EINVAL with a fault: call yaml_reader_recover() then.
 */
int yaml_reader_document(struct yaml_reader *r);
/* Go on behind the document that failed. Return: 1, or 0 when none follows. */
int yaml_reader_recover(struct yaml_reader *r);
/* To the end of a document whose reader lost interest. Return: 1 there, or as recover. */
int yaml_reader_skip(struct yaml_reader *r);
/* Start of the current event in the whole text, from 1. */
unsigned yaml_reader_line(const struct yaml_reader *r);
unsigned yaml_reader_column(const struct yaml_reader *r);
/* A fault at a place of the text. Return: -EINVAL. */
int yaml_reader_fault(struct yaml_reader *r, unsigned line, unsigned column, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
