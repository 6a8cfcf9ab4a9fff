#include "unit/support.h"

#include "work/mssql_table.h"

#include <string.h>

#include "unit/fake_db.h"
#include "unit/values.h"

#define COLUMNS_MAX 8

static const uint8_t latin[TDS_COLLATION_LEN] = {0x09, 0x04, 0xD0, 0x00, 0x34}; /* SQL_Latin1_General_CP1_CI_AS */

struct side {
	struct tds_column v[COLUMNS_MAX];
	struct tds_columns columns;
	struct mssql_column own[COLUMNS_MAX];
};

/* "name type[ not null]", until NULL */
static void columns(struct side *s, const char *const *texts)
{
	struct err err = ERR_INIT;

	*s = (struct side){.columns = {.v = s->v}};
	for (; *texts; texts += 2) {
		struct tds_column *c = &s->v[s->columns.n++];

		must(tds_type_parse(texts[1], c, &err), &err);
		c->name = texts[0];
		if (tds_type_is_narrow(c->type) || tds_type_is_utf16(c->type))
			memcpy(c->collation, latin, sizeof(latin));
	}
}

#define COLUMNS(side, ...) columns(side, (const char *const[]){__VA_ARGS__, NULL})

static struct mssql_table table(struct side *s)
{
	for (uint32_t i = 0; i < s->columns.n; i++)
		s->own[i] = (struct mssql_column){.c = s->v[i], .optional = s->v[i].nullable};
	return (struct mssql_table){.name = "[d].[t]", .schema = "[d]", .exists = true, .v = s->own, .n = s->columns.n};
}

/* --- making --- */

static const char *made(struct side *s, const char *const *keys, uint32_t n, struct arena *a)
{
	struct mssql_table t = {.name = "[d].[t]"};

	mssql_table_design(&t, &s->columns, latin, a);
	return mssql_table_create_sql(&t, keys, n, a);
}

static void a_table_is_made_of_the_source(void **state UNUSED)
{
	static const char *const keys[] = {"ID", "b]c"};
	struct arena a = ARENA_INIT;
	struct side s;

	COLUMNS(&s, "id", "int not null", "b]c", "decimal(38,10)", "n", "nvarchar(max)", "t", "datetime2(7) not null");
	assert_string_equal(made(&s, NULL, 0, &a),
		"CREATE TABLE [d].[t] ([id] int NOT NULL, [b]]c] decimal(38,10) NULL, [n] nvarchar(max) NULL,"
		" [t] datetime2(7) NOT NULL)");
	assert_string_equal(made(&s, keys, 2, &a),
		"CREATE TABLE [d].[t] ([id] int NOT NULL, [b]]c] decimal(38,10) NOT NULL, [n] nvarchar(max) NULL,"
		" [t] datetime2(7) NOT NULL, PRIMARY KEY ([ID], [b]]c]))");
	arena_release(&a);
}

/* Deprecated types become those that took their place; text whose collation nobody knows becomes nvarchar. */
static void some_types_become_others(void **state UNUSED)
{
	static const struct {
		const char *from, *to;
	} v[] = {{"old text", "varchar(max)"}, {"old ntext", "nvarchar(max)"}, {"old image", "varbinary(max)"},
		{"udt", "varbinary(max)"}, {"numeric(18,4)", "decimal(18,4)"}, {"fixed int", "int"}, {"sqlite", "nvarchar(max)"},
		{"varchar(20)", "nvarchar(20)"}, {"varchar(5000)", "nvarchar(max)"}};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		struct arena a = ARENA_INIT;
		struct tds_column c = values_column(v[i].from);
		struct side s = {.v = {c}, .columns = {.v = s.v, .n = 1}};
		const char *sql;

		s.v[0].name = "c";
		s.v[0].nullable = true;
		if (c.type == TDS_OLD_TEXT)
			memcpy(s.v[0].collation, latin, sizeof(latin));
		sql = made(&s, NULL, 0, &a);
		assert_string_equal(sql, arena_printf(&a, "CREATE TABLE [d].[t] ([c] %s NULL)", v[i].to));
		arena_release(&a);
	}
}

