/* SPDX-License-Identifier: MIT */
/*
 * Schemas and kinds: what a field may hold, as data.
 *
 * objects/kinds/ has one YAML file per kind and one per shared type; the build
 * (scripts/gen-kinds) turns them into constant tables of these structs. A
 * CustomResourceDefinition makes the same structs at run time. Nothing else in
 * the house knows what a Deployment looks like: strict decoding, defaults,
 * validation, merge keys, the field tree and the tables of `_index` all read
 * these.
 *
 * Locking: schemas are immutable, and a kind's identity (group, version, names of its objects'
 * type and resource, scope) never changes. What a CustomResourceDefinition may change while
 * others read (schema, columns, flags, short names) are single atomic words: each reader sees
 * either state. Every kind lives as long as the process; one whose definition is gone says so
 * (KIND_GONE), and is the same one again when the definition comes back.
 */
#pragma once

#include "objects/fault.h"
#include "objects/value.h"

enum schema_type {
	SCHEMA_ANY, /* anything: x-kubernetes-preserve-unknown-fields, RawExtension */
	SCHEMA_BOOL,
	SCHEMA_INT,
	SCHEMA_NUMBER,
	SCHEMA_STRING,
	SCHEMA_INT_OR_STRING,
	SCHEMA_LIST,
	SCHEMA_MAP,    /* free keys, values of one schema (`items`) */
	SCHEMA_STRUCT, /* known fields */
};

/* What the text of a string (or the range of an int) must look like. */
enum schema_format {
	FORMAT_NONE,
	FORMAT_INT32,
	FORMAT_INT64,
	FORMAT_QUANTITY,
	FORMAT_TIME,       /* RFC 3339, seconds */
	FORMAT_MICRO_TIME, /* RFC 3339, microseconds */
	FORMAT_DURATION,
	FORMAT_BYTES,          /* base64 */
	FORMAT_DNS_LABEL,      /* RFC 1123 label */
	FORMAT_DNS_SUBDOMAIN,  /* RFC 1123 subdomain */
	FORMAT_DNS_1035_LABEL, /* RFC 1035 label: Service names */
	FORMAT_LABEL_KEY,      /* qualified name */
	FORMAT_LABEL_VALUE,
	FORMAT_CONFIG_KEY, /* keys of ConfigMap and Secret data */
	FORMAT_ENV_NAME,
	FORMAT_IP,
	FORMAT_CIDR,
	FORMAT_PORT,         /* 1..65535 */
	FORMAT_PORT_NAME,    /* IANA service name */
	FORMAT_PATH_SEGMENT, /* names of RBAC objects: no '/', '%', "." or ".." */
};

enum list_kind {
	LIST_ATOMIC, /* replaced as a whole */
	LIST_SET,    /* scalars, each once */
	LIST_MAP,    /* elements known by map_keys */
};

enum patch_strategy { /* strategic merge patch, bits */
		      PATCH_MERGE = 1,
		      PATCH_RETAIN_KEYS = 2,
};

struct schema;
struct kind_view;
struct value_rules; /* objects/schema/rules.h */

struct schema_field {
	const char *name;
	const struct schema *schema;
	const struct value *dflt; /* NULL: none; filled from the table's JSON at start */
	const char *dflt_json;
	unsigned required : 1;
	unsigned immutable : 1;  /* after creation */
	unsigned inert : 1;      /* stored, not acted upon: `_schema` says so */
	unsigned secret : 1;     /* never in logs, events, faults or describe */
	unsigned unchecked : 1;  /* decoded and defaulted, but not validated below */
	unsigned omit_empty : 1; /* "", 0, false, [] and {} say nothing: decoding drops them */
	unsigned unindexed : 1;  /* faults name the list that it stands in, not the element */
	/* the name that faults give it, NULL: its own; "": neither it nor which element of it */
	const char *called;
};

/* A rule beyond the tables: cross-field checks, in objects/validation/. */
typedef void (*schema_check_fn)(const struct value *now, const struct value *old,
				const struct value *root, const struct path *at,
				struct faults *faults);

/*
 * A default beyond the tables, in objects/defaults/: runs before the static defaults of the
 * fields below. Returns `taken` itself when nothing changes. Must be idempotent.
 */
typedef struct value *(*schema_fill_fn)(struct value *taken, const struct value *root);

