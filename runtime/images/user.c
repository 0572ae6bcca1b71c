/* SPDX-License-Identifier: MIT */
/*
 * "user[:group]" of an image or of runAsUser, to numbers, by the image's own
 * /etc/passwd and /etc/group. Rules as runc's libcontainer has them: a name must
 * be in the file, a number need not; the supplementary groups are those that list
 * the user, unless a group was named.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/images/lookup.h"
#include "util/fd.h"

#define FILE_MAX (1u << 20)

/* The text of a file, "" when the image has none. */
static int read_text(const struct image *i, const char *path, struct buf *out, struct err *err)
{
	struct err why = ERR_INIT;
	CLEANUP_FD int fd = image_open_file(i, path, &why);
	ssize_t n;

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_set(err, why.code, "%s", why.msg);
	do {
		n = read(fd, buf_reserve(out, 16384), 16384);
		if (n < 0)
			return err_sys(err, errno, "%s in the image", path);
		out->len += (size_t)n;
		if (out->len > FILE_MAX)
			return err_set(err, EFBIG, "%s in the image: larger than %u bytes", path,
				       FILE_MAX);
	} while (n > 0);
	out->data[out->len] = '\0';
	return 0;
}

static int parse_id(const char *s, unsigned *out)
{
	char *end;
	unsigned long long v;

	if (*s < '0' || *s > '9')
		return 0;
	errno = 0;
	v = strtoull(s, &end, 10);
	if (*end || errno || v > INT_MAX)
		return 0;
	*out = (unsigned)v;
	return 1;
}

/* Cut the next line out of *text and its fields at the colons. Return: the number of fields, 0 at
 * the end. */
static size_t next_line(char **text, char **fields, size_t max)
{
	char *line = *text;
	size_t n = 0;

	if (!line || !*line)
		return 0;
	*text = line + strcspn(line, "\n");
	if (**text)
		*(*text)++ = '\0';
	while (n < max) {
		fields[n++] = line;
		line = strchr(line, ':');
		if (!line)
			break;
		*line++ = '\0';
	}
	for (size_t i = n; i < max; i++)
		fields[i] = fields[0] + strlen(fields[0]); /* "" */
	return n;
}

/* The record of the user, by name or by number. Return: true when there is one. */
static int find_user(char *passwd, const char *user, struct image_user *out, char name[256])
{
	enum { NAME, PASSWORD, UID, GID, GECOS, HOME, FIELDS };
	unsigned id = 0, uid, gid;
	int numeric = parse_id(user, &id), found = 0;
	char *f[FIELDS];

	while (next_line(&passwd, f, FIELDS)) {
		int by_name = str_eq(f[NAME], user);

		f[HOME][strcspn(f[HOME], ":")] = '\0';
		if (!parse_id(f[UID], &uid) || !parse_id(f[GID], &gid) ||
		    !(by_name || (numeric && !found && uid == id)))
			continue;
		out->uid = uid;
		out->gid = gid;
		snprintf(out->home, sizeof(out->home), "%s", *f[HOME] ? f[HOME] : "/");
		snprintf(name, 256, "%s", f[NAME]);
		found = 1;
		if (by_name)
			return 1;
	}
	return found;
}

static int listed(const char *members, const char *name)
{
	size_t n = strlen(name);

	for (const char *s = members; *s; s += strcspn(s, ","), s += *s == ',')
		if (strncmp(s, name, n) == 0 && (s[n] == ',' || !s[n]))
			return 1;
	return 0;
}

/* The groups that list the user. */
static void member_groups(char *text, const char *name, struct image_user *out)
{
	char *f[4];
	unsigned gid;

	while (*name && next_line(&text, f, 4))
		if (parse_id(f[2], &gid) && listed(f[3], name) &&
		    out->n_groups < ARRAY_LEN(out->groups))
			out->groups[out->n_groups++] = gid;
}

static int named_group(char *text, const char *group, struct image_user *out, struct err *err)
{
	unsigned gid;
	char *f[4];

	while (next_line(&text, f, 4))
		if (str_eq(f[0], group) && parse_id(f[2], &gid)) {
			out->gid = gid;
			return 0;
		}
	if (parse_id(group, &out->gid))
		return 0;
	return err_set(err, EINVAL, "group \"%.100s\": no such group in the image's /etc/group",
		       group);
}

int image_resolve_user(const struct image *i, const char *user, struct image_user *out,
		       struct err *err)
{
	CLEANUP(buf_fini) struct buf passwd = BUF_INIT, groups = BUF_INIT;
	CLEANUP_FREE char *who = xstrdup(*user ? user : "0");
	char *group = strchr(who, ':');
	char name[256] = "";

	*out = (struct image_user){.home = "/"};
	if (group)
		*group++ = '\0';
	if (read_text(i, "/etc/passwd", &passwd, err) < 0 ||
	    read_text(i, "/etc/group", &groups, err) < 0)
		return err ? -err->code : -EINVAL;
	buf_addc(&passwd, '\0');
	buf_addc(&groups, '\0');
	if (!find_user(passwd.data, *who ? who : "0", out, name) && *who &&
	    !parse_id(who, &out->uid))
		return err_set(err, EINVAL,
			       "user \"%.100s\": no such user in the image's /etc/passwd", who);
	if (group && *group)
		return named_group(groups.data, group, out, err);
	member_groups(groups.data, name, out);
	return 0;
}
