/* SPDX-License-Identifier: MIT */
#include "daemon/daemon.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "daemon/bootstrap.h"
#include "daemon/daemon_i.h"
#include "daemon/encryption.h"
#include "daemon/notify.h"
#include "daemon/version.h"
#include "objects/store/backend.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/strmap.h"

#define PURGE_MS 35000u /* what pods get to end: the usual grace of 30 s and a little */

const char *bridge_name(const char *mountpoint, char buf[16])
{
	if (str_eq(mountpoint, "/k8s"))
		return strcpy(buf, "k8s0");
	snprintf(buf, 16, "k8s%08x", hash_bytes(mountpoint, strlen(mountpoint)));
	return buf;
}

/* -- opening, room by room -- */

static int open_objects(struct daemon *d, struct err *err)
{
	CLEANUP_FREE char *path = xasprintf("%s/k8sfs.db", d->options.state);
	CLEANUP_FREE char *audit_path = xasprintf("%s/audit.log", d->options.state);
	struct audit_policy *policy = NULL;
	struct api_hooks hooks = {.review_tokens = token_review,
				  .secret_token = secret_token,
				  .tokens_arg = d,
				  .service_cidr = d->options.service_cidr};
	struct backend *backend = backend_sqlite_open(path, err);

	if (backend)
		backend = encryption_open(&d->options, backend, err);
	if (!backend)
		return -err->code;
	d->store = store_open(backend, err);
	if (!d->store)
		return -err->code;
	d->rbac = rbac_new(d->store);
	auth_hooks(d->rbac, &hooks);
	if (d->options.audit_policy) {
		policy = audit_policy_load(d->options.audit_policy, err);
		if (!policy)
			return err_wrap(err, "--audit-policy");
	}
	d->audit = audit_open(audit_path, policy, err);
	if (!d->audit)
		return -err->code;
	hooks.audit = audit_request;
	hooks.audit_arg = d->audit;
	d->https = https_new();
	d->webhooks = webhooks_new(d->store, https_post, d->https);
	hooks.webhooks = d->webhooks;
	d->api = api_new(d->store, &hooks, err);
	if (!d->api)
		return -err->code;
	d->identities = identities_new();
	identities_set_accounts(d->identities, account_of_uid, d);
	if (open_credentials(d, err))
		return -err->code;
	d->manifests = manifests_new(d->api, d->loop, err);
	if (!d->manifests)
		return -err->code;
	if (bootstrap(d->api, err) || auth_bootstrap(d->api, err))
		return -err->code;
	api_ask_webhooks(d->api);
	return 0;
}

static int open_node(struct daemon *d, struct err *err)
{
	const struct options *o = &d->options;
	char bridge[16];
	struct sandboxes_config sandboxes = {.state_dir = o->state, .run_dir = o->run};
	struct net_config net = {
		.pod_cidr = o->pod_cidr,
		.service_cidr = o->service_cidr,
		.bridge = bridge_name(o->mountpoint, bridge),
		.run_dir = o->run,
	};
	struct agent_config agent = {
		.node_name = o->node_name,
		.state_dir = o->state,
		.run_dir = o->run,
		.tree = o->mountpoint,
		.token = pod_token,
		.token_arg = d,
		.pod_cidr = o->pod_cidr,
	};

	d->images = images_open(o->state, err);
	if (!d->images)
		return -err->code;
	if (o->no_reconcile)
		return 0;
	d->sandboxes = sandboxes_open(d->loop, &sandboxes, err);
	if (!d->sandboxes)
		return -err->code;
	d->net = net_open(&net, err);
	if (!d->net)
		return -err->code;
	d->agent = agent_start(d->loop, d->api, d->store, d->sandboxes, d->images, d->net, &agent,
			       err);
	if (!d->agent)
		return -err->code;
	d->runner = runner_start(d->loop, d->api, all_controllers);
	return 0;
}

static void tree_is_gone(void *arg)
{
	log_warn("%s was unmounted: ending", ((struct daemon *)arg)->options.mountpoint);
	daemon_shut_down(arg, 0);
}

static int open_tree(struct daemon *d, struct err *err)
{
	struct fs_config cfg = {
		.mountpoint = d->options.mountpoint,
		.state_dir = d->options.state,
		.version = K8SFS_VERSION,
		.kubernetes_version = KUBERNETES_VERSION,
		.api = d->api,
		.manifests = d->manifests,
		.identities = d->identities,
		.rbac = d->rbac,
		.audit = d->audit,
		.rooms = daemon_rooms(d),
	};

	d->fs = fs_mount(&cfg, err);
	if (!d->fs)
		return -err->code;
	fs_on_gone(d->fs, tree_is_gone, d);
	return fs_serve(d->fs, err);
}

