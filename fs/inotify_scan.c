/* SPDX-License-Identifier: MIT */
#include "fs/inotify_scan.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "util/base.h"

void inode_set_fini(struct inode_set *s)
{
	free(s->list);
	*s = (struct inode_set){0};
}

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static int by_inode(const void *a, const void *b)
{
	uint64_t x = ((const struct watch_of *)a)->ino, y = ((const struct watch_of *)b)->ino;

	return x < y ? -1 : x > y;
}

int inode_set_has(const struct inode_set *s, uint64_t ino)
{
	return s->n && bsearch(&ino, s->list, s->n, sizeof(ino), by_number) != NULL;
}

void inode_set_add(struct inode_set *s, uint64_t ino)
{
	if ((s->n & (s->n + 1)) == 0 || s->n == 0)
		s->list = xreallocarray(s->list, (s->n + 1) * 2, sizeof(uint64_t));
	s->list[s->n++] = ino;
}

void inode_set_minus(const struct inode_set *a, const struct inode_set *b, struct inode_set *out)
{
	*out = (struct inode_set){0};
	for (size_t i = 0; i < a->n; i++)
		if (!inode_set_has(b, a->list[i]))
			inode_set_add(out, a->list[i]);
}

/* As the kernel prints a device: 12 bits of major above 20 of minor. */
static unsigned long kernel_device(dev_t device)
{
	return (unsigned long)major(device) << 20 | minor(device);
}

static void found(struct inotify_scan *s, uint64_t ino, size_t who)
{
	if ((s->n & (s->n + 1)) == 0 || s->n == 0)
		s->found = xreallocarray(s->found, (s->n + 1) * 2, sizeof(*s->found));
	s->found[s->n++] = (struct watch_of){ino, who};
}

/* *who: of the process, once it is known; SIZE_MAX: not yet. */
static void read_fdinfo(struct inotify_scan *s, const char *path, pid_t pid, size_t *who)
{
	FILE *f = fopen(path, "re");
	char line[512];
	unsigned long long ino;
	unsigned long dev;
	int wd;

	if (!f)
		return;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "inotify wd:%x ino:%llx sdev:%lx", (unsigned *)&wd, &ino, &dev) ==
			    3 &&
		    dev == s->device) {
			if (*who == SIZE_MAX)
				*who = s->identify(s->arg, pid);
			found(s, ino, *who);
		}
	fclose(f);
}

static void scan_process(struct inotify_scan *s, const char *pid)
{
	size_t who = SIZE_MAX;
	char path[320], target[64];
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, target, sizeof(target));

		if (n != (ssize_t)strlen("anon_inode:inotify") ||
		    memcmp(target, "anon_inode:inotify", (size_t)n) != 0)
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/fdinfo/%.20s", pid, e->d_name);
		read_fdinfo(s, path, (pid_t)strtol(pid, NULL, 10), &who);
	}
	if (d)
		closedir(d);
}

void inotify_scan_begin(struct inotify_scan *s, dev_t device,
			size_t (*identify)(void *arg, pid_t pid), void *arg)
{
	*s = (struct inotify_scan){.proc = opendir("/proc"),
				   .device = kernel_device(device),
				   .identify = identify,
				   .arg = arg};
}

static const struct dirent *next_process(DIR *proc)
{
	const struct dirent *e;

	while (proc && (e = readdir(proc)))
		if (isdigit((unsigned char)e->d_name[0]))
			return e;
	return NULL;
}

int inotify_scan_step(struct inotify_scan *s)
{
	const struct dirent *e = next_process(s->proc);

	if (e) {
		scan_process(s, e->d_name);
		return 1;
	}
	if (s->proc)
		closedir(s->proc);
	s->proc = NULL;
	if (s->n)
		qsort(s->found, s->n, sizeof(*s->found), by_inode);
	return 0;
}

void inotify_scan_fini(struct inotify_scan *s)
{
	if (s->proc)
		closedir(s->proc);
	free(s->found);
	*s = (struct inotify_scan){0};
}
