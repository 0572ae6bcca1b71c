/* SPDX-License-Identifier: MIT */
/* Loading libcurl: see curl_lib.h. */
#include "util/curl_lib.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>

#define SONAME "libcurl.so.4"

static int find(void *library, const char *name, void *function_out, struct err *err)
{
	void *found = dlsym(library, name);

	if (!found)
		return err_set(err, ENOSYS, "%s has no %s()", SONAME, name);
	memcpy(function_out, &found, sizeof(found));
	return 0;
}

/* loading held */
static const struct curl_lib *load(struct err *err)
{
	static struct curl_lib functions;
	static int loaded;
	void *library;

	if (loaded)
		return &functions;
	library = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
	if (!library) {
		err_set(err, ENOENT, "HTTP needs libcurl: %s", dlerror());
		return NULL;
	}
#define CURL_FIND(name)                                                                            \
	if (find(library, "curl_" #name, &functions.name, err) < 0)                                \
		return NULL;
	CURL_FUNCTIONS(CURL_FIND)
#undef CURL_FIND
	if (functions.global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(err, ENOMEM, "%s: cannot be initialised", SONAME);
		return NULL;
	}
	loaded = 1;
	return &functions;
}

const struct curl_lib *curl_lib_load(struct err *err)
{
	static pthread_mutex_t loading = PTHREAD_MUTEX_INITIALIZER;
	const struct curl_lib *functions;

	pthread_mutex_lock(&loading);
	functions = load(err);
	pthread_mutex_unlock(&loading);
	return functions;
}
