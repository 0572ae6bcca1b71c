/* SPDX-License-Identifier: MIT */
/*
 * For tests of controllers: a store in a directory of its own, the write path, a
 * loop in a thread, and a runner on it. Writes are made by "tester".
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "objects/codec.h"
#include "objects/controllers/controller.h"
#include "objects/store/backend.h"
#include "util/fd.h"

struct rig {
	char dir[64];
	struct store *store;
	struct api *api;
	struct loop *loop;
	struct runner *runner;
	const struct controller_class *const *classes;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	int answered, idle; /* lock */
};

static const struct caller rig_tester = {.user = "tester", .trusted = 1};

static inline UNUSED const struct kind *rig_kind(const char *plural)
{
	const struct kind *k = kind_by_name(plural);

	assert_non_null(k);
	return k;
}

static inline UNUSED struct value *rig_json(const char *json)
{
	struct err err = ERR_INIT;
	struct value *v = json_parse(json, strlen(json), &err);

	if (!v)
		fail_msg("%s: %s", json, err.msg);
	return v;
}

/* -- the loop's thread -- */

static inline void *rig_run(void *arg)
{
	struct rig *r = arg;

	loop_run(r->loop);
	return NULL;
}

static inline void rig_answer(struct rig *r, int idle)
{
	pthread_mutex_lock(&r->lock);
	r->answered = 1;
	r->idle = idle;
	pthread_cond_signal(&r->cond);
	pthread_mutex_unlock(&r->lock);
}

static inline void rig_start_runner(void *arg)
{
	struct rig *r = arg;

	r->runner = runner_start(r->loop, r->api, r->classes);
	rig_answer(r, 0);
}

static inline void rig_stop_runner(void *arg)
{
	struct rig *r = arg;

	runner_stop(r->runner);
	r->runner = NULL;
	rig_answer(r, 0);
}

static inline void rig_ask_idle(void *arg)
{
	struct rig *r = arg;

	rig_answer(r, runner_idle(r->runner));
}

static inline int rig_on_loop(struct rig *r, loop_fn fn)
{
	int idle;

	pthread_mutex_lock(&r->lock);
	r->answered = 0;
	loop_post(r->loop, fn, r);
	while (!r->answered)
		pthread_cond_wait(&r->cond, &r->lock);
	idle = r->idle;
	pthread_mutex_unlock(&r->lock);
	return idle;
}

static inline UNUSED void rig_sleep_ms(unsigned ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000L}, NULL);
}

/* Until nothing moves any more: idle three times in a row. */
static inline UNUSED void rig_settle(struct rig *r)
{
	int quiet = 0;

	for (int i = 0; i < 60000 && quiet < 3; i++) {
		quiet = rig_on_loop(r, rig_ask_idle) ? quiet + 1 : 0;
		rig_sleep_ms(1);
	}
	if (quiet < 3)
		fail_msg("the controllers do not come to rest");
}

/* -- start and stop -- */

static inline UNUSED void rig_open(struct rig *r)
{
	struct err err = ERR_INIT;
	char path[96];
	struct backend *b;

	snprintf(path, sizeof(path), "%s/db", r->dir);
	b = backend_sqlite_open(path, &err);
	if (!b || !(r->store = store_open(b, &err)) || !(r->api = api_new(r->store, NULL, &err)) ||
	    !(r->loop = loop_new(&err)))
		fail_msg("%s", err.msg);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->cond, NULL);
	pthread_create(&r->thread, NULL, rig_run, r);
	rig_on_loop(r, rig_start_runner);
}

static inline UNUSED void rig_close(struct rig *r)
{
	rig_on_loop(r, rig_stop_runner);
	loop_stop(r->loop);
	pthread_join(r->thread, NULL);
	loop_free(r->loop);
	api_free(r->api);
	store_close(r->store);
	pthread_mutex_destroy(&r->lock);
	pthread_cond_destroy(&r->cond);
}

