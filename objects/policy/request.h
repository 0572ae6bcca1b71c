/* SPDX-License-Identifier: MIT */
/* Inside objects/policy: the type of `request` in policies. Source: k8s.io/api/admission/v1. */
#pragma once

#include "objects/schema.h"

extern const struct schema admission_request_schema;
