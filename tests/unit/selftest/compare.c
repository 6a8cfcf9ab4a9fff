#include "unit/support.h"

#include "selftest/compare.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "tds/row.h"
#include "unit/values.h"

#define ROWS 200

struct answer {
	struct tds_column v[VALUES_COLUMNS_MAX];
	struct tds_columns columns;
	struct buf rows;
};

static void init(struct answer *a)
{
	*a = (struct answer){.columns = {.v = a->v}};
	buf_init(&a->rows, COMPARE_MAX);
}

static void add_column(struct answer *a, const char *type, bool nullable)
{
	a->v[a->columns.n] = values_column(type);
	a->v[a->columns.n].name = type;
	a->v[a->columns.n++].nullable = nullable;
}

static void add_value(struct answer *a, uint32_t column, const struct tds_value *v)
{
	char *p;

	if (column == 0)
		buf_addc(&a->rows, (char)TDS_ROW_TOKEN);
	p = buf_room(&a->rows, tds_encoded_size(&a->v[column], v) + 1);
	buf_advance(&a->rows, (size_t)(tds_encode((uint8_t *)p, &a->v[column], v) - (uint8_t *)p));
}

static void add_texts(struct answer *a, const char *first, const char *second)
{
	add_value(a, 0, &(struct tds_value){.kind = TDS_TEXT, .s = {(const uint8_t *)first, (uint32_t)strlen(first)}});
	if (second)
		add_value(a, 1,
			&(struct tds_value){.kind = TDS_TEXT, .s = {(const uint8_t *)second, (uint32_t)strlen(second)}});
	else
		add_value(a, 1, &(struct tds_value){.kind = TDS_NULL});
}

static struct compare_rows rows(const struct answer *a)
{
	return (struct compare_rows){&a->columns, (const uint8_t *)buf_str(&a->rows), a->rows.len};
}

static int compare(const struct answer *a, const struct answer *b, struct err *err)
{
	struct compare_rows x = rows(a), y = rows(b);

	return compare_rows(&x, &y, err);
}

static void texts(struct answer *a)
{
	init(a);
	add_column(a, "varchar(20)", true);
	add_column(a, "varchar(max)", true);
	add_texts(a, "one", "eins");
	add_texts(a, "two", NULL);
	add_texts(a, "three", "");
}

/* Every type, random values: the same bytes are the same, and one bit makes another value of them. */
static void every_bit_counts(void **state)
{
	CLEANUP_FREE uint8_t *room = mem_alloc(VALUES_LEN_MAX);
	struct tds_column all[VALUES_COLUMNS_MAX];
	size_t n;
	struct answer *a = mem_alloc(sizeof(*a)), *b = mem_alloc(sizeof(*b));
	struct err err = ERR_INIT;
	uint64_t seed = 1;

	(void)state;
	init(a);
	n = values_columns(all);
	for (size_t i = 0; i < n; i++) /* text pointers have bits that say nothing */
		if (tds_form(&all[i]) != TDS_FORM_TEXTPTR)
			a->v[a->columns.n++] = all[i];
	for (int row = 0; row < ROWS; row++)
		for (uint32_t i = 0; i < a->columns.n; i++) {
			struct tds_value v = values_value(&a->v[i], &seed, room);

			add_value(a, i, &v);
		}
	*b = *a;
	b->columns.v = b->v;
	b->rows = (struct buf)BUF_INIT(COMPARE_MAX);
	buf_add(&b->rows, a->rows.data, a->rows.len);
	must(compare(a, b, &err), &err);
	for (int i = 0; i < 1000; i++) {
		size_t at = values_random(&seed) % b->rows.len;
		uint8_t bit = (uint8_t)(1u << values_random(&seed) % 8);

		if ((uint8_t)a->rows.data[at] == TDS_ROW_TOKEN)
			continue; /* tokens are the readers' */
		b->rows.data[at] = (char)(b->rows.data[at] ^ bit);
		assert_int_equal(compare(a, b, &err), -1);
		b->rows.data[at] = (char)(b->rows.data[at] ^ bit);
	}
	buf_release(&a->rows);
	buf_release(&b->rows);
	free(a);
	free(b);
}

