#include "work/mssql_capture.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "db/tsql.h"

#define PREFIX	  "cdc:"
#define SQL_MAX	  (1024u * 1024)
#define LSN_BYTES 10

/* LSNs are "0x" and digits in capitals: their texts compare as they do. */
struct finder {
	struct db *db;
	const struct source_request *request;
	struct arena *a;
	const char *const *parts;
	const char *table;			/* in brackets */
	const char *instance, *columns, *keys; /* lists in brackets */
	const char *least, *last, *next;	/* of what is kept; what comes behind the watermark */
};

/* --- the instance --- */

static int no_instance(struct finder *f, const char *found, struct err *err)
{
	const char *wanted = f->request->job->capture_instance;

	if (wanted && found)
		return err_set(err, ERR_NOT_FOUND, "capture instance '%s' is not one of the table, '%s' is", wanted, found);
	err_set(err, ERR_NOT_FOUND, "changes of the table are not captured, or not for this login");
	return err_hint(err, "EXEC sys.sp_cdc_enable_db; EXEC sys.sp_cdc_enable_table @source_schema = %s, @source_name = %s, "
			     "@role_name = NULL; or give a watermark_column",
		tsql_text(f->parts[1] ? f->parts[1] : "dbo", f->a), tsql_text(f->parts[0], f->a));
}

static int column_of(struct db_stmt *stmt, const char *name)
{
	for (int i = 0; i < db_column_count(stmt); i++)
		if (strcasecmp(db_column_name(stmt, i), name) == 0)
			return i;
	return -1;
}

static const char *text_of(struct finder *f, struct db_stmt *stmt, const char *name)
{
	int i = column_of(stmt, name);

	return i < 0 ? NULL : arena_strdup(f->a, db_column_text(stmt, i));
}

/* A table has two at most: while its shape changes, the older one goes on. */
static int read_instance(struct finder *f, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	const char *wanted = f->request->job->capture_instance, *found = NULL;
	int rc, n = 0;

	if (db_prepare(f->db,
		    "EXEC sys.sp_cdc_help_change_data_capture @schema, @table", &stmt, err))
		return -1;
	db_bind_text(stmt, 1, f->parts[1] ? f->parts[1] : "dbo");
	db_bind_text(stmt, 2, f->parts[0]);
	while ((rc = db_step(stmt, err)) > 0) {
		found = text_of(f, stmt, "capture_instance");
		if (!found || (wanted && strcasecmp(wanted, found) != 0))
			continue;
		n++;
		f->instance = found;
		f->columns = text_of(f, stmt, "captured_column_list");
		f->keys = text_of(f, stmt, "index_column_list");
	}
	if (rc < 0)
		return -1;
	if (n > 1) {
		err_set(err, ERR_CONFIG, "the table has two capture instances, '%s' is one of them", f->instance);
		return err_hint(err, "say which one it is: capture_instance = %s", f->instance);
	}
	if (n == 0)
		return no_instance(f, found, err);
	if (f->columns && f->keys && *f->keys)
		return 0;
	return err_set(err, ERR_CONFIG, "capture instance '%s' has no unique index, which names the rows that are gone",
		f->instance);
}

/* --- log sequence numbers --- */

static const char *lsn_of(struct finder *f, struct db_stmt *stmt, int column)
{
	size_t len;
	const uint8_t *data = db_column_blob(stmt, column, &len);

	return db_column_type(stmt, column) == DB_NULL || len != LSN_BYTES ? NULL : tsql_binary(data, len, f->a);
}

/* The watermark's, if it is one. */
static const char *lsn_of_watermark(const char *mark)
{
	const char *lsn = mark + strlen(PREFIX);

	if (strncmp(mark, PREFIX, strlen(PREFIX)) != 0 || strncmp(lsn, "0x", 2) != 0 || strlen(lsn) != 2 + 2 * LSN_BYTES ||
		strspn(lsn + 2, "0123456789ABCDEF") != 2 * LSN_BYTES)
		return NULL;
	return lsn;
}

