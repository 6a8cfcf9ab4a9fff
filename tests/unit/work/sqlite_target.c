/* lib/work/sqlite_*.c through target_sqlite. */
#include "work/target.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "db/db.h"
#include "tds/row.h"
#include "unit/support.h"

#define COLUMNS_MAX 2100
#define CELL_MAX    64

/* One load: what a test changes before it calls begin(). */
struct fixture {
	struct job job;
	struct load load;
	struct connection conn;
	atomic_bool cancel;
	char path[256];
	struct arena arena;
	struct tds_column v[COLUMNS_MAX];
	struct tds_columns cols;
	struct batch batch;
	struct target *t;
	struct err err;
};

/* --- the world around a load --- */

static int setup(void **state)
{
	static unsigned n;
	struct fixture *f = mem_alloc(sizeof(*f));

	snprintf(f->path, sizeof(f->path), "%s/w%u.db", in_dir(""), n++);
	f->job = (struct job){.job_uid = "job-1",
		.name = "planes",
		.target_table = "planes",
		.create = true,
		.min_rows = 1,
		.load_mode = LOAD_REPLACE};
	f->load = (struct load){
		.run_uid = "run-1", .store_uid = "store-1", .fence = 1, .job = &f->job};
	f->conn =
		(struct connection){.name = "warehouse", .driver = DRIVER_SQLITE, .path = f->path};
	f->cols.v = f->v;
	batch_init(&f->batch);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	target_sqlite.close(f->t);
	batch_release(&f->batch);
	arena_release(&f->arena);
	free(f);
	return 0;
}

/* Columns from "name type, name type, …". */
static void columns(struct fixture *f, const char *text)
{
	CLEANUP_FREE char *copy = mem_strdup(text);
	char *save = NULL;

	f->cols.n = 0;
	for (char *c = strtok_r(copy, "|", &save); c; c = strtok_r(NULL, "|", &save)) {
		struct tds_column *col = &f->v[f->cols.n++];
		char *type = strchr(c, ':');

		assert_non_null(type);
		*type++ = '\0';
		if (strcmp(type, "sqlite") == 0)
			*col = (struct tds_column){.type = TDS_SQLITE, .nullable = true};
		else if (tds_type_parse(type, col, &f->err) < 0)
			fail_msg("%s", f->err.msg);
		col->name = arena_strdup(&f->arena, c);
	}
}

static void encode(struct fixture *f, const struct tds_column *c, const struct tds_value *v)
{
	uint8_t *p = f->batch.data + f->batch.len;

	assert_true(tds_encoded_size(c, v) <= batch_room(&f->batch));
	f->batch.len = (uint32_t)(tds_encode(p, c, v) - f->batch.data);
}

/* A row from texts, one per column; NULL is null. */
static void row(struct fixture *f, const char *const *cells)
{
	f->batch.data[f->batch.len++] = TDS_ROW_TOKEN;
	for (uint32_t i = 0; i < f->cols.n; i++) {
		struct tds_value v = {.kind = TDS_NULL};

		if (cells[i] && f->v[i].type == TDS_SQLITE)
			v = (struct tds_value){.kind = TDS_TEXT,
				.s = {(const uint8_t *)cells[i], (uint32_t)strlen(cells[i])}};
		else if (cells[i] &&
			 tds_value_parse(&f->v[i], cells[i], strlen(cells[i]), &v, &f->err) < 0)
			fail_msg("%s", f->err.msg);
		encode(f, &f->v[i], &v);
	}
	f->batch.rows++;
}

#define ROW(f, ...) row(f, (const char *const[]){__VA_ARGS__})

/* The call failed with this code and these words. */
static void refused(struct fixture *f, int rc, enum err_code code, const char *says)
{
	assert_int_equal(rc, -1);
	err_settle_value(&f->err, true);
	if (f->err.code != code || !strstr(f->err.msg, says))
		fail_msg("%s: %s (%s)", err_name(f->err.code), f->err.msg, f->err.hint);
}

static struct db *database(struct fixture *f)
{
	const struct db_options options = {.create = true, .busy_timeout_ms = 5000};
	struct db *db = NULL;

	must(db_open_sqlite(f->path, &options, &db, &f->err), &f->err);
	return db;
}

static void sql(struct fixture *f, const char *text)
{
	sql_run(f->path, text);
}

static const char *ask(struct fixture *f, const char *text)
{
	return sql_ask(f->path, text);
}

static enum ledger_state begin(struct fixture *f)
{
	enum ledger_state state = LEDGER_NONE;

	must(target_sqlite.open(&f->conn, &f->load, &f->cancel, &f->t, &f->err), &f->err);
	must(target_sqlite.begin(f->t, &state, &f->err), &f->err);
	return state;
}

static void stage(struct fixture *f)
{
	must(target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), &f->err);
}

static int write_batch(struct fixture *f)
{
	int rc = target_sqlite.write(f->t, 0, &f->batch, &f->err);

	batch_reset(&f->batch);
	return rc;
}

static int publish(struct fixture *f)
{
	uint64_t rows;

	return target_sqlite.publish(f->t, &(struct load_end){.rejects = NULL}, &rows, &f->err);
}

static void finish(struct fixture *f)
{
	target_sqlite.close(f->t);
	f->t = NULL;
}

/* begin, stage, write and verify what the batch holds. */
static void load_up_to_publish(struct fixture *f)
{
	uint32_t rows = f->batch.rows;

	assert_int_equal(begin(f), LEDGER_OPEN);
	stage(f);
	must(write_batch(f), &f->err);
	must(target_sqlite.verify(f->t, rows, &f->err), &f->err);
}

