/* SPDX-License-Identifier: MIT */
#include "fs/closer.h"

#include <dirent.h>
#include <stdio.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 4096   /* more are not looked through: the file may be among them */
#define PF_SIGNALED     0x400u /* linux/include/linux/sched.h: the task dies of a signal */

/* The first bytes of /proc/<pid>/<name>. Return: 0, or -1 when the process is gone. */
static int read_proc(pid_t pid, const char *name, char *out, size_t cap)
{
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	f = fopen(path, "re");
	if (!f)
		return -1;
	n = fread(out, 1, cap - 1, f);
	out[n] = '\0';
	fclose(f);
	return n ? 0 : -1;
}

/* The process of a thread; 0: it is gone. The kernel's requests name threads. */
static pid_t process_of(pid_t tid)
{
	char text[512];
	const char *at;

	if (read_proc(tid, "status", text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, "\nTgid:");
	return at ? (pid_t)strtol(at + strlen("\nTgid:"), NULL, 10) : 0;
}

/* The link of a descriptor ends in the path below the mount, wherever that is seen. */
static int names_file(const char *link, const char *path)
{
	static const char gone[] = " (deleted)"; /* the kernel dropped the name from its cache */
	size_t n = strlen(link), len = strlen(path);

	if (n > sizeof(gone) - 1 && strcmp(link + n - (sizeof(gone) - 1), gone) == 0)
		n -= sizeof(gone) - 1;
	return n > len && link[n - len - 1] == '/' && memcmp(link + n - len, path, len) == 0;
}

static int has_open(pid_t pid, const char *path)
{
	char name[64], link[4096];
	const struct dirent *e;
	int found = 0, n_seen = 0;
	DIR *d;

	snprintf(name, sizeof(name), "/proc/%d/fd", (int)pid);
	d = opendir(name);
	while (d && !found && (e = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);

		link[n > 0 ? n : 0] = '\0';
		found = n_seen++ > MAX_DESCRIPTORS || names_file(link, path);
	}
	if (d)
		closedir(d);
	return found;
}

int closer_is_heir(struct handle *h, const struct call *c)
{
	CLEANUP(buf_fini) struct buf path = BUF_INIT;
	pid_t opener, closer;

	if (!c->closing || !c->pid || !h->pid || c->pid == h->pid)
		return 0;
	opener = process_of(h->pid);
	closer = process_of(c->pid);
	if (!opener || opener == closer)
		return 0;
	node_path(h->node, &path);
	if (!has_open(opener, buf_str(&path)))
		return 0;
	h->put_off = 1;
	return 1;
}

static int died_of_signal(pid_t pid)
{
	char text[1024];
	const char *at;
	unsigned flags;

	if (read_proc(pid, "stat", text, sizeof(text)) < 0)
		return 0;
	at = strrchr(text, ')'); /* the name may hold anything */
	if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) != 1)
		return 0;
	return !!(flags & PF_SIGNALED);
}

int closer_was_killed(struct handle *h, const struct call *c)
{
	if (h->cut_off || !c->closing || !c->pid)
		return h->cut_off;
	/* an opener that is dying may not have come to closing its own copy */
	if (died_of_signal(c->pid) || (h->pid && h->pid != c->pid && died_of_signal(h->pid)))
		h->cut_off = 1;
	return h->cut_off;
}
