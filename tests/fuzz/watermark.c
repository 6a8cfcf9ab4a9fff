/*
 * A watermark and a lookback, a line each: what is read is printed and read back as the
 * same value, and what lies before it is never later, in numbers as in texts.
 */
#include "work/watermark.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

static double as_real(const struct db_value *v)
{
	return v->type == DB_INT ? (double)v->i : v->r;
}

static bool is_later(const struct db_value *a, const struct db_value *b)
{
	if (a->type == DB_INT && b->type == DB_INT)
		return a->i > b->i;
	return as_real(a) > as_real(b);
}

static void print_again(const struct db_value *v, struct arena *a)
{
	struct err err = ERR_INIT;
	struct db_value again;
	const char *text;

	if (watermark_print(v, a, &text, &err)) {
		if (err.code != ERR_DATA)
			abort();
		return;
	}
	if (watermark_parse(text, true, &again, &err))
		abort();
	if (is_later(&again, v) || is_later(v, &again))
		abort();
}

static void before_number(const char *text, const char *lookback, struct arena *a)
{
	struct err err = ERR_INIT;
	struct db_value v, before;

	if (watermark_parse(text, true, &v, &err)) {
		if (err.code != ERR_DATA)
			abort();
		return;
	}
	print_again(&v, a);
	if (watermark_before(&v, lookback, a, &before, &err)) {
		if (err.code != ERR_CONFIG)
			abort();
	} else if (is_later(&before, &v)) {
		abort();
	}
}

static void before_text(const char *text, const char *lookback, struct arena *a)
{
	struct err err = ERR_INIT;
	struct db_value v, before, again;

	if (watermark_parse(text, false, &v, &err) || v.type != DB_TEXT)
		abort();
	if (watermark_before(&v, lookback, a, &before, &err)) {
		if (err.code != ERR_CONFIG)
			abort();
		return;
	}
	if (before.type != DB_TEXT || before.s.len > v.s.len ||
		strcmp((const char *)before.s.data, text) > 0)
		abort();
	if (watermark_before(&before, "0s", a, &again, &err)) /* what it wrote it reads */
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	CLEANUP(arena_release) struct arena a = ARENA_INIT;
	char *text = arena_strndup(&a, (const char *)data, size);
	char *end = strchr(text, '\n');

	if (end)
		*end = '\0';
	before_number(text, end ? end + 1 : "", &a);
	before_text(text, end ? end + 1 : "", &a);
	return 0;
}
