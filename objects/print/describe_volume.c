/* SPDX-License-Identifier: MIT */
/* Volumes of a pod or of a pod template, as `kubectl describe` shows them. */
#include <inttypes.h>

#include "objects/codec.h"
#include "objects/print/print_i.h"

enum shown { SHOW_TEXT, SHOW_BOOL, SHOW_UNSET };

/* A source: its words, and its fields in the order of printing. */
static const struct source {
	const char *key, *words;
	struct {
		const char *title, *key;
		enum shown shown;
	} fields[5];
} sources[] = {
	{"hostPath",
	 "HostPath (bare host directory volume)",
	 {{"Path", "path", SHOW_TEXT}, {"HostPathType", "type", SHOW_TEXT}}},
	{"emptyDir",
	 "EmptyDir (a temporary directory that shares a pod's lifetime)",
	 {{"Medium", "medium", SHOW_TEXT}, {"SizeLimit", "sizeLimit", SHOW_UNSET}}},
	{"secret",
	 "Secret (a volume populated by a Secret)",
	 {{"SecretName", "secretName", SHOW_TEXT}, {"Optional", "optional", SHOW_BOOL}}},
	{"configMap",
	 "ConfigMap (a volume populated by a ConfigMap)",
	 {{"Name", "name", SHOW_TEXT}, {"Optional", "optional", SHOW_BOOL}}},
	{"persistentVolumeClaim",
	 "PersistentVolumeClaim (a reference to a PersistentVolumeClaim in the same namespace)",
	 {{"ClaimName", "claimName", SHOW_TEXT}, {"ReadOnly", "readOnly", SHOW_BOOL}}},
	{"nfs",
	 "NFS (an NFS mount that lasts the lifetime of a pod)",
	 {{"Server", "server", SHOW_TEXT},
	  {"Path", "path", SHOW_TEXT},
	  {"ReadOnly", "readOnly", SHOW_BOOL}}},
	{"csi",
	 "CSI (a Container Storage Interface (CSI) volume source)",
	 {{"Driver", "driver", SHOW_TEXT},
	  {"FSType", "fsType", SHOW_TEXT},
	  {"ReadOnly", "readOnly", SHOW_BOOL}}},
	{"image",
	 "Image (a container image or OCI artifact)",
	 {{"Reference", "reference", SHOW_TEXT}, {"PullPolicy", "pullPolicy", SHOW_TEXT}}},
	{"ephemeral",
	 "EphemeralVolume (an inline specification for a volume that gets created and "
	 "deleted with the pod)",
	 {{NULL, NULL, SHOW_TEXT}}},
};

static void describe_field(struct page_writer *w, const char *title, const struct value *v,
			   enum shown shown)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	if (shown == SHOW_BOOL)
		buf_adds(&text, value_bool(v, 0) ? "true" : "false");
	else if (v)
		scalar_render(v, &text);
	else if (shown == SHOW_UNSET)
		buf_adds(&text, "<unset>");
	line(w, 2, "%s:\t%s\n", title, buf_str(&text));
}

static void describe_items(struct page_writer *w, const struct value *items)
{
	line(w, 2, "Items:\n");
	for (size_t i = 0; i < value_count(items); i++)
		line(w, 3, "%s -> %s\n",
		     text_at(value_at(items, i), "", "fieldRef", "fieldPath", NULL),
		     text_at(value_at(items, i), "", "path", NULL));
}

static void add_optional(struct page_writer *w, const char *title, const struct value *v)
{
	CLEANUP(buf_fini) struct buf text = BUF_INIT;

	add_scalar(&text, v);
	line(w, 2, "%s:\t%s\n", title, buf_str(&text));
}

static void describe_projected(struct page_writer *w, const struct value *projected)
{
	const struct value *list = value_get(projected, "sources");

	line(w, 2,
	     "Type:\tProjected (a volume that contains injected data from multiple sources)\n");
	for (size_t i = 0; i < value_count(list); i++) {
		const struct value *s = value_at(list, i);

		if (value_get(s, "secret")) {
			line(w, 2, "SecretName:\t%s\n", text_at(s, "", "secret", "name", NULL));
			add_optional(w, "Optional", value_dig(s, "secret", "optional", NULL));
		} else if (value_get(s, "downwardAPI")) {
			line(w, 2, "DownwardAPI:\ttrue\n");
		} else if (value_get(s, "configMap")) {
			line(w, 2, "ConfigMapName:\t%s\n",
			     text_at(s, "", "configMap", "name", NULL));
			add_optional(w, "ConfigMapOptional",
				     value_dig(s, "configMap", "optional", NULL));
		} else if (value_get(s, "serviceAccountToken")) {
			line(w, 2, "TokenExpirationSeconds:\t%" PRId64 "\n",
			     int_at(s, 3600, "serviceAccountToken", "expirationSeconds", NULL));
		}
	}
}

static void describe_source(struct page_writer *w, const struct value *volume)
{
	for (size_t i = 0; i < ARRAY_LEN(sources); i++) {
		const struct source *s = &sources[i];
		const struct value *v = value_get(volume, s->key);

		if (!v)
			continue;
		line(w, 2, "Type:\t%s\n", s->words);
		for (size_t j = 0; j < ARRAY_LEN(s->fields) && s->fields[j].title; j++)
			describe_field(w, s->fields[j].title, value_get(v, s->fields[j].key),
				       s->fields[j].shown);
		return;
	}
	if (value_get(volume, "projected")) {
		describe_projected(w, value_get(volume, "projected"));
	} else if (value_get(volume, "downwardAPI")) {
		line(w, 2,
		     "Type:\tDownwardAPI (a volume populated by information about the pod)\n");
		describe_items(w, value_dig(volume, "downwardAPI", "items", NULL));
	} else {
		line(w, 1, "<unknown>\n");
	}
}

void describe_volumes(struct page_writer *w, const struct value *volumes, const char *space)
{
	line(w, 0, "%sVolumes:%s\n", space, value_count(volumes) ? "" : "\t<none>");
	for (size_t i = 0; i < value_count(volumes); i++) {
		line(w, 1, "%s%s:\n", *space ? " " : "",
		     text_at(value_at(volumes, i), "", "name", NULL));
		describe_source(w, value_at(volumes, i));
	}
}
