#include "work/mssql_apply.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/text.h"
#include "db/tsql.h"
#include "tds/declare.h"
#include "work/mssql_quiet.h"
#include "work/mssql_rename.h"
#include "work/target.h"

#define SQL_MAX	  (4u * 1024 * 1024)
#define TERMS_MAX 32 /* columns in one chain of ORs: an engine nests them in one another */
#define NAMED_MAX 3 /* keys that an error names */
#define BINARY	  "COLLATE Latin1_General_BIN2"

/* --- SQL --- */

static const char *quoted(struct mssql_apply *p, uint32_t column)
{
	return tsql_quote(p->fit->v[column].to->c.name, p->arena);
}

/* The staging table's column. */
static const char *staged(struct mssql_apply *p, uint32_t column)
{
	return tsql_quote(p->fit->v[column].staged.name, p->arena);
}

static bool is_key(const struct mssql_apply *p, uint32_t column)
{
	for (uint32_t i = 0; i < p->n_keys; i++)
		if (p->keys[i] == column)
			return true;
	return false;
}

/* "t.[k] = s.c0 AND …": the target's collation holds. */
static void add_same_key(struct mssql_apply *p, struct buf *sql)
{
	for (uint32_t i = 0; i < p->n_keys; i++)
		buf_printf(sql, "%st.%s = s.c%" PRIu32, i ? " AND " : "", quoted(p, p->keys[i]), p->keys[i]);
}

static const char *key_list(struct mssql_apply *p)
{
	struct buf list = BUF_INIT(SQL_MAX);

	for (uint32_t i = 0; i < p->n_keys; i++)
		buf_printf(&list, "%sc%" PRIu32, i ? ", " : "", p->keys[i]);
	return arena_buf(p->arena, &list);
}

static int run_sql(struct mssql_apply *p, const char *sql, int64_t *ret_changes, struct err *err)
{
	if (db_exec(p->db, sql, err))
		return -1;
	*ret_changes = db_changes(p->db);
	return 0;
}

static int count(struct mssql_apply *p, const char *sql, int64_t *ret_n, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(p->db, sql, &stmt, err))
		return -1;
	rc = db_step(stmt, err);
	if (rc >= 0)
		*ret_n = rc ? db_column_int(stmt, 0) : 0;
	return rc < 0 ? -1 : 0;
}

/* --- keys --- */

/* As the target calls them. */
static const char *key_names(struct mssql_apply *p)
{
	struct buf out = BUF_INIT(SQL_MAX);

	for (uint32_t i = 0; i < p->n_keys; i++)
		buf_printf(&out, "%s%s", i ? ", " : "", p->fit->v[p->keys[i]].to->c.name);
	return arena_buf(p->arena, &out);
}

static int no_key(struct mssql_apply *p, const char *name, struct err *err)
{
	const char **names = arena_array(p->arena, p->fit->n, sizeof(*names));
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->fit->n; i++)
		if (p->fit->v[i].to)
			names[n++] = p->fit->v[i].to->c.name;
	err_set(err, ERR_CONFIG, "key_columns: '%s' is not among the columns that are loaded", name);
	return err_suggest(err, text_nearest(name, names, n));
}

/* Whichever row a change belongs to is known by the source's primary key alone. */
static int source_keys(struct mssql_apply *p, struct err *err)
{
	p->n_keys = mssql_fit_keys(p->fit, p->cols, p->arena, &p->keys);
	for (uint32_t i = 0; i < p->fit->n; i++)
		if (p->cols->v[i].key > p->n_keys)
			return err_set(err, ERR_CONFIG, "the source's key column '%s' is not loaded",
				p->cols->v[i].name);
	return p->n_keys ? 0 : err_set(err, ERR_CONFIG, "the source has no primary key, and key_columns names none");
}

static int check_keys_of_changes(struct mssql_apply *p, struct err *err)
{
	for (uint32_t i = 0; i < p->n_keys; i++)
		if (p->cols->v[p->keys[i]].key == 0) {
			err_set(err, ERR_CONFIG, "key_columns: '%s' is no part of the source's primary key, which is "
						 "all that is known of a deleted row",
				p->fit->v[p->keys[i]].to->c.name);
			return err_hint(err, "leave key_columns out: the primary key is taken");
		}
	return 0;
}

