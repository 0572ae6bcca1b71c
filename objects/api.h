/* SPDX-License-Identifier: MIT */
/*
 * The one write path. Whoever writes (a file, a controller, the node) hands a
 * request to api_submit(), and every request goes the same way:
 *
 *	authorize -> decode (strict) -> change (create, update, patch, apply) ->
 *	default -> admit (mutate, then validate) -> validate -> track fields
 *	(managedFields) -> bump generation -> commit -> notify watchers -> done
 *
 * A request whose change leaves the object as it is commits nothing and is done
 * at once. When somebody else changed the object in between, the change is made
 * again on the new state, unless the request itself demanded a resourceVersion.
 *
 * Several requests submitted together commit as one transaction: all or none
 * (a manifest of several documents). Faults of all of them are collected first.
 *
 * A batch that a webhook has to be asked about (of admission, or because its objects
 * are converted by one) is worked on by a thread that may wait; so only its writer does.
 *
 * Locking: any thread. `done` runs on the committer thread after a commit, or on
 * the calling thread (or that which waited for a webhook) when nothing had to be
 * committed or the request was refused.
 */
#pragma once

#include "objects/object.h"
#include "objects/store/store.h"

struct api;
struct webhooks; /* objects/webhook.h */

/* Who asks: filled in by auth from the kernel's word, or a controller's own. Borrowed strings. */
struct caller {
	const char *user; /* "alice", "system:masters" members are privileged through groups */
	const char *const *groups; /* NULL-terminated */
	const char *manager;       /* field manager, NULL: user */
	int trusted;               /* a part of the daemon: not authorized again */
	unsigned uid;
};
/* A copy that outlives the strings of the original: one block, for free(). */
struct caller *caller_copy(const struct caller *who);

enum api_verb {
	API_CREATE,
	API_UPDATE, /* body replaces the object; a resourceVersion in it must match */
	API_APPLY,  /* server-side apply, operation Apply */
	API_PATCH_STRATEGIC,
	API_PATCH_MERGE, /* RFC 7396 */
	API_PATCH_JSON,  /* RFC 6902 */
	API_MUTATE, /* `mutate` edits the current object: one-value files, ctl verbs, controllers */
	API_DELETE,
	/* Say something about an object, or ask: body is of a virtual kind (SubjectAccessReview,
	 * Binding) or of the kind that the subresource takes (Eviction, Scale). What comes back
	 * is api_answer(). */
	API_REVIEW,
};

enum api_flag {
	API_FORCE = 1,   /* apply: take fields from other managers */
	API_DRY_RUN = 2, /* everything but the commit: preview is what would be stored. All requests
			    of a batch or none; later ones see what earlier ones would make */
	API_STATUS =
		4, /* through the status subresource: only status changes (and is authorized so) */
	API_SCALE = 8,        /* through the scale subresource */
	API_BINDING = 16,     /* pods/binding: sets spec.nodeName and the PodScheduled condition */
	API_UPSERT = 32,      /* API_UPDATE and API_MUTATE: create when absent */
	API_IF_EXISTS = 64,   /* absent is no fault: done with no result */
	API_EXPECT_RV = 128,  /* expect_rv must match, or -EBUSY */
	API_KEEP = 256,       /* the caller keeps the request after done; else it is freed by api */
	API_COLLECTION = 512, /* API_DELETE: one of a collection, authorized as deletecollection */
};

/* Edit the current object (taken; an empty map with apiVersion, kind, metadata when absent) and
 * return it. NULL: refused, with err filled. May run more than once, on any thread: must not have
 * side effects. */
typedef struct value *(*api_mutate_fn)(void *arg, struct value *taken, struct err *err);

enum propagation {
	PROPAGATE_DEFAULT,
	PROPAGATE_BACKGROUND,
	PROPAGATE_FOREGROUND,
	PROPAGATE_ORPHAN
};

struct api_request {
	enum api_verb verb;
	unsigned flags;
	const struct kind *kind;
	char *ns, *name; /* owned; ns "" for cluster scope; name NULL: from body or generateName */
	const char *sub; /* API_REVIEW: the subresource that is written; NULL: none. Static */
	struct value *body; /* owned; create, update, apply, patch, review */
	api_mutate_fn mutate;
	void *mutate_arg;
	void (*mutate_free)(void *arg); /* frees mutate_arg with the request, NULL: nothing */
	char *manager;                  /* owned; NULL: the caller's */
	uint64_t expect_rv;
	/* API_DELETE */
	int64_t grace_seconds; /* < 0: the object's own */
	enum propagation propagation;
	char *expect_uid; /* owned, NULL: any */
	/* results */
	struct faults faults;  /* n == 0: done */
	struct object *result; /* owned: new snapshot; after a complete deletion the last one; NULL
				  dry run or absent */
	struct value *preview; /* dry run: what would be stored; a review: its answer. Owned */
	int changed;           /* 0: the object already was so */
	struct value
		*warnings; /* of admission: a list of texts for the writer, NULL: none. Owned */
	struct value *audit_annotations; /* of admission: a map of texts, NULL: none. Owned */
};

struct api_request *api_request_new(enum api_verb verb, const struct kind *kind, const char *ns,
				    const char *name);
void api_request_free(struct api_request *r);

