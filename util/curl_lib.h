/* SPDX-License-Identifier: MIT */
/*
 * libcurl, loaded when the first probe or webhook needs HTTP: it brings thirty
 * libraries with it (TLS, LDAP, Kerberos ...), 4 MB that a node without such
 * probes does without.
 */
#pragma once

#define CURL_DISABLE_TYPECHECK 1
#include <curl/curl.h>

#include "util/err.h"

#define CURL_FUNCTIONS(F)                                                                          \
	F(global_init)                                                                             \
	F(easy_init)                                                                               \
	F(easy_setopt)                                                                             \
	F(easy_getinfo)                                                                            \
	F(easy_strerror)                                                                           \
	F(easy_cleanup)                                                                            \
	F(multi_init)                                                                              \
	F(multi_setopt)                                                                            \
	F(multi_assign)                                                                            \
	F(multi_add_handle)                                                                        \
	F(multi_remove_handle)                                                                     \
	F(multi_socket_action)                                                                     \
	F(multi_perform)                                                                           \
	F(multi_poll)                                                                              \
	F(multi_wakeup)                                                                            \
	F(multi_info_read)                                                                         \
	F(multi_cleanup)                                                                           \
	F(slist_append)                                                                            \
	F(slist_free_all)                                                                          \
	F(url)                                                                                     \
	F(url_set)                                                                                 \
	F(url_get)                                                                                 \
	F(url_cleanup)                                                                             \
	F(free)

/* curl_easy_init() is curl->easy_init(), and so on. */
struct curl_lib {
#define CURL_MEMBER(name) __typeof__(curl_##name) *name;
	CURL_FUNCTIONS(CURL_MEMBER)
#undef CURL_MEMBER
};

/* The library, initialised; NULL with err when the machine has none. It stays. Any thread. */
const struct curl_lib *curl_lib_load(struct err *err);