static void a_collation_is_kept_by_its_name(void **state UNUSED)
{
	struct arena a = ARENA_INIT;
	struct side s;

	COLUMNS(&s, "c", "varchar(20)");
	s.v[0].collation_name = "Cyrillic_General_CI_AS";
	assert_string_equal(made(&s, NULL, 0, &a),
		"CREATE TABLE [d].[t] ([c] varchar(20) COLLATE Cyrillic_General_CI_AS NULL)");
	arena_release(&a);
}

/* --- matching --- */

static int match(struct mssql_table *t, struct side *from, const struct job *job, struct arena *a, struct mssql_fit *fit,
	struct err *err)
{
	return mssql_table_match(t, &from->columns, job, latin, a, fit, err);
}

/* The bytes pass, or every value is looked at. */
static void what_passes_and_what_is_converted(void **state UNUSED)
{
	static const struct {
		const char *from, *to;
		bool converted;
		const char *staged;
	} v[] = {
		{"int", "int", false, "int"},
		{"int", "bigint", false, "int"},
		{"bigint", "int", true, "int"},
		{"decimal(9,2)", "decimal(18,4)", false, "decimal(9,2)"},
		{"decimal(18,4)", "decimal(9,2)", true, "decimal(9,2)"},
		{"datetime2(3)", "datetime2(7)", false, "datetime2(3)"},
		{"datetime2(7)", "datetime2(3)", true, "datetime2(3)"},
		{"varchar(20)", "nvarchar(20)", false, "varchar(20)"},
		{"nvarchar(20)", "varchar(20)", true, "varchar(20)"},
		{"nvarchar(20)", "nvarchar(10)", true, "nvarchar(10)"},
		{"nvarchar(max)", "nvarchar(max)", false, "nvarchar(max)"},
	};

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		const struct job job = {.on_reject = ON_REJECT_FAIL};
		struct arena a = ARENA_INIT;
		struct err err = ERR_INIT;
		struct side from, to;
		struct mssql_table t;
		struct mssql_fit fit;
		char type[TDS_TYPE_TEXT_MAX];

		COLUMNS(&from, "c", v[i].from);
		COLUMNS(&to, "C", v[i].to);
		t = table(&to);
		must(match(&t, &from, &job, &a, &fit, &err), &err);
		if (fit.v[0].converted != v[i].converted ||
			strcmp(tds_type_format(&fit.v[0].staged, type), v[i].staged) != 0)
			fail_msg("%s to %s: %s, %s", v[i].from, v[i].to, type,
				fit.v[0].converted ? "converted" : "passes");
		assert_ptr_equal(fit.v[0].to, &to.own[0]);
		assert_string_equal(fit.v[0].staged.name, "c0");
		arena_release(&a);
	}
}

static void staging_has_what_goes_somewhere(void **state UNUSED)
{
	struct job job = {.schema_change = SCHEMA_IGNORE};
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct side from, to;
	struct mssql_table t;
	struct mssql_fit fit;

	COLUMNS(&from, "id", "int not null", "more", "int", "v", "varchar(20)", "rv", "binary(8)");
	COLUMNS(&to, "id", "int not null", "v", "varchar(20)", "rv", "binary(8)");
	t = table(&to);
	to.own[0].c.identity = true;
	to.own[1].collation = "Latin1_General_CI_AS";
	to.own[2].generated = true;
	must(match(&t, &from, &job, &a, &fit, &err), &err);
	assert_true(fit.identity);
	assert_null(fit.v[1].to);
	assert_null(fit.v[3].to);
	assert_string_equal(mssql_table_stage_sql(&fit, "[d].[s]", &a),
		"CREATE TABLE [d].[s] ([c0] int NULL, [c2] varchar(20) COLLATE Latin1_General_CI_AS NULL)");
	job.on_reject = ON_REJECT_KEEP;
	must(match(&t, &from, &job, &a, &fit, &err), &err);
	assert_non_null(strstr(mssql_table_stage_sql(&fit, "[d].[s]", &a), ", etl_row bigint NOT NULL)"));
	arena_release(&a);
}

