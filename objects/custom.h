/* SPDX-License-Identifier: MIT */
/*
 * CustomResourceDefinitions: how an object of that kind becomes kinds.
 *
 * Each version of a definition is compiled into the structs of objects/schema.h and shown in the
 * registry. The store does it, right after a definition was committed and before anybody is told
 * so (custom_define): a reader that starts when the write has returned finds the kind. At start
 * definitions come before all other objects.
 *
 * Names (plural, singular, short ones, kind, list kind) belong to whoever had them first in the
 * group, compiled-in kinds before all. A definition whose names were never all its own is not
 * served; one that was served once stays so.
 *
 * Sources: Kubernetes "Extend the Kubernetes API with CustomResourceDefinitions";
 * apiextensions-apiserver pkg/controller/status (naming), pkg/apiserver/schema (structural).
 */
#pragma once

#include "objects/schema.h"
#include "util/err.h"

#define CUSTOM_CLEANUP "customresourcecleanup.apiextensions.k8s.io"

/* Is this the kind CustomResourceDefinition? */
int custom_is_definition(const struct kind *k);

/* -- one version, compiled -- */

/* Shared by reference; immutable. Readers of a registered kind hold none: it stays for ever. */
struct custom_version {
	const struct schema *schema;
	const struct column *columns;
	const struct selectable *selectable;
	const struct kind_scale *scale; /* NULL: no scale subresource */
	unsigned flags;                 /* KIND_STATUS, KIND_SCALE, KIND_GENERATION */
};

/*
 * Compile an element of spec.versions. Never fails: what no rule allows has no effect (the
 * definition's own validation refuses it). The same version again is the same struct. Owned.
 * Any thread.
 */
const struct custom_version *custom_compile(const struct value *version);
void custom_version_unref(const struct custom_version *v);
static inline UNUSED void custom_version_unrefp(const struct custom_version **v)
{
	custom_version_unref(*v);
}

/* -- definitions; one thread at a time (the store's committer, or before it runs) -- */

/* At start, for every definition before the first custom_define(): names that status says are
 * its own. */
void custom_claim(const struct value *definition);
/* The definition is as `definition` says: its kinds are shown, changed or hidden. */
void custom_define(const struct value *definition);
/* It is gone; by metadata.name. */
void custom_undefine(const char *name);

/* -- what became of a definition; any thread -- */

/*
 * The part of .status that its names decide: acceptedNames, and the conditions NamesAccepted and
 * Established (without times). Owned; NULL: no such definition.
 */
struct value *custom_status(const char *name);
/* The version that objects of the definition are written in: store_list() of it finds all of them,
 * whatever version they came in. NULL: no such definition. */
const struct kind *custom_stored(const char *name);
/* spec.conversion.webhook of the definition of a custom kind, owned; NULL: its versions are not
 * converted by one. */
struct value *custom_conversion(const struct kind *k);

/* -- kinds in the making -- */

/*
 * The kind that `definition` (decoded, defaulted and valid, not yet stored) says to be
 * api_version and kind, NULL if it says none such: for objects that are written together with
 * their definition. Nothing leads to it; kind_settled() is the kind that it will be. Owned.
 */
struct kind *custom_draft(const struct value *definition, const char *api_version, const char *kind,
			  struct err *err);
void custom_draft_free(struct kind *draft);
