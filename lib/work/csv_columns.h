/*
 * csv_columns - names and types of a CSV table's columns.
 *
 * Names come from the header, from the job's declared columns, or are numbers.
 * Types are the declared ones; the others are inferred over all records, in a
 * first pass. Standard input cannot be read twice: there the first
 * CSV_SAMPLE_BYTES or CSV_SAMPLE_ROWS decide, and the caller checks every record
 * against them (csv_columns_check). Memory does not grow with the number of records.
 */
#ifndef WORK_CSV_COLUMNS_H
#define WORK_CSV_COLUMNS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "tds/type.h"
#include "work/csv.h"
#include "work/csv_reader.h"

#define CSV_SAMPLE_BYTES (1024u * 1024)
#define CSV_SAMPLE_ROWS  10000

struct infer;

struct csv_columns {
	struct tds_columns list;
	uint32_t fields; /* of a record; the column behind them, if any, has the file's name */
	struct infer
		*sampled; /* NULL: all records were looked at. Else of each column what was seen */
	uint64_t sample;  /* records that were */
};

static inline bool csv_is_null(const struct csv_record *r, uint32_t i, const char *null, size_t len)
{
	const struct csv_field *f = &r->v[i];

	return !f->quoted && f->len == len && (len == 0 || memcmp(csv_text(r, i), null, len) == 0);
}

/* `declared` is the job's list, or NULL; the reader stands before its first record, then and
 * now. Everything lives in `a`. ERR_CONFIG for declared columns that are not there. */
MUST_CHECK int csv_columns_find(struct csv_reader *r, const char *declared,
	const struct csv_format *format, struct arena *a, struct csv_columns *ret_columns,
	struct err *err);

/* That the field is what the sample was. ERR_DATA, without its place. */
MUST_CHECK int csv_columns_check(
	struct csv_columns *c, const struct csv_record *r, uint32_t i, struct err *err);

#endif
