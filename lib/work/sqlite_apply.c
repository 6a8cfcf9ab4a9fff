#include "work/sqlite_apply.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "tds/declare.h"

#define SQL_MAX	  (16u * 1024 * 1024)
#define NAMED_MAX 3 /* keys and rows that an error names */
#define TERMS_MAX 100 /* one within the other: SQLite takes expressions 1,000 deep */

/* --- SQL --- */

static const char *quoted(struct sqlite_apply *p, const char *name)
{
	return db_quote(p->db, name, p->arena);
}

/* The staging column of a source column: those that are written, counted. */
static uint32_t staged_column(const struct sqlite_apply *p, uint32_t column)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < column; i++)
		n += p->fit->v[i].to != NULL;
	return n;
}

static bool is_key(const struct sqlite_apply *p, uint32_t column)
{
	for (uint32_t i = 0; i < p->n_keys; i++)
		if (p->keys[i] == column)
			return true;
	return false;
}

/* "t.k = s.c0 AND …": the target's collation and affinity hold. */
static void add_same_key(struct sqlite_apply *p, struct buf *sql)
{
	for (uint32_t i = 0; i < p->n_keys; i++)
		buf_printf(sql, "%st.%s = s.c%u", i ? " AND " : "",
			quoted(p, p->fit->v[p->keys[i]].to->name), staged_column(p, p->keys[i]));
}

/* "c0, c3" */
static const char *key_list(struct sqlite_apply *p)
{
	struct buf list = BUF_INIT(SQL_MAX);

	for (uint32_t i = 0; i < p->n_keys; i++)
		buf_printf(&list, "%sc%u", i ? ", " : "", staged_column(p, p->keys[i]));
	return arena_buf(p->arena, &list);
}

static int run_sql(struct sqlite_apply *p, const char *sql, int64_t *ret_changes, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(p->db, sql, &stmt, err) < 0 || db_run(stmt, err) < 0)
		return -1;
	*ret_changes = db_changes(p->db);
	return 0;
}

static int count(struct sqlite_apply *p, const char *sql, int64_t *ret_n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(p->db, sql, &stmt, err) < 0)
		return -1;
	rc = db_step(stmt, err);
	if (rc >= 0)
		*ret_n = rc ? db_column_int(stmt, 0) : 0;
	return rc < 0 ? -1 : 0;
}

/* --- keys --- */

static bool sqlite_apply_merges(const struct job *job)
{
	return job->load_mode == LOAD_MERGE ||
	       (job->load_mode == LOAD_INCREMENTAL && job->key_columns);
}

static int no_key(struct sqlite_apply *p, const char *name, struct err *err)
{
	const char **names = arena_array(p->arena, p->fit->n, sizeof(*names));
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->fit->n; i++)
		if (p->fit->v[i].to)
			names[n++] = p->fit->v[i].to->name;
	err_set(err, ERR_CONFIG, "key_columns: '%s' is not among the columns that are loaded", name);
	return err_suggest(err, text_nearest(name, names, n));
}

int sqlite_apply_keys(struct sqlite_apply *p, struct err *err)
{
	const char **names;
	uint32_t n;

	p->n_keys = 0;
	p->merges = sqlite_apply_merges(p->job);
	if (!p->job->key_columns)
		return 0;
	if (tds_names_parse(p->job->key_columns, p->arena, &names, &n, err) < 0)
		return err_wrap(err, "key_columns");
	p->keys = arena_array(p->arena, n ? n : 1, sizeof(*p->keys));
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = 0;

		while (i < p->fit->n && !(p->fit->v[i].to &&
						strcasecmp(p->fit->v[i].to->name, names[k]) == 0))
			i++;
		if (i == p->fit->n)
			return no_key(p, names[k], err);
		p->keys[p->n_keys++] = i;
	}
	if (p->n_keys == 0)
		return err_set(err, ERR_CONFIG, "key_columns names no column");
	return 0;
}

/* "(7, 'x')" of the key columns at `from` of a row, as policy allows; else "". */
static const char *key_text(struct sqlite_apply *p, struct db_stmt *stmt, int from)
{
	struct buf out = BUF_INIT(SQL_MAX);

	if (p->job->reject_values == REJECT_VALUES_NONE)
		return "";
	for (uint32_t i = 0; i < p->n_keys; i++) {
		const char *text = db_column_text(stmt, from + (int)i);

		buf_printf(&out, "%s%.64s", i ? ", " : " (", text ? text : "NULL");
	}
	buf_addc(&out, ')');
	return arena_buf(p->arena, &out);
}

