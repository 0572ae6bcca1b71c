/* SPDX-License-Identifier: MIT */
/* securityContext. */
#include "runtime/agent/security.h"

#include <ctype.h>
#include <errno.h>
#include <linux/capability.h>
#include <strings.h>

#define ALL_CAPS (CAP_LAST_CAP == 63 ? UINT64_MAX : (UINT64_C(1) << (CAP_LAST_CAP + 1)) - 1)
#define BIT(cap) (UINT64_C(1) << (cap))

static const char *const names[] = {
	[CAP_CHOWN] = "CHOWN",
	[CAP_DAC_OVERRIDE] = "DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "DAC_READ_SEARCH",
	[CAP_FOWNER] = "FOWNER",
	[CAP_FSETID] = "FSETID",
	[CAP_KILL] = "KILL",
	[CAP_SETGID] = "SETGID",
	[CAP_SETUID] = "SETUID",
	[CAP_SETPCAP] = "SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "NET_BROADCAST",
	[CAP_NET_ADMIN] = "NET_ADMIN",
	[CAP_NET_RAW] = "NET_RAW",
	[CAP_IPC_LOCK] = "IPC_LOCK",
	[CAP_IPC_OWNER] = "IPC_OWNER",
	[CAP_SYS_MODULE] = "SYS_MODULE",
	[CAP_SYS_RAWIO] = "SYS_RAWIO",
	[CAP_SYS_CHROOT] = "SYS_CHROOT",
	[CAP_SYS_PTRACE] = "SYS_PTRACE",
	[CAP_SYS_PACCT] = "SYS_PACCT",
	[CAP_SYS_ADMIN] = "SYS_ADMIN",
	[CAP_SYS_BOOT] = "SYS_BOOT",
	[CAP_SYS_NICE] = "SYS_NICE",
	[CAP_SYS_RESOURCE] = "SYS_RESOURCE",
	[CAP_SYS_TIME] = "SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "SYS_TTY_CONFIG",
	[CAP_MKNOD] = "MKNOD",
	[CAP_LEASE] = "LEASE",
	[CAP_AUDIT_WRITE] = "AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "AUDIT_CONTROL",
	[CAP_SETFCAP] = "SETFCAP",
	[CAP_MAC_OVERRIDE] = "MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "MAC_ADMIN",
	[CAP_SYSLOG] = "SYSLOG",
	[CAP_WAKE_ALARM] = "WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "AUDIT_READ",
	[CAP_PERFMON] = "PERFMON",
	[CAP_BPF] = "BPF",
	[CAP_CHECKPOINT_RESTORE] = "CHECKPOINT_RESTORE",
};

uint64_t capabilities_default(void)
{
	return BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FSETID) | BIT(CAP_FOWNER) |
	       BIT(CAP_MKNOD) | BIT(CAP_NET_RAW) | BIT(CAP_SETGID) | BIT(CAP_SETUID) |
	       BIT(CAP_SETFCAP) | BIT(CAP_SETPCAP) | BIT(CAP_NET_BIND_SERVICE) |
	       BIT(CAP_SYS_CHROOT) | BIT(CAP_KILL) | BIT(CAP_AUDIT_WRITE);
}

int capability_number(const char *name)
{
	if (strncasecmp(name, "CAP_", 4) == 0)
		name += 4;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i], name) == 0)
			return (int)i;
	return -1;
}

static int has_all(const struct value *list)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (strcasecmp(value_str(value_at(list, i), ""), "ALL") == 0)
			return 1;
	return 0;
}

static int bits_of(const struct value *list, uint64_t *out, struct err *err)
{
	*out = 0;
	for (size_t i = 0; i < value_count(list); i++) {
		const char *name = value_str(value_at(list, i), "");
		int cap = capability_number(name);

		if (strcasecmp(name, "ALL") == 0)
			continue;
		if (cap < 0)
			return err_set(err, EINVAL, "unknown capability %s", name);
		*out |= BIT(cap);
	}
	return 0;
}

int capabilities_of(const struct value *capabilities, uint64_t *out, struct err *err)
{
	const struct value *add = value_get(capabilities, "add"),
			   *drop = value_get(capabilities, "drop");
	uint64_t caps = capabilities_default(), added, dropped;

	if (bits_of(add, &added, err) || bits_of(drop, &dropped, err))
		return -EINVAL;
	if (has_all(add))
		caps = ALL_CAPS;
	if (has_all(drop))
		caps = 0;
	*out = (caps | added) & ~dropped;
	return 0;
}

static int any_privileged(const struct value *list)
{
	for (size_t i = 0; i < value_count(list); i++)
		if (value_bool(value_dig(value_at(list, i), "securityContext", "privileged", NULL),
			       0))
			return 1;
	return 0;
}

int pod_host_users(const struct value *pod)
{
	const struct value *spec = value_get(pod, "spec");

	return value_bool(value_get(spec, "hostUsers"), 0) ||
	       value_bool(value_get(spec, "hostNetwork"), 0) ||
	       value_bool(value_get(spec, "hostPID"), 0) ||
	       value_bool(value_get(spec, "hostIPC"), 0) ||
	       any_privileged(value_get(spec, "containers")) ||
	       any_privileged(value_get(spec, "initContainers"));
}

/* The container's own word, else the pod's. */
static const struct value *merged(const struct value *pod, const struct value *c, const char *field)
{
	const struct value *own = value_dig(c, "securityContext", field, NULL);

	return own ? own : value_dig(pod, "spec", "securityContext", field, NULL);
}

