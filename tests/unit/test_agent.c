/* SPDX-License-Identifier: MIT */
/* A pod's worker from the object's arrival to its end, against a node that is not there. */
#include "tests/unit/agent_rig.h"

#include <unistd.h>

#include "util/fd.h"

#define POD(spec)                                                                                  \
	"{'metadata':{'name':'p','namespace':'d','uid':'u1','generation':1},'spec':{'nodeName':'"  \
	"n1'," spec "}}"
#define ONE "'containers':[{'name':'c','image':'app:1','imagePullPolicy':'IfNotPresent'}]"

static const char *dig(const struct value *v, const char *a, const char *b, const char *c)
{
	return value_dig_str(v, a, b, c, NULL);
}

static struct rig *running(const char *pod)
{
	struct rig *r = rig_new();

	rig_pod(r, pod);
	rig_run(r);
	rig_ready(r);
	rig_started(r, "c");
	return r;
}

static void test_a_fast_start_is_one_write(void **state)
{
	struct rig *r = running(POD(ONE));

	assert_int_equal(r->writes, 1);
	assert_string_equal(rig_phase(r), "Running");
	assert_string_equal(rig_condition(r, "Ready", "status"), "True");
	assert_string_equal(value_dig_str(r->pod->value, "status", "podIP", NULL), "10.244.0.7");
	assert_string_equal(value_dig_str(r->pod->value, "status", "hostIP", NULL), "192.0.2.1");
	assert_string_equal(value_dig_str(rig_ctr(r, "c"), "image", NULL),
			    "docker.io/library/app:1");
	assert_string_equal(value_dig_str(rig_ctr(r, "c"), "imageID", NULL),
			    "docker.io/library/app@sha256:2");
	assert_string_equal(buf_str(&r->log),
			    "sandbox p besteffort\ntoken default - 3607\nattach 0\nstart c /app\n");
	assert_string_equal(buf_str(&r->events),
			    "Pulled: Container image \"app:1\" already present on machine and can "
			    "be accessed by the pod\n"
			    "Created: Container created\nStarted: Container started\n");
	/* nothing more to wake up for, but for its token */
	assert_int_equal(r->wake_ms, r->ms + 2885000);
	rig_advance(r, 3600000);
	assert_int_equal(r->writes, 1);
	rig_free(r);
}

static void test_a_slow_start_shows(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD(ONE));
	rig_run(r);
	assert_int_equal(r->writes, 0);
	rig_advance(r, 200);
	assert_int_equal(r->writes, 1);
	assert_string_equal(rig_phase(r), "Pending");
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "reason"),
			    "ContainerCreating");
	rig_ready(r);
	rig_started(r, "c");
	assert_string_equal(rig_phase(r), "Running");
	assert_true(r->writes <= 3);
	rig_free(r);
}

static void test_crash_loop(void **state)
{
	struct rig *r = running(POD(ONE));

	rig_exited(r, "c", 1); /* the first restart is at once */
	assert_int_equal(rig_count(&r->log, "start c"), 2);
	rig_started(r, "c");
	assert_int_equal(value_int(value_get(rig_ctr(r, "c"), "restartCount"), 0), 1);
	rig_exited(r, "c", 2);
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "reason"), "CrashLoopBackOff");
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "message"),
			    "back-off 10s restarting failed container=c pod=p_d(u1)");
	assert_int_equal(
		value_int(value_dig(rig_ctr(r, "c"), "lastState", "terminated", "exitCode", NULL),
			  0),
		2);
	assert_int_equal(
		rig_count(&r->events,
			  "BackOff: Back-off restarting failed container c in pod p_d(u1)"),
		1);
	assert_string_equal(rig_condition(r, "Ready", "status"), "False");
	rig_advance(r, 9999);
	assert_int_equal(rig_count(&r->log, "start c"), 2);
	rig_advance(r, 2);
	assert_int_equal(rig_count(&r->log, "start c"), 3);
	rig_started(r, "c");
	rig_exited(r, "c", 2);
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "message"),
			    "back-off 20s restarting failed container=c pod=p_d(u1)");
	rig_free(r);
}

