/* SPDX-License-Identifier: MIT */
/*
 * A whole archive of any bytes into a store. Nothing crashes or leaks; after a
 * refusal the store has no layer and no image.
 */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/images.h"
#include "tests/unit/image_archives.h"
#include "util/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf bytes = {(char *)(uintptr_t)data, size, size};
	char dir[] = "/tmp/k8sfs-fuzz-XXXXXX";
	struct err err = ERR_INIT;
	struct images *im;
	int fd;

	if (!mkdtemp(dir))
		abort();
	fd = archive_fd(&bytes);
	im = images_open(dir, &err);
	if (!im)
		abort();
	if (images_import(im, fd, NULL, &err) < 0) {
		CLEANUP(buf_fini) struct buf list = BUF_INIT;

		images_list(im, &list);
		if (!err.code || strchr(list.data, '\n')[1])
			abort();
	}
	images_close(im);
	close(fd);
	if (fd_remove_tree(dir, NULL) < 0)
		abort();
	return 0;
}
