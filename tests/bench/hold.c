/* SPDX-License-Identifier: MIT */
/*
 * A hostile client for tests/e2e: `hold DIR` reads a directory into memory whose page fault nobody
 * answers (userfaultfd(2)), so that it holds the directory's lock until it is killed. Prints
 * "holding" when it does. Exit status 77: this kernel does not let it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct holding {
	int dir;
	void *page;
};

static void *hold(void *arg)
{
	struct holding *h = arg;

	syscall(SYS_getdents64, h->dir, h->page, 4096);
	return NULL;
}

int main(int argc, char **argv)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register range = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	struct uffd_msg fault;
	struct holding h;
	pthread_t thread;
	int fd;

	if (argc != 2)
		return 2;
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	h.page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	h.dir = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	range.range.start = (unsigned long)h.page;
	range.range.len = 4096;
	if (fd < 0 || h.page == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) != 0 ||
	    ioctl(fd, UFFDIO_REGISTER, &range) != 0)
		return 77;
	if (h.dir < 0)
		return 1;
	pthread_create(&thread, NULL, hold, &h);
	if (read(fd, &fault, sizeof(fault)) != sizeof(fault))
		return 1;
	puts("holding");
	fflush(stdout);
	pause();
	return 0;
}
