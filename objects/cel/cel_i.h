/* SPDX-License-Identifier: MIT */
/*
 * Inside objects/cel: how expressions, types and values lie in memory.
 *
 * A text goes through lex.c and parse.c (a tree of nodes), check.c (types, and which function a
 * call means) and is then evaluated as it is by eval.c. Functions are rows of tables, one table
 * a library (lib_*.c).
 */
#pragma once

#include "objects/cel/cel.h"
#include "objects/schema/rules.h"
#include "util/arena.h"

#define CEL_DEPTH_MAX  200  /* of an expression, parsed or walked */
#define CEL_LOCALS_MAX 64   /* variables of macros within macros */
#define CEL_ARGS_MAX   8    /* of a function */
#define CEL_EVAL_MAX   1500 /* nodes below each other, those of lazy variables included */
#define CEL_WORK_MAX   (32u << 20)
#define CEL_MEMORY_MAX (64u << 20) /* of one run */

/* -- types -- */

enum cel_kind {
	CEL_DYN,
	CEL_ERROR, /* of a value: an evaluation that failed; of a type: said already */
	CEL_NULL,
	CEL_BOOL,
	CEL_INT,
	CEL_UINT,
	CEL_DOUBLE,
	CEL_STRING,
	CEL_BYTES,
	CEL_TIMESTAMP,
	CEL_DURATION,
	CEL_TYPE,
	CEL_LIST,
	CEL_MAP,
	CEL_OBJECT, /* fields that a schema knows */
	CEL_OPTIONAL,
	CEL_MESSAGE, /* an object that an expression makes: Object{...} */
	CEL_URL,
	CEL_QUANTITY,
	CEL_IP,
	CEL_CIDR,
	CEL_SEMVER,
	CEL_FORMAT,
	CEL_AUTHORIZER,
	CEL_PATH_CHECK,
	CEL_GROUP_CHECK,
	CEL_RESOURCE_CHECK,
	CEL_DECISION,
	CEL_PARAM, /* of a signature: A or B */
	CEL_KINDS,
};

struct cel_type {
	enum cel_kind kind;
	const struct cel_type *a, *b; /* element; key and value; what a type is of */
	const struct schema *schema;  /* CEL_OBJECT: NULL has no fields */
	const char *name;             /* CEL_MESSAGE: "Object.spec"; CEL_PARAM: which */
	uint64_t max;                 /* elements or bytes at most; 0: nobody says */
};

/* Types without parts; never NULL. */
const struct cel_type *type_simple(enum cel_kind kind);
const struct cel_type *type_list(struct arena *m, const struct cel_type *of);
const struct cel_type *type_map(struct arena *m, const struct cel_type *key,
				const struct cel_type *val);
const struct cel_type *type_optional(struct arena *m, const struct cel_type *of);
const struct cel_type *type_type(struct arena *m, const struct cel_type *of);
const struct cel_type *type_message(struct arena *m, const char *name);
/* NULL: what the schema allows has no type. */
const struct cel_type *type_of_schema(struct arena *m, const struct schema *s);
/* Of a field of an object, by its spelling in expressions; NULL: there is none. *property: its
 * real name, in m. */
const struct schema *schema_of_field(struct arena *m, const struct schema *s, const char *name,
				     const char **property);
/* The same for the name itself. */
const struct schema *schema_of_property(const struct schema *s, const char *property);
/* What a SCHEMA_STRING is: text, bytes, timestamp or duration. */
enum cel_kind schema_text_kind(const struct schema *s);
int type_assignable(const struct cel_type *to, const struct cel_type *from);
/* The type of what may be either. */
const struct cel_type *type_join(const struct cel_type *a, const struct cel_type *b);
void type_render(const struct cel_type *t, struct buf *out);
static inline int type_is_loose(const struct cel_type *t)
{
	return t->kind == CEL_DYN || t->kind == CEL_ERROR;
}

/* -- values -- */

enum cel_how { /* where the elements of a list or map are */
	       HOW_FLAT,
	       HOW_TREE,   /* in a tree, read by a schema (NULL: as it is) */
	       HOW_JOINED, /* two lists, one after the other */
};

struct cel_val;
struct cel_joined;
struct cel_map;

