/*
 * db - connections to a database, statements, transactions.
 *
 * A thin layer over drivers (one file each): the store, SQLite ends of a copy
 * and sql steps go through it. A connection and its statements belong to one
 * thread at a time; every call may block for the connection's busy timeout.
 * Texts are UTF-8, parameters are named (@name) in SQL and bound by position in
 * the order of their first appearance, 1-based; columns are 0-based.
 *
 * Errors carry the engine's own words: ERR_BUSY when a lock was not had in time,
 * ERR_STORE when the database cannot be opened, read or written, ERR_CONFIG for
 * SQL that the engine refuses, ERR_DATA for a constraint that a value breaks,
 * ERR_LIMIT for a value or row that is too large, ERR_CANCELLED when the
 * progress callback said so.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"

struct db;
struct db_stmt;

enum db_type { DB_NULL, DB_INT, DB_REAL, DB_TEXT, DB_BLOB };

/* A value with its type. The bytes of a text (UTF-8) or blob are borrowed and may be without a NUL. */
struct db_value {
	enum db_type type;
	union {
		int64_t i;
		double r;
		struct {
			const uint8_t *data;
			size_t len;
		} s;
	};
};

/* The SQL that a connection speaks. */
enum db_dialect { DB_SQLITE, DB_TSQL, DB_DIALECT_COUNT };

/*
 * A committed transaction survives a power cut, but for private_scratch. The journal mode belongs
 * to the file and so to its owner: it is changed by `wal` only (our own store), and is left as it
 * is where the engine cannot have WAL.
 */
struct db_options {
	bool create;		 /* make the file when it does not exist */
	bool read_only;
	bool wal;		 /* readers do not block the writer, nor it them */
	bool private_scratch;	 /* ours alone and worthless after a crash: no journal, no sync */
	int busy_timeout_ms;	 /* 0: a lock that is held is ERR_BUSY at once */
	int64_t max_value;	 /* bytes: a longer text or blob is ERR_LIMIT and takes no memory; 0:
				  * the engine's own limit */
	bool no_sync;		 /* for tests: a power cut may lose what was committed */
	const struct clock *clock; /* for tests: in the place of the engine's own */
};

MUST_CHECK int db_open_sqlite(const char *path, const struct db_options *options,
	struct db **ret_db, struct err *err);
/* NULL is fine; an open transaction is rolled back. Its statements must be finalized before. */
void db_close(struct db *db);
enum db_dialect db_dialect(const struct db *db);

/* Statements without results and parameters, several separated by ';'. */
MUST_CHECK int db_exec(struct db *db, const char *sql, struct err *err);

/* begin takes the write lock at once (BEGIN IMMEDIATE); rollback is quiet when none is open. A
 * commit that failed may have left the transaction open: roll back. Both are ERR_STORE when the
 * file was removed or replaced: nobody would see what is written. */
MUST_CHECK int db_begin(struct db *db, struct err *err);
MUST_CHECK int db_commit(struct db *db, struct err *err);
/* A transaction that reads: from now until db_rollback all statements see one state of the database. */
MUST_CHECK int db_begin_read(struct db *db, struct err *err);
/* The same at the state that `first`, which reads the same database, sees. 1: so it is; 0: the engine
 * cannot: the journal is not a WAL, or nothing is in it yet; -1: error, ERR_BUSY may help itself. */
MUST_CHECK int db_join_read(struct db *db, struct db *first, struct err *err);
void db_rollback(struct db *db);
bool db_in_transaction(struct db *db); /* an error may have ended it */

MUST_CHECK int db_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt,
	struct err *err);
/* The first statement of a text of several, written by others: *ret_rest is what follows it. 1; 0
 * when there is none (blanks, comments, ';'); -1. */
MUST_CHECK int db_prepare_next(struct db *db, const char *sql, struct db_stmt **ret_stmt,
	const char **ret_rest, struct err *err);
void db_finalize(struct db_stmt *stmt); /* NULL is fine */
void db_finalize_ptr(struct db_stmt **stmt);
#define CLEANUP_STMT CLEANUP(db_finalize_ptr)

/* Binding cannot fail but for a position that does not exist (our bug: asserted), or a value that
 * is too large or memory, which the next step reports. Text and blob bytes are borrowed until the
 * statement is done or reset, and must be bound anew before it runs again; other values stay. */
void db_bind_null(struct db_stmt *stmt, int pos);
void db_bind_int(struct db_stmt *stmt, int pos, int64_t value);
void db_bind_real(struct db_stmt *stmt, int pos, double value);
void db_bind_text(struct db_stmt *stmt, int pos, const char *text); /* NULL binds null */
void db_bind_textn(struct db_stmt *stmt, int pos, const char *text, size_t len);
void db_bind_blob(struct db_stmt *stmt, int pos, const void *data, size_t len);
void db_bind_value(struct db_stmt *stmt, int pos, const struct db_value *value);

/* 1: a row; 0: done; -1: error. After 0 or -1 the statement is reset and can run again. */
MUST_CHECK int db_step(struct db_stmt *stmt, struct err *err);
/* Steps to the end; ignores rows. */
MUST_CHECK int db_run(struct db_stmt *stmt, struct err *err);
void db_reset(struct db_stmt *stmt); /* to leave a result before its end */

int db_param_count(struct db_stmt *stmt);
int db_column_count(struct db_stmt *stmt);
const char *db_column_name(struct db_stmt *stmt, int col);
/* The type of the table's column that this one is, as it was declared; NULL for an expression. */
const char *db_column_declared(struct db_stmt *stmt, int col);
enum db_type db_column_type(struct db_stmt *stmt, int col);
int64_t db_column_int(struct db_stmt *stmt, int col);
double db_column_real(struct db_stmt *stmt, int col);
const char *db_column_text(struct db_stmt *stmt, int col); /* NULL for null; until the next step */
const void *db_column_blob(struct db_stmt *stmt, int col, size_t *ret_len);
/* All values of the row, one per column; bytes are good until the next step. *ret_bytes is how many texts
 * and blobs have in all. */
MUST_CHECK int db_row(struct db_stmt *stmt, struct db_value *ret_values, size_t *ret_bytes,
	struct err *err);

int64_t db_changes(struct db *db);	  /* rows changed by the last statement */
int64_t db_total_changes(struct db *db);  /* by all statements, their triggers and cascades */
int64_t db_last_insert_id(struct db *db);
const char *db_version(void);		  /* of the SQLite library */

/* "[a]]b]"-style or "\"a\"\"b\"": the engine's own quoting of an identifier, into the arena. */
struct arena;
const char *db_quote(struct db *db, const char *identifier, struct arena *a);

/* ATTACH; quoting is done here. */
MUST_CHECK int db_attach(struct db *db, const char *path, const char *name, struct err *err);
MUST_CHECK int db_detach(struct db *db, const char *name, struct err *err);

/* Called every few thousand virtual-machine steps of a running statement and while it waits for a
 * lock; non-zero ends it with ERR_CANCELLED. NULL removes it. */
void db_on_progress(struct db *db, int (*callback)(void *arg), void *arg);

/* What statements of others may not do from now on: preparing one that does is ERR_CONFIG. The guard
 * is borrowed; NULL removes it. */
struct db_guard {
	const char *transaction; /* begin, commit or roll back (savepoints are no matter): the hint for
				  * who tries; NULL: allowed */
	const char *table;	 /* write to this table of the main schema, change or drop it; NULL: none */
	const char *reading;	 /* anything but SELECT: the hint; NULL: allowed */
};
void db_guard(struct db *db, const struct db_guard *guard);

#endif