static void load(struct fixture *f)
{
	load_up_to_publish(f);
	must(publish(f), &f->err);
	finish(f);
}

/* As another run, so that its ledger row is its own. */
static void next_run(struct fixture *f)
{
	static unsigned n;

	f->load.run_uid = arena_printf(&f->arena, "next-%u", n++);
}

static unsigned leftovers(struct fixture *f)
{
	char command[600];
	unsigned n = 99;
	FILE *p;

	snprintf(command, sizeof(command), "ls -A '%s' | grep -c '%s.etl-stage-'", in_dir(""),
		strrchr(f->path, '/') + 1);
	p = popen(command, "r");
	assert_non_null(p);
	assert_int_equal(fscanf(p, "%u", &n), 1);
	pclose(p);
	return n;
}

/* --- values --- */

static void makes_the_table(void **state)
{
	struct fixture *f = *state;

	columns(f,
		"i:int|b:bit|r:float|d:decimal(15,2)|big:decimal(38,4)|day:date|at:datetime2(3)|"
		"off:datetimeoffset(0)|name:varchar(max) not null|raw:varbinary(max)|any:sqlite");
	ROW(f, "-7", "1", "0.1", "12345.60", "12345678901234567890.1234", "2013-01-31",
		"2013-01-31T06:00:00.25", "2013-01-31T06:00:00+01:00", "Z\xC3\xBCrich", "0x00ff",
		"007");
	ROW(f, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, "", NULL, NULL);
	load(f);
	assert_string_equal(
		ask(f, "SELECT typeof(i), typeof(b), typeof(r), typeof(d), typeof(big),"
		       " typeof(day), typeof(at), typeof(name), typeof(raw), typeof(\"any\")"
		       " FROM planes LIMIT 1"),
		"integer|integer|real|real|text|text|text|text|blob|text");
	assert_string_equal(ask(f, "SELECT i, b, r, d, big, day, at, off, name, hex(raw), \"any\""
				   " FROM planes"),
		"-7|1|0.1|12345.6|12345678901234567890.1234|2013-01-31|2013-01-31T06:00:00.250|"
		"2013-01-31T06:00:00+01:00|Z\xC3\xBCrich|00FF|007;"
		"NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|||NULL");
	assert_string_equal(ask(f, "SELECT sql FROM sqlite_schema WHERE name = 'planes'"),
		"CREATE TABLE \"planes\" (\"i\" INTEGER, \"b\" INTEGER, \"r\" REAL,"
		" \"d\" DECIMAL(15,2), \"big\" TEXT, \"day\" TEXT, \"at\" TEXT, \"off\" TEXT,"
		" \"name\" TEXT NOT NULL, \"raw\" BLOB, \"any\")");
	assert_int_equal(leftovers(f), 0);
}

static void affinity_changes_no_value(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE planes (t TEXT, i TEXT, d TEXT, n NUMERIC, r REAL, v INTEGER)");
	columns(f, "t:float|i:bigint|d:decimal(10,2)|n:decimal(38,2)|r:bigint|v:varchar(max)");
	ROW(f, "0.30000000000000004", "9007199254740993", "1.50", "-9007199254740993.00",
		"9007199254740992", "123456789012345678");
	load(f);
	assert_string_equal(ask(f, "SELECT t, i, d, n, CAST(r AS INTEGER), v FROM planes"),
		"0.30000000000000004|9007199254740993|1.50|-9007199254740993|9007199254740992|"
		"123456789012345678");
}

/* Each width of an SQLite integer, and floats that a column of integers takes as such. */
static void numbers_of_every_size(void **state)
{
	static const char *const ints[] = {"0", "1", "-1", "2", "127", "128", "-128", "-129",
		"32767", "32768", "-32768", "-32769", "8388607", "8388608", "-8388608", "-8388609",
		"2147483647", "2147483648", "-2147483648", "-2147483649", "140737488355327",
		"140737488355328", "-140737488355328", "-140737488355329", "9223372036854775807",
		"-9223372036854775808"};
	static const char *const reals[][2] = {{"1", "1integer"}, {"1.5", "1.5real"},
		{"-0.0", "0integer"}, {"1e300", "1.0e+300real"},
		{"9007199254740992", "9007199254740992integer"}, {"9.3e18", "9.3e+18real"},
		{"-2147483649", "-2147483649integer"}};
	struct fixture *f = *state;

	sql(f, "CREATE TABLE planes (a NUMERIC, t TEXT, b INTEGER, d INTEGER)");
	columns(f, "a:bigint|t:bigint|b:float|d:decimal(15,1)");
	for (size_t i = 0; i < ARRAY_LEN(ints); i++)
		ROW(f, ints[i], ints[i], NULL, NULL);
	for (size_t i = 0; i < ARRAY_LEN(reals); i++)
		ROW(f, NULL, NULL, reals[i][0], "-7.0");
	load(f);
	for (size_t i = 0; i < ARRAY_LEN(ints); i++)
		assert_string_equal(ask(f, arena_printf(&f->arena,
						   "SELECT a, t, typeof(a), typeof(t)"
						   " FROM planes WHERE rowid = %zu",
						   i + 1)),
			arena_printf(&f->arena, "%s|%s|integer|text", ints[i], ints[i]));
	for (size_t i = 0; i < ARRAY_LEN(reals); i++)
		assert_string_equal(ask(f, arena_printf(&f->arena,
						   "SELECT b || typeof(b), d, typeof(d)"
						   " FROM planes WHERE rowid = %zu",
						   ARRAY_LEN(ints) + i + 1)),
			arena_printf(&f->arena, "%s|-7|integer", reals[i][1]));
	assert_string_equal(ask(f, "PRAGMA integrity_check"), "ok");
}