static void on_signal(void *arg)
{
	struct daemon *d = arg;
	struct signalfd_siginfo info;

	while (read(d->signal_fd, &info, sizeof(info)) == sizeof(info))
		log_info("ending: signal %u from process %u", info.ssi_signo, info.ssi_pid);
	daemon_shut_down(d, 0);
}

/* Before any thread is made, so that all of them have these blocked. */
static int open_signals(struct daemon *d, struct err *err)
{
	sigset_t set;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	d->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (d->signal_fd < 0)
		return err_sys(err, errno, "signalfd");
	d->loop = loop_new(err);
	if (!d->loop)
		return -err->code;
	d->signals = loop_fd_new(d->loop, d->signal_fd, on_signal, d);
	return 0;
}

struct daemon *daemon_start(const struct options *o, struct err *err)
{
	struct daemon *d = xcalloc(1, sizeof(*d));

	d->options = *o;
	d->signal_fd = -1;
	pthread_mutex_init(&d->ending_lock, NULL);
	kinds_init();
	d->lock = state_lock(o, err);
	if (!d->lock || state_record(o, err) || open_signals(d, err) || open_objects(d, err) ||
	    open_node(d, err) || open_tree(d, err)) {
		daemon_free(d);
		return NULL;
	}
	return d;
}

/* -- the end -- */

/* The tree goes first, while all that its requests may wait for still runs. */
static void *unmount(void *arg)
{
	struct daemon *d = arg;

	https_stop(d->https); /* who waits for a webhook is answered at once */
	fs_unmount(d->fs);
	d->fs = NULL;
	loop_stop(d->loop);
	return NULL;
}

static void start_unmount(void *arg)
{
	struct daemon *d = arg;
	int rc;

	notify_systemd("STOPPING=1");
	rc = pthread_create(&d->unmounter, NULL, unmount, d);
	if (rc) {
		log_error("cannot start a thread to unmount: %s", strerror(rc));
		loop_stop(d->loop);
		return;
	}
	d->unmounting = 1;
}

static void pods_are_gone(void *arg)
{
	start_unmount(arg);
}

static void begin_end(void *arg)
{
	struct daemon *d = arg;

	if (d->purge && d->runner) {
		/* Nobody makes new pods for those that end. */
		runner_stop(d->runner);
		d->runner = NULL;
	}
	if (d->purge && d->agent)
		agent_purge(d->agent, PURGE_MS, pods_are_gone, d);
	else
		start_unmount(d);
}

void daemon_shut_down(struct daemon *d, int purge)
{
	int first;

	pthread_mutex_lock(&d->ending_lock);
	first = !d->ending;
	d->ending = 1;
	if (first)
		d->purge = purge;
	pthread_mutex_unlock(&d->ending_lock);
	if (first)
		loop_post(d->loop, begin_end, d);
}

int daemon_run(struct daemon *d)
{
	struct err err = ERR_INIT;
	int rc = 0;

	loop_run(d->loop);
	if (d->unmounting)
		pthread_join(d->unmounter, NULL);
	d->unmounting = 0;
	if (!d->purge)
		return 0;
	if (d->agent)
		agent_stop(STEAL(d->agent));
	if (d->sandboxes)
		rc = sandboxes_purge(d->sandboxes, &err);
	if (!rc && d->net)
		rc = net_purge(d->net, &err);
	if (rc)
		log_error("%s", err.msg);
	return rc;
}

void daemon_free(struct daemon *d)
{
	int purge = d->purge;
	struct err err = ERR_INIT;

	if (d->https)
		https_stop(d->https);
	if (d->fs)
		fs_unmount(d->fs);
	if (d->runner)
		runner_stop(d->runner);
	if (d->agent)
		agent_stop(d->agent);
	if (d->net)
		net_close(d->net);
	if (d->sandboxes)
		sandboxes_close(d->sandboxes);
	if (d->images)
		images_close(d->images);
	if (d->manifests)
		manifests_free(d->manifests);
	api_free(d->api);
	webhooks_free(d->webhooks);
	https_free(d->https);
	rbac_free(d->rbac);
	audit_close(d->audit);
	if (d->store)
		store_close(d->store);
	identities_free(d->identities);
	tokens_free(d->tokens);
	if (d->signals)
		loop_fd_free(d->signals);
	if (d->loop)
		loop_free(d->loop);
	fd_close_at(&d->signal_fd);
	if (purge && state_remove(&d->options, &err))
		log_error("%s", err.msg);
	state_unlock(d->lock);
	pthread_mutex_destroy(&d->ending_lock);
	free(d);
}
