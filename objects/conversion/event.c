/* SPDX-License-Identifier: MIT */
/*
 * Events: the same fields under two names.
 * Source: Kubernetes pkg/apis/events/v1/conversion.go.
 */
#include "objects/conversion/views.h"

static const struct {
	const char *core, *view;
} names[] = {
	{"involvedObject", "regarding"},
	{"message", "note"},
	{"reportingComponent", "reportingController"},
	{"source", "deprecatedSource"},
	{"firstTimestamp", "deprecatedFirstTimestamp"},
	{"lastTimestamp", "deprecatedLastTimestamp"},
	{"count", "deprecatedCount"},
};

static struct value *rename_field(struct value *taken, const char *from, const char *to)
{
	struct value *v = value_ref(value_get(taken, from));

	if (!v)
		return taken;
	return value_set(value_del(taken, from), to, v);
}

static struct value *from_core(struct value *taken)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		taken = rename_field(taken, names[i].core, names[i].view);
	return taken;
}

static struct value *to_core(struct value *taken)
{
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		taken = rename_field(taken, names[i].view, names[i].core);
	return taken;
}

const struct kind_view view_event = {from_core, to_core};
