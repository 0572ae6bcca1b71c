/* SPDX-License-Identifier: MIT */
/*
 * What a pod violates of the Pod Security Standards.
 * Source: Kubernetes "Pod Security Standards"; the words: pod-security-admission/policy.
 */
#pragma once

#include "objects/value.h"
#include "util/buf.h"

enum security_level { SECURITY_PRIVILEGED, SECURITY_BASELINE, SECURITY_RESTRICTED };

#define SECURITY_LATEST 1000 /* a minor version later than all */

/*
 * pod: metadata and spec are looked at (a template will do). minor: rules as of 1.<minor>. Adds
 * "reason (detail), reason (detail)" to out; nothing when the pod keeps to the level.
 */
void security_violations(const struct value *pod, enum security_level level, int minor,
			 struct buf *out);
