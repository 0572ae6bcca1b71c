/* SPDX-License-Identifier: MIT */
/* What a file's place in the tree says about the objects in it. */
#include "objects/manifests/manifests_i.h"

#include <errno.h>

static const char *const extensions[] = {".yaml", ".yml", ".json"};

int manifest_is_name(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if (str_ends(name, extensions[i]) && !str_eq(name, extensions[i]) && *name != '_' &&
		    *name != '@')
			return 1;
	return 0;
}

static char *stem_of(const char *file)
{
	for (size_t i = 0; i < ARRAY_LEN(extensions); i++)
		if (str_ends(file, extensions[i]))
			return xstrndup(file, strlen(file) - strlen(extensions[i]));
	return xstrdup(file);
}

int place_is_shared(const char *dir)
{
	return str_eq(dir, "apply") || str_starts(dir, "apply/") || place_is_dry(dir);
}

int place_is_dry(const char *path)
{
	return str_eq(path, "dry-run") || str_starts(path, "dry-run/");
}

void place_fini(struct place *p)
{
	free(p->ns);
	free(p->stem);
	*p = (struct place){0};
}

void place_of_kind(const struct kind *k, struct buf *out)
{
	buf_addf(out, "apis/%s/%s/%s", *k->group ? k->group : "core", k->version, k->plural);
}

/* Cut the path in parts in place. Return: how many, at most max. */
static size_t split(char *path, char **parts, size_t max)
{
	size_t n = 0;
	char *save = NULL;

	for (char *p = strtok_r(path, "/", &save); p && n < max; p = strtok_r(NULL, "/", &save))
		parts[n++] = p;
	return n;
}

static int parse_collection(const char *path, struct place *out, struct err *err)
{
	CLEANUP_FREE char *copy = xstrdup(path);
	char *parts[7];
	size_t n = split(copy, parts, ARRAY_LEN(parts));

	/* apis GROUP VERSION RESOURCE [NAMESPACE] FILE */
	if ((n != 5 && n != 6) || !str_eq(parts[0], "apis"))
		return err_set(err, ENOENT, "%s: no manifest can be there", path);
	out->kind = kind_find(parts[1], parts[2], parts[3]);
	if (!out->kind)
		return err_set(err, ENOENT, "%s: there is no resource %s in %s/%s", path, parts[3],
			       parts[1], parts[2]);
	if (n == 6 && !(out->kind->flags & KIND_NAMESPACED))
		return err_set(err, ENOENT, "%s: %s have no namespaces", path, out->kind->plural);
	out->ns = n == 6 ? xstrdup(parts[4]) : NULL;
	return 0;
}

static int is_plain(const char *path)
{
	for (const char *part = path; part;
	     part = strchr(part, '/') ? strchr(part, '/') + 1 : NULL) {
		size_t n = strcspn(part, "/");

		if (n == 0 || (n == 1 && *part == '.') ||
		    (n == 2 && part[0] == '.' && part[1] == '.'))
			return 0;
	}
	return 1;
}

int place_parse(const char *path, struct place *out, struct err *err)
{
	const char *slash = strrchr(path, '/');
	int rc = 0;

	*out = (struct place){0};
	if (!is_plain(path))
		return err_set(err, EINVAL, "%s: this is no path below the mount", path);
	out->file = slash ? slash + 1 : path;
	if (!manifest_is_name(out->file))
		return err_set(err, EINVAL,
			       "%s: the name of a manifest ends in .yaml, .yml or .json", path);
	out->dry = place_is_dry(path);
	if (!slash || !place_is_shared(path))
		rc = parse_collection(path, out, err);
	if (rc) {
		place_fini(out);
		return rc;
	}
	out->stem = stem_of(out->file);
	return 0;
}
