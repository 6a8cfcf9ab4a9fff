/*
 * mssql_restricted - what a login is shown in place of what is there: masks instead of values
 * (dynamic data masking), and rows that a security policy leaves out.
 *
 * Of a table that is asked of the catalog. A query can hide it in an expression or a view; what
 * it and the views and functions that it names mention is held against the columns and tables
 * that are restricted, so that rather too much is refused than too little. An engine that
 * knows of neither has none. Blocks; not within a transaction.
 */
#ifndef WORK_MSSQL_RESTRICTED_H
#define WORK_MSSQL_RESTRICTED_H

#include "base/err.h"
#include "db/db.h"

/* ERR_CONFIG for a table or view ("[dw].[pay]"), */
MUST_CHECK int mssql_restricted_table(struct db *db, const char *object, struct err *err);
/* and for a query, that is restricted for this login. */
MUST_CHECK int mssql_restricted_query(struct db *db, const char *sql, struct err *err);

#endif
