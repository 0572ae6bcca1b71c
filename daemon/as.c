/* SPDX-License-Identifier: MIT */
#include "daemon/as.h"

#include <errno.h>
#include <getopt.h>
#include <grp.h>
#include <unistd.h>

#include "auth/identity.h"

#define GROUPS_MAX 256

struct subject {
	const char *user;
	const char *names[GROUPS_MAX]; /* --as-group */
	size_t n_names;
	gid_t groups[GROUPS_MAX];
	size_t n;
};

enum { OPT_AS = 256, OPT_AS_GROUP };

static const struct option table[] = {
	{"as", required_argument, NULL, OPT_AS},
	{"as-group", required_argument, NULL, OPT_AS_GROUP},
	{NULL, 0, NULL, 0},
};

static int parse(int argc, char **argv, struct subject *s, struct err *err)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "+", table, NULL)) >= 0) {
		if (opt == OPT_AS)
			s->user = optarg;
		else if (opt == OPT_AS_GROUP && s->n_names < GROUPS_MAX)
			s->names[s->n_names++] = optarg;
		else
			return err_set(err, EINVAL,
				       "usage: k8sfs --as USER [--as-group GROUP]... -- COMMAND "
				       "[ARG...]");
	}
	return optind < argc ? 0 : err_set(err, EINVAL, "--as %s: which command?", s->user);
}

static int find_groups(struct subject *s, const struct identity *who, struct err *err)
{
	int n = GROUPS_MAX;

	if (!s->n_names && getgrouplist(s->user, who->gid, s->groups, &n) < 0)
		return err_set(err, E2BIG, "--as %s: in more than %d groups", s->user, GROUPS_MAX);
	s->n = s->n_names ? s->n_names : (size_t)n;
	for (size_t i = 0; i < s->n_names; i++)
		if (identity_gid(s->names[i], &s->groups[i]) < 0)
			return err_set(err, ENOENT, "--as-group %s: no such group on this machine",
				       s->names[i]);
	return 0;
}

/* Groups first: afterwards we may no more. The first group is the one of the process itself. */
static int become(const struct subject *s, const struct identity *who, struct err *err)
{
	gid_t gid = s->n_names ? s->groups[0] : who->gid;

	if (setgroups(s->n, s->groups) < 0 || setresgid(gid, gid, gid) < 0 ||
	    setresuid(who->uid, who->uid, who->uid) < 0)
		return err_sys(err, errno, "--as %s", s->user);
	return 0;
}

int run_as(int argc, char **argv, struct err *err)
{
	struct subject s = {0};
	struct identities *all;
	struct identity *who;
	int rc = parse(argc, argv, &s, err);

	if (rc)
		return rc;
	all = identities_new();
	who = identity_of_user(all, s.user);
	if (!who)
		rc = err_set(err, ENOENT, "--as %s: no user of this machine has this name", s.user);
	if (!rc)
		rc = find_groups(&s, who, err);
	if (!rc)
		rc = become(&s, who, err);
	identity_unref(who);
	identities_free(all);
	if (rc)
		return rc;
	/* what root has open besides is not for him */
	if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_sys(err, errno, "--as %s: closing files", s.user);
	execvp(argv[optind], argv + optind);
	return err_sys(err, errno, "%s", argv[optind]);
}
