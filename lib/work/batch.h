/*
 * batch - rows on their way from a reader to a writer.
 *
 * One owner at a time: reader, ring or writer. Rows (tds/row.h) stand back to
 * back; a row of up to BATCH_SIZE bytes never spans batches. A larger one is
 * cut into fragments that fill batches of their own.
 */
#ifndef WORK_BATCH_H
#define WORK_BATCH_H

#include <stdint.h>

#include "base/mem.h"

#define BATCH_SIZE (256u * 1024)

/* What a batch holds when it does not hold whole rows: one fragment of one row. */
enum batch_cont {
	BATCH_PART = 1,	 /* a fragment, */
	BATCH_FIRST = 2, /* the row's first one, */
	BATCH_MORE = 4,	 /* another one follows */
};

struct batch {
	uint8_t *data;
	uint32_t len, cap;
	uint32_t rows;	    /* rows that begin in this batch */
	uint8_t cont;	    /* enum batch_cont; 0: whole rows */
	uint64_t first_row; /* 0-based number of the first row that begins here */
	uint64_t bytes_in;  /* bytes of the source behind this batch, for progress */
};

void batch_init(struct batch *b);
void batch_release(struct batch *b);
void batch_reset(struct batch *b);

static inline uint32_t batch_room(const struct batch *b)
{
	return b->cap - b->len;
}

#endif