static void test_an_image_that_is_not_there(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD("'containers':[{'name':'c','image':'nope:1','imagePullPolicy':'Always'}]"));
	rig_run(r);
	rig_ready(r);
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "reason"), "ErrImagePull");
	rig_advance(r, 3000);
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "reason"), "ImagePullBackOff");
	assert_string_equal(
		dig(rig_ctr(r, "c"), "state", "waiting", "message"),
		"Back-off pulling image \"nope:1\": ErrImagePull: image \"nope:1\" is not stored");
	assert_string_equal(rig_phase(r), "Pending");
	assert_int_equal(rig_count(&r->events, "Failed: Failed to pull image \"nope:1\""), 1);
	rig_advance(r, 8000); /* ten seconds after the first try comes the second */
	assert_int_equal(rig_count(&r->events, "Failed: Failed to pull image \"nope:1\""), 2);
	rig_image(r, "nope:1");
	core_image_added(r->core);
	rig_run(r);
	assert_int_equal(rig_count(&r->log, "start c"), 1);
	rig_started(r, "c");
	assert_string_equal(rig_phase(r), "Running");
	rig_free(r);
}

static void test_never_pulled(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD("'containers':[{'name':'c','image':'nope:1','imagePullPolicy':'Never'}]"));
	rig_run(r);
	rig_ready(r);
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "reason"),
			    "ErrImageNeverPull");
	rig_free(r);
}

static void test_deletion(void **state)
{
	struct rig *r = running(POD(ONE));
	CLEANUP_FREE char *dir = xasprintf("%s/pods/u1", r->dir);

	assert_int_equal(access(dir, F_OK), 0);
	rig_delete(r, 7);
	assert_int_equal(rig_count(&r->log, "stop c"), 1);
	assert_int_equal(r->last_grace, 7000);
	assert_int_equal(rig_count(&r->events, "Killing: Stopping container c"), 1);
	assert_int_equal(r->deletes, 0);
	rig_delete(r, 2); /* hurry */
	assert_int_equal(r->last_grace, 2000);
	rig_exited(r, "c", 143);
	assert_int_equal(rig_count(&r->log, "start c"), 1); /* no restart */
	assert_int_equal(r->sb.destroyed, 1);
	assert_int_equal(r->deletes, 0);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE});
	assert_int_equal(r->deletes, 1);
	assert_int_equal(rig_count(&r->log, "detach"), 1);
	assert_string_equal(rig_phase(r), "Failed");
	assert_int_equal(
		value_int(value_dig(rig_ctr(r, "c"), "state", "terminated", "exitCode", NULL), 0),
		143);
	assert_int_not_equal(access(dir, F_OK), 0);
	assert_null(core_find(r->core, "u1"));
	rig_free(r);
}

static void test_removal_by_force(void **state)
{
	struct rig *r = running(POD(ONE));

	rig_gone(r);
	assert_int_equal(rig_count(&r->log, "stop c"), 1);
	assert_int_equal(r->last_grace, 1000);
	rig_exited(r, "c", 137);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE});
	assert_int_equal(r->deletes, 0); /* there is nothing to delete */
	assert_null(core_find(r->core, "u1"));
	rig_free(r);
}

static void test_deleted_before_it_began(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD(ONE));
	rig_delete(r, 30);
	assert_int_equal(r->sandboxes, 0);
	assert_int_equal(r->deletes, 1);
	assert_null(core_find(r->core, "u1"));
	rig_free(r);
}

static void test_deleted_while_the_sandbox_is_made(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD(ONE));
	rig_run(r);
	rig_delete(r, 30);
	assert_int_equal(r->sb.destroyed, 1);
	rig_ready(r);
	assert_int_equal(rig_count(&r->log, "start"), 0);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE});
	assert_int_equal(r->deletes, 1);
	assert_null(core_find(r->core, "u1"));
	rig_free(r);
}

static void test_a_pod_that_completes(void **state)
{
	struct rig *r = running(POD("'restartPolicy':'Never'," ONE));
	CLEANUP_FREE char *log_dir = xasprintf("%s/pods/u1/containers/c", r->dir);

	rig_exited(r, "c", 0);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE});
	assert_string_equal(rig_phase(r), "Succeeded");
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "terminated", "reason"), "Completed");
	assert_string_equal(rig_condition(r, "Ready", "reason"), "PodCompleted");
	assert_string_equal(rig_condition(r, "PodReadyToStartContainers", "status"), "False");
	assert_int_equal(access(log_dir, F_OK), 0); /* logs stay */
	assert_int_equal(r->deletes, 0);
	rig_delete(r, 0);
	assert_int_equal(r->deletes, 1);
	assert_int_not_equal(access(log_dir, F_OK), 0);
	assert_null(core_find(r->core, "u1"));
	rig_free(r);
}