static void digits_that_would_be_lost(void **state)
{
	static const char *const cases[][3] = {
		{"decimal(38,2)", "NUMERIC", "1234567890123456.78"},
		{"decimal(38,0)", "INTEGER", "12345678901234567890"},
		{"bigint", "REAL", "9007199254740993"},
		{"varchar(max)", "INTEGER", "1234567890123456789012"},
		{"varchar(max)", "REAL", " 1234567890.123456789"},
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		sql(f, arena_printf(&f->arena,
			       "DROP TABLE IF EXISTS planes;"
			       "CREATE TABLE planes (a %s)",
			       cases[i][1]));
		columns(f, arena_printf(&f->arena, "a:%s", cases[i][0]));
		next_run(f);
		assert_int_equal(begin(f), LEDGER_OPEN);
		stage(f);
		ROW(f, "1");
		ROW(f, cases[i][2]);
		refused(f, write_batch(f), ERR_DATA, "row 2: column 'a': '");
		assert_non_null(strstr(f->err.hint, "TEXT"));
		finish(f);
	}
}

static void rows_in_fragments(void **state)
{
	const uint32_t len = 3 * BATCH_SIZE + 17;
	struct fixture *f = *state;
	struct tds_value v = {.kind = TDS_TEXT};
	uint8_t *text = mem_alloc(len), *bytes = mem_alloc(2 * (size_t)len + 100), *end, *p = bytes;

	memset(text, 'x', len);
	columns(f, "a:varchar(max)|b:varchar(max)");
	v.s.data = text;
	v.s.len = len;
	*p++ = TDS_ROW_TOKEN;
	p = tds_encode(p, &f->v[0], &v);
	/* the second in chunks of unknown total */
	p = tds_put64(p, TDS_PLP_UNKNOWN);
	for (int i = 0; i < 3; i++)
		p = tds_put_bytes(tds_put32(p, 20), text, 20);
	end = tds_put32(p, 0);
	assert_int_equal(begin(f), LEDGER_OPEN);
	stage(f);
	for (int again = 0; again < 2; again++)
		for (p = bytes; p < end; p += f->batch.len) {
			size_t left = (size_t)(end - p);

			f->batch.len = left < BATCH_SIZE ? (uint32_t)left : BATCH_SIZE;
			f->batch.cont = (uint8_t)(BATCH_PART | (p == bytes ? BATCH_FIRST : 0) |
						  (left > BATCH_SIZE ? BATCH_MORE : 0));
			memcpy(f->batch.data, p, f->batch.len);
			must(target_sqlite.write(f->t, 0, &f->batch, &f->err), &f->err);
		}
	batch_reset(&f->batch);
	must(target_sqlite.verify(f->t, 2, &f->err), &f->err);
	must(publish(f), &f->err);
	assert_string_equal(
		ask(f, "SELECT length(a), length(b) FROM planes"), "786449|60;786449|60");
	free(text);
	free(bytes);
}

static void broken_rows(void **state)
{
	struct fixture *f = *state;

	columns(f, "a:int");
	assert_int_equal(begin(f), LEDGER_OPEN);
	stage(f);
	ROW(f, "1");
	f->batch.len--;
	refused(f, write_batch(f), ERR_DATA, "row 1: column 'a'");
	ROW(f, "1");
	f->batch.data[0] = 0xD2;
	refused(f, write_batch(f), ERR_DATA, "row 1: ");
}

static void two_thousand_columns(void **state)
{
	struct fixture *f = *state;
	const char *cells[COLUMNS_MAX];

	for (uint32_t i = 0; i < COLUMNS_MAX; i++) {
		f->v[i] = (struct tds_column){.type = TDS_INTN,
			.size = 4,
			.nullable = true,
			.name = arena_printf(&f->arena, "column %u", i)};
		cells[i] = "5";
	}
	f->cols.n = 2000;
	row(f, cells);
	load(f);
	assert_string_equal(ask(f, "SELECT \"column 1999\" FROM planes"), "5");
	f->cols.n = COLUMNS_MAX;
	f->job.target_table = "more";
	next_run(f);
	assert_int_equal(begin(f), LEDGER_OPEN);
	refused(f, target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), ERR_CONFIG, "too many columns");
}

/* --- names --- */

static void any_name(void **state)
{
	static const char *const names[] = {"a \"quoted\" one", "[brackets]", "it's",
		"\xF0\x9F\x9B\xAB", "select", "x; DROP TABLE y --", "main.t", "%s%n", "rowid",
		"etl_stage"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		for (int mode = LOAD_REPLACE; mode <= LOAD_APPEND; mode++) {
			f->job.target_table = names[i];
			f->job.load_mode = (enum load_mode)mode;
			columns(f, arena_printf(&f->arena, "%s:int|b:varchar(max)", names[i]));
			next_run(f);
			ROW(f, "1", "x");
			load(f);
		}
	}
	assert_string_equal(ask(f, "SELECT count(*) FROM \"a \"\"quoted\"\" one\""), "2");
	assert_string_equal(ask(f, "SELECT \"\xF0\x9F\x9B\xAB\" FROM \"\xF0\x9F\x9B\xAB\""), "1;1");
}

