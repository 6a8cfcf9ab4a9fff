/* lib/work/sqlite_source.c and sqlite_relation.c, through source_sqlite. */
#include "work/source.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "db/db.h"
#include "tds/row.h"
#include "unit/support.h"

#define DUMP_MAX (64u * 1024 * 1024)

/* A database of its own for each test, and what is needed to read it. */
struct fixture {
	char path[128];
	struct connection conn;
	struct job job;
	atomic_bool cancel;
	struct source_request request;
	struct source *source;
	const struct tds_columns *cols;
	struct buf out; /* columns, rows and errors as text */
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = mem_alloc(sizeof(*f));

	if (dir_make(state))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s", in_dir("s.db"));
	f->conn = (struct connection){.name = "src", .driver = DRIVER_SQLITE, .path = f->path};
	f->job = (struct job){.name = "j", .source_table = "t"};
	buf_init(&f->out, DUMP_MAX);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	source_sqlite.close(f->source);
	buf_release(&f->out);
	free(f);
	return dir_remove(state);
}

static void sql(struct fixture *f, const char *text)
{
	sql_run(f->path, text);
}

/* --- reading --- */

static void dump_value(struct fixture *f, const struct tds_column *c, const struct tds_value *v)
{
	bool dynamic = c->type == TDS_SQLITE;
	char text[TDS_PRINT_MAX];

	switch (v->kind) {
	case TDS_NULL:
		buf_adds(&f->out, "NULL");
		break;
	case TDS_TEXT:
		buf_adds(&f->out, dynamic ? "t:" : "");
		buf_add(&f->out, v->s.data, v->s.len);
		break;
	case TDS_BLOB:
		buf_adds(&f->out, "0x");
		for (uint32_t j = 0; j < v->s.len; j++)
			buf_printf(&f->out, "%02x", v->s.data[j]);
		break;
	default:
		tds_value_print(c, v, text);
		buf_adds(&f->out, text);
	}
}

static void dump_row(struct fixture *f, const uint8_t **p, const uint8_t *end)
{
	struct tds_value v;

	assert_int_equal(*(*p)++, TDS_ROW_TOKEN);
	for (uint32_t i = 0; i < f->cols->n; i++) {
		const struct tds_column *c = &f->cols->v[i];

		must(tds_decode(p, end, c, NULL, &v, &f->err), &f->err);
		buf_adds(&f->out, i ? "|" : "");
		dump_value(f, c, &v);
	}
	buf_addc(&f->out, '\n');
}

static int dump_batches(struct fixture *f)
{
	struct batch b;
	uint64_t next = 0;
	int rc;

	batch_init(&b);
	while ((rc = source_sqlite.read(f->source, &b, &f->err)) > 0) {
		const uint8_t *p = b.data;

		assert_true(b.first_row >= next);
		assert_int_equal(b.cont, 0);
		assert_int_equal(b.bytes_in, b.len);
		for (uint32_t i = 0; i < b.rows; i++)
			dump_row(f, &p, b.data + b.len);
		assert_ptr_equal(p, b.data + b.len);
		next = b.first_row + b.rows;
		batch_reset(&b);
	}
	assert_true(rc < 0 || b.rows == 0);
	batch_release(&b);
	return rc;
}

static int open_source(struct fixture *f)
{
	source_sqlite.close(f->source);
	f->source = NULL;
	err_clear(&f->err);
	f->request.conn = &f->conn;
	f->request.job = &f->job;
	f->request.cancel = &f->cancel;
	f->request.ranges = 1;
	if (source_sqlite.open(&f->request, &f->source, &f->err) < 0)
		return -1;
	return source_sqlite.columns(f->source, &f->cols, &f->err);
}

static void dump_columns(struct fixture *f)
{
	char type[TDS_TYPE_TEXT_MAX];

	for (uint32_t i = 0; i < f->cols->n; i++) {
		const struct tds_column *c = &f->cols->v[i];

		buf_printf(&f->out, "%s%s", i ? ", " : "", c->name);
		if (c->type != TDS_SQLITE)
			buf_printf(&f->out, " %s", tds_type_format(c, type));
		else if (c->declared)
			buf_printf(&f->out, " [%s]", c->declared);
		buf_adds(&f->out, c->nullable ? "" : " not null");
	}
	buf_addc(&f->out, '\n');
}

/* A line of columns ([as declared]), then rows; or "code: message (hint)". */
static const char *read_all(struct fixture *f)
{
	int rc;

	buf_reset(&f->out);
	rc = open_source(f);
	if (rc == 0) {
		dump_columns(f);
		rc = dump_batches(f);
	}
	err_settle_value(&f->err, true);
	if (rc < 0)
		buf_printf(&f->out, "%s: %s", err_name(f->err.code), f->err.msg);
	if (rc < 0 && f->err.hint[0])
		buf_printf(&f->out, " (%s)", f->err.hint);
	return buf_str(&f->out);
}

static const char *query(struct fixture *f, const char *text)
{
	f->job.source_table = NULL;
	f->job.source_query = text;
	return read_all(f);
}

static const char *table(struct fixture *f, const char *name)
{
	f->job.source_table = name;
	f->job.source_query = NULL;
	return read_all(f);
}

/* --- values and columns --- */

