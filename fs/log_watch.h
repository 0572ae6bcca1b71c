/* SPDX-License-Identifier: MIT */
/*
 * Who waits for a log to grow: inotify on the directory of its real file, one instance for all
 * (a user has 128 of them).
 *
 * Locking: any thread. fn is called on the streams' thread with a lock held: it must not wait,
 * and not call back.
 */
#pragma once

struct fs;
struct log_watches;

struct log_watch {
	struct log_watch *next, **prev;
	int wd; /* -1: not watching */
	void (*fn)(void *arg);
	void *arg;
};

struct log_watches *log_watches_new(struct fs *fs);
void log_watches_free(struct log_watches *all);
/* Tell w whenever something in the directory of this file changes. Return: whether it is so. */
int log_watch_start(struct log_watches *all, struct log_watch *w, const char *path);
void log_watch_stop(struct log_watches *all, struct log_watch *w);
