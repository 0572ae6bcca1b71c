/* SPDX-License-Identifier: MIT */
/* The parts of the supervisor that think: packets, logs, exit files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/supervisor/crilog.h"
#include "runtime/supervisor/exitfile.h"
#include "runtime/supervisor/wire.h"
#include "util/fd.h"

static char dir[64];

static int set_up(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/k8sfs-sup-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	return fd_remove_tree(dir, NULL);
}

/* -- codec -- */

static char *chars(const char *s)
{
	return (char *)(uintptr_t)s;
}

static void fill(struct container_spec *s, char **strings, struct mount_spec *mounts, gid_t *groups)
{
	*s = (struct container_spec){.name = chars("main"),
				     .id = chars("0123"),
				     .argv = strings,
				     .envp = strings + 2,
				     .cwd = chars(""),
				     .uid = 4294967294u,
				     .groups = groups,
				     .n_groups = 2,
				     .layers = strings,
				     .mounts = mounts,
				     .n_mounts = 2,
				     .capabilities = ~0ull,
				     .tty = 1,
				     .log_max_files = 7,
				     .stop_signal = -3};
	s->limits.memory_bytes = 1ull << 40;
	s->limits.oom_score_adj = -997;
}

static void test_specs_survive_the_wire(void **state)
{
	char *strings[] = {chars("a"), chars("b c\n"), chars(""), NULL};
	struct mount_spec mounts[] = {
		{.source = chars("/s"), .target = chars("/t"), .idmapped = 1, .propagation = 2},
		{.type = chars("tmpfs"), .target = chars("/u"), .options = chars("size=1m")}};
	gid_t groups[] = {7, 4294967295u};
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT;
	struct codec out = {.out = &bytes}, in;
	struct container_spec s, t = {0};

	(void)state;
	fill(&s, strings, mounts, groups);
	codec_container(&out, &s);
	in = (struct codec){.at = (unsigned char *)bytes.data,
			    .end = (unsigned char *)bytes.data + bytes.len};
	codec_container(&in, &t);
	assert_false(in.bad);
	assert_ptr_equal(in.at, in.end);
	assert_string_equal(t.name, "main");
	assert_string_equal(t.cwd, "");
	assert_null(t.log_path);
	assert_string_equal(t.argv[1], "b c\n");
	assert_string_equal(t.envp[0], "");
	assert_null(t.envp[1]);
	assert_int_equal(t.uid, 4294967294u);
	assert_int_equal(t.n_groups, 2);
	assert_int_equal(t.groups[1], 4294967295u);
	assert_int_equal(t.n_mounts, 2);
	assert_null(t.mounts[1].source);
	assert_string_equal(t.mounts[1].options, "size=1m");
	assert_int_equal(t.mounts[0].propagation, 2);
	assert_int_equal(t.limits.memory_bytes, 1ull << 40);
	assert_int_equal(t.limits.oom_score_adj, -997);
	assert_int_equal(t.capabilities, ~0ull);
	assert_int_equal(t.stop_signal, -3);
	container_spec_fini(&t);
}

/* Cut anywhere, and with any byte changed: refused or read, never out of bounds (ASan looks). */
static void test_damaged_specs_are_refused(void **state)
{
	char *strings[] = {chars("a"), chars("b"), chars("c"), NULL};
	struct mount_spec mounts[2] = {{.target = chars("/t")}, {.target = chars("/u")}};
	gid_t groups[] = {1, 2};
	CLEANUP(buf_fini) struct buf bytes = BUF_INIT;
	struct codec out = {.out = &bytes}, in;
	struct container_spec s, t;

	(void)state;
	fill(&s, strings, mounts, groups);
	codec_container(&out, &s);
	for (size_t len = 0; len < bytes.len; len++) {
		unsigned char *copy = xmalloc(len);

		memcpy(copy, bytes.data, len);
		t = (struct container_spec){0};
		in = (struct codec){.at = copy, .end = copy + len};
		codec_container(&in, &t);
		assert_true(in.bad);
		container_spec_fini(&t);
		free(copy);
	}
	for (size_t at = 0; at < bytes.len; at++) {
		char was = bytes.data[at];

		bytes.data[at] = (char)(was ^ 0x81);
		t = (struct container_spec){0};
		in = (struct codec){.at = (unsigned char *)bytes.data,
				    .end = (unsigned char *)bytes.data + bytes.len};
		codec_container(&in, &t);
		container_spec_fini(&t);
		bytes.data[at] = was;
	}
}

