/* SPDX-License-Identifier: MIT */
#include "objects/manifests/drafts.h"

#include "objects/custom.h"

void drafts_init(struct drafts *d, const struct op *op, const struct documents *docs)
{
	*d = (struct drafts){.op = op, .docs = docs};
}

void drafts_fini(struct drafts *d)
{
	for (size_t i = 0; i < d->n_definitions; i++)
		value_unref(d->definitions[i]);
	free(d->definitions);
}

static const struct kind *definition_kind(const struct value *doc)
{
	const struct kind *k = kind_by_gvk(value_dig_str(doc, "apiVersion", NULL),
					   value_dig_str(doc, "kind", NULL));

	return k && custom_is_definition(k) ? k : NULL;
}

/* Names of kinds are handed out to those only who may make them. */
static int may_define(const struct drafts *d, const struct kind *k, const struct value *doc)
{
	const char *name = value_dig_str(doc, "metadata", "name", NULL);

	struct api_request *r;
	int rc;

	if (!name)
		return 0;
	r = api_request_new(API_CREATE, k, "", name);
	rc = api_may(d->op->all->api, &d->op->who, r, NULL);
	api_request_free(r);
	return rc == 0;
}

static void add_definition(struct drafts *d, const struct value *doc)
{
	CLEANUP(faults_fini) struct faults faults = FAULTS_INIT;
	const struct kind *k = definition_kind(doc);
	CLEANUP_VALUE struct value *v = NULL;

	if (!k)
		return;
	v = schema_decode(k->schema, value_ref(doc), NULL, &faults);
	if (!faults.n) {
		v = kind_default(k, v);
		kind_validate(k, v, NULL, 0, &faults);
	}
	if (faults.n || !may_define(d, k, doc)) {
		d->refused = 1;
		return;
	}
	d->definitions =
		xreallocarray(d->definitions, d->n_definitions + 1, sizeof(struct value *));
	d->definitions[d->n_definitions++] = STEAL(v);
}

/* Only when somebody asks: most texts have no definition, or nothing but one. */
static void look(struct drafts *d)
{
	d->looked = 1;
	for (size_t i = 0; i < d->docs->n; i++) {
		const struct value *doc = d->docs->list[i].value;
		const struct value *items = value_get(doc, "items");

		add_definition(d, doc);
		for (size_t j = 0; value_is(items, VALUE_LIST) && j < value_count(items); j++)
			add_definition(d, value_at(items, j));
	}
}

static const struct kind *find_made(const struct wants *w, const char *api_version,
				    const char *kind)
{
	for (size_t i = 0; i < w->n_drafts; i++)
		if (str_eq(kind_api_version(w->drafts[i]), api_version) &&
		    str_eq(w->drafts[i]->kind, kind))
			return w->drafts[i];
	return NULL;
}

const struct kind *drafts_find(struct drafts *d, const char *api_version, const char *kind,
			       struct wants *w)
{
	const struct kind *made = find_made(w, api_version, kind);
	struct kind *draft = NULL;

	if (made)
		return made;
	if (!d->looked && d->op)
		look(d);
	for (size_t i = 0; i < d->n_definitions && !draft; i++)
		draft = custom_draft(d->definitions[i], api_version, kind, NULL);
	if (!draft)
		return NULL;
	w->drafts = xreallocarray(w->drafts, w->n_drafts + 1, sizeof(struct kind *));
	w->drafts[w->n_drafts++] = draft;
	return draft;
}
