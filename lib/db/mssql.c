#include "db/mssql.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/driver.h"
#include "db/tsql.h"
#include "tds/convert.h"
#include "tds/row.h"

#define TEXT_SHORT    4000 /* units of an nvarchar that is not (max) */
#define BYTES_SHORT   8000
#define ROWS_INITIAL  16

struct mssql_db {
	struct db base;
	struct mssql_login login;
	bool in_transaction; /* begun, and neither committed nor rolled back */
	bool in_set_up;      /* of the session: what breaks it is not mended by another */
	struct mssql_wire *wire; /* NULL: it could not be opened again */
	struct arena arena;
	struct mssql_session session;
	int64_t changes, total_changes;
};

/* How a column's values become db's. */
struct reader {
	enum db_type type; /* of what is not null */
	struct tds_conversion text;
};

struct mssql_stmt {
	struct db_stmt base;
	struct arena arena; /* as long as the statement */
	const char *sql, **names;
	struct db_value *params;

	/* the result, once it was run */
	bool ran;
	struct arena result;
	struct tds_columns columns;
	struct reader *readers;
	struct buf rows;
	size_t at;	       /* of the next row */
	struct db_value *row;  /* the last one, in `values` and `rows` */
	struct arena values;
};

static const struct db_driver mssql_driver;

static struct mssql_db *of_db(struct db *db)
{
	return (struct mssql_db *)db;
}

static struct mssql_stmt *of_stmt(struct db_stmt *stmt)
{
	return (struct mssql_stmt *)stmt;
}

static int begin_session(struct mssql_db *d, struct err *err);

/* --- batches ---------------------------------------------------------------------- */

static void take_count(struct mssql_db *d)
{
	int64_t n = mssql_wire_count(d->wire);

	if (n < 0)
		return;
	d->changes = n;
	d->total_changes += n;
}

static bool is_alive(const struct mssql_db *d)
{
	return d->wire && mssql_wire_alive(d->wire);
}

/* What is committed is committed, and what was read is read: a new session is as good as the old one. */
static int ready(struct mssql_db *d, struct err *err)
{
	enum mssql_layer layer;

	if (is_alive(d))
		return 0;
	if (d->in_set_up)
		return err_set(err, ERR_NETWORK, "the connection broke");
	if (d->in_transaction)
		return err_set(err, ERR_NETWORK, "the connection broke within the transaction");
	mssql_wire_close(mem_steal(d->wire));
	if (mssql_wire_open(&d->login, &d->wire, &layer, err))
		return -1;
	return begin_session(d, err);
}

int db_mssql_wire(struct db *db, struct mssql_wire **ret_wire, struct err *err)
{
	if (ready(of_db(db), err))
		return -1;
	*ret_wire = of_db(db)->wire;
	return 0;
}

int db_mssql_batch(struct db *db, const char *sql, size_t len, int64_t *ret_rows, struct err *err)
{
	struct mssql_db *d = of_db(db);
	enum mssql_event event;
	int64_t before = d->total_changes;

	d->changes = 0;
	if (ready(d, err) || mssql_wire_batch(d->wire, sql, len, err))
		return -1;
	do {
		if (mssql_wire_next(d->wire, &event, err))
			return -1;
		if (event == MSSQL_DONE || event == MSSQL_END)
			take_count(d);
	} while (event != MSSQL_END);
	if (ret_rows)
		*ret_rows = d->total_changes - before;
	return 0;
}

static int mssql_exec(struct db *db, const char *sql, struct err *err)
{
	return db_mssql_batch(db, sql, strlen(sql), NULL, err);
}

static int begin(struct db *db, const char *sql, struct err *err)
{
	if (mssql_exec(db, sql, err))
		return -1;
	of_db(db)->in_transaction = true;
	return 0;
}

static int mssql_begin(struct db *db, struct err *err)
{
	return begin(db, "BEGIN TRANSACTION", err);
}

static int mssql_begin_read(struct db *db, struct err *err)
{
	return begin(db, "SET TRANSACTION ISOLATION LEVEL SNAPSHOT; BEGIN TRANSACTION", err);
}

