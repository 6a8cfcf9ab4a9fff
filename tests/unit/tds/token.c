#include "tds/token.h"

#include <stdlib.h>
#include <string.h>

#include "tds/info.h"
#include "tds/row.h"
#include "unit/support.h"

struct fixture {
	struct arena arena;
	struct tds_token token;
	struct err err;
};

/* All of it is one token; cut anywhere it is none yet, and nothing beyond is read. */
static void read(struct fixture *f, const void *bytes, size_t len)
{
	const uint8_t *p;

	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *shorter = mem_alloc(cut ? cut : 1);

		memcpy(shorter, bytes, cut);
		p = shorter;
		assert_int_equal(tds_token_read(&p, shorter + cut, &f->arena, &f->token, &f->err), 0);
		assert_ptr_equal(p, shorter);
		free(shorter);
	}
	p = bytes;
	if (tds_token_read(&p, p + len, &f->arena, &f->token, &f->err) != 1)
		fail_msg("%s", f->err.msg);
	assert_ptr_equal(p, (const uint8_t *)bytes + len);
}

#define READ(f, ...)                                       \
	do {                                               \
		static const uint8_t bytes_[] = {__VA_ARGS__}; \
		read(f, bytes_, sizeof(bytes_));           \
	} while (0)

static void refused(struct fixture *f, const char *message, const uint8_t *bytes, size_t len)
{
	const uint8_t *p = bytes;

	err_clear(&f->err);
	assert_int_equal(tds_token_read(&p, p + len, &f->arena, &f->token, &f->err), -1);
	check_err(&f->err, ERR_DATA, message);
	assert_ptr_equal(p, bytes);
}

static int setup(void **state)
{
	*state = mem_alloc(sizeof(struct fixture));
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	arena_release(&f->arena);
	free(f);
	return 0;
}

static void the_end_of_a_statement(void **state)
{
	struct fixture *f = *state;

	READ(f, 0xFD, 0x11, 0x00, 0xC1, 0x00, 0x07, 0, 0, 0, 1, 0, 0, 0);
	assert_int_equal(f->token.type, TDS_TOKEN_DONE);
	assert_int_equal(f->token.done.status, TDS_DONE_MORE | TDS_DONE_COUNT);
	assert_int_equal(f->token.done.command, 0xC1);
	assert_int_equal(f->token.done.count, 0x100000007);
	READ(f, 0x79, 0xFE, 0xFF, 0xFF, 0xFF);
	assert_int_equal(f->token.status, -2);
}

static void an_error_and_its_texts(void **state)
{
	struct fixture *f = *state;

	/* 208, state 1, severity 16: "ü?" (half a surrogate), server "s", procedure "", line 7 */
	READ(f, 0xAA, 0x16, 0x00, 0xD0, 0x00, 0, 0, 1, 16, 2, 0, 0xFC, 0, 0x00, 0xD8, 1, 's', 0, 0, 7, 0, 0, 0,
		0, 0);
	assert_int_equal(f->token.message.number, 208);
	assert_int_equal(f->token.message.severity, 16);
	assert_int_equal(f->token.message.line, 7);
	assert_string_equal(f->token.message.text, "\xC3\xBC?");
	assert_string_equal(f->token.message.server, "s");
	assert_string_equal(f->token.message.procedure, "");
}

static void a_change_of_the_session(void **state)
{
	struct fixture *f = *state;

	READ(f, 0xE3, 0x0B, 0x00, 8, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0);
	assert_int_equal(f->token.env.type, TDS_ENV_BEGIN);
	assert_int_equal(f->token.env.len, TDS_TRANSACTION_LEN);
	assert_int_equal(f->token.env.value[7], 8);
	READ(f, 0xE3, 0x01, 0x00, 0x7B); /* one that nobody knows */
	assert_int_equal(f->token.env.len, 0);
}

static void columns_and_rows(void **state)
{
	struct fixture *f = *state;
	static const uint8_t row[] = {TDS_TOKEN_ROW, 1, 2};
	const uint8_t *p = row;

	READ(f, 0x81, 1, 0, 0, 0, 0, 0, 1, 0, 0x26, 4, 1, 'a', 0);
	assert_int_equal(f->token.columns.n, 1);
	assert_string_equal(f->token.columns.v[0].name, "a");
	assert_int_equal(f->token.columns.v[0].type, TDS_INTN);
	READ(f, 0x81, 0xFF, 0xFF);
	assert_int_equal(f->token.columns.n, 0);
	assert_int_equal(tds_token_read(&p, row + sizeof(row), &f->arena, &f->token, &f->err), 1);
	assert_ptr_equal(p, row);
	assert_int_equal(f->token.type, TDS_TOKEN_ROW);
}

static void an_output_parameter(void **state)
{
	struct fixture *f = *state;
	const uint8_t *p, *end;
	struct tds_value v;

	READ(f, 0xAC, 0, 0, 2, '@', 0, 'n', 0, 1, 0, 0, 0, 0, 0, 0, 0x26, 4, 4, 42, 0, 0, 0);
	assert_string_equal(f->token.output.column.name, "@n");
	p = f->token.output.value;
	end = p + f->token.output.len;
	must(tds_decode(&p, end, &f->token.output.column, NULL, &v, &f->err), &f->err);
	assert_int_equal(v.i, 42);
	assert_ptr_equal(p, end);
}

static void what_is_passed_over(void **state)
{
	struct fixture *f = *state;

	READ(f, 0xA9, 4, 0, 1, 0, 2, 0);
	assert_int_equal(f->token.type, TDS_TOKEN_ORDER);
	READ(f, 0xE4, 3, 0, 0, 0, 9, 9, 9);
	READ(f, 0xA4, 2, 0, 9, 9);
}

static void what_is_wrong(void **state)
{
	static const uint8_t unknown[] = {0x00, 1, 2, 3};
	static const uint8_t inner[] = {0xAA, 4, 0, 1, 2, 3, 4}; /* the length has no room for its texts */
	static const uint8_t type[] = {0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0, 0, 0, 0, 0};
	struct fixture *f = *state;

	refused(f, "token 0x00 is not known", unknown, sizeof(unknown));
	refused(f, "token 0xAA is longer than it says", inner, sizeof(inner));
	refused(f, "column 1: type 0xFF is not known", type, sizeof(type));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_end_of_a_statement),
		TEST(an_error_and_its_texts),
		TEST(a_change_of_the_session),
		TEST(columns_and_rows),
		TEST(an_output_parameter),
		TEST(what_is_passed_over),
		TEST(what_is_wrong),
	};

	return cmocka_run_group_tests_name("tds/token", tests, NULL, NULL);
}
