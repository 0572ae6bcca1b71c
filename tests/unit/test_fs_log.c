/* SPDX-License-Identifier: MIT */
/* A log as one growing text: at any offset, through rotation and runs, at the pace of its reader.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/dirs.h"
#include "fs/log_text.h"
#include "util/fd.h"

struct fixture {
	char dir[64];
	struct fs fs;
	struct node *node; /* owned */
	struct log_text text;
	int run, n_lines;
	struct buf expected; /* what was written since the beginning */
};

static char *run_path(const struct fixture *f)
{
	return xasprintf("%s/%d.log", f->dir, f->run);
}

static int log_path(void *room, const struct fs_container *c, int previous, char **path_out,
		    struct err *err)
{
	(void)c;
	(void)previous;
	(void)err;
	*path_out = run_path(room);
	return 0;
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	strcpy(f->dir, "/tmp/k8sfs-test-log.XXXXXX");
	if (!mkdtemp(f->dir))
		return -1;
	f->fs.rooms = (struct fs_rooms){.runtime = f, .log_path = log_path};
	f->node = xcalloc(1, sizeof(*f->node));
	f->node->row = &row_log;
	f->node->sub = "c";
	log_text_init(&f->text);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	log_text_fini(&f->text);
	buf_fini(&f->expected);
	free(f->node);
	assert_int_equal(fd_remove_tree(f->dir, NULL), 0);
	free(f);
	return 0;
}

/* Lines of different lengths, some of them in parts. */
static void write_lines(struct fixture *f, int n)
{
	CLEANUP_FREE char *path = run_path(f);
	FILE *file = fopen(path, "ae");

	assert_non_null(file);
	for (int i = 0; i < n; i++, f->n_lines++) {
		int pad = f->n_lines * 7 % 300;

		if (f->n_lines % 10 == 0) {
			fprintf(file, "2026-01-01T00:00:00.000000000Z stdout P part,\n");
			buf_adds(&f->expected, "part,");
		}
		fprintf(file, "2026-01-01T00:00:00.000000000Z stderr F line %d%*s\n", f->n_lines,
			pad, "");
		buf_addf(&f->expected, "line %d%*s\n", f->n_lines, pad, "");
	}
	fclose(file);
}

static void rotate(struct fixture *f)
{
	CLEANUP_FREE char *path = run_path(f);

	for (int i = 9; i >= 0; i--) {
		CLEANUP_FREE char *from = i ? xasprintf("%s.%d", path, i) : xstrdup(path);
		CLEANUP_FREE char *to = xasprintf("%s.%d", path, i + 1);

		rename(from, to);
	}
}

static void assert_reads(struct fixture *f, uint64_t off, size_t size)
{
	CLEANUP(buf_fini) struct buf out = BUF_INIT;
	size_t left = f->expected.len > off ? f->expected.len - off : 0;

	assert_int_equal(log_text_read(&f->text, off, size, &out), 0);
	assert_int_equal(out.len, left < size ? left : size);
	if (out.len)
		assert_memory_equal(out.data, f->expected.data + off, out.len);
}

/* Look as one who has read everything. */
static void grow(struct fixture *f)
{
	log_text_grow(&f->text, &f->fs, f->node, f->text.len);
	/* a file was gone on to only when the one before was read */
	while (log_text_grow(&f->text, &f->fs, f->node, f->text.len))
		;
	assert_int_equal(f->text.len, f->expected.len);
}

static void test_any_offset(void **state)
{
	struct fixture *f = *state;
	unsigned seed = 1;

	write_lines(f, 5000);
	grow(f);
	for (int i = 0; i < 300; i++) {
		seed = seed * 1103515245 + 12345;
		assert_reads(f, (seed >> 8) % f->text.len, (seed >> 4) % 200000);
	}
	for (uint64_t off = 0; off < f->text.len + 4096; off += 4096)
		assert_reads(f, off, 4096);
}

static void test_rotations_lose_nothing(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 6; i++) {
		write_lines(f, 400);
		if (i % 2 == 0)
			grow(f); /* else it is looked at after two rotations */
		rotate(f);
	}
	write_lines(f, 10);
	grow(f);
	assert_reads(f, 0, f->text.len);
	assert_reads(f, f->text.len / 2, 100000);
}

static void test_the_file_is_kept_until_it_is_read(void **state)
{
	struct fixture *f = *state;
	size_t first;

	write_lines(f, 1000);
	log_text_grow(&f->text, &f->fs, f->node, 0);
	first = f->text.len;
	for (int i = 0; i < 3; i++) {
		rotate(f);
		write_lines(f, 100);
		log_text_grow(&f->text, &f->fs, f->node, first / 2);
		assert_int_equal(f->text.len, first);
	}
	assert_reads(f, first / 2, first - first / 2);
	grow(f);
	assert_reads(f, 0, f->text.len);
}

static void test_next_run(void **state)
{
	struct fixture *f = *state;

	write_lines(f, 10);
	grow(f);
	f->run = 1;
	write_lines(f, 10);
	grow(f);
	assert_reads(f, 0, f->text.len);
}

static void test_what_is_rotated_away_is_told(void **state)
{
	struct fixture *f = *state;
	CLEANUP(buf_fini) struct buf out = BUF_INIT;

	for (int i = 0; i < LOG_FILES + 2; i++) {
		write_lines(f, 10);
		grow(f);
		rotate(f);
	}
	assert_int_equal(log_text_read(&f->text, 0, 10, &out), -EIO);
	assert_reads(f, f->text.len - 50, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_any_offset, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rotations_lose_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_the_file_is_kept_until_it_is_read, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_next_run, setup, teardown),
		cmocka_unit_test_setup_teardown(test_what_is_rotated_away_is_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
