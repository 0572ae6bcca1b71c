/* SPDX-License-Identifier: MIT */
/* What volumes show, who owns it, and how it changes. */
#include "tests/unit/agent_rig.h"

#include <errno.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/fd.h"

static void add(struct payload *p, const char *path, const char *text, mode_t mode)
{
	struct buf b = BUF_INIT;

	buf_adds(&b, text);
	assert_int_equal(payload_add(p, path, mode, &b, NULL), 0);
}

static char *text_of(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	struct buf b = BUF_INIT;

	if (fd_read_file(path, 1 << 20, &b, NULL))
		return xstrdup("(absent)");
	return buf_steal(&b);
}

static void text_is(const char *dir, const char *name, const char *want)
{
	CLEANUP_FREE char *got = text_of(dir, name);

	assert_string_equal(got, want);
}

static char *link_of(const char *dir, const char *name)
{
	CLEANUP_FREE char *path = xasprintf("%s/%s", dir, name);
	char target[256];
	ssize_t n = readlink(path, target, sizeof(target));

	return n < 0 ? NULL : xstrndup(target, (size_t)n);
}

static void test_atomic_writing(void **state)
{
	struct rig *r = rig_new();
	struct payload_owner owner = {0, 0, 0};
	CLEANUP(payload_fini) struct payload p = {NULL, 0};
	CLEANUP_FREE char *first = NULL, *second = NULL, *third = NULL, *seen = NULL;

	add(&p, "a", "one", 0644);
	add(&p, "sub/dir/b", "two", 0400);
	assert_int_equal(atomic_write(r->dir, &p, &owner, NULL), 1);
	text_is(r->dir, "a", "one");
	text_is(r->dir, "sub/dir/b", "two");
	seen = link_of(r->dir, "a");
	assert_string_equal(seen, "..data/a");
	first = link_of(r->dir, "..data");
	assert_true(str_starts(first, "..20"));
	/* the same again writes nothing */
	assert_int_equal(atomic_write(r->dir, &p, &owner, NULL), 0);
	second = link_of(r->dir, "..data");
	assert_string_equal(first, second);
	/* a change: a new version, the old one and what is gone from it are removed */
	payload_fini(&p);
	add(&p, "a", "three", 0644);
	assert_int_equal(atomic_write(r->dir, &p, &owner, NULL), 1);
	third = link_of(r->dir, "..data");
	assert_string_not_equal(first, third);
	text_is(r->dir, "a", "three");
	text_is(r->dir, "sub/dir/b", "(absent)");
	{
		CLEANUP_FREE char *old = xasprintf("%s/%s", r->dir, first),
				  *sub = xasprintf("%s/sub", r->dir);
		struct stat st;

		assert_int_not_equal(lstat(old, &st), 0);
		assert_int_not_equal(lstat(sub, &st), 0);
	}
	/* a mode is a change, too */
	payload_fini(&p);
	add(&p, "a", "three", 0600);
	assert_int_equal(atomic_write(r->dir, &p, &owner, NULL), 1);
	/* and emptiness */
	payload_fini(&p);
	assert_int_equal(atomic_write(r->dir, &p, &owner, NULL), 1);
	text_is(r->dir, "a", "(absent)");
	rig_free(r);
}

static void test_owners_and_modes(void **state)
{
	struct rig *r = rig_new();
	struct payload_owner owner = {200000, 1001, 1};
	CLEANUP(payload_fini) struct payload p = {NULL, 0};
	CLEANUP_FREE char *path = xasprintf("%s/k", r->dir);
	struct stat st;

	add(&p, "k", "v", 0400);
	assert_int_equal(atomic_write(r->dir, &p, &owner, NULL), 1);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_uid, 200000);
	assert_int_equal(st.st_gid, 201001);
	assert_int_equal(st.st_mode & 07777, 0440); /* an fsGroup may read */
	rig_free(r);
}

