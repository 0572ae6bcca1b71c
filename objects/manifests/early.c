/* SPDX-License-Identifier: MIT */
/* What is wrong for certain in the beginning of a text that is still being written. */
#include "objects/manifests/manifests_i.h"

#include <errno.h>
#include <stdio.h>

#include "objects/codec.h"

/* "key: word" at the start of a line, the word a plain one. */
static int read_plain(const char *line, size_t len, const char *key, char *out, size_t cap)
{
	size_t n = strlen(key), i, end;

	if (len <= n + 1 || memcmp(line, key, n) != 0 || line[n] != ':')
		return 0;
	for (i = n + 1; i < len && line[i] == ' ';)
		i++;
	for (end = i; end < len &&
		      strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./-",
			     line[end]);)
		end++;
	if (i == n + 1 || end == i || end - i >= cap)
		return 0;
	for (size_t rest = end; rest < len; rest++)
		if (line[rest] != ' ' && line[rest] != '\r')
			return 0;
	snprintf(out, cap, "%.*s", (int)(end - i), line + i);
	return 1;
}

/* A kind that nobody knows may be defined further down in the same text; not so in a group of
 * ours, or in the directory of another kind. */
static int may_be_defined(const struct place *p, const char *version)
{
	size_t n = strcspn(version, "/");

	if (p->kind || !version[n] || !memchr(version, '.', n))
		return 0;
	for (size_t i = 0; i < kinds_count(); i++) {
		const struct kind *k = kind_at(i);

		if (!(k->flags & KIND_CUSTOM) && strlen(k->group) == n &&
		    strncmp(k->group, version, n) == 0)
			return 0;
	}
	return 1;
}

static int check_type(const struct place *p, const char *version, const char *kind, unsigned line,
		      struct err *err)
{
	const struct kind *k = kind_by_gvk(version, kind);
	CLEANUP(buf_fini) struct buf right = BUF_INIT;

	if (k && (!p->kind || p->kind == k))
		return 0;
	if (str_ends(kind, "List"))
		return 0;
	if (!k && may_be_defined(p, version))
		return 0;
	if (!k)
		return err_set(err, EINVAL, "%s:%u: no matches for kind \"%s\" in version \"%s\"",
			       p->file, line, kind, version);
	place_of_kind(k, &right);
	return err_set(err, EINVAL, "%s:%u: a %s belongs into %s or apply", p->file, line, kind,
		       buf_str(&right));
}

/* Only the first lines are looked at, where nothing else can be meant: apiVersion and kind,
 * comments, document starts. */
static int check_head(const struct place *p, const char *text, size_t len, struct err *err)
{
	char version[256] = "", kind[256] = "";
	unsigned line = 0;

	while (len) {
		const char *end = memchr(text, '\n', len);
		size_t n = end ? (size_t)(end - text) : 0;

		if (!end)
			return 0; /* may go on */
		line++;
		if (n == 0 || *text == '#' || (n == 3 && memcmp(text, "---", 3) == 0))
			;
		else if (!read_plain(text, n, "apiVersion", version, sizeof(version)) &&
			 !read_plain(text, n, "kind", kind, sizeof(kind)))
			return 0;
		if (*version && *kind)
			return check_type(p, version, kind, line, err);
		text = end + 1;
		len -= n + 1;
	}
	return 0;
}

/* A tab where only blanks may indent: the parser must say so itself, of that very line. */
static int check_tab(const struct place *p, const char *text, size_t len, struct err *err)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct documents docs = {0};
	const char *at = text, *end = text + len, *stop = NULL;
	unsigned line = 0, tab_line = 0;
	int rc = 0;

	while (at < end && !tab_line) {
		const char *c = at;

		stop = memchr(at, '\n', (size_t)(end - at));
		if (!stop)
			return 0;
		line++;
		while (c < stop && *c == ' ')
			c++;
		if (c < stop && *c == '\t')
			tab_line = line;
		at = stop + 1;
	}
	if (!tab_line)
		return 0;
	if (yaml_parse(text, (size_t)(stop + 1 - text), &docs, &faults) && faults.n &&
	    faults.list[0].line == tab_line && strstr(faults.list[0].message, "tab"))
		rc = err_set(err, EINVAL, "%s:%u:%u: %s", p->file, tab_line, faults.list[0].column,
			     faults.list[0].message);
	documents_fini(&docs);
	return rc;
}

/* A key of the document itself follows `metadata:`, so that names nothing new any more. */
static int metadata_is_over(const char *text, size_t len)
{
	int seen = 0;

	while (len) {
		const char *nl = memchr(text, '\n', len);
		size_t n = nl ? (size_t)(nl - text) : len;

		if (seen && n && ((*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z')))
			return 1;
		seen |= n >= 9 && memcmp(text, "metadata:", 9) == 0;
		n += nl != NULL;
		text += n;
		len -= n;
	}
	return 0;
}

/* Of a short text with one object that is named for sure: may he write it at all? */
static int check_allowed(struct manifests *all, const struct caller *who, const struct place *p,
			 const char *text, size_t len, struct err *err)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	struct wants wants = {0};
	int rc = 0;

	if (who->uid == 0 || p->dry || len > MAX_EARLY || !metadata_is_over(text, len))
		return 0;
	wants_parse(p, text, len, &wants, &faults);
	if (wants.n == 1 && !faults.n) {
		const struct wanted *w = &wants.list[0];
		struct api_request *r = api_request_new(API_APPLY, w->kind, w->ns, w->name);

		r->body = value_ref(w->body);
		rc = api_may(all->api, who, r, err);
		api_request_free(r);
		if (rc)
			err_wrap(err, "%s", p->file);
	}
	wants_fini(&wants);
	return rc;
}

int manifest_check_early(struct manifests *all, const struct caller *who, const char *path,
			 const char *text, size_t len, struct err *err)
{
	struct place p;
	size_t i = 0;
	int rc = place_parse(path, &p, err);

	if (rc)
		return rc;
	while (i < len && (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t'))
		i++;
	if (i < len && text[i] != '{' && text[i] != '[') {
		rc = check_head(&p, text, len, err);
		if (!rc)
			rc = check_tab(&p, text, len, err);
		if (!rc)
			rc = check_allowed(all, who, &p, text, len, err);
	}
	place_fini(&p);
	return rc;
}