static void bad_names(void **state)
{
	static const char *const uids[] = {"", "../x", "a b", "a/b",
		"0123456789012345678901234567890123456789012345678901234567890123456789"};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_LEN(uids); i++) {
		f->load.run_uid = uids[i];
		refused(f, target_sqlite.open(&f->conn, &f->load, &f->cancel, &f->t, &f->err),
			ERR_DATA, "is not a UUID");
	}
	f->load.run_uid = "run-1";
	f->job.target_table = "ETL_load_ledger";
	refused(f, target_sqlite.open(&f->conn, &f->load, &f->cancel, &f->t, &f->err), ERR_CONFIG,
		"is the load ledger");
}

static void path_with_anything(void **state)
{
	struct fixture *f = *state;
	char link[300];

	snprintf(f->path, sizeof(f->path), "%s/it's \"the\" \xF0\x9F\x9B\xAB [w].db", in_dir(""));
	columns(f, "a:int");
	ROW(f, "1");
	load(f);
	assert_string_equal(ask(f, "SELECT a FROM planes"), "1");
	snprintf(link, sizeof(link), "%s/link.db", in_dir(""));
	assert_int_equal(symlink(f->path, link), 0);
	f->conn.path = link;
	f->job.load_mode = LOAD_APPEND;
	next_run(f);
	ROW(f, "2");
	load(f);
	assert_string_equal(ask(f, "SELECT a FROM planes"), "1;2");
}

/* --- tables that are there --- */

static void columns_are_matched_by_name(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE Planes (id INTEGER PRIMARY KEY, B TEXT, a INTEGER NOT NULL,"
	       " note TEXT DEFAULT 'none', needed NOT NULL DEFAULT 5,"
	       " twice AS (a * 2), thrice INTEGER GENERATED ALWAYS AS (a * 3) STORED)");
	f->job.load_mode = LOAD_APPEND;
	columns(f, "A:int|b:varchar(max)|TWICE:int");
	ROW(f, "1", "x", "99");
	load(f);
	assert_string_equal(ask(f, "SELECT * FROM planes"), "1|x|1|none|5|2|3");
}

static void columns_that_do_not_fit(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE planes (tailnum TEXT NOT NULL, year INTEGER)");
	assert_int_equal(begin(f), LEDGER_OPEN);
	columns(f, "tailnum:varchar(max)|yaer:int");
	refused(f, target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), ERR_DATA,
		"table 'planes' has no column 'yaer' of the source, did you mean 'year'?");
	columns(f, "year:int|tailnumber:varchar(max)");
	refused(f, target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), ERR_DATA,
		"no column 'tailnumber'");
	columns(f, "year:int");
	refused(f, target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), ERR_DATA,
		"the source has no column 'tailnum', which table 'planes' needs");
	columns(f, "year:int|tailnum:varchar(max)|YEAR:int");
	refused(f, target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), ERR_DATA, "two columns 'YEAR'");
	f->job.target_table = "other";
	columns(f, "a:int|A:int");
	refused(f, target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), ERR_DATA, "two columns 'A'");
	assert_int_equal(leftovers(f), 0);
}

static void no_table_and_not_to_be_made(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (a)");
	f->job.create = false;
	columns(f, "a:int|b:varchar(max) not null");
	assert_int_equal(begin(f), LEDGER_OPEN);
	refused(f, target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), ERR_NOT_FOUND, "no such table");
	assert_non_null(strstr(
		f->err.hint, "CREATE TABLE main.\"planes\" (\"a\" INTEGER, \"b\" TEXT NOT NULL)"));
}

static void views_are_refused(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (a); CREATE VIEW planes AS SELECT * FROM t;"
	       "CREATE TRIGGER i INSTEAD OF INSERT ON planes BEGIN SELECT 1; END");
	columns(f, "a:int");
	assert_int_equal(begin(f), LEDGER_OPEN);
	refused(f, target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), ERR_CONFIG, "is a view");
}

static void replace_keeps_what_belongs_to_the_table(void **state)
{
	static const char schema[] = "SELECT type, name, tbl_name, sql FROM sqlite_schema"
				     " WHERE tbl_name = 'planes' ORDER BY name";
	struct fixture *f = *state;
	const char *before;

	sql(f, "CREATE TABLE planes (a INTEGER PRIMARY KEY, b TEXT COLLATE NOCASE UNIQUE);"
	       "CREATE INDEX by_b ON planes (b, a); CREATE TABLE seen (what);"
	       "CREATE TRIGGER d AFTER DELETE ON planes BEGIN INSERT INTO seen VALUES ('-' || "
	       "old.a); END;"
	       "CREATE TRIGGER i AFTER INSERT ON planes BEGIN INSERT INTO seen VALUES ('+' || "
	       "new.a); END;"
	       "INSERT INTO planes VALUES (1, 'old')");
	before = ask(f, schema);
	columns(f, "b:varchar(max)|a:int");
	ROW(f, "x", "8");
	ROW(f, "y", "7");
	load(f);
	assert_string_equal(ask(f, schema), before);
	assert_string_equal(ask(f, "SELECT * FROM planes ORDER BY a"), "7|y;8|x");
	assert_string_equal(ask(f, "SELECT group_concat(what, ' ') FROM seen"), "+1 -1 +8 +7");
	assert_string_equal(ask(f, "PRAGMA integrity_check"), "ok");
}