static int check_nulls(struct sqlite_apply *p, struct err *err)
{
	for (uint32_t i = 0; i < p->n_keys; i++) {
		const struct sqlite_column *to = p->fit->v[p->keys[i]].to;
		int64_t n;

		if (count(p,
			    arena_printf(p->arena, "SELECT count(*) FROM %s WHERE c%u IS NULL",
				    p->move->rows, staged_column(p, p->keys[i])),
			    &n, err) < 0)
			return -1;
		if (n) {
			char rows[64];

			err_set(err, ERR_DATA, "%s of the source ha%s no value in the key column '%s'",
				text_plural((uint64_t)n, "row", rows, sizeof(rows)),
				n == 1 ? "s" : "ve", to->name);
			return err_hint(err, "a row without a key is never the same row again");
		}
	}
	return 0;
}

static int check_twice(struct sqlite_apply *p, struct err *err)
{
	CLEANUP(buf_release) struct buf named = BUF_INIT(SQL_MAX);
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *keys = key_list(p);
	const char *sql = arena_printf(p->arena,
		"SELECT count(*), %s, %s FROM %s GROUP BY %s HAVING count(*) > 1 LIMIT %d",
		p->move->numbered ? "min(rowid) || ' and ' || max(rowid)" : "NULL", keys,
		p->move->rows, keys, NAMED_MAX + 1);
	int n = 0, rc;

	if (db_prepare(p->db, sql, &stmt, err) < 0)
		return -1;
	while ((rc = db_step(stmt, err)) > 0) {
		if (n < NAMED_MAX)
			buf_printf(&named, "%s%s%s%s", n ? "; " : "",
				p->move->numbered ? "rows " : "",
				p->move->numbered ? db_column_text(stmt, 1) : "",
				key_text(p, stmt, 2));
		n++;
	}
	if (rc < 0 || n == 0)
		return rc;
	err_set(err, ERR_DATA, "the source has the same key (%s) more than once: %s%s",
		p->job->key_columns, buf_str(&named), n > NAMED_MAX ? "; and more" : "");
	return err_hint(err, "which of them holds cannot be known: make the source's rows, or "
			     "key_columns, unique");
}

int sqlite_apply_check(struct sqlite_apply *p, struct err *err)
{
	if (!p->merges)
		return 0;
	if (sqlite_move_index(p->move, key_list(p), p->arena, err) < 0)
		return -1;
	return check_nulls(p, err) < 0 ? -1 : check_twice(p, err);
}

/* --- guards --- */

/* All of them where a limit has to be counted, else whether there is one. */
static int count_rows(struct sqlite_apply *p, int64_t *ret_n, struct err *err)
{
	return count(p,
		arena_printf(p->arena,
			p->job->max_delete ? "SELECT count(*) FROM main.%s"
					   : "SELECT 1 FROM main.%s LIMIT 1",
			quoted(p, p->table->name)),
		ret_n, err);
}

/* A row that another table's rows hang on with CASCADE or the like cannot go and come back. */
static int check_dependants(struct sqlite_apply *p, struct err *err)
{
	static const char sql[] =
		"SELECT s.name, f.on_delete FROM main.sqlite_schema s"
		" JOIN pragma_foreign_key_list(s.name, 'main') f"
		" WHERE s.type = 'table' AND f.\"table\" = @table COLLATE NOCASE"
		" AND f.on_delete NOT IN ('NO ACTION', '') AND s.name <> @table COLLATE NOCASE";
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(p->db, sql, &stmt, err) < 0)
		return -1;
	db_bind_text(stmt, 1, p->table->name);
	rc = db_step(stmt, err);
	if (rc <= 0)
		return rc;
	err_set(err, ERR_CONFIG,
		"table '%s' points to '%s' by a foreign key ON DELETE %s: replacing the rows would "
		"reach into it", db_column_text(stmt, 0), p->table->name, db_column_text(stmt, 1));
	return err_hint(err, "use load_mode = merge, or a foreign key without an action");
}

