#include "unit/support.h"

#include "work/mssql_rows.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tds/row.h"
#include "unit/values.h"

#define ROWS 50

static const uint8_t latin[TDS_COLLATION_LEN] = {0x09, 0x04, 0xD0, 0x00, 0x34};

/* Rows of a source, and what they become. */
struct fixture {
	struct arena a;
	struct tds_column v[VALUES_COLUMNS_MAX];
	struct tds_columns columns;
	struct mssql_table table;
	struct mssql_fit fit;
	struct mssql_rows rows;
	struct job job;
	struct buf in;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	f->columns.v = f->v;
	buf_init(&f->in, 64u << 20);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	mssql_rows_release(&f->rows);
	buf_release(&f->in);
	arena_release(&f->a);
	free(f);
	return 0;
}

/* Into a table that is made for them. */
static void begin(struct fixture *f)
{
	struct err err = ERR_INIT;

	if (!f->table.v)
		mssql_table_design(&f->table, &f->columns, latin, &f->a);
	must(mssql_table_match(&f->table, &f->columns, &f->job, latin, &f->a, &f->fit, &err), &err);
	must(mssql_rows_init(&f->rows, &f->fit, &f->columns, &f->a, &err), &err);
}

/* All types that pass. */
static void all_types(struct fixture *f)
{
	struct tds_column all[VALUES_COLUMNS_MAX];
	size_t n = values_columns(all);

	for (size_t i = 0; i < n; i++) {
		if (all[i].type == TDS_SQLITE)
			continue;
		if (tds_type_is_narrow(all[i].type))
			memcpy(all[i].collation, latin, sizeof(latin));
		all[i].name = arena_printf(&f->a, "c%zu", i);
		f->v[f->columns.n++] = all[i];
	}
}

static void add_value(struct fixture *f, uint32_t i, const struct tds_value *v)
{
	char *p = buf_room(&f->in, tds_encoded_size(&f->v[i], v) + 1);

	buf_advance(&f->in, (size_t)(tds_encode((uint8_t *)p, &f->v[i], v) - (uint8_t *)p));
}

static void add_row(struct fixture *f, uint64_t *seed)
{
	CLEANUP_FREE uint8_t *room = mem_alloc(VALUES_LEN_MAX);

	buf_addc(&f->in, (char)TDS_ROW_TOKEN);
	for (uint32_t i = 0; i < f->columns.n; i++) {
		struct tds_value v = values_value(&f->v[i], seed, room);

		if (f->v[i].nullable && values_random(seed) % 4 == 0)
			v.kind = TDS_NULL;
		add_value(f, i, &v);
	}
}

static void take_at(struct fixture *f, const struct batch *b, const uint8_t **ret_data, size_t *ret_len)
{
	struct err err = ERR_INIT;
	const void *data;

	must(mssql_rows_take(&f->rows, b, &data, ret_len, &err), &err);
	*ret_data = data;
}

static struct batch whole(struct fixture *f, uint32_t rows)
{
	return (struct batch){.data = (uint8_t *)f->in.data, .len = (uint32_t)f->in.len, .rows = rows};
}

/* Each value of the bulk data is the source's, whatever its header says. */
static void every_value_passes(void **state)
{
	struct fixture *f = *state;
	struct buf joined[2] = {BUF_INIT(1u << 20), BUF_INIT(1u << 20)};
	const uint8_t *p, *q, *end;
	struct err err = ERR_INIT;
	struct batch b;
	uint64_t seed = 7;
	size_t len;

	all_types(f);
	begin(f);
	for (int i = 0; i < ROWS; i++)
		add_row(f, &seed);
	b = whole(f, ROWS);
	take_at(f, &b, &q, &len);
	assert_int_equal(f->rows.rows, ROWS);
	p = b.data;
	end = p + b.len;
	for (int row = 0; row < ROWS; row++) {
		assert_int_equal(*p++, TDS_ROW_TOKEN);
		assert_int_equal(*q++, TDS_ROW_TOKEN);
		for (uint32_t i = 0; i < f->columns.n; i++) {
			struct tds_value x, y;

			assert_false(f->fit.v[i].converted);
			must(tds_decode(&p, end, &f->v[i], &joined[0], &x, &err), &err);
			must(tds_decode(&q, q + len, &f->fit.v[i].staged, &joined[1], &y, &err), &err);
			if (!values_same(&x, &y))
				fail_msg("row %d, column %" PRIu32 " has another value", row, i);
		}
	}
	buf_release(&joined[0]);
	buf_release(&joined[1]);
}