static int mssql_join_read(struct db *db, struct db *first, struct err *err)
{
	(void)db;
	(void)first;
	(void)err;
	return 0; /* sessions cannot share a snapshot */
}

static int mssql_commit(struct db *db, struct err *err)
{
	if (mssql_exec(db, "COMMIT TRANSACTION", err))
		return -1;
	of_db(db)->in_transaction = mssql_wire_in_transaction(of_db(db)->wire);
	return 0;
}

static bool mssql_in_transaction(struct db *db)
{
	return is_alive(of_db(db)) && mssql_wire_in_transaction(of_db(db)->wire);
}

/* Quiet: a connection that is gone has rolled back. */
static void mssql_rollback(struct db *db)
{
	struct mssql_wire *w = of_db(db)->wire;
	const atomic_bool *cancel;
	struct err ignored = ERR_INIT;

	of_db(db)->in_transaction = false;
	if (w)
		mssql_wire_drop(w);
	if (!mssql_in_transaction(db))
		return;
	cancel = mssql_wire_cancel_by(w, NULL); /* who cancels wants this too */
	(void)!mssql_exec(db, "IF @@TRANCOUNT > 0 ROLLBACK TRANSACTION", &ignored);
	mssql_wire_cancel_by(w, cancel);
}

/* --- the session --------------------------------------------------------------------- */

/* docs/design.md §5. TEXTSIZE: a server's default is 4,096 bytes, and cuts silently. */
static const char preamble[] =
	"SET TEXTSIZE 2147483647;"
	" SET XACT_ABORT, ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL,"
	" QUOTED_IDENTIFIER ON;"
	" SET NUMERIC_ROUNDABORT, IMPLICIT_TRANSACTIONS, NOCOUNT OFF;"
	" SET DATEFORMAT ymd; SET DATEFIRST 7;"
	" SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
	" SET LOCK_TIMEOUT ";

static const char questions[] =
	"SELECT CAST(@@TEXTSIZE AS bigint), CAST(@@LOCK_TIMEOUT AS bigint), CAST(@@OPTIONS AS bigint),"
	" CAST(@@SPID AS bigint), CAST(@@SERVERNAME AS nvarchar(128)),"
	" CAST(SERVERPROPERTY('ProductVersion') AS nvarchar(128)),"
	" CAST(SERVERPROPERTY('Edition') AS nvarchar(128)),"
	" CAST(SERVERPROPERTY('EngineEdition') AS bigint), DB_NAME(), ORIGINAL_LOGIN(), USER_NAME(),"
	" CAST((SELECT transaction_isolation_level FROM sys.dm_exec_sessions"
	" WHERE session_id = @@SPID) AS bigint)";

/* Bits of @@OPTIONS (Microsoft Learn, "Configure the user options"). */
static const struct {
	int64_t bit;
	bool on;
	const char *name;
} wanted_options[] = {
	{2, false, "IMPLICIT_TRANSACTIONS"},
	{8, true, "ANSI_WARNINGS"},
	{16, true, "ANSI_PADDING"},
	{32, true, "ANSI_NULLS"},
	{64, true, "ARITHABORT"},
	{256, true, "QUOTED_IDENTIFIER"},
	{512, false, "NOCOUNT"},
	{4096, true, "CONCAT_NULL_YIELDS_NULL"},
	{8192, false, "NUMERIC_ROUNDABORT"},
	{16384, true, "XACT_ABORT"},
};

#define READ_COMMITTED 2 /* of sys.dm_exec_sessions */

