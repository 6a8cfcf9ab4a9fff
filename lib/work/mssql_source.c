/*
 * mssql_source - a table or query of a SQL Server as a source (source.h).
 *
 * The rows are those of the answer, byte for byte (tds/expand.h): nothing is decoded. A
 * query runs while its rows are taken; what is not taken waits at the server.
 */
#include "work/source.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "db/mssql.h"
#include "db/tsql.h"
#include "work/digest.h"
#include "work/mssql_capture.h"
#include "work/mssql_changes.h"
#include "work/mssql_picture.h"
#include "work/mssql_range.h"
#include "work/mssql_restricted.h"

/* Errors of a snapshot: the database allows none; memory-optimized tables take no part in it. */
#define NO_SNAPSHOT	      3952
#define NO_SNAPSHOT_IN_MEMORY 41332

struct source {
	const struct source_request *request;
	struct arena arena;
	struct db *db;
	struct mssql_wire *wire; /* of db, once the query runs */
	char application[MSSQL_APPLICATION_MAX + 1];
	struct tds_columns columns, known; /* of the answer; of the catalog */
	const char *table[TSQL_NAME_PARTS], *object; /* its name, printed; NULL: a query */
	struct mssql_range range;
	char query_hash[DIGEST_TEXT_LEN + 1]; /* of the statement that was sent */
	struct mssql_picture picture;
	bool fallback; /* from a snapshot that nobody asked for */
	struct mssql_changes changes; /* of a job that reads those that are tracked */
	int64_t rows;
	uint64_t number;   /* rows that were begun */
	struct buf carry;  /* the beginning of a row that did not fit the last batch */
	bool in_row, ended; /* a fragment was given, and another follows */
};

/* ERR_STORE means the control database to everybody above; and values are shown by policy. */
static int fail(const struct source *s, struct err *err)
{
	err_settle_value(err, s->request->job->reject_values == REJECT_VALUES_ALL);
	if (err->code == ERR_STORE)
		err->code = ERR_IO;
	return err_wrap(err, "connection '%s'", s->request->conn->name);
}

static void mssql_source_close(struct source *s)
{
	if (!s)
		return;
	mssql_picture_open_gate(&s->picture);
	db_close(s->db);
	buf_release(&s->carry);
	arena_release(&s->arena);
	free(s);
}

static struct mssql_login login_of(const struct source *s)
{
	return (struct mssql_login){.options = &s->request->conn->mssql,
		.application = s->application,
		.cancel = s->request->cancel};
}

static int open_database(struct source *s, struct err *err)
{
	const struct mssql_login login = login_of(s);
	enum mssql_layer layer;

	return db_open_mssql(&login, &s->db, &layer, err);
}

static int64_t count_rows(struct source *s, const char *object)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;

	if (db_prepare(s->db,
		    "SELECT CAST(SUM(rows) AS bigint) FROM sys.partitions WHERE object_id = OBJECT_ID(@name)"
		    " AND index_id IN (0, 1)",
		    &stmt, &ignored))
		return -1;
	db_bind_text(stmt, 1, object);
	if (db_step(stmt, &ignored) <= 0 || db_column_int(stmt, 0) <= 0)
		return -1;
	return db_column_int(stmt, 0);
}

/* --- open --- */

/* What the catalog says of a table's columns beside their types; without it they are still columns. */
static void learn_columns(struct source *s, const char *object)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct err ignored = ERR_INIT;
	size_t cap = 0;

	if (db_prepare(s->db,
		    "SELECT c.name, c.collation_name, CAST(COALESCE((SELECT MAX(k.key_ordinal)"
		    " FROM sys.index_columns AS k JOIN sys.indexes AS i ON i.object_id = k.object_id"
		    " AND i.index_id = k.index_id WHERE i.is_primary_key = 1 AND k.object_id = c.object_id"
		    " AND k.column_id = c.column_id), 0) AS int)"
		    " FROM sys.columns AS c WHERE c.object_id = OBJECT_ID(@name)",
		    &stmt, &ignored))
		return;
	db_bind_text(stmt, 1, object);
	while (db_step(stmt, &ignored) > 0) {
		s->known.v = arena_grow(&s->arena, s->known.v, s->known.n, &cap, sizeof(*s->known.v));
		s->known.v[s->known.n++] = (struct tds_column){
			.name = arena_strdup(&s->arena, db_column_text(stmt, 0)),
			.collation_name = arena_strdup(&s->arena, db_column_text(stmt, 1)),
			.key = (uint16_t)db_column_int(stmt, 2)};
	}
}

