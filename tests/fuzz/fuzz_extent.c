/* SPDX-License-Identifier: MIT */
/*
 * How much of a document a first write is, of any bytes: nothing is read beyond them, what is not
 * ended by a newline is never whole, and a comment line before changes no line into a beginning.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "fs/extent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char comment[] = "# first\n";
	char *text = malloc(size ? size : 1), *longer = malloc(size + sizeof(comment));
	enum extent extent, of_longer;

	memcpy(text, data, size);
	extent = extent_of(text, size);
	if (extent != EXTENT_OPEN && (!size || text[size - 1] != '\n'))
		abort();
	memcpy(longer, comment, sizeof(comment) - 1);
	memcpy(longer + sizeof(comment) - 1, data, size);
	of_longer = extent_of(longer, size + sizeof(comment) - 1);
	if ((extent == EXTENT_OPEN) != (of_longer == EXTENT_OPEN))
		abort();
	free(text);
	free(longer);
	return 0;
}
