/*
 * mssql_table - the shape of a target table of a SQL Server, and how a source's columns fit it.
 *
 * A table is read from the server, or designed from the source's columns when there is
 * none. Each source column has a staging column: of its own type, so that its bytes pass
 * through and the server makes of it what the target has, where that is exact; else of the
 * target's type, and its values are converted on the way (tds/convert.h). Everything lives
 * in the arena that is passed in.
 */
#ifndef WORK_MSSQL_TABLE_H
#define WORK_MSSQL_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "job/job.h"
#include "tds/type.h"

struct mssql_column {
	struct tds_column c; /* its collation is the database's where it has none */
	const char *collation; /* for COLLATE; NULL: the database's, or no text */
	bool optional; /* filled in when the source has no such column */
	bool added;    /* is to be added to the table */
	bool generated; /* computed, rowversion: cannot be written */
};

struct mssql_table {
	const char *name;   /* in brackets, with its schema */
	const char *schema; /* in brackets */
	bool exists;
	bool referenced; /* by foreign keys: it cannot be truncated, */
	const char *cascades; /* and one of them would reach into this table; NULL: none */
	struct mssql_column *v;
	uint32_t n;
};

struct mssql_fit_column {
	const struct mssql_column *to; /* NULL: nowhere */
	struct tds_column staged; /* what staging and INSERT BULK declare, under the name c0, c1, … */
	const char *collation;	  /* for COLLATE; NULL: none */
	bool converted;
};

/* Has staging such a column? One that says which rows are gone goes no further. */
static inline bool mssql_fit_is_staged(const struct mssql_fit_column *f)
{
	return f->staged.name != NULL;
}

struct mssql_fit {
	struct mssql_fit_column *v; /* one per source column */
	uint32_t n;
	bool identity; /* one of them goes to the identity column */
	bool numbered; /* staging has the rows' numbers, too (mssql_rows.h): rows may be kept aside */
	const struct mssql_fit_column *gone; /* the one that says which rows are gone; NULL: none are */
};

/* Reads table `name`; ret_table->exists is false when there is none. ERR_CONFIG for a view. */
MUST_CHECK int mssql_table_read(struct db *db, const char *name, struct arena *a,
	struct mssql_table *ret_table, struct err *err);

/* The table that is made for these columns. `collation` is the database's. */
void mssql_table_design(struct mssql_table *t, const struct tds_columns *cols,
	const uint8_t collation[TDS_COLLATION_LEN], struct arena *a);

/* Finds the table's column of each source column, by name without case. ERR_DATA names a column that one of
 * the two sides lacks, ERR_CONFIG one whose type has no way to the other; one that the table lacks is added
 * to `t`, or left out, where the job says so. */
MUST_CHECK int mssql_table_match(struct mssql_table *t, const struct tds_columns *cols,
	const struct job *job, const uint8_t collation[TDS_COLLATION_LEN], struct arena *a,
	struct mssql_fit *ret_fit, struct err *err);

/* The source columns of the source's primary key in its order, up to one that is not loaded. */
uint32_t mssql_fit_keys(
	const struct mssql_fit *fit, const struct tds_columns *cols, struct arena *a, uint32_t **ret_keys);

/* CREATE TABLE of a designed table; `keys` are names of its primary key. */
const char *mssql_table_create_sql(const struct mssql_table *t, const char *const *keys, uint32_t n_keys,
	struct arena *a);
const char *mssql_table_add_sql(const struct mssql_table *t, const struct mssql_column *c, struct arena *a);

/* CREATE TABLE of the staging table, a heap. */
const char *mssql_table_stage_sql(const struct mssql_fit *fit, const char *stage, struct arena *a);

#endif