static void test_start_failure(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD(ONE));
	rig_run(r);
	rig_ready(r);
	rig_emit(r, (struct sandbox_event){.kind = CONTAINER_START_FAILED,
					   .container = "c",
					   .container_id = r->last_id,
					   .exit_code = 127,
					   .message = "exec: \"nope\": not found"});
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "reason"),
			    "RunContainerError");
	assert_string_equal(dig(rig_ctr(r, "c"), "lastState", "terminated", "reason"),
			    "StartError");
	assert_int_equal(
		value_int(value_dig(rig_ctr(r, "c"), "lastState", "terminated", "exitCode", NULL),
			  0),
		127);
	assert_int_equal(rig_count(&r->events, "Failed: Error: exec: \"nope\": not found"), 1);
	assert_int_equal(rig_count(&r->log, "start c"), 1);
	rig_advance(r, 10001);
	assert_int_equal(rig_count(&r->log, "start c"), 2);
	rig_free(r);
}

static void test_environment_waits_for_its_objects(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD("'automountServiceAccountToken':false,"
		       "'containers':[{'name':'c','image':'app:1','command':['/"
		       "x','$(K_A)','$$(K_A)'],'env':["
		       "{'name':'K_IP','valueFrom':{'fieldRef':{'fieldPath':'status.podIP'}}},"
		       "{'name':'K_A','valueFrom':{'configMapKeyRef':{'name':'cm','key':'a'}}},"
		       "{'name':'K_B','value':'<$(K_A)>'}]}]"));
	rig_run(r);
	rig_ready(r);
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "reason"),
			    "CreateContainerConfigError");
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "message"),
			    "configmap \"cm\" not found");
	assert_int_equal(r->wake_ms, 0); /* no polling */
	rig_object(r, "configmaps", "d", "cm", "{'data':{'b':'1'}}");
	assert_string_equal(dig(rig_ctr(r, "c"), "state", "waiting", "message"),
			    "couldn't find key a in ConfigMap d/cm");
	rig_object(r, "configmaps", "d", "cm", "{'data':{'a':'1'}}");
	assert_non_null(strstr(r->log.data, "start c /x 1 $(K_A) K_IP=10.244.0.7 K_A=1 K_B=<1>\n"));
	rig_free(r);
}

static void file_is(struct rig *r, const char *path, const char *want)
{
	CLEANUP_FREE char *whole = xasprintf("%s/%s", r->dir, path);
	CLEANUP(buf_fini) struct buf b = BUF_INIT;

	assert_int_equal(fd_read_file(whole, 1 << 20, &b, NULL), 0);
	assert_string_equal(buf_str(&b), want);
}

#define ACCOUNT_DIR "volumes/u1/" ACCOUNT_VOLUME

static void test_account_files(void **state)
{
	struct rig *r = rig_new();

	rig_object(r, "configmaps", "d", "kube-root-ca.crt", "{'data':{'ca.crt':'a certificate'}}");
	rig_pod(r, POD("'serviceAccountName':'bot'," ONE));
	rig_run(r);
	rig_ready(r);
	rig_started(r, "c");
	assert_int_equal(r->account_mounts, 1);
	file_is(r, ACCOUNT_DIR "/token", "token 1 of bot");
	file_is(r, ACCOUNT_DIR "/namespace", "d");
	file_is(r, ACCOUNT_DIR "/ca.crt", "a certificate");
	rig_advance(r, 2884000);
	file_is(r, ACCOUNT_DIR "/token", "token 1 of bot");
	rig_object(r, "configmaps", "d", "kube-root-ca.crt", "{'data':{'ca.crt':'another'}}");
	file_is(r, ACCOUNT_DIR "/ca.crt", "another");
	file_is(r, ACCOUNT_DIR "/token", "token 1 of bot");
	rig_advance(r, 2000);
	file_is(r, ACCOUNT_DIR "/token", "token 2 of bot");
	/* what cannot be renewed stays, and is tried again in a minute */
	r->no_tokens = 1;
	rig_advance(r, 2886000);
	file_is(r, ACCOUNT_DIR "/token", "token 2 of bot");
	r->no_tokens = 0;
	assert_in_range(r->wake_ms, r->ms + 1, r->ms + 60000);
	rig_advance(r, 60000);
	file_is(r, ACCOUNT_DIR "/token", "token 3 of bot");
	rig_free(r);
}

