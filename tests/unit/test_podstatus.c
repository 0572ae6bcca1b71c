/* SPDX-License-Identifier: MIT */
/* Decisions and status of a pod as pure functions. */
#include "tests/unit/agent_pods.h"

#include "runtime/agent/plan.h"
#include "runtime/agent/qos.h"
#include "runtime/agent/status.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char one[] = "{'metadata':{'name':'p','namespace':'d','uid':'u','generation':1},"
			  "'spec':{'containers':[{'name':'c','image':'i'}]}}";

static void runs(struct ctr *c)
{
	ctr_begin(c, ID_A);
	c->state = CTR_RUNNING;
	c->startup_passed = c->ready_passed = 1;
	c->run.started_sec = 1000;
}

static void exits(struct ctr *c, int code, uint64_t now_ms)
{
	ctr_end(c, code, 0, code ? "Error" : "Completed", NULL, 1001, now_ms);
}

static const char *condition(const struct value *status, const char *type, const char *field)
{
	return value_dig_str(by_key(value_get(status, "conditions"), "type", type), field, NULL);
}

static void test_creation_then_running(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of(one);
	CLEANUP_VALUE struct value *s1 = NULL, *s2 = NULL, *s3 = NULL;
	struct pod_state st;
	const struct value *c;

	pod_state_init(&st, pod);
	s1 = status_of_pod(&st, NULL, 1000);
	assert_string_equal(value_dig_str(s1, "phase", NULL), "Pending");
	c = value_at(value_get(s1, "containerStatuses"), 0);
	assert_string_equal(value_dig_str(c, "state", "waiting", "reason", NULL),
			    "ContainerCreating");
	assert_string_equal(condition(s1, "Ready", "reason"), "ContainersNotReady");
	assert_string_equal(condition(s1, "Ready", "message"),
			    "containers with unready status: [c]");
	assert_string_equal(condition(s1, "Initialized", "status"), "True");
	assert_string_equal(condition(s1, "PodReadyToStartContainers", "status"), "False");

	st.sandbox_ready = 1;
	strcpy(st.ip, "10.244.0.2");
	runs(&st.ctrs[0]);
	s2 = status_of_pod(&st, s1, 1005);
	assert_string_equal(value_dig_str(s2, "phase", NULL), "Running");
	assert_string_equal(condition(s2, "Ready", "status"), "True");
	assert_null(condition(s2, "Ready", "reason"));
	assert_string_equal(condition(s2, "Ready", "lastTransitionTime"), "1970-01-01T00:16:45Z");
	assert_string_equal(condition(s2, "Initialized", "lastTransitionTime"),
			    "1970-01-01T00:16:40Z");
	assert_string_equal(value_dig_str(s2, "podIP", NULL), "10.244.0.2");
	assert_string_equal(value_dig_str(s2, "qosClass", NULL), "BestEffort");
	c = value_at(value_get(s2, "containerStatuses"), 0);
	assert_string_equal(value_dig_str(c, "containerID", NULL), "k8sfs://" ID_A);
	assert_true(value_bool(value_get(c, "started"), 0));
	s3 = status_of_pod(&st, s2, 2000);
	assert_true(value_equal(s2, s3)); /* nothing new, nothing to write */
	pod_state_fini(&st);
}

static void test_crash_loop_and_restart(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of(one);
	CLEANUP_VALUE struct value *s = NULL;
	struct pod_state st;
	struct pod_plan p;
	struct ctr *c;

	pod_state_init(&st, pod);
	c = &st.ctrs[0];
	st.sandbox_ready = 1;
	runs(c);
	exits(c, 3, 5000);
	pod_plan(&st, 5000, &p);
	assert_int_equal(p.ctrs[0].act, ACT_START); /* the first time at once */
	pod_plan_fini(&p);
	backoff_next(&c->restart, 5000, 5000);
	runs(c);
	assert_int_equal(c->restart_count, 1);
	exits(c, 3, 6000);
	pod_plan(&st, 6000, &p);
	assert_int_equal(p.ctrs[0].act, ACT_WAIT);
	assert_int_equal(p.ctrs[0].until_ms, 16000);
	assert_int_equal(p.wake_ms, 16000);
	pod_plan_fini(&p);
	ctr_set_waiting(c, "CrashLoopBackOff",
			"back-off 10s restarting failed container=c pod=p_d(u)");
	s = status_of_pod(&st, NULL, 1000);
	assert_string_equal(value_dig_str(s, "phase", NULL), "Running");
	{
		const struct value *cs = value_at(value_get(s, "containerStatuses"), 0);

		assert_string_equal(value_dig_str(cs, "state", "waiting", "reason", NULL),
				    "CrashLoopBackOff");
		assert_int_equal(
			value_int(value_dig(cs, "lastState", "terminated", "exitCode", NULL), -1),
			3);
		assert_int_equal(value_int(value_get(cs, "restartCount"), -1), 1);
	}
	pod_plan(&st, 16000, &p);
	assert_int_equal(p.ctrs[0].act, ACT_START);
	pod_plan_fini(&p);
	pod_state_fini(&st);
}

