#include "exec/process_handle.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/support.h"

#define BOOT "01234567-89ab-cdef-0123-456789abcdef"

static void printed_is_read_back(void **state)
{
	static const struct {
		struct process_handle h;
		const char *text;
	} cases[] = {
		{{{BOOT, 4026531836}, 4711, 123456}, "process:" BOOT ":4026531836:4711:123456"},
		{{{BOOT, 0}, 1, 0}, "process:" BOOT ":0:1:0"},
		{{{BOOT, INT64_MAX}, INT32_MAX, INT64_MAX},
			"process:" BOOT ":9223372036854775807:2147483647:9223372036854775807"},
	};
	char text[EXECUTOR_HANDLE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct process_handle h;

		process_handle_print(&cases[i].h, text);
		assert_string_equal(text, cases[i].text);
		assert_int_equal(process_handle_parse(text, &h), 0);
		assert_string_equal(h.place.boot_id, BOOT);
		assert_true(h.place.pid_namespace == cases[i].h.place.pid_namespace);
		assert_int_equal(h.pid, cases[i].h.pid);
		assert_int_equal(h.start, cases[i].h.start);
	}
}

static void anything_else_is_no_handle(void **state)
{
	static const char *const bad[] = {
		"",
		"p",
		"process",
		"process:",
		"process::::",
		"pod:" BOOT ":1:2:3",
		"Process:" BOOT ":1:2:3",
		" process:" BOOT ":1:2:3",
		"process:" BOOT,
		"process:" BOOT ":",
		"process:" BOOT ":1",
		"process:" BOOT ":1:2",
		"process:" BOOT ":1:2:",
		"process:" BOOT ":1:2:3:",
		"process:" BOOT ":1:2:3:4",
		"process:" BOOT ":1:2:3 ",
		"process:" BOOT ":1:2:3\n",
		"process:" BOOT ": 1:2:3",
		"process:" BOOT "::2:3",
		"process:" BOOT ":1::3",
		"process:" BOOT ":1:0:3",
		"process:" BOOT ":1:-2:3",
		"process:" BOOT ":1:+2:3",
		"process:" BOOT ":1:02:3",
		"process:" BOOT ":1:2:-3",
		"process:" BOOT ":1:2:03",
		"process:" BOOT ":-1:2:3",
		"process:" BOOT ":1:0x2:3",
		"process:" BOOT ":1:2.0:3",
		"process:" BOOT ":1:2147483648:3",
		"process:" BOOT ":1:4294967297:3",
		"process:" BOOT ":1:2:9223372036854775808",
		"process:" BOOT ":9223372036854775808:2:3",
		"process:" BOOT ":99999999999999999999999999999:2:3",
		"process:" BOOT "0:1:2:3",
		"process:1234567-89ab-cdef-0123-456789abcdef:1:2:3",
		"process:0123456789ab-cdef-0123-456789abcdef-:1:2:3",
		"process:01234567-89AB-cdef-0123-456789abcdef:1:2:3",
		"process:01234567-89ag-cdef-0123-456789abcdef:1:2:3",
		"process:01234567089ab-cdef-0123-456789abcdef:1:2:3",
		"process:\xFF\xFE:1:2:3",
	};
	CLEANUP_FREE char *long_one = repeat('1', 100000);
	struct process_handle h = {.pid = 77};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (process_handle_parse(bad[i], &h) == 0)
			fail_msg("taken: '%s'", bad[i]);
	memcpy(long_one, "process:", strlen("process:"));
	assert_int_equal(process_handle_parse(long_one, &h), -1);
	memcpy(long_one, "process:" BOOT ":1:2:", strlen("process:" BOOT ":1:2:"));
	assert_int_equal(process_handle_parse(long_one, &h), -1);
	assert_int_equal(process_handle_parse(NULL, &h), -1);
	assert_int_equal(h.pid, 77);
}

/* Cut anywhere, and any one byte another: never taken for another process. */
static void damaged_is_no_other_handle(void **state)
{
	static const char good[] = "process:" BOOT ":4026531836:4711:123456";
	struct process_handle h;
	char text[sizeof(good)], again[EXECUTOR_HANDLE_MAX];

	(void)state;
	for (size_t i = 0; i + 6 < sizeof(good); i++) {
		memcpy(text, good, sizeof(good));
		text[i] = '\0';
		assert_int_equal(process_handle_parse(text, &h), -1);
	}
	for (size_t i = 0; i + 1 < sizeof(good); i++)
		for (int c = 1; c < 256; c++) {
			memcpy(text, good, sizeof(good));
			text[i] = (char)c;
			if (process_handle_parse(text, &h))
				continue;
			process_handle_print(&h, again);
			assert_string_equal(again, text);
		}
}

static void here_is_always_the_same(void **state)
{
	struct process_place a, b;
	struct err err = ERR_INIT;

	(void)state;
	must(process_place_here(&a, &err), &err);
	must(process_place_here(&b, &err), &err);
	assert_int_equal(strlen(a.boot_id), UUID_TEXT_LEN);
	assert_string_equal(a.boot_id, b.boot_id);
	assert_true(a.pid_namespace > 0);
	assert_true(a.pid_namespace == b.pid_namespace);
}

