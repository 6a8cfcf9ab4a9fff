#include "exec/kube_status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/text.h"

#define SIGNAL_EXIT 128 /* a container's exit status when a signal ended it: 128 and its number */
#define SIGNALS 64

static void say(struct kube_status *s, const char *fmt, ...) PRINTF(2, 3);
static void say(struct kube_status *s, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(s->words, sizeof(s->words), fmt, args);
	va_end(args);
	for (char *c = s->words; *c; c++) /* a runtime's message may have several lines */
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

/* ": message", or nothing. */
static const char *colon(const char *message)
{
	return message && *message ? ": " : "";
}

static const char *or_nothing(const char *text)
{
	return text ? text : "";
}

/* --- what is said of a pod ----------------------------------------------------- */

static struct json *condition(struct json *pod, const char *type)
{
	struct json_iter it = {.of = json_get(pod, "status.conditions")};
	struct json *c;

	while (json_next(&it, NULL, &c)) {
		const char *name = json_str(c, "type");

		if (name && strcmp(name, type) == 0)
			return c;
	}
	return NULL;
}

/* The status of the worker's container: the one of its name, else the first. */
static struct json *worker_status(struct json *pod)
{
	struct json *list = json_get(pod, "status.containerStatuses");
	struct json_iter it = {.of = list};
	struct json *c;

	while (json_next(&it, NULL, &c)) {
		const char *name = json_str(c, "name");

		if (name && strcmp(name, KUBE_CONTAINER) == 0)
			return c;
	}
	return json_get(list, "0");
}

static const char *memory_limit(struct json *pod)
{
	struct json_iter it = {.of = json_get(pod, "spec.containers")};
	struct json *c;

	while (json_next(&it, NULL, &c)) {
		const char *name = json_str(c, "name");

		if (name && strcmp(name, KUBE_CONTAINER) == 0)
			return json_str(c, "resources.limits.memory");
	}
	return json_str(pod, "spec.containers.0.resources.limits.memory");
}

/* --- disruptions ----------------------------------------------------------------- */

/* Reasons of a pod's status, and of its condition DisruptionTarget, that are nobody's failure. */
static const struct {
	const char *reason, *words;
} disruptions[] = {
	{"Evicted", "evicted"},
	{"EvictionByEvictionAPI", "evicted, by a drain of its node or somebody else's request"},
	{"Preempting", "preempted by a pod that its node cannot do without"},
	{"Preempted", "preempted by a pod of higher priority"},
	{"PreemptionByScheduler", "preempted by a pod of higher priority"},
	{"PreemptionByKubeScheduler", "preempted by a pod of higher priority"},
	{"DeletionByTaintManager", "taken off its node, which is tainted or does not answer"},
	{"DeletionByPodGC", "its node is gone"},
	{"TerminationByKubelet", "ended by its node, which ran short or shuts down"},
	{"NodeLost", "its node does not answer"},
	{"NodeShutdown", "its node shuts down"},
	{"Shutdown", "its node shuts down"},
	{"Terminated", "its node shuts down"},
	{"NodeAffinity", "its node refused it"},
	{"UnexpectedAdmissionError", "its node refused it"},
};

static const char *disruption(const char *reason)
{
	for (size_t i = 0; reason && i < ARRAY_LEN(disruptions); i++)
		if (strcmp(disruptions[i].reason, reason) == 0)
			return disruptions[i].words;
	if (reason && (strncmp(reason, "OutOf", 5) == 0 || strncmp(reason, "Outof", 5) == 0)) /* OutOfcpu … */
		return "its node had no room for it";
	return NULL;
}

/* True when there is one. */
static bool read_disruption(struct json *pod, struct kube_status *s)
{
	struct json *target = condition(pod, "DisruptionTarget");
	const char *status = json_str(target, "status"), *message = json_str(pod, "status.message");
	const char *reason = json_str(pod, "status.reason"), *words = disruption(reason);

	if (!words && status && strcmp(status, "True") == 0) {
		reason = json_str(target, "reason");
		message = json_str(target, "message");
		words = disruption(reason);
		if (!words)
			words = "disrupted";
	}
	if (!words)
		return false;
	s->disrupted = true;
	say(s, "%s%s%s", words, colon(message), or_nothing(message));
	return true;
}

/* --- ends ------------------------------------------------------------------------ */

static void say_exit(struct json *pod, struct json *terminated, struct kube_status *s)
{
	const char *reason = json_str(terminated, "reason"), *message = json_str(terminated, "message");
	const char *limit = memory_limit(pod);

	if (!reason)
		reason = "";
	if (strcmp(reason, "OOMKilled") == 0) {
		if (limit)
			say(s, "OOMKilled: it needed more memory than its limit of %s", limit);
		else
			say(s, "OOMKilled: its node had no memory left (it has no limit of its own)");
	} else if (strcmp(reason, "ContainerCannotRun") == 0 || strcmp(reason, "StartError") == 0) {
		s->began = false;
		say(s, "its container could not be started%s%s", colon(message), or_nothing(message));
	} else if (strcmp(reason, "ContainerStatusUnknown") == 0) {
		s->disrupted = true;
		s->exit_status = -1;
		say(s, "nobody knows how its container ended%s%s", colon(message), or_nothing(message));
	} else if (s->signal) {
		say(s, "killed by signal %d (%s)", s->signal, strsignal(s->signal));
	} else {
		say(s, "exit status %d", s->exit_status);
	}
}

static void read_exit(struct json *pod, struct json *terminated, struct kube_status *s)
{
	int64_t code = json_int(terminated, "exitCode", -1), signal = json_int(terminated, "signal", 0);

	s->phase = KUBE_ENDED;
	s->began = true;
	s->finished_s = kube_time(json_str(terminated, "finishedAt"));
	if (signal == 0 && code > SIGNAL_EXIT && code <= SIGNAL_EXIT + SIGNALS)
		signal = code - SIGNAL_EXIT;
	s->signal = signal > 0 && signal <= SIGNALS ? (int)signal : 0;
	s->exit_status = s->signal || code < 0 || code > 255 ? -1 : (int)code;
	say_exit(pod, terminated, s);
}

/* The pod's own words come before those of its container: it was killed for them. */
static void read_failed(struct json *pod, struct json *terminated, struct kube_status *s)
{
	const char *reason = json_str(pod, "status.reason"), *message = json_str(pod, "status.message");

	s->phase = KUBE_ENDED;
	if (terminated)
		read_exit(pod, terminated, s);
	if (reason && strcmp(reason, "DeadlineExceeded") == 0) {
		s->overdue = true;
		say(s, "its pod took longer than its deadline (activeDeadlineSeconds)");
	} else if (!read_disruption(pod, s) && !terminated) {
		say(s, "its pod failed%s%s%s%s", colon(reason), or_nothing(reason), colon(message),
			or_nothing(message));
	}
}

/* --- beginnings ------------------------------------------------------------------ */

static const struct {
	const char *reason, *words;
	bool pulling, hopeless, repeats;
} waits[] = {
	{"ErrImagePull", "its image cannot be pulled", .pulling = true},
	{"ImagePullBackOff", "its image cannot be pulled", .pulling = true, .repeats = true},
	{"ErrImageNeverPull", "its image is not on the node, and may not be pulled", .hopeless = true},
	{"InvalidImageName", "its image's name is none", .hopeless = true},
	{"ImageInspectError", "its image cannot be used"},
	{"RegistryUnavailable", "the registry of its image does not answer", .pulling = true},
	{"SignatureValidationFailed", "its image's signature is not valid", .pulling = true},
	{"CreateContainerConfigError", "its container cannot be made"},
	{"CreateContainerError", "its container cannot be made"},
	{"CreatePodSandboxError", "its pod cannot be set up"},
	{"RunContainerError", "its container cannot be started"},
	{"CrashLoopBackOff", "a container of its pod ends again and again", .repeats = true},
};

/* False when there is nothing to say of it, as of one that is being created. */
static bool read_wait(struct json *status, struct kube_status *s)
{
	const char *reason = json_str(status, "state.waiting.reason");
	const char *message = json_str(status, "state.waiting.message");

	for (size_t i = 0; reason && i < ARRAY_LEN(waits); i++) {
		if (strcmp(waits[i].reason, reason) != 0)
			continue;
		s->pulling = waits[i].pulling;
		s->hopeless = waits[i].hopeless;
		s->repeats = waits[i].repeats;
		say(s, "%s (%s)%s%s", waits[i].words, reason, colon(message), or_nothing(message));
		return true;
	}
	return false;
}

static void read_pending(struct json *pod, struct kube_status *s)
{
	static const char *const lists[] = {"status.initContainerStatuses", "status.containerStatuses"};
	struct json *scheduled = condition(pod, "PodScheduled"), *c;
	const char *status = json_str(scheduled, "status"), *reason = json_str(scheduled, "reason");
	const char *message = json_str(scheduled, "message");

	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		struct json_iter it = {.of = json_get(pod, lists[i])};

		while (json_next(&it, NULL, &c))
			if (read_wait(c, s))
				return;
	}
	if (status && strcmp(status, "False") == 0)
		say(s, "it is not scheduled (%s)%s%s", reason ? reason : "no reason given", colon(message),
			or_nothing(message));
}

