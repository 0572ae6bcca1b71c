/* SPDX-License-Identifier: MIT */
/*
 * The log: one line per entry on stderr, `<level> <module>: text`, with the
 * sd-daemon(3) priority prefix when stderr is the journal. Log once, where an
 * error is consumed, not at each hop. Any thread may log.
 */
#pragma once

#include "util/base.h"

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* Entries above this level are dropped; LOG_INFO at start. */
void log_set_level(enum log_level level);
void log_write(enum log_level level, const char *file, const char *fmt, ...) PRINTF_LIKE(3, 4);

#define log_error(...) log_write(LOG_ERROR, __FILE__, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_WARN, __FILE__, __VA_ARGS__)
#define log_info(...)  log_write(LOG_INFO, __FILE__, __VA_ARGS__)
#define log_debug(...) log_write(LOG_DEBUG, __FILE__, __VA_ARGS__)
