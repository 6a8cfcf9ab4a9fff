/*
 * engine_private - what the engine's parts share; for engine*.c only.
 *
 * Each session has an SQLite connection of its own, to a main database in memory;
 * every database of the engine is attached to it as d<id> when it is first named.
 * A T-SQL table is an SQLite table t<object id> with columns c<column id>; what it
 * is called, and all that sys.* tells, is in catalog tables of the same file
 * (engine_catalog.h), so that DDL is transactional and a rename touches no data.
 *
 * Functions return 0, or -1 with session->error set.
 */
#ifndef TDSD_ENGINE_PRIVATE_H
#define TDSD_ENGINE_PRIVATE_H

#include <pthread.h>
#include <sqlite3.h>

#include "tests/tdsd/engine.h"
#include "tests/tdsd/engine_type.h"
#include "tests/tdsd/engine_value.h"
#include "tests/tdsd/tsql_ast.h"

#define DATABASES_MAX 9  /* SQLite attaches ten */
#define NEST_MAX      32 /* procedures, EXEC, sp_executesql within each other */
#define SQL_MAX       (512u * 1024 * 1024)

struct database {
	int id; /* as DB_ID() */
	char name[TDS_NAME_MAX + 1];
	char path[8192];
	bool snapshot, rcsi;    /* ALLOW_SNAPSHOT_ISOLATION, READ_COMMITTED_SNAPSHOT */
	bool read_only;
	bool dropped; /* sessions that have used it keep its file until they end */
	int recovery;           /* 1 full, 2 bulk-logged, 3 simple */
	struct session *writer; /* holds the database's write lock; under engine->mutex */
	int64_t rowversion;     /* the last one given; under engine->mutex */
};

/* sp_getapplock: who holds what. */
struct applock {
	struct applock *next;
	struct session *owner;
	char resource[256];
	int mode; /* engine_lock.c */
	int count;
	bool of_session;
};

struct engine {
	char directory[4096];
	pthread_mutex_t mutex;
	pthread_cond_t released; /* a lock was */
	struct database *databases[DATABASES_MAX];
	size_t n_databases;
	struct session *sessions; /* linked by next */
	struct applock *applocks;
	int64_t next_descriptor, next_sqlite_tran;
	int64_t rowversion;
};

struct variable {
	const char *name;
	struct tds_column type;
	struct cell value;
	struct table *table; /* a table variable */
};

/* The variables of one batch or procedure. */
struct frame {
	struct frame *outer;
	struct arena arena;
	struct variable *v;
	size_t n, cap;
	int depth;
	bool returning;
	int64_t return_value;
	bool breaking, continuing;
	const char *procedure;
	struct table *inserted, *deleted; /* of a trigger */
	int64_t trigger_of;               /* its table */
	struct tsql_error *caught;        /* in a CATCH: what ERROR_NUMBER() tells */
};

struct options {
	bool nocount, xact_abort, quoted_identifier, implicit_transactions, ansi_nulls,
		ansi_padding, ansi_warnings, arithabort, concat_null, numeric_roundabort, fmtonly,
		ansi_null_dflt_on, noexec, parseonly;
	int isolation;    /* 1 read uncommitted … 5 snapshot */
	int lock_timeout; /* ms, -1: for ever */
	int64_t textsize, rowcount;
	char language[64];
};

enum tran_state { TRAN_NONE, TRAN_OPEN, TRAN_DOOMED };

struct savepoint {
	const char *name;
	bool begun; /* SQLite has it */
};

struct table; /* engine_catalog.h */
struct bulk;  /* engine_bulk.c */

struct session {
	struct engine *e;
	struct session *next;
	sqlite3 *db;
	bool attached[DATABASES_MAX + 1];
	struct database *current;
	char user[TDS_NAME_MAX + 1], program[TDS_NAME_MAX + 1], host[TDS_NAME_MAX + 1];
	char encrypt[8], auth_scheme[16], login_database[TDS_NAME_MAX + 1];
	int spid;
	int64_t login_ticks;
	struct options options;

	const struct engine_out *out;
	void *out_arg;
	bool gone;     /* nobody takes more, or an attention came */
	bool any_done; /* of this batch */
	bool aborted;  /* the batch ends here */
	int tries;     /* TRY blocks around */
	bool raised;   /* by RAISERROR, which XACT_ABORT does not look at */
	bool reported; /* the error was sent already */
	int line;      /* of the statement that runs */

	struct tsql_error error;
	struct frame *frame;
	struct arena temp;  /* names and context of the session */
	int64_t rowcount;   /* @@ROWCOUNT */
	int32_t last_error; /* @@ERROR */
	struct arena identity_arena;
	struct cell identity; /* @@IDENTITY, SCOPE_IDENTITY() */
	int64_t next_temp_id;

	enum tran_state tran;
	int trancount;
	bool begun; /* an SQLite transaction is open */
	bool verifying; /* ALTER TABLE holds the rows against checks */
	bool altering; /* rows are moved, which is no change of theirs */
	int64_t sqlite_tran; /* its number, of the engine's */
	bool plain;  /* no administrator: see engine_security.h */
	int chained; /* within a view: its tables are not asked for */
	bool quiet; /* a trigger's own transaction, of which the client hears nothing */
	int64_t descriptor;
	bool tran_wrote;
	struct savepoint *savepoints;
	size_t n_savepoints, savepoints_cap;
	const char *tran_name;

	struct session *waits_for; /* under engine->mutex */
	bool shares[DATABASES_MAX + 1]; /* holds writers off the database, by its id; under engine->mutex */
	bool victim;
	int64_t busy_since;