static void append_adds(void **state)
{
	static const char *const tables[] = {"(a INTEGER, b TEXT)",
		"(a INTEGER PRIMARY KEY, b TEXT)",
		"(a INTEGER, b TEXT, PRIMARY KEY (a)) WITHOUT ROWID",
		"(a INTEGER NOT NULL UNIQUE, b TEXT) STRICT", "(a ANY, b TEXT) STRICT"};
	struct fixture *f = *state;

	f->job.load_mode = LOAD_APPEND;
	columns(f, "a:int|b:varchar(max)");
	for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
		sql(f, arena_printf(&f->arena,
			       "DROP TABLE IF EXISTS planes; CREATE TABLE planes %s;"
			       "INSERT INTO planes VALUES (1, 'old')",
			       tables[i]));
		next_run(f);
		ROW(f, "3", "c");
		ROW(f, "2", NULL);
		load(f);
		assert_string_equal(ask(f, "SELECT * FROM planes ORDER BY a"), "1|old;2|NULL;3|c");
		assert_string_equal(ask(f, "PRAGMA integrity_check"), "ok");
	}
}

static void rowid_numbers_itself(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE planes (a INTEGER PRIMARY KEY NOT NULL, b TEXT);"
	       "INSERT INTO planes VALUES (1, 'old')");
	f->job.load_mode = LOAD_APPEND;
	columns(f, "a:int|b:varchar(max)");
	ROW(f, NULL, "new");
	load(f);
	assert_string_equal(ask(f, "SELECT * FROM planes"), "1|old;2|new");
}

static void strict_any_is_untouched(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE planes (a ANY) STRICT");
	columns(f, "a:sqlite");
	ROW(f, "007");
	load(f);
	assert_string_equal(ask(f, "SELECT a, typeof(a) FROM planes"), "007|text");
}

static void other_encoding(void **state)
{
	struct fixture *f = *state;

	sql(f, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (a)");
	columns(f, "a:varchar(max)");
	ROW(f, "Z\xC3\xBCrich \xF0\x9F\x9B\xAB");
	load(f);
	assert_string_equal(ask(f, "SELECT a FROM planes"), "Z\xC3\xBCrich \xF0\x9F\x9B\xAB");
	assert_string_equal(ask(f, "PRAGMA encoding"), "UTF-16le");
}

static void journal_mode_is_the_owners(void **state)
{
	struct fixture *f = *state;

	columns(f, "a:int");
	ROW(f, "1");
	load(f);
	assert_string_equal(ask(f, "PRAGMA journal_mode"), "delete");
	sql(f, "PRAGMA journal_mode = WAL");
	next_run(f);
	ROW(f, "2");
	load(f);
	assert_string_equal(ask(f, "PRAGMA journal_mode"), "wal");
	assert_string_equal(ask(f, "SELECT a FROM planes"), "2");
}

/* --- guards --- */

static void too_few_rows_do_not_replace(void **state)
{
	struct fixture *f = *state;

	columns(f, "a:int");
	load(f); /* no rows into no table: an empty one */
	assert_string_equal(ask(f, "SELECT count(*) FROM planes"), "0");
	sql(f, "INSERT INTO planes VALUES (1)");
	next_run(f);
	load_up_to_publish(f);
	refused(f, publish(f), ERR_DATA, "0 rows of the source would replace");
	assert_non_null(strstr(f->err.hint, "min_rows = 0"));
	finish(f);
	assert_string_equal(ask(f, "SELECT a FROM planes"), "1");
	f->job.min_rows = 0;
	next_run(f);
	load(f);
	assert_string_equal(ask(f, "SELECT count(*) FROM planes"), "0");
}

static void constraint_leaves_everything(void **state)
{
	static const struct {
		const char *table, *says;
	} cases[] = {
		{"a INTEGER UNIQUE", "UNIQUE constraint failed: planes.a"},
		{"a INTEGER PRIMARY KEY", "UNIQUE constraint failed: planes.a"},
		{"a INTEGER CHECK (a < 2)", "CHECK constraint failed: a < 2"},
		{"a INTEGER NOT NULL ON CONFLICT ABORT", "NOT NULL constraint failed: planes.a"},
		{"a INTEGER UNIQUE ON CONFLICT IGNORE", "4 rows are staged, and the table took 3"},
	};
	struct fixture *f = *state;

	columns(f, "a:int");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		sql(f, arena_printf(&f->arena,
			       "DROP TABLE IF EXISTS planes;"
			       "CREATE TABLE planes (%s); INSERT INTO planes VALUES (-1)",
			       cases[i].table));
		next_run(f);
		ROW(f, "1");
		ROW(f, "2");
		ROW(f, "2");
		ROW(f, NULL);
		load_up_to_publish(f);
		refused(f, publish(f), ERR_DATA, cases[i].says);
		finish(f);
		assert_string_equal(ask(f, "SELECT a FROM planes"), "-1");
		assert_string_equal(ask(f, "SELECT state, rows FROM etl_load_ledger"
					   " ORDER BY opened_at DESC, rowid DESC LIMIT 1"),
			"open|NULL");
	}
}

static void not_null_is_found_while_staging(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE planes (a INTEGER NOT NULL)");
	columns(f, "a:int");
	assert_int_equal(begin(f), LEDGER_OPEN);
	stage(f);
	ROW(f, "1");
	ROW(f, NULL);
	refused(f, write_batch(f), ERR_DATA, "row 2: NOT NULL constraint failed: planes.a");
}