static int delete_all(struct sqlite_apply *p, struct err *err)
{
	int64_t before, gone;

	if (check_dependants(p, err) < 0 || count_rows(p, &before, err) < 0 ||
		load_check_min_rows(p->job, "table", (uint64_t)before, p->staged, err) < 0)
		return -1;
	if (p->job->max_delete &&
		load_check_max_delete(
			p->job, "table", before, before - (int64_t)p->staged, err) < 0)
		return -1;
	if (before == 0)
		return 0;
	return run_sql(p, arena_printf(p->arena, "DELETE FROM main.%s", quoted(p, p->table->name)),
		&gone, err);
}

/* --- rows --- */

/* One by one, after one of them was refused: those that are go to the rejects. */
static int insert_each(struct sqlite_apply *p, const char *insert_sql, const char *where,
	int64_t *ret_rows, struct err *err)
{
	CLEANUP_STMT struct db_stmt *select = NULL, *insert = NULL;
	uint64_t rejected = rejects_count(p->rejects);
	int columns, rc;

	*ret_rows = 0;
	if (db_prepare(p->db,
		    arena_printf(p->arena, "SELECT s.*, %s FROM %s AS s%s",
			    p->move->numbered ? "s.rowid" : "0", p->move->rows, where),
		    &select, err) < 0)
		return -1;
	columns = db_column_count(select) - 1;
	if (db_prepare(p->db,
		    arena_printf(p->arena, "%s%s", insert_sql,
			    sqlite_move_values(columns, p->arena)),
		    &insert, err) < 0)
		return -1;
	while ((rc = db_step(select, err)) > 0) {
		uint64_t row = (uint64_t)db_column_int(select, columns);

		for (int i = 0; i < columns; i++)
			sqlite_move_bind(insert, i + 1, select, i);
		if (db_run(insert, err) < 0) {
			if (row)
				row = rejects_row_of(p->rejects, rejected, row);
			if (rejects_add(p->rejects, row, NULL, NULL, err) < 0)
				return -1;
			continue;
		}
		*ret_rows += db_changes(p->db);
	}
	return rc;
}

static int missing_rows(uint64_t staged, uint64_t taken, struct err *err)
{
	err_set(err, ERR_DATA, "%" PRIu64 " rows are staged, and the table took %" PRIu64, staged,
		taken);
	return err_hint(err, "a trigger (RAISE(IGNORE)) or an ON CONFLICT IGNORE of the table drops "
			     "rows");
}

/* `where` of the staged rows s; `want`: so many, -1: not known. */
static int insert_rows(struct sqlite_apply *p, const char *where, int64_t want, int64_t *ret_rows,
	struct err *err)
{
	const char *insert_sql = sqlite_table_insert_sql(p->table, p->fit, p->db, p->arena);
	uint64_t rejected = p->rejects ? rejects_count(p->rejects) : 0;
	struct err first = ERR_INIT;

	if (run_sql(p,
		    arena_printf(p->arena, *where ? "%sSELECT s.* FROM %s AS s%s" : "%sSELECT * FROM %s%s",
			    insert_sql, p->move->rows, where),
		    ret_rows, &first) < 0) {
		if (first.code != ERR_DATA || p->job->on_reject == ON_REJECT_FAIL || !p->rejects) {
			*err = first;
			return -1;
		}
		if (insert_each(p, insert_sql, where, ret_rows, err) < 0)
			return -1;
	}
	rejected = p->rejects ? rejects_count(p->rejects) - rejected : 0;
	if (want >= 0 && *ret_rows + (int64_t)rejected != want)
		return missing_rows((uint64_t)want, (uint64_t)*ret_rows, err);
	return 0;
}

