/* SPDX-License-Identifier: MIT */
/* The image store: names, import of both kinds of archive, digests, sharing, removal, restart,
 * users. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/images.h"
#include "tests/unit/image_archives.h"
#include "util/fd.h"

static char *dir; /* of the running test */

static int make_dir(void **state)
{
	char name[] = "/tmp/k8sfs-test-images-XXXXXX";

	dir = xstrdup(mkdtemp(name));
	return 0;
}

static int remove_dir(void **state)
{
	int rc = fd_remove_tree(dir, NULL);

	free(dir);
	return rc;
}

static struct images *open_store(void)
{
	struct err err = ERR_INIT;
	struct images *im = images_open(dir, &err);

	if (!im)
		fail_msg("%s", err.msg);
	return im;
}

static size_t count_entries(const char *sub)
{
	CLEANUP_FREE char *path = xasprintf("%s/images/%s", dir, sub);
	DIR *d = opendir(path);
	size_t n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n - 2;
}

static void import_ok(struct images *im, const struct buf *archive, const char *expect)
{
	CLEANUP(buf_fini) struct buf report = BUF_INIT;
	CLEANUP_FD int fd = archive_fd(archive);
	struct err err = ERR_INIT;

	if (images_import(im, fd, &report, &err) < 0)
		fail_msg("import: %s", err.msg);
	if (expect && !strstr(buf_str(&report), expect))
		fail_msg("report \"%s\" lacks \"%s\"", buf_str(&report), expect);
}

static void import_fails(struct images *im, const struct buf *archive, int code, const char *expect)
{
	CLEANUP_FD int fd = archive_fd(archive);
	struct err err = ERR_INIT;
	int rc = images_import(im, fd, NULL, &err);

	if (rc != -code || !strstr(err.msg, expect))
		fail_msg("expected -%d \"%s\", got %d \"%s\"", code, expect, rc, err.msg);
}

static void read_image_file(const struct image *i, size_t layer, const char *path,
			    const char *expect)
{
	CLEANUP_FREE char *whole = xasprintf("%s/%s", i->layers[layer], path);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	assert_int_equal(fd_read_file(whole, 1 << 20, &text, NULL), 0);
	assert_string_equal(buf_str(&text), expect);
}

/* -- names -- */

static void test_names_are_normalised_as_docker_does(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"busybox", "docker.io/library/busybox:latest"},
		{"nginx:1.27", "docker.io/library/nginx:1.27"},
		{"user/app", "docker.io/user/app:latest"},
		{"docker.io/nginx", "docker.io/library/nginx:latest"},
		{"index.docker.io/nginx", "docker.io/library/nginx:latest"},
		{"localhost/app", "localhost/app:latest"},
		{"localhost:5000/app:v1", "localhost:5000/app:v1"},
		{"host/app", "docker.io/host/app:latest"},
		{"Host/app", "Host/app:latest"},
		{"ghcr.io/a/b/c:x_y.z-1", "ghcr.io/a/b/c:x_y.z-1"},
		{"registry.k8s.io/pause:3.9", "registry.k8s.io/pause:3.9"},
		{"[::1]:5000/app", "[::1]:5000/app:latest"},
		{"a__b/c---d.e_f", "docker.io/a__b/c---d.e_f:latest"},
		{"nginx@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		 "docker.io/library/"
		 "nginx@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct err err = ERR_INIT;
		CLEANUP_FREE char *out = image_normalize(cases[i].in, &err);

		if (!out)
			fail_msg("%s: %s", cases[i].in, err.msg);
		assert_string_equal(out, cases[i].out);
	}
}

static void test_what_is_no_name_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		":",
		"/",
		"a//b",
		"Nginx",
		"nginx:",
		"nginx:a b",
		"nginx:-x",
		"-nginx",
		"nginx-",
		"a___b",
		"a..b",
		"a_.b",
		"nginx@",
		"nginx@sha256:12",
		"nginx@md5:aa",
		"ho st/x",
		"-host.x/a",
		"host-.x/a",
		"a.b:/c",
		"a.b:x/c",
		"host..x/a",
		"[::1/a",
		"docker.io/",
		"../etc/passwd",
		"nginx\n",
		"nginx:1@sha256:",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	};
	CLEANUP(buf_fini) struct buf longest = BUF_INIT;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = ERR_INIT;
		CLEANUP_FREE char *out = image_normalize(bad[i], &err);

		if (out)
			fail_msg("\"%s\" became %s", bad[i], out);
		assert_int_equal(err.code, EINVAL);
	}
	for (int i = 0; i < 300; i++)
		buf_addc(&longest, 'a');
	assert_null(image_normalize(longest.data, NULL));
}