struct schema {
	const char *name; /* "io.k8s.api.core.v1.Container" for named types, NULL for inline ones */
	enum schema_type type;
	enum schema_format format;
	enum list_kind list;
	unsigned patch; /* enum patch_strategy bits, for a list or struct field */
	unsigned map_atomic : 1;
	unsigned nullable : 1;
	/* From a CustomResourceDefinition: Go's habits (zero values for nulls, empty is absent) do
	 * not hold. */
	unsigned structural : 1;
	unsigned open : 1;        /* SCHEMA_STRUCT: fields that it does not know stay as they are */
	unsigned expressions : 1; /* it, or something below, has rules in CEL */
	unsigned has_min : 1, has_max : 1;
	int64_t min, max; /* value of an int, length of a string, count of a list */
	const struct schema_field *fields; /* SCHEMA_STRUCT, sorted by name */
	size_t n_fields;
	const struct schema *items;      /* element of a list, value of a map */
	const struct schema *keys;       /* format of a map's keys, NULL: any */
	const char *const *map_keys;     /* LIST_MAP, NULL-terminated */
	const char *merge_key;           /* strategic merge patch, NULL: replace */
	const char *const *enums;        /* NULL-terminated, NULL: any */
	schema_check_fn check;           /* NULL: none */
	schema_fill_fn fill;             /* NULL: none */
	const struct value_rules *rules; /* what JSON Schema says besides, NULL: nothing */
};

/* Return: the field, NULL if the struct has none of that name. O(log n). */
const struct schema_field *schema_field(const struct schema *s, const char *name);
/* Schema of the child `key` of a struct or map, NULL if there can be none. */
const struct schema *schema_child(const struct schema *s, const char *key);
/* The nearest field name by edit distance for "did you mean", NULL if none is near. */
const char *schema_suggest(const struct schema *s, const char *misspelt);

struct column {
	const char *title; /* as kubectl prints it: "READY" */
	const char *type;  /* string, integer, date, boolean */
	const char *path;  /* dotted path into the object; NULL: made by code (objects/print.h) */
	int priority;      /* > 0: only with -o wide */
};

/* A field that selections may name (objects/selection.h). */
struct selectable {
	const char *label;        /* "spec.nodeName" */
	const char *const *paths; /* where it is, NULL-terminated: the first that says something */
};

/* Where the scale subresource finds its numbers: dotted paths. */
struct kind_scale {
	const char *spec_replicas, *status_replicas;
	const char *selector; /* NULL: none */
};

enum kind_flag {
	KIND_NAMESPACED = 1,
	KIND_STATUS = 2,      /* has the status subresource: status and spec are written apart */
	KIND_SCALE = 4,       /* has the scale subresource */
	KIND_GENERATION = 8,  /* metadata.generation counts changes outside metadata and status */
	KIND_GRACEFUL = 16,   /* deletion waits for the node: Pod */
	KIND_INERT = 32,      /* stored, not acted upon */
	KIND_VIRTUAL = 64,    /* not stored: reviews, bindings */
	KIND_EPHEMERAL = 128, /* expires: Event */
	KIND_CUSTOM = 256,    /* a CustomResourceDefinition made it */
	KIND_VIEW = 512,    /* another version is preferred: the same objects are seen there, too */
	KIND_SHARED = 2048, /* built in, and other versions of it are, too */
	KIND_GONE = 1024,   /* its definition is gone, or serves it no more; KIND_VIRTUAL, too */
};

struct kind {
	const char *group;   /* "" for core */
	const char *version; /* "v1" */
	const char *kind;    /* "Deployment" */
	const char *plural;  /* "deployments" */
	const char *_Atomic singular;
	const char *const *_Atomic short_names; /* NULL-terminated */
	const char *const *_Atomic categories;  /* NULL-terminated */
	_Atomic unsigned flags;                 /* enum kind_flag */
	enum schema_format name_format;         /* what metadata.name must look like */
	const struct schema *_Atomic schema;
	const struct column *_Atomic columns; /* ended by one without a title; NULL: name and age */
	/* Besides metadata.name and .namespace; ended by one without a label; NULL: none. */
	const struct selectable *_Atomic selectable;
	/* -- the registry's to fill in -- */
	unsigned index; /* dense, from 0: for arrays by kind */
	const char *api_version, *resource;
	/* Versions of one resource have one home, whose index says where their objects are. */
	const struct kind *home;
	const struct kind *_Atomic stored; /* of a home: the version that objects are written in */
	/* of a home: 0, or its versions are converted by a webhook; another number whenever its
	 * definition has changed */
	_Atomic unsigned conversion;
	const struct kind_scale *_Atomic scale; /* NULL with KIND_SCALE: spec.replicas */
	const struct kind *draft_of; /* a kind in the making (objects/custom.h): of which one */
	/* -- of a built-in version that is not the stored one (objects/conversion/views.h) -- */
	const char *view_of; /* apiVersion of the stored one */
	const struct kind_view *view;
};

