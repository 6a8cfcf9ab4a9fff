/*
 * driver - what a database engine gives to db.h.
 *
 * One static const vtable per engine, in the one file that includes the
 * engine's header. Connections and statements of a driver begin with struct db
 * and struct db_stmt. The functions mean what db.h says of their namesakes;
 * db.c has checked positions and columns before.
 */
#ifndef DB_DRIVER_H
#define DB_DRIVER_H

#include "db/db.h"

struct db_driver {
	enum db_dialect dialect;

	void (*close)(struct db *db);
	int (*exec)(struct db *db, const char *sql, struct err *err);
	int (*begin)(struct db *db, struct err *err);
	int (*begin_read)(struct db *db, struct err *err);
	int (*join_read)(struct db *db, struct db *first, struct err *err);
	int (*commit)(struct db *db, struct err *err);
	void (*rollback)(struct db *db);
	bool (*in_transaction)(struct db *db);

	/* Fills n_params and n_columns too. */
	int (*prepare)(struct db *db, const char *sql, struct db_stmt **ret_stmt, struct err *err);
	int (*prepare_next)(struct db *db, const char *sql, struct db_stmt **ret_stmt,
		const char **ret_rest, struct err *err);
	void (*finalize)(struct db_stmt *stmt);

	void (*bind_null)(struct db_stmt *stmt, int pos);
	void (*bind_int)(struct db_stmt *stmt, int pos, int64_t value);
	void (*bind_real)(struct db_stmt *stmt, int pos, double value);
	void (*bind_text)(struct db_stmt *stmt, int pos, const char *text, size_t len);
	void (*bind_blob)(struct db_stmt *stmt, int pos, const void *data, size_t len);

	int (*step)(struct db_stmt *stmt, struct err *err);
	void (*reset)(struct db_stmt *stmt);

	const char *(*column_name)(struct db_stmt *stmt, int col);
	const char *(*column_declared)(struct db_stmt *stmt, int col);
	enum db_type (*column_type)(struct db_stmt *stmt, int col);
	int64_t (*column_int)(struct db_stmt *stmt, int col);
	double (*column_real)(struct db_stmt *stmt, int col);
	const char *(*column_text)(struct db_stmt *stmt, int col);
	const void *(*column_blob)(struct db_stmt *stmt, int col, size_t *ret_len);
	int (*row)(struct db_stmt *stmt, struct db_value *ret_values, size_t *ret_bytes,
		struct err *err);

	int64_t (*changes)(struct db *db);
	int64_t (*total_changes)(struct db *db);
	int64_t (*last_insert_id)(struct db *db);
	const char *(*quote)(struct db *db, const char *identifier, struct arena *a);
	int (*attach)(struct db *db, const char *path, const char *name, struct err *err);
	int (*detach)(struct db *db, const char *name, struct err *err);
	void (*on_progress)(struct db *db, int (*callback)(void *arg), void *arg);
	void (*guard)(struct db *db, const struct db_guard *guard);
};

struct db {
	const struct db_driver *driver;
};

struct db_stmt {
	const struct db_driver *driver; /* beside the connection's: one load less per bind */
	struct db *db;
	int n_params, n_columns;
};

#endif