struct cel_val {
	uint8_t kind; /* enum cel_kind; never CEL_DYN, CEL_PARAM */
	uint8_t how;  /* enum cel_how; of an error: nothing may absorb it */
	uint32_t n;   /* bytes, elements; nanoseconds of a timestamp */
	union {
		int64_t i; /* int; bool; seconds of a timestamp; nanoseconds of a duration */
		uint64_t u;
		double d;
		const char *s; /* not ended by NUL */
		const struct value *tree;
		const struct cel_val *items; /* list; optional (n 0: none) */
		const struct cel_joined *joined;
		const struct cel_map *map; /* map, message */
		const struct cel_type *type;
		const void *other; /* what a library has made of it */
	};
	union {
		const struct schema *schema; /* HOW_TREE, CEL_OBJECT */
		const char *name;            /* CEL_MESSAGE */
	};
};

struct cel_joined {
	struct cel_val left, right;
};

struct cel_entry {
	struct cel_val key, val;
};

struct cel_map {
	uint32_t n, cap;
	struct cel_entry *entries;
	uint32_t *index; /* of open addressing, entry + 1; NULL while small */
	uint32_t n_index;
};

/* -- nodes -- */

enum node_op {
	NODE_CONST,
	NODE_IDENT,  /* a variable of the environment: slot */
	NODE_LOCAL,  /* of a macro: slot */
	NODE_SELECT, /* args[0].name */
	NODE_HAS,    /* has(args[0].name) */
	NODE_CALL,   /* name(args...): args[0] is the target of a member call */
	NODE_AND,
	NODE_OR,
	NODE_TERNARY,
	NODE_LIST,
	NODE_MAP,     /* args: key, value, key, value ... */
	NODE_MESSAGE, /* name{...}: args: constant field, value ... */
	NODE_FOLD,    /* fold */
	NODE_OPT_OR,  /* or, orValue: the second is only looked at when it is needed */
	NODE_OPT_MAP, /* optMap, optFlatMap */
};

enum node_flag {
	NODE_MEMBER = 1,   /* a call with a target */
	NODE_OPTIONAL = 2, /* a.?b, a[?b] */
	NODE_FLAT = 4,     /* optFlatMap; or, not orValue */
};

enum fold_kind {
	FOLD_ALL,
	FOLD_EXISTS,
	FOLD_EXISTS_ONE,
	FOLD_MAP,
	FOLD_FILTER,
	FOLD_TRANSFORM_LIST,
	FOLD_TRANSFORM_MAP,
	FOLD_TRANSFORM_ENTRY,
};

struct fold {
	enum fold_kind kind;
	const char *var1, *var2; /* var2 NULL: one variable */
	int slot;                /* of var1; var2 is the next */
	struct node *range, *filter, *body;
};

struct cel_function;

/* A function that a call may mean, by what its arguments are. */
struct candidate {
	const struct cel_function *f;
	uint8_t kinds[CEL_ARGS_MAX]; /* CEL_DYN: any */
};

struct node {
	uint8_t op;
	uint8_t flags;
	uint16_t n;
	uint32_t at; /* offset in the text */
	const char *name;
	struct node **args;
	uint64_t optional_args; /* NODE_LIST, NODE_MAP: bit i: entry i is optional (the first 64) */
	const struct cel_type *type;
	union {
		struct cel_val val;
		int slot;
		const char *property; /* NODE_SELECT of an object: the real name */
		struct fold *fold;
		struct {
			const struct candidate *candidates;
			size_t n_candidates;
			struct pattern *pattern; /* of a constant regular expression */
		};
	};
};

/* -- functions -- */

typedef struct cel_val (*cel_fn)(struct cel_run *r, const struct cel_val *args, size_t n);

enum cel_cost { /* how a call is counted */
		COST_1,
		COST_EQUAL,     /* a tenth of the shorter */
		COST_ADD,       /* a tenth of both texts */
		COST_IN,        /* elements */
		COST_CONTAINS,  /* tenths multiplied */
		COST_AFFIX,     /* a tenth of the second */
		COST_MATCHES,   /* a tenth of the text, times a quarter of the pattern */
		COST_TRAVERSE,  /* a tenth of a text, the elements of a list */
		COST_TRAVERSE2, /* twice */
		COST_RESULT2,   /* two tenths of the result */
		COST_SETS,      /* elements multiplied */
		COST_CHECK,     /* asks an authorizer */
		COST_CIDR,
};

/*
 * sig: the parameters, '>', the result; a leading '.' is a member call. Letters: b bool, i int,
 * u uint, d double, s string, y bytes, n null, t timestamp, r duration, D dyn, A B type
 * parameters, T a type, Lx list, Mxy map, Ox optional, U url, Q quantity, I ip, C cidr, V semver,
 * F format, Z authorizer, P G R its checks, X its decision.
 */
struct cel_function {
	const char *name;
	const char *sig;
	cel_fn fn;
	enum cel_cost cost;
};