static void triggers_that_drop_rows(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE planes (a);"
	       "CREATE TRIGGER i BEFORE INSERT ON planes WHEN new.a = 2 BEGIN"
	       " SELECT RAISE(IGNORE); END");
	columns(f, "a:int");
	ROW(f, "1");
	ROW(f, "2");
	load_up_to_publish(f);
	refused(f, publish(f), ERR_DATA, "2 rows are staged, and the table took 1");
	assert_string_equal(ask(f, "SELECT count(*) FROM planes"), "0");
}

static void table_changed_meanwhile(void **state)
{
	static const char *const changes[][2] = {
		{"CREATE TABLE planes (a INTEGER)", "made while"},
		{"ALTER TABLE planes ADD COLUMN b", "altered while"},
		{"DROP TABLE planes", "dropped while"},
	};
	struct fixture *f = *state;

	columns(f, "a:int");
	for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
		next_run(f);
		ROW(f, "1");
		load_up_to_publish(f);
		sql(f, changes[i][0]);
		refused(f, publish(f), ERR_TARGET, changes[i][1]);
		finish(f);
	}
}

static void verify_counts(void **state)
{
	struct fixture *f = *state;

	columns(f, "a:int");
	ROW(f, "1");
	assert_int_equal(begin(f), LEDGER_OPEN);
	stage(f);
	must(write_batch(f), &f->err);
	refused(f, target_sqlite.verify(f->t, 2, &f->err), ERR_DATA,
		"the source gave 2 rows, and staging has 1");
}

/* --- the ledger --- */

static void ledger_row_is_complete(void **state)
{
	struct fixture *f = *state;

	f->load.order_key = "2026-11-23T00:00Z";
	columns(f, "a:int");
	ROW(f, "1");
	load(f);
	assert_string_equal(
		ask(f, "SELECT run_uid, store_uid, job_uid, order_key, fence, state,"
		       " target_table, rows, rejects, published_at >= opened_at,"
		       " opened_at LIKE '20__-__-__T__:__:__.___Z', principal LIKE 'uid %',"
		       " post_done_at IS NULL, revoked_at IS NULL FROM etl_load_ledger"),
		"run-1|store-1|job-1|2026-11-23T00:00Z|1|published|planes|1|0|1|1|1|1|1");
}

static void published_is_found(void **state)
{
	struct fixture *f = *state;

	columns(f, "a:int");
	ROW(f, "1");
	load(f);
	for (f->load.fence = 1; f->load.fence < 4; f->load.fence += 2) {
		assert_int_equal(begin(f), LEDGER_PUBLISHED);
		finish(f);
	}
	assert_string_equal(ask(f, "SELECT fence, state FROM etl_load_ledger"), "1|published");
}

static void older_fence_never_publishes(void **state)
{
	struct fixture *f = *state;
	struct load newer = f->load;
	struct target *zombie, *heir;
	enum ledger_state found;
	uint64_t rows;

	columns(f, "a:int");
	ROW(f, "1");
	load_up_to_publish(f);
	zombie = f->t;
	newer.fence = 2;
	must(target_sqlite.open(&f->conn, &newer, &f->cancel, &heir, &f->err), &f->err);
	must(target_sqlite.begin(heir, &found, &f->err), &f->err);
	assert_int_equal(found, LEDGER_OPEN);
	refused(f, publish(f), ERR_LEASE_LOST,
		"was taken over: its ledger row has the fence 2, ours is 1");
	refused(f, target_sqlite.begin(zombie, &found, &f->err), ERR_LEASE_LOST, "taken over");
	refused(f, target_sqlite.revoke(zombie, "zombie", &found, &f->err), ERR_LEASE_LOST,
		"taken");
	assert_string_equal(
		ask(f, "SELECT count(*) FROM sqlite_schema WHERE name = 'planes'"), "0");
	must(target_sqlite.stage(heir, &f->cols, 1, NULL, &f->err), &f->err);
	ROW(f, "2");
	must(target_sqlite.write(heir, 0, &f->batch, &f->err), &f->err);
	must(target_sqlite.verify(heir, 1, &f->err), &f->err);
	must(target_sqlite.publish(heir, &(struct load_end){.rejects = NULL}, &rows, &f->err), &f->err);
	assert_int_equal(rows, 1);
	refused(f, target_sqlite.publish(heir, &(struct load_end){.rejects = NULL}, &rows, &f->err), ERR_LEASE_LOST,
		"is published already, under the fence 2");
	refused(f, publish(f), ERR_LEASE_LOST, "is published already");
	target_sqlite.close(heir);
	assert_string_equal(ask(f, "SELECT a FROM planes"), "2");
}

/* It began to read before the other one published: its rows would take the place of newer ones. */
static void what_was_read_earlier_never_replaces(void **state)
{
	struct fixture *f = *state;
	struct load first = f->load;
	struct target *earlier;
	enum ledger_state found;

	columns(f, "a:int");
	must(target_sqlite.open(&f->conn, &first, &f->cancel, &earlier, &f->err), &f->err);
	must(target_sqlite.begin(earlier, &found, &f->err), &f->err);
	next_run(f);
	ROW(f, "2");
	load(f);
	f->t = earlier;
	stage(f);
	ROW(f, "1");
	must(write_batch(f), &f->err);
	must(target_sqlite.verify(f->t, 1, &f->err), &f->err);
	refused(f, publish(f), ERR_TARGET, "another run has loaded the table since this one began to read");
	finish(f);
	assert_string_equal(ask(f, "SELECT a FROM planes"), "2");
}

