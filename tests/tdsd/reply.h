/*
 * reply - what the engine gives, as the tokens of an answer.
 *
 * In a batch statements end in DONE, in a procedure in DONEINPROC. All but the last
 * say that more comes, so each is held until something follows.
 */
#ifndef TDSD_REPLY_H
#define TDSD_REPLY_H

#include <stdbool.h>

#include "tests/tdsd/conn.h"
#include "tests/tdsd/engine.h"
#include "tests/tdsd/token.h"

struct reply {
	struct conn *c;
	bool in_procedure;
	bool holds; /* `held` is still to be written */
	struct done held;
	struct tds_columns columns; /* of the result in work; borrowed from the engine */
	bool cancelled;             /* by an attention, or the client is gone */
	bool has_status;
	int32_t status;
	bool failed; /* an ERROR was written */
	uint16_t ordinal;
};

extern const struct engine_out reply_functions; /* arg: struct reply */

void reply_begin(struct reply *r, struct conn *c, bool in_procedure);
/* Writes what is held, with `more` to come or not. */
void reply_settle(struct reply *r, bool more);
/* Ends a batch: the last DONE, or the one of an attention. False when the connection is broken. */
bool reply_end(struct reply *r);

void reply_error(struct reply *r, int32_t number, uint8_t severity, uint8_t state, const char *fmt,
	...) PRINTF(5, 6);

#endif
