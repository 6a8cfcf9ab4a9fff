/*
 * tsql_parse - a batch of T-SQL into statements.
 *
 * Pure. What is not understood is error 102 or 156 with its line, as SQL Server
 * has it; the whole batch is parsed before anything of it runs.
 */
#ifndef TDSD_TSQL_PARSE_H
#define TDSD_TSQL_PARSE_H

#include "tests/tdsd/tsql_ast.h"
#include "tests/tdsd/tsql_lex.h"

int tsql_parse(const char *sql, size_t len, bool quoted_names, struct arena *a,
	struct stmt **ret_block, struct tsql_error *e);

/* One expression (a condition too), as catalogs keep defaults and checks. */
int tsql_parse_expr(const char *sql, struct arena *a, struct expr **ret, struct tsql_error *e);

/* "@a int, @b nvarchar(10) = N'x' OUTPUT" as sp_executesql has it. `outputs` may be NULL. */
int tsql_parse_params(const char *sql, size_t len, struct arena *a, struct var_def **ret,
	size_t *ret_n, struct tsql_error *e);

/* One type: "decimal(10,2)". */
int tsql_parse_type(const char *sql, struct arena *a, struct tds_column *ret, struct tsql_error *e);

#endif
