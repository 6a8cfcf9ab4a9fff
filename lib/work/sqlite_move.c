#include "work/sqlite_move.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"

#define STAGE   "etl_stage"	   /* a staging file's schema name while it is attached, with its number */
#define STAGED  "temp.etl_staged"  /* the rows of all of them, or copies */
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
 * BEGIN IMMEDIATE opens a write transaction on attached databases too. Without a journal, a
 * staging file has no part in the commit, which otherwise would need a super-journal.
 */
static int attach(struct sqlite_move *m, const char *path, struct arena *a, struct err *err)
{
	const char *name = arena_printf(a, STAGE "%u", m->attached);

	if (db_attach(m->db, path, name, err) < 0)
		return -1;
	m->attached++;
	return db_exec(m->db,
		arena_printf(a, "PRAGMA %s.journal_mode = OFF; PRAGMA %s.synchronous = OFF", name,
			name),
		err);
}

/* One file's table is taken as it is: SQLite copies whole records from it. */
static int attach_all(struct sqlite_move *m, const char *const *paths, uint32_t n, struct arena *a,
	struct err *err)
{
	CLEANUP(buf_release) struct buf sql = BUF_INIT(SQL_MAX);

	for (uint32_t i = 0; i < n; i++) {
		if (attach(m, paths[i], a, err) < 0)
			return -1;
		buf_printf(&sql, "%s SELECT * FROM " STAGE "%u.rows", i ? " UNION ALL" : "", i);
	}
	m->numbered = n == 1;
	m->rows = n == 1 ? STAGE "0.rows" : STAGED;
	if (n == 1)
		return 0;
	return db_exec(m->db,
		arena_printf(a, "CREATE TEMP VIEW etl_staged AS%s", buf_str(&sql)), err);
}

void sqlite_move_bind(struct db_stmt *to, int pos, struct db_stmt *from, int col)
{
	size_t len;
	const void *data;

	switch (db_column_type(from, col)) {
	case DB_NULL:
		db_bind_null(to, pos);
		break;
	case DB_INT:
		db_bind_int(to, pos, db_column_int(from, col));
		break;
	case DB_REAL:
		db_bind_real(to, pos, db_column_real(from, col));
		break;
	case DB_TEXT:
		data = db_column_blob(from, col, &len);
		db_bind_textn(to, pos, data, len);
		break;
	case DB_BLOB:
		data = db_column_blob(from, col, &len);
		db_bind_blob(to, pos, data, len);
		break;
	}
}

const char *sqlite_move_values(int n, struct arena *a)
{
	struct buf sql = BUF_INIT(SQL_MAX);

	for (int i = 0; i < n; i++)
		buf_printf(&sql, "%s?%d", i ? ", " : "VALUES (", i + 1);
	buf_addc(&sql, ')');
	return arena_buf(a, &sql);
}

static int copy_rows(struct db *db, struct db *stage, struct arena *a, struct err *err)
{
	CLEANUP_STMT struct db_stmt *select = NULL, *insert = NULL;
	int n, rc;

	if (db_prepare(stage, "SELECT * FROM rows", &select, err) < 0)
		return -1;
	n = db_column_count(select);
	if (db_prepare(db, arena_printf(a, "INSERT INTO " STAGED " %s", sqlite_move_values(n, a)), &insert,
		    err) < 0)
		return -1;
	while ((rc = db_step(select, err)) > 0) {
		for (int i = 0; i < n; i++)
			sqlite_move_bind(insert, i + 1, select, i);
		if (db_run(insert, err) < 0)
			return -1;
	}
	return rc;
}

static int copy_all(struct sqlite_move *m, const char *const *paths, uint32_t n,
	const struct sqlite_fit *fit, struct arena *a, struct err *err)
{
	const struct db_options options = {.read_only = true};

	if (db_exec(m->db, sqlite_table_stage_sql(fit, STAGED, a), err) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		struct db *stage;
		int rc;

		if (db_open_sqlite(paths[i], &options, &stage, err) < 0)
			return -1;
		rc = copy_rows(m->db, stage, a, err);
		db_close(stage);
		if (rc < 0)
			return -1;
	}
	m->rows = STAGED;
	m->numbered = true;
	return 0;
}

int sqlite_move_init(struct sqlite_move *m, struct db *db, const char *const *paths, uint32_t n,
	const struct sqlite_fit *fit, struct arena *a, struct err *err)
{
	bool utf8;

	*m = (struct sqlite_move){.db = db};
	if (is_utf8(db, &utf8, err) < 0)
		return -1;
	return utf8 ? attach_all(m, paths, n, a, err) : copy_all(m, paths, n, fit, a, err);
}

/* What fails goes with the connection. */
void sqlite_move_release(struct sqlite_move *m)
{
	struct err ignored = ERR_INIT;
	char name[sizeof(STAGE) + 12];

	if (m->rows && strcmp(m->rows, STAGED) == 0 &&
		db_exec(m->db, m->attached ? "DROP VIEW " STAGED : "DROP TABLE " STAGED,
			&ignored) < 0)
		err_clear(&ignored);
	while (m->attached > 0) {
		snprintf(name, sizeof(name), STAGE "%u", --m->attached);
		if (db_detach(m->db, name, &ignored) < 0)
			err_clear(&ignored);
	}
	m->rows = NULL;
}

int sqlite_move_index(struct sqlite_move *m, const char *columns, struct arena *a, struct err *err)
{
	if (m->attached == 0)
		return db_exec(m->db,
			arena_printf(a, "CREATE INDEX temp.etl_staged_key ON etl_staged (%s)",
				columns),
			err);
	for (uint32_t i = 0; i < m->attached; i++)
		if (db_exec(m->db,
			    arena_printf(a, "CREATE INDEX " STAGE "%u.key ON rows (%s)", i, columns),
			    err) < 0)
			return -1;
	return 0;
}
