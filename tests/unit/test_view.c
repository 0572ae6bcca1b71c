/* SPDX-License-Identifier: MIT */
/* A container's files seen from outside: links, rights, what is opened. The container is a directory. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "runtime/container_files.h"
#include "util/fd.h"

static char dir[] = "/tmp/k8sfs-view.XXXXXX";
static struct container_view view;

static void put(const char *path, const char *text)
{
	int fd = openat(view.root, path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
	close(fd);
}

static int make(void **state)
{
	int proc = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	if (!mkdtemp(dir) || container_view_of(&view, proc, NULL) < 0)
		return -1;
	close(proc);
	fd_close_at(&view.root);
	view.root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	chmod(dir, 0755);
	mkdirat(view.root, "a", 0755);
	mkdirat(view.root, "a/b", 0755);
	put("file", "root\n");
	put("a/b/file", "deep\n");
	return 0;
}

static int unmake(void **state)
{
	(void)state;
	container_view_fini(&view);
	return fd_remove_tree(dir, NULL);
}

static void leads(const char *link, const char *target, const char *expected)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	unlinkat(view.root, link, 0);
	assert_int_equal(symlinkat(target, view.root, link), 0);
	assert_int_equal(container_readlink(&view, link, &out, NULL), 0);
	assert_string_equal(buf_str(&out), expected);
}

static void test_links(void **state)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	(void)state;
	leads("l", "/file", "file");
	leads("a/b/l", "/file", "../../file");
	leads("a/b/l", "../../file", "../../file");
	leads("a/b/l", "./../b//file", "../../a/b/file");
	leads("l", "/", ".");
	leads("a/l", "/", "..");
	leads("a/b/l", "/", "../..");
	leads("l", "../../../etc/shadow", "etc/shadow");
	leads("a/b/l", "../../../../etc/shadow", "../../etc/shadow");
	leads("l", "missing/../file", "file");
	/* `..` after a link is where that leads, never above the root */
	leads("here", ".", ".");
	leads("l", "here/../../etc/shadow", "etc/shadow");
	leads("deep", "a/b", "a/b");
	leads("l", "deep/../file", "a/file");
	leads("l", "deep/../../../etc/shadow", "etc/shadow");
	leads("top", "/../..", ".");
	leads("a/b/l", "../../top/../x", "../../x");
	/* itself, and a chain without end */
	leads("l", "l", "l");
	unlinkat(view.root, "l", 0);
	assert_int_equal(symlinkat("l/../x", view.root, "l"), 0);
	assert_int_equal(container_readlink(&view, "l", &out, NULL), -ELOOP);
	assert_int_equal(container_readlink(&view, "file", &out, NULL), -EINVAL);
}

/* Links at random, to links and past the root: whatever comes out goes up to the root at most, and
 * then down by names. */
static void check_shape(const char *target, size_t depth)
{
	size_t up = 0;

	for (; str_starts(target, "../"); target += 3)
		up++;
	if (str_eq(target, "..")) {
		up++;
		target = "";
	}
	assert_int_equal(up, str_eq(target, ".") ? 0 : depth);
	for (const char *at = target; at && *at;) {
		size_t len = strcspn(at, "/");

		assert_true(len > 0 && !(len == 2 && strncmp(at, "..", 2) == 0));
		at += len;
		at += *at == '/';
	}
}

