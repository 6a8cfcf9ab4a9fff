/* convert_text - text, its encodings, and bytes (convert_private.h). */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf16.h"
#include "base/utf8.h"
#include "tds/collation.h"
#include "tds/convert_private.h"

#define SHOWN_MAX 60 /* bytes of a value that are looked at for a message */

static const char longer[] = "is longer than";

void convert_text_form(const struct tds_column *c, struct tds_text_form *ret_form)
{
	struct tds_text_form form = {.encoding = TDS_UTF8, .number = TDS_CODEPAGE_UTF8};

	if (tds_type_is_utf16(c->type)) {
		form = (struct tds_text_form){.encoding = TDS_UTF16LE, .number = 1200};
	} else if (tds_type_is_narrow(c->type)) {
		form.number = tds_collation_codepage(c->collation);
		if (form.number != TDS_CODEPAGE_UTF8) {
			form.encoding = TDS_CODEPAGE;
			form.page = tds_codepage_get(form.number);
		}
	}
	*ret_form = form;
}

static bool is_same_form(const struct tds_text_form *a, const struct tds_text_form *b)
{
	return a->encoding == b->encoding && a->number == b->number;
}

/* --- encodings ----------------------------------------------------------------- */

/* Bytes at most of `len` bytes in the other encoding: 3 of UTF-8 for a byte of a code page, 3 of
 * UTF-8 for a unit of UTF-16, 2 of UTF-16 for a byte; a code page never has more than UTF-8 or
 * UTF-16 have. */
static size_t room_for(const struct tds_text_form *from, const struct tds_text_form *to, size_t len)
{
	if (to->encoding == TDS_CODEPAGE)
		return from->encoding == TDS_CODEPAGE ? 2 * len : len;
	if (to->encoding == TDS_UTF16LE)
		return 2 * len;
	return from->encoding == TDS_UTF16LE ? UTF8_MAX_OF_UTF16(len) : 3 * len;
}

/* How much of s was taken. Two different code pages meet in UTF-16: see transcode. */
static size_t transcode_once(const struct tds_text_form *from, const struct tds_text_form *to,
	const uint8_t *s, size_t len, uint8_t *out, size_t *ret_len)
{
	if (from->encoding == TDS_CODEPAGE)
		return to->encoding == TDS_UTF8
			       ? tds_codepage_to_utf8(from->page, s, len, out, ret_len)
			       : tds_codepage_to_utf16(from->page, s, len, out, ret_len);
	if (to->encoding == TDS_CODEPAGE)
		return from->encoding == TDS_UTF8
			       ? tds_codepage_from_utf8(to->page, s, len, out, ret_len)
			       : tds_codepage_from_utf16(to->page, s, len, out, ret_len);
	return from->encoding == TDS_UTF8 ? utf16_from_utf8(s, len, out, ret_len)
					  : utf16_to_utf8(s, len, out, ret_len);
}

/* The characters that did it, at the beginning of s, for a message: "U+20AC", "0x81". */
static void name_char(const struct tds_text_form *from, const uint8_t *s, size_t len, char out[16])
{
	uint8_t utf8[8];
	uint32_t c = 0;
	size_t n = 0;

	if (from->encoding == TDS_UTF16LE && len >= 2) {
		if (utf16_to_utf8(s, len < 4 ? len : 4, utf8, &n) == 0 && n == 0)
			c = (uint32_t)(s[0] | s[1] << 8); /* a surrogate alone */
		else
			(void)utf8_decode(utf8, n, &c);
		n = 1;
	} else if (from->encoding == TDS_UTF8) {
		n = utf8_decode(s, len, &c);
	} else if (from->page && tds_codepage_to_utf8(from->page, s, len < 2 ? len : 2, utf8, &n)) {
		(void)utf8_decode(utf8, n, &c);
	}
	snprintf(out, 16, n ? "U+%04X" : "0x%02X", n ? (unsigned)c : *s);
}

static int refuse_char(const struct tds_conversion *plan, const struct tds_value *v, size_t at,
	struct refusal *out)
{
	const struct tds_text_form *from = &plan->from_text, *to = &plan->to_text;
	char name[16], why[96];

