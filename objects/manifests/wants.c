/* SPDX-License-Identifier: MIT */
/* From the text of a manifest to the objects that it wants. */
#include "objects/manifests/manifests_i.h"

#include <errno.h>

#include "objects/codec.h"
#include "objects/custom.h"
#include "objects/manifests/drafts.h"

struct parser {
	const struct place *place;
	struct wants *out;
	struct drafts drafts;
	struct faults faults; /* of this document */
	const struct document *document;
	long item;
};

void wants_fini(struct wants *w)
{
	for (size_t i = 0; i < w->n; i++) {
		free(w->list[i].ns);
		free(w->list[i].name);
		value_unref(w->list[i].body);
	}
	free(w->list);
	for (size_t i = 0; i < w->n_drafts; i++)
		custom_draft_free(w->drafts[i]);
	free(w->drafts);
	*w = (struct wants){0};
}

void faults_of_item(struct faults *faults, long item)
{
	for (size_t i = 0; item >= 0 && i < faults->n; i++) {
		struct value **steps = &faults->list[i].steps;

		*steps =
			value_insert_at(*steps ? *steps : value_new_list(), 0, value_new_int(item));
		*steps = value_insert_at(*steps, 0, value_new_string("items"));
	}
}

static const char *line_start(const char *text, size_t len, unsigned line)
{
	const char *at = text, *end = text + len;

	while (line > 1 && at < end) {
		const char *stop = memchr(at, '\n', (size_t)(end - at));

		if (!stop)
			return text;
		at = stop + 1;
		line--;
	}
	return line > 1 ? text : at;
}

static int all_located(const struct faults *f)
{
	for (size_t i = 0; i < f->n; i++)
		if (!f->list[i].line)
			return 0;
	return 1;
}

/* Only the document itself is read again, else many documents would make many walks over all of
 * them. */
static void locate(struct faults *f, const char *text, size_t len, unsigned document, unsigned line)
{
	const char *start = line_start(text, len, line);

	if (start == text || all_located(f)) {
		yaml_locate(text, len, document, f);
		return;
	}
	yaml_locate(start, len - (size_t)(start - text), 0, f);
	for (size_t i = 0; i < f->n; i++)
		if (f->list[i].line)
			f->list[i].line += line - 1;
	if (!all_located(f)) /* it needs what stands before it: %TAG */
		yaml_locate(text, len, document, f);
}

void faults_place(struct faults *all, struct faults *of_one, const char *text, size_t len,
		  unsigned document, unsigned line)
{
	if (of_one->n && all->n < FAULTS_MAX)
		locate(of_one, text, len, document, line);
	faults_move(all, of_one);
}

static int read_type(const struct value *doc, const char **version, const char **kind,
		     struct faults *faults)
{
	const struct value *v = value_get(doc, "apiVersion"), *k = value_get(doc, "kind");

	*version = value_str(v, NULL);
	*kind = value_str(k, NULL);
	if (!*version || !**version)
		fault_add(faults, PATH_FIELD(NULL, "apiVersion"),
			  v && !value_is(v, VALUE_NULL) ? FAULT_TYPE : FAULT_REQUIRED, v,
			  "must be a version such as v1 or apps/v1");
	if (!*kind || !**kind)
		fault_add(faults, PATH_FIELD(NULL, "kind"),
			  k && !value_is(k, VALUE_NULL) ? FAULT_TYPE : FAULT_REQUIRED, k,
			  "must be a kind such as Pod");
	return faults->n ? -EINVAL : 0;
}

static void check_directory(const struct place *p, const struct kind *k, const struct value *doc,
			    struct faults *faults)
{
	CLEANUP(buf_fini) struct buf right = BUF_INIT, here = BUF_INIT;

	if (!p->kind || p->kind == kind_settled(k))
		return;
	place_of_kind(k, &right);
	place_of_kind(p->kind, &here);
	fault_add(faults, PATH_FIELD(NULL, "kind"), FAULT_INVALID, value_get(doc, "kind"),
		  "%s is for %s; this belongs into %s or apply", buf_str(&here), p->kind->kind,
		  buf_str(&right));
}

static char *namespace_of(const struct place *p, const struct kind *k, const struct value *doc,
			  struct faults *faults)
{
	const struct value *v = value_dig(doc, "metadata", "namespace", NULL);
	const char *ns = value_str(v, NULL);

	if (!(k->flags & KIND_NAMESPACED))
		return xstrdup("");
	if (ns && *ns && p->ns && !str_eq(ns, p->ns))
		fault_add(faults, PATH_FIELD(PATH_FIELD(NULL, "metadata"), "namespace"),
			  FAULT_INVALID, v, "the file is in the directory of the namespace \"%s\"",
			  p->ns);
	if (ns && *ns)
		return xstrdup(ns);
	return xstrdup(p->ns ? p->ns : "default");
}

static int is_blank(const struct value *v)
{
	return value_type(v) == VALUE_NULL || (value_is(v, VALUE_STRING) && value_strlen(v) == 0);
}

/* What the place says is put into the body: missing name, and no namespace where there is none. */
static struct value *complete(const struct kind *k, const struct value *doc, const char *name)
{
	const struct value *meta = value_get(doc, "metadata");
	struct value *body = value_ref(doc), *m;

