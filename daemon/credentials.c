/* SPDX-License-Identifier: MIT */
/* What pods are known by, and know the cluster by: tokens of their accounts, and its certificate.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/daemon_i.h"
#include "util/fd.h"
#include "util/helper.h"

#define CERTIFICATE_MAX 65536u

/* At the first start. */
static int make_authority(const char *dir, struct err *err)
{
	CLEANUP_FREE char *program = helper_find("k8sfs-ca", "auth", err);
	CLEANUP_FD int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const int fds[] = {fd, -1};
	pid_t pid;

	if (!program)
		return -err->code;
	if (fd < 0)
		return err_sys(err, errno, "open %s", dir);
	pid = helper_start(program, fds, ARRAY_LEN(fds), err);
	return pid < 0 ? pid : helper_wait(pid, "k8sfs-ca", err);
}

/* For the controller that gives it to every namespace. */
static int publish_certificate(struct daemon *d, const char *path, struct err *err)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT, known = BUF_INIT;
	struct store_txn *txn;
	int rc = fd_read_file(path, CERTIFICATE_MAX, &text, err);

	if (rc < 0)
		return rc;
	if (store_record_read(d->store, ROOT_CA_SPACE, ROOT_CA_ID, &known, NULL) == 0 &&
	    known.len == text.len && memcmp(known.data, text.data, text.len) == 0)
		return 0;
	txn = store_txn_new();
	store_txn_record_put(txn, ROOT_CA_SPACE, ROOT_CA_ID, "{}", &text);
	rc = store_commit_wait(d->store, txn, err);
	store_txn_free(txn);
	return rc;
}

int open_credentials(struct daemon *d, struct err *err)
{
	CLEANUP_FREE char *keys = xasprintf("%s/tokens.jwks", d->options.state);
	CLEANUP_FREE char *certificate = xasprintf("%s/ca.crt", d->options.state);

	d->tokens = tokens_open(keys, d->store, err);
	if (!d->tokens)
		return -err->code;
	if (access(certificate, F_OK) < 0 && make_authority(d->options.state, err) < 0)
		return err_wrap(err, "the cluster's certificate");
	return publish_certificate(d, certificate, err);
}

int pod_token(void *arg, const struct value *pod, const char *account, const char *audience,
	      int64_t seconds, struct buf *out, struct err *err)
{
	struct daemon *d = arg;
	CLEANUP_VALUE struct value *audiences =
		audience ? value_append(value_new_list(), value_new_string(audience)) : NULL;
	const struct token_request r = {
		.ns = value_dig_str(pod, "metadata", "namespace", NULL),
		.account = account,
		.bound_kind = "Pod",
		.bound_name = value_dig_str(pod, "metadata", "name", NULL),
		.bound_uid = value_dig_str(pod, "metadata", "uid", NULL),
		.audiences = audiences,
		.seconds = seconds,
	};

	return tokens_issue(d->tokens, &r, out, NULL, err);
}

int account_of_uid(void *arg, unsigned uid, struct buf *out)
{
	struct daemon *d = arg;
	char pod_uid[256];
	CLEANUP_OBJECT struct object *pod = NULL;

	/* the tree is served after the sandboxes are open, and ends before they close */
	if (!d->sandboxes || id_range_owner(d->sandboxes, uid, pod_uid, sizeof(pod_uid)) < 0)
		return 0;
	pod = store_get_uid(d->store, pod_uid);
	if (!pod || strcmp(pod->kind->kind, "Pod") != 0)
		return 0;
	buf_addf(out, "%s:%s", pod->ns,
		 value_str(value_dig(pod->value, "spec", "serviceAccountName", NULL), "default"));
	return 1;
}
