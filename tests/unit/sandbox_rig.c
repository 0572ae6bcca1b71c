/* SPDX-License-Identifier: MIT */
#include "sandbox_rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "patience.h"
#include "util/buf.h"
#include "util/fd.h"

#define TIMEOUT_MS 20000

int rig_possible(void)
{
	return geteuid() == 0 && access("/bin/busybox", X_OK) == 0;
}

static void must(int rc, const struct err *err)
{
	if (rc < 0)
		fail_msg("%s", err->msg);
}

/* busybox; one that is linked dynamically needs its libraries. */
static void make_programs(struct rig *r)
{
	static const char *const programs[] = {
		"sh",     "cat",      "echo",    "sleep",  "id",       "ls",      "grep",  "head",
		"mkdir",  "touch",    "mount",   "umount", "hostname", "stat",    "test",  "kill",
		"ps",     "readlink", "dd",      "tail",   "true",     "false",   "env",   "pwd",
		"printf", "sync",     "seq",     "wc",     "tty",      "unshare", "chmod", "chown",
		"ip",     "nc",       "ln",      "rm",     "sort",     "tr",      "cut",   "df",
		"od",     "mknod",    "nsenter", "chroot", "stty"};
	char *command = xasprintf("cp /bin/busybox %s/bin/busybox && for l in $(ldd /bin/busybox "
				  "2>&1 | grep -o '/[^ ]*'); do mkdir -p %s${l%%/*} && cp $l %s$l; "
				  "done",
				  r->layer, r->layer, r->layer);

	assert_int_equal(system(command), 0);
	free(command);
	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		char *path = xasprintf("%s/bin/%s", r->layer, programs[i]);

		assert_int_equal(symlink("busybox", path), 0);
		free(path);
	}
}

static void make_layers(struct rig *r)
{
	static const char *const dirs[] = {"bin", "etc",  "tmp", "root",
					   "dev", "proc", "sys", "empty"};
	struct err err = ERR_INIT;
	char *path;

	for (size_t i = 0; i < ARRAY_LEN(dirs); i++) {
		path = xasprintf("%s/%s", r->layer, dirs[i]);
		must(fd_mkdir_p(path, 0755, &err), &err);
		free(path);
	}
	path = xasprintf("%s/tmp", r->layer);
	assert_int_equal(chmod(path, 01777), 0);
	free(path);
	make_programs(r);
	path = xasprintf("%s/etc/passwd", r->layer);
	must(fd_replace_file(path, "root:x:0:0::/root:/bin/sh\n", 26, 0644, 0, &err), &err);
	free(path);
}

void rig_open_node(struct rig *r)
{
	struct sandboxes_config cfg = {.state_dir = r->state, .run_dir = r->run};
	struct err err = ERR_INIT;

	r->loop = loop_new(&err);
	assert_non_null(r->loop);
	r->all = sandboxes_open(r->loop, &cfg, &err);
	if (!r->all)
		fail_msg("%s", err.msg);
}

void rig_open(struct rig *r)
{
	char name[] = "/var/tmp/k8sfs-test-XXXXXX";

	memset(r, 0, sizeof(*r));
	assert_non_null(mkdtemp(name));
	assert_int_equal(chmod(name, 0755), 0);
	r->dir = xstrdup(name);
	r->state = xasprintf("%s/state", name);
	r->run = xasprintf("%s/run", name);
	r->layer = xasprintf("%s/layer", name);
	make_layers(r);
	r->netns_fd = -1;
	rig_open_node(r);
}

static void forget_events(struct rig *r)
{
	for (int i = 0; i < 8; i++) {
		free(r->message[i]);
		r->message[i] = NULL;
		r->seen[i] = 0;
	}
}

static void close_node(struct rig *r)
{
	sandboxes_close(r->all);
	loop_free(r->loop);
	r->all = NULL;
	r->sb = NULL;
	forget_events(r);
}

void rig_reopen(struct rig *r)
{
	close_node(r);
	rig_open_node(r);
}

void rig_close(struct rig *r)
{
	struct err err = ERR_INIT;

	must(sandboxes_purge(r->all, &err), &err);
	close_node(r);
	must(fd_remove_tree(r->dir, &err), &err);
	free(r->dir);
	free(r->state);
	free(r->run);
	free(r->layer);
	if (r->netns_fd >= 0)
		close(r->netns_fd);
}

static void on_event(void *arg, struct sandbox *sb, const struct sandbox_event *ev)
{
	struct rig *r = arg;

	(void)sb;
	r->seen[ev->kind]++;
	r->last[ev->kind] = *ev;
	free(r->message[ev->kind]);
	r->message[ev->kind] = xstrdup(ev->message);
	if (getenv("RIG_VERBOSE"))
		fprintf(stderr, "event %d %s: code %d, %s\n", ev->kind,
			ev->container ? ev->container : "", ev->exit_code,
			ev->message ? ev->message : "");
	if (ev->kind == SANDBOX_READY && ev->netns_fd >= 0) {
		fd_close_at(&r->netns_fd);
		r->netns_fd = fcntl(ev->netns_fd, F_DUPFD_CLOEXEC, 3);
	}
	if (ev->kind == SANDBOX_GONE || ev->kind == SANDBOX_FAILED)
		r->sb = NULL;
	if ((int)ev->kind == r->stop_on &&
	    (!r->stop_container || str_eq(ev->container, r->stop_container)))
		loop_stop(r->loop);
	/* What was waited for will not come. */
	if (ev->kind == SANDBOX_FAILED ||
	    (ev->kind == CONTAINER_START_FAILED && r->stop_on <= CONTAINER_EXITED))
		loop_stop(r->loop);
}