	name_char(from, v->s.data + at, v->s.len - at, name);
	if (name[0] == '0' || to->encoding != TDS_CODEPAGE)
		snprintf(why, sizeof(why), "has %s, which is no character", name);
	else
		snprintf(why, sizeof(why), "has %s, which code page %u of the target lacks", name,
			to->number);
	return convert_refuse(plan, v, TDS_LOSS_CHARACTER, why, out);
}

/* Between two code pages: character by character through UTF-16, so that what is refused is known.
 */
static size_t transcode_pages(
	const struct tds_conversion *plan, const struct tds_value *v, uint8_t *out, size_t *ret_len)
{
	const struct tds_codepage *from = plan->from_text.page, *to = plan->to_text.page;
	size_t i = 0, total = 0, n, written;
	uint8_t unit[4];

	for (; i < v->s.len; i += n) {
		size_t left = v->s.len - i;

		n = tds_codepage_to_utf16(from, v->s.data + i, 1, unit, &written);
		if (n == 0 && left >= 2)
			n = tds_codepage_to_utf16(from, v->s.data + i, 2, unit, &written);
		if (n == 0 || tds_codepage_from_utf16(to, unit, 2, out + total, &written) == 0)
			break;
		total += written;
	}
	*ret_len = total;
	return i;
}

/* As text of the target, whatever its length. */
static int transcode(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret, struct refusal *out)
{
	const struct tds_text_form *from = &plan->from_text, *to = &plan->to_text;
	uint8_t *room = convert_room(scratch, room_for(from, to, v->s.len), out);
	size_t taken, len;

	if (!room)
		return -1;
	if (from->encoding == TDS_CODEPAGE && to->encoding == TDS_CODEPAGE)
		taken = transcode_pages(plan, v, room, &len);
	else
		taken = transcode_once(from, to, v->s.data, v->s.len, room, &len);
	if (taken != v->s.len)
		return refuse_char(plan, v, taken, out);
	if (len > TDS_PLP_MAX)
		return convert_refuse(plan, v, TDS_LOSS_TRUNCATION, "is beyond 2 GiB", out);
	ret->kind = to->encoding == TDS_UTF16LE ? TDS_UTF16 : TDS_TEXT;
	ret->s.data = room;
	ret->s.len = (uint32_t)len;
	return 0;
}

/* --- lengths ------------------------------------------------------------------- */

/* Without the blanks behind it that are beyond `size`. */
static uint32_t without_padding(const struct tds_value *v, uint32_t size)
{
	uint32_t len = v->s.len, unit = v->kind == TDS_UTF16 ? 2 : 1;

	while (len > size && v->s.data[len - unit] == ' ' && (unit == 1 || v->s.data[len - 1] == 0))
		len -= unit;
	return len;
}

/* `ret` is in the target's encoding, `v` is what it was. */
static int check_length(const struct tds_conversion *plan, const struct tds_value *v,
	struct tds_value *ret, struct refusal *out)
{
	uint32_t size = plan->to->size;

	if (ret->s.len > size && tds_type_is_padded(plan->from->type))
		ret->s.len = without_padding(ret, size);
	if (ret->s.len > size)
		return convert_refuse_for(plan, v, TDS_LOSS_TRUNCATION, longer, out);
	return 0;
}

int convert_text_text(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	if (is_same_form(&plan->from_text, &plan->to_text))
		*ret_value = *v;
	else if (transcode(plan, v, scratch, ret_value, out) < 0)
		return -1;
	return check_length(plan, v, ret_value, out);
}

/* SQLite's, of which nobody knows that it is UTF-8. */
int convert_utf8_text(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	if (plan->to_text.encoding == TDS_UTF8 && !utf8_is_valid(v->s.data, v->s.len))
		return convert_refuse(plan, v, TDS_LOSS_CHARACTER, "is not UTF-8", out);
	return convert_text_text(plan, v, scratch, ret_value, out);
}

enum tds_verdict verdict_text_text(const struct tds_conversion *plan)
{
	const struct tds_text_form *from = &plan->from_text, *to = &plan->to_text;
	uint64_t most = plan->from->size;

