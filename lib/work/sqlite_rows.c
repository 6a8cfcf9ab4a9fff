#include "work/sqlite_rows.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 10^15: below it every decimal of that many digits is a double's own. */
#define EXACT_MAGNITUDE 1000000000000000ull
/* 2^53: up to it every integer is. */
#define EXACT_INT (INT64_C(1) << 53)
/* Powers of ten up to 10^22 are doubles, so that the quotient is rounded once. */
#define EXACT_SCALE 22
#define EXACT_DIGITS 15
#define INT_DIGITS 18 /* fit int64_t whatever they are */

/* How the values of a source column are bound. */
enum put_how {
	PUT_NOTHING, /* the table generates the column */
	PUT_AS_IS,
	PUT_TEXT,    /* printed: times; numbers where the affinity would print them shorter */
	PUT_DECIMAL, /* as a number, if that is exact */
	PUT_REAL,    /* integers into a column that makes them floating point */
	PUT_NUMERAL, /* text that the affinity makes a number if it looks like one */
};

struct sqlite_put {
	int pos;
	enum put_how how;
	const struct tds_column *col;
	const char *type;	   /* the target's, for messages */
	enum affinity affinity;
	struct buf joined;	   /* a value of several chunks, until the row is inserted */
	char text[TDS_PRINT_MAX];  /* a printed one */
};

static const struct tds_column float_column = {.name = "", .type = TDS_FLTN, .size = 8};

static enum put_how how_for(const struct tds_column *c, enum affinity affinity)
{
	bool number = affinity != AFFINITY_TEXT && affinity != AFFINITY_NONE;

	switch (c->type) {
	case TDS_DATEN:
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
		return PUT_TEXT;
	case TDS_DECIMALN:
		return number ? PUT_DECIMAL : PUT_TEXT;
	case TDS_FLTN:
		return affinity == AFFINITY_TEXT ? PUT_TEXT : PUT_AS_IS;
	case TDS_INTN:
		return affinity == AFFINITY_REAL && c->size == 8 ? PUT_REAL : PUT_AS_IS;
	case TDS_SQLITE:
		if (affinity == AFFINITY_TEXT)
			return PUT_TEXT;
		return affinity == AFFINITY_REAL ? PUT_REAL : number ? PUT_NUMERAL : PUT_AS_IS;
	case TDS_BIGVARCHAR:
		return number ? PUT_NUMERAL : PUT_AS_IS;
	case TDS_BITN:
	case TDS_BIGVARBINARY:
		break;
	}
	return PUT_AS_IS;
}

/* Text in code pages comes with SQL Server as a source. */
static int check_collation(const struct tds_column *c, struct err *err)
{
	if (c->type != TDS_BIGVARCHAR ||
		memcmp(c->collation, tds_collation_utf8, sizeof(c->collation)) == 0)
		return 0;
	return err_set(err, ERR_DATA, "column '%s' is not UTF-8 text", c->name);
}

int sqlite_rows_init(struct sqlite_rows *r, struct db *db, const struct sqlite_table *t,
	const int *map, const struct tds_columns *cols, struct arena *a, struct err *err)
{
	*r = (struct sqlite_rows){.cols = cols, .row = BUF_INIT(SQLITE_ROW_MAX)};
	r->put = arena_array(a, cols->n, sizeof(*r->put));
	for (uint32_t i = 0; i < cols->n; i++) {
		struct sqlite_put *put = &r->put[i];

		if (check_collation(&cols->v[i], err) < 0)
			return -1;
		put->col = &cols->v[i];
		buf_init(&put->joined, SQLITE_ROW_MAX);
		if (map[i] < 0)
			continue;
		put->pos = t->v[map[i]].pos;
		put->affinity = t->v[map[i]].affinity;
		put->type = t->v[map[i]].type;
		put->how = how_for(&cols->v[i], put->affinity);
	}
	return db_prepare(db, sqlite_table_put_sql(t, db, a), &r->insert, err);
}

void sqlite_rows_release(struct sqlite_rows *r)
{
	db_finalize(mem_steal(r->insert));
	for (uint32_t i = 0; r->put && i < r->cols->n; i++)
		buf_release(&r->put[i].joined);
	buf_release(&r->row);
}

/* --- values --- */

static int not_exact(const struct sqlite_put *put, const char *text, struct err *err)
{
	err_set(err, ERR_DATA, "column '%s': '%s' has more digits than the target's type '%s' keeps",
		put->col->name, text, put->type);
	return err_hint(err, "make the target column TEXT");
}

/* magnitude / 10^scale, rounded once. */
static double quotient(struct sqlite_put *put, const struct tds_value *v)
{
	double q;

	if (put->col->scale > EXACT_SCALE) {
		tds_value_print(put->col, v, put->text);
		return strtod(put->text, NULL);
	}
	q = (double)(uint64_t)v->d.magnitude / (double)tds_pow10(put->col->scale);
	return v->d.negative ? -q : q;
}

static int put_decimal(struct db_stmt *insert, struct sqlite_put *put, const struct tds_value *v,
	struct err *err)
{
	unsigned __int128 unit = tds_pow10(put->col->scale);
	unsigned __int128 whole = v->d.magnitude / unit;
	bool real = put->affinity == AFFINITY_REAL;