static void test_account_is_waited_for(void **state)
{
	struct rig *r = rig_new();

	r->no_tokens = 1;
	rig_pod(r, POD(ONE));
	rig_run(r);
	rig_ready(r);
	assert_int_equal(rig_count(&r->log, "start"), 0);
	assert_int_equal(rig_count(&r->events,
				   "FailedMount: MountVolume.SetUp failed for volume "
				   "\"serviceAccount\" : failed to fetch token: serviceaccounts "
				   "\"default\" not found"),
			 1);
	r->no_tokens = 0;
	rig_advance(r, 600);
	assert_int_equal(rig_count(&r->log, "start c"), 1);
	assert_int_equal(r->account_mounts, 1);
	assert_int_equal(r->sandboxes, 1);
	rig_free(r);
}

/* Neither who asks for none, by himself or by his account, nor who has put something else there. */
static void test_account_files_are_not_forced_upon_anybody(void **state)
{
	static const char *const pods[] = {
		POD("'automountServiceAccountToken':false," ONE),
		POD("'serviceAccountName':'quiet'," ONE),
		POD("'volumes':[{'name':'e','emptyDir':{}}],'containers':[{'name':'c','image':"
		    "'app:1','volumeMounts':[{'name':'e','mountPath':'" ACCOUNT_MOUNT_PATH "'}]}]"),
	};

	for (size_t i = 0; i < ARRAY_LEN(pods); i++) {
		struct rig *r = rig_new();

		rig_object(r, "serviceaccounts", "d", "quiet",
			   "{'automountServiceAccountToken':false}");
		rig_pod(r, pods[i]);
		rig_run(r);
		rig_ready(r);
		rig_started(r, "c");
		assert_string_equal(rig_phase(r), "Running");
		assert_int_equal(r->account_mounts, 0);
		assert_int_equal(r->n_tokens, i == 2);
		rig_free(r);
	}
}

static void test_volumes_wait_and_follow(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD("'volumes':[{'name':'v','configMap':{'name':'cm'}},{'name':'e','emptyDir':{}"
		       "}],'containers':["
		       "{'name':'c','image':'app:1','volumeMounts':[{'name':'v','mountPath':'/data/"
		       "v'},"
		       "{'name':'e','mountPath':'/data/e'}]}]"));
	rig_run(r);
	assert_int_equal(rig_count(&r->events, "FailedMount: MountVolume.SetUp failed for volume "
					       "\"v\" : configmap \"cm\" not found"),
			 1);
	assert_int_equal(r->sandboxes, 0);
	rig_object(r, "configmaps", "d", "cm", "{'data':{'a':'one'}}");
	assert_int_equal(r->sandboxes, 1);
	rig_ready(r);
	assert_non_null(strstr(r->log.data, "start c /app /data/v:ro /data/e\n"));
	rig_started(r, "c");
	file_is(r, "volumes/u1/v/a", "one");
	rig_object(r, "configmaps", "d", "cm", "{'data':{'a':'two','b':'x'}}");
	file_is(r, "volumes/u1/v/a", "two");
	file_is(r, "volumes/u1/v/b", "x");
	rig_free(r);
}

#define PROBED(field, extra)                                                                       \
	POD("'terminationGracePeriodSeconds':5,'containers':[{'name':'c','image':'app:1','ports':" \
	    "[{'name':'web',"                                                                      \
	    "'containerPort':8080}],'" field                                                       \
	    "':{'httpGet':{'path':'/ok','port':'web'},'periodSeconds':5" extra "}}]")

static void test_readiness(void **state)
{
	struct rig *r =
		running(PROBED("readinessProbe", ",'initialDelaySeconds':3,'failureThreshold':2"));

	assert_string_equal(rig_condition(r, "Ready", "status"), "False");
	rig_advance(r, 2900);
	assert_null(r->actions);
	rig_advance(r, 200);
	rig_answer(r, "http http://10.244.0.7:8080/ok", ACTION_SUCCESS, "");
	assert_string_equal(rig_condition(r, "Ready", "status"), "True");
	rig_advance(r, 5001);
	rig_answer(r, "http", ACTION_FAILURE, "HTTP probe failed with statuscode: 500");
	assert_string_equal(rig_condition(r, "Ready", "status"), "True"); /* once is not twice */
	rig_advance(r, 5001);
	rig_answer(r, "http", ACTION_FAILURE, "HTTP probe failed with statuscode: 500");
	assert_string_equal(rig_condition(r, "Ready", "status"), "False");
	assert_int_equal(rig_count(&r->events, "Unhealthy: Readiness probe failed: HTTP probe "
					       "failed with statuscode: 500"),
			 2);
	assert_int_equal(value_int(value_get(rig_ctr(r, "c"), "restartCount"), -1), 0);
	rig_free(r);
}

