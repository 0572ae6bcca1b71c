/* SPDX-License-Identifier: MIT */
/*
 * Container logs in the CRI format: `<RFC 3339 time> stdout|stderr P|F <text>`, where
 * P is a part of a line that goes on in the next entry of the same stream.
 * Source: kubernetes/design-proposals-archive, node/kubelet-cri-logging.md.
 */
#pragma once

#include "util/buf.h"

/*
 * Append the text of the whole entries in data to out. Return: bytes of data used (an entry
 * that is not ended yet is left).
 */
size_t cri_log_decode(const char *data, size_t len, struct buf *out);