	if (v->d.magnitude < EXACT_MAGNITUDE) {
		if (put->col->scale)
			db_bind_real(insert, put->pos, quotient(put, v));
		else
			db_bind_int(insert, put->pos,
				v->d.negative ? -(int64_t)whole : (int64_t)whole);
		return 0;
	}
	if (whole * unit == v->d.magnitude &&
		whole <= (unsigned __int128)(real ? EXACT_INT : INT64_MAX)) {
		db_bind_int(insert, put->pos, v->d.negative ? -(int64_t)whole : (int64_t)whole);
		return 0;
	}
	tds_value_print(put->col, v, put->text);
	return not_exact(put, put->text, err);
}

static void put_text(struct db_stmt *insert, struct sqlite_put *put, const struct tds_value *v)
{
	const struct tds_column *c = v->kind == TDS_REAL ? &float_column : put->col;
	size_t len = tds_value_print(c, v, put->text);

	db_bind_textn(insert, put->pos, put->text, len);
}

static int put_int(struct db_stmt *insert, const struct sqlite_put *put, int64_t i,
	struct err *err)
{
	char text[24];

	if (put->how == PUT_REAL && (i > EXACT_INT || i < -EXACT_INT)) {
		snprintf(text, sizeof(text), "%" PRId64, i);
		return not_exact(put, text, err);
	}
	db_bind_int(insert, put->pos, i);
	return 0;
}

static int put_real(struct db_stmt *insert, struct sqlite_put *put, const struct tds_value *v,
	struct err *err)
{
	if (__builtin_isnan(v->r)) /* SQLite stores null instead */
		return err_set(err, ERR_DATA, "column '%s': not a number (NaN)", put->col->name);
	if (put->how == PUT_TEXT)
		put_text(insert, put, v);
	else
		db_bind_real(insert, put->pos, v->r);
	return 0;
}

/* True for a number whose digits SQLite would round when it converts it. */
static bool is_rounded(const struct sqlite_put *put, const uint8_t *s, uint32_t len)
{
	uint32_t digits = 0;
	bool integer = put->affinity != AFFINITY_REAL;

	for (uint32_t i = 0; i < len; i++) {
		if (isdigit(s[i]))
			digits += digits || s[i] != '0';
		else if (memchr(".eE", s[i], 3))
			integer = false;
		else if (!memchr("+- \t\n\v\f\r", s[i], 8))
			return false; /* not a number: stays text */
	}
	return digits > (integer ? INT_DIGITS : EXACT_DIGITS);
}

static int put_string(struct db_stmt *insert, const struct sqlite_put *put,
	const struct tds_value *v, struct err *err)
{
	char shown[TDS_PRINT_MAX];

	if ((put->how == PUT_NUMERAL || put->how == PUT_REAL) && v->s.len > EXACT_DIGITS &&
		is_rounded(put, v->s.data, v->s.len)) {
		snprintf(shown, sizeof(shown), "%.*s", (int)v->s.len, (const char *)v->s.data);
		return not_exact(put, shown, err);
	}
	db_bind_textn(insert, put->pos, (const char *)v->s.data, v->s.len);
	return 0;
}

static int put_value(struct db_stmt *insert, struct sqlite_put *put, const struct tds_value *v,
	struct err *err)
{
	switch (v->kind) {
	case TDS_NULL:
		db_bind_null(insert, put->pos);
		return 0;
	case TDS_INT:
		return put_int(insert, put, v->i, err);
	case TDS_REAL:
		return put_real(insert, put, v, err);
	case TDS_TEXT:
		return put_string(insert, put, v, err);
	case TDS_DECIMAL:
		if (put->how == PUT_DECIMAL)
			return put_decimal(insert, put, v, err);
		put_text(insert, put, v);
		return 0;
	case TDS_TIME:
		put_text(insert, put, v);
		return 0;
	case TDS_BLOB:
	case TDS_HEX: /* never decoded */
		break;
	}
	db_bind_blob(insert, put->pos, v->s.data, v->s.len);
	return 0;
}

/* --- rows --- */

static int write_row(struct sqlite_rows *r, const uint8_t **p, const uint8_t *end, struct err *err)
{
	struct tds_value v;

	if (*p == end || **p != TDS_ROW_TOKEN)
		return err_set(err, ERR_DATA, "the batch does not hold whole rows");
	++*p;
	for (uint32_t i = 0; i < r->cols->n; i++) {
		struct sqlite_put *put = &r->put[i];

		if (tds_decode(p, end, put->col, &put->joined, &v, err) < 0)
			return -1;
		if (put->how != PUT_NOTHING && put_value(r->insert, put, &v, err) < 0)
			return -1;
	}
	return db_run(r->insert, err);
}

static int write_rows(struct sqlite_rows *r, const uint8_t *p, const uint8_t *end, struct err *err)
{
	while (p < end) {
		if (write_row(r, &p, end, err) < 0)
			return err_wrap(err, "row %" PRIu64, r->rows + 1);
		r->rows++;
	}
	return 0;
}

static int write_part(struct sqlite_rows *r, const struct batch *b, struct err *err)
{
	const uint8_t *p;
	int rc;

	if (b->cont & BATCH_FIRST)
		buf_reset(&r->row);
	buf_add(&r->row, b->data, b->len);
	if (buf_check(&r->row, "the row", err) < 0)
		return err_wrap(err, "row %" PRIu64, r->rows + 1);
	if (b->cont & BATCH_MORE)
		return 0;
	p = (const uint8_t *)buf_str(&r->row);
	rc = write_rows(r, p, p + r->row.len, err);
	buf_release(&r->row); /* one huge row is no reason to keep its memory */
	return rc;
}

int sqlite_rows_write(struct sqlite_rows *r, const struct batch *b, struct err *err)
{
	if (b->cont)
		return write_part(r, b, err);
	return write_rows(r, b->data, b->data + b->len, err);
}