/* -- packets -- */

static void test_packets_of_any_size_with_descriptors(void **state)
{
	static const size_t sizes[] = {0, 1, 65536, 65537, 1 << 20};
	int pair[2], file = open("/dev/null", O_RDONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		CLEANUP(buf_fini) struct buf payload = BUF_INIT;
		struct wire_msg m = WIRE_MSG_INIT;
		int fds[] = {file, file};

		memset(buf_reserve(&payload, sizes[i]), 'x', sizes[i]);
		payload.len = sizes[i];
		assert_int_equal(wire_send(pair[0], WIRE_START, &payload, fds, 2, MSG_DONTWAIT), 0);
		assert_int_equal(wire_recv(pair[1], &m, MSG_DONTWAIT), 0);
		assert_int_equal(m.type, WIRE_START);
		assert_int_equal(m.payload.len, sizes[i]);
		assert_int_equal(m.n_fds, 2);
		if (sizes[i])
			assert_memory_equal(m.payload.data, payload.data, sizes[i]);
		wire_msg_fini(&m);
	}
	struct wire_msg m = WIRE_MSG_INIT;
	assert_int_equal(wire_recv(pair[1], &m, MSG_DONTWAIT), -EAGAIN);
	/* Half a header is no packet. */
	assert_int_equal(send(pair[0], "abc", 3, 0), 3);
	assert_true(wire_recv(pair[1], &m, MSG_DONTWAIT) < 0);
	wire_msg_fini(&m);
	close(pair[0]);
	assert_int_equal(wire_recv(pair[1], &m, 0), -EPIPE);
	wire_msg_fini(&m);
	close(pair[1]);
	close(file);
}

/* -- logs -- */

static char *text_of(const char *name)
{
	CLEANUP(buf_fini) struct buf b = BUF_INIT;
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);

	if (fd_read_file(path, 1 << 20, &b, NULL) < 0)
		return NULL;
	return buf_steal(&b);
}

static void log_open(struct crilog *log, const char *name, uint64_t max_bytes, unsigned max_files)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	struct err err = ERR_INIT;

	if (crilog_open(log, path, max_bytes, max_files, &err) < 0)
		fail_msg("%s", err.msg);
}

static const struct timespec then = {1475712429, 669794202};
#define AT "2016-10-06T00:07:09.669794202Z "

static void test_log_records(void **state)
{
	struct crilog log;
	char *text;

	(void)state;
	log_open(&log, "sub/dir/log", 0, 0);
	crilog_add(&log, "stdout", "one\ntwo\n\npar", 12, &then);
	crilog_add(&log, "stderr", "err\n", 4, &then);
	crilog_add(&log, "stdout", "tial\n\0\xff\n", 8, &then);
	crilog_close(&log);
	text = text_of("sub/dir/log");
	assert_string_equal(text, AT "stdout F one\n" AT "stdout F two\n" AT "stdout F \n" AT
				     "stdout P par\n" AT "stderr F err\n" AT "stdout F tial\n" AT
				     "stdout F ");
	assert_memory_equal(text + strlen(text), "\0\xff\n", 3);
	free(text);
	/* Opened again: appended to. */
	log_open(&log, "sub/dir/log", 0, 0);
	crilog_add(&log, "stdout", "more\n", 5, &then);
	crilog_close(&log);
}