static void test_random_links(void **state)
{
	static const char *const steps[] = {"..", "..", ".",  "a", "b",
					    "l0", "l1", "l2", "",  "none"};
	unsigned seed = 1;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		for (int i = 0; i < 3; i++) {
			CLEANUP(buf_fini) struct buf target = BUF_INIT;
			char name[16];

			for (int n = 1 + rand_r(&seed) % 6; n; n--)
				buf_addf(&target, "%s/",
					 steps[(size_t)rand_r(&seed) % ARRAY_LEN(steps)]);
			snprintf(name, sizeof(name), "%sl%d", i == 2 ? "a/b/" : "", i);
			unlinkat(view.root, name, 0);
			assert_int_equal(symlinkat(buf_str(&target), view.root, name), 0);
		}
		for (int i = 0; i < 3; i++) {
			CLEANUP(buf_fini) struct buf out = BUF_INIT;
			char name[16];

			snprintf(name, sizeof(name), "%sl%d", i == 2 ? "a/b/" : "", i);
			if (container_readlink(&view, name, &out, NULL) == 0)
				check_shape(buf_str(&out), i == 2 ? 2 : 0);
		}
	}
	for (int i = 0; i < 3; i++) {
		static const char *const names[] = {"l0", "l1", "a/b/l2"};

		unlinkat(view.root, names[i], 0);
	}
}