static void what_differs_is_named(void **state)
{
	static const struct {
		const char *one, *other, *err;
	} v[] = {
		{"eins", "zwei", "row 4, column 'varchar(max)': 65696e73 (4 bytes) became 7a776569 (4 bytes)"},
		{"eins", NULL, "row 4, column 'varchar(max)': 65696e73 (4 bytes) became null"},
		{NULL, "", "row 4, column 'varchar(max)': null became  (0 bytes)"},
		{"a", "a ", "row 4, column 'varchar(max)': 61 (1 bytes) became 6120 (2 bytes)"},
		{"0123456789012345678901234567890", "",
			"row 4, column 'varchar(max)': 303132333435363738393031323334353637383930313233… (31 bytes) became  (0 bytes)"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct answer a, b;
		struct err err = ERR_INIT;

		texts(&a);
		texts(&b);
		add_texts(&a, "same", v[i].one);
		add_texts(&b, "same", v[i].other);
		assert_int_equal(compare(&a, &b, &err), -1);
		check_err(&err, ERR_DATA, v[i].err);
		buf_release(&a.rows);
		buf_release(&b.rows);
	}
}

static void rows_are_counted(void **state)
{
	struct answer a, b;
	struct err err = ERR_INIT;

	(void)state;
	texts(&a);
	texts(&b);
	add_texts(&b, "four", "vier");
	assert_int_equal(compare(&a, &b, &err), -1);
	check_err(&err, ERR_DATA, "behind row 3 there are more rows");
	assert_int_equal(compare(&b, &a, &err), -1);
	check_err(&err, ERR_DATA, "behind row 3 there are missing rows");
	b.rows.len -= 2; /* cut within a row */
	assert_int_equal(compare(&b, &b, &err), -1);
	assert_int_equal(err.code, ERR_DATA);
	buf_release(&a.rows);
	buf_release(&b.rows);
}

/* However a value was cut into chunks: one of three and five, and one of eight. */
static void chunks_do_not_count(void **state)
{
	static const uint8_t cut[] = {TDS_ROW_TOKEN, 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 3, 0, 0, 0, 'a', 'b',
		'c', 5, 0, 0, 0, 'd', 'e', 'f', 'g', 'h', 0, 0, 0, 0};
	static const uint8_t whole[] = {TDS_ROW_TOKEN, 8, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 'a', 'b', 'c', 'd', 'e', 'f', 'g',
		'h', 0, 0, 0, 0};
	struct answer a;
	struct err err = ERR_INIT;

	(void)state;
	init(&a);
	add_column(&a, "varchar(max)", true);
	must(compare_rows(&(struct compare_rows){&a.columns, cut, sizeof(cut)},
		     &(struct compare_rows){&a.columns, whole, sizeof(whole)}, &err),
		&err);
}

static void columns_are_compared(void **state)
{
	static const struct {
		const char *type;
		bool nullable;
		const char *err;
	} v[] = {
		{"decimal(18,4)", true, NULL},
		{"decimal(18,3)", true, "column 'decimal(18,4)': decimal(18,4) became decimal(18,3)"},
		{"decimal(18,4)", false, "column 'decimal(18,4)': decimal(18,4) became decimal(18,4) not null"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct answer a, b;
		struct err err = ERR_INIT;

		init(&a);
		init(&b);
		add_column(&a, "decimal(18,4)", true);
		add_column(&b, v[i].type, v[i].nullable);
		assert_int_equal(compare_columns(&a.columns, &b.columns, &err), v[i].err ? -1 : 0);
		if (v[i].err)
			check_err(&err, ERR_DATA, v[i].err);
		add_column(&b, "int", true);
		assert_int_equal(compare_columns(&a.columns, &b.columns, &err), -1);
		check_err(&err, ERR_DATA, "1 columns became 2");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_bit_counts),
		cmocka_unit_test(what_differs_is_named),
		cmocka_unit_test(rows_are_counted),
		cmocka_unit_test(chunks_do_not_count),
		cmocka_unit_test(columns_are_compared),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
