#include "db/db.h"

#include <assert.h>
#include <string.h>

#include "db/driver.h"

void db_close(struct db *db)
{
	if (db)
		db->driver->close(db);
}

enum db_dialect db_dialect(const struct db *db)
{
	return db->driver->dialect;
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	return db->driver->exec(db, sql, err);
}

int db_begin(struct db *db, struct err *err)
{
	return db->driver->begin(db, err);
}

int db_begin_read(struct db *db, struct err *err)
{
	return db->driver->begin_read(db, err);
}

int db_join_read(struct db *db, struct db *first, struct err *err)
{
	return db->driver->join_read(db, first, err);
}

int db_commit(struct db *db, struct err *err)
{
	return db->driver->commit(db, err);
}

void db_rollback(struct db *db)
{
	db->driver->rollback(db);
}

bool db_in_transaction(struct db *db)
{
	return db->driver->in_transaction(db);
}

int db_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt, struct err *err)
{
	return db->driver->prepare(db, sql, ret_stmt, err);
}

int db_prepare_next(struct db *db, const char *sql, struct db_stmt **ret_stmt,
	const char **ret_rest, struct err *err)
{
	return db->driver->prepare_next(db, sql, ret_stmt, ret_rest, err);
}

void db_finalize(struct db_stmt *stmt)
{
	if (stmt)
		stmt->driver->finalize(stmt);
}

void db_finalize_ptr(struct db_stmt **stmt)
{
	db_finalize(*stmt);
}

static void check_param(const struct db_stmt *stmt, int pos)
{
	assert(pos >= 1 && pos <= stmt->n_params);
	(void)stmt;
	(void)pos;
}

static void check_column(const struct db_stmt *stmt, int col)
{
	assert(col >= 0 && col < stmt->n_columns);
	(void)stmt;
	(void)col;
}

void db_bind_null(struct db_stmt *stmt, int pos)
{
	check_param(stmt, pos);
	stmt->driver->bind_null(stmt, pos);
}

void db_bind_int(struct db_stmt *stmt, int pos, int64_t value)
{
	check_param(stmt, pos);
	stmt->driver->bind_int(stmt, pos, value);
}

void db_bind_real(struct db_stmt *stmt, int pos, double value)
{
	check_param(stmt, pos);
	stmt->driver->bind_real(stmt, pos, value);
}

void db_bind_text(struct db_stmt *stmt, int pos, const char *text)
{
	if (text)
		db_bind_textn(stmt, pos, text, strlen(text));
	else
		db_bind_null(stmt, pos);
}

void db_bind_textn(struct db_stmt *stmt, int pos, const char *text, size_t len)
{
	check_param(stmt, pos);
	stmt->driver->bind_text(stmt, pos, text, len);
}

void db_bind_blob(struct db_stmt *stmt, int pos, const void *data, size_t len)
{
	check_param(stmt, pos);
	stmt->driver->bind_blob(stmt, pos, data, len);
}

void db_bind_value(struct db_stmt *stmt, int pos, const struct db_value *value)
{
	switch (value->type) {
	case DB_NULL:
		db_bind_null(stmt, pos);
		break;
	case DB_INT:
		db_bind_int(stmt, pos, value->i);
		break;
	case DB_REAL:
		db_bind_real(stmt, pos, value->r);
		break;
	case DB_TEXT:
		db_bind_textn(stmt, pos, (const char *)value->s.data, value->s.len);
		break;
	case DB_BLOB:
		db_bind_blob(stmt, pos, value->s.data, value->s.len);
		break;
	}
}

int db_step(struct db_stmt *stmt, struct err *err)
{
	return stmt->driver->step(stmt, err);
}

int db_run(struct db_stmt *stmt, struct err *err)
{
	int rc;

	do
		rc = db_step(stmt, err);
	while (rc > 0);
	return rc;
}

void db_reset(struct db_stmt *stmt)
{
	stmt->driver->reset(stmt);
}

int db_param_count(struct db_stmt *stmt)
{
	return stmt->n_params;
}

int db_column_count(struct db_stmt *stmt)
{
	return stmt->n_columns;
}

const char *db_column_name(struct db_stmt *stmt, int col)
{
	check_column(stmt, col);
	return stmt->driver->column_name(stmt, col);
}

const char *db_column_declared(struct db_stmt *stmt, int col)
{
	check_column(stmt, col);
	return stmt->driver->column_declared(stmt, col);
}

enum db_type db_column_type(struct db_stmt *stmt, int col)
{
	check_column(stmt, col);
	return stmt->driver->column_type(stmt, col);
}

int64_t db_column_int(struct db_stmt *stmt, int col)
{
	check_column(stmt, col);
	return stmt->driver->column_int(stmt, col);
}

double db_column_real(struct db_stmt *stmt, int col)
{
	check_column(stmt, col);
	return stmt->driver->column_real(stmt, col);
}

const char *db_column_text(struct db_stmt *stmt, int col)
{
	check_column(stmt, col);
	return stmt->driver->column_text(stmt, col);
}

const void *db_column_blob(struct db_stmt *stmt, int col, size_t *ret_len)
{
	check_column(stmt, col);
	return stmt->driver->column_blob(stmt, col, ret_len);
}

int db_row(struct db_stmt *stmt, struct db_value *ret_values, size_t *ret_bytes, struct err *err)
{
	return stmt->driver->row(stmt, ret_values, ret_bytes, err);
}

int64_t db_changes(struct db *db)
{
	return db->driver->changes(db);
}

int64_t db_total_changes(struct db *db)
{
	return db->driver->total_changes(db);
}

int64_t db_last_insert_id(struct db *db)
{
	return db->driver->last_insert_id(db);
}

const char *db_quote(struct db *db, const char *identifier, struct arena *a)
{
	return db->driver->quote(db, identifier, a);
}

int db_attach(struct db *db, const char *path, const char *name, struct err *err)
{
	return db->driver->attach(db, path, name, err);
}

int db_detach(struct db *db, const char *name, struct err *err)
{
	return db->driver->detach(db, name, err);
}

void db_on_progress(struct db *db, int (*callback)(void *arg), void *arg)
{
	db->driver->on_progress(db, callback, arg);
}

void db_guard(struct db *db, const struct db_guard *guard)
{
	db->driver->guard(db, guard);
}