	if (plan->to->size == TDS_SIZE_MAX || plan->to->type == TDS_OLD_TEXT)
		return to->encoding == TDS_CODEPAGE && !is_same_form(from, to) ? TDS_CHECK
									       : TDS_WIDEN;
	if (!is_same_form(from, to)) {
		if (to->encoding == TDS_CODEPAGE)
			return TDS_CHECK;
		most = room_for(from, to, plan->from->size);
	}
	return most <= plan->to->size ? TDS_WIDEN : TDS_CHECK;
}

/* --- text of other types --------------------------------------------------------- */

/* ASCII from `plan->from` as text of the target. */
static int put_ascii(const struct tds_conversion *plan, const struct tds_value *v, const char *text,
	size_t len, struct buf *scratch, struct tds_value *ret, struct refusal *out)
{
	bool wide = plan->to_text.encoding == TDS_UTF16LE;
	uint8_t *room = convert_room(scratch, wide ? 2 * len : len, out);
	size_t written = len;

	if (!room)
		return -1;
	if (wide)
		(void)utf16_from_utf8((const uint8_t *)text, len, room, &written);
	else
		memcpy(room, text, len);
	ret->kind = wide ? TDS_UTF16 : TDS_TEXT;
	ret->s.data = room;
	ret->s.len = (uint32_t)written;
	if (written > plan->to->size)
		return convert_refuse_for(plan, v, TDS_LOSS_TRUNCATION, longer, out);
	return 0;
}

int convert_any_text(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	char text[TDS_PRINT_MAX];

	if (v->kind == TDS_REAL && !isfinite(v->r))
		return convert_refuse_for(plan, v, TDS_LOSS_FORMAT, "is no value of", out);
	return put_ascii(
		plan, v, text, tds_value_print(plan->from, v, text), scratch, ret_value, out);
}

/* Characters of tds_value_print at most. */
static unsigned printed_max(const struct tds_column *c)
{
	unsigned fraction = c->scale ? 1u + c->scale : 0;

	switch (tds_type_base(c->type)) {
	case TDS_BITN:
		return 1;
	case TDS_INTN:
		return c->size == 1 ? 3 : c->size == 2 ? 6 : c->size == 4 ? 11 : 20;
	case TDS_DECIMALN:
		return c->precision + 3u;
	case TDS_MONEYN:
		return c->size == 4 ? 12 : 21;
	case TDS_DATEN:
		return 10;
	case TDS_TIMEN:
		return 8 + fraction;
	case TDS_DATETIMN:
	case TDS_DATETIME2N:
		return 19 + fraction;
	case TDS_DATETIMEOFFSETN:
		return 25 + fraction;
	case TDS_GUID:
		return 36;
	default:
		return 26; /* a float: -0.000001234567890123456, with a digit to spare */
	}
}

enum tds_verdict verdict_any_text(const struct tds_conversion *plan)
{
	unsigned unit = plan->to_text.encoding == TDS_UTF16LE ? 2 : 1;

	return printed_max(plan->from) * unit <= plan->to->size ? TDS_WIDEN : TDS_CHECK;
}

static uint32_t unhex(const uint8_t *hex, uint32_t len, uint8_t *out)
{
	for (uint32_t i = 0; i < len; i++) {
		unsigned byte = 0;

		for (int j = 0; j < 2; j++, hex++)
			byte = byte << 4 | (*hex <= '9' ? *hex - 0x30u : (*hex | 0x20u) - 'a' + 10);
		out[i] = (uint8_t)byte;
	}
	return len;
}

/* Bytes from their digits: over them where they are in the scratch. */
static int take_hex(struct tds_value *v, bool owned, struct buf *scratch, struct refusal *out)
{
	const uint8_t *hex = v->s.data;
	uint8_t *room = owned ? (uint8_t *)scratch->data : convert_room(scratch, v->s.len, out);

	if (!room)
		return -1;
	v->kind = TDS_BLOB;
	v->s.len = unhex(hex, v->s.len, room);
	v->s.data = room;
	return 0;
}

