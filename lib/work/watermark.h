/*
 * watermark - how far a column that only grows was read, as text.
 *
 * The text is kept in the target's ledger. It reads back as the same value:
 * an integer as its digits, other numbers with the fewest digits that mean
 * them, text as it is. Pure.
 */
#ifndef WORK_WATERMARK_H
#define WORK_WATERMARK_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"
#include "db/db.h"

/* An integer, another number or a text; ERR_DATA for the others: bytes, infinity. */
MUST_CHECK int watermark_print(
	const struct db_value *value, struct arena *a, const char **ret_text, struct err *err);

/* The value that `text` stands for beside values that are numbers, or texts. ERR_DATA when the text
 * is no number. It borrows the text. */
MUST_CHECK int watermark_parse(
	const char *text, bool number, struct db_value *ret_value, struct err *err);

/*
 * The value that lies `lookback` before: "1000" or "0.5" before a number, "15m", "2h", "1d" before
 * a text that is an ISO 8601 date or time, written like it (a date goes back whole days). Never
 * later than that, and not before year 1. ERR_CONFIG when the one does not go with the other.
 */
MUST_CHECK int watermark_before(const struct db_value *value, const char *lookback, struct arena *a,
	struct db_value *ret_value, struct err *err);

#endif
