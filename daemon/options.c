/* SPDX-License-Identifier: MIT */
#include "daemon/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <sys/utsname.h>

#include "daemon/version.h"

static const char usage[] =
	"usage: k8sfs [options] [MOUNTPOINT]         serve a cluster as files, by default at /k8s\n"
	"       k8sfs --stop [--purge] MOUNTPOINT    stop it; pods go on running, unless purged\n"
	"       k8sfs --as USER [--as-group GROUP]... -- COMMAND [ARG...]\n"
	"                                            run a command as somebody else\n"
	"\n"
	"  --state DIR           what lasts: database, images, pods' state and logs "
	"(/var/lib/k8sfs)\n"
	"  --run DIR             what a reboot may lose: sockets, namespaces (/run/k8sfs)\n"
	"  --node-name NAME      this machine's Node (the hostname)\n"
	"  --pod-cidr CIDR       addresses of this node's pods (10.244.0.0/24)\n"
	"  --service-cidr CIDR   addresses of Services (10.96.0.0/16)\n"
	"  --registry-mirror HOST=URL\n"
	"                        pull HOST's images from URL; may be given again\n"
	"  --encryption-key FILE|keyring:NAME\n"
	"                        encrypt Secrets and manifests in the database; given again, the\n"
	"                        others are keys of before\n"
	"  --encrypt RESOURCE    what to encrypt instead of `secrets`; may be given again\n"
	"  --audit-policy FILE   what is in the audit log: a Policy of audit.k8s.io/v1\n"
	"  --store sqlite        where objects are kept\n"
	"  --no-reconcile        serve and store only: nothing is scheduled, nothing runs\n"
	"  -b, --background      return when the tree is mounted; the log goes to RUN/k8sfs.log\n"
	"  --debug               log more\n"
	"  --stop, --purge       see above; --purge ends the pods and removes every trace\n"
	"  -h, --help  -V, --version\n"
	"\n"
	"See k8sfs(8).\n";

enum {
	OPT_STATE = 256,
	OPT_RUN,
	OPT_NODE,
	OPT_PODS,
	OPT_SERVICES,
	OPT_MIRROR,
	OPT_KEY,
	OPT_ENCRYPT,
	OPT_AUDIT,
	OPT_STORE,
	OPT_INERT,
	OPT_DEBUG,
	OPT_STOP,
	OPT_PURGE
};

static const struct option table[] = {
	{"state", required_argument, NULL, OPT_STATE},
	{"run", required_argument, NULL, OPT_RUN},
	{"node-name", required_argument, NULL, OPT_NODE},
	{"pod-cidr", required_argument, NULL, OPT_PODS},
	{"service-cidr", required_argument, NULL, OPT_SERVICES},
	{"registry-mirror", required_argument, NULL, OPT_MIRROR},
	{"encryption-key", required_argument, NULL, OPT_KEY},
	{"encrypt", required_argument, NULL, OPT_ENCRYPT},
	{"audit-policy", required_argument, NULL, OPT_AUDIT},
	{"store", required_argument, NULL, OPT_STORE},
	{"no-reconcile", no_argument, NULL, OPT_INERT},
	{"background", no_argument, NULL, 'b'},
	{"debug", no_argument, NULL, OPT_DEBUG},
	{"stop", no_argument, NULL, OPT_STOP},
	{"purge", no_argument, NULL, OPT_PURGE},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'V'},
	{NULL, 0, NULL, 0},
};

/* A list that ends in NULL. */
static void append(const char *const **list, size_t *n, const char *text)
{
	*list = xreallocarray((void *)*list, *n + 2, sizeof(char *));
	((const char **)*list)[(*n)++] = text;
	((const char **)*list)[*n] = NULL;
}

static int add_mirror(struct options *o, const char *text, struct err *err)
{
	const char *eq = strchr(text, '=');

	if (!eq || eq == text ||
	    (!str_starts(eq + 1, "http://") && !str_starts(eq + 1, "https://")))
		return err_set(err, EINVAL,
			       "--registry-mirror %s: HOST=URL was expected, as in "
			       "docker.io=http://127.0.0.1:5000",
			       text);
	append(&o->mirrors, &o->n_mirrors, text);
	return 0;
}