int mssql_apply_keys(struct mssql_apply *p, struct err *err)
{
	bool changes = job_changes(p->job) != CHANGES_WATERMARK;
	const char **names;
	uint32_t n;

	p->n_keys = 0;
	p->merges = p->job->load_mode == LOAD_MERGE || changes ||
		    (p->job->load_mode == LOAD_INCREMENTAL && p->job->key_columns);
	if (!p->job->key_columns)
		return changes ? source_keys(p, err) : 0;
	if (tds_names_parse(p->job->key_columns, p->arena, &names, &n, err))
		return err_wrap(err, "key_columns");
	p->keys = arena_array(p->arena, n ? n : 1, sizeof(*p->keys));
	for (uint32_t k = 0; k < n; k++) {
		uint32_t i = 0;

		while (i < p->fit->n &&
			!(p->fit->v[i].to && strcasecmp(p->fit->v[i].to->c.name, names[k]) == 0))
			i++;
		if (i == p->fit->n)
			return no_key(p, names[k], err);
		p->keys[p->n_keys++] = i;
	}
	if (p->n_keys == 0)
		return err_set(err, ERR_CONFIG, "key_columns names no column");
	return changes ? check_keys_of_changes(p, err) : 0;
}

static int check_nulls(struct mssql_apply *p, struct err *err)
{
	for (uint32_t i = 0; i < p->n_keys; i++) {
		char rows[64];
		int64_t n;

		if (count(p,
			    arena_printf(p->arena,
				    "SELECT COUNT_BIG(*) FROM %s WHERE c%" PRIu32 " IS NULL", p->stage,
				    p->keys[i]),
			    &n, err))
			return -1;
		if (n == 0)
			continue;
		err_set(err, ERR_DATA, "%s of the source ha%s no value in the key column '%s'",
			text_plural((uint64_t)n, "row", rows, sizeof(rows)), n == 1 ? "s" : "ve",
			p->fit->v[p->keys[i]].to->c.name);
		return err_hint(err, "a row without a key is never the same row again");
	}
	return 0;
}

/* "(7, 'x')", as policy allows; else "". */
static const char *key_text(struct mssql_apply *p, struct db_stmt *stmt)
{
	struct buf out = BUF_INIT(SQL_MAX);

	if (p->job->reject_values == REJECT_VALUES_NONE)
		return "";
	for (uint32_t i = 0; i < p->n_keys; i++) {
		const char *text = db_column_text(stmt, (int)i);

		buf_printf(&out, "%s%.64s", i ? ", " : " (", text ? text : "NULL");
	}
	buf_addc(&out, ')');
	return arena_buf(p->arena, &out);
}

static int check_twice(struct mssql_apply *p, struct err *err)
{
	CLEANUP(buf_release) struct buf named = BUF_INIT(SQL_MAX);
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *keys = key_list(p);
	int n = 0, rc;

	if (db_prepare(p->db,
		    arena_printf(p->arena, "SELECT TOP (%d) %s FROM %s GROUP BY %s HAVING COUNT_BIG(*) > 1",
			    NAMED_MAX + 1, keys, p->stage, keys),
		    &stmt, err))
		return -1;
	while ((rc = db_step(stmt, err)) > 0)
		if (n++ < NAMED_MAX)
			buf_printf(&named, "%s%s", n > 1 ? ";" : "", key_text(p, stmt));
	if (rc < 0 || n == 0)
		return rc;
	err_set(err, ERR_DATA, "the source has the same key (%s) more than once:%s%s", key_names(p),
		buf_str(&named), n > NAMED_MAX ? "; and more" : "");
	return err_hint(err, "which of them holds cannot be known: make the source's rows, or "
			     "key_columns, unique");
}

int mssql_apply_check(struct mssql_apply *p, struct err *err)
{
	if (!p->merges)
		return 0;
	return check_nulls(p, err) || check_twice(p, err) ? -1 : 0;
}

/* --- guards --- */

/* All of them where a limit has to be counted, else whether there is one. */
static int count_rows(struct mssql_apply *p, int64_t *ret_n, struct err *err)
{
	return count(p,
		arena_printf(p->arena,
			p->job->max_delete ? "SELECT COUNT_BIG(*) FROM %s" : "SELECT TOP (1) 1 FROM %s",
			p->table->name),
		ret_n, err);
}

