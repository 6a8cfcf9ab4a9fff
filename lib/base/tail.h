/*
 * tail - the last bytes of a stream that may be endless.
 *
 * A ring that grows up to its maximum and then forgets from the front. What is
 * taken out begins with a whole line where something was forgotten.
 */
#ifndef BASE_TAIL_H
#define BASE_TAIL_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

struct tail {
	char *data;
	size_t cap, max; /* bytes */
	uint64_t total;  /* bytes that ever came; the last `cap` of them are in `data` */
};

#define TAIL_INIT(maximum)       \
	{                        \
		.max = (maximum) \
	}

void tail_release(struct tail *t);

/* Where the next bytes go: at least one, at most *ret_len; tail_advance says how many came. */
char *tail_room(struct tail *t, size_t *ret_len);
void tail_advance(struct tail *t, size_t n);

void tail_add(struct tail *t, const void *data, size_t len);

/* Appends what is kept to `out`, and returns how many bytes before it are not. When some are not,
 * it begins behind a line's end, unless one line is all there is. */
uint64_t tail_text(const struct tail *t, struct buf *out);

#endif
