#include "work/sqlite_rows.h"

#include <assert.h>
#include <ctype.h>
#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf16.h"
#include "tds/convert.h"

/* 10^15: below it every decimal of that many digits is a double's own. */
#define EXACT_MAGNITUDE 1000000000000000ull
/* 2^53: up to it every integer is. */
#define EXACT_INT       (INT64_C(1) << 53)
/* Powers of ten up to 10^22 are doubles, so that the quotient is rounded once. */
#define EXACT_SCALE     22
#define EXACT_DIGITS    15
#define INT_DIGITS      18 /* fit int64_t whatever they are */

/* Serial types of a record (fileformat2.html §2.1); text and blobs have their length in them. */
#define SERIAL_NULL     0
#define SERIAL_REAL     7
#define SERIAL_ZERO     8 /* and 9: one */
#define SERIAL_BLOB     12
#define SERIAL_TEXT     13
#define HEADER_SIZE_MAX 3 /* bytes of the header's own length: 4,096 columns of nine bytes fit */

/* What the record becomes; both point behind what is there. */
struct record {
	uint8_t *type, *body;
};

/* How the values of a source column are stored. */
enum put_how {
	PUT_NOTHING, /* the table generates the column */
	PUT_AS_IS,
	PUT_TEXT,   /* printed: times, and numbers where SQLite would print them shorter */
	PUT_NUMBER, /* whole numbers as integers, others as floating point, if that is exact */
	PUT_REAL,   /* all as floating point, if that is exact */
};

struct sqlite_put {
	const struct tds_column *col;
	const struct sqlite_column *to;
	enum put_how how;
	bool not_null;
	struct tds_conversion *to_utf8; /* NULL: it is, or no text */
};

static const struct tds_column int_column = {.name = "", .type = TDS_INTN, .size = 8};
static const struct tds_column float_column = {.name = "", .type = TDS_FLTN, .size = 8};

/* --- begin and end --- */

static enum put_how how_for(const struct tds_column *c, enum affinity affinity)
{
	switch (affinity) {
	case AFFINITY_TEXT:
		return PUT_TEXT;
	case AFFINITY_NUMERIC:
	case AFFINITY_INTEGER:
		return PUT_NUMBER;
	case AFFINITY_REAL:
		return PUT_REAL;
	case AFFINITY_NONE:
		break;
	}
	return c->precision ? PUT_TEXT : PUT_AS_IS; /* decimals */
}

static const struct tds_column utf8_column = {.name = "", .type = TDS_BIGVARCHAR, .size = TDS_SIZE_MAX,
	/* tds_collation_utf8 */
	.collation = {0x09, 0x04, 0x00, 0x26, 0x00}, .nullable = true};

/* Text in code pages comes with SQL Server as a source. */
static int plan_text(struct sqlite_rows *r, struct sqlite_put *put, struct arena *a, struct err *err)
{
	const struct tds_column *c = put->col;

	if (!tds_type_is_narrow(c->type) ||
		memcmp(c->collation, tds_collation_utf8, sizeof(c->collation)) == 0)
		return 0;
	r->code_pages = true;
	put->to_utf8 = arena_alloc(a, sizeof(*put->to_utf8));
	if (tds_conversion_init(put->to_utf8, c, &utf8_column, err) < 0)
		return err_wrap(err, "column '%s'", c->name);
	return 0;
}

int sqlite_rows_init(struct sqlite_rows *r, const struct sqlite_table *t,
	const struct sqlite_fit *fit, const struct tds_columns *cols, struct sqlite_pages *pages,
	struct arena *a, struct err *err)
{
	*r = (struct sqlite_rows){
		.table = t->name,
		.pages = pages,
		.put = arena_array(a, cols->n, sizeof(*r->put)),
		.n = cols->n,
		.header = arena_alloc(a, HEADER_SIZE_MAX + (size_t)cols->n * SQLITE_VARINT_MAX),
		.joined = BUF_INIT(SQLITE_ROW_MAX),
		.row = BUF_INIT(SQLITE_ROW_MAX),
		.scratch = BUF_INIT(SQLITE_ROW_MAX),
	};
	for (uint32_t i = 0; i < cols->n; i++) {
		const struct sqlite_fit_column *f = &fit->v[i];

		r->put[i] = (struct sqlite_put){
			.col = &cols->v[i],
			.to = f->to,
			.how = f->to ? how_for(&cols->v[i], f->to->affinity) : PUT_NOTHING,
			.not_null = f->not_null,
		};
		if (plan_text(r, &r->put[i], a, err) < 0)
			return -1;
	}
	return 0;
}

