#include "tests/tdsd/engine_time.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define TICKS_PER_DAY ((int64_t)TDS_TICKS_PER_DAY)
#define EPOCH_DAYS    719162 /* 1970-01-01 */

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July",
	"August", "September", "October", "November", "December"};
static const char *const weekdays[] = {
	"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

enum datepart datepart_parse(const char *word)
{
	static const struct {
		const char *name;
		enum datepart part;
	} names[] = {{"year", DP_YEAR}, {"yy", DP_YEAR}, {"yyyy", DP_YEAR}, {"quarter", DP_QUARTER},
		{"qq", DP_QUARTER}, {"q", DP_QUARTER}, {"month", DP_MONTH}, {"mm", DP_MONTH},
		{"m", DP_MONTH}, {"dayofyear", DP_DAYOFYEAR}, {"dy", DP_DAYOFYEAR},
		{"y", DP_DAYOFYEAR}, {"day", DP_DAY}, {"dd", DP_DAY}, {"d", DP_DAY},
		{"week", DP_WEEK}, {"wk", DP_WEEK}, {"ww", DP_WEEK}, {"weekday", DP_WEEKDAY},
		{"dw", DP_WEEKDAY}, {"isowk", DP_ISOWEEK}, {"isoww", DP_ISOWEEK},
		{"iso_week", DP_ISOWEEK}, {"hour", DP_HOUR}, {"hh", DP_HOUR}, {"minute", DP_MINUTE},
		{"mi", DP_MINUTE}, {"n", DP_MINUTE}, {"second", DP_SECOND}, {"ss", DP_SECOND},
		{"s", DP_SECOND}, {"millisecond", DP_MILLISECOND}, {"ms", DP_MILLISECOND},
		{"microsecond", DP_MICROSECOND}, {"mcs", DP_MICROSECOND},
		{"nanosecond", DP_NANOSECOND}, {"ns", DP_NANOSECOND}, {"tzoffset", DP_TZOFFSET},
		{"tz", DP_TZOFFSET}};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (strcasecmp(names[i].name, word) == 0)
			return names[i].part;
	return DP_NONE;
}

static bool is_leap(int y)
{
	return (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
}

static int days_in(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

int32_t engine_days(int year, int month, int day)
{
	int y = year - 1, days;

	if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 ||
		day > days_in(year, month))
		return -1;
	days = y * 365 + y / 4 - y / 100 + y / 400;
	for (int m = 1; m < month; m++)
		days += days_in(year, m);
	return days + day - 1;
}

void engine_civil(int32_t days, int *year, int *month, int *day)
{
	int y = days / 366 + 1, m = 1, rest;

	while (y < 9999 && engine_days(y + 1, 1, 1) <= days)
		y++;
	rest = days - engine_days(y, 1, 1);
	while (rest >= days_in(y, m))
		rest -= days_in(y, m++);
	*year = y;
	*month = m;
	*day = rest + 1;
}

int64_t engine_now_ticks(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return EPOCH_DAYS * TICKS_PER_DAY + (int64_t)t.tv_sec * (int64_t)TDS_TICKS_PER_SECOND +
	       t.tv_nsec / 100;
}

/* Ticks of a part that has always the same length; 0: of another kind. */
static int64_t length_of(enum datepart part)
{
	switch (part) {
	case DP_DAY:
	case DP_DAYOFYEAR:
	case DP_WEEKDAY:
		return TICKS_PER_DAY;
	case DP_WEEK:
	case DP_ISOWEEK:
		return 7 * TICKS_PER_DAY;
	case DP_HOUR:
		return 3600LL * (int64_t)TDS_TICKS_PER_SECOND;
	case DP_MINUTE:
		return 60LL * (int64_t)TDS_TICKS_PER_SECOND;
	case DP_SECOND:
		return (int64_t)TDS_TICKS_PER_SECOND;
	case DP_MILLISECOND:
		return 10000;
	case DP_MICROSECOND:
		return 10;
	default:
		return 0;
	}
}

static bool add_months(int64_t n, struct tds_value *v)
{
	int y, m, d;
	int64_t all;

	if (n > 120000 || n < -120000)
		return false;
	engine_civil(v->t.days, &y, &m, &d);
	all = (int64_t)y * 12 + m - 1 + n;
	if (all < 12 || all >= 120000)
		return false;
	y = (int)(all / 12);
	m = (int)(all % 12) + 1;
	if (d > days_in(y, m))
		d = days_in(y, m);
	v->t.days = engine_days(y, m, d);
	return true;
}

bool engine_dateadd(enum datepart part, int64_t n, struct tds_value *v)
{
	int64_t ticks = cell_ticks(v), delta;
	int16_t offset = v->t.offset;

	if (part == DP_YEAR || part == DP_QUARTER || part == DP_MONTH)
		return add_months(n * (part == DP_YEAR ? 12 : part == DP_QUARTER ? 3 : 1), v);
	if (part == DP_NANOSECOND)
		delta = n / 100;
	else if (__builtin_mul_overflow(n, length_of(part), &delta))
		return false;
	if (__builtin_add_overflow(ticks, delta, &ticks) || ticks < 0 ||
		ticks >= (TDS_DAYS_MAX + 1LL) * TICKS_PER_DAY)
		return false;
	value_of_ticks(ticks, v);
	v->t.offset = offset;
	return true;
}

static int64_t week_of(int32_t days)
{
	return (days + 1) / 7; /* 0001-01-01 was a Monday; weeks begin on Sunday */
}

int64_t engine_datediff(
	enum datepart part, const struct tds_value *from, const struct tds_value *to)
{
	int y1, m1, d1, y2, m2, d2;
	int64_t length;

	engine_civil(from->t.days, &y1, &m1, &d1);
	engine_civil(to->t.days, &y2, &m2, &d2);
	switch (part) {
	case DP_YEAR:
		return y2 - y1;
	case DP_QUARTER:
		return (y2 - y1) * 4 + (m2 - 1) / 3 - (m1 - 1) / 3;
	case DP_MONTH:
		return (y2 - y1) * 12 + m2 - m1;
	case DP_WEEK:
	case DP_ISOWEEK:
		return week_of(to->t.days) - week_of(from->t.days);
	case DP_NANOSECOND:
		return (cell_ticks(to) - cell_ticks(from)) * 100;
	default:
		break;
	}
	length = length_of(part);
	return length ? cell_ticks(to) / length - cell_ticks(from) / length : 0;
}

static int iso_week(const struct tds_value *v)
{
	int y, m, d, thursday = v->t.days - v->t.days % 7 + 3;

	engine_civil(thursday, &y, &m, &d);
	return (thursday - engine_days(y, 1, 1)) / 7 + 1;
}

int64_t engine_datepart(enum datepart part, const struct tds_value *v)
{
	int y, m, d;
	int64_t ticks = (int64_t)v->t.ticks, fraction = ticks % (int64_t)TDS_TICKS_PER_SECOND;

	engine_civil(v->t.days, &y, &m, &d);
	switch (part) {
	case DP_YEAR:
		return y;
	case DP_QUARTER:
		return (m - 1) / 3 + 1;
	case DP_MONTH:
		return m;
	case DP_DAY:
		return d;
	case DP_DAYOFYEAR:
		return v->t.days - engine_days(y, 1, 1) + 1;
	case DP_WEEK:
		return week_of(v->t.days) - week_of(engine_days(y, 1, 1)) + 1;
	case DP_WEEKDAY:
		return (v->t.days + 1) % 7 + 1;
	case DP_ISOWEEK:
		return iso_week(v);
	case DP_HOUR:
		return ticks / length_of(DP_HOUR);
	case DP_MINUTE:
		return ticks / length_of(DP_MINUTE) % 60;
	case DP_SECOND:
		return ticks / length_of(DP_SECOND) % 60;
	case DP_MILLISECOND:
		return fraction / 10000;
	case DP_MICROSECOND:
		return fraction / 10;
	case DP_NANOSECOND:
		return fraction * 100;
	case DP_TZOFFSET:
		return v->t.offset;
	default:
		return 0;
	}
}

const char *engine_datename(enum datepart part, const struct tds_value *v, char out[32])
{
	int64_t n = engine_datepart(part, v);

	if (part == DP_MONTH)
		return months[n - 1];
	if (part == DP_WEEKDAY)
		return weekdays[n - 1];
	snprintf(out, 32, "%lld", (long long)n);
	return out;
}

/* --- to a type's grid --- */

bool engine_round_time(const struct tds_column *t, struct tds_value *v)
{
	int16_t offset = v->t.offset;
	int64_t ticks = cell_ticks(v), unit, max = (TDS_DAYS_MAX + 1LL) * TICKS_PER_DAY;

	if (t->type == TDS_DATETIMN && t->size == 8) {
		int64_t units = (int64_t)tds_datetime_units(v->t.ticks);

		if (units >= (int64_t)TDS_DATETIME_UNITS_PER_DAY) {
			v->t.days++;
			units = 0;
		}
		/* the milliseconds that are shown: .000, .003, .007 */
		v->t.ticks = (uint64_t)((units * 10 + 1) / 3) * 10000;
		return v->t.days >= TDS_DAYS_1753 && v->t.days <= TDS_DAYS_MAX;
	}
	unit = t->type == TDS_DATETIMN ? 60 * (int64_t)TDS_TICKS_PER_SECOND
				       : tds_time_unit(t->scale);
	ticks = (ticks + unit / 2) / unit * unit;
	if (engine_type_class(t) == TC_TIME)
		ticks %= TICKS_PER_DAY;
	if (ticks >= max)
		ticks -= unit;
	value_of_ticks(ticks, v);
	v->t.offset = offset;
	return t->type != TDS_DATETIMN ||
	       (v->t.days >= TDS_DAYS_1900 && v->t.days <= TDS_DAYS_1900 + 65535);
}

/* --- printing --- */

struct shown {
	int y, m, d, h, mi, s;
	char fraction[8]; /* digits of the type, may be empty */
	int ms;
};

static void take_apart(const struct tds_column *t, const struct tds_value *v, struct shown *s)
{
	struct tds_value local = *v;
	int64_t f;
	unsigned scale = t->type == TDS_DATETIMN ? (t->size == 8 ? 3 : 0) : t->scale;

	if (engine_type_class(t) == TC_OFFSET)
		value_of_ticks(
			cell_ticks(v) + v->t.offset * 60LL * (int64_t)TDS_TICKS_PER_SECOND, &local);
	engine_civil(local.t.days, &s->y, &s->m, &s->d);
	s->h = (int)engine_datepart(DP_HOUR, &local);
	s->mi = (int)engine_datepart(DP_MINUTE, &local);
	s->s = (int)engine_datepart(DP_SECOND, &local);
	f = (int64_t)(local.t.ticks % TDS_TICKS_PER_SECOND);
	s->ms = (int)(f / 10000);
	snprintf(s->fraction, sizeof(s->fraction), "%07d", (int)f);
	s->fraction[scale > 7 ? 7 : scale] = '\0';
}

static size_t print_offset(const struct tds_value *v, bool zulu, char *out, size_t size)
{
	int o = v->t.offset;

	if (zulu)
		return (size_t)snprintf(out, size, "Z");
	return (size_t)snprintf(out, size, "%c%02d:%02d", o < 0 ? '-' : '+', (o < 0 ? -o : o) / 60,
		(o < 0 ? -o : o) % 60);
}

static size_t print_date(const struct shown *s, int style, char *out)
{
	const char *mon = months[s->m - 1];
	int yy = s->y % 100;

	switch (style) {
	case 1:
		return (size_t)snprintf(out, 48, "%02d/%02d/%02d", s->m, s->d, yy);
	case 101:
		return (size_t)snprintf(out, 48, "%02d/%02d/%04d", s->m, s->d, s->y);
	case 102:
		return (size_t)snprintf(out, 48, "%04d.%02d.%02d", s->y, s->m, s->d);
	case 103:
		return (size_t)snprintf(out, 48, "%02d/%02d/%04d", s->d, s->m, s->y);
	case 104:
		return (size_t)snprintf(out, 48, "%02d.%02d.%04d", s->d, s->m, s->y);
	case 105:
		return (size_t)snprintf(out, 48, "%02d-%02d-%04d", s->d, s->m, s->y);
	case 106:
		return (size_t)snprintf(out, 48, "%02d %.3s %04d", s->d, mon, s->y);
	case 107:
		return (size_t)snprintf(out, 48, "%.3s %02d, %04d", mon, s->d, s->y);
	case 110:
		return (size_t)snprintf(out, 48, "%02d-%02d-%04d", s->m, s->d, s->y);
	case 111:
		return (size_t)snprintf(out, 48, "%04d/%02d/%02d", s->y, s->m, s->d);
	case 12:
		return (size_t)snprintf(out, 48, "%02d%02d%02d", yy, s->m, s->d);
	case 112:
		return (size_t)snprintf(out, 48, "%04d%02d%02d", s->y, s->m, s->d);
	case 0:
	case 100:
	case 9:
	case 109:
		return (size_t)snprintf(out, 48, "%.3s %2d %04d", mon, s->d, s->y);
	case 13:
	case 113:
		return (size_t)snprintf(out, 48, "%02d %.3s %04d", s->d, mon, s->y);
	default:
		return (size_t)snprintf(out, 48, "%04d-%02d-%02d", s->y, s->m, s->d);
	}
}

static size_t print_clock(const struct tds_column *t, const struct shown *s, int style, char *out)
{
	int h12 = s->h % 12 ? s->h % 12 : 12;
	const char *half = s->h < 12 ? "AM" : "PM", *dot = s->fraction[0] ? "." : "";
	bool short_t = (style == 126 || style == 127) && t->type == TDS_DATETIMN && s->ms == 0;

	switch (style) {
	case 0:
	case 100:
		return (size_t)snprintf(out, 32, "%2d:%02d%s", h12, s->mi, half);
	case 9:
	case 109:
		return (size_t)snprintf(
			out, 32, "%2d:%02d:%02d:%s%s", h12, s->mi, s->s, s->fraction, half);
	case 8:
	case 24:
	case 108:
	case 20:
	case 120:
		return (size_t)snprintf(out, 32, "%02d:%02d:%02d", s->h, s->mi, s->s);
	case 13:
	case 113:
	case 14:
	case 114:
		return (size_t)snprintf(
			out, 32, "%02d:%02d:%02d:%s", s->h, s->mi, s->s, s->fraction);
	default:
		return (size_t)snprintf(out, 32, "%02d:%02d:%02d%s%s", s->h, s->mi, s->s,
			short_t ? "" : dot, short_t ? "" : s->fraction);
	}
}

/* Styles that have one of the two only. */
static bool date_only(int style)
{
	return (style >= 1 && style <= 7) || (style >= 10 && style <= 12) || style == 23 ||
	       (style >= 101 && style <= 107) || (style >= 110 && style <= 112);
}

size_t engine_print_time(
	const struct tds_column *t, const struct tds_value *v, int style, char out[64])
{
	enum type_class class = engine_type_class(t);
	struct shown s;
	size_t n = 0;
	bool time_only = style == 8 || style == 24 || style == 108 || style == 14 || style == 114;

	if (style < 0)
		style = class == TC_DATETIME && t->type == TDS_DATETIMN ? 0 : 121;
	else if (style == 0 && t->type != TDS_DATETIMN)
		style = 121;
	take_apart(t, v, &s);
	if (class != TC_TIME && !time_only)
		n = print_date(&s, style, out);
	if (class == TC_DATE || (date_only(style) && class != TC_TIME))
		return n;
	if (n)
		out[n++] = style == 126 || style == 127 ? 'T' : ' ';
	n += print_clock(t, &s, style, out + n);
	if (class == TC_OFFSET && !(style == 0 || style == 100)) {
		if (style != 126 && style != 127)
			out[n++] = ' ';
		n += print_offset(v, style == 127, out + n, 64 - n);
	}
	out[n] = '\0';
	return n;
}
