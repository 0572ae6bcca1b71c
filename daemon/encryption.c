/* SPDX-License-Identifier: MIT */
/* See encryption.h. A key is 32 bytes: a file of just these, or one line of them in base64. */
#include "daemon/encryption.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "objects/codec/base64.h"
#include "objects/store/backend.h"
#include "objects/store/seal.h"
#include "util/fd.h"

#define IN_KEYRING   "keyring:"
#define KEY_TEXT_MAX 128u
#define KEY_IS       "32 bytes, or a line of base64 of 32 bytes, were expected"

/* -- where keys are -- */

static int read_file(const char *path, uint8_t text[KEY_TEXT_MAX], size_t *len_out, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, errno, "%s", path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, EINVAL, "%s: a file with a key was expected", path);
	if ((st.st_mode & 0077) || (st.st_uid != geteuid() && st.st_uid != 0))
		return err_set(err, EPERM,
			       "%s: others may read this key: it must belong to root, with mode "
			       "0600 or less",
			       path);
	n = read(fd, text, KEY_TEXT_MAX);
	if (n < 0)
		return err_sys(err, errno, "%s", path);
	*len_out = (size_t)n;
	return 0;
}

/* By the session's keyring, which a login has linked to the user's, and else by root's own. */
static long find_in_keyrings(const char *name)
{
	static const long keyrings[] = {KEY_SPEC_USER_KEYRING, KEY_SPEC_USER_SESSION_KEYRING,
					KEY_SPEC_SESSION_KEYRING};
	long id = -1;

	for (size_t i = 0; id < 0 && i < ARRAY_LEN(keyrings); i++)
		id = syscall(SYS_keyctl, KEYCTL_SEARCH, keyrings[i], "user", name, 0);
	return id;
}

static int read_keyring(const char *name, uint8_t text[KEY_TEXT_MAX], size_t *len_out,
			struct err *err)
{
	long id = find_in_keyrings(name), n;

	if (id < 0)
		return err_sys(err, errno, "key \"%s\" of type \"user\" in root's keyring", name);
	n = syscall(SYS_keyctl, KEYCTL_READ, id, text, KEY_TEXT_MAX);
	if (n < 0)
		return err_sys(err, errno, "key \"%s\" in the keyring", name);
	*len_out = n > (long)KEY_TEXT_MAX ? KEY_TEXT_MAX : (size_t)n;
	return 0;
}

/* -- what a key is -- */

static int decode(const char *where, const uint8_t *text, size_t len, uint8_t key[SEAL_KEY_BYTES],
		  struct err *err)
{
	CLEANUP(buf_fini) struct buf raw = BUF_INIT;
	int good = 1;

	if (len == SEAL_KEY_BYTES)
		buf_add(&raw, text, len);
	else
		good = base64_decode((const char *)text, len, &raw);
	good = good && raw.len == SEAL_KEY_BYTES;
	if (good)
		memcpy(key, raw.data, SEAL_KEY_BYTES);
	if (raw.data)
		explicit_bzero(raw.data, raw.cap);
	return good ? 0 : err_set(err, EINVAL, "%s: " KEY_IS, where);
}

static int add_key(struct sealer *s, const char *where, struct err *err)
{
	uint8_t text[KEY_TEXT_MAX], key[SEAL_KEY_BYTES];
	size_t len = 0;
	int rc = str_starts(where, IN_KEYRING)
			 ? read_keyring(where + strlen(IN_KEYRING), text, &len, err)
			 : read_file(where, text, &len, err);

	if (rc == 0)
		rc = decode(where, text, len, key, err);
	if (rc == 0)
		rc = sealer_add_key(s, key, err);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key, sizeof(key));
	return rc;
}

static int is_none(const char *where)
{
	return str_eq(where, "none");
}

struct backend *encryption_open(const struct options *o, struct backend *taken, struct err *err)
{
	static const char *const secrets[] = {"secrets", NULL};
	struct sealer *s = o->n_keys ? sealer_new(err) : NULL;
	int rc = o->n_keys && !s ? -err->code : 0;

	for (size_t i = 0; rc == 0 && i < o->n_keys; i++)
		if (!is_none(o->keys[i]))
			rc = add_key(s, o->keys[i], err);
	if (rc == 0)
		return backend_sealed(taken, s, o->n_keys && !is_none(o->keys[0]),
				      o->encrypted ? o->encrypted : secrets);
	err_wrap(err, "--encryption-key");
	sealer_free(s);
	taken->ops->close(taken);
	return NULL;
}