static int check_options(struct db_stmt *stmt, int64_t lock_timeout, struct err *err)
{
	int64_t text_size = db_column_int(stmt, 0), options = db_column_int(stmt, 2);

	if (db_column_int(stmt, 1) != lock_timeout)
		return err_set(err, ERR_STORE, "LOCK_TIMEOUT is %lld, not %lld, whatever we say",
			(long long)db_column_int(stmt, 1), (long long)lock_timeout);
	if (db_column_int(stmt, 11) != READ_COMMITTED)
		return err_set(err, ERR_STORE, "the isolation level is %lld, not read committed, whatever we say",
			(long long)db_column_int(stmt, 11));
	if (text_size != INT32_MAX)
		return err_set(err, ERR_STORE, "TEXTSIZE is %lld, not 2147483647: values would be cut",
			(long long)text_size);
	for (size_t i = 0; i < ARRAY_LEN(wanted_options); i++)
		if (!(options & wanted_options[i].bit) == wanted_options[i].on)
			return err_set(err, ERR_STORE, "%s is %s, whatever we say", wanted_options[i].name,
				wanted_options[i].on ? "off" : "on");
	return 0;
}

static const char *column(struct mssql_db *d, struct db_stmt *stmt, int i)
{
	const char *text = db_column_text(stmt, i);

	return arena_strdup(&d->arena, text ? text : "");
}

static int set_up(struct mssql_db *d, struct err *err)
{
	CLEANUP_STMT struct db_stmt *stmt = NULL;
	struct mssql_session *s = &d->session;
	char sql[sizeof(preamble) + 32];
	int64_t lock = d->login.options->lock_timeout ? d->login.options->lock_timeout : -1;

	snprintf(sql, sizeof(sql), "%s%lld", preamble, (long long)lock);
	if (mssql_exec(&d->base, sql, err) || db_prepare(&d->base, questions, &stmt, err))
		return -1;
	if (db_step(stmt, err) != 1)
		return err->code ? -1 : err_set(err, ERR_STORE, "the server does not say what it is");
	*s = (struct mssql_session){.spid = db_column_int(stmt, 3),
		.server = column(d, stmt, 4),
		.version = column(d, stmt, 5),
		.edition = column(d, stmt, 6),
		.engine_edition = db_column_int(stmt, 7),
		.database = column(d, stmt, 8),
		.login = column(d, stmt, 9),
		.user = column(d, stmt, 10)};
	return check_options(stmt, lock, err);
}

/* A session that is not set up is none. */
static int begin_session(struct mssql_db *d, struct err *err)
{
	int rc;

	d->in_set_up = true;
	rc = set_up(d, err);
	d->in_set_up = false;
	if (rc)
		mssql_wire_close(mem_steal(d->wire));
	return rc;
}

int db_open_mssql(const struct mssql_login *login, struct db **ret_db, enum mssql_layer *ret_layer,
	struct err *err)
{
	struct mssql_db *d = mem_alloc(sizeof(*d));

	d->base.driver = &mssql_driver;
	d->login = *login;
	if (mssql_wire_open(login, &d->wire, ret_layer, err)) {
		db_close(&d->base);
		return -1;
	}
	if (begin_session(d, err)) {
		*ret_layer = MSSQL_LAYER_LOGIN;
		err_wrap(err, "%s: set up the session", mssql_layer_name(*ret_layer));
		db_close(&d->base);
		return -1;
	}
	*ret_db = &d->base;
	return 0;
}

static void mssql_close(struct db *db)
{
	struct mssql_db *d = of_db(db);

	mssql_wire_close(d->wire);
	arena_release(&d->arena);
	free(d);
}

const struct mssql_session *db_mssql_session(struct db *db)
{
	assert(db->driver == &mssql_driver);
	return &of_db(db)->session;
}

const struct mssql_peer *db_mssql_peer(struct db *db)
{
	assert(db->driver == &mssql_driver);
	return mssql_wire_peer(of_db(db)->wire);
}

/* --- statements ------------------------------------------------------------------- */

static void forget_result(struct mssql_stmt *s)
{
	s->ran = false;
	s->at = 0;
	s->columns = (struct tds_columns){.n = 0};
	s->base.n_columns = 0;
	buf_reset(&s->rows);
	arena_release(&s->result);
	arena_release(&s->values);
}

static void mssql_finalize(struct db_stmt *stmt)
{
	struct mssql_stmt *s = of_stmt(stmt);

	forget_result(s);
	buf_release(&s->rows);
	arena_release(&s->arena);
	free(s);
}