static void test_paths_that_leave(void **state)
{
	static const char *const bad[] = {"",       "/etc/x", "../x", "a/../../x", "a/..",
					  "..data", "a//b",   "./a",  "a/."};
	CLEANUP(payload_fini) struct payload p = {NULL, 0};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct buf b = BUF_INIT;

		buf_adds(&b, "x");
		assert_int_equal(payload_add(&p, bad[i], 0644, &b, NULL), -EINVAL);
	}
	assert_int_equal(p.n, 0);
}

/* -- sources -- */

struct fixture {
	struct rig *r;
	struct value *pod;
	struct pod_state st;
	struct volume *volumes;
	size_t n;
	struct volume_ctx ctx;
};

static struct fixture *fixture(const char *volumes)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	CLEANUP_FREE char *text =
		xasprintf("{'metadata':{'name':'p','namespace':'d','uid':'u1','labels':{'app':'x','"
			  "q':'a\\\"b'},'annotations':{'n':'1'}},"
			  "'spec':{'nodeName':'n1','containers':[{'name':'c','image':'app:1','"
			  "resources':{'limits':{'cpu':'250m',"
			  "'memory':'64Mi'}}}],'volumes':[%s]}}",
			  volumes);

	f->r = rig_new();
	f->pod = json_of(text);
	pod_state_init(&f->st, f->pod);
	strcpy(f->st.ip, "10.244.0.5");
	f->volumes = volumes_new(f->pod, &f->n);
	f->ctx = (struct volume_ctx){
		.src = {.st = &f->st,
			.node = f->r->core->node,
			.ops = f->r->core->ops,
			.ctx = f->r},
		.state_dir = f->r->dir,
		.run_dir = f->r->dir,
		.id_base = 300000,
	};
	return f;
}

static void fixture_free(struct fixture *f)
{
	volumes_free(f->volumes, f->n);
	pod_state_fini(&f->st);
	value_unref(f->pod);
	rig_free(f->r);
	free(f);
}

static void refused(struct fixture *f, const char *text)
{
	struct err err = ERR_INIT;

	assert_true(volume_set_up(&f->ctx, &f->volumes[0], &err) < 0);
	assert_string_equal(err.msg, text);
	assert_null(f->volumes[0].path);
}