/* A batch: requests that commit together, and records that go with them. */
struct api_batch {
	struct api_request **list; /* owned */
	size_t n;
	struct store_txn *extra; /* record ops to commit along, owned, NULL: none */
	/* exactly once; rc 0 or the -errno of the first fault. The batch is freed after it returns
	 * unless done sets keep. */
	void (*done)(struct api_batch *b, int rc);
	void *arg;
	int keep;
};
struct api_batch *api_batch_new(void (*done)(struct api_batch *b, int rc), void *arg);
void api_batch_add(struct api_batch *b, struct api_request *taken);
void api_batch_free(struct api_batch *b);

/*
 * What the house plugs into the path. A NULL function: everybody may do all. Trusted callers are
 * not asked about. All get the caller; each returns 0, or -EACCES with err.
 */
struct api_hooks {
	/* Before anything of the request is looked at, and whatever the object's state is: so a
	 * refusal tells nothing about it. */
	int (*authorize)(void *arg, const struct caller *who, const struct api_request *r,
			 struct err *err);
	/* Before each attempt, of what depends on whether the object is there (live NULL: not). */
	int (*authorize_state)(void *arg, const struct caller *who, const struct api_request *r,
			       const struct value *live, struct err *err);
	/* Of the object as it would be stored, when nothing else is wrong with it. Adds faults. */
	int (*authorize_result)(void *arg, const struct caller *who, const struct api_request *r,
				const struct value *live, const struct value *next,
				struct faults *faults);
	/*
	 * Answer a review (SubjectAccessReview and its like) that the caller was allowed to
	 * create: body decoded, ns "" for cluster scope. Return: its `status`, owned; NULL with
	 * faults, or without any when k is no review that is answered here.
	 */
	struct value *(*review)(void *arg, const struct caller *who, const struct kind *k,
				const char *ns, const struct value *body, struct faults *faults);
	/* The same of what is about tokens, asked when `review` has nothing to say. */
	struct value *(*review_tokens)(void *arg, const struct caller *who, const struct kind *k,
				       const char *ns, const struct value *body,
				       struct faults *faults);
	/* Appends what belongs into a Secret of the type kubernetes.io/service-account-token: a
	 * token of its account that is worth something for as long as both are there. */
	int (*secret_token)(void *tokens_arg, const struct value *secret, struct buf *out,
			    struct err *err);
	void *arg;
	void *tokens_arg; /* of the two above */
	/* A request has its answer (rc of its batch); called once, before done. NULL: nobody wants
	 * to know. Must not wait. */
	void (*audit)(void *audit_arg, const struct caller *who, const struct api_request *r,
		      int rc);
	void *audit_arg;
	/* Who asks webhooks: of admission, and for conversion; borrowed. NULL: nobody, so that what
	 * needs an answer is refused. */
	struct webhooks *webhooks;
	const char *service_cidr; /* where Services get their addresses; NULL: "10.96.0.0/16" */
};

/* hooks NULL: none. NULL with err when the range is no CIDR. */
struct api *api_new(struct store *store, const struct api_hooks *hooks, struct err *err);
/* Waits for what is in flight. */
void api_free(struct api *a);
struct store *api_store(struct api *a);
/* Who asks webhooks (objects/webhook.h); NULL: nobody. */
struct webhooks *api_webhooks(struct api *a);
/* Webhooks of admission are asked from here on: what the house makes at its start needs no leave. */
void api_ask_webhooks(struct api *a);

/* What authorization says of a request, without making it. Return: 0, -EACCES with err. */
int api_may(struct api *a, const struct caller *who, const struct api_request *r, struct err *err)
	MUST_CHECK;
/*
 * Is somebody to be asked before a connection to a subresource (pods/exec) is opened? And asking:
 * options are its object (PodExecOptions, with apiVersion and kind). Waits for webhooks. Return: 0,
 * or -errno with err.
 */
int api_connect_waits(struct api *a, const struct kind *k, const char *sub);
int api_connect(struct api *a, const struct caller *who, struct objkey key, const char *sub,
		const struct value *options, struct err *err) MUST_CHECK;
/* Batch is taken. */
void api_submit(struct api *a, const struct caller *who, struct api_batch *taken);
/*
 * One request, waited for; not on the committer thread. The request stays the caller's:
 * look at faults and result, then api_request_free().
 */
int api_call(struct api *a, const struct caller *who, struct api_request *r) MUST_CHECK;

/*
 * The kind of what is written to a subresource of k (sub: "eviction", "scale", "binding", "token";
 * NULL: to the virtual kind k itself). NULL: k has no such thing.
 */
const struct kind *api_review_kind(const struct kind *k, const char *sub);
/* What a subresource shows of its object (owned); NULL: it can only be written. */
struct value *api_review_show(const struct kind *k, const char *sub, const struct value *object);
/* What came of a review that was done without faults; owned. */
struct value *api_answer(const struct api_request *r);

/* The token of a Secret of that type, appended. Return: 0, -EOPNOTSUPP when nothing here makes tokens,
 * or what the hook says. */
int api_secret_token(struct api *a, const struct value *secret, struct buf *out, struct err *err)
	MUST_CHECK;
int api_makes_tokens(const struct api *a);

/* Now, as metav1.Time ("2026-11-23T20:17:18Z") and MicroTime. buf of 32. */
const char *api_now(char buf[32]);
const char *api_now_micro(char buf[32]);
/* A random lowercase suffix as generateName makes it (no vowels, no 0/1/3): n characters and NUL.
 */
void api_random_suffix(char *out, size_t n);
/* A version 4 UUID. buf of 37. */
void api_uuid(char buf[37]);