static void phase_after(const char *policy, int code, const char *want_phase, int want_finished)
{
	CLEANUP_VALUE struct value *pod = json_of(one);
	struct pod_state st;
	struct pod_plan p;

	pod = value_bury(pod, value_new_string(policy), "spec", "restartPolicy", NULL);
	pod_state_init(&st, pod);
	st.sandbox_ready = 1;
	runs(&st.ctrs[0]);
	exits(&st.ctrs[0], code, 5000);
	pod_plan(&st, 5000, &p);
	assert_int_equal(p.finished, want_finished);
	st.ended = p.finished;
	assert_string_equal(status_phase(&st), want_phase);
	pod_plan_fini(&p);
	pod_state_fini(&st);
}

static void test_restart_policies(void **state)
{
	phase_after("Always", 0, "Running", 0);
	phase_after("Always", 1, "Running", 0);
	phase_after("OnFailure", 0, "Succeeded", 1);
	phase_after("OnFailure", 1, "Running", 0);
	phase_after("Never", 0, "Succeeded", 1);
	phase_after("Never", 1, "Failed", 1);
}

static const char with_init[] =
	"{'metadata':{'name':'p','namespace':'d','uid':'u'},'spec':{'restartPolicy':'Never','"
	"initContainers':["
	"{'name':'i1','image':'i'},{'name':'side','image':'i','restartPolicy':'Always'},"
	"{'name':'i2','image':'i'}],'containers':[{'name':'c','image':'i'}]}}";

static size_t only_start(const struct pod_state *st)
{
	struct pod_plan p;
	size_t found = 99;

	pod_plan(st, 1, &p);
	for (size_t i = 0; i < st->n; i++)
		if (p.ctrs[i].act == ACT_START) {
			assert_int_equal(found, 99);
			found = i;
		}
	pod_plan_fini(&p);
	return found;
}

static void test_init_containers_in_order(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of(with_init);
	CLEANUP_VALUE struct value *s = NULL;
	struct pod_state st;
	struct pod_plan p;

	pod_state_init(&st, pod);
	st.sandbox_ready = 1;
	assert_int_equal(only_start(&st), 0);
	runs(&st.ctrs[0]);
	assert_int_equal(only_start(&st), 99);
	exits(&st.ctrs[0], 0, 1);
	assert_int_equal(only_start(&st), 1);
	runs(&st.ctrs[1]);
	st.ctrs[1].startup_passed = 0;
	assert_int_equal(only_start(&st), 99); /* the sidecar has to be started, not only running */
	st.ctrs[1].startup_passed = 1;
	assert_int_equal(only_start(&st), 2);
	s = status_of_pod(&st, NULL, 1);
	assert_string_equal(condition(s, "Initialized", "reason"), "ContainersNotInitialized");
	assert_string_equal(condition(s, "Initialized", "message"),
			    "containers with incomplete status: [i2]");
	assert_string_equal(value_dig_str(value_at(value_get(s, "containerStatuses"), 0), "state",
					  "waiting", "reason", NULL),
			    "PodInitializing");
	runs(&st.ctrs[2]);
	exits(&st.ctrs[2], 0, 1);
	assert_int_equal(only_start(&st), 3);
	runs(&st.ctrs[3]);
	assert_string_equal(status_phase(&st), "Running");
	/* a sidecar that dies comes back even where the pod never restarts */
	exits(&st.ctrs[1], 1, 1);
	assert_int_equal(only_start(&st), 1);
	runs(&st.ctrs[1]);
	/* the last ordinary container ends: sidecars are stopped, the pod is over */
	exits(&st.ctrs[3], 0, 1);
	pod_plan(&st, 1, &p);
	assert_true(p.finished);
	assert_int_equal(p.ctrs[1].act, ACT_KILL);
	pod_plan_fini(&p);
	exits(&st.ctrs[1], 137, 1);
	st.ended = 1;
	assert_string_equal(status_phase(&st), "Succeeded");
	pod_state_fini(&st);
}

