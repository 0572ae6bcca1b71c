/* SPDX-License-Identifier: MIT */
/*
 * What containers see as files, on this kernel and on one that can do less: the
 * same tests with and without each thing that runtime/supervisor/kernel.h finds
 * out. Needs root.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/supervisor/kernel.h"
#include "sandbox_rig.h"
#include "util/fd.h"

#define UID "pod-a"

static struct rig rig;

static int set_up(void **state)
{
	(void)state;
	rig_open(&rig);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void expect_log(const char *name, const char *expected)
{
	CLEANUP_FREE char *log = rig_log(&rig, UID, name);

	assert_string_equal(log, expected);
}

static void expect_output(struct container_spec *spec, const char *expected)
{
	CLEANUP_FREE char *name = xstrdup(spec->name);

	rig_start(&rig, spec);
	rig_wait(&rig, CONTAINER_EXITED, name);
	container_spec_fini(spec);
	expect_log(name, expected);
}

static struct mount_spec *add_mount(struct container_spec *spec, const char *source,
				    const char *target)
{
	struct mount_spec *m;

	spec->mounts = xreallocarray(spec->mounts, spec->n_mounts + 1, sizeof(*m));
	m = &spec->mounts[spec->n_mounts++];
	*m = (struct mount_spec){.source = xstrdup(source), .target = xstrdup(target)};
	return m;
}

/* A directory below the rig's, with a file of these contents. */
static char *make_dir(const char *name, const char *file, const char *text)
{
	char *dir = xasprintf("%s/%s", rig.dir, name);
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, file);
	struct err err = ERR_INIT;

	if (fd_mkdir_p(dir, 0755, &err) < 0 ||
	    fd_replace_file(path, text, strlen(text), 0644, 0, &err) < 0)
		fail_msg("%s", err.msg);
	return dir;
}

/* -- layers -- */

/* The upper one hides; root's files in all of them are the container root's; renames work. */
static void test_layers_in_order(void **state)
{
	struct container_spec spec;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "c",
		       "exec 2>&1; cat /both /low /high; stat -c %u:%g /low /high; "
		       "mv /etc /moved && cat /moved/passwd | wc -l; echo new > /low; cat /low");
	spec.layers = xreallocarray(spec.layers, 4, sizeof(char *));
	spec.layers[2] = spec.layers[0];
	spec.layers[0] = make_dir("high", "both", "of high\n");
	spec.layers[1] = make_dir("low", "both", "of low\n");
	spec.layers[3] = NULL;
	free(make_dir("high", "high", "high\n"));
	free(make_dir("low", "low", "low\n"));
	expect_output(&spec, "of high\nlow\nhigh\n0:0\n0:0\n1\nnew\n");
	rig_destroy(&rig);
}

/* More than the paths of which would fit into a page of options. */
static void test_many_layers(void **state)
{
	enum { N = 140 };
	struct container_spec spec;
	char expected[32];

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "c", "ls /layers | wc -l; cat /top");
	spec.layers = xreallocarray(spec.layers, N + 2, sizeof(char *));
	spec.layers[N] = spec.layers[0];
	spec.layers[N + 1] = NULL;
	for (int i = 0; i < N; i++) {
		CLEANUP_FREE char *sub =
			xasprintf("layers-of-an-image-with-a-long-name-%d/layers", i);
		CLEANUP_FREE char *file = xasprintf("f%d", i), *dir = NULL;

		dir = make_dir(sub, file, "");
		spec.layers[i] = xstrndup(dir, strlen(dir) - strlen("/layers"));
		if (i == 0)
			free(make_dir("layers-of-an-image-with-a-long-name-0", "top", "first\n"));
	}
	snprintf(expected, sizeof(expected), "%d\nfirst\n", N);
	expect_output(&spec, expected);
	rig_destroy(&rig);
}

/* Names that mean something in an overlay's options. */
static void test_awkward_names(void **state)
{
	struct container_spec spec;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "c", "cat /x; echo y > /y; cat /y");
	spec.layers = xreallocarray(spec.layers, 3, sizeof(char *));
	spec.layers[1] = spec.layers[0];
	spec.layers[0] = make_dir("a:b,c\\d", "x", "x\n");
	spec.layers[2] = NULL;
	free(spec.upper);
	spec.upper = xasprintf("%s/pods/%s/u:v,w\\", rig.state, UID);
	expect_output(&spec, "x\ny\n");
	rig_destroy(&rig);
}

/* -- /dev/shm -- */

static void test_containers_share_memory(void **state)
{
	struct container_spec spec;

	(void)state;
	rig_pod(&rig, UID);
	assert_int_equal(rig_run(&rig, UID, "a", "echo shared > /dev/shm/x"), 0);
	rig_shell_spec(
		&rig, &spec, UID, "b",
		"exec 2>&1; cat /dev/shm/x; stat -c %a /dev/shm; grep -c /dev/shm /proc/mounts");
	expect_output(&spec, "shared\n1777\n1\n");
	rig_destroy(&rig);
}

