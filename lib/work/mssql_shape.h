/*
 * mssql_shape - how the rows of a load fit a table of a SQL Server, and how they will get into it.
 *
 * All that is decided before a row moves: the table as it is or as it will be made, where each column
 * goes, which way the rows are published and by what other table. A plan says it, staging does it,
 * and the transaction that publishes checks that it is so still. Blocks.
 */
#ifndef WORK_MSSQL_SHAPE_H
#define WORK_MSSQL_SHAPE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/settings.h"
#include "db/db.h"
#include "work/mssql_apply.h"
#include "work/mssql_table.h"
#include "work/mssql_twin.h"
#include "work/mssql_way.h"
#include "work/target.h"

struct mssql_shape {
	/* borrowed; set by the one whose it is */
	struct db *db;
	const struct connection *conn;
	const struct load *load;
	struct arena *a; /* for all of it */
	/* set by mssql_shape_read */
	struct tds_columns cols;  /* of the source, by their names in the target */
	struct mssql_table table; /* as it was, or as it will be made */
	struct mssql_fit fit;
	struct mssql_engine engine;
	struct mssql_ways ways;
	struct mssql_twin twin; /* of a table that is to take the target's place */
	const char *staging; /* the schema of staging, in brackets */
	struct mssql_apply apply;
	const char *text; /* of the table, when it was read */
};

/* ERR_NOT_FOUND, ERR_DATA, ERR_CONFIG: the rows do not fit. */
MUST_CHECK int mssql_shape_read(struct mssql_shape *s, const struct tds_columns *cols, struct err *err);

/* The names of the table's primary key where it is made; how many. */
uint32_t mssql_shape_keys(struct mssql_shape *s, const char ***ret_names);

/* Will the clustered index be there before the rows, which come as it has them? */
bool mssql_shape_sorted(struct mssql_shape *s, uint32_t lanes);

/* "staging: …", and all that a plan has to say, a line each. */
const char *mssql_shape_staging(struct mssql_shape *s);
void mssql_shape_plan(struct mssql_shape *s, void (*say)(void *arg, const char *line), void *arg);

/* Within the transaction: ERR_TARGET when the table is not what was read. */
MUST_CHECK int mssql_shape_check(struct mssql_shape *s, struct err *err);
/* The table is made, or gets the columns that it lacks. */
MUST_CHECK int mssql_shape_make(struct mssql_shape *s, struct err *err);

#endif
