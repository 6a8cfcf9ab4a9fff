/*
 * mssql_wire_private - what mssql_wire.c, which asks, and mssql_answer.c, which reads, share.
 */
#ifndef DB_MSSQL_WIRE_PRIVATE_H
#define DB_MSSQL_WIRE_PRIVATE_H

#include "base/arena.h"
#include "base/buf.h"
#include "db/mssql_wire.h"
#include "tds/expand.h"
#include "tds/scan.h"
#include "tds/token.h"

enum stop { STOP_NONE, STOP_CANCELLED, STOP_TIMED_OUT };

struct mssql_wire {
	struct mssql_login login;
	struct mssql_socket *socket;
	struct mssql_peer peer;
	uint8_t transaction[TDS_TRANSACTION_LEN]; /* its descriptor; zeros: there is none */

	/* of the request that runs */
	bool begun; /* a packet of the answer has come */
	bool writing; /* bulk data: there is nothing yet that an attention would end */
	enum stop stop;
	int64_t deadline;     /* monotonic ms; 0: none */
	int64_t attention_at; /* 0: none was sent */

	/* of its answer */
	struct arena arena;	    /* the error */
	struct arena token_arena;   /* the token that was read last */
	struct arena columns_arena; /* the result */
	struct mssql_heard heard;
	struct buf pending;         /* a token that a packet's end has cut */
	struct buf row;
	const uint8_t *row_data;
	size_t row_len;
	struct tds_columns columns;
	struct tds_plan *plan;
	struct tds_plan **plans; /* of each column by itself, for NBCROW */
	struct tds_expander *expander; /* once rows are taken as they come */
	int64_t count;
};

/* True: now for the first time somebody wants the request to stop. */
bool wire_begin_stop(struct mssql_wire *w);
/* query_timeout counts from here. */
void wire_extend_deadline(struct mssql_wire *w);
/* Says why a request was stopped. `heeded`: the server ended it. */
int wire_stop_error(const struct mssql_wire *w, bool heeded, struct err *err);
/* The connection is gone. What the server said before is the reason. */
int wire_lost(struct mssql_wire *w, struct err *err);
/* A message of the server; `arg` is the wire. */
void wire_hear(void *arg, const struct mssql_message *m);

/* Of the result that is read. */
void wire_free_plans(struct mssql_wire *w);

#endif
