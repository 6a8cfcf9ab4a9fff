/*
 * schema - the version of a control database and the way to this program's.
 */
#ifndef JOB_SCHEMA_H
#define JOB_SCHEMA_H

#include "base/clock.h"
#include "base/err.h"
#include "db/db.h"

struct schema_change {
	int from; /* 0: there was nothing */
	int to;
};

/* Makes the schema or brings it up to migrations_version(); gives a new store its uid. Call it
 * within a transaction: two at once then see nothing or all of it. ERR_STORE for a newer schema. */
MUST_CHECK int schema_migrate(struct db *db, const struct clock *clock, const struct rnd *rnd,
	struct schema_change *ret_change, struct err *err);

/* ERR_STORE, with what to do, when the schema is not exactly this program's. */
MUST_CHECK int schema_check(struct db *db, struct err *err);

#endif