static void test_a_line_longer_than_a_record(void **state)
{
	struct crilog log;
	char line[40000], *text;
	size_t total = 0, records = 0;

	(void)state;
	memset(line, 'y', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	log_open(&log, "log", 0, 0);
	crilog_add(&log, "stdout", line, sizeof(line), &then);
	crilog_close(&log);
	text = text_of("log");
	for (char *at = text; *at; at = strchr(at, '\n') + 1) {
		char *end = strchr(at, '\n'), *data = at + strlen(AT "stdout ? ");

		assert_memory_equal(at, AT "stdout ", strlen(AT "stdout "));
		assert_int_equal(data[-2], end[1] ? 'P' : 'F');
		total += (size_t)(end - data);
		records++;
	}
	assert_int_equal(total, sizeof(line) - 1);
	assert_true(records >= 5);
	free(text);
}

static void test_log_rotation(void **state)
{
	struct crilog log;
	char *text;

	(void)state;
	log_open(&log, "log", 100, 3); /* two records of 45 bytes fit */
	for (int i = 0; i < 9; i++) {
		char line[] = {(char)('0' + i), '_', '_', '\n'};

		crilog_add(&log, "stdout", line, 4, &then);
	}
	crilog_close(&log);
	text = text_of("log");
	assert_string_equal(text, AT "stdout F 8__\n");
	free(text);
	text = text_of("log.1");
	assert_string_equal(text, AT "stdout F 6__\n" AT "stdout F 7__\n");
	free(text);
	text = text_of("log.2");
	assert_string_equal(text, AT "stdout F 4__\n" AT "stdout F 5__\n");
	free(text);
	assert_null(text_of("log.3"));

	/* One file only: it begins anew. */
	log_open(&log, "single", 100, 1);
	for (int i = 0; i < 3; i++)
		crilog_add(&log, "stdout", "abc\n", 4, &then);
	crilog_close(&log);
	text = text_of("single");
	assert_string_equal(text, AT "stdout F abc\n");
	free(text);
	assert_null(text_of("single.1"));
}

static void test_a_log_that_cannot_be_written(void **state)
{
	struct crilog log;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(crilog_open(&log, "/proc/no/such/log", 0, 0, &err), -ENOENT);
	crilog_add(&log, "stdout", "lost\n", 5, &then);
	crilog_close(&log);
	/* A full disk: lines are lost, nothing else. */
	err_clear(&err);
	assert_int_equal(crilog_open(&log, "/dev/full", 0, 0, &err), 0);
	crilog_add(&log, "stdout", "lost\n", 5, &then);
	crilog_close(&log);
}

/* -- exit files -- */

static void test_exit_files(void **state)
{
	struct container_exit e = {.id = chars("abc"),
				   .exit_code = 137,
				   .signal = 9,
				   .oom_killed = 1,
				   .started_sec = 12,
				   .started_nsec = 5,
				   .finished_sec = 1700000000,
				   .finished_nsec = 999999999,
				   .message = chars("two\n\nparts\n")},
			      got;
	struct err err = ERR_INIT;
	char *path = xasprintf("%s/exit", dir);

	(void)state;
	assert_int_equal(exitfile_read(dir, &got, NULL), -ENOENT);
	assert_int_equal(exitfile_write(dir, &e, &err), 0);
	assert_int_equal(exitfile_read(dir, &got, &err), 0);
	assert_string_equal(got.id, "abc");
	assert_string_equal(got.message, "two\n\nparts\n");
	assert_int_equal(got.exit_code, 137);
	assert_int_equal(got.signal, 9);
	assert_int_equal(got.oom_killed, 1);
	assert_int_equal(got.started_nsec, 5);
	assert_int_equal(got.finished_sec, 1700000000);
	assert_int_equal(got.finished_nsec, 999999999);
	container_exit_fini(&got);
	static const char *const damaged[] = {"",      "\n\n",       "id",
					      "id \n", "code 1\n\n", "\xff\xfe\n\n"};
	for (size_t i = 0; i < ARRAY_LEN(damaged); i++) {
		assert_int_equal(
			fd_replace_file(path, damaged[i], strlen(damaged[i]), 0600, 0, NULL), 0);
		assert_int_equal(exitfile_read(dir, &got, NULL), -EINVAL);
	}
	free(path);
}

#define T(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_specs_survive_the_wire),
		T(test_damaged_specs_are_refused),
		T(test_packets_of_any_size_with_descriptors),
		T(test_log_records),
		T(test_a_line_longer_than_a_record),
		T(test_log_rotation),
		T(test_a_log_that_cannot_be_written),
		T(test_exit_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
