/* SPDX-License-Identifier: MIT */
/* docs/files.md is made from the rows: what is documented is what is served. */
#include "fs/containers.h"
#include "fs/dirs.h"

extern const struct row *const found_in_collection[],
	*const field_rows[], *const manifest_rows[],
				     *const wait_rows[], *const container_rows[],
								 *const container_dir_rows[],
									 *const found_in_images[];
extern const struct row *const *const exec_rows[];

static const char intro[] =
	"# The files of the tree\n"
	"\n"
	"Every file that is served, from the table that serves it: what a read "
	"gives, what a write\n"
	"accepts, and its errors. `<resource>/` is "
	"`apis/<group>/<version>/<resource>/` (or the link\n"
	"`pods`, `deploy` ... at the root); `<object>/` is the directory of "
	"one object; `<pod>/` that\n"
	"of a pod. *Hidden* files are there by name but not listed: they "
	"block, so that `grep -r`, `tar`\n"
	"and `find` over the whole mount always end. Their size is 1: they "
	"are not empty, and how\n"
	"much will come nobody knows; sendfile and splice are told EINVAL, so "
	"that what uses them reads.\n"
	"\n"
	"Everywhere: content is made at open and does not change under the "
	"reader (logs grow); sizes are\n"
	"true; ESTALE never reaches a program that opens by path; a refused "
	"write leaves its text in\n"
	"`/k8s/errors`.\n"
	"\n"
	"A write that an admission webhook is configured for waits for it, and it "
	"alone: EACCES it was\n"
	"denied (or EBUSY, EINVAL ..., as the webhook's status code says) or the "
	"webhook cannot be asked,\n"
	"ETIMEDOUT it did not answer in time. Its warnings are lines of `/k8s/errors`.\n"
	"\n"
	"Who reads a custom resource in a version that a conversion webhook has to make waits for "
	"it, "
	"once for\n"
	"each change of the object: ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH, EIO, EINVAL there is no "
	"(acceptable)\n"
	"answer, and `/k8s/errors` says which; the stored version is there all the same.\n"
	"\n"
	"Modes are those of root; for everybody else mode and ACL (`getfacl`) "
	"say what Roles and\n"
	"ClusterRoles allow. Of a collection: r is `list`, w any of "
	"`create`, `patch`, `update`, `delete`,\n"
	"x any right there; of an object's directory and files: r is `get`, "
	"w `patch` or `update`. *needs* says\n"
	"what is otherwise: `verb:subresource`, `verb@other resource`, "
	"one of those between `|`.\n"
	"`setfacl` on the directory of a resource, a namespace or an object "
	"makes the role and the binding.\n"
	"\n";

static const char *type_of(const struct row *r)
{
	static const char *const names[] = {[ROW_DIR] = "directory",
					    [ROW_FILE] = "file",
					    [ROW_LINK] = "link",
					    [ROW_SPECIAL] = "special file"};

	return names[r->type];
}

static void render_row(const struct row *r, struct buf *out)
{
	buf_addf(out, "### `%s%s%s`\n\n%s, mode %04o%s\n\n", r->where, r->name,
		 r->type == ROW_DIR && !str_ends(r->name, "/") ? "/" : "", type_of(r), r->mode,
		 r->flags & ROW_HIDDEN ? ", hidden" : "");
	if (r->reads)
		buf_addf(out, "- read: %s\n", r->reads);
	if (r->writes)
		buf_addf(out, "- write: %s\n", r->writes);
	if (r->errors)
		buf_addf(out, "- errors: %s\n", r->errors);
	if (r->url)
		buf_addf(out, "- needs: `get` of the non-resource URL `%s`\n", r->url);
	if (r->read_as || r->write_as)
		buf_addf(out, "- needs:%s%s%s%s%s%s%s\n", r->read_as ? " `" : "",
			 r->read_as ? r->read_as : "", r->read_as ? "` to read" : "",
			 r->read_as && r->write_as ? "," : "", r->write_as ? " `" : "",
			 r->write_as ? r->write_as : "", r->write_as ? "` to write" : "");
	buf_adds(out, "\n");
}

static void render_rows(const char *title, const struct row *const *rows, struct buf *out)
{
	if (title)
		buf_addf(out, "## %s\n\n", title);
	for (; *rows; rows++)
		render_row(*rows, out);
}

void fs_render_docs(struct buf *out)
{
	buf_adds(out, intro);
	render_rows("The root", root_rows, out);
	render_rows(NULL, found_rows, out);
	render_rows(NULL, apis_rows, out);
	render_rows("A resource and its namespaces", found_in_collection, out);
	render_rows(NULL, collection_rows, out);
	render_rows("Reviews", review_rows, out);
	render_rows("Manifests and scratch files", manifest_rows, out);
	render_rows("An object", (const struct row *const[]){&row_object, NULL}, out);
	render_rows(NULL, object_rows, out);
	render_rows(NULL, wait_rows, out);
	render_rows("Fields", field_rows, out);
	render_rows("Containers", container_dir_rows, out);
	render_rows(NULL, container_rows, out);
	for (const struct row *const *const *t = exec_rows; *t; t++)
		render_rows(NULL, *t, out);
	render_rows(NULL, found_in_root, out);
	render_rows("Images", images_rows, out);
	render_rows(NULL, found_in_images, out);
	if (out->len && out->data[out->len - 1] == '\n' && out->data[out->len - 2] == '\n')
		buf_resize(out, out->len - 1);
}