void sqlite_rows_release(struct sqlite_rows *r)
{
	free(mem_steal(r->body));
	buf_release(&r->joined);
	buf_release(&r->row);
	buf_release(&r->scratch);
}

/* --- values --- */

static void add_int(struct record *rec, int64_t i)
{
	/* by serial type; 6 is 8 bytes */
	static const uint8_t sizes[] = {0, 1, 2, 3, 4, 6, 8};
	uint64_t size = (uint64_t)(i < 0 ? ~i : i), big;
	unsigned type;

	if (size <= 1 && i >= 0) {
		*rec->type++ = (uint8_t)(SERIAL_ZERO + i);
		return;
	}
	type = size <= 0x7f             ? 1
	       : size <= 0x7fff         ? 2
	       : size <= 0x7fffff       ? 3
	       : size <= 0x7fffffff     ? 4
	       : size <= 0x7fffffffffff ? 5
					: 6;
	big = htobe64((uint64_t)i << (64 - 8 * sizes[type]));
	memcpy(rec->body, &big, sizeof(big)); /* there is room for eight: reserve() */
	*rec->type++ = (uint8_t)type;
	rec->body += sizes[type];
}

static void add_real(struct record *rec, double r)
{
	uint64_t bits;

	memcpy(&bits, &r, sizeof(bits));
	bits = htobe64(bits);
	memcpy(rec->body, &bits, sizeof(bits));
	*rec->type++ = SERIAL_REAL;
	rec->body += sizeof(bits);
}

/* As SQLite does for a NUMERIC column: an integer where that is the same number. */
static void add_number(struct record *rec, double r)
{
	const double limit = 9223372036854775808.0;

	if (r > -limit && r < limit && (double)(int64_t)r - r >= 0 && (double)(int64_t)r - r <= 0)
		add_int(rec, (int64_t)r);
	else
		add_real(rec, r);
}

static void add_bytes(struct record *rec, unsigned serial, const uint8_t *data, uint32_t len)
{
	rec->type = sqlite_put_varint(rec->type, serial + 2 * (uint64_t)len);
	rec->body = sqlite_put_bytes(rec->body, data, len);
}

static void add_printed(struct record *rec, const struct sqlite_put *put, const struct tds_value *v)
{
	const struct tds_column *c = put->col->type == TDS_SQLITE ? &float_column : put->col;
	size_t len = tds_value_print(c, v, (char *)rec->body);

	rec->type = sqlite_put_varint(rec->type, SERIAL_TEXT + 2 * len);
	rec->body += len;
}

static int not_exact(const struct sqlite_put *put, const char *text, struct err *err)
{
	err_set(err, ERR_DATA,
		"column '%s': " ERR_VALUE " has more digits than the target's type '%s' keeps",
		put->col->name, put->to->type);
	err_value(err, text, strlen(text));
	return err_hint(err, "make the target column TEXT");
}

static int put_int(struct record *rec, const struct sqlite_put *put, const struct tds_value *v,
	struct err *err)
{
	char text[TDS_PRINT_MAX];

	if (put->how == PUT_TEXT) {
		add_printed(rec, put, v);
	} else if (put->how != PUT_REAL) {
		add_int(rec, v->i);
	} else if (v->i > EXACT_INT || v->i < -EXACT_INT) {
		tds_value_print(put->col, v, text);
		return not_exact(put, text, err);
	} else {
		add_real(rec, (double)v->i);
	}
	return 0;
}

static int put_real(struct record *rec, const struct sqlite_put *put, const struct tds_value *v,
	struct err *err)
{
	if (__builtin_isnan(v->r)) /* SQLite stores null instead */
		return err_set(err, ERR_DATA, "column '%s': not a number (NaN)", put->col->name);
	if (put->how == PUT_TEXT)
		add_printed(rec, put, v);
	else if (put->how == PUT_NUMBER)
		add_number(rec, v->r);
	else
		add_real(rec, v->r);
	return 0;
}

