/* SPDX-License-Identifier: MIT */
/*
 * The daemon's end of k8sfs-image. One packet a message, text (worker.c sends):
 *
 *	-> spool BYTES			the archive is being decompressed
 *	-> image ID DIGEST NAME		config and manifest are in the files named by their digits
 *	-> listed
 *	<- layer IMAGE LAYER		numbers, from 0: unpack it
 *	-> at BYTES			of the layer's tar
 *	-> unpacked SIZE		it is in the directory named by its diff id
 * Given a directory instead of an archive, it packs a container's changes (pack.h):
 *
 *	<- pack BASE COUNT		of the pod's ids
 *	-> at BYTES
 *	-> packed DIFF-ID SIZE		it is a layer in the directory of this name
 *
 *	-> fail ERRNO TEXT		the last word
 *
 * It ends when the daemon closes the socket, or dies. What it says and leaves in
 * its directory is not believed: names and documents are checked again, and
 * nothing is put in place before it has ended.
 */
#pragma once

#include "util/err.h"

#define WORKER_PACKET_MAX 4096
/* Its descriptors. */
#define WORKER_ARCHIVE 0
#define WORKER_SOCKET  1
#define WORKER_DIR     3
#define WORKER_MERGED  4 /* when it packs: the container's root */

struct image_worker;

/* Start it on the archive, with dir as its root. */
struct image_worker *image_worker_start(int archive_fd, const char *dir, struct err *err);
/* Start it on a container's changes (both borrowed). */
struct image_worker *image_worker_start_packing(int upper, int merged, const char *dir,
						struct err *err);
int image_worker_ask_pack(struct image_worker *w, unsigned base, unsigned count, struct err *err)
	MUST_CHECK;
/* The next message, NUL-terminated; -errno also of "fail", or when it ended unasked. */
int image_worker_receive(struct image_worker *w, char text[WORKER_PACKET_MAX], struct err *err)
	MUST_CHECK;
int image_worker_ask(struct image_worker *w, size_t image, size_t layer, struct err *err)
	MUST_CHECK;
/* Kill it if it does not end by itself; it is gone when this returns. */
void image_worker_free(struct image_worker *w);