static int take(struct options *o, int opt, const char *arg, struct err *err)
{
	switch (opt) {
	case OPT_STATE:
		o->state = arg;
		o->state_given = 1;
		break;
	case OPT_RUN:
		o->run = arg;
		o->run_given = 1;
		break;
	case OPT_NODE:
		o->node_name = arg;
		break;
	case OPT_PODS:
		o->pod_cidr = arg;
		break;
	case OPT_SERVICES:
		o->service_cidr = arg;
		break;
	case OPT_MIRROR:
		return add_mirror(o, arg, err);
	case OPT_KEY:
		append(&o->keys, &o->n_keys, arg);
		break;
	case OPT_ENCRYPT:
		append(&o->encrypted, &o->n_encrypted, arg);
		break;
	case OPT_AUDIT:
		o->audit_policy = arg;
		break;
	case OPT_STORE:
		if (!str_eq(arg, "sqlite"))
			return err_set(err, EINVAL,
				       "--store %s: this version keeps objects in sqlite only",
				       arg);
		break;
	case OPT_INERT:
		o->no_reconcile = 1;
		break;
	case 'b':
		o->background = 1;
		break;
	case OPT_DEBUG:
		o->debug = 1;
		break;
	case OPT_STOP:
		o->stop = 1;
		break;
	case OPT_PURGE:
		o->purge = 1;
		break;
	default:
		return err_set(err, EINVAL, "see k8sfs --help");
	}
	return 0;
}

/*
 * As the mount table will name it. A dead mount answers ENOTCONN to whoever looks at it, so only
 * its parent is resolved then; also when it does not exist yet.
 */
static char *absolute(const char *path)
{
	char *whole = realpath(path, NULL);
	const char *slash, *base;
	size_t n = strlen(path);

	if (whole)
		return whole;
	while (n > 1 && path[n - 1] == '/')
		n--;
	slash = memrchr(path, '/', n);
	base = slash ? slash + 1 : path;

	CLEANUP_FREE char *dir =
		slash ? xstrndup(path, slash == path ? 1 : (size_t)(slash - path)) : xstrdup(".");
	CLEANUP_FREE char *parent = realpath(dir, NULL);

	if (!parent)
		return xstrndup(path, n);
	return xasprintf("%s/%.*s", str_eq(parent, "/") ? "" : parent,
			 (int)(n - (size_t)(base - path)), base);
}

static const char *host_name(void)
{
	static struct utsname names;

	return uname(&names) == 0 && *names.nodename ? names.nodename : "localhost";
}

int options_parse(int argc, char **argv, struct options *o, struct err *err)
{
	int opt, rc;

	*o = (struct options){
		.state = "/var/lib/k8sfs",
		.run = "/run/k8sfs",
		.node_name = host_name(),
		.pod_cidr = "10.244.0.0/24",
		.service_cidr = "10.96.0.0/16",
	};
	while ((opt = getopt_long(argc, argv, "bhV", table, NULL)) >= 0) {
		if (opt == 'h') {
			fputs(usage, stdout);
			return OPTIONS_SHOWN;
		}
		if (opt == 'V') {
			puts("k8sfs " K8SFS_VERSION);
			return OPTIONS_SHOWN;
		}
		rc = take(o, opt, optarg, err);
		if (rc)
			return rc;
	}
	if (argc - optind > 1)
		return err_set(err, EINVAL, "%s: one mount point was expected; see k8sfs --help",
			       argv[optind + 1]);
	if (o->stop && optind == argc)
		return err_set(err, EINVAL, "--stop: which mount point? see k8sfs --help");
	if (o->n_encrypted && !o->n_keys)
		return err_set(err, EINVAL, "--encrypt goes with --encryption-key");
	if (o->purge && !o->stop)
		return err_set(err, EINVAL, "--purge goes with --stop");
	o->mountpoint = absolute(optind < argc ? argv[optind] : "/k8s");
	return OPTIONS_RUN;
}

void options_fini(struct options *o)
{
	free(o->mountpoint);
	o->mountpoint = NULL;
	free((void *)o->mirrors);
	o->mirrors = NULL;
	o->n_mirrors = 0;
	free((void *)o->keys);
	free((void *)o->encrypted);
	o->keys = o->encrypted = NULL;
}