/* Nothing of what mounts are made of stays in sight: on the host, and in a container. */
static void test_no_mount_is_left(void **state)
{
	CLEANUP(buf_fini) struct buf mounts = BUF_INIT;
	struct container_spec spec;

	(void)state;
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "c",
		       "grep -c ' / ' /proc/mounts; grep -c ' overlay ' /proc/mounts; "
		       "grep -cE ' /(u|m|0|shm) ' /proc/mounts");
	expect_output(&spec, "1\n1\n0\n");
	assert_int_equal(fd_read_file("/proc/self/mountinfo", 16u << 20, &mounts, NULL), 0);
	assert_null(strstr(mounts.data, rig.dir));
	rig_destroy(&rig);
}

/* -- file systems that cannot -- */

static void expect_refusal(struct container_spec *spec, const char *dir)
{
	const char *message;

	rig_start(&rig, spec);
	rig_wait(&rig, CONTAINER_START_FAILED, spec->name);
	container_spec_fini(spec);
	message = rig.message[CONTAINER_START_FAILED];
	if (!strstr(message, dir) || !strstr(message, "(overlay)") || !strstr(message, "--state"))
		fail_msg("%s", message);
}

/* An overlay can be neither the upper directory of another one nor shown with other ids. */
static void test_file_systems_that_cannot(void **state)
{
	CLEANUP_FREE char *lower = make_dir("l", "x", "x\n"), *upper = make_dir("up/u", "y", "y\n"),
			  *work = make_dir("up/w", "z", ""), *dir = make_dir("mnt", "m", ""),
			  *options = xasprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper,
					       work),
			  *z = xasprintf("%s/z", work);
	struct container_spec spec;

	(void)state;
	assert_int_equal(unlink(z), 0);
	assert_int_equal(mount("overlay", dir, "overlay", 0, options), 0);
	rig_pod(&rig, UID);
	rig_shell_spec(&rig, &spec, UID, "lower", "true");
	spec.layers = xreallocarray(spec.layers, 3, sizeof(char *));
	spec.layers[1] = xstrdup(dir);
	spec.layers[2] = NULL;
	expect_refusal(&spec, dir);
	rig_shell_spec(&rig, &spec, UID, "upper", "true");
	free(spec.upper);
	spec.upper = xasprintf("%s/state", dir);
	expect_refusal(&spec, dir);
	rig_destroy(&rig);
	assert_int_equal(umount2(dir, MNT_DETACH), 0);
}

/* -- volumes that stay read-only -- */

#define TRY                                                                                        \
	"exec 2>/dev/null; mount -o remount,rw,bind /v || echo locked; echo x > /v/new; "          \
	"mount -o remount,rw,bind /v/inner && echo x > /v/inner/new && echo inner is open; "       \
	"umount /v && echo x > /v/new2; ls /v"

static void run_with_volume(const char *name, const char *vol, int read_only, int recursive,
			    const char *expected)
{
	struct container_spec spec;
	struct mount_spec *m;

	rig_shell_spec(&rig, &spec, UID, name, TRY);
	spec.capabilities |= 1ull << CAP_SYS_ADMIN;
	spec.seccomp_unconfined = 1;
	m = add_mount(&spec, vol, "/v");
	m->read_only = read_only;
	m->recursive = recursive;
	m->propagation = recursive ? 1 : 0;
	m = add_mount(&spec, vol, "/w"); /* beside it, a writable one */
	expect_output(&spec, expected);
}

static void test_read_only_is_locked(void **state)
{
	CLEANUP_FREE char *vol = make_dir("vol", "file", "data\n"),
			  *made = xasprintf("%s/new", vol), *inner = xasprintf("%s/inner", vol);
	struct err err = ERR_INIT;
	struct stat st;

	(void)state;
	assert_int_equal(fd_mkdir_p(inner, 0755, &err), 0);
	assert_int_equal(mount("inner", inner, "tmpfs", 0, "size=64k"), 0);
	assert_int_equal(chmod(vol, 0777), 0);
	rig_pod(&rig, UID);
	/* What it may do is to take its own volume away, and see what is below: its own root. */
	run_with_volume("plain", vol, 1, 0, "locked\nnew2\n");
	assert_int_equal(stat(made, &st), -1);
	run_with_volume("recursive", vol, 1, 1, "locked\nfile\ninner\n");
	assert_int_equal(stat(made, &st), -1);
	/* The same without the flag: it is the lock that keeps it from writing. */
	run_with_volume("writable", vol, 0, 0, "new2\n");
	assert_int_equal(stat(made, &st), 0);
	rig_destroy(&rig);
	assert_int_equal(umount2(inner, MNT_DETACH), 0);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_layers_in_order),     T(test_many_layers),
		T(test_awkward_names),       T(test_containers_share_memory),
		T(test_no_mount_is_left),    T(test_file_systems_that_cannot),
		T(test_read_only_is_locked),
	};
	static const char *const lacks[] = {"", "detached_clones", "detached_layers",
					    "detached_layers,detached_clones"};
	int failed = 0;

	if (!rig_possible())
		return 77;
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	for (size_t i = 0; i < ARRAY_LEN(lacks); i++) {
		printf("without: %s\n", lacks[i]);
		setenv(KERNEL_WITHOUT, lacks[i], 1);
		failed += cmocka_run_group_tests_name(lacks[i], tests, NULL, NULL);
	}
	return failed;
}
