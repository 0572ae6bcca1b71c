/* SPDX-License-Identifier: MIT */
/*
 * The names in pax headers, byte for byte. libarchive brings names that are
 * UTF-8 into Unicode's normal form C, so that a file would come out under
 * another name than the image gave it. So the tar is looked at while it
 * passes, and what it says of a name is kept until libarchive comes to that entry.
 * A tar that is not understood here is libarchive's alone to judge.
 */
#pragma once

#include "util/buf.h"

struct pax_name {
	struct pax_name *next;
	uint64_t header;   /* offset of the entry's first header */
	char *path, *link; /* owned; NULL: not in a pax header */
};

struct pax_names {
	int state;
	unsigned char block[512];
	size_t have;   /* bytes of block */
	uint64_t at;   /* offset in the tar */
	uint64_t left; /* of the body that passes */
	uint64_t pad;  /* after it */
	uint64_t size; /* of the entry, when a pax header says so */
	int has_size;
	struct buf pax;         /* body of the pax header that passes */
	struct pax_name *entry; /* of the entry whose headers pass, NULL: none began */
	struct pax_name *first, **last;
};

void pax_names_init(struct pax_names *p);
void pax_names_fini(struct pax_names *p);
/* The next bytes of the tar. */
void pax_names_see(struct pax_names *p, const void *data, size_t len);
/* What was said of the entry whose headers begin there; earlier ones are forgotten. NULL: nothing.
 */
const struct pax_name *pax_names_of(struct pax_names *p, uint64_t header);
