/* SPDX-License-Identifier: MIT */
/* One write(2) per line, so that lines of several threads never mix. */
#include "util/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int max_level = LOG_INFO;

static const struct {
	const char *name, *journal;
} levels[] = {
	[LOG_ERROR] = {"error", "<3>"},
	[LOG_WARN] = {"warn", "<4>"},
	[LOG_INFO] = {"info", "<6>"},
	[LOG_DEBUG] = {"debug", "<7>"},
};

void log_set_level(enum log_level level)
{
	max_level = (int)level;
}

/* "../runtime/pod.c" -> "runtime/pod" */
static int module_of(const char *file, const char **start)
{
	const char *dot;

	while (str_starts(file, "../"))
		file += 3;
	*start = file;
	dot = strrchr(file, '.');
	return (int)(dot ? (size_t)(dot - file) : strlen(file));
}

void log_write(enum log_level level, const char *file, const char *fmt, ...)
{
	char line[2048];
	const char *module;
	size_t len;
	va_list ap;
	int n, m;

	if ((int)level > max_level)
		return;
	m = module_of(file, &module);
	n = snprintf(line, sizeof(line),
		     "%s%s %.*s: ", getenv("JOURNAL_STREAM") ? levels[level].journal : "",
		     levels[level].name, m, module);
	len = n < 0 ? 0 : (size_t)n;
	va_start(ap, fmt);
	n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, ap);
	va_end(ap);
	len += n < 0 ? 0 : (size_t)n;
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	/* a message with a newline stays one entry */
	for (char *p = line; p < line + len; p++)
		if (*p == '\n')
			*p = ' ';
	line[len++] = '\n';
	if (write(STDERR_FILENO, line, len) < 0)
		return; /* nowhere left to say so */
}
