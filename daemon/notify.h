/* SPDX-License-Identifier: MIT */
/*
 * Telling whoever started us: systemd by sd_notify(3)'s datagram, and the parent
 * of --background by a pipe.
 */
#pragma once

#include "util/err.h"

/* "READY=1", "STOPPING=1": to $NOTIFY_SOCKET, if there is one. */
void notify_systemd(const char *state);

/*
 * Fork; the child goes on with its own session and its log in log_path. The parent never returns:
 * it waits until the child says ready (exit 0), says why not (exit 1, text on stderr) or dies.
 */
int background_enter(const char *log_path, struct err *err) MUST_CHECK;
/* In the child; without background_enter() before, nothing. */
void background_ready(void);
void background_failed(const char *text);