sandbox_event_fn rig_handler(void)
{
	return on_event;
}

static void on_timeout(void *arg)
{
	struct rig *r = arg;

	r->timed_out = 1;
	loop_stop(r->loop);
}

void rig_wait(struct rig *r, enum sandbox_event_kind kind, const char *container)
{
	int before = r->seen[kind];

	r->stop_on = (int)kind;
	r->stop_container = xstrdup(container);
	r->timeout = loop_timer_new(r->loop, on_timeout, r);
	loop_timer_arm(r->timeout, (unsigned)patience(TIMEOUT_MS));
	loop_run(r->loop);
	loop_timer_free(r->timeout);
	free(r->stop_container);
	r->stop_container = NULL;
	r->stop_on = -1;
	if (r->timed_out || r->seen[kind] == before)
		fail_msg("event %d of %s did not come: %s %s", kind,
			 container ? container : "the pod",
			 r->message[SANDBOX_FAILED] ? r->message[SANDBOX_FAILED] : "",
			 r->message[CONTAINER_START_FAILED] ? r->message[CONTAINER_START_FAILED]
							    : "");
}

void rig_pod_spec(struct rig *r, struct sandbox_spec *spec, const char *uid)
{
	struct err err = ERR_INIT;

	*spec = (struct sandbox_spec){.uid = xstrdup(uid),
				      .ns = xstrdup("default"),
				      .name = xstrdup("web"),
				      .hostname = xstrdup("web-host"),
				      .qos = xstrdup("burstable")};
	must(id_range_alloc(r->all, uid, &spec->id_base, &err), &err);
}

void rig_pod_of(struct rig *r, const struct sandbox_spec *spec)
{
	struct err err = ERR_INIT;

	r->sb = sandbox_create(r->all, spec, on_event, r, &err);
	if (!r->sb)
		fail_msg("%s", err.msg);
	rig_wait(r, SANDBOX_READY, NULL);
}

void rig_pod(struct rig *r, const char *uid)
{
	struct sandbox_spec spec;

	rig_pod_spec(r, &spec, uid);
	rig_pod_of(r, &spec);
	sandbox_spec_fini(&spec);
}

static char **strings(const char *a, const char *b, const char *c)
{
	char **v = xcalloc(4, sizeof(char *));

	v[0] = xstrdup(a);
	v[1] = xstrdup(b);
	v[2] = xstrdup(c);
	return v;
}

void rig_shell_spec(struct rig *r, struct container_spec *spec, const char *uid, const char *name,
		    const char *script)
{
	*spec = (struct container_spec){
		.name = xstrdup(name),
		.id = xasprintf("%064x", ++r->serial),
		.argv = strings("sh", "-c", script),
		.envp = strings("PATH=/bin", "HOME=/root", NULL),
		.cwd = xstrdup("/"),
		.layers = strings(r->layer, NULL, NULL),
		.upper = xasprintf("%s/pods/%s/%s", r->state, uid, name),
		.log_path = xasprintf("%s/pods/%s/logs/%s.log", r->state, uid, name),
		.capabilities = SANDBOX_DEFAULT_CAPABILITIES,
	};
}

void rig_start_in(struct sandbox *sb, const struct container_spec *spec)
{
	struct err err = ERR_INIT;

	must(sandbox_start_container(sb, spec, &err), &err);
}

void rig_start(struct rig *r, const struct container_spec *spec)
{
	rig_start_in(r->sb, spec);
}

int rig_run(struct rig *r, const char *uid, const char *name, const char *script)
{
	struct container_spec spec;

	rig_shell_spec(r, &spec, uid, name, script);
	rig_start(r, &spec);
	rig_wait(r, CONTAINER_EXITED, name);
	container_spec_fini(&spec);
	return r->last[CONTAINER_EXITED].exit_code;
}

void rig_destroy(struct rig *r)
{
	char *state = xasprintf("%s/pods/%s", r->state, sandbox_uid(r->sb));
	struct err err = ERR_INIT;

	sandbox_destroy(r->sb);
	rig_wait(r, SANDBOX_GONE, NULL);
	must(fd_remove_tree(state, &err), &err);
	free(state);
}

char *rig_log(struct rig *r, const char *uid, const char *name)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT, out = BUF_INIT;
	char *path = xasprintf("%s/pods/%s/logs/%s.log", r->state, uid, name), *state = NULL;
	struct err err = ERR_INIT;

	must(fd_read_file(path, 16u << 20, &text, &err), &err);
	free(path);
	for (char *line = text.len ? strtok_r(text.data, "\n", &state) : NULL; line;
	     line = strtok_r(NULL, "\n", &state)) {
		char *at = strchr(line, ' '); /* after the time */

		at = at ? strchr(at + 1, ' ') : NULL; /* after the stream */
		if (at && at[1] && at[2] == ' ')
			buf_addf(&out, "%s%s", at + 3, at[1] == 'F' ? "\n" : "");
	}
	return buf_steal(&out);
}