static void values_keep_their_class(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (i INTEGER, r REAL, n NUMERIC, s TEXT, b BLOB, x);"
	       "INSERT INTO t VALUES (1, 1, 1, 1, 1, 1), (1.5, 1.5, 1.5, 1.5, 1.5, 1.5),"
	       " ('x', 'x', 'x', 'x', 'x', 'x'), (x'00ff', x'00', x'', x'41', x'0a', x'0b'),"
	       " ('7', '7', '7.0', '7', '7', '7'), (NULL, NULL, NULL, NULL, NULL, NULL),"
	       " (9223372036854775807, 1e300, -9223372036854775808, '', '', 9e999)");
	assert_string_equal(read_all(f),
		"i [INTEGER], r [REAL], n [NUMERIC], s [TEXT], b [BLOB], x\n"
		"1|1.0|1|t:1|1|1\n"
		"1.5|1.5|1.5|t:1.5|1.5|1.5\n"
		"t:x|t:x|t:x|t:x|t:x|t:x\n"
		"0x00ff|0x00|0x|0x41|0x0a|0x0b\n"
		"7|7.0|7|t:7|t:7|t:7\n"
		"NULL|NULL|NULL|NULL|NULL|NULL\n"
		"9223372036854775807|1e300|-9223372036854775808|t:|t:|inf\n");
}

static void bytes_of_texts_are_not_looked_at(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (s TEXT);"
	       "INSERT INTO t VALUES (CAST(x'ff41' AS TEXT)), ('ä😀')");
	assert_string_equal(read_all(f), "s [TEXT]\nt:\xff"
					 "A\nt:ä😀\n");
	sql(f, "DELETE FROM t; INSERT INTO t VALUES (CAST(x'410042' AS TEXT))");
	assert_memory_equal(read_all(f), "s [TEXT]\nt:A\0B\n", 16);
}

static void utf16_becomes_utf8(void **state)
{
	struct fixture *f = *state;

	sql(f, "PRAGMA encoding = 'UTF-16le'; CREATE TABLE t (\"ä😀\" TEXT);"
	       "INSERT INTO t VALUES ('ä😀')");
	assert_string_equal(read_all(f), "ä😀 [TEXT]\nt:ä😀\n");
}

static void columns_are_those_of_the_table(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (id INTEGER PRIMARY KEY, a VARCHAR(20) NOT NULL, b DECIMAL(10, 2),"
	       " c \"odd \"\" type\", d INT AS (id + 1), e TEXT NOT NULL AS (a || '!') STORED,"
	       " f UNSIGNED BIG INT DEFAULT 5);"
	       "INSERT INTO t (id, a, b, c) VALUES (3, 'x', 1.5, 2)");
	assert_string_equal(read_all(f),
		"id [INTEGER] not null, a [VARCHAR(20)] not null, b [DECIMAL(10, 2)], c, d [INT], "
		"e [TEXT] not null, f [UNSIGNED BIG INT]\n"
		"3|t:x|1.5|2|4|t:x!|5\n");
	sql(f, "CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID; INSERT INTO w VALUES ('a', "
	       "1)");
	assert_string_equal(table(f, "W"), "k [TEXT] not null, v\nt:a|1\n");
	sql(f, "CREATE TABLE p (a INTEGER, b INTEGER, PRIMARY KEY (a, b)); INSERT INTO p VALUES "
	       "(NULL, 1)");
	assert_string_equal(table(f, "p"), "a [INTEGER], b [INTEGER]\nNULL|1\n");
	sql(f, "CREATE TABLE d (a INTEGER PRIMARY KEY DESC); INSERT INTO d VALUES (7)");
	assert_string_equal(table(f, "d"), "a [INTEGER] not null\n7\n");
	sql(f, "CREATE TABLE s (a ANY, b INT NOT NULL) STRICT; INSERT INTO s VALUES ('12', 1)");
	assert_string_equal(table(f, "s"), "a, b [INT] not null\nt:12|1\n");
	sql(f, "CREATE TABLE z (a)");
	assert_string_equal(table(f, "z"), "a\n");
}

static void names_are_any(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE \"a \"\"b]'`😀\" (\"x \"\"y]'😀\" TEXT, \"select\", \"%s\");"
	       "INSERT INTO \"a \"\"b]'`😀\" VALUES (1, 2, 3)");
	assert_string_equal(table(f, "a \"b]'`😀"), "x \"y]'😀 [TEXT], select, %s\nt:1|2|3\n");
}

static void two_thousand_columns(void **state)
{
	struct fixture *f = *state;
	struct buf text = BUF_INIT(1u << 20), expected = BUF_INIT(1u << 20);

	buf_adds(&text, "CREATE TABLE t (");
	for (int i = 0; i < 2000; i++) {
		buf_printf(&text, "%sc%d", i ? ", " : "", i);
		buf_printf(&expected, "%sc%d", i ? ", " : "", i);
	}
	buf_adds(&text, "); INSERT INTO t VALUES (");
	buf_addc(&expected, '\n');
	for (int i = 0; i < 2000; i++) {
		buf_printf(&text, "%s%d", i ? ", " : "", i);
		buf_printf(&expected, "%s%d", i ? "|" : "", i);
	}
	buf_addc(&text, ')');
	buf_addc(&expected, '\n');
	sql(f, buf_str(&text));
	assert_string_equal(read_all(f), buf_str(&expected));
	buf_release(&text);
	buf_release(&expected);
}

