/*
 * expand - the ROW and NBCROW tokens of an answer as rows in flight.
 *
 * NBCROW must not appear in bulk data (MS-TDS 2.2.7.15): its nulls become those of
 * row.h, everything else is copied. Both sides may be cut anywhere: input at the ends
 * of packets, output at the ends of batches. Pure: no I/O, no allocation but the
 * expander.
 */
#ifndef TDS_EXPAND_H
#define TDS_EXPAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "tds/type.h"

struct tds_expander;
struct tds_expander *tds_expander_new(const struct tds_columns *cols); /* which it borrows */
void tds_expander_free(struct tds_expander *x); /* NULL is fine */

/* Is a row begun and not ended? */
bool tds_expander_in_row(const struct tds_expander *x);

enum tds_expand_end {
	TDS_EXPAND_INPUT, /* all of it was used */
	TDS_EXPAND_ROOM,  /* the output is full, or has its rows; the row goes on, or another may begin */
	TDS_EXPAND_OTHER, /* what comes next is another token */
};

struct tds_expanded {
	size_t used, written;
	uint32_t rows;  /* that ended, */
	size_t row_end; /* and where in the output the last of them did */
	enum tds_expand_end end;
};

/* From in[0, len) to out[0, room), until max_rows have ended. ERR_DATA where the bytes are no rows. */
MUST_CHECK int tds_expand(struct tds_expander *x, const uint8_t *in, size_t len, uint8_t *out, size_t room,
	uint32_t max_rows, struct tds_expanded *ret, struct err *err);

#endif
