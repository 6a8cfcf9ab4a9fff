/*
 * fragment - a row that is larger than a batch, given in pieces (batch.h).
 *
 * The row is encoded as a whole into memory of its own; each piece then fills an
 * empty batch.
 */
#ifndef WORK_FRAGMENT_H
#define WORK_FRAGMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "work/batch.h"

struct fragment {
	struct buf row;
	uint64_t number; /* of the row, 0-based */
	size_t sent;
};

void fragment_release(struct fragment *f);

/* Memory for a row of at most `size` bytes; fragment_set says which it is and how many it has. */
uint8_t *fragment_room(struct fragment *f, size_t size);
void fragment_set(struct fragment *f, uint64_t number, size_t len);

/* Are there pieces to be given? */
static inline bool fragment_waits(const struct fragment *f)
{
	return f->row.len != 0;
}

/* The next piece, into an empty batch. A row that fits one batch is a whole row in it. */
void fragment_take(struct fragment *f, struct batch *b);

#endif