static void revoked_stays_so(void **state)
{
	struct fixture *f = *state;
	enum ledger_state found;

	columns(f, "a:int");
	ROW(f, "1");
	load_up_to_publish(f);
	f->cancel = true; /* revoking is what a cancelled load does */
	must(target_sqlite.revoke(f->t, "cancelled by anna", &found, &f->err), &f->err);
	f->cancel = false;
	assert_int_equal(found, LEDGER_REVOKED);
	refused(f, publish(f), ERR_LEASE_LOST, "is revoked already");
	finish(f);
	f->load.fence = 2;
	assert_int_equal(begin(f), LEDGER_REVOKED);
	assert_string_equal(ask(f, "SELECT state, revoked_reason, revoked_at IS NOT NULL"
				   " FROM etl_load_ledger"),
		"revoked|cancelled by anna|1");
}

static void revoke_finds_published(void **state)
{
	struct fixture *f = *state;
	enum ledger_state found;

	columns(f, "a:int");
	ROW(f, "1");
	load_up_to_publish(f);
	must(publish(f), &f->err);
	must(target_sqlite.revoke(f->t, "too late", &found, &f->err), &f->err);
	assert_int_equal(found, LEDGER_PUBLISHED);
	assert_string_equal(
		ask(f, "SELECT state, revoked_reason FROM etl_load_ledger"), "published|NULL");
}

/* An attempt that was never heard of may still be on its way. */
static void revoke_of_a_run_that_never_began(void **state)
{
	struct fixture *f = *state;
	enum ledger_state found;

	f->load.fence = 2;
	must(target_sqlite.open(&f->conn, &f->load, &f->cancel, &f->t, &f->err), &f->err);
	must(target_sqlite.revoke(f->t, "pod never came up", &found, &f->err), &f->err);
	assert_int_equal(found, LEDGER_REVOKED);
	finish(f);
	f->load.fence = 1;
	assert_int_equal(begin(f), LEDGER_REVOKED);
}

static void order_is_loaded_once(void **state)
{
	struct fixture *f = *state;
	enum ledger_state found;

	f->load.order_key = "monday";
	columns(f, "a:int");
	assert_int_equal(begin(f), LEDGER_OPEN);
	must(target_sqlite.revoke(f->t, "failed", &found, &f->err), &f->err);
	finish(f);
	f->load.run_uid = "run-2"; /* a revoked run loaded nothing */
	ROW(f, "1");
	load(f);
	f->load.run_uid = "run-3";
	must(target_sqlite.open(&f->conn, &f->load, &f->cancel, &f->t, &f->err), &f->err);
	refused(f, target_sqlite.begin(f->t, &found, &f->err), ERR_DATA,
		"the order 'monday' of job 'planes' is loaded by run 'run-2'");
	finish(f);
	f->job.job_uid = "job-2";
	assert_int_equal(begin(f), LEDGER_OPEN);
	finish(f);
	f->load.order_key = NULL;
	next_run(f);
	assert_int_equal(begin(f), LEDGER_OPEN);
}

/* --- staging files --- */

static void touch(struct fixture *f, const char *suffix)
{
	int fd = open(arena_printf(&f->arena, "%s%s", f->path, suffix), O_CREAT | O_RDWR, 0600);

	assert_true(fd >= 0);
	close(fd);
}

static void leftovers_are_swept_and_live_ones_kept(void **state)
{
	struct fixture *f = *state;
	struct load other = f->load;
	struct target *first;
	enum ledger_state found;
	char ours[400];

	columns(f, "a:int");
	touch(f, ".etl-stage-dead-run-3");
	touch(f, ".etl-stage-dead-run-3.lock");
	touch(f, ".etl-stage-crashed-early-1.lock");
	touch(f, ".etl-stage-lockless-1");
	touch(f, ".etl-stage-notes"); /* not of our making */
	touch(f, ".etl-stage-notes-.txt");
	assert_int_equal(begin(f), LEDGER_OPEN);
	assert_int_equal(leftovers(f), 2);
	stage(f);
	assert_int_equal(leftovers(f), 4);
	first = f->t;
	other.run_uid = "run-2";
	must(target_sqlite.open(&f->conn, &other, &f->cancel, &f->t, &f->err), &f->err);
	must(target_sqlite.begin(f->t, &found, &f->err), &f->err); /* in the same process, too */
	assert_int_equal(leftovers(f), 4);
	finish(f);
	f->t = first;
	ROW(f, "1");
	must(write_batch(f), &f->err);
	must(target_sqlite.verify(f->t, 1, &f->err), &f->err);
	must(publish(f), &f->err);
	snprintf(ours, sizeof(ours), "%s.etl-stage-run-1-1", f->path);
	assert_int_equal(access(ours, F_OK), 0);
	finish(f);
	assert_int_equal(leftovers(f), 2);
}

static void killed_attempt_is_swept(void **state)
{
	struct fixture *f = *state;
	int status, ready[2];
	char byte;
	pid_t pid;

	columns(f, "a:int");
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		(void)begin(f);
		stage(f);
		ROW(f, "1");
		must(write_batch(f), &f->err);
		must(write(ready[1], "", 1) == 1 ? 0 : -1, &f->err);
		pause();
		_exit(0);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	f->load.fence = 2;
	assert_int_equal(begin(f), LEDGER_OPEN);
	assert_int_equal(leftovers(f), 2); /* alive: kept */
	finish(f);
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	ROW(f, "2");
	load(f);
	assert_int_equal(leftovers(f), 0);
	assert_string_equal(ask(f, "SELECT a FROM planes"), "2");
	close(ready[0]);
	close(ready[1]);
}

