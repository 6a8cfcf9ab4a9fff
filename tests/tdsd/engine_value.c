#include "tests/tdsd/engine_value.h"

#include <stdio.h>
#include <string.h>

#include "base/utf16.h"
#include "tds/collation.h"
#include "tds/codepage.h"

#define ROW_MAX (64u * 1024 * 1024)

/* --- cells --- */

struct cell cell_null(void)
{
	return (struct cell){.kind = CELL_NULL};
}

struct cell cell_int(int64_t i)
{
	return (struct cell){.kind = CELL_INT, .i = i};
}

struct cell cell_text(const char *s, size_t len)
{
	return (struct cell){.kind = CELL_TEXT, .data = s, .len = len};
}

struct cell cell_of_value(sqlite3_value *v)
{
	struct cell c = {.kind = CELL_NULL};

	switch (sqlite3_value_type(v)) {
	case SQLITE_INTEGER:
		return cell_int(sqlite3_value_int64(v));
	case SQLITE_FLOAT:
		c.kind = CELL_REAL;
		c.r = sqlite3_value_double(v);
		break;
	case SQLITE_TEXT:
		c.kind = CELL_TEXT;
		c.data = sqlite3_value_text(v);
		c.len = (size_t)sqlite3_value_bytes(v);
		break;
	case SQLITE_BLOB:
		c.kind = CELL_BLOB;
		c.data = sqlite3_value_blob(v);
		c.len = (size_t)sqlite3_value_bytes(v);
		break;
	default:
		break;
	}
	if (!c.data)
		c.data = "";
	return c;
}

struct cell cell_of_column(sqlite3_stmt *stmt, int column)
{
	struct cell c = {.kind = CELL_NULL};

	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_INTEGER:
		return cell_int(sqlite3_column_int64(stmt, column));
	case SQLITE_FLOAT:
		c.kind = CELL_REAL;
		c.r = sqlite3_column_double(stmt, column);
		break;
	case SQLITE_TEXT:
		c.kind = CELL_TEXT;
		c.data = sqlite3_column_text(stmt, column);
		c.len = (size_t)sqlite3_column_bytes(stmt, column);
		break;
	case SQLITE_BLOB:
		c.kind = CELL_BLOB;
		c.data = sqlite3_column_blob(stmt, column);
		c.len = (size_t)sqlite3_column_bytes(stmt, column);
		break;
	default:
		break;
	}
	if (!c.data)
		c.data = "";
	return c;
}

struct cell cell_copy(const struct cell *c, struct arena *a)
{
	struct cell copy = *c;

	if (c->kind == CELL_TEXT || c->kind == CELL_BLOB)
		copy.data = arena_strndup(a, c->data, c->len);
	return copy;
}

void cell_result(sqlite3_context *context, const struct cell *c)
{
	switch (c->kind) {
	case CELL_NULL:
		sqlite3_result_null(context);
		break;
	case CELL_INT:
		sqlite3_result_int64(context, c->i);
		break;
	case CELL_REAL:
		sqlite3_result_double(context, c->r);
		break;
	case CELL_TEXT:
		sqlite3_result_text64(context, c->data, c->len, SQLITE_TRANSIENT, SQLITE_UTF8);
		break;
	case CELL_BLOB:
		sqlite3_result_blob64(context, c->len ? c->data : "", c->len, SQLITE_TRANSIENT);
		break;
	}
}

int cell_bind(sqlite3_stmt *stmt, int index, const struct cell *c)
{
	switch (c->kind) {
	case CELL_INT:
		return sqlite3_bind_int64(stmt, index, c->i);
	case CELL_REAL:
		return sqlite3_bind_double(stmt, index, c->r);
	case CELL_TEXT:
		return sqlite3_bind_text64(
			stmt, index, c->data, c->len, SQLITE_TRANSIENT, SQLITE_UTF8);
	case CELL_BLOB:
		return sqlite3_bind_blob64(
			stmt, index, c->len ? c->data : "", c->len, SQLITE_TRANSIENT);
	default:
		return sqlite3_bind_null(stmt, index);
	}
}

static const char *hex_literal(const struct cell *c, struct arena *a)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *p = c->data;
	char *out = arena_alloc(a, 2 * c->len + 4), *at = out;

	*at++ = 'x';
	*at++ = '\'';
	for (size_t i = 0; i < c->len; i++) {
		*at++ = digits[p[i] >> 4];
		*at++ = digits[p[i] & 15];
	}
	*at = '\'';
	return out;
}

