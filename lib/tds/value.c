#include "tds/value.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"
#include "base/utf16.h"
#include "base/utf8.h"
#include "tds/refusal.h"
#include "tds/row.h"

#define DAYS_PER_400_YEARS 146097
#define MINUTES_PER_DAY    (24 * 60)
#define TICKS_PER_MINUTE   (60 * TDS_TICKS_PER_SECOND)

unsigned __int128 tds_pow10(unsigned n)
{
	static const uint64_t small[] = {UINT64_C(1), UINT64_C(10), UINT64_C(100), UINT64_C(1000),
		UINT64_C(10000), UINT64_C(100000), UINT64_C(1000000), UINT64_C(10000000),
		UINT64_C(100000000), UINT64_C(1000000000), UINT64_C(10000000000),
		UINT64_C(100000000000), UINT64_C(1000000000000), UINT64_C(10000000000000),
		UINT64_C(100000000000000), UINT64_C(1000000000000000), UINT64_C(10000000000000000),
		UINT64_C(100000000000000000), UINT64_C(1000000000000000000),
		UINT64_C(10000000000000000000)};

	assert(n <= TDS_DECIMAL_DIGITS_MAX);
	return n < ARRAY_LEN(small) ? small[n] : (unsigned __int128)small[19] * small[n - 19];
}

const char *tds_loss_name(enum tds_loss loss)
{
	static const char *const names[TDS_LOSS_COUNT] = {
		"none", "overflow", "truncation", "precision", "character", "format", "null"};

	return names[loss];
}

int tds_refuse(
	const char *text, size_t len, enum tds_loss loss, const char *why, struct refusal *out)
{
	out->loss = loss;
	err_set(out->err, ERR_DATA, ERR_VALUE " %s", why);
	return err_value(out->err, text, len);
}

int tds_refuse_for(const struct tds_column *c, const char *text, size_t len, enum tds_loss loss,
	const char *why, struct refusal *out)
{
	char type[TDS_TYPE_TEXT_MAX], message[TDS_TYPE_TEXT_MAX + 64];

	snprintf(message, sizeof(message), "%s %s", why, tds_type_format(c, type));
	return tds_refuse(text, len, loss, message, out);
}

/* --- numbers ----------------------------------------------------------------- */

static int parse_int(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret, struct refusal *out)
{
	int64_t min = c->size == 1 ? 0 : INT64_MIN >> (64 - 8 * c->size);
	int64_t max = c->size == 1 ? UINT8_MAX : INT64_MAX >> (64 - 8 * c->size);
	enum number_status status = number_parse_int(text, len, &ret->i);

	ret->kind = TDS_INT;
	if (status == NUMBER_SYNTAX)
		return tds_refuse(text, len, TDS_LOSS_FORMAT, "is not an integer", out);
	if (status == NUMBER_RANGE || ret->i < min || ret->i > max)
		return tds_refuse_for(
			c, text, len, TDS_LOSS_OVERFLOW, "is beyond the range of", out);
	return 0;
}

static int parse_bit(const char *text, size_t len, struct tds_value *ret, struct refusal *out)
{
	ret->kind = TDS_INT;
	if ((len == 1 && *text == '1') || (len == 4 && strncasecmp(text, "true", 4) == 0))
		ret->i = 1;
	else if ((len == 1 && *text == '0') || (len == 5 && strncasecmp(text, "false", 5) == 0))
		ret->i = 0;
	else
		return tds_refuse(text, len, TDS_LOSS_FORMAT, "is not 0, 1, true or false", out);
	return 0;
}

static int parse_real(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret, struct refusal *out)
{
	enum number_status status;
	float half = 0;

	ret->kind = TDS_REAL;
	if (c->size == sizeof(half)) {
		status = number_parse_float(text, len, &half);
		ret->r = (double)half;
	} else {
		status = number_parse_double(text, len, &ret->r);
	}
	if (status == NUMBER_SYNTAX)
		return tds_refuse(text, len, TDS_LOSS_FORMAT, "is not a number", out);
	if (status == NUMBER_RANGE)
		return tds_refuse_for(
			c, text, len, TDS_LOSS_OVERFLOW, "is beyond the range of", out);
	return 0;
}