static int mssql_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt, struct err *err)
{
	struct mssql_stmt *s = mem_alloc(sizeof(*s));

	s->base = (struct db_stmt){.driver = &mssql_driver, .db = db};
	buf_init(&s->rows, MSSQL_RESULT_MAX);
	s->sql = arena_strdup(&s->arena, sql);
	if (tsql_params(s->sql, &s->arena, &s->names, &s->base.n_params, err)) {
		mssql_finalize(&s->base);
		return -1;
	}
	s->params = arena_array(&s->arena, s->base.n_params ? (size_t)s->base.n_params : 1,
		sizeof(*s->params));
	*ret_stmt = &s->base;
	return 0;
}

bool db_mssql_alive(struct db *db)
{
	return is_alive(of_db(db));
}

void db_mssql_cancel_by(struct db *db, const atomic_bool *cancel)
{
	struct mssql_db *d = of_db(db);

	d->login.cancel = cancel;
	if (d->wire)
		mssql_wire_cancel_by(d->wire, cancel);
}

/* A text of several is one batch here: see db_mssql_batch. */
static int mssql_prepare_next(struct db *db, const char *sql, struct db_stmt **ret_stmt,
	const char **ret_rest, struct err *err)
{
	if (!*sql)
		return 0;
	*ret_rest = sql + strlen(sql);
	return mssql_prepare(db, sql, ret_stmt, err) ? -1 : 1;
}

static void bind(struct db_stmt *stmt, int pos, struct db_value value)
{
	of_stmt(stmt)->params[pos - 1] = value;
}

static void mssql_bind_null(struct db_stmt *stmt, int pos)
{
	bind(stmt, pos, (struct db_value){.type = DB_NULL});
}

static void mssql_bind_int(struct db_stmt *stmt, int pos, int64_t value)
{
	bind(stmt, pos, (struct db_value){.type = DB_INT, .i = value});
}

static void mssql_bind_real(struct db_stmt *stmt, int pos, double value)
{
	bind(stmt, pos, (struct db_value){.type = DB_REAL, .r = value});
}

static void mssql_bind_text(struct db_stmt *stmt, int pos, const char *text, size_t len)
{
	bind(stmt, pos, (struct db_value){.type = DB_TEXT, .s = {(const uint8_t *)text, len}});
}

static void mssql_bind_blob(struct db_stmt *stmt, int pos, const void *data, size_t len)
{
	bind(stmt, pos, (struct db_value){.type = DB_BLOB, .s = {data, len}});
}

/* The same declarations whatever the values are: the server's plans are found by them. */
static struct mssql_param to_param(const char *name, const struct db_value *v)
{
	struct mssql_param p = {.name = name, .column = {.nullable = true}, .value = {.kind = TDS_NULL}};

	switch (v->type) {
	case DB_INT:
		p.column.type = TDS_INTN;
		p.column.size = 8;
		p.value = (struct tds_value){.kind = TDS_INT, .i = v->i};
		break;
	case DB_REAL:
		p.column.type = TDS_FLTN;
		p.column.size = 8;
		p.value = (struct tds_value){.kind = TDS_REAL, .r = v->r};
		break;
	case DB_BLOB:
		p.column.type = TDS_BIGVARBINARY;
		p.column.size = v->s.len > BYTES_SHORT ? TDS_SIZE_MAX : BYTES_SHORT;
		p.value = (struct tds_value){.kind = TDS_BLOB, .s = {v->s.data, (uint32_t)v->s.len}};
		break;
	case DB_TEXT:
		p.column.type = TDS_NVARCHAR;
		p.column.size = v->s.len > TEXT_SHORT ? TDS_SIZE_MAX : 2 * TEXT_SHORT;
		p.value = (struct tds_value){.kind = TDS_TEXT, .s = {v->s.data, (uint32_t)v->s.len}};
		break;
	case DB_NULL:
		p.column.type = TDS_NVARCHAR;
		p.column.size = 2 * TEXT_SHORT;
		break;
	}
	return p;
}

