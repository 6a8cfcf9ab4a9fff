/*
 * engine_time - dates and times of T-SQL: DATEADD, DATEDIFF, DATEPART, text.
 *
 * Pure.
 */
#ifndef TDSD_ENGINE_TIME_H
#define TDSD_ENGINE_TIME_H

#include "tests/tdsd/engine_value.h"

enum datepart {
	DP_YEAR,
	DP_QUARTER,
	DP_MONTH,
	DP_DAYOFYEAR,
	DP_DAY,
	DP_WEEK,
	DP_WEEKDAY,
	DP_ISOWEEK,
	DP_HOUR,
	DP_MINUTE,
	DP_SECOND,
	DP_MILLISECOND,
	DP_MICROSECOND,
	DP_NANOSECOND,
	DP_TZOFFSET,
	DP_NONE,
};

/* By name or abbreviation, case ignored. */
enum datepart datepart_parse(const char *word);

/* False: out of range. */
bool engine_dateadd(enum datepart part, int64_t n, struct tds_value *v);
int64_t engine_datediff(
	enum datepart part, const struct tds_value *from, const struct tds_value *to);
int64_t engine_datepart(enum datepart part, const struct tds_value *v);
/* DATENAME: months and weekdays in English. */
const char *engine_datename(enum datepart part, const struct tds_value *v, char out[32]);

int32_t engine_days(int year, int month, int day); /* since 0001-01-01; -1: no such day */
void engine_civil(int32_t days, int *year, int *month, int *day);
#define ENGINE_TICKS_LAST 3155378975999999999LL /* 9999-12-31 23:59:59.9999999 */
int64_t engine_now_ticks(void); /* UTC, of 100 ns since 0001-01-01 */

/* To the scale or grid of a type, rounded; false: out of range. */
bool engine_round_time(const struct tds_column *t, struct tds_value *v);

#endif