static const char *text_literal(const struct cell *c, struct arena *a)
{
	const char *s = c->data;
	char *out, *at;

	if (memchr(s, '\0', c->len))
		return arena_printf(a, "CAST(%s AS TEXT)", hex_literal(c, a));
	at = out = arena_alloc(a, 2 * c->len + 3);
	*at++ = '\'';
	for (size_t i = 0; i < c->len; i++) {
		if (s[i] == '\'')
			*at++ = '\'';
		*at++ = s[i];
	}
	*at = '\'';
	return out;
}

const char *cell_literal(const struct cell *c, struct arena *a)
{
	switch (c->kind) {
	case CELL_INT:
		return c->i < 0 ? arena_printf(a, "(%lld)", (long long)c->i)
				: arena_printf(a, "%lld", (long long)c->i);
	case CELL_REAL:
		return arena_printf(a, "(%.17e)", c->r);
	case CELL_TEXT:
		return text_literal(c, a);
	case CELL_BLOB:
		return hex_literal(c, a);
	default:
		return "NULL";
	}
}

/* --- to and from struct tds_value --- */

static void put_big(uint8_t *p, unsigned __int128 v, unsigned n)
{
	for (unsigned i = n; i-- > 0; v >>= 8)
		p[i] = (uint8_t)v;
}

static unsigned __int128 get_big(const uint8_t *p, unsigned n)
{
	unsigned __int128 v = 0;

	for (unsigned i = 0; i < n; i++)
		v = v << 8 | p[i];
	return v;
}

static const uint8_t guid_order[GUID_CELL] = {10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3};

int64_t cell_ticks(const struct tds_value *v)
{
	return (int64_t)v->t.days * (int64_t)TDS_TICKS_PER_DAY + (int64_t)v->t.ticks;
}

void value_of_ticks(int64_t ticks, struct tds_value *ret)
{
	ret->kind = TDS_TIME;
	ret->t.days = (int32_t)(ticks / (int64_t)TDS_TICKS_PER_DAY);
	ret->t.ticks = (uint64_t)(ticks % (int64_t)TDS_TICKS_PER_DAY);
	ret->t.offset = 0;
}

static struct tds_value load_blob(const struct tds_column *t, const struct cell *c)
{
	struct tds_value v = {.kind = TDS_BLOB};
	const uint8_t *p = c->data;

	switch (engine_type_class(t)) {
	case TC_DECIMAL:
		if (c->len != DECIMAL_CELL)
			break;
		v.kind = TDS_DECIMAL;
		v.d.negative = p[0] == 0;
		v.d.magnitude = get_big(p + 1, 16);
		if (v.d.negative)
			v.d.magnitude = ~v.d.magnitude;
		return v;
	case TC_OFFSET:
		if (c->len != OFFSET_CELL)
			break;
		value_of_ticks((int64_t)get_big(p, 8), &v);
		v.t.offset = (int16_t)get_big(p + 8, 2);
		return v;
	case TC_GUID:
		if (c->len != GUID_CELL)
			break;
		v.kind = TDS_UUID;
		for (unsigned i = 0; i < GUID_CELL; i++)
			v.uuid[guid_order[i]] = p[i];
		return v;
	default:
		break;
	}
	v.s.data = c->data;
	v.s.len = (uint32_t)c->len;
	return v;
}

static struct tds_value load_int(const struct tds_column *t, int64_t i)
{
	struct tds_value v = {.kind = TDS_INT, .i = i};

	switch (engine_type_class(t)) {
	case TC_MONEY:
		v.kind = TDS_DECIMAL;
		v.d.negative = i < 0;
		v.d.magnitude = i < 0 ? (unsigned __int128)0 - (unsigned __int128)(__int128)i
				      : (unsigned __int128)i;
		break;
	case TC_DATE:
		v.kind = TDS_TIME;
		v.t.days = (int32_t)i;
		v.t.ticks = 0;
		v.t.offset = 0;
		break;
	case TC_TIME:
		v.kind = TDS_TIME;
		v.t.days = 0;
		v.t.ticks = (uint64_t)i;
		v.t.offset = 0;
		break;
	case TC_DATETIME:
		value_of_ticks(i, &v);
		break;
	case TC_FLOAT:
		v.kind = TDS_REAL;
		v.r = (double)i;
		break;
	default:
		break;
	}
	return v;
}