static void test_liveness(void **state)
{
	struct rig *r = running(PROBED("livenessProbe", ",'failureThreshold':2"));

	rig_advance(r, 300);
	rig_answer(r, "http", ACTION_SUCCESS, "");
	rig_advance(r, 5001);
	rig_answer(r, "http", ACTION_FAILURE, "x");
	assert_int_equal(rig_count(&r->log, "stop c"), 0);
	rig_advance(r, 5001);
	rig_answer(r, "http", ACTION_FAILURE, "x");
	assert_int_equal(rig_count(&r->log, "stop c"), 1);
	assert_int_equal(r->last_grace, 5000);
	assert_int_equal(rig_count(&r->events,
				   "Killing: Container c failed liveness probe, will be restarted"),
			 1);
	rig_advance(r, 20000);
	assert_null(r->actions); /* on hold until it has ended */
	rig_exited(r, "c", 137);
	rig_started(r, "c");
	assert_int_equal(value_int(value_get(rig_ctr(r, "c"), "restartCount"), -1), 1);
	rig_advance(r, 300);
	rig_answer(r, "http", ACTION_SUCCESS, "");
	rig_free(r);
}

static void test_startup_gates_the_others(void **state)
{
	struct rig *r = running(POD("'containers':[{'name':'c','image':'app:1','startupProbe':{'"
				    "exec':{'command':['/s']},"
				    "'periodSeconds':1,'failureThreshold':3},'livenessProbe':{'"
				    "tcpSocket':{'port':9}}}]"));

	assert_false(value_bool(value_get(rig_ctr(r, "c"), "started"), 1));
	rig_advance(r, 300);
	rig_answer(r, "exec c /s", ACTION_FAILURE, "");
	rig_advance(r, 1001);
	rig_answer(r, "exec c /s", ACTION_SUCCESS, "");
	assert_true(value_bool(value_get(rig_ctr(r, "c"), "started"), 0));
	rig_advance(r, 300);
	rig_answer(r, "tcp 10.244.0.7:9", ACTION_SUCCESS, "");
	assert_null(r->actions);
	rig_free(r);
}

static void test_pre_stop(void **state)
{
	struct rig *r = running(POD("'containers':[{'name':'c','image':'app:1','lifecycle':{'"
				    "preStop':{'exec':{'command':['/bye']}}}}]"));

	rig_delete(r, 10);
	assert_int_equal(rig_count(&r->log, "stop c"), 0);
	r->ms += 4000;
	rig_answer(r, "exec c /bye", ACTION_FAILURE, "no");
	assert_int_equal(rig_count(&r->events, "FailedPreStopHook"), 1);
	assert_int_equal(rig_count(&r->log, "stop c"), 1);
	assert_int_equal(r->last_grace, 6000); /* what the hook left */
	rig_exited(r, "c", 0);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE});
	assert_int_equal(r->deletes, 1);
	rig_free(r);
}

static void test_pre_stop_takes_too_long(void **state)
{
	struct rig *r = running(POD("'containers':[{'name':'c','image':'app:1','lifecycle':{'"
				    "preStop':{'exec':{'command':['/bye']}}}}]"));

	rig_delete(r, 10);
	rig_advance(r, 10001);
	assert_int_equal(rig_count(&r->log, "cancel exec c /bye"), 1);
	assert_int_equal(rig_count(&r->log, "stop c"), 1);
	assert_int_equal(r->last_grace, 2000);
	rig_exited(r, "c", 0);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE});
	rig_free(r);
}

static void test_post_start_failure_kills(void **state)
{
	struct rig *r = running(POD("'containers':[{'name':'c','image':'app:1','lifecycle':{'"
				    "postStart':{'exec':{'command':['/hi']}}}}]"));

	rig_answer(r, "exec c /hi", ACTION_FAILURE, "no");
	assert_int_equal(rig_count(&r->events, "FailedPostStartHook"), 1);
	assert_int_equal(rig_count(&r->log, "stop c"), 1);
	rig_exited(r, "c", 143);
	assert_int_equal(rig_count(&r->log, "start c"), 2);
	rig_free(r);
}

static void test_active_deadline(void **state)
{
	struct rig *r = running(POD("'activeDeadlineSeconds':20," ONE));

	rig_advance(r, 20001);
	assert_int_equal(rig_count(&r->log, "stop c"), 1);
	rig_exited(r, "c", 143);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE});
	assert_string_equal(rig_phase(r), "Failed");
	assert_string_equal(value_dig_str(r->pod->value, "status", "reason", NULL),
			    "DeadlineExceeded");
	assert_int_equal(r->deletes, 0);
	rig_free(r);
}

