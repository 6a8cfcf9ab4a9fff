/*
 * selftest_private - what the checks of a selftest work with. For lib/selftest only.
 *
 * A check gives 0 when all is well, 1 when it does not apply (selftest_skip), -1 with the reason why it failed.
 */
#ifndef SELFTEST_SELFTEST_PRIVATE_H
#define SELFTEST_SELFTEST_PRIVATE_H

#include "base/buf.h"
#include "db/mssql.h"
#include "selftest/selftest.h"
#include "tds/type.h"

#define S	   SELFTEST_SCHEMA "."
#define SHORT_LOCK "short_lock" /* the connection, with a lock_timeout of SHORT_LOCK_MS */
#define LITE	   "lite"	/* files in the directory of the selftest: SQLite, */
#define FILES	   "files"	/* and CSV */
#define SHORT_LOCK_MS 500

struct selftest {
	const struct selftest_order *order;
	struct selftest_report *report;
	struct arena *arena;
	struct settings settings; /* of the loads: the store of the test, the connection by several names */
	const char *dir;
	const char *uid; /* of that store */
	struct db *db, *other; /* two sessions */
	const char *said;   /* by the check that runs */
	bool *arrives;	    /* by type: it did, alone */
};

struct selftest_check {
	const char *name;
	int (*run)(struct selftest *t, struct err *err);
};

struct selftest_area {
	const char *name;
	const struct selftest_check *checks;
	const size_t *n; /* NULL: none */
	void (*each)(struct selftest *t); /* where the checks are another table; calls selftest_try */
};

/* Runs one and adds what it found. `arg` is for `run`. */
void selftest_try(struct selftest *t, const char *area, const char *name,
	int (*run)(struct selftest *t, void *arg, struct err *err), void *arg);

/* What a check has to say: 0, and 1 for one that is skipped. */
int selftest_say(struct selftest *t, const char *fmt, ...) PRINTF(2, 3);
int selftest_skip(struct selftest *t, const char *fmt, ...) PRINTF(2, 3);

/* A batch in the first session; its results are passed over. */
MUST_CHECK int selftest_sql(struct selftest *t, struct err *err, const char *fmt, ...) PRINTF(3, 4);
/* The first value of a query as text, NULL for null and for no row. */
MUST_CHECK int selftest_value(struct selftest *t, struct db *db, const char *sql, const char **ret_text, struct err *err);
/* ERR_DATA "…: WANT was expected, GOT was found". */
MUST_CHECK int selftest_expect(struct selftest *t, const char *what, const char *sql, const char *want, struct err *err);

/* The job of this name with these keys, source and target being the connection where they do not say it. */
struct job;
MUST_CHECK int selftest_job(struct selftest *t, const char *name, const char *keys, struct job **ret_job, struct err *err);

/* A run of the job of this name with these keys ("load_mode = append\n…"), source and target being the connection
 * where they do not say it. The error is the run's. */
MUST_CHECK int selftest_load(struct selftest *t, const char *name, struct err *err, const char *keys, ...) PRINTF(4, 5);
/* 0: it fails, as it should, with words that contain `why`. */
MUST_CHECK int selftest_refused(struct selftest *t, const char *name, const char *why, struct err *err,
	const char *keys, ...) PRINTF(5, 6);

/* Reads both by a query each and compares them value by value; ERR_DATA names row and column, or says that there is
 * none. `other`: the columns may be of other types. */
MUST_CHECK int selftest_same(struct selftest *t, const char *from_sql, const char *to_sql, bool other, struct err *err);

extern const struct selftest_check selftest_session[], selftest_loads[], selftest_tables[], selftest_engine[];
extern const size_t n_selftest_session, n_selftest_loads, n_selftest_tables, n_selftest_engine;
void selftest_types(struct selftest *t);
void selftest_store(struct selftest *t);

#endif
