/* SPDX-License-Identifier: MIT */
/*
 * Readers of streams, through the mount. Exit status 1 and a text when anything is not as it
 * must be.
 *
 * watch stream DIR READERS WRITERS ROUNDS OBJECTS: each writer applies a manifest of OBJECTS
 * ConfigMaps, changes all of them ROUNDS times and removes it, while READERS follow DIR/_watch,
 * half of them DIR/_watch.json. Every reader must see every change once, in the order of the
 * resourceVersions, and all of them the same. Prints changes per second of the writers, and of the
 * slowest reader.
 *
 * watch slow DIR OBJECTS ROUNDS: the same changes while one reader sleeps. It must find the first
 * of them, then `ERROR 410 Gone` and the end, and nothing left out before that.
 *
 * watch latency DIR/_watch FILE COUNT, and watch inotify WATCHED FILE COUNT: write the one-value
 * FILE COUNT times. Prints p50 and p99 in microseconds from before the write, then from its return
 * (its commit), to the reader's wake-up.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

#define READERS_MAX 1000
#define WRITERS_MAX 64
#define BUFFER      (128u << 10)

static void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
static void die(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("watch: ", stderr);
	vfprintf(stderr, fmt, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int open_file(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

/* -- one line of a stream -- */

struct seen {
	char type;      /* A, M, D; E: ERROR */
	char name[128]; /* of the object, without namespace */
	uint64_t rv;
};

static void copy_name(struct seen *s, const char *from, const char *end)
{
	size_t n = (size_t)(end - from);

	if (n >= sizeof(s->name))
		die("a name of %zu bytes", n);
	memcpy(s->name, from, n);
	s->name[n] = '\0';
}

static struct seen parse_text(const char *line)
{
	struct seen s = {.type = line[0]};
	const char *name = strchr(line, ' '), *rv = name ? strchr(name + 1, ' ') : NULL;
	const char *slash = name ? strchr(name, '/') : NULL;

	if (s.type == 'E')
		return s;
	if (!rv || !slash || slash > rv || (line[0] != 'A' && line[0] != 'M' && line[0] != 'D'))
		die("no such line: %s", line);
	copy_name(&s, slash + 1, rv);
	s.rv = strtoull(rv, NULL, 10);
	return s;
}

static const char *after(const char *line, const char *key)
{
	const char *at = strstr(line, key);

	if (!at)
		die("no %s in %.300s", key, line);
	return at + strlen(key);
}

/* The object is rendered with its keys in order, so these are the first of their names. */
static struct seen parse_json(const char *line)
{
	struct seen s = {.type = *after(line, "{\"type\":\"")};
	const char *meta, *name;

	if (s.type == 'E')
		return s;
	if (line[strlen(line) - 1] != '}')
		die("no whole document: %.300s", line);
	meta = after(line, "\"metadata\":{");
	name = after(meta, ",\"name\":\"");
	copy_name(&s, name, strchr(name, '"'));
	s.rv = strtoull(after(name, "\"resourceVersion\":\""), NULL, 10);
	return s;
}

/* -- readers -- */

struct reader {
	pthread_t thread;
	int fd, json;
	uint64_t last_rv, count, n_errors, sum; /* sum: of what was seen, in its order */
	char *state;                            /* of each object of each writer: there or not */
	double end;
};

static struct {
	int n_objects, n_writers;
	const char *dir;
	uint64_t n_changes;
} job;

static uint64_t mix(uint64_t h, const struct seen *s)
{
	for (const char *c = s->name; *c; c++)
		h = (h ^ (unsigned char)*c) * 0x100000001b3u;
	return ((h ^ (unsigned char)s->type) * 0x100000001b3u ^ s->rv) * 0x100000001b3u;
}

static void check(struct reader *r, const struct seen *s)
{
	int writer, object;
	char *there;

	if (s->rv <= r->last_rv)
		die("version %llu after %llu", (unsigned long long)s->rv,
		    (unsigned long long)r->last_rv);
	if (sscanf(s->name, "load-%d-%d", &writer, &object) != 2)
		die("who made %s?", s->name);
	there = &r->state[writer * job.n_objects + object];
	if ((s->type == 'A') == *there)
		die("%c of %s, which is %sthere", s->type, s->name, *there ? "" : "not ");
	*there = s->type != 'D';
	r->last_rv = s->rv;
	r->count++;
	r->sum = mix(r->sum, s);
}