static int check_guards(struct mssql_apply *p, bool *ret_any, struct err *err)
{
	int64_t before;

	if (count_rows(p, &before, err) ||
		load_check_min_rows(p->job, "table", (uint64_t)before, p->staged, err))
		return -1;
	*ret_any = before != 0;
	return p->job->max_delete
		       ? load_check_max_delete(p->job, "table", before, before - (int64_t)p->staged, err)
		       : 0;
}

/* --- rows --- */

static void add_columns(struct mssql_apply *p, struct buf *names, struct buf *values)
{
	const char *between = "";

	for (uint32_t i = 0; i < p->fit->n; i++) {
		if (!p->fit->v[i].to)
			continue;
		buf_printf(names, "%s%s", between, quoted(p, i));
		buf_printf(values, "%ss.%s", between, staged(p, i));
		between = ", ";
	}
}

static int set_identity(struct mssql_apply *p, const char *table, const char *on, struct err *err)
{
	if (!p->fit->identity)
		return 0;
	return db_exec(p->db, arena_printf(p->arena, "SET IDENTITY_INSERT %s %s", table, on), err);
}

struct insert {
	const char *table, *hint; /* " WITH (TABLOCK)" or "" */
	const char *where; /* of the staged rows s */
	int64_t want;	   /* so many; -1: not known */
};

static int insert_rows(struct mssql_apply *p, const struct insert *in, int64_t *ret_rows, struct err *err)
{
	struct buf names = BUF_INIT(SQL_MAX), values = BUF_INIT(SQL_MAX);
	const char *into, *from;

	add_columns(p, &names, &values);
	into = arena_buf(p->arena, &names);
	from = arena_buf(p->arena, &values);
	if (set_identity(p, in->table, "ON", err) ||
		run_sql(p,
			arena_printf(p->arena, "INSERT INTO %s%s (%s) SELECT %s FROM %s AS s%s", in->table,
				in->hint, into, from, p->stage, in->where),
			ret_rows, err) ||
		set_identity(p, in->table, "OFF", err))
		return -1;
	if (in->want < 0 || *ret_rows == in->want)
		return 0;
	err_set(err, ERR_DATA, "%" PRId64 " rows are staged, and the table took %" PRId64, in->want, *ret_rows);
	return err_hint(err, "an INSTEAD OF trigger or an index with IGNORE_DUP_KEY drops rows");
}

/* Is there no '=' for its values? Then they are always written. */
static bool cannot_compare(const struct tds_column *c)
{
	return c->type == TDS_XML || c->type == TDS_UDT || c->type == TDS_OLD_TEXT ||
	       c->type == TDS_OLD_NTEXT || c->type == TDS_OLD_IMAGE;
}

/* Whatever the collation takes for the same: 'a' is not 'A', nor 'a ' 'a'. */
static void add_differs(struct mssql_apply *p, uint32_t i, const char *between, struct buf *out)
{
	const struct tds_column *c = &p->fit->v[i].to->c;
	bool text = tds_type_is_narrow(c->type) || tds_type_is_utf16(c->type);
	const char *name = quoted(p, i);

	if (cannot_compare(c)) {
		buf_printf(out, "%s1 = 1", between);
		return;
	}
	buf_printf(out, "%st.%s <> s.c%" PRIu32 "%s", between, name, i, text ? " " BINARY : "");
	if (text || c->type == TDS_BIGVARBINARY)
		buf_printf(out, " OR DATALENGTH(t.%s) <> DATALENGTH(CAST(s.c%" PRIu32 " AS %s))", name, i,
			tds_type_print(c, p->arena));
	buf_printf(out, " OR (t.%s IS NULL AND s.c%" PRIu32 " IS NOT NULL)"
			" OR (t.%s IS NOT NULL AND s.c%" PRIu32 " IS NULL)", name, i, name, i);
}

/* "" where rows cannot be gone. */
static const char *where_gone(struct mssql_apply *p, const char *before, int gone)
{
	if (!p->fit->gone)
		return "";
	return arena_printf(p->arena, "%ss.%s = %d", before, p->fit->gone->staged.name, gone);
}

