#include "tds/info.h"

#include <assert.h>
#include <string.h>

#include "base/utf16.h"
#include "tds/row.h"

#define LONG_MAX_SIZE  0x7FFFFFFFu /* of text, ntext and image, whatever their size */
#define NAME_UNITS_MAX 255         /* B_VARCHAR */
#define NO_COLUMNS     0xFFFF
#define COLUMN_MAX     (4 + 2 + TDS_INFO_MAX + 1 + 2 * NAME_UNITS_MAX + 2)

/* --- encoding ------------------------------------------------------------------ */

static uint8_t *put_collation(uint8_t *p, const struct tds_column *c)
{
	memcpy(p, c->collation, TDS_COLLATION_LEN);
	return p + TDS_COLLATION_LEN;
}

static bool has_collation(enum tds_type type)
{
	return type != TDS_XML && (tds_type_is_narrow(type) || tds_type_is_utf16(type));
}

static uint8_t *encode_sized(uint8_t *p, const struct tds_column *c)
{
	switch (c->type) {
	case TDS_DATEN:
		return p;
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
		*p = c->scale;
		return p + 1;
	case TDS_DECIMALN:
	case TDS_NUMERICN:
		*p++ = (uint8_t)c->size;
		*p++ = c->precision;
		*p = c->scale;
		return p + 1;
	default:
		*p = (uint8_t)c->size;
		return p + 1;
	}
}

uint8_t *tds_info_encode(uint8_t *p, const struct tds_column *c)
{
	*p++ = (uint8_t)c->type;
	switch (tds_form(c)) {
	case TDS_FORM_FIXED:
		return p;
	case TDS_FORM_SIZED:
		return encode_sized(p, c);
	case TDS_FORM_USHORT:
		p = tds_put16(p, (uint16_t)c->size);
		break;
	case TDS_FORM_PLP:
		if (c->type == TDS_XML) {
			*p = 0; /* no schema */
			return p + 1;
		}
		p = tds_put16(p, 0xFFFF);
		break;
	case TDS_FORM_LONG:
		return tds_put32(p, c->size);
	case TDS_FORM_TEXTPTR:
		p = tds_put32(p, LONG_MAX_SIZE);
		break;
	case TDS_FORM_SQLITE:
	case TDS_FORM_NONE:
		assert(false); /* has no TYPE_INFO */
	}
	return has_collation(c->type) ? put_collation(p, c) : p;
}

/* Length in units and the text, or NULL. */
static uint8_t *put_name(uint8_t *p, const char *name)
{
	size_t len = strlen(name), written;
	uint8_t wide[UTF16_MAX_OF_UTF8(TDS_NAME_MAX)];

	if (len > TDS_NAME_MAX ||
		utf16_from_utf8((const uint8_t *)name, len, wide, &written) != len ||
		written / 2 > NAME_UNITS_MAX)
		return NULL;
	*p++ = (uint8_t)(written / 2);
	memcpy(p, wide, written);
	return p + written;
}

/* text, ntext and image have the name of their table, which is empty: in bulk loads one text, not
 * the parts that servers send. */
static uint8_t *encode_column(uint8_t *p, const struct tds_column *c)
{
	unsigned flags =
		(c->nullable ? TDS_FLAG_NULLABLE : 0) | (c->identity ? TDS_FLAG_IDENTITY : 0);

	p = tds_put32(p, 0);
	p = tds_put16(p, (uint16_t)flags);
	p = tds_info_encode(p, c);
	if (tds_form(c) == TDS_FORM_TEXTPTR)
		p = tds_put16(p, 0);
	return put_name(p, c->name);
}

int tds_columns_encode(const struct tds_columns *cols, struct buf *out, struct err *err)
{
	uint8_t bytes[COLUMN_MAX], *end = tds_put16(bytes, (uint16_t)cols->n);
	char type[TDS_TYPE_TEXT_MAX];

	buf_add(out, bytes, (size_t)(end - bytes));
	for (uint32_t i = 0; i < cols->n; i++) {
		const struct tds_column *c = &cols->v[i];
		bool has_info = c->type != TDS_UDT && tds_form(c) != TDS_FORM_SQLITE &&
				tds_form(c) != TDS_FORM_NONE;

		if (!has_info)
			return err_set(err, ERR_CONFIG, "column '%s': %s cannot be sent", c->name,
				tds_type_format(c, type));
		end = encode_column(bytes, c);
		if (!end)
			return err_set(
				err, ERR_CONFIG, "column '%s': the name is too long", c->name);
		buf_add(out, bytes, (size_t)(end - bytes));
	}
	return buf_check(out, "the column list", err);
}

