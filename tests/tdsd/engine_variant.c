/* sql_variant: a value with its type in front (MS-TDS 2.2.5.5.4). */
#include <string.h>

#include "tests/tdsd/engine_value.h"

#define VARIANT_TEXT_MAX 8000

/* The properties between the type and the value. */
static size_t put_properties(const struct tds_column *t, uint8_t *p)
{
	switch (t->type) {
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
		p[0] = t->scale;
		return 1;
	case TDS_DECIMALN:
	case TDS_NUMERICN:
		p[0] = t->precision;
		p[1] = t->scale;
		return 2;
	case TDS_BIGVARBINARY:
	case TDS_BIGBINARY:
		p[0] = (uint8_t)t->size;
		p[1] = (uint8_t)(t->size >> 8);
		return 2;
	case TDS_BIGVARCHAR:
	case TDS_BIGCHAR:
	case TDS_NVARCHAR:
	case TDS_NCHAR:
		memcpy(p, t->collation, TDS_COLLATION_LEN);
		p[5] = (uint8_t)t->size;
		p[6] = (uint8_t)(t->size >> 8);
		return 7;
	default:
		return 0;
	}
}

/* Variants have the fixed forms of types. */
static uint8_t fixed_form(const struct tds_column *t)
{
	switch (t->type) {
	case TDS_INTN:
		return t->size == 1   ? TDS_FIXINT1
		       : t->size == 2 ? TDS_FIXINT2
		       : t->size == 4 ? TDS_FIXINT4
				      : TDS_FIXINT8;
	case TDS_BITN:
		return TDS_FIXBIT;
	case TDS_FLTN:
		return t->size == 4 ? TDS_FIXFLT4 : TDS_FIXFLT8;
	case TDS_MONEYN:
		return t->size == 4 ? TDS_FIXMONEY4 : TDS_FIXMONEY;
	case TDS_DATETIMN:
		return t->size == 4 ? TDS_FIXDATETIM4 : TDS_FIXDATETIME;
	default:
		return (uint8_t)t->type;
	}
}

struct cell variant_of(const struct tds_column *t, const struct cell *c, struct arena *a)
{
	CLEANUP(buf_release) struct buf row = BUF_INIT(TDS_VARIANT_MAX + 64);
	struct tds_column type = *t;
	struct tsql_error e = {0};
	uint8_t *out, properties[8];
	size_t n, skip;

	if (c->kind == CELL_NULL)
		return *c;
	if (type.size == TDS_SIZE_MAX)
		type.size = VARIANT_TEXT_MAX;
	if (cell_encode(&type, c, &row, &e))
		return cell_null();
	skip = tds_form(&type) == TDS_FORM_USHORT ? 2 : 1;
	n = put_properties(&type, properties);
	out = arena_alloc(a, 2 + n + row.len);
	out[0] = fixed_form(&type);
	out[1] = (uint8_t)n;
	memcpy(out + 2, properties, n);
	memcpy(out + 2 + n, row.data + skip, row.len - skip);
	return (struct cell){.kind = CELL_BLOB, .data = out, .len = 2 + n + row.len - skip};
}

static bool get_properties(const uint8_t *p, size_t n, struct tds_column *t)
{
	switch (t->type) {
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
		t->scale = n ? p[0] : 0;
		return n == 1 && t->scale <= TDS_SCALE_MAX;
	case TDS_DECIMALN:
	case TDS_NUMERICN:
		if (n != 2 || p[0] > 38 || p[1] > p[0])
			return false;
		t->precision = p[0];
		t->scale = p[1];
		return true;
	case TDS_BIGVARBINARY:
	case TDS_BIGBINARY:
		if (n != 2)
			return false;
		t->size = (uint32_t)(p[0] | p[1] << 8);
		return true;
	case TDS_BIGVARCHAR:
	case TDS_BIGCHAR:
	case TDS_NVARCHAR:
	case TDS_NCHAR:
		if (n != 7)
			return false;
		memcpy(t->collation, p, TDS_COLLATION_LEN);
		t->size = (uint32_t)(p[5] | p[6] << 8);
		return true;
	default:
		return n == 0;
	}
}

int variant_open(
	const struct cell *c, struct arena *a, struct tds_column *ret_type, struct cell *ret)
{
	const uint8_t *p = c->data, *row;
	struct tds_column t = {.nullable = true};
	size_t n, skip = 0;
	uint8_t *copy;
	struct err err = ERR_INIT;

	if (c->kind != CELL_BLOB || c->len < 2 || (n = p[1]) > c->len - 2)
		return -1;
	t.type = (enum tds_type)p[0];
	t.size = (uint32_t)(c->len - 2 - n);
	if (tds_form(&t) == TDS_FORM_NONE || tds_form(&t) == TDS_FORM_LONG ||
		!get_properties(p + 2, n, &t))
		return -1;
	copy = arena_alloc(a, c->len + 2);
	if (tds_form(&t) == TDS_FORM_USHORT) {
		copy[0] = (uint8_t)(c->len - 2 - n);
		copy[1] = (uint8_t)((c->len - 2 - n) >> 8);
		skip = 2;
	} else if (tds_form(&t) == TDS_FORM_SIZED) {
		copy[0] = (uint8_t)(c->len - 2 - n);
		skip = 1;
	}
	memcpy(copy + skip, p + 2 + n, c->len - 2 - n);
	tds_type_complete(&t);
	row = copy;
	if (cell_decode(&t, &row, copy + skip + c->len - 2 - n, a, ret, &err))
		return -1;
	t.type = tds_type_base(t.type);
	*ret_type = t;
	return 0;
}
