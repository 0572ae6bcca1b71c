/* SPDX-License-Identifier: MIT */
/*
 * Label selectors, as text (`app=nginx,tier!=db,env in (a,b),!old`) and as the
 * LabelSelector of objects (matchLabels, matchExpressions) or a plain map.
 * Source: Kubernetes "Labels and Selectors"; apimachinery pkg/labels.
 */
#pragma once

#include "objects/value.h"
#include "util/err.h"

struct selector;

/* Text. "" selects everything. NULL with err when malformed. */
struct selector *selector_parse(const char *text, struct err *err);
/* metav1.LabelSelector; NULL value selects nothing, {} everything. */
struct selector *selector_from_object(const struct value *label_selector, struct err *err);
/* A plain map (Service, ReplicationController); an empty or NULL map selects nothing. */
struct selector *selector_from_map(const struct value *map);
/* What a workload says in spec.selector, a plain map or a LabelSelector: their shapes differ. */
struct selector *selector_from_spec(const struct value *selector, struct err *err);
void selector_free(struct selector *s);
DEFINE_CLEANUP(struct selector *, selector_free)
/* labels: the metadata.labels map, may be NULL. */
int selector_matches(const struct selector *s, const struct value *labels);
int selector_is_empty(const struct selector *s);
/* "app=nginx,env in (a,b)": canonical text. */
void selector_render(const struct selector *s, struct buf *out);
