#include "tds/expand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tds/row.h"
#include "unit/values.h"

#define ROWS       40
#define STREAM_MAX 400000
#define NBCROW     0xD2
#define DONE       0xFD

static const char *const types[] = {"int", "fixed int", "varchar(max)", "decimal(18,2)", "fixed float",
	"varbinary(max)", "datetime2(3)", "varchar(50)", "sql_variant", "old text", "nvarchar(20)", "xml"};

static struct tds_column v_columns[ARRAY_LEN(types)];
static const struct tds_columns columns = {v_columns, ARRAY_LEN(types)};
static uint8_t answer[STREAM_MAX], wanted[STREAM_MAX];
static size_t answer_len, wanted_len, ends[ROWS];

/* Every other row comes with its nulls as bits. */
static void put_row(int row, uint64_t *seed, uint8_t **to, uint8_t **want)
{
	static uint8_t room[VALUES_LEN_MAX];
	uint8_t *bits = *to + 1, *p;
	bool with_bits = row % 2;

	*(*to)++ = with_bits ? NBCROW : TDS_ROW_TOKEN;
	*(*want)++ = TDS_ROW_TOKEN;
	if (with_bits) {
		memset(bits, 0, (columns.n + 7) / 8);
		*to += (columns.n + 7) / 8;
	}
	for (uint32_t i = 0; i < columns.n; i++) {
		const struct tds_column *c = &columns.v[i];
		struct tds_value v = values_value(c, seed, room);

		if (values_random(seed) % 3 == 0 && tds_form(c) != TDS_FORM_FIXED)
			v.kind = TDS_NULL;
		p = tds_encode(*want, c, &v);
		if (with_bits && v.kind == TDS_NULL) {
			bits[i / 8] |= (uint8_t)(1u << i % 8);
		} else {
			memcpy(*to, *want, (size_t)(p - *want));
			*to += p - *want;
		}
		*want = p;
	}
}

static int make_answer(void **state)
{
	uint8_t *to = answer, *want = wanted;
	uint64_t seed = 88172645463325252;

	(void)state;
	for (uint32_t i = 0; i < columns.n; i++)
		v_columns[i] = values_column(types[i]);
	for (int row = 0; row < ROWS; row++) {
		put_row(row, &seed, &to, &want);
		ends[row] = (size_t)(want - wanted);
		assert_true(ends[row] < STREAM_MAX - STREAM_MAX / ROWS);
	}
	answer_len = (size_t)(to - answer);
	wanted_len = (size_t)(want - wanted);
	*to = DONE;
	return 0;
}

/* Packets of `in` bytes into batches of `out` bytes. */
static void expand_cut(size_t in, size_t out, uint32_t max_rows)
{
	struct tds_expander *x = tds_expander_new(&columns);
	uint8_t *got = mem_alloc(STREAM_MAX);
	size_t at = 0, len = 0;
	struct err err = ERR_INIT;
	struct tds_expanded e = {.end = TDS_EXPAND_INPUT};
	uint32_t rows = 0;

	while (e.end != TDS_EXPAND_OTHER) {
		size_t n = answer_len + 1 - at < in ? answer_len + 1 - at : in;

		assert_int_equal(tds_expand(x, answer + at, n, got + len, out, max_rows, &e, &err), 0);
		assert_true(e.used <= n && e.written <= out && e.rows <= max_rows);
		rows += e.rows;
		if (e.rows)
			assert_int_equal(len + e.row_end, ends[rows - 1]);
		at += e.used;
		len += e.written;
		assert_true(e.used || e.written || e.end == TDS_EXPAND_OTHER);
	}
	assert_int_equal(rows, ROWS);
	assert_int_equal(at, answer_len);
	assert_int_equal(len, wanted_len);
	assert_memory_equal(got, wanted, wanted_len);
	assert_false(tds_expander_in_row(x));
	free(got);
	tds_expander_free(x);
}

static void cuts_change_nothing(void **state)
{
	static const size_t sizes[] = {1, 2, 3, 7, 64, 511, 4096, STREAM_MAX};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		for (size_t o = 0; o < ARRAY_LEN(sizes) - 1; o++)
			expand_cut(sizes[i], sizes[o], UINT32_MAX);
}

static void one_row_at_a_time(void **state)
{
	(void)state;
	expand_cut(STREAM_MAX, 100000, 1);
	expand_cut(5, 9, 1);
}

static void what_cannot_be_null_is_not(void **state)
{
	struct tds_column c = values_column("fixed int");
	const struct tds_columns one = {.v = &c, .n = 1};
	struct tds_expander *x = tds_expander_new(&one);
	const uint8_t bad[] = {NBCROW, 1};
	uint8_t out[16];
	struct tds_expanded e;
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(tds_expand(x, bad, sizeof(bad), out, sizeof(out), 1, &e, &err), -1);
	assert_int_equal(err.code, ERR_DATA);
	tds_expander_free(x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_change_nothing),
		cmocka_unit_test(one_row_at_a_time),
		cmocka_unit_test(what_cannot_be_null_is_not),
	};

	return cmocka_run_group_tests(tests, make_answer, NULL);
}
