/* Dates and times from text. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/tdsd/engine_time.h"

struct reader {
	const char *p, *end;
	int y, m, d;
	bool has_date, has_time, has_offset;
	int64_t ticks;
	int offset;
	bool day_first;
};

static bool is_digit(const struct reader *r)
{
	return r->p < r->end && *r->p >= '0' && *r->p <= '9';
}

static bool is_letter(const struct reader *r)
{
	return r->p < r->end && ((*r->p | 0x20) >= 'a' && (*r->p | 0x20) <= 'z');
}

static void blanks(struct reader *r)
{
	while (r->p < r->end && (*r->p == ' ' || *r->p == ','))
		r->p++;
}

static bool accept(struct reader *r, char c)
{
	bool yes = r->p < r->end && *r->p == c;

	r->p += yes;
	return yes;
}

/* Up to nine digits. */
static int number(struct reader *r, int *ret_digits)
{
	int v = 0, n = 0;

	for (; is_digit(r) && n < 9; n++)
		v = v * 10 + (*r->p++ - '0');
	*ret_digits = n;
	return v;
}

static int full_year(int y, int digits)
{
	return digits > 2 ? y : y < 50 ? 2000 + y : 1900 + y;
}

static bool set_date(struct reader *r, int y, int m, int d)
{
	if (r->has_date)
		return false;
	r->has_date = true;
	r->y = y;
	r->m = m;
	r->d = d;
	return true;
}

static int month_name(struct reader *r)
{
	static const char names[] = "janfebmaraprmayjunjulaugsepoctnovdec";
	size_t n = 0;
	char word[4] = "";

	for (; is_letter(r); r->p++, n++)
		if (n < 3)
			word[n] = (char)(*r->p | 0x20);
	for (int m = 0; n >= 3 && m < 12; m++)
		if (memcmp(names + 3 * m, word, 3) == 0)
			return m + 1;
	return 0;
}

