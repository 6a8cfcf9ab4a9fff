/* What lib/work/sqlite_pages.c writes is read back by SQLite. */
#include "work/sqlite_pages.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "db/db.h"

#define BLOB_MAX  300000
#define LOCK_PAGE ((1u << 30) / SQLITE_PAGE_SIZE + 1)

static char path[] = "/tmp/etl-unit-pages-XXXXXX";
static uint8_t blob[BLOB_MAX];

static struct db *database(const char *sql)
{
	const struct db_options options = {.create = true};
	struct err err = ERR_INIT;
	struct db *db = NULL;

	if (db_open_sqlite(path, &options, &db, &err) < 0 || db_exec(db, sql, &err) < 0)
		fail_msg("%s", err.msg);
	return db;
}

/* An empty table (a, b); its root page. */
static uint32_t make(void)
{
	struct err err = ERR_INIT;
	struct db_stmt *stmt;
	struct db *db;
	uint32_t root;

	unlink(path);
	db = database("PRAGMA page_size = 32768; CREATE TABLE rows (a INTEGER, b BLOB)");
	assert_int_equal(db_prepare(db, "SELECT rootpage FROM sqlite_schema", &stmt, &err), 0);
	assert_int_equal(db_step(stmt, &err), 1);
	root = (uint32_t)db_column_int(stmt, 0);
	db_finalize(stmt);
	db_close(db);
	return root;
}

static struct sqlite_pages *open_pages(uint32_t root)
{
	struct err err = ERR_INIT;
	struct sqlite_pages *p = NULL;

	if (sqlite_pages_open(path, root, &p, &err) < 0)
		fail_msg("%s", err.msg);
	return p;
}

/* The row (a, a blob of len bytes whose first and last byte are a's low one). */
static int add(struct sqlite_pages *p, uint32_t a, uint32_t len, struct err *err)
{
	static uint8_t body[4 + BLOB_MAX];
	uint8_t header[12] = {0, 4}, *end = sqlite_put_varint(header + 2, 12 + 2 * (uint64_t)len);

	header[0] = (uint8_t)(end - header);
	for (int i = 0; i < 4; i++)
		body[i] = (uint8_t)(a >> (24 - 8 * i));
	memcpy(body + 4, blob, len);
	if (len)
		body[4] = body[4 + len - 1] = (uint8_t)a;
	return sqlite_pages_add(p, header, header[0], body, 4 + (size_t)len, err);
}

static void finish(struct sqlite_pages *p)
{
	struct err err = ERR_INIT;

	if (sqlite_pages_finish(p, &err) < 0)
		fail_msg("%s", err.msg);
	sqlite_pages_free(p);
}

static void expect(const char *sql, const char *answer)
{
	struct db *db = database("");
	struct err err = ERR_INIT;
	struct db_stmt *stmt;

	assert_int_equal(db_prepare(db, sql, &stmt, &err), 0);
	if (db_step(stmt, &err) != 1)
		fail_msg("%s", err.msg);
	assert_string_equal(db_column_text(stmt, 0), answer);
	db_finalize(stmt);
	db_close(db);
}

/* All rows are there in order, with their bytes. */
static void expect_rows(uint32_t n, uint64_t bytes)
{
	char answer[64];

	snprintf(answer, sizeof(answer), "%u|%llu|0", n, (unsigned long long)bytes);
	expect("SELECT count(*) || '|' || coalesce(sum(length(b)), 0) || '|' || count(CASE WHEN"
	       " a <> rowid OR (length(b) > 0 AND (substr(b, 1, 1) <> substr(b, -1) OR"
	       " hex(substr(b, 1, 1)) <> printf('%02X', a & 255))) THEN 1 END) FROM rows",
		answer);
}

static void load(uint32_t n, uint32_t (*len)(uint32_t a))
{
	struct sqlite_pages *p = open_pages(make());
	struct err err = ERR_INIT;
	uint64_t bytes = 0;

	for (uint32_t a = 1; a <= n; a++) {
		if (add(p, a, len(a), &err) < 0)
			fail_msg("%s", err.msg);
		bytes += len(a);
	}
	finish(p);
	expect_rows(n, bytes);
	expect("PRAGMA integrity_check", "ok");
}

static uint32_t none(uint32_t a)
{
	return a * 0;
}

static uint32_t short_ones(uint32_t a)
{
	return a % 100;
}

/* Around the longest record without overflow, and around one and two overflow pages. */
static uint32_t around_limits(uint32_t a)
{
	return a / 100 * (SQLITE_PAGE_SIZE - 4) + SQLITE_PAGE_SIZE - 90 + a % 100;
}

static uint32_t any(uint32_t a)
{
	return a * 7919 % BLOB_MAX;
}