static int send(struct mssql_stmt *s, struct mssql_db *d, struct err *err)
{
	size_t n = (size_t)s->base.n_params;
	struct mssql_param *params;

	if (ready(d, err))
		return -1;
	if (n == 0)
		return mssql_wire_batch(d->wire, s->sql, strlen(s->sql), err);
	params = arena_array(&s->result, n, sizeof(*params));
	for (size_t i = 0; i < n; i++) {
		if (s->params[i].type >= DB_TEXT && s->params[i].s.len > TDS_PLP_MAX)
			return err_set(err, ERR_LIMIT, "%s: a value of more than %u bytes", s->names[i],
				TDS_PLP_MAX);
		params[i] = to_param(s->names[i], &s->params[i]);
	}
	return mssql_wire_call(d->wire, s->sql, strlen(s->sql), params, n, err);
}

static const struct tds_column utf8_column = {
	.type = TDS_BIGVARCHAR, .size = TDS_SIZE_MAX, .nullable = true};

static int plan_column(struct reader *r, const struct tds_column *c, struct tds_column *utf8, struct err *err)
{
	switch (tds_type_base(c->type)) {
	case TDS_INTN:
	case TDS_BITN:
		r->type = DB_INT;
		return 0;
	case TDS_FLTN:
		r->type = DB_REAL;
		return 0;
	case TDS_BIGBINARY:
	case TDS_BIGVARBINARY:
	case TDS_OLD_IMAGE:
	case TDS_VARIANT:
	case TDS_UDT:
		r->type = DB_BLOB;
		return 0;
	default:
		r->type = DB_TEXT;
		if (!tds_type_is_narrow(c->type) && !tds_type_is_utf16(c->type))
			return 0;
		return tds_conversion_init(&r->text, c, utf8, err) ? err_wrap(err, "column '%s'", c->name) : 0;
	}
}

static int take_columns(struct mssql_stmt *s, const struct tds_columns *from, struct err *err)
{
	struct tds_column *utf8 = arena_alloc(&s->result, sizeof(*utf8));

	*utf8 = utf8_column;
	memcpy(utf8->collation, tds_collation_utf8, TDS_COLLATION_LEN);
	s->columns.n = from->n;
	s->columns.v = arena_array(&s->result, from->n, sizeof(*s->columns.v));
	s->readers = arena_array(&s->result, from->n, sizeof(*s->readers));
	s->row = arena_array(&s->result, from->n, sizeof(*s->row));
	for (uint32_t i = 0; i < from->n; i++) {
		s->columns.v[i] = from->v[i];
		s->columns.v[i].name = arena_strdup(&s->result, from->v[i].name);
		if (plan_column(&s->readers[i], &s->columns.v[i], utf8, err))
			return -1;
	}
	s->base.n_columns = (int)from->n;
	return 0;
}

static int take_row(struct mssql_stmt *s, struct mssql_db *d, struct err *err)
{
	size_t len;
	const uint8_t *row = mssql_wire_row(d->wire, &len);

	buf_add(&s->rows, row, len);
	return buf_check(&s->rows, "the result of a statement", err);
}

/* One result: that of a statement behind it takes its place. */
static int read_answer(struct mssql_stmt *s, struct mssql_db *d, struct err *err)
{
	enum mssql_event event;
	int rc = 0;

	do {
		if (mssql_wire_next(d->wire, &event, err))
			return -1;
		if (event == MSSQL_COLUMNS) {
			buf_reset(&s->rows);
			rc = take_columns(s, mssql_wire_columns(d->wire), err);
		} else if (event == MSSQL_ROW) {
			rc = take_row(s, d, err);
		} else {
			take_count(d);
		}
	} while (rc == 0 && event != MSSQL_END);
	if (rc)
		mssql_wire_drop(d->wire);
	return rc;
}

static int run(struct mssql_stmt *s, struct err *err)
{
	struct mssql_db *d = of_db(s->base.db);

	forget_result(s);
	d->changes = 0;
	if (send(s, d, err) || read_answer(s, d, err)) {
		forget_result(s);
		return -1;
	}
	s->ran = true;
	return 0;
}

