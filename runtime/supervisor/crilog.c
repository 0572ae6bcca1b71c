/* SPDX-License-Identifier: MIT */
/* Container logs: records, and rotation. */
#include "runtime/supervisor/crilog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"

#define DEFAULT_MAX_BYTES (10u << 20)
#define DEFAULT_MAX_FILES 5u
#define CHUNK             8192u

static int open_file(struct crilog *log, struct err *err)
{
	struct stat st;

	log->fd = open(log->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
	if (log->fd < 0)
		return err_sys(err, errno, "open log %s", log->path);
	log->size = fstat(log->fd, &st) == 0 ? (uint64_t)st.st_size : 0;
	return 0;
}

int crilog_open(struct crilog *log, const char *path, uint64_t max_bytes, unsigned max_files,
		struct err *err)
{
	const char *slash = strrchr(path, '/');
	int rc;

	*log = (struct crilog){.path = xstrdup(path),
			       .fd = -1,
			       .max_bytes = max_bytes ? max_bytes : DEFAULT_MAX_BYTES,
			       .max_files = max_files ? max_files : DEFAULT_MAX_FILES};
	if (open_file(log, NULL) == 0)
		return 0;
	if (slash) {
		CLEANUP_FREE char *dir = xstrndup(path, (size_t)(slash - path));

		rc = fd_mkdir_p(dir, 0755, err);
		if (rc < 0)
			return rc;
	}
	return open_file(log, err);
}

void crilog_close(struct crilog *log)
{
	fd_close_at(&log->fd);
	free(log->path);
	log->path = NULL;
}

static void rotate(struct crilog *log)
{
	for (unsigned i = log->max_files - 1; i > 0; i--) {
		CLEANUP_FREE char *to = xasprintf("%s.%u", log->path, i);
		CLEANUP_FREE char *from =
			i == 1 ? xstrdup(log->path) : xasprintf("%s.%u", log->path, i - 1);

		(void)rename(from, to);
	}
	if (log->max_files == 1)
		(void)unlink(log->path);
	fd_close_at(&log->fd);
	(void)open_file(log, NULL);
}

/* A record is never split between two files. */
static void flush_records(struct crilog *log, const char *data, size_t len)
{
	int rc;

	if (!len)
		return;
	if (log->size && log->size + len > log->max_bytes)
		rotate(log);
	if (log->fd < 0)
		return;
	rc = fd_write_all(log->fd, data, len);
	if (rc == 0) {
		log->size += len;
		return;
	}
	/* A torn record would make its neighbours unreadable: cut it off. */
	(void)!ftruncate(log->fd, (off_t)log->size);
}

void rfc3339_nano(const struct timespec *t, char out[RFC3339_NANO_LEN + 1])
{
	struct tm tm;
	size_t n;

	gmtime_r(&t->tv_sec, &tm);
	n = strftime(out, RFC3339_NANO_LEN + 1, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(out + n, RFC3339_NANO_LEN + 1 - n, ".%09ldZ", (long)(t->tv_nsec % 1000000000));
}

void crilog_add(struct crilog *log, const char *stream, const char *data, size_t len,
		const struct timespec *now)
{
	char chunk[CHUNK], time[RFC3339_NANO_LEN + 1], head[64];
	size_t used = 0, head_len;

	rfc3339_nano(now, time);
	head_len = (size_t)snprintf(head, sizeof(head), "%s %s ? ", time, stream);
	while (len) {
		const char *end = memchr(data, '\n', len);
		size_t n = end ? (size_t)(end - data) : len;

		if (used + head_len + n + 1 > sizeof(chunk)) {
			flush_records(log, chunk, used);
			used = 0;
			if (head_len + n + 1 > sizeof(chunk)) {
				n = sizeof(chunk) - head_len - 1;
				end = NULL;
			}
		}
		head[head_len - 2] = end ? 'F' : 'P';
		memcpy(chunk + used, head, head_len);
		memcpy(chunk + used + head_len, data, n);
		used += head_len + n;
		chunk[used++] = '\n';
		n += end ? 1 : 0;
		data += n;
		len -= n;
	}
	flush_records(log, chunk, used);
}