/* magnitude / 10^scale, rounded once. */
static double quotient(const struct tds_column *c, const struct tds_value *v)
{
	char text[TDS_PRINT_MAX];
	double q;

	if (c->scale > EXACT_SCALE) {
		tds_value_print(c, v, text);
		return strtod(text, NULL);
	}
	q = (double)(uint64_t)v->d.magnitude / (double)tds_pow10(c->scale);
	return v->d.negative ? -q : q;
}

static int put_large_decimal(struct record *rec, const struct sqlite_put *put,
	const struct tds_value *v, struct err *err)
{
	unsigned __int128 unit = tds_pow10(put->col->scale), whole = v->d.magnitude / unit;
	bool real = put->how == PUT_REAL;
	char text[TDS_PRINT_MAX];
	int64_t i;

	if (whole * unit != v->d.magnitude ||
		whole > (unsigned __int128)(real ? EXACT_INT : INT64_MAX)) {
		tds_value_print(put->col, v, text);
		return not_exact(put, text, err);
	}
	i = v->d.negative ? -(int64_t)whole : (int64_t)whole;
	if (real)
		add_real(rec, (double)i);
	else
		add_int(rec, i);
	return 0;
}

static int put_decimal(struct record *rec, const struct sqlite_put *put, const struct tds_value *v,
	struct err *err)
{
	if (put->how == PUT_TEXT)
		add_printed(rec, put, v);
	else if (v->d.magnitude >= EXACT_MAGNITUDE)
		return put_large_decimal(rec, put, v, err);
	else if (put->how == PUT_REAL)
		add_real(rec, quotient(put->col, v));
	else
		add_number(rec, quotient(put->col, v));
	return 0;
}