static void views_have_no_declarations(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE a (x INTEGER NOT NULL); INSERT INTO a VALUES (1);"
	       "CREATE TABLE b (x TEXT); INSERT INTO b VALUES (2);"
	       "CREATE VIEW t AS SELECT x FROM a UNION ALL SELECT x FROM b");
	assert_string_equal(read_all(f), "x\n1\nt:2\n");
}

/* --- tables that are not there --- */

static void missing_tables_are_explained(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE u (x); DROP TABLE u");
	assert_string_equal(table(f, "planes"),
		"not_found: there is no table or view 'planes' in the database (it has no tables)");
	sql(f, "CREATE TABLE plane (x); CREATE TABLE b (x); CREATE VIEW a AS SELECT 1 AS x");
	assert_string_equal(table(f, "planes"), "not_found: there is no table or view 'planes' in "
						"the database (did you mean 'plane'?)");
	assert_string_equal(table(f, "zzzzzz"), "not_found: there is no table or view 'zzzzzz' in "
						"the database (there are: a, b, plane)");
}

/* --- queries --- */

static void queries_are_read(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (a INTEGER NOT NULL, b TEXT); INSERT INTO t VALUES (1, 'x'), (2, "
	       "'y')");
	assert_string_equal(query(f, "SELECT a, b AS \"the b\", a + 0.5 AS c FROM t WHERE a > 1"),
		"a, the b, c\n2|t:y|2.5\n");
	assert_string_equal(query(f, " ; SELECT a FROM t; -- the end;\n"), "a\n1\n2\n");
	assert_string_equal(
		query(f, "/* a */ SELECT a FROM t ORDER BY a DESC -- the end;"), "a\n2\n1\n");
	assert_string_equal(
		query(f, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
			 " WHERE i < 3) SELECT i FROM n"),
		"i\n1\n2\n3\n");
	assert_string_equal(
		query(f, "VALUES (1, 'b'), (2.5, NULL)"), "column1, column2\n1|t:b\n2.5|NULL\n");
	assert_string_equal(
		query(f, "SELECT name FROM pragma_table_info('t')"), "name\nt:a\nt:b\n");
}

static void what_is_not_a_query_is_refused(void **state)
{
	static const struct {
		const char *sql, *says;
	} cases[] = {
		{"", "config: source_query is empty"},
		{"-- nothing\n;", "config: source_query is empty"},
		{"SELECT 1; SELECT 2", "config: source_query is more than one statement"},
		{"SELECT ?1", "config: source_query has a parameter, which nobody sets"},
		{"SELECT a FROM t WHERE a > @watermark",
			"config: source_query has a parameter, which nobody sets"},
		{"SELEC 1", "config: source_query: near \"SELEC\": syntax error"},
		{"SELECT 1; SELEC", "config: source_query, behind its first statement: near "
				    "\"SELEC\": syntax error"},
		{"SELECT a, b AS A FROM t",
			"config: there are two columns 'A' (case does not count) "
			"(give it a name in source_query: SELECT ... AS name)"},
		{"SELECT 1 AS \"\"", "config: column 1 has no name "
				     "(give it a name in source_query: SELECT ... AS name)"},
		{"SELECT nope FROM t", "config: source_query: no such column: nope"},
		{"SELECT \"nope\" FROM t",
			"config: source_query: no such column: \"nope\" - should this "
			"be a string literal in single-quotes?"},
	};
	static const char *const writers[] = {"DELETE FROM t",
		"INSERT INTO t VALUES (1, 2) RETURNING a",
		"WITH x AS (SELECT 1) UPDATE t SET a = 2", "CREATE TABLE u (x)",
		"CREATE TEMP TABLE u AS SELECT 1", "PRAGMA user_version",
		"PRAGMA journal_mode = WAL", "ATTACH 'x.db' AS x", "BEGIN", "COMMIT", "ROLLBACK",
		"VACUUM", "DETACH main", "SAVEPOINT a", "ANALYZE", "REINDEX"};
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (a INTEGER, b TEXT)");
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_string_equal(query(f, cases[i].sql), cases[i].says);
	for (size_t i = 0; i < ARRAY_LEN(writers); i++) {
		query(f, writers[i]);
		assert_int_equal(f->err.code, ERR_CONFIG);
		assert_non_null(strstr(f->err.msg, "SELECT"));
	}
}

static void errors_while_it_runs_are_reported(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (a INTEGER); INSERT INTO t VALUES (1), (-9223372036854775808)");
	assert_string_equal(query(f, "SELECT abs(a) AS a FROM t"), "a\nconfig: integer overflow");
}

/* --- batches --- */

static void many_rows_fill_many_batches(void **state)
{
	struct fixture *f = *state;
	struct buf expected = BUF_INIT(DUMP_MAX);

	sql(f, "CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT, x REAL);"
	       "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 59999)"
	       " INSERT INTO t SELECT i, 'name ' || (i % 100), i / 2.0 FROM n");
	buf_adds(&expected, "id [INTEGER] not null, name [TEXT], x [REAL]\n");
	for (int i = 0; i < 60000; i++)
		buf_printf(&expected, "%d|t:name %d|%d.%d\n", i, i % 100, i / 2, i % 2 ? 5 : 0);
	assert_string_equal(read_all(f), buf_str(&expected));
	buf_release(&expected);
}