/* classes NULL: all. */
static inline UNUSED struct rig *rig_new(const struct controller_class *const *classes)
{
	struct rig *r = xcalloc(1, sizeof(*r));

	kinds_init();
	snprintf(r->dir, sizeof(r->dir), "/tmp/k8sfs-controllers-XXXXXX");
	assert_non_null(mkdtemp(r->dir));
	r->classes = classes ? classes : all_controllers;
	rig_open(r);
	return r;
}

static inline UNUSED void rig_free(struct rig *r)
{
	rig_close(r);
	assert_int_equal(fd_remove_tree(r->dir, NULL), 0);
	free(r);
}

/* -- writing and reading -- */

/* Takes r. Return: 0 or -errno; the first fault's text into message (of 512) unless NULL. */
static inline UNUSED int rig_call(struct rig *rig, struct api_request *r, char *message)
{
	struct err err = ERR_INIT;
	int rc = api_call(rig->api, &rig_tester, r);

	if (rc)
		faults_to_err(&r->faults, &err);
	if (message)
		snprintf(message, 512, "%s", err.msg);
	else if (rc)
		fail_msg("%s/%s: %s", r->kind->plural, r->name ? r->name : "", err.msg);
	api_request_free(r);
	return rc;
}

static inline UNUSED void rig_create_value(struct rig *rig, const char *plural, const char *ns,
					   struct value *taken)
{
	struct api_request *r = api_request_new(API_CREATE, rig_kind(plural), ns, NULL);

	r->body = taken;
	rig_call(rig, r, NULL);
}

static inline UNUSED void rig_create(struct rig *rig, const char *plural, const char *ns,
				     const char *json)
{
	rig_create_value(rig, plural, ns, rig_json(json));
}

static inline UNUSED void rig_patch_value(struct rig *rig, const char *plural, const char *ns,
					  const char *name, unsigned flags, struct value *taken)
{
	struct api_request *r = api_request_new(API_PATCH_STRATEGIC, rig_kind(plural), ns, name);

	r->flags = flags;
	r->body = taken;
	rig_call(rig, r, NULL);
}

static inline UNUSED void rig_patch(struct rig *rig, const char *plural, const char *ns,
				    const char *name, unsigned flags, const char *json)
{
	rig_patch_value(rig, plural, ns, name, flags, rig_json(json));
}

static inline UNUSED void rig_delete(struct rig *rig, const char *plural, const char *ns,
				     const char *name, enum propagation how)
{
	struct api_request *r = api_request_new(API_DELETE, rig_kind(plural), ns, name);

	r->propagation = how;
	rig_call(rig, r, NULL);
}

static inline UNUSED struct object *rig_get(struct rig *r, const char *plural, const char *ns,
					    const char *name)
{
	return store_get(r->store, (struct objkey){rig_kind(plural), ns, name});
}

static inline UNUSED struct object_list rig_list(struct rig *r, const char *plural, const char *ns)
{
	struct object_list l;

	store_list(r->store, rig_kind(plural), ns, &l);
	return l;
}

/* A node that KWOK's convention calls simulated; allocatable as JSON, NULL: plenty. */
static inline UNUSED void rig_fake_node(struct rig *r, const char *name, const char *labels,
					const char *allocatable)
{
	struct value *v =
		rig_json("{\"apiVersion\":\"v1\",\"kind\":\"Node\",\"metadata\":{\"annotations\":"
			 "{\"kwok.x-k8s.io/node\":\"fake\"}}}");

	v = value_bury(v, value_new_string(name), "metadata", "name", NULL);
	v = value_bury(v, rig_json(labels ? labels : "{}"), "metadata", "labels", NULL);
	rig_create_value(r, "nodes", "", v);
	if (allocatable) {
		v = value_bury(value_new_map(), rig_json(allocatable), "status", "allocatable",
			       NULL);
		rig_patch_value(r, "nodes", "", name, API_STATUS, v);
	}
}