/* -- import -- */

static void test_docker_save_archive_is_imported(void **state)
{
	CLEANUP(buf_fini) struct buf layer = BUF_INIT, archive = BUF_INIT;
	struct images *im = open_store();
	struct image *i;

	tar_add(&layer, TAR_DIR, "bin", 0755, NULL);
	tar_add(&layer, TAR_FILE, "bin/hello", 0755, "hello\n");
	tar_end(&layer);
	save_archive(&archive, &layer, 1,
		     "{\"Cmd\":[\"/bin/"
		     "hello\"],\"Env\":[\"A=1\",\"B=2\"],\"User\":\"7:8\",\"WorkingDir\":\"/w\","
		     "\"StopSignal\":\"SIGQUIT\",\"ExposedPorts\":{\"80/tcp\":{}},\"Volumes\":{\"/"
		     "data\":{}}}",
		     "\"hello:1\",\"hello:latest\"");
	import_ok(im, &archive, "docker.io/library/hello:latest sha256:");
	i = images_get(im, "hello", NULL);
	assert_non_null(i);
	assert_string_equal(i->name, "docker.io/library/hello:latest");
	assert_string_equal(i->config.cmd[0], "/bin/hello");
	assert_null(i->config.cmd[1]);
	assert_null(i->config.entrypoint[0]);
	assert_string_equal(i->config.env[1], "B=2");
	assert_string_equal(i->config.user, "7:8");
	assert_string_equal(i->config.cwd, "/w");
	assert_string_equal(i->config.exposed_ports[0], "80/tcp");
	assert_string_equal(i->config.volumes[0], "/data");
	assert_int_equal(i->config.stop_signal, 3);
	assert_int_equal(i->size, 6);
	assert_null(i->layers[1]);
	read_image_file(i, 0, "bin/hello", "hello\n");
	assert_int_equal(count_entries("tmp"), 0);
	image_unref(i);
	images_close(im);
}

static void make_two_layers(struct buf layers[2], const char *index)
{
	tar_add(&layers[0], TAR_FILE, "base", 0644, "base\n");
	tar_end(&layers[0]);
	tar_add(&layers[1], TAR_FILE, "index", 0644, index);
	tar_end(&layers[1]);
}

static void fini_two(struct buf layers[2])
{
	buf_fini(&layers[0]);
	buf_fini(&layers[1]);
	memset(layers, 0, 2 * sizeof(*layers));
}

static void import_oci(struct images *im, const char *name, const char *index, int gzip,
		       const char *expect)
{
	CLEANUP(buf_fini) struct buf archive = BUF_INIT;
	struct buf layers[2] = {BUF_INIT, BUF_INIT};

	make_two_layers(layers, index);
	oci_archive(&archive, layers, 2, "{}", name, gzip);
	import_ok(im, &archive, expect);
	fini_two(layers);
}

static void test_layers_are_stored_once_and_stay_while_used(void **state)
{
	struct images *im = open_store();
	struct image *one, *two;
	struct err err = ERR_INIT;

	import_oci(im, "app:1", "one\n", 1, "2 layers, 2 new");
	import_oci(im, "app:2", "two\n", 1, "2 layers, 1 new");
	import_oci(im, "app:2", "two\n", 1, "already there");
	assert_int_equal(count_entries("layers"), 3);
	one = images_get(im, "app:1", NULL);
	two = images_get(im, "docker.io/library/app:2", NULL);
	assert_string_equal(one->layers[1], two->layers[1]);
	assert_string_not_equal(one->layers[0], two->layers[0]);
	read_image_file(one, 0, "index", "one\n");
	read_image_file(one, 1, "base", "base\n");
	image_unref(two);

	assert_int_equal(images_remove(im, "app:2", NULL), 0);
	assert_int_equal(count_entries("layers"), 2);
	assert_null(images_get(im, "app:2", &err));
	assert_int_equal(err.code, ENOENT);

	/* Held: nothing goes, until it is not held any more. */
	assert_int_equal(images_remove(im, "app:1", NULL), 0);
	assert_null(images_get(im, "app:1", NULL));
	assert_int_equal(count_entries("layers"), 2);
	read_image_file(one, 1, "base", "base\n");
	image_unref(one);
	images_prune(im);
	assert_int_equal(count_entries("layers"), 0);
	images_close(im);
	im = open_store();
	assert_int_equal(count_entries("blobs/sha256"), 0);
	images_close(im);
}