/* What is read, as FROM has it; NULL: a query that is only read as it stands may have what a subquery cannot
 * (ORDER BY, WITH). */
static int find_relation(struct source *s, const char **ret_from, struct err *err)
{
	const struct source_request *r = s->request;
	bool accepts = r->job->restricted_reads == RESTRICTED_ACCEPT;

	if (r->job->source_query) {
		bool as_it_stands = r->ranges == 1 && r->job->load_mode != LOAD_INCREMENTAL;

		*ret_from = as_it_stands ? NULL : arena_printf(&s->arena, "(%s) AS s", r->job->source_query);
		return accepts || r->range ? 0 : mssql_restricted_query(s->db, r->job->source_query, err);
	}
	if (tsql_name_parse(r->job->source_table, &s->arena, s->table, err))
		return -1;
	s->object = tsql_name_print(s->table, &s->arena);
	*ret_from = arena_printf(&s->arena, "%s AS s", s->object);
	if (!accepts && !r->range && mssql_restricted_table(s->db, s->object, err))
		return -1;
	if (r->range == 0 && r->job->load_mode != LOAD_INCREMENTAL)
		s->rows = count_rows(s, s->object);
	learn_columns(s, s->object);
	return 0;
}

/* Is it a table of the session's database, whose catalog knows it? */
static bool is_here(const struct source *s)
{
	return s->object && !s->table[2] && !s->table[3];
}

/* The session of range 0 says what all of them read, and as of when. */
static int find_range(struct source *s, const char *from, struct err *err)
{
	const struct source_request *r = s->request;
	const struct mssql_login login = login_of(s);

	if (from)
		mssql_range_begin(s->db, r, from, is_here(s) ? s->object : NULL, &s->arena, &s->range);
	if (mssql_picture_find(s->db, r, s->object ? s->table : NULL, s->fallback, &s->arena, &s->picture, err) ||
		(!r->look_only && mssql_picture_close_gate(&s->picture, &login, s->object, &s->arena, err)) ||
		mssql_picture_enter(&s->picture, s->db, s->object, &s->arena, err))
		return -1;
	return from ? mssql_range_find(s->db, r, &s->arena, &s->range, err) : 0;
}

static int find_sql(struct source *s, const char **ret_sql, struct err *err)
{
	const struct source_request *r = s->request;
	const char *from;

	if (find_relation(s, &from, err))
		return -1;
	if (job_changes(r->job) != CHANGES_WATERMARK) {
		bool captured = job_changes(r->job) == CHANGES_CDC;

		if ((captured ? mssql_capture_find : mssql_changes_find)(
			    s->db, r, s->table, &s->arena, &s->changes, err))
			return -1;
		*ret_sql = s->changes.sql;
		return 0;
	}
	if (r->range ? mssql_picture_enter(&r->first->picture, s->db, s->object, &s->arena, err)
		     : find_range(s, from, err))
		return -1;
	*ret_sql = from ? mssql_range_sql(r->range ? &r->first->range : &s->range, r->range, r->ranges, &s->arena)
			: r->job->source_query;
	return 0;
}

