#include "base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NEAREST_NAME_MAX 64 /* longer names are not compared: the table is n × m */

struct unit {
	const char *name;
	int64_t factor;
};

/* From large to small, so that printing finds the largest that divides. */
static const struct unit durations[] = {
	{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
static const struct unit sizes[] = {
	{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"", 1}};

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

/* Optimal string alignment: insertions, deletions, substitutions, neighbours swapped. */
static size_t edit_distance(const char *a, const char *b)
{
	size_t row[3][NEAREST_NAME_MAX + 1];
	size_t *before = row[0], *last = row[1], *now = row[2], *spare;
	size_t la = strlen(a), lb = strlen(b);

	for (size_t j = 0; j <= lb; j++)
		last[j] = j;
	for (size_t i = 1; i <= la; i++) {
		now[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);

			now[j] = min3(last[j] + 1, now[j - 1] + 1, last[j - 1] + (ca != cb));
			if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
				tolower((unsigned char)a[i - 2]) == cb && before[j - 2] + 1 < now[j])
				now[j] = before[j - 2] + 1;
		}
		spare = before;
		before = last;
		last = now;
		now = spare;
	}
	return last[lb];
}

const char *text_nearest(const char *name, const char *const *candidates, size_t n)
{
	size_t len = strlen(name), limit = len < 3 ? 1 : (len + 2) / 3, best = limit + 1;
	const char *ret = NULL;

	if (len == 0 || len > NEAREST_NAME_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d;

		if (!candidates[i] || strlen(candidates[i]) > NEAREST_NAME_MAX)
			continue;
		d = edit_distance(name, candidates[i]);
		if (d < best) {
			best = d;
			ret = candidates[i];
		}
	}
	return ret;
}

int text_parse_int(const char *s, int64_t *ret_value)
{
	char *end;
	long long v;

	if (!isdigit((unsigned char)s[0]) && !(s[0] == '-' && isdigit((unsigned char)s[1])))
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno || *end)
		return -1;
	*ret_value = v;
	return 0;
}

int text_parse_bool(const char *s, bool *ret_value)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (strcasecmp(s, words[i]) == 0) {
			*ret_value = i % 2;
			return 0;
		}
	return -1;
}

/* A whole number and a unit, blanks between them allowed. */
static int parse_unit(const char *s, const struct unit *units, size_t n, int64_t *ret_value)
{
	char *end;
	long long v;

	if (!isdigit((unsigned char)s[0]))
		return -1;
	errno = 0;
	v = strtoll(s, &end, 10);
	if (errno)
		return -1;
	while (*end == ' ')
		end++;
	for (size_t i = 0; i < n; i++) {
		int64_t product;

		if (strcasecmp(end, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow((int64_t)v, units[i].factor, &product))
			return -1;
		*ret_value = product;
		return 0;
	}
	return -1;
}

int text_parse_duration(const char *s, int64_t *ret_ms)
{
	return parse_unit(s, durations, ARRAY_LEN(durations), ret_ms);
}

int text_parse_size(const char *s, int64_t *ret_bytes)
{
	return parse_unit(s, sizes, ARRAY_LEN(sizes), ret_bytes);
}

static const char *print_unit(int64_t v, const struct unit *units, size_t n, struct arena *a)
{
	size_t i = 0;

	while (i < n - 1 && (v == 0 || v % units[i].factor != 0))
		i++;
	return arena_printf(a, "%" PRId64 "%s", v / units[i].factor, units[i].name);
}

const char *text_print_duration(int64_t ms, struct arena *a)
{
	return ms == 0 ? "0s" : print_unit(ms, durations, ARRAY_LEN(durations), a);
}

const char *text_print_size(int64_t bytes, struct arena *a)
{
	return print_unit(bytes, sizes, ARRAY_LEN(sizes), a);
}

const char *text_count(uint64_t n, char *out, size_t size)
{
	char digits[24];
	size_t len = (size_t)snprintf(digits, sizeof(digits), "%" PRIu64, n), o = 0;

	for (size_t i = 0; i < len; i++) {
		bool comma = i > 0 && (len - i) % 3 == 0;

		if (o + comma + 1 >= size)
			break;
		if (comma)
			out[o++] = ',';
		out[o++] = digits[i];
	}
	if (size)
		out[o] = '\0';
	return out;
}

const char *text_bytes(uint64_t n, char *out, size_t size)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
	double v = (double)n;
	size_t i = 0;

	while (v >= 999.95 && i < ARRAY_LEN(units) - 1) {
		v /= 1000;
		i++;
	}
	snprintf(out, size, i ? "%.1f %s" : "%.0f %s", v, units[i]);
	return out;
}

const char *text_elapsed(int64_t ms, char *out, size_t size)
{
	int64_t s = ms / 1000;

	if (ms < 1000)
		snprintf(out, size, "%" PRId64 " ms", ms);
	else if (s < 60)
		snprintf(out, size, "%" PRId64 ".%" PRId64 " s", s, ms / 100 % 10);
	else if (s < 3600)
		snprintf(out, size, "%" PRId64 "m %02" PRId64 "s", s / 60, s % 60);
	else
		snprintf(out, size, "%" PRId64 "h %02" PRId64 "m", s / 3600, s / 60 % 60);
	return out;
}

const char *text_plural(uint64_t n, const char *thing, char *out, size_t size)
{
	char count[32];

	snprintf(out, size, "%s %s%s", text_count(n, count, sizeof(count)), thing, n == 1 ? "" : "s");
	return out;
}
