/*
 * fake_db - a database (db.h) that gives the answers of a script, and knows what it was asked.
 *
 * Speaks T-SQL by name only: no server, no socket. A statement is answered by the first answer whose `match` is in it;
 * one that none has fails the test.
 */
#ifndef UNIT_FAKE_DB_H
#define UNIT_FAKE_DB_H

#include "db/db.h"

#define FAKE_COLUMNS_MAX 8
#define FAKE_ROWS_MAX	 8
#define FAKE_SAID_MAX	 32

struct fake_answer {
	const char *match;
	int columns;
	/* Types by name; what is int, bigint or bit is DB_INT, binary a blob of hex, all else text. */
	const char *declared[FAKE_COLUMNS_MAX];
	const char *rows[FAKE_ROWS_MAX][FAKE_COLUMNS_MAX]; /* NULL is null */
	int n_rows;
	enum err_code fails; /* instead, with the message "failed" */
};

/* Answers are borrowed. db_close frees it. */
struct db *fake_db_open(const struct fake_answer *answers, size_t n);

/* The statements so far, in their order; NULL behind the last. */
const char *fake_db_said(struct db *db, size_t i);

#endif