/* --- decoding ------------------------------------------------------------------ */

/* What is left; `cut` once something was not there. */
static void take_collation(struct tds_reader *r, struct tds_column *c)
{
	const uint8_t *p = tds_take_bytes(r, TDS_COLLATION_LEN);

	if (p)
		memcpy(c->collation, p, TDS_COLLATION_LEN);
}

/* Texts of units of two bytes, with a length of one byte (B_VARCHAR) or two (US_VARCHAR). */
static void skip_text(struct tds_reader *r, unsigned length_size)
{
	(void)tds_take_bytes(r, 2 * (size_t)tds_take(r, length_size));
}

static bool size_is_one_of(const struct tds_column *c, uint32_t sizes)
{
	return c->size <= 16 && sizes >> c->size & 1;
}

#define SIZES2(a, b) (1u << (a) | 1u << (b))

/* False when the numbers are not those of the type. */
static bool decode_sized(struct tds_reader *r, struct tds_column *c)
{
	switch (c->type) {
	case TDS_DATEN:
		break;
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
		c->scale = (uint8_t)tds_take(r, 1);
		if (c->scale > TDS_SCALE_MAX)
			return false;
		break;
	case TDS_DECIMALN:
	case TDS_NUMERICN:
		c->size = (uint32_t)tds_take(r, 1);
		c->precision = (uint8_t)tds_take(r, 1);
		c->scale = (uint8_t)tds_take(r, 1);
		return r->cut || (c->precision >= 1 && c->precision <= TDS_DECIMAL_DIGITS_MAX &&
					 c->scale <= c->precision &&
					 c->size == tds_decimal_size(c->precision));
	case TDS_GUID:
		c->size = (uint32_t)tds_take(r, 1);
		return r->cut || c->size == 16;
	default:
		c->size = (uint32_t)tds_take(r, 1);
		if (r->cut || (c->type == TDS_INTN && size_is_one_of(c, SIZES2(1, 2))) ||
			(c->type == TDS_BITN && c->size == 1))
			break;
		if (c->type == TDS_BITN || !size_is_one_of(c, SIZES2(4, 8)))
			return false;
	}
	return true;
}

/* A length of 1 … 8,000 bytes (an even number for UTF-16), or 0xFFFF for (max) where there is one.
 */
static bool decode_ushort(struct tds_reader *r, struct tds_column *c)
{
	c->size = (uint32_t)tds_take(r, 2);
	if (has_collation(c->type))
		take_collation(r, c);
	if (r->cut)
		return true;
	if (c->size == 0xFFFF && !tds_type_is_padded(c->type)) {
		c->size = TDS_SIZE_MAX;
		return true;
	}
	return c->size <= TDS_BYTES_MAX && (!tds_type_is_utf16(c->type) || c->size % 2 == 0);
}

/* xml with its schema's names, CLR types with theirs. */
static void decode_plp(struct tds_reader *r, struct tds_column *c)
{
	c->size = TDS_SIZE_MAX;
	if (c->type == TDS_XML) {
		if (tds_take(r, 1) == 0)
			return;
		skip_text(r, 1);
		skip_text(r, 1);
		skip_text(r, 2);
		return;
	}
	(void)tds_take(r, 2); /* the most bytes of a value: a PLP all the same */
	skip_text(r, 1);
	skip_text(r, 1);
	skip_text(r, 1);
	skip_text(r, 2);
}