static void test_held_image_survives_removal_and_restart(void **state)
{
	struct images *im = open_store();
	CLEANUP_FREE char *id = NULL;
	struct image *i;

	import_oci(im, "app:1", "one\n", 0, NULL);
	i = images_get(im, "app:1", NULL);
	id = xstrdup(i->id);
	assert_int_equal(images_remove(im, "app:1", NULL), 0);
	images_close(im); /* the pod goes on running */
	image_unref(i);

	im = open_store();
	assert_null(images_get(im, "app:1", NULL));
	i = images_get(im, id, NULL);
	assert_non_null(i);
	images_prune(im);
	read_image_file(i, 0, "index", "one\n");
	image_unref(i);
	images_prune(im);
	assert_null(images_get(im, id, NULL));
	assert_int_equal(count_entries("layers"), 0);
	images_close(im);
}

static void test_layers_that_pods_run_on_stay(void **state)
{
	CLEANUP_FREE char *pod = xasprintf("%s/pods/uid-1", dir);
	CLEANUP_FREE char *layer = NULL;
	struct images *im = open_store();
	struct err err = ERR_INIT;
	struct image *i;

	assert_int_equal(fd_mkdir_p(pod, 0755, NULL), 0);
	import_oci(im, "app:1", "one\n", 1, NULL);
	i = images_get(im, "app:1", NULL);
	layer = xstrdup(i->layers[0]);
	assert_int_equal(images_hold(im, "uid-1", i->layers, NULL), 0);
	assert_int_equal(images_hold(im, "uid-1", i->layers, NULL), 0);
	assert_int_equal(images_hold(im, "../x", i->layers, &err), -EINVAL);
	image_unref(i);

	/* Neither a new image of that name nor its removal takes them away. */
	import_oci(im, "app:1", "two\n", 1, "1 new");
	assert_int_equal(images_remove(im, "app:1", NULL), 0);
	assert_int_equal(count_entries("layers"), 2);
	images_close(im);
	im = open_store();
	assert_int_equal(count_entries("layers"), 2);
	assert_int_equal(access(layer, F_OK), 0);
	import_oci(im, "app:1", "one\n", 1, "2 layers, 0 new");
	assert_int_equal(images_remove(im, "app:1", NULL), 0);
	images_release(im, "uid-1");
	images_release(im, "uid-1");
	assert_int_equal(count_entries("layers"), 0);
	assert_int_equal(count_entries("holds"), 0);
	images_close(im);
}

static void test_a_pod_that_is_gone_holds_nothing(void **state)
{
	CLEANUP_FREE char *pods = xasprintf("%s/pods", dir), *pod = xasprintf("%s/uid-1", pods);
	CLEANUP_FREE char *rubbish = xasprintf("%s/images/holds/uid-2", dir);
	CLEANUP_FREE char *other = xasprintf("%s/uid-2", pods);
	struct images *im = open_store();
	struct image *i;

	assert_int_equal(fd_mkdir_p(pod, 0755, NULL), 0);
	assert_int_equal(fd_mkdir_p(other, 0755, NULL), 0);
	import_oci(im, "app:1", "one\n", 1, NULL);
	i = images_get(im, "app:1", NULL);
	assert_int_equal(images_hold(im, "uid-1", i->layers, NULL), 0);
	image_unref(i);
	assert_int_equal(images_remove(im, "app:1", NULL), 0);
	assert_int_equal(fd_remove_tree(pod, NULL), 0);
	images_prune(im);
	assert_int_equal(count_entries("layers"), 0);

	import_oci(im, "app:1", "one\n", 1, NULL);
	i = images_get(im, "app:1", NULL);
	assert_int_equal(images_hold(im, "uid-1", i->layers, NULL), 0); /* before its directory */
	image_unref(i);
	assert_int_equal(images_remove(im, "app:1", NULL), 0);
	images_close(im);
	assert_int_equal(fd_replace_file(rubbish, "nonsense\n../../etc 5\n", 22, 0600, 0, NULL), 0);
	im = open_store();
	assert_int_equal(count_entries("layers"), 0);
	images_close(im);
}

static void test_images_are_there_after_a_restart(void **state)
{
	CLEANUP(buf_fini) struct buf before = BUF_INIT, after = BUF_INIT;
	struct images *im = open_store();

	import_oci(im, "app:1", "one\n", 1, NULL);
	import_oci(im, "localhost:5000/other", "two\n", 0, NULL);
	images_list(im, &before);
	assert_non_null(strstr(before.data, "localhost:5000/other:latest"));
	images_close(im);
	im = open_store();
	images_list(im, &after);
	assert_string_equal(before.data, after.data);
	images_close(im);
}

