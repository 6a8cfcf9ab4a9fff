#include "unit/support.h"

#include "work/reject.h"

#include <pthread.h>
#include <string.h>

#define THREADS 4
#define EACH	500

static int fail_with(struct rejects *r, uint64_t row, const char *key, struct err *err)
{
	err_set(err, ERR_DATA, "column 'a': " ERR_VALUE " is not a number");
	err_value(err, "x7", 2);
	return rejects_add(r, row, "a", key, err);
}

static void nothing_is_kept_where_the_job_keeps_none(void **state)
{
	const struct job job = {.on_reject = ON_REJECT_FAIL, .reject_limit = 10};
	struct rejects *r = rejects_new(&job);
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(fail_with(r, 1, NULL, &err), -1);
	assert_int_equal(err.code, ERR_DATA);
	assert_int_equal(rejects_count(r), 0);
	rejects_free(r);
	assert_int_equal(rejects_add(NULL, 1, NULL, NULL, &err), -1);
}

static void the_policy_says_what_is_written_down(void **state)
{
	static const struct {
		enum reject_values policy;
		const char *key, *value, *reason;
	} cases[] = {
		{REJECT_VALUES_NONE, NULL, NULL, "column 'a': the value is not a number"},
		{REJECT_VALUES_KEYS, "k", NULL, "column 'a': the value is not a number"},
		{REJECT_VALUES_ALL, "k", "x7", "column 'a': 'x7' is not a number"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct job job = {.on_reject = ON_REJECT_KEEP,
			.reject_limit = 1,
			.reject_values = cases[i].policy};
		struct rejects *r = rejects_new(&job);
		struct err err = ERR_INIT;
		const struct reject *kept;

		must(fail_with(r, 3, "k", &err), &err);
		assert_int_equal(err.code, ERR_NONE);
		kept = rejects_get(r, 0);
		assert_int_equal(kept->row, 3);
		assert_string_equal(kept->column, "a");
		assert_string_equal(kept->reason, cases[i].reason);
		assert_true(cases[i].key ? strcmp(kept->key, cases[i].key) == 0 : !kept->key);
		assert_true(cases[i].value ? strcmp(kept->value, cases[i].value) == 0 : !kept->value);
		rejects_free(r);
	}
}

static void one_too_many_is_the_error(void **state)
{
	const struct job job = {.on_reject = ON_REJECT_KEEP, .reject_limit = 2};
	struct rejects *r = rejects_new(&job);
	struct err err = ERR_INIT;

	(void)state;
	must(fail_with(r, 1, NULL, &err), &err);
	must(fail_with(r, 2, NULL, &err), &err);
	assert_int_equal(fail_with(r, 3, NULL, &err), -1);
	err_settle_value(&err, false);
	check_err(&err, ERR_DATA,
		"more than 2 rows cannot be loaded; the last one: column 'a': the value is not a number");
	assert_int_equal(rejects_count(r), 2);
	rejects_free(r);
}

static void other_errors_are_not_a_row_s(void **state)
{
	const struct job job = {.on_reject = ON_REJECT_KEEP, .reject_limit = 2};
	struct rejects *r = rejects_new(&job);
	struct err err = ERR_INIT;

	(void)state;
	err_set(&err, ERR_TARGET, "the disk is full");
	assert_int_equal(rejects_add(r, 1, NULL, NULL, &err), -1);
	check_err(&err, ERR_TARGET, "the disk is full");
	rejects_free(r);
}

static void rows_keep_the_source_s_number(void **state)
{
	const struct job job = {.on_reject = ON_REJECT_KEEP, .reject_limit = 10};
	struct rejects *r = rejects_new(&job);
	struct err err = ERR_INIT;

	(void)state;
	must(fail_with(r, 5, NULL, &err), &err);
	must(fail_with(r, 1, NULL, &err), &err);
	must(fail_with(r, 2, NULL, &err), &err);
	assert_int_equal(rejects_row_of(r, 3, 1), 3);
	assert_int_equal(rejects_row_of(r, 3, 2), 4);
	assert_int_equal(rejects_row_of(r, 3, 3), 6);
	assert_int_equal(rejects_row_of(r, 0, 3), 3);
	rejects_free(r);
}

static void *add_many(void *arg)
{
	struct err err = ERR_INIT;

	for (int i = 0; i < EACH; i++)
		if (fail_with(arg, (uint64_t)i + 1, "k", &err))
			return arg;
	return NULL;
}

static void readers_and_writers_add_at_once(void **state)
{
	const struct job job = {.on_reject = ON_REJECT_KEEP, .reject_limit = THREADS * EACH};
	struct rejects *r = rejects_new(&job);
	pthread_t threads[THREADS];
	void *failed;

	(void)state;
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, add_many, r), 0);
	for (int i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	assert_int_equal(rejects_count(r), THREADS * EACH);
	rejects_free(r);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_kept_where_the_job_keeps_none),
		cmocka_unit_test(the_policy_says_what_is_written_down),
		cmocka_unit_test(one_too_many_is_the_error),
		cmocka_unit_test(other_errors_are_not_a_row_s),
		cmocka_unit_test(rows_keep_the_source_s_number),
		cmocka_unit_test(readers_and_writers_add_at_once),
	};

	return cmocka_run_group_tests_name("work/reject", tests, NULL, NULL);
}
