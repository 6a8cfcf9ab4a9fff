/*
 * engine - what executes T-SQL behind the test server: SQLite.
 *
 * An engine is one server: databases by name, each a SQLite file in the engine's
 * directory. A session is one login's connection to it and belongs to one thread;
 * sessions of one engine may run in many threads. Batches are translated to SQL of
 * SQLite; what is not understood is error 102, never guessed.
 *
 * Results go to the caller as they come, in the order of the tokens that carry
 * them (MS-TDS 2.2.7). Rows are ROW tokens of tds/row.h.
 */
#ifndef TDSD_ENGINE_H
#define TDSD_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tds/type.h"

struct engine;
struct session;

/* An ERROR (severity above 10) or INFO token, MS-TDS 2.2.7.10 and 2.2.7.13. */
struct engine_message {
	int32_t number;
	uint8_t state, severity;
	const char *text; /* UTF-8 */
	const char *procedure; /* "" outside of one */
	int32_t line;
};

enum engine_env { /* MS-TDS 2.2.7.9 */
	ENGINE_ENV_DATABASE = 1,
	ENGINE_ENV_LANGUAGE = 2,
	ENGINE_ENV_COLLATION = 7,
	ENGINE_ENV_BEGIN = 8,
	ENGINE_ENV_COMMIT = 9,
	ENGINE_ENV_ROLLBACK = 10,
};

/* Takes what a batch gives. Each returns 0, or -1 when there is nobody to take more: the batch ends
 * there, and the session is as an attention leaves it. */
struct engine_out {
	/* Types as SQL Server sends them: the fixed forms where a column is never null, text, ntext and
	 * image as such; a CLR type's name is in `declared` ("geography"). */
	int (*columns)(void *arg, const struct tds_columns *columns);
	int (*row)(void *arg, const uint8_t *row, size_t len); /* one 0xD1 row */
	int (*message)(void *arg, const struct engine_message *message);
	int (*done)(void *arg, uint16_t command, bool has_count, uint64_t count, bool failed);
	/* BEGIN, COMMIT, ROLLBACK carry the transaction's 8 byte descriptor, the others text */
	int (*env)(void *arg, enum engine_env env, const void *now, size_t now_len, const void *was,
		size_t was_len);
	/* an output parameter (name with '@') or, with name NULL, the procedure's status in *value */
	int (*output)(void *arg, const char *name, const struct tds_column *type, const uint8_t *value,
		size_t len);
	bool (*cancelled)(void *arg); /* asked now and then while a statement runs */
};

/* A parameter of sp_executesql and its kin: the value in the form that its type has in a row. */
struct engine_param {
	const char *name; /* with '@'; "" where the client sends none */
	struct tds_column type;
	const uint8_t *value;
	size_t len;
	bool output;
};

/* `directory` is made when it does not exist, with databases master and tempdb. */
MUST_CHECK int engine_open(const char *directory, struct engine **ret_engine, struct err *err);
void engine_close(struct engine *e); /* all sessions are closed before */
MUST_CHECK int engine_create_database(struct engine *e, const char *name, struct err *err);
/* False: a session is in it. */
struct database;
bool engine_drop_database(struct engine *e, struct database *d);

/* What a session tells about itself (SUSER_SNAME(), sys.dm_exec_sessions …); strings are copied. */
struct engine_login {
	const char *user, *program, *host, *database; /* database NULL or "": master */
	int spid;
	const char *encrypt, *auth_scheme; /* "TRUE", "FALSE"; "SQL", "KERBEROS" */
	bool plain;			   /* no administrator: the user of this name in each database */
};

/* ERR_DATA when there is no such database, or no user of this login in it: error 4060. */
MUST_CHECK int session_open(struct engine *e, const struct engine_login *login,
	struct session **ret_session, struct err *err);
void session_close(struct session *s); /* rolls back what is open; NULL is fine */

/* Runs a batch of T-SQL. -1 only when `out` said so; what the batch does wrong is messages. */
MUST_CHECK int session_batch(struct session *s, const char *sql, size_t len,
	const struct engine_param *params, size_t n_params, const struct engine_out *out, void *arg);

/* Was the last batch an INSERT BULK? Then rows follow: the columns as the client describes them,
 * rows one by one, and the end. Errors are messages through `out`, and the load is undone. */
bool session_wants_bulk(const struct session *s);
MUST_CHECK int session_bulk_columns(struct session *s, const struct tds_columns *columns,
	const struct engine_out *out, void *arg);
/* A table of schema tdsd_sink (engine_counted.h): the caller counts the rows instead of giving them,
 * and says before the end how many there were. */
bool session_bulk_counts(const struct session *s);
void session_bulk_counted(struct session *s, uint64_t rows, uint64_t bytes, uint64_t hash);
MUST_CHECK int session_bulk_row(struct session *s, const uint8_t *row, size_t len,
	const struct engine_out *out, void *arg);
/* `done` tells the count; with `give_up` (a packet with status 'ignore') nothing stays. */
MUST_CHECK int session_bulk_end(struct session *s, bool give_up, const struct engine_out *out,
	void *arg);

/* Transaction manager requests (MS-TDS 2.2.6.9): begin with an isolation level, commit, rollback,
 * save; they answer as the statements do. */
enum session_transaction { SESSION_BEGIN, SESSION_COMMIT, SESSION_ROLLBACK, SESSION_SAVE };
MUST_CHECK int session_transaction(struct session *s, enum session_transaction what, int isolation,
	const char *name, const struct engine_out *out, void *arg);

/* As sp_reset_connection: no temporary tables, no transaction, the options of a login. */
MUST_CHECK int session_reset(struct session *s, struct err *err);

#endif
