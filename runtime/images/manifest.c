/* SPDX-License-Identifier: MIT */
/* The JSON documents of an image: see manifest.h. */
#include "runtime/images/manifest.h"

#include <errno.h>
#include <signal.h>
#include <strings.h>

#define LIST_MAX   10000
#define STRING_MAX (1u << 20)

json_t *manifest_json(const char *text, size_t len, const char *what, struct err *err)
{
	json_error_t why;
	json_t *j;

	if (len > MANIFEST_MAX_BYTES) {
		err_set(err, EFBIG, "%s: larger than %u bytes", what, MANIFEST_MAX_BYTES);
		return NULL;
	}
	j = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
	if (!j)
		err_set(err, EINVAL, "%s: line %d: %s", what, why.line, why.text);
	return j;
}

int descriptor_parse(const json_t *j, const char *what, struct descriptor *out, struct err *err)
{
	const char *digest = json_string_value(json_object_get(j, "digest"));
	const json_t *size = json_object_get(j, "size");

	if (!digest || !digest_valid(digest))
		return err_set(err, EINVAL, "%s: digest: expected sha256:<64 hex digits>", what);
	if (!json_is_integer(size) || json_integer_value(size) < 0)
		return err_set(err, EINVAL, "%s: size: expected a number of bytes", what);
	memcpy(out->digest, digest, DIGEST_SIZE);
	out->size = (uint64_t)json_integer_value(size);
	return 0;
}

int manifest_parse(const json_t *j, struct manifest *out, struct err *err)
{
	const json_t *layers = json_object_get(j, "layers"), *layer;
	size_t i;

	out->n_layers = 0;
	if (json_integer_value(json_object_get(j, "schemaVersion")) != 2)
		return err_set(err, EINVAL, "image manifest: schemaVersion: expected 2");
	if (descriptor_parse(json_object_get(j, "config"), "image manifest: config", &out->config,
			     err) < 0)
		return -err->code;
	if (!json_is_array(layers))
		return err_set(err, EINVAL, "image manifest: layers: expected a list");
	if (json_array_size(layers) > IMAGE_MAX_LAYERS)
		return err_set(err, E2BIG, "image manifest: more than %d layers", IMAGE_MAX_LAYERS);
	json_array_foreach(layers, i, layer)
	{
		if (descriptor_parse(layer, "image manifest: layers", &out->layers[i], err) < 0)
			return -err->code;
	}
	out->n_layers = i;
	return 0;
}

/* -- config -- */

static void strings_free(char **list)
{
	for (size_t i = 0; list && list[i]; i++)
		free(list[i]);
	free(list);
}

void image_config_fini(struct image_config *c)
{
	strings_free(c->entrypoint);
	strings_free(c->cmd);
	strings_free(c->env);
	strings_free(c->exposed_ports);
	strings_free(c->volumes);
	free(c->user);
	free(c->cwd);
	*c = (struct image_config){0};
}

/* A JSON string may hold NUL: no path and no argument can. */
static const char *plain_string(const json_t *j)
{
	const char *s = json_string_value(j);

	return s && json_string_length(j) == strlen(s) && strlen(s) <= STRING_MAX ? s : NULL;
}

static int string_list(const json_t *config, const char *key, char ***out, struct err *err)
{
	const json_t *list = json_object_get(config, key);
	size_t n = json_array_size(list);

	*out = NULL;
	if (list && !json_is_null(list) && (!json_is_array(list) || n > LIST_MAX))
		return err_set(err, EINVAL, "image config: %s: expected a list of strings", key);
	*out = xcalloc(n + 1, sizeof(char *));
	for (size_t i = 0; i < n; i++) {
		const char *s = plain_string(json_array_get(list, i));

		if (!s)
			return err_set(err, EINVAL, "image config: %s[%zu]: expected a string", key,
				       i);
		(*out)[i] = xstrdup(s);
	}
	return 0;
}

/* {"80/tcp": {}}: a set, spelled as an object. */
static int string_set(const json_t *config, const char *key, char ***out, struct err *err)
{
	json_t *set = json_object_get(config, key);
	size_t n = json_object_size(set), i = 0;
	const char *name;
	json_t *ignored;

	*out = NULL;
	if (set && !json_is_null(set) && (!json_is_object(set) || n > LIST_MAX))
		return err_set(err, EINVAL, "image config: %s: expected an object", key);
	*out = xcalloc(n + 1, sizeof(char *));
	json_object_foreach(set, name, ignored)(*out)[i++] = xstrdup(name);
	return 0;
}

static int string_field(const json_t *config, const char *key, char **out, struct err *err)
{
	const json_t *j = json_object_get(config, key);
	const char *s = plain_string(j);

	if (j && !json_is_null(j) && !s)
		return err_set(err, EINVAL, "image config: %s: expected a string", key);
	*out = xstrdup(s ? s : "");
	return 0;
}

