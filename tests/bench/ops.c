/* SPDX-License-Identifier: MIT */
/*
 * What each operation on one object takes, for scripts/bench: with few and with many objects
 * stored it should be the same.
 *
 *	bench_ops DIR COUNT		DIR: a namespace's directory of ConfigMaps
 *	bench_ops list DIR COUNT	reading all names of DIR, as ls does
 *	bench_ops cat FILE COUNT	reading FILE to its end
 *
 * Prints a line for each: its name, a tab, the median in microseconds.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char *dir;

static void die(const char *what)
{
	fprintf(stderr, "ops: %s: %s\n", what, strerror(errno));
	exit(1);
}

static double now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void put(const char *path, const char *text)
{
	size_t len = strlen(text);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || close(fd) != 0)
		die(path);
}

static void read_all(const char *path)
{
	static char buf[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		die(path);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		;
	if (n < 0)
		die(path);
	close(fd);
}

/* dir/op-<i><rest> */
static const char *path_of(int i, const char *rest)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/op-%d%s", dir, i, rest);
	return path;
}

static void create(int i)
{
	char text[128];

	snprintf(text, sizeof(text),
		 "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: op-%d}\ndata: {k: v}\n", i);
	put(path_of(i, ".yaml"), text);
}

static void lookup(int i)
{
	struct stat st;

	if (stat(path_of(i, ""), &st) != 0)
		die(path_of(i, ""));
}

static void lookup_nothing(int i)
{
	struct stat st;

	if (stat(path_of(i, "-is-not-there"), &st) == 0 || errno != ENOENT)
		die(path_of(i, "-is-not-there"));
}

static void read_object(int i)
{
	read_all(path_of(i, "/object.yaml"));
}

static void read_events(int i)
{
	read_all(path_of(i, "/events"));
}

static void write_value(int i)
{
	put(path_of(i, "/data/k"), "another\n");
}

/* From before the deletion until the reader of wait/Deleted has its answer. */
static void wait_deleted(int i)
{
	char answer[64], path[4096];
	int fd = open(path_of(i, "/wait/Deleted"), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path_of(i, "/wait/Deleted"));
	snprintf(path, sizeof(path), "%s", path_of(i, ""));
	if (rmdir(path) != 0 || read(fd, answer, sizeof(answer)) < 0)
		die(path);
	close(fd);
}

static void ctl_delete(int i)
{
	char path[4096], text[64];

	snprintf(path, sizeof(path), "%s/_ctl", dir);
	snprintf(text, sizeof(text), "delete op-%d\n", i);
	put(path, text);
}

static void remove_manifest(int i)
{
	if (unlink(path_of(i, ".yaml")) != 0)
		die(path_of(i, ".yaml"));
}

static void list_names(int i)
{
	DIR *d = opendir(dir);

	(void)i;
	if (!d)
		die(dir);
	while (readdir(d))
		;
	closedir(d);
}

static void cat(int i)
{
	(void)i;
	read_all(dir);
}

static int cmp(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Median over first, first + step ... below count. */
static void measure(const char *name, void (*fn)(int i), int first, int step, int count)
{
	double *took = calloc((size_t)count, sizeof(*took));
	size_t n = 0;

	for (int i = first; took && i < count; i += step) {
		double start = now_us();

		fn(i);
		took[n++] = now_us() - start;
	}
	if (!n)
		die(name);
	qsort(took, n, sizeof(*took), cmp);
	printf("%s\t%.2f\n", name, took[n / 2]);
	free(took);
}

static void all_operations(int count)
{
	measure("look up a name that is not there", lookup_nothing, 0, 1, count);
	measure("create (manifest)", create, 0, 1, count);
	measure("look up an object", lookup, 0, 1, count);
	measure("read object.yaml", read_object, 0, 1, count);
	measure("read events", read_events, 0, 1, count);
	measure("write one value", write_value, 0, 1, count);
	measure("delete until wait/Deleted returns", wait_deleted, 0, 2, count);
	measure("_ctl delete", ctl_delete, 1, 2, count);
	measure("remove a manifest", remove_manifest, 0, 1, count);
}

int main(int argc, char **argv)
{
	int count = argc > 2 ? atoi(argv[argc - 1]) : 0;

	if (count < 1 || argc > 4)
		return fprintf(stderr, "ops: see the head of tests/bench/ops.c\n"), 2;
	dir = argv[argc - 2];
	if (argc == 3)
		all_operations(count);
	else if (strcmp(argv[1], "list") == 0)
		measure("list", list_names, 0, 1, count);
	else
		measure("cat", cat, 0, 1, count);
	return 0;
}