static int parse_decimal(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret, struct refusal *out)
{
	struct number n;
	int64_t zeros;

	ret->kind = TDS_DECIMAL;
	if (number_parse(text, len, &n) != NUMBER_OK)
		return tds_refuse(text, len, TDS_LOSS_FORMAT, "is not a number", out);
	/* The digits are the magnitude once `zeros` of them are put behind. */
	zeros = (int64_t)n.exponent + c->scale;
	if (n.n_digits && n.n_digits + zeros > c->precision)
		return tds_refuse_for(
			c, text, len, TDS_LOSS_OVERFLOW, "is beyond the range of", out);
	if (n.n_digits && zeros < 0)
		return tds_refuse_for(c, text, len, TDS_LOSS_PRECISION,
			"has more digits behind the point than", out);
	ret->d.magnitude = n.n_digits ? n.digits * tds_pow10((unsigned)zeros) : 0;
	ret->d.negative = n.negative && n.n_digits;
	return 0;
}

/* The same digits in 4 or 8 bytes with a sign: the most negative has no positive counterpart. */
static int parse_money(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret, struct refusal *out)
{
	if (parse_decimal(c, text, len, ret, out) < 0)
		return -1;
	if (ret->d.magnitude > tds_money_max(c->size, ret->d.negative))
		return tds_refuse_for(
			c, text, len, TDS_LOSS_OVERFLOW, "is beyond the range of", out);
	return 0;
}

/* --- dates and times --------------------------------------------------------- */

/* What is left of the text. */
struct reader {
	const char *p, *end;
};

