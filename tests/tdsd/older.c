#include "tests/tdsd/older.h"

#include <string.h>

#include "tds/row.h"

#define TEXT_SIZE (2 * TDS_PRINT_MAX)

static const uint8_t collation[TDS_COLLATION_LEN] = {0x09, 0x04, 0xD0, 0x00, 0x34};

static void become(struct tds_column *c, enum tds_type type, uint32_t size)
{
	c->type = type;
	c->size = size;
	tds_type_complete(c);
	if (tds_type_is_utf16(type) && !c->collation[0])
		memcpy(c->collation, collation, sizeof(collation));
}

/* Is it another type for this client? */
static bool change(enum tds_level level, struct tds_column *c)
{
	unsigned fraction = c->scale ? 1u + c->scale : 0;

	if (level < TDS_7_3A)
		switch (c->type) {
		case TDS_DATEN:
			become(c, TDS_NVARCHAR, 2 * 10);
			return true;
		case TDS_TIMEN:
			become(c, TDS_NVARCHAR, 2 * (8 + fraction));
			return true;
		case TDS_DATETIME2N:
			become(c, TDS_NVARCHAR, 2 * (19 + fraction));
			return true;
		case TDS_DATETIMEOFFSETN:
			become(c, TDS_NVARCHAR, 2 * (26 + fraction));
			return true;
		default:
			break;
		}
	if (level >= TDS_7_2 || tds_form(c) != TDS_FORM_PLP)
		return false;
	become(c,
		tds_type_is_utf16(c->type)    ? TDS_OLD_NTEXT
		: tds_type_is_narrow(c->type) ? TDS_OLD_TEXT
					      : TDS_OLD_IMAGE,
		TDS_PLP_MAX);
	return true;
}

bool older_columns(enum tds_level level, const struct tds_columns *cols, struct arena *a,
	struct tds_columns *ret_columns)
{
	struct tds_columns to = {.n = cols->n};
	bool changed = false;

	if (level >= TDS_7_3A)
		return false;
	to.v = arena_array(a, cols->n ? cols->n : 1, sizeof(*to.v));
	for (uint32_t i = 0; i < cols->n; i++) {
		to.v[i] = cols->v[i];
		changed |= change(level, &to.v[i]);
	}
	*ret_columns = to;
	return changed;
}

/* "2013-01-01 06:00:00.000 +01:00": blanks where ISO 8601 has a T or nothing. */
static size_t print_time(const struct tds_column *c, const struct tds_value *v, char *out)
{
	char iso[TDS_PRINT_MAX], *t;
	size_t len = tds_value_print(c, v, iso), zone;

	t = strchr(iso, 'T');
	if (t)
		*t = ' ';
	if (c->type != TDS_DATETIMEOFFSETN) {
		memcpy(out, iso, len);
		return len;
	}
	if (iso[len - 1] == 'Z') {
		memcpy(out, iso, len - 1);
		memcpy(out + len - 1, " +00:00", 7);
		return len + 6;
	}
	zone = len - 6;
	memcpy(out, iso, zone);
	out[zone] = ' ';
	memcpy(out + zone + 1, iso + zone, 6);
	return len + 1;
}

static bool is_same(const struct tds_column *from, const struct tds_column *to)
{
	return from->type == to->type && from->size == to->size;
}

int older_value(const struct tds_column *from, const struct tds_column *to, const uint8_t **p,
	const uint8_t *end, struct buf *out, struct err *err)
{
	CLEANUP(buf_release) struct buf joined = BUF_INIT(TDS_PLP_MAX);
	char text[TEXT_SIZE];
	const uint8_t *start = *p;
	struct tds_value v;
	uint8_t *at;

	if (tds_decode(p, end, from, &joined, &v, err) < 0)
		return -1;
	if (is_same(from, to)) {
		buf_add(out, start, (size_t)(*p - start));
		return 0;
	}
	if (v.kind == TDS_TIME) {
		size_t len = print_time(from, &v, text);

		v.kind = TDS_TEXT;
		v.s.data = (uint8_t *)text;
		v.s.len = (uint32_t)len;
	}
	at = (uint8_t *)buf_room(out, tds_encoded_size(to, &v) + 8);
	if (!at)
		return buf_check(out, "a row", err);
	buf_advance(out,
		(size_t)((v.kind == TDS_NULL ? tds_encode_null(at, to) : tds_encode(at, to, &v)) -
			 at));
	return 0;
}

int older_row(const struct tds_columns *from, const struct tds_columns *to, const uint8_t *row,
	size_t len, struct buf *out, struct err *err)
{
	const uint8_t *p = row + 1, *end = row + len;

	buf_reset(out);
	buf_addc(out, (char)TDS_ROW_TOKEN);
	for (uint32_t i = 0; i < from->n; i++)
		if (older_value(&from->v[i], &to->v[i], &p, end, out, err) < 0)
			return -1;
	return buf_check(out, "a row", err);
}