/* A row in parts, cut anywhere, has the same bulk data. */
static void parts_are_the_row(void **state)
{
	struct fixture *f = *state;
	struct buf parts = BUF_INIT(64u << 20), once = BUF_INIT(64u << 20);
	const uint8_t *data;
	struct batch b;
	uint64_t seed = 11;
	size_t len;

	all_types(f);
	begin(f);
	add_row(f, &seed);
	b = whole(f, 1);
	take_at(f, &b, &data, &len);
	buf_add(&once, data, len);
	for (int round = 0; round < 200; round++) {
		uint32_t most = 1 + (uint32_t)(values_random(&seed) % (round % 2 ? 7 : 3000));

		buf_reset(&parts);
		for (uint32_t at = 0, n; at < f->in.len; at += n) {
			n = 1 + (uint32_t)(values_random(&seed) % most);
			n = at + n > f->in.len ? (uint32_t)f->in.len - at : n;
			b = (struct batch){.data = (uint8_t *)f->in.data + at, .len = n, .rows = at == 0};
			b.cont = (uint8_t)(BATCH_PART | (at ? 0 : BATCH_FIRST) | (at + n < f->in.len ? BATCH_MORE : 0));
			take_at(f, &b, &data, &len);
			buf_add(&parts, data, len);
		}
		assert_int_equal(parts.len, once.len);
		assert_memory_equal(parts.data, once.data, once.len);
	}
	buf_release(&parts);
	buf_release(&once);
}

/* Source and staging, whose forms differ, have one digest; another value has another. */
static void a_digest_is_of_values(void **state)
{
	struct fixture *f = *state;
	struct buf joined = BUF_INIT(1u << 20), canonical = BUF_INIT(64u << 20);
	struct digest d = {.sum = 0};
	struct err err = ERR_INIT;
	const uint8_t *data;
	struct batch b;
	uint64_t seed = 13;
	size_t len;

	all_types(f);
	begin(f);
	f->rows.digesting = true;
	add_row(f, &seed);
	b = whole(f, 1);
	take_at(f, &b, &data, &len);
	must(mssql_rows_digest(&f->columns, b.data, b.len, &joined, &canonical, &d, &err), &err);
	assert_true(digest_equal(&d, &f->rows.digest));
	must(mssql_rows_digest(&f->columns, b.data, b.len, &joined, &canonical, &d, &err), &err);
	assert_false(digest_equal(&d, &f->rows.digest));
	buf_release(&joined);
	buf_release(&canonical);
}

/* (id int, v nvarchar(20)) into a v of five characters. */
static void narrow(struct fixture *f)
{
	static struct mssql_column own[2];
	struct err err = ERR_INIT;

	must(tds_type_parse("int", &f->v[0], &err), &err);
	must(tds_type_parse("nvarchar(20)", &f->v[1], &err), &err);
	f->v[0].name = "id";
	f->v[1].name = "v";
	f->columns.n = 2;
	own[0].c = f->v[0];
	must(tds_type_parse("nvarchar(5)", &own[1].c, &err), &err);
	own[1].c.name = "v";
	f->table = (struct mssql_table){.name = "[t]", .exists = true, .v = own, .n = 2};
	begin(f);
}

