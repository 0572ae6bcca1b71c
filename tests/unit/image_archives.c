/* SPDX-License-Identifier: MIT */
/* Archives made by hand: see image_archives.h. */
#include "tests/unit/image_archives.h"

#include <archive.h>
#include <archive_entry.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "util/fd.h"

static void pad_block(struct buf *tar)
{
	buf_resize(tar, (tar->len + 511) & ~(size_t)511);
}

static void octal(char *field, size_t size, uint64_t v)
{
	for (size_t i = size - 1; i-- > 0; v >>= 3)
		field[i] = (char)('0' + (v & 7));
}

static void header(struct buf *tar, const struct tar_entry *e, const char *name, const char *link,
		   uint64_t size)
{
	size_t at = tar->len, n = strlen(name);
	unsigned sum = 0;
	char *h;

	buf_resize(tar, at + 512);
	h = tar->data + at;
	memcpy(h, name, n > 100 ? 100 : n);
	octal(h + 100, 8, e->mode);
	octal(h + 108, 8, e->uid);
	octal(h + 116, 8, e->gid);
	octal(h + 124, 12, size);
	octal(h + 136, 12, (uint64_t)e->mtime);
	h[156] = e->type;
	n = strlen(link);
	memcpy(h + 157, link, n > 100 ? 100 : n);
	memcpy(h + 257, "ustar  ", 8);
	memset(h + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
}

static void long_field(struct buf *tar, char type, const char *text)
{
	struct tar_entry e = {.type = type};

	if (strlen(text) <= 99)
		return;
	header(tar, &e, "././@LongLink", "", strlen(text) + 1);
	buf_add(tar, text, strlen(text) + 1);
	pad_block(tar);
}

void tar_add_entry(struct buf *tar, const struct tar_entry *e)
{
	int linked = e->type == TAR_LINK || e->type == TAR_HARD;
	size_t len = linked || !e->text ? 0 : e->text_len ? e->text_len : strlen(e->text);
	const char *link = linked && e->text ? e->text : "";

	long_field(tar, 'K', link);
	long_field(tar, 'L', e->name);
	header(tar, e, e->name, link, e->declared ? e->declared : len);
	if (len)
		buf_add(tar, e->text, len);
	pad_block(tar);
}

void tar_add(struct buf *tar, char type, const char *name, unsigned mode, const char *text)
{
	tar_add_entry(tar, &(struct tar_entry){.type = type,
					       .name = name,
					       .mode = mode,
					       .text = text,
					       .mtime = 1000000000});
}

void pax_record(struct buf *records, const char *key, const void *value, size_t len)
{
	size_t n = strlen(key) + len + 3, digits = 1;

	for (size_t v = 10; v <= n + digits; v *= 10)
		digits++;
	buf_addf(records, "%zu %s=", n + digits, key);
	buf_add(records, value, len);
	buf_addc(records, '\n');
}

void tar_add_records(struct buf *tar, const struct buf *records)
{
	tar_add_entry(tar, &(struct tar_entry){.type = 'x',
					       .name = "pax",
					       .text = buf_str(records),
					       .text_len = records->len});
}

void tar_add_pax(struct buf *tar, const char *key, const void *value, size_t len)
{
	CLEANUP(buf_fini) struct buf records = BUF_INIT;

	pax_record(&records, key, value, len);
	tar_add_records(tar, &records);
}

void tar_end(struct buf *tar)
{
	buf_resize(tar, tar->len + 1024);
}

void gzip_buf(const struct buf *in, struct buf *out)
{
	struct archive *a = archive_write_new();
	struct archive_entry *e = archive_entry_new();
	size_t used = 0;

	archive_write_add_filter_gzip(a);
	/* The same bytes whenever the test runs. */
	archive_write_set_filter_option(a, "gzip", "timestamp", NULL);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_per_block(a, 0);
	buf_reserve(out, in->len + 65536);
	archive_write_open_memory(a, out->data, in->len + 65536, &used);
	archive_entry_set_filetype(e, AE_IFREG);
	archive_write_header(a, e);
	archive_write_data(a, in->data, in->len);
	archive_write_close(a);
	archive_write_free(a);
	archive_entry_free(e);
	out->len = used;
}

void hex_digest(const struct buf *b, char out[65])
{
	unsigned char raw[32];

	EVP_Digest(buf_str(b), b->len, raw, NULL, EVP_sha256(), NULL);
	for (int i = 0; i < 32; i++)
		snprintf(out + (size_t)2 * i, 3, "%02x", raw[i]);
}

static void add_member(struct buf *tar, const char *name, const struct buf *data)
{
	tar_add_entry(tar, &(struct tar_entry){.type = TAR_FILE,
					       .name = name,
					       .mode = 0644,
					       .text = buf_str(data),
					       .text_len = data->len});
}

static void add_blob(struct buf *tar, const struct buf *data, char hex[65])
{
	CLEANUP_FREE char *name = NULL;

	hex_digest(data, hex);
	name = xasprintf("blobs/sha256/%s", hex);
	add_member(tar, name, data);
}

static void config_json(struct buf *out, struct buf *layers, size_t n, const char *config)
{
	char hex[65];

	buf_addf(out,
		 "{\"os\":\"linux\",\"created\":\"2024-01-01T00:00:00Z\",\"config\":%s,\"rootfs\":{"
		 "\"type\":\"layers\",\"diff_ids\":[",
		 config);
	for (size_t i = 0; i < n; i++) {
		hex_digest(&layers[i], hex);
		buf_addf(out, "%s\"sha256:%s\"", i ? "," : "", hex);
	}
	buf_adds(out, "]}}");
}

void oci_archive(struct buf *out, struct buf *layers, size_t n, const char *config,
		 const char *name, int gzip)
{
	CLEANUP(buf_fini) struct buf manifest = BUF_INIT, json = BUF_INIT, index = BUF_INIT;
	char hex[65];

	config_json(&json, layers, n, config);
	add_blob(out, &json, hex);
	buf_addf(&manifest,
		 "{\"schemaVersion\":2,\"config\":{\"digest\":\"sha256:%s\",\"size\":%zu},"
		 "\"layers\":[",
		 hex, json.len);
	for (size_t i = 0; i < n; i++) {
		CLEANUP(buf_fini) struct buf packed = BUF_INIT;

		if (gzip)
			gzip_buf(&layers[i], &packed);
		add_blob(out, gzip ? &packed : &layers[i], hex);
		buf_addf(&manifest, "%s{\"digest\":\"sha256:%s\",\"size\":%zu}", i ? "," : "", hex,
			 gzip ? packed.len : layers[i].len);
	}
	buf_adds(&manifest, "]}");
	add_blob(out, &manifest, hex);
	buf_addf(&index,
		 "{\"schemaVersion\":2,\"manifests\":[{\"digest\":\"sha256:%s\",\"size\":%zu,"
		 "\"annotations\":{\"org.opencontainers.image.ref.name\":\"%s\"}}]}",
		 hex, manifest.len, name);
	tar_add(out, TAR_FILE, "oci-layout", 0644, "{\"imageLayoutVersion\":\"1.0.0\"}");
	add_member(out, "index.json", &index);
	tar_end(out);
}

static void save_as(struct buf *out, struct buf *layers, struct buf *named, size_t n,
		    const char *config, const char *tags)
{
	CLEANUP(buf_fini) struct buf manifest = BUF_INIT, json = BUF_INIT;
	CLEANUP_FREE char *name = NULL;
	char hex[65];

	config_json(&json, named, n, config);
	hex_digest(&json, hex);
	name = xasprintf("%s.json", hex);
	add_member(out, name, &json);
	buf_addf(&manifest, "[{\"Config\":\"%s\",\"RepoTags\":[%s],\"Layers\":[", name, tags);
	for (size_t i = 0; i < n; i++) {
		CLEANUP_FREE char *member = xasprintf("%zu/layer.tar", i);

		add_member(out, member, &layers[i]);
		buf_addf(&manifest, "%s\"%s\"", i ? "," : "", member);
	}
	buf_adds(&manifest, "]}]");
	add_member(out, "manifest.json", &manifest);
	tar_end(out);
}

void save_archive(struct buf *out, struct buf *layers, size_t n, const char *config,
		  const char *tags)
{
	save_as(out, layers, layers, n, config, tags);
}

void save_archive_lying(struct buf *out, struct buf *layer, struct buf *named, const char *config,
			const char *tags)
{
	save_as(out, layer, named, 1, config, tags);
}

int archive_fd(const struct buf *b)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);

	if (fd < 0 || fd_write_all(fd, buf_str(b), b->len) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		abort();
	return fd;
}
