/*
 * support - what unit tests share: cmocka, a directory of their own, files, SQL,
 * and a look at an error.
 *
 * What goes wrong in here fails the test at the line that called.
 */
#ifndef UNIT_SUPPORT_H
#define UNIT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

/* Fixtures of a group or of a test: a fresh directory in /tmp, removed with all that is in it. */
int dir_make(void **state);
int dir_remove(void **state);

/* The path of `name` in that directory; "" is the directory. Good for the next 16 calls. */
const char *in_dir(const char *name);

#define file_write(path, text) file_write_at(path, text, strlen(text), __FILE__, __LINE__)
#define file_writen(path, data, len) file_write_at(path, data, len, __FILE__, __LINE__)
void file_write_at(const char *path, const void *data, size_t len, const char *file, int line);

/* On an SQLite file (made when missing), through a connection of its own. */
#define sql_run(path, sql) sql_run_at(path, sql, __FILE__, __LINE__)
void sql_run_at(const char *path, const char *sql, const char *file, int line);

/* All rows as "a|b;c|d", null as "NULL". Good for the next 16 calls. */
#define sql_ask(path, sql) sql_ask_at(path, sql, __FILE__, __LINE__)
const char *sql_ask_at(const char *path, const char *sql, const char *file, int line);

#define check_sql(path, sql, expected) assert_string_equal(sql_ask(path, sql), expected)

/* Code and message are exactly these. */
#define check_err(err, code, msg) check_err_at(err, code, msg, __FILE__, __LINE__)
void check_err_at(const struct err *err, enum err_code code, const char *msg, const char *file,
	int line);

/* The call succeeded. */
#define must(rc, err) must_at(rc, err, __FILE__, __LINE__)
void must_at(int rc, const struct err *err, const char *file, int line);

/* fn does not return, in a process of its own: it aborts. */
#define check_dies(fn) assert_true(dies(fn))
int dies(void (*fn)(void));

/* The defaults of struct csv_format but for max_field. */
#define TEST_CSV_FORMAT                                                                            \
	.delimiter = ",", .quote = "\"", .escape = "doubled", .header = "yes", .null_text = "",     \
	.encoding = "utf-8", .file_column = "", .line_end = "crlf"

/* Both clocks say what a test wrote to the int64_t in arg. */
int64_t clock_of_test(void *arg);
#define TEST_CLOCK(ms) {.wall = clock_of_test, .monotonic = clock_of_test, .arg = (ms)}

/* `n` times the byte c and a NUL; free it. */
char *repeat(char c, size_t n);

#endif
