/* SPDX-License-Identifier: MIT */
/*
 * A layer of any bytes. Whatever comes, nothing crashes or leaks, and nothing is
 * written outside of the directory: its parent holds one entry before and after.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/images/unpack.h"
#include "util/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t entries(const char *path)
{
	DIR *d = opendir(path);
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void unpack(const uint8_t *data, size_t size, int dirfd)
{
	struct layer_limits limits = {.bytes = 1 << 20, .entries = 1000, .free_bytes = 1};
	CLEANUP_FD int fd = memfd_create("layer", MFD_CLOEXEC);
	struct err err = ERR_INIT;
	struct layer_result result;
	struct fd_stream in;

	if (fd_write_all(fd, data, size) < 0)
		abort();
	fd_stream_init(&in, fd, 0);
	if (layer_unpack_stream(&in.base, dirfd, &limits, NULL, NULL, &result, &err) < 0 &&
	    !err.code)
		abort();
	fd_stream_fini(&in);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char dir[] = "/tmp/k8sfs-fuzz-XXXXXX";
	CLEANUP_FREE char *layer = NULL;
	int dirfd;

	if (!mkdtemp(dir))
		abort();
	layer = xasprintf("%s/layer", dir);
	mkdir(layer, 0755);
	dirfd = open(layer, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unpack(data, size, dirfd);
	close(dirfd);
	if (entries(dir) != 3 || fd_remove_tree(dir, NULL) < 0)
		abort();
	return 0;
}
