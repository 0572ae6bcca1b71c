/* SPDX-License-Identifier: MIT */
/*
 * k8sfs-image: reads one archive for the daemon, and unpacks the layers that it
 * asks for. What it says, and its descriptors: worker_link.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/images/import.h"
#include "runtime/images/pack.h"
#include "runtime/images/unpack.h"
#include "runtime/images/worker_confine.h"
#include "runtime/images/worker_link.h"
#include "util/fd.h"

#define BLOB_MAX   (64ull << 30)
#define TELL_EVERY (4u << 20)

/* Nobody listens any more: nothing is left to do. */
static void say(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void say(const char *fmt, ...)
{
	char text[WORKER_PACKET_MAX];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(text))
		n = sizeof(text) - 1;
	if (send(WORKER_SOCKET, text, (size_t)n, MSG_NOSIGNAL) < 0)
		_exit(0);
}

static int tell_spool(void *arg, uint64_t bytes)
{
	say("spool %llu", (unsigned long long)bytes);
	return 0;
}

static int tell_layer(void *arg, uint64_t bytes)
{
	uint64_t *told = arg;

	if (bytes >= *told + TELL_EVERY) {
		*told = bytes;
		say("at %llu", (unsigned long long)bytes);
	}
	return 0;
}

/* -- what there is -- */

/* Once: several names may stand for one image, and the daemon reads while the next one is listed.
 */
static int leave_document(const char *digest, const struct buf *text, struct err *err)
{
	CLEANUP_FD int fd = open(digest_hex(digest),
				 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int rc;

	if (fd < 0 && errno == EEXIST)
		return 0;
	rc = fd < 0 ? -errno : fd_write_all(fd, text->data, text->len);
	return rc < 0 ? err_sys(err, -rc, "write %s", digest) : 0;
}

static int list(struct import *imp, struct err *err)
{
	if (import_read(imp, err) < 0)
		return -err->code;
	for (size_t n = 0; n < imp->n; n++) {
		struct incoming *i = imp->list[n];

		if (leave_document(i->digest, &i->manifest, err) < 0 ||
		    leave_document(i->id, &i->config, err) < 0)
			return -err->code;
		say("image %s %s %s", i->id, i->digest, i->name);
	}
	say("listed");
	return 0;
}

/* -- a layer -- */

static int check_layer(const struct incoming *i, size_t n, struct tap *blob, const char *diff_id,
		       struct err *err)
{
	char found[DIGEST_HEX_SIZE];

	digest_finish(blob->digest, found);
	if (i->layers[n].blob[0] && !str_eq(found, digest_hex(i->layers[n].blob)))
		return err_set(err, EBADMSG, "layer %s has the digest sha256:%s", i->layers[n].blob,
			       found);
	if (!str_eq(diff_id, i->spec.diff_ids[n]))
		return err_set(err, EBADMSG,
			       "layer %zu: uncompressed digest is sha256:%s, the image config says "
			       "sha256:%s",
			       n + 1, diff_id, i->spec.diff_ids[n]);
	return 0;
}

static int unpack_member(struct import *imp, const struct incoming *i, size_t n, int dirfd,
			 uint64_t *size, struct err *err)
{
	static const struct layer_limits limits = LAYER_LIMITS;
	struct layer_result result;
	uint64_t told = 0;
	struct member m;
	struct tap blob;
	int rc;

	if (member_open(&m, &imp->archive, i->layers[n].member, err) < 0)
		return -err->code;
	tap_init(&blob, &m.base, BLOB_MAX, "layer");
	rc = layer_unpack_stream(&blob.base, dirfd, &limits, tell_layer, &told, &result, err);
	if (rc == 0)
		rc = tap_drain(&blob, err);
	if (rc == 0)
		rc = check_layer(i, n, &blob, result.diff_id, err);
	*size = result.size;
	tap_fini(&blob);
	member_close(&m);
	return rc;
}

static int unpack(struct import *imp, const struct incoming *i, size_t n, struct err *err)
{
	const char *name = i->spec.diff_ids[n];
	CLEANUP_FD int dirfd = -1;
	uint64_t size = 0;

	if (mkdir(name, 0755) < 0)
		return err_sys(err, errno, "mkdir %s", name);
	dirfd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return err_sys(err, errno, "open %s", name);
	if (unpack_member(imp, i, n, dirfd, &size, err) < 0)
		return -err->code;
	say("unpacked %llu", (unsigned long long)size);
	return 0;
}

static int serve(struct import *imp, struct err *err)
{
	char text[WORKER_PACKET_MAX];
	size_t image, layer;
	ssize_t n;

	while ((n = recv(WORKER_SOCKET, text, sizeof(text) - 1, 0)) > 0) {
		text[n] = '\0';
		if (sscanf(text, "layer %zu %zu", &image, &layer) != 2 || image >= imp->n ||
		    layer >= imp->list[image]->spec.n_layers)
			return err_set(err, EPROTO, "damaged request");
		if (unpack(imp, imp->list[image], layer, err) < 0)
			return -err->code;
	}
	return 0;
}

/* -- a container's changes -- */

static void tell_packed(void *arg, uint64_t bytes)
{
	(void)tell_layer(arg, bytes);
}

/* By way of a file: what is stored is what an archive of it would hold. */
static int unpack_packed(int fd, struct err *err)
{
	static const struct layer_limits limits = LAYER_LIMITS;
	static const char name[] = "packed";
	CLEANUP_FD int dirfd = -1;
	struct layer_result result;
	struct fd_stream in;
	int rc;

	if (mkdir(name, 0755) < 0)
		return err_sys(err, errno, "mkdir %s", name);
	dirfd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dirfd < 0)
		return err_sys(err, errno, "open %s", name);
	fd_stream_init(&in, fd, 0);
	rc = layer_unpack_stream(&in.base, dirfd, &limits, NULL, NULL, &result, err);
	fd_stream_fini(&in);
	if (rc < 0)
		return rc;
	if (renameat(AT_FDCWD, name, AT_FDCWD, result.diff_id) < 0)
		return err_sys(err, errno, "rename %s", name);
	say("packed %s %llu", result.diff_id, (unsigned long long)result.size);
	return 0;
}