static void large_rows_are_cut_into_fragments(void **state)
{
	struct fixture *f = *state;
	struct buf bytes = BUF_INIT(DUMP_MAX), shape = BUF_INIT(1000);
	const uint8_t *p;
	struct batch b;
	struct tds_value v;
	int rc;

	sql(f, "CREATE TABLE t (b); INSERT INTO t VALUES ('x'), (zeroblob(600000)), (7),"
	       " (zeroblob(262144 - 10)), (zeroblob(262144 - 9)), ('y')");
	must(open_source(f), &f->err);
	batch_init(&b);
	while ((rc = source_sqlite.read(f->source, &b, &f->err)) > 0) {
		buf_add(&bytes, b.data, b.len);
		buf_printf(&shape, "%" PRIu64 ":%u/%u ", b.first_row, b.rows, b.cont);
		batch_reset(&b);
	}
	assert_int_equal(rc, 0);
	assert_string_equal(buf_str(&shape), "0:1/0 1:1/7 1:0/5 1:0/1 2:1/0 3:1/0 4:1/0 5:1/0 ");
	p = (const uint8_t *)bytes.data;
	for (int i = 0; i < 6; i++) {
		static const uint32_t lengths[] = {1, 600000, 0, 262134, 262135, 1};

		assert_int_equal(*p++, TDS_ROW_TOKEN);
		must(tds_decode(&p, (const uint8_t *)bytes.data + bytes.len, &f->cols->v[0], NULL,
			     &v, &f->err),
			&f->err);
		if (i != 2)
			assert_int_equal(v.s.len, lengths[i]);
	}
	batch_release(&b);
	buf_release(&bytes);
	buf_release(&shape);
}

/* --- one state of the database --- */

static void read_while_others_write(struct fixture *f, const char *mode)
{
	CLEANUP_FREE char *make = NULL;

	assert_true(asprintf(&make,
			    "PRAGMA journal_mode = %s; DROP TABLE IF EXISTS t;"
			    "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2)",
			    mode) > 0);
	sql(f, make);
	buf_reset(&f->out);
	must(open_source(f), &f->err);
}

static void a_wal_is_read_as_it_was(void **state)
{
	struct fixture *f = *state;

	read_while_others_write(f, "WAL");
	sql(f, "INSERT INTO t VALUES (3); UPDATE t SET a = 9 WHERE a = 1; CREATE TABLE u (x)");
	must(dump_batches(f), &f->err);
	assert_string_equal(buf_str(&f->out), "1\n2\n");
	assert_string_equal(read_all(f), "a\n9\n2\n3\n");
}

static int write_at_once(const char *path)
{
	const struct db_options options = {.busy_timeout_ms = 0};
	struct err err = ERR_INIT;
	struct db *db = NULL;
	int rc = db_open_sqlite(path, &options, &db, &err) ||
		 db_exec(db, "INSERT INTO t VALUES (3)", &err);

	db_close(db);
	return rc ? (int)err.code : 0;
}

static void a_rollback_journal_keeps_writers_out(void **state)
{
	struct fixture *f = *state;

	read_while_others_write(f, "DELETE");
	assert_int_equal(write_at_once(f->path), ERR_BUSY);
	must(dump_batches(f), &f->err);
	assert_string_equal(buf_str(&f->out), "1\n2\n");
	assert_int_equal(write_at_once(f->path), 0); /* all is read: although it is still open */
	assert_string_equal(read_all(f), "a\n1\n2\n3\n");
}

/* --- files that cannot be read --- */

static void what_is_no_database_is_refused(void **state)
{
	struct fixture *f = *state;
	char expected[512];

	snprintf(expected, sizeof(expected), "not_found: there is no database '%s'", f->path);
	assert_string_equal(read_all(f), expected);
	file_write(f->path, "this is a text, and rather longer than a database's header is: no, it "
			    "is not a database at all, however long one looks at it");
	snprintf(expected, sizeof(expected),
		"io: open database: '%s': file is not a database "
		"(the file is not an SQLite database, or is an encrypted one)",
		f->path);
	assert_string_equal(read_all(f), expected);
	f->conn.path = in_dir("");
	read_all(f);
	assert_int_equal(f->err.code, ERR_IO);
	assert_string_equal(f->err.hint, "the path is a directory: name a file in it");
}

static void damage_is_an_error(void **state)
{
	struct fixture *f = *state;
	FILE *file;

	sql(f, "CREATE TABLE t (a);"
	       "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)"
	       " INSERT INTO t SELECT i FROM n");
	file = fopen(f->path, "r+");
	assert_non_null(file);
	assert_int_equal(fseek(file, 5 * 4096, SEEK_SET), 0);
	for (int i = 0; i < 4096; i++)
		fputc(0xee, file);
	assert_int_equal(fclose(file), 0);
	read_all(f);
	assert_int_equal(f->err.code, ERR_IO);
	assert_non_null(strstr(f->err.msg, "malformed"));
	assert_non_null(strstr(f->err.hint, "integrity_check"));
}

/* A journal that its writer left, and a reader who is not to write. */
static void a_dead_writers_journal_is_named(void **state)
{
	struct fixture *f = *state;
	pid_t pid;
	int status;

	sql(f, "CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(100000))");
	pid = fork();
	if (pid == 0) {
		const struct db_options options = {.busy_timeout_ms = 0};
		struct err err = ERR_INIT;
		struct db *db = NULL;

		if (db_open_sqlite(f->path, &options, &db, &err) == 0 &&
			db_exec(db,
				"PRAGMA cache_size = 1; BEGIN; UPDATE t SET a = zeroblob(900000)",
				&err) == 0)
			_exit(7);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 7);
	read_all(f);
	assert_int_equal(f->err.code, ERR_IO);
	assert_non_null(strstr(f->err.hint, "a program died while it wrote to it"));
	sql(f, "SELECT 1 FROM t");
	must(open_source(f), &f->err);
}