static void test_found_by_digest_and_by_id(void **state)
{
	struct images *im = open_store();
	struct image *i, *same;
	CLEANUP_FREE char *by_digest = NULL, *other = NULL;

	import_oci(im, "app:1", "one\n", 1, NULL);
	i = images_get(im, "app:1", NULL);
	by_digest = xasprintf("app@%s", i->digest);
	other = xasprintf("other@%s", i->digest);
	same = images_get(im, by_digest, NULL);
	assert_ptr_equal(same, i);
	image_unref(same);
	same = images_get(im, i->id, NULL);
	assert_ptr_equal(same, i);
	image_unref(same);
	same = images_get(im, i->id + 7, NULL);
	assert_ptr_equal(same, i);
	image_unref(same);
	assert_null(images_get(im, other, NULL));
	image_unref(i);
	images_close(im);
}

static void test_new_image_takes_the_name_over(void **state)
{
	struct images *im = open_store();
	struct image *old, *now;

	import_oci(im, "app:1", "one\n", 1, NULL);
	old = images_get(im, "app:1", NULL);
	import_oci(im, "app:1", "two\n", 1, "1 new");
	now = images_get(im, "app:1", NULL);
	assert_string_not_equal(old->id, now->id);
	read_image_file(old, 0, "index", "one\n");
	read_image_file(now, 0, "index", "two\n");
	image_unref(old);
	image_unref(now);
	images_prune(im);
	assert_int_equal(count_entries("layers"), 2);
	images_close(im);
}

/* The daemon reads an image's documents while further names of it are still being listed. */
static void test_many_names_of_one_image(void **state)
{
	CLEANUP(buf_fini) struct buf layer = BUF_INIT, archive = BUF_INIT, tags = BUF_INIT;
	struct images *im = open_store();

	tar_add(&layer, TAR_FILE, "one", 0644, "one\n");
	tar_end(&layer);
	for (int i = 0; i < 900; i++)
		buf_addf(&tags, "%s\"many:%d\"", i ? "," : "", i);
	save_archive(&archive, &layer, 1, "{}", buf_str(&tags));
	for (int i = 0; i < 10; i++)
		import_ok(im, &archive, "docker.io/library/many:899 sha256:");
	images_close(im);
}

