/* SQLite functions: dates and times. */
#include <string.h>

#include "tests/tdsd/engine_private.h"
#include "tests/tdsd/engine_time.h"

static void type_arg(sqlite3_value *v, struct tds_column *ret)
{
	engine_type_decode((const char *)sqlite3_value_text(v), ret);
}

static bool any_null(int n, sqlite3_value **v)
{
	for (int i = 0; i < n; i++)
		if (sqlite3_value_type(v[i]) == SQLITE_NULL)
			return true;
	return false;
}

/* The local time of what a cell says. */
static void local_time(const struct tds_column *t, sqlite3_value *v, struct tds_value *ret)
{
	struct cell c = cell_of_value(v);
	int16_t offset;

	*ret = cell_load(t, &c);
	if (engine_type_class(t) == TC_TIME)
		ret->t.days = TDS_DAYS_1900;
	if (engine_type_class(t) != TC_OFFSET)
		return;
	offset = ret->t.offset;
	value_of_ticks(cell_ticks(ret) + offset * 60LL * (int64_t)TDS_TICKS_PER_SECOND, ret);
	ret->t.offset = offset;
}

static void give(sqlite3_context *context, const struct tds_column *t, const struct tds_value *v)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	struct cell c = cell_store(t, v, &a);

	cell_result(context, &c);
}

/* t_dateadd(part, n, value, type) */
static void f_dateadd(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct tds_column t;
	struct tds_value value;
	enum datepart part = (enum datepart)sqlite3_value_int(v[0]);
	int16_t offset;

	if (any_null(n, v))
		return;
	type_arg(v[3], &t);
	local_time(&t, v[2], &value);
	offset = engine_type_class(&t) == TC_OFFSET ? value.t.offset : 0;
	if (!engine_dateadd(part, sqlite3_value_int64(v[1]), &value)) {
		(void)tsql_fail(&function_session(context)->error, 517, engine_type_name(&t));
		function_fail(context);
		return;
	}
	if (offset) {
		value_of_ticks(
			cell_ticks(&value) - offset * 60LL * (int64_t)TDS_TICKS_PER_SECOND, &value);
		value.t.offset = offset;
	}
	if (engine_type_class(&t) != TC_DATE && !engine_round_time(&t, &value)) {
		(void)tsql_fail(&function_session(context)->error, 517, engine_type_name(&t));
		function_fail(context);
		return;
	}
	give(context, &t, &value);
}

/* t_datediff(part, a, type, b, type, big) */
static void f_datediff(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct tds_column ta, tb;
	struct tds_value a, b;
	int64_t r;

	if (any_null(n, v))
		return;
	type_arg(v[2], &ta);
	type_arg(v[4], &tb);
	local_time(&ta, v[1], &a);
	local_time(&tb, v[3], &b);
	r = engine_datediff((enum datepart)sqlite3_value_int(v[0]), &a, &b);
	if (!sqlite3_value_int(v[5]) && (r > INT32_MAX || r < INT32_MIN)) {
		(void)tsql_fail(&function_session(context)->error, 535, "datediff");
		function_fail(context);
		return;
	}
	sqlite3_result_int64(context, r);
}

static void f_datepart(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct tds_column t;
	struct tds_value value;

	if (any_null(n, v))
		return;
	type_arg(v[2], &t);
	local_time(&t, v[1], &value);
	sqlite3_result_int64(
		context, engine_datepart((enum datepart)sqlite3_value_int(v[0]), &value));
}

static void f_datename(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct tds_column t;
	struct tds_value value;
	char out[32];

	if (any_null(n, v))
		return;
	type_arg(v[2], &t);
	local_time(&t, v[1], &value);
	sqlite3_result_text(context,
		engine_datename((enum datepart)sqlite3_value_int(v[0]), &value, out), -1,
		SQLITE_TRANSIENT);
}

/* t_eomonth(value, type, months) */
static void f_eomonth(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct tds_column t, date = {.type = TDS_DATEN, .size = 3};
	struct tds_value value;
	int y, m, d;

	if (any_null(n, v))
		return;
	type_arg(v[1], &t);
	local_time(&t, v[0], &value);
	value.t.ticks = 0;
	if (!engine_dateadd(DP_MONTH, sqlite3_value_int64(v[2]), &value))
		return;
	engine_civil(value.t.days, &y, &m, &d);
	for (d = 31; engine_days(y, m, d) < 0; d--)
		;
	value.t.days = engine_days(y, m, d);
	give(context, &date, &value);
}

