#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "db/mssql_private.h"
#include "db/tsql.h"
#include "tds/convert.h"
#include "tds/row.h"

#define TEXT_SHORT  4000 /* units of an nvarchar that is not (max) */
#define BYTES_SHORT 8000

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

static struct mssql_stmt *of_stmt(struct db_stmt *stmt)
{
	return (struct mssql_stmt *)stmt;
}

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

void mssql_stmt_finalize(struct db_stmt *stmt)
{
	struct mssql_stmt *s = of_stmt(stmt);

	forget_result(s);
	buf_release(&s->rows);
	arena_release(&s->arena);
	free(s);
}

int mssql_stmt_prepare(struct db *db, const char *sql, struct db_stmt **ret_stmt, struct err *err)
{
	struct mssql_stmt *s = mem_alloc(sizeof(*s));

	s->base = (struct db_stmt){.driver = &mssql_driver, .db = db};
	buf_init(&s->rows, MSSQL_RESULT_MAX);
	s->sql = arena_strdup(&s->arena, sql);
	if (tsql_params(s->sql, &s->arena, &s->names, &s->base.n_params, err)) {
		mssql_stmt_finalize(&s->base);
		return -1;
	}
	s->params = arena_array(&s->arena, s->base.n_params ? (size_t)s->base.n_params : 1,
		sizeof(*s->params));
	*ret_stmt = &s->base;
	return 0;
}

/* A text of several is one batch here: see db_mssql_batch. */
int mssql_stmt_prepare_next(struct db *db, const char *sql, struct db_stmt **ret_stmt,
	const char **ret_rest, struct err *err)
{
	if (!*sql)
		return 0;
	*ret_rest = sql + strlen(sql);
	return mssql_stmt_prepare(db, sql, ret_stmt, err) ? -1 : 1;
}

static void bind(struct db_stmt *stmt, int pos, struct db_value value)
{
	of_stmt(stmt)->params[pos - 1] = value;
}

void mssql_stmt_bind_null(struct db_stmt *stmt, int pos)
{
	bind(stmt, pos, (struct db_value){.type = DB_NULL});
}

void mssql_stmt_bind_int(struct db_stmt *stmt, int pos, int64_t value)
{
	bind(stmt, pos, (struct db_value){.type = DB_INT, .i = value});
}

void mssql_stmt_bind_real(struct db_stmt *stmt, int pos, double value)
{
	bind(stmt, pos, (struct db_value){.type = DB_REAL, .r = value});
}

void mssql_stmt_bind_text(struct db_stmt *stmt, int pos, const char *text, size_t len)
{
	bind(stmt, pos, (struct db_value){.type = DB_TEXT, .s = {(const uint8_t *)text, len}});
}

void mssql_stmt_bind_blob(struct db_stmt *stmt, int pos, const void *data, size_t len)
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

	if (mssql_ready(d, err))
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
			mssql_take_count(d);
		}
	} while (rc == 0 && event != MSSQL_END);
	if (rc)
		mssql_wire_drop(d->wire);
	return rc;
}

static int run(struct mssql_stmt *s, struct err *err)
{
	struct mssql_db *d = mssql_of_db(s->base.db);

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

int mssql_stmt_step(struct db_stmt *stmt, struct err *err)
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

void mssql_stmt_reset(struct db_stmt *stmt)
{
	forget_result(of_stmt(stmt));
}

const char *mssql_stmt_column_name(struct db_stmt *stmt, int col)
{
	return of_stmt(stmt)->columns.v[col].name;
}

const char *mssql_stmt_column_declared(struct db_stmt *stmt, int col)
{
	struct mssql_stmt *s = of_stmt(stmt);

	return tds_type_print(&s->columns.v[col], &s->result);
}

enum db_type mssql_stmt_column_type(struct db_stmt *stmt, int col)
{
	return of_stmt(stmt)->row[col].type;
}

int64_t mssql_stmt_column_int(struct db_stmt *stmt, int col)
{
	const struct db_value *v = &of_stmt(stmt)->row[col];

	return v->type == DB_INT ? v->i : v->type == DB_REAL ? (int64_t)v->r : 0;
}

double mssql_stmt_column_real(struct db_stmt *stmt, int col)
{
	const struct db_value *v = &of_stmt(stmt)->row[col];

	return v->type == DB_REAL ? v->r : v->type == DB_INT ? (double)v->i : 0;
}

const char *mssql_stmt_column_text(struct db_stmt *stmt, int col)
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

const void *mssql_stmt_column_blob(struct db_stmt *stmt, int col, size_t *ret_len)
{
	const struct db_value *v = &of_stmt(stmt)->row[col];

	*ret_len = v->type >= DB_TEXT ? v->s.len : 0;
	return v->type >= DB_TEXT ? v->s.data : NULL;
}

int mssql_stmt_row(struct db_stmt *stmt, struct db_value *ret_values, size_t *ret_bytes, struct err *err)
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