/* Return: whether the stream goes on. */
static int take_line(struct reader *r, const char *line)
{
	struct seen s = r->json ? parse_json(line) : parse_text(line);

	if (s.type == 'E') {
		if (!strstr(line, "410"))
			die("%s", line);
		r->n_errors++;
		return 0;
	}
	check(r, &s);
	return 1;
}

static void follow(struct reader *r, uint64_t n_expected)
{
	char *buf = malloc(2 * BUFFER);
	size_t used = 0;

	while (r->count < n_expected) {
		ssize_t n = read(r->fd, buf + used, BUFFER);
		char *line = buf, *nl;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			die("end after %llu changes: %s", (unsigned long long)r->count,
			    n ? strerror(errno) : "no more");
		used += (size_t)n;
		while ((nl = memchr(line, '\n', used - (size_t)(line - buf)))) {
			*nl = '\0';
			if (!take_line(r, line)) {
				free(buf);
				return;
			}
			line = nl + 1;
		}
		used -= (size_t)(line - buf);
		memmove(buf, line, used);
		if (used > BUFFER)
			die("a line of more than %u bytes", BUFFER);
	}
	free(buf);
}

static void *read_stream(void *arg)
{
	struct reader *r = arg;

	follow(r, job.n_changes);
	r->end = now();
	return NULL;
}

static void begin_reader(struct reader *r, int json)
{
	char path[4096];

	*r = (struct reader){.json = json};
	r->state = calloc((size_t)job.n_writers * (size_t)job.n_objects, 1);
	snprintf(path, sizeof(path), "%s/_watch%s", job.dir, json ? ".json" : "");
	r->fd = open_file(path, O_RDONLY | O_NONBLOCK);
	/* it begins with its first read, not with its opening */
	if (read(r->fd, path, sizeof(path)) >= 0 || errno != EAGAIN)
		die("%s is not empty", job.dir);
	fcntl(r->fd, F_SETFL, 0);
}

/* -- writers -- */

struct writer {
	pthread_t thread;
	int id, rounds;
};

static void put_manifest(const struct writer *w, int round)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/load-%d.yaml", job.dir, w->id);
	f = fopen(path, "we");
	if (!f)
		die("%s: %s", path, strerror(errno));
	for (int i = 0; i < job.n_objects; i++)
		fprintf(f,
			"{apiVersion: v1, kind: ConfigMap, metadata: {name: load-%d-%d}, "
			"data: {round: \"%d\"}}\n---\n",
			w->id, i, round);
	if (fclose(f) != 0)
		die("%s: %s", path, strerror(errno));
}

static void *write_rounds(void *arg)
{
	struct writer *w = arg;
	char path[4096];

	for (int i = 0; i <= w->rounds; i++)
		put_manifest(w, i);
	snprintf(path, sizeof(path), "%s/load-%d.yaml", job.dir, w->id);
	if (unlink(path) != 0)
		die("%s: %s", path, strerror(errno));
	return NULL;
}

static void run_writers(struct writer *writers, int rounds)
{
	for (int i = 0; i < job.n_writers; i++) {
		writers[i] = (struct writer){.id = i, .rounds = rounds};
		pthread_create(&writers[i].thread, NULL, write_rounds, &writers[i]);
	}
	for (int i = 0; i < job.n_writers; i++)
		pthread_join(writers[i].thread, NULL);
}

static void stream(int n_readers, int n_writers, int rounds, int n_objects)
{
	static struct reader readers[READERS_MAX];
	static struct writer writers[WRITERS_MAX];
	double start, written, slowest = 0;
	uint64_t lost = 0;

	if (n_readers < 1 || n_readers > READERS_MAX || n_writers < 1 || n_writers > WRITERS_MAX)
		die("at most %d readers, %d writers", READERS_MAX, WRITERS_MAX);
	job.n_writers = n_writers;
	job.n_objects = n_objects;
	job.n_changes = (uint64_t)n_writers * (uint64_t)n_objects * (uint64_t)(rounds + 2);
	for (int i = 0; i < n_readers; i++)
		begin_reader(&readers[i], i % 2);
	for (int i = 0; i < n_readers; i++)
		pthread_create(&readers[i].thread, NULL, read_stream, &readers[i]);
	start = now();
	run_writers(writers, rounds);
	written = now();
	for (int i = 0; i < n_readers; i++) {
		const struct reader *r = &readers[i];

		pthread_join(r->thread, NULL);
		lost += r->n_errors;
		slowest = r->end > slowest ? r->end : slowest;
		if (r->sum != readers[0].sum && !r->n_errors && !readers[0].n_errors)
			die("readers saw different changes");
	}
	if (lost)
		die("%llu of %d readers were told that they are too slow", (unsigned long long)lost,
		    n_readers);
	/* the deletions come a grace period after the manifest's end */
	printf("%.0f %.0f\n",
	       (double)(job.n_changes - (uint64_t)(n_writers * n_objects)) / (written - start),
	       (double)job.n_changes / (slowest - start));
}