/* --- values ------------------------------------------------------------------------- */

static void keep_bytes(struct mssql_stmt *s, const uint8_t *data, size_t len, struct db_value *out)
{
	uint8_t *copy = arena_alloc(&s->values, len + 1);

	if (len)
		memcpy(copy, data, len);
	copy[len] = '\0';
	out->s.data = copy;
	out->s.len = len;
}

static int keep_text(struct mssql_stmt *s, const struct reader *r, const struct tds_column *c,
	const struct tds_value *v, struct db_value *out, struct err *err)
{
	struct buf scratch = BUF_INIT(MSSQL_RESULT_MAX);
	struct tds_value text;
	char printed[TDS_PRINT_MAX];
	int rc = 0;

	if (!tds_type_is_narrow(c->type) && !tds_type_is_utf16(c->type)) {
		keep_bytes(s, (uint8_t *)printed, tds_value_print(c, v, printed), out);
		return 0;
	}
	rc = tds_conversion_apply(&r->text, v, &scratch, &text, NULL, err);
	if (rc == 0)
		keep_bytes(s, text.s.data, text.s.len, out);
	buf_release(&scratch);
	return rc;
}

static int read_value(struct mssql_stmt *s, uint32_t i, const uint8_t **p, const uint8_t *end, struct err *err)
{
	const struct tds_column *c = &s->columns.v[i];
	const struct reader *r = &s->readers[i];
	struct buf joined = BUF_INIT(MSSQL_RESULT_MAX);
	struct db_value *out = &s->row[i];
	struct tds_value v;
	int rc = tds_decode(p, end, c, &joined, &v, err);

	if (rc == 0 && v.kind == TDS_NULL) {
		out->type = DB_NULL;
	} else if (rc == 0) {
		out->type = r->type;
		if (r->type == DB_INT)
			out->i = v.i;
		else if (r->type == DB_REAL)
			out->r = v.r;
		else if (r->type == DB_BLOB)
			keep_bytes(s, v.s.data, v.s.len, out);
		else
			rc = keep_text(s, r, c, &v, out, err);
	}
	buf_release(&joined);
	return rc ? err_wrap(err, "column '%s'", c->name) : 0;
}

static int mssql_step(struct db_stmt *stmt, struct err *err)
{
	struct mssql_stmt *s = of_stmt(stmt);
	const uint8_t *p, *end;

	if (!s->ran && run(s, err))
		return -1;
	if (s->at == s->rows.len) {
		s->ran = false;
		s->at = 0;
		return 0;
	}
	arena_release(&s->values);
	p = (const uint8_t *)s->rows.data + s->at + 1;
	end = (const uint8_t *)s->rows.data + s->rows.len;
	for (uint32_t i = 0; i < s->columns.n; i++)
		if (read_value(s, i, &p, end, err)) {
			forget_result(s);
			return -1;
		}
	s->at = (size_t)(p - (const uint8_t *)s->rows.data);
	return 1;
}

static void mssql_reset(struct db_stmt *stmt)
{
	forget_result(of_stmt(stmt));
}

static const char *mssql_column_name(struct db_stmt *stmt, int col)
{
	return of_stmt(stmt)->columns.v[col].name;
}

static const char *mssql_column_declared(struct db_stmt *stmt, int col)
{
	struct mssql_stmt *s = of_stmt(stmt);

	return tds_type_print(&s->columns.v[col], &s->result);
}

static enum db_type mssql_column_type(struct db_stmt *stmt, int col)
{
	return of_stmt(stmt)->row[col].type;
}

static int64_t mssql_column_int(struct db_stmt *stmt, int col)
{
	const struct db_value *v = &of_stmt(stmt)->row[col];

	return v->type == DB_INT ? v->i : v->type == DB_REAL ? (int64_t)v->r : 0;
}

static double mssql_column_real(struct db_stmt *stmt, int col)
{
	const struct db_value *v = &of_stmt(stmt)->row[col];

	return v->type == DB_REAL ? v->r : v->type == DB_INT ? (double)v->i : 0;
}

