/* Plain SQLite: statements, and its errors as SQL Server's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tdsd/engine_catalog.h"

void stmt_release(sqlite3_stmt **stmt)
{
	sqlite3_finalize(*stmt);
}

const char *sql_quote(struct arena *a, const char *text)
{
	struct cell c = cell_text(text, strlen(text));

	return cell_literal(&c, a);
}

static bool debugging(void)
{
	return getenv("TDSD_SQL") != NULL;
}

int sql_prepare(struct session *s, const char *sql, sqlite3_stmt **ret)
{
	int rc;

	if (debugging())
		fprintf(stderr, "[%d] %s\n", s->spid, sql);
	rc = sqlite3_prepare_v2(s->db, sql, -1, ret, NULL);
	return rc == SQLITE_OK ? 0 : sql_failed(s, rc, sql);
}

int sql_step(struct session *s, sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return 1;
	return rc == SQLITE_DONE ? 0 : sql_failed(s, rc, sqlite3_sql(stmt));
}

int sql_exec(struct session *s, const char *sql)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	int rc;

	if (sql_prepare(s, sql, &stmt))
		return -1;
	while ((rc = sql_step(s, stmt)) == 1)
		;
	return rc;
}

__attribute__((format(printf, 1, 0))) static char *vformat(const char *fmt, va_list args)
{
	char *out = NULL;

	if (vasprintf(&out, fmt, args) < 0)
		abort();
	return out;
}

int sql_execf(struct session *s, const char *fmt, ...)
{
	CLEANUP_FREE char *sql = NULL;
	va_list args;

	va_start(args, fmt);
	sql = vformat(fmt, args);
	va_end(args);
	return sql_exec(s, sql);
}

int sql_int(struct session *s, int64_t missing, int64_t *ret, const char *fmt, ...)
{
	CLEANUP_FREE char *sql = NULL;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	va_list args;
	int rc;

	va_start(args, fmt);
	sql = vformat(fmt, args);
	va_end(args);
	if (sql_prepare(s, sql, &stmt))
		return -1;
	rc = sql_step(s, stmt);
	if (rc < 0)
		return -1;
	*ret = rc == 1 && sqlite3_column_type(stmt, 0) != SQLITE_NULL
		       ? sqlite3_column_int64(stmt, 0)
		       : missing;
	return 0;
}

/* --- constraints --- */

/* The texts of the last row's values in the index: "(1, abc)". */
static const char *key_value(struct session *s, const struct table_index *ix, struct arena *a)
{
	CLEANUP(buf_release) struct buf out = BUF_INIT(1000);

	for (size_t i = 0; i < ix->n; i++) {
		const char *text = "?";

		for (size_t j = 0; s->target && j < s->target->n && j < s->n_stored; j++)
			if (s->target->v[j].id == ix->columns[i])
				text = buf_str(&s->stored[j]);
		buf_printf(&out, "%s%s", i ? ", " : "(", text);
	}
	buf_addc(&out, ')');
	return arena_strdup(a, buf_str(&out));
}

static bool is_index(const struct table_index *ix, const char *columns)
{
	/* "t12.c1, t12.c2" */
	for (size_t i = 0; i < ix->n; i++) {
		const char *p = columns;
		char name[24];

		for (size_t k = 0; p && k < i; k++) {
			p = strchr(p, ',');
			p = p ? p + 1 : NULL;
		}
		p = p ? strchr(p, '.') : NULL;
		snprintf(name, sizeof(name), "c%d", ix->columns[i]);
		if (!p || strncmp(p + 1, name, strlen(name)) != 0 ||
			(p[1 + strlen(name)] != ',' && p[1 + strlen(name)] != '\0'))
			return false;
		if (i + 1 == ix->n && p[1 + strlen(name)] != '\0')
			return false;
	}
	return ix->unique && ix->n > 0;
}

/* "index 't12_2_n'": that of rows with a null (engine_table.c) */
static bool is_null_index(const struct table *t, const struct table_index *ix, const char *text)
{
	char name[64];

	snprintf(name, sizeof(name), "t%lld_%d_n'", (long long)t->id, ix->id);
	return strstr(text, name) != NULL;
}