/* A child with `run` in its environment; its handle. */
static struct proc child(const char *run, struct process_handle *ret_handle)
{
	const char *const argv[] = {"/bin/sh", "-c", "echo; while :; do sleep 1000; done", NULL};
	char *env[] = {mem_strdup("ETL_RUNS=7:3:x"), mem_strdup(run), NULL};
	struct err err = ERR_INIT;
	struct proc_stat stat;
	struct proc p;
	char c;

	must(proc_start(argv, env, PROC_OUT, &p, &err), &err);
	assert_int_equal(read(p.out, &c, 1), 1); /* its environment is there when it runs */
	must(process_place_here(&ret_handle->place, &err), &err);
	must(proc_stat(p.pid, &stat, &err), &err);
	ret_handle->pid = p.pid;
	ret_handle->start = stat.start;
	free(env[0]);
	free(env[1]);
	return p;
}

static void end_child(struct proc *p)
{
	struct err err = ERR_INIT;
	struct proc_end end;

	must(proc_stop(p, 0, &end, &err), &err);
	proc_release(p);
}

static enum executor_found find(const struct process_handle *h, int64_t run_id, int64_t fence)
{
	struct process_place here;
	struct err err = ERR_INIT;
	enum executor_found found;
	struct proc p = {.pid = -1, .pidfd = -1, .out = -1, .err = -1};

	must(process_place_here(&here, &err), &err);
	found = process_find(h, &here, run_id, fence, &p);
	assert_int_equal(found == EXECUTOR_ALIVE, p.pidfd >= 0);
	if (found == EXECUTOR_ALIVE)
		assert_int_equal(p.pid, h->pid);
	proc_release(&p);
	return found;
}

static void only_that_process_is_found(void **state)
{
	struct process_handle h, other;
	struct proc p = child("ETL_RUN=7:3:uid", &h);

	(void)state;
	assert_int_equal(find(&h, 7, 3), EXECUTOR_ALIVE);
	other = h; /* the number was given away again */
	other.start--;
	assert_int_equal(find(&other, 7, 3), EXECUTOR_GONE);
	other.start += 2;
	assert_int_equal(find(&other, 7, 3), EXECUTOR_GONE);
	other = h;
	other.pid = INT32_MAX;
	assert_int_equal(find(&other, 7, 3), EXECUTOR_GONE);
	other = h;
	other.place.pid_namespace++;
	assert_int_equal(find(&other, 7, 3), EXECUTOR_ELSEWHERE);
	other = h;
	other.place.boot_id[0] = other.place.boot_id[0] == '0' ? '1' : '0';
	assert_int_equal(find(&other, 7, 3), EXECUTOR_ELSEWHERE);
	end_child(&p);
	assert_int_equal(find(&h, 7, 3), EXECUTOR_GONE);
}

static void zombie_is_gone(void **state)
{
	struct process_handle h;
	struct proc p = child("ETL_RUN=7:3:uid", &h);
	struct err err = ERR_INIT;
	struct proc_end end;

	(void)state;
	proc_signal(&p, SIGKILL);
	while (!proc_ended(&p))
		usleep(1000);
	assert_int_equal(find(&h, 7, 3), EXECUTOR_GONE);
	assert_int_equal(proc_wait(&p, 0, &end, &err), 1); /* its status is still there */
	proc_release(&p);
}

/* A handle that names somebody else's process, by mistake or on purpose. */
static void process_of_another_run_is_not_found(void **state)
{
	static const char *const others[] = {"ETL_RUN=7:30:uid", "ETL_RUN=77:3:uid",
		"ETL_RUN=-7:3:uid", "ETL_RUN=7:3", "ETL_RUN=", "XETL_RUN=7:3:uid",
		"A=ETL_RUN=7:3:"};
	struct process_handle h;
	struct proc_stat stat;
	struct err err = ERR_INIT;
	struct proc p;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		p = child(others[i], &h);
		assert_int_equal(find(&h, 7, 3), EXECUTOR_ELSEWHERE);
		end_child(&p);
	}
	h.pid = getpid();
	must(proc_stat(h.pid, &stat, &err), &err);
	h.start = stat.start;
	assert_int_equal(find(&h, 7, 3), EXECUTOR_ELSEWHERE);
	h.pid = 1;
	must(proc_stat(h.pid, &stat, &err), &err);
	h.start = stat.start;
	assert_int_equal(find(&h, 7, 3), EXECUTOR_ELSEWHERE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(printed_is_read_back),
		cmocka_unit_test(anything_else_is_no_handle),
		cmocka_unit_test(damaged_is_no_other_handle),
		cmocka_unit_test(here_is_always_the_same),
		cmocka_unit_test(only_that_process_is_found),
		cmocka_unit_test(zombie_is_gone),
		cmocka_unit_test(process_of_another_run_is_not_found),
	};

	return cmocka_run_group_tests_name("exec/process_handle", tests, NULL, NULL);
}
