/*
 * engine_translate - T-SQL expressions and queries into SQL of SQLite, with types.
 *
 * A translation is for one statement: variables become literals, names what SQLite
 * calls them, and where SQL Server would convert implicitly stands a t_cast.
 */
#ifndef TDSD_ENGINE_TRANSLATE_H
#define TDSD_ENGINE_TRANSLATE_H

#include "tests/tdsd/engine_catalog.h"

/* A translated expression. */
struct term {
	const char *sql;
	struct tds_column type;
	bool is_condition;
	bool is_null; /* the bare NULL, whose type gives way to any other */
	bool aggregate;
	bool collated;    /* has an explicit COLLATE */
	bool implicit;    /* is a column, whose collation counts */
	const char *name; /* of a column: what the result is called */
	int digits;       /* of an integer literal, which is exact among decimals */
};

struct relation_column {
	const char *name;
	const char *sql; /* how SQLite sees it */
	struct tds_column type;
	bool hidden; /* not in SELECT * */
};

/* What FROM brings: a name and columns. */
struct relation {
	const char *alias;     /* as T-SQL calls it */
	struct name name;      /* of the table, for a.b.c.d */
	const char *sql_alias; /* a1 */
	struct relation_column *v;
	size_t n;
	const struct table *table; /* NULL: a query */
	const struct from *from;
	bool hidden; /* not in SELECT * */
};

struct scope {
	struct scope *outer;
	struct relation *v;
	size_t n, cap;
};

struct cte_entry {
	const struct cte *cte;
	struct cte_entry *next;
	bool visited;
};

struct translator {
	struct session *s;
	struct arena *a;
	struct scope *scope;
	struct cte_entry *ctes;
	int next_alias;
	int in_aggregate;
	bool has_aggregate; /* of the query that is translated */
	bool bare_columns;  /* columns stand without their table's alias: in checks, RETURNING */
	bool schema_only;   /* no lock is taken */
	bool in_default;    /* of a column */
	bool live_vars;     /* variables are read for each row */
	bool grouping;      /* columns must be among the groups': error 8120 */
	const char **group_sql; /* GROUP BY of the query, translated */
	size_t n_group;
	bool group_has_expressions;
	unsigned hints;
	int depth;
};

/* A translated query: its columns are called c1, c2 … */
struct translated {
	const char *sql;
	struct tds_column *v; /* names "" where there is none */
	size_t n;
	bool single; /* one row at most, for sure */
};

int tr_expr(struct translator *t, const struct expr *e, struct term *ret);
int tr_condition(struct translator *t, const struct expr *e, const char **ret);
int tr_value(struct translator *t, const struct expr *e, struct term *ret); /* no condition */
/* As a value of type `to`. */
int tr_cast(struct translator *t, const struct term *v, const struct tds_column *to, int style,
	enum cast_mode mode, const char **ret);
/* The same into a column of the statement's target: errors 515, 2628 name it. */
int tr_store(struct translator *t, const struct term *v, const struct table *target, size_t column,
	const char **ret);
int tr_call(struct translator *t, const struct expr *e, struct term *ret);
int tr_literal(struct translator *t, const struct expr *e, struct term *ret);
int tr_global(struct translator *t, const char *name, struct term *ret);
int tr_arith(struct translator *t, const struct expr *e, struct term *ret);
int tr_compare(struct translator *t, const char *op, const struct term *a, const struct term *b,
	const char **ret);
/* Both to their common type; *ret_collation is " COLLATE x" or "". */
int tr_common(struct translator *t, const struct term *a, const struct term *b, const char *op,
	struct tds_column *ret_type, const char **ret_a, const char **ret_b,
	const char **ret_collation);
/* Casts terms that one value may come from to their common type. */
int tr_unify(struct translator *t, struct term *terms, size_t n, struct tds_column *ret);
int tr_column(struct translator *t, const struct expr *e, struct term *ret);
const char *tr_collate(const struct tds_column *type);          /* " COLLATE x" or "" */
const char *tr_key(struct translator *t, const struct term *v); /* to sort and group by */

int tr_query(struct translator *t, const struct query *q, struct translated *ret);
int tr_from(struct translator *t, const struct from *f, const char **ret);
int tr_table_relation(
	struct translator *t, struct table *table, const struct from *f, const char **ret_sql);
struct relation *scope_add(struct translator *t);
int tr_items(struct translator *t, const struct select_item *items, size_t n, struct term **ret,
	size_t *ret_n);
/* sys.x and INFORMATION_SCHEMA.x: 1 when it is one. */
int tr_system_view(struct translator *t, const struct from *f, const char **ret_sql);
int tr_open_json(struct translator *t, const struct from *f, const char **ret_sql);
/* sys.dm_exec_describe_first_result_set(…) */
int tr_describe(struct translator *t, const struct from *f, const char **ret_sql);
/* CHANGETABLE(CHANGES …) */
int tr_change_table(struct translator *t, const struct from *f, const char **ret_sql);
int tr_window(struct translator *t, const struct window *w, const char **ret);

/* A name that is known in T-SQL by `text`; NULL: not a function of that kind. */
int fail_at(struct translator *t, int line, int rc);

#endif
