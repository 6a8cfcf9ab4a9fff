#include "job/kerberos_key.h"

#include <stdlib.h>

#include "unit/test_store.h"

#define HOLD_MS 60000

static const struct kerberos_key mine = {.principal = "svc@R.ORG", .version = "3-5f2a", .holder = "a"};
static const struct kerberos_key theirs = {.principal = "svc@R.ORG", .version = "3-5f2a", .holder = "b"};

static int setup(void **state)
{
	struct test_store *f = mem_alloc(sizeof(*f));

	test_store_init(f);
	test_store_open(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	test_store_release(*state);
	free(*state);
	return 0;
}

static enum kerberos_key_turn begin(struct test_store *f, const struct kerberos_key *k, int64_t hold_ms, bool force)
{
	enum kerberos_key_turn turn = KERBEROS_KEY_BUSY;

	must(kerberos_key_begin(f->store, k, 0, hold_ms, force, &turn, &f->err), &f->err);
	return turn;
}

static void one_at_a_time(void **state)
{
	struct test_store *f = *state;
	struct kerberos_key newer = {.principal = mine.principal, .version = "4-0001", .holder = "c"};

	assert_int_equal(begin(f, &mine, HOLD_MS, false), KERBEROS_KEY_OURS);
	assert_int_equal(begin(f, &theirs, HOLD_MS, false), KERBEROS_KEY_BUSY);
	assert_int_equal(begin(f, &newer, HOLD_MS, false), KERBEROS_KEY_OURS); /* another key */
	must(kerberos_key_end(f->store, &theirs, true, &f->err), &f->err);   /* not theirs to say */
	must(kerberos_key_end(f->store, &mine, false, &f->err), &f->err);
	assert_int_equal(begin(f, &theirs, HOLD_MS, false), KERBEROS_KEY_OURS);
}

static void a_refused_one_is_not_tried_again(void **state)
{
	struct test_store *f = *state;

	assert_int_equal(begin(f, &mine, 0, false), KERBEROS_KEY_OURS);
	must(kerberos_key_end(f->store, &mine, true, &f->err), &f->err);
	assert_int_equal(begin(f, &theirs, HOLD_MS, false), KERBEROS_KEY_REFUSED);
	assert_int_equal(begin(f, &mine, HOLD_MS, false), KERBEROS_KEY_REFUSED);
	assert_int_equal(begin(f, &theirs, HOLD_MS, true), KERBEROS_KEY_OURS); /* but by force */
	must(kerberos_key_end(f->store, &theirs, false, &f->err), &f->err);
	check_store(f, "SELECT count(*) FROM etl_kerberos_key", "0");
}

static void who_does_not_come_back_is_not_waited_for(void **state)
{
	struct test_store *f = *state;
	enum kerberos_key_turn turn = KERBEROS_KEY_BUSY;

	assert_int_equal(begin(f, &mine, 1, false), KERBEROS_KEY_OURS);
	must(kerberos_key_begin(f->store, &theirs, 10000, HOLD_MS, false, &turn, &f->err), &f->err);
	assert_int_equal(turn, KERBEROS_KEY_OURS);
	must(kerberos_key_end(f->store, &mine, true, &f->err), &f->err); /* too late */
	check_store(f, "SELECT holder, refused FROM etl_kerberos_key", "b|0");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {TEST(one_at_a_time), TEST(a_refused_one_is_not_tried_again),
		TEST(who_does_not_come_back_is_not_waited_for)};

	return cmocka_run_group_tests_name("job/kerberos_key", tests, dir_make, dir_remove);
}
