/* SPDX-License-Identifier: MIT */
/* NamespaceLifecycle: nothing new where there is no namespace, or where one ends. */
#include <errno.h>

#include "objects/api/admission/admission.h"

static struct value *admit_into_namespace(struct step *s, struct value *taken)
{
	CLEANUP_VALUE struct value *ns = NULL;

	if (!(s->r->kind->flags & KIND_NAMESPACED))
		return taken;
	ns = look_up(s, "namespaces", "", "", s->r->ns);
	if (!ns)
		fault_add_code(&s->r->faults, ENOENT, "namespaces \"%s\" not found", s->r->ns);
	else if (object_deleting(ns))
		forbid(s, EACCES,
		       "unable to create new content in namespace %s because it is being "
		       "terminated",
		       s->r->ns);
	return taken;
}

const struct plugin namespace_lifecycle = {.when = ON_CREATE, .admit = admit_into_namespace};
