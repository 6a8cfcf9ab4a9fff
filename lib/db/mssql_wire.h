/*
 * mssql_wire - requests to a SQL Server and its answers.
 *
 * The bytes of both are lib/tds's: exact, and the same for every end of a copy. Blocking;
 * belongs to one thread at a time. While it waits it looks at `cancel` and at the deadline
 * every second, and between tokens: then the server gets an attention, and what it has not
 * answered MSSQL_GRACE_MS later is left by closing the connection.
 */
#ifndef DB_MSSQL_WIRE_H
#define DB_MSSQL_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "db/mssql_login.h"
#include "tds/type.h"
#include "tds/value.h"

#define MSSQL_GRACE_MS      5000
#define MSSQL_ROW_MAX       (64u * 1024 * 1024) /* bytes of a row that mssql_wire_row can give */
#define MSSQL_TOKEN_MAX     (16u * 1024 * 1024) /* of any other token */
#define MSSQL_STATEMENT_MAX (4u * 1024 * 1024)  /* of a batch's text */

struct mssql_wire;

/* See mssql_login.h. */
MUST_CHECK int mssql_wire_open(const struct mssql_login *login, struct mssql_wire **ret_wire,
	enum mssql_layer *ret_layer, struct err *err);
void mssql_wire_close(struct mssql_wire *w); /* NULL is fine */
const struct mssql_peer *mssql_wire_peer(const struct mssql_wire *w);

/* False: it is closed, by the server, the network or a cancellation; open another. */
bool mssql_wire_alive(const struct mssql_wire *w);
bool mssql_wire_in_transaction(const struct mssql_wire *w);

/* Whose wish ends a request from now on; NULL: nobody's. Gives who it was. */
const atomic_bool *mssql_wire_cancel_by(struct mssql_wire *w, const atomic_bool *cancel);

struct mssql_param {
	const char *name; /* "@name" */
	struct tds_column column; /* its type */
	struct tds_value value;
};

/* Sends a batch, or a call of sp_executesql with its parameters. The answer to the one before must
 * have been read to its end. */
MUST_CHECK int mssql_wire_batch(struct mssql_wire *w, const char *sql, size_t len, struct err *err);
MUST_CHECK int mssql_wire_call(struct mssql_wire *w, const char *sql, size_t len,
	const struct mssql_param *params, size_t n, struct err *err);

enum mssql_event {
	MSSQL_END,     /* the answer is over */
	MSSQL_COLUMNS, /* a result begins: mssql_wire_columns */
	MSSQL_ROW,     /* mssql_wire_row */
	MSSQL_DONE,    /* a statement ended: mssql_wire_count */
};

/* What comes next. An error of the server is told at the end of its answer (which is read then), in
 * the meaning of mssql_error.h; ERR_CANCELLED, ERR_TIMED_OUT, ERR_NETWORK otherwise. */
MUST_CHECK int mssql_wire_next(struct mssql_wire *w, enum mssql_event *ret_event, struct err *err);

/* Until the next result begins. */
const struct tds_columns *mssql_wire_columns(const struct mssql_wire *w);
/* The last row, as tds/row.h has it; until the next event. */
const uint8_t *mssql_wire_row(const struct mssql_wire *w, size_t *ret_len);

/* Rows as they come, after MSSQL_COLUMNS: 1 and bytes of rows in `out`; `rows` ended in them, the last one
 * at `row_end`; the next call goes on behind them, and no more than max_rows end in them. 0: there are no more, mssql_wire_next says why. Whole
 * rows that are there are not waited for longer than it takes to read them. query_timeout holds for each
 * call. */
struct mssql_taken {
	size_t len, row_end;
	uint32_t rows;
};
MUST_CHECK int mssql_wire_take_rows(struct mssql_wire *w, uint8_t *out, size_t room,
	uint32_t max_rows, struct mssql_taken *ret_taken, struct err *err);

/* Bulk data (MS-TDS 2.2.6.1) behind an INSERT BULK that the server has taken: begin, the columns' token,
 * rows, end; the answer is read like any other. While they are written the server says nothing;
 * query_timeout holds for each part. Cancelled: ERR_CANCELLED, and the server was told to ignore it. */
MUST_CHECK int mssql_wire_bulk_begin(struct mssql_wire *w, struct err *err);
MUST_CHECK int mssql_wire_bulk_put(struct mssql_wire *w, const void *data, size_t len, struct err *err);
MUST_CHECK int mssql_wire_bulk_end(struct mssql_wire *w, struct err *err);
/* All that was sent is ignored, and the answer is read. */
void mssql_wire_bulk_ignore(struct mssql_wire *w);

/* Rows of the statement that ended; -1 where none are counted. */
int64_t mssql_wire_count(const struct mssql_wire *w);

/* The number of the error that the last answer has told; 0: none. */
int32_t mssql_wire_error(const struct mssql_wire *w);

/* Reads what is left of an answer and forgets it. (An attention would be faster, and under XACT_ABORT
 * ends the transaction.) */
void mssql_wire_drop(struct mssql_wire *w);

#endif