static void test_compressed_archive_and_pipe(void **state)
{
	CLEANUP(buf_fini) struct buf archive = BUF_INIT, packed = BUF_INIT;
	struct buf layers[2] = {BUF_INIT, BUF_INIT};
	struct images *im = open_store();
	int pipes[2];

	make_two_layers(layers, "x\n");
	oci_archive(&archive, layers, 2, "{}", "packed:1", 1);
	gzip_buf(&archive, &packed);
	import_ok(im, &packed, "packed:1");
	assert_int_equal(images_remove(im, "packed:1", NULL), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	fcntl(pipes[1], F_SETPIPE_SZ, 1 << 20);
	assert_int_equal(fd_write_all(pipes[1], archive.data, archive.len), 0);
	close(pipes[1]);
	assert_int_equal(images_import(im, pipes[0], NULL, NULL), 0);
	close(pipes[0]);
	fini_two(layers);
	images_close(im);
}

/* -- what is wrong -- */

static void test_garbage_is_refused(void **state)
{
	CLEANUP(buf_fini) struct buf noise = BUF_INIT, empty = BUF_INIT, tar = BUF_INIT;
	struct images *im = open_store();
	uint32_t x = 1;

	import_fails(im, &empty, EINVAL, "neither");
	for (int i = 0; i < 100000; i++) {
		x = x * 1103515245u + 12345u;
		buf_addc(&noise, (char)(x >> 16));
	}
	import_fails(im, &noise, EINVAL, "archive");
	tar_add(&tar, TAR_FILE, "index.json", 0644, "{\"manifests\": [");
	tar_end(&tar);
	import_fails(im, &tar, EINVAL, "index.json");
	assert_int_equal(count_entries("layers"), 0);
	images_close(im);
}

/* Every bit counts: a changed byte anywhere in the payload of the archive is found, or changes
 * nothing. */
static void test_changed_bytes_are_found(void **state)
{
	CLEANUP(buf_fini) struct buf archive = BUF_INIT;
	struct buf layers[2] = {BUF_INIT, BUF_INIT};
	struct images *im = open_store();
	int refused = 0;

	make_two_layers(layers, "x\n");
	oci_archive(&archive, layers, 2, "{}", "flip:1", 1);
	for (size_t at = 0; at < archive.len; at += 41) {
		CLEANUP_FD int fd = -1;

		archive.data[at] ^= 0x20;
		fd = archive_fd(&archive);
		archive.data[at] ^= 0x20;
		if (images_import(im, fd, NULL, NULL) < 0) {
			refused++;
			continue;
		}
		/* Whatever got in is whole. */
		struct image *i = images_get(im, "flip:1", NULL);

		if (i) {
			read_image_file(i, 0, "index", "x\n");
			read_image_file(i, 1, "base", "base\n");
			image_unref(i);
			assert_int_equal(images_remove(im, "flip:1", NULL), 0);
		}
	}
	assert_true(refused > 20);
	fini_two(layers);
	images_close(im);
}

static void test_truncated_archives_are_refused(void **state)
{
	CLEANUP(buf_fini) struct buf archive = BUF_INIT;
	struct buf layers[2] = {BUF_INIT, BUF_INIT};
	struct images *im = open_store();
	size_t whole;

	make_two_layers(layers, "x\n");
	oci_archive(&archive, layers, 2, "{}", "cut:1", 0);
	whole = archive.len;
	/* Without the last two blocks, which only end the tar, it is complete. */
	for (archive.len = 0; archive.len < whole - 1536; archive.len += 700) {
		CLEANUP_FD int fd = archive_fd(&archive);

		assert_true(images_import(im, fd, NULL, NULL) < 0);
	}
	assert_int_equal(count_entries("layers"), 0);
	archive.len = whole;
	import_ok(im, &archive, "cut:1");
	fini_two(layers);
	images_close(im);
}

static void test_layer_with_another_diff_id_is_refused(void **state)
{
	CLEANUP(buf_fini) struct buf layer = BUF_INIT, other = BUF_INIT, archive = BUF_INIT;
	struct images *im = open_store();

	tar_add(&layer, TAR_FILE, "a", 0644, "a");
	tar_end(&layer);
	tar_add(&other, TAR_FILE, "b", 0644, "b");
	tar_end(&other);
	save_archive_lying(&archive, &layer, &other, "{}", "\"liar:1\"");
	import_fails(im, &archive, EBADMSG, "uncompressed digest");
	assert_int_equal(count_entries("layers"), 0);
	images_close(im);
}

static void test_hostile_documents_are_refused(void **state)
{
	static const struct {
		const char *member, *text, *expect;
	} cases[] = {
		{"manifest.json", "{}", "expected a list"},
		{"manifest.json", "[]", "no image"},
		{"manifest.json", "[{\"Config\":1}]", "expected Config"},
		{"manifest.json", "[{\"Config\":\"../../etc/passwd\",\"Layers\":[]}]", "missing"},
		{"manifest.json", "[{\"Config\":\"c.json\",\"RepoTags\":[7],\"Layers\":[]}]",
		 "RepoTags"},
		{"index.json", "[]", "expected a list"},
		{"index.json", "{\"manifests\":[{\"digest\":\"sha256:../../..\",\"size\":1}]}",
		 "digest"},
		{"index.json", "{\"manifests\":[{\"digest\":\"sha512:00\",\"size\":1}]}", "digest"},
		{"index.json", "{\"manifests\":[{}]}", "digest"},
		{"index.json", "{\"manifests\":[],\"manifests\":[]}", "duplicate"},
		{"index.json",
		 "{\"manifests\":[{\"platform\":{\"os\":\"windows\",\"architecture\":\"amd64\"}}]}",
		 "no image for"},
	};
	struct images *im = open_store();

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP(buf_fini) struct buf tar = BUF_INIT;

		tar_add(&tar, TAR_FILE, cases[i].member, 0644, cases[i].text);
		tar_end(&tar);
		import_fails(im, &tar, cases[i].expect[0] == 'm' ? ENOENT : EINVAL,
			     cases[i].expect);
	}
	images_close(im);
}

static void test_deep_json_is_refused(void **state)
{
	CLEANUP(buf_fini) struct buf deep = BUF_INIT, tar = BUF_INIT;
	struct images *im = open_store();

	for (int i = 0; i < 100000; i++)
		buf_addc(&deep, '[');
	tar_add(&tar, TAR_FILE, "index.json", 0644, deep.data);
	tar_end(&tar);
	import_fails(im, &tar, EINVAL, "index.json");
	images_close(im);
}

static void test_rubbish_of_a_crash_is_removed(void **state)
{
	CLEANUP_FREE char *tmp = xasprintf("%s/images/tmp/1-half/x", dir);
	CLEANUP_FREE char *layer = xasprintf("%s/images/layers/deadbeef/x", dir);
	struct images *im;

	assert_int_equal(fd_mkdir_p(tmp, 0755, NULL), 0);
	assert_int_equal(fd_mkdir_p(layer, 0755, NULL), 0);
	im = open_store();
	images_close(im);
	assert_int_equal(count_entries("tmp"), 0);
	assert_int_equal(count_entries("layers"), 0);
}

