/* SPDX-License-Identifier: MIT */
/* Finding, making, joining and removing cgroups; the values are in cgroup_limits.c. */
#include "runtime/supervisor/cgroup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/supervisor/cgroup_i.h"
#include "util/fd.h"

static const struct {
	const char *name;
	unsigned bit;
} controllers[] = {
	{"cpu", CGROUP_CPU},   {"cpuacct", CGROUP_CPUACCT}, {"memory", CGROUP_MEMORY},
	{"pids", CGROUP_PIDS}, {"devices", CGROUP_DEVICES},
};

static struct cgroups *cgroups_new(const char *root)
{
	struct cgroups *cg = xcalloc(1, sizeof(*cg));

	cg->root = xstrdup(root);
	for (size_t i = 0; i < MAX_HIERARCHIES; i++)
		cg->hierarchies[i].dir = -1;
	return cg;
}

static unsigned known_controllers(const struct cgroups *cg)
{
	unsigned all = 0;

	for (size_t i = 0; i < cg->n; i++)
		all |= cg->hierarchies[i].controllers;
	return all;
}

/* A hierarchy that is mounted twice counts once. */
static void add_hierarchy(struct cgroups *cg, const char *mount, unsigned bits)
{
	bits &= ~known_controllers(cg);
	if (!bits || cg->n == MAX_HIERARCHIES)
		return;
	cg->hierarchies[cg->n].mount = xstrdup(mount);
	cg->hierarchies[cg->n++].controllers = bits;
}

static unsigned parse_controllers(char *list, const char *separators)
{
	unsigned bits = 0;
	char *state = NULL;

	for (char *word = strtok_r(list, separators, &state); word;
	     word = strtok_r(NULL, separators, &state))
		for (size_t i = 0; i < ARRAY_LEN(controllers); i++)
			if (str_eq(word, controllers[i].name))
				bits |= controllers[i].bit;
	return bits;
}

/* What the unified hierarchy controls (none where v1 has them all). */
static unsigned v2_controllers(const char *mount)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/cgroup.controllers", mount);

	if (fd_read_file(path, 4096, &text, NULL) < 0 || !text.len)
		return 0;
	return parse_controllers(text.data, " \n");
}

/* Blanks and backslashes of paths are octal there: "\\040". */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* "36 35 98:0 /root /mount options tags... - type source superoptions" */
static void add_mountinfo_line(struct cgroups *cg, char *line)
{
	char *dash = strstr(line, " - "), *field[5], *state = NULL, *type, *options;

	if (!dash)
		return;
	*dash = '\0';
	for (size_t i = 0; i < ARRAY_LEN(field); i++)
		if (!(field[i] = strtok_r(i ? NULL : line, " ", &state)))
			return;
	type = strtok_r(dash + 3, " ", &state);
	if (!type || !str_eq(field[3], "/"))
		return;
	unescape(field[4]);
	if (str_eq(type, "cgroup2"))
		add_hierarchy(cg, field[4], CGROUP_V2 | v2_controllers(field[4]));
	options = strtok_r(NULL, " ", &state) ? strtok_r(NULL, " ", &state) : NULL;
	if (str_eq(type, "cgroup") && options)
		add_hierarchy(cg, field[4], parse_controllers(options, ","));
}

struct cgroups *cgroups_open(const char *mountinfo, const char *root, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP(cgroups_closep) struct cgroups *cg = cgroups_new(root);
	char *state = NULL;

	if (fd_read_file(mountinfo, 16u << 20, &text, err) < 0)
		return NULL;
	for (char *line = text.len ? strtok_r(text.data, "\n", &state) : NULL; line;
	     line = strtok_r(NULL, "\n", &state))
		add_mountinfo_line(cg, line);
	if (!cg->n) {
		err_set(err, ENOTSUP, "no cgroup hierarchy is mounted in %s", mountinfo);
		return NULL;
	}
	return STEAL(cg);
}

void cgroups_describe(const struct cgroups *cg, struct buf *out)
{
	for (size_t i = 0; i < cg->n; i++)
		buf_addf(out, "%u %s\n", cg->hierarchies[i].controllers, cg->hierarchies[i].mount);
}

