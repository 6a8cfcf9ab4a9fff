/* tsql_parser - what the parser's parts share; for tsql_*.c only. Functions return 0 or -1. */
#ifndef TDSD_TSQL_PARSER_H
#define TDSD_TSQL_PARSER_H

#include "tests/tdsd/tsql_parse.h"

#define PARSE_DEPTH_MAX 200

struct parser {
	const struct tsql_token *t; /* the next one */
	const char *sql;
	struct arena *a;
	struct tsql_error *e;
	int depth;
	int loops; /* WHILEs around */
};

/* --- tokens --- */
bool at_word(const struct parser *p, const char *word); /* a bare word, case ignored */
bool at_word_after(const struct parser *p, size_t ahead, const char *word);
bool at_op(const struct parser *p, const char *op);
bool at_any_op(const struct parser *p, const char *const *ops); /* ends with NULL */
bool accept_word(struct parser *p, const char *word);
bool accept_op(struct parser *p, const char *op);
int expect_word(struct parser *p, const char *word);
int expect_op(struct parser *p, const char *op);
int syntax(struct parser *p); /* 102 or 156 at the next token */
bool is_reserved_word(const char *word);
bool at_name(const struct parser *p); /* a name that is no keyword */
int parse_ident(struct parser *p, const char **ret);
int parse_name(struct parser *p, struct name *ret);
int parse_name_list(struct parser *p, const char ***ret, size_t *ret_n); /* in parentheses */
const char *parser_text(struct parser *p, size_t start, size_t end);
int parse_int(struct parser *p, const char **ret); /* a number with a sign, as text */

/* --- expressions --- */
int parse_expr(struct parser *p, struct expr **ret); /* a value */
int parse_condition(struct parser *p, struct expr **ret);
int parse_type(struct parser *p, struct tds_column *ret);
int parse_order(struct parser *p, struct order_item **ret, size_t *ret_n);
struct expr *expr_new(struct parser *p, enum expr_kind kind);
void expr_add(struct parser *p, struct expr *e, struct expr *arg);
int parse_comma_exprs(struct parser *p, struct expr ***ret, size_t *ret_n);

/* --- queries --- */
bool at_query(const struct parser *p); /* SELECT, WITH, VALUES or (SELECT */
int parse_query(struct parser *p, struct query **ret);
int parse_ctes(struct parser *p, struct cte **ret, size_t *ret_n);
int parse_from(struct parser *p, struct from **ret);
int parse_table_hints(struct parser *p, unsigned *ret);
int parse_target(struct parser *p, struct from **ret);
int parse_items(struct parser *p, struct select_item **ret, size_t *ret_n);
int parse_option_clause(struct parser *p);
int parse_values(struct parser *p, struct query **ret);
int parse_top(struct parser *p, struct query *q);

/* --- statements --- */
int parse_statement(struct parser *p, struct stmt **ret);
struct stmt *stmt_new(struct parser *p, enum stmt_kind kind);
int parse_dml(struct parser *p, struct stmt **ret, bool *ret_mine);
int parse_ddl(struct parser *p, struct stmt **ret, bool *ret_mine);
int parse_flow(struct parser *p, struct stmt **ret, bool *ret_mine);
int parse_set(struct parser *p, struct stmt **ret);
int parse_exec(struct parser *p, struct stmt **ret);
int parse_table_def(struct parser *p, struct table_def **ret); /* behind the opening parenthesis */
int parse_column_def(struct parser *p, struct column_def *c);
int parse_json_columns(struct parser *p, struct column_def **ret, size_t *ret_n);
bool at_constraint(const struct parser *p);
int parse_constraint(struct parser *p, struct constraint_def *c, const char *column);
int parse_index(struct parser *p, struct stmt **ret, bool unique, bool clustered);
int parse_alter(struct parser *p, struct stmt **ret);
int parse_module_body(struct parser *p, const char **ret); /* the rest of the batch, as text */
int parse_procedure(struct parser *p, struct stmt **ret, bool or_alter);
int parse_create_principal(struct parser *p, struct stmt **ret, const char *kind);
int parse_alter_role(struct parser *p, struct stmt **ret);
int parse_grant(struct parser *p, struct stmt **ret, const char *verb);
int parse_with_options(struct parser *p); /* WITH (…) that has no effect here */

/* tsql_storage.c; those that say so give 1 when they took something */
int parse_column_storage(struct parser *p, struct column_def *c); /* 1 */
int parse_mask(struct parser *p, const char **ret);
int parse_period(struct parser *p, struct table_def *t);
int parse_table_options(struct parser *p, struct table_def *t);
int parse_placement(struct parser *p, struct table_def *t); /* NULL: of an index */
int parse_create_partition(struct parser *p, struct stmt **ret);
int parse_index_options(struct parser *p, struct constraint_def *c);
int parse_columnstore(struct parser *p, struct stmt **ret, bool clustered);
int parse_alter_index(struct parser *p, struct stmt **ret);
int parse_table_option(struct parser *p, struct stmt *s); /* 1 */
int parse_statistics(struct parser *p, struct stmt **ret, bool create);
int parse_tracking_options(struct parser *p, struct stmt *s);
int parse_check_ident(struct parser *p, struct stmt **ret); /* 1 */

#define LIST_ADD(p, list, n, cap) \
	((list) = arena_grow((p)->a, (list), (n), &(cap), sizeof(*(list))), &(list)[(n)++])

#endif