	if (meta && !value_is(meta, VALUE_MAP) && !value_is(meta, VALUE_NULL))
		return body; /* decoding says so */
	m = value_is(meta, VALUE_MAP) ? value_ref(meta) : value_new_map();
	if (is_blank(value_get(m, "name"))) /* a number is a fault, decoding says so */
		m = value_set_str(m, "name", name);
	if (!(k->flags & KIND_NAMESPACED))
		m = value_del(m, "namespace");
	return value_set(body, "metadata", m);
}

static void add_wanted(struct parser *p, const struct kind *k, const struct value *doc,
		       struct faults *faults)
{
	const char *name = value_dig_str(doc, "metadata", "name", NULL);
	struct wants *w = p->out;
	struct wanted one = {.kind = k,
			     .document = p->document->index,
			     .line = p->document->line,
			     .item = p->item};

	check_directory(p->place, k, doc, faults);
	one.ns = namespace_of(p->place, k, doc, faults);
	one.name = xstrdup(name && *name ? name : p->place->stem);
	one.body = complete(k, doc, one.name);
	if ((w->n & (w->n - 1)) == 0) /* grows by doubling */
		w->list = xreallocarray(w->list, w->n ? w->n * 2 : 1, sizeof(*w->list));
	w->list[w->n++] = one;
}

/* "PodList" is Pods; any "List" is what its items say. NULL: it is no list. */
static int is_list(const char *version, const char *kind, const struct kind **of)
{
	CLEANUP_FREE char *element = NULL;

	*of = NULL;
	if (!str_ends(kind, "List") || kind_by_gvk(version, kind))
		return 0;
	if (str_eq(kind, "List"))
		return 1;
	element = xstrndup(kind, strlen(kind) - strlen("List"));
	*of = kind_by_gvk(version, element);
	return *of != NULL;
}

static void take_object(struct parser *p, const struct value *doc, int below_list);

static void take_list(struct parser *p, const struct value *doc, const struct kind *of,
		      struct faults *faults)
{
	const struct value *items = value_get(doc, "items");

	if (items && !value_is(items, VALUE_LIST) && !value_is(items, VALUE_NULL))
		fault_add(faults, PATH_FIELD(NULL, "items"), FAULT_TYPE, NULL, "must be a list");
	for (size_t i = 0; i < value_count(items); i++) {
		struct value *item = value_ref(value_at(items, i));

		if (of && value_is(item, VALUE_MAP) && !value_get(item, "kind"))
			item = value_set_str(value_set_str(item, "kind", of->kind), "apiVersion",
					     kind_api_version(of));
		p->item = (long)i;
		take_object(p, item, 1);
		value_unref(item);
	}
	p->item = -1;
}

/* What the text itself defines counts before what is stored. */
static const struct kind *kind_of(struct parser *p, const char *version, const char *kind)
{
	const struct kind *k = kind_by_gvk(version, kind), *draft;

	if (k && !(k->flags & KIND_CUSTOM))
		return k;
	draft = drafts_find(&p->drafts, version, kind, p->out);
	return draft ? draft : k;
}

static void take_object(struct parser *p, const struct value *doc, int below_list)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	const char *version, *kind;
	const struct kind *k, *of;
	long item = p->item;

	if (!value_is(doc, VALUE_MAP)) {
		fault_add(&faults, NULL, FAULT_SYNTAX, NULL,
			  "an object is a map with apiVersion, kind and metadata");
	} else if (read_type(doc, &version, &kind, &faults)) {
		;
	} else if (!below_list && is_list(version, kind, &of)) {
		take_list(p, doc, of, &faults);
	} else if (!(k = kind_of(p, version, kind))) {
		fault_add(&faults, PATH_FIELD(NULL, "kind"), FAULT_OTHER, NULL,
			  "no matches for kind \"%.200s\" in version \"%.200s\"%s", kind, version,
			  p->drafts.refused ? " (a definition in this file is refused)" : "");
	} else {
		add_wanted(p, k, doc, &faults);
	}
	faults_of_item(&faults, item);
	faults_move(&p->faults, &faults);
}

/* What others need is made first. */
static int comes_first(const struct wanted *w)
{
	return str_eq(w->kind->kind, "Namespace") ||
	       str_eq(w->kind->kind, "CustomResourceDefinition");
}

static void order(struct wants *w)
{
	struct wanted *list = xcalloc(w->n + 1, sizeof(*list));
	size_t n = 0;

	for (int first = 1; first >= 0; first--)
		for (size_t i = 0; i < w->n; i++)
			if (comes_first(&w->list[i]) == first)
				list[n++] = w->list[i];
	free(w->list);
	w->list = list;
}

void wants_parse(const struct place *place, const char *text, size_t len, struct wants *out,
		 struct faults *faults)
{
	struct parser p = {.place = place, .out = out, .item = -1};
	struct documents docs = {0};

	*out = (struct wants){0};
	if (yaml_parse(text, len, &docs, faults) && !faults->n)
		fault_add(faults, NULL, FAULT_SYNTAX, NULL, "this is no YAML");
	drafts_init(&p.drafts, place->writer, &docs);
	for (size_t i = 0; i < docs.n; i++) {
		p.document = &docs.list[i];
		take_object(&p, docs.list[i].value, 0);
		faults_place(faults, &p.faults, text, len, docs.list[i].index, docs.list[i].line);
	}
	drafts_fini(&p.drafts);
	documents_fini(&docs);
	order(out);
}