/* Once, before threads: fills defaults, interns names. */
void kinds_init(void);
/*
 * All kinds, by index. O(1), and grows while one looks. Those that nobody can name any more are
 * KIND_VIRTUAL; whoever looks for objects skips KIND_VIEW as well, or finds them twice.
 */
size_t kinds_count(void);
const struct kind *kind_at(size_t index);
/* group "" or "core"; NULL if there is none. */
const struct kind *kind_find(const char *group, const char *version, const char *plural);
/* By what a manifest says: ("apps/v1", "Deployment"). */
const struct kind *kind_by_gvk(const char *api_version, const char *kind);
/* By group and kind in any version: ownerReferences; prefers the stored version. */
const struct kind *kind_by_name(const char *plural_or_short_or_kind);
/* "apps/v1", "v1". Borrowed. */
const char *kind_api_version(const struct kind *k);
/* "deployments.apps", "pods": how messages call the resource. */
const char *kind_resource(const struct kind *k);
/* The kind that a draft is one of; any other is itself. */
static inline const struct kind *kind_settled(const struct kind *k)
{
	return k->draft_of ? k->draft_of : k;
}
/* Are these versions of one resource? */
static inline int kind_is_same_resource(const struct kind *a, const struct kind *b)
{
	return a->home == b->home;
}
/* An object of another version of the resource as one of this version. */
struct value *kind_convert(const struct kind *to, struct value *taken);
/* The next version of the resource after k (NULL: the first one); NULL after the last. */
const struct kind *kind_next_version(const struct kind *of, const struct kind *k);

/*
 * Strict decoding: unknown fields (with a suggestion), wrong types, lists and
 * maps where the other is wanted; every fault at once. `v` is returned in the
 * form it is stored in (null fields dropped, as Kubernetes does); taken.
 * With faults the result is still safe to read; what follows (defaults, preparing, validating)
 * wants a tree whose types are right: no fault other than FAULT_UNKNOWN.
 */
struct value *schema_decode(const struct schema *s, struct value *taken, const struct path *at,
			    struct faults *faults);
/* Without what a structural schema does not know. taken itself when there is no such thing. */
struct value *schema_prune(const struct schema *s, struct value *taken);
/* The same, of any schema: for what does not come from a writer, who would be told. */
struct value *schema_drop_unknown(const struct schema *s, struct value *taken);
/* Fill defaults, static (tables) and computed (objects/defaults/). Idempotent. */
struct value *kind_default(const struct kind *k, struct value *taken);
/*
 * Everything Kubernetes checks before it stores: metadata, the tables, and the
 * kind's own rules. old NULL: creation; else update rules (immutable fields)
 * hold too. status_only: only what the status subresource may say.
 */
void kind_validate(const struct kind *k, const struct value *now, const struct value *old,
		   int status_only, struct faults *faults);
/* The same of what is not stored: a review, the body of a subresource. Its metadata is not looked
 * at. */
void kind_validate_body(const struct kind *k, const struct value *now, struct faults *faults);
/* What the tables and rules say about one value of a schema, in an object of its own. */
void schema_validate(const struct schema *s, const struct value *v, const struct path *at,
		     struct faults *faults);
/*
 * What the API server's create and update strategies do to an object between defaulting
 * and admission. old NULL: creation (status is emptied, Pods become Pending, a Namespace
 * gets its finalizer, generation is 1); else the part that this way of writing may not
 * say is taken from old (status, or all but status when status_only).
 */
struct value *kind_prepare(const struct kind *k, struct value *taken, const struct value *old,
			   int status_only);

/*
 * The fields that v says and that nothing acts upon: "spec.a, spec.b[0].c and 3 more". Not of status
 * and metadata; a field that has its default, or is false, empty or null, asks for nothing. Of a kind that
 * is inert as a whole nothing is listed.
 */
void schema_list_inert(const struct kind *k, const struct value *v, struct buf *out);

/*
 * The `_schema` file: one line a field: path, type, `selectable=` and what selections call it,
 * default, `required`, enum, and `(stored, not acted upon)` for what is inert.
 */
void schema_render_fields(const struct kind *k, struct buf *out);
