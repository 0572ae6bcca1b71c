/* SPDX-License-Identifier: MIT */
/* What the committer owes to custom kinds: their definitions. On its thread. */
#pragma once

#include "objects/store/store_i.h"

/*
 * An object of a custom kind needs its definition, which may be in the same batch, and a new one
 * needs it to stay. Return: 0, -ESTALE when it is gone, -EPERM when it is being deleted.
 */
int definition_allows(struct store *s, struct objkey key, int is_new, struct err *err) MUST_CHECK;
/* A definition was committed (before NULL: a new one; made NULL: it is gone). */
void definition_changed(const struct object *before, const struct object *made);

/* At start: the kinds of all definitions. At the end: no kinds any more. */
void definitions_load(struct store *s);
void definitions_forget(struct store *s);
