/*
 * mssql - connections to SQL Server behind db.h, and what they are connected to.
 *
 * Every session begins with the same options (the preamble in mssql.c), which are read
 * back: what a server or a trigger of it has changed is an error, not a surprise in the
 * data. A statement's rows are read when it is first stepped, MSSQL_RESULT_MAX bytes at
 * most, so that another can run before they are fetched.
 *
 * A connection that broke is opened again by the next statement, unless it was within a
 * transaction: what that had done is gone, and only a rollback makes an end of it.
 *
 * Types: integers and bit are DB_INT, float and real DB_REAL, binary, sql_variant and CLR types
 * DB_BLOB; all else is DB_TEXT, as tds_value_print has it.
 */
#ifndef DB_MSSQL_H
#define DB_MSSQL_H

#include "base/arena.h"
#include "db/db.h"
#include "db/mssql_wire.h"

#define MSSQL_RESULT_MAX (64u * 1024 * 1024)

/* Who and where the session is, as the server tells it. */
struct mssql_session {
	const char *server, *version, *edition, *database, *login, *user;
	int64_t engine_edition; /* SERVERPROPERTY('EngineEdition'): 5 and 8 are Azure's */
	int64_t spid;
};

MUST_CHECK int db_open_mssql(const struct mssql_login *login, struct db **ret_db,
	enum mssql_layer *ret_layer, struct err *err);

/* Of a connection that db_open_mssql has made. */
const struct mssql_session *db_mssql_session(struct db *db);
const struct mssql_peer *db_mssql_peer(struct db *db);

/* False: the connection is gone; open another. */
bool db_mssql_alive(struct db *db);
/* Whose wish ends a statement from now on; NULL: nobody's. */
void db_mssql_cancel_by(struct db *db, const atomic_bool *cancel);

/* The number of the error that its last answer has told; 0: none. */
int32_t db_mssql_error(struct db *db);

/* Its requests and answers, for rows as they come and bulk data; opened again where it broke outside of a
 * transaction. Borrowed until the next statement. */
MUST_CHECK int db_mssql_wire(struct db *db, struct mssql_wire **ret_wire, struct err *err);

/* A batch as a script has it, several results and all; rows and counts are passed over, *ret_rows is the
 * sum of the counts. */
MUST_CHECK int db_mssql_batch(struct db *db, const char *sql, size_t len, int64_t *ret_rows, struct err *err);

#endif