	/* the statement that runs */
	const struct table *target;
	const char *verb;   /* "INSERT" … in messages */
	struct buf *stored; /* a text for each of the target's columns */
	size_t n_stored;
	int64_t first_rowversion; /* of those that are not committed; 0: none; under engine->mutex */
	int64_t identity_next;
	bool identity_used;
	int64_t identity_insert; /* object id with IDENTITY_INSERT ON, or 0 */
	struct database *identity_database;

	struct bulk *bulk;
	struct context_entry {
		struct context_entry *next;
		char *key;
		struct tds_column type;
		struct cell value;
		bool read_only;
	} * context; /* sp_set_session_context */
};

/* --- engine.c --- */
struct database *engine_database(struct engine *e, const char *name); /* NULL: there is none */
int session_attach(struct session *s, struct database *d);
int session_attach_all(struct session *s);
const char *database_schema(const struct database *d, char out[16]); /* "d5" */

/* --- engine_sql.c: plain SQLite --- */
int sql_exec(struct session *s, const char *sql);
int sql_execf(struct session *s, const char *fmt, ...) PRINTF(2, 3);
int sql_prepare(struct session *s, const char *sql, sqlite3_stmt **ret);
/* 1: a row, 0: the end. */
int sql_step(struct session *s, sqlite3_stmt *stmt);
/* One integer of one row; `missing` when there is none. */
int sql_int(struct session *s, int64_t missing, int64_t *ret, const char *fmt, ...) PRINTF(4, 5);
/* The SQLite error of a failed call as one of T-SQL's. */
int sql_failed(struct session *s, int rc, const char *sql);
const char *sql_quote(struct arena *a, const char *text); /* 'text' */
void stmt_release(sqlite3_stmt **stmt);
#define CLEANUP_STMT CLEANUP(stmt_release)

/* --- engine_func*.c --- */
int functions_register(struct session *s);
int functions_register_text(struct session *s);
int functions_register_aggregates(struct session *s);
int functions_register_dates(struct session *s);
int functions_register_session(struct session *s);
int functions_register_properties(struct session *s);
int functions_register_json(struct session *s);
typedef void sql_function(sqlite3_context *context, int n, sqlite3_value **v);
int function_add(struct session *s, const char *name, int args, sql_function *fn, bool pure);
void function_fail(sqlite3_context *context); /* session->error is set */
struct session *function_session(sqlite3_context *context);

/* --- engine_tran.c --- */
int tran_begin(struct session *s, const char *name);
int tran_commit(struct session *s);
int tran_rollback(struct session *s, const char *name);
int tran_save(struct session *s, const char *name);
/* Before a statement reads or writes: what SQLite's transaction must be. */
int tran_for_read(struct session *s, struct database *d, unsigned hints);
int tran_for_write(struct session *s, struct database *d); /* NULL: temporary tables only */
/* Around one statement that changes something. */
int statement_begin(struct session *s);
int statement_end(struct session *s, bool ok);
void tran_abort(struct session *s); /* all of it, said by ENVCHANGE */

/* --- engine_lock.c --- */
int lock_database(struct session *s, struct database *d);
/* A shared lock until the transaction ends: who writes waits for it. */
int lock_share(struct session *s, struct database *d);
void lock_release_all(struct session *s);
int applock_get(struct session *s, const char *resource, const char *mode, bool of_session,
	int timeout, int *ret_status);
int applock_release(struct session *s, const char *resource, bool of_session, int *ret_status);
void applock_release_owned(struct session *s, bool of_session);

/* --- engine_out.c --- */
int out_message(struct session *s, const struct tsql_error *e);
int out_info(struct session *s, int32_t number, uint8_t state, const char *text, int line);
int out_done(struct session *s, uint16_t command, bool has_count, uint64_t count, bool failed);
int out_env_text(struct session *s, enum engine_env env, const char *now, const char *was);
bool session_cancelled(struct session *s);

/* --- engine_exec.c --- */
int exec_text(struct session *s, const char *sql, size_t len, struct frame *f);
int exec_stmt(struct session *s, struct stmt *st);
struct variable *frame_find(struct frame *f, const char *name);
struct variable *frame_add(struct frame *f, const char *name);
void frame_release(struct session *s, struct frame *f);
int session_use(struct session *s, const char *name);

/* --- engine_fail.c --- */
bool dooms(int32_t number);
/* Tells the error, and what it does to the batch. */
int error_outside_try(struct session *s, struct stmt *st);

/* --- engine_query_exec.c --- */
int exec_select(struct session *s, struct stmt *st);
int eval_expr(
	struct session *s, const struct expr *e, struct tds_column *ret_type, struct cell *ret);
int eval_condition(struct session *s, const struct expr *e, bool *ret);
int eval_cast(
	struct session *s, const struct expr *e, const struct tds_column *to, struct cell *ret);
int eval_text(struct session *s, const struct expr *e, const char **ret); /* NULL: it is null */
int eval_int(struct session *s, const struct expr *e, int64_t missing, int64_t *ret);

/* --- engine_dml.c --- */
int exec_insert(struct session *s, struct stmt *st);
int exec_update(struct session *s, struct stmt *st);
int exec_delete(struct session *s, struct stmt *st);
int exec_truncate(struct session *s, struct stmt *st);

/* --- engine_ddl.c, engine_alter.c --- */
int exec_ddl(struct session *s, struct stmt *st);
int exec_alter(struct session *s, struct stmt *st);

/* --- engine_set.c --- */
int exec_set_option(struct session *s, struct stmt *st);
void options_reset(struct options *o);

/* --- engine_proc.c --- */
int exec_procedure(struct session *s, struct stmt *st);

/* --- engine_bulk.c --- */
int exec_insert_bulk(struct session *s, struct stmt *st);
void bulk_free(struct session *s);

#endif
