/* SPDX-License-Identifier: MIT */
/* What k8sfs-image gives up before it reads a byte of the archive. */
#pragma once

#include "util/err.h"

/*
 * dirfd becomes root and working directory, and is closed. What stays: the
 * capabilities that owners, modes and attributes of a layer's files need
 * (CAP_SYS_ADMIN for trusted.overlay.opaque alone), and the system calls on files
 * below that directory; no sockets, processes, mounts, devices, or new code.
 */
int worker_confine(int dirfd, struct err *err) MUST_CHECK;
