/* SPDX-License-Identifier: MIT */
/* Exit statuses as files. */
#include "runtime/supervisor/exitfile.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "util/fd.h"

#define MAX_FILE 65536

void container_exit_fini(struct container_exit *e)
{
	free(e->id);
	free(e->message);
	*e = (struct container_exit){0};
}

int exitfile_write(const char *dir, const struct container_exit *e, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/exit", dir);

	buf_addf(&text, "id %s\ncode %d\nsignal %d\noom %d\nfailed %d\n", e->id, e->exit_code,
		 e->signal, e->oom_killed, e->start_failed);
	buf_addf(&text, "started %" PRId64 ".%09" PRId64 "\n", e->started_sec, e->started_nsec);
	buf_addf(&text, "finished %" PRId64 ".%09" PRId64 "\n\n", e->finished_sec,
		 e->finished_nsec);
	if (e->message)
		buf_adds(&text, e->message);
	return fd_replace_file(path, text.data, text.len, 0600, 1, err);
}

/* "<seconds>.<nanoseconds>" */
static void parse_time(const char *s, int64_t *sec, int64_t *nsec)
{
	char *dot;

	*sec = strtoll(s, &dot, 10);
	*nsec = *dot == '.' ? strtoll(dot + 1, NULL, 10) : 0;
}

static void parse_line(struct container_exit *e, const char *key, const char *value)
{
	int *number = str_eq(key, "code")     ? &e->exit_code
		      : str_eq(key, "signal") ? &e->signal
		      : str_eq(key, "oom")    ? &e->oom_killed
		      : str_eq(key, "failed") ? &e->start_failed
					      : NULL;

	if (number)
		*number = atoi(value);
	else if (str_eq(key, "id") && !e->id)
		e->id = xstrdup(value);
	else if (str_eq(key, "started"))
		parse_time(value, &e->started_sec, &e->started_nsec);
	else if (str_eq(key, "finished"))
		parse_time(value, &e->finished_sec, &e->finished_nsec);
}

int exitfile_read(const char *dir, struct container_exit *out, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/exit", dir);
	char *line, *next, *end;
	int rc = fd_read_file(path, MAX_FILE, &text, err);

	*out = (struct container_exit){0};
	if (rc < 0)
		return rc;
	end = text.len ? strstr(text.data, "\n\n") : NULL;
	if (!end)
		return err_set(err, EINVAL, "%s: damaged", path);
	end[1] = '\0';
	if (end[2])
		out->message = xstrdup(end + 2);
	for (line = text.data; *line; line = next) {
		char *space;

		next = strchr(line, '\n');
		*next++ = '\0';
		space = strchr(line, ' ');
		if (space)
			*space++ = '\0';
		parse_line(out, line, space ? space : "");
	}
	if (out->id)
		return 0;
	container_exit_fini(out);
	return err_set(err, EINVAL, "%s: damaged", path);
}
