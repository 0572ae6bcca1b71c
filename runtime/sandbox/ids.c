/* SPDX-License-Identifier: MIT */
/*
 * Whose a process is. Ranges of host ids: <state>/ids/<base> is a link whose text is the uid of the
 * pod that has the range. A link is made exclusively in one step, so nothing
 * else guards them, and files on disk stay with their pod over a reboot.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/sandbox/sandbox_i.h"
#include "util/fd.h"

#define N_RANGES ((UINT32_MAX - POD_ID_FIRST) / POD_ID_RANGE)

struct id_range {
	uint32_t base;
};

static char *range_path(const struct sandboxes *all, uint32_t base)
{
	return xasprintf("%s/ids/%u", all->state_dir, base);
}

static void remember(struct sandboxes *all, const char *uid, uint32_t base)
{
	struct id_range *range = xcalloc(1, sizeof(*range));

	range->base = base;
	free(strmap_set(&all->id_bases, uid, range));
}

static void load_one(struct sandboxes *all, int dir, const char *name)
{
	char uid[256], *end;
	unsigned long base = strtoul(name, &end, 10);
	ssize_t n = readlinkat(dir, name, uid, sizeof(uid) - 1);

	if (*end || base < POD_ID_FIRST || n <= 0)
		return;
	uid[n] = '\0';
	remember(all, uid, (uint32_t)base);
}

int ids_load(struct sandboxes *all, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/ids", all->state_dir);
	struct dirent *e;
	DIR *dir;

	if (fd_mkdir_p(path, 0700, err) < 0)
		return -err->code;
	dir = opendir(path);
	if (!dir)
		return err_sys(err, errno, "open %s", path);
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.')
			load_one(all, dirfd(dir), e->d_name);
	closedir(dir);
	return 0;
}

void ids_fini(struct sandboxes *all)
{
	STRMAP_FOREACH (s, &all->id_bases)
		free(s->val);
	strmap_fini(&all->id_bases);
}

int id_range_alloc(struct sandboxes *all, const char *uid, uint32_t *base_out, struct err *err)
{
	const struct id_range *known = strmap_get(&all->id_bases, uid);

	if (known) {
		*base_out = known->base;
		return 0;
	}
	for (uint32_t tried = 0; tried < N_RANGES; tried++) {
		uint32_t base = POD_ID_FIRST + all->next_index * POD_ID_RANGE;
		CLEANUP_FREE char *path = range_path(all, base);

		/* Round the whole range before one is used again. */
		all->next_index = (all->next_index + 1) % N_RANGES;
		if (symlink(uid, path) == 0) {
			remember(all, uid, base);
			*base_out = base;
			return 0;
		}
		if (errno != EEXIST)
			return err_sys(err, errno, "id range %s", path);
	}
	return err_set(err, EDQUOT, "no free range of user ids: %u pods have one each", N_RANGES);
}

void id_range_free(struct sandboxes *all, const char *uid)
{
	struct id_range *range = strmap_del(&all->id_bases, uid);

	if (range) {
		CLEANUP_FREE char *path = range_path(all, range->base);

		unlink(path);
	}
	free(range);
}

int id_range_owner(const struct sandboxes *all, uint32_t host_uid, char *uid_out, size_t size)
{
	CLEANUP_FREE char *path = NULL;
	ssize_t n;

	if (host_uid < POD_ID_FIRST)
		return -ENOENT;
	/* the link, not id_bases: that is the loop's */
	path = range_path(all, pod_id_base(host_uid));
	n = readlink(path, uid_out, size - 1);
	if (n <= 0)
		return -ENOENT;
	uid_out[n] = '\0';
	return 0;
}

/* "4:memory:/k8sfs-1234/burstable/pod<uid>/...": the uid, lent; NULL: none of ours. */
static char *uid_in_cgroups(char *text, const char *root)
{
	CLEANUP_FREE char *ours = xasprintf(":/%s/", root);
	char *at = strstr(text, ours), *pod = at ? strstr(at, "/pod") : NULL;

	if (!pod || memchr(at, '\n', (size_t)(pod - at)))
		return NULL;
	pod += strlen("/pod");
	pod[strcspn(pod, "/\n")] = '\0';
	return pod;
}

int sandbox_of_process(struct sandboxes *all, pid_t pid, char *uid_out, size_t size)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	const struct sandbox *sb;
	char path[64], *uid;
	int is_host_users;

	if (!all->n_host_users)
		return -ENOENT;
	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (fd_read_file(path, 65536, &text, NULL) < 0 || !text.len)
		return -ENOENT;
	uid = uid_in_cgroups(text.data, all->root);
	if (!uid || strlen(uid) >= size)
		return -ENOENT;
	pthread_mutex_lock(&all->lock);
	sb = strmap_get(&all->by_uid, uid);
	is_host_users = sb && sb->host_users;
	pthread_mutex_unlock(&all->lock);
	strcpy(uid_out, uid);
	return is_host_users ? 0 : -ENOENT;
}