static int duplicate(struct session *s, const char *columns)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct table *t = NULL;
	const char *name;

	if (!s->target || catalog_load(s, s->target->database, s->target->id, &a, &t) ||
		catalog_load_indexes(s, t, &a))
		return tsql_fail(&s->error, 2601, "?", "?", "?");
	name = table_two_part(t, &a);
	for (size_t i = 0; i < t->n_indexes; i++) {
		const struct table_index *ix = &t->indexes[i];

		if (!is_index(ix, columns) && !is_null_index(t, ix, columns))
			continue;
		if (ix->constraint)
			return tsql_fail(&s->error, 2627,
				ix->primary ? "PRIMARY KEY" : "UNIQUE KEY", ix->name, name,
				key_value(s, ix, &a));
		return tsql_fail(&s->error, 2601, name, ix->name, key_value(s, ix, &a));
	}
	return tsql_fail(&s->error, 2601, name, columns, "(?)");
}

/* "CHECK constraint failed: k17" */
static int check_failed(struct session *s, const char *text)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	const char *k = strrchr(text, 'k'), *name = "?", *database = "tempdb";

	if (!s->target || !k)
		return tsql_fail(&s->error, 547, s->verb ? s->verb : "ALTER TABLE", "CHECK", "?",
			"?", "?", "");
	if (s->target->database)
		database = s->target->database->name;
	if (sql_prepare(s,
		    arena_printf(&a, "SELECT name FROM %s.sys_objects WHERE object_id = %ld",
			    s->target->where, strtol(k + 1, NULL, 10)),
		    &stmt))
		return -1;
	if (sql_step(s, stmt) == 1)
		name = arena_strdup(&a, (const char *)sqlite3_column_text(stmt, 0));
	return tsql_fail(&s->error, 547, s->verb ? s->verb : "ALTER TABLE", "CHECK", name, database,
		table_two_part(s->target, &a), "");
}

static int constraint(struct session *s, int rc)
{
	const char *text = sqlite3_errmsg(s->db), *colon = strchr(text, ':');
	CLEANUP_FREE char *copy = mem_strdup(colon && colon[1] ? colon + 2 : text);

	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
		return duplicate(s, copy);
	case SQLITE_CONSTRAINT_CHECK:
		return check_failed(s, copy);
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return tsql_fail(&s->error, 547, s->verb ? s->verb : "INSERT", "FOREIGN KEY", "?",
			"?", "?", "");
	default:
		return tsql_fail(&s->error, 50000, copy);
	}
}

int sql_failed(struct session *s, int rc, const char *sql)
{
	int extended = sqlite3_extended_errcode(s->db);

	if (debugging())
		fprintf(stderr, "[%d] %s\n", s->spid, sqlite3_errmsg(s->db));
	if (session_cancelled(s)) {
		s->error.number = 0;
		return -1;
	}
	switch (rc & 0xff) {
	case SQLITE_CONSTRAINT:
		return constraint(s, extended);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		if (extended == SQLITE_BUSY_SNAPSHOT && s->options.isolation == 5)
			return tsql_fail(&s->error, 3960, s->target ? s->target->name : "?",
				s->current->name);
		if (extended == SQLITE_BUSY_SNAPSHOT)
			return tsql_fail(&s->error, 1205, tsql_number(s->spid));
		return tsql_fail(&s->error, 1222);
	case SQLITE_ERROR:
		if (s->error.number && strcmp(sqlite3_errmsg(s->db), "tsql") == 0)
			return -1;
		break;
	default:
		break;
	}
	{
		CLEANUP(arena_release) struct arena a = ARENA_INIT;

		/* SQL that we made and SQLite refuses: not supported, and said so */
		return tsql_unsupported(
			&s->error, arena_printf(&a, "this statement (SQLite: %s; %.1500s)",
					   sqlite3_errmsg(s->db), sql));
	}
}
