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

/* CurCmd of DONE */
#define REPLY_SELECT      0xC1
#define REPLY_INSERT_BULK 0xF0
#define REPLY_TRUNCATE    0xE3

struct reply_value;

struct reply {
	struct conn *c;
	bool in_procedure;
	bool holds; /* `held` is still to be written */
	struct done held;
	struct tds_columns columns;        /* of the result in work; borrowed from the engine */
	struct tds_columns given;          /* the client knows them as these */
	bool older;                        /* they are others */
	bool idle;                         /* there is no answer: it is an attention for nothing */
	bool reads;                        /* what comes is the request: no attention */
	bool cancelled;                    /* by an attention, or the client is gone */
	bool failed;                       /* an ERROR was written */
	int32_t status;                    /* of the procedure */
	const struct engine_param *params; /* of the call in work */
	uint32_t n_params;
	struct reply_value *values; /* output parameters, first to last */
	struct reply_value **last;
};

extern const struct engine_out reply_functions; /* arg: struct reply */

/* Begins the message. */
void reply_begin(struct reply *r, struct conn *c, bool in_procedure);
/* Writes what is held, with `more` to come or not. */
void reply_settle(struct reply *r, bool more);
/* Ends a call: its status, its output parameters, DONEPROC. */
void reply_end_procedure(struct reply *r);
/* Ends a message: the last DONE, or the one of an attention. False when the connection is broken.
 */
bool reply_end(struct reply *r);

void reply_error(struct reply *r, int32_t number, uint8_t severity, uint8_t state, const char *fmt,
	...) PRINTF(5, 6);

#endif