static int read_lsns(struct finder *f, const char *mark, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(f->db,
		    arena_printf(f->a,
			    "SELECT sys.fn_cdc_get_min_lsn(%s), sys.fn_cdc_get_max_lsn(), sys.fn_cdc_increment_lsn(%s)",
			    tsql_text(f->instance, f->a), mark ? mark : "NULL"),
		    &stmt, err) ||
		db_step(stmt, err) < 0)
		return -1;
	f->least = lsn_of(f, stmt, 0);
	f->last = lsn_of(f, stmt, 1);
	f->next = lsn_of(f, stmt, 2);
	if (f->least && strspn(f->least + 2, "0") == 2 * LSN_BYTES)
		f->least = NULL;
	if (f->least && f->last) {
		if (strcmp(f->last, f->least) < 0) /* nothing was captured since the instance was made */
			f->last = f->least;
		return 0;
	}
	err_set(err, ERR_DATA, "nothing of capture instance '%s' is there yet, or not for this login", f->instance);
	return err_hint(err, "does SQL Server Agent run, with the capture job of the database?");
}

/* --- SQL --- */

static const char *whole_sql(struct finder *f)
{
	return arena_printf(f->a, "SELECT %s FROM %s", f->columns, f->table);
}

static const char *changes_sql(struct finder *f)
{
	if (strcmp(f->next, f->last) > 0) /* an empty interval is an error of the function's */
		return arena_printf(f->a,
			"SELECT %s, CAST(0 AS bit) AS " MSSQL_CHANGES_GONE " FROM %s WHERE 1 = 0", f->columns, f->table);
	return arena_printf(f->a,
		"SELECT %s, CAST(CASE WHEN etl_op = 1 THEN 1 ELSE 0 END AS bit) AS " MSSQL_CHANGES_GONE
		" FROM (SELECT %s, [__$operation] AS etl_op, ROW_NUMBER() OVER (PARTITION BY %s ORDER BY [__$start_lsn] DESC,"
		" [__$seqval] DESC, [__$operation] DESC) AS etl_no FROM cdc.%s(%s, %s, N'all') AS c) AS s WHERE etl_no = 1",
		f->columns, f->columns, f->keys,
		tsql_quote(arena_printf(f->a, "fn_cdc_get_all_changes_%s", f->instance), f->a), f->next, f->last);
}

static const char *find_gap(struct finder *f, const char *lsn)
{
	if (!lsn)
		return arena_printf(f->a, "the watermark '%s' is no log sequence number", f->request->watermark);
	if (strcmp(lsn, f->last) > 0)
		return arena_printf(f->a, "the last load read up to %s, and what is captured ends at %s: the database was "
					  "restored", lsn, f->last);
	if (strcmp(f->next, f->least) < 0)
		return arena_printf(f->a, "the last load read up to %s, and changes are kept from %s on", lsn, f->least);
	return NULL;
}

int mssql_capture_find(struct db *db, const struct source_request *request, const char *const *table,
	struct arena *a, struct mssql_changes *ret, struct err *err)
{
	struct finder f = {.db = db, .request = request, .a = a, .parts = table};
	const char *lsn = request->watermark ? lsn_of_watermark(request->watermark) : NULL, *gap = NULL;

	*ret = (struct mssql_changes){.seen = "one statement"};
	if (mssql_changes_table(table, a, &f.table, err) || read_instance(&f, err) || read_lsns(&f, lsn, err))
		return -1;
	if (request->watermark)
		gap = find_gap(&f, lsn);
	ret->to = arena_printf(a, PREFIX "%s", f.last);
	if (request->watermark && !gap) {
		ret->sql = changes_sql(&f);
		ret->seen = "all changes that were captured";
		ret->how = arena_printf(a, "reads the changes from %s to %s (capture instance '%s')", f.next, f.last,
			f.instance);
		return 0;
	}
	ret->sql = whole_sql(&f);
	return mssql_changes_reload(request, gap, arena_printf(a, "captured up to %s (capture instance '%s')", f.last,
		f.instance), a, ret, err);
}
