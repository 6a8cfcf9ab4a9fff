#include "work/mssql_changes.h"

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "db/tsql.h"

#define SQL_MAX	   (1024u * 1024)
#define PREFIX	   "ct:"
#define KEYS_MAX   32 /* columns of an index: SQL Server's limit */

struct finder {
	struct db *db;
	const struct source_request *request;
	struct arena *a;
	const char *table; /* in brackets */
	int64_t now, oldest; /* versions: of the database, and the first that can be asked for */
	const char **columns, **keys;
	uint32_t n_columns, n_keys;
};

/* --- what is tracked --- */

static int not_tracked(struct finder *f, bool database, struct err *err)
{
	if (database) {
		err_set(err, ERR_CONFIG, "change tracking is off in the database");
		return err_hint(err, "ALTER DATABASE CURRENT SET CHANGE_TRACKING = ON (CHANGE_RETENTION = 7 DAYS, "
				     "AUTO_CLEANUP = ON), or give a watermark_column");
	}
	err_set(err, ERR_CONFIG, "changes of the table are not tracked, or not for this login");
	return err_hint(err, "ALTER TABLE %s ENABLE CHANGE_TRACKING, GRANT VIEW CHANGE TRACKING ON %s TO this login; "
			     "or give a watermark_column", f->table, f->table);
}

/* Before any table is read: the snapshot is then at this version or later, and what is later is read
 * once more by the next load. */
static int read_versions(struct finder *f, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(f->db,
		    "SELECT CHANGE_TRACKING_CURRENT_VERSION(), CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(@name))",
		    &stmt, err))
		return -1;
	db_bind_text(stmt, 1, f->table);
	if (db_step(stmt, err) < 0)
		return -1;
	for (int i = 0; i < 2; i++)
		if (db_column_type(stmt, i) == DB_NULL)
			return not_tracked(f, i == 0, err);
	f->now = db_column_int(stmt, 0);
	f->oldest = db_column_int(stmt, 1);
	return 0;
}

/* Those that SELECT * would give, and sparse ones in the place of their column set; the key's in its order. */
static int read_columns(struct finder *f, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	size_t cap = 0;
	int rc;

	f->keys = arena_array(f->a, KEYS_MAX, sizeof(*f->keys));
	if (db_prepare(f->db,
		    "SELECT c.name, CAST(COALESCE((SELECT MAX(k.key_ordinal) FROM sys.index_columns AS k"
		    " JOIN sys.indexes AS i ON i.object_id = k.object_id AND i.index_id = k.index_id"
		    " WHERE i.is_primary_key = 1 AND k.object_id = c.object_id AND k.column_id = c.column_id), 0)"
		    " AS int) FROM sys.columns AS c WHERE c.object_id = OBJECT_ID(@name) AND c.is_hidden = 0"
		    " AND c.is_column_set = 0 ORDER BY c.column_id",
		    &stmt, err))
		return -1;
	db_bind_text(stmt, 1, f->table);
	while ((rc = db_step(stmt, err)) > 0) {
		int64_t key = db_column_int(stmt, 1);

		f->columns = arena_grow(f->a, f->columns, f->n_columns, &cap, sizeof(*f->columns));
		f->columns[f->n_columns] = tsql_quote(db_column_text(stmt, 0), f->a);
		if (key > 0 && key <= KEYS_MAX)
			f->keys[key - 1] = f->columns[f->n_columns];
		f->n_columns++;
	}
	while (f->n_keys < KEYS_MAX && f->keys[f->n_keys])
		f->n_keys++;
	if (rc == 0 && f->n_keys == 0)
		return err_set(err, ERR_CONFIG, "the table has no primary key, which names the rows that are gone");
	return rc;
}

/* --- SQL --- */

static bool is_key(const struct finder *f, const char *column)
{
	for (uint32_t i = 0; i < f->n_keys; i++)
		if (f->keys[i] == column)
			return true;
	return false;
}

static const char *whole_sql(struct finder *f)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	for (uint32_t i = 0; i < f->n_columns; i++)
		buf_printf(&sql, "%ss.%s", i ? ", " : "SELECT ", f->columns[i]);
	buf_printf(&sql, " FROM %s AS s", f->table);
	return arena_buf(f->a, &sql);
}

