/*
 * engine_catalog - what tables there are and what they are made of.
 *
 * The catalog of a database is tables sys_… in its file; that of temporary tables
 * and table variables is in SQLite's temp database. A struct table is what was read
 * of it for one statement, in that statement's arena.
 */
#ifndef TDSD_ENGINE_CATALOG_H
#define TDSD_ENGINE_CATALOG_H

#include "tests/tdsd/engine_private.h"

#define SCHEMA_DBO   1
#define TEMPORARY_ID 1000000000 /* object ids of temporary tables begin here */

struct table_column {
	int id;
	const char *name;
	struct tds_column type; /* name too; identity, computed, nullable as they are */
	const char *seed, *increment;
	const char *computed;     /* its text, or NULL */
	const char *default_text; /* or NULL */
	int64_t default_id;
	bool persisted, sparse, hidden, rowguidcol;
	int generated;    /* 1: ROW START, 2: ROW END of a period */
	const char *mask; /* its function, or NULL */
};

struct table_index {
	int id;
	const char *name;
	bool unique, primary, constraint, clustered, ignore_dup, disabled;
	int kind;           /* 0: of rows; 5, 6: columnstore, clustered or not */
	const char *filter; /* or NULL */
	int *columns;       /* column ids of the key */
	bool *descending;
	size_t n;
	int64_t constraint_id;
};

struct table {
	struct database *database; /* NULL: temporary */
	const char *where;         /* SQLite's schema: "d5" or "temp" */
	int64_t id;
	const char *schema, *name;
	const char *view; /* its query, or NULL */
	const char **view_columns;
	struct table_column *v;
	size_t n;
	struct table_index *indexes;
	size_t n_indexes;
};

MUST_CHECK int catalog_create(struct session *s, const char *where);

/* 1: found, 0: not. Views too. */
int catalog_find(struct session *s, const struct name *name, struct arena *a, struct table **ret);
/* Error 208 when there is none. */
int catalog_get(struct session *s, const struct name *name, struct arena *a, struct table **ret);
int catalog_load(
	struct session *s, struct database *d, int64_t id, struct arena *a, struct table **ret);
int catalog_load_indexes(struct session *s, struct table *t, struct arena *a);

/* The database that a name means (error 911), and SQLite's schema with it. `temporary` for #names.
 */
int catalog_database(
	struct session *s, const struct name *name, struct database **ret, const char **ret_where);
bool name_is_temporary(const struct name *name);
/* Schema id by name, or -1; dbo for NULL. */
int catalog_schema(struct session *s, const char *where, const char *schema, int64_t *ret);
/* The id of any object of that name, 0: none. */
int catalog_object(struct session *s, const struct name *name, const char *type, int64_t *ret);
int catalog_new_object(struct session *s, const char *where, int64_t schema_id, const char *name,
	const char *type, int64_t parent, const char *definition, int64_t *ret);

const struct table_column *table_column(const struct table *t, const char *name);
const struct table_column *table_column_by_id(const struct table *t, int id);
const char *table_full_name(const struct table *t, struct arena *a); /* db.schema.name */
const char *table_two_part(const struct table *t, struct arena *a);

/* Builds the SQLite table of a catalog entry, under a name of SQLite's. */
int table_build(struct session *s, struct table *t, const char *sqlite_name);
int table_build_indexes(struct session *s, struct table *t);
/* Made anew after the catalog changed: rows of columns that are in both are kept. */
int table_rebuild(struct session *s, struct database *d, int64_t id, const struct table *old);
int table_drop(struct session *s, const struct table *t);
int table_create(struct session *s, const struct name *name, const struct table_def *def,
	struct table **ret, struct arena *a);
/* DECLARE @t TABLE: lives in the frame's arena, and is no part of a transaction. */
int table_create_variable(struct session *s, const struct name *name, const struct table_def *def,
	struct table **ret);
int table_add_constraint(
	struct session *s, struct table *t, const struct constraint_def *c, struct arena *a);
int table_add_column(
	struct session *s, struct table *t, const struct column_def *c, struct arena *a);

#endif
