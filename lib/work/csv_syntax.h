/*
 * csv_syntax - the format of a connection or job, checked, as the parser and the
 * writer want it.
 *
 * The option table takes each word by itself; what they mean together is checked
 * here. Pure.
 */
#ifndef WORK_CSV_SYNTAX_H
#define WORK_CSV_SYNTAX_H

#include <stdbool.h>

#include "base/err.h"
#include "base/settings.h"
#include "work/csv.h"

/* ERR_CONFIG for characters that are the same, or a line end. */
MUST_CHECK int csv_syntax_of(
	const struct csv_format *format, struct csv_syntax *ret_syntax, struct err *err);

/* The first line names the columns. */
bool csv_has_header(const struct csv_format *format);

#endif
