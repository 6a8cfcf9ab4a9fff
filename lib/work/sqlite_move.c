#include "work/sqlite_move.h"

#include <string.h>

#include "base/buf.h"

#define STAGE   "etl_stage" /* the staging file's schema name while it is attached */
#define SQL_MAX (16u * 1024 * 1024)

/* Databases that are attached to each other have one text encoding. */
static int is_utf8(struct db *db, bool *ret_utf8, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	if (db_prepare(db, "PRAGMA encoding", &stmt, err) < 0 || db_step(stmt, err) < 0)
		return -1;
	*ret_utf8 = strcmp(db_column_text(stmt, 0), "UTF-8") == 0;
	return 0;
}

/*
 * BEGIN IMMEDIATE opens a write transaction on attached databases too. Without a journal, the
 * staging file has no part in the commit, which otherwise would need a super-journal.
 */
static int attach(struct db *db, const char *path, struct err *err)
{
	if (db_attach(db, path, STAGE, err) < 0)
		return -1;
	return db_exec(
		db, "PRAGMA " STAGE ".journal_mode = OFF; PRAGMA " STAGE ".synchronous = OFF", err);
}

int sqlite_move_init(struct sqlite_move *m, struct db *db, const char *path, struct err *err)
{
	const struct db_options options = {.read_only = true};
	bool utf8;

	*m = (struct sqlite_move){.db = db};
	if (is_utf8(db, &utf8, err) < 0)
		return -1;
	return utf8 ? attach(db, path, err) : db_open_sqlite(path, &options, &m->stage, err);
}

void sqlite_move_release(struct sqlite_move *m)
{
	struct err ignored = ERR_INIT; /* it is not attached, or goes with the connection */

	if (m->stage)
		db_close(mem_steal(m->stage));
	else if (m->db && db_detach(m->db, STAGE, &ignored) < 0)
		err_clear(&ignored);
	m->db = NULL;
}

static void bind_column(struct db_stmt *insert, struct db_stmt *select, int i)
{
	size_t len;
	const void *data;

	switch (db_column_type(select, i)) {
	case DB_NULL:
		db_bind_null(insert, i + 1);
		break;
	case DB_INT:
		db_bind_int(insert, i + 1, db_column_int(select, i));
		break;
	case DB_REAL:
		db_bind_real(insert, i + 1, db_column_real(select, i));
		break;
	case DB_TEXT:
		data = db_column_blob(select, i, &len);
		db_bind_textn(insert, i + 1, data, len);
		break;
	case DB_BLOB:
		data = db_column_blob(select, i, &len);
		db_bind_blob(insert, i + 1, data, len);
		break;
	}
}

static const char *values(int n, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);
	const char *ret;

	for (int i = 0; i < n; i++)
		buf_printf(&sql, "%s?%d", i ? ", " : "VALUES (", i + 1);
	buf_addc(&sql, ')');
	ret = arena_strdup(a, buf_str(&sql));
	buf_release(&sql);
	return ret;
}

static int move_one_by_one(struct sqlite_move *m, const char *insert_sql, struct arena *a,
	int64_t *ret_rows, struct err *err)
{
	CLEANUP_STMT struct db_stmt *select = NULL, *insert = NULL;
	int64_t rows = 0;
	int n, rc;

	if (db_prepare(m->stage, "SELECT * FROM rows", &select, err) < 0)
		return -1;
	n = db_column_count(select);
	if (db_prepare(m->db, arena_printf(a, "%s%s", insert_sql, values(n, a)), &insert, err) < 0)
		return -1;
	while ((rc = db_step(select, err)) > 0) {
		for (int i = 0; i < n; i++)
			bind_column(insert, select, i);
		if (db_run(insert, err) < 0)
			return -1;
		rows += db_changes(m->db);
	}
	*ret_rows = rows;
	return rc;
}

int sqlite_move_rows(struct sqlite_move *m, const struct sqlite_table *t,
	const struct sqlite_fit *fit, struct arena *a, int64_t *ret_rows, struct err *err)
{
	const char *insert_sql = sqlite_table_insert_sql(t, fit, m->db, a);
	CLEANUP_STMT struct db_stmt *move = NULL;

	if (m->stage)
		return move_one_by_one(m, insert_sql, a, ret_rows, err);
	if (db_prepare(m->db, arena_printf(a, "%sSELECT * FROM " STAGE ".rows", insert_sql), &move,
		    err) < 0 ||
		db_run(move, err) < 0)
		return -1;
	*ret_rows = db_changes(m->db);
	return 0;
}
