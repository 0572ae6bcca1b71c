/* SPDX-License-Identifier: MIT */
/* The rules changed: open streams, and what the kernel keeps, are looked at anew. */
#include <errno.h>
#include <stdatomic.h>

#include "fs/permission_i.h"
#include "fs/permission_set.h"
#include "fs/stream.h"
#include "util/log.h"

uint64_t permission_generation(struct fs *fs)
{
	return fs->rbac ? rbac_generation(fs->rbac) : 0;
}

/* Of what the kernel has been told attributes that it may keep: anything else it asks for anew,
 * and drops the ACL before it does. */
static void forget_attributes(struct fs *fs, struct node *n)
{
	if (!n->kind && !n->row->url)
		return;
	n->n_changed++;
	if (!atomic_exchange(&n->cached, 0))
		return;
	fuse_lowlevel_notify_inval_inode(fs->session, node_id(n), -1, 0); /* the ACL, too */
}

static void forget_name(struct fs *fs, struct node *n)
{
	if (!n->entry_cached || !n->parent || !permission_names_private(fs, n->kind, n->parent->ns))
		return;
	n->entry_cached = 0;
	fuse_lowlevel_notify_inval_entry(fs->session, node_id(n->parent), n->fname,
					 strlen(n->fname));
}

static void for_all_nodes(struct fs *fs, void (*fn)(struct fs *fs, struct node *n))
{
	size_t n;
	struct node **list = nodes_all(fs->nodes, &n);

	for (size_t i = 0; i < n; i++) {
		if (!fs->stopping)
			fn(fs, list[i]);
		node_unref(list[i]);
	}
	free(list);
}

/*
 * A thread of its own: dropping a name waits for whoever holds its directory, which may be a
 * client that waits for an answer of ours.
 */
static void *run(void *arg)
{
	struct permissions *all = arg;
	int stopping = 0;

	while (!stopping) {
		pthread_mutex_lock(&all->wake_lock);
		while (!all->woken && !all->stopping)
			pthread_cond_wait(&all->wake, &all->wake_lock);
		all->woken = 0;
		stopping = all->stopping;
		pthread_mutex_unlock(&all->wake_lock);
		if (stopping)
			break;
		streams_wake_all(all->fs->streams);
		for_all_nodes(all->fs, forget_name);
	}
	return NULL;
}

static void on_rules(void *arg)
{
	struct permissions *all = arg;
	uint64_t revision = rbac_revision(all->fs->rbac);

	/* Before anybody is told that his rules hold: attributes that are on their way to the
	 * kernel meanwhile are thrown away there, and old ones would be used once more. */
	for_all_nodes(all->fs, forget_attributes);
	all->told = revision;
	permission_set_settled(all->fs, 0);
	pthread_mutex_lock(&all->wake_lock);
	all->woken = 1;
	pthread_cond_signal(&all->wake);
	pthread_mutex_unlock(&all->wake_lock);
}

struct permissions *permissions_new(struct fs *fs)
{
	struct permissions *all = xcalloc(1, sizeof(*all));

	all->fs = fs;
	pthread_mutex_init(&all->lock, NULL);
	pthread_mutex_init(&all->wake_lock, NULL);
	pthread_cond_init(&all->wake, NULL);
	if (!fs->rbac)
		return all;
	all->running = pthread_create(&all->thread, NULL, run, all) == 0;
	if (!all->running)
		log_error("no thread to tell the kernel of new rules");
	rbac_on_change(fs->rbac, on_rules, all);
	return all;
}

void permissions_stop(struct permissions *all)
{
	if (!all || !all->running)
		return;
	rbac_on_change(all->fs->rbac, NULL, NULL);
	permission_set_settled(all->fs, 1);
	pthread_mutex_lock(&all->wake_lock);
	all->stopping = 1;
	pthread_cond_signal(&all->wake);
	pthread_mutex_unlock(&all->wake_lock);
	pthread_join(all->thread, NULL);
	all->running = 0;
}

void permissions_free(struct permissions *all)
{
	if (!all)
		return;
	permissions_stop(all);
	permissions_cache_drop(all);
	pthread_mutex_destroy(&all->lock);
	pthread_mutex_destroy(&all->wake_lock);
	pthread_cond_destroy(&all->wake);
	free(all);
}