/* --- all of it ------------------------------------------------------------------- */

static bool take(char *out, size_t size, const char *text)
{
	return text && *text && snprintf(out, size, "%s", text) < (int)size;
}

static int64_t label_number(struct json *labels, const char *name)
{
	const char *text = json_str(json_member(labels, name), "");
	int64_t n;

	return text && text_parse_int(text, &n) == 0 && n > 0 ? n : 0;
}

static void read_phase(struct json *pod, struct kube_status *s)
{
	const char *phase = json_str(pod, "status.phase");
	struct json *worker = worker_status(pod), *terminated = json_get(worker, "state.terminated");

	if (phase && strcmp(phase, "Failed") == 0) {
		read_failed(pod, terminated, s);
	} else if (phase && strcmp(phase, "Succeeded") == 0 && !terminated) {
		s->phase = KUBE_ENDED;
		s->exit_status = 0;
	} else if (terminated) { /* also where something beside it goes on */
		read_exit(pod, terminated, s);
		if (s->exit_status != 0)
			read_disruption(pod, s);
	} else if (json_get(worker, "state.running")) {
		s->phase = KUBE_RUNNING;
		s->began = true;
		read_disruption(pod, s);
	} else {
		s->began = json_get(worker, "lastState.terminated") != NULL;
		if (!read_disruption(pod, s))
			read_pending(pod, s);
	}
}

bool kube_status_read(struct json *pod, struct kube_status *ret)
{
	struct json *labels = json_get(pod, "metadata.labels");
	struct kube_status s = {.exit_status = -1};

	if (!take(s.name, sizeof(s.name), json_str(pod, "metadata.name")) ||
		!take(s.uid, sizeof(s.uid), json_str(pod, "metadata.uid")))
		return false;
	if (!take(s.node, sizeof(s.node), json_str(pod, "spec.nodeName")))
		s.node[0] = '\0';
	s.run_id = label_number(labels, KUBE_LABEL_RUN);
	s.fence = label_number(labels, KUBE_LABEL_FENCE);
	s.terminating = json_str(pod, "metadata.deletionTimestamp") != NULL;
	s.grace_s = json_int(pod, "metadata.deletionGracePeriodSeconds", 0);
	read_phase(pod, &s);
	*ret = s;
	return true;
}

int64_t kube_time(const char *text)
{
	struct tm tm = {.tm_isdst = 0};
	char zone;

	if (!text || sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%c", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour,
			     &tm.tm_min, &tm.tm_sec, &zone) != 7 ||
		(zone != 'Z' && zone != '.'))
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	return (int64_t)timegm(&tm);
}
