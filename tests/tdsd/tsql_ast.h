/*
 * tsql_ast - what the parser makes of a batch. All of it lives in one arena.
 *
 * Names and types are not looked up here: that happens when a statement runs
 * (SQL Server's deferred name resolution).
 */
#ifndef TDSD_TSQL_AST_H
#define TDSD_TSQL_AST_H

#include <stdbool.h>
#include <stddef.h>

#include "tds/type.h"

struct query;

#define NAME_PARTS 4

/* server.database.schema.object; what is not written is NULL. */
struct name {
	const char *part[NAME_PARTS];
	int line;
};
enum { NAME_SERVER, NAME_DATABASE, NAME_SCHEMA, NAME_OBJECT };

enum expr_kind {
	EX_NULL,
	EX_STRING, /* text */
	EX_NSTRING,
	EX_INT,
	EX_DECIMAL,
	EX_FLOAT,
	EX_MONEY,
	EX_BINARY,
	EX_VAR,    /* @x */
	EX_GLOBAL, /* @@x */
	EX_COLUMN, /* name */
	EX_STAR,   /* name: what stands before the star */
	EX_UNARY,  /* text: - + ~ */
	EX_ARITH,  /* text: + - * / % & | ^ */
	EX_COMPARE,
	EX_AND,
	EX_OR,
	EX_NOT,
	EX_IS_NULL,
	EX_IN,      /* args[0] in the others, or in query */
	EX_BETWEEN, /* 0 between 1 and 2 */
	EX_LIKE,    /* 0 like 1 escape 2 */
	EX_EXISTS,
	EX_QUANTIFIED, /* text: operator; not_: ALL instead of ANY */
	EX_CASE,       /* [operand] (when then)* [else] */
	EX_CAST,       /* type; args[0], style args[1] */
	EX_CALL,       /* text */
	EX_QUERY,
	EX_COLLATE,  /* text: the collation */
	EX_DEFAULT,  /* in VALUES and SET */
	EX_DATEPART, /* text: a word that stands as an argument */
};

struct order_item {
	struct expr *e;
	bool descending;
};

struct window {
	struct expr **partition;
	size_t n_partition;
	struct order_item *order;
	size_t n_order;
	const char *frame; /* as SQLite has it, or NULL */
};

struct expr {
	enum expr_kind kind;
	int line;
	const char *text;
	size_t len;
	struct name name;
	struct expr **v;
	size_t n;
	struct query *query;
	struct tds_column type;
	struct window *over;
	bool not_; /* NOT IN, NOT LIKE, IS NOT NULL …; COUNT(*) has no arguments */
	bool distinct;
	bool has_operand; /* CASE */
	bool has_else;
	bool try_; /* TRY_CAST, TRY_CONVERT */
	bool parens;
	size_t start, end; /* in the batch, for texts of defaults and checks */
};

enum hint {
	HINT_UPDLOCK = 1,
	HINT_XLOCK = 2,
	HINT_HOLDLOCK = 4,
	HINT_READPAST = 8,
	HINT_NOLOCK = 16,
	HINT_TABLOCK = 32,
	HINT_TABLOCKX = 64,
	HINT_NOWAIT = 128,
};

enum from_kind { FROM_TABLE, FROM_QUERY, FROM_CALL, FROM_VAR, FROM_JOIN };
enum join_kind {
	JOIN_INNER,
	JOIN_LEFT,
	JOIN_RIGHT,
	JOIN_FULL,
	JOIN_CROSS,
	JOIN_APPLY,
	JOIN_OUTER_APPLY
};

struct from {
	enum from_kind kind;
	int line;
	struct name name;
	const char *alias; /* NULL: none */
	const char **columns;
	size_t n_columns; /* of the alias */
	unsigned hints;
	struct query *query;
	struct expr *call;
	enum join_kind join;
	struct from *left, *right;
	struct expr *on;
	struct column_def *with; /* OPENJSON … WITH */
	size_t n_with;
};

struct select_item {
	struct expr *e;
	const char *alias; /* NULL: none */
	const char *var;   /* SELECT @x = … */
	char op;           /* '=', or '+' of +=, … */
};

struct cte {
	const char *name;
	const char **columns;
	size_t n_columns;
	struct query *query;
};

enum set_op { SET_NONE, SET_UNION, SET_UNION_ALL, SET_INTERSECT, SET_EXCEPT };

struct query {
	int line;
	struct cte *ctes;
	size_t n_ctes;
	enum set_op op; /* then left and right */
	struct query *left, *right;
	struct expr ***rows; /* VALUES: rows of n_items expressions */
	size_t n_rows, n_values;
	bool distinct;
	struct expr *top;
	bool top_percent, top_ties;
	struct select_item *items;
	size_t n_items;
	struct name into; /* object NULL: none */
	struct from *from;
	struct expr *where, *having;
	struct expr **group;
	size_t n_group;
	struct order_item *order;
	size_t n_order;
	struct expr *offset, *fetch;
};

enum constraint_kind { CON_PRIMARY, CON_UNIQUE, CON_FOREIGN, CON_CHECK, CON_DEFAULT, CON_INDEX };

struct constraint_def {
	enum constraint_kind kind;
	const char *name; /* NULL: to be made up */
	const char **columns;
	bool *descending;
	size_t n_columns;
	const char **included;
	size_t n_included;
	struct name references;
	const char **ref_columns;
	size_t n_ref_columns;
	const char *on_delete, *on_update; /* "CASCADE", … or NULL */
	struct expr *e;                    /* check, default, filter of an index */
	const char *text;                  /* its text */
	bool clustered, unique, no_check;
	bool ignore_dup;
	int columnstore; /* 5: clustered, 6: not; 0: of rows */
	int fill_factor, compression;
	const char *for_column; /* DEFAULT … FOR */
};