/* True for a number whose digits SQLite would round when it converts it. */
static bool is_rounded(const struct sqlite_put *put, const uint8_t *s, uint32_t len)
{
	uint32_t digits = 0;
	bool integer = put->how != PUT_REAL;

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

/* Text into a column of numbers, which SQLite converts when the rows are moved. */
static int check_string(
	const struct sqlite_put *put, const uint8_t *data, uint32_t len, struct err *err)
{
	char shown[TDS_PRINT_MAX];

	if ((put->how == PUT_NUMBER || put->how == PUT_REAL) && len > EXACT_DIGITS &&
		is_rounded(put, data, len)) {
		snprintf(shown, sizeof(shown), "%.*s", (int)len, (const char *)data);
		return not_exact(put, shown, err);
	}
	return 0;
}

/* As UTF-8 into the record, which has room for it: reserve(). */
static int put_utf16(struct record *rec, const struct sqlite_put *put, const struct tds_value *v,
	struct err *err)
{
	size_t len;

	if (utf16_to_utf8(v->s.data, v->s.len, rec->body, &len) != v->s.len)
		return err_set(
			err, ERR_DATA, "column '%s': half a character of UTF-16", put->col->name);
	if (check_string(put, rec->body, (uint32_t)len, err) < 0)
		return -1;
	rec->type = sqlite_put_varint(rec->type, SERIAL_TEXT + 2 * len);
	rec->body += len;
	return 0;
}

static int put_null(
	struct record *rec, const struct sqlite_put *put, const char *table, struct err *err)
{
	if (put->not_null)
		return err_set(
			err, ERR_DATA, "NOT NULL constraint failed: %s.%s", table, put->to->name);
	*rec->type++ = SERIAL_NULL;
	return 0;
}

static int put_text(struct sqlite_rows *r, struct record *rec, const struct sqlite_put *put,
	const struct tds_value *v, struct err *err)
{
	struct tds_value text = *v;

	if (put->to_utf8 && tds_conversion_apply(put->to_utf8, v, &r->scratch, &text, NULL, err) < 0)
		return err_wrap(err, "column '%s'", put->col->name);
	if (check_string(put, text.s.data, text.s.len, err) < 0)
		return -1;
	add_bytes(rec, SERIAL_TEXT, text.s.data, text.s.len);
	return 0;
}

static int put_value(struct sqlite_rows *r, struct record *rec, const struct sqlite_put *put,
	const struct tds_value *v, struct err *err)
{
	switch (v->kind) {
	case TDS_NULL:
		return put_null(rec, put, r->table, err);
	case TDS_INT:
		return put_int(rec, put, v, err);
	case TDS_REAL:
		return put_real(rec, put, v, err);
	case TDS_TEXT:
		return put_text(r, rec, put, v, err);
	case TDS_DECIMAL:
		return put_decimal(rec, put, v, err);
	case TDS_UTF16:
		return put_utf16(rec, put, v, err);
	case TDS_TIME:
	case TDS_UUID:
		add_printed(rec, put, v);
		return 0;
	case TDS_BLOB:
	case TDS_HEX: /* never decoded */
		break;
	}
	add_bytes(rec, SERIAL_BLOB, v->s.data, v->s.len);
	return 0;
}

/* --- rows --- */

/* No value's record form is longer than its row form (half as long again where that is UTF-16, three times
 * where a code page's characters become UTF-8) and a printed value together. */
static void reserve(struct sqlite_rows *r, size_t row_len)
{
	size_t need = (r->code_pages ? 3 * row_len : row_len + row_len / 2) + (size_t)r->n * TDS_PRINT_MAX;

	if (need <= r->body_size)
		return;
	free(r->body);
	r->body = mem_alloc(need);
	r->body_size = need;
}

/* The header's length, which counts itself, goes before the types; *ret_header is where it begins.
 */
static size_t begin_header(uint8_t *types, size_t len, uint8_t **ret_header)
{
	uint8_t size[SQLITE_VARINT_MAX];
	size_t n = 1;

	while ((size_t)(sqlite_put_varint(size, len + n) - size) > n)
		n++;
	assert(n <= HEADER_SIZE_MAX);
	*ret_header = types - n;
	memcpy(*ret_header, size, n);
	return len + n;
}

static int add_record(struct sqlite_rows *r, uint8_t *types, const struct record *rec, struct err *err)
{
	uint8_t *header;
	size_t header_len = begin_header(types, (size_t)(rec->type - types), &header);
	size_t body_len = (size_t)(rec->body - r->body);

	if (r->digesting)
		digest_add(&r->digest, header, header_len, r->body, body_len);
	return sqlite_pages_add(r->pages, header, header_len, r->body, body_len, err);
}

/* Passes over the columns from `i` on. */
static int skip_row(struct sqlite_rows *r, uint32_t i, const uint8_t **p, const uint8_t *end,
	struct err *err)
{
	struct tds_value v;

	for (; i < r->n; i++)
		if (tds_decode(p, end, r->put[i].col, &r->joined, &v, err) < 0)
			return -1;
	return 0;
}

static void add_key_text(const struct sqlite_put *put, const struct tds_value *v, struct buf *out)
{
	char text[TDS_PRINT_MAX];

	if (v->kind == TDS_NULL)
		buf_adds(out, "NULL");
	else if (v->kind == TDS_TEXT)
		buf_add(out, v->s.data, v->s.len < REJECT_TEXT_MAX ? v->s.len : REJECT_TEXT_MAX);
	else if (v->kind == TDS_BLOB || v->kind == TDS_HEX)
		buf_printf(out, "%u bytes", v->s.len);
	else
		buf_add(out, text, tds_value_print(put->col->type == TDS_SQLITE
						? v->kind == TDS_INT ? &int_column : &float_column
						: put->col,
					   v, text));
}

/* The values of the key columns of the row at `p`. */
static void read_key(struct sqlite_rows *r, const uint8_t *p, const uint8_t *end, struct buf *out)
{
	struct err ignored = ERR_INIT;
	struct tds_value v;

	for (uint32_t i = 0; i < r->n; i++) {
		if (tds_decode(&p, end, r->put[i].col, &r->joined, &v, &ignored) < 0)
			return;
		for (uint32_t k = 0; k < r->n_keys; k++)
			if (r->keys[k] == i) {
				buf_adds(out, out->len ? ", " : "");
				add_key_text(&r->put[i], &v, out);
			}
	}
}

/* The value of column `at` of the row at `begin` cannot be stored: 0 when the row is kept as a reject and
 * *p is behind it. */
static int reject_row(struct sqlite_rows *r, uint64_t row, uint32_t at, const uint8_t *begin,
	const uint8_t **p, const uint8_t *end, struct err *err)
{
	CLEANUP(buf_release) struct buf key = BUF_INIT(64 * REJECT_TEXT_MAX);
	struct err broken = ERR_INIT;

	if (!r->rejects)
		return -1;
	if (r->n_keys)
		read_key(r, begin, end, &key);
	if (rejects_add(r->rejects, row, r->put[at].col->name, key.len ? buf_str(&key) : NULL, err) <
		0)
		return -1;
	if (skip_row(r, at + 1, p, end, &broken) < 0) {
		*err = broken;
		return -1;
	}
	r->rejected++;
	return 0;
}

static int write_row(struct sqlite_rows *r, uint64_t row, const uint8_t **p, const uint8_t *end,
	struct err *err)
{
	uint8_t *types = r->header + HEADER_SIZE_MAX;
	struct record rec = {.type = types, .body = r->body};
	const uint8_t *begin;
	struct tds_value v;

	if (*p == end || **p != TDS_ROW_TOKEN)
		return err_set(err, ERR_DATA, "the batch does not hold whole rows");
	begin = ++*p;
	for (uint32_t i = 0; i < r->n; i++) {
		const struct sqlite_put *put = &r->put[i];

		if (tds_decode(p, end, put->col, &r->joined, &v, err) < 0)
			return -1;
		if (put->how != PUT_NOTHING && put_value(r, &rec, put, &v, err) < 0)
			return reject_row(r, row, i, begin, p, end, err);
	}
	r->rows++;
	return add_record(r, types, &rec, err);
}

static int write_rows(struct sqlite_rows *r, uint64_t first, const uint8_t *p, const uint8_t *end,
	struct err *err)
{
	reserve(r, (size_t)(end - p));
	for (uint64_t row = first + 1; p < end; row++)
		if (write_row(r, row, &p, end, err) < 0)
			return err_wrap(err, "row %" PRIu64, row);
	return 0;
}

int sqlite_rows_read_back(struct sqlite_rows *r, struct db_stmt *stmt, int columns,
	struct digest *d, struct err *err)
{
	uint8_t *types = r->header + HEADER_SIZE_MAX, *header;
	struct record rec;
	size_t size = 0, len;

	for (int i = 0; i < columns; i++) {
		len = 8; /* of a number */
		if (db_column_type(stmt, i) == DB_TEXT || db_column_type(stmt, i) == DB_BLOB)
			db_column_blob(stmt, i, &len);
		size += len;
	}
	if (columns < 0 || (uint32_t)columns > r->n)
		return err_set(err, ERR_INTERNAL, "staging has other columns");
	reserve(r, size);
	rec = (struct record){.type = types, .body = r->body};
	for (int i = 0; i < columns; i++) {
		enum db_type type = db_column_type(stmt, i);
		const uint8_t *data;

		if (type == DB_NULL) {
			*rec.type++ = SERIAL_NULL;
		} else if (type == DB_INT) {
			add_int(&rec, db_column_int(stmt, i));
		} else if (type == DB_REAL) {
			add_real(&rec, db_column_real(stmt, i));
		} else {
			data = db_column_blob(stmt, i, &len);
			add_bytes(&rec, type == DB_TEXT ? SERIAL_TEXT : SERIAL_BLOB, data,
				(uint32_t)len);
		}
	}
	len = begin_header(types, (size_t)(rec.type - types), &header);
	digest_add(d, header, len, r->body, (size_t)(rec.body - r->body));
	return 0;
}

/* One huge row is no reason to keep its memory. */
static void shrink(struct sqlite_rows *r)
{
	buf_release(&r->row);
	buf_release(&r->joined);
	free(mem_steal(r->body));
	r->body_size = 0;
}

static int write_part(struct sqlite_rows *r, const struct batch *b, struct err *err)
{
	const uint8_t *p;
	int rc;

	if (b->cont & BATCH_FIRST) {
		buf_reset(&r->row);
		r->first = b->first_row;
	}
	buf_add(&r->row, b->data, b->len);
	if (buf_check(&r->row, "the row", err) < 0)
		return err_wrap(err, "row %" PRIu64, r->first + 1);
	if (b->cont & BATCH_MORE)
		return 0;
	p = (const uint8_t *)buf_str(&r->row);
	rc = write_rows(r, r->first, p, p + r->row.len, err);
	shrink(r);
	return rc;
}

int sqlite_rows_write(struct sqlite_rows *r, const struct batch *b, struct err *err)
{
	if (b->cont)
		return write_part(r, b, err);
	return write_rows(r, b->first_row, b->data, b->data + b->len, err);
}