struct cgroups *cgroups_parse(const char *lines, const char *root, struct err *err)
{
	CLEANUP_FREE char *copy = xstrdup(lines);
	CLEANUP(cgroups_closep) struct cgroups *cg = cgroups_new(root);
	char *state = NULL;

	for (char *line = strtok_r(copy, "\n", &state); line; line = strtok_r(NULL, "\n", &state)) {
		char *mount;
		unsigned long bits = strtoul(line, &mount, 10);

		if (*mount != ' ' || mount[1] != '/') {
			err_set(err, EINVAL, "'%s' is no cgroup hierarchy", line);
			return NULL;
		}
		add_hierarchy(cg, mount + 1, (unsigned)bits);
	}
	return STEAL(cg);
}

void cgroups_close(struct cgroups *cg)
{
	if (!cg)
		return;
	for (size_t i = 0; i < cg->n; i++) {
		fd_close_at(&cg->hierarchies[i].dir);
		free(cg->hierarchies[i].mount);
	}
	free(cg->root);
	free(cg);
}

/* -- v2: the controllers are handed from each directory to its children -- */

/* cpuacct and devices are no controllers there. */
static int is_handed_down(const struct cgroup_hierarchy *h, size_t controller)
{
	unsigned bit = controllers[controller].bit;

	return (h->controllers & CGROUP_V2) && (h->controllers & bit) &&
	       !(bit & (CGROUP_CPUACCT | CGROUP_DEVICES));
}

static unsigned handed_down(int dir)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	return cgroup_read_at(dir, "cgroup.subtree_control", &text) < 0
		       ? 0
		       : parse_controllers(text.data, " \n");
}

/* Where one of them cannot be, the error is about that one. */
static int hand_down_each(const struct cgroup_hierarchy *h, int dir, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < ARRAY_LEN(controllers); i++)
		if (is_handed_down(h, i)) {
			char word[32];

			snprintf(word, sizeof(word), "+%s", controllers[i].name);
			rc = cgroup_write_at(dir, "cgroup.subtree_control", word, err);
		}
	return rc;
}

/* Whoever made the directory may have died before this: what is there already is checked, too. */
static int hand_down(const struct cgroup_hierarchy *h, int dir, struct err *err)
{
	char line[128] = "";
	unsigned there, missing = 0;
	int rc;

	if (!(h->controllers & CGROUP_V2))
		return 0;
	there = handed_down(dir);
	for (size_t i = 0; i < ARRAY_LEN(controllers); i++)
		if (is_handed_down(h, i)) {
			strcat(line, line[0] ? " +" : "+");
			strcat(line, controllers[i].name);
			missing |= controllers[i].bit & ~there;
		}
	if (!missing)
		return 0;
	rc = cgroup_write_at(dir, "cgroup.subtree_control", line, NULL);
	return rc == 0 || rc == -EBUSY ? rc : hand_down_each(h, dir, err);
}

/* Move the members of top into a child. Return: how many, or -errno. */
static int move_members(int top, int child, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char *state = NULL;
	int n = 0, rc = cgroup_read_at(top, "cgroup.procs", &text);

	if (rc < 0)
		return err_sys(err, -rc, "read cgroup.procs");
	for (char *pid = strtok_r(text.data, "\n", &state); pid;
	     pid = strtok_r(NULL, "\n", &state)) {
		if (str_eq(pid, "0"))
			return err_set(err, EBUSY,
				       "processes of other pid namespaces are in the cgroup");
		rc = cgroup_write_at(child, "cgroup.procs", pid, NULL);
		if (rc < 0 && rc != -ESRCH)
			return err_sys(err, -rc, "move process %s to cgroup %s", pid,
				       CGROUP_OTHERS);
		n++;
	}
	return n;
}

/*
 * A cgroup with controllers for its children has no processes itself (cgroup-v2.rst, "No Internal
 * Process Constraint"). The real root is exempt; what looks like the root in a container is not,
 * and there are the container's processes: they go into a child, as other runtimes do it.
 */
