/*
 * reject - rows that cannot be loaded: counted and kept, never dropped.
 *
 * One collection per attempt, filled by readers and writers at the same time, and
 * stored by the target in the transaction that publishes, or with the end of the
 * run that they have failed. What may be written down of a row is the job's
 * reject_values (docs/design.md §3, rule 10). Memory is bounded by its reject_limit.
 */
#ifndef WORK_REJECT_H
#define WORK_REJECT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "job/job.h"

#define REJECT_TEXT_MAX 1024 /* bytes of a value or a key that are kept */

struct reject {
	uint64_t row;	    /* of the source, from 1 */
	const char *column; /* NULL: the row as such */
	const char *key;    /* values of the key columns; NULL: not known, or not to be kept */
	const char *value;  /* NULL: likewise */
	const char *reason;
};

struct rejects;

struct rejects *rejects_new(const struct job *job); /* borrowed */
void rejects_free(struct rejects *r); /* NULL is fine */

/* `why` is the error of this row, with err_value() where it is about one; column and key may be NULL. 0: the
 * row is kept, go on with the next; `why` is cleared. -1: the job keeps none (`why` stays), or this is one
 * too many (it becomes ERR_DATA and says so). ERR_DATA only: any other error stays what it is. */
MUST_CHECK int rejects_add(struct rejects *r, uint64_t row, const char *column, const char *key,
	struct err *why);

uint64_t rejects_count(const struct rejects *r);
/* The source's number of the n-th row that was staged, `n` from 1, when the first `rejected` of the
 * collection were not. */
uint64_t rejects_row_of(const struct rejects *r, uint64_t rejected, uint64_t n);
/* Only when nobody adds any more. */
const struct reject *rejects_get(const struct rejects *r, uint64_t i);

#endif