static void test_refused_by_the_node(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD("'containers':[{'name':'c','image':'app:1','resources':{'requests':{'cpu':'"
		       "3'}}}]"));
	rig_run(r);
	assert_string_equal(rig_phase(r), "Failed");
	assert_string_equal(value_dig_str(r->pod->value, "status", "reason", NULL), "OutOfcpu");
	assert_string_equal(value_dig_str(r->pod->value, "status", "message", NULL),
			    "Pod was rejected: Node didn't have enough resource: cpu, requested: "
			    "3000, used: 0, capacity: 2000");
	assert_int_equal(r->sandboxes, 0);
	rig_delete(r, 0);
	assert_int_equal(r->deletes, 1);
	rig_free(r);
}

static void test_sandbox_dies(void **state)
{
	struct rig *r = running(POD(ONE));

	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE,
					   .message = "the pod's supervisor was killed"});
	assert_int_equal(r->sandboxes, 2);
	assert_int_equal(rig_count(&r->events, "SandboxChanged"), 1);
	rig_ready(r);
	rig_started(r, "c");
	assert_string_equal(rig_phase(r), "Running");
	assert_int_equal(value_int(value_get(rig_ctr(r, "c"), "restartCount"), 0), 1);
	assert_string_equal(dig(rig_ctr(r, "c"), "lastState", "terminated", "reason"),
			    "ContainerStatusUnknown");
	rig_free(r);
}

static void test_sandbox_cannot_be_made(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD(ONE));
	rig_run(r);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_FAILED, .message = "no"});
	assert_int_equal(
		rig_count(&r->events, "FailedCreatePodSandBox: Failed to create pod sandbox: no"),
		1);
	assert_int_equal(r->sandboxes, 1);
	rig_advance(r, 600);
	assert_int_equal(r->sandboxes, 2);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_FAILED, .message = "no"});
	rig_advance(r, 600);
	assert_int_equal(r->sandboxes, 2); /* the second wait is longer */
	rig_advance(r, 600);
	assert_int_equal(r->sandboxes, 3);
	rig_ready(r);
	rig_started(r, "c");
	assert_string_equal(rig_phase(r), "Running");
	rig_free(r);
}

/* A second daemon finds what the first one left. */
static struct rig *second_daemon(struct rig *first)
{
	struct rig *r = rig_new();

	r->pod = object_ref(first->pod);
	r->sec = first->sec;
	strcpy(r->last_id, first->last_id);
	rig_free(first);
	core_pod(r->core, r->pod);
	return r;
}

static void told(struct rig *r)
{
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_REPLAYED, .netns_fd = -1});
}

static void test_adoption(void **state)
{
	struct rig *r = second_daemon(running(POD(ONE)));

	r->sb = (struct sandbox){worker_sandbox_event, core_find(r->core, "u1"), 0};
	assert_true(core_adopt(r->core, "u1", &r->sb, 0));
	core_adopted(r->core);
	rig_run(r);
	assert_int_equal(rig_count(&r->log, "adopt 10.244.0.7"), 1);
	rig_emit(r, (struct sandbox_event){.kind = CONTAINER_STARTED,
					   .container = "c",
					   .container_id = r->last_id,
					   .pid = 9,
					   .replayed = 1});
	told(r);
	rig_advance(r, 1000);
	assert_int_equal(r->sandboxes, 0);
	assert_int_equal(r->writes, 0); /* nothing has changed */
	assert_int_equal(rig_count(&r->log, "start"), 0);
	rig_exited(r, "c", 1);
	assert_int_equal(rig_count(&r->log, "start c"), 1);
	rig_started(r, "c");
	assert_int_equal(value_int(value_get(rig_ctr(r, "c"), "restartCount"), 0), 1);
	rig_free(r);
}

/* The tree of the daemon that ended is dead where a container shows it; other volumes are not. */
static void test_adoption_shows_the_tree_again(void **state)
{
	struct rig *r = second_daemon(
		running(POD("'containers':[{'name':'c','image':'app:1','volumeMounts':["
			    "{'name':'t','mountPath':'/k8s'},{'name':'e','mountPath':'/data'},"
			    "{'name':'t','mountPath':'/again','readOnly':true}]}],"
			    "'volumes':[{'name':'t','csi':{'driver':'k8sfs.io'}},{'name':'e',"
			    "'emptyDir':{}}]")));

	r->sb = (struct sandbox){worker_sandbox_event, core_find(r->core, "u1"), 0};
	assert_true(core_adopt(r->core, "u1", &r->sb, 0));
	core_adopted(r->core);
	rig_run(r);
	assert_int_equal(rig_count(&r->log, "again"), 0);
	rig_emit(r, (struct sandbox_event){.kind = CONTAINER_STARTED,
					   .container = "c",
					   .container_id = r->last_id,
					   .pid = 9,
					   .replayed = 1});
	assert_int_equal(rig_count(&r->log, "again c /tree on /k8s"), 1);
	assert_int_equal(rig_count(&r->log, "again c /tree on /again:ro"), 1);
	assert_int_equal(rig_count(&r->log, "again"), 2);
	rig_exited(r, "c", 1);
	rig_started(r, "c"); /* a new run has the new tree */
	assert_int_equal(rig_count(&r->log, "again"), 2);
	rig_free(r);
}

