/* SPDX-License-Identifier: MIT */
/*
 * What a listing or a watch is narrowed to: labels, and fields that the kind lets be selected
 * (`struct selectable`, objects/schema.h).
 *
 * Both stand in one text. A term that begins with a dot is about a field, which no label key does:
 *
 *     app=nginx,tier!=db,.status.phase=Running,.spec.nodeName!=n1
 *
 * Fields know `=`, `==` and `!=`; in a value `\,` `\=` and `\\` stand for the character itself. A
 * field that is absent reads as its zero: "", "0" or "false".
 * Source: Kubernetes "Field Selectors"; apimachinery pkg/fields.
 */
#pragma once

#include "objects/schema.h"
#include "objects/selector.h"

struct selection;

/* Text as above; "" selects everything. NULL with err (EINVAL) when malformed, or when a field of
 * this kind cannot be selected. Any thread; shared by none. */
struct selection *selection_parse(const struct kind *k, const char *text, struct err *err);
/* Narrow it by a field selector as kubectl takes it: no dots before the fields. */
int selection_add_fields(struct selection *s, const struct kind *k, const char *text,
			 struct err *err);
void selection_free(struct selection *s);
DEFINE_CLEANUP(struct selection *, selection_free)
/* Does it look at more than metadata? Then what is matched has to be whole (object->of). */
int selection_reads_content(const struct selection *s);
/* object: of the kind (in the version) that the selection was parsed for. NULL selects all. */
int selection_matches(const struct selection *s, const struct value *object);