/* In a process of its own, which may be nobody's. */
static void check_as_nobody(struct fixture *f, const char *hint)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (geteuid() == 0 && (setgid(65534) || setuid(65534)))
			_exit(2);
		if (open_source(f) == 0)
			_exit(3);
		_exit(f->err.code == ERR_IO && strstr(f->err.hint, hint) ? 0 : 4);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void rights_are_explained(void **state)
{
	struct fixture *f = *state;

	sql(f, "PRAGMA journal_mode = WAL; CREATE TABLE t (a)");
	assert_int_equal(chmod(in_dir(""), 0555), 0);
	check_as_nobody(f, "its journal mode is WAL");
	assert_int_equal(chmod(f->path, 0), 0);
	check_as_nobody(f, "needs read access to it");
	assert_int_equal(chmod(in_dir(""), 0755), 0);
}

static void *cancel_soon(void *cancel)
{
	usleep(50000);
	atomic_store((atomic_bool *)cancel, true);
	return NULL;
}

static void cancel_ends_it(void **state)
{
	struct fixture *f = *state;
	pthread_t other;

	sql(f, "CREATE TABLE t (a); INSERT INTO t VALUES (1)");
	must(open_source(f), &f->err);
	f->cancel = true;
	buf_reset(&f->out);
	assert_int_equal(dump_batches(f), -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
	f->cancel = false;
	f->job = (struct job){.source_query =
				      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1"
				      " FROM n) SELECT max(i) AS i FROM n"};
	must(open_source(f), &f->err); /* it would never end */
	assert_int_equal(pthread_create(&other, NULL, cancel_soon, &f->cancel), 0);
	assert_int_equal(dump_batches(f), -1);
	assert_int_equal(f->err.code, ERR_CANCELLED);
	pthread_join(other, NULL);
}

/* --- types of the job and of the table --- */

static void declared_types_hold_when_values_must_fit(void **state)
{
	struct fixture *f = *state;

	f->job.mixed_types = MIXED_FAIL;
	sql(f, "CREATE TABLE t (i INTEGER NOT NULL, r REAL, d DECIMAL(5,2), s VARCHAR(9), b BLOB,"
	       " at DATETIME, ok BOOLEAN);"
	       "INSERT INTO t VALUES (1, 1, 1.5, 'x', x'00ff', '2024-02-29', 2),"
	       " (-9, 2.5, NULL, '7', NULL, NULL, 0)");
	assert_string_equal(read_all(f),
		"i bigint not null, r float, d decimal(5,2), s varchar(max), b varbinary(max), "
		"at varchar(max), ok bigint\n"
		"1|1.0|1.50|x|0x00ff|2024-02-29|2\n"
		"-9|2.5|NULL|7|NULL|NULL|0\n");
	sql(f, "INSERT INTO t (i, at) VALUES (2, 1709164800)");
	query(f, "SELECT i, at FROM t");
	assert_string_equal(f->err.msg,
		"row 3, column 'at': the integer '1709164800' in a column of varchar(max)");
	assert_int_equal(f->err.code, ERR_DATA);
	assert_string_equal(query(f, "SELECT i + 1 AS j FROM t"),
		"config: column 'j': it has no declared type "
		"(declare it in the job's 'columns': j varchar(max), ...)");
	f->job.columns = "j bigint, at varchar(max)";
	assert_string_equal(query(f, "SELECT i + 1 AS j, at FROM t ORDER BY i"),
		"j bigint, at varchar(max)\n-8|NULL\n2|2024-02-29\n3|1709164800\n");
}

static void the_jobs_columns_have_their_types(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (a, b TEXT, c); INSERT INTO t VALUES ('1', '2024-02-29', 1), (2.0, "
	       "NULL, 'x')");
	f->job.columns = "A int not null, b date";
	assert_string_equal(read_all(f), "a int not null, b date, c\n1|2024-02-29|1\n2|NULL|t:x\n");
	sql(f, "INSERT INTO t VALUES (NULL, NULL, NULL)");
	assert_string_equal(read_all(f),
		"a int not null, b date, c\n"
		"bad_data: row 3, column 'a': a null, and the column is declared not null");
	f->job.columns = "a int, d int";
	assert_string_equal(
		read_all(f), "config: columns: 't' has no column 'd', did you mean 'a'?");
	f->job.columns = "a itn";
	assert_string_equal(read_all(f),
		"config: columns: column 'a': type 'itn' is not known (did you mean 'int'?)");
}

static void rejected_rows_leave_gaps_between_batches(void **state)
{
	struct fixture *f = *state;
	struct rejects *rejects;
	struct batch b;
	uint64_t first = 0;

	f->job.columns = "a int";
	f->job.on_reject = ON_REJECT_KEEP;
	f->job.reject_limit = 3;
	rejects = rejects_new(&f->job);
	f->request.rejects = rejects;
	sql(f, "CREATE TABLE t (a); INSERT INTO t VALUES ('x'), (1), (2), ('y'), (3), ('z')");
	assert_string_equal(read_all(f), "a int\n1\n2\n3\n");
	assert_int_equal(rejects_count(rejects), 3);
	assert_int_equal(rejects_get(rejects, 1)->row, 4);
	assert_string_equal(rejects_get(rejects, 1)->column, "a");
	sql(f, "INSERT INTO t VALUES ('one too many')");
	must(open_source(f), &f->err);
	batch_init(&b);
	assert_int_equal(
		source_sqlite.read(f->source, &b, &f->err), -1); /* three were there already */
	assert_int_equal(f->err.code, ERR_DATA);
	batch_release(&b);
	rejects_free(rejects);
	rejects = f->request.rejects = rejects_new(&f->job);
	must(open_source(f), &f->err);
	batch_init(&b);
	assert_int_equal(source_sqlite.read(f->source, &b, &f->err), 1);
	first = b.first_row;
	assert_int_equal(b.rows, 2);
	assert_int_equal(first, 1); /* 0-based: the second row */
	batch_reset(&b);
	assert_int_equal(source_sqlite.read(f->source, &b, &f->err), 1);
	assert_int_equal(b.rows, 1);
	assert_int_equal(b.first_row, 4);
	batch_release(&b);
	rejects_free(rejects);
}

static void a_rejected_row_is_known_by_its_key(void **state)
{
	struct fixture *f = *state;
	struct rejects *rejects;

	f->job.columns = "a int";
	f->job.on_reject = ON_REJECT_KEEP;
	f->job.reject_values = REJECT_VALUES_KEYS;
	f->job.reject_limit = 3;
	f->job.key_columns = "id, Other, lost, b, r, n";
	f->job.column_map = "k other";
	rejects = rejects_new(&f->job);
	f->request.rejects = rejects;
	sql(f, "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT, a, b, r, n);"
	       "INSERT INTO t VALUES (7, 'seven', 'x', x'0102', 0.5, NULL)");
	read_all(f);
	assert_int_equal(rejects_count(rejects), 1);
	assert_string_equal(rejects_get(rejects, 0)->key, "7, seven, 2 bytes, 0.5, NULL");
	assert_null(rejects_get(rejects, 0)->value);
	rejects_free(rejects);
}

/* --- increments --- */

/* What is above `from`, and up to where that was; or the error. */
static const char *above(struct fixture *f, const char *from)
{
	const char *to = NULL;
	int rc;

	f->job.load_mode = LOAD_INCREMENTAL;
	f->request.watermark = from;
	buf_reset(&f->out);
	rc = open_source(f);
	if (rc == 0)
		rc = dump_batches(f);
	if (rc == 0)
		rc = source_sqlite.watermark(f->source, &to, &f->err);
	err_settle_value(&f->err, true);
	if (rc < 0)
		buf_printf(&f->out, "%s: %s", err_name(f->err.code), f->err.msg);
	else
		buf_printf(&f->out, "to %s", to ? to : "nowhere");
	return buf_str(&f->out);
}

static void increments_of_numbers(void **state)
{
	struct fixture *f = *state;

	f->job.watermark_column = "N";
	sql(f, "CREATE TABLE t (n INTEGER)");
	assert_string_equal(above(f, NULL), "to nowhere");
	assert_string_equal(above(f, "7"), "to nowhere");
	sql(f, "INSERT INTO t VALUES (1), (9), (10)");
	assert_string_equal(above(f, NULL), "1\n9\n10\nto 10");
	assert_string_equal(above(f, "9"), "10\nto 10");
	assert_string_equal(above(f, "9.5"), "10\nto 10");
	assert_string_equal(above(f, "10"), "to 10");
	assert_string_equal(
		above(f, "99"), "to 99"); /* restored, or deleted: it does not go back */
	f->job.lookback = "1";
	assert_string_equal(above(f, "10"), "10\nto 10");
	f->job.lookback = "1h";
	assert_string_equal(above(f, "10"),
		"config: watermark_column 'n': lookback = 1h is no number, and "
		"the watermark is one");
	f->job.lookback = NULL;
	sql(f, "INSERT INTO t VALUES (10.5), (9223372036854775807)");
	assert_string_equal(above(f, "10"), "10.5\n9223372036854775807\nto 9223372036854775807");
	assert_string_equal(
		above(f, "9223372036854775806"), "9223372036854775807\nto 9223372036854775807");
	assert_string_equal(above(f, "x"),
		"bad_data: watermark_column 'n': the last watermark 'x' is not a "
		"number, as the column is");
}

static void increments_of_reals_and_texts(void **state)
{
	struct fixture *f = *state;

	f->job.watermark_column = "n";
	sql(f, "CREATE TABLE t (n REAL); INSERT INTO t VALUES (0.1), (0.30000000000000004)");
	assert_string_equal(above(f, "0.1"), "0.30000000000000004\nto 0.30000000000000004");
	assert_string_equal(above(f, "0.30000000000000004"), "to 0.30000000000000004");
	sql(f, "DROP TABLE t; CREATE TABLE t (n DATETIME);"
	       "INSERT INTO t VALUES ('2024-02-29 12:00:00'), ('2024-03-01 00:00:00')");
	assert_string_equal(
		above(f, "2024-02-29 12:00:00"), "t:2024-03-01 00:00:00\nto 2024-03-01 00:00:00");
	f->job.lookback = "1d";
	assert_string_equal(above(f, "2024-03-01 00:00:00"),
		"t:2024-02-29 12:00:00\nt:2024-03-01 00:00:00\nto 2024-03-01 00:00:00");
	f->job.lookback = "5";
	assert_string_equal(
		above(f, "2024-03-01 00:00:00"), "config: watermark_column 'n': lookback = 5 is no "
						 "duration, and the watermark is a text");
}

static void a_watermark_must_hold(void **state)
{
	static const struct {
		const char *values, *says;
	} cases[] = {
		{"(1), (NULL)", "bad_data: 1 row has no value in watermark_column 'n': they would "
				"never be loaded"},
		{"(NULL), (1), (NULL)", "bad_data: 2 rows have no value in watermark_column 'n': "
					"they would never be loaded"},
		{"(1), ('2024-01-01')", "bad_data: watermark_column 'n' holds numbers and texts"},
		{"('2024-01-01'), (x'00')", "bad_data: watermark_column 'n' holds bytes"},
		{"('10'), ('9')",
			"bad_data: watermark_column 'n' holds numbers as texts: '10' is below '9'"},
		{"('2024-01-01')", "bad_data: watermark_column 'n': the last watermark '5' is a "
				   "number, and the "
				   "column holds texts"},
	};
	static const char *const indexes[] = {"", "CREATE INDEX i ON t (n, x);"};
	struct fixture *f = *state;

	f->job.watermark_column = "n";
	for (size_t i = 0; i < 2 * ARRAY_LEN(cases); i++) {
		CLEANUP_FREE char *text = NULL;

		assert_true(asprintf(&text,
				    "DROP TABLE IF EXISTS t; CREATE TABLE t (n, x); %s"
				    "INSERT INTO t (n) VALUES %s",
				    indexes[i % 2], cases[i / 2].values) > 0);
		sql(f, text);
		assert_string_equal(above(f, "5"), cases[i / 2].says);
	}
	f->job.watermark_column = "m";
	assert_string_equal(above(f, NULL),
		"config: watermark_column: 't' has no column 'm', did you mean 'n'?");
}

static void increments_of_queries(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (n INTEGER, x); INSERT INTO t VALUES (1, 'a'), (2, 'b'), (NULL, "
	       "'c')");
	f->job.watermark_column = "the n";
	f->job.source_query = "SELECT n * 10 AS \"the n\" FROM t WHERE n IS NOT NULL -- yes";
	f->job.source_table = NULL;
	assert_string_equal(above(f, "10"), "20\nto 20");
}

/* --- ranges --- */

#define RANGES_MAX 8

/* Each range's rows as "a,b|c|…", from sources that are all open at once. `meanwhile` runs after
 * the first is. */
static const char *ranges(struct fixture *f, uint32_t n, const char *meanwhile)
{
	struct source_request requests[RANGES_MAX];
	struct source *sources[RANGES_MAX] = {NULL};
	const struct tds_columns *cols;
	struct buf out = BUF_INIT(1u << 20);
	static char text[4096];
	int rc = 0;

	err_clear(&f->err);
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		requests[i] = f->request;
		requests[i].conn = &f->conn;
		requests[i].job = &f->job;
		requests[i].cancel = &f->cancel;
		requests[i].range = i;
		requests[i].ranges = n;
		requests[i].first = i ? sources[0] : NULL;
		rc = source_sqlite.open(&requests[i], &sources[i], &f->err);
		if (rc == 0)
			rc = source_sqlite.columns(sources[i], &cols, &f->err);
		if (i == 0 && meanwhile)
			sql(f, meanwhile);
	}
	f->cols = cols;
	for (uint32_t i = 0; i < n && rc == 0; i++) {
		f->source = sources[i];
		buf_reset(&f->out);
		must(dump_batches(f), &f->err);
		for (char *p = f->out.data; p && *p; p++)
			*p = *p == '\n' ? ',' : *p;
		buf_printf(&out, "%s%s", i ? "|" : "", buf_str(&f->out));
	}
	f->source = NULL;
	for (uint32_t i = n; i-- > 0;)
		source_sqlite.close(sources[i]);
	err_settle_value(&f->err, true);
	snprintf(text, sizeof(text), "%s", rc < 0 ? f->err.msg : buf_str(&out));
	buf_release(&out);
	return text;
}