/* The daemon fell before it could write what it had begun. */
static void test_adoption_of_what_nobody_told(void **state)
{
	struct rig *r = rig_new();

	rig_pod(r, POD(ONE));
	r->sb = (struct sandbox){worker_sandbox_event, core_find(r->core, "u1"), 0};
	assert_true(core_adopt(r->core, "u1", &r->sb, 0));
	core_adopted(r->core);
	rig_run(r);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_READY, .netns_fd = 5, .replayed = 1});
	assert_int_equal(rig_count(&r->log, "attach"), 1);
	rig_emit(r, (struct sandbox_event){.kind = CONTAINER_STARTED,
					   .container = "c",
					   .container_id = "abc",
					   .pid = 9,
					   .started_sec = 7,
					   .replayed = 1});
	told(r);
	rig_advance(r, 1000);
	assert_int_equal(rig_count(&r->log, "start"), 0); /* it runs */
	assert_int_equal(r->sandboxes, 0);
	assert_string_equal(rig_phase(r), "Running");
	assert_string_equal(value_dig_str(rig_ctr(r, "c"), "containerID", NULL), "k8sfs://abc");
	assert_int_equal(value_int(value_get(rig_ctr(r, "c"), "restartCount"), -1), 0);
	rig_free(r);
}

/* The sandbox is there, but it knows nothing of a container that should run in it. */
static void test_adoption_without_its_container(void **state)
{
	struct rig *r = second_daemon(running(POD(ONE)));

	r->sb = (struct sandbox){worker_sandbox_event, core_find(r->core, "u1"), 0};
	core_adopt(r->core, "u1", &r->sb, 0);
	core_adopted(r->core);
	rig_run(r);
	rig_advance(r, 1000);
	assert_int_equal(rig_count(&r->log, "start"), 0); /* it may still be told of */
	told(r);
	assert_int_equal(rig_count(&r->log, "start c"), 1);
	assert_int_equal(r->sandboxes, 0);
	rig_started(r, "c");
	assert_string_equal(dig(rig_ctr(r, "c"), "lastState", "terminated", "reason"),
			    "ContainerStatusUnknown");
	rig_free(r);
}

static void test_adoption_of_what_ended_meanwhile(void **state)
{
	struct rig *r = second_daemon(running(POD("'restartPolicy':'Never'," ONE)));

	r->sb = (struct sandbox){worker_sandbox_event, core_find(r->core, "u1"), 0};
	core_adopt(r->core, "u1", &r->sb, 0);
	core_adopted(r->core);
	rig_run(r);
	rig_emit(r, (struct sandbox_event){.kind = CONTAINER_EXITED,
					   .container = "c",
					   .container_id = r->last_id,
					   .exit_code = 4,
					   .replayed = 1,
					   .finished_sec = r->sec});
	told(r);
	rig_advance(r, 1000);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE});
	assert_string_equal(rig_phase(r), "Failed");
	assert_int_equal(
		value_int(value_dig(rig_ctr(r, "c"), "state", "terminated", "exitCode", NULL), 0),
		4);
	rig_free(r);
}

/* A supervisor that does not come to its end: not for ever. */
static void test_adoption_without_an_end(void **state)
{
	struct rig *r = second_daemon(running(POD(ONE)));

	r->sb = (struct sandbox){worker_sandbox_event, core_find(r->core, "u1"), 0};
	core_adopt(r->core, "u1", &r->sb, 0);
	core_adopted(r->core);
	rig_run(r);
	rig_advance(r, 30000);
	assert_int_equal(rig_count(&r->log, "start c"), 1);
	rig_free(r);
}

