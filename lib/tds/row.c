#include "tds/row.h"

#include <assert.h>

#include "base/utf16.h"

static bool has_bytes(const struct tds_value *v)
{
	return v->kind == TDS_TEXT || v->kind == TDS_BLOB || v->kind == TDS_HEX ||
	       v->kind == TDS_UTF16;
}

static size_t overhead(const struct tds_column *c)
{
	switch (tds_form(c)) {
	case TDS_FORM_USHORT:
		return 2;
	case TDS_FORM_LONG:
		return 4;
	case TDS_FORM_TEXTPTR:
		return TDS_TEXTPTR_OVERHEAD;
	default:
		return TDS_PLP_OVERHEAD;
	}
}

static bool is_sized(const struct tds_column *c)
{
	return tds_form(c) == TDS_FORM_SIZED || tds_form(c) == TDS_FORM_FIXED;
}

size_t tds_encoded_max(const struct tds_column *c, size_t len)
{
	if (is_sized(c))
		return 1 + (size_t)c->size;
	if (tds_type_is_utf16(c->type))
		len = UTF16_MAX_OF_UTF8(len);
	if (tds_type_is_padded(c->type))
		len += c->size;
	return overhead(c) + len;
}

/* Bytes of the value in the column, but for padding. */
static uint32_t payload_size(const struct tds_column *c, const struct tds_value *v)
{
	if (v->kind == TDS_TEXT && tds_type_is_utf16(c->type))
		return 2 * (uint32_t)utf16_units(v->s.data, v->s.len);
	return v->s.len;
}

static uint32_t padded_size(const struct tds_column *c, const struct tds_value *v)
{
	uint32_t size = payload_size(c, v);

	return tds_type_is_padded(c->type) && size < c->size ? c->size : size;
}

size_t tds_encoded_size(const struct tds_column *c, const struct tds_value *v)
{
	if (is_sized(c))
		return 1 + (size_t)c->size;
	return overhead(c) + (has_bytes(v) ? padded_size(c, v) : 0);
}

static uint8_t hex_digit(uint8_t c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

static uint8_t *put_hex(uint8_t *p, const uint8_t *hex, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++, hex += 2)
		*p++ = (uint8_t)(hex_digit(hex[0]) << 4 | hex_digit(hex[1]));
	return p;
}

/* Blanks behind text, zeros behind bytes. */
static uint8_t *put_padding(uint8_t *p, const struct tds_column *c, uint32_t len)
{
	if (c->type != TDS_NCHAR) {
		memset(p, c->type == TDS_BIGCHAR ? ' ' : 0, len);
		return p + len;
	}
	for (; len; len -= 2)
		p = tds_put16(p, ' ');
	return p;
}

static uint8_t *put_payload(uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	uint32_t size = payload_size(c, v);
	size_t written;

	if (v->kind == TDS_HEX) {
		p = put_hex(p, v->s.data, v->s.len);
	} else if (v->kind == TDS_TEXT && tds_type_is_utf16(c->type)) {
		(void)utf16_from_utf8(v->s.data, v->s.len, p, &written);
		p += written;
	} else {
		p = tds_put_bytes(p, v->s.data, v->s.len);
	}
	return put_padding(p, c, padded_size(c, v) - size);
}

static uint8_t *encode_plp(uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	uint32_t size = payload_size(c, v);

	p = tds_put64(p, size);
	if (size) {
		p = tds_put32(p, size);
		p = put_payload(p, c, v);
	}
	return tds_put32(p, 0);
}

/* The server takes any pointer and time stamp. */
static uint8_t *encode_textptr(uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	*p++ = TDS_TEXTPTR_SIZE;
	memset(p, 0, TDS_TEXTPTR_SIZE + 8);
	p = tds_put32(p + TDS_TEXTPTR_SIZE + 8, payload_size(c, v));
	return put_payload(p, c, v);
}

static uint8_t *encode_datetime(uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	uint32_t days = (uint32_t)(v->t.days - TDS_DAYS_1900);

	*p++ = (uint8_t)c->size;
	if (c->size == 4) {
		p = tds_put16(p, (uint16_t)days);
		return tds_put16(p, (uint16_t)(v->t.ticks / (60 * TDS_TICKS_PER_SECOND)));
	}
	p = tds_put32(p, days);
	return tds_put32(p, tds_datetime_units(v->t.ticks));
}

/* As the nullable form has it, without the length. */
static uint8_t *encode_fixed(uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	struct tds_column nullable = *c;

	nullable.type = tds_type_base(c->type);
	tds_encode(p, &nullable, v); /* there is room for the length, too */
	memmove(p, p + 1, c->size);
	return p + c->size;
}

static uint8_t *encode_sqlite(uint8_t *p, const struct tds_value *v)
{
	uint64_t bits;

	switch (v->kind) {
	case TDS_INT:
		*p++ = TDS_CLASS_INT;
		return tds_put64(p, (uint64_t)v->i);
	case TDS_REAL:
		*p++ = TDS_CLASS_REAL;
		memcpy(&bits, &v->r, sizeof(bits));
		return tds_put64(p, bits);
	default:
		assert(v->kind == TDS_TEXT || v->kind == TDS_BLOB);
		*p++ = v->kind == TDS_TEXT ? TDS_CLASS_TEXT : TDS_CLASS_BLOB;
		p = tds_put32(p, v->s.len);
		return tds_put_bytes(p, v->s.data, v->s.len);
	}
}

uint8_t *tds_encode_rare(uint8_t *p, const struct tds_column *c, const struct tds_value *v)
{
	switch (tds_form(c)) {
	case TDS_FORM_FIXED:
		return encode_fixed(p, c, v);
	case TDS_FORM_SIZED:
		assert(c->type == TDS_DATETIMN);
		return encode_datetime(p, c, v);
	case TDS_FORM_USHORT:
		return put_payload(tds_put16(p, (uint16_t)padded_size(c, v)), c, v);
	case TDS_FORM_PLP:
		return encode_plp(p, c, v);
	case TDS_FORM_LONG:
		return put_payload(tds_put32(p, v->s.len), c, v);
	case TDS_FORM_TEXTPTR:
		return encode_textptr(p, c, v);
	case TDS_FORM_SQLITE:
		return encode_sqlite(p, v);
	case TDS_FORM_NONE:
		break;
	}
	assert(false); /* not a type */
	return p;
}
