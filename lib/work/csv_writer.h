/*
 * csv_writer - rows as records of CSV (RFC 4180), in UTF-8.
 *
 * What csv.h reads back: a field is quoted when it has a delimiter, quote, escape or
 * line end, or is the null text without being null. Every type becomes text as
 * tds/convert.h says. What the format cannot write (no quotes, and a value that needs
 * them) is ERR_DATA. Pure.
 */
#ifndef WORK_CSV_WRITER_H
#define WORK_CSV_WRITER_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/settings.h"
#include "tds/type.h"
#include "work/digest.h"

struct csv_writer;

/* All borrowed. ERR_CONFIG for a column that has no text. `digest` (NULL: none) adds the rows up.
 */
MUST_CHECK int csv_writer_new(const struct tds_columns *cols, const struct csv_format *format,
	struct digest *digest, struct csv_writer **ret_writer, struct err *err);
void csv_writer_free(struct csv_writer *w); /* NULL is fine */

/* Appends the record of names. */
MUST_CHECK int csv_writer_header(struct csv_writer *w, struct buf *out, struct err *err);

/* Appends the row at *p, which ends before `end`, and moves *p behind it. After ERR_DATA about a
 * value *p is behind the row, too, *ret_column says which one, and nothing was appended or added
 * up. */
MUST_CHECK int csv_writer_row(struct csv_writer *w, const uint8_t **p, const uint8_t *end,
	struct buf *out, uint32_t *ret_column, struct err *err);

/* The field of the last row's column in its record: where its text is in `out`. */
uint32_t csv_writer_n(const struct csv_writer *w);
size_t csv_writer_field(const struct csv_writer *w, uint32_t column);

/* --- what rows are added up as --- */

/* The same cells in the same order have the same digest, however they are written. */
void csv_digest_cell(struct buf *cells, bool null, const void *text, size_t len);
void csv_digest_row(struct digest *d, struct buf *cells); /* which is empty again */

#endif
