/* SPDX-License-Identifier: MIT */
/*
 * Faults: everything that is wrong with a manifest or an object, all at once,
 * in Kubernetes' words.
 *
 * A fault names its field the way Kubernetes does
 * (`spec.template.spec.containers[0].image`, `metadata.labels[a.b/c]`), says
 * what kind of fault it is, and where in the text it stands, once the decoder
 * has looked that up (line and column from 1, 0 while unknown).
 *
 * Source of the words: apimachinery, pkg/util/validation/field/errors.go.
 */
#pragma once

#include "objects/value.h"
#include "util/err.h"

enum fault_kind {
	FAULT_INVALID,       /* Invalid value: "x": detail */
	FAULT_REQUIRED,      /* Required value: detail */
	FAULT_NOT_SUPPORTED, /* Unsupported value: "x": supported values: "a", "b" */
	FAULT_DUPLICATE,     /* Duplicate value: "x" */
	FAULT_NOT_FOUND,     /* Not found: "x" */
	FAULT_FORBIDDEN,     /* Forbidden: detail */
	FAULT_TOO_LONG,      /* Too long: may not be more than N bytes */
	FAULT_TOO_MANY,      /* Too many: N: must have at most M items */
	FAULT_TYPE, /* Invalid value: "three": must be an integer; decoding failed (400, no causes)
		     */
	FAULT_UNKNOWN, /* unknown field "replica", did you mean "replicas"? */
	FAULT_SYNTAX,  /* the text does not parse: free text, no field */
	FAULT_OTHER,   /* free text about the whole object (conflict, no such object, ...) */
};

/* Where in a tree: a chain of steps on the stack, innermost first; NULL is the root. */
struct path {
	const struct path *up;
	const char *key; /* map key or field; NULL: index */
	size_t index;
	int quoted; /* a key of a free map: rendered as [key] instead of .key */
	/* what faults call this step where Kubernetes gives it another name; "": it leaves it out */
	const char *said;
};
#define PATH_FIELD(up_, key_) (&(const struct path){.up = (up_), .key = (key_)})
#define PATH_KEY(up_, key_)   (&(const struct path){.up = (up_), .key = (key_), .quoted = 1})
#define PATH_INDEX(up_, i_)   (&(const struct path){.up = (up_), .index = (i_)})
/* A step that is there to be located, and called otherwise: the field `key_` as `said_`, and an
 * element that is not told from its neighbours. */
#define PATH_CALLED(up_, key_, said_)                                                              \
	(&(const struct path){.up = (up_), .key = (key_), .said = (said_)})
#define PATH_UNSAID(up_, i_) (&(const struct path){.up = (up_), .index = (i_), .said = ""})
/* "spec.containers[0].image"; "" for the root. */
void path_render(const struct path *p, struct buf *out);

struct fault {
	enum fault_kind kind;
	char *field;         /* rendered path, owned, "" for the whole object */
	char *message;       /* "Invalid value: ...", owned, without the field */
	struct value *steps; /* the path as a list of keys and indexes, owned, for locating */
	unsigned line, column;
};

struct faults {
	struct fault *list; /* owned */
	size_t n;
	int code; /* errno of the whole: EINVAL unless something stronger was said (EACCES, EBUSY,
		     EPERM, EDQUOT ...) */
};

#define FAULTS_INIT                                                                                \
	{                                                                                          \
		NULL, 0, 0                                                                         \
	}

/* Past this many, further faults are counted out: a hostile text cannot make an endless list. */
#define FAULTS_MAX 100

void faults_fini(struct faults *f);

/*
 * Add a fault. fmt gives the part after the kind's words; for FAULT_INVALID,
 * FAULT_NOT_SUPPORTED, FAULT_DUPLICATE, FAULT_NOT_FOUND and FAULT_TYPE the bad
 * value is quoted before it (NULL: none; secrets pass NULL). fmt "" adds nothing.
 */
void fault_add(struct faults *f, const struct path *at, enum fault_kind kind,
	       const struct value *bad, const char *fmt, ...) PRINTF_LIKE(5, 6);
/* Free text about the whole with its errno: EACCES forbidden, EBUSY conflict, ENOENT, EPERM
 * immutable ... */
void fault_add_code(struct faults *f, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A fault with its errno and its place (EPERM for an immutable field). */
void fault_set_code(struct faults *f, int code);
/* Move all of src to the end of dst; src is empty afterwards. */
void faults_move(struct faults *dst, struct faults *src);

/* One line per fault: `<file>:<line>:<col>: <field>: <message>`; file NULL leaves the place out. */
void faults_render(const struct faults *f, const char *file, struct buf *out);
/* The first fault's text (and how many more) as an err. Return: -code. */
int faults_to_err(const struct faults *f, struct err *err);
/* "FieldValueInvalid", ... : the reason in metav1.StatusCause; NULL for free text. */
const char *fault_cause(enum fault_kind kind);