static void test_config_and_secret(void **state)
{
	struct fixture *f = fixture("{'name':'v','configMap':{'name':'cm','items':[{'key':'a','"
				    "path':'x/y','mode':256}]}},"
				    "{'name':'s','secret':{'secretName':'se','defaultMode':384}}");
	struct err err = ERR_INIT;

	refused(f, "configmap \"cm\" not found");
	rig_object(f->r, "configmaps", "d", "cm", "{'data':{'b':'1'}}");
	refused(f, "references non-existent config key: a");
	rig_object(f->r, "configmaps", "d", "cm", "{'data':{'a':'1'},'binaryData':{'z':'AAE='}}");
	rig_object(f->r, "secrets", "d", "se", "{'data':{'t':'czNjcmV0','raw':'AP8='}}");
	assert_int_equal(volume_set_up(&f->ctx, &f->volumes[0], &err), 0);
	assert_int_equal(volume_set_up(&f->ctx, &f->volumes[1], &err), 0);
	text_is(f->volumes[0].path, "x/y", "1");
	text_is(f->volumes[0].path, "z", "(absent)"); /* items choose */
	text_is(f->volumes[1].path, "t", "s3cret");
	assert_true(f->volumes[1].read_only);
	{
		CLEANUP_FREE char *path = xasprintf("%s/t", f->volumes[1].path);
		struct stat st;

		assert_int_equal(stat(path, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
		assert_int_equal(st.st_uid, 300000);
	}
	fixture_free(f);
}

static void test_optional(void **state)
{
	struct fixture *f = fixture("{'name':'v','configMap':{'name':'cm','optional':true}}");
	struct err err = ERR_INIT;

	assert_int_equal(volume_set_up(&f->ctx, &f->volumes[0], &err), 0);
	rig_object(f->r, "configmaps", "d", "cm", "{'data':{'late':'yes'}}");
	assert_int_equal(volume_refresh(&f->ctx, &f->volumes[0], &err), 1);
	text_is(f->volumes[0].path, "late", "yes");
	assert_int_equal(volume_refresh(&f->ctx, &f->volumes[0], &err), 0);
	fixture_free(f);
}

static void test_projected(void **state)
{
	struct fixture *f =
		fixture("{'name':'v','projected':{'sources':[{'secret':{'name':'se'}},{'configMap':"
			"{'name':'cm','items':["
			"{'key':'a','path':'conf/"
			"a'}]}},{'downwardAPI':{'items':[{'path':'labels','fieldRef':{'fieldPath':"
			"'metadata.labels'}},{'path':'cpu','resourceFieldRef':{'containerName':'c',"
			"'resource':'limits.cpu',"
			"'divisor':'1m'}},{'path':'mem','resourceFieldRef':{'containerName':'c','"
			"resource':'limits.memory',"
			"'divisor':'1Mi'}},{'path':'one','fieldRef':{'fieldPath':'metadata."
			"annotations[\\u0027n\\u0027]'}}]}}]}}");
	struct err err = ERR_INIT;

	rig_object(f->r, "configmaps", "d", "cm", "{'data':{'a':'1'}}");
	rig_object(f->r, "secrets", "d", "se", "{'data':{'t':'eA=='}}");
	assert_int_equal(volume_set_up(&f->ctx, &f->volumes[0], &err), 0);
	text_is(f->volumes[0].path, "t", "x");
	text_is(f->volumes[0].path, "conf/a", "1");
	text_is(f->volumes[0].path, "labels", "app=\"x\"\nq=\"a\\\"b\"");
	text_is(f->volumes[0].path, "cpu", "250");
	text_is(f->volumes[0].path, "mem", "64");
	text_is(f->volumes[0].path, "one", "1");
	fixture_free(f);
}

static void test_empty_dir(void **state)
{
	struct fixture *f = fixture("{'name':'v','emptyDir':{}},{'name':'m','emptyDir':{'medium':'"
				    "Memory','sizeLimit':'1Mi'}}");
	struct err err = ERR_INIT;
	struct stat st;

	assert_int_equal(volume_set_up(&f->ctx, &f->volumes[0], &err), 0);
	assert_int_equal(stat(f->volumes[0].path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0777);
	assert_int_equal(st.st_uid, 300000);
	assert_int_equal(volume_set_up(&f->ctx, &f->volumes[1], &err), 0);
	assert_int_equal(stat(f->volumes[1].path, &st), 0);
	assert_int_equal(st.st_uid, 300000);
	assert_true(f->volumes[1].mounted);
	/* found again by another daemon: not a second mount on top */
	free(STEAL(f->volumes[1].path));
	assert_int_equal(volume_set_up(&f->ctx, &f->volumes[1], &err), 0);
	assert_int_equal(umount2(f->volumes[1].path, 0), 0);
	assert_int_equal(umount2(f->volumes[1].path, 0), -1);
	fixture_free(f);
}

static void test_host_path_types(void **state)
{
	static const struct {
		const char *type, *name, *want; /* want NULL: fine */
	} cases[] = {
		{"Directory", "dir", NULL},
		{"Directory", "file", "is not a directory"},
		{"Directory", "absent", "is not a directory"},
		{"File", "file", NULL},
		{"File", "dir", "is not a file"},
		{"DirectoryOrCreate", "made/deep", NULL},
		{"FileOrCreate", "made.file", NULL},
		{"Socket", "file", "is not a socket file"},
		{"CharDevice", "file", "is not a character device"},
		{"", "whatever", NULL},
	};
	struct rig *r = rig_new();
	CLEANUP_FREE char *dir = xasprintf("%s/dir", r->dir), *file = xasprintf("%s/file", r->dir);

	assert_int_equal(mkdir(dir, 0755), 0);
	assert_int_equal(fd_replace_file(file, "x", 1, 0644, 0, NULL), 0);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FREE char *spec =
			xasprintf("{'name':'v','hostPath':{'path':'%s/%s','type':'%s'}}", r->dir,
				  cases[i].name, cases[i].type);
		struct fixture *f = fixture(spec);
		struct err err = ERR_INIT;
		int rc = volume_set_up(&f->ctx, &f->volumes[0], &err);

		assert_int_equal(rc == 0, cases[i].want == NULL);
		if (cases[i].want)
			assert_true(str_starts(err.msg, "hostPath type check failed: ") &&
				    str_ends(err.msg, cases[i].want));
		else
			assert_true(f->volumes[0].idmapped);
		fixture_free(f);
	}
	rig_free(r);
}

static void test_claims(void **state)
{
	struct fixture *f =
		fixture("{'name':'v','persistentVolumeClaim':{'claimName':'pc','readOnly':true}}");
	CLEANUP_FREE char *pv = xasprintf("{'spec':{'local':{'path':'%s/data'}}}", f->r->dir);
	struct err err = ERR_INIT;

	refused(f, "persistentvolumeclaim \"pc\" not found");
	rig_object(f->r, "persistentvolumeclaims", "d", "pc", "{'spec':{}}");
	refused(f, "PVC is not bound");
	rig_object(f->r, "persistentvolumeclaims", "d", "pc", "{'spec':{'volumeName':'pv'}}");
	rig_object(f->r, "persistentvolumes", "", "pv", pv);
	assert_int_equal(volume_set_up(&f->ctx, &f->volumes[0], &err), 0);
	assert_true(f->volumes[0].read_only);
	fixture_free(f);
}

static void test_what_is_not_served(void **state)
{
	struct fixture *f = fixture("{'name':'v','nfs':{'server':'x','path':'/'}}");

	refused(f, "no volume plugin matched: this type is not served by this node");
	fixture_free(f);
	f = fixture("{'name':'v','csi':{'driver':'other.io'}}");
	refused(f, "driver name other.io not found in the list of registered CSI drivers");
	fixture_free(f);
}

static void test_references(void **state)
{
	CLEANUP_VALUE struct value *pod =
		json_of("{'spec':{'volumes':[{'name':'a','configMap':{'name':'c1'}},{'name':'b','"
			"projected':{'sources':[{'secret':"
			"{'name':'s1'}}]}}],'containers':[{'name':'c','envFrom':[{'secretRef':{'"
			"name':'s2'}}],'env':[{'name':'E',"
			"'valueFrom':{'configMapKeyRef':{'name':'c2','key':'k'}}}]}]}}");

	assert_true(pod_refers_to(pod, "configmaps", "c1"));
	assert_true(pod_refers_to(pod, "configmaps", "c2"));
	assert_true(pod_refers_to(pod, "secrets", "s1"));
	assert_true(pod_refers_to(pod, "secrets", "s2"));
	assert_false(pod_refers_to(pod, "secrets", "c1"));
	assert_false(pod_refers_to(pod, "configmaps", "s1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_atomic_writing),   cmocka_unit_test(test_owners_and_modes),
		cmocka_unit_test(test_paths_that_leave), cmocka_unit_test(test_config_and_secret),
		cmocka_unit_test(test_optional),         cmocka_unit_test(test_projected),
		cmocka_unit_test(test_empty_dir),        cmocka_unit_test(test_host_path_types),
		cmocka_unit_test(test_claims),           cmocka_unit_test(test_what_is_not_served),
		cmocka_unit_test(test_references),
	};

	if (geteuid() != 0) {
		print_message("test_volumes: needs root to mount and to give files to others\n");
		return 77;
	}
	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
