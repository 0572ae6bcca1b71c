/* SPDX-License-Identifier: MIT */
/*
 * What stands behind a volume, in a pod and in the cluster.
 * Source: Kubernetes pkg/apis/core/validation/validation.go.
 */
#pragma once

#include "objects/fault.h"

/*
 * What the tables cannot say about one source: `name` is its field (`iscsi`), `source` its value,
 * `at` the volume. of_cluster: of a PersistentVolume, whose references to Secrets say the
 * namespace, too. Names that it does not know are good.
 */
void check_volume_source(const char *name, const struct value *source, int of_cluster,
			 const struct path *at, struct faults *faults);
/* A file's path inside a volume: relative, no "..". "" is good: the tables say what is required. */
void check_volume_path(const char *path, const struct path *at, struct faults *faults);
/* A node selector (required node affinity): at is that of the selector. */
void check_node_selector(const struct value *selector, const struct path *at,
			 struct faults *faults);