static void slow(int n_objects, int rounds)
{
	struct writer w;
	struct reader r;

	job.n_writers = 1;
	job.n_objects = n_objects;
	begin_reader(&r, 0);
	w = (struct writer){.rounds = rounds};
	write_rounds(&w);
	follow(&r, UINT64_MAX);
	if (r.n_errors != 1)
		die("no error");
	if (read(r.fd, r.state, 1) != 0)
		die("something follows the error");
	printf("%llu\n", (unsigned long long)r.count);
}

/* -- latencies -- */

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double percentile(double *list, int n, double p)
{
	qsort(list, (size_t)n, sizeof(*list), by_size);
	return list[(int)((n - 1) * p)] * 1e6;
}

static struct {
	int fd;
	_Atomic int n_woken;
	_Atomic double woken;
} waiter;

static void *wait_for_changes(void *arg)
{
	static char buf[1 << 20];

	(void)arg;
	while (read(waiter.fd, buf, sizeof(buf)) > 0) {
		waiter.woken = now();
		waiter.n_woken++;
	}
	return NULL;
}

static void write_value(const char *file, int value)
{
	char text[32];
	int fd = open_file(file, O_WRONLY | O_TRUNC);

	if (write(fd, text, (size_t)snprintf(text, sizeof(text), "%d\n", value)) < 0)
		die("%s: %s", file, strerror(errno));
	close(fd);
}

static void latency(const char *file, int count)
{
	double *before = calloc((size_t)count, sizeof(double));
	double *after_it = calloc((size_t)count, sizeof(double));
	pthread_t thread;
	char text[32];

	pthread_create(&thread, NULL, wait_for_changes, NULL);
	usleep(300000);
	write_value(file, -1);
	usleep(300000); /* the watch is known by now */
	for (int i = 0; i < count; i++) {
		int fd = open_file(file, O_WRONLY), len = snprintf(text, sizeof(text), "%d\n", i);
		int n = waiter.n_woken;
		double start, end;

		usleep(1000 + (unsigned)(i * 37) % 1000);
		n = waiter.n_woken;
		start = now();
		if (write(fd, text, (size_t)len) != len)
			die("%s: %s", file, strerror(errno));
		end = now();
		while (waiter.n_woken == n) {
			if (now() - end > 10)
				die("the reader was not woken");
			usleep(50);
		}
		before[i] = waiter.woken - start;
		after_it[i] = waiter.woken > end ? waiter.woken - end : 0;
		close(fd);
	}
	printf("%.0f %.0f ", percentile(before, count, 0.5), percentile(before, count, 0.99));
	printf("%.0f %.0f\n", percentile(after_it, count, 0.5), percentile(after_it, count, 0.99));
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	job.dir = argc > 2 ? argv[2] : "";
	if (!strcmp(what, "stream") && argc == 7) {
		stream(atoi(argv[3]), atoi(argv[4]), atoi(argv[5]), atoi(argv[6]));
	} else if (!strcmp(what, "slow") && argc == 5) {
		slow(atoi(argv[3]), atoi(argv[4]));
	} else if (!strcmp(what, "latency") && argc == 5) {
		waiter.fd = open_file(argv[2], O_RDONLY);
		latency(argv[3], atoi(argv[4]));
	} else if (!strcmp(what, "inotify") && argc == 5) {
		waiter.fd = inotify_init1(IN_CLOEXEC);
		if (inotify_add_watch(waiter.fd, argv[2], IN_MODIFY) < 0)
			die("%s: %s", argv[2], strerror(errno));
		latency(argv[3], atoi(argv[4]));
	} else {
		fprintf(stderr, "watch: see the head of tests/bench/watch.c\n");
		return 2;
	}
	return 0;
}
