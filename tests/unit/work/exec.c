/* lib/work/exec.c through step_exec. */
#include "work/step.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/fake_host.h"
#include "unit/support.h"
#include "work/output.h"

struct fixture {
	struct fake_host h; /* first: what is called back finds the rest */
	struct step_result result;
	struct err err;
	int64_t ms; /* a clock of the test */
	struct clock clock;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	fake_host_init(&f->h);
	f->h.job.kind = JOB_EXEC;
	*state = f;
	return dir_make(state);
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	fake_host_release(&f->h);
	free(f);
	return dir_remove(state);
}

static int run(struct fixture *f, const char *command)
{
	f->h.job.command = command;
	err_clear(&f->err);
	buf_reset(&f->h.said);
	return step_exec.run(&f->h.host, &f->result, &f->err);
}

static void runs(struct fixture *f, const char *command)
{
	must(run(f, command), &f->err);
	assert_int_equal(f->result.end, STEP_DONE);
}

static void ends(struct fixture *f, const char *command, enum step_end end, enum err_code code,
	const char *msg)
{
	assert_int_equal(run(f, command), -1);
	assert_int_equal(f->result.end, end);
	check_err(&f->err, code, msg);
}

/* --- a command that ends by itself --- */

static void a_program_is_run(void **state)
{
	struct fixture *f = *state;

	runs(f, "printf 'a b\\n%s\\n' \"c  d\"");
	assert_string_equal(fake_host_said(&f->h), "info a b\ninfo c  d\n");
	assert_int_equal(f->h.published, 1);
	assert_int_equal(f->result.rows_written, 0);
	assert_false(f->result.before);
}

static void a_script_goes_to_the_shell(void **state)
{
	struct fixture *f = *state;

	runs(f, "for i in 1 2; do echo $i; done\necho 3 >&2; cat");
	assert_non_null(strstr(fake_host_said(&f->h), "info 1\ninfo 2\n"));
	assert_non_null(strstr(fake_host_said(&f->h), "warn 3\n"));
}

static void the_environment_names_the_run(void **state)
{
	struct fixture *f = *state;
	const char *said;

	setenv("ETL_RUN", "12:1:secret", 1);
	setenv("ETL_JOB", "of the one above", 1);
	setenv("ETL_ORDER_KEY", "of the one above", 1);
	setenv("ETL_OTHER", "stays", 1);
	runs(f, "env");
	said = fake_host_said(&f->h);
	assert_null(strstr(said, "ETL_RUN="));
	assert_null(strstr(said, "ETL_ORDER_KEY"));
	assert_null(strstr(said, "of the one above"));
	assert_non_null(strstr(said, "info ETL_JOB=load\n"));
	assert_non_null(strstr(said, "info ETL_RUN_ID=12\n"));
	assert_non_null(strstr(said, "info ETL_RUN_UID=run-1\n"));
	assert_non_null(strstr(said, "info ETL_ATTEMPT=1\n"));
	assert_non_null(strstr(said, "info ETL_OTHER=stays\n"));
	f->h.run.order_key = "2024-01-01";
	runs(f, "env");
	assert_non_null(strstr(fake_host_said(&f->h), "info ETL_ORDER_KEY=2024-01-01\n"));
	unsetenv("ETL_RUN");
	unsetenv("ETL_JOB");
	unsetenv("ETL_ORDER_KEY");
}

static void a_status_is_a_failure(void **state)
{
	struct fixture *f = *state;

	ends(f, "exit 3", STEP_OPEN, ERR_TARGET, "the command ended with exit status 3");
	ends(f, "echo first >&2; echo 'the \xff reason' >&2; echo out; exit 1", STEP_OPEN,
		ERR_TARGET, "the command ended with exit status 1: the \xEF\xBF\xBD reason");
	assert_non_null(strstr(fake_host_said(&f->h), "warn the \xff reason\n"));
	ends(f, "kill -SEGV $$", STEP_OPEN, ERR_TARGET,
		"the command ended with signal 11 (Segmentation fault)");
	assert_int_equal(run(f, "kill -KILL $$"), -1);
	assert_non_null(strstr(f->err.hint, "want of memory"));
	assert_int_equal(run(f, "no-such-program; exit $?"), -1);
	assert_non_null(strstr(f->err.hint, "by 127"));
}