static void test_reboot(void **state)
{
	struct rig *r = second_daemon(running(POD(ONE)));

	core_adopted(r->core);
	rig_run(r);
	assert_int_equal(r->sandboxes, 1);
	rig_ready(r);
	rig_started(r, "c");
	assert_string_equal(rig_phase(r), "Running");
	assert_int_equal(value_int(value_get(rig_ctr(r, "c"), "restartCount"), 0), 1);
	assert_int_equal(
		value_int(value_dig(rig_ctr(r, "c"), "lastState", "terminated", "exitCode", NULL),
			  0),
		255);
	rig_free(r);
}

static void test_reboot_with_never(void **state)
{
	struct rig *r = second_daemon(running(POD("'restartPolicy':'Never'," ONE)));

	core_adopted(r->core);
	rig_run(r);
	assert_int_equal(r->sandboxes, 0);
	assert_string_equal(rig_phase(r), "Failed");
	rig_free(r);
}

static void test_an_orphan_is_not_ours(void **state)
{
	struct rig *r = rig_new();

	assert_false(core_adopt(r->core, "someone", &r->sb, 0));
	rig_free(r);
}

static void test_a_new_image_restarts(void **state)
{
	struct rig *r = running(POD(ONE));

	rig_image(r, "app:2");
	rig_pod(r, POD("'containers':[{'name':'c','image':'app:2','imagePullPolicy':'IfNotPresent'}"
		       "]"));
	rig_run(r);
	assert_int_equal(
		rig_count(&r->events, "Killing: Container c definition changed, will be restarted"),
		1);
	assert_int_equal(rig_count(&r->log, "stop c"), 1);
	rig_exited(r, "c", 143);
	rig_started(r, "c");
	assert_int_equal(value_int(value_get(rig_ctr(r, "c"), "restartCount"), 0), 1);
	assert_int_equal(rig_count(&r->log, "stop c"), 1);
	rig_free(r);
}

static void test_purge(void **state)
{
	struct rig *r = running(POD(ONE));

	core_purge(r->core, 3000);
	rig_run(r);
	assert_int_equal(r->last_grace, 3000);
	assert_false(core_idle(r->core));
	rig_exited(r, "c", 143);
	rig_emit(r, (struct sandbox_event){.kind = SANDBOX_GONE});
	assert_true(core_idle(r->core));
	assert_int_equal(r->core->pods.n, 0);
	assert_int_equal(r->deletes, 0);
	rig_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_fast_start_is_one_write),
		cmocka_unit_test(test_a_slow_start_shows),
		cmocka_unit_test(test_crash_loop),
		cmocka_unit_test(test_an_image_that_is_not_there),
		cmocka_unit_test(test_never_pulled),
		cmocka_unit_test(test_deletion),
		cmocka_unit_test(test_removal_by_force),
		cmocka_unit_test(test_deleted_before_it_began),
		cmocka_unit_test(test_deleted_while_the_sandbox_is_made),
		cmocka_unit_test(test_a_pod_that_completes),
		cmocka_unit_test(test_start_failure),
		cmocka_unit_test(test_environment_waits_for_its_objects),
		cmocka_unit_test(test_account_files),
		cmocka_unit_test(test_account_is_waited_for),
		cmocka_unit_test(test_account_files_are_not_forced_upon_anybody),
		cmocka_unit_test(test_volumes_wait_and_follow),
		cmocka_unit_test(test_readiness),
		cmocka_unit_test(test_liveness),
		cmocka_unit_test(test_startup_gates_the_others),
		cmocka_unit_test(test_pre_stop),
		cmocka_unit_test(test_pre_stop_takes_too_long),
		cmocka_unit_test(test_post_start_failure_kills),
		cmocka_unit_test(test_active_deadline),
		cmocka_unit_test(test_refused_by_the_node),
		cmocka_unit_test(test_sandbox_dies),
		cmocka_unit_test(test_sandbox_cannot_be_made),
		cmocka_unit_test(test_adoption),
		cmocka_unit_test(test_adoption_shows_the_tree_again),
		cmocka_unit_test(test_adoption_of_what_nobody_told),
		cmocka_unit_test(test_adoption_without_its_container),
		cmocka_unit_test(test_adoption_without_an_end),
		cmocka_unit_test(test_adoption_of_what_ended_meanwhile),
		cmocka_unit_test(test_reboot),
		cmocka_unit_test(test_reboot_with_never),
		cmocka_unit_test(test_an_orphan_is_not_ours),
		cmocka_unit_test(test_a_new_image_restarts),
		cmocka_unit_test(test_purge),
	};

	if (geteuid() != 0) {
		print_message("test_agent: needs root to give files to others\n");
		return 77;
	}
	kinds_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