static void columns_that_one_side_lacks(void **state UNUSED)
{
	struct job job = {.schema_change = SCHEMA_FAIL};
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct side from, to;
	struct mssql_table t;
	struct mssql_fit fit;

	COLUMNS(&from, "id", "int not null", "nmae", "int");
	COLUMNS(&to, "id", "int not null", "name", "int", "born", "date not null");
	t = table(&to);
	assert_int_equal(match(&t, &from, &job, &a, &fit, &err), -1);
	check_err(&err, ERR_DATA, "the table has no column 'nmae' of the source, did you mean 'name'?");
	err_clear(&err);
	job.schema_change = SCHEMA_IGNORE;
	assert_int_equal(match(&t, &from, &job, &a, &fit, &err), -1);
	check_err(&err, ERR_DATA, "the source has no column 'born', and the table wants one");
	err_clear(&err);
	to.own[2].optional = true;
	job.schema_change = SCHEMA_ADD_COLUMNS;
	must(match(&t, &from, &job, &a, &fit, &err), &err);
	assert_int_equal(t.n, 4);
	assert_true(t.v[3].added);
	assert_string_equal(mssql_table_add_sql(&t, &t.v[3], &a), "ALTER TABLE [d].[t] ADD [nmae] int NULL");
	arena_release(&a);
}

static void what_has_no_way_is_named(void **state UNUSED)
{
	const struct job job = {.schema_change = SCHEMA_FAIL};
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct side from, to;
	struct mssql_table t;
	struct mssql_fit fit;

	COLUMNS(&from, "c", "date");
	COLUMNS(&to, "c", "uniqueidentifier");
	t = table(&to);
	assert_int_equal(match(&t, &from, &job, &a, &fit, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_ptr_equal(strstr(err.msg, "column 'c': "), err.msg);
	arena_release(&a);
}

/* --- reading --- */

static void names_are_checked_before_the_server_is_asked(void **state UNUSED)
{
	struct db *db = fake_db_open(NULL, 0);
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct mssql_table t;

	assert_int_equal(mssql_table_read(db, "other.d.t", &a, &t, &err), -1);
	check_err(&err, ERR_CONFIG, "'other.d.t': the database is the connection's");
	err_clear(&err);
	assert_int_equal(mssql_table_read(db, "[d", &a, &t, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	assert_null(fake_db_said(db, 0));
	db_close(db);
	arena_release(&a);
}

#define IDS(table, any) {.match = "OBJECT_ID(@name", .columns = 2, .declared = {"bigint", "bigint"}, .rows = {{table, any}}, .n_rows = 1}

static void there_may_be_none_or_something_else(void **state UNUSED)
{
	static const struct fake_answer none[] = {IDS(NULL, NULL)}, view[] = {IDS(NULL, "7")};
	struct arena a = ARENA_INIT;
	struct err err = ERR_INIT;
	struct mssql_table t;
	struct db *db = fake_db_open(none, 1);

	must(mssql_table_read(db, "t", &a, &t, &err), &err);
	assert_false(t.exists);
	assert_string_equal(t.name, "[dbo].[t]");
	assert_string_equal(t.schema, "[dbo]");
	db_close(db);
	db = fake_db_open(view, 1);
	assert_int_equal(mssql_table_read(db, "d.t", &a, &t, &err), -1);
	assert_int_equal(err.code, ERR_CONFIG);
	db_close(db);
	arena_release(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_is_made_of_the_source),
		cmocka_unit_test(some_types_become_others),
		cmocka_unit_test(a_collation_is_kept_by_its_name),
		cmocka_unit_test(what_passes_and_what_is_converted),
		cmocka_unit_test(staging_has_what_goes_somewhere),
		cmocka_unit_test(columns_that_one_side_lacks),
		cmocka_unit_test(what_has_no_way_is_named),
		cmocka_unit_test(names_are_checked_before_the_server_is_asked),
		cmocka_unit_test(there_may_be_none_or_something_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
