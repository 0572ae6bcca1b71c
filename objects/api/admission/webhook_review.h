/* SPDX-License-Identifier: MIT */
/*
 * AdmissionReview: the question that a webhook is asked, and what its answer says.
 * Source: k8s.io/api/admission/v1; apiserver pkg/admission/plugin/webhook/{request,errors}.
 */
#pragma once

#include "objects/api.h"
#include "objects/api/admission/match.h"

/* Borrowed. */
struct review_question {
	const struct match_request *request;
	const struct kind *as;            /* the version that the webhook is shown */
	const char *object_kind;          /* of a subresource with objects of its own: "Scale" */
	const char *object_api_version;   /* and its apiVersion; NULL, both: as's */
	const struct value *object, *old; /* in that version; NULL: none */
	const struct caller *who;
	int dry_run;
	const char *version; /* of the review: "v1", "v1beta1" */
	const char *uid;
};

/* Owned. */
struct value *review_make(const struct review_question *q);

struct review_answer {
	int allowed;
	int code;               /* when not allowed: errno */
	char *why;              /* then: `admission webhook "x" denied the request: ...`; owned */
	struct value *patch;    /* a JSON Patch, owned; NULL: none */
	struct value *warnings; /* a list of texts, owned; NULL: none */
	struct value *audit_annotations; /* a map of texts, owned; NULL: none */
};

/* What a webhook called `name` answered to the question. Only a mutating one may patch. Return: 0,
 * or -EINVAL when it is no answer to it. */
int review_take(const struct review_question *q, const char *name, int mutating,
		const struct value *answer, struct review_answer *out, struct err *err) MUST_CHECK;
void review_answer_fini(struct review_answer *a);
