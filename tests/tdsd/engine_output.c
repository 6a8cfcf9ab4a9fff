/* Statements that change rows, run: OUTPUT, and which foreign key was broken. */
#include <stdlib.h>
#include <string.h>

#include "tests/tdsd/engine_dml.h"

/* --- foreign keys --- */

static int broken_key(struct session *s, const struct table *t, int64_t child, int fk_id)
{
	struct arena *a = &s->frame->arena;
	CLEANUP_STMT sqlite3_stmt *list = NULL, *stmt = NULL;
	const char *column = NULL;
	int64_t parent = 0;
	bool is_child = child == t->id;
	struct table *shown;
	int rc;

	/* SQLite numbers them from the last one on */
	if (sql_prepare(s,
		    arena_printf(a,
			    "SELECT \"table\", \"from\", \"to\" FROM "
			    "pragma_foreign_key_list('t%lld', '%s') WHERE id = %d AND seq = 0",
			    (long long)child, t->where, fk_id),
		    &list))
		return -1;
	if ((rc = sql_step(s, list)) == 1) {
		parent = atoll((const char *)sqlite3_column_text(list, 0) + 1);
		column = arena_strdup(a, (const char *)sqlite3_column_text(list, 1));
	}
	if (rc < 0 || !column ||
		sql_prepare(s,
			arena_printf(a,
				"SELECT o.name, c.name FROM %s.sys_foreign_keys f JOIN "
				"%s.sys_objects o ON o.object_id = f.object_id"
				" JOIN %s.sys_foreign_columns k ON k.object_id = f.object_id AND "
				"k.ordinal = 1 JOIN %s.sys_columns c ON"
				" c.object_id = %s AND c.column_id = %s WHERE f.parent_id = %lld "
				"AND f.referenced_id = %lld AND"
				" k.parent_column = %s",
				t->where, t->where, t->where, t->where,
				is_child ? "f.referenced_id" : "f.parent_id",
				is_child ? "k.referenced_column" : "k.parent_column",
				(long long)child, (long long)parent, column + 1),
			&stmt) ||
		sql_step(s, stmt) != 1 ||
		catalog_load(s, t->database, is_child ? parent : child, a, &shown))
		return tsql_fail(&s->error, 547, s->verb, "FOREIGN KEY", "?", "?", "?", "");
	return tsql_fail(&s->error, 547, s->verb, is_child ? "FOREIGN KEY" : "REFERENCE",
		arena_strdup(a, (const char *)sqlite3_column_text(stmt, 0)),
		t->database ? t->database->name : "tempdb", table_two_part(shown, a),
		arena_printf(a, ", column '%s'", (const char *)sqlite3_column_text(stmt, 1)));
}

/* Which key it was: the statement again with the check put off, and a look at what is broken. */
static int name_foreign(struct session *s, const struct table *t, const char *sql)
{
	struct arena *a = &s->frame->arena;
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	int64_t child = 0;
	int fk = 0;

	if (sql_exec(s, "SAVEPOINT fk") || sql_exec(s, "PRAGMA defer_foreign_keys = ON"))
		return -1;
	(void)sql_exec(s, sql);
	if (sql_prepare(s, arena_printf(a, "PRAGMA %s.foreign_key_check", t->where), &stmt) == 0 &&
		sql_step(s, stmt) == 1) {
		child = atoll((const char *)sqlite3_column_text(stmt, 0) + 1);
		fk = sqlite3_column_int(stmt, 3);
	}
	sqlite3_finalize(stmt);
	stmt = NULL;
	(void)sqlite3_exec(s->db, "ROLLBACK TO fk; RELEASE fk; PRAGMA defer_foreign_keys = OFF",
		NULL, NULL, NULL);
	return child ? broken_key(s, t, child, fk)
		     : tsql_fail(&s->error, 547, s->verb, "FOREIGN KEY", "?", "?", "?", "");
}

/* --- running with OUTPUT --- */

struct output {
	struct tds_column *v;
	size_t n;
	struct table *into;
	const char *insert; /* the statement that takes a row */
};

/* RETURNING over columns of the target, which stand bare; `deleted` of an UPDATE is looked up. */
int output_translate(struct session *s, const struct stmt *st, struct table *t, const char *what,
	const char *old_table, struct buf *sql, struct translated *ret)
{
	struct translator tr = {
		.s = s, .a = &s->frame->arena, .bare_columns = true, .schema_only = true};
	struct scope scope = {0};
	struct from f = {.kind = FROM_TABLE, .alias = what};
	struct term *items;
	size_t n;
	const char *ignored;
	struct relation *r;

	tr.scope = &scope;
	if (st->n_output == 0)
		return 0;
	if (tr_table_relation(&tr, t, &f, &ignored))
		return -1;
	scope.v[0].hidden = true;
	if (old_table) {
		f.alias = "deleted";
		if (tr_table_relation(&tr, t, &f, &ignored))
			return -1;
		r = &scope.v[1];
		r->hidden = true;
		for (size_t i = 0; i < r->n; i++)
			r->v[i].sql = arena_printf(tr.a,
				"(SELECT o.c%d FROM temp.%s o WHERE o.r = t%lld.rowid)", t->v[i].id,
				old_table, (long long)t->id);
	}
	if (tr_items(&tr, st->output, st->n_output, &items, &n))
		return -1;
	buf_adds(sql, " RETURNING ");
	ret->v = arena_array(tr.a, n, sizeof(*ret->v));
	ret->n = n;
	for (size_t i = 0; i < n; i++) {
		buf_printf(sql, "%s%s AS r%zu", i ? ", " : "", items[i].sql, i + 1);
		ret->v[i] = items[i].type;
		ret->v[i].name = items[i].name ? items[i].name : "";
		ret->v[i].nullable = true;
		ret->v[i].identity = false;
	}
	return 0;
}