struct cel_library {
	const struct cel_function *list;
	size_t n;
};
#define CEL_LIBRARY(name, rows) const struct cel_library name = {rows, ARRAY_LEN(rows)}
extern const struct cel_library lib_operators, lib_convert, lib_text, lib_strings, lib_time,
	lib_lists, lib_sets, lib_regex, lib_url, lib_ip, lib_cidr, lib_quantity, lib_semver,
	lib_names, lib_optional, lib_authorizer;

/* The i-th function of all libraries; NULL after the last. */
const struct cel_function *function_at(size_t i);
/* Is there any of this name? */
int function_exists(const char *name);
/* Parse one type of a signature at *s, past it; in m. */
const struct cel_type *signature_type(struct arena *m, const char **s);
/* What the parameter is at run time: CEL_DYN for type parameters. */
enum cel_kind signature_kind(const struct cel_type *t);
uint64_t function_cost(const struct cel_function *f, const struct cel_val *args, size_t n,
		       struct cel_val result);

/* -- environments, programs, runs -- */

struct variable {
	char *name; /* owned */
	const struct cel_type *type;
	const struct schema *schema; /* of what is bound, NULL: as it is */
};

struct cel_env {
	struct variable *list; /* owned */
	size_t n;
	struct arena mem;
	int objects;
};
const struct variable *env_find(const struct cel_env *env, const char *name, int *slot);
/* Is there a variable `name.something`? */
int env_has_prefix(const struct cel_env *env, const char *name);

/* What is wrong with a text, in cel-go's form. */
struct complaint {
	const char *text;
	struct buf *why;
	size_t n;
};
void complain(struct complaint *c, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);

struct cel_program {
	_Atomic unsigned refs;
	char *text;
	struct node *root;
	struct arena mem;
	struct pattern **patterns; /* owned */
	size_t n_patterns;
	size_t n_locals; /* the most at once */
	uint64_t *uses;  /* bits by slot, in mem */
	size_t n_slots;
	uint64_t cost_max;
};

/* NULL with a complaint. Nodes are in p->mem. */
struct node *cel_parse(struct cel_program *p, struct complaint *c);
/* Return: 0, -1 with complaints. */
int cel_check(struct cel_program *p, const struct cel_env *env, struct complaint *c);
uint64_t cel_estimate(const struct node *n);

/* Calls of macros, while parsing. Return: the node that stands for it; `call` itself if it is
 * none; NULL with a complaint. */
struct node *macro_expand(struct cel_program *p, struct node *call, struct complaint *c);
struct node *node_new(struct cel_program *p, enum node_op op, size_t at, size_t n_args);

enum bound_state { BOUND_NOT, BOUND_VALUE, BOUND_PROGRAM, BOUND_BUSY };
struct bound {
	enum bound_state state;
	struct cel_val val;
	const struct cel_program *program;
};

struct cel_run {
	const struct cel_env *env;
	struct bound *slots; /* owned, env->n */
	struct cel_val locals[CEL_LOCALS_MAX];
	size_t locals_base, locals_end; /* of the program that is being evaluated */
	struct arena mem;
	uint64_t cost, cost_limit; /* of this evaluation */
	uint64_t work;
	uint64_t left; /* of the run's budget */
	int stopped;
	unsigned depth;
	const struct pattern *pattern; /* of the call that is being made, NULL: none compiled */
	int has_results;               /* a program's result is bound: memory stays */
	cel_authorize_fn authorize;
	void *authorize_arg;
};

struct cel_val cel_eval_node(struct cel_run *r, const struct node *n);
struct cel_val cel_eval_fold(struct cel_run *r, const struct node *n);
/* A variable's value; lazily of a program. */
struct cel_val cel_variable(struct cel_run *r, int slot);

/* Count. The error that stops everything is returned by cel_stop(). */
void cel_charge(struct cel_run *r, uint64_t cost);
static inline int cel_work(struct cel_run *r, uint64_t amount)
{
	r->work += amount;
	if (r->work > CEL_WORK_MAX)
		r->stopped = 1;
	return r->stopped;
}
struct cel_val cel_stop(struct cel_run *r);

/* -- making values -- */

