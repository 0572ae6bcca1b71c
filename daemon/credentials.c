/* SPDX-License-Identifier: MIT */
/* What pods are known by, and know the cluster by: tokens of their accounts, and its certificate.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "daemon/daemon_i.h"
#include "objects/quantity.h"
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

int secret_token(void *arg, const struct value *secret, struct buf *out, struct err *err)
{
	struct daemon *d = arg;
	const struct token_request r = {
		.ns = value_dig_str(secret, "metadata", "namespace", NULL),
		.account = object_annotation(secret, "kubernetes.io/service-account.name"),
		.bound_kind = "Secret",
		.bound_name = value_dig_str(secret, "metadata", "name", NULL),
		.bound_uid = value_dig_str(secret, "metadata", "uid", NULL),
	};

	return tokens_issue(d->tokens, &r, out, NULL, err);
}

/* -- reviews -- */

static struct value *request_token(struct tokens *t, const char *ns, const struct value *body,
				   struct faults *faults)
{
	const struct value *spec = value_get(body, "spec"), *to = value_get(spec, "boundObjectRef");
	const struct token_request r = {
		.ns = ns,
		.account = value_dig_str(body, "metadata", "name", NULL),
		.bound_kind = value_dig_str(to, "kind", NULL),
		.bound_name = value_dig_str(to, "name", NULL),
		.bound_uid = value_dig_str(to, "uid", NULL),
		.audiences = value_get(spec, "audiences"),
		.seconds = value_int(value_get(spec, "expirationSeconds"), 0),
	};
	CLEANUP(buf_fini) struct buf token = BUF_INIT;
	struct err err = ERR_INIT;
	int64_t expires;
	char text[32];
	struct value *status;
	int rc = tokens_issue(t, &r, &token, &expires, &err);

	if (rc < 0) {
		fault_add_code(faults, -rc, "%s", err.msg);
		return NULL;
	}
	status = value_set_str(value_new_map(), "token", buf_str(&token));
	return value_set_str(status, "expirationTimestamp", time_render(expires, text));
}

static struct value *review_token(struct tokens *t, const struct value *body)
{
	const struct value *spec = value_get(body, "spec"), *token = value_get(spec, "token");
	struct value *audiences = NULL, *user, *status = value_new_map();
	struct err err = ERR_INIT;

	user = tokens_authenticate(t, value_str(token, ""), value_strlen(token),
				   value_get(spec, "audiences"), &audiences, &err);
	if (!user) {
		status = value_set_bool(status, "authenticated", 0);
		return value_set_str(status, "error", err.msg);
	}
	status = value_set_bool(status, "authenticated", 1);
	status = value_set(status, "user", user);
	return value_count(audiences) ? value_set(status, "audiences", audiences) : status;
}

struct value *token_review(void *arg, const struct caller *who, const struct kind *k,
			   const char *ns, const struct value *body, struct faults *faults)
{
	struct daemon *d = arg;

	(void)who;
	if (str_eq(k->kind, "TokenRequest"))
		return request_token(d->tokens, ns, body, faults);
	return str_eq(k->kind, "TokenReview") ? review_token(d->tokens, body) : NULL;
}

/* -- who a pod is -- */

static int account_of_pod(struct daemon *d, const char *pod_uid, struct buf *out)
{
	CLEANUP_OBJECT struct object *pod = store_get_uid(d->store, pod_uid);

	if (!pod || strcmp(pod->kind->kind, "Pod") != 0)
		return 0;
	buf_addf(out, "%s:%s", pod->ns,
		 value_str(value_dig(pod->value, "spec", "serviceAccountName", NULL), "default"));
	return 1;
}

int account_of_uid(void *arg, unsigned uid, struct buf *out)
{
	struct daemon *d = arg;
	char pod_uid[256];

	/* the tree is served after the sandboxes are open, and ends before they close */
	return d->sandboxes && id_range_owner(d->sandboxes, uid, pod_uid, sizeof(pod_uid)) == 0 &&
	       account_of_pod(d, pod_uid, out);
}

int account_of_process(void *arg, pid_t pid, struct buf *out)
{
	struct daemon *d = arg;
	char pod_uid[256];

	if (!d->sandboxes || sandbox_of_process(d->sandboxes, pid, pod_uid, sizeof(pod_uid)) < 0)
		return 0;
	/* its object may be gone while it is being ended: then it is nobody */
	if (!account_of_pod(d, pod_uid, out))
		buf_adds(out, "kube-system:pod-without-an-object");
	return 1;
}