int tds_info_read(struct tds_reader *r, struct tds_column *c, struct err *err)
{
	unsigned type = (unsigned)tds_take(r, 1);
	bool ok = true;

	if (r->cut)
		return err_set(err, ERR_DATA, "the column list ends within a type");
	c->type = (enum tds_type)type;
	c->size = 0;
	switch (type == TDS_SQLITE ? TDS_FORM_NONE : (enum tds_form)tds_forms[type]) {
	case TDS_FORM_FIXED:
		break;
	case TDS_FORM_SIZED:
		ok = decode_sized(r, c);
		break;
	case TDS_FORM_USHORT:
		ok = decode_ushort(r, c);
		break;
	case TDS_FORM_PLP:
		decode_plp(r, c);
		break;
	case TDS_FORM_LONG:
		c->size = (uint32_t)tds_take(r, 4);
		ok = r->cut || c->size <= TDS_PLP_MAX;
		break;
	case TDS_FORM_TEXTPTR:
		(void)tds_take(r, 4);
		c->size = TDS_PLP_MAX;
		if (has_collation(c->type))
			take_collation(r, c);
		break;
	case TDS_FORM_SQLITE:
	case TDS_FORM_NONE:
		return err_set(err, ERR_DATA, "type 0x%02X is not known", type);
	}
	if (r->cut)
		return err_set(err, ERR_DATA, "the column list ends within a type");
	if (!ok)
		return err_set(err, ERR_DATA,
			"type 0x%02X has a length or scale that it cannot have", type);
	tds_type_complete(c);
	return 0;
}

int tds_info_decode(
	const uint8_t **p, const uint8_t *end, struct tds_column *ret_column, struct err *err)
{
	struct tds_column c = {.name = ret_column->name, .nullable = ret_column->nullable};
	struct tds_reader r = {.p = *p, .end = end};

	if (tds_info_read(&r, &c, err) < 0)
		return -1;
	*p = r.p;
	*ret_column = c;
	return 0;
}

/* The table's name in parts. */
static void skip_table_name(struct tds_reader *r)
{
	for (uint64_t parts = tds_take(r, 1); parts && !r->cut; parts--)
		skip_text(r, 2);
}

static const char *decode_name(struct tds_reader *r, struct arena *a)
{
	size_t len = 2 * (size_t)tds_take(r, 1), written;
	const uint8_t *p = tds_take_bytes(r, len);
	uint8_t name[UTF8_MAX_OF_UTF16(2 * NAME_UNITS_MAX)];

	if (r->cut || utf16_to_utf8(p, len, name, &written) != len)
		return NULL;
	return memchr(name, '\0', written) ? NULL : arena_strndup(a, (const char *)name, written);
}

static int decode_column(struct tds_reader *r, struct arena *a, struct tds_column *c, struct err *err)
{
	unsigned flags;

	c->user_type = (uint32_t)tds_take(r, 4);
	flags = (unsigned)tds_take(r, 2);
	c->nullable = flags & TDS_FLAG_NULLABLE;
	c->identity = flags & TDS_FLAG_IDENTITY;
	c->computed = flags & TDS_FLAG_COMPUTED;
	if (tds_info_read(r, c, err) < 0)
		return -1;
	if (tds_form(c) == TDS_FORM_TEXTPTR)
		skip_table_name(r);
	c->name = decode_name(r, a);
	if (!c->name)
		return err_set(err, ERR_DATA,
			r->cut ? "the column list ends within a name"
			       : "a column's name is no text");
	return 0;
}

int tds_columns_read(struct tds_reader *r, struct arena *a, struct tds_columns *ret_columns,
	struct err *err)
{
	struct tds_columns cols = {.n = (uint32_t)tds_take(r, 2)};

	if (r->cut)
		return err_set(err, ERR_DATA, "the column list ends before it begins");
	if (cols.n == NO_COLUMNS)
		cols.n = 0;
	if (cols.n > TDS_COLUMNS_MAX)
		return err_set(err, ERR_DATA, "more than %d columns", TDS_COLUMNS_MAX);
	cols.v = arena_array(a, cols.n ? cols.n : 1, sizeof(*cols.v));
	for (uint32_t i = 0; i < cols.n; i++)
		if (decode_column(r, a, &cols.v[i], err) < 0)
			return err_wrap(err, "column %u", (unsigned)i + 1);
	*ret_columns = cols;
	return 0;
}

int tds_columns_decode(const uint8_t **p, const uint8_t *end, struct arena *a,
	struct tds_columns *ret_columns, struct err *err)
{
	struct tds_reader r = {.p = *p, .end = end};

	if (tds_columns_read(&r, a, ret_columns, err) < 0)
		return -1;
	*p = r.p;
	return 0;
}
