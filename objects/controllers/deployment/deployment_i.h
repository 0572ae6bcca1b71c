/* SPDX-License-Identifier: MIT */
/*
 * Inside objects/controllers/deployment only: one Deployment as a run sees it, and
 * what the run makes of it. Decisions edit the view (replicas and annotations of
 * its ReplicaSets, the status); only controller.c turns the view into a plan.
 *
 * Source of all rules: Kubernetes "Deployments"; pkg/controller/deployment
 * (sync.go, rolling.go, recreate.go, progress.go, util/deployment_util.go).
 */
#pragma once

#include "objects/controllers/facts.h"
#include "objects/object.h"

#define DEPLOYMENT_REVISION  "deployment.kubernetes.io/revision"
#define DEPLOYMENT_REVISIONS "deployment.kubernetes.io/revision-history"
#define DEPLOYMENT_DESIRED   "deployment.kubernetes.io/desired-replicas"
#define DEPLOYMENT_MAX       "deployment.kubernetes.io/max-replicas"
#define POD_TEMPLATE_HASH    "pod-template-hash"
#define NO_DEADLINE          INT32_MAX

struct set {                    /* a ReplicaSet */
	const struct object *o; /* borrowed; NULL: to be created */
	struct value *value;    /* owned: o's, edited */
	const char *name;       /* of value */
	int64_t replicas;       /* spec.replicas, as edited */
	int64_t was_replicas;
	int64_t actual, ready, available, terminating; /* status */
	int64_t created;
	int remove;
};

struct deployment {
	const struct object *o;               /* borrowed */
	int64_t now;                          /* seconds */
	int64_t replicas, surge, unavailable; /* bounds in pods; 0 unless rolling */
	int64_t deadline;                     /* progressDeadlineSeconds; NO_DEADLINE: none */
	int rolling, paused;
	struct set *sets; /* owned; oldest first; the new one last, if it is to be created */
	size_t n;
	struct set *new_set; /* NULL: there is none */
	int64_t creations_failed;
	int old_pods; /* pods of old revisions that still run (Recreate) */
	/* results */
	struct value *status; /* owned: working copy */
	char *revision;       /* owned: to be written into the annotation, NULL: leave */
	uint64_t again_ms;    /* UINT64_MAX: not */
};

/* -- view.c: building and taking apart -- */

void deployment_init(struct deployment *d, const struct object *o, struct object *const *sets,
		     size_t n, int64_t now);
void deployment_fini(struct deployment *d);
/* maxSurge and maxUnavailable in pods, both percentages resolved. */
void resolve_bounds(const struct value *spec, int64_t replicas, int64_t *surge_out,
		    int64_t *unavailable_out);
/* The label's value: ten letters at most. collisions < 0: never collided. Owned. */
char *template_hash(const struct value *template, int64_t collisions);
/* Equal but for the hash label. */
int same_template(const struct value *a, const struct value *b);

#define EACH_SET(s, d)     for (struct set *s = (d)->sets; s < (d)->sets + (d)->n; s++)
#define EACH_OLD_SET(s, d) EACH_SET(s, d) if (s != (d)->new_set)

int64_t sum_replicas(const struct deployment *d);
int64_t sum_available(const struct deployment *d);
int64_t max_unavailable(const struct deployment *d);

/* -- revision.c: annotations, revisions, the new ReplicaSet -- */

/* Bring revision and annotations of the new set up to date; create: make one when there is none. */
void sync_revision(struct deployment *d, int create);
/* Note in a set how large the Deployment wants to be: how a change of scale is noticed. */
void set_scale_annotations(const struct deployment *d, struct set *s);
/* -1: no (valid) annotation. */
int64_t scale_annotation(const struct set *s, const char *key);
int64_t revision_of(const struct value *obj);
/* What belongs to one of both and is not copied between them. */
int is_own_annotation(const char *key);
/* Old sets beyond spec.revisionHistoryLimit. */
void clean_up_history(struct deployment *d);

/* -- scale.c: sizes -- */

void resize_set(const struct deployment *d, struct set *s, int64_t replicas);
/* Replicas that the new set may have now. */
int64_t new_set_replicas(const struct deployment *d, const struct set *new_set);
int is_scaling(const struct deployment *d);
/* All revisions in proportion, or the only one. */
void scale_in_proportion(struct deployment *d);
/* One step of a rolling update. Return: whether a size was changed. */
int roll(struct deployment *d);
int scale_down_for_recreate(struct deployment *d);

/* -- status.c -- */

void set_progress(struct deployment *d, const char *status, const char *reason, const char *fmt,
		  const char *name);
/* When the pause began or ended. */
void note_pause(struct deployment *d);
/* Counts and Available only. */
void count_status(struct deployment *d);
/* The same, progress and failures besides. */
void rollout_status(struct deployment *d);
/* By the status as it is: all pods updated, available, observed. */
int is_complete(const struct deployment *d, const struct value *status);
