/*
 * tsql - what has to be known of a text of T-SQL without understanding it. Pure.
 *
 * Strings ('it''s'), names ("a""b", [a]]b]) and comments (-- and nested slash-star) are
 * passed over; what is not closed goes to the end.
 */
#ifndef DB_TSQL_H
#define DB_TSQL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

#define TSQL_PARAMS_MAX  2100 /* of a request to SQL Server */
#define TSQL_REPEAT_MAX  10000 /* of a batch by "GO 10" */

/* The @names of parameters in the order of their first appearance. Those that begin with '@@'
 * (functions) and '@_' (variables of the text) are none. ERR_LIMIT. */
MUST_CHECK int tsql_params(const char *sql, struct arena *a, const char ***ret_names, int *ret_n,
	struct err *err);

/* A batch of a script that is cut at lines of GO, as sqlcmd does. */
struct tsql_batch {
	const char *text;
	size_t len;
	unsigned line;	 /* where it begins, from 1 */
	unsigned repeat; /* "GO 10" */
};

/* The first batch at *at that is more than blanks and comments; *at and *line move behind it. Begin
 * with *line = 1. 1, 0: there is none, -1: ERR_CONFIG, a number behind GO that is none. */
MUST_CHECK int tsql_next_batch(const char **at, unsigned *line, struct tsql_batch *ret_batch,
	struct err *err);

/* The parts of a name like dw.member or [my schema]."a.b", the last one first: object, schema, database,
 * server; NULL for those that are not there (or empty: db..t). ERR_CONFIG. */
#define TSQL_NAME_PARTS 4
MUST_CHECK int tsql_name_parse(const char *text, struct arena *a, const char *ret_parts[TSQL_NAME_PARTS],
	struct err *err);
/* The same in brackets: [dw].[member]. */
const char *tsql_name_print(const char *const parts[TSQL_NAME_PARTS], struct arena *a);

/* Is the name among the words and quoted names of the text? Without case. */
bool tsql_mentions(const char *sql, const char *name);
/* Has it a '*' that stands for columns, at the end of an item of a list? */
bool tsql_selects_all(const char *sql);

/* N'it''s' */
const char *tsql_text(const char *text, struct arena *a);

/* 0x00FF */
const char *tsql_binary(const uint8_t *data, size_t len, struct arena *a);

/* [a]]b] */
const char *tsql_quote(const char *identifier, struct arena *a);

#endif
