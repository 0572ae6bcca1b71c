/* SPDX-License-Identifier: MIT */
/*
 * Is the schema of a definition structural: does every place say its type, and does logic
 * (allOf, anyOf, oneOf, not) only restrict what structure allows?
 * Source: apiextensions-apiserver pkg/apiserver/schema/validation.go,
 * pkg/apis/apiextensions/validation; Kubernetes "Specifying a structural schema".
 */
#pragma once

#include "objects/schema.h"

void check_structural(const struct value *js, const struct path *at, struct faults *faults);
