/* SPDX-License-Identifier: MIT */
/* Names of archives that were imported a moment ago. */
#pragma once

struct recent_archives;

struct recent_archives *recent_archives_new(void);
void recent_archives_free(struct recent_archives *r);