static int update_rows(struct mssql_apply *p, int64_t *ret_rows, struct err *err)
{
	struct buf sql = BUF_INIT(SQL_MAX), differs = BUF_INIT(SQL_MAX);
	const char *between = "", *which;
	uint32_t terms = 0;

	buf_adds(&sql, "UPDATE t SET ");
	for (uint32_t i = 0; i < p->fit->n; i++) {
		const struct mssql_column *to = p->fit->v[i].to;

		if (!to || is_key(p, i) || to->c.identity)
			continue;
		buf_printf(&sql, "%s%s = s.c%" PRIu32, *between ? ", " : "", quoted(p, i), i);
		if (*between && ++terms % TERMS_MAX == 0)
			between = ") OR (";
		add_differs(p, i, between, &differs);
		between = " OR ";
	}
	*ret_rows = 0;
	which = arena_buf(p->arena, &differs);
	buf_printf(&sql, " FROM %s AS t JOIN %s AS s ON ", p->table->name, p->stage);
	add_same_key(p, &sql);
	buf_printf(&sql, " WHERE (%s)%s", which, where_gone(p, " AND ", 0));
	if (*between)
		return run_sql(p, arena_buf(p->arena, &sql), ret_rows, err);
	buf_release(&sql); /* keys are all there is */
	return 0;
}

/* " WHERE NOT EXISTS (… the other side's row …)" */
static const char *not_there(struct mssql_apply *p, const char *table, const char *alias)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	buf_printf(&sql, " WHERE NOT EXISTS (SELECT 1 FROM %s AS %s WHERE ", table, alias);
	add_same_key(p, &sql);
	buf_addc(&sql, ')');
	return arena_buf(p->arena, &sql);
}

static int delete_missing(struct mssql_apply *p, struct err *err)
{
	int64_t before, gone;

	if (count_rows(p, &before, err) ||
		load_check_min_rows(p->job, "table", (uint64_t)before, p->staged, err) ||
		run_sql(p,
			arena_printf(p->arena, "DELETE t FROM %s AS t%s", p->table->name,
				not_there(p, p->stage, "s")),
			&gone, err))
		return -1;
	return p->job->max_delete ? load_check_max_delete(p->job, "table", before, gone, err) : 0;
}

/* Those of which the source says so. */
static int delete_gone(struct mssql_apply *p, int64_t *ret_gone, struct err *err)
{
	struct buf sql = BUF_INIT(SQL_MAX);
	int64_t before = 0;

	*ret_gone = 0;
	if (!p->fit->gone)
		return 0;
	buf_printf(&sql, "DELETE t FROM %s AS t JOIN %s AS s ON ", p->table->name, p->stage);
	add_same_key(p, &sql);
	buf_adds(&sql, where_gone(p, " WHERE ", 1));
	if ((p->job->max_delete && count_rows(p, &before, err)) ||
		run_sql(p, arena_buf(p->arena, &sql), ret_gone, err))
		return -1;
	return p->job->max_delete ? load_check_max_delete(p->job, "table", before, *ret_gone, err) : 0;
}

static int merge_rows(struct mssql_apply *p, int64_t *ret_rows, struct err *err)
{
	const struct insert missing = {.table = p->table->name,
		.hint = "",
		.where = arena_printf(
			p->arena, "%s%s", not_there(p, p->table->name, "t"), where_gone(p, " AND ", 0)),
		.want = -1};
	int64_t changed, added, gone;

	if (((p->job->delete_missing || p->whole) && delete_missing(p, err)) || delete_gone(p, &gone, err) ||
		update_rows(p, &changed, err) || insert_rows(p, &missing, &added, err))
		return -1;
	*ret_rows = changed + added + gone;
	return 0;
}

/* --- all of them replaced --- */

#define EMPTY_LOCKED " WITH (TABLOCK)" /* minimally logged where that can be */

static int complete_next(void *arg, struct err *err)
{
	struct mssql_apply *p = arg;

	return mssql_twin_complete(p->db, p->twin, 1, err);
}