static void where(const struct value *pod, const struct value *c, struct buf *out)
{
	buf_addf(out, "(pod: \"%s_%s(%s)\", container: %s)", pod_name(pod), pod_ns(pod),
		 pod_uid(pod), value_str(value_get(c, "name"), ""));
}

static int is_number(const char *user)
{
	size_t n = strcspn(user, ":");

	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)user[i]))
			return 0;
	return n > 0;
}

static int check_non_root(const struct value *pod, const struct value *c, const char *image_user,
			  unsigned uid, struct err *err)
{
	CLEANUP(buf_fini) struct buf at = BUF_INIT;

	if (!value_bool(merged(pod, c, "runAsNonRoot"), 0))
		return 0;
	where(pod, c, &at);
	if (merged(pod, c, "runAsUser")) {
		if (uid == 0)
			return err_set(err, EPERM,
				       "container's runAsUser breaks non-root policy %s", at.data);
		return 0;
	}
	if (*image_user && !is_number(image_user))
		return err_set(err, EPERM,
			       "container has runAsNonRoot and image has non-numeric user (%.*s), "
			       "cannot verify "
			       "user is non-root %s",
			       (int)strcspn(image_user, ":"), image_user, at.data);
	if (uid == 0)
		return err_set(err, EPERM,
			       "container has runAsNonRoot and image will run as root %s", at.data);
	return 0;
}

static void add_group(struct container_spec *out, gid_t gid)
{
	for (size_t i = 0; i < out->n_groups; i++)
		if (out->groups[i] == gid)
			return;
	out->groups = xreallocarray(out->groups, out->n_groups + 1, sizeof(*out->groups));
	out->groups[out->n_groups++] = gid;
}

static void add_groups(const struct value *pod, const struct image_user *user,
		       struct container_spec *out)
{
	const struct value *sc = value_dig(pod, "spec", "securityContext", NULL);
	const struct value *list = value_get(sc, "supplementalGroups");
	const struct value *fs_group = value_get(sc, "fsGroup");
	int strict =
		str_eq(value_str(value_get(sc, "supplementalGroupsPolicy"), "Merge"), "Strict");

	add_group(out, out->gid);
	for (size_t i = 0; !strict && i < user->n_groups; i++)
		add_group(out, user->groups[i]);
	if (fs_group)
		add_group(out, (gid_t)value_int(fs_group, 0));
	for (size_t i = 0; i < value_count(list); i++)
		add_group(out, (gid_t)value_int(value_at(list, i), 0));
}

static int check_range(const struct value *pod, const struct container_spec *out, struct err *err)
{
	if (pod_host_users(pod))
		return 0;
	for (size_t i = 0; i < out->n_groups; i++)
		if (out->groups[i] >= POD_ID_RANGE)
			return err_set(
				err, EINVAL,
				"group %u: a pod has the ids 0 to %u (hostUsers: true lifts that)",
				(unsigned)out->groups[i], POD_ID_RANGE - 1);
	if (out->uid >= POD_ID_RANGE)
		return err_set(
			err, EINVAL,
			"runAsUser %u: a pod has the ids 0 to %u (hostUsers: true lifts that)",
			(unsigned)out->uid, POD_ID_RANGE - 1);
	return 0;
}

static int resolve_user(const struct value *pod, const struct value *c,
			const struct user_source *src, struct container_spec *out, char home[256],
			struct err *err)
{
	const struct value *run_as = merged(pod, c, "runAsUser"),
			   *group = merged(pod, c, "runAsGroup");
	const char *image_user = src->image->config.user ? src->image->config.user : "";
	struct image_user user = {0};
	CLEANUP_FREE char *text = NULL;

	/* runAsGroup stays out of the text: the groups that list the user count all the same */
	text = run_as ? xasprintf("%lld", (long long)value_int(run_as, 0)) : xstrdup(image_user);
	if (src->ops->image_user(src->ctx, src->image, text, &user, err))
		return err_wrap(err, "user %s", text);
	out->uid = user.uid;
	out->gid = group ? (gid_t)value_int(group, 0) : user.gid;
	memcpy(home, user.home, 256);
	add_groups(pod, &user, out);
	if (check_non_root(pod, c, image_user, user.uid, err))
		return -EPERM;
	return check_range(pod, out, err);
}

static int set_seccomp(const struct value *pod, const struct value *c, struct container_spec *out,
		       struct err *err)
{
	const char *type =
		value_str(value_get(merged(pod, c, "seccompProfile"), "type"), "RuntimeDefault");

	if (str_eq(type, "Localhost"))
		return err_set(err, EINVAL,
			       "seccompProfile: type Localhost is not served by this node");
	out->seccomp_unconfined = out->privileged || str_eq(type, "Unconfined");
	return 0;
}

int security_of(const struct value *pod, const struct value *c, const struct user_source *src,
		struct container_spec *out, char home[256], struct err *err)
{
	const struct value *sc = value_get(c, "securityContext");

	home[0] = '\0';
	if (resolve_user(pod, c, src, out, home, err))
		return -EINVAL;
	out->privileged = value_bool(value_get(sc, "privileged"), 0);
	if (capabilities_of(value_get(sc, "capabilities"), &out->capabilities, err))
		return -EINVAL;
	if (out->privileged)
		out->capabilities = ALL_CAPS;
	out->no_new_privs = !value_bool(value_get(sc, "allowPrivilegeEscalation"), 1);
	out->read_only_rootfs = value_bool(value_get(sc, "readOnlyRootFilesystem"), 0);
	out->proc_unmasked =
		out->privileged || str_eq(value_str(value_get(sc, "procMount"), ""), "Unmasked");
	return set_seccomp(pod, c, out, err);
}