int convert_text_any(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	struct tds_conversion to_utf8 = *plan;
	struct tds_value text = *v;
	bool owned = plan->from_text.encoding != TDS_UTF8;

	to_utf8.to_text = (struct tds_text_form){.encoding = TDS_UTF8};
	if (owned && transcode(&to_utf8, v, scratch, &text, out) < 0)
		return -1;
	if (tds_type_is_padded(plan->from->type))
		text.s.len = without_padding(&text, 0);
	if (tds_value_parse_loss(plan->to, (const char *)text.s.data, text.s.len, ret_value,
		    &out->loss, out->err) < 0)
		return -1;
	return ret_value->kind == TDS_HEX ? take_hex(ret_value, owned, scratch, out) : 0;
}

/* --- bytes --------------------------------------------------------------------- */

int convert_bytes_bytes(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	(void)scratch;
	if (v->s.len > plan->to->size)
		return convert_refuse_for(plan, v, TDS_LOSS_TRUNCATION, longer, out);
	if (plan->to->type == TDS_BIGBINARY && v->s.len < plan->to->size)
		return convert_refuse_for(plan, v, TDS_LOSS_FORMAT, "is shorter than", out);
	*ret_value = *v;
	return 0;
}

enum tds_verdict verdict_bytes_bytes(const struct tds_conversion *plan)
{
	return plan->to->type != TDS_BIGBINARY &&
			       (plan->to->size >= plan->from->size || plan->to->size >= TDS_PLP_MAX)
		       ? TDS_WIDEN
		       : TDS_CHECK;
}

static size_t put_hex(const uint8_t *bytes, uint32_t len, uint8_t *out, unsigned unit)
{
	static const char digits[] = "0123456789ABCDEF";
	uint8_t *p = out;

	memset(out, 0, (2 + 2 * (size_t)len) * unit);
	p[0] = '0';
	p[unit] = 'x';
	p += 2 * (size_t)unit;
	for (uint32_t i = 0; i < len; i++, p += 2 * (size_t)unit) {
		p[0] = (uint8_t)digits[bytes[i] >> 4];
		p[unit] = (uint8_t)digits[bytes[i] & 0x0F];
	}
	return (size_t)(p - out);
}

int convert_bytes_text(const struct tds_conversion *plan, const struct tds_value *v,
	struct buf *scratch, struct tds_value *ret_value, struct refusal *out)
{
	unsigned unit = plan->to_text.encoding == TDS_UTF16LE ? 2 : 1;
	size_t len = (2 + 2 * (size_t)v->s.len) * unit;
	uint8_t *room;

	if (len > plan->to->size || len > TDS_PLP_MAX)
		return convert_refuse_for(plan, v, TDS_LOSS_TRUNCATION, longer, out);
	room = convert_room(scratch, len, out);
	if (!room)
		return -1;
	ret_value->s.len = (uint32_t)put_hex(v->s.data, v->s.len, room, unit);
	ret_value->s.data = room;
	ret_value->kind = unit == 2 ? TDS_UTF16 : TDS_TEXT;
	return 0;
}

enum tds_verdict verdict_bytes_text(const struct tds_conversion *plan)
{
	uint64_t unit = plan->to_text.encoding == TDS_UTF16LE ? 2 : 1;

	return (2 + 2 * (uint64_t)plan->from->size) * unit <= plan->to->size ? TDS_WIDEN
									     : TDS_CHECK;
}

/* --- messages ------------------------------------------------------------------ */

size_t convert_show_bytes(
	const struct tds_conversion *plan, const struct tds_value *v, char out[ERR_VALUE_MAX])
{
	static const struct tds_text_form utf8 = {.encoding = TDS_UTF8};
	uint8_t text[3 * SHOWN_MAX];
	uint32_t n = v->s.len < SHOWN_MAX ? v->s.len : SHOWN_MAX;
	size_t len = n;

	if (v->kind == TDS_BLOB)
		len = put_hex(v->s.data, n < SHOWN_MAX / 3 ? n : SHOWN_MAX / 3, text, 1);
	else if (plan->from_text.encoding == TDS_UTF8)
		memcpy(text, v->s.data, n);
	else if (plan->from_text.encoding == TDS_UTF16LE || plan->from_text.page)
		(void)transcode_once(&plan->from_text, &utf8, v->s.data, n & ~1u, text, &len);
	else
		len = 0;
	len = utf8_cut_at((const char *)text, len, SHOWN_MAX);
	memcpy(out, text, len);
	return len;
}