static int update_rows(struct sqlite_apply *p, int64_t *ret_rows, struct err *err)
{
	struct buf sql = BUF_INIT(SQL_MAX), differs = BUF_INIT(SQL_MAX);
	const char *between = "";
	uint32_t terms = 0;

	buf_printf(&sql, "UPDATE main.%s AS t SET ", quoted(p, p->table->name));
	for (uint32_t i = 0; i < p->fit->n; i++) {
		const struct sqlite_column *to = p->fit->v[i].to;
		const char *name;
		uint32_t c;

		if (!to || is_key(p, i))
			continue;
		name = quoted(p, to->name);
		c = staged_column(p, i);
		buf_printf(&sql, "%s%s = s.c%u", *between ? ", " : "", name, c);
		if (*between && ++terms % TERMS_MAX == 0)
			between = ") OR (";
		/* 'a' is not 'A', whatever the column's collation; nor 1 1.0, where both can be */
		buf_printf(&differs, "%st.%s IS NOT s.c%u COLLATE BINARY", between, name, c);
		if (to->affinity == AFFINITY_NONE)
			buf_printf(&differs, " OR typeof(t.%s) <> typeof(s.c%u)", name, c);
		between = " OR ";
	}
	*ret_rows = 0;
	buf_printf(&sql, " FROM %s AS s WHERE ", p->move->rows);
	add_same_key(p, &sql);
	buf_printf(&sql, " AND ((%s))", buf_str(&differs));
	buf_release(&differs);
	if (!*between) { /* keys are all there is */
		buf_release(&sql);
		return 0;
	}
	return run_sql(p, arena_buf(p->arena, &sql), ret_rows, err);
}

/* " WHERE NOT EXISTS (… the other side's row …)" */
static const char *not_there(struct sqlite_apply *p, const char *table, const char *alias)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, " WHERE NOT EXISTS (SELECT 1 FROM %s AS %s WHERE ", table, alias);
	add_same_key(p, &sql);
	buf_addc(&sql, ')');
	return arena_buf(p->arena, &sql);
}

static int delete_missing(struct sqlite_apply *p, struct err *err)
{
	const char *table = arena_printf(p->arena, "main.%s", quoted(p, p->table->name));
	int64_t before, gone;

	if (count_rows(p, &before, err) < 0 || load_check_min_rows(p->job, "table", (uint64_t)before, p->staged, err) < 0)
		return -1;
	if (run_sql(p,
		    arena_printf(p->arena, "DELETE FROM %s AS t%s", table,
			    not_there(p, p->move->rows, "s")),
		    &gone, err) < 0)
		return -1;
	return p->job->max_delete ? load_check_max_delete(p->job, "table", before, gone, err) : 0;
}

static int merge_rows(struct sqlite_apply *p, int64_t *ret_rows, struct err *err)
{
	const char *table = arena_printf(p->arena, "main.%s", quoted(p, p->table->name));
	int64_t changed, added;

	if (p->job->delete_missing && delete_missing(p, err) < 0)
		return -1;
	if (update_rows(p, &changed, err) < 0 ||
		insert_rows(p, not_there(p, table, "t"), -1, &added, err) < 0)
		return -1;
	*ret_rows = changed + added;
	return 0;
}

int sqlite_apply_rows(struct sqlite_apply *p, uint64_t *ret_rows, struct err *err)
{
	int64_t rows;
	int rc;

	if (db_exec(p->db, "PRAGMA defer_foreign_keys = ON", err) < 0)
		return -1;
	if ((job_replaces(p->job) || (p->full && !p->merges)) && delete_all(p, err) < 0)
		return -1;
	rc = p->merges ? merge_rows(p, &rows, err)
		       : insert_rows(p, "", (int64_t)p->staged, &rows, err);
	if (rc == 0)
		*ret_rows = (uint64_t)rows;
	return rc;
}

void sqlite_apply_explain(struct sqlite_apply *p, struct err *err)
{
	CLEANUP(buf_release) struct buf named = BUF_INIT(SQL_MAX);
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;
	int n = 0;

	if (err->code != ERR_DATA || !strstr(err->msg, "FOREIGN KEY"))
		return;
	if (db_prepare(p->db,
		    "SELECT \"table\", rowid, parent FROM pragma_foreign_key_check() LIMIT 4", &stmt,
		    &ignored) < 0)
		return;
	while (n < NAMED_MAX && db_step(stmt, &ignored) > 0)
		buf_printf(&named, "%s'%s', row %" PRId64 ", points into '%s'", n++ ? "; " : "",
			db_column_text(stmt, 0), db_column_int(stmt, 1), db_column_text(stmt, 2));
	if (n)
		err_hint(err, "rows that a foreign key of theirs leads nowhere: %s; load the table "
			      "that they point into first (after = …)", buf_str(&named));
}
