/* SPDX-License-Identifier: MIT */
/* The first instruction of a container that is measured: write the time into FILE, then wait to be
 * ended. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct timespec t;
	char text[64];
	int fd;

	clock_gettime(CLOCK_REALTIME, &t);
	if (argc < 2)
		return 2;
	snprintf(text, sizeof(text), "%lld.%09ld\n", (long long)t.tv_sec, t.tv_nsec);
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return 1;
	close(fd);
	if (argc > 2) /* a pod stays, a container of a peer ends */
		pause();
	return 0;
}
