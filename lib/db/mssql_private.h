/*
 * mssql_private - what mssql.c, the connection, and mssql_stmt.c, its statements, share.
 */
#ifndef DB_MSSQL_PRIVATE_H
#define DB_MSSQL_PRIVATE_H

#include "base/arena.h"
#include "db/driver.h"
#include "db/mssql.h"

struct mssql_db {
	struct db base;
	struct mssql_login login;
	bool in_transaction; /* begun, and neither committed nor rolled back */
	bool in_set_up;      /* of the session: what breaks it is not mended by another */
	struct mssql_wire *wire; /* NULL: it could not be opened again */
	struct arena arena;
	struct mssql_session session;
	int64_t changes, total_changes;
};

extern const struct db_driver mssql_driver;

static inline struct mssql_db *mssql_of_db(struct db *db)
{
	return (struct mssql_db *)db;
}

/* Connected: what is committed is committed, and what was read is read, so that a new session is as good
 * as the one that broke. */
MUST_CHECK int mssql_ready(struct mssql_db *d, struct err *err);
/* The count of the statement that ended is that of its changes. */
void mssql_take_count(struct mssql_db *d);

/* As struct db_driver has them. */
void mssql_stmt_finalize(struct db_stmt *stmt);
MUST_CHECK int mssql_stmt_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt, struct err *err);
MUST_CHECK int mssql_stmt_prepare_next(struct db *db, const char *sql, struct db_stmt **ret_stmt,
	const char **ret_rest, struct err *err);
void mssql_stmt_bind_null(struct db_stmt *stmt, int pos);
void mssql_stmt_bind_int(struct db_stmt *stmt, int pos, int64_t value);
void mssql_stmt_bind_real(struct db_stmt *stmt, int pos, double value);
void mssql_stmt_bind_text(struct db_stmt *stmt, int pos, const char *text, size_t len);
void mssql_stmt_bind_blob(struct db_stmt *stmt, int pos, const void *data, size_t len);
MUST_CHECK int mssql_stmt_step(struct db_stmt *stmt, struct err *err);
void mssql_stmt_reset(struct db_stmt *stmt);
const char *mssql_stmt_column_name(struct db_stmt *stmt, int col);
const char *mssql_stmt_column_declared(struct db_stmt *stmt, int col);
enum db_type mssql_stmt_column_type(struct db_stmt *stmt, int col);
int64_t mssql_stmt_column_int(struct db_stmt *stmt, int col);
double mssql_stmt_column_real(struct db_stmt *stmt, int col);
const char *mssql_stmt_column_text(struct db_stmt *stmt, int col);
const void *mssql_stmt_column_blob(struct db_stmt *stmt, int col, size_t *ret_len);
MUST_CHECK int mssql_stmt_row(struct db_stmt *stmt, struct db_value *ret_values, size_t *ret_bytes, struct err *err);

#endif