/* hh:mm[:ss[.fffffff | :fff]] behind its first number. */
static bool clock_rest(struct reader *r, int hour)
{
	int digits, minute = 0, second = 0, f = 0;
	static const int scale[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

	minute = number(r, &digits);
	if (digits < 1 || digits > 2)
		return false;
	if (accept(r, ':')) {
		second = number(r, &digits);
		if (digits < 1 || digits > 2)
			return false;
		if (accept(r, '.')) {
			f = number(r, &digits);
			if (digits < 1 || digits > 7)
				return false;
			f *= scale[7 - digits];
		} else if (accept(r, ':')) {
			f = number(r, &digits) * 10000;
			if (digits < 1 || digits > 3)
				return false;
		}
	}
	if (r->has_time || hour > 23 || minute > 59 || second > 59)
		return false;
	r->has_time = true;
	r->ticks = ((hour * 60LL + minute) * 60 + second) * (int64_t)TDS_TICKS_PER_SECOND + f;
	return true;
}

static bool half_of_day(struct reader *r)
{
	int64_t hour = 3600LL * (int64_t)TDS_TICKS_PER_SECOND;
	bool pm = (*r->p | 0x20) == 'p';

	if (r->end - r->p < 2 || (r->p[1] | 0x20) != 'm' || ((*r->p | 0x20) != 'a' && !pm) ||
		!r->has_time)
		return false;
	r->p += 2;
	if (r->ticks >= 12 * hour && r->ticks < 13 * hour)
		r->ticks -= 12 * hour;
	if (pm)
		r->ticks += 12 * hour;
	return r->ticks < 24 * hour;
}

static bool zone(struct reader *r)
{
	int digits, h, m = 0, sign = *r->p == '-' ? -1 : 1;

	r->p++;
	h = number(r, &digits);
	if (digits < 1 || digits > 2 || !accept(r, ':'))
		return false;
	m = number(r, &digits);
	r->has_offset = true;
	r->offset = sign * (h * 60 + m);
	return digits == 2 && m < 60 && h * 60 + m <= TDS_OFFSET_MAX;
}

/* a-b-c with any of the marks; the first number is read. */
static bool date_rest(struct reader *r, int first, int digits)
{
	int b, c, b_digits, c_digits;
	char mark = *r->p++;

	if (is_letter(r)) {
		b = month_name(r);
		b_digits = 2;
		if (b == 0 || !accept(r, mark))
			return false;
		c = number(r, &c_digits);
		return c_digits > 0 && set_date(r, full_year(c, c_digits), b, first);
	}
	b = number(r, &b_digits);
	if (b_digits < 1 || b_digits > 2 || !accept(r, mark))
		return false;
	c = number(r, &c_digits);
	if (c_digits < 1)
		return false;
	if (digits == 4)
		return set_date(r, first, b, c);
	if (r->day_first)
		return set_date(r, full_year(c, c_digits), b, first);
	return set_date(r, full_year(c, c_digits), first, b);
}

static bool numeric_part(struct reader *r)
{
	int digits, v = number(r, &digits), month, day;

	if (accept(r, ':'))
		return clock_rest(r, v);
	if (r->p < r->end && (*r->p == '-' || *r->p == '/' || *r->p == '.') && !r->has_date)
		return date_rest(r, v, digits);
	if (digits == 8)
		return set_date(r, v / 10000, v / 100 % 100, v % 100);
	if (digits == 6)
		return set_date(r, full_year(v / 10000, 2), v / 100 % 100, v % 100);
	blanks(r);
	if (r->p < r->end && ((*r->p | 0x20) == 'a' || (*r->p | 0x20) == 'p') && digits <= 2 &&
		r->p + 1 < r->end && (r->p[1] | 0x20) == 'm') {
		r->ticks = v * 3600LL * (int64_t)TDS_TICKS_PER_SECOND;
		r->has_time = true;
		return half_of_day(r);
	}
	if (is_letter(r)) { /* 5 Nov 2026 */
		month = month_name(r);
		blanks(r);
		day = v;
		v = number(r, &digits);
		return month && digits && set_date(r, full_year(v, digits), month, day);
	}
	return digits == 4 && set_date(r, v, 1, 1);
}

static bool named_part(struct reader *r)
{
	int month, day, year, digits;

	if (r->has_time && half_of_day(r))
		return true;
	if (accept(r, 'Z') || accept(r, 'z')) {
		r->has_offset = true;
		return r->has_time;
	}
	if ((*r->p == 'T' || *r->p == 't') && r->has_date && !r->has_time) {
		r->p++;
		return is_digit(r);
	}
	month = month_name(r); /* Nov 5 2026 */
	blanks(r);
	day = number(r, &digits);
	if (month == 0 || digits == 0)
		return false;
	if (digits == 4)
		return set_date(r, day, month, 1);
	blanks(r);
	year = number(r, &digits);
	return digits && set_date(r, full_year(year, digits), month, day);
}

bool engine_parse_time(
	const char *s, size_t len, int style, struct tds_value *ret, bool *ret_offset)
{
	struct reader r = {.p = s, .end = s + len, .y = 1900, .m = 1, .d = 1};
	bool ok = true;

	r.day_first = style == 3 || style == 4 || style == 5 || (style >= 103 && style <= 105);
	for (blanks(&r); ok && r.p < r.end; blanks(&r)) {
		if (is_digit(&r))
			ok = numeric_part(&r);
		else if ((*r.p == '+' || *r.p == '-') && r.has_time)
			ok = zone(&r);
		else
			ok = is_letter(&r) && named_part(&r);
	}
	if (!ok || engine_days(r.y, r.m, r.d) < 0)
		return false;
	ret->kind = TDS_TIME;
	ret->t.days = engine_days(r.y, r.m, r.d);
	ret->t.ticks = (uint64_t)r.ticks;
	ret->t.offset = (int16_t)r.offset;
	*ret_offset = r.has_offset;
	if (r.offset) {
		int64_t utc = cell_ticks(ret) - r.offset * 60LL * (int64_t)TDS_TICKS_PER_SECOND;

		if (utc < 0 || utc >= (TDS_DAYS_MAX + 1LL) * (int64_t)TDS_TICKS_PER_DAY)
			return false;
		value_of_ticks(utc, ret);
		ret->t.offset = (int16_t)r.offset;
	}
	return true;
}