static void ranges_hold_every_row_once(void **state)
{
	static const struct {
		const char *type, *values, *expected;
	} cases[] = {
		{"INTEGER", "(1), (2), (3), (4), (5), (6)", "1,2,|3,4,|5,6,"},
		{"INTEGER PRIMARY KEY", "(1), (2), (30)", "1,2,||30,"},
		{"INTEGER", "(-9223372036854775808), (0), (9223372036854775807), (NULL)",
			"-9223372036854775808,NULL,|0,|9223372036854775807,"},
		{"INTEGER", "(7), (7), (7)", "||7,7,7,"},
		{"REAL", "(0), (0.5), (1), (1.5), (3)", "0.0,0.5,|1.0,1.5,|3.0,"},
		{"REAL", "(-9e999), (0), (9e999), (NULL)", "-inf,NULL,|0.0,|inf,"},
		{"REAL", "(-1.7e308), (1.7e308)", "-1.7e308,||1.7e308,"},
		{"", "(1), (9), ('a'), (x'00'), (NULL), (5.5)", "1,NULL,|5.5,|9,t:a,0x00,"},
		{"TEXT", "('a'), ('b'), ('c'), ('d'), ('e'), ('f'), (NULL)",
			"t:a,t:b,NULL,|t:c,t:d,|t:e,t:f,"},
		{"TEXT COLLATE NOCASE", "('A'), ('a'), ('B'), ('b'), ('C'), ('c')",
			"t:A,t:a,|t:B,t:b,|t:C,t:c,"},
		{"TEXT", "('same'), ('same'), ('same')", "||t:same,t:same,t:same,"},
		{"TEXT", "('one')", "||t:one,"},
		{"BLOB", "(x'00'), (x'0101'), (x'ff')", "0x00,|0x0101,|0xff,"},
		{"INTEGER", "(NULL), (NULL)", "NULL,NULL,||"},
	};
	struct fixture *f = *state;

	f->job.partition_column = "N";
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FREE char *text = NULL;

		assert_true(asprintf(&text,
				    "DROP TABLE IF EXISTS t; CREATE TABLE t (n %s); INSERT INTO t "
				    "VALUES %s",
				    cases[i].type, cases[i].values) > 0);
		sql(f, text);
		assert_string_equal(ranges(f, 3, NULL), cases[i].expected);
	}
	sql(f, "DELETE FROM t");
	assert_string_equal(ranges(f, 3, NULL), "||");
	sql(f, "INSERT INTO t VALUES (1), (2), (3), (4)");
	f->job.source_query = "SELECT n * 2 AS n FROM t";
	f->job.source_table = NULL;
	assert_string_equal(ranges(f, 2, NULL), "2,4,|6,8,");
	f->job.partition_column = "m";
	assert_string_equal(ranges(f, 2, NULL),
		"partition_column: 'the query' has no column 'm', did you mean 'n'?");
}

