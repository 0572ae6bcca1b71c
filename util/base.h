/* SPDX-License-Identifier: MIT */
/*
 * The words every file uses: cleanup of locals, handing ownership over,
 * and allocation that ends the process when memory is gone (state is durable
 * in the store, and a supervisor restarts the daemon).
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define ARRAY_LEN(a)                  (sizeof(a) / sizeof((a)[0]))
#define CLEANUP(fn)                   __attribute__((cleanup(fn)))
#define MUST_CHECK                    __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a)             __attribute__((format(printf, f, a)))
#define UNUSED                        __attribute__((unused))
#define CONTAINER_OF(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

/* Hand over an owning pointer: the local becomes NULL, its cleanup does nothing. */
#define STEAL(p)                                                                                   \
	({                                                                                         \
		__typeof__(p) *steal_at_ = &(p);                                                   \
		__typeof__(p) steal_was_ = *steal_at_;                                             \
		*steal_at_ = NULL;                                                                 \
		steal_was_;                                                                        \
	})

/* Defines the cleanup function name##p for CLEANUP(): calls fn(*p) unless NULL. */
#define DEFINE_CLEANUP(type, fn)                                                                   \
	static inline UNUSED void fn##p(type *at)                                                  \
	{                                                                                          \
		if (*at)                                                                           \
			fn(*at);                                                                   \
	}

static inline void free_at(void *at)
{
	free(*(void **)at);
}
/* `CLEANUP_FREE char *s = ...`: freed when the scope ends. */
#define CLEANUP_FREE CLEANUP(free_at)

/* Never return NULL: log and abort when memory is gone. */
void *xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
/* xrealloc(p, n * size) with the multiplication checked. */
void *xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
/* xstrdup(NULL) is NULL. */
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n) __attribute__((returns_nonnull));
/* Without the blanks, tabs and line ends around it. */
char *xstrtrim(const char *s) __attribute__((returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((returns_nonnull));

/* String comparison that says what it asks; NULL equals only NULL. */
static inline int str_eq(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}
static inline int str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}
static inline int str_ends(const char *s, const char *suffix)
{
	size_t n = strlen(s), m = strlen(suffix);

	return n >= m && memcmp(s + n - m, suffix, m) == 0;
}