static void the_last_line_is_cut(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(run(f, "printf '%2000d' 1 >&2; exit 1"), -1);
	assert_int_equal(
		strlen(f->err.msg), strlen("the command ended with exit status 1: ") + 400);
}

static void what_cannot_be_executed(void **state)
{
	struct fixture *f = *state;

	ends(f, "/no/such -x", STEP_OPEN, ERR_NOT_FOUND,
		"start '/no/such': No such file or directory");
	assert_non_null(strstr(f->err.hint, "PATH"));
	ends(f, "/etc/passwd", STEP_OPEN, ERR_CONFIG, "start '/etc/passwd': Permission denied");
	ends(f, "a 'b", STEP_OPEN, ERR_CONFIG, "command: a ' that has no end");
	ends(f, NULL, STEP_OPEN, ERR_CONFIG, "command: there is no command");
	assert_string_equal(fake_host_said(&f->h), "");
}

/* --- output --- */

static void much_output_does_not_fill_the_log(void **state)
{
	struct fixture *f = *state;

	runs(f, "yes 'a line of some length' | head -n 1000000; echo the last line");
	assert_true(f->h.said.len < OUTPUT_STORED_MAX + OUTPUT_TAIL_MAX);
	assert_non_null(strstr(fake_host_said(&f->h), " bytes of output were not kept between"));
	assert_string_equal(fake_host_said(&f->h) + f->h.said.len - strlen("info the last line\n"),
		"info the last line\n");
	assert_non_null(strstr(f->h.progress, "load  "));
	assert_non_null(strstr(f->h.progress, " lines"));
}

static void streams_may_be_closed_early(void **state)
{
	struct fixture *f = *state;

	runs(f, "echo a; exec >&- 2>&-; sleep 0.2");
	assert_string_equal(fake_host_said(&f->h), "info a\n");
}

static void the_last_bytes_are_read(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 20; i++) {
		runs(f, "printf '%60000d' 7");
		assert_int_equal(f->h.lines, 15 * (i + 1));
		assert_string_equal(fake_host_said(&f->h) + f->h.said.len - 3, " 7\n");
	}
}

/* --- what it leaves behind --- */

static bool lives(pid_t pid)
{
	char path[64], state = 'X';
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	if (!file)
		return false;
	if (fscanf(file, "%*d (%*[^)]) %c", &state) != 1)
		state = 'X';
	fclose(file);
	return state != 'X' && state != 'Z';
}

static pid_t said_pid(struct fixture *f)
{
	return (pid_t)atoi(fake_host_said(&f->h) + strlen("info "));
}

static void its_group_is_ended_with_it(void **state)
{
	struct fixture *f = *state;

	runs(f, "sleep 1000 & echo $!");
	while (lives(said_pid(f)))
		usleep(1000);
}

/* It holds the pipes open, and is not waited for. */
static void who_left_the_group_is_let_go(void **state)
{
	struct fixture *f = *state;
	char command[300];

	snprintf(command, sizeof(command),
		"setsid sh -c 'echo $$; echo > %s; exec sleep 1000' & while [ ! -e %s ]; do :; "
		"done",
		in_dir("there"), in_dir("there"));
	runs(f, command);
	assert_true(lives(said_pid(f)));
	kill(said_pid(f), SIGKILL);
}

/* --- before it is started --- */

static void a_lost_lease_starts_nothing(void **state)
{
	struct fixture *f = *state;

	err_set(&f->h.publish_err, ERR_LEASE_LOST, "lost");
	ends(f, "echo started", STEP_UNSETTLED, ERR_LEASE_LOST, "lost");
	err_set(&f->h.publish_err, ERR_STORE, "away");
	ends(f, "echo started", STEP_OPEN, ERR_STORE, "away");
	assert_string_equal(fake_host_said(&f->h), "");
}

static void cancel_it(struct fake_host *h)
{
	h->cancel = true;
}

