/* SPDX-License-Identifier: MIT */
/*
 * Built-in resources that several API versions show: one is stored, the others are views of it.
 * A kind's file names the stored version (`view_of: autoscaling/v2`) and these functions
 * (`convert: NAME` is view_NAME). Everybody else sees objects of the version that he asks for
 * (kind_convert, object_as), and never that there are others.
 *
 * Both take an object, and return it in the other form but for its apiVersion. What one version
 * has no field for is kept in annotations, as Kubernetes does; so going there and back loses
 * nothing.
 */
#pragma once

#include "objects/schema.h"

struct kind_view {
	struct value *(*from_stored)(struct value *taken);
	struct value *(*to_stored)(struct value *taken);
};

extern const struct kind_view view_event;         /* events.k8s.io/v1 of core/v1 */
extern const struct kind_view view_autoscaler_v1; /* autoscaling/v1 of v2 */