/* Exactly n digits. */
static bool take_digits(struct reader *r, unsigned n, unsigned *ret)
{
	unsigned v = 0;

	if ((size_t)(r->end - r->p) < n)
		return false;
	for (; n; n--, r->p++) {
		unsigned digit = (unsigned char)(*r->p - '0');

		if (digit > 9)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return true;
}

static bool take_char(struct reader *r, char c)
{
	if (r->p == r->end || *r->p != c)
		return false;
	r->p++;
	return true;
}

static bool is_leap(unsigned year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned days_of_month(unsigned year, unsigned month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (unsigned)(month == 2 && is_leap(year));
}

/* Days since 0001-01-01: years begin in March, so that the leap day is a year's last. */
static int32_t days_from_date(unsigned year, unsigned month, unsigned day)
{
	unsigned y = month > 2 ? year : year - 1;
	unsigned m = month > 2 ? month - 3 : month + 9;

	return (int32_t)(365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day) - 307;
}

static void date_from_days(int32_t days, unsigned *year, unsigned *month, unsigned *day)
{
	unsigned d = (unsigned)days + 306; /* since 0000-03-01 */
	unsigned era = d / DAYS_PER_400_YEARS;
	unsigned of_era = d % DAYS_PER_400_YEARS;
	unsigned y = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	unsigned of_year = of_era - (365 * y + y / 4 - y / 100);
	unsigned m = (5 * of_year + 2) / 153;

	*day = of_year - (153 * m + 2) / 5 + 1;
	*month = m < 10 ? m + 3 : m - 9;
	*year = y + 400 * era + (m >= 10);
}

static bool take_date(struct reader *r, struct tds_value *v)
{
	unsigned year, month, day;

	if (!take_digits(r, 4, &year) || !take_char(r, '-') || !take_digits(r, 2, &month) ||
		!take_char(r, '-') || !take_digits(r, 2, &day))
		return false;
	if (year < 1 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month))
		return false;
	v->t.days = days_from_date(year, month, day);
	return true;
}

/* Digits of a second's fraction; *ret_lost: some that are not zero are beyond the scale. */
static bool take_fraction(struct reader *r, unsigned scale, uint64_t *ticks, bool *ret_lost)
{
	unsigned n = 0, digit;
	uint64_t unit = TDS_TICKS_PER_SECOND / 10;

	for (; take_digits(r, 1, &digit); n++, unit /= 10) {
		*ticks += digit * unit; /* unit is 0 beyond the seventh */
		*ret_lost |= n >= scale && digit;
	}
	return n > 0;
}

static bool take_time(struct reader *r, unsigned scale, struct tds_value *v, bool *ret_lost)
{
	unsigned hour, minute, second = 0;
	uint64_t fraction = 0;

	if (!take_digits(r, 2, &hour) || !take_char(r, ':') || !take_digits(r, 2, &minute))
		return false;
	if (take_char(r, ':')) {
		if (!take_digits(r, 2, &second))
			return false;
		if (take_char(r, '.') && !take_fraction(r, scale, &fraction, ret_lost))
			return false;
	}
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	v->t.ticks = (hour * 3600 + minute * 60 + second) * TDS_TICKS_PER_SECOND + fraction;
	return true;
}

/* Z, +hh, +hhmm or +hh:mm; a blank before it is SQL Server's way. */
static bool take_offset(struct reader *r, int16_t *ret)
{
	unsigned hours, minutes = 0;
	bool west;

	(void)take_char(r, ' ');
	if (take_char(r, 'Z') || take_char(r, 'z')) {
		*ret = 0;
		return true;
	}
	west = take_char(r, '-');
	if ((!west && !take_char(r, '+')) || !take_digits(r, 2, &hours))
		return false;
	if (r->p < r->end && (take_char(r, ':'), !take_digits(r, 2, &minutes)))
		return false;
	if (minutes > 59 || hours * 60 + minutes > TDS_OFFSET_MAX)
		return false;
	*ret = (int16_t)(west ? -(int)(hours * 60 + minutes) : (int)(hours * 60 + minutes));
	return true;
}

/* Moves a time by minutes, over midnight if need be; false when that leaves the calendar. */
static bool add_minutes(struct tds_value *v, int minutes)
{
	int64_t ticks = (int64_t)v->t.ticks + minutes * (int64_t)TICKS_PER_MINUTE;

	if (ticks < 0) {
		ticks += (int64_t)TDS_TICKS_PER_DAY;
		v->t.days--;
	} else if (ticks >= (int64_t)TDS_TICKS_PER_DAY) {
		ticks -= (int64_t)TDS_TICKS_PER_DAY;
		v->t.days++;
	}
	v->t.ticks = (uint64_t)ticks;
	return v->t.days >= 0 && v->t.days <= TDS_DAYS_MAX;
}

/* Date and time with T or a blank between; a date alone is its midnight. */
static bool take_date_time(struct reader *r, unsigned scale, struct tds_value *v, bool *ret_lost)
{
	if (!take_date(r, v))
		return false;
	if (take_char(r, 'T') || take_char(r, 't') || take_char(r, ' '))
		return take_time(r, scale, v, ret_lost);
	return true;
}

static bool take_by_type(
	struct reader *r, const struct tds_column *c, struct tds_value *v, bool *ret_lost)
{
	switch (tds_type_base(c->type)) {
	case TDS_DATEN:
		return take_date(r, v);
	case TDS_TIMEN:
		return take_time(r, c->scale, v, ret_lost);
	case TDS_DATETIME2N:
	case TDS_DATETIMN:
		return take_date_time(r, c->scale, v, ret_lost);
	default:
		return take_date_time(r, c->scale, v, ret_lost) && take_offset(r, &v->t.offset) &&
		       add_minutes(v, -v->t.offset);
	}
}

static const char *time_wanted(enum tds_type type)
{
	switch (type) {
	case TDS_DATEN:
		return "is not a date as in 2013-01-31";
	case TDS_TIMEN:
		return "is not a time as in 06:00:00";
	case TDS_DATETIMEOFFSETN:
		return "is not a date and time with offset as in 2013-01-31 06:00:00+01:00";
	default:
		return "is not a date and time as in 2013-01-31 06:00:00";
	}
}

enum tds_loss tds_datetime_loss(uint32_t size, const struct tds_value *v)
{
	static const uint64_t minute = 60 * TDS_TICKS_PER_SECOND, ms = TDS_TICKS_PER_SECOND / 1000;
	uint64_t units = tds_datetime_units(v->t.ticks);

	if (size == 4) {
		if (v->t.days < TDS_DAYS_1900 || v->t.days > TDS_DAYS_1900 + UINT16_MAX)
			return TDS_LOSS_OVERFLOW;
		return v->t.ticks % minute ? TDS_LOSS_PRECISION : TDS_LOSS_NONE;
	}
	if (v->t.days < TDS_DAYS_1753)
		return TDS_LOSS_OVERFLOW;
	if (units == TDS_DATETIME_UNITS_PER_DAY || (units * 10 + 1) / 3 * ms != v->t.ticks)
		return TDS_LOSS_PRECISION;
	return TDS_LOSS_NONE;
}

static int check_datetime(const struct tds_column *c, const char *text, size_t len,
	const struct tds_value *v, bool lost, struct refusal *out)
{
	enum tds_loss loss = lost ? TDS_LOSS_PRECISION : TDS_LOSS_NONE;

	if (!loss && tds_type_base(c->type) == TDS_DATETIMN)
		loss = tds_datetime_loss(c->size, v);
	if (loss == TDS_LOSS_PRECISION && c->size == 4 && tds_type_base(c->type) == TDS_DATETIMN)
		return tds_refuse_for(c, text, len, loss, "has seconds, which are lost in", out);
	if (loss == TDS_LOSS_PRECISION)
		return tds_refuse_for(
			c, text, len, loss, "has a finer fraction of a second than", out);
	if (loss)
		return tds_refuse_for(c, text, len, loss, "is beyond the range of", out);
	return 0;
}

static int parse_time(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret, struct refusal *out)
{
	struct reader r = {.p = text, .end = text + len};
	bool lost = false;
	int16_t offset;

	*ret = (struct tds_value){.kind = TDS_TIME};
	if (!take_by_type(&r, c, ret, &lost))
		return tds_refuse(text, len, TDS_LOSS_FORMAT, time_wanted(c->type), out);
	if (c->type != TDS_DATEN && r.p < r.end && take_offset(&r, &offset) && r.p == r.end) {
		tds_refuse_for(c, text, len, TDS_LOSS_PRECISION,
			"has an offset from UTC, which is lost in", out);
		return err_hint(out->err, "datetimeoffset keeps it");
	}
	if (r.p < r.end)
		return tds_refuse(text, len, TDS_LOSS_FORMAT, time_wanted(c->type), out);
	return check_datetime(c, text, len, ret, lost, out);
}

/* --- uniqueidentifier ---------------------------------------------------------- */

/* Where each pair of digits of 8-4-4-4-12 stands on the wire. */
static const uint8_t uuid_order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

static bool has_dash_before(unsigned pair)
{
	return pair == 4 || pair == 6 || pair == 8 || pair == 10;
}

static bool take_hex(struct reader *r, uint8_t *ret)
{
	unsigned v = 0;

	if (r->end - r->p < 2)
		return false;
	for (int i = 0; i < 2; i++, r->p++) {
		char c = *r->p;

		if (c >= '0' && c <= '9')
			v = v << 4 | (unsigned)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			v = v << 4 | (unsigned)((c | 0x20) - 'a' + 10);
		else
			return false;
	}
	*ret = (uint8_t)v;
	return true;
}

static int parse_uuid(const char *text, size_t len, struct tds_value *ret, struct refusal *out)
{
	struct reader r = {.p = text, .end = text + len};
	bool braces = take_char(&r, '{'), dashes = r.end - r.p >= 36, ok = true;

	ret->kind = TDS_UUID;
	for (unsigned i = 0; ok && i < 16; i++) {
		if (dashes && has_dash_before(i))
			ok = take_char(&r, '-');
		ok = ok && take_hex(&r, &ret->uuid[uuid_order[i]]);
	}
	if (!ok || (braces && !take_char(&r, '}')) || r.p != r.end)
		return tds_refuse(text, len, TDS_LOSS_FORMAT,
			"is not a uniqueidentifier as in 6F9619FF-8B86-D011-B42D-00C04FC964FF",
			out);
	return 0;
}

/* --- text and bytes ---------------------------------------------------------- */

static int parse_bytes(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret, struct refusal *out)
{
	struct reader r = {.p = text, .end = text + len};
	bool ok = take_char(&r, '0') && (take_char(&r, 'x') || take_char(&r, 'X'));
	uint8_t byte;

	while (ok && r.p < r.end)
		ok = take_hex(&r, &byte);
	if (!ok)
		return tds_refuse(text, len, TDS_LOSS_FORMAT,
			"is not 0x and pairs of hexadecimal digits", out);
	if (len / 2 - 1 > c->size)
		return tds_refuse_for(c, text, len, TDS_LOSS_TRUNCATION, "is longer than", out);
	if (c->type == TDS_BIGBINARY && len / 2 - 1 < c->size)
		return tds_refuse_for(c, text, len, TDS_LOSS_FORMAT, "is shorter than", out);
	ret->kind = TDS_HEX;
	ret->s.data = (const uint8_t *)text + 2;
	ret->s.len = (uint32_t)(len / 2 - 1);
	return 0;
}

static int parse_utf16(
	const struct tds_column *c, const char *text, size_t len, struct refusal *out)
{
	const uint8_t *s = (const uint8_t *)text;

	if (!utf8_is_valid(s, len))
		return tds_refuse(text, len, TDS_LOSS_CHARACTER, "is not UTF-8", out);
	if (c->size == TDS_SIZE_MAX ? 2 * utf16_units(s, len) > TDS_PLP_MAX
				    : len > c->size / 2 && utf16_units(s, len) > c->size / 2)
		return tds_refuse_for(c, text, len, TDS_LOSS_TRUNCATION, "is longer than", out);
	return 0;
}

static int parse_text(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret, struct refusal *out)
{
	if (tds_type_is_utf16(c->type)) {
		if (parse_utf16(c, text, len, out) < 0)
			return -1;
	} else if (len > c->size) {
		return tds_refuse_for(c, text, len, TDS_LOSS_TRUNCATION, "is longer than", out);
	}
	ret->kind = TDS_TEXT;
	ret->s.data = (const uint8_t *)text;
	ret->s.len = (uint32_t)len;
	return 0;
}

static int parse_any(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret, struct refusal *out)
{
	switch (tds_type_base(c->type)) {
	case TDS_INTN:
		return parse_int(c, text, len, ret, out);
	case TDS_BITN:
		return parse_bit(text, len, ret, out);
	case TDS_FLTN:
		return parse_real(c, text, len, ret, out);
	case TDS_DECIMALN:
		return parse_decimal(c, text, len, ret, out);
	case TDS_MONEYN:
		return parse_money(c, text, len, ret, out);
	case TDS_GUID:
		return parse_uuid(text, len, ret, out);
	case TDS_DATEN:
	case TDS_TIMEN:
	case TDS_DATETIME2N:
	case TDS_DATETIMEOFFSETN:
	case TDS_DATETIMN:
		return parse_time(c, text, len, ret, out);
	case TDS_BIGVARBINARY:
	case TDS_BIGBINARY:
	case TDS_OLD_IMAGE:
		return parse_bytes(c, text, len, ret, out);
	case TDS_VARIANT:
	case TDS_UDT:
		return tds_refuse_for(
			c, text, len, TDS_LOSS_FORMAT, "is text, which is no value of", out);
	default:
		return parse_text(c, text, len, ret, out);
	}
}

int tds_value_parse_loss(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret_value, enum tds_loss *ret_loss, struct err *err)
{
	struct refusal out = {.err = err, .loss = TDS_LOSS_TRUNCATION};
	int rc;

	if (len > TDS_PLP_MAX)
		rc = err_set(err, ERR_DATA, "a value of %zu bytes is beyond 2 GiB", len);
	else
		rc = parse_any(c, text, len, ret_value, &out);
	if (rc < 0 && ret_loss)
		*ret_loss = out.loss;
	return rc;
}

int tds_value_parse(const struct tds_column *c, const char *text, size_t len,
	struct tds_value *ret_value, struct err *err)
{
	return tds_value_parse_loss(c, text, len, ret_value, NULL, err);
}

/* --- printing ---------------------------------------------------------------- */

static size_t print_decimal(unsigned scale, const struct tds_value *v, char *out)
{
	char back[TDS_PRINT_MAX], *p = back + sizeof(back);
	unsigned __int128 m = v->d.magnitude;
	size_t len;

	for (unsigned i = 0; i <= scale || m; i++, m /= 10) {
		if (i == scale && scale)
			*--p = '.';
		*--p = (char)('0' + (unsigned)(m % 10));
	}
	if (v->d.negative)
		*--p = '-';
	len = (size_t)(back + sizeof(back) - p);
	memcpy(out, p, len);
	out[len] = '\0';
	return len;
}

/* n digits; printf costs ten times as much, and dates are in every table. */
static char *put_digits(char *out, unsigned v, int n)
{
	for (int i = n - 1; i >= 0; i--, v /= 10)
		out[i] = (char)('0' + v % 10);
	return out + n;
}

static int print_date(int32_t days, char *out)
{
	unsigned year, month, day;
	char *p = out;

	date_from_days(days, &year, &month, &day);
	p = put_digits(p, year, 4);
	*p++ = '-';
	p = put_digits(p, month, 2);
	*p++ = '-';
	return (int)(put_digits(p, day, 2) - out);
}

static int print_clock(uint64_t ticks, unsigned scale, char *out)
{
	unsigned s = (unsigned)(ticks / TDS_TICKS_PER_SECOND);
	unsigned fraction = (unsigned)(ticks % TDS_TICKS_PER_SECOND);
	char *p = put_digits(out, s / 3600, 2);

	*p++ = ':';
	p = put_digits(p, s / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, s % 60, 2);
	*p++ = '.';
	p = put_digits(p, fraction, TDS_SCALE_MAX);
	return (int)(p - out) - TDS_SCALE_MAX + (int)scale -
	       !scale; /* without digits the point goes too */
}

static size_t print_time(const struct tds_column *c, const struct tds_value *v, char *out)
{
	struct tds_value local = *v;
	int offset = v->t.offset, n = 0;

	if (c->type == TDS_DATETIMEOFFSETN)
		(void)add_minutes(&local, offset);
	if (c->type != TDS_TIMEN)
		n += print_date(local.t.days, out);
	if (c->type != TDS_TIMEN && c->type != TDS_DATEN)
		out[n++] = 'T';
	if (c->type != TDS_DATEN)
		n += print_clock(local.t.ticks, c->scale, out + n);
	if (c->type == TDS_DATETIMEOFFSETN) {
		unsigned minutes = (unsigned)(offset < 0 ? -offset : offset);

		n += sprintf(
			out + n, "%c%02u:%02u", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
	}
	out[n] = '\0';
	return (size_t)n;
}

static size_t print_uuid(const struct tds_value *v, char *out)
{
	static const char digits[] = "0123456789ABCDEF";
	char *p = out;

	for (unsigned i = 0; i < 16; i++) {
		uint8_t byte = v->uuid[uuid_order[i]];

		if (has_dash_before(i))
			*p++ = '-';
		*p++ = digits[byte >> 4];
		*p++ = digits[byte & 0x0F];
	}
	*p = '\0';
	return (size_t)(p - out);
}

size_t tds_value_print(
	const struct tds_column *c, const struct tds_value *v, char out[TDS_PRINT_MAX])
{
	switch (v->kind) {
	case TDS_INT:
		return number_print_int(v->i, out);
	case TDS_REAL:
		if (tds_type_base(c->type) == TDS_FLTN && c->size == sizeof(float))
			return number_print_float((float)v->r, out);
		return number_print_double(v->r, out);
	case TDS_DECIMAL:
		return print_decimal(c->scale, v, out);
	case TDS_TIME:
		return print_time(c, v, out);
	case TDS_UUID:
		return print_uuid(v, out);
	case TDS_NULL:
	case TDS_TEXT:
	case TDS_UTF16:
	case TDS_BLOB:
	case TDS_HEX:
		break;
	}
	assert(false); /* null, text and bytes are not printed here */
	return 0;
}