static const char *mssql_column_text(struct db_stmt *stmt, int col)
{
	struct mssql_stmt *s = of_stmt(stmt);
	const struct db_value *v = &s->row[col];

	switch (v->type) {
	case DB_NULL:
		return NULL;
	case DB_INT:
		return arena_printf(&s->values, "%lld", (long long)v->i);
	case DB_REAL:
		return arena_printf(&s->values, "%.17g", v->r);
	default:
		return (const char *)v->s.data;
	}
}

static const void *mssql_column_blob(struct db_stmt *stmt, int col, size_t *ret_len)
{
	const struct db_value *v = &of_stmt(stmt)->row[col];

	*ret_len = v->type >= DB_TEXT ? v->s.len : 0;
	return v->type >= DB_TEXT ? v->s.data : NULL;
}

static int mssql_row(struct db_stmt *stmt, struct db_value *ret_values, size_t *ret_bytes, struct err *err)
{
	const struct mssql_stmt *s = of_stmt(stmt);

	(void)err;
	*ret_bytes = 0;
	for (uint32_t i = 0; i < s->columns.n; i++) {
		ret_values[i] = s->row[i];
		if (s->row[i].type >= DB_TEXT)
			*ret_bytes += s->row[i].s.len;
	}
	return 0;
}

/* --- the rest ------------------------------------------------------------------------ */

static int64_t mssql_changes(struct db *db)
{
	return of_db(db)->changes;
}

static int64_t mssql_total_changes(struct db *db)
{
	return of_db(db)->total_changes;
}

static int64_t mssql_last_insert_id(struct db *db)
{
	(void)db;
	return 0; /* a text of T-SQL says what it wants to know: OUTPUT, SCOPE_IDENTITY() */
}

static const char *mssql_quote(struct db *db, const char *identifier, struct arena *a)
{
	(void)db;
	return tsql_quote(identifier, a);
}

static int mssql_attach(struct db *db, const char *path, const char *name, struct err *err)
{
	(void)db;
	(void)path;
	return err_set(err, ERR_CONFIG, "SQL Server attaches no '%s'", name);
}

static int mssql_detach(struct db *db, const char *name, struct err *err)
{
	(void)db;
	return err_set(err, ERR_CONFIG, "SQL Server attaches no '%s'", name);
}

/* The login's `cancel` is looked at instead. */
static void mssql_on_progress(struct db *db, int (*callback)(void *arg), void *arg)
{
	(void)db;
	(void)callback;
	(void)arg;
}

/* Grants do that there. */
static void mssql_guard(struct db *db, const struct db_guard *guard)
{
	(void)db;
	(void)guard;
}

static const struct db_driver mssql_driver = {
	.dialect = DB_TSQL,
	.close = mssql_close,
	.exec = mssql_exec,
	.begin = mssql_begin,
	.begin_read = mssql_begin_read,
	.join_read = mssql_join_read,
	.commit = mssql_commit,
	.rollback = mssql_rollback,
	.in_transaction = mssql_in_transaction,
	.prepare = mssql_prepare,
	.prepare_next = mssql_prepare_next,
	.finalize = mssql_finalize,
	.bind_null = mssql_bind_null,
	.bind_int = mssql_bind_int,
	.bind_real = mssql_bind_real,
	.bind_text = mssql_bind_text,
	.bind_blob = mssql_bind_blob,
	.step = mssql_step,
	.reset = mssql_reset,
	.column_name = mssql_column_name,
	.column_declared = mssql_column_declared,
	.column_type = mssql_column_type,
	.column_int = mssql_column_int,
	.column_real = mssql_column_real,
	.column_text = mssql_column_text,
	.column_blob = mssql_column_blob,
	.row = mssql_row,
	.changes = mssql_changes,
	.total_changes = mssql_total_changes,
	.last_insert_id = mssql_last_insert_id,
	.quote = mssql_quote,
	.attach = mssql_attach,
	.detach = mssql_detach,
	.on_progress = mssql_on_progress,
	.guard = mssql_guard,
};
