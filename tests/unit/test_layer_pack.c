/* SPDX-License-Identifier: MIT */
/* A container's changes as a tar, and as the layer that is unpacked from it. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/images.h"
#include "runtime/images/pack.h"
#include "util/fd.h"

#define BASE 100000u

static char dir[] = "/tmp/k8sfs-pack.XXXXXX";
static int top, upper, merged, out;

static int make_dir(const char *name)
{
	assert_int_equal(mkdirat(top, name, 0755), 0);
	return openat(top, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static int make(void **state)
{
	(void)state;
	if (!mkdtemp(dir))
		return -1;
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	close(top);
	return fd_remove_tree(dir, NULL);
}

static int begin(void **state)
{
	(void)state;
	upper = make_dir("upper");
	merged = make_dir("merged");
	out = make_dir("out");
	return 0;
}

static int end(void **state)
{
	(void)state;
	close(upper);
	close(merged);
	close(out);
	return fd_remove_tree_at(top, "upper", NULL) || fd_remove_tree_at(top, "merged", NULL) ||
	       fd_remove_tree_at(top, "out", NULL);
}

static void put(int at, const char *path, const char *text, uid_t owner)
{
	CLEANUP_FD int fd = openat(at, path, O_WRONLY | O_CREAT | O_TRUNC, 0640);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	assert_int_equal(fchown(fd, owner, owner), 0);
}

static void mark(int at, const char *path, const char *key, const char *value)
{
	CLEANUP_FD int fd = openat(at, path, O_RDONLY);

	assert_int_equal(fsetxattr(fd, key, value, strlen(value), 0), 0);
}

/* Pack, and unpack what came of it. */
static int round_trip(struct err *err)
{
	const struct pack_source from = {upper, merged, BASE, 65536};
	CLEANUP_FD int tar = openat(top, "tar", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	char digest[65];
	uint64_t size;
	int rc = layer_pack(&from, tar, NULL, NULL, err);

	if (rc < 0)
		return rc;
	lseek(tar, 0, SEEK_SET);
	return layer_unpack(tar, out, digest, &size, err);
}

static void holds(const char *path, const char *text)
{
	CLEANUP_FD int fd = openat(out, path, O_RDONLY);
	char found[100] = "";

	assert_true(fd >= 0);
	assert_int_equal(read(fd, found, sizeof(found) - 1), strlen(text));
	assert_string_equal(found, text);
}

static struct stat of(const char *path)
{
	struct stat st = {0};

	(void)!fstatat(out, path, &st, AT_SYMLINK_NOFOLLOW);
	return st;
}

static void test_files(void **state)
{
	struct stat st;
	char value[10] = "";

	(void)state;
	put(upper, "file", "text", BASE + 12);
	put(upper, "hosts", "owner", 0);
	mark(upper, "file", "user.note", "yes");
	assert_int_equal(linkat(upper, "file", upper, "same", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", upper, "link"), 0);
	assert_int_equal(mkfifoat(upper, "fifo", 0600), 0);
	assert_int_equal(mknodat(upper, "null", S_IFCHR | 0666, makedev(1, 3)), 0);
	put(upper, ".wh.trick", "no whiteout", BASE);
	put(upper, "not utf-8 \xff", "bytes", BASE);
	assert_int_equal(round_trip(NULL), 0);
	holds("file", "text");
	holds("not utf-8 \xff", "bytes");
	st = of("file");
	assert_int_equal(st.st_uid, 12);
	assert_int_equal(st.st_mode, S_IFREG | 0640);
	assert_int_equal(st.st_nlink, 2);
	assert_int_equal(of("same").st_ino, st.st_ino);
	assert_int_equal(of("hosts").st_uid, 65534);
	assert_true(S_ISLNK(of("link").st_mode));
	assert_true(S_ISFIFO(of("fifo").st_mode));
	assert_int_equal(of("null").st_mode, 0);
	assert_int_equal(of("trick").st_mode, 0);
	CLEANUP_FD int fd = openat(out, "file", O_RDONLY);
	assert_int_equal(fgetxattr(fd, "user.note", value, sizeof(value)), 3);
}

/* What overlayfs says of what is below. */
static void test_what_is_gone(void **state)
{
	char opaque = 0;
	struct stat st;

	(void)state;
	assert_int_equal(mknodat(upper, "gone", S_IFCHR, makedev(0, 0)), 0);
	assert_int_equal(mkdirat(upper, "anew", 0755), 0);
	mark(upper, "anew", "trusted.overlay.opaque", "y");
	put(upper, "anew/only", "1", BASE);
	assert_int_equal(round_trip(NULL), 0);
	st = of("gone");
	assert_true(S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
	holds("anew/only", "1");
	CLEANUP_FD int fd = openat(out, "anew", O_RDONLY);
	assert_int_equal(fgetxattr(fd, "trusted.overlay.opaque", &opaque, 1), 1);
	assert_int_equal(opaque, 'y');
}

/* A directory that was moved, a file that was only touched: their content is elsewhere. */
static void test_what_is_elsewhere(void **state)
{
	(void)state;
	assert_int_equal(mkdirat(upper, "moved", 0755), 0);
	mark(upper, "moved", "trusted.overlay.redirect", "/from");
	put(upper, "moved/new", "n", BASE);
	put(upper, "touched", "", BASE);
	mark(upper, "touched", "trusted.overlay.metacopy", "");
	assert_int_equal(mkdirat(merged, "moved", 0755), 0);
	put(merged, "moved/new", "n", BASE);
	put(merged, "moved/kept", "k", BASE);
	put(merged, "touched", "all of it", BASE);
	assert_int_equal(round_trip(NULL), 0);
	holds("moved/new", "n");
	holds("moved/kept", "k");
	holds("touched", "all of it");
}

static void test_depth(void **state)
{
	struct err err = ERR_INIT;
	int at = fcntl(upper, F_DUPFD_CLOEXEC, 0);

	(void)state;
	for (int i = 0; i < 500; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0755), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	close(at);
	assert_int_equal(round_trip(&err), -ELOOP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_gone, begin, end),
		cmocka_unit_test_setup_teardown(test_what_is_elsewhere, begin, end),
		cmocka_unit_test_setup_teardown(test_depth, begin, end),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