static void same_attempt_twice(void **state)
{
	struct fixture *f = *state;
	struct target *first;

	columns(f, "a:int");
	assert_int_equal(begin(f), LEDGER_OPEN);
	stage(f);
	first = f->t;
	assert_int_equal(begin(f), LEDGER_OPEN);
	refused(f, target_sqlite.stage(f->t, &f->cols, 1, NULL, &f->err), ERR_BUSY, "another process loads");
	assert_int_equal(leftovers(f), 2);
	target_sqlite.close(first);
	stage(f);
}

/* --- locks and cancelling --- */

static void *roll_back_later(void *arg)
{
	usleep(100000);
	db_rollback(arg);
	return NULL;
}

static void waits_for_a_lock(void **state)
{
	struct fixture *f = *state;
	struct db *other = database(f);
	pthread_t thread;

	columns(f, "a:int");
	ROW(f, "1");
	load_up_to_publish(f);
	must(db_begin(other, &f->err), &f->err);
	assert_int_equal(pthread_create(&thread, NULL, roll_back_later, other), 0);
	must(publish(f), &f->err);
	pthread_join(thread, NULL);
	db_close(other);
	assert_string_equal(ask(f, "SELECT a FROM planes"), "1");
}

static void *cancel_later(void *arg)
{
	struct fixture *f = arg;

	usleep(50000);
	f->cancel = true;
	return NULL;
}

static void cancel_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	struct db *other = database(f);
	pthread_t thread;

	columns(f, "a:int");
	ROW(f, "1");
	load_up_to_publish(f);
	must(db_begin(other, &f->err), &f->err);
	assert_int_equal(pthread_create(&thread, NULL, cancel_later, f), 0);
	refused(f, publish(f), ERR_CANCELLED, "cancelled");
	pthread_join(thread, NULL);
	db_close(other);
	f->cancel = false;
	must(publish(f), &f->err); /* nothing had changed: it can still be done */
	assert_string_equal(ask(f, "SELECT a FROM planes"), "1");
}

static void cancel_ends_a_long_publish(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE planes (a); INSERT INTO planes VALUES (-1);"
	       "CREATE TRIGGER slow AFTER INSERT ON planes BEGIN SELECT count(*) FROM ("
	       " WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
	       " SELECT i FROM n LIMIT 1000000000); END");
	columns(f, "a:int");
	ROW(f, "1");
	load_up_to_publish(f);
	f->cancel = true;
	refused(f, publish(f), ERR_CANCELLED, "cancelled");
	f->cancel = false;
	assert_string_equal(ask(f, "SELECT a FROM planes"), "-1");
	assert_string_equal(ask(f, "SELECT state FROM etl_load_ledger"), "open");
}

static void cancel_between_batches(void **state)
{
	struct fixture *f = *state;

	columns(f, "a:int");
	assert_int_equal(begin(f), LEDGER_OPEN);
	stage(f);
	ROW(f, "1");
	f->cancel = true;
	refused(f, write_batch(f), ERR_CANCELLED, "cancelled");
}

static void database_that_cannot_be_had(void **state)
{
	struct fixture *f = *state;

	snprintf(f->path, sizeof(f->path), "%s/no/such.db", in_dir(""));
	refused(f, target_sqlite.open(&f->conn, &f->load, &f->cancel, &f->t, &f->err), ERR_TARGET,
		"No such file");
	assert_non_null(strstr(f->err.hint, "no' first"));
	f->job.create = false;
	snprintf(f->path, sizeof(f->path), "%s/none.db", in_dir(""));
	refused(f, target_sqlite.open(&f->conn, &f->load, &f->cancel, &f->t, &f->err),
		ERR_NOT_FOUND, "there is no database '");
	assert_int_equal(access(f->path, F_OK), -1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(makes_the_table),
		TEST(affinity_changes_no_value),
		TEST(numbers_of_every_size),
		TEST(digits_that_would_be_lost),
		TEST(rows_in_fragments),
		TEST(broken_rows),
		TEST(two_thousand_columns),
		TEST(any_name),
		TEST(bad_names),
		TEST(path_with_anything),
		TEST(columns_are_matched_by_name),
		TEST(columns_that_do_not_fit),
		TEST(no_table_and_not_to_be_made),
		TEST(views_are_refused),
		TEST(replace_keeps_what_belongs_to_the_table),
		TEST(append_adds),
		TEST(rowid_numbers_itself),
		TEST(strict_any_is_untouched),
		TEST(other_encoding),
		TEST(journal_mode_is_the_owners),
		TEST(too_few_rows_do_not_replace),
		TEST(constraint_leaves_everything),
		TEST(not_null_is_found_while_staging),
		TEST(triggers_that_drop_rows),
		TEST(table_changed_meanwhile),
		TEST(verify_counts),
		TEST(ledger_row_is_complete),
		TEST(published_is_found),
		TEST(older_fence_never_publishes),
		TEST(what_was_read_earlier_never_replaces),
		TEST(revoked_stays_so),
		TEST(revoke_finds_published),
		TEST(revoke_of_a_run_that_never_began),
		TEST(order_is_loaded_once),
		TEST(leftovers_are_swept_and_live_ones_kept),
		TEST(killed_attempt_is_swept),
		TEST(same_attempt_twice),
		TEST(waits_for_a_lock),
		TEST(cancel_ends_the_wait),
		TEST(cancel_ends_a_long_publish),
		TEST(cancel_between_batches),
		TEST(database_that_cannot_be_had),
	};

	return cmocka_run_group_tests_name("work/sqlite_target", tests, dir_make, dir_remove);
}
