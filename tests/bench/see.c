/* SPDX-License-Identifier: MIT */
/* A watcher in C for tests/e2e: `see PATH...` prints a line for each event: CREATE|DELETE|MODIFY
 * path. */
#include <limits.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#define PATHS_MAX 64

static void print_event(const struct inotify_event *e, char **paths)
{
	static const struct {
		unsigned mask;
		const char *name;
	} kinds[] = {{IN_CREATE, "CREATE"}, {IN_DELETE, "DELETE"}, {IN_MODIFY, "MODIFY"}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (e->mask & kinds[i].mask)
			printf("%s %s%s%s\n", kinds[i].name, paths[e->wd], e->len ? "/" : "",
			       e->len ? e->name : "");
}

int main(int argc, char **argv)
{
	char *paths[PATHS_MAX] = {0};
	char events[65536] __attribute__((aligned(8)));
	int fd = inotify_init1(IN_CLOEXEC);
	ssize_t n;

	for (int i = 1; i < argc && i < PATHS_MAX; i++) {
		int wd = inotify_add_watch(fd, argv[i], IN_CREATE | IN_DELETE | IN_MODIFY);

		if (wd < 0 || wd >= PATHS_MAX) {
			perror(argv[i]);
			return 1;
		}
		paths[wd] = argv[i];
	}
	puts("watching");
	fflush(stdout);
	while ((n = read(fd, events, sizeof(events))) > 0) {
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(events + at);

			print_event(e, paths);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
		fflush(stdout);
	}
	return 1;
}
