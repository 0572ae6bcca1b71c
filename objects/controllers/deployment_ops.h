/* SPDX-License-Identifier: MIT */
/*
 * What people do to Deployments beside editing them (`kubectl scale`, `kubectl
 * rollout`): each gives a request that edits the object as it is by then. Submit
 * it with the caller's own identity.
 *
 * Return: owned request, NULL with err when it cannot be (no such revision ...).
 * What depends on the state at that moment (already paused) is the request's
 * fault. Restart works on every kind with spec.template, scale on every one with
 * spec.replicas.
 */
#pragma once

#include "objects/api.h"

struct api_request *deployment_scale(const struct object *o, int64_t replicas, struct err *err);
struct api_request *deployment_restart(const struct object *o);
struct api_request *deployment_pause(const struct object *o);
struct api_request *deployment_resume(const struct object *o);
/* The template of this revision again; 0: of the one before. */
struct api_request *deployment_undo(struct store *s, const struct object *o, int64_t revision,
				    struct err *err);
