/* SPDX-License-Identifier: MIT */
/* Between a message (message.c) and the open file that it was written into (message_handle.c). */
#pragma once

#include "fs/content.h"
#include "fs/message.h"

/* Its write is refused: nothing was written. */
void message_handle_take_back(struct handle *h);
/* What came of the review is what the file holds now. */
void message_handle_keep(struct handle *h, struct content *taken);
/* Answer a read of it; req is used up. */
void message_handle_reply(struct handle *h, fuse_req_t req, size_t size, off_t off);
