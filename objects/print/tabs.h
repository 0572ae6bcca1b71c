/* SPDX-License-Identifier: MIT */
/*
 * Aligned text: cells that end in a tab are padded so that those below each
 * other begin in one column, for as long as consecutive lines have the cell.
 * It is the layout of Go's text/tabwriter, which kubectl prints with.
 */
#pragma once

#include "util/buf.h"

/* Append text (lines of cells) to out; a cell is at least min wide, padding included. */
void tabs_align(const char *text, size_t min, size_t padding, struct buf *out);
