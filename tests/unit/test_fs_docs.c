/* SPDX-License-Identifier: MIT */
/*
 * docs/files.md is what the table of served files says. After a change of the table,
 * write it anew: K8SFS_WRITE_DOCS=1 test_fs_docs (in the source directory).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fs/fs.h"
#include "util/fd.h"

#define PAGE K8SFS_SOURCE_DIR "/docs/files.md"

static void test_page(void **state)
{
	CLEANUP(buf_fini) struct buf table = BUF_INIT, page = BUF_INIT;
	struct err err = ERR_INIT;

	(void)state;
	fs_render_docs(&table);
	if (getenv("K8SFS_WRITE_DOCS"))
		assert_int_equal(fd_replace_file(PAGE, table.data, table.len, 0644, 0, &err), 0);
	if (fd_read_file(PAGE, 1 << 20, &page, &err) < 0)
		fail_msg("%s", err.msg);
	assert_string_equal(buf_str(&page), buf_str(&table));
}

/* Whatever can be read or written says what that means. */
static void test_rows_are_documented(void **state)
{
	CLEANUP(buf_fini) struct buf table = BUF_INIT;
	const char *at;

	(void)state;
	fs_render_docs(&table);
	for (at = strstr(buf_str(&table), "\n### "); at; at = strstr(at + 1, "\n### ")) {
		const char *end = strstr(at + 1, "\n### ");
		size_t len = end ? (size_t)(end - at) : strlen(at);

		if (!memmem(at, len, "\n- read: ", 9) && !memmem(at, len, "\n- write: ", 10))
			fail_msg("not documented: %.*s", (int)len, at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_rows_are_documented),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
