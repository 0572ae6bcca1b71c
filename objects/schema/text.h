/* SPDX-License-Identifier: MIT */
/*
 * The small grammars of names: labels, subdomains, keys, addresses, base64.
 * Each check gives NULL when the text is good, else what is wrong, in
 * Kubernetes' words (static text).
 * Sources: RFC 1123, RFC 1035; apimachinery pkg/util/validation.
 */
#pragma once

#include "objects/schema.h"

const char *text_dns_label(const char *s);
const char *text_dns_subdomain(const char *s);
const char *text_dns_1035_label(const char *s);
const char *text_label_key(const char *s);
const char *text_label_value(const char *s);
const char *text_config_key(const char *s);
const char *text_env_name(const char *s);
const char *text_port_name(const char *s);
const char *text_ip(const char *s);
const char *text_cidr(const char *s);
const char *text_path_segment(const char *s);
/* The rule of a format; NULL for good text and for formats that decoding checks. */
const char *text_check(enum schema_format format, const char *s);

/* True for what decoding drops from optional fields: null, "", 0, false, [] and {}. */
int schema_is_empty(const struct value *v);