static const char *changes_sql(struct finder *f, int64_t since)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	for (uint32_t i = 0; i < f->n_columns; i++)
		buf_printf(&sql, "%s%s.%s", i ? ", " : "SELECT ", is_key(f, f->columns[i]) ? "c" : "s",
			f->columns[i]);
	buf_printf(&sql, ", CAST(CASE WHEN s.%s IS NULL THEN 1 ELSE 0 END AS bit) AS " MSSQL_CHANGES_GONE
			 " FROM CHANGETABLE(CHANGES %s, %" PRId64 ") AS c LEFT JOIN %s AS s ON ",
		f->keys[0], f->table, since, f->table);
	for (uint32_t i = 0; i < f->n_keys; i++)
		buf_printf(&sql, "%ss.%s = c.%s", i ? " AND " : "", f->keys[i], f->keys[i]);
	return arena_buf(f->a, &sql);
}

/* --- since when --- */

/* Why the changes since the watermark are not all there; NULL: they are, since *ret_since. */
static const char *find_gap(struct finder *f, int64_t *ret_since)
{
	const char *mark = f->request->watermark;

	if (strncmp(mark, PREFIX, strlen(PREFIX)) != 0 || text_parse_int(mark + strlen(PREFIX), ret_since) ||
		*ret_since < 0)
		return arena_printf(f->a, "the watermark '%s' is no version of change tracking", mark);
	if (*ret_since > f->now)
		return arena_printf(f->a,
			"the last load read version %" PRId64 ", and the database is at %" PRId64 ": it was restored",
			*ret_since, f->now);
	if (*ret_since < f->oldest)
		return arena_printf(f->a,
			"the last load read version %" PRId64 ", and changes are kept since %" PRId64, *ret_since,
			f->oldest);
	return NULL;
}

int mssql_changes_reload(const struct source_request *request, const char *gap, const char *as_of, struct arena *a,
	struct mssql_changes *ret, struct err *err)
{
	if (gap && request->job->on_gap == GAP_FAIL) {
		err_set(err, ERR_DATA, "%s", gap);
		return err_hint(err, "on_gap = fail: order a run that reads everything ('etl run --full JOB'); changes that "
				     "are kept for longer leave more time between loads");
	}
	ret->gap = gap != NULL;
	ret->whole = true;
	ret->how = arena_printf(a, "reads everything, %s: %s; rows that the target has besides are deleted", as_of,
		gap ? gap : "there is no watermark to go on from");
	return 0;
}

static int decide(struct finder *f, struct mssql_changes *ret, struct err *err)
{
	const char *gap = NULL;
	int64_t since = 0;

	if (f->request->watermark)
		gap = find_gap(f, &since);
	ret->to = arena_printf(f->a, PREFIX "%" PRId64, f->now);
	if (f->request->watermark && !gap) {
		ret->sql = changes_sql(f, since);
		ret->how = arena_printf(f->a,
			"reads the changes of version %" PRId64 " to %" PRId64 " (change tracking), in one snapshot",
			since, f->now);
		return 0;
	}
	ret->sql = whole_sql(f);
	return mssql_changes_reload(f->request, gap,
		arena_printf(f->a, "in one snapshot of version %" PRId64 " (change tracking)", f->now), f->a, ret, err);
}

/* The table's schema and name are enough: OBJECT_ID and CHANGETABLE take no other database's. */
int mssql_changes_table(const char *const *table, struct arena *a, const char **ret_name, struct err *err)
{
	if (!table[2] && !table[3]) {
		*ret_name = tsql_name_print(table, a);
		return 0;
	}
	err_set(err, ERR_CONFIG, "changes are kept by the database of the connection, and the table is in '%s'",
		table[2]);
	return err_hint(err, "name that database in a connection of its own");
}

int mssql_changes_find(struct db *db, const struct source_request *request, const char *const *table,
	struct arena *a, struct mssql_changes *ret, struct err *err)
{
	struct finder f = {.db = db, .request = request, .a = a};

	*ret = (struct mssql_changes){.seen = "one snapshot"};
	if (mssql_changes_table(table, a, &f.table, err) || read_columns(&f, err) || db_begin_read(db, err) ||
		read_versions(&f, err))
		return -1;
	return decide(&f, ret, err);
}
