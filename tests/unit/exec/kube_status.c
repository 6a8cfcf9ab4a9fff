#include "exec/kube_status.h"

#include <stdio.h>
#include <string.h>

#include "unit/support.h"

#define META "\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"labels\":{\"etl/run\":\"7\",\"etl/fence\":\"2\"}}"
#define WORKER(state) "\"containerStatuses\":[{\"name\":\"sidecar\",\"state\":{\"running\":{}}}," \
	"{\"name\":\"worker\",\"state\":{" state "}}]"
#define LIMIT "\"spec\":{\"containers\":[{\"name\":\"worker\",\"resources\":{\"limits\":{\"memory\":\"512Mi\"}}}]},"
#define DISRUPTED(reason) "\"conditions\":[{\"type\":\"DisruptionTarget\",\"status\":\"True\",\"reason\":\"" reason \
	"\",\"message\":\"why\"}]"

static struct kube_status read_pod(const char *text)
{
	CLEANUP_JSON struct json_doc *doc = NULL;
	struct err err = ERR_INIT;
	struct kube_status s;

	must(json_parse(text, strlen(text), &doc, &err), &err);
	assert_true(kube_status_read(json_root(doc), &s));
	return s;
}

/* As API servers answer, from 1.19 to those that know DisruptionTarget. */
static void what_a_pod_says(void **state)
{
	static const struct {
		const char *status, *words;
		enum kube_phase phase;
		bool began, disrupted, overdue, hopeless;
		int exit_status, signal;
	} cases[] = {
		{"\"phase\":\"Pending\"", "", KUBE_PENDING, .exit_status = -1},
		{"", "", KUBE_PENDING, .exit_status = -1},
		{"\"phase\":\"Pending\",\"conditions\":[{\"type\":\"PodScheduled\",\"status\":\"False\",\"reason\":"
		 "\"Unschedulable\",\"message\":\"0/3 nodes are available\"}]",
			"it is not scheduled (Unschedulable): 0/3 nodes are available", KUBE_PENDING, .exit_status = -1},
		{"\"phase\":\"Pending\"," WORKER("\"waiting\":{\"reason\":\"ContainerCreating\"}"), "", KUBE_PENDING,
			.exit_status = -1},
		{"\"phase\":\"Pending\"," WORKER("\"waiting\":{\"reason\":\"ErrImagePull\",\"message\":\"a\\nb\"}"),
			"its image cannot be pulled (ErrImagePull): a b", KUBE_PENDING, .exit_status = -1},
		{"\"phase\":\"Pending\"," WORKER("\"waiting\":{\"reason\":\"InvalidImageName\"}"),
			"its image's name is none (InvalidImageName)", KUBE_PENDING, .hopeless = true, .exit_status = -1},
		{"\"phase\":\"Pending\",\"initContainerStatuses\":[{\"name\":\"i\",\"state\":{\"waiting\":{\"reason\":"
		 "\"CrashLoopBackOff\"}}}]",
			"a container of its pod ends again and again (CrashLoopBackOff)", KUBE_PENDING, .exit_status = -1},
		{"\"phase\":\"Running\"," WORKER("\"running\":{}"), "", KUBE_RUNNING, .began = true, .exit_status = -1},
		{"\"phase\":\"Running\"," WORKER("\"running\":{}") "," DISRUPTED("DeletionByTaintManager"),
			"taken off its node, which is tainted or does not answer: why", KUBE_RUNNING, .began = true,
			.disrupted = true, .exit_status = -1},
		{"\"phase\":\"Succeeded\"," WORKER("\"terminated\":{\"exitCode\":0}"), "exit status 0", KUBE_ENDED,
			.began = true},
		/* something beside it goes on */
		{"\"phase\":\"Running\"," WORKER("\"terminated\":{\"exitCode\":5}"), "exit status 5", KUBE_ENDED,
			.began = true, .exit_status = 5},
		{"\"phase\":\"Failed\"," WORKER("\"terminated\":{\"exitCode\":137,\"reason\":\"OOMKilled\"}"),
			"OOMKilled: it needed more memory than its limit of 512Mi", KUBE_ENDED, .began = true,
			.exit_status = -1, .signal = 9},
		{"\"phase\":\"Failed\"," WORKER("\"terminated\":{\"exitCode\":0,\"signal\":15}"),
			"killed by signal 15 (Terminated)", KUBE_ENDED, .began = true, .exit_status = -1, .signal = 15},
		{"\"phase\":\"Failed\"," WORKER("\"terminated\":{\"exitCode\":128,\"reason\":\"StartError\",\"message\":"
						"\"exec: not found\"}"),
			"its container could not be started: exec: not found", KUBE_ENDED, .exit_status = 128},
		{"\"phase\":\"Failed\",\"reason\":\"Evicted\",\"message\":\"low on memory\"", "evicted: low on memory",
			KUBE_ENDED, .disrupted = true, .exit_status = -1},
		{"\"phase\":\"Failed\",\"reason\":\"Outofcpu\"", "its node had no room for it", KUBE_ENDED,
			.disrupted = true, .exit_status = -1},
		{"\"phase\":\"Failed\"," WORKER("\"terminated\":{\"exitCode\":143}") "," DISRUPTED("PreemptionByScheduler"),
			"preempted by a pod of higher priority: why", KUBE_ENDED, .began = true, .disrupted = true,
			.exit_status = -1, .signal = 15},
		{"\"phase\":\"Failed\"," DISRUPTED("SomethingNew"), "disrupted: why", KUBE_ENDED, .disrupted = true,
			.exit_status = -1},
		/* it ended well, whatever was about to happen */
		{"\"phase\":\"Succeeded\"," WORKER("\"terminated\":{\"exitCode\":0}") "," DISRUPTED("EvictionByEvictionAPI"),
			"exit status 0", KUBE_ENDED, .began = true},
		{"\"phase\":\"Failed\",\"reason\":\"DeadlineExceeded\"",
			"its pod took longer than its deadline (activeDeadlineSeconds)", KUBE_ENDED, .overdue = true,
			.exit_status = -1},
		{"\"phase\":\"Failed\",\"reason\":\"Strange\",\"message\":\"who knows\"",
			"its pod failed: Strange: who knows", KUBE_ENDED, .exit_status = -1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char text[2048];
		struct kube_status s;

		snprintf(text, sizeof(text), "{" META "," LIMIT "\"status\":{%s}}", cases[i].status);
		s = read_pod(text);
		assert_string_equal(s.words, cases[i].words);
		if (s.phase != cases[i].phase || s.began != cases[i].began || s.disrupted != cases[i].disrupted ||
			s.overdue != cases[i].overdue || s.hopeless != cases[i].hopeless ||
			s.exit_status != cases[i].exit_status || s.signal != cases[i].signal)
			fail_msg("case %zu (%s): phase %d began %d disrupted %d overdue %d hopeless %d exit %d signal %d", i,
				cases[i].words, s.phase, s.began, s.disrupted, s.overdue, s.hopeless, s.exit_status,
				s.signal);
	}
}

static void who_it_is(void **state)
{
	struct kube_status s = read_pod("{\"metadata\":{\"name\":\"etl-1\",\"uid\":\"u-1\",\"labels\":{\"etl/run\":\"12\","
					"\"etl/fence\":\"3\"},\"deletionTimestamp\":\"2026-11-28T00:00:00Z\","
					"\"deletionGracePeriodSeconds\":30},\"spec\":{\"nodeName\":\"n1\"},\"status\":{}}");

	(void)state;
	assert_string_equal(s.name, "etl-1");
	assert_string_equal(s.uid, "u-1");
	assert_string_equal(s.node, "n1");
	assert_int_equal(s.run_id, 12);
	assert_int_equal(s.fence, 3);
	assert_true(s.terminating);
	assert_int_equal(s.grace_s, 30);
	s = read_pod("{\"metadata\":{\"name\":\"p\",\"uid\":\"u\",\"labels\":{\"etl/run\":\"-1\",\"etl/fence\":\"x\"}}}");
	assert_int_equal(s.run_id, 0);
	assert_int_equal(s.fence, 0);
}

static void what_is_no_pod(void **state)
{
	static const char *const bad[] = {"{}", "[]", "5", "null", "{\"metadata\":{\"name\":\"p\"}}",
		"{\"metadata\":{\"uid\":\"u\"}}", "{\"metadata\":{\"name\":5,\"uid\":\"u\"}}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		CLEANUP_JSON struct json_doc *doc = NULL;
		struct err err = ERR_INIT;
		struct kube_status s;

		must(json_parse(bad[i], strlen(bad[i]), &doc, &err), &err);
		assert_false(kube_status_read(json_root(doc), &s));
	}
}

static void times(void **state)
{
	(void)state;
	assert_true(kube_time("1970-01-02T00:00:01Z") == 86401);
	assert_true(kube_time("2026-11-28T00:31:41Z") == 1795825901);
	assert_true(kube_time("2026-11-28T00:31:41.123456Z") == 1795825901);
	assert_true(kube_time(NULL) == 0);
	assert_true(kube_time("") == 0);
	assert_true(kube_time("yesterday") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_pod_says),
		cmocka_unit_test(who_it_is),
		cmocka_unit_test(what_is_no_pod),
		cmocka_unit_test(times),
	};

	return cmocka_run_group_tests_name("exec/kube_status", tests, NULL, NULL);
}