static void cancelled_before_it_is_started(void **state)
{
	struct fixture *f = *state;

	f->h.on_publish = cancel_it; /* while it waited for the store */
	ends(f, "echo started", STEP_OPEN, ERR_CANCELLED,
		"cancelled before the command was started");
	assert_int_equal(f->h.published, 1);
	ends(f, "echo started", STEP_OPEN, ERR_CANCELLED,
		"cancelled before the command was started");
	assert_int_equal(f->h.published, 1);
	assert_string_equal(fake_host_said(&f->h), "");
}

/* --- cancelled half-way --- */

#define LOOP "echo ready; while :; do sleep 0.01; done"

static void a_stopped_command_is_unknown(void **state)
{
	struct fixture *f = *state;

	f->h.cancel_on = "ready";
	ends(f, LOOP, STEP_UNKNOWN, ERR_CANCELLED,
		"cancelled: the command ended with signal 15 (Terminated)");
	f->h.cancel = false;
	ends(f, "trap 'echo bye; exit 0' TERM; " LOOP, STEP_UNKNOWN, ERR_CANCELLED,
		"cancelled: the command ended with exit status 0");
	/* the shell may tell in between that its sleep was terminated, too */
	assert_non_null(strstr(fake_host_said(&f->h), "info ready\n"));
	assert_non_null(strstr(fake_host_said(&f->h), "info bye\n"));
}

static void an_idempotent_one_may_go_on(void **state)
{
	struct fixture *f = *state;

	f->h.cancel_on = "ready";
	f->h.job.idempotent = true;
	ends(f, LOOP, STEP_OPEN, ERR_CANCELLED,
		"cancelled: the command ended with signal 15 (Terminated)");
}

static void grace_passes(struct fake_host *h, const char *text)
{
	struct fixture *f = (struct fixture *)h;

	if (strcmp(text, "not yet") == 0)
		f->ms += 10000;
}

/* It says more after SIGTERM than a pipe holds, and goes on until it is killed. */
static void who_does_not_end_is_killed(void **state)
{
	struct fixture *f = *state;

	f->clock = (struct clock)TEST_CLOCK(&f->ms);
	f->h.host.clock = &f->clock;
	f->h.cancel_on = "ready";
	f->h.on_say = grace_passes;
	f->ms = 1;
	ends(f, "trap 'printf \"%200000d\\n\" 1; echo not yet' TERM; " LOOP, STEP_UNKNOWN,
		ERR_CANCELLED, "cancelled: the command ended with signal 9 (Killed)");
	assert_true(f->h.said.len > 200000);
}

/* --- the rest of its operations --- */

static void checks_need_no_program(void **state)
{
	struct fixture *f = *state;

	f->h.job.command = "no-such-program";
	must(step_exec.check(&f->h.settings, &f->h.job, &f->err), &f->err);
	f->h.job.command = "a | b";
	must(step_exec.check(&f->h.settings, &f->h.job, &f->err), &f->err);
	f->h.job.command = "a \"b";
	assert_int_equal(step_exec.check(&f->h.settings, &f->h.job, &f->err), -1);
	check_err(&f->err, ERR_CONFIG, "job 'load': command: a \" that has no end");
}

static void there_is_nothing_to_settle(void **state)
{
	struct fixture *f = *state;
	enum step_end end = STEP_UNKNOWN;

	must(step_exec.settle(&f->h.host, "cancelled", &end, &f->err), &f->err);
	assert_int_equal(end, STEP_WITHDRAWN);
	assert_int_equal(step_exec.kind, JOB_EXEC);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_program_is_run),
		TEST(a_script_goes_to_the_shell),
		TEST(the_environment_names_the_run),
		TEST(a_status_is_a_failure),
		TEST(the_last_line_is_cut),
		TEST(what_cannot_be_executed),
		TEST(much_output_does_not_fill_the_log),
		TEST(streams_may_be_closed_early),
		TEST(the_last_bytes_are_read),
		TEST(its_group_is_ended_with_it),
		TEST(who_left_the_group_is_let_go),
		TEST(a_lost_lease_starts_nothing),
		TEST(cancelled_before_it_is_started),
		TEST(a_stopped_command_is_unknown),
		TEST(an_idempotent_one_may_go_on),
		TEST(who_does_not_end_is_killed),
		TEST(checks_need_no_program),
		TEST(there_is_nothing_to_settle),
	};

	return cmocka_run_group_tests_name("work/exec", tests, NULL, NULL);
}