static bool offset_arg(sqlite3_value *v, int *ret)
{
	const char *s = (const char *)sqlite3_value_text(v);
	int h = 0, m = 0;

	if (!s || (s[0] != '+' && s[0] != '-') || strlen(s) != 6)
		return false;
	h = (s[1] - '0') * 10 + s[2] - '0';
	m = (s[4] - '0') * 10 + s[5] - '0';
	*ret = (s[0] == '-' ? -1 : 1) * (h * 60 + m);
	return true;
}

static void to_offset(sqlite3_context *context, sqlite3_value **v, bool keep_moment)
{
	struct tds_column t, to = {.type = TDS_DATETIMEOFFSETN, .size = 10, .scale = 7};
	struct tds_value value;
	struct cell c = cell_of_value(v[0]);
	int offset = 0;

	if (any_null(3, v))
		return;
	type_arg(v[1], &t);
	if (!offset_arg(v[2], &offset)) {
		(void)tsql_fail(&function_session(context)->error, 9812);
		function_fail(context);
		return;
	}
	value = cell_load(&t, &c);
	if (!keep_moment)
		value_of_ticks(
			cell_ticks(&value) - offset * 60LL * (int64_t)TDS_TICKS_PER_SECOND, &value);
	value.t.offset = (int16_t)offset;
	give(context, &to, &value);
}

static void f_switchoffset(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	to_offset(context, v, true);
}

static void f_tooffset(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	to_offset(context, v, false);
}

static void f_datefromparts(sqlite3_context *context, int n, sqlite3_value **v)
{
	int32_t days;

	if (any_null(n, v))
		return;
	days = engine_days(
		sqlite3_value_int(v[0]), sqlite3_value_int(v[1]), sqlite3_value_int(v[2]));
	if (days >= 0) {
		sqlite3_result_int(context, days);
	} else {
		(void)tsql_fail(&function_session(context)->error, 289, "date");
		function_fail(context);
	}
}

static void f_isdate(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct tds_value value;
	bool offset;
	const char *s = (const char *)sqlite3_value_text(v[0]);

	(void)n;
	sqlite3_result_int(context, s && *s &&
					    engine_parse_time(s, strlen(s), -1, &value, &offset) &&
					    value.t.days >= TDS_DAYS_1753);
}

/* t_adddays(value, days, size of the type) */
static void f_adddays(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct tds_column t = {.type = TDS_DATETIMN, .scale = 3};
	struct tds_value value;
	double days = sqlite3_value_double(v[1]) * (double)TDS_TICKS_PER_DAY +
		      (double)sqlite3_value_int64(v[0]);

	if (any_null(n, v))
		return;
	t.size = (uint32_t)sqlite3_value_int(v[2]);
	if (days < 0 || days > (double)(TDS_DAYS_MAX * (int64_t)TDS_TICKS_PER_DAY)) {
		(void)tsql_fail(&function_session(context)->error, 8115, "expression", "datetime");
		function_fail(context);
		return;
	}
	value_of_ticks((int64_t)days, &value);
	(void)engine_round_time(&t, &value);
	give(context, &t, &value);
}

static void f_now(sqlite3_context *context, int n, sqlite3_value **v)
{
	(void)n;
	(void)v;
	sqlite3_result_int64(context, engine_now_ticks());
}

static void f_now_offset(sqlite3_context *context, int n, sqlite3_value **v)
{
	struct tds_column t = {.type = TDS_DATETIMEOFFSETN, .size = 10, .scale = 7};
	struct tds_value value;

	(void)n;
	(void)v;
	value_of_ticks(engine_now_ticks(), &value);
	give(context, &t, &value);
}

int functions_register_dates(struct session *s)
{
	static const struct {
		const char *name;
		int args;
		sql_function *fn;
		bool pure;
	} functions[] = {{"t_dateadd", 4, f_dateadd, true}, {"t_datediff", 6, f_datediff, true},
		{"t_datepart", 3, f_datepart, true}, {"t_datename", 3, f_datename, true},
		{"t_eomonth", 3, f_eomonth, true}, {"t_switchoffset", 3, f_switchoffset, true},
		{"t_tooffset", 3, f_tooffset, true}, {"t_datefromparts", 3, f_datefromparts, true},
		{"t_isdate", 1, f_isdate, true}, {"t_adddays", 3, f_adddays, true},
		{"t_now", 0, f_now, false}, {"t_now_offset", 0, f_now_offset, false}};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++)
		if (function_add(s, functions[i].name, functions[i].args, functions[i].fn,
			    functions[i].pure))
			return -1;
	return 0;
}