static int make_way(int top, struct err *err)
{
	CLEANUP_FD int child = -1;
	int n = 1;

	if (mkdirat(top, CGROUP_OTHERS, 0755) < 0 && errno != EEXIST)
		return err_sys(err, errno, "mkdir %s", CGROUP_OTHERS);
	child = openat(top, CGROUP_OTHERS, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (child < 0)
		return err_sys(err, errno, "open %s", CGROUP_OTHERS);
	/* Those that fork meanwhile may need another round. */
	for (int round = 0; n > 0 && round < 20; round++)
		n = move_members(top, child, err);
	return n < 0 ? n : 0;
}

static int hand_down_from_top(const struct cgroup_hierarchy *h, int top, struct err *err)
{
	int rc = hand_down(h, top, err);

	if (rc == -EBUSY && (rc = make_way(top, err)) == 0)
		rc = hand_down_each(h, top, err);
	return rc < 0 ? err_wrap(err, "%s", h->mount) : 0;
}

/* In the daemon and in each supervisor: mostly, it is there. */
static int prepare_in(struct cgroup_hierarchy *h, const char *root, struct err *err)
{
	CLEANUP_FD int top = open(h->mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc;

	if (top < 0)
		return err_sys(err, errno, "open %s", h->mount);
	fd_close_at(&h->dir);
	h->dir = openat(top, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (h->dir < 0) {
		if ((rc = hand_down_from_top(h, top, err)) < 0)
			return rc;
		if (mkdirat(top, root, 0755) < 0 && errno != EEXIST)
			return err_sys(err, errno, "mkdir %s/%s", h->mount, root);
		h->dir = openat(top, root, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	}
	if (h->dir < 0)
		return err_sys(err, errno, "open %s/%s", h->mount, root);
	if ((rc = hand_down(h, h->dir, err)) < 0)
		return err_sys(err, -rc, "%s/%s: cgroup.subtree_control", h->mount, root);
	return 0;
}

int cgroups_prepare(struct cgroups *cg, struct err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < cg->n; i++)
		rc = prepare_in(&cg->hierarchies[i], cg->root, err);
	return rc;
}

static int make_in(const struct cgroup_hierarchy *h, const char *path, int has_children,
		   struct err *err)
{
	CLEANUP_FREE char *part = xstrdup(path);

	for (char *p = part;; p++) {
		char was = *p;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if (mkdirat(h->dir, part, 0755) < 0 && errno != EEXIST)
			return err_sys(err, errno, "mkdir cgroup %s", part);
		if ((h->controllers & CGROUP_V2) && (was || has_children)) {
			CLEANUP_FD int dir =
				openat(h->dir, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			int rc = dir < 0 ? -errno : hand_down(h, dir, err);

			if (rc < 0)
				return err_sys(err, -rc, "cgroup %s", part);
		}
		*p = was;
		if (!was)
			return 0;
	}
}

int cgroup_make(const struct cgroups *cg, const char *path, int has_children, struct err *err)
{
	for (size_t i = 0; i < cg->n; i++) {
		const struct cgroup_hierarchy *h = &cg->hierarchies[i];

		/* The usual case: only the last part is missing. */
		if (!has_children && mkdirat(h->dir, path, 0755) == 0)
			continue;
		if (make_in(h, path, has_children, err) < 0)
			return err_wrap(err, "%s", h->mount);
	}
	return 0;
}

int cgroup_join(const struct cgroups *cg, const char *path, int all, struct err *err)
{
	char file[PATH_MAX];

	for (size_t i = 0; i < cg->n; i++) {
		const struct cgroup_hierarchy *h = &cg->hierarchies[i];
		int v2 = !!(h->controllers & CGROUP_V2);

		if (v2 && !all)
			continue;
		/* v1: `tasks` moves one thread without the lock that cgroup.procs takes. */
		snprintf(file, sizeof(file), "%s/%s", path, v2 ? "cgroup.procs" : "tasks");
		if (cgroup_write_at(h->dir, file, "0", err) < 0)
			return err_wrap(err, "%s", h->mount);
	}
	return 0;
}

static const struct cgroup_hierarchy *v2_of(const struct cgroups *cg)
{
	for (size_t i = 0; i < cg->n; i++)
		if (cg->hierarchies[i].controllers & CGROUP_V2)
			return &cg->hierarchies[i];
	return NULL;
}

int cgroup_open_v2(const struct cgroups *cg, const char *path)
{
	const struct cgroup_hierarchy *h = v2_of(cg);

	return h ? openat(h->dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW) : -1;
}

void cgroup_children(const struct cgroups *cg, const char *path,
		     void (*fn)(void *arg, const char *name), void *arg)
{
	for (size_t i = 0; i < cg->n; i++) {
		int fd = openat(cg->hierarchies[i].dir, path,
				O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		DIR *dir = fd < 0 ? NULL : fdopendir(fd);
		struct dirent *e;

		while (dir && (e = readdir(dir)))
			if (e->d_type == DT_DIR && e->d_name[0] != '.')
				fn(arg, e->d_name);
		if (dir)
			closedir(dir);
		else if (fd >= 0)
			close(fd);
	}
}

/* Call fn on each directory below dir's entry `name`, deepest first, then on itself. Return: first
 * error. */
static int walk(int parent, const char *name, int (*fn)(int parent, const char *name))
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW), rc = 0, one;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		rc = errno == ENOENT ? 0 : -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while ((e = readdir(dir)))
		if (e->d_type == DT_DIR && e->d_name[0] != '.') {
			one = walk(dirfd(dir), e->d_name, fn);
			rc = rc ? rc : one;
		}
	closedir(dir);
	one = fn(parent, name);
	return rc ? rc : one;
}

static int remove_one(int parent, const char *name)
{
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 && errno != ENOENT ? -errno : 0;
}

int cgroup_remove(const struct cgroups *cg, const char *path)
{
	int rc = 0, one;

	for (size_t i = 0; i < cg->n; i++) {
		one = walk(cg->hierarchies[i].dir, path, remove_one);
		rc = rc ? rc : one;
	}
	return rc;
}

/* Kill the members once. Return: how many. */
static int kill_members(int parent, const char *name)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char file[PATH_MAX];
	int n = 0;
	char *state = NULL;

	snprintf(file, sizeof(file), "%s/cgroup.procs", name);
	if (cgroup_read_at(parent, file, &text) < 0 || !text.len)
		return 0;
	for (char *line = strtok_r(text.data, "\n", &state); line;
	     line = strtok_r(NULL, "\n", &state)) {
		long pid = strtol(line, NULL, 10);

		/* 0: a process that our pid namespace does not show. */
		if (pid > 1 && kill((pid_t)pid, SIGKILL) == 0)
			n++;
	}
	return n;
}

static int kill_one(int parent, const char *name)
{
	char file[PATH_MAX];
	int n;

	/* At once, also those that our pid namespace does not show, and whatever they fork. */
	snprintf(file, sizeof(file), "%s/cgroup.kill", name);
	if (cgroup_write_at(parent, file, "1", NULL) == 0)
		return kill_members(parent, name);
	n = kill_members(parent, name);
	/* Without cgroup.kill a fork may slip through between reading and killing. */
	for (int round = 0, more = n; more && round < 100; round++)
		more = kill_members(parent, name);
	return n;
}

int cgroup_kill(const struct cgroups *cg, const char *path)
{
	const struct cgroup_hierarchy *h = v2_of(cg);

	if (!h && cg->n)
		h = &cg->hierarchies[0];
	return h ? walk(h->dir, path, kill_one) : 0;
}

int cgroups_purge(const struct cgroups *cg)
{
	const struct timespec moment = {0, 1000000};
	int rc = -EBUSY;

	for (int round = 0; rc == -EBUSY && round < 500; round++) {
		rc = 0;
		for (size_t i = 0; i < cg->n; i++) {
			CLEANUP_FD int top =
				open(cg->hierarchies[i].mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			int one;

			(void)walk(top, cg->root, kill_one);
			one = walk(top, cg->root, remove_one);
			rc = rc ? rc : one;
		}
		if (rc == -EBUSY)
			nanosleep(&moment, NULL);
	}
	return rc;
}

static int count_members(int parent, const char *name)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	char file[PATH_MAX];

	snprintf(file, sizeof(file), "%s/cgroup.procs", name);
	return cgroup_read_at(parent, file, &text) == 0 && text.len ? -EBUSY : 0;
}

void cgroups_remove_idle(const struct cgroups *cg)
{
	for (size_t i = 0; i < cg->n; i++) {
		CLEANUP_FD int top =
			open(cg->hierarchies[i].mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (walk(top, cg->root, count_members) == 0)
			(void)walk(top, cg->root, remove_one);
	}
}
