/*
 * mssql_way - how a load takes the place of a table's rows in a SQL Server, and why not otherwise.
 *
 * Best first: SWITCH (only metadata changes, the table stays the same object), RENAME (likewise, but a new
 * object gets its name), TRUNCATE and INSERT, DELETE and INSERT. What forbids a way is a line of a
 * table in mssql_way.c, asked of the catalog once a load; sources: Microsoft Learn, "Transferring
 * data efficiently by using partition switching", "TRUNCATE TABLE: restrictions", "sp_rename".
 */
#ifndef WORK_MSSQL_WAY_H
#define WORK_MSSQL_WAY_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"
#include "job/job.h"
#include "work/mssql_table.h"

/* What there is at the other end. */
struct mssql_engine {
	int major;	/* 13: SQL Server 2016; of Azure the newest */
	bool babelfish; /* T-SQL over PostgreSQL: no SWITCH, no Sch-M, other catalogs */
	const char *recovery; /* of the database: "FULL", "SIMPLE", "BULK_LOGGED"; NULL: it does not say */
	bool rcsi;	/* READ_COMMITTED_SNAPSHOT is on: readers do not wait for row locks */
};

enum mssql_way { MSSQL_SWITCH, MSSQL_RENAME, MSSQL_TRUNCATE, MSSQL_DELETE, MSSQL_WAYS };

struct mssql_ways {
	enum mssql_way way;
	const char *against[MSSQL_WAYS]; /* why a way is none; NULL: nothing is against it */
};

MUST_CHECK int mssql_engine_read(
	struct db *db, struct arena *a, struct mssql_engine *ret_engine, struct err *err);

/* Of a table that is there, for a load that replaces its rows; its staging table is in the schema `staging`
 * ("[dw]"). ERR_CONFIG when there is no way, or not the one that the job wants. */
MUST_CHECK int mssql_ways_read(struct db *db, const struct mssql_engine *engine, const struct job *job,
	const struct mssql_table *table, const char *staging, struct arena *a, struct mssql_ways *ret_ways,
	struct err *err);

/* The first way that nothing is against; MSSQL_WAYS: none. Pure. */
enum mssql_way mssql_way_choose(const char *const against[MSSQL_WAYS]);

/* In a few words: "SWITCH"; and for a plan: what is done, which lock, what readers see, what is logged. */
const char *mssql_way_name(enum mssql_way way);
const char *mssql_way_plan(const struct mssql_ways *w, const struct mssql_engine *engine, struct arena *a);

/* "minimally logged (…)" or "fully logged (…)": bulk data into a new heap with TABLOCK. */
const char *mssql_heap_logging(const struct mssql_engine *engine, struct arena *a);

#endif