struct tds_value cell_load(const struct tds_column *t, const struct cell *c)
{
	struct tds_value v = {.kind = TDS_NULL};

	switch (c->kind) {
	case CELL_INT:
		return load_int(t, c->i);
	case CELL_REAL:
		v.kind = TDS_REAL;
		v.r = c->r;
		break;
	case CELL_TEXT:
		v.kind = TDS_TEXT;
		v.s.data = c->data;
		v.s.len = (uint32_t)c->len;
		break;
	case CELL_BLOB:
		return load_blob(t, c);
	default:
		break;
	}
	return v;
}

static struct cell store_blob(const uint8_t *data, size_t len, struct arena *a)
{
	return (struct cell){
		.kind = CELL_BLOB, .data = arena_strndup(a, (const char *)data, len), .len = len};
}

static struct cell store_decimal(
	const struct tds_column *t, const struct tds_value *v, struct arena *a)
{
	uint8_t out[DECIMAL_CELL];
	bool negative = v->d.negative && v->d.magnitude;

	if (engine_type_class(t) == TC_MONEY)
		return cell_int(negative ? (int64_t)(0 - (uint64_t)v->d.magnitude)
					 : (int64_t)v->d.magnitude);
	out[0] = !negative;
	put_big(out + 1, negative ? ~v->d.magnitude : v->d.magnitude, 16);
	return store_blob(out, sizeof(out), a);
}

static struct cell store_time(
	const struct tds_column *t, const struct tds_value *v, struct arena *a)
{
	uint8_t out[OFFSET_CELL];

	switch (engine_type_class(t)) {
	case TC_DATE:
		return cell_int(v->t.days);
	case TC_TIME:
		return cell_int((int64_t)v->t.ticks);
	case TC_OFFSET:
		put_big(out, (uint64_t)cell_ticks(v), 8);
		put_big(out + 8, (uint16_t)v->t.offset, 2);
		return store_blob(out, sizeof(out), a);
	default:
		return cell_int(cell_ticks(v));
	}
}

struct cell cell_store(const struct tds_column *t, const struct tds_value *v, struct arena *a)
{
	struct cell c = {.kind = CELL_NULL};
	uint8_t guid[GUID_CELL];

	switch (v->kind) {
	case TDS_INT:
		return cell_int(v->i);
	case TDS_REAL:
		c.kind = CELL_REAL;
		c.r = v->r;
		return c;
	case TDS_TEXT:
		return cell_text((const char *)v->s.data, v->s.len);
	case TDS_BLOB:
		return (struct cell){.kind = CELL_BLOB, .data = v->s.data, .len = v->s.len};
	case TDS_DECIMAL:
		return store_decimal(t, v, a);
	case TDS_TIME:
		return store_time(t, v, a);
	case TDS_UUID:
		for (unsigned i = 0; i < GUID_CELL; i++)
			guid[i] = v->uuid[guid_order[i]];
		return store_blob(guid, sizeof(guid), a);
	default:
		return c;
	}
}

/* --- rows --- */

/* UTF-8 into the bytes of the column's collation. */
static int narrow(
	const struct tds_column *t, struct tds_value *v, struct buf *scratch, struct tsql_error *e)
{
	unsigned number = tds_collation_codepage(t->collation);
	const struct tds_codepage *page;
	size_t len, used = 0;
	char *room;

	if (number == TDS_CODEPAGE_UTF8)
		return 0;
	page = tds_codepage_get(number);
	if (!page || !tds_codepage_writes(page)) {
		if (!engine_text_encode(number, v->s.data, v->s.len, scratch))
			return tsql_unsupported(e, "text in this collation's code page");
		v->s.data = (const uint8_t *)buf_str(scratch);
		v->s.len = (uint32_t)scratch->len;
		return 0;
	}
	room = buf_room(scratch, 2 * (size_t)v->s.len + 1);
	if (!room)
		return tsql_fail(e, 8623);
	while (used < v->s.len) { /* what the code page lacks becomes '?' */
		size_t took = tds_codepage_from_utf8(page, v->s.data + used, v->s.len - used,
			(uint8_t *)scratch->data + scratch->len, &len);

		buf_advance(scratch, len);
		used += took;
		if (used < v->s.len) {
			buf_addc(scratch, '?');
			for (used++; used < v->s.len && (v->s.data[used] & 0xC0) == 0x80; used++)
				;
		}
	}
	v->s.data = (const uint8_t *)buf_str(scratch);
	v->s.len = (uint32_t)scratch->len;
	return 0;
}