static int pack(struct err *err)
{
	struct pack_source from = {.upper = WORKER_ARCHIVE, .merged = WORKER_MERGED};
	CLEANUP_FD int fd = open("tar", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	char text[WORKER_PACKET_MAX];
	uint64_t told = 0;
	ssize_t n = recv(WORKER_SOCKET, text, sizeof(text) - 1, 0);
	int rc;

	if (fd < 0 || unlink("tar") < 0)
		return err_sys(err, errno, "a file for the layer");
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "pack %u %u", &from.base, &from.n_ids) != 2)
		return err_set(err, EPROTO, "damaged request");
	rc = layer_pack(&from, fd, tell_packed, &told, err);
	return rc < 0 ? rc : unpack_packed(fd, err);
}

/* -- the whole -- */

static int is_directory(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int work(struct import *imp, struct err *err)
{
	int rc;

	setlocale(LC_CTYPE, "C.UTF-8"); /* names in archives are bytes, mostly UTF-8 */
	layer_unpack_prepare();
	if (worker_confine(WORKER_DIR, err) < 0)
		return -err->code;
	if (is_directory(WORKER_ARCHIVE))
		return pack(err);
	rc = image_archive_open(&imp->archive, WORKER_ARCHIVE, ".", tell_spool, NULL, err);
	if (rc < 0)
		return rc;
	rc = list(imp, err);
	if (rc == 0)
		rc = serve(imp, err);
	image_archive_close(&imp->archive);
	return rc;
}

int main(void)
{
	struct import imp = {.layers = STRMAP_INIT};
	struct err err = ERR_INIT;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (work(&imp, &err) < 0)
		say("fail %d %s", err.code, err.msg);
	for (size_t n = 0; n < imp.n; n++)
		incoming_free(imp.list[n]);
	free(imp.list);
	return 0;
}