/* Rows of RETURNING into the table of OUTPUT … INTO. */
static int output_into(struct session *s, const struct stmt *st, const struct translated *q,
	sqlite3_stmt *rows, int64_t *ret_count)
{
	struct arena *a = &s->frame->arena;
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);
	CLEANUP_STMT sqlite3_stmt *insert = NULL;
	struct translator tr = {.s = s, .a = a};
	const struct table *was = s->target;
	struct table *into;
	size_t at = 0;
	int rc;

	if (st->output_into->kind == FROM_VAR) {
		struct variable *v = frame_find(s->frame, st->output_into->name.part[NAME_OBJECT]);

		if (!v || !v->table)
			return tsql_fail(&s->error, 1087, st->output_into->name.part[NAME_OBJECT]);
		into = v->table;
	} else if (catalog_get(s, &st->output_into->name, a, &into)) {
		return -1;
	}
	buf_printf(&sql, "INSERT INTO %s.t%lld (", into->where, (long long)into->id);
	for (size_t i = 0; i < into->n && !st->n_output_columns; i++)
		buf_printf(&sql, "%sc%d", i ? ", " : "", into->v[i].id);
	for (size_t i = 0; i < st->n_output_columns; i++) {
		const struct table_column *c = table_column(into, st->output_columns[i]);

		if (!c)
			return tsql_fail(&s->error, 207, st->output_columns[i]);
		buf_printf(&sql, "%sc%d", i ? ", " : "", c->id);
	}
	if ((st->n_output_columns ? st->n_output_columns : into->n) != q->n)
		return tsql_fail(&s->error, 213);
	buf_adds(&sql, ") VALUES (");
	for (size_t i = 0; i < q->n; i++) {
		struct term v = {.type = q->v[i], .sql = arena_printf(a, "?%zu", i + 1)};
		const struct table_column *c = st->n_output_columns
						       ? table_column(into, st->output_columns[i])
						       : &into->v[i];
		const char *stored;

		if (tr_store(&tr, &v, into, (size_t)(c - into->v), &stored))
			return -1;
		buf_printf(&sql, "%s%s", i ? ", " : "", stored);
	}
	buf_addc(&sql, ')');
	if (sql_prepare(s, buf_str(&sql), &insert))
		return -1;
	for (at = 0; (rc = sql_step(s, rows)) == 1; at++) {
		s->target = into;
		for (size_t i = 0; i < q->n; i++) {
			struct cell c = cell_of_column(rows, (int)i);

			(void)cell_bind(insert, (int)i + 1, &c);
		}
		if (sql_step(s, insert) < 0)
			return -1;
		(void)sqlite3_reset(insert);
		s->target = was;
	}
	*ret_count = (int64_t)at;
	return rc < 0 ? -1 : 0;
}

/* Rows of RETURNING to the caller. */
static int output_rows(
	struct session *s, const struct translated *q, sqlite3_stmt *rows, int64_t *ret_count)
{
	CLEANUP(buf_release) struct buf row = BUF_INIT(SQL_MAX);
	struct tds_columns columns = {.v = q->v, .n = (uint32_t)q->n};
	int rc;

	/* the statement has changed all before its first row comes */
	rc = sql_step(s, rows);
	if (rc < 0)
		return -1;
	if (s->out->columns(s->out_arg, &columns) < 0) {
		s->gone = true;
		return -1;
	}
	for (*ret_count = 0; rc == 1; rc = sql_step(s, rows), ++*ret_count) {
		buf_reset(&row);
		buf_addc(&row, (char)TDS_ROW_TOKEN);
		for (size_t i = 0; i < q->n; i++) {
			struct cell c = cell_of_column(rows, (int)i);

			if (cell_encode(&q->v[i], &c, &row, &s->error))
				return -1;
		}
		if (s->out->row(s->out_arg, (const uint8_t *)row.data, row.len) < 0) {
			s->gone = true;
			return -1;
		}
	}
	return rc < 0 ? -1 : 0;
}

int dml_run(struct session *s, const struct stmt *st, const struct table *t, const char *sql,
	const struct translated *output, int64_t *ret_count)
{
	CLEANUP_STMT sqlite3_stmt *stmt = NULL;
	int rc;

	if (sql_prepare(s, sql, &stmt))
		return -1;
	if (output->n && st->output_into)
		rc = output_into(s, st, output, stmt, ret_count);
	else if (output->n)
		rc = output_rows(s, output, stmt, ret_count);
	else
		rc = sql_step(s, stmt);
	if (rc == 0 && output->n == 0)
		*ret_count = sqlite3_changes64(s->db);
	if (rc == 0)
		return 0;
	sqlite3_finalize(stmt);
	stmt = NULL;
	if (!s->gone && s->error.number == 547 &&
		strstr(s->error.text, "FOREIGN KEY constraint \"?\"") && t)
		return name_foreign(s, t, sql);
	return -1;
}