static void test_damaged_index_is_refused_and_kept(void **state)
{
	CLEANUP_FREE char *path = xasprintf("%s/images/index.json", dir);
	CLEANUP(buf_fini) struct buf text = BUF_INIT;
	struct images *im = open_store();
	struct err err = ERR_INIT;

	import_oci(im, "app:1", "one\n", 1, NULL);
	images_close(im);
	assert_int_equal(fd_replace_file(path, "{\"version\":", 11, 0600, 0, NULL), 0);
	assert_null(images_open(dir, &err));
	assert_int_equal(err.code, EBADMSG);
	assert_non_null(strstr(err.msg, "is damaged"));
	assert_int_equal(fd_read_file(path, 100, &text, NULL), 0);
	assert_string_equal(text.data, "{\"version\":");
	assert_int_equal(count_entries("layers"), 2);
}

/* -- killed at any moment -- */

static void big_archive(struct buf *archive, int n)
{
	struct buf layers[2] = {BUF_INIT, BUF_INIT};
	char name[64], text[64];

	for (int i = 0; i < 200; i++) {
		snprintf(name, sizeof(name), "d%d/file%d", i % 7, i);
		snprintf(text, sizeof(text), "%d of %d\n", i, n);
		tar_add(&layers[i % 2], TAR_FILE, name, 0644, text);
	}
	tar_end(&layers[0]);
	tar_end(&layers[1]);
	snprintf(name, sizeof(name), "big:%d", n);
	oci_archive(archive, layers, 2, "{}", name, 1);
	fini_two(layers);
}

/* Never returns: imports and removes until it is killed. */
static _Noreturn void churn(volatile int *imported)
{
	struct images *im = images_open(dir, NULL);

	if (!im)
		_exit(1);
	for (int n = 0;; n++) {
		CLEANUP(buf_fini) struct buf archive = BUF_INIT;
		char name[32];
		int fd;

		big_archive(&archive, n % 5);
		fd = archive_fd(&archive);
		if (images_import(im, fd, NULL, NULL) == 0)
			++*imported;
		close(fd);
		snprintf(name, sizeof(name), "big:%d", (n + 2) % 5);
		(void)!images_remove(im, name, NULL);
	}
}

static void check_whole(struct images *im, int n)
{
	char name[32], path[64], text[64];
	struct image *i;

	snprintf(name, sizeof(name), "big:%d", n);
	i = images_get(im, name, NULL);
	for (int k = 0; i && k < 200; k++) {
		snprintf(path, sizeof(path), "d%d/file%d", k % 7, k);
		snprintf(text, sizeof(text), "%d of %d\n", k, n);
		read_image_file(i, k % 2 ? 0 : 1, path, text);
	}
	image_unref(i);
}

static void test_killed_at_any_moment(void **state)
{
	volatile int *imported =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	size_t named = 0;

	for (int round = 0; round < 24; round++) {
		CLEANUP(buf_fini) struct buf list = BUF_INIT;
		struct images *im;
		pid_t child;

		*imported = 0;
		child = fork();
		if (child == 0)
			churn(imported);
		for (int i = 0; i < 5000 && *imported < round % 3; i++)
			usleep(1000);
		usleep((useconds_t)(round * 7919 % 40000));
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
		im = open_store();
		images_list(im, &list);
		for (int n = 0; n < 5; n++)
			check_whole(im, n);
		for (const char *s = list.data; (s = strstr(s, "big:")); s++)
			named++;
		images_close(im);
		assert_int_equal(count_entries("tmp"), 0);
	}
	munmap((void *)(uintptr_t)imported, 4096);
	assert_true(named > 0);
}

/* -- as overlayfs shows it -- */

static int shown(const char *path)
{
	CLEANUP_FREE char *whole = xasprintf("%s/root/%s", dir, path);

	return access(whole, F_OK) == 0;
}