static void add_text(struct fixture *f, int64_t id, const char *text)
{
	buf_addc(&f->in, (char)TDS_ROW_TOKEN);
	add_value(f, 0, &(struct tds_value){.kind = TDS_INT, .i = id});
	add_value(f, 1,
		&(struct tds_value){.kind = TDS_TEXT, .s = {(const uint8_t *)text, (uint32_t)strlen(text)}});
}

static void a_row_that_does_not_fit_is_an_error(void **state)
{
	struct fixture *f = *state;
	struct err err = ERR_INIT;
	const void *data;
	struct batch b;
	size_t len;

	narrow(f);
	add_text(f, 1, "short");
	add_text(f, 2, "too long");
	b = whole(f, 2);
	assert_int_equal(mssql_rows_take(&f->rows, &b, &data, &len, &err), -1);
	assert_int_equal(err.code, ERR_DATA);
	assert_ptr_equal(strstr(err.msg, "row 2: column 'v': "), err.msg);
}

static void or_is_kept_with_its_key(void **state)
{
	struct fixture *f = *state;
	uint32_t key = 0;
	const uint8_t *data;
	struct batch b;
	size_t len;

	f->job = (struct job){.on_reject = ON_REJECT_KEEP, .reject_limit = 10, .reject_values = REJECT_VALUES_ALL};
	narrow(f);
	f->rows.rejects = rejects_new(&f->job);
	f->rows.keys = &key;
	f->rows.n_keys = 1;
	f->rows.numbered = true;
	f->rows.number_base = UINT64_C(3) << MSSQL_ROW_LANE_SHIFT;
	add_text(f, 1, "one");
	add_text(f, 2, "too long");
	add_text(f, 3, "three");
	b = whole(f, 3);
	b.first_row = 100;
	take_at(f, &b, &data, &len);
	assert_int_equal(f->rows.rows, 2);
	assert_int_equal(f->rows.rejected, 1);
	assert_int_equal(rejects_count(f->rows.rejects), 1);
	assert_int_equal(rejects_get(f->rows.rejects, 0)->row, 102);
	assert_string_equal(rejects_get(f->rows.rejects, 0)->column, "v");
	assert_string_equal(rejects_get(f->rows.rejects, 0)->key, "2");
	/* the others end in their number in the source, and their lane */
	assert_int_equal(len, 2 * (1 + 5 + 2 + MSSQL_ROW_NUMBER_LEN) + 2 * strlen("onethree"));
	assert_int_equal(data[len - MSSQL_ROW_NUMBER_LEN], 103);
	assert_int_equal(data[len - 3], 3);
	rejects_free(f->rows.rejects);
}

/* What the source has and nobody wants is left out; neighbours stay. */
static void columns_are_left_out(void **state)
{
	struct fixture *f = *state;
	static struct mssql_column own[2];
	struct err err = ERR_INIT;
	const uint8_t *data;
	struct batch b;
	size_t len;

	for (uint32_t i = 0; i < 3; i++) {
		must(tds_type_parse("int", &f->v[i], &err), &err);
		f->v[i].name = (const char *const[]){"a", "b", "c"}[i];
	}
	f->columns.n = 3;
	own[0].c = f->v[0];
	own[1].c = f->v[2];
	f->table = (struct mssql_table){.name = "[t]", .exists = true, .v = own, .n = 2};
	f->job.schema_change = SCHEMA_IGNORE;
	begin(f);
	buf_addc(&f->in, (char)TDS_ROW_TOKEN);
	for (uint32_t i = 0; i < 3; i++)
		add_value(f, i, &(struct tds_value){.kind = TDS_INT, .i = i + 1});
	b = whole(f, 1);
	take_at(f, &b, &data, &len);
	assert_int_equal(len, 11);
	assert_memory_equal(data, "\xD1\x04\x01\0\0\0\x04\x03\0\0\0", 11);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_value_passes),
		TEST(parts_are_the_row),
		TEST(a_digest_is_of_values),
		TEST(a_row_that_does_not_fit_is_an_error),
		TEST(or_is_kept_with_its_key),
		TEST(columns_are_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