/* Up to where the rows begin. */
static int begin_query(struct source *s, const char *sql, struct err *err)
{
	struct digest hash = {.sum = 0};
	enum mssql_event event;

	digest_add(&hash, "", 0, sql, strlen(sql));
	digest_text(&hash, s->query_hash);
	if (db_mssql_wire(s->db, &s->wire, err) || mssql_wire_batch(s->wire, sql, strlen(sql), err))
		return -1;
	do {
		if (mssql_wire_next(s->wire, &event, err))
			return -1;
	} while (event != MSSQL_COLUMNS && event != MSSQL_END);
	return event == MSSQL_COLUMNS ? 0 : err_set(err, ERR_CONFIG, "the query has no result");
}

/* Did a snapshot fail that nobody has asked for? The query reads from a database that allows none, or from
 * memory-optimized tables. */
static bool falls_back(struct source *s)
{
	int32_t number = db_mssql_error(s->db);

	return (number == NO_SNAPSHOT || number == NO_SNAPSHOT_IN_MEMORY) && !s->fallback &&
	       s->request->conn->mssql.isolation == MSSQL_ISOLATION_AUTO && s->request->ranges == 1 &&
	       s->picture.isolation == MSSQL_ISOLATION_SNAPSHOT;
}

static int begin(struct source *s, struct err *err)
{
	const char *sql;
	int rc = find_sql(s, &sql, err) || begin_query(s, sql, err);

	if (rc && falls_back(s)) {
		s->fallback = true;
		s->known.n = 0;
		db_rollback(s->db);
		*err = (struct err)ERR_INIT;
		rc = db_exec(s->db, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", err) ||
		     find_sql(s, &sql, err) || begin_query(s, sql, err);
	}
	if (s->request->range + 1 == s->request->ranges)
		mssql_picture_open_gate(s->request->range ? &s->request->first->picture : &s->picture);
	return rc ? -1 : 0;
}

static int mssql_source_open(const struct source_request *request, struct source **ret_source, struct err *err)
{
	struct source *s = mem_alloc(sizeof(*s));

	s->request = request;
	s->rows = -1;
	buf_init(&s->carry, BATCH_SIZE);
	snprintf(s->application, sizeof(s->application), "etl worker reads for %s", request->job->name);
	if (open_database(s, err) || begin(s, err)) {
		fail(s, err);
		mssql_source_close(s);
		return -1;
	}
	*ret_source = s;
	return 0;
}

static int check_column(const struct tds_columns *cols, uint32_t i, struct err *err)
{
	const char *name = cols->v[i].name;

	if (!*name) {
		err_set(err, ERR_CONFIG, "column %" PRIu32 " of the query has no name", i + 1);
		return err_hint(err, "give it one: expression AS name");
	}
	if (tds_column_find(cols, name) != (int)i)
		return err_set(err, ERR_CONFIG, "two columns are called '%s' (case does not count)", name);
	return 0;
}

/* Those of the wire end with its next request. */
static int mssql_source_columns(struct source *s, const struct tds_columns **ret_columns, struct err *err)
{
	const struct tds_columns *from = mssql_wire_columns(s->wire);
	int at;

	s->columns.n = from->n;
	s->columns.v = arena_array(&s->arena, from->n, sizeof(*s->columns.v));
	for (uint32_t i = 0; i < from->n; i++) {
		s->columns.v[i] = from->v[i];
		s->columns.v[i].name = arena_strdup(&s->arena, from->v[i].name);
		if (check_column(from, i, err))
			return fail(s, err);
		at = tds_column_find(&s->known, from->v[i].name);
		if (at >= 0) {
			s->columns.v[i].key = s->known.v[at].key;
			s->columns.v[i].collation_name = s->known.v[at].collation_name;
		}
	}
	if (s->changes.sql && !s->changes.whole)
		s->columns.v[s->columns.n - 1].gone = true;
	*ret_columns = &s->columns;
	return 0;
}

/* --- rows --- */

/* The rows have ended; did the query, and well? */
static int end_query(struct source *s, struct err *err)
{
	enum mssql_event event;

	s->ended = true;
	do {
		if (mssql_wire_next(s->wire, &event, err))
			return -1;
		if (event == MSSQL_COLUMNS)
			return err_set(err, ERR_CONFIG, "the query has more than one result");
	} while (event != MSSQL_END);
	return 0;
}

/* What the batch has of a row that goes on. */
static void cut_row(struct source *s, struct batch *b, uint32_t row_end, bool more)
{
	if (s->in_row || (more && row_end == 0)) {
		b->cont = (uint8_t)(BATCH_PART | (s->in_row ? 0 : BATCH_FIRST) | (more ? BATCH_MORE : 0));
		b->rows = !s->in_row;
		s->in_row = more;
	} else if (more) {
		buf_add(&s->carry, b->data + row_end, b->len - row_end);
		b->len = row_end;
	}
}

static int fill(struct source *s, struct batch *b, struct err *err)
{
	uint32_t row_end = 0;
	struct mssql_taken t;
	int more = 1;

	if (s->carry.len)
		memcpy(b->data, s->carry.data, s->carry.len);
	b->len = (uint32_t)s->carry.len;
	buf_reset(&s->carry);
	while (more > 0 && batch_room(b) && !(s->in_row && row_end)) {
		more = mssql_wire_take_rows(s->wire, b->data + b->len, batch_room(b),
			s->in_row ? 1 : UINT32_MAX, &t, err);
		if (more < 0)
			return -1;
		if (t.rows)
			row_end = b->len + (uint32_t)t.row_end;
		b->rows += t.rows;
		b->len += (uint32_t)t.len;
	}
	if (more == 0 && end_query(s, err))
		return -1;
	cut_row(s, b, row_end, row_end < b->len);
	b->first_row = b->cont && !(b->cont & BATCH_FIRST) ? s->number - 1 : s->number;
	s->number += b->rows;
	return b->len > 0;
}

static int mssql_source_read(struct source *s, struct batch *b, struct err *err)
{
	int rc;

	if (s->ended)
		return 0;
	rc = fill(s, b, err);
	b->bytes_in = b->len;
	return rc < 0 ? fail(s, err) : rc;
}

static uint64_t mssql_source_size(struct source *s)
{
	(void)s;
	return 0;
}

static int64_t mssql_source_rows(struct source *s)
{
	return s->rows;
}

static int mssql_source_watermark(struct source *s, const char **ret_to, struct err *err)
{
	(void)err;
	*ret_to = s->changes.sql ? s->changes.to : s->range.to;
	return 0;
}

static void mssql_source_lineage(struct source *s, struct lineage *l)
{
	const struct mssql_session *session = db_mssql_session(s->db);

	lineage_set(l, LINEAGE_source_server, session->server);
	lineage_set(l, LINEAGE_source_database, session->database);
	lineage_set(l, LINEAGE_source_principal, session->login);
	lineage_set(l, LINEAGE_query_hash, s->query_hash);
	lineage_set(l, LINEAGE_consistency, s->changes.sql ? s->changes.seen : s->picture.seen);
}

static int64_t mssql_source_session(struct source *s)
{
	return db_mssql_session(s->db)->spid;
}

static bool mssql_source_whole(struct source *s)
{
	return s->changes.whole;
}

static void mssql_source_tell(
	struct source *s, void (*say)(void *arg, enum log_level level, const char *line), void *arg)
{
	if (s->changes.how)
		say(arg, s->changes.gap ? LOG_WARN : LOG_INFO, s->changes.how);
	else
		say(arg, mssql_picture_level(&s->picture), s->picture.how);
	if (s->range.how)
		say(arg, LOG_INFO, s->range.how);
}

const struct source_ops source_mssql = {
	.driver = DRIVER_MSSQL,
	.open = mssql_source_open,
	.columns = mssql_source_columns,
	.read = mssql_source_read,
	.size = mssql_source_size,
	.rows = mssql_source_rows,
	.watermark = mssql_source_watermark,
	.lineage = mssql_source_lineage,
	.session = mssql_source_session,
	.whole = mssql_source_whole,
	.tell = mssql_source_tell,
	.tracks = true,
	.close = mssql_source_close,
};
