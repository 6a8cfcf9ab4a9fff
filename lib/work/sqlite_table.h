/*
 * sqlite_table - the shape of a target table, and how a source's columns fit it.
 *
 * A table is read from the database, or designed from the source's columns when
 * there is none. Everything lives in the arena that is passed in.
 */
#ifndef WORK_SQLITE_TABLE_H
#define WORK_SQLITE_TABLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "job/job.h"
#include "tds/type.h"

/* What SQLite does to a value that is stored in a column (datatype3.html §3.1). */
enum affinity { AFFINITY_NONE, AFFINITY_TEXT, AFFINITY_NUMERIC, AFFINITY_INTEGER, AFFINITY_REAL };

/* Of a declared type in a table that is not STRICT; "" is none. */
enum affinity sqlite_affinity(const char *type);

struct sqlite_column {
	const char *name;
	const char *type; /* as declared */
	enum affinity affinity;
	bool not_null;
	bool optional;	/* filled in when the source has no such column */
	bool generated; /* cannot be written */
	bool added;	/* is to be added to the table */
};

struct sqlite_table {
	const char *name; /* as the database spells it */
	const char *sql;  /* its CREATE statement; NULL: there is no such table */
	bool strict;
	struct sqlite_column *v;
	uint32_t n;
};

/* Where a source column goes. */
struct sqlite_fit_column {
	const struct sqlite_column *to; /* NULL: nowhere, the table generates it */
	enum affinity staged; /* of its staging column: the target's, or none where the values are
			       * left for SQLite to convert when they are moved */
	bool not_null;	      /* to be checked while staging, where the row's number is known */
};

struct sqlite_fit {
	struct sqlite_fit_column *v; /* one per source column */
	uint32_t n;
	bool whole; /* they are all of the table's columns, in its order */
};

/* Reads table `name`; ret_table->sql is NULL when there is none. ERR_CONFIG for a view. */
MUST_CHECK int sqlite_table_read(struct db *db, const char *name, struct arena *a,
	struct sqlite_table *ret_table, struct err *err);

/* The table that is made for these columns. */
void sqlite_table_design(const char *name, const struct tds_columns *cols, struct arena *a,
	struct sqlite_table *ret_table);

/* Finds the table's column of each source column, by name without case. ERR_DATA names a column
 * that one of the two sides lacks; one that the table lacks is added to `t`, or left out, where
 * `on_change` says so. The result points into `t`. */
MUST_CHECK int sqlite_table_match(struct sqlite_table *t, const struct tds_columns *cols,
	enum on_schema_change on_change, struct arena *a, struct sqlite_fit *ret_fit,
	struct err *err);

/* ALTER TABLE … ADD COLUMN of a column that is to be added. */
const char *sqlite_table_add_sql(const struct sqlite_table *t, const struct sqlite_column *c,
	struct db *db, struct arena *a);

/* CREATE TABLE of a designed table; `keys` are the names of its primary key. */
const char *sqlite_table_create_sql(const struct sqlite_table *t, const char *const *keys,
	uint32_t n_keys, struct db *db, struct arena *a);

/* CREATE TABLE of a staging table: the written columns c0, c1, … in the source's order, with such
 * types that SQLite can copy whole records from it where nothing else forbids it. */
const char *sqlite_table_stage_sql(const struct sqlite_fit *fit, const char *name, struct arena *a);

/* "INSERT INTO t (columns)" for the rows of the staging table; SELECT or VALUES follows. */
const char *sqlite_table_insert_sql(const struct sqlite_table *t, const struct sqlite_fit *fit,
	struct db *db, struct arena *a);

#endif