static void test_failed_init_with_never_fails_the_pod(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of(with_init);
	struct pod_state st;
	struct pod_plan p;

	pod_state_init(&st, pod);
	st.sandbox_ready = 1;
	runs(&st.ctrs[0]);
	exits(&st.ctrs[0], 1, 1);
	pod_plan(&st, 1, &p);
	assert_true(p.finished);
	pod_plan_fini(&p);
	assert_string_equal(status_phase(&st), "Failed");
	pod_state_fini(&st);
}

static void test_failed_init_is_tried_again(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of(with_init);
	struct pod_state st;

	pod = value_bury(pod, value_new_string("Always"), "spec", "restartPolicy", NULL);
	pod_state_init(&st, pod);
	st.sandbox_ready = 1;
	runs(&st.ctrs[0]);
	exits(&st.ctrs[0], 1, 1);
	assert_int_equal(only_start(&st), 0);
	assert_string_equal(status_phase(&st), "Pending");
	pod_state_fini(&st);
}

static void test_probe_failure_kills(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of(one);
	struct pod_state st;
	struct pod_plan p;

	pod_state_init(&st, pod);
	st.sandbox_ready = 1;
	runs(&st.ctrs[0]);
	st.ctrs[0].liveness_failed = 1;
	pod_plan(&st, 1, &p);
	assert_int_equal(p.ctrs[0].act, ACT_KILL);
	assert_int_equal(p.ctrs[0].why, KILL_LIVENESS);
	pod_plan_fini(&p);
	st.ctrs[0].stopping = 1;
	pod_plan(&st, 1, &p);
	assert_int_equal(p.ctrs[0].act, ACT_NONE);
	pod_plan_fini(&p);
	pod_state_fini(&st);
}

static void test_ending_stops_sidecars_last(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of(with_init);
	struct pod_state st;
	struct pod_plan p;

	pod_state_init(&st, pod);
	st.sandbox_ready = st.ending = 1;
	runs(&st.ctrs[0]);
	exits(&st.ctrs[0], 0, 1);
	runs(&st.ctrs[1]);
	runs(&st.ctrs[3]);
	pod_plan(&st, 1, &p);
	assert_int_equal(p.ctrs[3].act, ACT_KILL);
	assert_int_equal(p.ctrs[1].act, ACT_NONE);
	assert_int_equal(p.alive, 2);
	pod_plan_fini(&p);
	exits(&st.ctrs[3], 143, 1);
	pod_plan(&st, 1, &p);
	assert_int_equal(p.ctrs[1].act, ACT_KILL);
	pod_plan_fini(&p);
	pod_state_fini(&st);
}

static void test_status_is_remembered(void **state)
{
	CLEANUP_VALUE struct value *pod =
		json_of("{'metadata':{'name':'p','namespace':'d','uid':'u'},'spec':{'containers':[{"
			"'name':'c','image':'i'}]},"
			"'status':{'podIP':'10.244.0.9','startTime':'1970-01-01T00:10:00Z','"
			"containerStatuses':[{'name':'c',"
			"'restartCount':4,'image':'docker.io/library/"
			"i:latest','imageID':'x','containerID':'k8sfs://" ID_A
			"','state':{'waiting':{'reason':'CrashLoopBackOff'}},'lastState':{'"
			"terminated':{'exitCode':2,"
			"'finishedAt':'1970-01-01T00:16:40Z','startedAt':'1970-01-01T00:16:39Z','"
			"reason':'Error',"
			"'containerID':'k8sfs://" ID_A "'}}}]}}");
	struct pod_state st;
	struct ctr *c;

	pod_state_init(&st, pod);
	pod_state_recall(&st, 1010, 50000);
	c = &st.ctrs[0];
	assert_int_equal(c->state, CTR_EXITED);
	assert_int_equal(c->restart_count, 4);
	assert_int_equal(c->run.exit_code, 2);
	assert_int_equal(c->run.finished_ms, 40000);
	assert_string_equal(c->run.id, ID_A);
	assert_string_equal(st.ip, "10.244.0.9");
	assert_int_equal(st.started_sec, 600);
	ctr_begin(c, ID_A);
	assert_int_equal(c->restart_count, 5);
	pod_state_fini(&st);
}