/* What is deep, and gone up again name by name, is not resolved for ever. */
static void test_deep_links(void **state)
{
	CLEANUP(buf_fini) struct buf target = BUF_INIT, out = BUF_INIT;
	int at = fcntl(view.root, F_DUPFD_CLOEXEC, 0);

	(void)state;
	for (int i = 0; i < 800; i++) {
		int next;

		assert_int_equal(mkdirat(at, "d", 0755), 0);
		next = openat(at, "d", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
		buf_adds(&target, "d/");
	}
	close(at);
	for (int i = 0; i < 700; i++)
		buf_adds(&target, "../");
	assert_int_equal(symlinkat(buf_str(&target), view.root, "deep-link"), 0);
	assert_int_equal(container_readlink(&view, "deep-link", &out, NULL), -ELOOP);
	assert_int_equal(fd_remove_tree_at(view.root, "d", NULL), 0);
	unlinkat(view.root, "deep-link", 0);
}

static void test_paths(void **state)
{
	struct stat st;

	(void)state;
	leads("deep", "a/b", "a/b");
	assert_int_equal(container_stat(&view, "", &st, NULL), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(container_stat(&view, "a/b/file", &st, NULL), 0);
	assert_int_equal(st.st_size, 5);
	assert_int_equal(container_stat(&view, "deep", &st, NULL), 0);
	assert_true(S_ISLNK(st.st_mode));
	/* not through a link, and not upwards */
	assert_int_equal(container_stat(&view, "deep/file", &st, NULL), -ENOTDIR);
	assert_int_equal(container_stat(&view, "..", &st, NULL), -EINVAL);
	assert_int_equal(container_stat(&view, "a/../../etc", &st, NULL), -EINVAL);
	assert_int_equal(container_stat(&view, "none", &st, NULL), -ENOENT);
	assert_int_equal(container_open(&view, "deep", O_RDONLY, 0, NULL), -ELOOP);
	assert_int_equal(container_open(&view, "a", O_RDONLY, 0, NULL), -EISDIR);
	assert_int_equal(container_mkdir(&view, "", 0755, NULL), -EBUSY);
	assert_int_equal(container_remove(&view, "a/..", 1, NULL), -EBUSY);
}

static void test_special_files_are_not_opened(void **state)
{
	struct stat st;

	(void)state;
	assert_int_equal(mkfifoat(view.root, "fifo", 0666), 0);
	assert_int_equal(container_stat(&view, "fifo", &st, NULL), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(container_open(&view, "fifo", O_RDONLY, 0, NULL), -ENXIO);
	assert_int_equal(container_open(&view, "fifo", O_WRONLY | O_CREAT, 0600, NULL), -ENXIO);
	unlinkat(view.root, "fifo", 0);
}

static void note(void *arg, const char *name, unsigned char type)
{
	(void)type;
	buf_addf(arg, "%s ", name);
}

static void test_changes(void **state)
{
	CLEANUP(buf_fini) struct buf names = BUF_INIT;
	const struct timespec times[2] = {{100, 0}, {200, 0}};
	struct stat st;
	int fd;

	(void)state;
	assert_int_equal(container_mkdir(&view, "new", 0750, NULL), 0);
	fd = container_open(&view, "new/x", O_RDWR | O_CREAT | O_EXCL, 0640, NULL);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(container_open(&view, "new/x", O_RDWR | O_CREAT | O_EXCL, 0640, NULL),
			 -EEXIST);
	assert_int_equal(container_rename(&view, "new/x", "new/y", 0, NULL), 0);
	assert_int_equal(container_rename(&view, "new", "other", 0, NULL), -EXDEV);
	assert_int_equal(container_chmod(&view, "new/y", 0600, NULL), 0);
	assert_int_equal(container_chown(&view, "new/y", 7, (gid_t)-1, NULL), 0);
	assert_int_equal(container_set_times(&view, "new/y", times, NULL), 0);
	assert_int_equal(container_stat(&view, "new/y", &st, NULL), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_uid, 7);
	assert_int_equal(st.st_mtim.tv_sec, 200);
	assert_int_equal(container_list(&view, "new", note, &names, NULL), 0);
	assert_string_equal(buf_str(&names), "y ");
	assert_int_equal(container_remove(&view, "new", 1, NULL), -ENOTEMPTY);
	assert_int_equal(container_remove(&view, "new/y", 0, NULL), 0);
	assert_int_equal(container_remove(&view, "new", 1, NULL), 0);
	/* the thread is who it was */
	put("still-root", "");
	assert_int_equal(fstatat(view.root, "still-root", &st, 0), 0);
	assert_int_equal(st.st_uid, 0);
}

/* A first process without rights of root. */
static void test_rights(void **state)
{
	struct container_view v = view;
	struct stat st;
	int fd;

	(void)state;
	v.base = 100000;
	v.n_ids = 65536;
	v.uid = v.gid = 101000;
	v.n_groups = 0;
	v.capabilities = 0;
	fchmodat(view.root, "file", 0600, 0);
	assert_int_equal(container_open(&v, "file", O_RDONLY, 0, NULL), -EACCES);
	assert_int_equal(container_open(&v, "new", O_WRONLY | O_CREAT, 0600, NULL), -EACCES);
	assert_int_equal(container_remove(&v, "file", 0, NULL), -EACCES);
	assert_int_equal(container_chmod(&v, "file", 0666, NULL), -EPERM);
	/* its own, and ids as they are inside */
	assert_int_equal(fchownat(view.root, "file", 101000, 101000, 0), 0);
	fd = container_open(&v, "file", O_RDONLY, 0, NULL);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(container_stat(&v, "file", &st, NULL), 0);
	assert_int_equal(st.st_uid, 1000);
	assert_int_equal(container_chown(&v, "file", 0, 0, NULL), -EPERM);
	/* a directory for all, where files are their owners' */
	mkdirat(view.root, "tmp", 0);
	fchmodat(view.root, "tmp", 01777, 0);
	put("tmp/other", "");
	assert_int_equal(container_remove(&v, "tmp/other", 0, NULL), -EPERM);
	fd = container_open(&v, "tmp/own", O_WRONLY | O_CREAT, 0600, NULL);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, 101000);
	close(fd);
	assert_int_equal(container_rename(&v, "tmp/own", "tmp/other", 0, NULL), -EPERM);
	assert_int_equal(container_remove(&v, "tmp/own", 0, NULL), 0);
	/* the container's root, but not the host's */
	v.uid = v.gid = 100000;
	v.capabilities = 0xa80425fbull;
	assert_int_equal(container_remove(&v, "tmp/other", 0, NULL), -EPERM);
	put("hosts", "");
	fchmodat(view.root, "hosts", 0600, 0);
	assert_int_equal(container_open(&v, "hosts", O_RDONLY, 0, NULL), -EACCES);
	fd = container_open(&v, "file", O_RDWR, 0, NULL);
	assert_true(fd >= 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_random_links),
		cmocka_unit_test(test_deep_links),
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_special_files_are_not_opened),
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_rights),
	};

	return cmocka_run_group_tests(tests, make, unmake);
}
