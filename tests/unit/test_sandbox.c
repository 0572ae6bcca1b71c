/* SPDX-License-Identifier: MIT */
/* Pods on this machine, for real: namespaces, mounts, limits, logs, exits, and that nothing is left. */
#include "sandbox_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct rig rig;

static int set_up(void **state)
{
	(void)state;
	if (!rig_possible())
		return 0;
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	if (rig.dir)
		rig_close(&rig);
	return 0;
}

static void test_a_command_runs_and_its_output_is_logged(void **state)
{
	char *log;

	(void)state;
	rig_pod(&rig, "pod-a");
	assert_int_equal(rig_run(&rig, "pod-a", "main", "echo hello; echo oops >&2; id -u; hostname; exit 3"), 3);
	log = rig_log(&rig, "pod-a", "main");
	assert_string_equal(log, "hello\noops\n0\nweb-host\n");
	free(log);
	rig_destroy(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_command_runs_and_its_output_is_logged),
	};

	if (!rig_possible())
		return 77;
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
