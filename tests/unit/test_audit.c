/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/audit.h"
#include "objects/codec.h"
#include "util/fd.h"

static const struct caller alice = {
	.user = "alice", .groups = (const char *[]){"dev", NULL}, .uid = 1000};

static char dir[] = "/tmp/test_audit.XXXXXX";

static int set_up(void **state)
{
	kinds_init();
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	for (int i = 0; i <= AUDIT_FILES; i++) {
		char path[128];

		snprintf(path, sizeof(path), i ? "%s/log.%d" : "%s/log", dir, i);
		unlink(path);
	}
	return rmdir(dir);
}

static struct audit *open_log(char path[128])
{
	struct err err = ERR_INIT;
	struct audit *a;

	snprintf(path, 128, "%s/log", dir);
	a = audit_open(path, NULL, &err);
	assert_non_null(a);
	return a;
}

static void test_lines_are_events(void **state)
{
	const struct access what = {"get", "apps", "deployments", "status", "prod", "web", NULL};
	struct api_request *r =
		api_request_new(API_UPDATE, kind_find("", "v1", "secrets"), "prod", "s");
	char path[128];
	struct audit *a = open_log(path);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	CLEANUP_VALUE struct value *first = NULL, *second = NULL;
	struct err err = ERR_INIT;
	char *newline;

	audit_refused(a, &alice, &what, "no\n\"way\"");
	fault_add_code(&r->faults, EINVAL, "data.k: Invalid value: \"swordfish\"");
	audit_request(a, &alice, r, -EINVAL);
	api_request_free(r);
	audit_close(a);
	assert_true(fd_read_file(path, 1 << 20, &text, &err) >= 0);
	assert_null(strstr(text.data, "swordfish"));
	newline = strchr(text.data, '\n');
	first = json_parse(text.data, (size_t)(newline - text.data), &err);
	second = json_parse(newline + 1, text.len - (size_t)(newline + 1 - text.data), &err);
	assert_string_equal(value_dig_str(first, "apiVersion", NULL), "audit.k8s.io/v1");
	assert_string_equal(value_dig_str(first, "requestURI", NULL),
			    "/apis/apps/v1/namespaces/prod/deployments/web/status");
	assert_string_equal(value_dig_str(first, "user", "username", NULL), "alice");
	assert_string_equal(value_dig_str(first, "responseStatus", "message", NULL), "no\n\"way\"");
	assert_int_equal(value_int(value_dig(first, "responseStatus", "code", NULL), 0), 403);
	assert_string_equal(value_dig_str(second, "verb", NULL), "update");
	assert_string_equal(value_dig_str(second, "objectRef", "resource", NULL), "secrets");
	assert_string_equal(value_dig_str(second, "responseStatus", "reason", NULL), "Invalid");
	assert_null(value_dig(second, "responseStatus", "message", NULL));
}

static void test_rotation(void **state)
{
	const struct access what = {"get", "", "pods", "", "prod", "web", NULL};
	char path[128], older[136], oldest[136];
	struct audit *a = open_log(path);
	struct stat st;

	snprintf(older, sizeof(older), "%s.1", path);
	snprintf(oldest, sizeof(oldest), "%s.%d", path, AUDIT_FILES + 1);
	for (unsigned i = 0; i < 2 * AUDIT_BYTES / 400 && stat(older, &st) < 0; i++)
		audit_refused(a, &alice, &what, "no");
	audit_close(a);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(stat(older, &st), 0);
	assert_true(stat(oldest, &st) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_are_events),
		cmocka_unit_test(test_rotation),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
