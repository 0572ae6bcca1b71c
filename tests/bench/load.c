/* SPDX-License-Identifier: MIT */
/*
 * Load for scripts/bench: each command does one thing many times and prints one
 * figure, so that a shell or Python adds nothing to it.
 *
 *	load create DIR THREADS COUNT [fsync]	files with a ConfigMap manifest each; per second
 *	load read FILE SECONDS			open, read to the end, close; per second
 *	load stat FILE SECONDS			stat; per second
 *	load etcd URL THREADS COUNT		puts of the same 300 bytes through etcd's JSON
 *						gateway; per second
 *	load pod DIR NAME STAMP			write a Pod manifest from stdin to DIR/NAME; print
 *						the microseconds from before its close() to the
 *						time that stamp.c in the container put into STAMP
 */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

struct work {
	const char *target;
	int first, count, sync;
};

/* A ConfigMap manifest of 300 bytes. */
static size_t manifest(char *out, size_t size, int n)
{
	int len = snprintf(
		out, size,
		"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: bench-%d\ndata:\n  value: \"",
		n);

	memset(out + len, 'x', 300 - 2 - (size_t)len);
	memcpy(out + 298, "\"\n", 3);
	return 300;
}

static void put_file(const char *path, const char *text, size_t len, int sync)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len || (sync && fsync(fd) != 0) ||
	    close(fd) != 0)
		die(path);
}

static void *create_files(void *arg)
{
	struct work *w = arg;
	char path[4096], text[512];

	for (int i = w->first; i < w->first + w->count; i++) {
		size_t len = manifest(text, sizeof(text), i);

		snprintf(path, sizeof(path), "%s/bench-%d.yaml", w->target, i);
		put_file(path, text, len, w->sync);
	}
	return NULL;
}

static size_t ignore(char *data, size_t size, size_t n, void *arg)
{
	return size * n;
}

static void *put_keys(void *arg)
{
	struct work *w = arg;
	CURL *curl = curl_easy_init();
	char url[1024], value[512], body[1024];
	static const char base64[] = "eHh4eHh4eHh4"; /* 12 characters are 9 bytes */

	for (int i = 0; i < 33; i++)
		memcpy(value + i * 12, base64, 13);
	snprintf(url, sizeof(url), "%s/v3/kv/put", w->target);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	for (int i = w->first; i < w->first + w->count; i++) {
		snprintf(body, sizeof(body), "{\"key\":\"YmVuY2gt%08d\",\"value\":\"%s\"}", i,
			 value);
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		if (curl_easy_perform(curl) != CURLE_OK) {
			fprintf(stderr, "load: %s does not answer\n", url);
			exit(1);
		}
	}
	curl_easy_cleanup(curl);
	return NULL;
}

/* COUNT times in all, spread over THREADS. */
static void per_second(void *(*fn)(void *), const char *target, int threads, int count, int sync)
{
	pthread_t ids[256];
	struct work work[256];
	double start;

	if (threads < 1 || threads > 256)
		threads = 1;
	start = now();
	for (int i = 0; i < threads; i++) {
		work[i] = (struct work){target, i * (count / threads), count / threads, sync};
		pthread_create(&ids[i], NULL, fn, &work[i]);
	}
	for (int i = 0; i < threads; i++)
		pthread_join(ids[i], NULL);
	printf("%.0f\n", (count / threads) * threads / (now() - start));
}

static void read_file(const char *path, double seconds)
{
	char buf[65536];
	double start = now();
	long n = 0;

	do
		for (int i = 0; i < 100; i++, n++) {
			int fd = open(path, O_RDONLY | O_CLOEXEC);
			ssize_t got;

			if (fd < 0)
				die(path);
			while ((got = read(fd, buf, sizeof(buf))) > 0)
				;
			if (got < 0)
				die(path);
			close(fd);
		}
	while (now() - start < seconds);
	printf("%.0f\n", (double)n / (now() - start));
}

static void stat_file(const char *path, double seconds)
{
	double start = now();
	struct stat st;
	long n = 0;

	do
		for (int i = 0; i < 100; i++, n++)
			if (stat(path, &st) != 0)
				die(path);
	while (now() - start < seconds);
	printf("%.0f\n", (double)n / (now() - start));
}

static void start_pod(const char *dir, const char *name, const char *stamp)
{
	char text[65536], path[4096];
	size_t len = fread(text, 1, sizeof(text), stdin);
	struct stat st;
	double start, end = 0;
	FILE *f;
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(stamp);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		die(path);
	start = now();
	if (close(fd) != 0)
		die(path);
	while (stat(stamp, &st) != 0 || st.st_size < 10) {
		if (now() - start > 30) {
			errno = ETIMEDOUT;
			die(stamp);
		}
		usleep(200);
	}
	f = fopen(stamp, "re");
	if (!f || fscanf(f, "%lf", &end) != 1)
		die(stamp);
	fclose(f);
	printf("%.0f\n", (end - start) * 1e6);
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	if (!strcmp(what, "create") && argc >= 5)
		per_second(create_files, argv[2], atoi(argv[3]), atoi(argv[4]), argc > 5);
	else if (!strcmp(what, "etcd") && argc == 5)
		per_second(put_keys, argv[2], atoi(argv[3]), atoi(argv[4]), 0);
	else if (!strcmp(what, "read") && argc == 4)
		read_file(argv[2], atof(argv[3]));
	else if (!strcmp(what, "stat") && argc == 4)
		stat_file(argv[2], atof(argv[3]));
	else if (!strcmp(what, "pod") && argc == 5)
		start_pod(argv[2], argv[3], argv[4]);
	else
		return fprintf(stderr, "load: see the head of tests/bench/load.c\n"), 2;
	return 0;
}
