/* mssql_rules_private - what a table's rules are until rows are held against them; for mssql_rules*.c only. */
#ifndef WORK_MSSQL_RULES_PRIVATE_H
#define WORK_MSSQL_RULES_PRIVATE_H

#include "work/mssql_rules.h"

#define RULES_SQL_MAX (16u * 1024 * 1024)

/* A rule, as the statement that finds the rows which break it. */
struct rule {
	struct rule *next;
	const char *sql;    /* "SELECT x.etl_row FROM …" */
	const char *column; /* NULL: the row as such */
	const char *reason;
};

struct given;

struct rules {
	const struct mssql_rules *with;
	const struct mssql_apply *p;
	struct arena *a;
	const char *rows; /* the staged rows as rows of the table, and etl_row: a SELECT */
	struct given *given;
	size_t n_given;
	struct rule *first, **last;
	bool refers_to_itself; /* so that a row that is refused may be the one that others need */
};

/* Fills `first`; `with`, `p`, `a` and `last` are set. */
MUST_CHECK int mssql_rules_find(struct rules *r, struct err *err);

#endif
