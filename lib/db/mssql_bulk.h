/*
 * mssql_bulk - INSERT BULK: rows in flight (tds/row.h) into a table of a SQL Server.
 *
 * Nothing is decoded: what is declared is what the rows are (MS-TDS 2.2.6.1). All of them
 * are one statement: they are in the table when end returned 0, else none is. Blocking; the
 * connection belongs to it from begin to end or free.
 */
#ifndef DB_MSSQL_BULK_H
#define DB_MSSQL_BULK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "db/db.h"
#include "tds/type.h"

struct mssql_bulk;

struct mssql_bulk_options {
	const char *table; /* quoted, as a statement has it */
	const struct tds_columns *columns;
	const char *const *collations; /* names for COLLATE, one a column, NULL where there is none; NULL: none */
	bool tab_lock, check_constraints, fire_triggers;
	bool keep_nulls; /* nulls stay where the column has a default */
	uint64_t rows_per_batch; /* an estimate for the optimizer; 0: not known */
	const char *order;	 /* "[id] ASC", or NULL */
};

/* The column as bulk data can have it: of CLR types varbinary(max), of xml nvarchar(max), in the same
 * bytes; neither identity nor rowversion. */
struct tds_column mssql_bulk_column(const struct tds_column *c);

/* Columns must be such as mssql_bulk_column gives. Options need not outlive the call. */
MUST_CHECK int mssql_bulk_begin(struct db *db, const struct mssql_bulk_options *options,
	struct mssql_bulk **ret_bulk, struct err *err);

/* The next bytes of the rows, cut anywhere; values of (max) types have no length in their header. */
MUST_CHECK int mssql_bulk_put(struct mssql_bulk *b, const void *data, size_t len, struct err *err);

/* *ret_rows is what the server counted, -1 where it does not say. */
MUST_CHECK int mssql_bulk_end(struct mssql_bulk *b, int64_t *ret_rows, struct err *err);

/* What was not ended is ignored by the server. NULL is fine. */
void mssql_bulk_free(struct mssql_bulk *b);

#endif
