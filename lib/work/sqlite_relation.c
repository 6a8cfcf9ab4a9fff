#include "work/sqlite_relation.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

#define NAMES_SHOWN  8
#define DECLARED_MAX 256 /* bytes of a declared type that is taken over */

/* --- a table --- */

static int no_table(struct db *db, const char *name, struct arena *a, struct err *err)
{
	static const char sql[] =
		"SELECT name FROM main.sqlite_schema WHERE type IN ('table', 'view')"
		" AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char **names = NULL, *near, *list = "";
	size_t n = 0, cap = 0;
	int rc;

	if (db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		names = arena_grow(a, names, n, &cap, sizeof(*names));
		names[n++] = arena_strdup(a, db_column_text(stmt, 0));
	}
	if (rc < 0)
		return -1;
	err_set(err, ERR_NOT_FOUND, "there is no table or view '%s' in the database", name);
	if (n == 0)
		return err_hint(err, "it has no tables");
	near = text_nearest(name, names, n);
	if (near)
		return err_hint(err, "did you mean '%s'?", near);
	for (size_t i = 0; i < n && i < NAMES_SHOWN; i++)
		list = arena_printf(a, "%s%s%s", list, i ? ", " : "", names[i]);
	return err_hint(err, "there are: %s%s", list, n > NAMES_SHOWN ? ", ..." : "");
}

static int find_table(struct db *db, const char *name, struct arena *a, struct sqlite_relation *r,
	bool *ret_strict, struct err *err)
{
	static const char sql[] = "SELECT name, type IN ('table', 'shadow'), NOT wr, strict"
				  " FROM pragma_table_list(@name) WHERE schema = 'main'";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, name);
	rc = db_step(stmt, err);
	if (rc <= 0)
		return rc < 0 ? -1 : no_table(db, name, a, err);
	r->table = arena_strdup(a, db_column_text(stmt, 0));
	r->ordinary = db_column_int(stmt, 1);
	r->rowid = r->ordinary && db_column_int(stmt, 2);
	*ret_strict = db_column_int(stmt, 3);
	r->from = arena_printf(a, "main.%s", db_quote(db, r->table, a));
	r->query = arena_printf(a, "SELECT * FROM %s", r->from);
	return 0;
}

/* `hidden` is 1 for columns of virtual tables that SELECT * leaves out. An INTEGER PRIMARY KEY is
 * the rowid, which is never null. */
static int read_constraints(struct db *db, struct sqlite_relation *r, struct err *err)
{
	static const char sql[] =
		"SELECT name, \"notnull\", pk = 1 AND @rowid AND"
		" type = 'INTEGER' COLLATE NOCASE AND sum(pk > 0) OVER () = 1"
		" FROM pragma_table_xinfo(@table, 'main') WHERE hidden <> 1 ORDER BY cid";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(db, sql, &stmt, err) < 0)
		return -1;
	db_bind_int(stmt, 1, r->rowid);
	db_bind_text(stmt, 2, r->table);
	for (uint32_t i = 0; (rc = db_step(stmt, err)) > 0 && i < r->cols.n; i++) {
		struct tds_column *c = &r->cols.v[i];

		if (strcmp(c->name, db_column_text(stmt, 0)) != 0)
			continue;
		if (db_column_int(stmt, 2))
			r->rowid_column = (int)i;
		c->nullable = !db_column_int(stmt, 1) && !db_column_int(stmt, 2);
	}
	return rc < 0 ? -1 : 0;
}

/* --- columns --- */

static int check_name(const struct sqlite_relation *r, const char *name, struct err *err)
{
	if (*name && strlen(name) <= TDS_NAME_MAX && tds_column_find(&r->cols, name) < 0)
		return 0;
	if (strlen(name) > TDS_NAME_MAX)
		err_set(err, ERR_CONFIG, "column %u: its name is longer than %d bytes",
			r->cols.n + 1, TDS_NAME_MAX);
	else if (*name)
		err_set(err, ERR_CONFIG, "there are two columns '%s' (case does not count)", name);
	else
		err_set(err, ERR_CONFIG, "column %u has no name", r->cols.n + 1);
	return err_hint(err, "give it a name in source_query: SELECT ... AS name");
}

static int read_columns(
	struct db_stmt *stmt, struct arena *a, struct sqlite_relation *r, struct err *err)
{
	uint32_t n = (uint32_t)db_column_count(stmt);