static inline struct cel_val cel_int(int64_t i)
{
	return (struct cel_val){.kind = CEL_INT, .i = i};
}
static inline struct cel_val cel_uint(uint64_t u)
{
	return (struct cel_val){.kind = CEL_UINT, .u = u};
}
static inline struct cel_val cel_bool(int b)
{
	return (struct cel_val){.kind = CEL_BOOL, .i = !!b};
}
static inline struct cel_val cel_double(double d)
{
	return (struct cel_val){.kind = CEL_DOUBLE, .d = d};
}
static inline struct cel_val cel_null(void)
{
	return (struct cel_val){.kind = CEL_NULL};
}
static inline struct cel_val cel_text(const char *s, size_t n)
{
	return (struct cel_val){.kind = CEL_STRING, .s = s, .n = (uint32_t)n};
}
static inline struct cel_val cel_list(const struct cel_val *items, size_t n)
{
	return (struct cel_val){.kind = CEL_LIST, .items = items, .n = (uint32_t)n};
}
static inline struct cel_val cel_other(enum cel_kind kind, const void *p)
{
	return (struct cel_val){.kind = (uint8_t)kind, .other = p};
}
static inline int cel_is_error(struct cel_val v)
{
	return v.kind == CEL_ERROR;
}
static inline int cel_is_true(struct cel_val v)
{
	return v.kind == CEL_BOOL && v.i;
}
struct cel_val cel_error(struct cel_run *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct cel_val cel_no_overload(struct cel_run *r);
/* Memory of the run; NULL when it has too much, and then the run is stopped. */
void *cel_alloc(struct cel_run *r, size_t n, size_t size);
struct cel_val cel_text_copy(struct cel_run *r, const char *s, size_t n);
struct cel_val cel_text_of(struct cel_run *r, const struct buf *b);
struct cel_val cel_some(struct cel_run *r, struct cel_val v); /* optional.of */
struct cel_val cel_none(void);
/* What a tree holds, as the schema reads it (NULL: as it is). */
struct cel_val cel_from_tree(struct cel_run *r, const struct value *v, const struct schema *s);
/* Owned; NULL with err. */
struct value *cel_to_tree(struct cel_run *r, struct cel_val v, unsigned depth, struct err *err);

/* -- reading values -- */

size_t cel_count(struct cel_val list_or_map);
struct cel_val cel_at(struct cel_run *r, struct cel_val list, size_t i);
/* The i-th key and value of a map. */
void cel_entry_at(struct cel_run *r, struct cel_val map, size_t i, struct cel_val *key,
		  struct cel_val *val);
/* Return: whether the key is there. */
int cel_lookup(struct cel_run *r, struct cel_val map, struct cel_val key, struct cel_val *out);
/* Of a map or object by a property's real name. */
int cel_property(struct cel_run *r, struct cel_val v, const char *name, size_t n,
		 struct cel_val *out);
struct cel_map *cel_map_new(struct cel_run *r);
/* The last value of a key counts. Return: 0, -1 when memory is gone. */
int cel_map_put(struct cel_run *r, struct cel_map *m, struct cel_val key, struct cel_val val);
static inline struct cel_val cel_map_val(const struct cel_map *m)
{
	return (struct cel_val){.kind = CEL_MAP, .map = m, .n = m->n};
}
struct cel_val cel_join_lists(struct cel_run *r, struct cel_val a, struct cel_val b);

/* What an element of a list of this schema is known by: its keys, or itself. */
struct cel_val cel_list_key(struct cel_run *r, const struct schema *s, struct cel_val element);
int cel_equal(struct cel_run *r, struct cel_val a, struct cel_val b);
uint64_t cel_hash(struct cel_val v);
enum { CEL_LESS = -1, CEL_SAME = 0, CEL_MORE = 1, CEL_UNORDERED = 2 };
/* CEL_UNORDERED: a NaN, or no such order. */
int cel_compare(struct cel_val a, struct cel_val b);
/* message: the name of an object that an expression made. */
void cel_type_name(enum cel_kind kind, const char *message, struct buf *out);
/* As string() and format()'s %s have it; debug quotes texts. */
void cel_render(struct cel_run *r, struct cel_val v, struct buf *out);
void cel_render_double(double d, struct buf *out);
void cel_render_timestamp(struct cel_val v, struct buf *out);
void cel_render_duration(int64_t nanos, struct buf *out);
int cel_parse_timestamp(const char *s, size_t n, struct cel_val *out);
int cel_parse_duration(const char *s, size_t n, int64_t *nanos);
/* A copy that ends in NUL, in the run's memory; NULL when that is gone or it holds a NUL. */
const char *cel_c_string(struct cel_run *r, struct cel_val text);
/* Characters of a text; where the i-th one starts (n bytes at most). */
size_t cel_chars(const char *s, size_t n);
size_t cel_offset(const char *s, size_t n, size_t chars);