int mssql_apply_build(struct mssql_apply *p, const struct mssql_patience *patience, struct err *err)
{
	struct mssql_twin *twin = p->twin;
	int64_t rows;

	if (!twin)
		return 0;
	if (strcmp(p->stage, twin->name) != 0) {
		const struct insert all = {
			.table = twin->name, .hint = EMPTY_LOCKED, .where = "", .want = (int64_t)p->staged};

		if (db_exec(p->db, arena_printf(p->arena, "DROP TABLE IF EXISTS %s", twin->name), err) ||
			db_exec(p->db, twin->create, err) || insert_rows(p, &all, &rows, err))
			return -1;
	}
	while (twin->completed < twin->complete.n)
		if (mssql_patience_run(patience, complete_next, p, err))
			return -1;
	return p->ways->way == MSSQL_RENAME ? mssql_rename_prepare(p->db, p->table, twin, p->arena, err) : 0;
}

/* The identity of the rows that came is not that of the table. */
static int switch_in(struct mssql_apply *p, struct err *err)
{
	const char *table = p->table->name;

	if (db_exec(p->db, arena_printf(p->arena, "TRUNCATE TABLE %s", table), err) ||
		db_exec(p->db, arena_printf(p->arena, "ALTER TABLE %s SWITCH TO %s", p->twin->name, table), err))
		return -1;
	if (!p->twin->identity || p->staged == 0)
		return 0;
	return db_exec(p->db,
		arena_printf(p->arena, "DBCC CHECKIDENT (%s, RESEED) WITH NO_INFOMSGS", tsql_text(table, p->arena)),
		err);
}

static int replace_rows(struct mssql_apply *p, int64_t *ret_rows, struct err *err)
{
	enum mssql_way way = p->ways ? p->ways->way : MSSQL_TRUNCATE; /* the table was made just now */
	const struct insert all = {.table = p->table->name,
		.hint = way == MSSQL_TRUNCATE ? EMPTY_LOCKED : "",
		.where = "",
		.want = (int64_t)p->staged};
	int64_t gone;
	bool any;

	*ret_rows = (int64_t)p->staged;
	if (check_guards(p, &any, err))
		return -1;
	if (way == MSSQL_SWITCH)
		return switch_in(p, err);
	if (way == MSSQL_RENAME)
		return mssql_rename_publish(p->db, p->table, p->twin, p->arena, err);
	if (any && run_sql(p,
			   arena_printf(p->arena, way == MSSQL_DELETE ? "DELETE FROM %s" : "TRUNCATE TABLE %s",
				   p->table->name),
			   &gone, err))
		return -1;
	return insert_rows(p, &all, ret_rows, err);
}

int mssql_apply_rows(struct mssql_apply *p, uint64_t *ret_rows, struct err *err)
{
	const struct insert all = {
		.table = p->table->name, .hint = "", .where = "", .want = (int64_t)p->staged};
	struct mssql_quiet quiet = {.off.n = 0};
	int64_t rows;
	int rc;

	if (!p->twin && p->table->exists &&
		(mssql_quiet_read(p->db, p->job, p->table, p->arena, &quiet, err) ||
			mssql_statements_run(p->db, &quiet.off, err)))
		return -1;
	if (job_replaces(p->job) || (p->full && !p->merges))
		rc = replace_rows(p, &rows, err);
	else
		rc = p->merges ? merge_rows(p, &rows, err) : insert_rows(p, &all, &rows, err);
	if (rc || mssql_statements_run(p->db, &quiet.on, err))
		return -1;
	*ret_rows = (uint64_t)rows;
	return 0;
}

const char *mssql_apply_plan(struct mssql_apply *p)
{
	if (p->merges)
		return arena_printf(p->arena,
			"publishing: rows with the same key (%s) are changed where they differ, others added%s; "
			"UPDATE and INSERT lock the rows that they touch, and are fully logged", key_names(p),
			p->fit->gone ? "; those that the source has deleted are deleted"
			: p->job->delete_missing || p->whole ? "; those that the source lacks are deleted" : "");
	if (!job_replaces(p->job))
		return "publishing: the rows are added, by INSERT from staging; fully logged";
	if (!p->ways)
		return "publishing: the table is made and the rows INSERTed in one transaction: nobody sees it before";
	return mssql_way_plan(p->ways, p->engine, p->arena);
}