	r->cols.v = arena_array(a, n, sizeof(*r->cols.v));
	r->declared = arena_array(a, n, sizeof(*r->declared));
	for (uint32_t i = 0; i < n; i++) {
		const char *name = db_column_name(stmt, (int)i);

		if (check_name(r, name, err) < 0)
			return -1;
		r->declared[i] = arena_strdup(a, db_column_declared(stmt, (int)i));
		r->cols.v[i] = (struct tds_column){
			.name = arena_strdup(a, name), .type = TDS_SQLITE, .nullable = true};
		r->cols.n++;
	}
	return 0;
}

/* It may stand in a CREATE TABLE again: words and numbers, no quotes and no comments. */
static bool is_plain(const char *type)
{
	for (const char *p = type; *p; p++)
		if (!isalnum((unsigned char)*p) && !strchr("_ (),.+-", *p) &&
			(unsigned char)*p < 0x80)
			return false;
	return strlen(type) <= DECLARED_MAX && !strstr(type, "--");
}

/* A STRICT table's ANY takes values as they are; elsewhere that name means NUMERIC. */
static void take_declarations(struct sqlite_relation *r, bool strict)
{
	for (uint32_t i = 0; i < r->cols.n; i++) {
		const char *type = r->declared[i];

		if (type && is_plain(type) && !(strict && strcasecmp(type, "ANY") == 0))
			r->cols.v[i].declared = type;
	}
}

static int find_source_table(struct db *db, const char *name, struct arena *a,
	struct sqlite_relation *r, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	bool strict = false;

	if (find_table(db, name, a, r, &strict, err) < 0 ||
		db_prepare(db, r->query, &stmt, err) < 0 || read_columns(stmt, a, r, err) < 0)
		return -1;
	if (!r->ordinary)
		return 0;
	take_declarations(r, strict);
	return read_constraints(db, r, err);
}

/* --- a query --- */

/* Only one statement, and one that reads. */
static int prepare_query(struct db *db, const char *text, struct arena *a,
	struct db_stmt **ret_stmt, const char **ret_query, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL, *second = NULL;
	const char *rest = "", *end;
	int rc;

	text += strspn(text, "; \t\r\n");
	rc = db_prepare_next(db, text, &stmt, &rest, err);
	if (rc < 0)
		return err_wrap(err, "source_query");
	if (rc == 0)
		return err_set(err, ERR_CONFIG, "source_query is empty");
	rc = *rest ? db_prepare_next(db, rest, &second, &end, err) : 0;
	if (rc < 0)
		return err_wrap(err, "source_query, behind its first statement");
	if (rc > 0)
		return err_set(err, ERR_CONFIG, "source_query is more than one statement");
	if (db_column_count(stmt) == 0)
		return err_set(err, ERR_CONFIG, "source_query is not a SELECT");
	if (db_param_count(stmt))
		return err_set(err, ERR_CONFIG, "source_query has a parameter, which nobody sets");
	for (end = rest; end > text && strchr("; \t\r\n", end[-1]); end--)
		;
	*ret_query = arena_strndup(a, text, (size_t)(end - text));
	*ret_stmt = mem_steal(stmt);
	return 0;
}

static int find_source_query(struct db *db, const char *text, struct arena *a,
	struct sqlite_relation *r, struct err *err)
{
	static const struct db_guard guard = {
		.reading =
			"source_query is one SELECT; statements that write are for the kind 'sql'"};
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	db_guard(db, &guard);
	rc = prepare_query(db, text, a, &stmt, &r->query, err);
	db_guard(db, NULL);
	if (rc < 0)
		return -1;
	r->from = arena_printf(a, "(%s\n)", r->query); /* it may end in a comment */
	return read_columns(stmt, a, r, err);
}

int sqlite_relation_find(struct db *db, const struct job *job, struct arena *a,
	struct sqlite_relation *ret_relation, struct err *err)
{
	struct sqlite_relation r = {.rowid_column = -1};
	int rc = job->source_query ? find_source_query(db, job->source_query, a, &r, err)
				   : find_source_table(db, job->source_table, a, &r, err);

	if (rc < 0)
		return -1;
	*ret_relation = r;
	return 0;
}

int sqlite_relation_column(const struct sqlite_relation *r, const char *what, const char *name,
	struct arena *a, uint32_t *ret_column, struct err *err)
{
	int at = tds_column_find(&r->cols, name);
	const char **names;

	if (at >= 0) {
		*ret_column = (uint32_t)at;
		return 0;
	}
	names = arena_array(a, r->cols.n, sizeof(*names));
	for (uint32_t i = 0; i < r->cols.n; i++)
		names[i] = r->cols.v[i].name;
	err_set(err, ERR_CONFIG, "%s: '%s' has no column '%s'", what,
		r->table ? r->table : "the query", name);
	return err_suggest(err, text_nearest(name, names, r->cols.n));
}