static void test_layers_stack_in_overlayfs(void **state)
{
	CLEANUP(buf_fini) struct buf archive = BUF_INIT;
	struct buf layers[2] = {BUF_INIT, BUF_INIT};
	CLEANUP_FREE char *root = xasprintf("%s/root", dir), *options = NULL;
	struct images *im = open_store();
	struct image *i;

	tar_add(&layers[0], TAR_FILE, "etc/kept", 0644, "below");
	tar_add(&layers[0], TAR_FILE, "etc/gone", 0644, "below");
	tar_add(&layers[0], TAR_FILE, "etc/changed", 0644, "below");
	tar_add(&layers[0], TAR_FILE, "var/old/x", 0644, "below");
	tar_add(&layers[0], TAR_FILE, "dir/old", 0644, "below");
	tar_end(&layers[0]);
	tar_add(&layers[1], TAR_FILE, "etc/.wh.gone", 0, "");
	tar_add(&layers[1], TAR_FILE, "etc/changed", 0644, "above");
	tar_add(&layers[1], TAR_FILE, "var/.wh..wh..opq", 0, "");
	tar_add(&layers[1], TAR_FILE, "var/new", 0644, "above");
	tar_add(&layers[1], TAR_FILE, ".wh.dir", 0, "");
	tar_add(&layers[1], TAR_FILE, "dir/new", 0644, "above");
	tar_end(&layers[1]);
	oci_archive(&archive, layers, 2, "{}", "stack:1", 1);
	import_ok(im, &archive, NULL);
	fini_two(layers);
	i = images_get(im, "stack:1", NULL);
	assert_int_equal(mkdir(root, 0755), 0);
	options = xasprintf("lowerdir=%s:%s", i->layers[0], i->layers[1]);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("overlay", root, "overlay", MS_RDONLY, options) < 0) {
		image_unref(i);
		images_close(im);
		skip();
	}
	assert_true(shown("etc/kept") && shown("etc/changed") && shown("var/new") &&
		    shown("dir/new"));
	assert_false(shown("etc/gone"));
	assert_false(shown("var/old"));
	assert_false(shown("dir/old"));
	assert_int_equal(umount(root), 0);
	image_unref(i);
	images_close(im);
}

/* -- several at once -- */

struct worker {
	struct images *im;
	int n;
};

static void *import_many(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 8; i++) {
		CLEANUP(buf_fini) struct buf archive = BUF_INIT;
		struct buf layers[2] = {BUF_INIT, BUF_INIT};
		char name[32], index[32];
		struct image *image;

		snprintf(name, sizeof(name), "app:%d", (w->n + i) % 4);
		snprintf(index, sizeof(index), "%d\n", (w->n + i) % 4);
		make_two_layers(layers, index);
		oci_archive(&archive, layers, 2, "{}", name, 1);
		CLEANUP_FD int fd = archive_fd(&archive);
		if (images_import(w->im, fd, NULL, NULL) < 0)
			abort();
		image = images_get(w->im, name, NULL);
		if (image && access(image->layers[0], F_OK) < 0)
			abort();
		image_unref(image);
		if (i % 3 == 0)
			(void)!images_remove(w->im, name, NULL);
		fini_two(layers);
	}
	return NULL;
}

static void test_imports_and_removals_at_once(void **state)
{
	struct images *im = open_store();
	struct worker workers[4];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++) {
		workers[i] = (struct worker){im, i};
		assert_int_equal(pthread_create(&threads[i], NULL, import_many, &workers[i]), 0);
	}
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < 4; i++) {
		char name[32];

		snprintf(name, sizeof(name), "app:%d", i);
		(void)!images_remove(im, name, NULL);
	}
	images_prune(im);
	images_close(im);
	assert_int_equal(count_entries("layers"), 0);
	assert_int_equal(count_entries("tmp"), 0);
}

/* -- users -- */

static struct image *image_with_users(struct images *im)
{
	CLEANUP(buf_fini) struct buf archive = BUF_INIT;
	struct buf layers[3] = {BUF_INIT, BUF_INIT, BUF_INIT};
	struct image *i;

	tar_add(&layers[0], TAR_FILE, "etc/passwd", 0644, "old:x:1:1::/old:/bin/sh\n");
	tar_add(&layers[0], TAR_FILE, "etc/group", 0644,
		"root:x:0:\nwheel:x:10:root,app\napp:x:1000:\nextra:x:44:x,app\nbad:x:zz:app\n");
	tar_end(&layers[0]);
	tar_add(&layers[1], TAR_LINK, "etc/passwd", 0777, "../usr/share/./users");
	tar_add(&layers[1], TAR_FILE, "usr/share/users", 0644,
		"root:x:0:0:root:/root:/bin/sh\nbroken\napp:x:1000:1000:App:/home/app:/bin/"
		"sh\n12:x:77:78::/twelve:\n");
	tar_end(&layers[1]);
	tar_add(&layers[2], TAR_FILE, "other", 0644, "");
	tar_end(&layers[2]);
	oci_archive(&archive, layers, 3, "{}", "users:1", 0);
	import_ok(im, &archive, NULL);
	for (int n = 0; n < 3; n++)
		buf_fini(&layers[n]);
	i = images_get(im, "users:1", NULL);
	assert_non_null(i);
	return i;
}

