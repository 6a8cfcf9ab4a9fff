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
#include "tds/type.h"

/* What SQLite does to a value that is stored in a column (datatype3.html §3.1). */
enum affinity { AFFINITY_NONE, AFFINITY_TEXT, AFFINITY_NUMERIC, AFFINITY_INTEGER, AFFINITY_REAL };

struct sqlite_column {
	const char *name;
	const char *type; /* as declared */
	enum affinity affinity;
	bool not_null;
	bool optional;	/* filled in when the source has no such column */
	bool generated; /* cannot be written */
	int pos;	/* 1-based parameter in the staging table; 0: the source has none */
};

struct sqlite_table {
	const char *name; /* as the database spells it */
	const char *sql;  /* its CREATE statement; NULL: there is no such table */
	bool strict;
	struct sqlite_column *v;
	uint32_t n;
};

/* Reads table `name`; ret_table->sql is NULL when there is none. ERR_CONFIG for a view. */
MUST_CHECK int sqlite_table_read(struct db *db, const char *name, struct arena *a,
	struct sqlite_table *ret_table, struct err *err);

/* The table that is made for these columns. */
void sqlite_table_design(const char *name, const struct tds_columns *cols, struct arena *a,
	struct sqlite_table *ret_table);

/* Finds the table's column of each source column, by name without case, and sets `pos` of those
 * that will be written. ret_map[i] is the index in the table's columns of source column i, or -1
 * when the table generates it. ERR_DATA names a column that one of the two sides lacks. */
MUST_CHECK int sqlite_table_match(struct sqlite_table *t, const struct tds_columns *cols,
	struct arena *a, int **ret_map, struct err *err);

/* CREATE TABLE for a designed table in schema `main`, and for the staging table of any matched
 * one: the written columns only, in the table's order, with its affinities, so that SQLite can
 * copy records from one to the other without unpacking them where nothing else forbids it. */
const char *sqlite_table_create_sql(const struct sqlite_table *t, struct db *db, struct arena *a);
const char *sqlite_table_stage_sql(const struct sqlite_table *t, struct db *db, struct arena *a);

/* INSERT of one row into the staging table, and of the staging table in schema `stage` into this
 * one. */
const char *sqlite_table_put_sql(const struct sqlite_table *t, struct db *db, struct arena *a);
const char *sqlite_table_move_sql(const struct sqlite_table *t, const char *stage, struct db *db,
	struct arena *a);

#endif