static void test_readiness_gates(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of(
		"{'metadata':{'name':'p'},'spec':{'readinessGates':[{'conditionType':'a/b'},"
		"{'conditionType':'c/d'}],'containers':[{'name':'c','image':'i'}]}}");
	CLEANUP_VALUE struct value *old = json_of(
		"{'conditions':[{'type':'c/d','status':'False'},{'type':'x/y','status':'True'}]}");
	CLEANUP_VALUE struct value *s = NULL;
	struct pod_state st;

	pod_state_init(&st, pod);
	runs(&st.ctrs[0]);
	s = status_of_pod(&st, old, 1);
	assert_string_equal(condition(s, "Ready", "status"), "False");
	assert_string_equal(condition(s, "Ready", "reason"), "ReadinessGatesNotReady");
	assert_string_equal(
		condition(s, "Ready", "message"),
		"corresponding condition of pod readiness gate \"a/b\" does not exist., "
		"the status of pod readiness gate \"c/d\" is not \"True\", but False");
	assert_string_equal(condition(s, "ContainersReady", "status"), "True");
	assert_string_equal(condition(s, "x/y", "status"), "True"); /* somebody else's stays */
	pod_state_fini(&st);
}

static void qos_is(const char *containers, const char *want)
{
	CLEANUP_FREE char *text = xasprintf("{'spec':{'containers':[%s]}}", containers);
	CLEANUP_VALUE struct value *pod = json_of(text);

	assert_string_equal(pod_qos(pod), want);
}

static void test_quality_of_service(void **state)
{
	qos_is("{'name':'c'}", "BestEffort");
	qos_is("{'resources':{'requests':{'cpu':'100m'}}}", "Burstable");
	qos_is("{'resources':{'limits':{'cpu':'1','memory':'1Gi'}}}", "Guaranteed");
	qos_is("{'resources':{'limits':{'cpu':'1','memory':'1Gi'},'requests':{'cpu':'1000m','"
	       "memory':'1024Mi'}}}",
	       "Guaranteed");
	qos_is("{'resources':{'limits':{'cpu':'1','memory':'1Gi'}}},{'name':'d'}", "Burstable");
	qos_is("{'resources':{'limits':{'cpu':'1'}}}", "Burstable");
	qos_is("{'resources':{'requests':{'cpu':'0'}}}", "BestEffort");
}

static void test_sums_for_the_cgroup(void **state)
{
	CLEANUP_VALUE struct value *pod = json_of(
		"{'spec':{'initContainers':[{'name':'i','resources':{'requests':{'cpu':'2'}}},"
		"{'name':'s','restartPolicy':'Always','resources':{'requests':{'cpu':'100m'},'"
		"limits':{'cpu':'1'}}}],"
		"'containers':[{'name':'c','resources':{'requests':{'cpu':'250m','memory':'64Mi'},"
		"'limits':{'cpu':'500m','memory':'128Mi'}}}]}}");
	const struct value *c = value_at(value_dig(pod, "spec", "containers", NULL), 0);
	struct resource_limits l = limits_of(pod, c, 1u << 30);

	assert_int_equal(pod_requests(pod, "cpu"), 2000);
	assert_int_equal(pod_requests(pod, "memory"), 64 << 20);
	assert_int_equal(pod_limits(pod).cpu_quota_millis, 0); /* i has no limit */
	assert_int_equal(l.cpu_shares_millis, 250);
	assert_int_equal(l.cpu_quota_millis, 500);
	assert_int_equal(l.memory_bytes, 128 << 20);
	assert_int_equal(l.oom_score_adj, 1000 - 62);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_creation_then_running),
		cmocka_unit_test(test_crash_loop_and_restart),
		cmocka_unit_test(test_restart_policies),
		cmocka_unit_test(test_init_containers_in_order),
		cmocka_unit_test(test_failed_init_with_never_fails_the_pod),
		cmocka_unit_test(test_failed_init_is_tried_again),
		cmocka_unit_test(test_probe_failure_kills),
		cmocka_unit_test(test_ending_stops_sidecars_last),
		cmocka_unit_test(test_status_is_remembered),
		cmocka_unit_test(test_readiness_gates),
		cmocka_unit_test(test_quality_of_service),
		cmocka_unit_test(test_sums_for_the_cgroup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
