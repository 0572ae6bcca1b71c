/* SPDX-License-Identifier: MIT */
/* k8sfs: a cluster as files. Options, and which of the two commands it is; see daemon/ for the
 * rest. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/as.h"
#include "daemon/daemon.h"
#include "daemon/notify.h"
#include "daemon/options.h"
#include "daemon/stop.h"
#include "util/fd.h"
#include "util/log.h"

static int fail(const struct err *err)
{
	fprintf(stderr, "k8sfs: %s\n", err->msg);
	background_failed(err->msg);
	return 1;
}

/* Objects hold Secrets: no core file keeps them, and only root may look into our memory. */
static void hide_memory(void)
{
	setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
	prctl(PR_SET_DUMPABLE, 0);
}

/*
 * Few heaps, as objects live long and are made on any thread; and what is large (an _index of
 * 100,000 objects) is given back when it is freed, which glibc unlearns otherwise. A walk over
 * 100,000 objects left 70 MB behind without.
 */
static void bound_heaps(void)
{
	mallopt(M_ARENA_MAX, 2);
	mallopt(M_MMAP_THRESHOLD, 256 << 10);
}

static int enter_background(const struct options *o, struct err *err)
{
	CLEANUP_FREE char *log = xasprintf("%s/k8sfs.log", o->run);
	int rc = fd_mkdir_p(o->run, 0700, err);

	return rc ? rc : background_enter(log, err);
}

static int serve(const struct options *o, struct err *err)
{
	struct daemon *d;
	int rc;

	hide_memory();
	bound_heaps();
	if (o->background && enter_background(o, err))
		return fail(err);
	d = daemon_start(o, err);
	if (!d)
		return fail(err);
	log_info("serving %s, state in %s", o->mountpoint, o->state);
	background_ready();
	notify_systemd("READY=1");
	rc = daemon_run(d);
	daemon_free(d);
	return rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct options options;
	struct err err = ERR_INIT;
	int rc;

	if (argc > 1 && str_eq(argv[1], "--as")) {
		rc = run_as(argc, argv, &err);
		fail(&err);
		return rc == -EINVAL ? 2 : 1;
	}
	rc = options_parse(argc, argv, &options, &err);
	if (rc == OPTIONS_SHOWN) {
		options_fini(&options);
		return 0;
	}
	if (rc < 0) {
		fail(&err);
		options_fini(&options);
		return 2;
	}
	if (options.debug)
		log_set_level(LOG_DEBUG);
	if (geteuid() != 0) {
		err_set(&err, EPERM,
			"must be root: it mounts the tree and starts containers; try: sudo %s",
			argv[0]);
		rc = fail(&err);
	} else if (options.stop) {
		rc = stop(&options, &err) ? fail(&err) : 0;
	} else {
		rc = serve(&options, &err);
	}
	options_fini(&options);
	return rc;
}
