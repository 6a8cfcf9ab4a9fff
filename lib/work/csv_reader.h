/*
 * csv_reader - the records of a table: of its one file, of all files of a pattern
 * one behind the other, or of standard input.
 *
 * Headers are not among them: the first file's is asked for, the others must have
 * the same names in the same order. Errors begin with the file's name and the place in
 * it. Reads in one thread; blocks as input.h says, and looks at `cancel` between.
 */
#ifndef WORK_CSV_READER_H
#define WORK_CSV_READER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/settings.h"
#include "work/csv.h"

struct csv_reader;

struct csv_reader_request {
	const struct connection *conn; /* all borrowed */
	const char *table;
	const struct csv_format *format;
	const atomic_bool *cancel;
	/* What becomes of a record with a wrong number of fields: 0 passes it over (`why` is cleared), -1
	 * makes it the error. NULL: always the error. */
	int (*malformed)(void *arg, struct err *why);
	void *arg;
};

MUST_CHECK int csv_reader_open(
	const struct csv_reader_request *request, struct csv_reader **ret_reader, struct err *err);
void csv_reader_close(struct csv_reader *r); /* NULL is fine */

/* The first record of the first file, before all others: 1, 0 when there is none, -1. */
MUST_CHECK int csv_reader_header(
	struct csv_reader *r, struct csv_record *ret_header, struct err *err);

/* From now on all records have n fields: see csv_expect. `names` NULL: the files have no headers,
 * else those of the first (borrowed). */
void csv_reader_expect(struct csv_reader *r, uint32_t n, const char *who, const char *const *names);

/* 1: a record, good until the next call; 0: all files ended, and are what they were when they were
 * opened, and in an earlier pass; -1. */
MUST_CHECK int csv_reader_next(
	struct csv_reader *r, struct csv_record *ret_record, struct err *err);

/* The next call of csv_reader_next gives this record, its last one, again. */
void csv_reader_back(struct csv_reader *r, const struct csv_record *record);

/* Before the first record once more. */
MUST_CHECK int csv_reader_rewind(struct csv_reader *r, struct err *err);

/* It can be rewound once, and what was read is kept in memory until then. */
bool csv_reader_is_stream(const struct csv_reader *r);

const char *csv_reader_file(const struct csv_reader *r); /* the name of the last record's */
uint64_t csv_reader_bytes(const struct csv_reader *r);   /* of files, read in this pass */
uint64_t csv_reader_size(const struct csv_reader *r);    /* of all of them; 0: not known */

#endif