struct column_def {
	const char *name;
	int line;
	struct tds_column type;
	const char *type_name;
	bool has_null, nullable;
	bool identity;
	const char *seed, *increment;
	bool rowguidcol, sparse, hidden, column_set;
	int generated;    /* 1: ROW START, 2: ROW END */
	const char *mask; /* function of MASKED WITH */
	struct expr *computed;
	const char *computed_text;
	bool persisted;
	const char *collation;
	const char *path; /* OPENJSON … WITH: its path */
	bool as_json;
	struct constraint_def *constraints;
	size_t n_constraints;
};

struct table_def {
	struct column_def *columns;
	size_t n_columns;
	struct constraint_def *constraints;
	size_t n_constraints;
	const char *period_start, *period_end; /* PERIOD FOR SYSTEM_TIME */
	bool versioned;                        /* SYSTEM_VERSIONING = ON */
	struct name history;                   /* object NULL: a name is made up */
	const char *scheme, *scheme_column;    /* of partitions; NULL: none */
};

struct assign {
	const char *column; /* or a variable in `var` */
	const char *var;
	struct expr *e;
	char op;
};

struct exec_arg {
	const char *name; /* NULL: by position */
	struct expr *e;
	bool output, is_default;
};

struct var_def {
	const char *name;
	struct tds_column type;
	struct expr *value;
	struct table_def *table;
	int line;
};

enum stmt_kind {
	ST_BLOCK,
	ST_IF,
	ST_WHILE,
	ST_BREAK,
	ST_CONTINUE,
	ST_RETURN,
	ST_GOTO,
	ST_TRY,
	ST_THROW,
	ST_RAISERROR,
	ST_PRINT,
	ST_DECLARE,
	ST_SET_VAR,
	ST_SET_OPTION,
	ST_SET_ISOLATION,
	ST_SET_IDENTITY_INSERT,
	ST_USE,
	ST_SELECT,
	ST_INSERT,
	ST_UPDATE,
	ST_DELETE,
	ST_TRUNCATE,
	ST_BEGIN_TRAN,
	ST_COMMIT,
	ST_ROLLBACK,
	ST_SAVE,
	ST_EXEC,
	ST_EXEC_TEXT,
	ST_WAITFOR,
	ST_CREATE_TABLE,
	ST_CREATE_INDEX,
	ST_CREATE_SCHEMA,
	ST_CREATE_DATABASE,
	ST_CREATE_VIEW,
	ST_CREATE_TRIGGER, /* name, name2: its table, columns: events, text; on: OR ALTER */
	ST_CREATE_PROCEDURE, /* name, params, text: the body; on: OR ALTER */
	ST_CREATE_PRINCIPAL, /* text: ROLE, USER, LOGIN; name, name2: a user's login or nothing */
	ST_ROLE_MEMBER,      /* name: the role, name2: the member; on: ADD */
	ST_GRANT, /* text: GRANT, DENY, REVOKE; columns: rights; name: the object, or nothing; on: it
		   * is a schema; output_columns; names: to whom */
	ST_CREATE_PARTITION, /* text: FUNCTION (name, vars[0].type, on: RIGHT, args) or SCHEME (name, name2: its
			      * function) */
	ST_DROP,           /* text: TABLE, INDEX, … */
	ST_ALTER_ADD,
	ST_ALTER_COLUMN,
	ST_ALTER_DROP,
	ST_ALTER_SWITCH,
	ST_ALTER_CHECK, /* CHECK / NOCHECK CONSTRAINT */
	ST_ALTER_DATABASE,
	ST_ALTER_SCHEMA,
	ST_INSERT_BULK,
	ST_TABLE_OPTION,  /* ALTER TABLE … SET, ENABLE …: text says which, on */
	ST_INDEX_OPTION,  /* ALTER INDEX: text REBUILD, DISABLE …; name NULL: all; name2: table */
	ST_COLUMN_MASK,   /* ALTER COLUMN … ADD MASKED, DROP MASKED: names[0], text or NULL */
	ST_STATISTICS,    /* text: CREATE, UPDATE; name2: table, name: statistics, columns */
	ST_CHECK_IDENT,   /* DBCC CHECKIDENT: args, text: RESEED, NORESEED or NULL */
	ST_NOTHING, /* accepted, and without effect here: CHECKPOINT … */
};

struct stmt {
	enum stmt_kind kind;
	int line;
	const char *text, *params;
	struct name name, name2;
	struct stmt **v; /* of a block */
	size_t n;
	struct stmt *then_, *else_; /* IF, WHILE, TRY and CATCH */
	struct expr *e;
	struct expr **args;
	size_t n_args;
	struct query *query;
	struct from *from;      /* UPDATE, DELETE */
	struct from *target;    /* and INSERT */
	struct assign *assigns; /* UPDATE */
	size_t n_assigns;
	const char **columns; /* INSERT */
	size_t n_columns;
	bool default_values;
	struct select_item *output; /* OUTPUT */
	size_t n_output;
	struct from *output_into;
	const char **output_columns;
	size_t n_output_columns;
	struct expr *top, *where;
	struct cte *ctes;
	size_t n_ctes;
	struct var_def *vars;
	size_t n_vars;
	struct exec_arg *exec_args;
	size_t n_exec_args;
	const char *result_var;
	struct table_def *table;
	struct constraint_def *index;
	struct name *names; /* DROP */
	size_t n_names;
	bool if_exists, on;
	char op;
	const char *source; /* the text that was parsed */
	size_t start, end;  /* where it stands in it */
};

#endif
