#include "db/mssql_bulk.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "db/mssql.h"
#include "db/tsql.h"
#include "tds/info.h"
#include "tds/row.h"
#include "tds/token.h"

#define COLUMNS_MAX (4u * 1024 * 1024) /* bytes of their token */
#define DONE_SIZE   13

struct mssql_bulk {
	struct mssql_wire *wire; /* borrowed */
	bool writing;
};

struct tds_column mssql_bulk_column(const struct tds_column *c)
{
	struct tds_column out = *c;

	if (c->type == TDS_UDT) {
		out.type = TDS_BIGVARBINARY;
		out.size = TDS_SIZE_MAX;
	} else if (c->type == TDS_XML) {
		out.type = TDS_NVARCHAR;
		out.size = TDS_SIZE_MAX;
	}
	out.user_type = 0;
	out.identity = out.computed = false;
	return out;
}

static void add_hint(struct buf *sql, bool on, const char *hint, const char **between)
{
	if (!on)
		return;
	buf_printf(sql, "%s%s", *between, hint);
	*between = ", ";
}

static void add_hints(struct buf *sql, const struct mssql_bulk_options *o)
{
	const char *between = " WITH (";

	add_hint(sql, o->tab_lock, "TABLOCK", &between);
	add_hint(sql, o->check_constraints, "CHECK_CONSTRAINTS", &between);
	add_hint(sql, o->fire_triggers, "FIRE_TRIGGERS", &between);
	add_hint(sql, o->keep_nulls, "KEEP_NULLS", &between);
	if (o->rows_per_batch) {
		buf_printf(sql, "%sROWS_PER_BATCH = %" PRIu64, between, o->rows_per_batch);
		between = ", ";
	}
	if (o->order) {
		buf_printf(sql, "%sORDER (%s)", between, o->order);
		between = ", ";
	}
	if (*between == ',')
		buf_addc(sql, ')');
}

static int begin_statement(struct db *db, const struct mssql_bulk_options *o, struct err *err)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct buf sql = BUF_INIT(MSSQL_STATEMENT_MAX);
	char type[TDS_TYPE_TEXT_MAX];
	int rc;

	buf_printf(&sql, "INSERT BULK %s (", o->table);
	for (uint32_t i = 0; i < o->columns->n; i++) {
		const struct tds_column *c = &o->columns->v[i];
		const char *collation = o->collations ? o->collations[i] : NULL;

		buf_printf(&sql, "%s%s %s", i ? ", " : "", tsql_quote(c->name, &a),
			tds_type_format(c, type));
		if (collation)
			buf_printf(&sql, " COLLATE %s", collation);
	}
	buf_addc(&sql, ')');
	add_hints(&sql, o);
	rc = buf_check(&sql, "the statement", err) ||
	     db_mssql_batch(db, buf_str(&sql), sql.len, NULL, err);
	buf_release(&sql);
	return rc ? -1 : 0;
}

static int put_columns(struct mssql_bulk *b, const struct tds_columns *columns, struct err *err)
{
	struct buf token = BUF_INIT(COLUMNS_MAX);
	int rc;

	buf_addc(&token, (char)TDS_TOKEN_COLMETADATA);
	rc = tds_columns_encode(columns, &token, err) || buf_check(&token, "the columns", err) ||
	     mssql_wire_bulk_put(b->wire, token.data, token.len, err);
	buf_release(&token);
	return rc ? -1 : 0;
}

int mssql_bulk_begin(struct db *db, const struct mssql_bulk_options *options, struct mssql_bulk **ret_bulk,
	struct err *err)
{
	struct mssql_bulk *b = mem_alloc(sizeof(*b));

	if (begin_statement(db, options, err) || db_mssql_wire(db, &b->wire, err) ||
		mssql_wire_bulk_begin(b->wire, err)) {
		mssql_bulk_free(b);
		return -1;
	}
	b->writing = true;
	if (put_columns(b, options->columns, err)) {
		mssql_bulk_free(b);
		return -1;
	}
	*ret_bulk = b;
	return 0;
}

int mssql_bulk_put(struct mssql_bulk *b, const void *data, size_t len, struct err *err)
{
	return mssql_wire_bulk_put(b->wire, data, len, err);
}

/* FreeTDS leaves the DONE out, and not every server forgives that. */
static int put_done(struct mssql_bulk *b, struct err *err)
{
	uint8_t done[DONE_SIZE] = {TDS_TOKEN_DONE};

	return mssql_wire_bulk_put(b->wire, done, sizeof(done), err);
}

int mssql_bulk_end(struct mssql_bulk *b, int64_t *ret_rows, struct err *err)
{
	enum mssql_event event;
	int64_t rows = -1;

	if (put_done(b, err))
		return -1;
	b->writing = false;
	if (mssql_wire_bulk_end(b->wire, err))
		return -1;
	do {
		if (mssql_wire_next(b->wire, &event, err))
			return -1;
		if ((event == MSSQL_DONE || event == MSSQL_END) && mssql_wire_count(b->wire) >= 0)
			rows = mssql_wire_count(b->wire);
	} while (event != MSSQL_END);
	*ret_rows = rows;
	return 0;
}

void mssql_bulk_free(struct mssql_bulk *b)
{
	if (!b)
		return;
	if (b->writing)
		mssql_wire_bulk_ignore(b->wire);
	free(b);
}