/* "SIGQUIT", "QUIT", "3", "SIGRTMIN+3". */
static int signal_number(const char *s)
{
	char *end;
	long n = strtol(s, &end, 10);

	if (end != s)
		return !*end && n > 0 && n <= SIGRTMAX ? (int)n : 0;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	if (strncasecmp(s, "RTMIN+", 6) == 0 || strncasecmp(s, "RTMAX-", 6) == 0) {
		n = strtol(s + 6, &end, 10);
		if (end == s + 6 || *end || n < 0 || n > SIGRTMAX - SIGRTMIN)
			return 0;
		return (int)(s[4] == 'I' || s[4] == 'i' ? SIGRTMIN + n : SIGRTMAX - n);
	}
	for (int i = 1; i < SIGRTMIN; i++)
		if (sigabbrev_np(i) && strcasecmp(sigabbrev_np(i), s) == 0)
			return i;
	return 0;
}

static int config_parse(const json_t *j, struct image_config *c, struct err *err)
{
	CLEANUP_FREE char *signal = NULL;
	int rc;

	if ((rc = string_list(j, "Entrypoint", &c->entrypoint, err)) < 0 ||
	    (rc = string_list(j, "Cmd", &c->cmd, err)) < 0 ||
	    (rc = string_list(j, "Env", &c->env, err)) < 0 ||
	    (rc = string_field(j, "User", &c->user, err)) < 0 ||
	    (rc = string_field(j, "WorkingDir", &c->cwd, err)) < 0 ||
	    (rc = string_set(j, "ExposedPorts", &c->exposed_ports, err)) < 0 ||
	    (rc = string_set(j, "Volumes", &c->volumes, err)) < 0 ||
	    (rc = string_field(j, "StopSignal", &signal, err)) < 0)
		return rc;
	c->stop_signal = *signal ? signal_number(signal) : 0;
	if (*signal && !c->stop_signal)
		return err_set(err, EINVAL, "image config: StopSignal: \"%.40s\" is no signal",
			       signal);
	return 0;
}

static int diff_ids_parse(const json_t *j, struct image_spec *out, struct err *err)
{
	const json_t *list = json_object_get(json_object_get(j, "rootfs"), "diff_ids");

	if (!json_is_array(list))
		return err_set(err, EINVAL, "image config: rootfs.diff_ids: expected a list");
	if (json_array_size(list) > IMAGE_MAX_LAYERS)
		return err_set(err, E2BIG, "image config: more than %d layers", IMAGE_MAX_LAYERS);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *id = plain_string(json_array_get(list, i));

		if (!id || !digest_valid(id))
			return err_set(err, EINVAL,
				       "image config: rootfs.diff_ids[%zu]: expected sha256:<64 "
				       "hex digits>",
				       i);
		memcpy(out->diff_ids[i], digest_hex(id), DIGEST_HEX_SIZE);
		out->n_layers = i + 1;
	}
	return 0;
}

int image_spec_parse(const char *text, size_t len, struct image_spec *out, struct err *err)
{
	CLEANUP(json_decrefp) json_t *j = manifest_json(text, len, "image config", err);
	const char *os, *created;
	int rc;

	*out = (struct image_spec){0};
	if (!j)
		return -err->code;
	os = json_string_value(json_object_get(j, "os"));
	if (os && *os && !str_eq(os, "linux"))
		return err_set(err, EINVAL, "image is for %.40s, not for linux", os);
	rc = config_parse(json_object_get(j, "config"), &out->config, err);
	if (rc == 0)
		rc = diff_ids_parse(j, out, err);
	if (rc < 0) {
		image_config_fini(&out->config);
		return rc;
	}
	created = plain_string(json_object_get(j, "created"));
	/* It ends up in a table: digits and punctuation of a date only. */
	if (created && strlen(created) < sizeof(out->created) &&
	    strspn(created, "0123456789-+:.TZ") == strlen(created))
		memcpy(out->created, created, strlen(created) + 1);
	return 0;
}

/* -- platforms -- */

#if defined(__x86_64__)
#define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#define ARCHITECTURE "arm64"
#elif defined(__riscv)
#define ARCHITECTURE "riscv64"
#elif defined(__powerpc64__)
#define ARCHITECTURE "ppc64le"
#elif defined(__s390x__)
#define ARCHITECTURE "s390x"
#else
#define ARCHITECTURE "unknown"
#endif

const char *manifest_platform(void)
{
	return "linux/" ARCHITECTURE;
}

int manifest_platform_fits(const json_t *descriptor)
{
	const json_t *platform = json_object_get(descriptor, "platform");
	const char *os = json_string_value(json_object_get(platform, "os"));
	const char *arch = json_string_value(json_object_get(platform, "architecture"));

	return (!os || str_eq(os, "linux")) && (!arch || str_eq(arch, ARCHITECTURE));
}

int manifest_is_index(const json_t *j)
{
	const char *type = json_string_value(json_object_get(j, "mediaType"));

	return str_eq(type, "application/vnd.oci.image.index.v1+json") ||
	       str_eq(type, "application/vnd.docker.distribution.manifest.list.v2+json") ||
	       (!type && json_is_array(json_object_get(j, "manifests")));
}