static int encode_value(const struct tds_column *t, struct tds_value *v, struct buf *row,
	struct buf *scratch, struct tsql_error *e)
{
	char *p;

	if (v->kind == TDS_TEXT && tds_type_is_narrow(t->type) && narrow(t, v, scratch, e))
		return -1;
	p = buf_room(row, tds_encoded_size(t, v) + 1);
	if (!p)
		return tsql_fail(e, 8623);
	buf_advance(row, (size_t)(tds_encode((uint8_t *)p, t, v) - (uint8_t *)p));
	return 0;
}

int cell_encode(
	const struct tds_column *t, const struct cell *c, struct buf *row, struct tsql_error *e)
{
	struct tds_value v = cell_load(t, c);
	CLEANUP(buf_release) struct buf scratch = BUF_INIT(ROW_MAX);
	struct cell cast;

	if (v.kind == TDS_NULL && tds_form(t) == TDS_FORM_FIXED) {
		/* nullability was inferred wrongly: that is a bug of ours */
		return tsql_unsupported(e, "a null in an expression that was taken for not null");
	}
	if (v.kind == TDS_INT && tds_type_base(t->type) == TDS_BITN)
		v.i = v.i != 0;
	if (v.kind == TDS_TEXT || v.kind == TDS_BLOB) {
		CLEANUP(arena_release) struct arena a = ARENA_INIT;

		if (t->size < TDS_BYTES_MAX + 1) { /* what was not cut before does not go out */
			if (cell_cast(t, c, t, -1, CAST_EXPLICIT, &a, &cast, e))
				return -1;
			v = cell_load(t, &cast);
		}
		return encode_value(t, &v, row, &scratch, e);
	}
	return encode_value(t, &v, row, &scratch, e);
}

static int decode_text(const struct tds_column *t, const struct tds_value *v, struct arena *a,
	struct cell *ret, struct err *err)
{
	uint8_t *out = arena_alloc(a, 3 * (size_t)v->s.len + 4);
	unsigned number = tds_collation_codepage(t->collation);
	const struct tds_codepage *page;
	size_t len = 0, used = v->s.len;

	if (v->kind == TDS_UTF16) {
		used = utf16_to_utf8(v->s.data, v->s.len, out, &len);
	} else if (number == TDS_CODEPAGE_UTF8) {
		*ret = cell_text((const char *)v->s.data, v->s.len);
		*ret = cell_copy(ret, a);
		return 0;
	} else {
		page = tds_codepage_get(number);
		used = page ? tds_codepage_to_utf8(page, v->s.data, v->s.len, out, &len) : 0;
		for (; !page && used < v->s.len && v->s.data[used] < 0x80; used++)
			out[len++] = v->s.data[used];
	}
	if (used != v->s.len)
		return err_set(err, ERR_DATA, "bytes that are no text of the column");
	*ret = cell_text((const char *)out, len);
	return 0;
}

/* A decimal of any length that its digits fit in, as FreeTDS sends it. False: it is none of those.
 */
static bool short_decimal(
	const struct tds_column *t, const uint8_t **p, const uint8_t *end, struct tds_value *ret)
{
	size_t len = *p < end ? **p : 0;

	if (tds_type_base(t->type) != TDS_DECIMALN || len < 2 || len > 17 ||
		(size_t)(end - *p) < 1 + len)
		return false;
	*ret = (struct tds_value){.kind = TDS_DECIMAL};
	ret->d.negative = (*p)[1] == 0;
	for (size_t i = len - 1; i > 0; i--)
		ret->d.magnitude = ret->d.magnitude << 8 | (*p)[1 + i];
	*p += 1 + len;
	return true;
}

int cell_decode(const struct tds_column *t, const uint8_t **p, const uint8_t *end, struct arena *a,
	struct cell *ret, struct err *err)
{
	CLEANUP(buf_release) struct buf joined = BUF_INIT(ROW_MAX);
	struct tds_value v;

	if (!short_decimal(t, p, end, &v) && tds_decode(p, end, t, &joined, &v, err))
		return -1;
	if (v.kind == TDS_UTF16 || (v.kind == TDS_TEXT && engine_type_class(t) == TC_TEXT))
		return decode_text(t, &v, a, ret, err);
	*ret = cell_store(t, &v, a);
	*ret = cell_copy(ret, a);
	return 0;
}