static uint32_t one_a_page(uint32_t a)
{
	return 20000 + a % 2;
}

static void numbers_of_rows(void **state)
{
	(void)state;
	load(0, none);
	load(1, none);
	load(1, short_ones);
	load(5000, none);
	load(100000, short_ones);
}

static void long_rows(void **state)
{
	(void)state;
	load(299, around_limits);
	load(100, any);
}

/* An interior page has room for 4,110 cells here (7 and, from 128 on, 8 bytes each): one level, one
 * that is full, two. */
static void levels(void **state)
{
	(void)state;
	load(2, one_a_page);
	load(3, one_a_page);
	for (uint32_t n = 4109; n <= 4114; n++)
		load(n, one_a_page);
	load(9000, one_a_page);
}

/* SQLite's locks are on a page at 1 GiB that belongs to nobody. */
static void lock_page_is_left_out(void **state)
{
	uint8_t count[4];
	struct sqlite_pages *p;
	struct err err = ERR_INIT;
	uint64_t bytes;

	(void)state;
	for (uint32_t before = 1; before < 9; before++) {
		uint32_t root = make(), pages = LOCK_PAGE - before;
		int fd = open(path, O_RDWR);

		for (int i = 0; i < 4; i++)
			count[i] = (uint8_t)(pages >> (24 - 8 * i));
		assert_int_equal(pwrite(fd, count, 4, 28), 4);
		assert_int_equal(ftruncate(fd, (off_t)pages * SQLITE_PAGE_SIZE), 0);
		close(fd);
		p = open_pages(root);
		bytes = 0;
		for (uint32_t a = 1; a <= 4; a++) {
			assert_int_equal(add(p, a, 60000 * (a % 2) + 20000, &err), 0);
			bytes += 60000 * (a % 2) + 20000;
		}
		finish(p);
		expect_rows(4, bytes);
	}
}

static void varints(void **state)
{
	(void)state;
	for (int bit = 0; bit < 64; bit++) {
		for (int delta = -1; delta <= 1; delta++) {
			uint64_t v = (UINT64_C(1) << bit) + (uint64_t)delta, back = 0;
			uint8_t out[SQLITE_VARINT_MAX];
			int n = (int)(sqlite_put_varint(out, v) - out);

			for (int i = 0; i < n && i < 8; i++) {
				back = back << 7 | (out[i] & 0x7f);
				assert_int_equal(out[i] >> 7, i < n - 1);
			}
			if (n == 9)
				back = back << 8 | out[8];
			assert_true(back == v);
			assert_true(n == 1 || n == 9 || v >> (7 * (n - 1)));
		}
	}
}

static void refuses_what_is_too_long(void **state)
{
	struct sqlite_pages *p = open_pages(make());
	struct err err = ERR_INIT;

	(void)state;
	assert_int_equal(sqlite_pages_add(p, blob, 3, blob, SQLITE_RECORD_MAX, &err), -1);
	assert_int_equal(err.code, ERR_LIMIT);
	sqlite_pages_free(p);
	sqlite_pages_free(NULL);
}

static void refuses_other_files(void **state)
{
	struct sqlite_pages *p = NULL;
	struct err err = ERR_INIT;

	(void)state;
	unlink(path);
	assert_int_equal(sqlite_pages_open(path, 2, &p, &err), -1);
	assert_int_equal(err.code, ERR_TARGET);
	db_close(database("CREATE TABLE rows (a)"));
	assert_int_equal(sqlite_pages_open(path, 2, &p, &err), -1);
	assert_int_equal(err.code, ERR_INTERNAL);
	assert_null(p);
}

/* A full disk, as a limit on the size of files shows it. */
static void says_that_it_cannot_write(void **state)
{
	const struct rlimit small = {.rlim_cur = 1 << 20, .rlim_max = RLIM_INFINITY};
	struct sqlite_pages *p = open_pages(make());
	struct err err = ERR_INIT;
	struct rlimit before;
	int rc = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (uint32_t a = 1; a <= 100 && rc == 0; a++)
		rc = add(p, a, 30000, &err);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(rc, -1);
	assert_int_equal(err.code, ERR_TARGET);
	assert_non_null(strstr(err.msg, path));
	sqlite_pages_free(p);
}

static int make_path(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	return close(fd);
}

static int remove_path(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_of_rows),
		cmocka_unit_test(long_rows),
		cmocka_unit_test(levels),
		cmocka_unit_test(lock_page_is_left_out),
		cmocka_unit_test(varints),
		cmocka_unit_test(refuses_what_is_too_long),
		cmocka_unit_test(refuses_other_files),
		cmocka_unit_test(says_that_it_cannot_write),
	};

	return cmocka_run_group_tests_name("work/sqlite_pages", tests, make_path, remove_path);
}
