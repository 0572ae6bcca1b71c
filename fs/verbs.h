/* SPDX-License-Identifier: MIT */
/*
 * Commands of `ctl` files: one command a line, words quoted as in Plan 9, each verb
 * a row. All lines of one write are one transaction: all or none.
 */
#pragma once

#include "fs/message.h"
#include "fs/words.h"

struct verb {
	const char *name;
	const char *usage;
	const char *doc;
	size_t min_args, max_args;            /* without the verb itself */
	int (*applies)(const struct kind *k); /* NULL: any kind */
	/* Add what is to be done to the batch. Return: 0 or -errno with err. */
	int (*plan)(struct message *m, char *const *args, size_t n_args, struct api_batch *batch,
		    struct err *err);
};

/* Calls fn for each line of the message that has words in it. Return: the first failure. */
int verbs_each_line(const struct message *m,
		    int (*fn)(void *arg, const struct words *w, struct err *err), void *arg,
		    struct err *err) MUST_CHECK;

extern const struct verb object_verbs[]; /* ended by a row without a name */
extern const struct verb collection_verbs[];

/* Run every line of the message against a table; answers it. */
void verbs_act(struct message *m, const struct verb *table);
/* The usage text of the verbs that apply to the kind. */
void verbs_usage(const struct verb *table, const struct kind *k, struct buf *out);

/* The same for verbs of other rooms: run in order, stops at the first that fails. */
void room_verbs_act(struct message *m, const struct fs_verb *table, void *room);
void room_verbs_usage(const struct fs_verb *table, struct buf *out);