static void test_users_are_resolved_by_the_image(void **state)
{
	static const struct {
		const char *user;
		unsigned uid, gid;
		size_t n_groups;
		const char *home;
	} cases[] = {
		{"", 0, 0, 1, "/root"},
		{"root", 0, 0, 1, "/root"},
		{"0", 0, 0, 1, "/root"},
		{"app", 1000, 1000, 2, "/home/app"},
		{"1000", 1000, 1000, 2, "/home/app"},
		{"app:wheel", 1000, 10, 0, "/home/app"},
		{"app:55", 1000, 55, 0, "/home/app"},
		{"4711", 4711, 0, 0, "/"},
		{"4711:app", 4711, 1000, 0, "/"},
		{"12", 77, 78, 0, "/twelve"},
	};
	struct images *im = open_store();
	struct image *i = image_with_users(im);

	for (size_t n = 0; n < ARRAY_LEN(cases); n++) {
		struct image_user u;
		struct err err = ERR_INIT;

		if (image_resolve_user(i, cases[n].user, &u, &err) < 0)
			fail_msg("%s: %s", cases[n].user, err.msg);
		assert_int_equal(u.uid, cases[n].uid);
		assert_int_equal(u.gid, cases[n].gid);
		assert_int_equal(u.n_groups, cases[n].n_groups);
		assert_string_equal(u.home, cases[n].home);
	}
	image_unref(i);
	images_close(im);
}

static void test_unknown_users_are_refused(void **state)
{
	static const char *const bad[] = {"old",         "nobody", "app:nobody", "-1",
					  "99999999999", "1x",     "app:-1"};
	struct images *im = open_store();
	struct image *i = image_with_users(im);

	for (size_t n = 0; n < ARRAY_LEN(bad); n++) {
		struct image_user u;
		struct err err = ERR_INIT;

		assert_int_equal(image_resolve_user(i, bad[n], &u, &err), -EINVAL);
		assert_non_null(strstr(err.msg, "no such"));
	}
	image_unref(i);
	images_close(im);
}

/* A link in the image leads nowhere but into the image. */
static void test_passwd_of_the_host_is_not_read(void **state)
{
	CLEANUP(buf_fini) struct buf layer = BUF_INIT, archive = BUF_INIT;
	CLEANUP_FREE char *secret = xasprintf("%s/secret", dir);
	CLEANUP_FREE char *link = xasprintf("../../../../../../../../..%s", secret);
	struct images *im = open_store();
	struct image_user u;
	struct image *i;

	assert_int_equal(fd_replace_file(secret, "spy:x:7:7::/:\n", 14, 0644, 0, NULL), 0);
	tar_add(&layer, TAR_LINK, "etc/passwd", 0777, link);
	tar_add(&layer, TAR_LINK, "etc/group", 0777, "group");
	tar_end(&layer);
	oci_archive(&archive, &layer, 1, "{}", "spy:1", 0);
	import_ok(im, &archive, NULL);
	i = images_get(im, "spy:1", NULL);
	assert_true(image_resolve_user(i, "spy", &u, NULL) < 0);
	image_unref(i);
	images_close(im);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_are_normalised_as_docker_does),
		cmocka_unit_test(test_what_is_no_name_is_refused),
		T(test_docker_save_archive_is_imported),
		T(test_layers_are_stored_once_and_stay_while_used),
		T(test_held_image_survives_removal_and_restart),
		T(test_layers_that_pods_run_on_stay),
		T(test_a_pod_that_is_gone_holds_nothing),
		T(test_images_are_there_after_a_restart),
		T(test_found_by_digest_and_by_id),
		T(test_new_image_takes_the_name_over),
		T(test_many_names_of_one_image),
		T(test_compressed_archive_and_pipe),
		T(test_garbage_is_refused),
		T(test_changed_bytes_are_found),
		T(test_truncated_archives_are_refused),
		T(test_layer_with_another_diff_id_is_refused),
		T(test_hostile_documents_are_refused),
		T(test_deep_json_is_refused),
		T(test_rubbish_of_a_crash_is_removed),
		T(test_damaged_index_is_refused_and_kept),
		T(test_killed_at_any_moment),
		T(test_layers_stack_in_overlayfs),
		T(test_imports_and_removals_at_once),
		T(test_users_are_resolved_by_the_image),
		T(test_unknown_users_are_refused),
		T(test_passwd_of_the_host_is_not_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
