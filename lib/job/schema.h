/*
 * schema - the version of a control database and the way to this program's.
 */
#ifndef JOB_SCHEMA_H
#define JOB_SCHEMA_H

#include "base/clock.h"
#include "base/err.h"
#include "db/db.h"
#include "job/schema_text.h"

struct schema_change {
	int from; /* 0: there was nothing */
	int to;
	/* ERR_NONE, or why the roles or the descriptions on SQL Server could not be made: that takes rights
	 * of its own, and a store works without. Of store_init. */
	struct err roles, words;
};

/* 0 for a database without our tables. */
MUST_CHECK int schema_version(struct db *db, int *ret_version, struct err *err);

/* Makes the schema or brings it up to migrations_version(); gives a new store its uid. Call it
 * within a transaction: two at once then see nothing or all of it. ERR_STORE for a newer schema. */
MUST_CHECK int schema_migrate(struct db *db, const struct clock *clock, const struct rnd *rnd,
	struct schema_change *ret_change, struct err *err);

/* On SQL Server, within a transaction of its own: the roles with their grants, or the descriptions; what is
 * there already stays. */
MUST_CHECK int schema_equip(struct db *db, enum schema_part part, struct err *err);

/* ERR_STORE, with what to do, when the schema is not exactly this program's. */
MUST_CHECK int schema_check(struct db *db, struct err *err);

#endif
