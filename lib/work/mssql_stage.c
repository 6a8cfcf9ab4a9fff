#include "work/mssql_stage.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "db/mssql.h"
#include "db/tsql.h"

#define PREFIX	 "etl_stage_"
#define TWIN	 "_new"
#define UID_MAX	 64
#define DIGEST_MAX (1024u * 1024 * 1024)

/* --- leftovers --- */

static int drop(struct db *db, const char *table, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;

	return db_exec(db, arena_printf(&a, "DROP TABLE IF EXISTS %s", table), err);
}

int mssql_stage_sweep(struct db *db, const char *schema, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	int rc;

	if (db_prepare(db,
		    "SELECT t.name FROM sys.tables AS t WHERE t.schema_id = SCHEMA_ID(@schema)"
		    " AND t.name LIKE N'etl\\_stage\\_%' ESCAPE N'\\'"
		    " AND NOT EXISTS (SELECT 1 FROM etl.load_ledger AS l WHERE l.state = N'open'"
		    " AND REPLACE(t.name, N'" TWIN "', N'') ="
		    " N'" PREFIX "' + REPLACE(LOWER(CONVERT(nvarchar(36), l.run_uid)), N'-', N'')"
		    " + N'_' + CONVERT(nvarchar(20), l.fence))",
		    &stmt, err))
		return -1;
	/* without its brackets */
	db_bind_textn(stmt, 1, schema + 1, strlen(schema) - 2);
	while ((rc = db_step(stmt, err)) > 0)
		if (drop(db, arena_printf(&a, "%s.%s", schema, tsql_quote(db_column_text(stmt, 0), &a)), err))
			return -1;
	return rc;
}

/* --- open --- */

const char *mssql_stage_name(const struct load *load, const char *schema, bool twin, struct arena *a)
{
	char uid[UID_MAX + 1];
	size_t n = 0;

	for (const char *p = load->run_uid; *p && n < UID_MAX; p++)
		if (*p != '-')
			uid[n++] = (char)tolower((unsigned char)*p);
	uid[n] = '\0';
	return arena_printf(a, "%s.[" PREFIX "%s_%" PRId64 "%s]", schema, uid, load->fence, twin ? TWIN : "");
}

static void list_columns(struct mssql_stage *s, const struct mssql_fit *fit, struct arena *a)
{
	s->columns = (struct tds_columns){.v = arena_array(a, fit->n + 1, sizeof(*s->columns.v))};
	s->collations = arena_array(a, fit->n + 1, sizeof(*s->collations));
	for (uint32_t i = 0; i < fit->n; i++) {
		if (!mssql_fit_is_staged(&fit->v[i]))
			continue;
		s->collations[s->columns.n] = fit->v[i].collation;
		s->columns.v[s->columns.n++] = fit->v[i].staged;
	}
	s->columns.v[s->columns.n] =
		(struct tds_column){.name = MSSQL_ROW_NUMBER, .type = TDS_FIXINT8, .size = MSSQL_ROW_NUMBER_LEN};
	s->loaded = s->columns;
	s->loaded.n += fit->numbered;
}

static void set_table(struct mssql_stage *s, const struct mssql_fit *fit, uint32_t lanes)
{
	s->lane_table = (struct mssql_lane_table){
		.options = {.table = s->table,
			.columns = &s->loaded,
			.collations = s->collations,
			.tab_lock = true,
			.keep_nulls = true},
		.keeps = fit->numbered,
		.kept_max = MSSQL_KEPT_BYTES / lanes};
}

int mssql_stage_open(struct mssql_stage *s, struct db *db, const struct mssql_stage_plan *plan,
	const struct mssql_fit *fit, const struct tds_columns *cols, const struct mssql_login *login,
	uint32_t lanes, struct arena *a, struct err *err)
{
	list_columns(s, fit, a);
	if (s->columns.n == 0)
		return err_set(err, ERR_CONFIG, "no column of the source can be loaded");
	s->table = plan->name;
	if (drop(db, plan->name, err) || db_exec(db, plan->create, err) ||
		(plan->index && db_exec(db, plan->index, err)))
		return -1;
	set_table(s, fit, lanes);
	s->lane_table.options.order = plan->order;
	s->lane_table.batch_rows = plan->batch_rows;
	s->lanes = arena_array(a, lanes, sizeof(*s->lanes));
	for (s->n = 0; s->n < lanes; s->n++)
		if (mssql_lane_open(&s->lanes[s->n], &s->lane_table, s->n, fit, cols, login, a, err)) {
			mssql_lane_close(&s->lanes[s->n]);
			return -1;
		}
	return 0;
}

/* --- end of the rows --- */

int mssql_stage_seal(struct mssql_stage *s, struct db *db, uint64_t *ret_rows, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	CLEANUP_STMT struct db_stmt *stmt = NULL;

	for (uint32_t i = 0; i < s->n; i++)
		db_close(mem_steal(s->lanes[i].db));
	if (db_prepare(db, arena_printf(&a, "SELECT COUNT_BIG(*) FROM %s", s->table), &stmt, err) ||
		db_step(stmt, err) < 0)
		return -1;
	*ret_rows = (uint64_t)db_column_int(stmt, 0);
	return 0;
}

/* --- digest --- */

static int digest_rows(struct mssql_wire *w, struct digest *d, struct err *err)
{
	struct buf joined = BUF_INIT(DIGEST_MAX), canonical = BUF_INIT(DIGEST_MAX);
	const uint8_t *row;
	enum mssql_event event;
	size_t len;
	int rc = 0;

	do {
		rc = mssql_wire_next(w, &event, err);
		if (rc || event != MSSQL_ROW)
			continue;
		row = mssql_wire_row(w, &len);
		rc = mssql_rows_digest(mssql_wire_columns(w), row, len, &joined, &canonical, d, err);
	} while (rc == 0 && event != MSSQL_END);
	if (rc)
		mssql_wire_drop(w);
	buf_release(&joined);
	buf_release(&canonical);
	return rc;
}

int mssql_stage_digest(struct mssql_stage *s, struct db *db, struct digest *ret_digest, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct buf sql = BUF_INIT(1024u * 1024);
	struct mssql_wire *wire;
	const char *text;

	for (uint32_t i = 0; i < s->columns.n; i++)
		buf_printf(&sql, "%s%s", i ? ", " : "SELECT ", tsql_quote(s->columns.v[i].name, &a));
	buf_printf(&sql, " FROM %s", s->table);
	text = arena_buf(&a, &sql);
	if (db_mssql_wire(db, &wire, err) || mssql_wire_batch(wire, text, strlen(text), err))
		return -1;
	return digest_rows(wire, ret_digest, err);
}

/* --- end --- */

void mssql_stage_close(struct mssql_stage *s)
{
	for (uint32_t i = 0; i < s->n; i++)
		mssql_lane_close(&s->lanes[i]);
	s->n = 0;
}

void mssql_stage_drop(struct mssql_stage *s, struct db *db)
{
	struct err ignored = ERR_INIT;

	if (s->table && db && db_mssql_alive(db))
		(void)!drop(db, s->table, &ignored);
	if (s->twin && db && db_mssql_alive(db))
		(void)!drop(db, s->twin, &ignored);
	s->table = s->twin = NULL;
}
