/* SPDX-License-Identifier: MIT */
/*
 * Back-off as the kubelet does it: 10 s, doubling to 5 min, forgotten after
 * 10 min without trouble. Milliseconds of a monotonic clock.
 * Source: client-go util/flowcontrol/backoff.go; "Pod Lifecycle", container restarts.
 */
#pragma once

#include <stdint.h>

#define BACKOFF_FIRST_MS 10000u
#define BACKOFF_MAX_MS   300000u

struct backoff {
	uint64_t delay_ms; /* 0: nothing happened yet */
	uint64_t updated_ms;
};

/* 0: go on now; else the time until which to wait, for something that failed at since_ms. */
uint64_t backoff_until(const struct backoff *b, uint64_t since_ms, uint64_t now_ms);
/* Another try begins now, after a failure at since_ms: the next wait is longer. */
void backoff_next(struct backoff *b, uint64_t since_ms, uint64_t now_ms);
void backoff_reset(struct backoff *b);
/* "10s", "1m20s", "5m0s": how Go prints it. buf of 24. */
const char *backoff_text(uint64_t delay_ms, char buf[24]);