static void ranges_of_an_increment(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (n INTEGER);"
	       "WITH RECURSIVE i(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 100) "
	       "INSERT INTO t SELECT i FROM i");
	f->job.load_mode = LOAD_INCREMENTAL;
	f->job.watermark_column = f->job.partition_column = "n";
	f->request.watermark = "94";
	assert_string_equal(ranges(f, 3, NULL), "95,96,|97,98,|99,100,");
}

static void ranges_see_one_state(void **state)
{
	struct fixture *f = *state;

	f->job.partition_column = "n";
	sql(f, "PRAGMA journal_mode = WAL; CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1), "
	       "(2), (3), (4)");
	assert_string_equal(
		ranges(f, 4, "INSERT INTO t VALUES (5); UPDATE t SET n = -1 WHERE n = 3"),
		"1,|2,|3,|4,");
}

/* --- how many rows --- */

static int64_t count_rows(struct fixture *f)
{
	int64_t rows;

	must(open_source(f), &f->err);
	rows = source_sqlite.rows(f->source);
	source_sqlite.close(mem_steal(f->source));
	return rows;
}

static void rows_are_counted_when_that_is_cheap(void **state)
{
	struct fixture *f = *state;

	sql(f, "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1), (5), (100);"
	       "CREATE VIEW v AS SELECT 1 AS a; CREATE TABLE e (a)");
	assert_int_equal(count_rows(f), 3);
	f->job.source_table = "e";
	assert_int_equal(count_rows(f), 0);
	f->job.source_table = "v";
	assert_int_equal(count_rows(f), -1);
	sql(f, "CREATE TABLE big (b); INSERT INTO big VALUES (zeroblob(20000000))");
	f->job.source_table = "t";
	assert_int_equal(count_rows(f), 100); /* as the rowids say */
	f->job.source_table = "e";
	assert_int_equal(count_rows(f), 0);
	sql(f, "CREATE TABLE w (a PRIMARY KEY) WITHOUT ROWID; INSERT INTO w VALUES (1)");
	f->job.source_table = "w";
	assert_int_equal(count_rows(f), -1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(values_keep_their_class),
		TEST(bytes_of_texts_are_not_looked_at),
		TEST(utf16_becomes_utf8),
		TEST(columns_are_those_of_the_table),
		TEST(names_are_any),
		TEST(two_thousand_columns),
		TEST(views_have_no_declarations),
		TEST(missing_tables_are_explained),
		TEST(queries_are_read),
		TEST(what_is_not_a_query_is_refused),
		TEST(errors_while_it_runs_are_reported),
		TEST(many_rows_fill_many_batches),
		TEST(large_rows_are_cut_into_fragments),
		TEST(a_wal_is_read_as_it_was),
		TEST(a_rollback_journal_keeps_writers_out),
		TEST(what_is_no_database_is_refused),
		TEST(damage_is_an_error),
		TEST(a_dead_writers_journal_is_named),
		TEST(rights_are_explained),
		TEST(cancel_ends_it),
		TEST(declared_types_hold_when_values_must_fit),
		TEST(the_jobs_columns_have_their_types),
		TEST(rejected_rows_leave_gaps_between_batches),
		TEST(a_rejected_row_is_known_by_its_key),
		TEST(increments_of_numbers),
		TEST(increments_of_reals_and_texts),
		TEST(a_watermark_must_hold),
		TEST(increments_of_queries),
		TEST(ranges_hold_every_row_once),
		TEST(ranges_of_an_increment),
		TEST(ranges_see_one_state),
		TEST(rows_are_counted_when_that_is_cheap),
	};

	return cmocka_run_group_tests_name("work/sqlite_source", tests, NULL, NULL);
}
