#include "work/watermark.h"

#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "tds/value.h"

#define TICKS_PER_MS (TDS_TICKS_PER_SECOND / 1000)
#define DATE_LEN     10 /* 2024-02-29 */
#define MINUTES_LEN  16 /* 2024-02-29T12:00 */
#define SECONDS_LEN  19

int watermark_print(
	const struct db_value *value, struct arena *a, const char **ret_text, struct err *err)
{
	char text[NUMBER_PRINT_MAX];

	switch (value->type) {
	case DB_INT:
		number_print_int(value->i, text);
		break;
	case DB_REAL:
		if (!isfinite(value->r))
			return err_set(err, ERR_DATA, "infinity is no watermark");
		number_print_double(value->r, text);
		break;
	case DB_TEXT:
		if (memchr(value->s.data, 0, value->s.len))
			return err_set(err, ERR_DATA, "a text with NUL characters is no watermark");
		*ret_text = arena_strndup(a, (const char *)value->s.data, value->s.len);
		return 0;
	case DB_BLOB:
	case DB_NULL:
		return err_set(err, ERR_DATA, "bytes are no watermark");
	}
	*ret_text = arena_strdup(a, text);
	return 0;
}

int watermark_parse(const char *text, bool number, struct db_value *ret_value, struct err *err)
{
	size_t len = strlen(text);
	struct db_value v = {.type = DB_TEXT, .s = {(const uint8_t *)text, len}};

	if (number && number_parse_int(text, len, &v.i) == NUMBER_OK)
		v.type = DB_INT;
	else if (number && number_parse_double(text, len, &v.r) == NUMBER_OK)
		v.type = DB_REAL;
	else if (number)
		return err_set(err, ERR_DATA,
			"the last watermark '%s' is not a number, as the column is", text);
	*ret_value = v;
	return 0;
}

/* --- numbers --- */

static int before_number(
	const struct db_value *value, const char *lookback, struct db_value *ret, struct err *err)
{
	struct db_value back, v = *value;

	if (watermark_parse(lookback, true, &back, err) < 0) {
		err_set(err, ERR_CONFIG, "lookback = %s is no number, and the watermark is one",
			lookback);
		return err_hint(err, "give it in the column's unit");
	}
	if (back.type == DB_INT ? back.i < 0 : back.r < 0)
		return err_set(err, ERR_CONFIG, "lookback = %s is less than nothing", lookback);
	if (v.type == DB_INT && back.type == DB_REAL) {
		back.i = back.r < 0x1p62 ? (int64_t)ceil(back.r) : INT64_MAX;
		back.type = DB_INT;
	}
	if (v.type == DB_REAL)
		v.r -= back.type == DB_INT ? (double)back.i : back.r;
	else if (__builtin_sub_overflow(v.i, back.i, &v.i))
		v.i = INT64_MIN;
	*ret = v;
	return 0;
}

/* --- times --- */

/* How a time is written. */
struct writing {
	size_t date_and_time; /* its length, without what follows */
	struct tds_column as;
};

/* What may follow the time: nothing, Z, an offset. */
static bool is_zone(const char *s)
{
	if (*s == 'Z' || *s == 'z')
		return s[1] == '\0';
	if (*s == '+' || *s == '-')
		return s[1] && s[1 + strspn(s + 1, "0123456789:")] == '\0';
	return *s == '\0';
}

/* Digits of a second that are more than 100 ns are left out: what is shorter sorts first. */
static bool read_writing(const char *text, struct writing *w)
{
	size_t n = DATE_LEN, digits = 0;

	if (strlen(text) < DATE_LEN)
		return false;
	*w = (struct writing){.as = {.name = "", .type = TDS_DATEN, .size = 3}};
	if (text[n]) {
		n += strspn(text + n, "T ");
		n += strspn(text + n, "0123456789:");
		w->as.type = TDS_DATETIME2N;
	}
	if (n == SECONDS_LEN && text[n] == '.') {
		digits = strspn(text + n + 1, "0123456789");
		w->as.scale = digits < TDS_SCALE_MAX ? (uint8_t)digits : TDS_SCALE_MAX;
		if (!is_zone(text + n + 1 + digits))
			return false;
		n += 1 + w->as.scale;
	} else if (!is_zone(text + n)) {
		return false;
	}
	w->date_and_time = n;
	return n == DATE_LEN || n == MINUTES_LEN || n >= SECONDS_LEN;
}

static int no_time(const char *text, struct err *err)
{
	err_set(err, ERR_CONFIG,
		"lookback is a duration, and the watermark " ERR_VALUE
		" is no ISO 8601 date or time");
	err_value(err, text, strlen(text));
	return err_hint(err, "such as 2024-02-29, 2024-02-29 12:00:00 or 2024-02-29T12:00:00.000Z");
}

static const char *print(
	const struct writing *w, const struct tds_value *v, const char *like, struct arena *a)
{
	char out[TDS_PRINT_MAX];
	const char *zone = like + w->date_and_time;

	tds_value_print(&w->as, v, out);
	if (w->date_and_time > DATE_LEN)
		out[DATE_LEN] = like[DATE_LEN];
	zone += strspn(zone, "0123456789");
	return arena_printf(a, "%.*s%s", (int)w->date_and_time, out, zone);
}

static int before_text(
	const char *text, const char *lookback, struct arena *a, const char **ret, struct err *err)
{
	struct err ignored = ERR_INIT;
	struct writing w;
	struct tds_value v;
	int64_t ms, ticks;

	if (text_parse_duration(lookback, &ms) || ms < 0) {
		err_set(err, ERR_CONFIG,
			"lookback = %s is no duration, and the watermark is a text", lookback);
		return err_hint(err, "write it as 90s, 15m, 2h or 1d");
	}
	if (!read_writing(text, &w) ||
		tds_value_parse(&w.as, text, w.date_and_time, &v, &ignored) < 0)
		return no_time(text, err);
	/* both are below 2^63: 9999 years of ticks, and the rest is cut at year 1 */
	ticks = v.t.days * (int64_t)TDS_TICKS_PER_DAY +
		(w.as.type == TDS_DATEN ? 0 : (int64_t)v.t.ticks);
	ticks = ms < ticks / (int64_t)TICKS_PER_MS ? ticks - ms * (int64_t)TICKS_PER_MS : 0;
	v.t.days = (int32_t)(ticks / (int64_t)TDS_TICKS_PER_DAY);
	v.t.ticks = (uint64_t)(ticks % (int64_t)TDS_TICKS_PER_DAY);
	*ret = print(&w, &v, text, a);
	if (strcmp(*ret, text) > 0) /* a digit that was left out sorts before a zone */
		*ret = text;
	return 0;
}

int watermark_before(const struct db_value *value, const char *lookback, struct arena *a,
	struct db_value *ret_value, struct err *err)
{
	const char *text, *earlier;

	if (value->type == DB_INT || value->type == DB_REAL)
		return before_number(value, lookback, ret_value, err);
	text = arena_strndup(a, (const char *)value->s.data, value->s.len);
	if (before_text(text, lookback, a, &earlier, err) < 0)
		return -1;
	*ret_value = (struct db_value){
		.type = DB_TEXT, .s = {(const uint8_t *)earlier, strlen(earlier)}};
	return 0;
}
