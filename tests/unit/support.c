#include "unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "db/db.h"

#define RESULTS    16
#define RESULT_MAX (1u << 20)
#define BUSY_MS    10000

#define DIR_TEMPLATE "/tmp/etl-unit-XXXXXX"

static char dir[] = DIR_TEMPLATE;
static struct buf results[RESULTS];
static unsigned next_result;

/* A result lives until as many others were made. */
static struct buf *result(void)
{
	struct buf *b = &results[next_result++ % RESULTS];

	b->max = RESULT_MAX;
	buf_reset(b);
	return b;
}

int dir_make(void **state)
{
	(void)state;
	memcpy(dir, DIR_TEMPLATE, sizeof(dir)); /* a fixture of each test, perhaps */
	return mkdtemp(dir) ? 0 : -1;
}

int dir_remove(void **state)
{
	char command[64];

	(void)state;
	for (unsigned i = 0; i < RESULTS; i++)
		buf_release(&results[i]);
	snprintf(command, sizeof(command), "rm -rf '%s'", dir);
	return system(command);
}

const char *in_dir(const char *name)
{
	struct buf *path = result();

	buf_printf(path, "%s%s%s", dir, *name ? "/" : "", name);
	return buf_str(path);
}

void file_write_at(const char *path, const void *data, size_t len, const char *file, int line)
{
	FILE *out = fopen(path, "w");

	if (!out || fwrite(data, 1, len, out) != len || fclose(out) != 0) {
		print_error("cannot write '%s'\n", path);
		_fail(file, line);
	}
}

void check_err_at(
	const struct err *err, enum err_code code, const char *msg, const char *file, int line)
{
	if (err->code == code && strcmp(err->msg, msg) == 0)
		return;
	print_error("expected %s: %s\nbut it is %s: %s\n", err_name(code), msg, err_name(err->code),
		err->msg);
	_fail(file, line);
}

void must_at(int rc, const struct err *err, const char *file, int line)
{
	if (rc >= 0)
		return;
	print_error("%s: %s (%s)\n", err_name(err->code), err->msg, err->hint);
	_fail(file, line);
}

static struct db *open_at(const char *path, const char *file, int line)
{
	const struct db_options options = {.create = true, .busy_timeout_ms = BUSY_MS};
	struct err err = ERR_INIT;
	struct db *db = NULL;

	must_at(db_open_sqlite(path, &options, &db, &err), &err, file, line);
	return db;
}

void sql_run_at(const char *path, const char *sql, const char *file, int line)
{
	struct db *db = open_at(path, file, line);
	struct err err = ERR_INIT;

	must_at(db_exec(db, sql, &err), &err, file, line);
	db_close(db);
}

const char *sql_ask_at(const char *path, const char *sql, const char *file, int line)
{
	struct db *db = open_at(path, file, line);
	struct db_stmt *stmt = NULL;
	struct err err = ERR_INIT;
	struct buf *out = result();
	int row;

	must_at(db_prepare(db, sql, &stmt, &err), &err, file, line);
	while ((row = db_step(stmt, &err)) > 0) {
		buf_adds(out, out->len ? ";" : "");
		for (int i = 0; i < db_column_count(stmt); i++) {
			const char *cell = db_column_text(stmt, i);

			buf_printf(out, "%s%s", i ? "|" : "", cell ? cell : "NULL");
		}
	}
	must_at(row, &err, file, line);
	db_finalize(stmt);
	db_close(db);
	return buf_str(out);
}

int dies(void (*fn)(void))
{
	const struct rlimit no_core = {0, 0};
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		if (!freopen("/dev/null", "w", stderr))
			_exit(0);
		fn();
		_exit(0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status != 0;
}

int64_t clock_of_test(void *arg)
{
	return *(const int64_t *)arg;
}

char *repeat(char c, size_t n)
{
	char *s = mem_alloc(n + 1);

	memset(s, c, n);
	return s;
}
