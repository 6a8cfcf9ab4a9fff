#include "unit/fake_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/driver.h"
#include "unit/support.h"

struct fake_db {
	struct db base;
	const struct fake_answer *answers;
	size_t n, n_said;
	char *said[FAKE_SAID_MAX];
};

struct fake_stmt {
	struct db_stmt base;
	const struct fake_answer *answer;
	int row; /* from 1 once it is stepped */
	uint8_t blob[64];
};

static const struct db_driver driver;

static const struct fake_answer *find(struct fake_db *f, const char *sql)
{
	assert_true(f->n_said < FAKE_SAID_MAX);
	f->said[f->n_said++] = mem_strdup(sql);
	for (size_t i = 0; i < f->n; i++)
		if (strstr(sql, f->answers[i].match))
			return &f->answers[i];
	fail_msg("nobody has an answer to: %s", sql);
	return NULL;
}

static void fake_close(struct db *db)
{
	struct fake_db *f = (struct fake_db *)db;

	for (size_t i = 0; i < f->n_said; i++)
		free(f->said[i]);
	free(f);
}

static int fake_exec(struct db *db, const char *sql, struct err *err)
{
	const struct fake_answer *a = find((struct fake_db *)db, sql);

	return a->fails ? err_set(err, a->fails, "failed") : 0;
}

static int count_params(const char *sql)
{
	int n = 0;

	for (; *sql; sql++)
		n += *sql == '@';
	return n;
}

static int fake_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt, struct err *err)
{
	const struct fake_answer *a = find((struct fake_db *)db, sql);
	struct fake_stmt *s;

	if (a->fails)
		return err_set(err, a->fails, "failed");
	s = mem_alloc(sizeof(*s));
	s->base = (struct db_stmt){.driver = &driver, .db = db, .n_params = count_params(sql), .n_columns = a->columns};
	s->answer = a;
	*ret_stmt = &s->base;
	return 0;
}

static void fake_finalize(struct db_stmt *stmt)
{
	free(stmt);
}

static void fake_bind_int(struct db_stmt *stmt UNUSED, int pos UNUSED, int64_t value UNUSED)
{
}

static void fake_bind_text(struct db_stmt *stmt UNUSED, int pos UNUSED, const char *text UNUSED, size_t len UNUSED)
{
}

static int fake_step(struct db_stmt *stmt, struct err *err UNUSED)
{
	struct fake_stmt *s = (struct fake_stmt *)stmt;

	return ++s->row <= s->answer->n_rows;
}

static void fake_reset(struct db_stmt *stmt)
{
	((struct fake_stmt *)stmt)->row = 0;
}

static const char *fake_text(struct db_stmt *stmt, int col)
{
	struct fake_stmt *s = (struct fake_stmt *)stmt;

	return s->answer->rows[s->row - 1][col];
}

static const char *fake_declared(struct db_stmt *stmt, int col)
{
	return ((struct fake_stmt *)stmt)->answer->declared[col];
}

static enum db_type fake_type(struct db_stmt *stmt, int col)
{
	const char *type = fake_declared(stmt, col);

	if (!fake_text(stmt, col))
		return DB_NULL;
	if (type && (strstr(type, "int") || strcmp(type, "bit") == 0))
		return DB_INT;
	return type && strstr(type, "binary") ? DB_BLOB : DB_TEXT;
}

static int64_t fake_int(struct db_stmt *stmt, int col)
{
	const char *text = fake_text(stmt, col);

	return text ? strtoll(text, NULL, 10) : 0;
}

static const void *fake_blob(struct db_stmt *stmt, int col, size_t *ret_len)
{
	struct fake_stmt *s = (struct fake_stmt *)stmt;
	const char *hex = fake_text(stmt, col);
	unsigned byte;

	for (*ret_len = 0; hex && sscanf(hex, "%2x", &byte) == 1; hex += 2)
		s->blob[(*ret_len)++] = (uint8_t)byte;
	return s->blob;
}

static const struct db_driver driver = {
	.dialect = DB_TSQL,
	.close = fake_close,
	.exec = fake_exec,
	.prepare = fake_prepare,
	.finalize = fake_finalize,
	.bind_int = fake_bind_int,
	.bind_text = fake_bind_text,
	.step = fake_step,
	.reset = fake_reset,
	.column_declared = fake_declared,
	.column_type = fake_type,
	.column_int = fake_int,
	.column_text = fake_text,
	.column_blob = fake_blob,
};

struct db *fake_db_open(const struct fake_answer *answers, size_t n)
{
	struct fake_db *f = mem_alloc(sizeof(*f));

	*f = (struct fake_db){.base = {.driver = &driver}, .answers = answers, .n = n};
	return &f->base;
}

const char *fake_db_said(struct db *db, size_t i)
{
	struct fake_db *f = (struct fake_db *)db;

	return i < f->n_said ? f->said[i] : NULL;
}
