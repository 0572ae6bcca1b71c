/* SPDX-License-Identifier: MIT */
/*
 * The documents of an image, and names, of any bytes: config, manifest and index.json or
 * manifest.json in an archive around them. Nothing crashes or leaks, every refusal has a text, and
 * a name that was normalised is normal.
 */
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/images/import.h"
#include "tests/unit/image_archives.h"
#include "util/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void name(const char *text)
{
	struct err err = ERR_INIT;
	CLEANUP_FREE char *once = image_normalize(text, &err), *twice = NULL;

	if (!once && !err.code)
		abort();
	if (once)
		twice = image_normalize(once, &err);
	if (once && !str_eq(once, twice))
		abort();
}

static void config(const char *text, size_t len)
{
	struct err err = ERR_INIT;
	struct image_spec spec;
	int rc = image_spec_parse(text, len, &spec, &err);

	if (rc < 0 && !err.code)
		abort();
	if (rc == 0)
		image_config_fini(&spec.config);
}

static void manifest(const char *text, size_t len)
{
	struct err err = ERR_INIT;
	json_t *j = manifest_json(text, len, "fuzz", &err);
	struct manifest *m = xcalloc(1, sizeof(*m));

	if (j && manifest_parse(j, m, &err) < 0 && !err.code)
		abort();
	json_decref(j);
	free(m);
}

/* The whole reading of an archive whose top document this is. */
static void archive(const char *member, const char *text, size_t len)
{
	CLEANUP(buf_fini) struct buf tar = BUF_INIT;
	struct import imp = {.layers = STRMAP_INIT};
	struct err err = ERR_INIT;
	int fd;

	tar_add_entry(&tar,
		      &(struct tar_entry){
			      .type = TAR_FILE, .name = member, .text = text, .text_len = len});
	tar_add(&tar, TAR_FILE, "c.json", 0644, "{\"rootfs\":{\"diff_ids\":[]}}");
	tar_end(&tar);
	fd = archive_fd(&tar);
	if (image_archive_open(&imp.archive, fd, "/tmp", NULL, NULL, &err) == 0) {
		if (import_read(&imp, &err) < 0 && !err.code)
			abort();
		image_archive_close(&imp.archive);
	}
	for (size_t i = 0; i < imp.n; i++)
		incoming_free(imp.list[i]);
	free(imp.list);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP_FREE char *text = xstrndup((const char *)data, size);

	if (!size)
		return 0;
	switch (data[0] % 5) {
	case 0:
		name(text + 1);
		break;
	case 1:
		config(text + 1, size - 1);
		break;
	case 2:
		manifest(text + 1, size - 1);
		break;
	case 3:
		archive("index.json", text + 1, size - 1);
		break;
	default:
		archive("manifest.json", text + 1, size - 1);
	}
	return 0;
}
