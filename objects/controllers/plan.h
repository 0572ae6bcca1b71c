/* SPDX-License-Identifier: MIT */
/* Inside objects/controllers only: what a plan holds between sync and the runner. */
#pragma once

#include "objects/controllers/controller.h"

struct planned_event {
	struct object *about;          /* owned */
	char *type, *reason, *message; /* owned */
	size_t after; /* index of the op that must have been committed; PLAN_AT_ONCE */
	int once;     /* event_record_once() */
};

#define PLAN_AT_ONCE SIZE_MAX

/* One request and what became of it. The request itself is api's once submitted. */
struct planned_op {
	struct api_request *request; /* NULL once submitted */
	int joined;                  /* in the batch of the op before */
	enum api_verb verb;
	struct objkey key;    /* strings owned; name NULL: not known at planning */
	struct faults faults; /* after it ended */
};

struct plan {
	struct planned_op *ops; /* owned */
	size_t n_ops;
	struct planned_event *events; /* owned */
	size_t n_events;
	int join;          /* the next request joins */
	uint64_t again_ms; /* UINT64_MAX: not */
};

void plan_fini(struct plan *p);
